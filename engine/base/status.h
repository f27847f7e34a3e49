// Errors are values: absl::Status / absl::StatusOr. This header has the two macros that pass them
// on and Error(), which builds the message from parts (std::string_view, std::string, C strings,
// numbers). A message names the thing (file:line:column, id, option) and the remedy.
#ifndef UNDULA_BASE_STATUS_H_
#define UNDULA_BASE_STATUS_H_

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define UNDULA_CONCAT_INNER_(a, b) a##b
#define UNDULA_CONCAT_(a, b) UNDULA_CONCAT_INNER_(a, b)

#define UNDULA_RETURN_IF_ERROR(expr)                                  \
  do {                                                                \
    if (absl::Status undula_status_ = (expr); !undula_status_.ok()) { \
      return undula_status_;                                          \
    }                                                                 \
  } while (false)

// UNDULA_ASSIGN_OR_RETURN(auto x, F()): x = *F() or return F()'s status.
#define UNDULA_ASSIGN_OR_RETURN(lhs, expr) \
  UNDULA_ASSIGN_OR_RETURN_(UNDULA_CONCAT_(undula_or_, __LINE__), lhs, expr)
#define UNDULA_ASSIGN_OR_RETURN_(tmp, lhs, expr) \
  auto tmp = (expr);                             \
  if (!tmp.ok()) return tmp.status();            \
  lhs = *std::move(tmp)

namespace undula {
namespace internal {
void AppendPart(std::string* out, double value);
inline void AppendPart(std::string* out, std::string_view text) { out->append(text); }
inline void AppendPart(std::string* out, const std::string& text) { out->append(text); }
inline void AppendPart(std::string* out, const char* text) { out->append(text); }
inline void AppendPart(std::string* out, char c) { out->push_back(c); }
template <class Int,
          std::enable_if_t<std::is_integral_v<Int> && !std::is_same_v<Int, char>, int> = 0>
void AppendPart(std::string* out, Int value) {
  out->append(std::to_string(value));
}
}  // namespace internal

// "a", 3, 0.5 -> "a30.5". Doubles print with %g.
template <class... Parts>
std::string Concat(const Parts&... parts) {
  std::string text;
  (internal::AppendPart(&text, parts), ...);
  return text;
}

template <class... Parts>
absl::Status Error(absl::StatusCode code, const Parts&... parts) {
  return absl::Status(code, Concat(parts...));
}

#define UNDULA_DEFINE_ERROR_(Name, Code)               \
  template <class... Parts>                            \
  absl::Status Name##Error(const Parts&... parts) {    \
    return Error(absl::StatusCode::k##Code, parts...); \
  }
UNDULA_DEFINE_ERROR_(InvalidArgument, InvalidArgument)
UNDULA_DEFINE_ERROR_(NotFound, NotFound)
UNDULA_DEFINE_ERROR_(AlreadyExists, AlreadyExists)
UNDULA_DEFINE_ERROR_(DataLoss, DataLoss)
UNDULA_DEFINE_ERROR_(FailedPrecondition, FailedPrecondition)
UNDULA_DEFINE_ERROR_(ResourceExhausted, ResourceExhausted)
UNDULA_DEFINE_ERROR_(Unavailable, Unavailable)
UNDULA_DEFINE_ERROR_(Unimplemented, Unimplemented)
UNDULA_DEFINE_ERROR_(Cancelled, Cancelled)
UNDULA_DEFINE_ERROR_(DeadlineExceeded, DeadlineExceeded)
UNDULA_DEFINE_ERROR_(Internal, Internal)
#undef UNDULA_DEFINE_ERROR_

// errno -> Status: ENOENT NotFound, ENOSPC/ENOMEM ResourceExhausted, EACCES/EROFS
// FailedPrecondition, others Internal. The message is "what: strerror".
absl::Status ErrnoError(int error_number, std::string_view what);

// The status's message as a std::string_view (Debian's absl::string_view is another type).
inline std::string_view Message(const absl::Status& status) {
  return std::string_view(status.message().data(), status.message().size());
}

}  // namespace undula

#endif  // UNDULA_BASE_STATUS_H_
