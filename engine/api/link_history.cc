#include "api/link_history.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/file.h"
#include "base/status.h"
#include "kgstore/read_view.h"
#include "kgstore/write_links.h"

namespace undula::api {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxFile = int64_t{1} << 33;
constexpr std::string_view kHeader = "item\tentity\tconfidence\tmethod\n";
constexpr std::string_view kRejectedHeader = "item\n";
constexpr std::string_view kRejectedEnd = "\t\t0\trejected";  // of a rejected item's row

std::string FolderOf(const kgstore::Database& database) { return database.path() + ".links"; }

// Numbers of the saved states, ascending; none where there is no folder.
std::vector<int> SavedStates(const std::string& folder) {
  std::vector<int> numbers;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    int number = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), number);
    if (parsed.ec == std::errc() && std::string_view(parsed.ptr) == ".tsv") {
      numbers.push_back(number);
    }
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

std::string RejectedFile(const kgstore::Database& database) {
  return FolderOf(database) + "/rejected.tsv";
}

std::string StateFile(const std::string& folder, int number) {
  char name[32];
  std::snprintf(name, sizeof name, "/%06d.tsv", number);
  return folder + name;
}

}  // namespace

absl::StatusOr<RejectedItems> ReadRejectedItems(const kgstore::Database& database) {
  RejectedItems items;
  const std::string file = RejectedFile(database);
  std::error_code error;
  if (!fs::exists(file, error)) return items;
  UNDULA_ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(file, kMaxFile));
  std::string_view rest = text;
  if (!rest.starts_with(kRejectedHeader)) {
    return InvalidArgumentError(file, ":1: not a list of rejected items; remove it to forget them");
  }
  rest.remove_prefix(kRejectedHeader.size());
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    items.emplace(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return items;
}

absl::Status WriteRejectedItems(const kgstore::Database& database, const RejectedItems& items) {
  std::string text(kRejectedHeader);
  for (const std::string& item : items) text += Concat(item, "\n");
  const std::string folder = FolderOf(database);
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return ErrnoError(error.value(), folder);
  return WriteFileAtomically(RejectedFile(database), {text});
}

absl::Status SaveLinkState(const kgstore::Database& database) {
  UNDULA_ASSIGN_OR_RETURN(const kgstore::ReadView view, database.Read());
  std::string text(kHeader);
  const auto items = static_cast<uint32_t>(view.counts().items);
  for (uint32_t i = 0; i < items; ++i) {
    UNDULA_ASSIGN_OR_RETURN(const std::vector<kgstore::Link> links, view.Links(ItemId{i}));
    if (links.empty()) continue;
    UNDULA_ASSIGN_OR_RETURN(const std::string item, view.ItemName(ItemId{i}));
    for (const kgstore::Link& link : links) {
      UNDULA_ASSIGN_OR_RETURN(const std::string entity, view.EntityName(link.entity));
      char confidence[32];
      std::snprintf(confidence, sizeof confidence, "%.9g", static_cast<double>(link.confidence));
      text +=
          Concat(item, "\t", entity, "\t", confidence, "\t", static_cast<int>(link.method), "\n");
    }
  }
  UNDULA_ASSIGN_OR_RETURN(const RejectedItems rejected, ReadRejectedItems(database));
  for (const std::string& item : rejected) text += Concat(item, kRejectedEnd, "\n");
  const std::string folder = FolderOf(database);
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return ErrnoError(error.value(), folder);
  std::vector<int> saved = SavedStates(folder);
  const int next = saved.empty() ? 1 : saved.back() + 1;
  UNDULA_RETURN_IF_ERROR(WriteFileAtomically(StateFile(folder, next), {text}));
  saved.push_back(next);
  for (size_t i = 0; i + kKeptLinkStates < saved.size(); ++i) {
    fs::remove(StateFile(folder, saved[i]), error);  // an old state that stays does no harm
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> RestoreLinkState(kgstore::Database& database, Progress* progress) {
  const std::string folder = FolderOf(database);
  const std::vector<int> saved = SavedStates(folder);
  if (saved.empty()) return NotFoundError(folder, ": no earlier links are kept there");
  const std::string file = StateFile(folder, saved.back());
  UNDULA_ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(file, kMaxFile));
  std::vector<kgstore::LinkRecord> records;
  RejectedItems rejected;
  {
    UNDULA_ASSIGN_OR_RETURN(const kgstore::ReadView view, database.Read());
    std::string_view rest = text;
    if (!rest.starts_with(kHeader)) return InvalidArgumentError(file, ":1: not saved links");
    rest.remove_prefix(kHeader.size());
    for (int64_t line = 2; !rest.empty(); ++line) {
      const size_t end = std::min(rest.find('\n'), rest.size());
      const std::string_view row = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (row.ends_with(kRejectedEnd)) {
        rejected.emplace(row.substr(0, row.size() - kRejectedEnd.size()));
        continue;
      }
      // Names may hold tabs; the numbers at the end do not.
      const size_t method_tab = row.rfind('\t'), confidence_tab = row.rfind('\t', method_tab - 1);
      const size_t entity_tab = row.rfind('\t', confidence_tab - 1);
      if (method_tab == row.npos || confidence_tab == row.npos || entity_tab == row.npos) {
        return InvalidArgumentError(file, ":", line, ": expected four columns");
      }
      const std::string_view number =
          row.substr(confidence_tab + 1, method_tab - confidence_tab - 1);
      double confidence = 0;
      int method = 0;
      std::from_chars(number.data(), number.data() + number.size(), confidence);
      std::from_chars(row.data() + method_tab + 1, row.data() + row.size(), method);
      UNDULA_ASSIGN_OR_RETURN(const ItemId item, view.FindItem(row.substr(0, entity_tab)));
      UNDULA_ASSIGN_OR_RETURN(
          const EntityId entity,
          view.FindEntity(row.substr(entity_tab + 1, confidence_tab - entity_tab - 1)));
      if (item == kNone<ItemId> || entity == kNone<EntityId>) continue;
      records.push_back(
          {item, entity, static_cast<float>(confidence), static_cast<LinkMethod>(method)});
    }
  }
  UNDULA_RETURN_IF_ERROR(
      kgstore::WriteLinks(database, records, kgstore::LinkPolicy::kReplaceAll, progress).status());
  UNDULA_RETURN_IF_ERROR(WriteRejectedItems(database, rejected));
  std::error_code error;
  fs::remove(file, error);
  if (error) return ErrnoError(error.value(), file);
  return static_cast<int64_t>(records.size());
}

}  // namespace undula::api
