#include "kgstore/literal_key.h"

#include <cstdint>

#include "base/status.h"
#include "kgstore/varint.h"

namespace undula::kgstore::internal {
namespace {

// The last byte of a key. All kinds but kPlain have before it the length of the tag (16 bits) and
// before that the tag.
enum Kind : char { kPlain = 0, kLanguage = 1, kDatatype = 2, kXsd = 3 };

constexpr std::string_view kXsdPrefix = "http://www.w3.org/2001/XMLSchema#";
constexpr size_t kTrailer = 3;

// Splits a key; false where it is damaged.
bool Split(std::string_view key, std::string_view* text, std::string_view* tag, Kind* kind) {
  if (key.empty()) return false;
  *kind = static_cast<Kind>(key.back());
  if (*kind == kPlain) {
    *text = key.substr(0, key.size() - 1);
    *tag = {};
    return true;
  }
  if (*kind > kXsd || key.size() < kTrailer) return false;
  const size_t length = LoadFixed<uint16_t>(key.data() + key.size() - kTrailer);
  if (length + kTrailer > key.size()) return false;
  *tag = key.substr(key.size() - kTrailer - length, length);
  *text = key.substr(0, key.size() - kTrailer - length);
  return true;
}

}  // namespace

absl::Status EncodeLiteral(std::string_view text, std::string_view datatype,
                           std::string_view language, std::string* key) {
  key->assign(text);
  Kind kind = kPlain;
  std::string_view tag;
  if (!language.empty()) {
    kind = kLanguage;
    tag = language;
  } else if (datatype.substr(0, kXsdPrefix.size()) == kXsdPrefix) {
    tag = datatype.substr(kXsdPrefix.size());
    kind = tag == "string" ? kPlain : kXsd;
  } else if (!datatype.empty()) {
    kind = kDatatype;
    tag = datatype;
  }
  if (tag.size() > 0xFFFF) {
    return InvalidArgumentError("a datatype or language tag of ", tag.size(),
                                " bytes; at most 65535 are allowed");
  }
  if (kind != kPlain) {
    key->append(tag);
    PutFixed(key, static_cast<uint16_t>(tag.size()));
  }
  key->push_back(kind);
  return absl::OkStatus();
}

std::string_view LexicalForm(std::string_view key) {
  std::string_view text, tag;
  Kind kind;
  return Split(key, &text, &tag, &kind) ? text : key;
}

std::string_view XsdType(std::string_view key) {
  std::string_view text, tag;
  Kind kind;
  return Split(key, &text, &tag, &kind) && kind == kXsd ? tag : std::string_view();
}

absl::StatusOr<Literal> DecodeLiteral(std::string_view key) {
  std::string_view text, tag;
  Kind kind;
  if (!Split(key, &text, &tag, &kind)) return DataLossError("a literal is damaged");
  Literal literal;
  literal.text = text;
  if (kind == kLanguage) {
    literal.language = tag;
  } else if (kind == kDatatype) {
    literal.datatype = tag;
  } else if (kind == kXsd) {
    literal.datatype = Concat(kXsdPrefix, tag);
  }
  return literal;
}

}  // namespace undula::kgstore::internal
