#include "kgstore/merge_tables.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string_view>

#include "base/status.h"
#include "kgstore/labels.h"

namespace undula::kgstore::internal {

absl::StatusOr<uint64_t> MergeLog(GenerationWriter* writer, Table table,
                                  const std::vector<LogEntry>& fresh) {
  LogWriter out(&writer->out(), writer->handle(table));
  absl::Status status;
  const auto write = [&](const LogEntry& entry) {
    if (status.ok()) status = out.Add(entry);
  };
  auto next = fresh.begin();
  UNDULA_RETURN_IF_ERROR(LogReader(writer->old(), table)
                             .Scan([&](uint32_t row, uint32_t other, float weight, int64_t time) {
                               const LogEntry stored{row, other, weight, time};
                               for (; next != fresh.end() && next->key() < stored.key(); ++next) {
                                 write(*next);
                               }
                               const bool replaced =
                                   next != fresh.end() && next->key() == stored.key();
                               write(replaced ? *next++ : stored);
                             }));
  for (; next != fresh.end(); ++next) write(*next);
  UNDULA_RETURN_IF_ERROR(status);
  UNDULA_RETURN_IF_ERROR(out.Finish());
  return out.count();
}

absl::StatusOr<uint64_t> MergeLabels(GenerationWriter* writer,
                                     const std::vector<std::pair<std::string, uint32_t>>& fresh) {
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<Cursor> stored, writer->old().Walk(Table::kLabels));
  UNDULA_ASSIGN_OR_RETURN(bool more, stored->First());
  std::vector<EntityId> decoded;
  std::vector<uint32_t> entities;
  uint64_t count = 0;
  for (size_t i = 0; i < fresh.size() || more;) {
    const bool use_stored = more && (i == fresh.size() || stored->key() <= fresh[i].first);
    const std::string label(use_stored ? stored->key() : std::string_view(fresh[i].first));
    entities.clear();
    if (use_stored) {
      decoded.clear();
      if (!DecodeEntities(stored->value(), &decoded)) {
        return DataLossError(writer->old().store().path(),
                             ": table labels is damaged; restore "
                             "the file from a backup");
      }
      for (const EntityId entity : decoded) entities.push_back(Index(entity));
      UNDULA_ASSIGN_OR_RETURN(more, stored->Next());
    }
    for (; i < fresh.size() && fresh[i].first == label; ++i) entities.push_back(fresh[i].second);
    std::sort(entities.begin(), entities.end());
    entities.erase(std::unique(entities.begin(), entities.end()), entities.end());
    count += entities.size();
    UNDULA_RETURN_IF_ERROR(
        writer->out().Append(writer->handle(Table::kLabels), label, EncodeEntities(entities)));
  }
  return count;
}

absl::Status MergeColumns(GenerationWriter* writer, Table table,
                          const std::vector<ItemCell>& fresh) {
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<Cursor> stored, writer->old().Walk(table));
  UNDULA_ASSIGN_OR_RETURN(bool more, stored->First());
  std::map<uint64_t, std::string_view> columns;
  std::string value;
  for (size_t i = 0; i < fresh.size() || more;) {
    const uint64_t next_fresh = i < fresh.size() ? fresh[i].item : ~uint64_t{0};
    const uint64_t next_stored = more ? LoadFixed<uint32_t>(stored->key().data()) : ~uint64_t{0};
    const auto item = static_cast<uint32_t>(std::min(next_fresh, next_stored));
    columns.clear();
    if (next_stored == item) {
      FieldReader in(stored->value());
      while (!in.done()) {
        const uint64_t column = in.Varint();
        columns[column] = in.Text();
      }
      if (!in.ok()) {
        return DataLossError(writer->old().store().path(), ": table ", SpecOf(table).name,
                             " is damaged; restore the file from a backup");
      }
      UNDULA_ASSIGN_OR_RETURN(more, stored->Next());
    }
    for (; i < fresh.size() && fresh[i].item == item; ++i) columns[fresh[i].column] = fresh[i].text;
    value.clear();
    for (const auto& [column, text] : columns) {
      PutVarint(&value, column);
      PutText(&value, text);
    }
    UNDULA_RETURN_IF_ERROR(writer->out().Append(writer->handle(table), AsBytes(item), value));
  }
  return absl::OkStatus();
}

}  // namespace undula::kgstore::internal
