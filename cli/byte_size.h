// Sizes on the command line.
#ifndef UNDULA_CLI_BYTE_SIZE_H_
#define UNDULA_CLI_BYTE_SIZE_H_

#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"

namespace undula::cli {

// "512MiB", "2 GiB", "65536KiB", "1TiB"; a number alone is bytes. InvalidArgument for anything
// else.
absl::StatusOr<int64_t> ParseByteSize(std::string_view text);

}  // namespace undula::cli

#endif  // UNDULA_CLI_BYTE_SIZE_H_
