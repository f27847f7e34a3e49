// Names of entities, found in running text: all names that begin at a word, by one hash probe a
// word. A name is a sequence of normalized words (base/text/normalize.h).
#ifndef UNDULA_LINKING_NAME_TABLE_H_
#define UNDULA_LINKING_NAME_TABLE_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "base/ids.h"

namespace undula::linking {

// A text as words: runs of letters, digits and marks, each normalized. What NormalizeText() makes
// of the text, with the places kept. Text that is not valid UTF-8 has no words there.
struct WordText {
  struct Word {
    uint32_t begin, end;  // in `text`
    uint64_t hash;
    bool capital;    // begins with an upper-case letter of ASCII, or is not ASCII
    bool joined;     // only spaces or hyphens follow it before the next word
    bool all_upper;  // two letters or more, all of them upper-case ASCII
  };
  std::string text;  // normalized words, one space between them
  std::vector<Word> words;
};
WordText SplitIntoWords(std::string_view utf8);

// Built once; then thread-safe.
class NameTable {
 public:
  static constexpr size_t kMaxWords = 8;

  // One entity that has a name.
  struct Entry {
    EntityId entity;
    bool is_label;  // else a surface form, an alias or a part of a label
    bool is_last;   // the last word of a label of two or three words: perhaps a family name
  };
  struct Match {
    uint32_t name;
    uint32_t words;  // how many
  };

  // A label "Springfield, Illinois" is also the name "Springfield", "The Band" also "Band", and
  // "Ada Lovelace" also "Lovelace". Names of more than kMaxWords words, of one byte, or without a
  // letter are left out; a bracket at the end ("Paris (film)") is no part of a name.
  // ResourceExhausted beyond 2^32 - 2 names or 4 GiB of text.
  absl::Status Add(EntityId entity, std::string_view name, bool is_label);
  void Build();

  // The longest name that begins at words[first]; words = 0 for none.
  Match FindLongest(const WordText& text, size_t first) const;

  std::string_view Name(uint32_t name) const {
    return std::string_view(text_).substr(text_start_[name],
                                          text_start_[name + 1] - text_start_[name]);
  }
  // Entries of a name, by entity; EntryBegin(name) is the place of the first among all entries.
  std::span<const Entry> Entries(uint32_t name) const {
    return std::span(entries_).subspan(entry_start_[name],
                                       entry_start_[name + 1] - entry_start_[name]);
  }
  uint32_t EntryBegin(uint32_t name) const { return entry_start_[name]; }

  int64_t names() const { return static_cast<int64_t>(text_start_.size()) - 1; }
  int64_t entries() const { return static_cast<int64_t>(entries_.size()); }
  int64_t bytes() const;

 private:
  absl::Status AddName(Entry entry, std::string_view name);

  struct Slot {
    uint32_t fingerprint;
    uint32_t name;  // place + 1; 0 = free
  };
  bool HasPrefix(uint64_t hash) const {
    return (prefixes_[(hash >> 6) & (prefixes_.size() - 1)] >> (hash & 63) & 1) != 0;
  }

  std::string text_;
  std::vector<uint32_t> text_start_ = {0}, entry_start_ = {0};
  std::vector<Entry> entries_;
  std::vector<Slot> table_;
  std::vector<uint64_t> prefixes_;  // a bit for the hash of every proper prefix of a name

  struct Pending {
    uint64_t at;
    uint32_t size;
    Entry entry;
  };
  std::vector<Pending> pending_;
  std::string pending_text_;
};

}  // namespace undula::linking

#endif  // UNDULA_LINKING_NAME_TABLE_H_
