// The knowledge-enhanced memory: from a row's state to its vector, through a key-value memory that
// the items of its sequence have written, and the item side that it is compared with.
#ifndef UNDULA_MODELS_SEQUENCE_MEMORY_H_
#define UNDULA_MODELS_SEQUENCE_MEMORY_H_

#include <cstdint>
#include <span>
#include <vector>

#include "models/sequence/knowledge.h"
#include "models/sequence/options.h"
#include "models/sequence/sequences.h"
#include "propagation/parameters.h"
#include "propagation/tape.h"

namespace undula::models {

// Of the rows of some items: what they write, and its products with the keys.
struct MemoryTables {
  propagation::Var events;    // [m, k]
  propagation::Var products;  // [m, A]
  propagation::Var keys;      // [A, k]
};

class KnowledgeMemory {
 public:
  // `base` must outlive it. `state_dim`: of the rows' states.
  void AddParameters(const SequenceOptions& options, int64_t state_dim, const KnowledgeBase& base,
                     propagation::Init init, uint64_t seed, propagation::ParameterSet* set);

  // Entity vectors of items, [m, k]; those without a link have learned ones.
  propagation::Var Entities(propagation::Tape& tape, std::span<const uint32_t> items) const;
  MemoryTables Tables(propagation::Tape& tape, propagation::Var entities) const;
  // What rows are compared with, [m, dim]; `vectors` are the items' own.
  propagation::Var ItemSide(propagation::Tape& tape, propagation::Var vectors,
                            std::span<const uint32_t> items) const;
  // The rows' vectors [B, dim] from their states; the plan's event_row are rows of the tables.
  propagation::Var Read(propagation::Tape& tape, const MemoryTables& tables, propagation::Var state,
                        const SequencePlan& plan) const;
  // The read alone: what the memory gave [B, k], its weights [B, A] (may be null).
  propagation::Var ReadOnly(propagation::Tape& tape, const MemoryTables& tables,
                            propagation::Var state, const SequencePlan& plan,
                            propagation::Tensor* weights) const;
  // The rows' vectors from their states and what was read.
  propagation::Var Combine(propagation::Tape& tape, propagation::Var state,
                           propagation::Var memory) const;

  // The memory in its direct form, for sequences that grow event by event; float32. `values`
  // [A, k], 0 before the first event, after one more: v_a <- v_a + sigmoid(v_a . x_a) (x_a - v_a),
  // x_a = event + key_a. event [k]: its item's row of the tables; keys [A, k].
  static void Write(const float* event, const propagation::Tensor& keys, std::span<float> values);
  // What one row [1, k] reads of such values.
  propagation::Var ReadValues(propagation::Tape& tape, propagation::Var state,
                              propagation::Var keys, std::span<const float> values) const;

 private:
  propagation::Var Query(propagation::Tape& tape, propagation::Var state) const;

  const SequenceOptions* options_ = nullptr;
  const KnowledgeBase* base_ = nullptr;
  std::vector<uint32_t> learned_row_;  // by item without a link: its row of `unlinked_`

  propagation::Parameter *entity_ = nullptr, *unlinked_ = nullptr, *relation_ = nullptr;
  propagation::Parameter *write_ = nullptr, *write_bias_ = nullptr;
  propagation::Parameter *query_, *query_bias_;
  propagation::Parameter *from_state_ = nullptr, *from_memory_, *user_bias_ = nullptr;
  propagation::Parameter *output_ = nullptr, *output_bias_ = nullptr;
  propagation::Parameter *item_ = nullptr, *item_entity_ = nullptr, *item_bias_ = nullptr;
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_SEQUENCE_MEMORY_H_
