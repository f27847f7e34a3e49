#include "kgstore/page_check.h"

#include <errno.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "base/status.h"
#include "kgstore/page_format.h"
#include "kgstore/varint.h"

namespace undula::kgstore::internal {
namespace {

constexpr size_t kMaxKeyBytes = 511;
constexpr uint64_t kReportPages = 1024;

enum class Keys : uint8_t { kBytes, kInteger4, kInteger8 };

struct Node {
  std::string_view key;
  std::string_view data;   // leaf: the value within the page, or 8 bytes of a page number
  uint64_t child = 0;      // branch
  uint64_t big_bytes = 0;  // leaf with kBigData: bytes of the value in overflow pages
  uint16_t flags = 0;      // leaf
};

uint64_t IntegerKey(std::string_view key) {
  return key.size() == 4 ? LoadFixed<uint32_t>(key.data()) : LoadFixed<uint64_t>(key.data());
}

bool Less(Keys keys, std::string_view a, std::string_view b) {
  if (keys == Keys::kBytes) return a < b;  // bytes compare as unsigned; a prefix is smaller
  return IntegerKey(a) < IntegerKey(b);
}

// A page that has been read and whose node table and nodes are known to lie within it.
class NodePage {
 public:
  // What is wrong with the page; empty where nothing is.
  std::string Parse(std::vector<char> bytes, uint64_t number);
  bool leaf() const { return leaf_; }
  size_t size() const { return count_; }
  Node at(size_t i) const;

 private:
  uint16_t Offset(size_t i) const {
    return LoadFixed<uint16_t>(bytes_.data() + kPageHeader + 2 * i);
  }
  // Bytes of the node at `offset`; nothing where it does not fit.
  std::optional<size_t> NodeBytes(size_t offset) const;

  std::vector<char> bytes_;
  size_t count_ = 0;
  bool leaf_ = false;
};

std::string NodePage::Parse(std::vector<char> bytes, uint64_t number) {
  bytes_ = std::move(bytes);
  const char* p = bytes_.data();
  if (LoadFixed<uint64_t>(p) != number) {
    return Concat("it says it is page ", LoadFixed<uint64_t>(p));
  }
  const auto flags = LoadFixed<uint16_t>(p + kFlagsAt);
  if (flags != kBranchPage && flags != kLeafPage) {
    return Concat("flags ", flags, " are not those of a branch or leaf page");
  }
  leaf_ = flags == kLeafPage;
  const size_t lower = LoadFixed<uint16_t>(p + kLowerAt);
  // In pages of 64 KiB an upper bound of 65536 does not fit; such a page is never empty.
  const size_t upper = LoadFixed<uint16_t>(p + kUpperAt);
  if (lower < kPageHeader || lower % 2 != 0 || upper < lower || upper > bytes_.size() ||
      upper % 2 != 0) {
    return Concat("bounds ", lower, " and ", upper, " are impossible");
  }
  count_ = (lower - kPageHeader) / 2;
  if (count_ == 0) return "it has no entries";
  // Appended nodes stand in descending order; otherwise they are sorted here. Together they fill
  // the page from `upper` to its end.
  bool descending = true;
  size_t end = bytes_.size();
  std::vector<std::pair<size_t, size_t>> extents;
  extents.reserve(count_);
  for (size_t i = 0; i < count_; ++i) {
    const size_t offset = Offset(i);
    if (offset < upper || offset % 2 != 0) {
      return Concat("entry ", i, " starts at byte ", offset, ", outside of the entries");
    }
    const std::optional<size_t> size = NodeBytes(offset);
    if (!size.has_value()) return Concat("entry ", i, " passes the end of the page");
    descending = descending && offset + *size == end;
    end = offset;
    extents.emplace_back(offset, *size);
  }
  if (descending) return end == upper ? "" : "its entries leave a gap";
  std::sort(extents.begin(), extents.end());
  size_t at = upper;
  for (const auto& [offset, size] : extents) {
    if (offset != at) return Concat("its entries overlap or leave a gap at byte ", at);
    at += size;
  }
  return at == bytes_.size() ? "" : "its entries leave a gap at the end";
}

std::optional<size_t> NodePage::NodeBytes(size_t offset) const {
  if (offset + kNodeHeader > bytes_.size()) return std::nullopt;
  const char* p = bytes_.data() + offset;
  size_t bytes = kNodeHeader + LoadFixed<uint16_t>(p + 6);
  if (leaf_) {
    const bool big = (LoadFixed<uint16_t>(p + 4) & kBigData) != 0;
    bytes += big ? sizeof(uint64_t) : LoadFixed<uint32_t>(p);
  }
  bytes += bytes % 2;
  return offset + bytes <= bytes_.size() ? std::optional(bytes) : std::nullopt;
}

Node NodePage::at(size_t i) const {
  const char* p = bytes_.data() + Offset(i);
  const auto low = LoadFixed<uint32_t>(p);
  const auto flags = LoadFixed<uint16_t>(p + 4);
  const auto key_bytes = LoadFixed<uint16_t>(p + 6);
  Node node;
  node.key = std::string_view(p + kNodeHeader, key_bytes);
  if (!leaf_) {
    node.child = low | (uint64_t{flags} << 32);
    return node;
  }
  const bool big = (flags & kBigData) != 0;
  node.flags = flags;
  node.big_bytes = big ? low : 0;
  node.data = std::string_view(p + kNodeHeader + key_bytes, big ? sizeof(uint64_t) : low);
  return node;
}

class Walker {
 public:
  Walker(int fd, const std::string& path, const MetaPage& meta, Progress* progress)
      : fd_(fd), path_(path), meta_(meta), progress_(progress) {}

  absl::StatusOr<PageReport> Run();

 private:
  enum class Kind : uint8_t { kFreeList, kMain, kTable };
  struct Tree {
    Kind kind = Kind::kMain;
    std::string name;  // for messages
    Keys keys = Keys::kBytes;
    TreeRecord record;
    uint64_t branch_pages = 0, leaf_pages = 0, overflow_pages = 0, entries = 0;
    std::optional<std::string> last_key;
  };

  template <class... Parts>
  absl::Status Damaged(uint64_t page, const Parts&... parts) const {
    return DataLossError(path_, ": page ", page, " is damaged: ", parts...,
                         "; restore the file from a backup");
  }
  // Reads `bytes` from the start of page `number` on.
  absl::Status Read(uint64_t number, uint64_t bytes, void* out) const;
  // Takes `count` pages; DataLoss where they are out of range or taken already.
  absl::Status Take(uint64_t number, uint64_t count, const Tree& tree);
  absl::Status CheckTree(Tree* tree);
  // `low` is the separator in front of the page; nothing before the first.
  absl::Status CheckPage(uint64_t number, uint16_t level, const std::optional<std::string>& low,
                         Tree* tree);
  absl::Status CheckLeaf(const NodePage& page, uint64_t number, Tree* tree);
  absl::Status CheckKey(std::string_view key, uint64_t number, const Tree& tree) const;
  // The value of a leaf entry in overflow pages; its pages are taken.
  absl::Status CheckOverflow(const Node& node, uint64_t number, Tree* tree, std::string* value);
  absl::Status AddTable(const Node& node, uint64_t number);
  absl::Status AddFreePages(const Node& node, std::string_view value, uint64_t number);

  int fd_;
  const std::string& path_;
  const MetaPage& meta_;
  Progress* progress_;
  std::vector<bool> taken_;
  uint64_t taken_count_ = 0;
  std::vector<bool> free_;
  uint64_t free_count_ = 0;
  std::vector<Tree> tables_;
};

absl::Status Walker::Read(uint64_t number, uint64_t bytes, void* out) const {
  auto* to = static_cast<char*>(out);
  auto offset = static_cast<off_t>(number * meta_.page_bytes);
  while (bytes > 0) {
    const ssize_t n = pread(fd_, to, bytes, offset);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoError(errno, Concat(path_, ": reading page ", number));
    if (n == 0) return Damaged(number, "the file ends before it");
    to += n;
    offset += n;
    bytes -= static_cast<uint64_t>(n);
  }
  return absl::OkStatus();
}

absl::Status Walker::Take(uint64_t number, uint64_t count, const Tree& tree) {
  if (number < kMetaPages || number > meta_.last_page || count > meta_.last_page - number + 1) {
    return DataLossError(path_, ": ", tree.name, " refers to page ", number, " (", count,
                         " pages), the last one is ", meta_.last_page,
                         "; restore the file from a backup");
  }
  for (uint64_t page = number; page < number + count; ++page) {
    if (taken_[page]) return Damaged(page, "it is used twice, by ", tree.name, " among others");
    taken_[page] = true;
  }
  taken_count_ += count;
  return absl::OkStatus();
}

absl::Status Walker::CheckKey(std::string_view key, uint64_t number, const Tree& tree) const {
  const bool ok = tree.keys == Keys::kBytes      ? !key.empty() && key.size() <= kMaxKeyBytes
                  : tree.keys == Keys::kInteger4 ? key.size() == 4
                                                 : key.size() == 8;
  return ok ? absl::OkStatus() : Damaged(number, "a key of ", key.size(), " bytes in ", tree.name);
}

absl::Status Walker::CheckTree(Tree* tree) {
  const TreeRecord& record = tree->record;
  if (record.root != kNoPage) {
    if (record.depth == 0 || record.depth > kMaxTreeDepth) {
      return DataLossError(path_, ": ", tree->name, " has depth ", record.depth,
                           "; restore the file from a backup");
    }
    UNDULA_RETURN_IF_ERROR(CheckPage(record.root, 1, std::nullopt, tree));
  }
  if ((record.root == kNoPage && record.depth != 0) || record.entries != tree->entries ||
      record.branch_pages != tree->branch_pages || record.leaf_pages != tree->leaf_pages ||
      record.overflow_pages != tree->overflow_pages) {
    return DataLossError(path_, ": ", tree->name, " has ", tree->entries, " entries in ",
                         tree->branch_pages, " + ", tree->leaf_pages, " + ", tree->overflow_pages,
                         " pages, its record says ", record.entries, " in ", record.branch_pages,
                         " + ", record.leaf_pages, " + ", record.overflow_pages,
                         "; restore the file from a backup");
  }
  return absl::OkStatus();
}

absl::Status Walker::CheckPage(uint64_t number, uint16_t level,
                               const std::optional<std::string>& low, Tree* tree) {
  UNDULA_RETURN_IF_ERROR(Take(number, 1, *tree));
  if (taken_count_ % kReportPages == 0) {
    UNDULA_RETURN_IF_ERROR(Progress::Report(progress_, static_cast<int64_t>(taken_count_),
                                            static_cast<int64_t>(meta_.last_page + 1),
                                            "checking pages"));
  }
  std::vector<char> bytes(meta_.page_bytes);
  UNDULA_RETURN_IF_ERROR(Read(number, bytes.size(), bytes.data()));
  NodePage page;
  if (const std::string wrong = page.Parse(std::move(bytes), number); !wrong.empty()) {
    return Damaged(number, wrong);
  }
  if (page.leaf() != (level == tree->record.depth)) {
    return Damaged(number, page.leaf() ? "a leaf" : "a branch page", " at level ", level, " of ",
                   tree->name, ", which has ", tree->record.depth);
  }
  // The keys so far end before the separator, and those of this page do not start before it.
  if (low.has_value()) {
    if (tree->last_key.has_value() && !Less(tree->keys, *tree->last_key, *low)) {
      return Damaged(number, "the keys before it are not less than its separator");
    }
    if (page.leaf() && CheckKey(page.at(0).key, number, *tree).ok() &&
        Less(tree->keys, page.at(0).key, *low)) {
      return Damaged(number, "its first key is less than its separator");
    }
  }
  if (page.leaf()) {
    ++tree->leaf_pages;
    return CheckLeaf(page, number, tree);
  }
  ++tree->branch_pages;
  // While it gives pages back, LMDB may leave a branch of one child in the list of free pages.
  if (page.size() < 2 && tree->kind != Kind::kFreeList) {
    return Damaged(number, "a branch page with one child");
  }
  std::optional<std::string> separator = low;  // the first child's own key is not used
  for (size_t i = 0; i < page.size(); ++i) {
    const Node node = page.at(i);
    if (i > 0) {
      UNDULA_RETURN_IF_ERROR(CheckKey(node.key, number, *tree));
      if (separator.has_value() && !Less(tree->keys, *separator, node.key)) {
        return Damaged(number, "separator ", i, " is not in order");
      }
      separator = std::string(node.key);
    }
    UNDULA_RETURN_IF_ERROR(
        CheckPage(node.child, static_cast<uint16_t>(level + 1), separator, tree));
  }
  return absl::OkStatus();
}

absl::Status Walker::CheckLeaf(const NodePage& page, uint64_t number, Tree* tree) {
  std::string value;
  for (size_t i = 0; i < page.size(); ++i) {
    const Node node = page.at(i);
    UNDULA_RETURN_IF_ERROR(CheckKey(node.key, number, *tree));
    const std::string_view previous =
        i > 0
            ? page.at(i - 1).key
            : (tree->last_key.has_value() ? std::string_view(*tree->last_key) : std::string_view());
    if ((i > 0 || tree->last_key.has_value()) && !Less(tree->keys, previous, node.key)) {
      return Damaged(number, "key ", i, " is not in order");
    }
    const uint16_t expected = tree->kind == Kind::kMain ? kSubTree : 0;
    if (node.flags != expected && !(node.flags == kBigData && tree->kind != Kind::kMain)) {
      return Damaged(number, "entry ", i, " of ", tree->name, " has flags ", node.flags);
    }
    ++tree->entries;
    std::string_view data = node.data;
    if (node.flags == kBigData) {
      UNDULA_RETURN_IF_ERROR(CheckOverflow(node, number, tree, &value));
      data = value;
    }
    if (tree->kind == Kind::kMain) UNDULA_RETURN_IF_ERROR(AddTable(node, number));
    if (tree->kind == Kind::kFreeList) UNDULA_RETURN_IF_ERROR(AddFreePages(node, data, number));
  }
  tree->last_key = std::string(page.at(page.size() - 1).key);
  return absl::OkStatus();
}

absl::Status Walker::CheckOverflow(const Node& node, uint64_t number, Tree* tree,
                                   std::string* value) {
  const auto first = LoadFixed<uint64_t>(node.data.data());
  const uint64_t needed = (kPageHeader - 1 + node.big_bytes) / meta_.page_bytes + 1;
  // In range before its header is read; the true number of pages stands there.
  if (first < kMetaPages || first > meta_.last_page) {
    return Damaged(number, "a value of ", tree->name, " begins at page ", first,
                   ", the last one is ", meta_.last_page);
  }
  std::array<char, kPageHeader> header;
  UNDULA_RETURN_IF_ERROR(Read(first, header.size(), header.data()));
  const auto pages = LoadFixed<uint32_t>(header.data() + kLowerAt);
  if (LoadFixed<uint64_t>(header.data()) != first ||
      LoadFixed<uint16_t>(header.data() + kFlagsAt) != kOverflowPage || pages < needed) {
    return Damaged(first, "it is not the first of ", needed, " pages of a value of ", tree->name);
  }
  UNDULA_RETURN_IF_ERROR(Take(first, pages, *tree));
  tree->overflow_pages += pages;
  if (tree->kind != Kind::kFreeList) return absl::OkStatus();
  std::string bytes(kPageHeader + node.big_bytes, '\0');
  UNDULA_RETURN_IF_ERROR(Read(first, bytes.size(), bytes.data()));
  *value = bytes.substr(kPageHeader);
  return absl::OkStatus();
}

absl::Status Walker::AddTable(const Node& node, uint64_t number) {
  if (node.data.size() != kTreeRecordBytes) return Damaged(number, "a table record is too short");
  Tree table;
  table.kind = Kind::kTable;
  table.name = Concat("table ", node.key);
  table.record = DecodeTreeRecord(node.data);
  if (table.record.pad != 0 || (table.record.flags & ~kIntegerKeyFlag) != 0) {
    return Damaged(number, table.name, " has flags ", table.record.flags,
                   " that no table of Undula has");
  }
  table.keys = table.record.flags == 0 ? Keys::kBytes : Keys::kInteger4;
  tables_.push_back(std::move(table));
  return absl::OkStatus();
}

absl::Status Walker::AddFreePages(const Node& node, std::string_view value, uint64_t number) {
  if (IntegerKey(node.key) > meta_.transaction || value.size() < 8 || value.size() % 8 != 0) {
    return Damaged(number, "a record of free pages is impossible");
  }
  const auto count = LoadFixed<uint64_t>(value.data());
  if (count > value.size() / 8 - 1) return Damaged(number, "a record of free pages is too short");
  uint64_t before = meta_.last_page + 1;
  for (uint64_t i = 0; i < count; ++i) {
    const auto page = LoadFixed<uint64_t>(value.data() + 8 * (i + 1));
    if (page < kMetaPages || page >= before) {
      return Damaged(number, "page ", page, " in the list of free pages is out of range or order");
    }
    if (free_[page]) return Damaged(page, "it is free twice");
    free_[page] = true;
    before = page;
  }
  free_count_ += count;
  return absl::OkStatus();
}

absl::StatusOr<PageReport> Walker::Run() {
  taken_.assign(meta_.last_page + 1, false);
  free_.assign(meta_.last_page + 1, false);
  taken_[0] = taken_[1] = true;
  taken_count_ = kMetaPages;
  Tree free_list, main;
  free_list.kind = Kind::kFreeList;
  free_list.name = "the list of free pages";
  free_list.keys = Keys::kInteger8;
  free_list.record = meta_.free_list;
  main.name = "the main tree";
  main.record = meta_.main;
  UNDULA_RETURN_IF_ERROR(CheckTree(&free_list));
  UNDULA_RETURN_IF_ERROR(CheckTree(&main));
  PageReport report;
  for (Tree& table : tables_) {
    UNDULA_RETURN_IF_ERROR(CheckTree(&table));
    report.tables.push_back({table.name.substr(table.name.find(' ') + 1),
                             table.keys == Keys::kInteger4, table.entries,
                             table.branch_pages + table.leaf_pages + table.overflow_pages});
  }
  for (uint64_t page = kMetaPages; page <= meta_.last_page; ++page) {
    if (taken_[page] && free_[page]) return Damaged(page, "it is in use and in the free list");
  }
  report.transaction = meta_.transaction;
  report.page_bytes = meta_.page_bytes;
  report.pages = meta_.last_page + 1;
  report.free_pages = free_count_;
  report.lost_pages = report.pages - taken_count_ - report.free_pages;
  UNDULA_RETURN_IF_ERROR(Progress::Report(progress_, static_cast<int64_t>(report.pages),
                                          static_cast<int64_t>(report.pages), "checking pages"));
  return report;
}

}  // namespace

absl::StatusOr<PageReport> CheckPages(int fd, const std::string& path, const MetaPage& meta,
                                      Progress* progress) {
  try {
    return Walker(fd, path, meta, progress).Run();
  } catch (const std::bad_alloc&) {
    return ResourceExhaustedError(path, ": out of memory while checking pages");
  }
}

}  // namespace undula::kgstore::internal
