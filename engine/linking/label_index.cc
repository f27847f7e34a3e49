#include "linking/label_index.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/status.h"
#include "linking/word_hash.h"

namespace undula::linking {
namespace {

constexpr size_t kLeastIndexed = 5;  // shortest key that a search with one edit may find
constexpr size_t kTwoEdits = 12;     // shortest searched key that may be two edits apart
constexpr size_t kMaxSegments = 3;

uint64_t Hash(std::string_view text) {
  const uint64_t h = HashWord(text) * 0xC4CEB9FE1A85EC53u;
  return h ^ (h >> 32);
}

// Into how many segments a key of this length is cut: one more than the edits of any search that
// may find it.
size_t SegmentsOf(size_t key_size) { return key_size + 2 >= kTwoEdits ? 3 : 2; }

struct Segment {
  size_t begin, size;
};

// Even parts, the longer ones last.
Segment SegmentOf(size_t key_size, size_t segments, size_t number) {
  const size_t least = key_size / segments, longer = key_size % segments;
  const size_t shorter = segments - longer;
  if (number < shorter) return {number * least, least};
  return {shorter * least + (number - shorter) * (least + 1), least + 1};
}

uint64_t HashSegment(size_t key_size, size_t number, std::string_view text) {
  const uint64_t h = (Hash(text) ^ (key_size * kMaxSegments + number)) * 0xC4CEB9FE1A85EC53u;
  return h ^ (h >> 29);
}

// A bit for each letter of a to z: whether it occurs an odd number of times; digits and bytes of
// other scripts share the other bits.
uint32_t OddLetters(std::string_view key) {
  uint32_t letters = 0;
  for (const char c : key) {
    letters ^=
        uint32_t{1} << (c >= 'a' && c <= 'z' ? c - 'a' : 26 + static_cast<unsigned char>(c) % 6);
  }
  return letters;
}

// Whether keys with these letters can be `most` (1 or 2) edits apart: an edit changes two bits at
// most. Clearing the lowest bit is faster than counting bits without an instruction for it.
bool NearLetters(uint32_t a, uint32_t b, int most) {
  uint32_t differ = a ^ b;
  differ &= differ - 1;
  differ &= differ - 1;
  if (most > 1) {
    differ &= differ - 1;
    differ &= differ - 1;
  }
  return differ == 0;
}

}  // namespace

int MaxEdits(size_t key_size) {
  return key_size < kLeastIndexed + 1 ? 0 : key_size < kTwoEdits ? 1 : 2;
}

int BoundedEditDistance(std::string_view a, std::string_view b, int most) {
  const int n = static_cast<int>(a.size()), m = static_cast<int>(b.size());
  const int last = m - n;  // the diagonal of the end
  if (last > most || -last > most) return most + 1;
  // far[k]: the furthest place of `a` on diagonal k - 3 that the edits so far reach.
  constexpr int kNowhere = -2;
  std::array<int, 7> far, next;
  far.fill(kNowhere);
  const auto slide = [&](int i, int diagonal) {
    while (i < n && i + diagonal < m &&
           a[static_cast<size_t>(i)] == b[static_cast<size_t>(i + diagonal)])
      ++i;
    return i;
  };
  far[3] = slide(0, 0);
  for (int edits = 0;; ++edits) {
    if (far[static_cast<size_t>(last + 3)] >= n) return edits;
    if (edits == most) return most + 1;
    next.fill(kNowhere);
    for (int diagonal = -edits - 1; diagonal <= edits + 1; ++diagonal) {
      const auto k = static_cast<size_t>(diagonal + 3);
      int i = far[k] + 1;                                       // substitution
      if (k > 0) i = std::max(i, far[k - 1]);                   // insertion
      if (k + 1 < far.size()) i = std::max(i, far[k + 1] + 1);  // deletion
      if (i < 0 || i + diagonal < 0) continue;
      i = std::min({i, n, m - diagonal});
      next[k] = slide(i, diagonal);
    }
    far = next;
  }
}

uint16_t LabelIndex::QualifierId(const std::string& qualifier) {
  if (qualifier.empty()) return 0;
  const auto found = qualifier_ids_.find(qualifier);
  if (found != qualifier_ids_.end()) {
    ++qualifier_counts_[found->second];
    return found->second;
  }
  if (qualifiers_.size() > 0xFFFF) return 0;
  const auto id = static_cast<uint16_t>(qualifiers_.size());
  qualifiers_.push_back(qualifier);
  qualifier_counts_.push_back(1);
  qualifier_ids_.emplace(qualifier, id);
  return id;
}

absl::Status LabelIndex::Add(EntityId entity, std::string_view label, LabelSource source) {
  const absl::StatusOr<ParsedTitle> parsed = ParseTitle(label, TitleRole::kLabel, languages_);
  if (!parsed.ok() || parsed->forms.empty()) {
    ++rejected_;
    return absl::OkStatus();
  }
  const uint16_t qualifier = QualifierId(parsed->qualifier);
  for (const TitleForm& form : parsed->forms) {
    if (form.key.size() > kMaxKey) continue;
    if (pending_.size() >= kMaxIds || pending_text_.size() + form.key.size() >= kMaxIds) {
      return ResourceExhaustedError("the labels have more than 2^32 - 2 forms or 4 GiB of text");
    }
    pending_.push_back(
        {pending_text_.size(),
         static_cast<uint32_t>(form.key.size()),
         {entity, form.words, static_cast<uint16_t>(parsed->year), qualifier, form.kind, source}});
    pending_text_ += form.key;
  }
  return absl::OkStatus();
}

void LabelIndex::Build() {
  const auto text = [this](const Pending& p) {
    return std::string_view(pending_text_).substr(p.at, p.size);
  };
  std::sort(pending_.begin(), pending_.end(), [&](const Pending& a, const Pending& b) {
    if (a.size != b.size) return a.size < b.size;
    const int order = text(a).compare(text(b));
    if (order != 0) return order < 0;
    if (a.label.entity != b.label.entity) return a.label.entity < b.label.entity;
    if (a.label.kind != b.label.kind) return a.label.kind < b.label.kind;
    if (a.label.source != b.label.source) return a.label.source < b.label.source;
    return a.at < b.at;
  });
  labels_.reserve(pending_.size());
  key_start_.clear();
  label_start_.clear();
  std::string_view last;
  for (const Pending& p : pending_) {
    if (key_start_.empty() || text(p) != last) {
      last = text(p);
      key_start_.push_back(static_cast<uint32_t>(text_.size()));
      label_start_.push_back(static_cast<uint32_t>(labels_.size()));
      text_ += last;
    }
    labels_.push_back(p.label);
  }
  key_start_.push_back(static_cast<uint32_t>(text_.size()));
  label_start_.push_back(static_cast<uint32_t>(labels_.size()));
  std::vector<Pending>().swap(pending_);
  std::string().swap(pending_text_);
  text_.shrink_to_fit();
  key_start_.shrink_to_fit();
  label_start_.shrink_to_fit();
  BuildTable();
  BuildSegments();
}

void LabelIndex::BuildTable() {
  size_t size = 16;
  while (size * 2 < static_cast<size_t>(keys()) * 3) size *= 2;
  table_.assign(size, {0, 0});
  for (uint32_t k = 0; k < static_cast<uint32_t>(keys()); ++k) {
    const uint64_t hash = Hash(Key(k));
    size_t at = hash & (size - 1);
    while (table_[at].key != 0) at = (at + 1) & (size - 1);
    table_[at] = {static_cast<uint32_t>(hash >> 32), k + 1};
  }
}

std::span<const IndexedLabel> LabelIndex::Find(std::string_view key) const {
  if (table_.empty()) return {};
  const uint64_t hash = Hash(key);
  const size_t mask = table_.size() - 1;
  for (size_t at = hash & mask; table_[at].key != 0; at = (at + 1) & mask) {
    if (table_[at].fingerprint == static_cast<uint32_t>(hash >> 32) &&
        Key(table_[at].key - 1) == key) {
      return LabelsOf(table_[at].key - 1);
    }
  }
  return {};
}

void LabelIndex::BuildSegments() {
  const auto n = static_cast<uint32_t>(keys());
  size_t buckets = 16;
  while (buckets < n) buckets *= 2;
  segment_start_.assign(buckets + 1, 0);
  const auto for_each = [&](auto&& f) {
    for (uint32_t k = FirstOfLength(kLeastIndexed); k < n; ++k) {
      const std::string_view key = Key(k);
      const size_t segments = SegmentsOf(key.size());
      for (size_t i = 0; i < segments; ++i) {
        const Segment s = SegmentOf(key.size(), segments, i);
        f(HashSegment(key.size(), i, key.substr(s.begin, s.size)) & (buckets - 1), k);
      }
    }
  };
  for_each([&](size_t bucket, uint32_t) { ++segment_start_[bucket + 1]; });
  for (size_t b = 0; b < buckets; ++b) segment_start_[b + 1] += segment_start_[b];
  segment_keys_.resize(segment_start_.back());
  std::vector<uint32_t> next(segment_start_.begin(), segment_start_.end() - 1);
  for_each([&](size_t bucket, uint32_t k) {
    segment_keys_[next[bucket]++] = {k, OddLetters(Key(k))};
  });
}

uint32_t LabelIndex::FirstOfLength(size_t size) const {
  uint32_t low = 0, high = static_cast<uint32_t>(keys());
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (Key(middle).size() < size) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

void LabelIndex::FindNear(std::string_view key,
                          const std::function<void(std::span<const IndexedLabel>, int)>& f) const {
  const int most = MaxEdits(key.size());
  if (most == 0 || key.size() > kMaxKey || keys() == 0) return;
  const size_t mask = segment_start_.size() - 2;
  const auto length = static_cast<int>(key.size());
  const uint32_t letters = OddLetters(key);
  std::vector<uint32_t> found;
  for (int size = length - most; size <= length + most; ++size) {
    const auto key_size = static_cast<size_t>(size);
    const size_t segments = SegmentsOf(key_size);
    const int longer = length - size;
    for (size_t i = 0; i < segments; ++i) {
      const Segment s = SegmentOf(key_size, segments, i);
      // At most i edits stand before the segment and segments - 1 - i behind it.
      const int before = static_cast<int>(i), behind = static_cast<int>(segments - 1 - i);
      const int at = static_cast<int>(s.begin);
      const int first = std::max({0, at - before, at + longer - behind});
      const int last =
          std::min({length - static_cast<int>(s.size), at + before, at + longer + behind});
      for (int place = first; place <= last; ++place) {
        const size_t bucket =
            HashSegment(key_size, i, key.substr(static_cast<size_t>(place), s.size)) & mask;
        for (uint32_t p = segment_start_[bucket]; p < segment_start_[bucket + 1]; ++p) {
          if (!NearLetters(letters, segment_keys_[p].letters, most)) continue;
          found.push_back(segment_keys_[p].key);
        }
      }
    }
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  for (const uint32_t k : found) {
    const int distance = BoundedEditDistance(key, Key(k), most);
    if (distance >= 1 && distance <= most) f(LabelsOf(k), distance);
  }
}

int64_t LabelIndex::bytes() const {
  return static_cast<int64_t>(
      text_.capacity() + labels_.capacity() * sizeof(IndexedLabel) +
      (key_start_.capacity() + label_start_.capacity() + segment_start_.capacity()) *
          sizeof(uint32_t) +
      segment_keys_.capacity() * sizeof(Posting) + table_.capacity() * sizeof(Slot));
}

}  // namespace undula::linking
