#include "cli/report/text.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>

#include "undula/common.h"

namespace undula::cli::report {
namespace {

constexpr char kReplacement[] = "\xEF\xBF\xBD";  // U+FFFD

// The code point at text[*i], which is moved behind it; 0xFFFD for a byte that begins none.
uint32_t Next(std::string_view text, size_t* i) {
  const auto byte = [&](size_t at) -> uint32_t {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0;
  };
  const uint32_t first = byte((*i)++);
  if (first < 0x80) return first;
  const int more = first >= 0xF0 && first < 0xF5 ? 3 : first >= 0xE0 ? 2 : 1;
  if (first < 0xC2 || first >= 0xF5) return 0xFFFD;
  uint32_t code = first & (0x3Fu >> more);
  for (int k = 0; k < more; ++k) {
    const uint32_t next = byte(*i + static_cast<size_t>(k));
    if ((next & 0xC0) != 0x80) return 0xFFFD;
    code = code << 6 | (next & 0x3F);
  }
  static constexpr uint32_t kLeast[] = {0, 0x80, 0x800, 0x10000};
  if (code < kLeast[more] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return 0xFFFD;
  *i += static_cast<size_t>(more);
  return code;
}

// The name of a mark that turns the direction of text, or null.
const char* DirectionMark(uint32_t code) {
  switch (code) {
    case 0x061C:
      return "[ALM]";
    case 0x200E:
      return "[LRM]";
    case 0x200F:
      return "[RLM]";
    case 0x202A:
      return "[LRE]";
    case 0x202B:
      return "[RLE]";
    case 0x202C:
      return "[PDF]";
    case 0x202D:
      return "[LRO]";
    case 0x202E:
      return "[RLO]";
    case 0x2066:
      return "[LRI]";
    case 0x2067:
      return "[RLI]";
    case 0x2068:
      return "[FSI]";
    case 0x2069:
      return "[PDI]";
    default:
      return nullptr;
  }
}

bool IsControl(uint32_t code) {
  return (code < 0x20 && code != '\n' && code != '\t') || (code >= 0x7F && code < 0xA0) ||
         (code & 0xFFFE) == 0xFFFE || (code >= 0xFDD0 && code <= 0xFDEF);
}

// Advances of the characters 32 to 126 of a common sans-serif font, in thousandths of its size.
constexpr uint16_t kAdvances[95] = {
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333,  278, 278, 556, 556, 556,
    556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667,
    611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667,  611, 722, 667, 944, 667,
    667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278,  556, 556, 222, 222, 500,
    222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500,  500, 334, 260, 334, 584};

// East Asian wide characters and pictographs.
bool IsWide(uint32_t code) {
  return (code >= 0x1100 && code < 0x1160) || (code >= 0x2E80 && code < 0xA4D0) ||
         (code >= 0xAC00 && code < 0xD7A4) || (code >= 0xF900 && code < 0xFB00) ||
         (code >= 0xFE30 && code < 0xFE70) || (code >= 0xFF00 && code < 0xFF61) ||
         (code >= 0x1F300 && code < 0x1FB00) || (code >= 0x20000 && code < 0x40000);
}

std::string WithSeparators(std::string digits) {
  const size_t start = digits[0] == '-' ? 1 : 0;
  size_t end = digits.find('.');
  if (end == std::string::npos) end = digits.size();
  while (end > start + 3) digits.insert(end -= 3, 1, ',');
  return digits;
}

}  // namespace

std::string Clean(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const size_t start = i;
    const uint32_t code = Next(text, &i);
    if (const char* mark = DirectionMark(code)) {
      out += mark;
    } else if (code == 0xFFFD || IsControl(code)) {
      out += kReplacement;
    } else {
      out.append(text, start, i - start);
    }
  }
  return out;
}

std::string EscapeHtml(std::string_view text) {
  std::string out;
  for (const char c : Clean(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out.push_back(c);
    }
  }
  return out;
}

std::string EscapeJson(std::string_view text) {
  std::string out;
  for (const char c : JsonQuote(Clean(text))) {
    if (c == '<') {
      out += "\\u003c";
    } else {
      out.push_back(c);
    }
  }
  return out;
}

std::string EscapeMarkdown(std::string_view text) {
  std::string out;
  for (const char c : Clean(text)) {
    if (c == '\n' || c == '\t') {
      out.push_back(' ');
      continue;
    }
    if (std::string_view("\\`*_[]<>|#!").find(c) != std::string_view::npos) out.push_back('\\');
    if (c == '&') {
      out += "&amp;";
    } else {
      out.push_back(c);
    }
  }
  return out;
}

std::string Shorten(std::string_view text, size_t characters) {
  std::string clean = Clean(text);
  size_t n = 0, cut = 0;
  for (size_t i = 0; i < clean.size(); ++n) {
    if (n + 1 == characters) cut = i;
    Next(clean, &i);
  }
  if (n <= characters) return clean;
  return clean.substr(0, cut) + "\xE2\x80\xA6";
}

std::string HumanNumber(double value) {
  if (!std::isfinite(value)) return "-";
  if (value == 0) return "0";
  char buffer[64];
  const double size = std::abs(value);
  if (size >= 1e15 || size < 1e-4) {
    std::snprintf(buffer, sizeof buffer, "%.3g", value);
    return buffer;
  }
  if (size >= 1000) {
    std::snprintf(buffer, sizeof buffer, "%.0f", value);
    return WithSeparators(buffer);
  }
  std::snprintf(buffer, sizeof buffer, "%.4g", value);
  return buffer;
}

std::string HumanNumber(int64_t value) { return WithSeparators(std::to_string(value)); }

std::string JsonNumber(double value) {
  if (!std::isfinite(value)) return "null";
  char buffer[64];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
  return error == std::errc() ? std::string(buffer, end) : "null";
}

double TextWidth(std::string_view text, double font_size) {
  double width = 0;
  for (size_t i = 0; i < text.size();) {
    const uint32_t code = Next(text, &i);
    if (code >= 32 && code < 127) {
      width += kAdvances[code - 32] / 1000.0;
    } else {
      width += IsWide(code) ? 1 : 0.6;
    }
  }
  return width * font_size * 1.05;
}

}  // namespace undula::cli::report
