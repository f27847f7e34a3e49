#include "kgstore/literal_key.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <iterator>

#include "base/status.h"
#include "kgstore/varint.h"

namespace undula::kgstore::internal {
namespace {

// The last byte of a key. Kinds 1 to 3 have before it the length of the tag (16 bits) and before
// that the tag. From kFirstXsd and kFirstLanguage on it stands for a common tag by its place below.
enum Kind : uint8_t {
  kPlain = 0,
  kLanguage = 1,
  kDatatype = 2,
  kXsd = 3,
  kFirstXsd = 16,
  kFirstLanguage = 64,
};

constexpr std::string_view kXsdPrefix = "http://www.w3.org/2001/XMLSchema#";
constexpr size_t kTrailer = 3;

// Part of the file format: only add at the end.
constexpr std::string_view kXsdTags[] = {"integer",
                                         "decimal",
                                         "float",
                                         "double",
                                         "boolean",
                                         "date",
                                         "dateTime",
                                         "dateTimeStamp",
                                         "time",
                                         "gYear",
                                         "gYearMonth",
                                         "gMonth",
                                         "gDay",
                                         "gMonthDay",
                                         "duration",
                                         "yearMonthDuration",
                                         "dayTimeDuration",
                                         "nonNegativeInteger",
                                         "positiveInteger",
                                         "nonPositiveInteger",
                                         "negativeInteger",
                                         "long",
                                         "int",
                                         "short",
                                         "byte",
                                         "unsignedLong",
                                         "unsignedInt",
                                         "unsignedShort",
                                         "unsignedByte",
                                         "anyURI",
                                         "token",
                                         "normalizedString",
                                         "language",
                                         "hexBinary",
                                         "base64Binary"};
constexpr std::string_view kLanguageTags[] = {
    "en",     "de",    "fr",    "es",    "it",      "pt",      "nl",    "pl",   "ru",  "ja",
    "zh",     "ar",    "cs",    "da",    "el",      "fi",      "he",    "hu",   "ko",  "no",
    "sv",     "tr",    "uk",    "fa",    "hi",      "id",      "ro",    "sk",   "sl",  "bg",
    "ca",     "eu",    "gl",    "hr",    "sr",      "sh",      "lt",    "lv",   "et",  "vi",
    "th",     "ms",    "nb",    "nn",    "is",      "ga",      "cy",    "eo",   "la",  "ka",
    "hy",     "az",    "be",    "bn",    "bs",      "kk",      "mk",    "mn",   "sq",  "sw",
    "ta",     "te",    "ur",    "uz",    "af",      "ast",     "an",    "oc",   "ceb", "war",
    "simple", "en-US", "en-GB", "pt-BR", "zh-Hans", "zh-Hant", "zh-CN", "zh-TW"};
static_assert(kFirstXsd + std::size(kXsdTags) <= kFirstLanguage);
static_assert(kFirstLanguage + std::size(kLanguageTags) <= 256);

// The tag that a kind from kFirstXsd on stands for, or nothing.
std::string_view TagOf(uint8_t kind) {
  if (kind >= kFirstLanguage) {
    const size_t at = kind - size_t{kFirstLanguage};
    return at < std::size(kLanguageTags) ? kLanguageTags[at] : std::string_view();
  }
  const size_t at = kind - size_t{kFirstXsd};
  return at < std::size(kXsdTags) ? kXsdTags[at] : std::string_view();
}

// Tags -> kinds, open addressing.
class CommonTags {
 public:
  CommonTags() {
    for (int kind = kFirstXsd; kind < 256; ++kind) {
      const std::string_view tag = TagOf(static_cast<uint8_t>(kind));
      if (tag.empty()) continue;
      size_t at = Start(tag);
      while (kinds_[at] != 0) at = (at + 1) % kinds_.size();
      kinds_[at] = static_cast<uint8_t>(kind);
    }
  }
  // 0 for none. A language and a datatype of the same name are told apart.
  uint8_t Find(std::string_view tag, bool language) const {
    for (size_t at = Start(tag); kinds_[at] != 0; at = (at + 1) % kinds_.size()) {
      if ((kinds_[at] >= kFirstLanguage) == language && TagOf(kinds_[at]) == tag) return kinds_[at];
    }
    return 0;
  }

 private:
  static size_t Start(std::string_view tag) {
    uint64_t first = 0;
    std::memcpy(&first, tag.data(), std::min<size_t>(tag.size(), 8));
    return ((first + tag.size()) * 0x9e3779b97f4a7c15ull) >> 55;
  }
  std::array<uint8_t, 512> kinds_{};
};

uint8_t CommonTag(std::string_view tag, bool language) {
  static const CommonTags tags;
  return tag.empty() ? uint8_t{0} : tags.Find(tag, language);
}

// Splits a key; false where it is damaged.
bool Split(std::string_view key, std::string_view* text, std::string_view* tag, Kind* kind) {
  if (key.empty()) return false;
  const auto last = static_cast<uint8_t>(key.back());
  *kind = static_cast<Kind>(last);
  if (last >= kFirstXsd) {
    *text = key.substr(0, key.size() - 1);
    *tag = TagOf(last);
    *kind = last >= kFirstLanguage ? kLanguage : kXsd;
    return !tag->empty();
  }
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
  if (kind == kLanguage || kind == kXsd) {
    if (const uint8_t common = CommonTag(tag, kind == kLanguage); common != 0) {
      key->push_back(static_cast<char>(common));
      return absl::OkStatus();
    }
  }
  if (kind != kPlain) {
    key->append(tag);
    PutFixed(key, static_cast<uint16_t>(tag.size()));
  }
  key->push_back(static_cast<char>(kind));
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
