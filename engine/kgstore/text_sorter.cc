#include "kgstore/text_sorter.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/status.h"

namespace undula::kgstore::internal {
namespace {

constexpr size_t kBlock = size_t{1} << 20;

uint64_t PrefixOf(std::string_view text) {
  uint64_t prefix = 0;
  std::memcpy(&prefix, text.data(), std::min<size_t>(text.size(), 8));
  return __builtin_bswap64(prefix);
}

}  // namespace

absl::Status TextSorter::Add(std::string_view text) {
  const uint64_t entries = held_.size() + 1;
  // Twice the entries: the vector may be half empty.
  if (!held_.empty() && block_bytes_ + text.size() + 2 * entries * sizeof(Entry) > bytes_) {
    UNDULA_RETURN_IF_ERROR(Spill());
  }
  if (blocks_.empty() || text.size() > capacity_ - used_) {
    capacity_ = std::max(std::min<size_t>(kBlock, bytes_ / 4), text.size());
    blocks_.emplace_back(new char[capacity_]);
    used_ = 0;
  }
  char* const kept = blocks_.back().get() + used_;
  std::memcpy(kept, text.data(), text.size());
  used_ += text.size();
  block_bytes_ += text.size();
  held_.push_back({PrefixOf(text), {kept, text.size()}});
  return absl::OkStatus();
}

void TextSorter::Sort() {
  std::sort(held_.begin(), held_.end(), Less);
  const auto same = [](const Entry& a, const Entry& b) { return a.text == b.text; };
  held_.erase(std::unique(held_.begin(), held_.end(), same), held_.end());
}

absl::Status TextSorter::Spill() {
  if (held_.empty()) return absl::OkStatus();
  Sort();
  const uint64_t offset = file_.size();
  std::string out;
  for (const Entry& entry : held_) {
    const auto size = static_cast<uint32_t>(entry.text.size());
    out.append(reinterpret_cast<const char*>(&size), 4).append(entry.text);
    if (out.size() < kBlock) continue;
    UNDULA_RETURN_IF_ERROR(file_.Append(out.data(), out.size()));
    out.clear();
  }
  if (!out.empty()) UNDULA_RETURN_IF_ERROR(file_.Append(out.data(), out.size()));
  runs_.push_back({offset, file_.size() - offset, {}});
  held_.clear();
  blocks_.clear();
  used_ = capacity_ = 0;
  block_bytes_ = 0;
  return absl::OkStatus();
}

absl::Status TextSorter::Finish() {
  if (runs_.empty()) {
    Sort();
    more_ = !held_.empty();
    if (more_) current_ = held_[0].text;
    return absl::OkStatus();
  }
  UNDULA_RETURN_IF_ERROR(Spill());
  held_ = std::vector<Entry>();
  block_ = std::clamp<size_t>(bytes_ / runs_.size(), 4096, kBlock);
  for (Run& run : runs_) {
    bool more;
    UNDULA_RETURN_IF_ERROR(Load(&run, &more));
    heap_.push_back(&run);
  }
  for (size_t i = heap_.size(); i-- > 0;) SiftDown(i);
  copy_.assign(heap_[0]->entry.text);
  current_ = copy_;
  more_ = true;
  return absl::OkStatus();
}

// So many bytes behind run->next in the buffer.
absl::Status TextSorter::Need(Run* run, size_t bytes) {
  const size_t have = run->buffer.size() - run->next;
  if (have >= bytes) return absl::OkStatus();
  const auto more =
      static_cast<size_t>(std::min<uint64_t>(run->left, std::max(bytes, block_) - have));
  if (have + more < bytes) return InternalError("a sorted run of a bounded import ends early");
  run->buffer.erase(0, run->next);
  run->next = 0;
  run->buffer.resize(have + more);
  UNDULA_RETURN_IF_ERROR(file_.Read(run->offset, run->buffer.data() + have, more));
  run->offset += more;
  run->left -= more;
  return absl::OkStatus();
}

// The next string of the run.
absl::Status TextSorter::Load(Run* run, bool* more) {
  *more = run->left > 0 || run->next < run->buffer.size();
  if (!*more) return absl::OkStatus();
  UNDULA_RETURN_IF_ERROR(Need(run, 4));
  uint32_t size;
  std::memcpy(&size, run->buffer.data() + run->next, 4);
  UNDULA_RETURN_IF_ERROR(Need(run, size_t{4} + size));
  const std::string_view text(run->buffer.data() + run->next + 4, size);
  run->next += size_t{4} + size;
  run->entry = {PrefixOf(text), text};
  return absl::OkStatus();
}

void TextSorter::SiftDown(size_t i) {
  Run* const run = heap_[i];
  for (size_t child; (child = 2 * i + 1) < heap_.size(); i = child) {
    if (child + 1 < heap_.size() && Less(heap_[child + 1]->entry, heap_[child]->entry)) ++child;
    if (!Less(heap_[child]->entry, run->entry)) break;
    heap_[i] = heap_[child];
  }
  heap_[i] = run;
}

void TextSorter::Advance() {
  if (runs_.empty()) {
    more_ = ++next_ < held_.size();
    if (more_) {
      current_ = held_[next_].text;
    } else {
      held_ = std::vector<Entry>();
      blocks_.clear();
    }
    return;
  }
  while (true) {
    Run* const run = heap_[0];
    bool more = false;
    status_ = Load(run, &more);
    if (!status_.ok()) break;
    if (!more) {
      std::string().swap(run->buffer);
      heap_[0] = heap_.back();
      heap_.pop_back();
      if (heap_.empty()) break;
    }
    SiftDown(0);
    if (heap_[0]->entry.text == current_) continue;
    copy_.assign(heap_[0]->entry.text);
    current_ = copy_;
    return;
  }
  more_ = false;
}

}  // namespace undula::kgstore::internal
