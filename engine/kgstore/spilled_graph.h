// Names and graph of an import that did not fit into memory -> tables of the next generation.
#ifndef UNDULA_KGSTORE_SPILLED_GRAPH_H_
#define UNDULA_KGSTORE_SPILLED_GRAPH_H_

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/progress.h"
#include "kgstore/external_sort.h"
#include "kgstore/generation_writer.h"
#include "kgstore/import_data.h"
#include "kgstore/import_spill.h"
#include "kgstore/number_key.h"

namespace undula::kgstore::internal {

// The calls come in this order. Each space gets the ids that ResolveIds would give it. Not
// thread-safe. May throw std::bad_alloc.
//
// Names: the sorted names of all runs -> one record for each distinct name, with its provisional
// ids (run, id); new ones are sorted by (degree, first appearance), which numbers them, and the
// provisional ids are sorted back to (run, id) -> final id. Records: translated run by run, sorted
// anew for each order of a table.
class SpilledGraph {
 public:
  using Each = std::function<void(uint32_t a, uint32_t b, uint32_t c)>;

  // `spill` has runs.
  SpilledGraph(ImportSpill* spill, GenerationWriter* writer, Progress* progress)
      : spill_(*spill), writer_(*writer), progress_(progress) {}

  // Looks all names up. ResourceExhausted beyond kMaxIds.
  absl::Status Resolve();
  uint32_t fresh(Space space) const { return fresh_count_[static_cast<size_t>(space)]; }
  // Each of the spilled spaces, in their order. The tables exist where there are new names.
  absl::Status WriteNames(Space space);
  // Also gives the links their final entities.
  absl::Status Translate(std::vector<LinkRecord>* links);
  // Where the tables exist. Sets the counts of labels, numbers and quads.
  absl::Status WriteLabels();
  absl::Status WriteNumbers();
  absl::Status WriteGraphs();
  // Where the tables exist; each(...) for every triple of by_relation, every attribute. They return
  // the number of all.
  absl::StatusOr<uint64_t> WriteTriples(const Each& each);
  absl::StatusOr<uint64_t> WriteAttributes(const Each& each);

 private:
  class FreshNames;
  using TripleSorter = ExternalSorter<Triple>;

  void Make(std::optional<TripleSorter>* sorter) const {
    sorter->emplace(spill_.folder(), spill_.share());
  }
  absl::Status Report(uint64_t done, uint64_t total, std::string_view what) const;
  absl::Status AddName(const std::string& members, const SpilledTerm& first);
  template <class T, class F>
  absl::Status ForEach(const SpillFile& file, SpilledRun::Range range, F&& f) const;
  absl::Status ForEachLabel(SpilledRun::Range range,
                            const std::function<absl::Status(uint32_t, std::string_view)>& f) const;
  absl::Status TranslateRun(const SpilledRun& run);

  ImportSpill& spill_;
  GenerationWriter& writer_;
  Progress* progress_;
  std::array<uint32_t, kSpilledSpaces> fresh_count_{};
  std::optional<TextSorter> fresh_;                               // new names in the order of ids
  std::array<std::optional<TripleSorter>, kSpilledSpaces> ids_;   // (run, provisional, final)
  std::array<std::vector<uint32_t>, kSpilledSpaces> final_;       // of the run at hand
  std::optional<TripleSorter> triples_, attributes_;              // of all graphs
  std::optional<TripleSorter> plain_triples_, plain_attributes_;  // of the default graph
  std::optional<ExternalSorter<Quad>> quads_;
  std::optional<ExternalSorter<NumberEntry>> numbers_;
  std::optional<TextSorter> labels_;
};

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_SPILLED_GRAPH_H_
