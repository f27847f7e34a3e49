// Sorting of more byte strings than memory shall hold (see external_sort.h).
#ifndef UNDULA_KGSTORE_TEXT_SORTER_H_
#define UNDULA_KGSTORE_TEXT_SORTER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "kgstore/record_source.h"
#include "kgstore/spill_file.h"

namespace undula::kgstore::internal {

// Distinct strings in ascending order of their bytes: Add all, Finish, then read them once. Not
// thread-safe. May throw std::bad_alloc. Where all fits into `bytes` no file is written.
class TextSorter final : public RecordSource<std::string_view> {
 public:
  TextSorter(std::string folder, uint64_t bytes) : bytes_(bytes), file_(std::move(folder)) {}

  absl::Status Add(std::string_view text);
  // No Add after it.
  absl::Status Finish();

  const std::string_view* peek() const override { return more_ ? &current_ : nullptr; }
  void Advance() override;
  absl::Status status() const override { return status_; }

 private:
  struct Entry {
    uint64_t prefix;  // the first 8 bytes, as a big-endian number: most comparisons end here
    std::string_view text;
  };
  // A sorted run in the file: u32 sizes and bytes.
  struct Run {
    uint64_t offset, left;  // of what is not in the buffer yet
    std::string buffer;     // its capacity is kept
    size_t next = 0;        // in the buffer, behind the string at hand
    Entry entry{};
  };
  static bool Less(const Entry& a, const Entry& b) {
    return a.prefix != b.prefix ? a.prefix < b.prefix : a.text < b.text;
  }

  void Sort();
  absl::Status Spill();
  absl::Status Need(Run* run, size_t bytes);
  absl::Status Load(Run* run, bool* more);
  void SiftDown(size_t i);

  uint64_t bytes_;
  SpillFile file_;
  std::vector<Entry> held_;
  std::vector<std::unique_ptr<char[]>> blocks_;
  size_t used_ = 0, capacity_ = 0;  // of the last block
  uint64_t block_bytes_ = 0;
  std::vector<Run> runs_;
  std::vector<Run*> heap_;
  size_t block_ = 0;  // bytes to read at once
  size_t next_ = 0;   // of held_, without runs
  std::string copy_;  // of the string at hand, with runs
  std::string_view current_;
  bool more_ = false;
  absl::Status status_;
};

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_TEXT_SORTER_H_
