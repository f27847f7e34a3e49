#include "propagation/ops/relation_mix_tuned.h"

#include <algorithm>

#include "propagation/ops/op_check.h"
#include "propagation/ops/relation_mix_simd.h"
#include "propagation/ops/relation_mix_train_simd.h"
#include "propagation/tile_gemm.h"

namespace undula::propagation {
namespace {

// Columns of the table.
int64_t TableWidth(int64_t relations) { return (relations + 15) / 16 * 16; }

// The tuned kernels work tiles of groups; tiles depend on the input only, not on threads.
constexpr int64_t kTileGroups = 256, kMaxTiles = 32;

int64_t TileGroups(int64_t groups) {
  return std::max(kTileGroups, (groups + kMaxTiles - 1) / kMaxTiles);
}

// kernel(args, begin, end, scratch) for every tile.
template <class Kernel>
void ForTiles(Tape& tape, int64_t groups, int64_t work, int64_t scratch, const Kernel& kernel) {
  const int64_t size = TileGroups(groups), tiles = (groups + size - 1) / size;
  float* memory = tape.Scratch<float>(tiles * scratch);
  ForRows(tape.exec().workers(), tiles, work / std::max<int64_t>(1, tiles),
          [&](const LaneGroup&, int64_t tile) {
            kernel(tile, tile * size, std::min(groups, (tile + 1) * size), memory + tile * scratch);
          });
}

MixTrainArgs TunedArgs(Tape& tape, const RelationMixContext& c) {
  MixTrainArgs a;
  a.row_ptr = c.slots.row_ptr.as<int64_t>();
  a.slot_ptr = c.slots.slot_ptr.as<int64_t>();
  a.weight_ptr = c.weight_ptr.as<int64_t>();
  a.relation = c.slots.relation.as<uint32_t>();
  a.value_row = c.slots.value_row.empty() ? nullptr : c.slots.value_row.as<uint32_t>();
  a.count = c.slots.count.as<float>();
  a.d = tape.value(c.q).cols();
  a.m = tape.value(c.values).cols();
  a.q = tape.value(c.q).as<float>();
  a.relations = tape.value(c.relations).as<float>();
  a.values = tape.value(c.values).as<float>();
  a.base = c.base.valid() ? tape.value(c.base).as<float>() : nullptr;
  a.scale = static_cast<float>(c.scale);
  a.gain = static_cast<float>(c.gain);
  a.activation = c.activation;
  a.weights = c.weights.as<float>();
  a.table = c.table;
  a.table_width = TableWidth(tape.value(c.relations).rows());
  if (c.table != nullptr && !c.slots.query_row.empty()) {
    a.query_row = c.slots.query_row.as<uint32_t>();
  }
  return a;
}

// dscore: the gradient of each packed weight's score. Summed by (query, relation) first.
void TableBackward(Tape& tape, const RelationMixContext& c, const float* dscore, float* dq,
                   float* drelations) {
  const Tensor q = tape.value(c.q), relations = tape.value(c.relations);
  const int64_t queries = q.rows(), d = q.cols(), width = relations.rows();
  const int64_t groups = c.slots.row_ptr.size() - 1, n = tape.value(c.out).rows();
  const int64_t* row_ptr = c.slots.row_ptr.as<int64_t>();
  const int64_t* slot_ptr = c.slots.slot_ptr.as<int64_t>();
  const int64_t* weight_ptr = c.weight_ptr.as<int64_t>();
  const uint32_t* relation = c.slots.relation.as<uint32_t>();
  uint32_t* group = tape.Scratch<uint32_t>(n);
  for (int64_t g = 0; g < groups; ++g) {
    std::fill(group + row_ptr[g], group + row_ptr[g + 1], static_cast<uint32_t>(g));
  }
  RowOrder order;
  if (!c.slots.query_row.empty()) order = SortRows(tape, c.slots.query_row, queries);
  float* sums = tape.NewZero({queries, width}).as<float>();
  const auto add_row = [&](float* to, int64_t row) {
    const int64_t g = group[row], slot = slot_ptr[g], slots = slot_ptr[g + 1] - slot;
    const float* from = dscore + weight_ptr[g] + (row - row_ptr[g]) * slots;
    for (int64_t i = 0; i < slots; ++i) to[relation[slot + i]] += from[i];
  };
  ForRows(tape, c.slots.query_row.empty() ? n : order.distinct,
          1 + c.weights.size() / std::max<int64_t>(1, queries), [&](const LaneGroup&, int64_t i) {
            if (c.slots.query_row.empty()) return add_row(sums + i * width, i);
            for (int64_t k = order.ptr[i]; k < order.ptr[i + 1]; ++k) {
              add_row(sums + order.rows[i] * width, order.order[k]);
            }
          });
  const float *from[kTileRows], *query[kTileRows];
  float* to[kTileRows];
  for (int64_t begin = 0; begin < queries; begin += kTileRows) {
    const int64_t rows = std::min(kTileRows, queries - begin);
    for (int64_t i = 0; i < rows; ++i) {
      from[i] = sums + (begin + i) * width;
      query[i] = q.as<float>() + (begin + i) * d;
      to[i] = dq + (begin + i) * d;
    }
    if (dq != nullptr) TileGemm<float>(from, rows, width, relations.as<float>(), d, to, d, true);
    if (drelations != nullptr) TileOuter<float>(from, query, rows, width, d, drelations, d);
  }
}

}  // namespace

bool IsTunedMix(Tape& tape, int64_t d, int64_t m, Activation activation) {
  return tape.float_type() == DType::kF32 && !tape.exec().on_gpu() && d > 0 && d % 16 == 0 &&
         m > 0 && m % 16 == 0 && activation != Activation::kSigmoid;
}

const float* TunedMixTable(Tape& tape, const Tensor& q, const Tensor& relations, int64_t n_weights,
                           double scale) {
  constexpr float kLeast = 1e-30f;
  const int64_t n = relations.rows(), width = TableWidth(n), d = q.cols();
  if (q.rows() * n > 2 * n_weights) return nullptr;
  float* transposed = tape.arena().New<float>(d * width);
  std::fill(transposed, transposed + d * width, 0.0f);
  for (int64_t r = 0; r < n; ++r) {
    for (int64_t c = 0; c < d; ++c) transposed[c * width + r] = relations.as<float>()[r * d + c];
  }
  float* table = tape.Scratch<float>(q.rows() * width);
  uint8_t* held = tape.Scratch<uint8_t>(q.rows());
  const MixKernels& kernels = GetMixKernels();
  ForRows(tape, q.rows(), d * width / 8 + width, [&](const LaneGroup&, int64_t row) {
    float* to = table + row * width;
    kernels.exponentials(q.as<float>() + row * d, d, transposed, n, width,
                         static_cast<float>(scale), to);
    held[row] = std::none_of(to, to + n, [](float x) { return x < kLeast; });
  });
  const bool all = std::find(held, held + q.rows(), 0) == held + q.rows();
  return all ? table : nullptr;
}

void TunedMixForward(Tape& tape, const RelationMixContext& c, const Tensor& out) {
  MixTrainArgs a = TunedArgs(tape, c);
  a.out = out.as<float>();
  const MixTrainKernels& kernels = GetMixTrainKernels();
  ForTiles(tape, c.slots.row_ptr.size() - 1, c.weights.size() * (a.d + a.m) + out.size() * 4,
           MixTrainScratch(c.max_slots, a.d, a.m),
           [&](int64_t, int64_t begin, int64_t end, float* scratch) {
             kernels.forward(a, begin, end, scratch);
           });
}

void TunedMixBackward(Tape& tape, Var output, const RelationMixContext& c) {
  MixTrainArgs a = TunedArgs(tape, c);
  const auto wanted = [&](Var v) {
    return v.valid() && tape.needs_grad(v) ? tape.grad(v).as<float>() : nullptr;
  };
  const bool by_table = c.table != nullptr;
  a.out = tape.value(output).as<float>();
  a.g_out = tape.grad(output).as<float>();
  a.dweights = tape.has_grad(c.weights_var) ? tape.grad(c.weights_var).as<float>() : nullptr;
  if (by_table) {
    a.dscore = tape.Scratch<float>(c.weights.size());
  } else {
    a.dq = wanted(c.q);
  }
  a.dbase = wanted(c.base);
  float* dvalues = wanted(c.values);
  const int64_t slots = c.slots.relation.size(), groups = c.slots.row_ptr.size() - 1;
  if (dvalues != nullptr) {
    a.dslot = a.value_row == nullptr ? dvalues : tape.NewZero({slots, a.m}).as<float>();
  }
  float* drelations = by_table ? nullptr : wanted(c.relations);
  const int64_t size = tape.value(c.relations).size();
  const int64_t tiles = (groups + TileGroups(groups) - 1) / TileGroups(groups);
  float* partial = nullptr;  // sums of the tiles but the first
  if (drelations != nullptr && tiles > 1) partial = tape.NewZero({tiles - 1, size}).as<float>();
  const MixTrainKernels& kernels = GetMixTrainKernels();
  ForTiles(tape, groups, c.weights.size() * 4 * (a.d + a.m) + tape.value(output).size() * 4,
           MixTrainScratch(c.max_slots, a.d, a.m),
           [&](int64_t tile, int64_t begin, int64_t end, float* scratch) {
             MixTrainArgs of_tile = a;
             of_tile.drelation =
                 tile == 0 || drelations == nullptr ? drelations : partial + (tile - 1) * size;
             kernels.backward(of_tile, begin, end, scratch);
           });
  for (int64_t tile = 1; partial != nullptr && tile < tiles; ++tile) {
    for (int64_t i = 0; i < size; ++i) drelations[i] += partial[(tile - 1) * size + i];
  }
  if (by_table) TableBackward(tape, c, a.dscore, wanted(c.q), wanted(c.relations));
  if (dvalues == nullptr || a.value_row == nullptr) return;
  const RowOrder order = SortRows(tape, c.slots.value_row, tape.value(c.values).rows());
  ForRows(tape, order.distinct, 4 * a.m,
          ScatterAddRow<float>{a.dslot, order.rows, order.ptr, order.order, dvalues, a.m});
}

}  // namespace undula::propagation
