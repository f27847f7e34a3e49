#include "kgstore/edit_dictionary.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "base/ids.h"
#include "base/status.h"
#include "kgstore/dictionary.h"
#include "kgstore/hash.h"
#include "kgstore/hash_bucket.h"

namespace undula::kgstore::internal {
namespace {

// A block of terms in memory: its texts, none where a text is kept aside.
using Block = std::vector<std::optional<std::string>>;

absl::StatusOr<const TermCodec*> CodecOf(const OpenTables& open, Space space) {
  return open.tables.Codec(space, open.store.path(), [&] {
    return open.txn->Get(open[TextsOf(space)], AsBytes(kTrainedKey));
  });
}

absl::StatusOr<Block> ReadBlock(const OpenTables& open, Space space, uint32_t number) {
  Block block;
  UNDULA_ASSIGN_OR_RETURN(const auto value, open.txn->Get(open[TermsOf(space)], AsBytes(number)));
  if (!value.has_value()) return block;
  UNDULA_ASSIGN_OR_RETURN(const TermCodec* codec, CodecOf(open, space));
  std::string text;
  std::string_view bytes;
  if (!codec->ExpandOnce(*value, &bytes) ||
      !DecodeTermBlock(bytes, codec->block_terms(), &text,
                       [&](uint32_t, std::string_view term, bool aside) {
                         block.push_back(aside ? std::nullopt : std::optional(std::string(term)));
                         return true;
                       })) {
    return open.Damaged(TermsOf(space));
  }
  return block;
}

absl::Status PutBlock(const OpenTables& open, Space space, uint32_t number, const Block& block) {
  UNDULA_ASSIGN_OR_RETURN(const TermCodec* codec, CodecOf(open, space));
  TermBlockEncoder encoder;
  for (const std::optional<std::string>& text : block) {
    if (!text.has_value()) {
      encoder.AddAside();
    } else if (!encoder.Add(*text)) {
      const uint32_t id = number * codec->block_terms() + encoder.count() - 1;
      UNDULA_RETURN_IF_ERROR(open.txn->Put(open[TextsOf(space)], AsBytes(id), *text));
    }
  }
  std::string stored;
  UNDULA_RETURN_IF_ERROR(codec->Pack(encoder.block(), &stored));
  return open.txn->Put(open[TermsOf(space)], AsBytes(number), stored);
}

absl::Status AppendTerms(const OpenTables& open, Space space, uint32_t known,
                         const std::vector<std::string_view>& fresh) {
  UNDULA_ASSIGN_OR_RETURN(const TermCodec* codec, CodecOf(open, space));
  const uint32_t terms = codec->block_terms();
  for (size_t i = 0; i < fresh.size();) {
    const uint32_t number = (known + static_cast<uint32_t>(i)) / terms;
    UNDULA_ASSIGN_OR_RETURN(Block block, ReadBlock(open, space, number));
    if (block.size() != (known + i) % terms) return open.Damaged(TermsOf(space));
    for (; i < fresh.size() && block.size() < terms; ++i) {
      block.emplace_back(std::string(fresh[i]));
    }
    UNDULA_RETURN_IF_ERROR(PutBlock(open, space, number, block));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<HashPair>> ReadPairs(const OpenTables& open, Space space,
                                                uint32_t bucket) {
  std::vector<HashPair> pairs;
  UNDULA_ASSIGN_OR_RETURN(const auto stored, open.txn->Get(open[IdsOf(space)], AsBytes(bucket)));
  if (stored.has_value() && !DecodeHashBucket(*stored, &pairs)) return open.Damaged(IdsOf(space));
  return pairs;
}

absl::Status PutPairs(const OpenTables& open, Space space, uint32_t bucket,
                      std::vector<HashPair>* pairs) {
  if (pairs->empty()) return open.txn->Delete(open[IdsOf(space)], AsBytes(bucket));
  std::sort(pairs->begin(), pairs->end(),
            [](const HashPair& a, const HashPair& b) { return a.id < b.id; });
  std::string bytes;
  EncodeHashBucket(*pairs, &bytes);
  return open.txn->Put(open[IdsOf(space)], AsBytes(bucket), bytes);
}

// (hash, id) in ascending order, added to what the buckets have.
absl::Status AddPairs(const OpenTables& open, Space space, int bits,
                      const std::vector<std::pair<uint64_t, uint32_t>>& hashes) {
  for (size_t i = 0; i < hashes.size();) {
    const uint32_t bucket = BucketOfHash(hashes[i].first, bits);
    UNDULA_ASSIGN_OR_RETURN(std::vector<HashPair> pairs, ReadPairs(open, space, bucket));
    for (; i < hashes.size() && BucketOfHash(hashes[i].first, bits) == bucket; ++i) {
      pairs.push_back({hashes[i].second, FingerprintOf(hashes[i].first)});
    }
    UNDULA_RETURN_IF_ERROR(PutPairs(open, space, bucket, &pairs));
  }
  return absl::OkStatus();
}

// (hash, id) of every text that can be found: all but those blotted out.
absl::StatusOr<std::vector<std::pair<uint64_t, uint32_t>>> AllHashes(const OpenTables& open,
                                                                     Space space, uint32_t total) {
  // What the buckets name is what can be found.
  std::vector<bool> findable(total);
  UNDULA_ASSIGN_OR_RETURN(const auto buckets,
                          Cursor::Open(open.store.env(), open.txn->raw(), open[IdsOf(space)]));
  UNDULA_ASSIGN_OR_RETURN(bool more, buckets->First());
  std::vector<HashPair> pairs;
  while (more) {
    pairs.clear();
    if (!DecodeHashBucket(buckets->value(), &pairs)) return open.Damaged(IdsOf(space));
    for (const HashPair& pair : pairs) {
      if (pair.id >= total) return open.Damaged(IdsOf(space));
      findable[pair.id] = true;
    }
    UNDULA_ASSIGN_OR_RETURN(more, buckets->Next());
  }
  UNDULA_ASSIGN_OR_RETURN(const TermCodec* codec, CodecOf(open, space));
  std::vector<std::pair<uint64_t, uint32_t>> hashes;
  for (uint32_t id = 0; id < total;) {
    UNDULA_ASSIGN_OR_RETURN(const Block block, ReadBlock(open, space, id / codec->block_terms()));
    if (block.empty()) return open.Damaged(TermsOf(space));
    for (size_t i = 0; i < block.size() && id < total; ++i, ++id) {
      if (!findable[id]) continue;
      std::string_view text;
      if (block[i].has_value()) {
        text = *block[i];
      } else {
        UNDULA_ASSIGN_OR_RETURN(const auto whole, open.txn->Get(open[TextsOf(space)], AsBytes(id)));
        if (!whole.has_value()) return open.Damaged(TextsOf(space));
        text = *whole;
      }
      hashes.emplace_back(HashText(open.store.id_space(), HashedPart(space, text)), id);
    }
  }
  std::sort(hashes.begin(), hashes.end());
  return hashes;
}

}  // namespace

absl::Status AppendTexts(const OpenTables& open, Space space,
                         const std::vector<std::string_view>& fresh, State* next) {
  if (fresh.empty()) return absl::OkStatus();
  const uint32_t known = next->CountOf(space);
  if (uint64_t{known} + fresh.size() > kMaxIds) {
    return ResourceExhaustedError(open.store.path(), ": more than ", kMaxIds, " ", SpaceName(space),
                                  " names; one database holds no more");
  }
  UNDULA_RETURN_IF_ERROR(AppendTerms(open, space, known, fresh));
  std::vector<std::pair<uint64_t, uint32_t>> hashes;
  for (size_t i = 0; i < fresh.size(); ++i) {
    hashes.emplace_back(HashText(open.store.id_space(), HashedPart(space, fresh[i])),
                        known + static_cast<uint32_t>(i));
  }
  std::sort(hashes.begin(), hashes.end());
  uint8_t& bits = next->bucket_bits[static_cast<size_t>(space)];
  UNDULA_RETURN_IF_ERROR(AddPairs(open, space, bits, hashes));
  const uint32_t total = known + static_cast<uint32_t>(fresh.size());
  next->CountOf(space) = total;
  const uint8_t wanted = BucketBitsFor(total);
  // Twice as full as aimed at: a look-up reads more than it needs to.
  if (wanted <= bits || BucketBitsFor(total / 2) <= bits) return absl::OkStatus();
  UNDULA_ASSIGN_OR_RETURN(hashes, AllHashes(open, space, total));
  UNDULA_RETURN_IF_ERROR(open.txn->Clear(open[IdsOf(space)]));
  bits = wanted;
  return AddPairs(open, space, bits, hashes);
}

absl::Status BlotOut(const OpenTables& open, Space space, uint32_t id, std::string_view text,
                     const State& state) {
  UNDULA_ASSIGN_OR_RETURN(const TermCodec* codec, CodecOf(open, space));
  const uint32_t number = id / codec->block_terms();
  UNDULA_ASSIGN_OR_RETURN(Block block, ReadBlock(open, space, number));
  const size_t at = id % codec->block_terms();
  if (at >= block.size()) return open.Damaged(TermsOf(space));
  if (!block[at].has_value()) {
    UNDULA_RETURN_IF_ERROR(open.txn->Delete(open[TextsOf(space)], AsBytes(id)));
  }
  block[at] = std::string();
  UNDULA_RETURN_IF_ERROR(PutBlock(open, space, number, block));
  const uint64_t hash = HashText(open.store.id_space(), HashedPart(space, text));
  const uint32_t bucket = BucketOfHash(hash, state.bucket_bits[static_cast<size_t>(space)]);
  UNDULA_ASSIGN_OR_RETURN(std::vector<HashPair> pairs, ReadPairs(open, space, bucket));
  std::erase_if(pairs, [&](const HashPair& pair) { return pair.id == id; });
  return PutPairs(open, space, bucket, &pairs);
}

}  // namespace undula::kgstore::internal
