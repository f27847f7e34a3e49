#include "models/kgcn/options.h"

#include "base/status.h"

namespace undula::models {
namespace {

constexpr OptionField kFields[] = {
    UNDULA_OPTION(KgcnOptions, dim, kInt, 1, 512, "", "length of the vectors"),
    UNDULA_OPTION(KgcnOptions, hops, kInt, 1, 3, "", "layers: how far messages travel"),
    UNDULA_OPTION(KgcnOptions, neighbors, kInt, 0, 4096, "",
                  "neighbors drawn per entity; 0: all of them (one hop only)"),
    UNDULA_OPTION(KgcnOptions, resample, kBool, 0, 0, "", "draw neighbors anew before every epoch"),
    UNDULA_OPTION(KgcnOptions, aggregator, kChoice, 0, 0, "sum|concat|neighbor",
                  "how a layer joins an entity and its message"),
    UNDULA_OPTION(KgcnOptions, preset, kChoice, 0, 0, "code|paper",
                  "scales of the authors' programs, or of their papers"),
    UNDULA_OPTION(KgcnOptions, score_scale, kChoice, 0, 0, "preset|dim|one",
                  "attention scores are divided by dim, or not"),
    UNDULA_OPTION(KgcnOptions, message_scale, kChoice, 0, 0, "preset|neighbors|one",
                  "messages are divided by the number of neighbors, or not"),
    UNDULA_OPTION(KgcnOptions, attention, kChoice, 0, 0, "user|uniform",
                  "weights of neighbors by user and relation, or all the same (control)"),
    UNDULA_OPTION(KgcnOptions, kg, kBool, 0, 0, "", "use the graph; off: no messages (control)"),
    UNDULA_OPTION(KgcnOptions, l2_weight, kFloat, 0, 1e6, "", "times half the sum of squares"),
    UNDULA_OPTION(KgcnOptions, l2_mode, kChoice, 0, 0, "rows|tables",
                  "regularise the rows of the batch (fast), or whole tables (authors' programs)"),
    UNDULA_OPTION(KgcnOptions, init_scale, kFloat, 1e-6, 1e6, "",
                  "size of the initial vectors, relative to the authors'"),
    UNDULA_OPTION(KgcnOptions, ls_weight, kFloat, 0, 1e6, "",
                  "weight of the label smoothness loss"),
    UNDULA_OPTION(KgcnOptions, ls_prob, kBool, 0, 0, "",
                  "propagated labels are probabilities, not logits"),
};
constexpr OptionTable kAll{"kgnn_ls", kFields};
constexpr OptionTable kWithoutLs{
    "kgcn", std::span<const OptionField>(kFields).first(std::size(kFields) - 2)};

}  // namespace

const OptionTable kKgcnOptions = kWithoutLs;
const OptionTable kKgnnLsOptions = kAll;

double ScoreScale(const KgcnOptions& o) {
  if (o.attention == "uniform") return 0;
  const bool by_dim = o.score_scale == "preset" ? o.preset == "code" : o.score_scale == "dim";
  return by_dim ? 1.0 / static_cast<double>(o.dim) : 1.0;
}

double MessageScale(const KgcnOptions& o) {
  const bool by_neighbors =
      o.message_scale == "preset" ? o.preset == "code" : o.message_scale == "neighbors";
  return by_neighbors && o.neighbors > 0 ? 1.0 / static_cast<double>(o.neighbors) : 1.0;
}

absl::Status CheckKgcnOptions(std::string_view name, const KgcnOptions& o) {
  if (o.neighbors == 0 && o.hops > 1) {
    return InvalidArgumentError(name, ": neighbors=0 (all of them) works with hops=1 only, not ",
                                o.hops, "; give a number of neighbors to draw");
  }
  if (!o.kg && o.aggregator == "neighbor") {
    return InvalidArgumentError(name,
                                ": kg=off leaves aggregator=neighbor nothing to score with; use "
                                "aggregator=sum");
  }
  return absl::OkStatus();
}

}  // namespace undula::models
