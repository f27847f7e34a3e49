#include "kgstore/npy.h"

#include <algorithm>
#include <bit>
#include <charconv>

#include "base/status.h"

namespace undula::kgstore {
namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);
constexpr size_t kMaxDims = 8;

// Reads the header's text, a Python dictionary such as
//   {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
class HeaderText {
 public:
  explicit HeaderText(std::string_view text) : text_(text) {}

  bool Read(std::string* descr, NpyHeader* header) {
    bool has_descr = false, has_order = false, has_shape = false;
    if (!Take('{')) return false;
    while (!Take('}')) {
      std::string key;
      if (!Quoted(&key) || !Take(':')) return false;
      if (key == "descr" && !has_descr) {
        has_descr = true;
        if (!Quoted(descr)) return false;
      } else if (key == "fortran_order" && !has_order) {
        has_order = true;
        if (!Word("True") && !Word("False")) return false;
        header->fortran_order = word_ == "True";
      } else if (key == "shape" && !has_shape) {
        has_shape = true;
        if (!Shape(&header->shape)) return false;
      } else {
        return false;
      }
      if (!Take(',')) {
        if (!Take('}')) return false;
        break;
      }
    }
    SkipBlanks();
    return text_.empty() && has_descr && has_order && has_shape;
  }

 private:
  void SkipBlanks() {
    while (!text_.empty() && (text_[0] == ' ' || text_[0] == '\n')) text_.remove_prefix(1);
  }
  bool Take(char c) {
    SkipBlanks();
    if (text_.empty() || text_[0] != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool Word(std::string_view word) {
    SkipBlanks();
    if (!text_.starts_with(word)) return false;
    word_ = word;
    text_.remove_prefix(word.size());
    return true;
  }
  bool Quoted(std::string* out) {
    SkipBlanks();
    if (text_.empty() || (text_[0] != '\'' && text_[0] != '"')) return false;
    const size_t end = text_.find(text_[0], 1);
    if (end == text_.npos) return false;
    *out = std::string(text_.substr(1, end - 1));
    text_.remove_prefix(end + 1);
    return true;
  }
  bool Shape(std::vector<int64_t>* shape) {
    if (!Take('(')) return false;
    while (!Take(')')) {
      SkipBlanks();
      int64_t extent = 0;
      const auto result = std::from_chars(text_.data(), text_.data() + text_.size(), extent);
      if (result.ec != std::errc() || extent < 0 || shape->size() == kMaxDims) return false;
      text_.remove_prefix(static_cast<size_t>(result.ptr - text_.data()));
      shape->push_back(extent);
      if (!Take(',')) return Take(')');
    }
    return true;
  }

  std::string_view text_;
  std::string_view word_;
};

uint32_t LittleEndian(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

}  // namespace

absl::StatusOr<size_t> NpyHeaderBytes(std::string_view front) {
  if (front.size() < 12 || front.substr(0, 6) != kMagic) {
    return InvalidArgumentError(
        "not a .npy file (numpy.save writes one; .npz archives are not "
        "read: save the arrays one by one)");
  }
  const int major = static_cast<uint8_t>(front[6]);
  if (major < 1 || major > 3) {
    return InvalidArgumentError(".npy format version ", major, " is unknown; 1 to 3 are read");
  }
  const size_t bytes = major == 1 ? 10 + size_t{LittleEndian(front.substr(8, 2))}
                                  : 12 + size_t{LittleEndian(front.substr(8, 4))};
  if (bytes > kMaxNpyHeader) return InvalidArgumentError("the .npy header says ", bytes, " bytes");
  return std::max(bytes, size_t{12});
}

absl::StatusOr<NpyHeader> ParseNpyHeader(std::string_view bytes) {
  UNDULA_ASSIGN_OR_RETURN(const size_t size, NpyHeaderBytes(bytes));
  if (size != bytes.size()) return DataLossError("the .npy header is truncated");
  NpyHeader header;
  std::string descr;
  if (!HeaderText(bytes.substr(bytes[6] == 1 ? 10 : 12)).Read(&descr, &header)) {
    return InvalidArgumentError("the .npy header is damaged");
  }
  if (descr == "<f2" || descr == "<f4" || descr == "<f8") {
    header.element_bytes = descr[2] - '0';
    return header;
  }
  return InvalidArgumentError("elements of type '", descr,
                              "'; only little-endian floats are read: "
                              "save array.astype('<f4')");
}

std::string MakeNpyHeader(std::string_view descr, std::span<const int64_t> shape) {
  std::string text = Concat("{'descr': '", descr, "', 'fortran_order': False, 'shape': (");
  for (size_t i = 0; i < shape.size(); ++i) text += Concat(i > 0 ? " " : "", shape[i], ",");
  if (shape.size() > 1) text.pop_back();  // (3, 4), but (3,)
  text += "), }";
  constexpr size_t kFront = 10, kAlignment = 64;
  text.append(kAlignment - 1 - (kFront + text.size()) % kAlignment, ' ');
  text += '\n';
  const auto size = static_cast<uint16_t>(text.size());
  std::string header(kMagic);
  header += {'\x01', '\x00', static_cast<char>(size & 0xff), static_cast<char>(size >> 8)};
  return header + text;
}

float HalfToFloat(uint16_t half) {
  const uint32_t sign = uint32_t{half & 0x8000u} << 16;
  const uint32_t exponent = (half >> 10) & 0x1F;
  const uint32_t mantissa = half & 0x3FF;
  if (exponent == 0x1F) return std::bit_cast<float>(sign | 0x7F800000u | (mantissa << 13));
  if (exponent != 0)
    return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
  const float value = static_cast<float>(mantissa) * 0x1p-24f;  // subnormal or zero
  return sign == 0 ? value : -value;
}

}  // namespace undula::kgstore
