// Option tables: a struct with commented in-class defaults plus a table of its fields. The table
// drives TOML files, CLI flags, validation, printing and what is stored with a model.
//
//   struct TrainOptions { int64_t epochs = 10; std::string optimizer = "lazy_adam"; };
//   constexpr OptionField kTrainFields[] = {
//       UNDULA_OPTION(TrainOptions, epochs, kInt, 1, 1e6, "", "passes over the training part"),
//       UNDULA_OPTION(TrainOptions, optimizer, kChoice, 0, 0, "sgd|adagrad|adam|lazy_adam", "..."),
//   };
//   constexpr OptionTable kTrainTable{"train", kTrainFields};
//
// Member types: bool (kBool), int64_t (kInt), double (kFloat), std::string (kString, kChoice).
#ifndef UNDULA_BASE_OPTIONS_H_
#define UNDULA_BASE_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "undula/common.h"  // OptionMap

namespace undula {

enum class OptionKind : uint8_t { kBool, kInt, kFloat, kString, kChoice };

struct OptionField {
  std::string_view name;
  OptionKind kind;
  size_t offset;
  double min, max;           // of kInt and kFloat, inclusive; NaN is never in range
  std::string_view choices;  // of kChoice, "a|b|c"
  std::string_view help;
};

#define UNDULA_OPTION(Struct, member, kind, min, max, choices, help)                       \
  ::undula::OptionField {                                                                  \
#member, ::undula::OptionKind::kind, offsetof(Struct, member), min, max, choices, help \
  }

struct OptionTable {
  std::string_view section;  // TOML section and prefix in messages
  std::span<const OptionField> fields;
};

// Sets one option from text. InvalidArgument names the nearest key for an unknown one, the range or
// the choices for a bad value. '-' and '_' in keys are the same.
absl::Status SetOption(const OptionTable& table, void* object, std::string_view key,
                       std::string_view value);
// All of them or, on an error, some; a key given twice ('a-b' and 'a_b') is an error.
absl::Status SetOptions(const OptionTable& table, void* object, const OptionMap& values);
// The error that SetOption would return; sets nothing.
absl::Status CheckOption(const OptionTable& table, std::string_view key, std::string_view value);

// Value texts: bool true/false, yes/no, on/off, 1/0 in any case; numbers in decimal, without
// thousands separators; strings and choices as they stand.

// All effective values as text; SetOptions on them restores the object bit for bit.
OptionMap GetOptions(const OptionTable& table, const void* object);

// The keys of [section] of a TOML file as an OptionMap ('-' in keys becomes '_'; a list ["a", "b"]
// becomes "a|b"); keys outside of `known_sections` and syntax errors are InvalidArgument with
// file:line:column. A file that cannot be read: errors of base/file.h; the limit is 16 MiB.
absl::StatusOr<std::map<std::string, OptionMap>> ReadOptionsFile(
    const std::string& path, std::span<const std::string_view> known_sections);

// The same with every key and value checked against its table: an unknown or out-of-range option is
// InvalidArgument with file:line:column.
absl::StatusOr<std::map<std::string, OptionMap>> ReadOptionsFile(
    const std::string& path, std::span<const OptionTable> tables);

// The entry of `known` nearest to `key` by edit distance (case, '-' and '_' do not count); empty
// where none is near.
std::string NearestKey(std::string_view key, std::span<const std::string_view> known);

}  // namespace undula

#endif  // UNDULA_BASE_OPTIONS_H_
