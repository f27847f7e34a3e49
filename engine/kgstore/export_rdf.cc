#include "kgstore/export_rdf.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"

namespace undula::kgstore {
namespace {

constexpr std::string_view kType = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>";
constexpr size_t kFlushBytes = size_t{1} << 16;
constexpr size_t kMaxPrefixes = 30;
constexpr uint64_t kPrefixUses = 3;  // fewer names do not deserve a prefix

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool HasScheme(std::string_view name) {
  for (size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if (c == ':') return i > 0;
    if (!IsLetter(c) && (i == 0 || !(IsDigit(c) || c == '+' || c == '-' || c == '.'))) return false;
  }
  return false;
}

// An N-Triples term. Characters that no IRI may have are percent-encoded: they come from text
// formats only.
std::string NameTerm(std::string_view name) {
  if (name.substr(0, 2) == "_:") return std::string(name);
  std::string out = HasScheme(name) ? "<" : "<urn:undula:";
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || std::string_view("<>\"{}|^`\\").find(c) != std::string_view::npos) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "%%%02X", byte);
      out += escape;
    } else {
      out.push_back(c);
    }
  }
  out.push_back('>');
  return out;
}

void AppendLiteral(const Literal& literal, std::string* out) {
  out->push_back('"');
  for (const char c : literal.text) {
    if (c == '"' || c == '\\') out->push_back('\\');
    if (c == '\n') {
      *out += "\\n";
    } else if (c == '\r') {
      *out += "\\r";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04X", static_cast<unsigned char>(c));
      *out += escape;
    } else {
      out->push_back(c);
    }
  }
  out->push_back('"');
  if (!literal.language.empty()) {
    *out += "@" + literal.language;
  } else if (!literal.datatype.empty()) {
    *out += "^^" + NameTerm(literal.datatype);
  }
}

// Where the part of an IRI term that a prefix stands for ends: behind the last '#' or '/'. 0 where
// the rest is no plain local name, or the term no IRI.
size_t NamespaceEnd(std::string_view term) {
  if (term.empty() || term[0] != '<') return 0;
  const size_t cut = term.find_last_of("#/");
  if (cut == std::string_view::npos || cut + 2 >= term.size()) return 0;
  for (size_t i = cut + 1; i + 1 < term.size(); ++i) {
    const char c = term[i];
    const bool first = i == cut + 1;
    if (!IsLetter(c) && !IsDigit(c) && c != '_' && (first || c != '-')) return 0;
  }
  return cut + 1;
}

class Writer {
 public:
  Writer(const ReadView& view, RdfOutput output,
         const std::function<absl::Status(std::string_view)>& write, Progress* progress)
      : view_(view), output_(output), write_(write), progress_(progress) {}

  absl::StatusOr<int64_t> Run();

 private:
  void ChoosePrefixes();
  std::string Shortened(const std::string& term) const;
  absl::Status Flush(size_t limit);
  absl::Status Head(uint32_t head);
  // One (relation, tail) of a head, with its graphs where they are written.
  absl::Status Statement(uint32_t head, RelationId relation, std::string_view tail,
                         const absl::StatusOr<std::vector<EntityId>>& graphs);

  const ReadView& view_;
  RdfOutput output_;
  const std::function<absl::Status(std::string_view)>& write_;
  Progress* progress_;
  std::vector<std::string> entities_, relations_;
  std::map<std::string, std::string, std::less<>> prefix_of_;
  std::string buffer_;
  bool open_ = false;  // a head of Turtle has statements
  RelationId last_relation_{};
  int64_t count_ = 0;
};

absl::StatusOr<int64_t> Writer::Run() {
  for (uint32_t r = 0; r < view_.counts().relations; ++r) {
    UNDULA_ASSIGN_OR_RETURN(const std::string name, view_.RelationName(RelationId{r}));
    relations_.push_back(NameTerm(name));
  }
  UNDULA_RETURN_IF_ERROR(view_.ForEachEntityName(
      [&](EntityId, std::string_view name) { entities_.push_back(NameTerm(name)); }));
  if (output_ == RdfOutput::kTurtle) ChoosePrefixes();
  const auto total = static_cast<uint32_t>(entities_.size());
  for (uint32_t e = 0; e < total; ++e) {
    UNDULA_RETURN_IF_ERROR(Head(e));
    UNDULA_RETURN_IF_ERROR(Flush(kFlushBytes));
    if (e % 1024 == 0) UNDULA_RETURN_IF_ERROR(Progress::Report(progress_, e, total, "exporting"));
  }
  UNDULA_RETURN_IF_ERROR(Flush(0));
  UNDULA_RETURN_IF_ERROR(Progress::Report(progress_, total, total, "exported"));
  return count_;
}

void Writer::ChoosePrefixes() {
  constexpr std::pair<const char*, const char*> kKnown[] = {
      {"<http://www.w3.org/1999/02/22-rdf-syntax-ns#", "rdf"},
      {"<http://www.w3.org/2000/01/rdf-schema#", "rdfs"},
      {"<http://www.w3.org/2002/07/owl#", "owl"},
      {"<http://www.w3.org/2004/02/skos/core#", "skos"},
      {"<http://xmlns.com/foaf/0.1/", "foaf"},
      {"<http://schema.org/", "schema"},
      {"<http://www.wikidata.org/entity/", "wd"},
      {"<http://dbpedia.org/resource/", "dbr"},
      {"<http://dbpedia.org/ontology/", "dbo"},
  };
  std::map<std::string, uint64_t, std::less<>> uses;
  for (const auto* names : {&relations_, &entities_}) {
    for (const std::string& term : *names) {
      const size_t end = NamespaceEnd(term);
      if (end == 0) continue;
      const auto it = uses.find(std::string_view(term).substr(0, end));
      if (it != uses.end()) {
        ++it->second;
      } else if (uses.size() < 100000) {
        uses.emplace(term.substr(0, end), 1);
      }
    }
  }
  std::vector<std::pair<uint64_t, std::string>> most;
  for (const auto& [space, n] : uses) {
    if (n >= kPrefixUses) most.emplace_back(n, space);
  }
  std::sort(most.begin(), most.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  if (most.size() > kMaxPrefixes) most.resize(kMaxPrefixes);
  int number = 0;
  for (const auto& entry : most) {
    const std::string& space = entry.second;
    const auto known = std::find_if(std::begin(kKnown), std::end(kKnown),
                                    [&](const auto& k) { return space == k.first; });
    const std::string name = known != std::end(kKnown) ? known->second : Concat("ns", ++number);
    prefix_of_[space] = name;
    buffer_ += Concat("@prefix ", name, ": ", space, "> .\n");
  }
  for (auto* names : {&relations_, &entities_}) {
    for (std::string& term : *names) term = Shortened(term);
  }
}

std::string Writer::Shortened(const std::string& term) const {
  const size_t end = NamespaceEnd(term);
  const auto it =
      end == 0 ? prefix_of_.end() : prefix_of_.find(std::string_view(term).substr(0, end));
  if (it == prefix_of_.end()) return term;
  return Concat(it->second, ':', std::string_view(term).substr(end, term.size() - end - 1));
}

absl::Status Writer::Flush(size_t limit) {
  if (buffer_.size() <= limit) return absl::OkStatus();
  const absl::Status status = write_(buffer_);
  buffer_.clear();
  return status;
}

absl::Status Writer::Head(uint32_t head) {
  const EntityId id{head};
  const bool quads = output_ == RdfOutput::kNQuads && view_.counts().quads > 0;
  const absl::StatusOr<std::vector<EntityId>> none(std::vector<EntityId>{kNone<EntityId>});
  absl::Status status;
  UNDULA_RETURN_IF_ERROR(view_.ForEachOutEdge(id, [&](RelationId relation, EntityId tail) {
    if (!status.ok()) return;
    status = Statement(head, relation, entities_[Index(tail)],
                       quads ? view_.Graphs(id, relation, tail) : none);
  }));
  UNDULA_RETURN_IF_ERROR(status);
  UNDULA_ASSIGN_OR_RETURN(const std::vector<Attribute> attributes, view_.Attributes(id));
  std::string text;
  for (const Attribute& a : attributes) {
    UNDULA_ASSIGN_OR_RETURN(const Literal literal, view_.GetLiteral(a.literal));
    text.clear();
    AppendLiteral(literal, &text);
    UNDULA_RETURN_IF_ERROR(
        Statement(head, a.relation, text, quads ? view_.Graphs(id, a.relation, a.literal) : none));
  }
  if (open_) buffer_ += " .\n";
  open_ = false;
  return absl::OkStatus();
}

absl::Status Writer::Statement(uint32_t head, RelationId relation, std::string_view tail,
                               const absl::StatusOr<std::vector<EntityId>>& graphs) {
  UNDULA_RETURN_IF_ERROR(graphs.status());
  const std::string& name = relations_[Index(relation)];
  if (output_ == RdfOutput::kTurtle) {
    ++count_;
    if (open_ && relation == last_relation_) {
      buffer_ += Concat(" , ", tail);
    } else {
      const bool type = name == kType || name == "rdf:type";
      buffer_ += open_ ? std::string(" ;\n    ") : Concat(entities_[head], ' ');
      buffer_ += Concat(type ? std::string_view("a") : std::string_view(name), ' ', tail);
    }
    open_ = true;
    last_relation_ = relation;
    return absl::OkStatus();
  }
  for (const EntityId graph : *graphs) {
    ++count_;
    buffer_ += Concat(entities_[head], ' ', name, ' ', tail);
    if (graph != kNone<EntityId>) buffer_ += Concat(' ', entities_[Index(graph)]);
    buffer_ += " .\n";
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<int64_t> ExportRdf(const ReadView& view, RdfOutput output,
                                  const std::function<absl::Status(std::string_view)>& write,
                                  Progress* progress) {
  return Writer(view, output, write, progress).Run();
}

}  // namespace undula::kgstore
