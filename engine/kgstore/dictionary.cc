#include "kgstore/dictionary.h"

#include <algorithm>
#include <span>
#include <utility>

#include "base/ids.h"
#include "base/status.h"
#include "kgstore/hash.h"
#include "kgstore/hash_bucket.h"
#include "kgstore/literal_key.h"
#include "kgstore/varint.h"

namespace undula::kgstore::internal {
namespace {

// Appends texts as blocks.
class TermsWriter {
 public:
  TermsWriter(BatchWriter* out, MDB_dbi terms, MDB_dbi texts)
      : out_(out), terms_(terms), texts_(texts) {}

  absl::Status Add(std::string_view text) {
    size_t shared = 0;
    const size_t most = std::min(text.size(), last_.size());
    while (shared < most && text[shared] == last_[shared]) ++shared;
    if (text.size() - shared > kMaxSuffix) {
      UNDULA_RETURN_IF_ERROR(out_->Append(texts_, AsBytes(id_), text));
      PutVarint(&block_, 0);
    } else {
      PutVarint(&block_, shared + 1);
      PutText(&block_, text.substr(shared));
      last_.assign(text);
    }
    return ++id_ % kBlockTerms == 0 ? Flush() : absl::OkStatus();
  }

  absl::Status Finish() { return block_.empty() ? absl::OkStatus() : Flush(); }

 private:
  absl::Status Flush() {
    const uint32_t number = (id_ - 1) / kBlockTerms;
    const absl::Status status = out_->Append(terms_, AsBytes(number), block_);
    block_.clear();
    last_.clear();
    return status;
  }

  BatchWriter* out_;
  MDB_dbi terms_, texts_;
  uint32_t id_ = 0;
  std::string block_, last_;
};

}  // namespace

std::string_view HashedPart(Space space, std::string_view text) {
  return space == Space::kLiteral ? LexicalForm(text) : text;
}

absl::Status DictionaryReader::Damaged() const {
  return DataLossError(view_.store().path(), ": the dictionary of ", SpaceName(space_),
                       " names is damaged; restore the file from a backup");
}

absl::Status DictionaryReader::Load(uint32_t id, std::string* text) const {
  const uint32_t number = id / kBlockTerms;
  UNDULA_ASSIGN_OR_RETURN(const auto block, view_.Row(TermsOf(space_), number));
  if (!block.has_value()) return Damaged();
  bool found = false, aside = false;
  const bool ok =
      DecodeTermBlock(*block, text, [&](uint32_t i, std::string_view, bool in_side_table) {
        if (i != id % kBlockTerms) return true;
        found = true;
        aside = in_side_table;
        return false;
      });
  if (!ok || !found) return Damaged();
  if (aside) {
    UNDULA_ASSIGN_OR_RETURN(const auto whole, view_.Row(TextsOf(space_), id));
    if (!whole.has_value()) return Damaged();
    text->assign(*whole);
  }
  return absl::OkStatus();
}

template <class Match>
absl::Status DictionaryReader::Candidates(std::string_view hashed, Match&& match) const {
  const uint64_t hash = HashText(view_.store().id_space(), hashed);
  const uint32_t bucket =
      BucketOfHash(hash, view_.state().bucket_bits[static_cast<size_t>(space_)]);
  UNDULA_ASSIGN_OR_RETURN(const auto pairs, view_.Row(IdsOf(space_), bucket));
  if (!pairs.has_value()) return absl::OkStatus();
  std::string text;
  absl::Status status;
  const bool ok = FindInHashBucket(*pairs, FingerprintOf(hash), [&](uint32_t id) {
    status = id < size() ? Load(id, &text) : Damaged();
    return status.ok() && match(id, std::string_view(text));
  });
  UNDULA_RETURN_IF_ERROR(status);
  return ok ? absl::OkStatus() : Damaged();
}

absl::StatusOr<uint32_t> DictionaryReader::Find(std::string_view text) const {
  uint32_t result = kNoIndex;
  UNDULA_RETURN_IF_ERROR(
      Candidates(HashedPart(space_, text), [&](uint32_t id, std::string_view candidate) {
        if (candidate != text) return true;
        result = id;
        return false;
      }));
  return result;
}

absl::StatusOr<std::vector<uint32_t>> DictionaryReader::FindByHashedPart(
    std::string_view part) const {
  std::vector<uint32_t> ids;
  UNDULA_RETURN_IF_ERROR(Candidates(part, [&](uint32_t id, std::string_view candidate) {
    if (HashedPart(space_, candidate) == part) ids.push_back(id);
    return true;
  }));
  std::sort(ids.begin(), ids.end());
  return ids;
}

absl::StatusOr<std::string> DictionaryReader::Text(uint32_t id) const {
  if (id >= size()) {
    return InvalidArgumentError(SpaceName(space_), " id ", id, " is unknown; the database has ",
                                size());
  }
  std::string text;
  UNDULA_RETURN_IF_ERROR(Load(id, &text));
  return text;
}

absl::Status DictionaryReader::ForEach(
    const std::function<absl::Status(uint32_t, std::string_view)>& fn) const {
  UNDULA_ASSIGN_OR_RETURN(const auto blocks, view_.Walk(TermsOf(space_)));
  UNDULA_ASSIGN_OR_RETURN(bool more, blocks->First());
  std::string text;
  uint32_t id = 0;
  while (more && id < size()) {
    absl::Status status;
    const bool ok = DecodeTermBlock(blocks->value(), &text,
                                    [&](uint32_t, std::string_view term, bool in_side_table) {
                                      if (in_side_table) {
                                        const auto whole = view_.Row(TextsOf(space_), id);
                                        status = !whole.ok()          ? whole.status()
                                                 : whole->has_value() ? fn(id, **whole)
                                                                      : Damaged();
                                      } else {
                                        status = fn(id, term);
                                      }
                                      return status.ok() && ++id < size();
                                    });
    UNDULA_RETURN_IF_ERROR(status);
    if (!ok) return Damaged();
    UNDULA_ASSIGN_OR_RETURN(more, blocks->Next());
  }
  return id == size() ? absl::OkStatus() : Damaged();
}

namespace {

// Pairs of new or rehashed texts, by bucket and then id.
class BucketSorter {
 public:
  BucketSorter(int bits, size_t expected) : bits_(bits), start_((size_t{1} << bits) + 1) {
    buckets_.reserve(expected);
    pairs_.reserve(expected);
  }
  void Add(uint32_t id, uint64_t hash) {
    buckets_.push_back(BucketOfHash(hash, bits_));
    pairs_.push_back({id, FingerprintOf(hash)});
    ++start_[buckets_.back() + 1];
  }
  void Sort() {
    for (size_t i = 1; i < start_.size(); ++i) start_[i] += start_[i - 1];
    std::vector<uint32_t> next(start_.begin(), start_.end() - 1);
    std::vector<HashPair> sorted(pairs_.size());
    for (size_t i = 0; i < pairs_.size(); ++i) sorted[next[buckets_[i]]++] = pairs_[i];
    pairs_.swap(sorted);
  }
  size_t size() const { return start_.size() - 1; }
  std::span<const HashPair> bucket(size_t i) const {
    return std::span<const HashPair>(pairs_).subspan(start_[i], start_[i + 1] - start_[i]);
  }

 private:
  int bits_;
  std::vector<uint32_t> start_;
  std::vector<uint32_t> buckets_;
  std::vector<HashPair> pairs_;
};

}  // namespace

absl::Status WriteDictionary(const ViewState& old, Space space, const FreshTexts& fresh,
                             const std::array<MDB_dbi, kTables>& tables, BatchWriter* out,
                             State* next) {
  const auto handle = [&](Table table) { return tables[static_cast<size_t>(table)]; };
  const DictionaryReader reader(old, space);
  const uint64_t seed = old.store().id_space();
  const uint64_t total = uint64_t{reader.size()} + fresh.texts.size();
  const uint8_t bits = BucketBitsFor(total);
  const uint8_t old_bits = old.state().bucket_bits[static_cast<size_t>(space)];
  // Everything is put into buckets where these are split anew, else the fresh texts, merged below
  // with the stored buckets.
  const bool rehash = bits != old_bits || reader.size() == 0;
  BucketSorter sorter(bits, rehash ? total : fresh.texts.size());
  TermsWriter terms(out, handle(TermsOf(space)), handle(TextsOf(space)));
  UNDULA_RETURN_IF_ERROR(reader.ForEach([&](uint32_t id, std::string_view text) {
    // A user's empty name is what is left of a forgotten one: nobody shall find it.
    if (rehash && !(space == Space::kUser && text.empty())) {
      sorter.Add(id, HashText(seed, HashedPart(space, text)));
    }
    return terms.Add(text);
  }));
  for (size_t i = 0; i < fresh.texts.size(); ++i) {
    sorter.Add(reader.size() + static_cast<uint32_t>(i), fresh.hashes[i]);
    UNDULA_RETURN_IF_ERROR(terms.Add(fresh.texts[i]));
  }
  UNDULA_RETURN_IF_ERROR(terms.Finish());
  sorter.Sort();

  std::unique_ptr<Cursor> stored;
  bool more = false;
  if (!rehash) {
    UNDULA_ASSIGN_OR_RETURN(stored, old.Walk(IdsOf(space)));
    UNDULA_ASSIGN_OR_RETURN(more, stored->First());
  }
  std::vector<HashPair> merged;
  std::string value;
  for (size_t i = 0; i < sorter.size(); ++i) {
    const auto bucket = static_cast<uint32_t>(i);
    std::span<const HashPair> pairs = sorter.bucket(i);
    if (more && LoadFixed<uint32_t>(stored->key().data()) == bucket) {
      merged.clear();
      if (!DecodeHashBucket(stored->value(), &merged)) {
        return DataLossError(old.store().path(), ": the dictionary of ", SpaceName(space),
                             " names is damaged; restore the file from a backup");
      }
      merged.insert(merged.end(), pairs.begin(), pairs.end());
      pairs = merged;
      UNDULA_ASSIGN_OR_RETURN(more, stored->Next());
    }
    if (pairs.empty()) continue;
    EncodeHashBucket(pairs, &value);
    UNDULA_RETURN_IF_ERROR(out->Append(handle(IdsOf(space)), AsBytes(bucket), value));
  }
  next->CountOf(space) = static_cast<uint32_t>(total);
  next->bucket_bits[static_cast<size_t>(space)] = bits;
  return absl::OkStatus();
}

}  // namespace undula::kgstore::internal
