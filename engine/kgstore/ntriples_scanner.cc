#include "kgstore/ntriples_scanner.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include <array>
#include <bit>
#include <cstring>

#include "base/text/normalize.h"
#include "kgstore/iri.h"
#include "kgstore/unicode_escape.h"

namespace undula::kgstore {
namespace {

constexpr std::string_view kXsdString = "http://www.w3.org/2001/XMLSchema#string";

// Bits of kByte.
enum : uint8_t {
  kIriStop = 1,
  kStringStop = 2,
  kLabelStart = 4,
  kLabel = 8,
  kAlpha = 16,
  kAlnum = 32
};

constexpr auto kByte = [] {
  std::array<uint8_t, 256> table{};
  for (int c = 0; c < 256; ++c) {
    const bool digit = c >= '0' && c <= '9';
    const bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    uint8_t bits = 0;
    if (c <= ' ' ||
        std::string_view("\"<>\\^`{|}").find(static_cast<char>(c)) != std::string_view::npos) {
      bits |= kIriStop;
    }
    if (c < ' ' || c == '"' || c == '\\') bits |= kStringStop;
    if (digit || alpha || c == '_') bits |= kLabelStart;
    if (digit || alpha || c == '_' || c == '-') bits |= kLabel;
    if (alpha) bits |= kAlpha;
    if (digit || alpha) bits |= kAlnum;
    table[static_cast<size_t>(c)] = bits;
  }
  return table;
}();

bool Has(char c, uint8_t bits) { return (kByte[static_cast<unsigned char>(c)] & bits) != 0; }
bool IsBlank(char c) { return c == ' ' || c == '\t'; }

const char* SkipBlanks(const char* p) {
  while (IsBlank(*p)) ++p;
  return p;
}

#if defined(__SSE2__)

// The first byte that ends or breaks an IRI (kIriStop) or a string (kStringStop). *ascii becomes
// false where a byte before it is not ASCII.
template <uint8_t kStop>
const char* FindStop(const char* p, bool* ascii) {
  const auto all = [](char c) { return _mm_set1_epi8(c); };
  while (true) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    // Unsigned c <= n is min(c, n) == c.
    const auto at_most = [](__m128i v, __m128i n) { return _mm_cmpeq_epi8(_mm_min_epu8(v, n), v); };
    __m128i stop;
    if constexpr (kStop == kIriStop) {
      const __m128i two = _mm_or_si128(bytes, all(2));  // '<' -> '>', '\\' -> '^'
      stop = at_most(bytes, all(' '));
      stop = _mm_or_si128(stop, _mm_cmpeq_epi8(bytes, all('"')));
      stop = _mm_or_si128(stop, _mm_cmpeq_epi8(two, all('>')));
      stop = _mm_or_si128(stop, _mm_cmpeq_epi8(two, all('^')));
      stop = _mm_or_si128(stop, _mm_cmpeq_epi8(bytes, all('`')));
      stop = _mm_or_si128(stop, at_most(_mm_sub_epi8(bytes, all('{')), all('}' - '{')));
    } else {
      stop = at_most(bytes, all(' ' - 1));
      stop = _mm_or_si128(stop, _mm_cmpeq_epi8(bytes, all('"')));
      stop = _mm_or_si128(stop, _mm_cmpeq_epi8(bytes, all('\\')));
    }
    const auto stops = static_cast<unsigned>(_mm_movemask_epi8(stop));
    const auto high = static_cast<unsigned>(_mm_movemask_epi8(bytes));
    if (stops == 0) {
      *ascii &= high == 0;
      p += 16;
      continue;
    }
    const int at = std::countr_zero(stops);
    *ascii &= (high & ((1u << at) - 1)) == 0;
    return p + at;
  }
}

#else

template <uint8_t kStop>
const char* FindStop(const char* p, bool* ascii) {
  unsigned char seen = 0;
  for (; !Has(*p, kStop); ++p) seen |= static_cast<unsigned char>(*p);
  *ascii &= seen < 0x80;
  return p;
}

#endif

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

void AppendUtf8(uint32_t code, std::string* out) {
  const auto put = [&](uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | (code >> 6));
    put(0x80 | (code & 63));
  } else if (code < 0x10000) {
    put(0xE0 | (code >> 12));
    put(0x80 | ((code >> 6) & 63));
    put(0x80 | (code & 63));
  } else {
    put(0xF0 | (code >> 18));
    put(0x80 | ((code >> 12) & 63));
    put(0x80 | ((code >> 6) & 63));
    put(0x80 | (code & 63));
  }
}

// "_:label" at p; null for labels with other characters than letters, digits, '_' and '-'.
const char* BlankNode(const char* p, std::string_view* label) {
  if (p[1] != ':' || !Has(p[2], kLabelStart)) return nullptr;
  const char* const begin = p + 2;
  for (p = begin; Has(*p, kLabel);) ++p;
  if (!IsBlank(*p)) return nullptr;
  *label = {begin, static_cast<size_t>(p - begin)};
  return p;
}

}  // namespace

// "<...>" at p, absolute; null for anything else.
const char* NTriplesScanner::Iri(const char* p, std::string_view* text) {
  const char* const begin = p + 1;
  const char* const end = FindStop<kIriStop>(begin, &ascii_);
  if (*end != '>') return nullptr;
  *text = {begin, static_cast<size_t>(end - begin)};
  if (std::memcmp(begin, "http://", 7) != 0 && !HasScheme(*text)) return nullptr;
  return end + 1;
}

const char* NTriplesScanner::Decode(const char* open, std::string_view* text) {
  std::string& out = decoded_.emplace_back();
  for (const char* p = open;;) {
    const char* const stop = FindStop<kStringStop>(p, &ascii_);
    out.append(p, stop);
    p = stop + 1;
    if (*stop == '"') {
      *text = out;
      return p;
    }
    if (*stop != '\\') return nullptr;
    switch (*p++) {
      case 't':
        out += '\t';
        break;
      case 'b':
        out += '\b';
        break;
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case 'f':
        out += '\f';
        break;
      case '"':
        out += '"';
        break;
      case '\\':
        out += '\\';
        break;
      case 'u':
      case 'U': {
        const int digits = p[-1] == 'u' ? 4 : 8;
        uint64_t code = 0;
        for (int i = 0; i < digits; ++i) {
          const int value = HexValue(*p);  // a '\n' is no digit: never beyond the line
          if (value < 0) return nullptr;
          code = code * 16 + static_cast<uint64_t>(value);
          ++p;
        }
        if (code == 0 || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return nullptr;
        AppendUtf8(static_cast<uint32_t>(code), &out);
        break;
      }
      default:
        return nullptr;
    }
  }
}

const char* NTriplesScanner::Literal(const char* p, Term* term) {
  const char* const open = p + 1;
  p = FindStop<kStringStop>(open, &ascii_);
  if (*p == '"') {
    term->text = {open, static_cast<size_t>(p - open)};
    ++p;
  } else {
    if (*p != '\\') return nullptr;
    if ((p = Decode(open, &term->text)) == nullptr) return nullptr;
  }
  term->kind = TermKind::kLiteral;
  term->datatype = term->language = {};
  if (*p == '@') {
    const char* const begin = ++p;
    if (!Has(*p, kAlpha)) return nullptr;
    while (Has(*p, kAlpha)) ++p;
    while (*p == '-') {
      ++p;
      if (!Has(*p, kAlnum)) return nullptr;
      while (Has(*p, kAlnum)) ++p;
    }
    if (!IsBlank(*p)) return nullptr;
    term->language = {begin, static_cast<size_t>(p - begin)};
  } else if (*p == '^') {
    if (p[1] != '^' || p[2] != '<') return nullptr;
    if ((p = Iri(p + 2, &term->datatype)) == nullptr) return nullptr;
    if (term->datatype == kXsdString) term->datatype = {};  // RDF 1.1: the same term
  }
  return p;
}

ScannedLine NTriplesScanner::Scan(const char* p, const char** next, Statement* statement) {
  const char* const line = p;
  ascii_ = true;
  p = SkipBlanks(p);
  const auto resource = [&](Term* term) {
    term->kind = *p == '<' ? TermKind::kIri : TermKind::kBlank;
    term->datatype = term->language = {};
    if (*p == '<') return Iri(p, &term->text);
    return *p == '_' ? BlankNode(p, &term->text) : nullptr;
  };

  if (*p == '\n') {
    *next = p + 1;
    return ScannedLine::kBlank;
  }
  if ((p = resource(&statement->head)) == nullptr || !IsBlank(*p)) return ScannedLine::kUnknown;
  p = SkipBlanks(p);
  if (*p != '<' || (p = resource(&statement->relation)) == nullptr || !IsBlank(*p)) {
    return ScannedLine::kUnknown;
  }
  p = SkipBlanks(p);
  p = *p == '"' ? Literal(p, &statement->tail) : resource(&statement->tail);
  if (p == nullptr) return ScannedLine::kUnknown;
  statement->graph = Term();
  if (graphs_ && IsBlank(*p)) {
    p = SkipBlanks(p);
    if (*p != '.' && (p = resource(&statement->graph)) == nullptr) return ScannedLine::kUnknown;
  }
  p = SkipBlanks(p);
  if (*p != '.') return ScannedLine::kUnknown;
  p = SkipBlanks(p + 1);
  if (*p == '\r') ++p;
  if (*p != '\n') return ScannedLine::kUnknown;
  if (!ascii_ && !IsValidUtf8({line, static_cast<size_t>(p - line)})) return ScannedLine::kUnknown;
  *next = p + 1;
  return ScannedLine::kStatement;
}

}  // namespace undula::kgstore
