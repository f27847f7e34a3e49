#include "linking/label_index.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/status.h"

namespace undula::linking {
namespace {

constexpr int kGramBits = 20;
constexpr size_t kGramBuckets = size_t{1} << kGramBits;
constexpr size_t kGrams = 3;         // letters of a gram
constexpr size_t kMostRare = 7;      // kGrams * 2 edits + 1
constexpr size_t kFewRare = 4;       // kGrams * 1 edit + 1
constexpr size_t kLeastIndexed = 5;  // shortest key that a search with one edit may find
constexpr size_t kTwoEdits = 12;     // shortest searched key that may be two edits apart

uint64_t Hash(std::string_view text) {
  uint64_t h = text.size() * 0x9E3779B97F4A7C15u;
  const char* p = text.data();
  size_t n = text.size();
  for (; n >= 8; p += 8, n -= 8) {
    uint64_t word;
    std::memcpy(&word, p, 8);
    h = (h ^ word) * 0xFF51AFD7ED558CCDu;
    h ^= h >> 32;
  }
  uint64_t word = 0;
  std::memcpy(&word, p, n);
  h = (h ^ word) * 0xFF51AFD7ED558CCDu;
  h ^= h >> 29;
  h *= 0xC4CEB9FE1A85EC53u;
  return h ^ (h >> 32);
}

uint32_t GramBucket(const char* p) {
  const uint32_t gram = static_cast<uint32_t>(static_cast<unsigned char>(p[0])) << 16 |
                        static_cast<uint32_t>(static_cast<unsigned char>(p[1])) << 8 |
                        static_cast<unsigned char>(p[2]);
  return (gram * 0x9E3779B1u) >> (32 - kGramBits);
}

size_t RareCount(size_t key_size) { return key_size + 2 >= kTwoEdits ? kMostRare : kFewRare; }

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
  const absl::StatusOr<ParsedTitle> parsed = ParseTitle(label, TitleRole::kLabel);
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
  BuildGrams();
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

size_t LabelIndex::RareGrams(std::string_view key, size_t count, Gram* out) const {
  std::array<Gram, kMaxKey> grams;
  const size_t n = std::min(key.size(), kMaxKey) - (kGrams - 1);
  for (size_t i = 0; i < n; ++i) grams[i] = {GramBucket(key.data() + i), static_cast<uint8_t>(i)};
  count = std::min(count, n);
  std::partial_sort(grams.begin(), grams.begin() + static_cast<ptrdiff_t>(count),
                    grams.begin() + static_cast<ptrdiff_t>(n),
                    [this](const Gram& a, const Gram& b) {
                      const uint32_t x = gram_count_[a.bucket], y = gram_count_[b.bucket];
                      if (x != y) return x < y;
                      return a.bucket != b.bucket ? a.bucket < b.bucket : a.place < b.place;
                    });
  std::copy_n(grams.begin(), count, out);
  return count;
}

void LabelIndex::BuildGrams() {
  const auto n = static_cast<uint32_t>(keys());
  gram_count_.assign(kGramBuckets, 0);
  for (uint32_t k = 0; k < n; ++k) {
    const std::string_view key = Key(k);
    if (key.size() < kLeastIndexed) continue;
    for (size_t i = 0; i + kGrams <= key.size(); ++i) ++gram_count_[GramBucket(key.data() + i)];
  }
  gram_start_.assign(kGramBuckets + 1, 0);
  std::array<Gram, kMostRare> rare;
  for (uint32_t k = 0; k < n; ++k) {
    const std::string_view key = Key(k);
    if (key.size() < kLeastIndexed) continue;
    const size_t count = RareGrams(key, RareCount(key.size()), rare.data());
    for (size_t i = 0; i < count; ++i) ++gram_start_[rare[i].bucket + 1];
  }
  for (size_t b = 0; b < kGramBuckets; ++b) gram_start_[b + 1] += gram_start_[b];
  gram_keys_.resize(gram_start_.back());
  gram_places_.resize(gram_start_.back());
  std::vector<uint32_t> next(gram_start_.begin(), gram_start_.end() - 1);
  for (uint32_t k = 0; k < n; ++k) {
    const std::string_view key = Key(k);
    if (key.size() < kLeastIndexed) continue;
    const size_t count = RareGrams(key, RareCount(key.size()), rare.data());
    for (size_t i = 0; i < count; ++i) {
      const uint32_t at = next[rare[i].bucket]++;
      gram_keys_[at] = k;
      gram_places_[at] = rare[i].place;
    }
  }
}

void LabelIndex::FindNear(std::string_view key,
                          const std::function<void(std::span<const IndexedLabel>, int)>& f) const {
  const int most = MaxEdits(key.size());
  if (most == 0 || key.size() > kMaxKey || keys() == 0) return;
  // The keys of a length are a range of places, so those of near lengths are one too.
  const auto longer = [this](uint32_t k, size_t size) { return Key(k).size() < size; };
  const auto first_of = [&](size_t size) {
    uint32_t low = 0, high = static_cast<uint32_t>(keys());
    while (low < high) {
      const uint32_t mid = low + (high - low) / 2;
      if (longer(mid, size)) {
        low = mid + 1;
      } else {
        high = mid;
      }
    }
    return low;
  };
  const auto edits = static_cast<size_t>(most);
  const uint32_t low = first_of(key.size() - edits), high = first_of(key.size() + edits + 1);
  std::array<Gram, kMostRare> rare;
  const size_t count = RareGrams(key, kGrams * edits + 1, rare.data());
  std::vector<uint32_t> found;
  for (size_t i = 0; i < count; ++i) {
    const auto begin = gram_keys_.begin() + gram_start_[rare[i].bucket];
    const auto end = gram_keys_.begin() + gram_start_[rare[i].bucket + 1];
    for (auto it = std::lower_bound(begin, end, low); it != end && *it < high; ++it) {
      const int place = gram_places_[static_cast<size_t>(it - gram_keys_.begin())];
      if (std::abs(place - rare[i].place) <= most) found.push_back(*it);
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
  return static_cast<int64_t>(text_.capacity() + labels_.capacity() * sizeof(IndexedLabel) +
                              (key_start_.capacity() + label_start_.capacity() +
                               gram_count_.capacity() + gram_start_.capacity() +
                               gram_keys_.capacity()) *
                                  sizeof(uint32_t) +
                              table_.capacity() * sizeof(Slot) + gram_places_.capacity());
}

}  // namespace undula::linking
