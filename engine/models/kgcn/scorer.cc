#include "models/kgcn/scorer.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <numeric>
#include <tuple>

#include "base/status.h"
#include "propagation/ops/group_attention_simd.h"
#include "propagation/ops/relation_mix_simd.h"

namespace undula::models {

using propagation::Activation;
using propagation::Arena;
using propagation::MixCells;
using propagation::PadTo16;
using propagation::ParameterSet;
using propagation::Tensor;

namespace {

std::vector<float> Floats(const Tensor& t) {
  std::vector<float> out(static_cast<size_t>(t.size()));
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = t.dtype == DType::kF64 ? static_cast<float>(t.as<double>()[i]) : t.as<float>()[i];
  }
  return out;
}

// Rows [first, first + rows) of [.., d] with rows padded to `pad` columns.
std::vector<float> Padded(const std::vector<float>& x, int64_t first, int64_t rows, int64_t d,
                          int64_t pad) {
  std::vector<float> out(static_cast<size_t>(rows * pad), 0.0f);
  for (int64_t r = 0; r < rows; ++r) {
    std::copy_n(x.begin() + (first + r) * d, d, out.begin() + r * pad);
  }
  return out;
}

// out[r] = x[r] w, [rows][pad].
void Multiply(const float* x, int64_t ldx, int64_t rows, const std::vector<float>& w, int64_t d,
              int64_t pad, float* out) {
  propagation::GetAttentionKernels().multiply(x, ldx, rows, w.data(), d, pad, out, pad);
}

}  // namespace

KgcnScorer::KgcnScorer(std::shared_ptr<const KgcnState> state, const ParameterSet& parameters)
    : state_(std::move(state)),
      dim_(state_->options.dim),
      pad_(PadTo16(dim_)),
      relation_pad_(PadTo16(state_->relation_rows())),
      scale_(static_cast<float>(ScoreScale(state_->options))),
      gain_(static_cast<float>(MessageScale(state_->options))) {
  const KgcnOptions& o = state_->options;
  user_ = Floats(parameters.Find("user")->value);
  entity_ = Floats(parameters.Find("entity")->value);
  const std::vector<float> relation = Floats(parameters.Find("relation")->value);
  relation_t_.assign(static_cast<size_t>(dim_ * relation_pad_), 0);
  for (int64_t r = 0; r < state_->relation_rows(); ++r) {
    for (int64_t j = 0; j < dim_; ++j) relation_t_[j * relation_pad_ + r] = relation[r * dim_ + j];
  }
  for (int64_t l = 0; l < o.hops; ++l) {
    const std::vector<float> w = Floats(parameters.Find(Concat("weight_", l))->value);
    const bool concat = o.aggregator == "concat";
    own_.push_back(Padded(w, 0, dim_, dim_, pad_));
    message_.push_back(Padded(w, concat ? dim_ : 0, dim_, dim_, pad_));
    bias_.push_back(Padded(Floats(parameters.Find(Concat("bias_", l))->value), 0, 1, dim_, pad_));
  }

  // The first layer, folded.
  const auto& sample = state_->sample;
  const auto rows = static_cast<int64_t>(sample.rows());
  base_.assign(static_cast<size_t>(rows * pad_), 0);
  if (o.aggregator != "neighbor") {
    Multiply(entity_.data(), dim_, rows, own_[0], dim_, pad_, base_.data());
  }
  for (int64_t i = 0; i < rows * pad_; ++i) base_[i] += bias_[0][i % pad_];
  // With one layer only items get a message.
  std::vector<uint8_t> receives(static_cast<size_t>(rows), o.hops > 1 ? 1 : 0);
  for (const uint32_t row : state_->item_row) receives[row] = 1;
  slot_ptr_.assign(1, 0);
  std::vector<float> mean;
  for (int64_t e = 0; e < rows; ++e) {
    for (int64_t s = sample.ptr[e]; o.kg && receives[e] != 0 && s < sample.ptr[e + 1];) {
      const uint32_t r = sample.relation[s];
      const size_t at = mean.size();
      mean.resize(at + static_cast<size_t>(dim_), 0);
      float count = 0;
      for (; s < sample.ptr[e + 1] && sample.relation[s] == r; ++s) {
        const float* neighbor = entity_.data() + int64_t{sample.entity[s]} * dim_;
        for (int64_t c = 0; c < dim_; ++c) mean[at + c] += sample.count[s] * neighbor[c];
        count += sample.count[s];
      }
      for (int64_t c = 0; c < dim_; ++c) mean[at + c] /= count;
      slot_relation_.push_back(r);
      slot_count_.push_back(count);
    }
    slot_ptr_.push_back(static_cast<int64_t>(slot_relation_.size()));
  }
  slot_value_.assign(slot_relation_.size() * static_cast<size_t>(pad_), 0);
  Multiply(mean.data(), dim_, slot_ptr_.back(), message_[0], dim_, pad_, slot_value_.data());
}

absl::Status KgcnScorer::CheckUser(const UserQuery& query) const {
  if (query.user == kNone<UserId>) {
    return UnimplementedError(state_->name,
                              " scores only users it was trained with; use a model with fold-in "
                              "for a history");
  }
  if (!KnowsUser(query.user)) {
    return NotFoundError(state_->name, ": user ", Index(query.user),
                         " has no training positive in this model; train again");
  }
  return absl::OkStatus();
}

void KgcnScorer::LoadUser(uint32_t user, Arena& scratch, float** x, float** vector) const {
  *vector = scratch.NewZero<float>(static_cast<size_t>(pad_));
  std::memcpy(*vector, user_.data() + int64_t{user} * dim_,
              static_cast<size_t>(dim_) * sizeof(float));
  *x = scratch.New<float>(static_cast<size_t>(relation_pad_));
  propagation::GetMixKernels().exponentials(*vector, dim_, relation_t_.data(),
                                            state_->relation_rows(), relation_pad_, scale_, *x);
}

float* KgcnScorer::Layer(int l, const float* x, const uint32_t* rows, int64_t n,
                         Arena& scratch) const {
  const KgcnOptions& o = state_->options;
  const auto& kernels = propagation::GetMixKernels();
  const auto floats = [&](int64_t size) { return scratch.New<float>(static_cast<size_t>(size)); };
  const Activation activation = l == o.hops ? Activation::kTanh : Activation::kRelu;
  float* out = floats(n * pad_);
  if (l == 1) {
    MixCells cells;
    cells.pad = pad_;
    cells.slot_ptr = slot_ptr_.data();
    cells.relation = slot_relation_.data();
    cells.count = slot_count_.data();
    cells.base = base_.data();
    cells.value = slot_value_.data();
    kernels.mix(cells, rows, n, x, gain_, activation, nullptr, out);
    return out;
  }
  // The layer below, for these rows and their neighbors, in ascending order: what it reads by
  // entity then streams from memory.
  const auto& sample = state_->sample;
  const uint32_t entities = sample.rows();
  const size_t words = entities / 64 + size_t{1};
  uint64_t* is_needed = scratch.NewZero<uint64_t>(words);
  const auto need = [&](uint32_t e) { is_needed[e >> 6] |= uint64_t{1} << (e & 63); };
  for (int64_t i = 0; i < n; ++i) {
    need(rows[i]);
    for (int64_t s = sample.ptr[rows[i]]; o.kg && s < sample.ptr[rows[i] + 1]; ++s) {
      need(sample.entity[s]);
    }
  }
  uint32_t* position = scratch.New<uint32_t>(entities);  // of the needed ones
  uint32_t* below = scratch.New<uint32_t>(entities);
  uint32_t needed = 0;
  for (size_t w = 0; w < words; ++w) {
    for (uint64_t bits = is_needed[w]; bits != 0; bits &= bits - 1) {
      const auto e = static_cast<uint32_t>(w * 64 + static_cast<size_t>(std::countr_zero(bits)));
      position[e] = needed;
      below[needed++] = e;
    }
  }
  const float* h = Layer(l - 1, x, below, needed, scratch);
  const bool concat = o.aggregator == "concat", neighbor = o.aggregator == "neighbor";
  if (o.kg) {
    MixCells cells;
    cells.pad = pad_;
    cells.slot_ptr = sample.ptr.data();
    cells.relation = sample.relation.data();
    cells.count = sample.count.data();
    cells.base = concat || neighbor ? nullptr : h;
    cells.base_row = position;
    cells.value = h;
    cells.value_row = sample.entity.data();
    cells.position = position;
    float* mix = floats(n * pad_);
    kernels.mix(cells, rows, n, x, gain_, Activation::kNone, nullptr, mix);
    Multiply(mix, pad_, n, message_[l - 1], dim_, pad_, out);
  }
  if (concat || !o.kg) {
    float* own = floats(n * pad_);
    for (int64_t i = 0; i < n; ++i) {
      std::memcpy(own + i * pad_, h + int64_t{position[rows[i]]} * pad_,
                  static_cast<size_t>(pad_) * sizeof(float));
    }
    float* product = o.kg ? floats(n * pad_) : out;
    Multiply(own, pad_, n, own_[l - 1], dim_, pad_, product);
    for (int64_t i = 0; o.kg && i < n * pad_; ++i) out[i] += product[i];
  }
  kernels.finish(out, n, pad_, bias_[l - 1].data(), activation);
  return out;
}

void KgcnScorer::ScoreRows(uint32_t user, const uint32_t* rows, int64_t n, float* out,
                           Arena& scratch) const {
  float *x = nullptr, *vector = nullptr;
  LoadUser(user, scratch, &x, &vector);
  if (state_->options.hops == 1) {
    MixCells cells;
    cells.pad = pad_;
    cells.slot_ptr = slot_ptr_.data();
    cells.relation = slot_relation_.data();
    cells.count = slot_count_.data();
    cells.base = base_.data();
    cells.value = slot_value_.data();
    propagation::GetMixKernels().mix(cells, rows, n, x, gain_, Activation::kTanh, vector, out);
    return;
  }
  const float* h = Layer(static_cast<int>(state_->options.hops), x, rows, n, scratch);
  propagation::GetAttentionKernels().row_dot(h, pad_, vector, 0, n, pad_, out);
}

absl::Status KgcnScorer::Score(const UserQuery& query, ItemRange range, std::span<float> out,
                               Arena& scratch) const {
  if (range.begin > range.end || range.end > n_items() || out.size() != range.size()) {
    return InvalidArgumentError(state_->name, ": items [", range.begin, ", ", range.end,
                                ") are out of range: the model knows ", n_items());
  }
  UNDULA_RETURN_IF_ERROR(CheckUser(query));
  ScoreRows(Index(query.user), state_->item_row.data() + range.begin, range.size(), out.data(),
            scratch);
  return absl::OkStatus();
}

absl::Status KgcnScorer::ScoreItems(const UserQuery& query, std::span<const ItemId> items,
                                    std::span<float> out, Arena& scratch) const {
  if (out.size() != items.size()) {
    return InvalidArgumentError(state_->name, ": ", items.size(), " items but room for ",
                                out.size());
  }
  UNDULA_RETURN_IF_ERROR(CheckUser(query));
  uint32_t* rows = scratch.New<uint32_t>(items.size());
  for (size_t i = 0; i < items.size(); ++i) {
    if (Index(items[i]) >= n_items()) {
      return InvalidArgumentError(state_->name, ": item ", Index(items[i]),
                                  " is out of range: the model knows ", n_items());
    }
    rows[i] = state_->item_row[Index(items[i])];
  }
  ScoreRows(Index(query.user), rows, static_cast<int64_t>(items.size()), out.data(), scratch);
  return absl::OkStatus();
}

absl::StatusOr<Explanation> KgcnScorer::Explain(const UserQuery& query, ItemId item) const {
  UNDULA_RETURN_IF_ERROR(CheckUser(query));
  if (Index(item) >= n_items()) {
    return NotFoundError(state_->name, ": item ", Index(item), " is unknown to this model");
  }
  Arena scratch;
  Explanation out;
  const uint32_t row = state_->item_row[Index(item)];
  ScoreRows(Index(query.user), &row, 1, &out.score, scratch);
  const auto& sample = state_->sample;
  const bool alone =
      sample.ptr[row + 1] - sample.ptr[row] == 1 && sample.entity[sample.ptr[row]] == row;
  if (!state_->options.kg || alone) return out;
  float *x = nullptr, *vector = nullptr;
  LoadUser(Index(query.user), scratch, &x, &vector);
  std::map<uint32_t, float> from = {{row, 1.0f}};
  for (int64_t hop = 0; hop < state_->options.hops; ++hop) {
    std::map<std::tuple<uint32_t, uint32_t, uint32_t>, AttentionSlot> merged;
    std::map<uint32_t, float> to;
    for (const auto& [e, share] : from) {
      float den = 0;
      for (int64_t s = sample.ptr[e]; s < sample.ptr[e + 1]; ++s) {
        den += x[sample.relation[s]] * sample.count[s];
      }
      for (int64_t s = sample.ptr[e]; s < sample.ptr[e + 1]; ++s) {
        const float weight = share * x[sample.relation[s]] * sample.count[s] / den;
        const bool inverse = sample.inverse[s] != 0;
        const uint32_t other = sample.entity[s];
        AttentionSlot& slot = merged[{e, sample.relation[s], other}];
        slot = {EntityId{inverse ? other : e}, RelationId{sample.relation[s]},
                EntityId{inverse ? e : other}, slot.weight + weight, inverse};
        to[other] += weight;
      }
    }
    auto& slots = out.hops.emplace_back();
    for (const auto& [key, slot] : merged) slots.push_back(slot);
    std::stable_sort(
        slots.begin(), slots.end(),
        [](const AttentionSlot& a, const AttentionSlot& b) { return a.weight > b.weight; });
    from = std::move(to);
  }
  return out;
}

std::span<const float> KgcnScorer::ItemVector(ItemId item) const {
  if (Index(item) >= n_items()) return {};
  return {entity_.data() + int64_t{state_->item_row[Index(item)]} * dim_,
          static_cast<size_t>(dim_)};
}

}  // namespace undula::models
