#include "kgstore/text_window.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/status.h"
#include "base/text/normalize.h"

namespace undula::kgstore {
namespace {

constexpr size_t kReadBytes = size_t{256} << 10;

// Bytes at the front of `text` that are ASCII and not NUL.
size_t PlainPrefix(std::string_view text) {
  constexpr uint64_t kHigh = 0x8080808080808080u, kOnes = 0x0101010101010101u;
  size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    uint64_t word;
    std::memcpy(&word, text.data() + at, 8);
    if (((word | (word - kOnes)) & kHigh) != 0) break;
  }
  while (at < text.size() && static_cast<signed char>(text[at]) > 0) ++at;
  return at;
}

}  // namespace

TextPosition Advance(TextPosition start, std::string_view text, size_t offset) {
  text = text.substr(0, offset);
  const auto lines = std::count(text.begin(), text.end(), '\n');
  if (lines == 0) return {start.line, start.column + static_cast<int64_t>(text.size())};
  return {start.line + lines, static_cast<int64_t>(text.size() - text.rfind('\n'))};
}

absl::Status TextWindow::Fill() {
  if (at_end_) return absl::OkStatus();
  if (begin_ > 0 && (begin_ == end_ || capacity_ - end_ < kReadBytes)) {
    if (begin_ != end_) std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (capacity_ - end_ < kReadBytes) {
    const size_t capacity = std::max(2 * capacity_, 2 * kReadBytes);
    std::unique_ptr<char[]> larger(new char[capacity + 1]);
    if (end_ > 0) std::memcpy(larger.get(), buffer_.get(), end_);
    buffer_ = std::move(larger);
    capacity_ = capacity;
  }
  UNDULA_ASSIGN_OR_RETURN(const size_t n, stream_->Read({buffer_.get() + end_, kReadBytes}));
  end_ += n;
  at_end_ = n == 0;
  if (progress_ == nullptr) return absl::OkStatus();
  progress_->AddRecords(std::exchange(records_, 0));
  return progress_->ReportBytes(stream_->position(), stream_->size(), stream_->name());
}

absl::Status TextWindow::FillTo(size_t bytes) {
  while (!at_end_ && end_ - begin_ < bytes) UNDULA_RETURN_IF_ERROR(Fill());
  return absl::OkStatus();
}

void TextWindow::Consume(size_t n) {
  position_ = Advance(position_, unread(), n);
  begin_ += n;
}

void TextWindow::ConsumeLine(size_t n) {
  if (n == 0) return;
  if (buffer_[begin_ + n - 1] == '\n') {
    position_ = {position_.line + 1, 1};
  } else {
    position_.column += static_cast<int64_t>(n);
  }
  begin_ += n;
}

absl::Status TextWindow::SkipByteOrderMark() {
  UNDULA_RETURN_IF_ERROR(FillTo(3));
  if (unread().substr(0, 3) == "\xEF\xBB\xBF") begin_ += 3;
  return absl::OkStatus();
}

size_t FindBadByte(std::string_view text, std::string_view* what) {
  const size_t plain = PlainPrefix(text);
  if (plain == text.size()) return std::string_view::npos;
  const std::string_view rest = text.substr(plain);
  const size_t nul = rest.find('\0');
  size_t bad = std::string_view::npos;
  if (!IsValidUtf8(rest.substr(0, nul), &bad)) {
    *what = "invalid UTF-8 (is this a text file in UTF-8?)";
    return plain + bad;
  }
  if (nul == std::string_view::npos) return nul;
  *what = "NUL byte: this is not a text file";
  return plain + nul;
}

}  // namespace undula::kgstore
