// The registered sequence models.
#include "base/status.h"
#include "models/sequence/sequence_model.h"

namespace undula::models {
namespace {

constexpr ParameterRows kRows[] = {{"item", RowOwner::kItem}};
constexpr ParameterRows kMemoryRows[] = {
    {"item", RowOwner::kItem}, {"entity", RowOwner::kItem}, {"relation", RowOwner::kRelation}};

absl::StatusOr<std::unique_ptr<Model>> Make(const ModelSpec& spec, SequenceModel::Encoder encoder,
                                            bool memory, SequenceOptions options,
                                            const OptionMap& values, DType dtype) {
  UNDULA_RETURN_IF_ERROR(SetOptions(spec.options, &options, values));
  UNDULA_RETURN_IF_ERROR(ResolveSequenceOptions(memory, &options));
  const int64_t state = encoder == SequenceModel::Encoder::kGraph ? options.dim : options.hidden;
  if (memory && options.combine == "sum" && state != options.dim) {
    return InvalidArgumentError("model.combine sum adds vectors of length hidden (", state,
                                ") and dim (", options.dim, "); make them equal");
  }
  return std::make_unique<SequenceModel>(spec, encoder, memory, options, dtype);
}

absl::StatusOr<std::unique_ptr<Model>> MakeSrGnn(const OptionMap& values, DType dtype) {
  return Make(kSrGnnSpec, SequenceModel::Encoder::kGraph, false, {}, values, dtype);
}
absl::StatusOr<std::unique_ptr<Model>> MakeGru4Rec(const OptionMap& values, DType dtype) {
  return Make(kGru4RecSpec, SequenceModel::Encoder::kRecurrent, false, {}, values, dtype);
}
absl::StatusOr<std::unique_ptr<Model>> MakeKsr(const OptionMap& values, DType dtype) {
  return Make(kKsrSpec, SequenceModel::Encoder::kRecurrent, true, {}, values, dtype);
}
absl::StatusOr<std::unique_ptr<Model>> MakeKgsr(const OptionMap& values, DType dtype) {
  SequenceOptions options;
  options.preset.clear();
  return Make(kKgsrSpec, SequenceModel::Encoder::kGraph, true, options, values, dtype);
}

}  // namespace

const ModelSpec kSrGnnSpec{
    .name = "sr_gnn",
    .title = "SR-GNN",
    .paper = "Wu, Tang, Zhu, Wang, Xie, Tan, AAAI 2019",
    .batch_kind = BatchKind::kNextItem,
    .capabilities = {.fold_in = true, .factors = true, .sequential = true},
    .options = kSrGnnOptions,
    .make = &MakeSrGnn,
    .parameter_rows = kRows,
};

const ModelSpec kGru4RecSpec{
    .name = "gru4rec",
    .title = "GRU4Rec",
    .paper = "Hidasi, Karatzoglou, Baltrunas, Tikk, ICLR 2016",
    .batch_kind = BatchKind::kNextItem,
    .capabilities = {.fold_in = true, .factors = true, .sequential = true},
    .options = kGru4RecOptions,
    .make = &MakeGru4Rec,
    .parameter_rows = kRows,
};

const ModelSpec kKsrSpec{
    .name = "ksr",
    .title = "KSR",
    .paper = "Huang, Zhao, Dou, Wen, Chang, SIGIR 2018",
    .batch_kind = BatchKind::kNextItem,
    .capabilities = {.fold_in = true, .factors = true, .uses_graph = true, .sequential = true},
    .options = kKsrOptions,
    .make = &MakeKsr,
    .parameter_rows = kMemoryRows,
};

const ModelSpec kKgsrSpec{
    .name = "kgsr",
    .title = "KGSR",
    .paper = "Wang, Cai, Information 11(8), 2020",
    .batch_kind = BatchKind::kNextItem,
    .capabilities = {.fold_in = true, .factors = true, .uses_graph = true, .sequential = true},
    .options = kKgsrOptions,
    .make = &MakeKgsr,
    .parameter_rows = kMemoryRows,
};

}  // namespace undula::models
