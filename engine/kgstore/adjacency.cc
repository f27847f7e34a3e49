#include "kgstore/adjacency.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace undula::kgstore::internal {

namespace {

constexpr size_t kHasHub = ~size_t{0} - kBucketIds;

// The sum of the first n < 16 lengths of a bucket; kHasHub where one of them is the mark of a hub.
size_t BytesOfLists(std::string_view bucket, uint32_t n) {
  static_assert(kBucketIds == 16);
  size_t sum = 0;
  for (uint32_t i = 0; i < 2; ++i) {
    const uint32_t take = n > 8 * i ? std::min<uint32_t>(n - 8 * i, 8) : 0;
    const uint64_t word =
        take == 0 ? 0 : LoadLittle64(bucket.data() + 8 * i) & (~uint64_t{0} >> (64 - 8 * take));
    const uint64_t low = 0x0101010101010101u, high = 0x8080808080808080u;
    if ((((~word) - low) & word & high) != 0) return kHasHub;  // a byte of ~word is zero
    const uint64_t pairs = (word & 0x00ff00ff00ff00ffu) + ((word >> 8) & 0x00ff00ff00ff00ffu);
    sum += (pairs * 0x0001000100010001u) >> 48;
  }
  return sum;
}

}  // namespace

size_t EncodeList(std::span<const IdPair> pairs, size_t limit, uint8_t* out, size_t* bytes) {
  const uint8_t* const start = out;
  const uint8_t* const stop = out + limit;
  uint32_t last_b = 0;
  size_t i = 0;
  while (i < pairs.size()) {
    const uint32_t b = pairs[i].b;
    const uint64_t delta_b = 2 * uint64_t{b - last_b};
    size_t end = i + 1;
    // A block has at most a byte a pair.
    const size_t far = std::min(pairs.size(), i + kMaxHubBlock);
    while (end < far && pairs[end].b == b) ++end;
    if (end - i == 1) {
      const int size = VarintSize(delta_b) + VarintSize(pairs[i].c);
      if (out + size > stop) break;
      out = WriteVarint(WriteVarint(out, delta_b), pairs[i].c);
    } else {
      if (static_cast<size_t>(stop - out) < 5 * (end - i) + 16) {  // may not fit: count
        size_t size = static_cast<size_t>(VarintSize(delta_b + 1));
        size_t k = i;
        for (uint32_t c = 0; k < end; c = pairs[k].c, ++k) {
          const size_t more = static_cast<size_t>(VarintSize(pairs[k].c - c));
          const size_t count = k - i == 0 ? 0 : static_cast<size_t>(VarintSize(k - i - 1));
          if (size + more + count > static_cast<size_t>(stop - out)) break;
          size += more;
        }
        end = k;
      }
      if (end == i) break;
      out = WriteVarint(out, delta_b + (end - i > 1 ? 1 : 0));
      if (end - i > 1) out = WriteVarint(out, end - i - 2);
      uint32_t c = 0;
      for (size_t k = i; k < end; ++k) {
        out = WriteVarint(out, pairs[k].c - c);
        c = pairs[k].c;
      }
    }
    last_b = b;
    i = end;
    if (i < pairs.size() && pairs[i].b == b) break;  // the block is full
  }
  *bytes = static_cast<size_t>(out - start);
  return i;
}

// As many pairs from `begin` on as one block takes; returns the first one left out.
size_t AdjacencyWriter::Encode(size_t begin, std::string_view* bytes) {
  size_t size = 0;
  const size_t taken = EncodeList(std::span(pairs_).subspan(begin), kMaxHubBlock, block_, &size);
  *bytes = {reinterpret_cast<const char*>(block_), size};
  return begin + taken;
}

// One block into the hubs table; returns the first pair left out.
absl::StatusOr<size_t> AdjacencyWriter::Spill(size_t begin) {
  std::string_view bytes;
  const size_t end = Encode(begin, &bytes);
  const HubKey key(a_, pairs_[begin].b, pairs_[begin].c);
  UNDULA_RETURN_IF_ERROR(out_->Append(hubs_, key.view(), bytes));
  spilled_ += end - begin;
  return end;
}

// Long lists need not be held whole: a block with more pairs behind it than it can take is full.
absl::Status AdjacencyWriter::SpillFullBlocks() {
  size_t begin = 0;
  while (pairs_.size() - begin > kMaxHubBlock) {
    UNDULA_ASSIGN_OR_RETURN(begin, Spill(begin));
  }
  pairs_.erase(pairs_.begin(), pairs_.begin() + static_cast<std::ptrdiff_t>(begin));
  return absl::OkStatus();
}

absl::Status AdjacencyWriter::EndList() {
  const uint32_t slot = a_ % kBucketIds;
  bool fits = false;
  if (spilled_ == 0) {
    std::string_view bytes;
    fits = Encode(0, &bytes) == pairs_.size() && bytes.size() <= kMaxInlineList &&
           bucket_.size() + bytes.size() <= kMaxBucketBytes;
    if (fits) {
      bucket_[slot] = static_cast<char>(bytes.size());
      bucket_.append(bytes);
    }
  }
  if (!fits) {
    for (size_t begin = 0; begin < pairs_.size();) {
      UNDULA_ASSIGN_OR_RETURN(begin, Spill(begin));
    }
    bucket_[slot] = static_cast<char>(kHubMark);
    PutVarint(&bucket_, spilled_);
  }
  pairs_.clear();
  spilled_ = 0;
  in_list_ = false;
  return absl::OkStatus();
}

absl::Status AdjacencyWriter::EndBucket() {
  const uint32_t bucket = a_ / kBucketIds;
  const absl::Status status = out_->Append(buckets_, AsBytes(bucket), bucket_);
  bucket_.assign(kBucketIds, '\0');
  return status;
}

absl::Status AdjacencyWriter::Finish() {
  if (!in_list_) return absl::OkStatus();
  UNDULA_RETURN_IF_ERROR(EndList());
  return EndBucket();
}

absl::StatusOr<AdjacencyReader::Found> AdjacencyReader::Find(uint32_t a) const {
  UNDULA_ASSIGN_OR_RETURN(const auto value, view_.Row(table_, a / kBucketIds));
  Found found;
  if (!value.has_value()) return found;
  const std::string_view bucket = *value;
  if (bucket.size() < kBucketIds) return Damaged();
  const uint32_t slot = a % kBucketIds;
  size_t length = static_cast<uint8_t>(bucket[slot]);
  if (length == 0) return found;
  size_t at = kBucketIds + BytesOfLists(bucket, slot);
  if (at == kBucketIds + kHasHub) {  // hubs have degrees where others have lists
    at = kBucketIds;
    for (uint32_t i = 0; i < slot; ++i) {
      const size_t list = static_cast<uint8_t>(bucket[i]);
      if (list != kHubMark) {
        at += list;
        continue;
      }
      while (at < bucket.size() && (bucket[at] & 0x80) != 0) ++at;
      ++at;
    }
  }
  if (at > bucket.size()) return Damaged();
  if (length == kHubMark) {
    FieldReader in(bucket.substr(at));
    found.hub = true;
    found.degree = in.Varint();
    return in.ok() ? absl::StatusOr<Found>(found) : Damaged();
  }
  if (length > bucket.size() - at) return Damaged();
  found.list = bucket.substr(at, length);
  found.readable = Behind(found.list, BehindValue(bucket));
  return found;
}

absl::StatusOr<uint64_t> AdjacencyReader::Degree(uint32_t a) const {
  UNDULA_ASSIGN_OR_RETURN(const Found found, Find(a));
  if (found.hub) return found.degree;
  uint64_t degree = 0;
  if (!DecodeList(found.list, found.readable, [&](uint32_t, uint32_t) { ++degree; }))
    return Damaged();
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
