#include "models/train/train_state.h"

#include "base/status.h"

namespace undula::models {
namespace {

constexpr int64_t kCounters = 9;
constexpr int64_t kValues = 3;

}  // namespace

void Fingerprint::Add(uint64_t value) {
  for (int i = 0; i < 8; ++i) {
    hash_ = (hash_ ^ (value >> (8 * i) & 0xFF)) * 0x100000001B3u;
  }
}

std::string Fingerprint::Text() const {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (int shift = 60; shift >= 0; shift -= 4) text += kHex[hash_ >> shift & 15];
  return text;
}

Fingerprint FingerprintOf(const TrainingData& data) {
  Fingerprint hash;
  hash.Add(data.snapshot->id_space);
  hash.Add(data.n_users());
  hash.Add(data.n_items());
  hash.Add(data.seed);
  hash.Add(static_cast<uint64_t>(data.snapshot->out.edges()));
  for (const LabeledPair& row : data.train) {
    hash.Add(uint64_t{Index(row.user)} << 32 | Index(row.item));
    hash.Add(row.label > 0);
  }
  return hash;
}

void TrainState::Save(TensorMap* out) const {
  const int64_t counters[kCounters] = {epoch,      step,       global_step,
                                       samples,    epoch_rows, finished_epochs,
                                       best_epoch, since_best, done ? 1 : 0};
  const double values[kValues] = {loss_sum, last_loss, best_value};
  out->tensors["train/counters"] = MakeTensor<int64_t>({kCounters}, counters);
  out->tensors["train/values"] = MakeTensor<double>({kValues}, values);
}

absl::Status TrainState::Load(const TensorMap& in) {
  const NamedTensor* counters = in.Find("train/counters");
  const NamedTensor* values = in.Find("train/values");
  if (counters == nullptr || values == nullptr || counters->dtype != DType::kI64 ||
      values->dtype != DType::kF64 || counters->size() != kCounters || values->size() != kValues) {
    return DataLossError("the checkpoint's train/counters or train/values is missing or malformed");
  }
  const int64_t* c = counters->data<int64_t>();
  epoch = c[0];
  step = c[1];
  global_step = c[2];
  samples = c[3];
  epoch_rows = c[4];
  finished_epochs = c[5];
  best_epoch = c[6];
  since_best = c[7];
  done = c[8] != 0;
  const double* v = values->data<double>();
  loss_sum = v[0];
  last_loss = v[1];
  best_value = v[2];
  if (epoch < 1 || step < 0 || global_step < step) {
    return DataLossError("the checkpoint's train/counters are out of range");
  }
  return absl::OkStatus();
}

std::map<std::string, std::string> RunIdentity(const Model& model, const Fingerprint& data,
                                               const OptionMap& train_options) {
  std::map<std::string, std::string> identity;
  identity["model"] = std::string(model.spec().name);
  for (const auto& [key, value] : GetOptions(model.spec().options, model.options())) {
    identity["model." + key] = value;
  }
  for (const auto& [key, value] : train_options) {
    if (key == "epochs" || key == "patience" || key == "read_ahead" ||
        key.starts_with("checkpoint_")) {
      continue;
    }
    identity["train." + key] = value;
  }
  identity["data"] = data.Text();
  return identity;
}

absl::Status CheckIdentity(const std::map<std::string, std::string>& identity,
                           const TensorMap& checkpoint, const std::string& run) {
  for (const auto& [key, value] : identity) {
    const auto it = checkpoint.metadata.find(key);
    const std::string stored = it == checkpoint.metadata.end() ? "nothing" : it->second;
    if (stored == value) continue;
    return FailedPreconditionError("the checkpoint of run '", run,
                                   "' is of another training: ", key, " was ", stored, " and is ",
                                   value, "; train without resume, or under another name");
  }
  return absl::OkStatus();
}

}  // namespace undula::models
