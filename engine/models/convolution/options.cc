#include "models/convolution/options.h"

#include "base/status.h"

namespace undula::models {
namespace {

#define UNDULA_CONV(member, kind, min, max, choices, help) \
  UNDULA_OPTION(ConvOptions, member, kind, min, max, choices, help)

// Of both families, before and after their own.
#define UNDULA_CONV_SHARED                                                                       \
  UNDULA_CONV(dim, kInt, 1, 1024, "", "length of embeddings, layers and outputs"),               \
      UNDULA_CONV(hidden, kInt, 1, 2048, "", "length of transformed neighbors"),                 \
      UNDULA_CONV(layers, kInt, 1, 4, "", "convolutions: how far messages travel"),              \
      UNDULA_CONV(init_scale, kFloat, 1e-9, 10, "",                                              \
                  "standard deviation of the initial embeddings"),                               \
      UNDULA_CONV(loss, kChoice, 0, 0, "margin|bpr|softmax|logistic",                            \
                  "of a pair against the shared negatives"),                                     \
      UNDULA_CONV(margin, kFloat, 0, 100, "", "of the margin loss"),                             \
      UNDULA_CONV(temperature, kFloat, 1e-4, 1e4, "", "softmax: logits are divided by it"),      \
      UNDULA_CONV(in_batch, kBool, 0, 0, "",                                                     \
                  "softmax: the batch's other positives are negatives, too (log-q correction)"), \
      UNDULA_CONV(shared_negatives, kInt, 1, 1e6, "",                                            \
                  "negatives that all pairs of a batch share"),                                  \
      UNDULA_CONV(exclude_known, kBool, 0, 0, "",                                                \
                  "a shared negative that the user knows does not count for the pair"),          \
      UNDULA_CONV(                                                                               \
          remove_edges, kBool, 0, 0, "",                                                         \
          "edges between the sides of a pair are not used in its step (pinsage: query=item)"),   \
      UNDULA_CONV(l2, kFloat, 0, 1e6, "", "weight of the squared norms of input embeddings")

constexpr OptionField kPinSageFields[] = {
    UNDULA_CONV_SHARED,
    UNDULA_CONV(entity_vectors, kString, 0, 0, "",
                "stored vectors whose linear map adds to the items' embeddings"),
    UNDULA_CONV(pooling, kChoice, 0, 0, "importance|mean|max|lstm",
                "how a neighborhood becomes one vector"),
    UNDULA_CONV(neighborhood, kChoice, 0, 0, "walks|exact",
                "visit counts of drawn walks, or expected ones (pruned power method)"),
    UNDULA_CONV(walks, kInt, 1, 65536, "", "walks from each item"),
    UNDULA_CONV(traversals, kInt, 1, 64, "", "item - user - item steps of a walk, at most"),
    UNDULA_CONV(stop, kFloat, 0, 1, "", "chance to stop before each further step"),
    UNDULA_CONV(neighbors, kInt, 1, 1024, "", "neighbors kept per item"),
    UNDULA_CONV(keep_self, kBool, 0, 0, "", "an item may be its own neighbor"),
    UNDULA_CONV(weighted, kBool, 0, 0, "", "walks follow the weights of interactions"),
    UNDULA_CONV(redraw, kChoice, 0, 0, "never|epoch|batch", "when lists are drawn anew"),
    UNDULA_CONV(head, kBool, 0, 0, "", "two more layers behind the convolutions"),
    UNDULA_CONV(residual, kBool, 0, 0, "", "outputs add the item's embedding"),
    UNDULA_CONV(normalize, kBool, 0, 0, "", "outputs and users have length 1"),
    UNDULA_CONV(query, kChoice, 0, 0, "profile|item",
                "a pair's other side: the mean of the user's other items, or one of them"),
    UNDULA_CONV(profile, kInt, 0, 1e6, "", "items of a pair's mean at most, drawn; 0: all"),
    UNDULA_CONV(recent, kInt, 0, 1e6, "", "latest items of a user that scoring reads; 0: all"),
    UNDULA_CONV(hard_negatives, kInt, 0, 1000, "",
                "hard negatives of a pair at most; epoch n uses n - 1"),
    UNDULA_CONV(hard_weight, kFloat, 0, 1e6, "", "of their mean loss"),
    UNDULA_CONV(hard_low, kFloat, 0, 1, "", "first rank of their band, a share of ranked items"),
    UNDULA_CONV(hard_high, kFloat, 0, 1, "", "last rank of their band, a share of ranked items"),
};

constexpr OptionField kGraphSageFields[] = {
    UNDULA_CONV_SHARED,
    UNDULA_CONV(aggregator, kChoice, 0, 0, "mean|gcn|max_pool|mean_pool|lstm",
                "how a neighborhood becomes one vector"),
    UNDULA_CONV(fanout, kInt, 0, 1e6, "",
                "neighbors drawn per node and layer, anew in every epoch; 0: all"),
    UNDULA_CONV(normalize_every, kBool, 0, 0, "",
                "rows of length 1 after every layer, not only after the last"),
};

template <class Enum>
Enum ChoiceOf(std::string_view choices, std::string_view value) {
  int at = 0;
  while (!choices.starts_with(value) ||
         (choices.size() > value.size() && choices[value.size()] != '|')) {
    choices.remove_prefix(choices.find('|') + 1);
    ++at;
  }
  return static_cast<Enum>(at);
}

}  // namespace

const OptionTable kPinSageOptions{"pinsage", kPinSageFields};
const OptionTable kGraphSageOptions{"graphsage", kGraphSageFields};

absl::Status CheckConvOptions(std::string_view model, const ConvOptions& o) {
  const absl::Status walks = propagation::CheckWalkOptions(WalkOptionsOf(o));
  if (!walks.ok()) return InvalidArgumentError(model, ": ", Message(walks));
  if (o.hard_low > o.hard_high) {
    return InvalidArgumentError(model, ": hard_low=", o.hard_low,
                                " is above hard_high=", o.hard_high);
  }
  if (o.neighborhood == "exact" && o.redraw != "never") {
    return InvalidArgumentError(model,
                                ": neighborhood=exact is not drawn; use redraw=never with it");
  }
  return absl::OkStatus();
}

LayerOptions LayerOptionsOf(const ConvOptions& o, bool sage) {
  LayerOptions out;
  out.sage = sage;
  out.layers = o.layers;
  out.in_dim = out.dim = o.dim;
  out.hidden = o.hidden;
  out.pooling = ChoiceOf<Pooling>("importance|mean|max|lstm", o.pooling);
  out.head = o.head;
  out.aggregator = ChoiceOf<Aggregator>("mean|gcn|max_pool|mean_pool|lstm", o.aggregator);
  out.normalize_every = o.normalize_every;
  return out;
}

propagation::WalkOptions WalkOptionsOf(const ConvOptions& o) {
  return {.walks = o.walks,
          .traversals = o.traversals,
          .stop = o.stop,
          .top = o.neighbors,
          .keep_self = o.keep_self};
}

}  // namespace undula::models
