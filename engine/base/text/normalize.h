// The text normalizer that labels, titles and search share: NFKC, case folding, accents removed
// (combining marks), punctuation to single spaces, ends trimmed. Its version is stored with every
// table written through it.
#ifndef UNDULA_BASE_TEXT_NORMALIZE_H_
#define UNDULA_BASE_TEXT_NORMALIZE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace undula {

inline constexpr int kNormalizerVersion = 1;

// InvalidArgument for invalid UTF-8 (the byte offset is named). The result may be empty.
absl::StatusOr<std::string> NormalizeText(std::string_view utf8);

// True where `bytes` is valid UTF-8; else *bad_offset (if given) is the first bad byte.
bool IsValidUtf8(std::string_view bytes, size_t* bad_offset = nullptr);

// Simple case mapping of one code point (Unicode's one-to-one mappings).
uint32_t LowerCodePoint(uint32_t code_point);
uint32_t UpperCodePoint(uint32_t code_point);
// The same of a text; what is no UTF-8 stays as it is.
std::string LowerText(std::string_view utf8);
std::string UpperText(std::string_view utf8);

}  // namespace undula

#endif  // UNDULA_BASE_TEXT_NORMALIZE_H_
