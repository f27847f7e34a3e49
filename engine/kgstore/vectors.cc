#include "kgstore/vectors.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "base/status.h"
#include "kgstore/read_view.h"

namespace undula::kgstore {
namespace {

constexpr std::string_view kSpaces[] = {"entities", "items", "users", "relations"};
constexpr std::string_view kKind = "vectors";
constexpr size_t kShownNames = 10;

std::string Get(const std::map<std::string, std::string>& metadata, const std::string& key) {
  const auto it = metadata.find(key);
  return it == metadata.end() ? std::string() : it->second;
}

// The id of a name, kNoIndex where the database does not have it.
absl::StatusOr<uint32_t> FindId(const ReadView& view, VectorSpace space, std::string_view name) {
  switch (space) {
    case VectorSpace::kEntities: {
      UNDULA_ASSIGN_OR_RETURN(const EntityId id, view.FindEntity(name));
      return Index(id);
    }
    case VectorSpace::kItems: {
      UNDULA_ASSIGN_OR_RETURN(const ItemId id, view.FindItem(name));
      return Index(id);
    }
    case VectorSpace::kUsers: {
      UNDULA_ASSIGN_OR_RETURN(const UserId id, view.FindUser(name));
      return Index(id);
    }
    case VectorSpace::kRelations: {
      UNDULA_ASSIGN_OR_RETURN(const RelationId id, view.FindRelation(name));
      return Index(id);
    }
  }
  return InternalError("no such space of vectors");
}

bool HasRows(const NamedTensor* ids, const NamedTensor* values) {
  return ids != nullptr && values != nullptr && ids->dtype == DType::kU32 &&
         values->dtype == DType::kF32 && ids->shape.size() == 1 && values->shape.size() == 2 &&
         ids->shape[0] == values->shape[0];
}

TensorMap MakeRecord(const Vectors& vectors, int64_t unknown, uint64_t id_space) {
  const auto count = static_cast<int64_t>(vectors.ids.size());
  TensorMap map;
  map.tensors["ids"] = MakeTensor({count}, vectors.ids.data());
  map.tensors["vectors"] = MakeTensor({count, vectors.dim}, vectors.values.data());
  map.metadata = {{"kind", std::string(kKind)},
                  {"family", std::string(kKind)},
                  {"space", std::string(SpaceName(vectors.space))},
                  {"count", std::to_string(count)},
                  {"dim", std::to_string(vectors.dim)},
                  {"unknown", std::to_string(unknown)},
                  {"source", vectors.source},
                  {"id_space", std::to_string(id_space)}};
  return map;
}

}  // namespace

absl::StatusOr<VectorSpace> ParseVectorSpace(std::string_view name) {
  for (size_t i = 0; i < std::size(kSpaces); ++i) {
    if (name == kSpaces[i]) return static_cast<VectorSpace>(i);
  }
  return InvalidArgumentError("vectors belong to entities, items, users or relations, not to '",
                              name, "'");
}

std::string_view SpaceName(VectorSpace space) { return kSpaces[static_cast<size_t>(space)]; }

absl::Status CheckVectorsName(const ModelSink& sink, std::string_view name) {
  UNDULA_ASSIGN_OR_RETURN(const std::vector<std::string> names, sink.List());
  if (std::find(names.begin(), names.end(), name) != names.end()) {
    UNDULA_ASSIGN_OR_RETURN(const auto metadata, sink.Metadata(name));
    if (Get(metadata, "kind") != kKind) {
      return FailedPreconditionError("'", name,
                                     "' is a trained model; store the vectors under "
                                     "another name");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<VectorReport> StoreVectors(const Database& database, ModelSink& sink,
                                          std::string_view name, VectorSpace space,
                                          const VectorTable& table, std::string_view source) {
  UNDULA_RETURN_IF_ERROR(CheckVectorsName(sink, name));
  UNDULA_ASSIGN_OR_RETURN(const ReadView view, database.Read());
  VectorReport report;
  std::vector<std::pair<uint32_t, size_t>> rows;  // id, row of the table
  for (size_t row = 0; row < table.names.size(); ++row) {
    UNDULA_ASSIGN_OR_RETURN(const uint32_t id, FindId(view, space, table.names[row]));
    if (id != kNoIndex) {
      rows.emplace_back(id, row);
      continue;
    }
    ++report.unknown;
    if (report.unknown_names.size() < kShownNames) report.unknown_names.push_back(table.names[row]);
  }
  if (rows.empty()) {
    return NotFoundError("the database has none of the ", report.unknown, " names of ", source,
                         " among its ", SpaceName(space), " (the first: '", table.names[0],
                         "'); import these first, or name another space or prefix");
  }
  std::sort(rows.begin(), rows.end());
  report.stored = static_cast<int64_t>(rows.size());
  const auto dim = static_cast<size_t>(table.dim);
  Vectors vectors{.space = space, .dim = table.dim, .source = std::string(source)};
  vectors.ids.resize(rows.size());
  vectors.values.resize(rows.size() * dim);
  for (size_t i = 0; i < rows.size(); ++i) {
    vectors.ids[i] = rows[i].first;
    std::copy_n(table.values.begin() + static_cast<int64_t>(rows[i].second * dim), dim,
                vectors.values.begin() + static_cast<int64_t>(i * dim));
  }
  UNDULA_RETURN_IF_ERROR(sink.Put(name, MakeRecord(vectors, report.unknown, view.id_space())));
  return report;
}

absl::Status PutVectors(const Database& database, ModelSink& sink, std::string_view name,
                        const Vectors& vectors) {
  UNDULA_RETURN_IF_ERROR(CheckVectorsName(sink, name));
  UNDULA_ASSIGN_OR_RETURN(const ReadView view, database.Read());
  return sink.Put(name, MakeRecord(vectors, 0, view.id_space()));
}

absl::StatusOr<Vectors> ReadVectors(const Database& database, const ModelSink& sink,
                                    std::string_view name) {
  UNDULA_ASSIGN_OR_RETURN(const TensorMap map, sink.Get(name));
  if (Get(map.metadata, "kind") != kKind) {
    return InvalidArgumentError("'", name, "' is a trained model, not a record of vectors");
  }
  {
    UNDULA_ASSIGN_OR_RETURN(const ReadView view, database.Read());
    if (Get(map.metadata, "id_space") != std::to_string(view.id_space())) {
      return FailedPreconditionError("the vectors '", name,
                                     "' belong to another id space; import "
                                     "them again");
    }
  }
  Vectors vectors;
  UNDULA_ASSIGN_OR_RETURN(vectors.space, ParseVectorSpace(Get(map.metadata, "space")));
  vectors.source = Get(map.metadata, "source");
  const NamedTensor* ids = map.Find("ids");
  const NamedTensor* values = map.Find("vectors");
  if (!HasRows(ids, values)) {
    return DataLossError("the vectors '", name, "' are damaged; import them again");
  }
  vectors.dim = values->shape[1];
  vectors.ids.assign(ids->data<uint32_t>(), ids->data<uint32_t>() + ids->size());
  vectors.values.assign(values->data<float>(), values->data<float>() + values->size());
  return vectors;
}

bool IsVectors(const TensorMap& record) { return Get(record.metadata, "kind") == kKind; }

std::vector<uint32_t> EntitiesOfVectors(const TensorMap& record) {
  const NamedTensor* ids = record.Find("ids");
  if (!IsVectors(record) || Get(record.metadata, "space") != SpaceName(VectorSpace::kEntities) ||
      ids == nullptr || ids->dtype != DType::kU32) {
    return {};
  }
  return {ids->data<uint32_t>(), ids->data<uint32_t>() + ids->size()};
}

absl::Status RenumberVectors(std::span<const uint32_t> new_entity, TensorMap* record) {
  if (Get(record->metadata, "space") != SpaceName(VectorSpace::kEntities)) return absl::OkStatus();
  const NamedTensor* ids = record->Find("ids");
  const NamedTensor* values = record->Find("vectors");
  bool ok = HasRows(ids, values);
  std::vector<std::pair<uint32_t, int64_t>> rows;  // new id, old row
  for (int64_t row = 0; ok && row < ids->size(); ++row) {
    const uint32_t id = ids->data<uint32_t>()[row];
    ok = id < new_entity.size() && new_entity[id] != kNoIndex;
    if (ok) rows.emplace_back(new_entity[id], row);
  }
  if (!ok) return DataLossError("stored vectors are damaged; remove them and import them again");
  std::sort(rows.begin(), rows.end());
  NamedTensor new_ids = *ids, new_values = *values;
  const int64_t dim = values->shape[1];
  for (size_t i = 0; i < rows.size(); ++i) {
    new_ids.data<uint32_t>()[i] = rows[i].first;
    std::copy_n(values->data<float>() + rows[i].second * dim, dim,
                new_values.data<float>() + static_cast<int64_t>(i) * dim);
  }
  record->tensors["ids"] = std::move(new_ids);
  record->tensors["vectors"] = std::move(new_values);
  return absl::OkStatus();
}

}  // namespace undula::kgstore
