// The check that libarchive leaves out: the length and CRC-32 at the end of a gzip member (RFC
// 1952).
#ifndef UNDULA_KGSTORE_GZIP_CHECK_H_
#define UNDULA_KGSTORE_GZIP_CHECK_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace undula::kgstore {

// Sees a gzip file before and after decompression. A file of one member is checked exactly; of
// several ones (concatenated files, bgzip) nothing can be said without their borders, and they
// pass.
class GzipCheck {
 public:
  void AddCompressed(std::string_view bytes);
  void AddText(std::string_view bytes);

  // After the last bytes: whether the text is not what was compressed.
  bool Damaged() const;

 private:
  uint32_t crc_ = 0xFFFFFFFFu;
  uint64_t text_bytes_ = 0;
  uint64_t compressed_bytes_ = 0;
  bool more_members_ = false;
  std::string tail_;  // the last 8 bytes seen
};

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_GZIP_CHECK_H_
