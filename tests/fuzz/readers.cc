// Importers of text and the formats of base.
#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_set>

#include "base/options.h"
#include "base/safetensors.h"
#include "base/status.h"
#include "kgstore/rdf_reader.h"
#include "kgstore/schema.h"
#include "kgstore/table_reader.h"
#include "kgstore/vector_file.h"
#include "targets.h"
#include "tests/kgstore/scanner_compare.h"

namespace undula::fuzz {
namespace {

using kgstore::OnError;

// Counts and checks what a sink may rely on.
class CheckingSink final : public kgstore::RecordSink {
 public:
  absl::Status AddTriple(const kgstore::Term& head, const kgstore::Term& relation,
                         const kgstore::Term& tail) override {
    Require(head.kind != kgstore::TermKind::kLiteral, "a head is no literal");
    Require(relation.kind == kgstore::TermKind::kIri, "a relation is an IRI");
    for (const kgstore::Term* term : {&head, &relation, &tail}) {
      Require(term->text.find('\0') == std::string_view::npos, "no NUL in a term");
      Require(term->datatype.empty() || term->language.empty(), "datatype or language");
    }
    ++records;
    return absl::OkStatus();
  }
  absl::Status AddQuad(const kgstore::Term& head, const kgstore::Term& relation,
                       const kgstore::Term& tail, const kgstore::Term& graph) override {
    Require(graph.kind != kgstore::TermKind::kLiteral, "a graph is no literal");
    Require(!graph.text.empty(), "a graph has a name");
    ++quads;
    return AddTriple(head, relation, tail);
  }
  absl::Status AddInteraction(std::string_view user, std::string_view item, float weight,
                              int64_t) override {
    Require(!user.empty() && !item.empty() && weight - weight == 0, "a whole interaction");
    ++records;
    return absl::OkStatus();
  }
  absl::Status AddItem(std::string_view item, std::span<const kgstore::ItemColumn>) override {
    Require(!item.empty(), "an item has a name");
    ++records;
    return absl::OkStatus();
  }
  absl::Status AddUser(std::string_view user, std::span<const kgstore::ItemColumn>) override {
    Require(!user.empty(), "a user has a name");
    ++records;
    return absl::OkStatus();
  }
  absl::Status AddSocial(std::string_view user, std::string_view other, float weight) override {
    Require(!user.empty() && !other.empty() && weight - weight == 0, "a whole edge");
    ++records;
    return absl::OkStatus();
  }
  absl::Status AddLink(std::string_view item, std::string_view entity, float confidence,
                       LinkMethod) override {
    Require(!item.empty() && !entity.empty() && confidence - confidence == 0, "a whole link");
    ++records;
    return absl::OkStatus();
  }
  int64_t records = 0, quads = 0;
};

// A document that passes under kStop gives the same records under kSkip, with none skipped.
template <class Read>
void StopAndSkip(Read&& read) {
  CheckingSink stop, skip;
  const auto stopped = read(OnError::kStop, stop);
  const auto skipped = read(OnError::kSkip, skip);
  if (!stopped.ok()) return;
  Require(skipped.ok(), "what passes under stop passes under skip");
  Require(skipped->skipped == 0 && stop.records == skip.records, "stop and skip agree");
}

void Rdf(Bytes input, kgstore::RdfSyntax syntax) {
  const MemoryFile file(input);
  const bool graphs = syntax == kgstore::RdfSyntax::kNQuads || syntax == kgstore::RdfSyntax::kTriG;
  kgstore::RdfOptions options;
  options.syntax = syntax;
  options.allow_empty = true;
  StopAndSkip([&](OnError on_error, kgstore::RecordSink& sink) {
    options.on_error = on_error;
    return kgstore::ReadRdf(file.path(), options, sink, nullptr);
  });
  CheckingSink kept, dropped;
  options.on_error = OnError::kSkip;
  const auto with = kgstore::ReadRdf(file.path(), options, kept, nullptr);
  Require(graphs || kept.quads == 0, "no graphs in this syntax");
  if (!graphs) return;
  options.drop_graphs = true;
  const auto without = kgstore::ReadRdf(file.path(), options, dropped, nullptr);
  Require(with.ok() == without.ok(), "dropping graphs changes no verdict");
  Require(kept.records == dropped.records && dropped.quads == 0, "graphs are dropped, not triples");
}

// Lines that the scanner takes are read by Serd as well.
void CompareLines(Bytes input, bool graphs) {
  while (!input.empty()) {
    const size_t end = std::min(input.find('\n'), input.size());
    const std::string difference =
        kgstore::CompareScannerWithSerd(input.substr(0, end), graphs, nullptr);
    Require(difference.empty(), difference.c_str());
    input.remove_prefix(std::min(end + 1, input.size()));
  }
}

void VectorFile(Bytes input, const kgstore::VectorFileOptions& options) {
  const MemoryFile file(input);
  const auto table = kgstore::ReadVectorFile(file.path(), options, nullptr);
  if (!table.ok()) return;
  Require(table->dim > 0 && !table->names.empty(), "rows and columns");
  Require(table->values.size() == table->names.size() * static_cast<size_t>(table->dim),
          "a row for each name");
  for (const float value : table->values) Require(value - value == 0, "finite values");
  const std::unordered_set<std::string_view> names(table->names.begin(), table->names.end());
  Require(names.size() == table->names.size(), "distinct names");
}

constexpr OptionField kNoFields[] = {OptionField{"x", OptionKind::kInt, 0, 0, 1, "", ""}};

}  // namespace

void Ntriples(Bytes input) {
  Rdf(input, kgstore::RdfSyntax::kNTriples);
  CompareLines(input, false);
}
void Nquads(Bytes input) {
  Rdf(input, kgstore::RdfSyntax::kNQuads);
  CompareLines(input, true);
}
void Turtle(Bytes input) { Rdf(input, kgstore::RdfSyntax::kTurtle); }
void Trig(Bytes input) { Rdf(input, kgstore::RdfSyntax::kTriG); }

void Table(Bytes input) {
  const size_t cut = input.find("---\n");
  if (cut == Bytes::npos) return;
  const auto schema = kgstore::ParseSchema(input.substr(0, cut), "schema");
  if (!schema.ok()) return;
  const MemoryFile file(input.substr(cut + 4));
  StopAndSkip([&](OnError on_error, kgstore::RecordSink& sink) {
    kgstore::TableOptions options;
    options.on_error = on_error;
    options.allow_empty = true;
    return kgstore::ReadTable(file.path(), *schema, options, sink, nullptr);
  });
}

void Npy(Bytes input) {
  kgstore::VectorFileOptions options;
  options.format = "npy";
  options.names_file = "rows";
  VectorFile(input, options);
}

void VectorText(Bytes input) {
  kgstore::VectorFileOptions options;
  options.format = "text";
  VectorFile(input, options);
}

void SchemaToml(Bytes input) { kgstore::ParseSchema(input, "schema").status().IgnoreError(); }

void OptionsToml(Bytes input) {
  constexpr std::string_view kSections[] = {"train", "model"};
  const MemoryFile file(input);
  const auto options = ReadOptionsFile(file.path(), kSections);
  if (!options.ok()) return;
  const OptionTable table{"train", kNoFields};
  int64_t x = 0;
  for (const auto& [section, values] : *options) {
    for (const auto& [key, value] : values) SetOption(table, &x, key, value).IgnoreError();
  }
}

void Safetensors(Bytes input) {
  const auto parsed = ParseSafetensors(input, "fuzz");
  if (!parsed.ok()) return;
  const std::string written = SerializeSafetensors(*parsed);
  const auto again = ParseSafetensors(written, "fuzz");
  Require(again.ok(), "what was written can be read");
  Require(SerializeSafetensors(*again) == written, "same map, same bytes");
}

}  // namespace undula::fuzz
