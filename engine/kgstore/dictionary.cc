#include "kgstore/dictionary.h"

#include <algorithm>
#include <utility>

#include "base/ids.h"
#include "base/status.h"
#include "kgstore/hash.h"
#include "kgstore/literal_key.h"
#include "kgstore/varint.h"

namespace undula::kgstore::internal {
namespace {

constexpr size_t kPairBytes = 8;  // fingerprint, id

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
  UNDULA_ASSIGN_OR_RETURN(const auto block, view_.Get(TermsOf(space_), AsBytes(number)));
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
    UNDULA_ASSIGN_OR_RETURN(const auto whole, view_.Get(TextsOf(space_), AsBytes(id)));
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
  UNDULA_ASSIGN_OR_RETURN(const auto pairs, view_.Get(IdsOf(space_), AsBytes(bucket)));
  if (!pairs.has_value()) return absl::OkStatus();
  std::string text;
  for (size_t at = 0; at + kPairBytes <= pairs->size(); at += kPairBytes) {
    if (LoadFixed<uint32_t>(pairs->data() + at) != static_cast<uint32_t>(hash)) continue;
    const auto id = LoadFixed<uint32_t>(pairs->data() + at + 4);
    if (id >= size()) return Damaged();
    UNDULA_RETURN_IF_ERROR(Load(id, &text));
    if (!match(id, std::string_view(text))) break;
  }
  return absl::OkStatus();
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
                                        const auto whole = view_.Get(TextsOf(space_), AsBytes(id));
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

absl::Status WriteDictionary(const ViewState& old, Space space,
                             const std::vector<std::string_view>& fresh,
                             const std::array<MDB_dbi, kTables>& tables, BatchWriter* out,
                             State* next) {
  const auto handle = [&](Table table) { return tables[static_cast<size_t>(table)]; };
  const DictionaryReader reader(old, space);
  const uint64_t seed = old.store().id_space();
  const uint64_t total = uint64_t{reader.size()} + fresh.size();
  const uint8_t bits = BucketBitsFor(total);
  const uint8_t old_bits = old.state().bucket_bits[static_cast<size_t>(space)];
  // (hash, id) of what must be put into buckets: everything where the buckets are split anew, else
  // the fresh texts, merged below with the stored buckets.
  const bool rehash = bits != old_bits || reader.size() == 0;
  std::vector<std::pair<uint64_t, uint32_t>> hashes;
  hashes.reserve(rehash ? total : fresh.size());
  TermsWriter terms(out, handle(TermsOf(space)), handle(TextsOf(space)));
  UNDULA_RETURN_IF_ERROR(reader.ForEach([&](uint32_t id, std::string_view text) {
    // A user's empty name is what is left of a forgotten one: nobody shall find it.
    if (rehash && !(space == Space::kUser && text.empty()))
      hashes.emplace_back(HashText(seed, HashedPart(space, text)), id);
    return terms.Add(text);
  }));
  for (size_t i = 0; i < fresh.size(); ++i) {
    hashes.emplace_back(HashText(seed, HashedPart(space, fresh[i])),
                        reader.size() + static_cast<uint32_t>(i));
    UNDULA_RETURN_IF_ERROR(terms.Add(fresh[i]));
  }
  UNDULA_RETURN_IF_ERROR(terms.Finish());
  std::sort(hashes.begin(), hashes.end());

  std::unique_ptr<Cursor> stored;
  bool more = false;
  if (!rehash) {
    UNDULA_ASSIGN_OR_RETURN(stored, old.Walk(IdsOf(space)));
    UNDULA_ASSIGN_OR_RETURN(more, stored->First());
  }
  std::string pairs;
  for (size_t i = 0; i < hashes.size() || more;) {
    const uint64_t next_fresh =
        i < hashes.size() ? BucketOfHash(hashes[i].first, bits) : ~uint64_t{0};
    const uint64_t next_stored = more ? LoadFixed<uint32_t>(stored->key().data()) : ~uint64_t{0};
    const auto bucket = static_cast<uint32_t>(std::min(next_fresh, next_stored));
    pairs.clear();
    if (next_stored == bucket) {
      pairs.append(stored->value());
      UNDULA_ASSIGN_OR_RETURN(more, stored->Next());
    }
    for (; i < hashes.size() && BucketOfHash(hashes[i].first, bits) == bucket; ++i) {
      PutFixed(&pairs, static_cast<uint32_t>(hashes[i].first));
      PutFixed(&pairs, hashes[i].second);
    }
    UNDULA_RETURN_IF_ERROR(out->Append(handle(IdsOf(space)), AsBytes(bucket), pairs));
  }
  next->CountOf(space) = static_cast<uint32_t>(total);
  next->bucket_bits[static_cast<size_t>(space)] = bits;
  return absl::OkStatus();
}

}  // namespace undula::kgstore::internal
