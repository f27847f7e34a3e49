#include "propagation/ops/op_check.h"

#include "propagation/cuda/sort_rows.h"

namespace undula::propagation {
std::string Describe(const Tensor& tensor) {
  if (tensor.empty()) return "nothing";
  std::string text = Concat(TypeName(tensor.dtype), " [");
  for (int axis = 0; axis < tensor.rank; ++axis) {
    text += Concat(axis == 0 ? "" : ", ", tensor.shape[axis]);
  }
  return text + "]";
}

bool Ready(Tape& tape, std::string_view op, std::initializer_list<Var> inputs) {
  if (!tape.status().ok()) return false;
  int number = 0;
  for (const Var v : inputs) {
    ++number;
    if (!v.valid()) {
      BadInput(tape, op, "input ", number, " is not a value of the tape");
      return false;
    }
    if (tape.value(v).dtype != tape.float_type()) {
      BadInput(tape, op, "input ", number, " is ", Describe(tape.value(v)), ", the tape works in ",
               TypeName(tape.float_type()));
      return false;
    }
  }
  return true;
}

bool CheckRows(Tape& tape, std::string_view op, std::string_view name, const Tensor& rows,
               int64_t limit) {
  if ((rows.empty() && rows.size() != 0) || rows.dtype != DType::kU32 || rows.rank != 1 ||
      rows.size() >= int64_t{1} << 32) {
    BadInput(tape, op, name, " must be uint32 [n], not ", Describe(rows));
    return false;
  }
  if (tape.exec().on_gpu()) return true;
  const uint32_t* row = rows.as<uint32_t>();
  uint32_t largest = 0;
  const auto find_largest = [&](const LaneGroup&, int64_t) {
    uint32_t top = 0;
    for (int64_t i = 0; i < rows.size(); ++i) top = std::max(top, row[i]);
    largest = top;
  };
  ChooseRunRows<decltype(find_largest)>()(find_largest, 0, 1);
  if (rows.size() > 0 && largest >= limit) {
    BadInput(tape, op, name, " contains ", largest, ", but there are only ", limit, " rows");
    return false;
  }
  return true;
}

bool CheckOffsets(Tape& tape, std::string_view op, std::string_view name, const Tensor& ptr,
                  int64_t end, bool any_start) {
  if (ptr.empty() || ptr.dtype != DType::kI64 || ptr.rank != 1 || ptr.size() < 1) {
    BadInput(tape, op, name, " must be int64 [segments + 1], not ", Describe(ptr));
    return false;
  }
  if (tape.exec().on_gpu()) return true;
  const int64_t* p = ptr.as<int64_t>();
  const int64_t n = ptr.size() - 1;
  bool ok = any_start ? p[0] >= 0 : p[0] == 0;
  for (int64_t i = 0; i < n; ++i) ok = ok && p[i] <= p[i + 1];
  ok = ok && p[n] <= end;
  if (!ok) {
    BadInput(tape, op, name, " must ascend from ", any_start ? "a start >= 0" : "0", " to at most ",
             end, "; it goes from ", p[0], " to ", p[n]);
  }
  return ok;
}

bool CheckFloats(Tape& tape, std::string_view op, std::string_view name, const Tensor& values,
                 int64_t n) {
  if ((!values.empty() || n == 0) && values.dtype == tape.float_type() && values.rank == 1 &&
      values.size() == n) {
    return true;
  }
  BadInput(tape, op, name, " must be ", TypeName(tape.float_type()), " [", n, "], not ",
           Describe(values));
  return false;
}

RowOrder SortRows(Tape& tape, const Tensor& ids, int64_t limit) {
  if (!tape.exec().on_gpu()) {
    return SortByRow(ids.as<uint32_t>(), ids.size(), limit, tape.arena());
  }
  RowOrder order;
  if constexpr (kHasCuda) {
    if (!tape.status().ok()) return order;
    const absl::Status sorted = cuda::SortRowsOn(tape.exec().device(), tape.arena(),
                                                 ids.as<uint32_t>(), ids.size(), limit, &order);
    if (!sorted.ok()) tape.Fail(sorted);
  }
  return order;
}

}  // namespace undula::propagation
