#include "kgstore/input_stream.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/status.h"
#include "kgstore/gzip_check.h"

namespace undula::kgstore {
namespace {

constexpr size_t kHeadBytes = 8;
constexpr size_t kRawBytes = size_t{256} << 10;

struct Codec {
  std::string_view suffix;
  std::string_view magic;
  int filter;  // libarchive's code
  int (*enable)(archive*);
};

constexpr Codec kCodecs[] = {
    {"gz", "\x1F\x8B", ARCHIVE_FILTER_GZIP, archive_read_support_filter_gzip},
    {"bz2", "BZh", ARCHIVE_FILTER_BZIP2, archive_read_support_filter_bzip2},
    {"xz",
     std::string_view("\xFD"
                      "7zXZ\0",
                      6),
     ARCHIVE_FILTER_XZ, archive_read_support_filter_xz},
    {"zst", "\x28\xB5\x2F\xFD", ARCHIVE_FILTER_ZSTD, archive_read_support_filter_zstd},
};

const Codec* FindCodec(std::string_view head) {
  for (const Codec& codec : kCodecs) {
    if (head.substr(0, codec.magic.size()) == codec.magic) return &codec;
  }
  return nullptr;
}

}  // namespace

struct InputStream::Impl {
  int fd = -1;
  bool owns_fd = false;
  int64_t size = 0;
  int64_t position = 0;
  int read_errno = 0;  // of the last failed read(2)
  std::string head;    // bytes read to find the codec, not yet delivered
  const Codec* codec = nullptr;
  archive* reader = nullptr;
  GzipCheck gzip;
  bool empty = false;  // the compressed data holds no byte
  std::unique_ptr<char[]> raw;

  ~Impl() {
    if (reader != nullptr) archive_read_free(reader);
    if (owns_fd) ::close(fd);
  }

  bool is_gzip() const { return codec != nullptr && codec->filter == ARCHIVE_FILTER_GZIP; }

  // Bytes as they are in the file; -1 with read_errno set on failure.
  ssize_t ReadRaw(char* out, size_t n) {
    if (!head.empty()) {
      n = std::min(n, head.size());
      std::memcpy(out, head.data(), n);
      head.erase(0, n);
      return static_cast<ssize_t>(n);
    }
    ssize_t got;
    do {
      got = ::read(fd, out, n);
    } while (got < 0 && errno == EINTR);
    if (got < 0) read_errno = errno;
    if (got > 0) position += got;
    return got;
  }

  static la_ssize_t ReadForArchive(archive* reader, void* self_pointer, const void** out) {
    Impl* self = static_cast<Impl*>(self_pointer);
    *out = self->raw.get();
    const ssize_t n = self->ReadRaw(self->raw.get(), kRawBytes);
    if (n < 0) archive_set_error(reader, self->read_errno, "%s", std::strerror(self->read_errno));
    if (n > 0 && self->is_gzip()) {
      self->gzip.AddCompressed({self->raw.get(), static_cast<size_t>(n)});
    }
    return n;
  }

  absl::Status ArchiveError(const std::string& name) const {
    if (read_errno != 0) return ErrnoError(read_errno, Concat("reading ", name));
    const char* text = archive_error_string(reader);
    return DataLossError(name, ": damaged or truncated ", codec->suffix, " data after ", position,
                         " compressed bytes (", text == nullptr ? "no detail" : text,
                         "); fetch or compress the file again");
  }

  absl::Status StartDecompression(const std::string& name) {
    raw = std::make_unique<char[]>(kRawBytes);
    reader = archive_read_new();
    if (reader == nullptr) return ResourceExhaustedError(name, ": no memory to decompress");
    codec->enable(reader);
    archive_read_support_format_raw(reader);
    archive_read_support_format_empty(reader);
    archive_entry* entry = nullptr;
    if (archive_read_open(reader, this, nullptr, ReadForArchive, nullptr) < ARCHIVE_WARN) {
      return ArchiveError(name);
    }
    const int header = archive_read_next_header(reader, &entry);
    if (header < ARCHIVE_WARN) return ArchiveError(name);
    empty = header == ARCHIVE_EOF;
    // Where the codec does not accept the header libarchive would pass the bytes through.
    if (archive_filter_code(reader, 0) != codec->filter) {
      return DataLossError(name, ": damaged ", codec->suffix,
                           " header; fetch or compress the file again");
    }
    return absl::OkStatus();
  }
};

InputStream::InputStream(std::string name)
    : name_(std::move(name)), impl_(std::make_unique<Impl>()) {}
InputStream::~InputStream() = default;

absl::StatusOr<std::unique_ptr<InputStream>> InputStream::Open(const std::string& path) {
  std::unique_ptr<InputStream> stream(new InputStream(path == "-" ? "stdin" : path));
  Impl& impl = *stream->impl_;
  if (path == "-") {
    impl.fd = STDIN_FILENO;
  } else {
    impl.fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (impl.fd < 0) return ErrnoError(errno, Concat("cannot open ", path));
    impl.owns_fd = true;
  }
  struct stat info;
  if (::fstat(impl.fd, &info) != 0) return ErrnoError(errno, Concat("cannot examine ", path));
  if (S_ISDIR(info.st_mode)) {
    return InvalidArgumentError(path, " is a directory; name a file in it");
  }
  if (S_ISREG(info.st_mode)) impl.size = info.st_size;

  char head[kHeadBytes];
  size_t have = 0;
  while (have < kHeadBytes) {
    const ssize_t n = impl.ReadRaw(head + have, kHeadBytes - have);
    if (n < 0) return ErrnoError(impl.read_errno, Concat("reading ", stream->name_));
    if (n == 0) break;
    have += static_cast<size_t>(n);
  }
  impl.head.assign(head, have);
  impl.codec = FindCodec(impl.head);
  if (impl.codec != nullptr) UNDULA_RETURN_IF_ERROR(impl.StartDecompression(stream->name_));
  return stream;
}

absl::StatusOr<size_t> InputStream::Read(std::span<char> buffer) {
  if (!status_.ok()) return status_;
  if (impl_->empty) return size_t{0};
  const bool plain = impl_->reader == nullptr;
  const la_ssize_t n = plain ? impl_->ReadRaw(buffer.data(), buffer.size())
                             : archive_read_data(impl_->reader, buffer.data(), buffer.size());
  if (n > 0 && impl_->is_gzip()) impl_->gzip.AddText({buffer.data(), static_cast<size_t>(n)});
  if (n == 0 && impl_->is_gzip() && impl_->gzip.Damaged()) {
    status_ = DataLossError(name_,
                            ": damaged gz data (its checksum does not fit); fetch or compress "
                            "the file again");
    return status_;
  }
  if (n >= 0) return static_cast<size_t>(n);
  status_ =
      plain ? ErrnoError(impl_->read_errno, Concat("reading ", name_)) : impl_->ArchiveError(name_);
  return status_;
}

std::string_view InputStream::compression() const {
  return impl_->codec == nullptr ? std::string_view() : impl_->codec->suffix;
}
int64_t InputStream::position() const { return impl_->position; }
int64_t InputStream::size() const { return impl_->size; }

std::string PlainFileName(std::string_view path) {
  path.remove_prefix(path.rfind('/') + 1);  // npos + 1 is 0
  for (const Codec& codec : kCodecs) {
    const size_t n = codec.suffix.size() + 1;
    if (path.size() > n && path.substr(path.size() - n + 1) == codec.suffix &&
        path[path.size() - n] == '.') {
      path.remove_suffix(n);
      break;
    }
  }
  return std::string(path);
}

}  // namespace undula::kgstore
