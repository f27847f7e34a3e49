// The records of one row: what a Schema makes of its fields.
#ifndef UNDULA_KGSTORE_ROW_RECORDS_H_
#define UNDULA_KGSTORE_ROW_RECORDS_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kgstore/json_cell.h"
#include "kgstore/name_map.h"
#include "kgstore/row_splitter.h"
#include "kgstore/schema.h"
#include "kgstore/sinks.h"

namespace undula::kgstore {

// The names in a header line: blanks trimmed, RecBole's ":type" taken off.
std::vector<std::string> HeaderNames(const std::vector<Field>& fields, HeaderMode mode);

// Not thread-safe.
class RowRecords {
 public:
  // Binds the columns of `schema`, which outlives the object, to the fields of a file. `header` is
  // empty where the schema has no header with names; `folder` is where names files lie (not read
  // where `load_names` is false). NotFound for a required column that the header lacks (all its
  // names are listed), InvalidArgument for one that it has twice; errors of ReadNameMap.
  static absl::StatusOr<std::unique_ptr<RowRecords>> Bind(const Schema& schema,
                                                          std::span<const std::string> header,
                                                          const std::string& folder,
                                                          bool load_names = true);

  int needed() const { return needed_; }  // fields that a row must have at least
  int expected() const {
    return expected_;
  }                                        // that it must have exactly; 0: the file does not tell
  bool ragged() const { return ragged_; }  // rows may have any number of fields from needed() on

  // Makes the records of a row of at least needed() fields, `row` counted from 1. False with *error
  // and *offset in the row where it is bad; nothing is to be delivered then.
  bool Make(std::span<const Field> fields, int64_t row, std::string* error, size_t* offset);
  // The number of records made, and hands them to the sink in their order.
  size_t size() const { return made_.size(); }
  absl::Status Deliver(RecordSink& sink) const;

 private:
  static constexpr int kNoField = -1;
  enum Slot : uint8_t { kFirstId, kSecondId, kThirdId, kWeight, kTime, kOffset, kColumn };

  struct Cell {
    std::string role;
    const Column* column;
    const NameMap* names;
    int field;
    Slot slot;
    bool plain;     // the text of the field as it stands
    bool required;  // may not be empty
  };
  struct Plan {
    const RecordMap* map;
    std::vector<Cell> cells;
    const Column* list = nullptr;  // the list that the record walks through
    int list_field = kNoField;
  };
  struct Record {
    const RecordMap* map;
    std::string_view ids[3];
    const Column* literal;  // the column of a tail that is a literal
    float weight;
    int64_t time, offset;
    uint32_t columns_begin, columns_end;  // in columns_
  };
  enum class Made { kYes, kNo, kBad };

  absl::Status AddRecord(const RecordMap& map, std::span<const std::string> header, bool named,
                         const std::string& folder, bool load_names);
  bool SplitList(const Plan& plan, std::span<const Field> fields);
  Made MakeRecord(const Plan& plan, std::span<const Field> fields, size_t element, int64_t row);
  bool FindText(const Cell& cell, std::span<const Field> fields, size_t element, int64_t row,
                std::string_view* text);
  bool ChangeText(const Cell& cell, std::string_view* text);
  bool SetNumber(const Cell& cell, std::string_view text, Record* record);
  // The offset in the row of a text that lies in it, else of its field.
  size_t OffsetOf(const Cell& cell, std::span<const Field> fields, std::string_view text) const;
  std::string* NewText();

  std::vector<Plan> plans_;
  std::map<std::string, NameMap> names_;  // by file and columns
  int needed_ = 0, expected_ = 0;
  bool ragged_ = false;

  // The row being made.
  std::vector<Record> made_;
  std::vector<ItemColumn> columns_;
  std::vector<std::string_view> elements_;
  std::vector<std::vector<JsonMember>> objects_;
  std::deque<std::string> json_texts_, texts_;
  size_t texts_used_ = 0;
  std::string error_;
  size_t offset_ = 0;
};

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_ROW_RECORDS_H_
