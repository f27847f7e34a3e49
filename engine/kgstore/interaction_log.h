// The tables user_log and item_log: interactions by user (or item), ordered by time. Byte layout:
// docs/file-format.md.
#ifndef UNDULA_KGSTORE_INTERACTION_LOG_H_
#define UNDULA_KGSTORE_INTERACTION_LOG_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/status.h"
#include "kgstore/adjacency.h"
#include "kgstore/batch_writer.h"
#include "kgstore/store.h"
#include "kgstore/varint.h"

namespace undula::kgstore::internal {

inline constexpr size_t kMaxLogBlock = 1990;  // bytes

struct LogEntry {
  uint32_t row;    // user (user_log) or item (item_log)
  uint32_t other;  // the other one
  float weight;
  int64_t time;

  auto key() const { return std::tuple(row, time, other); }
};

// Takes entries in ascending (row, time, other).
class LogWriter {
 public:
  // Takes the blocks: key and value.
  using PutFn = std::function<absl::Status(std::string_view, std::string_view)>;
  explicit LogWriter(PutFn put) : put_(std::move(put)) {}
  LogWriter(BatchWriter* out, MDB_dbi table)
      : put_([out, table](std::string_view key, std::string_view value) {
          return out->Append(table, key, value);
        }) {}
  absl::Status Add(const LogEntry& entry);
  absl::Status Finish();
  uint64_t count() const { return count_; }

 private:
  PutFn put_;
  uint32_t row_ = 0, block_ = 0;
  int64_t time_ = 0;
  float weight_ = 1;
  std::string bytes_, entry_;
  uint64_t count_ = 0;
};

// Calls f(other, weight, time) in order; false where the block is damaged.
template <class F>
inline bool DecodeLogBlock(std::string_view block, F&& f) {
  FieldReader in(block);
  int64_t time = 0;
  float weight = 1;
  while (!in.done()) {
    const uint64_t tag = in.Varint();
    if ((tag & 1) != 0) weight = in.Fixed<float>();
    const uint64_t step = in.Varint();
    // Zigzag; unsigned arithmetic, because the steps may wrap around.
    time = static_cast<int64_t>(static_cast<uint64_t>(time) +
                                ((step >> 1) ^ (uint64_t{0} - (step & 1))));
    if (!in.ok() || tag >> 33 != 0) return false;
    f(static_cast<uint32_t>(tag >> 1), weight, time);
  }
  return in.ok();
}

// Calls f(other) in order: weights and times are passed over.
template <class F>
inline bool DecodeLogOthers(std::string_view block, F&& f) {
  constexpr ptrdiff_t kLongestEntry = 20, kWord = 8;
  const auto* p = reinterpret_cast<const uint8_t*>(block.data());
  const uint8_t* const end = p + block.size();
  while (end - p >= kLongestEntry + kWord) {
    uint32_t tag = 0;
    const uint8_t* next = GetVarintOf8(p, &tag);
    if (next == nullptr) break;  // a great id, or damage
    if ((tag & 1) != 0) next += sizeof(float);
    const uint64_t last = ~LoadLittle64(next) & 0x8080808080808080u;
    if (last == 0) break;  // a great step in time
    f(tag >> 1);
    p = next + (std::countr_zero(last) + 1) / 8;
  }
  const std::string_view rest = block.substr(block.size() - static_cast<size_t>(end - p));
  return DecodeLogBlock(rest, [&](uint32_t other, float, int64_t) { f(other); });
}

// Walks entries of a log table in order.
class LogReader {
 public:
  LogReader(const ViewState& view, Table table) : view_(view), table_(table) {}

  // f(row, other, weight, time) over everything.
  template <class F>
  absl::Status Scan(F&& f) const {
    UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<Cursor> cursor, view_.Walk(table_));
    UNDULA_ASSIGN_OR_RETURN(bool more, cursor->First());
    while (more) {
      UNDULA_RETURN_IF_ERROR(Decode(*cursor, f));
      UNDULA_ASSIGN_OR_RETURN(more, cursor->Next());
    }
    return absl::OkStatus();
  }
  // The same over one row.
  template <class F>
  absl::Status Row(uint32_t row, F&& f) const {
    return Blocks(row, [&](const Cursor& cursor) { return Decode(cursor, f); });
  }
  // f(other) over one row.
  template <class F>
  absl::Status Others(uint32_t row, F&& f) const {
    return Blocks(row, [&](const Cursor& cursor) {
      const bool whole = cursor.key().size() == 8 && DecodeLogOthers(cursor.value(), f);
      return whole ? absl::OkStatus() : Damaged();
    });
  }

 private:
  // block(cursor) at each block of a row.
  template <class F>
  absl::Status Blocks(uint32_t row, F&& block) const {
    const HubKey key(row, 0, 0);
    const std::string_view first = key.view().substr(0, 8), prefix = first.substr(0, 4);
    UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<Cursor> cursor, view_.Walk(table_));
    UNDULA_ASSIGN_OR_RETURN(bool more, cursor->Seek(first));
    more = more && cursor->key().starts_with(prefix);
    while (more) {
      UNDULA_RETURN_IF_ERROR(block(*cursor));
      UNDULA_ASSIGN_OR_RETURN(more, cursor->NextWithin(prefix));
    }
    return absl::OkStatus();
  }
  template <class F>
  absl::Status Decode(const Cursor& cursor, F&& f) const {
    if (cursor.key().size() != 8) return Damaged();
    const uint32_t row = LoadBigEndian(cursor.key().data());
    const auto entry = [&](uint32_t other, float weight, int64_t time) {
      f(row, other, weight, time);
    };
    return DecodeLogBlock(cursor.value(), entry) ? absl::OkStatus() : Damaged();
  }
  absl::Status Damaged() const {
    return DataLossError(view_.store().path(), ": table ", SpecOf(table_).name,
                         " is damaged; restore the file from a backup");
  }

  const ViewState& view_;
  Table table_;
};

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_INTERACTION_LOG_H_
