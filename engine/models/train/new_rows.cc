#include "models/train/new_rows.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include "base/status.h"

namespace undula::models {
namespace {

// A table with rows of users or of items, and which of its rows mean something by now.
struct Table {
  NamedTensor* tensor;
  std::vector<uint8_t>* set;         // by row
  std::span<const uint32_t> row_of;  // of users or items; empty: their own number

  int64_t cols() const { return tensor->shape[1]; }
  int64_t row(uint32_t owner) const { return row_of.empty() ? owner : row_of[owner]; }
  bool has(uint32_t owner) const { return (*set)[row(owner)] != 0; }
  // visit(pointer to the owner's row)
  template <class Visit>
  void WithRow(uint32_t owner, const Visit& visit) const {
    const int64_t at = row(owner) * cols();
    if (tensor->dtype == DType::kF64) {
      visit(tensor->data<double>() + at);
    } else {
      visit(tensor->data<float>() + at);
    }
  }
};

// Whom each user (or item) met.
struct Meetings {
  std::vector<int64_t> ptr = {0};
  std::vector<uint32_t> other;

  uint32_t owners() const { return static_cast<uint32_t>(ptr.size() - 1); }
  std::span<const uint32_t> of(uint32_t owner) const {
    return std::span(other).subspan(static_cast<size_t>(ptr[owner]),
                                    static_cast<size_t>(ptr[owner + 1] - ptr[owner]));
  }
};

Meetings Transposed(const Meetings& in, uint32_t owners) {
  Meetings out;
  out.ptr.assign(size_t{owners} + 1, 0);
  for (const uint32_t o : in.other) ++out.ptr[o + 1];
  std::partial_sum(out.ptr.begin(), out.ptr.end(), out.ptr.begin());
  out.other.resize(in.other.size());
  std::vector<int64_t> next(out.ptr.begin(), out.ptr.end() - 1);
  for (uint32_t u = 0; u < in.owners(); ++u) {
    for (const uint32_t o : in.of(u)) out.other[next[o]++] = u;
  }
  return out;
}

// Linear map of least squares from what the sources of an owner say to the owner's row.
class Fit {
 public:
  Fit(const Table& source, const Meetings& meetings)
      : source_(source), meetings_(meetings), n_(source.cols() + 2), input_(n_) {}

  // From the owners with a row and an input. False: there are none.
  bool Learn(const Table& target) {
    const int64_t cols = target.cols();
    std::vector<uint32_t> rows;
    for (uint32_t o = 0; o < meetings_.owners(); ++o) {
      if (target.has(o) && Read(o)) rows.push_back(o);
    }
    if (rows.empty()) return false;
    square_.assign(static_cast<size_t>(n_ * n_), 0);
    map_.assign(static_cast<size_t>(n_ * cols), 0);
    const size_t stride = (rows.size() + kMostRows - 1) / kMostRows;
    for (size_t k = 0; k < rows.size(); k += stride) {
      Read(rows[k]);
      target.WithRow(rows[k], [&](const auto* wanted) {
        for (int64_t i = 0; i < n_; ++i) {
          AddScaled(input_[i], input_.data(), i + 1, square_.data() + i * n_);
          AddScaled(input_[i], wanted, cols, map_.data() + i * cols);
        }
      });
    }
    double trace = 0;
    for (int64_t i = 0; i + 2 < n_; ++i) trace += square_[i * n_ + i];
    const double penalty = kRidge * trace / static_cast<double>(n_ - 2);
    for (int64_t i = 0; i < n_; ++i) square_[i * n_ + i] += penalty;
    return Solve(cols);
  }

  // Sets the rows that are not set and have an input; returns their number.
  int64_t Apply(const Table& target) {
    int64_t rows = 0;
    const int64_t cols = target.cols();
    std::vector<double> values(static_cast<size_t>(cols));
    for (uint32_t o = 0; o < meetings_.owners(); ++o) {
      if (target.has(o) || !Read(o)) continue;
      std::fill(values.begin(), values.end(), 0.0);
      for (int64_t i = 0; i < n_; ++i) {
        AddScaled(input_[i], map_.data() + i * cols, cols, values.data());
      }
      target.WithRow(o, [&](auto* to) { std::copy(values.begin(), values.end(), to); });
      (*target.set)[target.row(o)] = 1;
      ++rows;
    }
    return rows;
  }

 private:
  // input_ of an owner; false where nobody that the owner met has a row.
  bool Read(uint32_t owner) {
    std::fill(input_.begin(), input_.end(), 0.0);
    int64_t met = 0;
    for (const uint32_t other : meetings_.of(owner)) {
      if (!source_.has(other)) continue;
      ++met;
      source_.WithRow(other, [&](const auto* row) { AddScaled(1, row, n_ - 2, input_.data()); });
    }
    if (met == 0) return false;
    for (int64_t c = 0; c < n_ - 2; ++c) input_[c] /= static_cast<double>(met);
    input_[n_ - 2] = std::log(static_cast<double>(met));
    input_[n_ - 1] = 1;
    return true;
  }

  // map_ = square_^-1 map_ by Cholesky's factors; false where square_ is not positive definite.
  bool Solve(int64_t cols) {
    std::vector<double>& a = square_;
    for (int64_t j = 0; j < n_; ++j) {
      for (int64_t i = j; i < n_; ++i) {
        double sum = a[i * n_ + j];
        for (int64_t k = 0; k < j; ++k) sum -= a[i * n_ + k] * a[j * n_ + k];
        if (i == j && !(sum > 0)) return false;
        a[i * n_ + j] = i == j ? std::sqrt(sum) : sum / a[j * n_ + j];
      }
    }
    for (int64_t c = 0; c < cols; ++c) {
      for (int64_t i = 0; i < n_; ++i) {
        double sum = map_[i * cols + c];
        for (int64_t k = 0; k < i; ++k) sum -= a[i * n_ + k] * map_[k * cols + c];
        map_[i * cols + c] = sum / a[i * n_ + i];
      }
      for (int64_t i = n_ - 1; i >= 0; --i) {
        double sum = map_[i * cols + c];
        for (int64_t k = i + 1; k < n_; ++k) sum -= a[k * n_ + i] * map_[k * cols + c];
        map_[i * cols + c] = sum / a[i * n_ + i];
      }
    }
    return true;
  }

  // to += factor x
  template <class T>
  static void AddScaled(double factor, const T* x, int64_t n, double* __restrict__ to) {
    for (int64_t i = 0; i < n; ++i) to[i] += factor * static_cast<double>(x[i]);
  }

  const Table& source_;
  const Meetings& meetings_;
  const int64_t n_;  // inputs
  std::vector<double> input_, square_, map_;
};

}  // namespace

int64_t FitNewRows(const ModelSpec& spec, const std::vector<uint32_t>& item_row,
                   const InteractionCsr<ItemId>& positives, KeptRows kept, TensorMap* values) {
  std::vector<Table> users, items;
  for (const auto& [name, owner] : spec.parameter_rows) {
    const auto tensor = values->tensors.find(Concat("param/", name));
    if (tensor == values->tensors.end() || owner == RowOwner::kRelation) continue;
    if (tensor->second.shape.size() != 2) continue;
    Table table{&tensor->second, &kept[std::string(name)], {}};
    if (owner == RowOwner::kEntity) table.row_of = item_row;
    (owner == RowOwner::kUser ? users : items).push_back(table);
  }
  if (users.empty() || items.empty()) return 0;
  Meetings of_users;
  of_users.ptr = positives.ptr;
  of_users.other.reserve(positives.other.size());
  for (const ItemId item : positives.other) of_users.other.push_back(Index(item));
  const Meetings of_items = Transposed(of_users, static_cast<uint32_t>(item_row.size()));

  int64_t rows = 0;
  const auto fit = [&rows](const Table& target, const Table& source, const Meetings& meetings) {
    Fit map(source, meetings);
    if (map.Learn(target)) rows += map.Apply(target);
  };
  for (const Table& table : users) fit(table, items.front(), of_users);
  for (const Table& table : items) fit(table, users.front(), of_items);
  for (const Table& table : users) fit(table, items.front(), of_users);
  return rows;
}

}  // namespace undula::models
