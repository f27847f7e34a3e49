// Labels of entities in memory, found by key (base/text/title_forms.h): exactly through a hash
// table, approximately through parts of the key.
//
// Approximate look-up cuts keys into segments, one more than edits are allowed, so that one of them
// stands unchanged in whatever is near (Li, Deng, Wang, Feng, "Pass-Join: a partition-based method
// for similarity joins", PVLDB 2011, with its multi-match-aware choice of places). What is found by
// a segment is checked by the diagonal method of Ukkonen, "Algorithms for approximate string
// matching", 1985.
#ifndef UNDULA_LINKING_LABEL_INDEX_H_
#define UNDULA_LINKING_LABEL_INDEX_H_

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "base/ids.h"
#include "base/text/title_forms.h"

namespace undula::linking {

enum class LabelSource : uint8_t { kLabel, kAlias, kLocalName };

// One form of one label.
struct IndexedLabel {
  EntityId entity;
  uint32_t words;      // TitleForm::words
  uint16_t year;       // of the label's bracket; 0 = none
  uint16_t qualifier;  // place in qualifiers(); 0 = none
  TitleForm::Kind kind;
  LabelSource source;
};

// How many edits (insertions, deletions, substitutions of a byte) the keys of this length may be
// apart from what is found for them: 0 below 6 bytes, 1 below 12, else 2.
int MaxEdits(size_t key_size);

// The edit distance where it is at most `most` (0..2), else most + 1.
int BoundedEditDistance(std::string_view a, std::string_view b, int most);

// Built once; then thread-safe.
class LabelIndex {
 public:
  // Keys longer than this are not indexed.
  static constexpr size_t kMaxKey = 255;

  // Labels are read with the words of these languages, and so must be what is looked up.
  explicit LabelIndex(TitleLanguages languages = {}) : languages_(languages) {}
  TitleLanguages languages() const { return languages_; }

  // A label's forms are indexed; one that is not valid UTF-8 or has no letters is left out and
  // counted (rejected()). ResourceExhausted beyond 2^32 - 2 forms or 4 GiB of keys.
  absl::Status Add(EntityId entity, std::string_view label, LabelSource source);
  void Build();

  // Labels with exactly this key, by entity; empty for none.
  std::span<const IndexedLabel> Find(std::string_view key) const;
  // Calls f(labels of a key, edits) for every key within 1..MaxEdits(key.size()) edits, in the
  // order of the keys (by length, then bytes).
  void FindNear(std::string_view key,
                const std::function<void(std::span<const IndexedLabel>, int)>& f) const;

  // Texts of brackets, "" first, and how many labels have each.
  const std::vector<std::string>& qualifiers() const { return qualifiers_; }
  const std::vector<uint32_t>& qualifier_counts() const { return qualifier_counts_; }
  int64_t labels() const { return static_cast<int64_t>(labels_.size()); }
  int64_t keys() const { return static_cast<int64_t>(key_start_.size()) - 1; }
  int64_t rejected() const { return rejected_; }
  int64_t bytes() const;  // of memory that the index takes

 private:
  struct Slot {
    uint32_t fingerprint;
    uint32_t key;  // place + 1; 0 = free
  };

  struct Posting {
    uint32_t key;
    uint32_t
        letters;  // which letters are odd in the key: tells most keys apart without reading them
  };

  std::string_view Key(uint32_t k) const {
    return std::string_view(text_).substr(key_start_[k], key_start_[k + 1] - key_start_[k]);
  }
  std::span<const IndexedLabel> LabelsOf(uint32_t k) const {
    return std::span(labels_).subspan(label_start_[k], label_start_[k + 1] - label_start_[k]);
  }
  uint16_t QualifierId(const std::string& qualifier);
  void BuildTable();
  void BuildSegments();
  // The first place of keys of this length or more.
  uint32_t FirstOfLength(size_t size) const;

  TitleLanguages languages_;
  // Keys by (length, bytes); labels of a key by entity.
  std::string text_;
  std::vector<uint32_t> key_start_ = {0}, label_start_ = {0};
  std::vector<IndexedLabel> labels_;
  std::vector<Slot> table_;
  std::vector<uint32_t> segment_start_;  // by hash of (length, number, text) of a segment
  std::vector<Posting> segment_keys_;    // ascending within a bucket
  std::vector<std::string> qualifiers_ = {""};
  std::vector<uint32_t> qualifier_counts_ = {0};
  std::map<std::string, uint16_t, std::less<>> qualifier_ids_;
  int64_t rejected_ = 0;

  // Until Build().
  struct Pending {
    uint64_t at;
    uint32_t size;
    IndexedLabel label;
  };
  std::vector<Pending> pending_;
  std::string pending_text_;
};

}  // namespace undula::linking

#endif  // UNDULA_LINKING_LABEL_INDEX_H_
