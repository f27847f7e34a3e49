#include "base/text/title_forms.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "base/status.h"
#include "base/text/normalize.h"

namespace undula {
namespace {

using Lang = TitleLanguages;

struct Article {
  std::string_view word;
  int languages;
};
constexpr Article kArticles[] = {
    {"the", Lang::kEn},
    {"a", Lang::kEn | Lang::kPt},
    {"an", Lang::kEn},
    {"le", Lang::kFr},
    {"la", Lang::kFr | Lang::kEs | Lang::kIt},
    {"les", Lang::kFr},
    {"l", Lang::kFr | Lang::kIt},
    {"un", Lang::kFr | Lang::kEs | Lang::kIt},
    {"une", Lang::kFr},
    {"el", Lang::kEs},
    {"los", Lang::kEs},
    {"las", Lang::kEs},
    {"il", Lang::kIt},
    {"lo", Lang::kEs | Lang::kIt},
    {"gli", Lang::kIt},
    {"i", Lang::kIt},
    {"o", Lang::kPt},
    {"os", Lang::kPt},
    {"der", Lang::kDe},
    {"die", Lang::kDe},
    {"das", Lang::kDe},
    {"ein", Lang::kDe},
};

constexpr std::pair<std::string_view, int> kCodes[] = {
    {"en", Lang::kEn}, {"fr", Lang::kFr}, {"es", Lang::kEs},
    {"it", Lang::kIt}, {"pt", Lang::kPt}, {"de", Lang::kDe},
};

constexpr size_t kRoman = 12;  // of kNumerals: those that are of no language
constexpr std::array<std::pair<std::string_view, std::string_view>, 44> kNumerals = {{
    {"ii", "2"},        {"iii", "3"},       {"iv", "4"},       {"vi", "6"},
    {"vii", "7"},       {"viii", "8"},      {"ix", "9"},       {"xi", "11"},
    {"xii", "12"},      {"xiii", "13"},     {"xiv", "14"},     {"xv", "15"},
    {"one", "1"},       {"two", "2"},       {"three", "3"},    {"four", "4"},
    {"five", "5"},      {"six", "6"},       {"seven", "7"},    {"eight", "8"},
    {"nine", "9"},      {"ten", "10"},      {"eleven", "11"},  {"twelve", "12"},
    {"thirteen", "13"}, {"fourteen", "14"}, {"fifteen", "15"}, {"twenty", "20"},
    {"thirty", "30"},   {"forty", "40"},    {"fifty", "50"},   {"sixty", "60"},
    {"hundred", "100"}, {"first", "1st"},   {"second", "2nd"}, {"third", "3rd"},
    {"fourth", "4th"},  {"fifth", "5th"},   {"sixth", "6th"},  {"seventh", "7th"},
    {"eighth", "8th"},  {"ninth", "9th"},   {"tenth", "10th"}, {"thirteenth", "13th"},
}};

constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kShortForms = {{
    {"doctor", "dr"},
    {"mister", "mr"},
    {"missus", "mrs"},
    {"saint", "st"},
    {"mount", "mt"},
    {"versus", "vs"},
}};

bool IsArticle(std::string_view word, Lang languages) {
  return std::any_of(std::begin(kArticles), std::end(kArticles), [&](const Article& article) {
    return article.word == word && languages.HasAny(article.languages);
  });
}

bool IsLetter(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
}
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::string_view Trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// "Ke$ha", "P!nk": signs that stand for a letter between letters; "A&B": a word of its own where
// there is one for it, else no more than a space.
std::string ReadSigns(std::string_view text, bool english) {
  std::string out;
  out.reserve(text.size() + 8);
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool after = i > 0 && IsLetter(static_cast<unsigned char>(text[i - 1]));
    const bool before = i + 1 < text.size() && IsLetter(static_cast<unsigned char>(text[i + 1]));
    if (c == '$' && (after || before)) {
      out += 's';
    } else if (c == '!' && after && before) {
      out += 'i';
    } else if (c == '&' || c == '+') {
      out += english ? " and " : " ";
    } else {
      out += c;
    }
  }
  return out;
}

void SplitWords(std::string_view normalized, std::vector<std::string_view>* words) {
  words->clear();
  for (size_t at = 0; at < normalized.size();) {
    const size_t end = std::min(normalized.find(' ', at), normalized.size());
    if (end > at) words->push_back(normalized.substr(at, end - at));
    at = end + 1;
  }
}

std::string_view Numeral(std::string_view word, bool first, bool last, bool english) {
  // Single letters are numerals at the end of a title only: "Rocky V", not "V for Vendetta".
  if (word.size() == 1) {
    if (first || !last) return word;
    return word == "v" ? "5" : word == "x" ? "10" : word;
  }
  if (word.size() > 10) return word;
  const unsigned char c = static_cast<unsigned char>(word[0]);
  if (c < 'e' || c > 'x') return word;
  for (size_t i = 0; i < (english ? kNumerals.size() : kRoman); ++i) {
    if (word == kNumerals[i].first) return kNumerals[i].second;
  }
  return word;
}

std::string_view ShortForm(std::string_view word) {
  for (const auto& [text, form] : kShortForms) {
    if (word == text) return form;
  }
  return word;
}

uint32_t HashWords(std::string_view text) {
  uint64_t hash = 0xCBF29CE484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return static_cast<uint32_t>(hash ^ (hash >> 32));
}

struct Key {
  std::string key;
  uint32_t words = 0;
  size_t count = 0;  // of words
};

// `text` is valid UTF-8.
absl::StatusOr<Key> MakeKey(std::string_view text, Lang languages) {
  Key out;
  const bool english = languages.HasAny(Lang::kEn);
  const bool signs = text.find_first_of("$!&+") != std::string_view::npos;
  UNDULA_ASSIGN_OR_RETURN(const std::string normalized,
                          signs ? NormalizeText(ReadSigns(text, english)) : NormalizeText(text));
  std::vector<std::string_view> words;
  SplitWords(normalized, &words);
  out.count = words.size();
  out.words = HashWords(normalized);
  // "A. J. McLean" does not begin with an article.
  const bool initials = words.size() > 1 && words[0].size() == 1 && words[1].size() == 1;
  const size_t from = words.size() > 1 && IsArticle(words[0], languages) && !initials ? 1 : 0;
  for (size_t i = from; i < words.size(); ++i) {
    const bool last = i + 1 == words.size();
    if (english && words[i] == "and" && words.size() > from + 1) continue;
    const std::string_view numeral = Numeral(words[i], i == from, last, english);
    // "Part II" is "II".
    if (english && words[i] == "part" && i > from && !last &&
        IsDigit(Numeral(words[i + 1], false, i + 2 == words.size(), english)[0])) {
      continue;
    }
    out.key += english && numeral == words[i] ? ShortForm(words[i]) : numeral;
  }
  if (out.key.empty()) {
    for (const std::string_view word : words) out.key += word;
  }
  return out;
}

// "Sting, The" -> "The Sting".
std::string TurnArticle(std::string_view text, Lang languages) {
  const size_t comma = text.rfind(", ");
  if (comma == std::string_view::npos || comma == 0) return std::string(text);
  const std::string_view tail = Trim(text.substr(comma + 2));
  if (tail.empty() || tail.size() > 4) return std::string(text);
  std::string lower;
  for (const char c : tail) lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  if (lower.back() == '\'') lower.pop_back();
  if (!IsArticle(lower, languages)) return std::string(text);
  return Concat(tail, tail.back() == '\'' ? "" : " ", Trim(text.substr(0, comma)));
}

// A year 1000..2999 that stands alone; *rest is the text without it.
int FindYear(std::string_view text, std::string* rest) {
  for (size_t i = 0; i + 4 <= text.size(); ++i) {
    if (i > 0 && IsDigit(text[i - 1])) continue;
    if (i + 4 < text.size() && IsDigit(text[i + 4])) continue;
    if (text[i] != '1' && text[i] != '2') continue;
    if (!IsDigit(text[i + 1]) || !IsDigit(text[i + 2]) || !IsDigit(text[i + 3])) continue;
    if (i + 4 < text.size() && text[i + 4] == 's') continue;  // "1990s American band"
    const int year = (text[i] - '0') * 1000 + (text[i + 1] - '0') * 100 + (text[i + 2] - '0') * 10 +
                     (text[i + 3] - '0');
    *rest = Concat(text.substr(0, i), text.substr(i + 4));
    return year;
  }
  *rest = std::string(text);
  return 0;
}

class Parser {
 public:
  Parser(TitleRole role, Lang languages) : role_(role), languages_(languages) {}

  absl::Status Parse(std::string_view text, ParsedTitle* out) {
    std::string_view base = Trim(text);
    std::vector<std::string> inner;
    bool cut = false;
    while (base.size() > 2 && base.back() == ')') {
      const size_t open = base.rfind('(');
      if (open == std::string_view::npos || Trim(base.substr(0, open)).empty()) break;
      std::string rest;
      const int year = FindYear(base.substr(open + 1, base.size() - open - 2), &rest);
      if (out->year == 0) out->year = year;
      if (!Trim(rest).empty() && inner.size() < kMaxBrackets) inner.push_back(rest);
      base = Trim(base.substr(0, open));
      cut = true;
    }
    if (!inner.empty()) {
      UNDULA_ASSIGN_OR_RETURN(out->qualifier, NormalizeText(inner.front()));
    }
    const std::string turned = TurnArticle(base, languages_);
    UNDULA_RETURN_IF_ERROR(
        Add(turned, cut ? TitleForm::kBare : TitleForm::kWhole, /*least=*/1, out));
    if (role_ == TitleRole::kTitle) {
      for (const std::string& other : inner) {
        UNDULA_RETURN_IF_ERROR(
            Add(TurnArticle(Trim(other), languages_), TitleForm::kInner, 1, out));
      }
    }
    UNDULA_RETURN_IF_ERROR(AddSubtitles(turned, out));
    return role_ == TitleRole::kTitle ? AddFirstName(turned, out) : absl::OkStatus();
  }

 private:
  static constexpr size_t kMaxBrackets = 4;
  static constexpr size_t kLeastHead = 4;  // bytes of a key

  absl::Status AddSubtitles(std::string_view text, ParsedTitle* out) {
    size_t first = std::string_view::npos, last = 0, last_end = 0;
    for (const std::string_view mark : {" or: ", ", or ", ": ", " - ", " \xE2\x80\x93 "}) {
      const size_t at = text.find(mark);
      if (at == std::string_view::npos) continue;
      first = std::min(first, at);
      const size_t end = text.rfind(mark);
      if (end >= last) {
        last = end;
        last_end = end + mark.size();
      }
    }
    if (first == std::string_view::npos || first == 0) return absl::OkStatus();
    UNDULA_RETURN_IF_ERROR(Add(text.substr(0, first), TitleForm::kHead, 1, out));
    if (role_ == TitleRole::kLabel) return absl::OkStatus();
    return Add(text.substr(last_end), TitleForm::kTail, 2, out);
  }

  absl::Status AddFirstName(std::string_view text, ParsedTitle* out) {
    size_t cut = std::string_view::npos;
    for (const std::string_view mark : {" & ", " and ", " And ", " + ", " feat", " Feat", " ft. ",
                                        " with ", " vs", " / ", "; "}) {
      cut = std::min(cut, text.find(mark));
    }
    if (cut == std::string_view::npos || cut == 0) return absl::OkStatus();
    return Add(text.substr(0, cut), TitleForm::kPart, 1, out);
  }

  absl::Status Add(std::string_view text, TitleForm::Kind kind, size_t least, ParsedTitle* out) {
    UNDULA_ASSIGN_OR_RETURN(Key made, MakeKey(text, languages_));
    if (made.key.empty() || made.count < least) return absl::OkStatus();
    if (kind >= TitleForm::kHead && made.key.size() < kLeastHead) return absl::OkStatus();
    for (const TitleForm& form : out->forms) {
      if (form.key == made.key) return absl::OkStatus();
    }
    out->forms.push_back({kind, std::move(made.key), made.words});
    return absl::OkStatus();
  }

  const TitleRole role_;
  const Lang languages_;
};

int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

std::string DecodePercent(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 &&
        HexDigit(text[i + 2]) >= 0) {
      out += static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

absl::StatusOr<TitleLanguages> TitleLanguages::Of(std::span<const std::string> codes) {
  TitleLanguages languages;
  if (codes.empty()) return languages;
  languages.bits_ = 0;
  for (const std::string& code : codes) {
    const auto known = std::find_if(std::begin(kCodes), std::end(kCodes),
                                    [&](const auto& pair) { return pair.first == code; });
    if (known == std::end(kCodes)) {
      return InvalidArgumentError("there are no rules for titles of the language '", code,
                                  "', only for en, fr, es, it, pt and de");
    }
    languages.bits_ |= known->second;
  }
  return languages;
}

absl::StatusOr<std::string> TitleKey(std::string_view utf8, TitleLanguages languages) {
  size_t bad = 0;
  if (!IsValidUtf8(utf8, &bad)) return InvalidArgumentError("invalid UTF-8 at byte ", bad);
  UNDULA_ASSIGN_OR_RETURN(Key made, MakeKey(utf8, languages));
  return std::move(made.key);
}

absl::StatusOr<ParsedTitle> ParseTitle(std::string_view utf8, TitleRole role,
                                       TitleLanguages languages) {
  size_t bad = 0;
  if (!IsValidUtf8(utf8, &bad)) return InvalidArgumentError("invalid UTF-8 at byte ", bad);
  ParsedTitle parsed;
  UNDULA_RETURN_IF_ERROR(Parser(role, languages).Parse(utf8, &parsed));
  return parsed;
}

std::string LocalName(std::string_view iri) {
  constexpr std::string_view kResource = "/resource/";
  size_t at = iri.find(kResource);
  if (at != std::string_view::npos) {
    at += kResource.size();
  } else {
    const size_t cut = iri.find_last_of("#/");
    at = cut == std::string_view::npos ? 0 : cut + 1;
  }
  std::string name = DecodePercent(iri.substr(at));
  if (name.find('%') != std::string::npos) name = DecodePercent(name);
  // DBpedia's nodes for a part of a page: "Page__Name_of_the_part__1".
  const size_t part = name.find("__"), number = name.rfind("__");
  if (part != number && number + 2 < name.size() && IsDigit(name[number + 2])) {
    name = name.substr(part + 2, number - part - 2);
  }
  std::replace(name.begin(), name.end(), '_', ' ');
  return IsValidUtf8(name) ? name : std::string();
}

}  // namespace undula
