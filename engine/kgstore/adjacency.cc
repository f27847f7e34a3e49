#include "kgstore/adjacency.h"

namespace undula::kgstore::internal {

bool ListEncoder::Add(uint32_t b, uint32_t c, size_t limit) {
  if (finished_) {
    done_.clear();
    closed_b_ = 0;
    has_closed_ = false;
    finished_ = false;
  }
  const bool opens = run_length_ == 0 || b != b_;
  // Size with this pair: closed runs, the open run with its tag and length, perhaps a new run.
  const uint32_t value = opens ? c : c - c_;
  size_t size = done_.size() + run_.size() + static_cast<size_t>(VarintSize(value));
  if (run_length_ > 0) {
    size += static_cast<size_t>(VarintSize(2 * uint64_t{b_ - closed_b_} + 1)) +
            static_cast<size_t>(VarintSize(run_length_));
  }
  if (opens) {
    size += static_cast<size_t>(VarintSize(2 * uint64_t{b - (run_length_ > 0 ? b_ : closed_b_)}));
  }
  if (size > limit) return false;
  if (run_length_ == 0 && !has_closed_) {
    first_b_ = b;
    first_c_ = c;
  }
  if (opens && run_length_ > 0) CloseRun();
  PutVarint(&run_, value);
  ++run_length_;
  b_ = b;
  c_ = c;
  return true;
}

void ListEncoder::CloseRun() {
  PutVarint(&done_, 2 * uint64_t{b_ - closed_b_} + (run_length_ > 1 ? 1 : 0));
  if (run_length_ > 1) PutVarint(&done_, run_length_ - 2);
  done_ += run_;
  run_.clear();
  run_length_ = 0;
  closed_b_ = b_;
  has_closed_ = true;
}

std::string_view ListEncoder::Finish() {
  if (run_length_ > 0) CloseRun();
  finished_ = true;
  return done_;
}

absl::Status AdjacencyWriter::Add(const Triple& triple) {
  if (in_list_ && triple.a != a_) {
    const bool same_bucket = triple.a / kBucketIds == a_ / kBucketIds;
    UNDULA_RETURN_IF_ERROR(EndList());
    if (!same_bucket) UNDULA_RETURN_IF_ERROR(EndBucket());
  }
  in_list_ = true;
  a_ = triple.a;
  ++degree_;
  ++count_;
  if (!list_.Add(triple.b, triple.c, kMaxHubBlock)) {
    UNDULA_RETURN_IF_ERROR(FlushBlock());
    list_.Add(triple.b, triple.c, kMaxHubBlock);
  }
  return absl::OkStatus();
}

absl::Status AdjacencyWriter::FlushBlock() {
  spilled_ = true;
  const HubKey key(a_, list_.first_b(), list_.first_c());
  return out_->Append(hubs_, key.view(), list_.Finish());
}

absl::Status AdjacencyWriter::EndList() {
  const uint32_t slot = a_ % kBucketIds;
  if (!spilled_) {
    const HubKey key(a_, list_.first_b(), list_.first_c());
    const std::string_view bytes = list_.Finish();
    if (bytes.size() <= kMaxInlineList &&
        kBucketIds + lists_.size() + bytes.size() <= kMaxBucketBytes) {
      lengths_[slot] = static_cast<uint8_t>(bytes.size());
      lists_ += bytes;
    } else {
      spilled_ = true;
      UNDULA_RETURN_IF_ERROR(out_->Append(hubs_, key.view(), bytes));
    }
  } else {
    UNDULA_RETURN_IF_ERROR(FlushBlock());
  }
  if (spilled_) {
    lengths_[slot] = kHubMark;
    PutVarint(&lists_, degree_);
  }
  spilled_ = false;
  in_list_ = false;
  degree_ = 0;
  return absl::OkStatus();
}

absl::Status AdjacencyWriter::EndBucket() {
  std::string value(reinterpret_cast<const char*>(lengths_.data()), lengths_.size());
  value += lists_;
  lengths_.fill(0);
  lists_.clear();
  const uint32_t bucket = a_ / kBucketIds;
  return out_->Append(buckets_, AsBytes(bucket), value);
}

absl::Status AdjacencyWriter::Finish() {
  if (!in_list_) return absl::OkStatus();
  UNDULA_RETURN_IF_ERROR(EndList());
  return EndBucket();
}

absl::StatusOr<AdjacencyReader::Found> AdjacencyReader::Find(uint32_t a) const {
  const uint32_t bucket = a / kBucketIds;
  UNDULA_ASSIGN_OR_RETURN(const auto value, view_.Get(table_, AsBytes(bucket)));
  Found found;
  if (!value.has_value()) return found;
  const bool ok = SplitBucket(*value, [&](uint32_t i, std::string_view bytes, bool hub) {
    if (i != a % kBucketIds) return true;
    found.hub = hub;
    if (!hub) {
      found.list = bytes;
      return true;
    }
    FieldReader in(bytes);
    found.degree = in.Varint();
    return in.ok();
  });
  if (!ok) return Damaged();
  return found;
}

absl::StatusOr<uint64_t> AdjacencyReader::Degree(uint32_t a) const {
  UNDULA_ASSIGN_OR_RETURN(const Found found, Find(a));
  if (found.hub) return found.degree;
  uint64_t degree = 0;
  if (!DecodeList(found.list, [&](uint32_t, uint32_t) { ++degree; })) return Damaged();
  return degree;
}

absl::Status AdjacencyReader::ForEachDegree(
    const std::function<void(uint32_t, uint64_t)>& f) const {
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<Cursor> buckets, view_.Walk(table_));
  UNDULA_ASSIGN_OR_RETURN(bool more, buckets->First());
  while (more) {
    if (buckets->key().size() != 4) return Damaged();
    const uint32_t base = LoadFixed<uint32_t>(buckets->key().data()) * kBucketIds;
    const bool ok =
        SplitBucket(buckets->value(), [&](uint32_t i, std::string_view bytes, bool hub) {
          uint64_t degree = 0;
          if (hub) {
            FieldReader in(bytes);
            degree = in.Varint();
          } else if (!DecodeList(bytes, [&](uint32_t, uint32_t) { ++degree; })) {
            return false;
          }
          f(base + i, degree);
          return true;
        });
    if (!ok) return Damaged();
    UNDULA_ASSIGN_OR_RETURN(more, buckets->Next());
  }
  return absl::OkStatus();
}

absl::Status AdjacencyReader::Damaged() const {
  return DataLossError(view_.store().path(), ": table ", SpecOf(table_).name,
                       " is damaged; restore the file from a backup");
}

}  // namespace undula::kgstore::internal
