#include "base/options.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <set>
#include <variant>

#include "base/status.h"

namespace undula {
namespace {

using Value = std::variant<bool, int64_t, double, std::string>;

char FoldChar(char c) {
  if (c == '-') return '_';
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string Fold(std::string_view text) {
  std::string folded(text);
  std::transform(folded.begin(), folded.end(), folded.begin(), FoldChar);
  return folded;
}

bool SameKey(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return x == y || ((x == '-' || x == '_') && (y == '-' || y == '_'));
  });
}

// Edit distance where swapping two neighbors counts once (optimal string alignment).
size_t Distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

std::string Join(std::span<const std::string_view> names) {
  std::string text;
  for (const std::string_view name : names) {
    if (!text.empty()) text += ", ";
    text += name;
  }
  return text;
}

std::vector<std::string_view> SplitChoices(std::string_view choices) {
  std::vector<std::string_view> list;
  for (size_t begin = 0; begin <= choices.size();) {
    const size_t end = std::min(choices.find('|', begin), choices.size());
    list.push_back(choices.substr(begin, end - begin));
    begin = end + 1;
  }
  return list;
}

// "section.key"
std::string FullName(const OptionTable& table, const OptionField& field) {
  return table.section.empty() ? std::string(field.name) : Concat(table.section, '.', field.name);
}

std::string DoubleText(double value) {
  char buffer[32];
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, value);  // shortest round trip
  return std::string(buffer, result.ptr);
}

std::string RangeText(const OptionField& field) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  const bool low = field.min > -kInf;
  const bool high = field.max < kInf;
  if (low && high) return Concat("from ", DoubleText(field.min), " to ", DoubleText(field.max));
  if (low) return Concat("of at least ", DoubleText(field.min));
  return high ? Concat("of at most ", DoubleText(field.max)) : "of any size";
}

// Compares without rounding the integer to a double.
bool IsInRange(int64_t value, const OptionField& field) {
  constexpr double kTwo63 = 9223372036854775808.0;
  if (std::isnan(field.min) || std::isnan(field.max)) return false;
  const bool high_enough =
      field.min <= -kTwo63 ||
      (field.min < kTwo63 && value >= static_cast<int64_t>(std::ceil(field.min)));
  const bool low_enough =
      field.max >= kTwo63 ||
      (field.max >= -kTwo63 && value <= static_cast<int64_t>(std::floor(field.max)));
  return high_enough && low_enough;
}

absl::StatusOr<Value> ParseBool(const std::string& name, std::string_view text) {
  const std::string folded = Fold(text);
  for (const std::string_view word : {"true", "yes", "on", "1"}) {
    if (folded == word) return Value(true);
  }
  for (const std::string_view word : {"false", "no", "off", "0"}) {
    if (folded == word) return Value(false);
  }
  return InvalidArgumentError("option ", name, ": '", text, "' is not true or false");
}

// A number that fills the whole text; from_chars does not know a leading '+'.
template <class Number>
std::errc ParseNumber(std::string_view text, Number* value) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  const auto result = std::from_chars(text.data(), text.data() + text.size(), *value);
  if (result.ec != std::errc()) return result.ec;
  return result.ptr == text.data() + text.size() ? std::errc() : std::errc::invalid_argument;
}

absl::StatusOr<Value> ParseInt(const std::string& name, const OptionField& field,
                               std::string_view text) {
  int64_t value = 0;
  const std::errc error = ParseNumber(text, &value);
  if (error == std::errc::invalid_argument) {
    return InvalidArgumentError("option ", name, ": '", text, "' is not a whole number; use one ",
                                RangeText(field));
  }
  if (error != std::errc() || !IsInRange(value, field)) {
    return InvalidArgumentError("option ", name, ": ", text,
                                " is out of range; use a whole number ", RangeText(field));
  }
  return Value(value);
}

absl::StatusOr<Value> ParseFloat(const std::string& name, const OptionField& field,
                                 std::string_view text) {
  double value = 0;
  const std::errc error = ParseNumber(text, &value);
  if (error == std::errc::invalid_argument || std::isnan(value)) {
    return InvalidArgumentError("option ", name, ": '", text, "' is not a number; use one ",
                                RangeText(field));
  }
  if (error != std::errc() || !(value >= field.min && value <= field.max)) {
    return InvalidArgumentError("option ", name, ": ", text, " is out of range; use a number ",
                                RangeText(field));
  }
  return Value(value);
}

absl::StatusOr<Value> ParseChoice(const std::string& name, const OptionField& field,
                                  std::string_view text) {
  const std::vector<std::string_view> choices = SplitChoices(field.choices);
  if (std::find(choices.begin(), choices.end(), text) != choices.end()) {
    return Value(std::string(text));
  }
  const std::string nearest = NearestKey(text, choices);
  return InvalidArgumentError("option ", name, ": '", text, "' is not one of ", Join(choices),
                              nearest.empty() ? "" : "; did you mean '", nearest,
                              nearest.empty() ? "" : "'?");
}

absl::StatusOr<Value> ParseValue(const OptionTable& table, const OptionField& field,
                                 std::string_view text) {
  const std::string name = FullName(table, field);
  switch (field.kind) {
    case OptionKind::kBool:
      return ParseBool(name, text);
    case OptionKind::kInt:
      return ParseInt(name, field, text);
    case OptionKind::kFloat:
      return ParseFloat(name, field, text);
    case OptionKind::kString:
      return Value(std::string(text));
    case OptionKind::kChoice:
      return ParseChoice(name, field, text);
  }
  return InternalError("option ", name, " has an unknown kind");
}

absl::StatusOr<const OptionField*> FindField(const OptionTable& table, std::string_view key) {
  for (const OptionField& field : table.fields) {
    if (SameKey(field.name, key)) return &field;
  }
  std::vector<std::string_view> names;
  for (const OptionField& field : table.fields) names.push_back(field.name);
  const std::string nearest = NearestKey(key, names);
  const std::string where = table.section.empty() ? "" : Concat(" of ", table.section);
  if (!nearest.empty()) {
    return InvalidArgumentError("unknown option '", key, "'", where, "; did you mean '", nearest,
                                "'?");
  }
  return InvalidArgumentError("unknown option '", key, "'", where, "; it has ",
                              names.empty() ? "no options" : Join(names));
}

}  // namespace

std::string NearestKey(std::string_view key, std::span<const std::string_view> known) {
  const std::string folded = Fold(key);
  std::string_view best;
  size_t best_distance = std::numeric_limits<size_t>::max();
  for (const std::string_view candidate : known) {
    const std::string other = Fold(candidate);
    const size_t distance = Distance(folded, other);
    // A third of the letters wrong still looks like a slip; so does a word left out at either end.
    const bool near =
        3 * distance <= std::max(folded.size(), other.size()) ||
        (folded.size() >= 3 && (other.starts_with(folded) || other.ends_with(folded)));
    if (near && distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return std::string(best);
}

absl::Status CheckOption(const OptionTable& table, std::string_view key, std::string_view value) {
  UNDULA_ASSIGN_OR_RETURN(const OptionField* field, FindField(table, key));
  return ParseValue(table, *field, value).status();
}

absl::Status SetOption(const OptionTable& table, void* object, std::string_view key,
                       std::string_view value) {
  UNDULA_ASSIGN_OR_RETURN(const OptionField* field, FindField(table, key));
  UNDULA_ASSIGN_OR_RETURN(const Value parsed, ParseValue(table, *field, value));
  char* const member = static_cast<char*>(object) + field->offset;
  std::visit([member]<class T>(const T& v) { *reinterpret_cast<T*>(member) = v; }, parsed);
  return absl::OkStatus();
}

absl::Status SetOptions(const OptionTable& table, void* object, const OptionMap& values) {
  std::set<std::string_view> given;
  for (const auto& [key, value] : values) {
    UNDULA_ASSIGN_OR_RETURN(const OptionField* field, FindField(table, key));
    if (!given.insert(field->name).second) {
      return InvalidArgumentError("option ", FullName(table, *field),
                                  " is given twice, with '-' and with '_'");
    }
    UNDULA_RETURN_IF_ERROR(SetOption(table, object, key, value));
  }
  return absl::OkStatus();
}

OptionMap GetOptions(const OptionTable& table, const void* object) {
  OptionMap values;
  for (const OptionField& field : table.fields) {
    const char* const member = static_cast<const char*>(object) + field.offset;
    std::string text;
    switch (field.kind) {
      case OptionKind::kBool:
        text = *reinterpret_cast<const bool*>(member) ? "true" : "false";
        break;
      case OptionKind::kInt:
        text = std::to_string(*reinterpret_cast<const int64_t*>(member));
        break;
      case OptionKind::kFloat:
        text = DoubleText(*reinterpret_cast<const double*>(member));
        break;
      case OptionKind::kString:
      case OptionKind::kChoice:
        text = *reinterpret_cast<const std::string*>(member);
        break;
    }
    values.emplace(field.name, std::move(text));
  }
  return values;
}

}  // namespace undula
