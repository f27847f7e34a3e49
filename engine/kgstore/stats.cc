#include "kgstore/stats.h"

#include <sys/stat.h>

#include <algorithm>
#include <new>
#include <utility>

#include "base/status.h"
#include "kgstore/adjacency.h"
#include "kgstore/dictionary.h"
#include "kgstore/import_record.h"
#include "kgstore/model_record.h"
#include "kgstore/store.h"

namespace undula::kgstore {
namespace {

using internal::Table;
using internal::ViewState;

absl::StatusOr<TableStats> StatsOf(const ViewState& view, MDB_dbi table, std::string name) {
  MDB_stat stat;
  if (const int code = mdb_stat(view.txn(), table, &stat); code != 0) {
    return view.store().env().Error(code, "reading statistics");
  }
  const uint64_t pages = stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
  return TableStats{std::move(name), stat.ms_entries, pages * stat.ms_psize};
}

absl::Status ReadTables(const ViewState& view, DatabaseStats* stats) {
  for (int i = 0; i < internal::kTables; ++i) {
    const auto table = static_cast<Table>(i);
    const uint32_t generation = view.state().table_generation[static_cast<size_t>(i)];
    UNDULA_ASSIGN_OR_RETURN(
        stats->tables.emplace_back(),
        StatsOf(view, view.tables()[table], internal::TableName(table, generation)));
  }
  UNDULA_ASSIGN_OR_RETURN(stats->tables.emplace_back(),
                          StatsOf(view, view.store().meta(), std::string(internal::kMetaTable)));
  UNDULA_ASSIGN_OR_RETURN(
      stats->tables.emplace_back(),
      StatsOf(view, view.store().models(), std::string(internal::kModelsTable)));
  return absl::OkStatus();
}

absl::Status ReadDegrees(const ViewState& view, DatabaseStats* stats) {
  std::vector<bool> has_edges(stats->counts.entities);
  const auto read = [&](Table table, uint64_t* greatest) {
    return internal::AdjacencyReader(view, table).ForEachDegree([&](uint32_t a, uint64_t degree) {
      *greatest = std::max(*greatest, degree);
      if (a < has_edges.size()) has_edges[a] = true;
    });
  };
  UNDULA_RETURN_IF_ERROR(read(Table::kOut, &stats->max_out_degree));
  UNDULA_RETURN_IF_ERROR(read(Table::kIn, &stats->max_in_degree));
  stats->entities_without_edges =
      static_cast<uint64_t>(std::count(has_edges.begin(), has_edges.end(), false));
  return absl::OkStatus();
}

absl::Status ReadRelations(const ViewState& view, DatabaseStats* stats) {
  UNDULA_ASSIGN_OR_RETURN(const auto counts, internal::ReadRelationCounts(view));
  return internal::DictionaryReader(view, internal::Space::kRelation)
      .ForEach([&](uint32_t id, std::string_view name) {
        stats->relations.push_back({std::string(name), counts[id].triples, counts[id].attributes});
        return absl::OkStatus();
      });
}

}  // namespace

absl::StatusOr<DatabaseStats> ReadStats(const Database& database) {
  UNDULA_ASSIGN_OR_RETURN(const ReadView read_view, database.Read());
  const ViewState& view = read_view.state();
  DatabaseStats stats;
  stats.counts = view.state().counts;
  stats.format_version = internal::kFormatVersion;
  stats.generation = read_view.generation();
  stats.transaction = read_view.transaction();
  stats.id_space = read_view.id_space();
  stats.compact_dictionary = view.state().compact_dictionary;
  stats.page_bytes = view.store().env().page_bytes();
  struct stat info;
  if (stat(view.store().path().c_str(), &info) == 0) {
    stats.file_bytes = static_cast<uint64_t>(info.st_size);
  }
  try {
    UNDULA_RETURN_IF_ERROR(ReadRelations(view, &stats));
    UNDULA_RETURN_IF_ERROR(ReadDegrees(view, &stats));
    UNDULA_RETURN_IF_ERROR(ReadTables(view, &stats));
    UNDULA_ASSIGN_OR_RETURN(stats.imports, internal::ReadImportRecords(view));
    UNDULA_ASSIGN_OR_RETURN(const auto models, internal::ReadModelRecords(view));
    for (const internal::ModelRecord& model : models) {
      ModelInfo& entry = stats.models.emplace_back();
      entry.name = model.name;
      for (const internal::TensorRecord& tensor : model.tensors) entry.bytes += tensor.bytes;
    }
  } catch (const std::bad_alloc&) {
    return ResourceExhaustedError("out of memory for the statistics of ", database.path());
  }
  return stats;
}

}  // namespace undula::kgstore
