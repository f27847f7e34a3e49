#include "kgstore/gzip_check.h"

#include <algorithm>
#include <array>

namespace undula::kgstore {
namespace {

constexpr size_t kTrailer = 8;
constexpr std::string_view kMemberStart = "\x1F\x8B\x08";

// Slicing by four: table[k][b] is the CRC of byte b followed by k zero bytes.
constexpr auto kTables = [] {
  std::array<std::array<uint32_t, 256>, 4> table{};
  for (uint32_t b = 0; b < 256; ++b) {
    uint32_t crc = b;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320u : 0);
    table[0][b] = crc;
  }
  for (size_t k = 1; k < 4; ++k) {
    for (uint32_t b = 0; b < 256; ++b) {
      table[k][b] = (table[k - 1][b] >> 8) ^ table[0][table[k - 1][b] & 0xFF];
    }
  }
  return table;
}();

uint32_t Byte(char c) { return static_cast<unsigned char>(c); }

uint32_t LittleEndian(std::string_view bytes) {
  return Byte(bytes[0]) | Byte(bytes[1]) << 8 | Byte(bytes[2]) << 16 | Byte(bytes[3]) << 24;
}

}  // namespace

void GzipCheck::AddCompressed(std::string_view bytes) {
  // The first member starts the file; a start across two blocks lies in the tail of the one and the
  // head of the other.
  constexpr size_t kBefore = kMemberStart.size() - 1;
  std::string border = tail_.substr(tail_.size() - std::min(tail_.size(), kBefore));
  border += bytes.substr(0, kBefore);
  const size_t from = compressed_bytes_ == 0 ? 1 : 0;
  more_members_ =
      more_members_ || bytes.find(kMemberStart, from) != bytes.npos ||
      (compressed_bytes_ >= kMemberStart.size() && border.find(kMemberStart) != border.npos);
  compressed_bytes_ += bytes.size();
  tail_.append(bytes.size() > kTrailer ? bytes.substr(bytes.size() - kTrailer) : bytes);
  if (tail_.size() > kTrailer) tail_.erase(0, tail_.size() - kTrailer);
}

void GzipCheck::AddText(std::string_view bytes) {
  uint32_t crc = crc_;
  size_t at = 0;
  for (; at + 4 <= bytes.size(); at += 4) {
    crc ^= LittleEndian(bytes.substr(at, 4));
    crc = kTables[3][crc & 0xFF] ^ kTables[2][(crc >> 8) & 0xFF] ^ kTables[1][(crc >> 16) & 0xFF] ^
          kTables[0][crc >> 24];
  }
  for (; at < bytes.size(); ++at) crc = (crc >> 8) ^ kTables[0][(crc ^ Byte(bytes[at])) & 0xFF];
  crc_ = crc;
  text_bytes_ += bytes.size();
}

bool GzipCheck::Damaged() const {
  if (more_members_) return false;
  return tail_.size() < kTrailer || LittleEndian(tail_) != ~crc_ ||
         LittleEndian(std::string_view(tail_).substr(4)) != static_cast<uint32_t>(text_bytes_);
}

}  // namespace undula::kgstore
