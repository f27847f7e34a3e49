#include "kgstore/interaction_log.h"

#include <cstring>

namespace undula::kgstore::internal {
namespace {

void PutEntry(const LogEntry& entry, int64_t time_before, float weight_before, std::string* out) {
  // Compared as bits: -0.0 and 0.0 are different weights here.
  const bool weight_changes = std::memcmp(&entry.weight, &weight_before, sizeof(float)) != 0;
  PutVarint(out, 2 * uint64_t{entry.other} + (weight_changes ? 1 : 0));
  if (weight_changes) PutFixed(out, entry.weight);
  const uint64_t step = static_cast<uint64_t>(entry.time) - static_cast<uint64_t>(time_before);
  PutVarint(out, (step << 1) ^ (uint64_t{0} - (step >> 63)));
}

}  // namespace

absl::Status LogWriter::Add(const LogEntry& entry) {
  if (count_ > 0 && entry.row != row_) {
    UNDULA_RETURN_IF_ERROR(Finish());
    block_ = 0;
  }
  row_ = entry.row;
  entry_.clear();
  PutEntry(entry, time_, weight_, &entry_);
  if (bytes_.size() + entry_.size() > kMaxLogBlock) {
    UNDULA_RETURN_IF_ERROR(Finish());
    entry_.clear();
    PutEntry(entry, time_, weight_, &entry_);
  }
  bytes_ += entry_;
  time_ = entry.time;
  weight_ = entry.weight;
  ++count_;
  return absl::OkStatus();
}

absl::Status LogWriter::Finish() {
  if (bytes_.empty()) return absl::OkStatus();
  const HubKey key(row_, block_, 0);
  const absl::Status status = put_(key.view().substr(0, 8), bytes_);
  bytes_.clear();
  ++block_;
  time_ = 0;
  weight_ = 1;
  return status;
}

}  // namespace undula::kgstore::internal
