#include "tests/conformance/model_cases.h"

namespace undula::models {

const ModelCase* FindModelCase(std::string_view model) {
  static const std::vector<ModelCase> kCases = {
      {.model = "bpr_mf",
       .tiny = {{"dim", "3"}, {"l2", "0.05"}, {"init_scale", "0.5"}},
       .options = {{"dim", "8"}, {"l2", "0.0001"}},
       .train = {.epochs = 60, .batch_size = 128, .learning_rate = 0.02}},
      {.model = "item_log_odds"},
      {.model = "kgcn",
       .tiny = {{"dim", "3"},
                {"hops", "2"},
                {"neighbors", "3"},
                {"aggregator", "concat"},
                {"preset", "paper"},
                {"l2_weight", "0.05"}},
       .options = {{"dim", "8"}, {"neighbors", "4"}, {"l2_weight", "1e-5"}},
       .train = {.epochs = 60, .batch_size = 128, .learning_rate = 0.02}},
      {.model = "kgnn_ls",
       .tiny = {{"dim", "3"},
                {"hops", "2"},
                {"neighbors", "3"},
                {"preset", "paper"},
                {"l2_weight", "0.05"},
                {"l2_mode", "tables"},
                {"ls_weight", "0.7"}},
       .options = {{"dim", "8"}, {"hops", "2"}, {"neighbors", "4"}, {"l2_weight", "1e-5"}},
       .train = {.epochs = 60, .batch_size = 128, .learning_rate = 0.02}},
      {.model = "most_popular"},
      {.model = "ripplenet",
       .tiny = {{"dim", "3"},
                {"memory", "4"},
                {"item_update", "plus_transform"},
                {"scoring", "code"},
                {"kge_weight", "0.5"},
                {"l2_weight", "0.01"}},
       .options = {{"dim", "8"}, {"memory", "16"}},
       .train = {.epochs = 60, .batch_size = 128, .learning_rate = 0.02}},
  };
  for (const ModelCase& c : kCases) {
    if (c.model == model) return &c;
  }
  return nullptr;
}

}  // namespace undula::models
