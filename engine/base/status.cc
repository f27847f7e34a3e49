#include "base/status.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace undula {
namespace internal {

void AppendPart(std::string* out, double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%g", value);
  out->append(buffer);
}

}  // namespace internal

absl::Status ErrnoError(int error_number, std::string_view what) {
  absl::StatusCode code = absl::StatusCode::kInternal;
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      code = absl::StatusCode::kNotFound;
      break;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case ENOMEM:
    case EMFILE:
      code = absl::StatusCode::kResourceExhausted;
      break;
    case EACCES:
    case EPERM:
    case EROFS:
    case EISDIR:
      code = absl::StatusCode::kFailedPrecondition;
      break;
    default:
      break;
  }
  return Error(code, what, ": ", std::strerror(error_number));
}

}  // namespace undula
