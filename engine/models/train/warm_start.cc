#include "models/train/warm_start.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <vector>

#include "base/status.h"
#include "models/data/item_rows.h"
#include "models/train/new_rows.h"

namespace undula::models {
namespace {

// Rows of a table: where each of the old ones is now.
using RowMap = std::vector<uint32_t>;

std::string_view OwnersOf(RowOwner owner) {
  switch (owner) {
    case RowOwner::kUser:
      return "users";
    case RowOwner::kItem:
      return "items";
    case RowOwner::kEntity:
      return "entities";
    case RowOwner::kRelation:
      return "relations";
  }
  return "rows";
}

absl::Status Shrunk(RowOwner owner, int64_t was, int64_t is) {
  return FailedPreconditionError("the stored model knows ", was, " ", OwnersOf(owner),
                                 ", the database has ", is,
                                 "; train from a model of this database, or without --from");
}

RowMap Identity(int64_t n) {
  RowMap rows(static_cast<size_t>(n));
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<uint32_t>(i);
  return rows;
}

// What the maps are made of.
struct Sizes {
  std::vector<int64_t> old;            // state/sizes: entities, relations, users, items
  std::vector<uint32_t> old_row, row;  // of items, in the stored model and now
};

absl::StatusOr<Sizes> ReadSizes(const TensorMap& from, const Snapshot& snapshot) {
  const NamedTensor* sizes = from.Find("state/sizes");
  const NamedTensor* rows = from.Find("state/item_row");
  if (sizes == nullptr || rows == nullptr) {
    return NotFoundError("the stored model has no tensor ",
                         sizes == nullptr ? "state/sizes" : "state/item_row");
  }
  if (sizes->dtype != DType::kI64 || sizes->size() != 4 || rows->dtype != DType::kU32 ||
      rows->size() != sizes->data<int64_t>()[3]) {
    return InvalidArgumentError("the stored model's state/sizes do not fit its state/item_row");
  }
  Sizes out;
  out.old.assign(sizes->data<int64_t>(), sizes->data<int64_t>() + 4);
  out.old_row.assign(rows->data<uint32_t>(), rows->data<uint32_t>() + rows->size());
  MapItems(snapshot, &out.row);
  const std::pair<RowOwner, uint32_t> now[] = {{RowOwner::kEntity, snapshot.n_entities},
                                               {RowOwner::kRelation, snapshot.n_relations},
                                               {RowOwner::kUser, snapshot.n_users},
                                               {RowOwner::kItem, snapshot.n_items}};
  for (int i = 0; i < 4; ++i) {
    if (out.old[i] > int64_t{now[i].second}) return Shrunk(now[i].first, out.old[i], now[i].second);
  }
  return out;
}

absl::StatusOr<RowMap> EntityMap(const Sizes& sizes, int64_t old_rows) {
  const int64_t entities = sizes.old[0];
  if (old_rows < entities) {
    return InvalidArgumentError("the stored model's entity table has ", old_rows, " rows for ",
                                entities, " entities");
  }
  RowMap map = Identity(entities);
  map.resize(static_cast<size_t>(old_rows), kNoIndex);
  for (size_t item = 0; item < sizes.old_row.size(); ++item) {
    const uint32_t old_row = sizes.old_row[item], row = sizes.row[item];
    if (old_row < entities) continue;
    if (old_row >= map.size()) {
      return InvalidArgumentError("the stored model's state/item_row is out of range");
    }
    // Linked since, to an entity that has its own row: the item's is given up.
    if (row >= entities) map[old_row] = row;
  }
  return map;
}

absl::StatusOr<RowMap> RelationMap(const Sizes& sizes, const Snapshot& snapshot, int64_t old_rows,
                                   int64_t rows) {
  const int64_t old = sizes.old[1], now = int64_t{snapshot.n_relations};
  RowMap map = Identity(std::min(old, old_rows));
  const bool inverse = old > 0 && old_rows == 2 * old;
  if (inverse && rows != 2 * now) {
    return InvalidArgumentError("the stored model has rows of inverse relations, the new one none");
  }
  for (int64_t r = 0; inverse && r < old; ++r) map.push_back(static_cast<uint32_t>(now + r));
  map.resize(static_cast<size_t>(old_rows), kNoIndex);
  return map;
}

int64_t RowsOf(const NamedTensor& t) { return t.shape.empty() ? 1 : t.shape[0]; }

// The maps of all parameters that grow, by name.
class RowMaps {
 public:
  static absl::StatusOr<RowMaps> Make(const TensorMap& from, const Snapshot& snapshot,
                                      const ModelSpec& spec, const TensorMap& built) {
    RowMaps out;
    Sizes sizes;
    const bool graph = std::any_of(
        spec.parameter_rows.begin(), spec.parameter_rows.end(), [](const ParameterRows& p) {
          return p.owner == RowOwner::kEntity || p.owner == RowOwner::kRelation;
        });
    if (graph) {
      UNDULA_ASSIGN_OR_RETURN(sizes, ReadSizes(from, snapshot));
    }
    for (const auto& [name, owner] : spec.parameter_rows) {
      const std::string tensor = Concat("param/", name);
      const NamedTensor* old = from.Find(tensor);
      const NamedTensor* now = built.Find(tensor);
      if (now == nullptr) continue;  // a parameter that the options leave out
      if (old == nullptr) return NotFoundError("the stored model has no tensor ", tensor);
      RowMap map;
      if (owner == RowOwner::kEntity) {
        UNDULA_ASSIGN_OR_RETURN(map, EntityMap(sizes, RowsOf(*old)));
      } else if (owner == RowOwner::kRelation) {
        UNDULA_ASSIGN_OR_RETURN(map, RelationMap(sizes, snapshot, RowsOf(*old), RowsOf(*now)));
      } else {
        if (RowsOf(*old) > RowsOf(*now)) return Shrunk(owner, RowsOf(*old), RowsOf(*now));
        map = Identity(RowsOf(*old));
      }
      for (const uint32_t row : map) {
        if (row != kNoIndex && int64_t{row} >= RowsOf(*now)) {
          return Shrunk(owner, RowsOf(*old), RowsOf(*now));
        }
        out.kept_ += row != kNoIndex;
      }
      out.rows_ += RowsOf(*now);
      out.maps_[std::string(name)] = std::move(map);
    }
    return out;
  }

  // Copies the rows of `old` to their places in *now; all of it where the parameter does not grow.
  absl::Status Overlay(const std::string& parameter, const std::string& tensor,
                       const NamedTensor& old, NamedTensor* now) const {
    const auto map = maps_.find(parameter);
    const size_t first = map == maps_.end() ? 0 : 1;
    const bool fits =
        old.dtype == now->dtype && old.shape.size() == now->shape.size() &&
        old.shape.size() >= first &&
        std::equal(old.shape.begin() + first, old.shape.end(), now->shape.begin() + first);
    if (!fits) {
      return FailedPreconditionError("the tensor ", tensor,
                                     " of the stored model has another type or shape; train with "
                                     "the options it was trained with, or without --from");
    }
    if (map == maps_.end()) {
      now->bytes = old.bytes;
      return absl::OkStatus();
    }
    if (map->second.size() != static_cast<size_t>(RowsOf(old))) {
      return InvalidArgumentError("the tensor ", tensor, " has ", RowsOf(old), " rows, expected ",
                                  map->second.size());
    }
    if (map->second.empty()) return absl::OkStatus();
    const size_t width = old.bytes.size() / map->second.size();
    for (size_t row = 0; row < map->second.size(); ++row) {
      if (map->second[row] == kNoIndex) continue;
      std::memcpy(now->bytes.data() + map->second[row] * width, old.bytes.data() + row * width,
                  width);
    }
    return absl::OkStatus();
  }

  // Which rows of the parameters that grow have an old one.
  KeptRows Kept(const TensorMap& built) const {
    KeptRows out;
    for (const auto& [name, map] : maps_) {
      std::vector<uint8_t>& kept = out[name];
      kept.resize(static_cast<size_t>(RowsOf(*built.Find(Concat("param/", name)))));
      for (const uint32_t row : map) {
        if (row != kNoIndex) kept[row] = 1;
      }
    }
    return out;
  }

  int64_t kept() const { return kept_; }
  int64_t rows() const { return rows_; }

 private:
  std::map<std::string, RowMap> maps_;
  int64_t kept_ = 0, rows_ = 0;
};

void Scale(double factor, NamedTensor* tensor) {
  if (tensor->dtype != DType::kF32) return;
  float* const values = tensor->data<float>();
  for (int64_t i = 0; i < tensor->size(); ++i) values[i] *= static_cast<float>(factor);
}

// The names of the tensors under a prefix.
std::vector<std::string> NamesUnder(const std::string& prefix, const TensorMap& map) {
  std::vector<std::string> names;
  for (auto it = map.tensors.lower_bound(prefix);
       it != map.tensors.end() && it->first.starts_with(prefix); ++it) {
    names.push_back(it->first);
  }
  return names;
}

}  // namespace

std::string WarmStartReport::Describe() const {
  const std::string fitted = rows_fitted > 0 ? Concat(" (", rows_fitted, " fitted)") : "";
  return Concat(rows_kept, " rows kept, ", rows_new, " new", fitted, "; optimizer state ",
                optimizer);
}

absl::StatusOr<WarmStartReport> WarmStart(const TensorMap& from, const Snapshot& snapshot,
                                          Model* model, propagation::Optimizer* optimizer,
                                          const InteractionCsr<ItemId>* positives, double shrink) {
  TensorMap values, state;
  model->parameters()->Save("param/", &values);
  optimizer->Save(kOptimizerPrefix, &state);
  UNDULA_ASSIGN_OR_RETURN(const RowMaps maps, RowMaps::Make(from, snapshot, model->spec(), values));
  for (auto& [name, now] : values.tensors) {
    const NamedTensor* old = from.Find(name);
    if (old == nullptr) return NotFoundError("the stored model has no tensor ", name);
    NamedTensor shrunk;
    if (shrink != 1) {
      shrunk = *old;
      Scale(shrink, &shrunk);
      old = &shrunk;
    }
    UNDULA_RETURN_IF_ERROR(maps.Overlay(name.substr(name.find('/') + 1), name, *old, &now));
  }
  WarmStartReport report{.rows_kept = maps.kept(), .rows_new = maps.rows() - maps.kept()};
  if (positives != nullptr) {
    std::vector<uint32_t> item_row;
    MapItems(snapshot, &item_row);
    report.rows_fitted =
        FitNewRows(model->spec(), item_row, *positives, maps.Kept(values), &values);
  }
  const std::vector<std::string> stored = NamesUnder(kOptimizerPrefix, from);
  if (stored.empty()) {
    report.optimizer = "new (none is stored)";
  } else if (stored != NamesUnder(kOptimizerPrefix, state)) {
    report.optimizer = "new (the stored one is of other optimizer options)";
  } else {
    for (const std::string& name : stored) {
      // "optim/m/entity": the parameter's name is what follows the last slash.
      UNDULA_RETURN_IF_ERROR(maps.Overlay(name.substr(name.rfind('/') + 1), name, *from.Find(name),
                                          &state.tensors[name]));
    }
    report.optimizer = "kept";
  }
  UNDULA_RETURN_IF_ERROR(model->parameters()->Load("param/", values));
  if (report.optimizer == "kept") {
    UNDULA_RETURN_IF_ERROR(optimizer->Load(kOptimizerPrefix, state));
  }
  return report;
}

}  // namespace undula::models
