#include "kgstore/patch_line.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/status.h"
#include "kgstore/cell_values.h"
#include "kgstore/text_window.h"

namespace undula::kgstore {
namespace {

// A bad place in a line; the scanner keeps the first one.
struct Problem {
  size_t at = 0;
  std::string message;  // empty: none
};

struct OwnedTerm {
  TermKind kind = TermKind::kIri;
  std::string text, datatype, language;

  Term view() const { return {kind, text, datatype, language}; }
};

void AppendUtf8(uint32_t code, std::string* out) {
  if (code < 0x80) {
    out->push_back(static_cast<char>(code));
    return;
  }
  const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  constexpr uint32_t kLead[] = {0, 0xC0, 0xE0, 0xF0};
  out->push_back(static_cast<char>(kLead[more] | (code >> (6 * more))));
  for (int i = more - 1; i >= 0; --i) {
    out->push_back(static_cast<char>(0x80 | ((code >> (6 * i)) & 0x3F)));
  }
}

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// The terms of an N-Quads statement. IRIs need not be absolute: names of other formats stand in
// angle brackets as they are.
class TermScanner {
 public:
  TermScanner(std::string_view line, size_t at) : line_(line), at_(at) {}

  size_t at() const { return at_; }
  const Problem& problem() const { return problem_; }

  void SkipSpace() {
    while (at_ < line_.size() && (line_[at_] == ' ' || line_[at_] == '\t')) ++at_;
  }
  bool AtEnd() {
    SkipSpace();
    return at_ == line_.size() || line_[at_] == '#';
  }
  bool Take(char c) {
    SkipSpace();
    if (at_ == line_.size() || line_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool Peek(char c) {
    SkipSpace();
    return at_ < line_.size() && line_[at_] == c;
  }

  bool Read(bool literal_allowed, OwnedTerm* term) {
    SkipSpace();
    if (at_ == line_.size()) return Fail("a term is missing");
    if (line_[at_] == '<') {
      term->kind = TermKind::kIri;
      return Iri(&term->text);
    }
    if (line_[at_] == '_') return Blank(term);
    if (line_[at_] == '"' && literal_allowed) return LiteralTerm(term);
    return Fail(literal_allowed ? "expected <IRI>, _:label or \"text\""
                                : "expected <IRI> or _:label");
  }

  bool Fail(std::string message) {
    if (problem_.message.empty()) problem_ = {at_, std::move(message)};
    return false;
  }

 private:
  bool Iri(std::string* out) {
    ++at_;
    while (at_ < line_.size() && line_[at_] != '>') {
      const char c = line_[at_];
      if (c == '\\') {
        if (!NumericEscape(out)) return false;
        continue;
      }
      if (static_cast<unsigned char>(c) <= 0x20 ||
          std::string_view("<\"{}|^`").find(c) != std::string_view::npos) {
        return Fail("a character that an IRI cannot have");
      }
      out->push_back(c);
      ++at_;
    }
    if (at_ == line_.size()) return Fail("'>' is missing");
    if (out->empty()) return Fail("an empty name");
    ++at_;
    return true;
  }

  bool Blank(OwnedTerm* term) {
    term->kind = TermKind::kBlank;
    if (line_.substr(at_, 2) != "_:") return Fail("expected _:label");
    at_ += 2;
    const size_t begin = at_;
    while (at_ < line_.size() &&
           (IsLetter(line_[at_]) || IsDigit(line_[at_]) || line_[at_] == '_' || line_[at_] == '-' ||
            line_[at_] == '.' || static_cast<signed char>(line_[at_]) < 0)) {
      ++at_;
    }
    while (at_ > begin && line_[at_ - 1] == '.') --at_;  // ends the statement
    term->text = line_.substr(begin, at_ - begin);
    return !term->text.empty() || Fail("a blank node without a label");
  }

  bool LiteralTerm(OwnedTerm* term) {
    term->kind = TermKind::kLiteral;
    ++at_;
    while (at_ < line_.size() && line_[at_] != '"') {
      if (line_[at_] != '\\') {
        term->text.push_back(line_[at_++]);
        continue;
      }
      constexpr std::string_view kNames = "tbnrf\"'\\";
      constexpr std::string_view kValues = "\t\b\n\r\f\"'\\";
      const size_t found = at_ + 1 < line_.size() ? kNames.find(line_[at_ + 1]) : kNames.npos;
      if (found != kNames.npos) {
        term->text.push_back(kValues[found]);
        at_ += 2;
      } else if (!NumericEscape(&term->text)) {
        return false;
      }
    }
    if (at_ == line_.size()) return Fail("the closing '\"' is missing");
    ++at_;
    if (line_.substr(at_, 2) == "^^") {
      at_ += 2;
      if (at_ == line_.size() || line_[at_] != '<') return Fail("expected a datatype <IRI>");
      return Iri(&term->datatype);
    }
    if (at_ == line_.size() || line_[at_] != '@') return true;
    const size_t begin = ++at_;
    while (at_ < line_.size() &&
           (IsLetter(line_[at_]) || (at_ > begin && (IsDigit(line_[at_]) || line_[at_] == '-')))) {
      ++at_;
    }
    term->language = line_.substr(begin, at_ - begin);
    return !term->language.empty() || Fail("a language tag is missing");
  }

  // \uXXXX or \UXXXXXXXX.
  bool NumericEscape(std::string* out) {
    const char kind = at_ + 1 < line_.size() ? line_[at_ + 1] : '\0';
    const size_t digits = kind == 'u' ? 4 : kind == 'U' ? 8 : 0;
    uint32_t code = 0;
    bool ok = digits > 0 && at_ + 2 + digits <= line_.size();
    for (size_t i = 0; ok && i < digits; ++i) {
      const char c = line_[at_ + 2 + i];
      const char lower = static_cast<char>(c | 0x20);
      ok = IsDigit(c) || (lower >= 'a' && lower <= 'f');
      code = code * 16 + static_cast<uint32_t>(IsDigit(c) ? c - '0' : lower - 'a' + 10);
    }
    if (!ok || code == 0 || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) {
      return Fail("a bad escape");
    }
    AppendUtf8(code, out);
    at_ += 2 + digits;
    return true;
  }

  std::string_view line_;
  size_t at_;
  Problem problem_;
};

// One operation in the making.
class PatchLine {
 public:
  PatchLine(std::string_view line, bool add, Updater* updater, size_t* column)
      : line_(line), add_(add), updater_(*updater), column_(*column) {}

  absl::Status Statement() {
    TermScanner in(line_, 1);
    OwnedTerm head, relation, tail, graph;
    bool named = false;
    bool ok = in.Read(false, &head);
    in.SkipSpace();
    const size_t relation_at = in.at();
    ok = ok && in.Read(false, &relation);
    if (ok && relation.kind != TermKind::kIri) return Bad(relation_at, "the relation is no IRI");
    ok = ok && in.Read(true, &tail);
    if (ok && !in.Peek('.')) {
      named = true;
      ok = in.Read(false, &graph);
    }
    if (ok && !in.Take('.')) ok = in.Fail("expected '.' at the end of the statement");
    if (ok && !in.AtEnd()) ok = in.Fail("text after the end of the statement");
    if (!ok) return Bad(in.problem().at, in.problem().message);
    const Term name = graph.view();
    const Term* const g = named ? &name : nullptr;
    return add_ ? updater_.AddTriple(head.view(), relation.view(), tail.view(), g)
                : updater_.RemoveTriple(head.view(), relation.view(), tail.view(), g);
  }

  absl::Status Fields() {
    for (size_t at = 2; at <= line_.size();) {
      const size_t end = std::min(line_.find('\t', at), line_.size());
      starts_.push_back(at);
      fields_.push_back(line_.substr(at, end - at));
      at = end + 1;
    }
    const std::string_view kind = fields_.empty() ? std::string_view() : fields_[0];
    if (kind == "interaction") return Interaction();
    if (kind == "link") return LinkFields();
    if (kind == "social") return Social();
    if (kind == "item" || kind == "user") return Row(kind == "item");
    return Bad(2, "expected interaction, link, social, item or user");
  }

 private:
  absl::Status Bad(size_t at, std::string_view message) {
    column_ = at + 1;
    return InvalidArgumentError(message);
  }
  absl::Status BadField(size_t field, std::string_view message) {
    return Bad(starts_[field], message);
  }

  // Names in fields 1 to `names`, then at most `optional` more fields.
  absl::Status Expect(size_t names, size_t optional, std::string_view form) {
    for (size_t i = 1; i <= names && i < fields_.size(); ++i) {
      if (fields_[i].empty()) return BadField(i, "an empty name");
    }
    if (fields_.size() <= names) return Bad(line_.size(), Concat("a field is missing: ", form));
    if (fields_.size() > names + optional + 1) {
      return BadField(names + optional + 1, Concat("a field too many: ", form));
    }
    return absl::OkStatus();
  }

  bool Has(size_t field) const { return field < fields_.size() && !fields_[field].empty(); }

  absl::Status Interaction() {
    UNDULA_RETURN_IF_ERROR(add_ ? Expect(2, 2, "A interaction USER ITEM [WEIGHT [TIME]]")
                                : Expect(2, 1, "D interaction USER ITEM [TIME]"));
    float weight = 1;
    int64_t time = 0;
    std::string error;
    const size_t time_field = add_ ? 4 : 3;
    if (add_ && Has(3) && !ParseWeight(fields_[3], &weight, &error)) return BadField(3, error);
    if (Has(time_field) && !ParseTime(fields_[time_field], TimeUnit::kSeconds, &time, &error)) {
      return BadField(time_field, error);
    }
    return add_ ? updater_.AddInteraction(fields_[1], fields_[2], weight, time)
                : updater_.RemoveInteraction(fields_[1], fields_[2], time);
  }

  absl::Status LinkFields() {
    UNDULA_RETURN_IF_ERROR(
        Expect(2, add_ ? 1 : 0, add_ ? "A link ITEM ENTITY [CONFIDENCE]" : "D link ITEM ENTITY"));
    float confidence = 1;
    std::string error;
    if (Has(3) && !ParseConfidence(fields_[3], &confidence, &error)) return BadField(3, error);
    return add_ ? updater_.AddLink(fields_[1], fields_[2], confidence, LinkMethod::kManual)
                : updater_.RemoveLink(fields_[1], fields_[2]);
  }

  absl::Status Social() {
    UNDULA_RETURN_IF_ERROR(
        Expect(2, add_ ? 1 : 0, add_ ? "A social USER OTHER [WEIGHT]" : "D social USER OTHER"));
    float weight = 1;
    std::string error;
    if (Has(3) && !ParseWeight(fields_[3], &weight, &error)) return BadField(3, error);
    return add_ ? updater_.AddSocial(fields_[1], fields_[2], weight)
                : updater_.RemoveSocial(fields_[1], fields_[2]);
  }

  absl::Status Row(bool item) {
    UNDULA_RETURN_IF_ERROR(Expect(1, add_ ? line_.size() : 0,
                                  add_ ? "A item|user NAME COLUMN=VALUE ..." : "D item|user NAME"));
    std::vector<ItemColumn> columns;
    for (size_t i = 2; i < fields_.size(); ++i) {
      const size_t equals = fields_[i].find('=');
      if (equals == std::string_view::npos || equals == 0) {
        return BadField(i, "expected COLUMN=VALUE");
      }
      columns.emplace_back(fields_[i].substr(0, equals), fields_[i].substr(equals + 1));
    }
    if (!add_) return item ? updater_.RemoveItem(fields_[1]) : updater_.RemoveUser(fields_[1]);
    return item ? updater_.SetItem(fields_[1], columns) : updater_.SetUser(fields_[1], columns);
  }

  std::string_view line_;
  bool add_;
  Updater& updater_;
  size_t& column_;
  std::vector<std::string_view> fields_;
  std::vector<size_t> starts_;
};

}  // namespace

absl::Status ApplyPatchLine(std::string_view line, Updater* updater, size_t* column) {
  *column = 0;
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  std::string_view what;
  if (const size_t bad = FindBadByte(line, &what); bad != std::string_view::npos) {
    *column = bad + 1;
    return InvalidArgumentError(what);
  }
  if (line.find_first_not_of(" \t") == std::string_view::npos || line.front() == '#') {
    return absl::OkStatus();
  }
  const bool known = (line[0] == 'A' || line[0] == 'D') && line.size() > 1;
  if (known && line[1] == '\t') return PatchLine(line, line[0] == 'A', updater, column).Fields();
  if (known && line[1] == ' ') return PatchLine(line, line[0] == 'A', updater, column).Statement();
  *column = 1;
  return InvalidArgumentError(
      "a line begins with 'A' (add) or 'D' (delete), then a blank and a statement of N-Quads, or a "
      "tab and fields");
}

}  // namespace undula::kgstore
