// Options of PinSAGE and GraphSAGE.
#ifndef UNDULA_MODELS_CONVOLUTION_OPTIONS_H_
#define UNDULA_MODELS_CONVOLUTION_OPTIONS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "base/options.h"
#include "models/convolution/layers.h"
#include "propagation/sample/exact_visits.h"
#include "propagation/sample/random_walk.h"

namespace undula::models {

struct ConvOptions {
  int64_t dim = 64;         // d: of input embeddings, layers and outputs
  int64_t hidden = 64;      // m: of transformed neighbors
  int64_t layers = 1;       // K
  double init_scale = 0.1;  // standard deviation of the initial embeddings

  // -- PinSAGE: neighborhoods over items
  std::string pooling = "importance";
  std::string neighborhood = "walks";  // or "exact": the pruned power method, no sampling noise
  int64_t walks = 200, traversals = 3;
  double stop = 0.5;
  int64_t neighbors = 20;  // T
  bool keep_self = false;
  // Stored vectors of entities (undula embed): an item's input is its embedding plus a linear map
  // of the vector of the entity that it is linked to.
  std::string entity_vectors;
  bool weighted = false;         // walks follow the weights of interactions
  std::string redraw = "never";  // lists are drawn anew before every "epoch" or for every "batch"
  bool head = false;
  bool residual = true;    // the output adds the item's embedding
  bool normalize = false;  // outputs, and the means of users, of length 1
  // -- PinSAGE: whom an item is recommended to
  std::string query = "profile";  // mean of the user's items, or "item": one of them
  int64_t profile = 50;           // items of a pair's mean at most, drawn; 0: all
  int64_t recent = 50;            // items of a user's mean in scoring, the latest; 0: all

  // -- GraphSAGE: over users and items
  std::string aggregator = "mean";
  int64_t fanout = 0;  // neighbors drawn per node, anew in every epoch; 0: all
  bool normalize_every = false;

  // -- loss
  std::string loss = "bpr";
  double margin = 0.1;
  double temperature = 0.1;  // softmax: logits are divided by it
  // softmax: the other rows' positives are negatives, too, weighed by their chance to be among the
  // candidates (log-q correction).
  bool in_batch = false;
  int64_t shared_negatives = 500;
  bool exclude_known = true;   // a shared negative that the user knows does not count for the row
  int64_t hard_negatives = 0;  // most per pair; epoch n uses n - 1 of them (PinSAGE)
  double hard_weight = 1;
  double hard_low = 0.02, hard_high = 0.1;  // their band of ranks, shares of the ranked items
  // Edges between the two sides of a pair of the batch are not used in its step (PinSAGE: with
  // query=item).
  bool remove_edges = true;
  double l2 = 0;  // times the squared norms of the batch's input embeddings, per row
};

extern const OptionTable kPinSageOptions;
extern const OptionTable kGraphSageOptions;

// InvalidArgument for combinations that cannot work.
absl::Status CheckConvOptions(std::string_view model, const ConvOptions& options);

LayerOptions LayerOptionsOf(const ConvOptions& options, bool sage);
propagation::WalkOptions WalkOptionsOf(const ConvOptions& options);

}  // namespace undula::models

#endif  // UNDULA_MODELS_CONVOLUTION_OPTIONS_H_
