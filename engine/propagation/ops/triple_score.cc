#include "propagation/ops/triple_score.h"

#include <type_traits>

#include "propagation/ops/op_check.h"
#include "propagation/ops/triple_score_row.h"
#include "propagation/ops/triple_simd.h"

namespace undula::propagation {
namespace {

struct Context {
  Var entities, relations;
  Tensor heads, relation, tails;
  Tensor slope;  // of distances
  TripleForm form;
};

// The tuned kernel in the place of ForRows where there is one: float32 on the CPU.
template <class Body, class Kernel>
void ForTriples(Tape& tape, int64_t n, int64_t work_per_row, const Body& body, Kernel kernel) {
  if constexpr (std::is_invocable_v<Kernel, const Body&, int64_t, int64_t>) {
    if (!tape.exec().on_gpu()) {
      ForRanges(tape.exec().workers(), n, work_per_row,
                [&](int64_t begin, int64_t end) { kernel(body, begin, end); });
      return;
    }
  }
  ForRows(tape, n, work_per_row, body);
}

// to[rows[i]] += sign g[i] slope[i] for all triples i.
void AddSlopes(Tape& tape, const Tensor& slope, const Tensor& g, const Tensor& rows, double sign,
               const Tensor& to) {
  const RowOrder order = SortRows(tape, rows, to.rows());
  const int64_t n = rows.size(), cols = to.cols();
  WithFloat(to.dtype, [&](auto zero) {
    using T = decltype(zero);
    ForTriples(tape, order.distinct, cols * (1 + n / std::max<int64_t>(1, order.distinct)),
               TripleBackwardRow<T>{slope.as<T>(), g.as<T>(), order.rows, order.ptr, order.order,
                                    to.as<T>(), cols, static_cast<T>(sign)},
               GetTripleKernels().add_slopes);
  });
}

void DistanceBackward(Tape& tape, const Context& c, const Tensor& g) {
  if (tape.needs_grad(c.entities)) {
    AddSlopes(tape, c.slope, g, c.heads, 1, tape.grad(c.entities));
    AddSlopes(tape, c.slope, g, c.tails, -1, tape.grad(c.entities));
  }
  if (tape.needs_grad(c.relations)) {
    AddSlopes(tape, c.slope, g, c.relation, 1, tape.grad(c.relations));
  }
}

void ProductBackward(Tape& tape, const Context& c, const Tensor& g) {
  const Tensor entities = tape.value(c.entities), relations = tape.value(c.relations);
  const int64_t n = g.size(), cols = entities.cols();
  const Tensor slope = tape.NewTensor({n, cols});
  const auto add = [&](const Tensor& a, const Tensor& a_row, const Tensor& b, const Tensor& b_row,
                       const Tensor& rows, Var to) {
    if (!tape.needs_grad(to)) return;
    WithFloat(a.dtype, [&](auto zero) {
      using T = decltype(zero);
      ForRows(tape, n, cols,
              TripleProductSlopeRow<T>{a.as<T>(), a_row.as<uint32_t>(), b.as<T>(),
                                       b_row.as<uint32_t>(), slope.as<T>(), cols});
    });
    AddSlopes(tape, slope, g, rows, 1, tape.grad(to));
  };
  add(relations, c.relation, entities, c.tails, c.heads, c.entities);
  add(relations, c.relation, entities, c.heads, c.tails, c.entities);
  add(entities, c.heads, entities, c.tails, c.relation, c.relations);
}

void Backward(Tape& tape, Var output, void* context) {
  const auto& c = *static_cast<const Context*>(context);
  const Tensor g = tape.grad(output);
  if (c.form == TripleForm::kProduct) {
    ProductBackward(tape, c, g);
  } else {
    DistanceBackward(tape, c, g);
  }
}

struct PlaneContext {
  Var x, w;
};

void HyperplaneBackward(Tape& tape, Var output, void* context) {
  const auto& c = *static_cast<const PlaneContext*>(context);
  const Tensor g = tape.grad(output), x = tape.value(c.x), w = tape.value(c.w);
  WithFloat(g.dtype, [&](auto zero) {
    using T = decltype(zero);
    T* const none = nullptr;
    ForRows(
        tape, g.rows(), g.cols() * 6,
        HyperplaneBackwardRow<T>{x.as<T>(), w.as<T>(), g.as<T>(),
                                 tape.needs_grad(c.x) ? tape.grad(c.x).as<T>() : none,
                                 tape.needs_grad(c.w) ? tape.grad(c.w).as<T>() : none, g.cols()});
  });
}

}  // namespace

Var TripleScore(Tape& tape, Var entities, Var relations, const Tensor& heads,
                const Tensor& relation, const Tensor& tails, TripleForm form) {
  constexpr std::string_view kOp = "TripleScore";
  if (!Ready(tape, kOp, {entities, relations})) return Var{};
  const Tensor e = tape.value(entities), r = tape.value(relations);
  if (e.rank != 2 || r.rank != 2 || e.cols() != r.cols()) {
    return BadInput(tape, kOp, "entities ", Describe(e), " and relations ", Describe(r),
                    " do not fit; they are [E, d] and [R, d]");
  }
  const int64_t n = heads.size(), cols = e.cols();
  if (relation.size() != n || tails.size() != n) {
    return BadInput(tape, kOp, n, " heads, ", relation.size(), " relations and ", tails.size(),
                    " tails");
  }
  if (!CheckRows(tape, kOp, "heads", heads, e.rows()) ||
      !CheckRows(tape, kOp, "relation", relation, r.rows()) ||
      !CheckRows(tape, kOp, "tails", tails, e.rows())) {
    return Var{};
  }
  const Tensor out = tape.NewTensor({n});
  Tensor slope;
  if (form != TripleForm::kProduct) slope = tape.NewTensor({n, cols});
  WithFloat(e.dtype, [&](auto zero) {
    using T = decltype(zero);
    if (form == TripleForm::kProduct) {
      ForRows(
          tape, n, cols * 3,
          TripleProductRow<T>{e.as<T>(), r.as<T>(), heads.as<uint32_t>(), relation.as<uint32_t>(),
                              tails.as<uint32_t>(), out.as<T>(), cols});
    } else {
      ForTriples(
          tape, n, cols * 6,
          TripleDistanceRow<T>{e.as<T>(), r.as<T>(), heads.as<uint32_t>(), relation.as<uint32_t>(),
                               tails.as<uint32_t>(), out.as<T>(), slope.as<T>(), cols, form},
          GetTripleKernels().distance);
    }
  });
  Context* c = tape.New<Context>();
  *c = Context{entities, relations, heads, relation, tails, slope, form};
  return tape.Record(out, tape.needs_grad(entities) || tape.needs_grad(relations), Backward, c);
}

Var ProjectToHyperplane(Tape& tape, Var x, Var w) {
  constexpr std::string_view kOp = "ProjectToHyperplane";
  if (!Ready(tape, kOp, {x, w})) return Var{};
  const Tensor xv = tape.value(x), wv = tape.value(w);
  if (xv.rank != 2 || wv.rank != 2 || xv.rows() != wv.rows() || xv.cols() != wv.cols()) {
    return BadInput(tape, kOp, "x ", Describe(xv), " and w ", Describe(wv), " differ in shape");
  }
  const Tensor out = tape.NewTensor({xv.rows(), xv.cols()});
  WithFloat(xv.dtype, [&](auto zero) {
    using T = decltype(zero);
    ForRows(tape, xv.rows(), xv.cols() * 4,
            HyperplaneRow<T>{xv.as<T>(), wv.as<T>(), out.as<T>(), xv.cols()});
  });
  PlaneContext* c = tape.New<PlaneContext>();
  *c = PlaneContext{x, w};
  return tape.Record(out, tape.needs_grad(x) || tape.needs_grad(w), HyperplaneBackward, c);
}

}  // namespace undula::propagation
