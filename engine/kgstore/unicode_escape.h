// Numeric escapes of N-Triples and Turtle that name no character.
#ifndef UNDULA_KGSTORE_UNICODE_ESCAPE_H_
#define UNDULA_KGSTORE_UNICODE_ESCAPE_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace undula::kgstore {

inline constexpr std::string_view kBadEscape =
    "numeric escape that names no Unicode character (surrogate or above U+10FFFF)";

// Whether text[at] starts \uXXXX or \UXXXXXXXX with the code of a surrogate or above U+10FFFF; Serd
// 0.30.16 reads U+FFFD there. Malformed escapes are left to Serd.
inline bool IsBadEscape(std::string_view text, size_t at) {
  if (at + 1 >= text.size() || (text[at + 1] != 'u' && text[at + 1] != 'U')) return false;
  const size_t digits = text[at + 1] == 'u' ? 4 : 8;
  if (at + 2 + digits > text.size()) return false;
  uint32_t code = 0;
  for (const char c : text.substr(at + 2, digits)) {
    const char lower = static_cast<char>(c | 0x20);
    if (c >= '0' && c <= '9') {
      code = code * 16 + static_cast<uint32_t>(c - '0');
    } else if (lower >= 'a' && lower <= 'f') {
      code = code * 16 + static_cast<uint32_t>(lower - 'a' + 10);
    } else {
      return false;
    }
  }
  return code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF);
}

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_UNICODE_ESCAPE_H_
