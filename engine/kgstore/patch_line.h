// One line of a patch file: an operation on a database. docs/patch-format.md describes the lines.
#ifndef UNDULA_KGSTORE_PATCH_LINE_H_
#define UNDULA_KGSTORE_PATCH_LINE_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "kgstore/updater.h"

namespace undula::kgstore {

// Adds the operation of `line` (without its line end) to the updater; nothing for an empty line or
// a comment. InvalidArgument for a bad line: the message says what is wrong, *column (from 1, in
// bytes) where. Other errors are the updater's; *column is then 0.
absl::Status ApplyPatchLine(std::string_view line, Updater* updater, size_t* column);

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_PATCH_LINE_H_
