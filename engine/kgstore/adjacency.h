// Adjacency tables (layout G16): lists of (b, c) pairs by a 32-bit id a, three orders of the same
// triples. Sixteen consecutive ids share one bucket; lists that are too long for it are kept in a
// second table, in blocks. Byte layout: docs/file-format.md.
#ifndef UNDULA_KGSTORE_ADJACENCY_H_
#define UNDULA_KGSTORE_ADJACENCY_H_

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ids.h"
#include "base/status.h"
#include "kgstore/batch_writer.h"
#include "kgstore/radix_sort.h"
#include "kgstore/store.h"
#include "kgstore/varint.h"

namespace undula::kgstore::internal {

inline constexpr uint32_t kBucketIds = 16;
inline constexpr size_t kMaxInlineList = 254;    // bytes of a list within a bucket
inline constexpr size_t kMaxBucketBytes = 2000;  // beyond, LMDB would give it whole pages
inline constexpr size_t kMaxHubBlock = 992;      // bytes; with key and checksum four fill a page
inline constexpr uint8_t kHubMark = 255;

// 12 bytes, big-endian, so that byte order is numeric order.
struct HubKey {
  char bytes[12];
  HubKey(uint32_t a, uint32_t b, uint32_t c) {
    for (int i = 0; i < 4; ++i) {
      bytes[i] = static_cast<char>(a >> (24 - 8 * i));
      bytes[4 + i] = static_cast<char>(b >> (24 - 8 * i));
      bytes[8 + i] = static_cast<char>(c >> (24 - 8 * i));
    }
  }
  std::string_view view() const { return std::string_view(bytes, 12); }  // refers to the key
};

inline uint32_t LoadBigEndian(const char* p) {
  const auto* u = reinterpret_cast<const uint8_t*>(p);
  return (uint32_t{u[0]} << 24) | (uint32_t{u[1]} << 16) | (uint32_t{u[2]} << 8) | u[3];
}

// Calls f(b, c) in ascending order; false where the bytes are damaged. `readable` bytes behind the
// list may be read as well, whatever they are (values of the store are followed by their checksum).
template <class F>
inline bool DecodeList(std::string_view bytes, size_t readable, F&& f) {
  const auto* p = reinterpret_cast<const uint8_t*>(bytes.data());
  const uint8_t* const end = p + bytes.size();
  const uint8_t* const limit = end + readable;
  const auto take = [&](uint32_t* value) {
    p = limit - p >= 8 ? GetVarintOf8(p, value) : GetVarint(p, end, value);
    return p != nullptr && p <= end;
  };
  uint32_t b = 0;
  while (p < end) {
    uint64_t tag;
    uint32_t c, more;
    if ((p = GetVarint(p, end, &tag)) == nullptr) return false;
    b += static_cast<uint32_t>(tag >> 1);
    if ((tag & 1) == 0) {
      if (!take(&c)) return false;
      f(b, c);
      continue;
    }
    if ((p = GetVarint(p, end, &more)) == nullptr) return false;
    if (!take(&c)) return false;
    f(b, c);
    for (uint64_t n = uint64_t{more} + 1; n > 0; --n) {
      uint32_t delta;
      if (!take(&delta)) return false;
      c += delta;
      f(b, c);
    }
  }
  return true;
}
template <class F>
inline bool DecodeList(std::string_view bytes, F&& f) {
  return DecodeList(bytes, 0, f);
}

struct IdPair {
  uint32_t b, c;
  friend auto operator<=>(const IdPair&, const IdPair&) = default;
};

// Encodes ascending pairs as one list of at most `limit` <= kMaxHubBlock bytes; returns how many of
// them it took. `out` has room for kMaxHubBlock + 32 bytes.
size_t EncodeList(std::span<const IdPair> pairs, size_t limit, uint8_t* out, size_t* bytes);

// Writes both tables of one adjacency from distinct triples in ascending (a, b, c).
class AdjacencyWriter {
 public:
  AdjacencyWriter(BatchWriter* out, MDB_dbi buckets, MDB_dbi hubs)
      : out_(out), buckets_(buckets), hubs_(hubs), bucket_(kBucketIds, '\0') {}

  absl::Status Add(const Triple& triple) {
    if (in_list_ && triple.a != a_) {
      const bool same_bucket = triple.a / kBucketIds == a_ / kBucketIds;
      UNDULA_RETURN_IF_ERROR(EndList());
      if (!same_bucket) UNDULA_RETURN_IF_ERROR(EndBucket());
    }
    in_list_ = true;
    a_ = triple.a;
    ++count_;
    pairs_.push_back({triple.b, triple.c});
    return pairs_.size() < kMaxHeld ? absl::OkStatus() : SpillFullBlocks();
  }
  absl::Status Finish();
  uint64_t count() const { return count_; }

 private:
  static constexpr size_t kMaxHeld = 8192;

  size_t Encode(size_t begin, std::string_view* bytes);
  absl::StatusOr<size_t> Spill(size_t begin);
  absl::Status SpillFullBlocks();
  absl::Status EndList();
  absl::Status EndBucket();

  BatchWriter* out_;
  MDB_dbi buckets_, hubs_;
  bool in_list_ = false;
  uint32_t a_ = 0;
  std::vector<IdPair> pairs_;  // of the open list, without those in blocks
  uint64_t spilled_ = 0;       // pairs of the open list in blocks of the hubs table
  uint8_t block_[kMaxHubBlock + 32];
  std::string bucket_;  // lengths, then lists
  uint64_t count_ = 0;
};

// Reads one adjacency in a view.
class AdjacencyReader {
 public:
  AdjacencyReader(const ViewState& view, Table table) : view_(view), table_(table) {}

  // f(b, c) over the list of `a`, ascending.
  template <class F>
  absl::Status ForEach(uint32_t a, F&& f) const;
  // f(i, b, c) over the list of ids[i], ascending, for each i in turn: as ForEach() of each, but
  // memory is read ahead.
  template <class F>
  absl::Status ForEach(std::span<const EntityId> ids, F&& f) const;
  // f(c) over the pairs (b, c) of `a` with this b, ascending.
  template <class F>
  absl::Status ForEachOf(uint32_t a, uint32_t b, F&& f) const;
  // f(b, c) over the pairs of `a` whose b is one of `bs`, ascending; has(b) says the same of a b.
  template <class Has, class F>
  absl::Status ForEachOfAny(uint32_t a, std::span<const uint32_t> bs, Has&& has, F&& f) const;
  // The number of pairs of `a`, without reading a hub's blocks.
  absl::StatusOr<uint64_t> Degree(uint32_t a) const;
  // f(a, b, c) over everything, ascending.
  template <class F>
  absl::Status Scan(F&& f) const;
  // f(a, degree) for every non-empty list, ascending; hubs' blocks are not read.
  absl::Status ForEachDegree(const std::function<void(uint32_t, uint64_t)>& f) const;

 private:
  // The list of `a`: its bytes, or the degree of a hub.
  struct Found {
    bool hub = false;
    uint64_t degree = 0;
    std::string_view list;
    size_t readable = 0;  // bytes behind it
  };
  absl::StatusOr<Found> Find(uint32_t a) const;
  absl::Status Damaged() const;
  template <class F>
  absl::Status ScanHub(Cursor* cursor, uint32_t a, F&& f) const;
  template <class F>
  absl::Status ScanHubOf(Cursor* cursor, uint32_t a, uint32_t b, F&& f) const;

  const ViewState& view_;
  Table table_;
};

// Where the bytes end that may be read of a stored value: its checksum stands behind it.
inline const char* BehindValue(std::string_view value) {
  return value.data() + value.size() + kChecksumBytes;
}
inline size_t Behind(std::string_view part, const char* end) {
  return static_cast<size_t>(end - (part.data() + part.size()));
}

// Splits a bucket: calls f(i, bytes, is_hub) for every non-empty list, bytes of a hub being its
// degree. False where the bytes are damaged.
template <class F>
inline bool SplitBucket(std::string_view bucket, F&& f) {
  if (bucket.size() < kBucketIds) return false;
  size_t at = kBucketIds;
  for (uint32_t i = 0; i < kBucketIds; ++i) {
    size_t length = static_cast<uint8_t>(bucket[i]);
    if (length == 0) continue;
    const bool hub = length == kHubMark;
    if (hub) {
      for (length = 1; at + length <= bucket.size() && (bucket[at + length - 1] & 0x80) != 0;) {
        ++length;
      }
    }
    if (at + length > bucket.size()) return false;
    if (!f(i, bucket.substr(at, length), hub)) return false;
    at += length;
  }
  return at == bucket.size();
}

template <class F>
absl::Status AdjacencyReader::ScanHub(Cursor* cursor, uint32_t a, F&& f) const {
  UNDULA_ASSIGN_OR_RETURN(bool more, cursor->Seek(HubKey(a, 0, 0).view()));
  while (more && cursor->key().size() == 12 && LoadBigEndian(cursor->key().data()) == a) {
    if (!DecodeList(cursor->value(), kChecksumBytes, f)) return Damaged();
    UNDULA_ASSIGN_OR_RETURN(more, cursor->Next());
  }
  return absl::OkStatus();
}

template <class F>
absl::Status AdjacencyReader::ForEach(uint32_t a, F&& f) const {
  UNDULA_ASSIGN_OR_RETURN(const Found found, Find(a));
  if (!found.hub) {
    return DecodeList(found.list, found.readable, f) ? absl::OkStatus() : Damaged();
  }
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<Cursor> cursor, view_.Walk(HubsOf(table_)));
  return ScanHub(cursor.get(), a, f);
}

template <class F>
absl::Status AdjacencyReader::ForEach(std::span<const EntityId> ids, F&& f) const {
  std::array<uint32_t, LeafIndex::kPrefetched> keys;
  for (size_t begin = 0; begin < ids.size(); begin += keys.size()) {
    const size_t end = std::min(begin + keys.size(), ids.size());
    for (size_t i = begin; i < end; ++i) keys[i - begin] = Index(ids[i]) / kBucketIds;
    view_.Prefetch(table_, std::span(keys).first(end - begin));
    for (size_t i = begin; i < end; ++i) {
      UNDULA_RETURN_IF_ERROR(ForEach(Index(ids[i]), [&](uint32_t b, uint32_t c) { f(i, b, c); }));
    }
  }
  return absl::OkStatus();
}

// f(c) over the pairs of `a` with this b.
template <class F>
absl::Status AdjacencyReader::ScanHubOf(Cursor* cursor, uint32_t a, uint32_t b, F&& f) const {
  // They may begin within the block before the first one whose key says b.
  const HubKey first(a, 0, 0);
  UNDULA_ASSIGN_OR_RETURN(bool more, cursor->Seek(HubKey(a, b, 0).view()));
  if (more) {
    UNDULA_ASSIGN_OR_RETURN(more, cursor->Prev());
  } else {
    UNDULA_ASSIGN_OR_RETURN(more, cursor->Last());
  }
  if (!more || cursor->key().size() != 12 || LoadBigEndian(cursor->key().data()) != a) {
    UNDULA_ASSIGN_OR_RETURN(more, cursor->Seek(first.view()));
  }
  const auto filter = [&](uint32_t b2, uint32_t c) {
    if (b2 == b) f(c);
  };
  while (more && cursor->key().size() == 12 && LoadBigEndian(cursor->key().data()) == a &&
         LoadBigEndian(cursor->key().data() + 4) <= b) {
    if (!DecodeList(cursor->value(), kChecksumBytes, filter)) return Damaged();
    UNDULA_ASSIGN_OR_RETURN(more, cursor->Next());
  }
  return absl::OkStatus();
}

template <class F>
absl::Status AdjacencyReader::ForEachOf(uint32_t a, uint32_t b, F&& f) const {
  UNDULA_ASSIGN_OR_RETURN(const Found found, Find(a));
  if (!found.hub) {
    const auto filter = [&](uint32_t b2, uint32_t c) {
      if (b2 == b) f(c);
    };
    return DecodeList(found.list, found.readable, filter) ? absl::OkStatus() : Damaged();
  }
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<Cursor> cursor, view_.Walk(HubsOf(table_)));
  return ScanHubOf(cursor.get(), a, b, f);
}

template <class Has, class F>
absl::Status AdjacencyReader::ForEachOfAny(uint32_t a, std::span<const uint32_t> bs, Has&& has,
                                           F&& f) const {
  const auto filter = [&](uint32_t b, uint32_t c) {
    if (has(b)) f(b, c);
  };
  UNDULA_ASSIGN_OR_RETURN(const Found found, Find(a));
  if (!found.hub) {
    return DecodeList(found.list, found.readable, filter) ? absl::OkStatus() : Damaged();
  }
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<Cursor> cursor, view_.Walk(HubsOf(table_)));
  constexpr uint64_t kPairsOfSeek = 1000;  // read in the time that looking for a b takes
  if (found.degree <= kPairsOfSeek * bs.size()) return ScanHub(cursor.get(), a, filter);
  for (const uint32_t b : bs) {
    UNDULA_RETURN_IF_ERROR(ScanHubOf(cursor.get(), a, b, [&](uint32_t c) { f(b, c); }));
  }
  return absl::OkStatus();
}

template <class F>
absl::Status AdjacencyReader::Scan(F&& f) const {
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<Cursor> buckets, view_.Walk(table_));
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<Cursor> hubs, view_.Walk(HubsOf(table_)));
  UNDULA_ASSIGN_OR_RETURN(bool more, buckets->First());
  while (more) {
    if (buckets->key().size() != 4) return Damaged();
    const uint32_t base = LoadFixed<uint32_t>(buckets->key().data()) * kBucketIds;
    absl::Status status;
    const char* const readable = BehindValue(buckets->value());
    const bool ok =
        SplitBucket(buckets->value(), [&](uint32_t i, std::string_view bytes, bool hub) {
          const uint32_t a = base + i;
          const auto each = [&](uint32_t b, uint32_t c) { f(a, b, c); };
          if (!hub) return DecodeList(bytes, Behind(bytes, readable), each);
          status = ScanHub(hubs.get(), a, each);
          return status.ok();
        });
    UNDULA_RETURN_IF_ERROR(status);
    if (!ok) return Damaged();
    UNDULA_ASSIGN_OR_RETURN(more, buckets->Next());
  }
  return absl::OkStatus();
}

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_ADJACENCY_H_
