#include "queries/pattern/functions.h"

#include "queries/pattern/vocabulary.h"

namespace undula::queries::pattern {
namespace {

constexpr FunctionInfo kFunctions[] = {
    {"STR", Function::kStr, 1, 1},
    {"LANG", Function::kLang, 1, 1},
    {"LANGMATCHES", Function::kLangMatches, 2, 2},
    {"DATATYPE", Function::kDatatype, 1, 1},
    {"IRI", Function::kIri, 1, 1},
    {"URI", Function::kIri, 1, 1},
    {"BNODE", Function::kBnode, 0, 1},
    {"RAND", Function::kRand, 0, 0},
    {"ABS", Function::kAbs, 1, 1},
    {"CEIL", Function::kCeil, 1, 1},
    {"FLOOR", Function::kFloor, 1, 1},
    {"ROUND", Function::kRound, 1, 1},
    {"CONCAT", Function::kConcat, 0, -1},
    {"STRLEN", Function::kStrLen, 1, 1},
    {"UCASE", Function::kUcase, 1, 1},
    {"LCASE", Function::kLcase, 1, 1},
    {"ENCODE_FOR_URI", Function::kEncodeForUri, 1, 1},
    {"CONTAINS", Function::kContains, 2, 2},
    {"STRSTARTS", Function::kStrStarts, 2, 2},
    {"STRENDS", Function::kStrEnds, 2, 2},
    {"STRBEFORE", Function::kStrBefore, 2, 2},
    {"STRAFTER", Function::kStrAfter, 2, 2},
    {"YEAR", Function::kYear, 1, 1},
    {"MONTH", Function::kMonth, 1, 1},
    {"DAY", Function::kDay, 1, 1},
    {"HOURS", Function::kHours, 1, 1},
    {"MINUTES", Function::kMinutes, 1, 1},
    {"SECONDS", Function::kSeconds, 1, 1},
    {"TIMEZONE", Function::kTimezone, 1, 1},
    {"TZ", Function::kTz, 1, 1},
    {"NOW", Function::kNow, 0, 0},
    {"UUID", Function::kUuid, 0, 0},
    {"STRUUID", Function::kStrUuid, 0, 0},
    {"MD5", Function::kMd5, 1, 1},
    {"SHA1", Function::kSha1, 1, 1},
    {"SHA256", Function::kSha256, 1, 1},
    {"SHA384", Function::kSha384, 1, 1},
    {"SHA512", Function::kSha512, 1, 1},
    {"STRLANG", Function::kStrLang, 2, 2},
    {"STRDT", Function::kStrDt, 2, 2},
    {"SAMETERM", Function::kSameTerm, 2, 2},
    {"ISIRI", Function::kIsIri, 1, 1},
    {"ISURI", Function::kIsIri, 1, 1},
    {"ISBLANK", Function::kIsBlank, 1, 1},
    {"ISLITERAL", Function::kIsLiteral, 1, 1},
    {"ISNUMERIC", Function::kIsNumeric, 1, 1},
    {"REGEX", Function::kRegex, 2, 3},
    {"SUBSTR", Function::kSubstr, 2, 3},
    {"REPLACE", Function::kReplace, 3, 4},
    {kWeightIri, Function::kWeight, 2, 2},
    {kTimeIri, Function::kTime, 2, 2},
    {kConfidenceIri, Function::kConfidence, 2, 2},
    {kPopularityIri, Function::kPopularity, 1, 1},
};

char Upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }

bool EqualUpper(std::string_view upper, std::string_view any) {
  if (upper.size() != any.size()) return false;
  for (size_t i = 0; i < any.size(); ++i) {
    if (Upper(any[i]) != upper[i]) return false;
  }
  return true;
}

}  // namespace

std::span<const FunctionInfo> Functions() { return kFunctions; }

const FunctionInfo* FindFunction(std::string_view name) {
  for (const FunctionInfo& info : kFunctions) {
    if (EqualUpper(info.name, name)) return &info;
  }
  return nullptr;
}

const FunctionInfo* FindVocabularyFunction(std::string_view iri) {
  for (const FunctionInfo& info : kFunctions) {
    if (info.function >= Function::kWeight && info.name == iri) return &info;
  }
  return nullptr;
}

std::string_view NameOf(Function function) {
  for (const FunctionInfo& info : kFunctions) {
    if (info.function == function) return info.name;
  }
  return "";
}

}  // namespace undula::queries::pattern
