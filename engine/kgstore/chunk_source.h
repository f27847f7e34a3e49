// Cuts an InputStream at line ends into chunks of about a mebibyte, for readers of lines.
#ifndef UNDULA_KGSTORE_CHUNK_SOURCE_H_
#define UNDULA_KGSTORE_CHUNK_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/progress.h"
#include "kgstore/input_stream.h"

namespace undula::kgstore {

// Whole lines; the last byte is '\n' (added where the input ends without one) and kScanPadding
// zeros stand behind it. The buffer is reused from call to call.
struct Chunk {
  uint64_t ordinal = 0;   // 0, 1, ... in the order of the input
  bool too_long = false;  // a line beyond kMaxLine, left out; the chunk stands for it alone
  std::unique_ptr<char[]> buffer;
  size_t capacity = 0;  // without the padding
  size_t size = 0;
};

class ChunkSource {
 public:
  static constexpr size_t kMaxLine = size_t{64} << 20;

  // `progress` (may be null) hears of the bytes read, on the thread that made the source; other
  // threads only ask it whether to stop.
  ChunkSource(InputStream* stream, Progress* progress)
      : stream_(stream), progress_(progress), owner_(std::this_thread::get_id()) {}

  // Loads the front of the input and drops a byte order mark. Once, before the rest.
  absl::Status Open();
  std::string_view head() const { return carry_; }

  // The next chunk; false at the end, after Stop() or after an error. Thread-safe.
  absl::StatusOr<bool> Next(Chunk* chunk);
  // No more chunks. Those that were given out are all the ones before. Thread-safe.
  void Stop();

  // Tells `progress` of records found in chunks. Thread-safe.
  void AddRecords(int64_t n) {
    if (progress_ != nullptr) progress_->AddRecords(n);
  }
  // Tells it how far the input has been read; on the thread that made the source.
  absl::Status ReportPosition();

 private:
  absl::StatusOr<size_t> ReadMore(Chunk* chunk);
  absl::Status SkipLine(Chunk* chunk);

  InputStream* stream_;
  Progress* progress_;
  std::thread::id owner_;
  std::mutex mutex_;
  std::string carry_;  // read, but not given out
  bool at_end_ = false, stopped_ = false;
  uint64_t ordinal_ = 0;
};

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_CHUNK_SOURCE_H_
