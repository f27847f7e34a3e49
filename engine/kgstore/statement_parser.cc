#include "kgstore/statement_parser.h"

#include <serd/serd.h>

#include <algorithm>
#include <charconv>
#include <cstdarg>
#include <cstdio>
#include <functional>
#include <map>
#include <vector>

#include "base/status.h"
#include "kgstore/iri.h"

namespace undula::kgstore {
namespace {

constexpr std::string_view kXsdString = "http://www.w3.org/2001/XMLSchema#string";

// Serd 0.30.16 counts n_chars wrongly for non-ASCII IRIs: only n_bytes is read here.
std::string_view Text(const SerdNode& node) {
  return {reinterpret_cast<const char*>(node.buf), node.n_bytes};
}
const uint8_t* Bytes(const char* text) { return reinterpret_cast<const uint8_t*>(text); }

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// A slice of Impl::arena.
struct Slice {
  size_t at = 0, size = 0;
};

struct StoredTerm {
  TermKind kind = TermKind::kIri;
  Slice text, datatype, language;
};

// Serd's message in one line of printable characters.
std::string Printable(std::string_view message) {
  while (!message.empty() && (message.back() == '\n' || message.back() == '.')) {
    message.remove_suffix(1);
  }
  std::string out;
  for (const char c : message) {
    if (c >= 0x20 && c < 0x7F) {
      out += c;
    } else {
      char code[8];
      std::snprintf(code, sizeof code, "\\x%02X", static_cast<unsigned char>(c));
      out += code;
    }
  }
  return out;
}

}  // namespace

struct StatementParser::Impl {
  RdfSyntax syntax;
  SerdReader* reader = nullptr;
  std::string blank_prefix;
  std::string base;
  std::map<std::string, std::string, std::less<>> prefixes;  // without ':'

  // Of the graph that stands around the statement (TriG); no text for the default graph.
  TermKind graph_kind = TermKind::kIri;
  std::string graph;

  // Of the text being parsed.
  std::string arena;
  std::vector<StoredTerm> terms;  // four a statement
  std::vector<Statement> statements;
  bool failed = false;
  bool has_position = false;
  unsigned line = 0, column = 0;  // as Serd counts
  std::string message;
  std::string offender;  // text in the statement that the message is about

  // Serd numbers nameless nodes from 1 in every reader.
  int64_t nameless_before = 0, nameless_seen = 0;

  ~Impl() { serd_reader_free(reader); }

  bool turtle() const { return syntax == RdfSyntax::kTurtle || syntax == RdfSyntax::kTriG; }

  void Restart() {
    serd_reader_free(reader);
    nameless_before += nameless_seen;
    nameless_seen = 0;
    const SerdSyntax serd = turtle()                       ? SERD_TURTLE
                            : syntax == RdfSyntax::kNQuads ? SERD_NQUADS
                                                           : SERD_NTRIPLES;
    reader = serd_reader_new(serd, this, nullptr, OnBase, OnPrefix, OnStatement, nullptr);
    serd_reader_set_strict(reader, true);
    serd_reader_set_error_sink(reader, OnSyntaxError, this);
  }

  SerdStatus Fail(std::string text, std::string_view about) {
    if (!failed) {
      failed = true;
      message = std::move(text);
      offender = about;
    }
    return SERD_ERR_BAD_SYNTAX;
  }

  Slice Store(std::string_view a, std::string_view b = {}) {
    const Slice slice{arena.size(), a.size() + b.size()};
    arena.append(a).append(b);
    return slice;
  }

  std::string_view View(Slice slice) const {
    return std::string_view(arena).substr(slice.at, slice.size);
  }

  bool FailRelative(std::string_view reference) {
    Fail(Concat("relative IRI <", reference,
                "> without a base; add @base <...> . to the file or "
                "give a base IRI"),
         reference);
    return false;
  }

  // An absolute IRI from a URI or a prefixed name.
  bool StoreIri(const SerdNode& node, Slice* out) {
    const std::string_view text = Text(node);
    if (node.type == SERD_CURIE) {
      const size_t colon = std::min(text.find(':'), text.size());
      const auto prefix = prefixes.find(text.substr(0, colon));
      if (colon == text.size() || prefix == prefixes.end()) {
        Fail(
            Concat("prefix '", text.substr(0, colon), ":' is not defined; declare it with @prefix ",
                   text.substr(0, colon), ": <...> ."),
            text.substr(0, colon + 1));
        return false;
      }
      *out = Store(prefix->second, text.substr(colon + 1));
    } else if (HasScheme(text)) {
      *out = Store(text);
    } else {
      if (base.empty()) return FailRelative(text);
      *out = Store(ResolveIri(base, text));
    }
    return true;
  }

  bool Absolute(std::string_view reference, std::string* out) {
    if (base.empty() && !HasScheme(reference)) return FailRelative(reference);
    *out = ResolveIri(base, reference);
    return true;
  }

  void StoreBlank(std::string_view label, Slice* out) {
    if (turtle() && label.size() >= 2) {
      if (label[0] == 'b' && IsDigit(label[1])) {  // nameless: Serd calls named ones B1
        int64_t number = 0;
        std::from_chars(label.data() + 1, label.data() + label.size(), number);
        nameless_seen = std::max(nameless_seen, number);
        *out = Store(blank_prefix, Concat('-', nameless_before + number));
        return;
      }
      // Undo Serd's b1 -> B1 and our B1 -> BB1 (TurtleSplitter::insertions).
      const size_t b = std::min(label.find_first_not_of('B'), label.size());
      if (b == 1 && IsDigit(label[1])) {
        *out = Store(Concat(blank_prefix, ".b"), label.substr(1));
        return;
      }
      if (b >= 2 && b < label.size() && IsDigit(label[b])) label.remove_prefix(1);
    }
    *out = Store(Concat(blank_prefix, '.'), label);
  }

  bool StoreTerm(const SerdNode& node, const SerdNode* datatype, const SerdNode* language) {
    StoredTerm& term = terms.emplace_back();
    switch (node.type) {
      case SERD_URI:
      case SERD_CURIE:
        return StoreIri(node, &term.text);
      case SERD_BLANK:
        term.kind = TermKind::kBlank;
        StoreBlank(Text(node), &term.text);
        return true;
      default:
        break;
    }
    term.kind = TermKind::kLiteral;
    term.text = Store(Text(node));
    if (language != nullptr) term.language = Store(Text(*language));
    if (datatype != nullptr) {
      if (!StoreIri(*datatype, &term.datatype)) return false;
      if (View(term.datatype) == kXsdString) term.datatype = {};  // RDF 1.1: the same term
    }
    return true;
  }

  static SerdStatus OnBase(void* handle, const SerdNode* uri) {
    Impl* self = static_cast<Impl*>(handle);
    return self->Absolute(Text(*uri), &self->base) ? SERD_SUCCESS : SERD_ERR_BAD_SYNTAX;
  }

  static SerdStatus OnPrefix(void* handle, const SerdNode* name, const SerdNode* uri) {
    Impl* self = static_cast<Impl*>(handle);
    std::string iri;
    if (!self->Absolute(Text(*uri), &iri)) return SERD_ERR_BAD_SYNTAX;
    self->prefixes.insert_or_assign(std::string(Text(*name)), std::move(iri));
    return SERD_SUCCESS;
  }

  bool StoreGraph(const SerdNode* graph_node) {
    if (graph_node != nullptr) return StoreTerm(*graph_node, nullptr, nullptr);
    StoredTerm& term = terms.emplace_back();
    term.kind = graph_kind;
    term.text = Store(graph);
    return true;
  }

  static SerdStatus OnStatement(void* handle, SerdStatementFlags, const SerdNode* graph_node,
                                const SerdNode* subject, const SerdNode* predicate,
                                const SerdNode* object, const SerdNode* datatype,
                                const SerdNode* language) {
    Impl* self = static_cast<Impl*>(handle);
    if (self->failed) return SERD_ERR_BAD_SYNTAX;
    const bool stored = self->StoreTerm(*subject, nullptr, nullptr) &&
                        self->StoreTerm(*predicate, nullptr, nullptr) &&
                        self->StoreTerm(*object, datatype, language) &&
                        self->StoreGraph(graph_node);
    return stored ? SERD_SUCCESS : SERD_ERR_BAD_SYNTAX;
  }

  // The arena moves while it grows, so the views are made at the end.
  void MakeStatements() {
    const auto term = [&](size_t i) {
      const StoredTerm& stored = terms[i];
      return Term{stored.kind, View(stored.text), View(stored.datatype), View(stored.language)};
    };
    for (size_t i = 0; i + 3 < terms.size(); i += 4) {
      statements.push_back({term(i), term(i + 1), term(i + 2), term(i + 3)});
    }
  }

  // Serd reports some errors and goes on, so that a report alone makes the statement bad; the
  // first one is the cause of those behind it.
  static SerdStatus OnSyntaxError(void* handle, const SerdError* error) {
    Impl* self = static_cast<Impl*>(handle);
    if (self->failed) return SERD_SUCCESS;
    char text[512];
    std::vsnprintf(text, sizeof text, error->fmt, *error->args);
    self->Fail(Printable(text), {});
    self->has_position = true;
    self->line = error->line;
    self->column = error->col;
    return SERD_SUCCESS;
  }

  // Serd counts columns from 1 in the first line and from 0 in the others.
  TextPosition FailurePosition(std::string_view text, TextPosition start) const {
    if (has_position) {
      if (line <= 1) return {start.line, start.column + std::max(0, static_cast<int>(column) - 1)};
      return {start.line + line - 1, static_cast<int64_t>(column) + 1};
    }
    size_t at = offender.empty() ? text.npos : text.find(offender);
    if (at == text.npos) at = std::min(text.find_first_not_of(" \t\r\n"), text.size());
    return Advance(start, text, at);
  }
};

StatementParser::StatementParser(RdfSyntax syntax, const std::string& base_iri,
                                 int64_t file_ordinal)
    : impl_(std::make_unique<Impl>()) {
  impl_->syntax = syntax;
  impl_->blank_prefix = Concat('f', file_ordinal);
  impl_->base = base_iri;
  impl_->Restart();
}

StatementParser::~StatementParser() = default;

bool StatementParser::Parse(char* text, size_t size, TextPosition start, Failure* failure) {
  Impl& impl = *impl_;
  impl.arena.clear();
  impl.terms.clear();
  impl.statements.clear();
  impl.failed = impl.has_position = false;

  const char behind = text[size];
  text[size] = '\0';
  const SerdStatus status = serd_reader_read_string(impl.reader, Bytes(text));
  text[size] = behind;
  if (status > SERD_FAILURE && !impl.failed) {
    impl.Fail(Concat("not a valid statement (",
                     Printable(reinterpret_cast<const char*>(serd_strerror(status))), ")"),
              {});
  }
  if (!impl.failed) {
    impl.MakeStatements();
    return true;
  }

  failure->position = impl.FailurePosition({text, size}, start);
  failure->message = impl.message;
  impl.terms.clear();
  impl.Restart();  // Serd leaves the terms of a bad statement on its stack
  return false;
}

const std::vector<Statement>& StatementParser::statements() const { return impl_->statements; }

bool StatementParser::SetGraph(std::string_view name, TextPosition start, Failure* failure) {
  Impl& impl = *impl_;
  if (name.empty()) {
    impl.graph.clear();
    impl.graph_kind = TermKind::kIri;
    return true;
  }
  // Serd reads the name as the subject of a statement.
  const std::string_view rest = " <u:p> <u:o> .";
  std::string text = Concat(name, rest);
  impl.graph.clear();
  impl.graph_kind = TermKind::kIri;
  if (!Parse(text.data(), text.size(), start, failure)) return false;
  if (impl.statements.size() != 1) {
    *failure = {start, "expected the name of a graph: <IRI>, prefixed name, _:label or []"};
    return false;
  }
  const Term& head = impl.statements[0].head;
  impl.graph_kind = head.kind;
  impl.graph.assign(head.text);
  return true;
}

}  // namespace undula::kgstore
