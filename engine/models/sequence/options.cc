#include "models/sequence/options.h"

#include "base/status.h"

namespace undula::models {
namespace {

#define UNDULA_SEQUENCE_FIELDS                                                                \
  UNDULA_OPTION(SequenceOptions, dim, kInt, 1, 4096, "", "length of the item vectors"),       \
      UNDULA_OPTION(SequenceOptions, max_length, kInt, 0, 1e6, "",                            \
                    "latest events that a prediction sees; 0: all"),                          \
      UNDULA_OPTION(SequenceOptions, session, kChoice, 0, 0, "user|gap|day",                  \
                    "where a sequence begins: with the user, after a pause, with the day"),   \
      UNDULA_OPTION(SequenceOptions, session_gap, kInt, 1, 1e12, "",                          \
                    "seconds of the pause of session = gap"),                                 \
      UNDULA_OPTION(SequenceOptions, init_scale, kFloat, 0, 10, "",                           \
                    "initial values are uniform up to this; 0: 1 / sqrt(dim)"),               \
      UNDULA_OPTION(SequenceOptions, loss, kChoice, 0, 0, "auto|ce|bpr",                      \
                    "cross-entropy over items, or pairs with drawn negatives"),               \
      UNDULA_OPTION(SequenceOptions, sampled, kInt, 0, 1e9, "",                               \
                    "items drawn for a sampled softmax with log-q correction; 0: all items"), \
      UNDULA_OPTION(SequenceOptions, negatives, kInt, 1, 1e6, "", "of loss = bpr, for each row")

#define UNDULA_GRAPH_FIELDS                                                      \
  UNDULA_OPTION(SequenceOptions, steps, kInt, 1, 8, "", "steps of propagation"), \
      UNDULA_OPTION(SequenceOptions, gate, kChoice, 0, 0, "torch|paper",         \
                    "whether the update gate keeps the old state or takes the new one")

#define UNDULA_RECURRENT_FIELDS \
  UNDULA_OPTION(SequenceOptions, hidden, kInt, 1, 4096, "", "length of the recurrent state")

#define UNDULA_MEMORY_FIELDS                                                                       \
  UNDULA_OPTION(SequenceOptions, gamma, kFloat, 0, 1e6, "",                                        \
                "sharpness of the read; 0: the preset's"),                                         \
      UNDULA_OPTION(SequenceOptions, query, kChoice, 0, 0, "auto|linear|tanh",                     \
                    "layer from the state to the query"),                                          \
      UNDULA_OPTION(SequenceOptions, combine, kChoice, 0, 0, "auto|concat_linear|concat_tanh|sum", \
                    "of the state and what was read"),                                             \
      UNDULA_OPTION(SequenceOptions, item_side, kChoice, 0, 0, "auto|item|linear|tanh",            \
                    "item vectors alone, or a layer over them and their entity vectors"),          \
      UNDULA_OPTION(SequenceOptions, write, kChoice, 0, 0, "auto|plain|transformed",               \
                    "what is written: e + r, or tanh(W e + b) + r"),                               \
      UNDULA_OPTION(SequenceOptions, kb_trainable, kChoice, 0, 0, "auto|none|entity|all",          \
                    "which vectors of the knowledge base go on learning"),                         \
      UNDULA_OPTION(SequenceOptions, memory_scope, kChoice, 0, 0, "user|session",                  \
                    "whether a memory lives as long as the user or the session"),                  \
      UNDULA_OPTION(SequenceOptions, truncation, kFloat, 0, 0.1, "",                               \
                    "coefficients of the memory below this are dropped; 0: none"),                 \
      UNDULA_OPTION(SequenceOptions, entity_vectors, kString, 0, 0, "",                            \
                    "stored vectors NAME and NAME.relations; empty: TransE, trained first"),       \
      UNDULA_OPTION(SequenceOptions, kb_dim, kInt, 1, 4096, "", "length of TransE's vectors"),     \
      UNDULA_OPTION(SequenceOptions, kb_epochs, kInt, 0, 1e6, "", "epochs of TransE"),             \
      UNDULA_OPTION(SequenceOptions, shuffle_kb, kBool, 0, 0, "",                                  \
                    "ablation: entity vectors dealt out to items at random")

constexpr OptionField kSrGnnFields[] = {UNDULA_SEQUENCE_FIELDS, UNDULA_GRAPH_FIELDS};
constexpr OptionField kGru4RecFields[] = {UNDULA_SEQUENCE_FIELDS, UNDULA_RECURRENT_FIELDS};
constexpr OptionField kKsrFields[] = {
    UNDULA_SEQUENCE_FIELDS, UNDULA_RECURRENT_FIELDS,
    UNDULA_OPTION(SequenceOptions, preset, kChoice, 0, 0, "paper|code|recbole",
                  "what the options left at auto and 0 mean"),
    UNDULA_MEMORY_FIELDS};
constexpr OptionField kKgsrFields[] = {UNDULA_SEQUENCE_FIELDS, UNDULA_GRAPH_FIELDS,
                                       UNDULA_MEMORY_FIELDS};

void Default(const char* value, std::string* option) {
  if (*option == "auto") *option = value;
}

}  // namespace

const OptionTable kSrGnnOptions{"model", kSrGnnFields};
const OptionTable kGru4RecOptions{"model", kGru4RecFields};
const OptionTable kKsrOptions{"model", kKsrFields};
const OptionTable kKgsrOptions{"model", kKgsrFields};

absl::Status ResolveSequenceOptions(bool memory, SequenceOptions* o) {
  const bool graph = memory && o->preset.empty();  // kgsr has no preset
  const bool paper = memory && o->preset == "paper", code = memory && o->preset == "code";
  Default(paper || code ? "bpr" : "ce", &o->loss);
  if (o->sampled > 0 && o->loss != "ce") {
    return InvalidArgumentError("model.sampled ", o->sampled,
                                " belongs to loss ce; set model.loss = ce or leave it out");
  }
  if (!memory) return absl::OkStatus();
  const bool tanh = paper || code;
  if (o->gamma == 0) o->gamma = code ? 1 : 10;
  Default(tanh || graph ? "tanh" : "linear", &o->query);
  Default(tanh ? "concat_tanh" : "concat_linear", &o->combine);
  Default(graph ? "item" : tanh ? "tanh" : "linear", &o->item_side);
  Default(code ? "transformed" : "plain", &o->write);
  Default(!tanh && !graph ? "entity" : "none", &o->kb_trainable);
  o->output_layer = o->positive_among_negatives = o->popular_negatives = code;
  return absl::OkStatus();
}

}  // namespace undula::models
