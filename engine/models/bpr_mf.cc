#include "models/bpr_mf.h"

#include <vector>

#include "base/status.h"
#include "propagation/lane_group.h"
#include "propagation/ops/elementwise.h"
#include "propagation/ops/gather.h"
#include "propagation/ops/losses.h"

namespace undula::models {
namespace {

using propagation::Init;
using propagation::Parameter;
using propagation::ParameterSet;
using propagation::Tape;
using propagation::Tensor;
using propagation::Var;

constexpr OptionField kFields[] = {
    UNDULA_OPTION(BprMfOptions, dim, kInt, 1, 4096, "", "length of the embeddings"),
    UNDULA_OPTION(BprMfOptions, l2, kFloat, 0, 1e6, "", "weight of the squared norms, per row"),
    UNDULA_OPTION(BprMfOptions, init_scale, kFloat, 1e-9, 10, "",
                  "standard deviation of the initial embeddings"),
};

constexpr ParameterRows kParameterRows[] = {
    {"user", RowOwner::kUser},
    {"item", RowOwner::kItem},
    {"bias", RowOwner::kItem},
};

// Lane-ordered: the bits do not depend on how the compiler vectorises.
float Dot(const float* a, const float* b, int64_t n) {
  return propagation::LaneGroup().Sum(n, [a, b](int64_t i) { return a[i] * b[i]; });
}

std::vector<float> ToFloat(const Tensor& t) {
  std::vector<float> out(static_cast<size_t>(t.size()));
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = t.dtype == DType::kF64 ? static_cast<float>(t.as<double>()[i]) : t.as<float>()[i];
  }
  return out;
}

class BprMfScorer : public Scorer {
 public:
  BprMfScorer(const ParameterSet& parameters, std::vector<uint8_t> known)
      : user_(ToFloat(parameters.Find("user")->value)),
        item_(ToFloat(parameters.Find("item")->value)),
        bias_(ToFloat(parameters.Find("bias")->value)),
        known_(std::move(known)),
        dim_(parameters.Find("item")->value.shape[1]) {}

  absl::Status Score(const UserQuery& query, ItemRange range, std::span<float> out,
                     propagation::Arena& /*scratch*/) const override {
    UNDULA_RETURN_IF_ERROR(CheckUser(query));
    if (range.begin > range.end || range.end > n_items() || out.size() != range.size()) {
      return InvalidArgumentError("items ", range.begin, " to ", range.end, " of ", n_items());
    }
    for (uint32_t i = 0; i < range.size(); ++i) out[i] = One(query.user, ItemId{range.begin + i});
    return absl::OkStatus();
  }

  absl::Status ScoreItems(const UserQuery& query, std::span<const ItemId> items,
                          std::span<float> out, propagation::Arena& /*scratch*/) const override {
    UNDULA_RETURN_IF_ERROR(CheckUser(query));
    for (size_t i = 0; i < items.size(); ++i) {
      if (Index(items[i]) >= n_items()) {
        return NotFoundError("item ", Index(items[i]), " is not known to the model (", n_items(),
                             " items); train again");
      }
      out[i] = One(query.user, items[i]);
    }
    return absl::OkStatus();
  }

  std::span<const float> ItemVector(ItemId item) const override {
    if (Index(item) >= n_items()) return {};
    return {item_.data() + Index(item) * dim_, static_cast<size_t>(dim_)};
  }
  uint32_t n_users() const override { return static_cast<uint32_t>(known_.size()); }
  uint32_t n_items() const override { return static_cast<uint32_t>(bias_.size()); }
  bool KnowsUser(UserId user) const override {
    return Index(user) < n_users() && known_[Index(user)] != 0;
  }

 private:
  float One(UserId user, ItemId item) const {
    return Dot(user_.data() + Index(user) * dim_, item_.data() + Index(item) * dim_, dim_) +
           bias_[Index(item)];
  }
  absl::Status CheckUser(const UserQuery& query) const {
    if (query.user == kNone<UserId>) {
      return UnimplementedError(
          "bpr_mf scores only users it was trained with; use a model with fold-in for a history");
    }
    if (Index(query.user) >= n_users()) {
      return NotFoundError("user ", Index(query.user), " is not known to the model; train again");
    }
    if (!KnowsUser(query.user)) {
      return FailedPreconditionError("user ", Index(query.user),
                                     " has no positive in the training part");
    }
    return absl::OkStatus();
  }

  std::vector<float> user_, item_, bias_;
  std::vector<uint8_t> known_;
  int64_t dim_;
};

class BprMf : public Model {
 public:
  BprMf(BprMfOptions options, DType dtype) : options_(options), parameters_(dtype) {}

  const ModelSpec& spec() const override { return kBprMfSpec; }
  const void* options() const override { return &options_; }
  ParameterSet* parameters() override { return &parameters_; }

  absl::Status Build(const TrainingData& data, TaskArena& /*workers*/) override {
    known_.assign(data.n_users(), 0);
    for (uint32_t u = 0; u < data.n_users(); ++u) {
      known_[u] = data.positives.ptr[u + 1] > data.positives.ptr[u];
    }
    AddParameters(data.n_users(), data.n_items(), options_.dim, data.seed);
    return absl::OkStatus();
  }

  // The rows of every slice are gathered here, where the tables' gradients belong to one tape.
  Var Prepare(Tape& tape, const Batch& batch, std::vector<Var>* shared) override {
    Parameter* user = parameters_.Find("user");
    Parameter* item = parameters_.Find("item");
    Parameter* bias = parameters_.Find("bias");
    const Tensor users = tape.Indices(batch.users);
    const Tensor positives = tape.Indices(batch.items);
    const Tensor negatives = tape.Indices(batch.negatives);
    shared->assign({GatherRows(tape, user, users), GatherRows(tape, item, positives),
                    GatherRows(tape, item, negatives), GatherRows(tape, bias, positives),
                    GatherRows(tape, bias, negatives)});
    for (uint32_t i = static_cast<uint32_t>(row_.size()); i < batch.rows(); ++i) row_.push_back(i);
    ones_.assign(static_cast<size_t>(batch.rows()), 1.0f);
    return {};
  }

  Var Loss(Tape& tape, const Batch& batch, const Slice& slice,
           std::span<const Var> leaves) const override {
    const size_t n = static_cast<size_t>(slice.row_end - slice.row_begin);
    const Tensor rows =
        tape.Indices(std::span(row_).subspan(static_cast<size_t>(slice.row_begin), n));
    Var part[5];
    for (int i = 0; i < 5; ++i) part[i] = GatherRows(tape, leaves[i], rows);
    const auto& [user, positive, negative, positive_bias, negative_bias] = part;
    // The bias as a dot product with 1: [n, 1] -> [n].
    const Tensor flat = tape.Floats(std::span(ones_).first(n));
    Tensor column = flat;
    column.rank = 2;
    const Var one = tape.Constant(column);
    const Var better = Add(tape, RowDot(tape, user, positive), RowDot(tape, positive_bias, one));
    const Var worse = Add(tape, RowDot(tape, user, negative), RowDot(tape, negative_bias, one));
    const double batch_rows = static_cast<double>(batch.rows());
    Var loss = PairLoss(tape, better, worse, batch_rows);
    if (options_.l2 > 0) {
      for (const Var x : part) {
        const Var norm = WeightedSquaredNorm(tape, x, Tensor{}, options_.l2 / batch_rows);
        loss = AddScaled(tape, loss, 1, norm, 1);
      }
    }
    return loss;
  }

  absl::StatusOr<std::unique_ptr<Scorer>> MakeScorer(TaskArena& /*workers*/) const override {
    if (parameters_.all().empty()) {
      return FailedPreconditionError("bpr_mf is neither trained nor loaded");
    }
    return std::make_unique<BprMfScorer>(parameters_, known_);
  }

  void Save(TensorMap* out) const override {
    parameters_.Save("param/", out);
    out->tensors["state/user_known"] =
        MakeTensor<uint8_t>({static_cast<int64_t>(known_.size())}, known_.data());
  }

  absl::Status Load(const TensorMap& in, std::shared_ptr<const Snapshot> /*snapshot*/) override {
    const NamedTensor* known = in.Find("state/user_known");
    const NamedTensor* item = in.Find("param/item");
    if (known == nullptr || item == nullptr) {
      return NotFoundError("the stored model has no tensor ",
                           known == nullptr ? "state/user_known" : "param/item");
    }
    if (known->dtype != DType::kU8 || known->shape.size() != 1 || item->shape.size() != 2) {
      return InvalidArgumentError(
          "state/user_known must be uint8 [users], param/item [items, dim]");
    }
    known_.assign(known->data<uint8_t>(), known->data<uint8_t>() + known->size());
    AddParameters(known->size(), item->shape[0], item->shape[1], 0);
    return parameters_.Load("param/", in);
  }

 private:
  void AddParameters(int64_t n_users, int64_t n_items, int64_t dim, uint64_t seed) {
    const Init normal{Init::Kind::kNormal, options_.init_scale};
    parameters_.Add("user", {n_users, dim}, true, normal, seed);
    parameters_.Add("item", {n_items, dim}, true, normal, seed);
    parameters_.Add("bias", {n_items, 1}, true, Init{}, seed);
  }

  BprMfOptions options_;
  ParameterSet parameters_;
  std::vector<uint8_t> known_;  // users with a training positive
  std::vector<uint32_t> row_;   // 0, 1, 2, ...
  std::vector<float> ones_;
};

absl::StatusOr<std::unique_ptr<Model>> Make(const OptionMap& options, DType dtype) {
  BprMfOptions parsed;
  UNDULA_RETURN_IF_ERROR(SetOptions(kBprMfSpec.options, &parsed, options));
  return std::make_unique<BprMf>(parsed, dtype);
}

}  // namespace

const ModelSpec kBprMfSpec{
    .name = "bpr_mf",
    .title = "BPR-MF",
    .paper = "Rendle, Freudenthaler, Gantner, Schmidt-Thieme, UAI 2009",
    .batch_kind = BatchKind::kPairwise,
    .capabilities = {.factors = true},
    .options = {"bpr_mf", kFields},
    .make = &Make,
    .parameter_rows = kParameterRows,
};

}  // namespace undula::models
