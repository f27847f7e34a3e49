#include "kgstore/merge_tables.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
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

void FreshLabels::Add(std::string_view label, uint32_t entity) {
  constexpr size_t kBlock = size_t{1} << 20;
  if (label.size() > capacity_ - used_) {
    capacity_ = std::max(kBlock, label.size());
    blocks_.emplace_back(new char[capacity_]);
    used_ = 0;
  }
  char* const kept = blocks_.back().get() + used_;
  std::memcpy(kept, label.data(), label.size());
  used_ += label.size();
  uint64_t prefix = 0;
  for (size_t i = 0; i < 8; ++i) {
    prefix = prefix << 8 | (i < label.size() ? static_cast<unsigned char>(label[i]) : 0);
  }
  pairs_.push_back({prefix, entity, {kept, label.size()}});
}

void FreshLabels::Sort() {
  std::sort(pairs_.begin(), pairs_.end(), [](const Pair& a, const Pair& b) {
    if (a.prefix != b.prefix) return a.prefix < b.prefix;
    const int order = a.label.compare(b.label);
    return order != 0 ? order < 0 : a.entity < b.entity;
  });
  const auto same = [](const Pair& a, const Pair& b) {
    return a.entity == b.entity && a.label == b.label;
  };
  pairs_.erase(std::unique(pairs_.begin(), pairs_.end(), same), pairs_.end());
}

absl::StatusOr<uint64_t> MergeLabels(GenerationWriter* writer, RecordSource<LabelPair>* fresh) {
  LabelPacker packer([&](std::string_view key, std::string_view value) {
    return writer->out().Append(writer->handle(Table::kLabels), key, value);
  });
  uint64_t count = 0;
  std::vector<uint32_t> entities;
  // Appends the entities of the label, if it comes next.
  const auto take = [&](std::string_view label) {
    const LabelPair* next;
    for (; (next = fresh->peek()) != nullptr && next->label == label; fresh->Advance()) {
      entities.push_back(next->entity);
    }
  };
  // Writes the new labels before `limit`, or all.
  std::string label;
  const auto write_until = [&](std::optional<std::string_view> limit) -> absl::Status {
    const LabelPair* next;
    while ((next = fresh->peek()) != nullptr && (!limit.has_value() || next->label < *limit)) {
      label.assign(next->label);
      entities.clear();
      take(label);
      count += entities.size();
      UNDULA_RETURN_IF_ERROR(packer.Add(label, entities));
    }
    return fresh->status();
  };

  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<Cursor> stored, writer->old().Walk(Table::kLabels));
  UNDULA_ASSIGN_OR_RETURN(bool more, stored->First());
  absl::Status status;
  while (more) {
    const bool ok = ReadLabelBlock(
        stored->key(), stored->value(),
        [&](std::string_view known, const std::vector<uint32_t>& known_entities) {
          status = write_until(known);
          entities = known_entities;
          take(known);
          std::sort(entities.begin(), entities.end());
          entities.erase(std::unique(entities.begin(), entities.end()), entities.end());
          count += entities.size();
          if (status.ok()) status = packer.Add(known, entities);
          return status.ok();
        });
    UNDULA_RETURN_IF_ERROR(status);
    if (!ok) {
      return DataLossError(writer->old().store().path(),
                           ": table labels is damaged; restore the file from a backup");
    }
    UNDULA_ASSIGN_OR_RETURN(more, stored->Next());
  }
  UNDULA_RETURN_IF_ERROR(write_until(std::nullopt));
  UNDULA_RETURN_IF_ERROR(packer.Finish());
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
