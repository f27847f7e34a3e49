// Records as importers produce them, and the sink that takes them. Readers (RDF, delimited text)
// know nothing of storage; kgstore/importer.h implements the sink over the database.
#ifndef UNDULA_KGSTORE_SINKS_H_
#define UNDULA_KGSTORE_SINKS_H_

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "base/csr.h"
#include "base/parallel.h"
#include "base/status.h"

namespace undula::kgstore {

enum class TermKind : uint8_t { kIri = 0, kBlank = 1, kLiteral = 2 };

// One RDF term, or a bare entity or relation name of a text format (kIri, text as it stands).
// Views are valid during the call only.
struct Term {
  TermKind kind = TermKind::kIri;
  std::string_view text;      // IRI without brackets, blank node label without "_:", lexical form
  std::string_view datatype;  // of literals: IRI, empty for plain strings
  std::string_view language;  // of literals: tag, empty for none
};

// A triple and its graph; without a text the default graph.
struct Statement {
  Term head, relation, tail, graph;
  bool in_default_graph() const { return graph.text.empty() && graph.kind == TermKind::kIri; }
};

// One column of a catalogue row, e.g. {"title", "Alien"}, {"imdb", "tt0078748"}.
using ItemColumn = std::pair<std::string_view, std::string_view>;

// Takes the statements of one document from several threads. The result does not depend on which
// worker takes which chunk.
class ParallelSink {
 public:
  virtual ~ParallelSink() = default;
  // Where the workers run; their number is that of its threads.
  virtual TaskArena& arena() = 0;
  // What follows from this worker belongs to chunk `ordinal` of the document: 0, 1, ..., ascending
  // for each worker, none used twice.
  virtual void BeginChunk(int worker, uint64_t ordinal) = 0;
  // Calls of different workers may overlap.
  virtual absl::Status AddStatements(int worker, std::span<const Statement> statements) = 0;
  // After the last chunk of a document, from one thread.
  virtual void EndDocument() = 0;
};

// Takes records. Errors are the sink's (disk, limits, cancelled) and end the import; what is wrong
// with a record's own text is found by the reader, which knows file:line:column.
class RecordSink {
 public:
  virtual ~RecordSink() = default;
  // head: kIri or kBlank; relation: kIri; tail: any (a literal tail becomes an attribute).
  virtual absl::Status AddTriple(const Term& head, const Term& relation, const Term& tail) = 0;
  // A triple of a named graph (kIri or kBlank); AddTriple's are of the default graph.
  virtual absl::Status AddQuad(const Term& head, const Term& relation, const Term& tail,
                               const Term& graph) = 0;
  // Many at once, in their order.
  virtual absl::Status AddStatements(std::span<const Statement> statements) {
    for (const Statement& s : statements) {
      UNDULA_RETURN_IF_ERROR(s.in_default_graph() ? AddTriple(s.head, s.relation, s.tail)
                                                  : AddQuad(s.head, s.relation, s.tail, s.graph));
    }
    return absl::OkStatus();
  }
  // Not null where the sink can take a document from several threads.
  virtual ParallelSink* parallel() { return nullptr; }
  // time: seconds since 1970-01-01 UTC, 0 for none. The same (user, item, time) twice keeps the
  // later weight.
  virtual absl::Status AddInteraction(std::string_view user, std::string_view item, float weight,
                                      int64_t time) = 0;
  // A catalogue row: declares the item and stores its columns (replacing those of the same name).
  virtual absl::Status AddItem(std::string_view item, std::span<const ItemColumn> columns) = 0;
  // The same for a user.
  virtual absl::Status AddUser(std::string_view user, std::span<const ItemColumn> columns) = 0;
  // A directed edge between users; weight: finite. The same pair twice keeps the later weight.
  virtual absl::Status AddSocial(std::string_view user, std::string_view other, float weight) = 0;
  virtual absl::Status AddLink(std::string_view item, std::string_view entity, float confidence,
                               LinkMethod method) = 0;
};

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_SINKS_H_
