#include "kgstore/edit_adjacency.h"

#include <algorithm>

#include "base/status.h"

namespace undula::kgstore::internal {
namespace {

bool IsOf(std::string_view key, uint32_t a) {
  return key.size() == 12 && LoadBigEndian(key.data()) == a;
}

}  // namespace

absl::Status OpenTables::Damaged(Table table) const {
  return DataLossError(store.path(), ": table ", SpecOf(table).name,
                       " is damaged; restore the file from a backup");
}

absl::Status AdjacencyEditor::OpenCursors() {
  UNDULA_ASSIGN_OR_RETURN(buckets_, EditCursor::Open(open_.txn, open_[table_]));
  UNDULA_ASSIGN_OR_RETURN(hubs_, EditCursor::Open(open_.txn, open_[HubsOf(table_)]));
  return absl::OkStatus();
}

bool AdjacencyEditor::Decode(std::string_view list, size_t readable) {
  pairs_.resize(list.size());  // each takes a byte at least
  IdPair* next = pairs_.data();
  if (!DecodeList(list, readable, [&](uint32_t b, uint32_t c) { *next++ = {b, c}; })) return false;
  pairs_.resize(static_cast<size_t>(next - pairs_.data()));
  return true;
}

void AdjacencyEditor::Merge(Edits begin, Edits end) {
  merged_.clear();
  auto pair = pairs_.begin();
  for (Edits edit = begin; edit != end; ++edit) {
    const IdPair wanted{edit->triple.b, edit->triple.c};
    const auto at = std::lower_bound(pair, pairs_.end(), wanted);
    merged_.insert(merged_.end(), pair, at);
    pair = at;
    const bool stored = pair != pairs_.end() && *pair == wanted;
    edit->done = edit->add != stored;
    if (stored) ++pair;
    if (edit->add) merged_.push_back(wanted);
  }
  merged_.insert(merged_.end(), pair, pairs_.end());
}

bool AdjacencyEditor::EncodeInline(Slot* slot) {
  size_t bytes = 0;
  if (EncodeList(merged_, kMaxInlineList, encoded_, &bytes) < merged_.size()) return false;
  slot->edited.assign(reinterpret_cast<const char*>(encoded_), bytes);
  slot->list = slot->edited;
  return true;
}

absl::Status AdjacencyEditor::Apply(std::vector<TripleEdit>* edits) {
  UNDULA_RETURN_IF_ERROR(OpenCursors());
  for (Edits begin = edits->begin(); begin != edits->end();) {
    const uint32_t bucket = begin->triple.a / kBucketIds;
    Edits end = begin;
    while (end != edits->end() && end->triple.a / kBucketIds == bucket) ++end;
    UNDULA_RETURN_IF_ERROR(ApplyToBucket(bucket, begin, end));
    begin = end;
  }
  buckets_.reset();
  hubs_.reset();
  return absl::OkStatus();
}

absl::Status AdjacencyEditor::ApplyToBucket(uint32_t bucket, Edits begin, Edits end) {
  std::array<Slot, kBucketIds> slots;
  UNDULA_ASSIGN_OR_RETURN(const bool found, buckets_->Find(AsBytes(bucket)));
  if (found) {
    UNDULA_ASSIGN_OR_RETURN(const std::string_view value, buckets_->Read());
    stored_.assign(value);
    const bool ok = SplitBucket(stored_, [&](uint32_t i, std::string_view bytes, bool hub) {
      slots[i].hub = hub;
      if (!hub) {
        slots[i].list = bytes;
        return true;
      }
      FieldReader in(bytes);
      slots[i].degree = in.Varint();
      return in.ok();
    });
    if (!ok) return open_.Damaged(table_);
  }
  bool changed = false;
  while (begin != end) {
    Edits next = begin;
    while (next != end && next->triple.a == begin->triple.a) ++next;
    UNDULA_RETURN_IF_ERROR(ApplyToList(begin, next, &slots[begin->triple.a % kBucketIds]));
    for (; begin != next; ++begin) changed = changed || begin->done;
  }
  return changed ? PutBucket(bucket, found, &slots) : absl::OkStatus();
}

absl::Status AdjacencyEditor::ApplyToList(Edits begin, Edits end, Slot* slot) {
  if (slot->hub) return ApplyToHub(begin, end, slot);
  if (!Decode(slot->list, 0)) return open_.Damaged(table_);
  Merge(begin, end);
  if (EncodeInline(slot)) return absl::OkStatus();
  slot->hub = true;
  slot->degree = merged_.size();
  return PutBlocks(begin->triple.a, merged_);
}

absl::Status AdjacencyEditor::ApplyToHub(Edits begin, Edits end, Slot* slot) {
  const uint32_t a = begin->triple.a;
  const uint64_t degree = slot->degree;
  while (begin != end) {
    // The block that has or would have the pair: the last one that does not begin after it.
    const HubKey wanted(a, begin->triple.b, begin->triple.c);
    UNDULA_ASSIGN_OR_RETURN(bool found, hubs_->FindLast(wanted.view()));
    if (!found || !IsOf(hubs_->key(), a)) {
      UNDULA_ASSIGN_OR_RETURN(found, hubs_->FindFirst(HubKey(a, 0, 0).view()));
    }
    if (!found || !IsOf(hubs_->key(), a)) return open_.Damaged(HubsOf(table_));
    const std::string key(hubs_->key());
    UNDULA_ASSIGN_OR_RETURN(const std::string_view list, hubs_->Read());
    if (!Decode(list, kChecksumBytes)) return open_.Damaged(HubsOf(table_));
    Edits next = end;
    UNDULA_ASSIGN_OR_RETURN(found, hubs_->Next());
    if (found && IsOf(hubs_->key(), a)) {
      const std::string following(hubs_->key());
      next = begin;
      while (next != end &&
             HubKey(a, next->triple.b, next->triple.c).view() < std::string_view(following)) {
        ++next;
      }
    }
    Merge(begin, next);
    bool changed = false;
    for (; begin != next; ++begin) {
      if (!begin->done) continue;
      changed = true;
      slot->degree += begin->add ? 1 : ~uint64_t{0};
    }
    if (!changed) continue;
    if (merged_.empty() ||
        HubKey(a, merged_.front().b, merged_.front().c).view() != std::string_view(key)) {
      UNDULA_RETURN_IF_ERROR(hubs_->Delete(key));
    }
    UNDULA_RETURN_IF_ERROR(PutBlocks(a, merged_));
  }
  // Not where nothing was removed: the bucket may be left as it is. Each pair needs a byte at
  // least.
  return slot->degree < degree && slot->degree <= kMaxInlineList ? ShrinkHub(a, slot)
                                                                 : absl::OkStatus();
}

absl::Status AdjacencyEditor::ShrinkHub(uint32_t a, Slot* slot) {
  std::vector<std::string> keys;
  merged_.clear();
  UNDULA_ASSIGN_OR_RETURN(bool more, hubs_->FindFirst(HubKey(a, 0, 0).view()));
  while (more && IsOf(hubs_->key(), a)) {
    keys.emplace_back(hubs_->key());
    UNDULA_ASSIGN_OR_RETURN(const std::string_view list, hubs_->Read());
    if (!Decode(list, kChecksumBytes)) return open_.Damaged(HubsOf(table_));
    merged_.insert(merged_.end(), pairs_.begin(), pairs_.end());
    UNDULA_ASSIGN_OR_RETURN(more, hubs_->Next());
  }
  if (!EncodeInline(slot)) return absl::OkStatus();
  for (const std::string& key : keys) {
    UNDULA_RETURN_IF_ERROR(hubs_->Delete(key));
  }
  slot->hub = false;
  return absl::OkStatus();
}

absl::Status AdjacencyEditor::PutBlocks(uint32_t a, std::span<const IdPair> pairs) {
  if (pairs.empty()) return absl::OkStatus();
  size_t bytes = 0;
  if (EncodeList(pairs, kMaxHubBlock, encoded_, &bytes) < pairs.size()) {
    // Halves, so that the next pairs find room in both.
    UNDULA_RETURN_IF_ERROR(PutBlocks(a, pairs.first(pairs.size() / 2)));
    return PutBlocks(a, pairs.subspan(pairs.size() / 2));
  }
  const HubKey key(a, pairs.front().b, pairs.front().c);
  return hubs_->Put(key.view(), std::string_view(reinterpret_cast<const char*>(encoded_), bytes));
}

absl::Status AdjacencyEditor::PutBucket(uint32_t bucket, bool stored,
                                        std::array<Slot, kBucketIds>* slots) {
  std::string value(kBucketIds, '\0');
  for (uint32_t i = 0; i < kBucketIds; ++i) {
    Slot& slot = (*slots)[i];
    if (!slot.hub && !slot.list.empty() && value.size() + slot.list.size() > kMaxBucketBytes) {
      if (!Decode(slot.list, 0)) return open_.Damaged(table_);
      UNDULA_RETURN_IF_ERROR(PutBlocks(bucket * kBucketIds + i, pairs_));
      slot.hub = true;
      slot.degree = pairs_.size();
    }
    if (slot.hub) {
      value[i] = static_cast<char>(kHubMark);
      PutVarint(&value, slot.degree);
    } else {
      value[i] = static_cast<char>(slot.list.size());
      value += slot.list;
    }
  }
  if (value.size() > kBucketIds) return buckets_->Put(AsBytes(bucket), value);
  return stored ? buckets_->Delete(AsBytes(bucket)) : absl::OkStatus();
}

absl::Status AdjacencyEditor::ForEach(uint32_t a,
                                      const std::function<void(uint32_t, uint32_t)>& f) {
  const uint32_t bucket = a / kBucketIds;
  UNDULA_ASSIGN_OR_RETURN(const auto value, open_.txn->Get(open_[table_], AsBytes(bucket)));
  if (!value.has_value()) return absl::OkStatus();
  bool is_hub = false, list_ok = true;
  const bool ok = SplitBucket(*value, [&](uint32_t i, std::string_view bytes, bool hub) {
    if (i != a % kBucketIds) return true;
    is_hub = hub;
    list_ok = hub || DecodeList(bytes, f);
    return true;
  });
  if (!ok || !list_ok) return open_.Damaged(table_);
  if (!is_hub) return absl::OkStatus();
  UNDULA_ASSIGN_OR_RETURN(const auto cursor,
                          Cursor::Open(open_.store.env(), open_.txn->raw(), open_[HubsOf(table_)]));
  UNDULA_ASSIGN_OR_RETURN(bool more, cursor->Seek(HubKey(a, 0, 0).view()));
  while (more && IsOf(cursor->key(), a)) {
    if (!DecodeList(cursor->value(), f)) return open_.Damaged(HubsOf(table_));
    UNDULA_ASSIGN_OR_RETURN(more, cursor->Next());
  }
  return absl::OkStatus();
}

}  // namespace undula::kgstore::internal
