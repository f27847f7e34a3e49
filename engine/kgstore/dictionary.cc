#include "kgstore/dictionary.h"

#include <algorithm>
#include <span>
#include <utility>

#include "base/ids.h"
#include "base/status.h"
#include "kgstore/external_sort.h"
#include "kgstore/hash.h"
#include "kgstore/hash_bucket.h"
#include "kgstore/literal_key.h"
#include "kgstore/varint.h"

namespace undula::kgstore::internal {
namespace {

// Appends texts as blocks.
class TermsWriter {
 public:
  TermsWriter(BatchWriter* out, MDB_dbi terms, MDB_dbi texts, const TermCodec& codec)
      : out_(out), terms_(terms), texts_(texts), codec_(codec) {}

  absl::Status Add(std::string_view text) {
    if (!encoder_.Add(text)) UNDULA_RETURN_IF_ERROR(out_->Append(texts_, AsBytes(id_), text));
    return ++id_ % codec_.block_terms() == 0 ? Flush() : absl::OkStatus();
  }

  // The first texts are those of these whole blocks, with these texts aside.
  absl::Status CopyBlocks(const ViewState& old, Space space, uint32_t terms) {
    UNDULA_ASSIGN_OR_RETURN(const auto blocks, old.Walk(TermsOf(space)));
    UNDULA_ASSIGN_OR_RETURN(bool more, blocks->First());
    for (; more && id_ < terms; id_ += codec_.block_terms()) {
      UNDULA_RETURN_IF_ERROR(out_->Append(terms_, blocks->key(), blocks->value()));
      UNDULA_ASSIGN_OR_RETURN(more, blocks->Next());
    }
    UNDULA_ASSIGN_OR_RETURN(const auto texts, old.Walk(TextsOf(space)));
    UNDULA_ASSIGN_OR_RETURN(more, texts->First());
    while (more && LoadFixed<uint32_t>(texts->key().data()) < terms) {
      UNDULA_RETURN_IF_ERROR(out_->Append(texts_, texts->key(), texts->value()));
      UNDULA_ASSIGN_OR_RETURN(more, texts->Next());
    }
    return absl::OkStatus();
  }

  absl::Status Finish() {
    if (encoder_.count() > 0) UNDULA_RETURN_IF_ERROR(Flush());
    return codec_.compressed() ? out_->Append(texts_, AsBytes(kTrainedKey), codec_.trained())
                               : absl::OkStatus();
  }

 private:
  absl::Status Flush() {
    const uint32_t number = (id_ - 1) / codec_.block_terms();
    UNDULA_RETURN_IF_ERROR(codec_.Pack(encoder_.block(), &stored_));
    encoder_.Clear();
    return out_->Append(terms_, AsBytes(number), stored_);
  }

  BatchWriter* out_;
  MDB_dbi terms_, texts_;
  const TermCodec& codec_;
  uint32_t id_ = 0;
  TermBlockEncoder encoder_;
  std::string stored_;
};

// Every n-th block of the texts to be stored: what a zstd dictionary is trained on.
class Sampler {
 public:
  explicit Sampler(uint64_t total) : stride_(total / kTexts + 1) {}

  void Add(std::string_view text) {
    if (id_++ / TermCodec::kCompressedTerms % stride_ != 0) return;
    encoder_.Add(text);
    if (encoder_.count() == TermCodec::kCompressedTerms) EndBlock();
  }
  absl::StatusOr<std::shared_ptr<const TermCodec>> Train() {
    if (encoder_.count() > 0) EndBlock();
    return TrainTermCodec(blocks_, sizes_.data(), sizes_.size());
  }

 private:
  static constexpr uint64_t kTexts = uint64_t{1} << 17;

  void EndBlock() {
    blocks_ += encoder_.block();
    sizes_.push_back(encoder_.block().size());
    encoder_.Clear();
  }

  uint64_t stride_, id_ = 0;
  TermBlockEncoder encoder_;
  std::string blocks_;
  std::vector<size_t> sizes_;
};

// The codec of the texts of `old` and then `fresh`.
absl::StatusOr<std::shared_ptr<const TermCodec>> ChooseCodec(const ViewState& old, Space space,
                                                             const FreshTexts& fresh,
                                                             const State& next) {
  if (!next.compact_dictionary) return TermCodec::Plain();
  const DictionaryReader reader(old, space);
  const uint64_t total = uint64_t{reader.size()} + fresh.texts.size();
  const bool keep = !fresh.texts.empty() && total / 4 < reader.size();
  if (keep && old.state().compressed[static_cast<size_t>(space)]) {
    UNDULA_ASSIGN_OR_RETURN(const auto codec, old.Codec(space));
    return codec->shared_from_this();
  }
  Sampler sampler(total);
  UNDULA_RETURN_IF_ERROR(reader.ForEach([&](uint32_t, std::string_view text) {
    sampler.Add(text);
    return absl::OkStatus();
  }));
  for (const std::string_view text : fresh.texts) sampler.Add(text);
  return sampler.Train();
}

}  // namespace

std::string_view HashedPart(Space space, std::string_view text) {
  return space == Space::kLiteral ? LexicalForm(text) : text;
}

absl::Status DictionaryReader::Damaged() const {
  return DataLossError(view_.store().path(), ": the dictionary of ", SpaceName(space_),
                       " names is damaged; restore the file from a backup");
}

absl::Status DictionaryReader::Load(uint32_t id, std::string* text) const {
  UNDULA_ASSIGN_OR_RETURN(const auto codec, view_.Codec(space_));
  const uint32_t terms = codec->block_terms(), number = id / terms;
  UNDULA_ASSIGN_OR_RETURN(const auto stored, view_.Row(TermsOf(space_), number));
  std::string_view block;
  if (!stored.has_value() || !codec->ExpandOnce(*stored, &block)) return Damaged();
  bool found = false, aside = false;
  const bool ok =
      DecodeTermBlock(block, terms, text, [&](uint32_t i, std::string_view, bool in_side_table) {
        if (i != id % terms) return true;
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
  UNDULA_ASSIGN_OR_RETURN(const auto codec, view_.Codec(space_));
  UNDULA_ASSIGN_OR_RETURN(const auto blocks, view_.Walk(TermsOf(space_)));
  UNDULA_ASSIGN_OR_RETURN(bool more, blocks->First());
  std::string text, buffer;
  std::string_view block;
  uint32_t id = 0;
  while (more && id < size()) {
    if (!codec->Expand(blocks->value(), &buffer, &block)) return Damaged();
    absl::Status status;
    const bool ok = DecodeTermBlock(block, codec->block_terms(), &text,
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

// The hash buckets of the next generation.
struct Plan {
  Plan(const DictionaryReader& old, uint32_t fresh, uint8_t old_bits)
      : total(uint64_t{old.size()} + fresh),
        bits(BucketBitsFor(total)),
        rehash(bits != old_bits || old.size() == 0) {}
  uint64_t total;
  uint8_t bits;
  // Everything is put into buckets where these are split anew, else the fresh texts, merged with
  // the stored buckets.
  bool rehash;
};

// Pairs of new or rehashed texts, by bucket and then id.
class BucketSorter {
 public:
  BucketSorter(int bits, size_t expected) : bits_(bits), start_((size_t{1} << bits) + 1) {
    buckets_.reserve(expected);
    pairs_.reserve(expected);
  }
  absl::Status Add(uint32_t id, uint64_t hash) {
    buckets_.push_back(BucketOfHash(hash, bits_));
    pairs_.push_back({id, FingerprintOf(hash)});
    ++start_[buckets_.back() + 1];
    return absl::OkStatus();
  }
  absl::Status Sort() {
    for (size_t i = 1; i < start_.size(); ++i) start_[i] += start_[i - 1];
    std::vector<uint32_t> next(start_.begin(), start_.end() - 1);
    std::vector<HashPair> sorted(pairs_.size());
    for (size_t i = 0; i < pairs_.size(); ++i) sorted[next[buckets_[i]]++] = pairs_[i];
    pairs_.swap(sorted);
    return absl::OkStatus();
  }
  absl::Status status() const { return absl::OkStatus(); }
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

// The same with bounded memory; buckets are read in ascending order, each once.
class SpilledBucketSorter {
 public:
  SpilledBucketSorter(int bits, const FreshStream& fresh)
      : bits_(bits), sorter_(fresh.folder, fresh.bytes) {}
  absl::Status Add(uint32_t id, uint64_t hash) {
    return sorter_.Add({BucketOfHash(hash, bits_), id, FingerprintOf(hash)});
  }
  absl::Status Sort() { return sorter_.Finish(); }
  absl::Status status() const { return sorter_.status(); }
  size_t size() const { return size_t{1} << bits_; }
  std::span<const HashPair> bucket(size_t i) {
    pairs_.clear();
    for (const Triple* t; (t = sorter_.peek()) != nullptr && t->a == i; sorter_.Advance()) {
      pairs_.push_back({t->b, static_cast<uint16_t>(t->c)});
    }
    return pairs_;
  }

 private:
  int bits_;
  ExternalSorter<Triple> sorter_;
  std::vector<HashPair> pairs_;
};

class FreshTextsSource final : public RecordSource<FreshText> {
 public:
  explicit FreshTextsSource(const FreshTexts& fresh) : fresh_(fresh) { Load(); }
  const FreshText* peek() const override { return at_ < fresh_.texts.size() ? &text_ : nullptr; }
  void Advance() override {
    ++at_;
    Load();
  }
  absl::Status status() const override { return absl::OkStatus(); }

 private:
  void Load() {
    if (at_ < fresh_.texts.size()) text_ = {fresh_.texts[at_], fresh_.hashes[at_]};
  }
  const FreshTexts& fresh_;
  size_t at_ = 0;
  FreshText text_{};
};

template <class Sorter, class Source>
absl::Status Write(const ViewState& old, Space space, uint32_t count, Source* fresh, Sorter sorter,
                   const TermCodec& codec, const std::array<MDB_dbi, kTables>& tables,
                   BatchWriter* out, State* next) {
  const auto handle = [&](Table table) { return tables[static_cast<size_t>(table)]; };
  const DictionaryReader reader(old, space);
  const uint64_t seed = old.store().id_space();
  const Plan plan(reader, count, old.state().bucket_bits[static_cast<size_t>(space)]);
  // A user's empty name is what is left of a forgotten one: nobody shall find it.
  const auto is_tombstone = [space](std::string_view text) {
    return space == Space::kUser && text.empty();
  };
  UNDULA_ASSIGN_OR_RETURN(const auto old_codec, old.Codec(space));
  TermsWriter terms(out, handle(TermsOf(space)), handle(TextsOf(space)), codec);
  const uint32_t copied =
      &codec == old_codec ? reader.size() - reader.size() % codec.block_terms() : 0;
  UNDULA_RETURN_IF_ERROR(terms.CopyBlocks(old, space, copied));
  UNDULA_RETURN_IF_ERROR(reader.ForEach([&](uint32_t id, std::string_view text) {
    if (plan.rehash && !is_tombstone(text)) {
      UNDULA_RETURN_IF_ERROR(sorter.Add(id, HashText(seed, HashedPart(space, text))));
    }
    return id < copied ? absl::OkStatus() : terms.Add(text);
  }));
  for (uint32_t i = 0; i < count && fresh->peek() != nullptr; ++i, fresh->Advance()) {
    if (!is_tombstone(fresh->peek()->text)) {
      UNDULA_RETURN_IF_ERROR(sorter.Add(reader.size() + i, fresh->peek()->hash));
    }
    UNDULA_RETURN_IF_ERROR(terms.Add(fresh->peek()->text));
  }
  UNDULA_RETURN_IF_ERROR(fresh->status());
  UNDULA_RETURN_IF_ERROR(terms.Finish());
  UNDULA_RETURN_IF_ERROR(sorter.Sort());

  std::unique_ptr<Cursor> stored;
  bool more = false;
  if (!plan.rehash) {
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
  next->CountOf(space) = static_cast<uint32_t>(plan.total);
  next->bucket_bits[static_cast<size_t>(space)] = plan.bits;
  next->compressed[static_cast<size_t>(space)] = codec.compressed();
  return sorter.status();
}

}  // namespace

absl::Status WriteDictionary(const ViewState& old, Space space, const FreshTexts& fresh,
                             const std::array<MDB_dbi, kTables>& tables, BatchWriter* out,
                             State* next) {
  const auto count = static_cast<uint32_t>(fresh.texts.size());
  const Plan plan(DictionaryReader(old, space), count,
                  old.state().bucket_bits[static_cast<size_t>(space)]);
  UNDULA_ASSIGN_OR_RETURN(const auto codec, ChooseCodec(old, space, fresh, *next));
  FreshTextsSource source(fresh);
  return Write(old, space, count, &source,
               BucketSorter(plan.bits, plan.rehash ? plan.total : count), *codec, tables, out,
               next);
}

absl::Status WriteDictionary(const ViewState& old, Space space, const FreshStream& fresh,
                             const std::array<MDB_dbi, kTables>& tables, BatchWriter* out,
                             State* next) {
  const Plan plan(DictionaryReader(old, space), fresh.count,
                  old.state().bucket_bits[static_cast<size_t>(space)]);
  // A stream cannot be sampled before it is written: the codec stays what it is, plain at first.
  std::shared_ptr<const TermCodec> codec = TermCodec::Plain();
  if (next->compact_dictionary && old.state().compressed[static_cast<size_t>(space)]) {
    UNDULA_ASSIGN_OR_RETURN(const auto stored, old.Codec(space));
    codec = stored->shared_from_this();
  }
  return Write(old, space, fresh.count, fresh.texts, SpilledBucketSorter(plan.bits, fresh), *codec,
               tables, out, next);
}

}  // namespace undula::kgstore::internal
