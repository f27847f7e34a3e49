#include "kgstore/chunk_source.h"

#include <algorithm>
#include <cstring>

#include "base/status.h"
#include "kgstore/ntriples_scanner.h"

namespace undula::kgstore {
namespace {

constexpr size_t kChunkBytes = size_t{1} << 20;
constexpr size_t kHeadBytes = 4096;

void Resize(Chunk* chunk, size_t capacity) {
  if (capacity <= chunk->capacity) return;
  std::unique_ptr<char[]> larger(new char[capacity + kScanPadding]);
  if (chunk->size > 0) std::memcpy(larger.get(), chunk->buffer.get(), chunk->size);
  chunk->buffer = std::move(larger);
  chunk->capacity = capacity;
}

}  // namespace

absl::Status ChunkSource::Open() {
  carry_.resize(kHeadBytes);
  size_t size = 0;
  while (size < kHeadBytes && !at_end_) {
    UNDULA_ASSIGN_OR_RETURN(const size_t n,
                            stream_->Read({carry_.data() + size, kHeadBytes - size}));
    size += n;
    at_end_ = n == 0;
  }
  carry_.resize(size);
  if (carry_.compare(0, 3, "\xEF\xBB\xBF") == 0) carry_.erase(0, 3);
  return ReportPosition();
}

absl::Status ChunkSource::ReportPosition() {
  if (progress_ == nullptr) return absl::OkStatus();
  return progress_->ReportBytes(stream_->position(), stream_->size(), stream_->name());
}

void ChunkSource::Stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
}

absl::StatusOr<size_t> ChunkSource::ReadMore(Chunk* chunk) {
  UNDULA_ASSIGN_OR_RETURN(const size_t n, stream_->Read({chunk->buffer.get() + chunk->size,
                                                         chunk->capacity - chunk->size}));
  chunk->size += n;
  at_end_ = n == 0;
  return n;
}

// Drops the line that fills the chunk, up to its '\n'.
absl::Status ChunkSource::SkipLine(Chunk* chunk) {
  while (true) {
    const void* end = std::memchr(chunk->buffer.get(), '\n', chunk->size);
    if (end != nullptr) {
      const char* rest = static_cast<const char*>(end) + 1;
      carry_.assign(rest, static_cast<size_t>(chunk->buffer.get() + chunk->size - rest));
      return absl::OkStatus();
    }
    if (at_end_) return absl::OkStatus();
    chunk->size = 0;
    UNDULA_RETURN_IF_ERROR(ReadMore(chunk).status());
  }
}

absl::StatusOr<bool> ChunkSource::Next(Chunk* chunk) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return false;
  const auto fail = [&](absl::Status status) {
    stopped_ = true;
    return status;
  };
  chunk->size = 0;
  chunk->too_long = false;
  Resize(chunk, std::max(kChunkBytes, carry_.size() + kHeadBytes));
  std::memcpy(chunk->buffer.get(), carry_.data(), carry_.size());
  chunk->size = carry_.size();
  size_t lines = 0;  // bytes of whole lines
  while (true) {
    while (chunk->size < chunk->capacity && !at_end_) {
      const auto n = ReadMore(chunk);
      if (!n.ok()) return fail(n.status());
    }
    const void* last = memrchr(chunk->buffer.get(), '\n', chunk->size);
    if (last != nullptr) {
      lines = static_cast<size_t>(static_cast<const char*>(last) - chunk->buffer.get()) + 1;
    }
    if (lines > 0 || at_end_) break;
    if (chunk->size > kMaxLine) {
      chunk->too_long = true;
      carry_.clear();
      if (absl::Status status = SkipLine(chunk); !status.ok()) return fail(status);
      chunk->size = 0;
      chunk->ordinal = ordinal_++;
      return true;
    }
    Resize(chunk, 2 * chunk->capacity);
  }
  if (at_end_) lines = chunk->size;
  carry_.assign(chunk->buffer.get() + lines, chunk->size - lines);
  chunk->size = lines;
  if (std::this_thread::get_id() == owner_) {
    if (absl::Status status = ReportPosition(); !status.ok()) return fail(status);
  } else if (progress_ != nullptr && progress_->cancelled()) {
    return fail(absl::CancelledError("cancelled"));
  }
  if (lines == 0) {
    stopped_ = true;
    return false;
  }
  if (chunk->buffer[lines - 1] != '\n') {
    Resize(chunk, chunk->size + 1);
    chunk->buffer[chunk->size++] = '\n';
  }
  std::memset(chunk->buffer.get() + chunk->size, 0, kScanPadding);
  chunk->ordinal = ordinal_++;
  return true;
}

}  // namespace undula::kgstore
