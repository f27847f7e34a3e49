// The forms under which a title or label is looked up. Catalogue and graph write the same name in
// different ways ("Sting, The (1973)", "The Sting", "The_Sting_(film)"); both sides go through
// ParseTitle() and meet where one form of the one has the key of one form of the other.
#ifndef UNDULA_BASE_TEXT_TITLE_FORMS_H_
#define UNDULA_BASE_TEXT_TITLE_FORMS_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace undula {

// Of TitleKey() and ParseTitle(); goes up with every change of what they return.
inline constexpr int kTitleFormsVersion = 1;

// Whose words TitleKey() and ParseTitle() know: English, French, Spanish, Italian, Portuguese and
// German by their articles, English also by spelled numerals, "and", "part", "doctor" and the like.
// Keys are comparable where the languages are the same.
class TitleLanguages {
 public:
  enum Bit : uint8_t { kEn = 1, kFr = 2, kEs = 4, kIt = 8, kPt = 16, kDe = 32, kAll = 63 };

  constexpr TitleLanguages() = default;  // all of them
  // Codes as "en"; empty: all. InvalidArgument for another code names those that there are.
  static absl::StatusOr<TitleLanguages> Of(std::span<const std::string> codes);

  bool HasAny(int bits) const { return (bits_ & bits) != 0; }

 private:
  int bits_ = kAll;
};

// The comparison key: NormalizeText(), then "$" and "!" inside words read as letters, "&" and "and"
// left out, a leading article left out, roman and spelled numerals as digits ("part" before them
// left out), "doctor", "saint" and the like as their short forms, and all spaces left out. Empty
// where no letter or digit is left. InvalidArgument for invalid UTF-8.
absl::StatusOr<std::string> TitleKey(std::string_view utf8, TitleLanguages languages = {});

struct TitleForm {
  enum Kind : uint8_t {
    kWhole,  // the text as it is
    kBare,   // without brackets at its end: years, qualifiers, other titles
    kInner,  // the text of such a bracket, as a title of its own ("(Il Conformista)")
    kHead,   // what stands before a sub-title (": ", " - ", ", or ")
    kTail,   // the sub-title, of two words or more
    kPart,   // the first of several names ("A & B", "A feat. B")
  };
  static constexpr int kKinds = 6;

  Kind kind;
  std::string key;  // TitleKey(), not empty
  uint32_t words;   // hash of the words in order, articles included: equal texts but for spelling
};

struct ParsedTitle {
  std::vector<TitleForm> forms;  // keys are distinct; in the order of the kinds
  int year = 0;                  // of a bracket at the end; 0 = none
  std::string qualifier;         // normalized text of the last bracket without its year: "film"
};

// kLabel: a label of the graph. Its brackets are qualifiers and its parts no names of their own, so
// that it has the kinds kWhole, kBare and kHead only.
enum class TitleRole { kTitle, kLabel };

// "Title, The" is turned round. No forms where nothing is left of the text. InvalidArgument for
// invalid UTF-8.
absl::StatusOr<ParsedTitle> ParseTitle(std::string_view utf8, TitleRole role,
                                       TitleLanguages languages = {});

// The readable part of an IRI: what follows the last '#' or '/' (or "/resource/"), percent
// sequences decoded (twice where the result still has some), underscores as spaces; of DBpedia's
// "Page__Name__1" the name. Empty where that is no valid UTF-8.
std::string LocalName(std::string_view iri);

}  // namespace undula

#endif  // UNDULA_BASE_TEXT_TITLE_FORMS_H_
