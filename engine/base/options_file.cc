// ReadOptionsFile and ParseToml: the only use of toml++ in base.
#include <algorithm>
#include <charconv>

#define TOML_EXCEPTIONS 0  // errors come back as values
#include <toml++/toml.h>

#include "base/file.h"
#include "base/options.h"
#include "base/status.h"
#include "base/toml_tree.h"

namespace undula {
namespace {

constexpr int kMaxDepth = 8;
constexpr int64_t kMaxFile = int64_t{16} << 20;

// "file:line:column: "
std::string At(const std::string& path, const toml::source_region& region) {
  return Concat(path, ':', region.begin.line, ':', region.begin.column, ": ");
}

absl::StatusOr<std::string> ValueText(const toml::node& node, const std::string& where) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* flag = node.as_boolean()) return std::string(flag->get() ? "true" : "false");
  if (const auto* integer = node.as_integer()) return std::to_string(integer->get());
  if (const auto* number = node.as_floating_point()) {
    char buffer[32];
    const auto result = std::to_chars(buffer, buffer + sizeof buffer, number->get());
    return std::string(buffer, result.ptr);
  }
  return InvalidArgumentError(where, "the value must be a string, a number, true or false");
}

// A list of scalars is its texts joined by '|'.
absl::StatusOr<std::string> ListText(const toml::array& list, const std::string& where) {
  std::string joined;
  for (const toml::node& element : list) {
    UNDULA_ASSIGN_OR_RETURN(const std::string text, ValueText(element, where));
    if (text.find('|') != std::string::npos) {
      return InvalidArgumentError(where, "an entry of a list may not contain '|'");
    }
    if (&element != &list.front()) joined += '|';
    joined += text;
  }
  return joined;
}

absl::Status UnknownSection(const std::string& where, std::string_view section,
                            std::span<const std::string_view> known) {
  const std::string nearest = NearestKey(section, known);
  if (!nearest.empty()) {
    return InvalidArgumentError(where, "unknown section [", section, "]; did you mean [", nearest,
                                "]?");
  }
  std::string list;
  for (const std::string_view name : known) list += Concat(list.empty() ? "[" : ", [", name, ']');
  return InvalidArgumentError(where, "unknown section [", section, "]; known: ", list);
}

// `table` may be null: keys and values are then taken as they are.
absl::StatusOr<OptionMap> ReadSection(const std::string& path, std::string_view name,
                                      const toml::table& section, const OptionTable* table) {
  OptionMap values;
  for (const auto& [key, node] : section) {
    const std::string where = At(path, key.source());
    const std::string value_where = Concat(where, key.str(), ": ");
    const bool is_list = table == nullptr && node.is_array();
    UNDULA_ASSIGN_OR_RETURN(std::string text, is_list ? ListText(*node.as_array(), value_where)
                                                      : ValueText(node, value_where));
    if (table != nullptr) {
      const absl::Status status = CheckOption(*table, key.str(), text);
      if (!status.ok()) return Error(status.code(), where, Message(status));
    }
    std::string folded(key.str());
    std::replace(folded.begin(), folded.end(), '-', '_');
    if (!values.emplace(folded, std::move(text)).second) {
      return InvalidArgumentError(where, "option ", name, '.', folded,
                                  " is given twice, with '-' and with '_'");
    }
  }
  return values;
}

// Whether the '[' at `at`, the first of its line, begins a section whose name does not begin as a
// key does (or is empty, which toml++ reports by itself).
bool IsBadSection(std::string_view text, size_t at) {
  const size_t open = at + 1 < text.size() && text[at + 1] == '[' ? at + 2 : at + 1;
  const size_t next = text.find_first_not_of(" \t", open);
  if (next == std::string_view::npos) return false;
  const char c = text[next];
  return !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-\"']").find(c) != std::string_view::npos);
}

// Where a text stands outside of strings and comments, as toml++ sees it: within a key or a value,
// and whether within a bare word, which a quote does not end.
class TomlPlace {
 public:
  bool in_word() const { return word_; }
  void AfterString() { word_ = true; }
  void Pass(char c) {
    if (value_ && !word_ && (c == '[' || c == '{')) {
      open_.push_back(c);
      value_ = c == '[';
    } else if (!value_ && c == '=') {
      value_ = true;
      word_ = false;
    } else if (std::string_view(value_ ? " \t\r\n,]}#" : " \t\r\n,]}#.[{").find(c) ==
               std::string_view::npos) {
      word_ = true;
    } else {
      word_ = false;
      if (!open_.empty() && c == (open_.back() == '[' ? ']' : '}')) {
        open_.pop_back();
        value_ = true;
      }
      if (c == ',') value_ = open_.empty() || open_.back() == '[';
      if (c == '\n' && open_.empty()) value_ = false;
    }
  }

 private:
  std::string open_;    // brackets of the value
  bool value_ = false;  // else a key
  bool word_ = false;
};

// The first byte that toml++ 3.0 must not see, npos where there is none. Beyond ASCII and not
// within a string or comment: TOML has no such characters, but toml++ asks whether they are white
// space, and its answer for most of them is undefined behavior
// (is_non_ascii_horizontal_whitespace). A quote within a word begins no string: toml++ goes through
// what follows as a part of the word. A section whose name does not begin as a key: an assertion of
// its parse_key, undefined in release builds.
size_t FindStrayByte(std::string_view text) {
  const auto non_ascii = [&](size_t i) { return static_cast<unsigned char>(text[i]) >= 0x80; };
  size_t at = text.substr(0, 3) == "\xef\xbb\xbf" ? 3 : 0;  // a byte order mark is welcome
  TomlPlace place;
  bool line_begins = true;  // nothing but white space since its beginning
  while (at < text.size()) {
    const char c = text[at];
    const bool quote = c == '"' || c == '\'';
    if (non_ascii(at) || (c == '[' && line_begins && IsBadSection(text, at)) ||
        (quote && place.in_word())) {
      return at;
    }
    line_begins = c == '\n' || (line_begins && (c == ' ' || c == '\t' || c == '\r'));
    if (quote) {
      const bool multi = at + 2 < text.size() && text[at + 1] == c && text[at + 2] == c;
      for (at += multi ? 3 : 1; at < text.size(); ++at) {
        if (c == '"' && text[at] == '\\') {
          // No escape, or a line that goes on: the white space that follows is skipped.
          const size_t next = text.find_first_not_of(" \t\r\n", at + 1);
          if (next != std::string_view::npos && non_ascii(next)) return next;
          ++at;
        } else if (multi ? text.substr(at, 3) == std::string(3, c)
                         : text[at] == c || text[at] == '\n') {
          break;
        }
      }
      at += multi ? 3 : 1;
      for (int more = 0; multi && more < 2 && at < text.size() && text[at] == c; ++more) ++at;
      place.AfterString();
    } else {
      place.Pass(c);
      at = c == '#' ? std::min(text.find('\n', at), text.size()) : at + 1;
    }
  }
  return std::string_view::npos;
}

// InvalidArgument with the position of what toml++ must not see.
absl::Status CheckText(std::string_view text, const std::string& path) {
  if (const size_t stray = FindStrayByte(text); stray != std::string_view::npos) {
    const std::string_view before = text.substr(0, stray);
    const auto line = std::count(before.begin(), before.end(), '\n') + 1;
    const size_t column = stray - (before.rfind('\n') + 1) + 1;
    const char c = text[stray];
    return InvalidArgumentError(
        path, ':', line, ':', column,
        c == '[' ? ": the name of a section begins with a letter, digit or quote"
        : c == '"' || c == '\''
            ? ": a quote within a word; a comma, an equals sign or a space is missing before it"
            : ": a character beyond ASCII outside of a string; put it in quotes");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::map<std::string, OptionMap>> ParseSections(
    std::string_view text, const std::string& path, std::span<const std::string_view> known,
    std::span<const OptionTable> tables) {
  UNDULA_RETURN_IF_ERROR(CheckText(text, path));
  const toml::parse_result parsed = toml::parse(text, std::string_view(path));
  if (!parsed) {
    return InvalidArgumentError(At(path, parsed.error().source()), parsed.error().description());
  }
  std::map<std::string, OptionMap> sections;
  for (const auto& [key, node] : parsed.table()) {
    const std::string where = At(path, key.source());
    const toml::table* const section = node.as_table();
    if (section == nullptr) {
      return InvalidArgumentError(where, "'", key.str(),
                                  "' stands outside of a section; put it under [section]");
    }
    const auto found = std::find(known.begin(), known.end(), key.str());
    if (found == known.end()) return UnknownSection(where, key.str(), known);
    const OptionTable* const table = tables.empty() ? nullptr : &tables[found - known.begin()];
    UNDULA_ASSIGN_OR_RETURN(sections[std::string(key.str())],
                            ReadSection(path, key.str(), *section, table));
  }
  return sections;
}

absl::StatusOr<TomlNode> ReadNode(const std::string& name, const toml::node& node, int depth) {
  TomlNode out;
  out.where = Concat(name, ':', node.source().begin.line, ':', node.source().begin.column);
  if (depth > kMaxDepth) return InvalidArgumentError(out.where, ": nested too deep");
  if (const auto* list = node.as_array()) {
    out.kind = TomlNode::Kind::kList;
    for (const toml::node& element : *list) {
      UNDULA_ASSIGN_OR_RETURN(out.list.emplace_back(), ReadNode(name, element, depth + 1));
    }
  } else if (const auto* table = node.as_table()) {
    for (const auto& [key, value] : *table) {
      UNDULA_ASSIGN_OR_RETURN(TomlNode child, ReadNode(name, value, depth + 1));
      child.where = Concat(name, ':', key.source().begin.line, ':', key.source().begin.column);
      out.table.push_back({std::string(key.str()), std::move(child)});
    }
  } else {
    out.kind = TomlNode::Kind::kValue;
    UNDULA_ASSIGN_OR_RETURN(out.text, ValueText(node, Concat(out.where, ": ")));
  }
  return out;
}

absl::StatusOr<std::map<std::string, OptionMap>> ReadSections(
    const std::string& path, std::span<const std::string_view> known,
    std::span<const OptionTable> tables) {
  UNDULA_ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(path, kMaxFile));
  return ParseSections(text, path, known, tables);
}

}  // namespace

absl::StatusOr<TomlNode> ParseToml(std::string_view text, const std::string& name) {
  UNDULA_RETURN_IF_ERROR(CheckText(text, name));
  const toml::parse_result parsed = toml::parse(text, std::string_view(name));
  if (!parsed) {
    return InvalidArgumentError(At(name, parsed.error().source()), parsed.error().description());
  }
  return ReadNode(name, parsed.table(), 0);
}

absl::StatusOr<std::map<std::string, OptionMap>> ReadOptionsFile(
    const std::string& path, std::span<const std::string_view> known_sections) {
  return ReadSections(path, known_sections, {});
}

absl::StatusOr<std::map<std::string, OptionMap>> ReadOptionsFile(
    const std::string& path, std::span<const OptionTable> tables) {
  std::vector<std::string_view> known;
  for (const OptionTable& table : tables) known.push_back(table.section);
  return ReadSections(path, known, tables);
}

}  // namespace undula
