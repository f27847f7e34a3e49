// The interface of every model. A model writes forward passes; the one trainer (models/train), the
// one evaluator (models/eval) and the one tile scorer (models/score) do the rest.
//
// A training step, for batch b:
//   1. Prepare(tape0, b, &shared)  once: distinct ids, gathers, shared tables. Operators parallel
//      inside. May return a loss term that belongs to the whole batch.
//   2. Loss(tape_s, b, slice s, leaves)  once per slice, slices in parallel, each on its own tape;
//      leaves[i] is shared[i]'s value as a leaf. Returns the slice's part of the loss (a scalar,
//      already divided by the batch size), so that the batch's loss is the sum over slices.
//   3. The trainer adds the leaves' gradients to shared[i] in slice order and runs tape0 backward.
#ifndef UNDULA_MODELS_MODEL_H_
#define UNDULA_MODELS_MODEL_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/options.h"
#include "base/parallel.h"
#include "base/snapshot.h"
#include "base/tensor_map.h"
#include "models/data/training_data.h"
#include "models/entity_ids.h"
#include "models/scorer.h"
#include "propagation/parameters.h"
#include "propagation/tape.h"

namespace undula::models {

enum class BatchKind : uint8_t {
  kNone,       // no gradient training: Build() does it all (MostPopular, item log-odds)
  kPointwise,  // rows (user, item, label)
  kPairwise,   // rows (user, positive item, negative item)
  kTriples,    // rows (head, relation, tail, an entity in the place of head or tail)
  kNextItem,   // rows (user, the item at a position of the user's sequence, that position)
};

// One batch. Rows are grouped in chunks: all rows of a chunk are of one user. With chunk size 1
// every chunk is one row, in shuffled order.
struct Batch {
  std::span<const uint32_t> users;      // [n]
  std::span<const uint32_t> items;      // [n]
  std::span<const float> labels;        // [n], pointwise
  std::span<const uint32_t> negatives;  // [n], pairwise
  std::span<const int64_t>
      chunk_ptr;  // [chunks + 1], rows of chunk c: [chunk_ptr[c], chunk_ptr[c+1])
  // kTriples, instead of all but chunk_ptr; every row is a chunk. corrupt[i] stands in the place of
  // the head where corrupts_head[i], else of the tail.
  std::span<const uint32_t> heads, relations, tails, corrupt;  // [n]
  std::span<const uint8_t> corrupts_head;                      // [n]
  // kNextItem, beside users, items and chunk_ptr: row i is predicted from the first positions[i]
  // (>= 1) of the user's training positives in time order; positions ascend within a chunk.
  std::span<const uint32_t> positions;  // [n]

  int64_t rows() const { return static_cast<int64_t>(users.size() + heads.size()); }
  int64_t chunks() const { return static_cast<int64_t>(chunk_ptr.size()) - 1; }
};

// A contiguous part of a batch's chunks.
struct Slice {
  int32_t index = 0;
  int64_t chunk_begin = 0, chunk_end = 0;
  int64_t row_begin = 0, row_end = 0;
};

struct ModelSpec;

// Not thread-safe, except that Loss is called for different slices at once.
class Model {
 public:
  virtual ~Model() = default;
  virtual const ModelSpec& spec() const = 0;
  // Effective options; GetOptions(spec().options, options()) prints them.
  virtual const void* options() const = 0;

  // Sizes, parameters (initialised from data.seed) and per-user structures. Called once, before
  // training. FailedPrecondition names what the data lacks (links, interactions).
  virtual absl::Status Build(const TrainingData& data, TaskArena& workers) = 0;

  // The parameters that the optimiser moves; empty for BatchKind::kNone.
  virtual propagation::ParameterSet* parameters() { return nullptr; }
  // Called before each epoch (1, 2, ...), e.g. to resample.
  virtual absl::Status BeginEpoch(int64_t /*epoch*/) { return absl::OkStatus(); }
  // See the top of this file. Returns a scalar loss term or an invalid Var.
  virtual propagation::Var Prepare(propagation::Tape& tape, const Batch& batch,
                                   std::vector<propagation::Var>* shared);
  virtual propagation::Var Loss(propagation::Tape& tape, const Batch& batch, const Slice& slice,
                                std::span<const propagation::Var> leaves) const;

  // Scores with the present parameters.
  virtual absl::StatusOr<std::unique_ptr<Scorer>> MakeScorer(TaskArena& workers) const = 0;

  // All that Load needs to score again bit for bit (parameters under "param/", structures under
  // "state/"). Load replaces Build; `snapshot` is the present graph, for fold-in: ids of the
  // model's id space, at least as many as at training time.
  virtual void Save(TensorMap* out) const = 0;
  virtual absl::Status Load(const TensorMap& in, std::shared_ptr<const Snapshot> snapshot) = 0;

  // One line of facts about the built structures (e.g. copied hops), for the log.
  virtual std::string Describe() const { return {}; }
};

struct Capabilities {
  bool fold_in = false;   // scores histories of users unseen in training
  bool explains = false;  // Scorer::Explain
  bool factors = false;   // Scorer::ItemVector
  bool uses_graph = false;
  bool sequential = false;  // the order of a history counts; scores follow the latest events
};

// Whose row a row of a parameter is: how a table grows with the database (train/warm_start.h).
enum class RowOwner : uint8_t {
  kUser,
  kItem,
  kEntity,   // row e of entity e, then those of the items without a link (data/item_rows.h)
  kRelation  // row r of relation r; where it has 2 n of them, then those of the inverse ones
};

struct ParameterRows {
  std::string_view name;
  RowOwner owner;
};

// A constant per model; registry.cc lists them.
struct ModelSpec {
  std::string_view name;   // "ripplenet"
  std::string_view title;  // "RippleNet"
  std::string_view paper;  // authors, venue, year
  BatchKind batch_kind;
  Capabilities capabilities;
  OptionTable options;
  // A model with these options over the defaults; dtype kF64 is the CPU reference path.
  absl::StatusOr<std::unique_ptr<Model>> (*make)(const OptionMap& options, DType dtype);
  // All tensors that Save writes in which entity ids occur or that stand in their order.
  std::span<const EntityTensor> entity_tensors = {};
  // The parameters that grow with the database; the shapes of the others depend on options only.
  std::span<const ParameterRows> parameter_rows = {};
};

// All models, alphabetical. One visible table in registry.cc.
std::span<const ModelSpec* const> AllModels();
// NotFound names the nearest model and lists all.
absl::StatusOr<const ModelSpec*> FindModel(std::string_view name);

}  // namespace undula::models

#endif  // UNDULA_MODELS_MODEL_H_
