#include "propagation/ops/relation_mix.h"

#include "propagation/ops/add_by_row.h"
#include "propagation/ops/gather.h"
#include "propagation/ops/group_tile.h"
#include "propagation/ops/op_check.h"
#include "propagation/ops/relation_mix_row.h"
#include "propagation/ops/relation_mix_tuned.h"

namespace undula::propagation {
namespace {

constexpr std::string_view kOp = "RelationMix";

struct Context : RelationMixContext {
  bool tiled = false;  // on a GPU: groups in shared memory, else row by row
  cuda::GroupTiles tiles;
};

// What a tape's rows need of the groups; host copies of the offsets.
GroupIndex MakeIndex(Tape& tape, const RelationSlots& s, const Tensor& weight_ptr, int64_t rows) {
  uint32_t* of_row = tape.Scratch<uint32_t>(rows);
  uint32_t* of_slot = tape.Scratch<uint32_t>(s.relation.size());
  ForRows(tape, s.row_ptr.size() - 1, 16,
          GroupIndexRow{s.row_ptr.as<int64_t>(), s.slot_ptr.as<int64_t>(), of_row, of_slot});
  return GroupIndex{s.row_ptr.as<int64_t>(),
                    s.slot_ptr.as<int64_t>(),
                    s.relation.as<uint32_t>(),
                    s.value_row.empty() ? nullptr : s.value_row.as<uint32_t>(),
                    weight_ptr.as<int64_t>(),
                    of_row,
                    of_slot};
}

// Positions of the packed weights of each group, and how many there are; the most slots of a group.
Tensor WeightPtr(Tape& tape, const RelationSlots& s, int64_t* weights, int64_t* max_slots) {
  const int64_t groups = s.row_ptr.size() - 1;
  const int64_t* row = tape.HostOffsets(s.row_ptr);
  const int64_t* slot = tape.HostOffsets(s.slot_ptr);
  int64_t* ptr = tape.arena().New<int64_t>(groups + 1);
  ptr[0] = *max_slots = 0;
  for (int64_t g = 0; g < groups; ++g) {
    const int64_t slots = slot[g + 1] - slot[g];
    *max_slots = std::max(*max_slots, slots);
    ptr[g + 1] = ptr[g] + (row[g + 1] - row[g]) * slots;
  }
  *weights = ptr[groups];
  return tape.Offsets(std::span(ptr, static_cast<size_t>(groups + 1)));
}

// What the tiled kernels of a GPU need, and whether the groups fit them.
bool MakeTiles(Tape& tape, Context* c) {
  if constexpr (kHasCuda) {
    if (!tape.exec().on_gpu() || !tape.status().ok()) return false;
    cuda::GroupTiles& t = c->tiles;
    t.groups = c->slots.row_ptr.size() - 1;
    t.row_ptr = c->slots.row_ptr.as<int64_t>();
    t.slot_ptr = c->slots.slot_ptr.as<int64_t>();
    t.weight_ptr = c->weight_ptr.as<int64_t>();
    t.key_row = c->slots.relation.as<uint32_t>();
    t.value_row = c->slots.value_row.empty() ? nullptr : c->slots.value_row.as<uint32_t>();
    t.count = c->slots.count.empty() ? nullptr : c->slots.count.as<float>();
    t.q = tape.value(c->q).as<float>();
    t.keys = tape.value(c->relations).as<float>();
    t.values = tape.value(c->values).as<float>();
    t.base = c->base.valid() ? tape.value(c->base).as<float>() : nullptr;
    t.weights = c->weights.as<float>();
    t.d = static_cast<int32_t>(tape.value(c->q).cols());
    t.m = static_cast<int32_t>(tape.value(c->values).cols());
    t.scale = static_cast<float>(c->scale);
    t.gain = static_cast<float>(c->gain);
    t.activation = c->activation;
    t.max_slots = c->max_slots;
    const int64_t* row = tape.HostOffsets(c->slots.row_ptr);
    for (int64_t g = 0; g < t.groups; ++g) t.max_rows = std::max(t.max_rows, row[g + 1] - row[g]);
    return cuda::GroupTilesFit(tape.exec().device()->queue(), t);
  }
  return false;
}

// grad(to) += the slots' gradients, by the row of each slot.
template <class T>
void AddSlots(Tape& tape, const Tensor& row_of_slot, const T* slot_grad, int64_t cols, Var to) {
  const RowOrder order = SortRows(tape, row_of_slot, tape.value(to).rows());
  AddByRow(tape, order, row_of_slot.size(), slot_grad, cols, false, tape.grad(to).as<T>());
}

void BackwardTiles(Tape& tape, Var output, const Context& c) {
  if constexpr (kHasCuda) {
    const int64_t slots = c.slots.relation.size();
    const auto wanted = [&](Var v) {
      return v.valid() && tape.needs_grad(v) ? tape.grad(v).as<float>() : nullptr;
    };
    cuda::GroupTileGradients to;
    to.out = tape.value(output).as<float>();
    to.g_out = tape.grad(output).as<float>();
    to.dq = wanted(c.q);
    to.dbase = wanted(c.base);
    to.add_to_values = c.slots.value_row.empty();
    if (tape.needs_grad(c.values)) {
      to.slot_values = to.add_to_values ? wanted(c.values) : tape.Scratch<float>(slots * c.tiles.m);
    }
    if (tape.needs_grad(c.relations)) to.slot_keys = tape.Scratch<float>(slots * c.tiles.d);
    if (!tape.status().ok()) return;
    tape.Check(cuda::GroupTileBackward(tape.exec().device()->queue(), c.tiles, to), kOp);
    if (to.slot_values != nullptr && !to.add_to_values) {
      AddSlots(tape, c.slots.value_row, to.slot_values, c.tiles.m, c.values);
    }
    if (to.slot_keys != nullptr) {
      AddSlots(tape, c.slots.relation, to.slot_keys, c.tiles.d, c.relations);
    }
  }
}

template <class T>
void BackwardOf(Tape& tape, Var output, const Context& c) {
  const Tensor g = tape.grad(output), out = tape.value(output), q = tape.value(c.q);
  const int64_t d = q.cols(), m = out.cols(), slots = c.slots.relation.size();
  const GroupIndex index = MakeIndex(tape, c.slots, c.weight_ptr, q.rows());
  T* dz = tape.Scratch<T>(out.size());
  T* ds = tape.Scratch<T>(c.weights.size());
  const int64_t slots_per_row = 1 + c.weights.size() / std::max<int64_t>(1, q.rows());
  ForRows(
      tape, q.rows(), slots_per_row * (d + m) + 8 * m,
      RelationMixBackwardRow<T>{
          index, tape.value(c.relations).as<T>(), tape.value(c.values).as<T>(), c.weights.as<T>(),
          tape.has_grad(c.weights_var) ? tape.grad(c.weights_var).as<T>() : nullptr, out.as<T>(),
          g.as<T>(), dz, ds, tape.needs_grad(c.q) ? tape.grad(c.q).as<T>() : nullptr, d, m,
          static_cast<T>(c.scale), static_cast<T>(c.gain), c.activation});
  if (c.base.valid() && tape.needs_grad(c.base)) {
    ForRows(tape, c.slots.row_ptr.size() - 1, m * 4,
            RelationMixBaseRow<T>{c.slots.row_ptr.as<int64_t>(), dz, tape.grad(c.base).as<T>(), m});
  }
  const auto add = [&](const T* coefficient, const T* x, const Tensor& row_of_slot, Var to,
                       int64_t cols, double factor) {
    if (!tape.needs_grad(to)) return;
    const bool direct = row_of_slot.empty();
    T* slot_grad = direct ? tape.grad(to).as<T>() : tape.NewZero({slots, cols}).as<T>();
    ForRows(tape, slots, 4 * cols,
            RelationMixSlotRow<T>{index, coefficient, x, slot_grad, cols, static_cast<T>(factor)});
    if (!direct) AddSlots<T>(tape, row_of_slot, slot_grad, cols, to);
  };
  add(c.weights.as<T>(), dz, c.slots.value_row, c.values, m, c.gain);
  add(ds, q.as<T>(), c.slots.relation, c.relations, d, 1);
}

void Backward(Tape& tape, Var output, void* context) {
  const auto& c = *static_cast<const Context*>(context);
  // The tiled kernels do not take in a gradient of the weights.
  if (c.tiled && !tape.has_grad(c.weights_var)) {
    BackwardTiles(tape, output, c);
    return;
  }
  if (IsTunedMix(tape, tape.value(c.q).cols(), tape.value(c.values).cols(), c.activation)) {
    TunedMixBackward(tape, output, c);
    return;
  }
  WithFloat(tape.float_type(), [&](auto zero) { BackwardOf<decltype(zero)>(tape, output, c); });
}

// Runs after Backward, which takes in the gradient of the weights; does its work where nobody has
// used the output.
void WeightsBackward(Tape& tape, Var, void* context) {
  const auto& c = *static_cast<const Context*>(context);
  if (!tape.has_grad(c.out)) Backward(tape, c.out, context);
}

bool CheckSlots(Tape& tape, const RelationSlots& s, const Tensor& q, const Tensor& relations,
                const Tensor& values) {
  const int64_t n = s.relation.size();
  const int64_t rows = s.query_row.empty() ? q.rows() : s.query_row.size();
  if (!CheckOffsets(tape, kOp, "row_ptr", s.row_ptr, rows) ||
      !CheckOffsets(tape, kOp, "slot_ptr", s.slot_ptr, n) ||
      !CheckRows(tape, kOp, "relation", s.relation, relations.rows()) ||
      (!s.value_row.empty() && !CheckRows(tape, kOp, "value_row", s.value_row, values.rows())) ||
      (!s.query_row.empty() && !CheckRows(tape, kOp, "query_row", s.query_row, q.rows())) ||
      (!s.count.empty() && !CheckFloats(tape, kOp, "count", s.count, n))) {
    return false;
  }
  const int64_t groups = s.row_ptr.size() - 1;
  const int64_t covered = tape.HostOffsets(s.row_ptr)[groups];
  if (s.slot_ptr.size() == groups + 1 && covered == rows &&
      tape.HostOffsets(s.slot_ptr)[groups] == n &&
      (s.value_row.empty() ? values.rows() : s.value_row.size()) == n) {
    return true;
  }
  BadInput(tape, kOp, "row_ptr has ", groups + 1, " entries and covers ", covered, " of ", rows,
           " rows, slot_ptr ", s.slot_ptr.size(), "; relation has ", n, " slots, value_row ",
           s.value_row.size(), " and values ", values.rows(), " rows");
  return false;
}

}  // namespace

Var RelationMix(Tape& tape, Var q, Var relations, Var values, Var base, const RelationSlots& slots,
                double scale, double gain, Activation activation, Var* weights_out) {
  if (!Ready(tape, kOp, {q, relations, values}) || (base.valid() && !Ready(tape, kOp, {base}))) {
    return Var{};
  }
  const Tensor qv = tape.value(q), rv = tape.value(relations), vv = tape.value(values);
  const Tensor bv = tape.value(base);
  if (qv.rank != 2 || rv.rank != 2 || vv.rank != 2 || qv.cols() != rv.cols() ||
      (base.valid() &&
       (bv.rank != 2 || bv.cols() != vv.cols() || bv.rows() != slots.row_ptr.size() - 1))) {
    return BadInput(tape, kOp, "q ", Describe(qv), ", relations ", Describe(rv), ", values ",
                    Describe(vv), " and base ", Describe(bv),
                    " do not fit; they are [n, d], [R, d], [V, m] and [groups, m]");
  }
  if (!CheckSlots(tape, slots, qv, rv, vv)) return Var{};
  const int64_t d = qv.cols(), m = vv.cols();
  const bool tuned = IsTunedMix(tape, d, m, activation);
  Context* c = tape.New<Context>();
  int64_t n_weights = 0;
  const Tensor weight_ptr = WeightPtr(tape, slots, &n_weights, &c->max_slots);
  c->relations = relations;
  c->values = values;
  c->base = base;
  c->slots = slots;
  c->weight_ptr = weight_ptr;
  c->weights = tape.NewTensor({n_weights});
  c->scale = scale;
  c->gain = gain;
  c->activation = activation;
  c->table = tuned ? TunedMixTable(tape, qv, rv, n_weights, scale) : nullptr;
  c->q = q;
  if (c->table == nullptr && !slots.query_row.empty()) {
    c->q = GatherRows(tape, q, slots.query_row);
    c->slots.query_row = Tensor();
    if (!c->q.valid()) return Var{};
  }
  const int64_t n = slots.query_row.empty() ? qv.rows() : slots.query_row.size();
  const Tensor out = tape.NewTensor({n, m});
  c->tiled = MakeTiles(tape, c);
  if (c->tiled) {
    if constexpr (kHasCuda) {
      tape.Check(cuda::GroupTileForward(tape.exec().device()->queue(), c->tiles, out.as<float>()),
                 kOp);
    }
  } else if (tuned) {
    TunedMixForward(tape, *c, out);
  } else {
    WithFloat(out.dtype, [&](auto zero) {
      using T = decltype(zero);
      ForRows(tape, n, (1 + n_weights / std::max<int64_t>(1, n)) * (d + m) + 16 * m,
              RelationMixRow<T>{MakeIndex(tape, slots, weight_ptr, n), tape.value(c->q).as<T>(),
                                rv.as<T>(), vv.as<T>(), base.valid() ? bv.as<T>() : nullptr,
                                slots.count.as<T>(), c->weights.as<T>(), out.as<T>(), d, m,
                                static_cast<T>(scale), static_cast<T>(gain), activation});
    });
  }
  const bool needs_grad = tape.needs_grad(q) || tape.needs_grad(relations) ||
                          tape.needs_grad(values) || tape.needs_grad(base);
  // The weights first: their gradient is complete before Backward runs.
  if (weights_out != nullptr) {
    *weights_out = c->weights_var = tape.Record(c->weights, needs_grad, WeightsBackward, c);
  }
  return c->out = tape.Record(out, needs_grad, Backward, c);
}

}  // namespace undula::propagation
