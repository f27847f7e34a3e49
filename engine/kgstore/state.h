// The tables of a database file and the record in `meta` that says which generation of each is
// current, with everything else that changes with an import. Putting this one record is what makes
// an import visible. Byte layout: docs/file-format.md.
#ifndef UNDULA_KGSTORE_STATE_H_
#define UNDULA_KGSTORE_STATE_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/ids.h"
#include "kgstore/counts.h"

namespace undula::kgstore::internal {

inline constexpr uint32_t kFormatVersion = 1;

// The kinds of names that have ids of their own.
enum class Space : uint8_t { kEntity, kRelation, kLiteral, kUser, kItem };
inline constexpr int kSpaces = 5;
const char* SpaceName(Space space);

// Tables that exist once per generation, in the order of kTableSpecs. The three tables of a
// dictionary and the two of an adjacency stand together.
enum class Table : uint8_t {
  kEntityTerms,
  kEntityIds,
  kEntityTexts,
  kRelationTerms,
  kRelationIds,
  kRelationTexts,
  kLiteralTerms,
  kLiteralIds,
  kLiteralTexts,
  kUserTerms,
  kUserIds,
  kUserTexts,
  kItemTerms,
  kItemIds,
  kItemTexts,
  kOut,
  kOutHubs,
  kIn,
  kInHubs,
  kByRelation,
  kByRelationHubs,
  kAttributes,
  kAttributesHubs,
  kValues,
  kValuesHubs,
  kLabels,
  kUserLog,
  kItemLog,
  kItems,
  kLinks,
  kSocial,
  kGraphs,
  kNumbers,
  kUsers,
  kChanges,
};
inline constexpr int kTables = 35;
using TableSums = std::array<uint64_t, kTables>;

struct TableSpec {
  const char* name;  // without the generation
  bool integer_key;  // 32-bit integer keys (MDB_INTEGERKEY), else byte strings
};
const TableSpec& SpecOf(Table table);
std::string TableName(Table table, uint32_t generation);  // "out@8"

// The number of a kind of table in checksums: that of Table, or one of these.
inline constexpr uint8_t kMetaKind = 254;
inline constexpr uint8_t kModelsKind = 255;
uint8_t KindOfTable(std::string_view name);  // of "out@8", "meta", "models"; else kMetaKind
const char* KindName(uint8_t kind);          // "out"

inline Table TermsOf(Space space) { return static_cast<Table>(3 * static_cast<int>(space)); }
inline Table IdsOf(Space space) { return static_cast<Table>(3 * static_cast<int>(space) + 1); }
inline Table TextsOf(Space space) { return static_cast<Table>(3 * static_cast<int>(space) + 2); }
inline Table HubsOf(Table adjacency) { return static_cast<Table>(static_cast<int>(adjacency) + 1); }

// A relation whose literals are labels; smaller ranks are shown first (kgstore/labels.h).
struct LabelRelation {
  RelationId relation;
  uint8_t rank;
};

struct State {
  uint32_t generation = 1;
  // Counts the commits that wrote this record: + 1 with each. Also the key of the changes table.
  uint64_t change = 0;
  std::array<uint32_t, kTables> table_generation{};
  TableSums table_sum{};  // of the hashes of each table's entries (HashEntry), mod 2^64
  Counts counts;
  std::array<uint8_t, kSpaces> bucket_bits{};  // 2^bits hash buckets of each dictionary
  bool compact_dictionary = false;             // what bulk writes aim at
  std::array<bool, kSpaces> compressed{};      // the terms of a space are zstd frames
  uint32_t normalizer_version = 0;             // of the labels table
  std::vector<LabelRelation> label_relations;  // by relation id
  std::vector<std::string> item_columns;       // names by column number
  std::vector<std::string> user_columns;

  uint32_t& CountOf(Space space);
  uint32_t CountOf(Space space) const { return const_cast<State*>(this)->CountOf(space); }
};

std::string EncodeState(const State& state);
absl::StatusOr<State> DecodeState(std::string_view bytes);

// The record that says what kind of file this is. FailedPrecondition for another format version or
// kind of machine, InvalidArgument for something else; `path` is used in messages.
std::string EncodeHeader(uint32_t page_bytes);
absl::Status CheckHeader(std::string_view bytes, const std::string& path);

inline constexpr std::string_view kMetaTable = "meta";
inline constexpr std::string_view kModelsTable = "models";
inline constexpr std::string_view kHeaderKey = "header";
inline constexpr std::string_view kIdSpaceKey = "id_space";
inline constexpr std::string_view kStateKey = "state";
inline constexpr std::string_view kRelationCountsKey = "relation_counts";
inline constexpr std::string_view kImportKeyPrefix = "import/";  // + the number, 8 digits

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_STATE_H_
