// The built-in functions of SPARQL 1.1 (chapter 17.4) and those of the vocabulary u: as one table.
#ifndef UNDULA_QUERIES_PATTERN_FUNCTIONS_H_
#define UNDULA_QUERIES_PATTERN_FUNCTIONS_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "queries/pattern/syntax.h"

namespace undula::queries::pattern {

enum class Function : uint8_t {
  kStr,
  kLang,
  kLangMatches,
  kDatatype,
  kIri,
  kBnode,
  kRand,
  kAbs,
  kCeil,
  kFloor,
  kRound,
  kConcat,
  kStrLen,
  kUcase,
  kLcase,
  kEncodeForUri,
  kContains,
  kStrStarts,
  kStrEnds,
  kStrBefore,
  kStrAfter,
  kYear,
  kMonth,
  kDay,
  kHours,
  kMinutes,
  kSeconds,
  kTimezone,
  kTz,
  kNow,
  kUuid,
  kStrUuid,
  kMd5,
  kSha1,
  kSha256,
  kSha384,
  kSha512,
  kStrLang,
  kStrDt,
  kSameTerm,
  kIsIri,
  kIsBlank,
  kIsLiteral,
  kIsNumeric,
  kRegex,
  kSubstr,
  kReplace,
  kWeight,
  kTime,
  kConfidence,
  kPopularity,
};

struct FunctionInfo {
  std::string_view name;  // upper case; of u: its IRI
  Function function;
  int min_args, max_args;  // max_args -1: any number
};

std::span<const FunctionInfo> Functions();

// Names in any case; null where there is no such built-in function.
const FunctionInfo* FindFunction(std::string_view name);
// Of the vocabulary u:, by IRI.
const FunctionInfo* FindVocabularyFunction(std::string_view iri);
std::string_view NameOf(Function function);

}  // namespace undula::queries::pattern

#endif  // UNDULA_QUERIES_PATTERN_FUNCTIONS_H_
