#include "base/text/normalize.h"

#include <utf8proc.h>

#include <array>
#include <cstdint>
#include <cstring>
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

// The length of the multi-byte character at p (table 3-7 of the Unicode standard); 0 for none.
size_t SequenceLength(const utf8proc_uint8_t* p, size_t n) {
  const auto follows = [&](size_t i, int low, int high) {
    return i < n && p[i] >= low && p[i] <= high;
  };
  const int first = p[0];
  if (first >= 0xC2 && first <= 0xDF) return follows(1, 0x80, 0xBF) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const int low = first == 0xE0 ? 0xA0 : 0x80, high = first == 0xED ? 0x9F : 0xBF;
    return follows(1, low, high) && follows(2, 0x80, 0xBF) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const int low = first == 0xF0 ? 0x90 : 0x80, high = first == 0xF4 ? 0x8F : 0xBF;
    return follows(1, low, high) && follows(2, 0x80, 0xBF) && follows(3, 0x80, 0xBF) ? 4 : 0;
  }
  return 0;
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

// `text` is valid UTF-8.
absl::StatusOr<std::string> NormalizeSlowly(std::string_view text) {
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

// What NormalizeSlowly makes of characters that it treats one by one, whatever stands beside
// them: a character becomes one to three others, a gap between words, or nothing. Others (marks,
// fractions, most scripts with composition) are kOther.
struct Plain {
  enum Kind : uint8_t { kOther, kGap, kDropped, kText };
  Kind kind = kOther;
  uint8_t size = 0;
  std::array<char, 6> text{};  // UTF-8
};

constexpr utf8proc_int32_t kPlainTable = 0x0600;  // Latin, Greek, Cyrillic, Armenian, Hebrew

std::vector<Plain> MakePlainTable() {
  std::vector<Plain> table(kPlainTable);
  for (utf8proc_int32_t c = 0; c < kPlainTable; ++c) {
    const utf8proc_property_t* property = utf8proc_get_property(c);
    if (property->decomp_type == UTF8PROC_DECOMP_TYPE_FRACTION || property->combining_class != 0) {
      continue;
    }
    utf8proc_uint8_t encoded[4];
    const auto n = static_cast<size_t>(utf8proc_encode_char(c, encoded));
    // Beside letters it shows whether it parts words.
    std::string around = "a";
    around.append(reinterpret_cast<const char*>(encoded), n).append("a");
    const absl::StatusOr<std::string> result = NormalizeSlowly(around);
    if (!result.ok() || result->size() < 2 || result->front() != 'a' || result->back() != 'a') {
      continue;
    }
    const std::string_view middle(result->data() + 1, result->size() - 2);
    Plain& plain = table[static_cast<size_t>(c)];
    if (middle.empty()) {
      plain.kind = Plain::kDropped;
    } else if (middle == " ") {
      plain.kind = Plain::kGap;
    } else if (middle.find(' ') == middle.npos && middle.size() <= plain.text.size()) {
      plain.kind = Plain::kText;
      plain.size = static_cast<uint8_t>(middle.size());
      std::memcpy(plain.text.data(), middle.data(), middle.size());
    }
  }
  return table;
}

// Letters that stay as they are and neither decompose nor compose with what may stand beside them
// in plain text: Arabic letters without those that carry a hamza or madda, kana, ideographs, Hangul
// syllables.
bool IsInert(utf8proc_int32_t c) {
  if (c >= 0x4E00 && c <= 0x9FFF) return true;
  if (c >= 0x3041 && c <= 0x3096) return true;
  if ((c >= 0x30A1 && c <= 0x30FA) || c == 0x30FC) return true;
  if (c >= 0xAC00 && c <= 0xD7A3) return true;
  return (c >= 0x0627 && c <= 0x063A) || (c >= 0x0641 && c <= 0x064A);
}

// False where `text` (valid UTF-8) holds a character that is not plain; *out is then undefined.
bool NormalizePlain(std::string_view text, std::string* out) {
  static const std::vector<Plain> table = MakePlainTable();
  out->clear();
  out->reserve(text.size() + 8);
  bool gap = false;
  for (size_t at = 0; at < text.size();) {
    const auto first = static_cast<unsigned char>(text[at]);
    size_t n = 1;
    utf8proc_int32_t c = first;
    if (first >= 0xF0) return false;
    if (first >= 0xE0) {
      n = 3;
      c = ((first & 15) << 12) | ((text[at + 1] & 63) << 6) | (text[at + 2] & 63);
    } else if (first >= 0x80) {
      n = 2;
      c = ((first & 31) << 6) | (text[at + 1] & 63);
    }
    const char* add = text.data() + at;
    size_t size = n;
    if (c < kPlainTable) {
      const Plain& plain = table[static_cast<size_t>(c)];
      if (plain.kind == Plain::kOther) return false;
      if (plain.kind == Plain::kGap) gap = !out->empty();
      add = plain.text.data();
      size = plain.size;
    } else if (!IsInert(c)) {
      return false;
    }
    at += n;
    if (size == 0) continue;
    if (gap) out->push_back(' ');
    gap = false;
    out->append(add, size);
  }
  return true;
}

std::string MapText(std::string_view text, uint32_t (*map)(uint32_t)) {
  std::string out;
  out.reserve(text.size());
  const utf8proc_uint8_t* const p = Bytes(text);
  for (size_t at = 0; at < text.size();) {
    const size_t length = SequenceLength(p + at, text.size() - at);
    if (p[at] < 0x80) {
      out.push_back(static_cast<char>(map(p[at++])));
      continue;
    }
    if (length == 0) {
      out.push_back(text[at++]);
      continue;
    }
    utf8proc_int32_t c = 0;
    utf8proc_iterate(p + at, static_cast<utf8proc_ssize_t>(length), &c);
    utf8proc_uint8_t bytes[4];
    const auto size =
        utf8proc_encode_char(static_cast<utf8proc_int32_t>(map(static_cast<uint32_t>(c))), bytes);
    out.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
    at += length;
  }
  return out;
}

}  // namespace

bool IsValidUtf8(std::string_view bytes, size_t* bad_offset) {
  const utf8proc_uint8_t* const p = Bytes(bytes);
  const size_t n = bytes.size();
  for (size_t at = 0; at < n;) {
    if (p[at] < 0x80) {
      uint64_t word;
      if (at + 8 <= n && (std::memcpy(&word, p + at, 8), (word & 0x8080808080808080u) == 0)) {
        at += 8;
      } else {
        ++at;
      }
      continue;
    }
    const size_t length = SequenceLength(p + at, n - at);
    if (length == 0) {
      if (bad_offset != nullptr) *bad_offset = at;
      return false;
    }
    at += length;
  }
  return true;
}

absl::StatusOr<std::string> NormalizeText(std::string_view text) {
  size_t bad = 0;
  if (!IsValidUtf8(text, &bad)) return InvalidArgumentError("invalid UTF-8 at byte ", bad);
  std::string plain;
  if (NormalizePlain(text, &plain)) return plain;
  return NormalizeSlowly(text);
}

uint32_t LowerCodePoint(uint32_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
  return static_cast<uint32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c)));
}

uint32_t UpperCodePoint(uint32_t c) {
  if (c < 0x80) return c >= 'a' && c <= 'z' ? c - 32 : c;
  return static_cast<uint32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(c)));
}

std::string LowerText(std::string_view text) { return MapText(text, LowerCodePoint); }
std::string UpperText(std::string_view text) { return MapText(text, UpperCodePoint); }

}  // namespace undula
