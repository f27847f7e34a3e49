#include "propagation/ops/group_attention.h"

#include "propagation/ops/add_by_row.h"
#include "propagation/ops/group_attention_row.h"
#include "propagation/ops/group_attention_simd.h"
#include "propagation/ops/group_tile.h"

namespace undula::propagation {
namespace {

constexpr std::string_view kOp = "GroupAttention";

struct Context {
  Var q, keys, values;
  GroupSlots slots;
  Tensor weights;
  bool tiled = false;  // on a GPU: groups in shared memory, else row by row
  cuda::GroupTiles tiles;
};

int64_t Groups(const GroupSlots& s) { return s.row_ptr.size() - 1; }

// Positions of the packed weights; the last entry is their number.
const int64_t* WeightPtr(Tape& tape, const GroupSlots& s) {
  const int64_t groups = Groups(s);
  const int64_t* row = tape.HostOffsets(s.row_ptr);
  const int64_t* slot = tape.HostOffsets(s.slot_ptr);
  int64_t* ptr = tape.arena().New<int64_t>(groups + 1);
  ptr[0] = 0;
  for (int64_t g = 0; g < groups; ++g) {
    ptr[g + 1] = ptr[g] + (row[g + 1] - row[g]) * (slot[g + 1] - slot[g]);
  }
  return ptr;
}

GroupIndex MakeIndex(Tape& tape, const GroupSlots& s) {
  const int64_t groups = Groups(s);
  const int64_t* host_row = tape.HostOffsets(s.row_ptr);
  const int64_t* host_slot = tape.HostOffsets(s.slot_ptr);
  const int64_t* row = s.row_ptr.as<int64_t>();
  const int64_t* slot = s.slot_ptr.as<int64_t>();
  uint32_t* of_row = tape.Scratch<uint32_t>(host_row[groups] - host_row[0]);
  uint32_t* of_slot = tape.Scratch<uint32_t>(host_slot[groups] - host_slot[0]);
  ForRows(tape, groups, 64, GroupIndexRow{row, slot, of_row, of_slot});
  const Tensor weight_ptr =
      tape.Offsets(std::span(WeightPtr(tape, s), static_cast<size_t>(groups + 1)));
  return GroupIndex{row,
                    slot,
                    s.key_row.as<uint32_t>(),
                    s.value_row.as<uint32_t>(),
                    weight_ptr.as<int64_t>(),
                    of_row,
                    of_slot};
}

// What the tiled kernels of a GPU need, and whether the groups fit them.
bool MakeTiles(Tape& tape, const GroupSlots& s, const Tensor& q, const Tensor& keys,
               const Tensor& values, const Tensor& weights, cuda::GroupTiles* tiles) {
  if constexpr (kHasCuda) {
    tiles->groups = Groups(s);
    tiles->row_ptr = s.row_ptr.as<int64_t>();
    tiles->slot_ptr = s.slot_ptr.as<int64_t>();
    tiles->key_row = s.key_row.as<uint32_t>();
    tiles->value_row = s.value_row.as<uint32_t>();
    tiles->count = s.count.empty() ? nullptr : s.count.as<float>();
    tiles->q = q.as<float>();
    tiles->keys = keys.as<float>();
    tiles->values = values.as<float>();
    tiles->weights = weights.as<float>();
    tiles->d = static_cast<int32_t>(q.cols());
    tiles->m = static_cast<int32_t>(values.cols());
    const int64_t* row = tape.HostOffsets(s.row_ptr);
    const int64_t* slot = tape.HostOffsets(s.slot_ptr);
    for (int64_t g = 0; g < tiles->groups; ++g) {
      tiles->max_rows = std::max(tiles->max_rows, row[g + 1] - row[g]);
      tiles->max_slots = std::max(tiles->max_slots, slot[g + 1] - slot[g]);
    }
    if (!cuda::GroupTilesFit(tape.exec().device()->queue(), *tiles)) return false;
    tiles->weight_ptr =
        tape.Offsets(std::span(WeightPtr(tape, s), static_cast<size_t>(tiles->groups + 1)))
            .as<int64_t>();
    return tape.status().ok();
  }
  return false;
}

GroupAttentionArgs TunedArgs(const GroupSlots& s, const Tensor& q, const Tensor& keys,
                             const Tensor& values) {
  GroupAttentionArgs args;
  args.groups = Groups(s);
  args.row_ptr = s.row_ptr.as<int64_t>();
  args.slot_ptr = s.slot_ptr.as<int64_t>();
  args.key_row = s.key_row.as<uint32_t>();
  args.value_row = s.value_row.as<uint32_t>();
  args.count = s.count.as<float>();
  args.key_cols = keys.cols();
  args.value_cols = values.cols();
  args.q = q.as<float>();
  args.keys = keys.as<float>();
  args.values = values.as<float>();
  return args;
}

// grad(to) += the slots' gradients, by the row of each slot.
template <class T>
void AddSlots(Tape& tape, const Context& c, const uint32_t* row_of_slot, const T* slot_grad,
              int64_t cols, Var to) {
  const int64_t* slot_ptr = tape.HostOffsets(c.slots.slot_ptr);
  const int64_t slots = slot_ptr[Groups(c.slots)] - slot_ptr[0];
  const RowOrder order =
      SortRows(tape, View(row_of_slot + slot_ptr[0], slots), tape.value(to).rows());
  AddByRow(tape, order, slots, slot_grad, cols, false, tape.grad(to).as<T>());
}

void BackwardTiles(Tape& tape, const Context& c, const Tensor& g) {
  if constexpr (kHasCuda) {
    const int64_t* slot_ptr = tape.HostOffsets(c.slots.slot_ptr);
    const int64_t slots = slot_ptr[Groups(c.slots)] - slot_ptr[0];
    cuda::GroupTileGradients to;
    to.g_out = g.as<float>();
    if (tape.needs_grad(c.q)) to.dq = tape.grad(c.q).as<float>();
    if (tape.needs_grad(c.keys)) to.slot_keys = tape.Scratch<float>(slots * c.tiles.d);
    if (tape.needs_grad(c.values)) to.slot_values = tape.Scratch<float>(slots * c.tiles.m);
    if (!tape.status().ok()) return;
    tape.Check(cuda::GroupTileBackward(tape.exec().device()->queue(), c.tiles, to), kOp);
    if (to.slot_keys != nullptr) {
      AddSlots<float>(tape, c, c.tiles.key_row, to.slot_keys, c.tiles.d, c.keys);
    }
    if (to.slot_values != nullptr) {
      AddSlots<float>(tape, c, c.tiles.value_row, to.slot_values, c.tiles.m, c.values);
    }
  }
}

// The reference path: row bodies, slot gradients, sort and segment sum.
template <class T>
void BackwardRows(Tape& tape, const Context& c, const Tensor& g) {
  const Tensor q = tape.value(c.q), keys = tape.value(c.keys), values = tape.value(c.values);
  const int64_t d = q.cols(), m = values.cols();
  const GroupIndex index = MakeIndex(tape, c.slots);
  const int64_t groups = Groups(c.slots);
  const int64_t* slot_ptr = tape.HostOffsets(c.slots.slot_ptr);
  const int64_t slots = slot_ptr[groups] - slot_ptr[0];
  T* ds = tape.Scratch<T>(c.weights.size());
  T* dq = tape.needs_grad(c.q) ? tape.grad(c.q).as<T>() : nullptr;
  ForRows(tape, q.rows(), 64 * (d + m),
          GroupAttentionBackwardQueryRow<T>{index, keys.as<T>(), values.as<T>(), c.weights.as<T>(),
                                            g.as<T>(), ds, dq, d, m});
  const auto add = [&](const T* coefficient, const T* x, const uint32_t* row_of_slot, Var to,
                       int64_t cols) {
    if (!tape.needs_grad(to)) return;
    T* slot_grad = tape.Scratch<T>(slots * cols);
    ForRows(tape, slots, 16 * cols,
            GroupAttentionBackwardSlotRow<T>{index, coefficient, x, slot_grad, cols});
    AddSlots<T>(tape, c, row_of_slot, slot_grad, cols, to);
  };
  add(ds, q.as<T>(), index.key_row, c.keys, d);
  add(c.weights.as<T>(), g.as<T>(), index.value_row, c.values, m);
}

void Backward(Tape& tape, Var output, void* context) {
  const auto& c = *static_cast<const Context*>(context);
  const Tensor g = tape.grad(output);
  if (g.dtype == DType::kF64) {
    BackwardRows<double>(tape, c, g);
    return;
  }
  if (tape.exec().on_gpu()) {
    if (c.tiled) {
      BackwardTiles(tape, c, g);
    } else {
      BackwardRows<float>(tape, c, g);
    }
    return;
  }
  const auto wanted = [&](Var v) {
    return tape.needs_grad(v) ? tape.grad(v).as<float>() : nullptr;
  };
  float* dq = wanted(c.q);
  float* dkeys = wanted(c.keys);
  float* dvalues = wanted(c.values);
  GroupAttentionBackward(
      TunedArgs(c.slots, tape.value(c.q), tape.value(c.keys), tape.value(c.values)),
      c.weights.as<float>(), g.as<float>(), dq, dkeys, dvalues, tape.arena());
}

bool CheckSlots(Tape& tape, const GroupSlots& s, const Tensor& q, const Tensor& keys,
                const Tensor& values) {
  if (!CheckOffsets(tape, kOp, "row_ptr", s.row_ptr, INT64_MAX, true) ||
      !CheckOffsets(tape, kOp, "slot_ptr", s.slot_ptr, s.key_row.size(), true) ||
      !CheckRows(tape, kOp, "key_row", s.key_row, keys.rows()) ||
      !CheckRows(tape, kOp, "value_row", s.value_row, values.rows()) ||
      (!s.count.empty() && !CheckFloats(tape, kOp, "count", s.count, s.key_row.size()))) {
    return false;
  }
  if (s.row_ptr.size() != s.slot_ptr.size() || s.key_row.size() != s.value_row.size()) {
    BadInput(tape, kOp, "row_ptr has ", s.row_ptr.size(), " entries, slot_ptr ", s.slot_ptr.size(),
             ", key_row ", s.key_row.size(), " and value_row ", s.value_row.size());
    return false;
  }
  const int64_t* row = tape.HostOffsets(s.row_ptr);
  if (row[Groups(s)] - row[0] != q.rows()) {
    BadInput(tape, kOp, "row_ptr covers ", row[Groups(s)] - row[0], " rows but q is ", Describe(q));
    return false;
  }
  return true;
}

}  // namespace

Var GroupAttention(Tape& tape, Var q, Var keys, Var values, const GroupSlots& slots,
                   Tensor* weights_out) {
  if (!Ready(tape, kOp, {q, keys, values})) return Var{};
  const Tensor qv = tape.value(q), kv = tape.value(keys), vv = tape.value(values);
  if (qv.rank != 2 || kv.rank != 2 || vv.rank != 2 || qv.cols() != kv.cols()) {
    return BadInput(tape, kOp, "q ", Describe(qv), ", keys ", Describe(kv), " and values ",
                    Describe(vv), " do not fit; they are [n, d], [P, d] and [U, m]");
  }
  if (!CheckSlots(tape, slots, qv, kv, vv)) return Var{};
  const int64_t d = qv.cols(), m = vv.cols();
  const Tensor weights = tape.NewTensor({WeightPtr(tape, slots)[Groups(slots)]});
  const Tensor out = tape.NewTensor({qv.rows(), m});
  Context* c = tape.New<Context>();
  *c = Context{q, keys, values, slots, weights};
  const auto run_rows = [&](auto zero) {
    using T = decltype(zero);
    ForRows(tape, qv.rows(), 64 * (d + m),
            GroupAttentionRow<T>{MakeIndex(tape, slots), qv.as<T>(), kv.as<T>(), vv.as<T>(),
                                 slots.count.as<T>(), weights.as<T>(), out.as<T>(), d, m});
  };
  if (out.dtype == DType::kF64) {
    run_rows(double{});
  } else if (tape.exec().on_gpu()) {
    c->tiled = MakeTiles(tape, slots, qv, kv, vv, weights, &c->tiles);
    if constexpr (kHasCuda) {
      if (c->tiled) {
        tape.Check(cuda::GroupTileForward(tape.exec().device()->queue(), c->tiles, out.as<float>()),
                   kOp);
      }
    }
    if (!c->tiled) run_rows(float{});
  } else {
    GroupAttentionForward(TunedArgs(slots, qv, kv, vv), out.as<float>(), weights.as<float>(),
                          tape.arena());
  }
  if (weights_out != nullptr) *weights_out = weights;
  return tape.Record(out, tape.needs_grad(q) || tape.needs_grad(keys) || tape.needs_grad(values),
                     Backward, c);
}

}  // namespace undula::propagation
