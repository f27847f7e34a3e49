// Writes a database as the atomic files of RecBole (https://recbole.io/docs/user_guide/data/).
#ifndef UNDULA_KGSTORE_EXPORT_RECBOLE_H_
#define UNDULA_KGSTORE_EXPORT_RECBOLE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/progress.h"
#include "kgstore/read_view.h"

namespace undula::kgstore {

// The kinds of atomic files: "inter", "kg", "link", "item", "user", "net".
inline constexpr std::string_view kRecboleKinds[] = {"inter", "kg", "link", "item", "user", "net"};

// Gives the lines of one kind to `write`, whose error ends the export; the number of records. Tabs
// and line ends within names become blanks; of an item the best link is written; literals are not
// part of RecBole's graph. InvalidArgument for another kind.
absl::StatusOr<int64_t> ExportRecbole(const ReadView& view, std::string_view kind,
                                      const std::function<absl::Status(std::string_view)>& write,
                                      Progress* progress);

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_EXPORT_RECBOLE_H_
