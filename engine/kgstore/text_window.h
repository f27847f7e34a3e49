// A sliding window over an InputStream: the unread bytes lie in one piece, grow on demand and are
// consumed record by record, while line and column are counted.
#ifndef UNDULA_KGSTORE_TEXT_WINDOW_H_
#define UNDULA_KGSTORE_TEXT_WINDOW_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "base/progress.h"
#include "kgstore/input_stream.h"

namespace undula::kgstore {

// Position of a byte, both from 1; columns count bytes.
struct TextPosition {
  int64_t line = 1;
  int64_t column = 1;
};

// The position of text[offset] where text[0] is at `start`. '\n' ends a line.
TextPosition Advance(TextPosition start, std::string_view text, size_t offset);

// Not thread-safe. Does not own the stream.
class TextWindow {
 public:
  // `progress` (may be null) hears of every read: bytes of the file, compressed.
  TextWindow(InputStream* stream, Progress* progress) : stream_(stream), progress_(progress) {}

  // Bytes not yet consumed; valid until Fill.
  std::string_view unread() const { return {buffer_.get() + begin_, end_ - begin_}; }
  // The same bytes, writable; the byte behind the last one is writable too.
  char* data() { return buffer_.get() + begin_; }
  // Nothing follows unread().
  bool at_end() const { return at_end_; }

  // Adds at least one byte behind unread() or sets at_end(). The window doubles where it is full.
  absl::Status Fill();
  // Fills until the window holds `bytes` or the input ends.
  absl::Status FillTo(size_t bytes);

  // Drops the first n <= unread().size() bytes.
  void Consume(size_t n);
  // The same for bytes without '\n' but the last one: cheaper.
  void ConsumeLine(size_t n);
  // A byte order mark at the start of the input, dropped. Call before the first Consume.
  absl::Status SkipByteOrderMark();

  // Records found in the window; `progress` hears of them at the next Fill.
  void AddRecords(int64_t n) { records_ += n; }

  TextPosition position() const { return position_; }  // of the first unread byte

 private:
  InputStream* stream_;
  Progress* progress_;
  std::unique_ptr<char[]> buffer_;
  size_t capacity_ = 0, begin_ = 0, end_ = 0;
  bool at_end_ = false;
  TextPosition position_;
  int64_t records_ = 0;
};

// The first byte of `text` that makes it unfit as text: a NUL or invalid UTF-8. npos for none; else
// *what (not null) says which.
size_t FindBadByte(std::string_view text, std::string_view* what);

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_TEXT_WINDOW_H_
