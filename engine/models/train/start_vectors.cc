#include "models/train/start_vectors.h"

#include <algorithm>

#include "base/status.h"
#include "models/data/item_rows.h"

namespace undula::models {

using propagation::Parameter;
using propagation::Tensor;

namespace {

// The vector that belongs to each row of a table, or null.
using Rows = std::vector<const float*>;

const float* ItemVector(const GraphVectors& v, const Snapshot& snapshot, uint32_t item) {
  if (item < v.has_item.size() && v.has_item[item] != 0) return &v.item[item * v.dim];
  if (v.has_entity.empty() || int64_t{item} >= snapshot.links.rows()) return nullptr;
  const EntityId entity = snapshot.links.best(ItemId{item});
  if (entity == kNone<EntityId> || v.has_entity[Index(entity)] == 0) return nullptr;
  return &v.entity[Index(entity) * v.dim];
}

Rows RowsOf(const GraphVectors& v, const Snapshot& snapshot, RowOwner owner, int64_t n) {
  Rows rows(static_cast<size_t>(n), nullptr);
  if (owner == RowOwner::kEntity) {
    for (size_t e = 0; e < std::min(rows.size(), v.has_entity.size()); ++e) {
      if (v.has_entity[e] != 0) rows[e] = &v.entity[e * v.dim];
    }
    std::vector<uint32_t> item_row;
    MapItems(snapshot, &item_row);
    for (uint32_t i = 0; i < v.has_item.size(); ++i) {
      if (v.has_item[i] != 0 && item_row[i] < rows.size()) rows[item_row[i]] = &v.item[i * v.dim];
    }
  } else if (owner == RowOwner::kItem) {
    for (uint32_t i = 0; i < rows.size(); ++i) rows[i] = ItemVector(v, snapshot, i);
  } else if (owner == RowOwner::kRelation && v.relation_dim == v.dim) {
    const size_t known = v.relation.size() / static_cast<size_t>(v.dim);
    for (size_t r = 0; r < std::min(rows.size(), known); ++r) rows[r] = &v.relation[r * v.dim];
  }
  return rows;
}

void SetRow(const Tensor& table, int64_t row, const float* vector) {
  const int64_t d = table.cols();
  if (table.dtype == DType::kF64) {
    std::copy_n(vector, d, table.as<double>() + row * d);
  } else {
    std::copy_n(vector, d, table.as<float>() + row * d);
  }
}

void ZeroRow(const Tensor& table, int64_t row) {
  const int64_t d = table.cols();
  if (table.dtype == DType::kF64) {
    std::fill_n(table.as<double>() + row * d, d, 0.0);
  } else {
    std::fill_n(table.as<float>() + row * d, d, 0.0f);
  }
}

}  // namespace

absl::StatusOr<StartVectors> StartVectors::Apply(const GraphVectors& vectors,
                                                 const Snapshot& snapshot, Model* model) {
  StartVectors out;
  std::string lengths;
  for (const auto& [name, owner] : model->spec().parameter_rows) {
    Parameter* const parameter = model->parameters()->Find(name);
    if (parameter == nullptr || parameter->value.rank != 2 || owner == RowOwner::kUser) continue;
    const Tensor& table = parameter->value;
    if (table.cols() != vectors.dim) {
      lengths += Concat(lengths.empty() ? "" : ", ", name, ": ", table.cols());
      continue;
    }
    const Rows rows = RowsOf(vectors, snapshot, owner, table.rows());
    Table given{parameter, std::vector<uint8_t>(rows.size(), 0)};
    for (size_t i = 0; i < rows.size(); ++i) {
      if (rows[i] == nullptr) continue;
      SetRow(table, static_cast<int64_t>(i), rows[i]);
      given.given[i] = 1;
    }
    const auto n = std::count(given.given.begin(), given.given.end(), uint8_t{1});
    if (n == 0) continue;
    out.description_ +=
        Concat(out.description_.empty() ? "" : ", ", n, " of ", rows.size(), " rows of ", name);
    out.tables_.push_back(std::move(given));
  }
  if (out.tables_.empty()) {
    return InvalidArgumentError(
        model->spec().name, " has no table for ", vectors.description, " of length ", vectors.dim,
        lengths.empty() ? "" : Concat(" (lengths of its rows: ", lengths, ")"),
        "; set model.dim to their length, or leave train.init_vectors out");
  }
  out.description_ += Concat(" from ", vectors.description);
  return out;
}

void StartVectors::Freeze() const {
  for (const auto& [parameter, given] : tables_) {
    if (!parameter->row_sparse) {
      for (size_t i = 0; i < given.size(); ++i) {
        if (given[i] != 0) ZeroRow(parameter->grad, static_cast<int64_t>(i));
      }
      continue;
    }
    for (const propagation::SparseGradient& part : parameter->sparse) {
      const uint32_t* rows = part.rows.as<uint32_t>();
      for (int64_t i = 0; i < part.rows.size(); ++i) {
        if (given[rows[i]] != 0) ZeroRow(part.values, i);
      }
    }
  }
}

}  // namespace undula::models
