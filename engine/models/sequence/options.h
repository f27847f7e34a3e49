// Options of the sequence models, and what their presets mean. One struct for all: each model's
// table shows the fields that it has.
#ifndef UNDULA_MODELS_SEQUENCE_OPTIONS_H_
#define UNDULA_MODELS_SEQUENCE_OPTIONS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "base/options.h"

namespace undula::models {

struct SequenceOptions {
  int64_t dim = 64;         // of items and of what is compared with them
  int64_t max_length = 50;  // latest events that a prediction sees; 0: all
  std::string session = "user";
  int64_t session_gap = 1800;  // seconds, of session = gap
  double init_scale = 0;       // uniform in [-s, s]; 0: 1 / sqrt(dim)
  std::string loss = "auto";   // "ce", "bpr"
  int64_t sampled = 0;         // candidates drawn for a sampled softmax; 0: all items
  int64_t negatives = 10;      // of bpr, per row

  // Session graph (sr_gnn, kgsr).
  int64_t steps = 1;
  std::string gate = "torch";

  // Recurrence (gru4rec, ksr).
  int64_t hidden = 64;

  // Memory (ksr, kgsr).
  std::string preset = "recbole";
  double gamma = 0;  // 0: the preset's
  std::string query = "auto", combine = "auto", item_side = "auto", write = "auto";
  std::string kb_trainable = "auto";
  std::string memory_scope = "user";
  double truncation = 1e-6;
  std::string entity_vectors;  // stored vectors; empty: TransE, trained here
  int64_t kb_dim = 50, kb_epochs = 20;
  bool shuffle_kb = false;

  // What the presets resolve to; not options.
  bool output_layer = false, positive_among_negatives = false, popular_negatives = false;
};

extern const OptionTable kSrGnnOptions, kGru4RecOptions, kKsrOptions, kKgsrOptions;

// Replaces "auto" by what the preset says. `memory`: the model has one. InvalidArgument for options
// that do not go together.
absl::Status ResolveSequenceOptions(bool memory, SequenceOptions* options);

}  // namespace undula::models

#endif  // UNDULA_MODELS_SEQUENCE_OPTIONS_H_
