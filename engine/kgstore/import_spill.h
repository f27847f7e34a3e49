// What an import has collected beyond its memory, in temporary files: runs of records with the
// provisional ids of their run, and the names of all runs.
#ifndef UNDULA_KGSTORE_IMPORT_SPILL_H_
#define UNDULA_KGSTORE_IMPORT_SPILL_H_

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "kgstore/import_data.h"
#include "kgstore/spill_file.h"
#include "kgstore/text_sorter.h"

namespace undula::kgstore::internal {

// Entities, relations, literals: the first of Space. Names of users and items stay in memory.
inline constexpr int kSpilledSpaces = 3;

// The names that a part of an import met first after some place in the order of reading.
struct Segment {
  uint64_t order;
  std::array<uint32_t, kSpilledSpaces> first;
};

// A name of a run as it is sorted: by (space, hash, text), then first appearance.
struct SpilledTerm {
  Space space;
  uint64_t hash;
  std::string_view text;
  // (order, run, id) ascending is the order of first appearance in the import; (run, id) is the
  // provisional id.
  uint64_t order;
  uint32_t run, id;
  uint32_t degree;  // of entities: triples of the run as read that name it
};
void EncodeSpilledTerm(const SpilledTerm& term, std::string* out);
// Refers to `record`.
SpilledTerm DecodeSpilledTerm(std::string_view record);

// A label of an entity, or a number, of a run's attribute.
struct SpilledNumber {
  uint64_t number;
  uint32_t relation, literal;  // provisional
};

struct SpilledRun {
  bool main = false;  // of the part that also takes links
  std::array<uint32_t, kSpilledSpaces> names{};
  struct Range {
    uint64_t offset = 0, bytes = 0;
  };
  Range triples, attributes, quads, numbers;
  Range labels;          // u32 entity, u32 size, normalized label
  size_t links_end = 0;  // of the main part: ImportData::links before it name this run's entities
};

class ImportSpill {
 public:
  // `memory`: the bound that the user gave.
  ImportSpill(std::string folder, uint64_t memory);

  // An eighth of the memory: what each of the parts of the work may take.
  uint64_t share() const { return memory_ / 8; }
  uint64_t memory() const { return memory_; }
  const std::string& folder() const { return folder_; }

  // Moves the names of the first spaces and the records of the graph out of *data. Calls may
  // overlap; those for one part come in the order of reading. May throw std::bad_alloc.
  absl::Status AddRun(const std::vector<Segment>& segments, bool main, ImportData* data);

  // From here on one thread, after the last AddRun.
  const std::vector<SpilledRun>& runs() const { return runs_; }
  const SpillFile& triples() const { return triples_; }
  const SpillFile& attributes() const { return attributes_; }
  const SpillFile& quads() const { return quads_; }
  const SpillFile& numbers() const { return numbers_; }
  const SpillFile& labels() const { return labels_; }
  uint64_t text_bytes() const { return text_bytes_; }  // of all names, and 8 for each
  bool has_triples() const { return has_triples_; }    // of any graph
  bool has_attributes() const { return has_attributes_; }
  // Of SpilledTerm records; to be finished and read once.
  std::optional<TextSorter>& terms() { return terms_; }

 private:
  absl::Status AddTerms(const std::vector<Segment>& segments, const std::vector<uint32_t>& degree,
                        uint32_t run, const ImportData& data);

  const std::string folder_;
  const uint64_t memory_;
  std::mutex mutex_;
  std::vector<SpilledRun> runs_;
  SpillFile triples_, attributes_, quads_, numbers_, labels_;
  std::optional<TextSorter> terms_;
  uint64_t text_bytes_ = 0;
  bool has_triples_ = false, has_attributes_ = false;
};

// Bytes that the graph's records and names take in memory, about.
uint64_t GraphBytes(const ImportData& data);
// The same of what is never spilled: interactions, catalogues, social edges, links and their names.
uint64_t RowBytes(const ImportData& data);

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_IMPORT_SPILL_H_
