#include "base/text/normalize.h"

#include <utf8proc.h>

#include <vector>

#include "base/status.h"

namespace undula {
namespace {

// Accents and points that readers leave out: diacritics of Latin, Greek and Cyrillic, Hebrew and
// Arabic vowel points, marks for symbols, variation selectors. Marks that make another letter
// (Japanese voicing, vowel signs of Indic and South-East Asian scripts) stay.
bool IsDroppedMark(utf8proc_int32_t c, int category) {
  if (category != UTF8PROC_CATEGORY_MN && category != UTF8PROC_CATEGORY_ME) return false;
  return c < 0x0900 || (c >= 0x1AB0 && c <= 0x1AFF) || (c >= 0x1DC0 && c <= 0x1DFF) ||
         (c >= 0x20D0 && c <= 0x20FF) || (c >= 0xFE00 && c <= 0xFE0F) ||
         (c >= 0xFE20 && c <= 0xFE2F);
}

bool IsSpaceLike(int category) {
  switch (category) {
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
    case UTF8PROC_CATEGORY_SM:
    case UTF8PROC_CATEGORY_SC:
    case UTF8PROC_CATEGORY_SK:
    case UTF8PROC_CATEGORY_SO:
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
      return true;
    default:
      return false;
  }
}

const utf8proc_uint8_t* Bytes(std::string_view text) {
  return reinterpret_cast<const utf8proc_uint8_t*>(text.data());
}

// A space before characters such as U+00BD: NFKC alone makes "81/2" of "8½". `text` is valid.
std::string SeparateFractions(std::string_view text) {
  std::string spaced;
  for (size_t at = 0; at < text.size();) {
    utf8proc_int32_t c;
    const utf8proc_ssize_t n =
        utf8proc_iterate(Bytes(text) + at, static_cast<utf8proc_ssize_t>(text.size() - at), &c);
    if (utf8proc_get_property(c)->decomp_type == UTF8PROC_DECOMP_TYPE_FRACTION) spaced += ' ';
    spaced += text.substr(at, static_cast<size_t>(n));
    at += static_cast<size_t>(n);
  }
  return spaced;
}

}  // namespace

bool IsValidUtf8(std::string_view bytes, size_t* bad_offset) {
  for (size_t at = 0; at < bytes.size();) {
    utf8proc_int32_t c;
    const utf8proc_ssize_t n =
        utf8proc_iterate(Bytes(bytes) + at, static_cast<utf8proc_ssize_t>(bytes.size() - at), &c);
    if (n <= 0) {
      if (bad_offset != nullptr) *bad_offset = at;
      return false;
    }
    at += static_cast<size_t>(n);
  }
  return true;
}

absl::StatusOr<std::string> NormalizeText(std::string_view text) {
  size_t bad = 0;
  if (!IsValidUtf8(text, &bad)) return InvalidArgumentError("invalid UTF-8 at byte ", bad);
  if (text.empty()) return std::string();
  const std::string utf8 = SeparateFractions(text);

  // IGNORE drops soft hyphens, joiners and other invisible characters.
  constexpr auto kOptions = static_cast<utf8proc_option_t>(
      UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE);
  const auto length = static_cast<utf8proc_ssize_t>(utf8.size());
  std::vector<utf8proc_int32_t> chars(utf8.size() + 16);
  utf8proc_ssize_t n = utf8proc_decompose(Bytes(utf8), length, chars.data(),
                                          static_cast<utf8proc_ssize_t>(chars.size()), kOptions);
  if (n > static_cast<utf8proc_ssize_t>(chars.size())) {  // it tells the size it needs
    chars.resize(static_cast<size_t>(n));
    n = utf8proc_decompose(Bytes(utf8), length, chars.data(), n, kOptions);
  }
  if (n < 0) return InvalidArgumentError("cannot normalize text: ", utf8proc_errmsg(n));

  size_t kept = 0;
  bool gap = false;
  for (utf8proc_ssize_t i = 0; i < n; ++i) {
    const utf8proc_int32_t c = chars[static_cast<size_t>(i)];
    const int category = utf8proc_get_property(c)->category;
    if (IsDroppedMark(c, category)) continue;
    if (IsSpaceLike(category)) {
      gap = kept > 0;
      continue;
    }
    // `kept` cannot pass `i`: a gap is written only after at least one character was skipped.
    if (gap) chars[kept++] = ' ';
    gap = false;
    chars[kept++] = c;
  }
  const utf8proc_ssize_t composed =
      utf8proc_normalize_utf32(chars.data(), static_cast<utf8proc_ssize_t>(kept),
                               static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  if (composed < 0)
    return InvalidArgumentError("cannot normalize text: ", utf8proc_errmsg(composed));

  std::string normalized;
  normalized.reserve(utf8.size());
  for (utf8proc_ssize_t i = 0; i < composed; ++i) {
    utf8proc_uint8_t buffer[4];
    const utf8proc_ssize_t bytes = utf8proc_encode_char(chars[static_cast<size_t>(i)], buffer);
    normalized.append(reinterpret_cast<const char*>(buffer), static_cast<size_t>(bytes));
  }
  return normalized;
}

}  // namespace undula
