// The built-in functions of Evaluator: terms, strings, numbers, times.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/status.h"
#include "base/text/normalize.h"
#include "kgstore/iri.h"
#include "queries/pattern/digest.h"
#include "queries/pattern/expression.h"
#include "queries/pattern/functions.h"
#include "queries/pattern/lexer.h"
#include "queries/pattern/vocabulary.h"

namespace undula::queries::pattern {
namespace {

// "en-GB" is within "en", and within "*".
bool LanguageMatches(const std::string& language, const std::string& range) {
  if (range == "*") return !language.empty();
  if (range.size() > language.size()) return false;
  const std::string a = LowerText(language), b = LowerText(range);
  return a.compare(0, b.size(), b) == 0 && (a.size() == b.size() || a[b.size()] == '-');
}

std::string EncodeForUri(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      out.push_back(c);
      continue;
    }
    char escape[4];
    std::snprintf(escape, sizeof escape, "%%%02X", static_cast<uint8_t>(c));
    out += escape;
  }
  return out;
}

// `text` with the language of `like`.
Operand Like(const Operand& like, std::string text) {
  Operand o = StringOperand(std::move(text));
  o.kind = like.kind;
  o.language = like.language;
  return o;
}

// Whether the second string may be looked for in the first (section 17.4.3.1.2).
bool Compatible(const Operand& a, const Operand& b) {
  return a.is_text() && b.is_text() &&
         (b.kind == OperandKind::kString || LowerText(a.language) == LowerText(b.language));
}

int64_t Length(std::string_view text) {
  return std::count_if(text.begin(), text.end(),
                       [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; });
}

// Draw number `counter` (SplitMix64; Steele, Lea, Flood, OOPSLA 2014).
uint64_t RandomBits(uint64_t seed, uint64_t counter) {
  uint64_t z = seed + (counter + 1) * 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

double XPathRound(double value) { return std::floor(value + 0.5); }

// SUBSTR: characters whose position p satisfies round(from) <= p < round(from) + round(length).
std::string Substring(std::string_view text, double from, double length) {
  const double begin = XPathRound(from);
  const double end = begin + XPathRound(length);
  std::string out;
  double position = 1;
  for (size_t at = 0; at < text.size(); ++position) {
    const size_t start = at;
    NextCodePoint(text, &at);
    if (position >= begin && position < end) out.append(text.substr(start, at - start));
  }
  return out;
}

Operand Concatenated(const Operand* args, size_t count) {
  std::string text;
  bool same_language = count > 0;
  for (size_t i = 0; i < count; ++i) {
    if (!args[i].is_text()) return Operand();
    text += args[i].text;
    same_language = same_language && args[i].kind == OperandKind::kLangString &&
                    args[i].language == args[0].language;
  }
  return same_language ? Like(args[0], std::move(text)) : StringOperand(std::move(text));
}

}  // namespace

Operand Evaluator::Number(Function function, const Operand& arg) {
  if (!arg.is_numeric()) return Operand();
  const bool is_double = arg.kind >= OperandKind::kFloat;
  switch (function) {
    case Function::kAbs:
      return NumberOf(arg) < 0 ? Negate(arg) : arg;
    case Function::kCeil:
      if (is_double) return DoubleOperand(std::ceil(arg.number), arg.kind);
      return arg.kind == OperandKind::kDecimal ? DecimalOperand(arg.decimal.Ceil()) : arg;
    case Function::kFloor:
      if (is_double) return DoubleOperand(std::floor(arg.number), arg.kind);
      return arg.kind == OperandKind::kDecimal ? DecimalOperand(arg.decimal.Floor()) : arg;
    default:
      if (is_double) return DoubleOperand(XPathRound(arg.number), arg.kind);
      return arg.kind == OperandKind::kDecimal ? DecimalOperand(arg.decimal.Round()) : arg;
  }
}

Operand Evaluator::Time(Function function, const Operand& arg) {
  if (arg.kind != OperandKind::kDateTime && arg.kind != OperandKind::kDate) return Operand();
  const DateTime& t = arg.time;
  switch (function) {
    case Function::kYear:
      return IntegerOperand(t.year);
    case Function::kMonth:
      return IntegerOperand(t.month);
    case Function::kDay:
      return IntegerOperand(t.day);
    case Function::kTz:
      return StringOperand(t.ZoneText());
    case Function::kTimezone:
      return t.zone.has_value() ? TypedOperand(t.ZoneDuration(), kXsdDayTimeDuration) : Operand();
    default:
      break;
  }
  if (arg.kind == OperandKind::kDate) return Operand();
  if (function == Function::kHours) return IntegerOperand(t.hour);
  if (function == Function::kMinutes) return IntegerOperand(t.minute);
  return DecimalOperand(Decimal::Parse(t.SecondsText()));
}

std::string Evaluator::RandomUuid() {
  const uint64_t high = RandomBits(options_.seed, draws_++);
  const uint64_t low = RandomBits(options_.seed, draws_++);
  char text[40];
  std::snprintf(text, sizeof text, "%08x-%04x-4%03x-%04x-%012llx",
                static_cast<unsigned>(high >> 32), static_cast<unsigned>(high >> 16 & 0xFFFF),
                static_cast<unsigned>(high & 0xFFF),
                static_cast<unsigned>(0x8000 | (low >> 48 & 0x3FFF)),
                static_cast<unsigned long long>(low & 0xFFFFFFFFFFFF));
  return text;
}

Operand Evaluator::TermCall(Function function, const Operand* args, size_t count) {
  switch (function) {
    case Function::kStr:
      return args[0].kind == OperandKind::kBlank ? Operand() : StringOperand(TextOf(args[0]));
    case Function::kLang:
      return args[0].is_literal() ? StringOperand(args[0].language) : Operand();
    case Function::kLangMatches:
      if (!args[0].is_text() || !args[1].is_text()) return Operand();
      return BooleanOperand(LanguageMatches(args[0].text, args[1].text));
    case Function::kDatatype:
      return args[0].is_literal() ? IriOperand(std::string(DatatypeOf(args[0]))) : Operand();
    case Function::kIri:
      if (args[0].kind == OperandKind::kIri) return args[0];
      if (args[0].kind != OperandKind::kString) return Operand();
      if (options_.base.empty() || kgstore::HasScheme(args[0].text)) {
        return IriOperand(args[0].text);
      }
      return IriOperand(kgstore::ResolveIri(options_.base, args[0].text));
    case Function::kBnode: {
      uint64_t number = blanks_ + 1;
      if (count == 1) {
        if (args[0].kind != OperandKind::kString) return Operand();
        number = row_blanks_.emplace(std::pair(row_number_, args[0].text), number).first->second;
        // Only labels of the present row are asked for again.
        while (!row_blanks_.empty() && row_blanks_.begin()->first.first != row_number_) {
          row_blanks_.erase(row_blanks_.begin());
        }
      }
      blanks_ = std::max(blanks_, number);
      Operand o = StringOperand(Concat("query-", number));
      o.kind = OperandKind::kBlank;
      return o;
    }
    case Function::kRand:
      return DoubleOperand(static_cast<double>(RandomBits(options_.seed, draws_++) >> 11) *
                           0x1.0p-53);
    case Function::kNow:
      return TypedOperand(DateTimeText(options_.now), kXsdDateTime);
    case Function::kUuid:
      return IriOperand("urn:uuid:" + RandomUuid());
    case Function::kStrUuid:
      return StringOperand(RandomUuid());
    case Function::kStrLang: {
      if (args[0].kind != OperandKind::kString || args[1].kind != OperandKind::kString ||
          args[1].text.empty()) {
        return Operand();
      }
      Operand o = StringOperand(args[0].text);
      o.kind = OperandKind::kLangString;
      o.language = args[1].text;
      return o;
    }
    default:  // kStrDt
      if (args[0].kind != OperandKind::kString || args[1].kind != OperandKind::kIri) {
        return Operand();
      }
      return TypedOperand(args[0].text, args[1].text == kXsdString ? "" : args[1].text);
  }
}

Operand Evaluator::Text(Function function, const Operand* args, size_t count) {
  if (function == Function::kConcat) return Concatenated(args, count);
  if (!args[0].is_text()) return Operand();
  const std::string& text = args[0].text;
  switch (function) {
    case Function::kStrLen:
      return IntegerOperand(Length(text));
    case Function::kUcase:
      return Like(args[0], UpperText(text));
    case Function::kLcase:
      return Like(args[0], LowerText(text));
    case Function::kEncodeForUri:
      return StringOperand(EncodeForUri(text));
    case Function::kMd5:
      return StringOperand(Md5(text));
    case Function::kSha1:
      return StringOperand(Sha1(text));
    case Function::kSha256:
      return StringOperand(Sha256(text));
    case Function::kSha384:
      return StringOperand(Sha384(text));
    case Function::kSha512:
      return StringOperand(Sha512(text));
    case Function::kSubstr: {
      if (!args[1].is_numeric() || (count > 2 && !args[2].is_numeric())) return Operand();
      const double length = count > 2 ? NumberOf(args[2]) : INFINITY;
      return Like(args[0], Substring(text, NumberOf(args[1]), length));
    }
    default:
      break;
  }
  if (!Compatible(args[0], args[1])) return Operand();
  const std::string& part = args[1].text;
  const size_t found = text.find(part);
  switch (function) {
    case Function::kContains:
      return BooleanOperand(found != std::string::npos);
    case Function::kStrStarts:
      return BooleanOperand(text.starts_with(part));
    case Function::kStrEnds:
      return BooleanOperand(text.ends_with(part));
    case Function::kStrBefore:
      if (found == std::string::npos) return StringOperand("");
      return Like(args[0], text.substr(0, found));
    case Function::kStrAfter:
      if (found == std::string::npos) return StringOperand("");
      return Like(args[0], text.substr(found + part.size()));
    default:
      return Operand();
  }
}

const Regex* Evaluator::CompiledRegex(const std::string& expression, const std::string& flags) {
  const auto [place, is_new] = regexes_.try_emplace({expression, flags});
  if (is_new) {
    absl::StatusOr<Regex> regex = Regex::Compile(expression, flags);
    if (regex.ok()) place->second = *std::move(regex);
  }
  return place->second.has_value() ? &*place->second : nullptr;
}

Operand Evaluator::Pattern(Function function, const Operand* args, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (!args[i].is_text() || (i > 0 && args[i].kind != OperandKind::kString)) return Operand();
  }
  const bool replace = function == Function::kReplace;
  const size_t flags = replace ? 3 : 2;
  const Regex* regex = CompiledRegex(args[1].text, count > flags ? args[flags].text : "");
  if (regex == nullptr) return Operand();
  if (!replace) return BooleanOperand(regex->Matches(args[0].text));
  std::optional<std::string> text = regex->Replace(args[0].text, args[2].text);
  return text.has_value() ? Like(args[0], *std::move(text)) : Operand();
}

}  // namespace undula::queries::pattern
