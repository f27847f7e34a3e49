// The specs of PinSAGE and GraphSAGE.
#include "base/status.h"
#include "models/convolution/conv_model.h"

namespace undula::models {
namespace {

constexpr ParameterRows kPinSageRows[] = {{"item", RowOwner::kItem}};
constexpr ParameterRows kGraphSageRows[] = {{"item", RowOwner::kItem}, {"user", RowOwner::kUser}};

absl::StatusOr<std::unique_ptr<Model>> Make(const ModelSpec& spec, ConvOptions defaults,
                                            const OptionMap& options, DType dtype) {
  UNDULA_RETURN_IF_ERROR(SetOptions(spec.options, &defaults, options));
  UNDULA_RETURN_IF_ERROR(CheckConvOptions(spec.name, defaults));
  return std::make_unique<ConvModel>(&spec, defaults, dtype);
}

absl::StatusOr<std::unique_ptr<Model>> MakePinSage(const OptionMap& options, DType dtype) {
  return Make(kPinSageSpec, ConvOptions{}, options, dtype);
}
absl::StatusOr<std::unique_ptr<Model>> MakeGraphSage(const OptionMap& options, DType dtype) {
  ConvOptions defaults;
  defaults.loss = "logistic";
  defaults.remove_edges = false;
  return Make(kGraphSageSpec, defaults, options, dtype);
}

}  // namespace

const ModelSpec kPinSageSpec{
    .name = "pinsage",
    .title = "PinSAGE",
    .paper = "Ying, He, Chen, Eksombatchai, Hamilton, Leskovec, KDD 2018",
    .batch_kind = BatchKind::kPairwise,
    .capabilities = {.fold_in = true, .factors = true},
    .options = kPinSageOptions,
    .make = &MakePinSage,
    .parameter_rows = kPinSageRows,
};

const ModelSpec kGraphSageSpec{
    .name = "graphsage",
    .title = "GraphSAGE",
    .paper = "Hamilton, Ying, Leskovec, NIPS 2017",
    .batch_kind = BatchKind::kPairwise,
    .capabilities = {.fold_in = true, .factors = true},
    .options = kGraphSageOptions,
    .make = &MakeGraphSage,
    .parameter_rows = kGraphSageRows,
};

}  // namespace undula::models
