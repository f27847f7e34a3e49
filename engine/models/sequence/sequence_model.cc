#include "models/sequence/sequence_model.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/rng.h"
#include "base/status.h"
#include "models/sequence/scorer.h"
#include "propagation/ops/elementwise.h"
#include "propagation/ops/gather.h"
#include "propagation/ops/linear_cross_entropy.h"
#include "propagation/ops/losses.h"

namespace undula::models {

using propagation::Init;
using propagation::Tape;
using propagation::Tensor;
using propagation::Var;

namespace {

// The random numbers of one row of an epoch.
Rng RowRng(uint64_t seed, int64_t epoch, uint32_t user, uint32_t position) {
  return Rng(seed ^ static_cast<uint64_t>(epoch) * 0x9E3779B97F4A7C15u, RngStream::kNegative,
             user * 0x85EBCA77u + position);
}

}  // namespace

SequenceModel::SequenceModel(const ModelSpec& spec, Encoder encoder, bool memory,
                             const SequenceOptions& options, DType dtype)
    : spec_(spec), encoder_(encoder), memory_(memory), options_(options), parameters_(dtype) {}

void SequenceModel::AddParameters(uint64_t seed) {
  const double scale = options_.init_scale > 0 ? options_.init_scale
                                               : 1 / std::sqrt(static_cast<double>(options_.dim));
  const Init init{Init::Kind::kUniform, scale};
  item_ = parameters_.Add("item", {n_items_, options_.dim}, sparse(), init, seed);
  const bool graph = encoder_ == Encoder::kGraph;
  if (graph) {
    graph_encoder_.AddParameters(options_.dim, init, seed, &parameters_);
  } else {
    recurrent_encoder_.AddParameters(options_.dim, options_.hidden, init, seed, &parameters_);
  }
  if (memory_) {
    knowledge_.AddParameters(options_, graph ? options_.dim : options_.hidden, base_, init, seed,
                             &parameters_);
  } else if (!graph) {
    output_ = parameters_.Add("output", {options_.dim, options_.hidden}, false, init, seed);
    output_bias_ = parameters_.Add("output_bias", {1, options_.dim}, false, init, seed);
  }
  planner_.Resize(n_items_);
  all_items_.resize(n_items_);
  for (uint32_t i = 0; i < n_items_; ++i) all_items_[i] = i;
}

absl::Status SequenceModel::Build(const TrainingData& data, TaskArena& workers) {
  n_items_ = data.n_items();
  seed_ = data.seed;
  log_ = data.positives;
  popularity_ = data.item_popularity;
  if (options_.session != "user") {
    starts_ = SessionStarts(log_, {options_.session, options_.session_gap});
  }
  const int64_t keep = options_.max_length;
  history_ptr_.assign(1, 0);
  history_.clear();
  for (uint32_t u = 0; u < data.n_users(); ++u) {
    const std::span<const ItemId> row = log_.row(u);
    const size_t n = keep == 0 ? row.size() : std::min(row.size(), static_cast<size_t>(keep));
    history_.insert(history_.end(), row.end() - static_cast<int64_t>(n), row.end());
    history_ptr_.push_back(static_cast<int64_t>(history_.size()));
  }
  if (memory_) {
    UNDULA_ASSIGN_OR_RETURN(base_, MakeKnowledgeBase(data, options_, workers));
  }
  AddParameters(data.seed);
  if (!sparse()) return absl::OkStatus();
  std::vector<ItemId> candidates(n_items_);
  for (uint32_t i = 0; i < n_items_; ++i) candidates[i] = ItemId{i};
  const bool popular = options_.loss == "ce" || options_.popular_negatives;
  sampler_ = popular ? std::make_unique<ItemSampler>(std::move(candidates), popularity_)
                     : std::make_unique<ItemSampler>(std::move(candidates));
  if (options_.loss == "bpr") positives_ = PositivesByUser(data.n_users(), {data.train});
  return absl::OkStatus();
}

absl::Status SequenceModel::BeginEpoch(int64_t epoch) {
  epoch_ = epoch;
  return absl::OkStatus();
}

Var SequenceModel::ItemRows(Tape& tape, std::span<const uint32_t> items) {
  const Tensor rows = tape.Indices(items);
  if (sparse()) return propagation::GatherRows(tape, item_, rows);
  return propagation::GatherRows(tape, tape.Use(item_), rows);
}

SequenceModel::Vectors SequenceModel::RowVectors(Tape& tape, const Batch& batch) {
  planner_.PlanBatch(batch, log_, starts_, options_.max_length, &plan_);
  const Var h = ItemRows(tape, plan_.items);
  Vectors out;
  if (encoder_ == Encoder::kGraph) {
    compiler_.Compile(plan_, options_.steps == 1, &graph_);
    out.state = graph_encoder_.Encode(tape, graph_encoder_.Tables(tape, h), graph_, options_);
  } else {
    out.state = recurrent_encoder_.Encode(tape, recurrent_encoder_.Table(tape, h), plan_);
  }
  if (!memory_) {
    out.rows = Output(tape, out.state);
    return out;
  }
  const SequencePlan* plan = &plan_;
  if (own_memory_plan()) {
    planner_.PlanBatch(batch, log_, {}, options_.max_length, &memory_plan_);
    plan = &memory_plan_;
  }
  const MemoryTables tables = knowledge_.Tables(tape, knowledge_.Entities(tape, plan->items));
  out.rows = knowledge_.Read(tape, tables, out.state, *plan);
  return out;
}

Var SequenceModel::ItemSide(Tape& tape) {
  const Var vectors = sparse() ? ItemRows(tape, all_items_) : tape.Use(item_);
  return memory_ ? knowledge_.ItemSide(tape, vectors, all_items_) : vectors;
}

Var SequenceModel::Prepare(Tape& tape, const Batch& batch, std::vector<Var>* shared) {
  shared->clear();
  const Var rows = RowVectors(tape, batch).rows;
  if (options_.loss == "bpr") return Pairs(tape, batch, rows);
  return options_.sampled > 0 ? SampledCrossEntropy(tape, batch, rows)
                              : CrossEntropy(tape, batch, rows);
}

Var SequenceModel::Loss(Tape& /*tape*/, const Batch& /*batch*/, const Slice& /*slice*/,
                        std::span<const Var> /*leaves*/) const {
  return Var{};
}

Var SequenceModel::CrossEntropy(Tape& tape, const Batch& batch, Var rows) {
  return propagation::LinearCrossEntropy(tape, rows, ItemSide(tape), tape.Indices(batch.items), {},
                                         static_cast<double>(batch.rows()));
}

// Candidates are drawn by popularity with replacement, the same for all rows of a batch; an item of
// share q is among them with probability 1 - (1 - q)^n. Targets that were not drawn count for their
// own rows only.
Var SequenceModel::SampledCrossEntropy(Tape& tape, const Batch& batch, Var rows) {
  const Rng rng = RowRng(seed_, epoch_, batch.users[0], batch.positions[0]);
  place_.resize(n_items_, 0);
  candidates_.assign(batch.items.begin(), batch.items.end());
  const size_t targets = candidates_.size();
  for (int64_t i = 0; i < options_.sampled; ++i) {
    candidates_.push_back(
        Index(sampler_->Draw({}, rng, static_cast<uint64_t>(i) * ItemSampler::kDraws)));
  }
  std::vector<uint32_t> drawn(candidates_.begin() + static_cast<int64_t>(targets),
                              candidates_.end());
  std::sort(drawn.begin(), drawn.end());
  std::sort(candidates_.begin(), candidates_.end());
  candidates_.erase(std::unique(candidates_.begin(), candidates_.end()), candidates_.end());
  double total = 0;
  for (const uint32_t p : popularity_) total += p;
  offset_.resize(candidates_.size());
  std::vector<float> correction(candidates_.size());
  for (uint32_t c = 0; c < candidates_.size(); ++c) {
    const uint32_t item = candidates_[c];
    place_[item] = c;
    const double q = std::max(1.0, static_cast<double>(popularity_[item])) / std::max(1.0, total);
    const double share =
        -std::expm1(static_cast<double>(options_.sampled) * std::log1p(-std::min(q, 0.999999)));
    correction[c] = static_cast<float>(-std::log(share));
    offset_[c] = std::binary_search(drawn.begin(), drawn.end(), item)
                     ? correction[c]
                     : -std::numeric_limits<float>::infinity();
  }
  target_row_.resize(targets);
  target_offset_.resize(targets);
  for (size_t b = 0; b < targets; ++b) {
    target_row_[b] = place_[batch.items[b]];
    target_offset_[b] = correction[target_row_[b]];
  }
  const Var vectors = ItemRows(tape, candidates_);
  const Var table = memory_ ? knowledge_.ItemSide(tape, vectors, candidates_) : vectors;
  return propagation::LinearCrossEntropy(tape, rows, table, tape.Indices(target_row_),
                                         {tape.Floats(offset_), tape.Floats(target_offset_)},
                                         static_cast<double>(batch.rows()));
}

// Rows beside their negatives: those of the batch where it has some, else drawn for each row (with
// popular_negatives for each user and epoch).
Var SequenceModel::Pairs(Tape& tape, const Batch& batch, Var rows) {
  const auto n = static_cast<uint32_t>(batch.rows());
  const bool given = !batch.negatives.empty();
  const int64_t drawn = given ? 1 : options_.negatives;
  const int64_t each = drawn + (options_.positive_among_negatives && !given ? 1 : 0);
  repeated_.clear();
  candidates_.clear();  // a row's target, then its negatives
  place_.clear();       // of the rows' targets among them
  target_row_.clear();  // of the negatives
  for (uint32_t b = 0; b < n; ++b) {
    const auto target = static_cast<uint32_t>(candidates_.size());
    candidates_.push_back(batch.items[b]);
    const uint32_t user = batch.users[b];
    const Rng rng =
        RowRng(seed_, epoch_, user, options_.popular_negatives ? 0 : batch.positions[b]);
    for (int64_t i = 0; i < each; ++i) {
      repeated_.push_back(b);
      place_.push_back(target);
      if (i >= drawn) {
        target_row_.push_back(target);
        continue;
      }
      uint32_t item = given ? batch.negatives[b] : batch.items[b];
      if (!given) {
        const ItemId draw = sampler_->Draw(positives_.of(UserId{user}), rng,
                                           static_cast<uint64_t>(i) * ItemSampler::kDraws);
        // A user who has every item: the pair is of equals and moves nothing.
        if (draw != kNone<ItemId>) item = Index(draw);
      }
      target_row_.push_back(static_cast<uint32_t>(candidates_.size()));
      candidates_.push_back(item);
    }
  }
  const Var vectors = ItemRows(tape, candidates_);
  const Var table = memory_ ? knowledge_.ItemSide(tape, vectors, candidates_) : vectors;
  const Var row = propagation::GatherRows(tape, rows, tape.Indices(repeated_));
  const auto score = [&](std::span<const uint32_t> items) {
    return propagation::RowDot(tape, row,
                               propagation::GatherRows(tape, table, tape.Indices(items)));
  };
  return propagation::PairLoss(tape, score(place_), score(target_row_),
                               static_cast<double>(n) * static_cast<double>(each));
}

std::span<const ItemId> SequenceModel::HistoryOf(uint32_t user) const {
  return std::span(history_).subspan(
      static_cast<size_t>(history_ptr_[user]),
      static_cast<size_t>(history_ptr_[user + 1] - history_ptr_[user]));
}

SequenceModel::Tables SequenceModel::MakeTables(Tape& tape) {
  Tables out;
  const Var h = ItemRows(tape, all_items_);
  if (encoder_ == Encoder::kGraph) {
    out.graph = graph_encoder_.Tables(tape, h);
  } else {
    out.recurrent = recurrent_encoder_.Table(tape, h);
  }
  if (memory_) out.memory = knowledge_.Tables(tape, knowledge_.Entities(tape, all_items_));
  out.items = ItemSide(tape);
  return out;
}

Var SequenceModel::HistoryVectors(Tape& tape, const Tables& tables, const SequencePlan& plan,
                                  SessionGraphCompiler* compiler, SessionGraph* graph) const {
  Var state;
  if (encoder_ == Encoder::kGraph) {
    compiler->Compile(plan, options_.steps == 1, graph);
    state = graph_encoder_.Encode(tape, tables.graph, *graph, options_);
  } else {
    state = recurrent_encoder_.Encode(tape, tables.recurrent, plan);
  }
  return memory_ ? knowledge_.Read(tape, tables.memory, state, plan) : Output(tape, state);
}

Var SequenceModel::Output(Tape& tape, Var state) const {
  return output_ != nullptr ? Linear(tape, state, output_, output_bias_) : state;
}

absl::StatusOr<std::unique_ptr<Scorer>> SequenceModel::MakeScorer(TaskArena& /*workers*/) const {
  if (item_ == nullptr)
    return FailedPreconditionError(spec_.name, " is neither trained nor loaded");
  TensorMap map;
  Save(&map);
  auto copy =
      std::make_unique<SequenceModel>(spec_, encoder_, memory_, options_, parameters_.dtype());
  UNDULA_RETURN_IF_ERROR(copy->Load(map, nullptr));
  return SequenceScorer::Create(std::move(copy));
}

std::string SequenceModel::Describe() const {
  std::string text =
      Concat(n_items_, " items, ", history_.size(), " events kept of ", n_users(), " users");
  if (!memory_) return text;
  const auto linked = std::count(base_.linked.begin(), base_.linked.end(), uint8_t{1});
  return text + Concat("; memory of ", base_.relations(), " keys of ", base_.dim, ", ", linked,
                       " items linked, ", base_.items() - linked,
                       " without a link have learned vectors; ", base_.description);
}

}  // namespace undula::models
