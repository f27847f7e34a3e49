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
#include "linking/word_hash.h"

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
    // What follows before the next word: '.' where a full stop, '!', '?' or ':' does, else the
    // first byte that is no space, else ' '.
    char gap;
  };
  std::string text;  // normalized words, one space between them
  std::vector<Word> words;
};
WordText SplitIntoWords(std::string_view utf8);

// "of", "the" and the like: they do not begin or end a part of a label, have no letter in an
// acronym, and need no capital.
bool IsSmallWord(std::string_view normalized);

// What a name is of an entity, the surest first.
enum class NameKind : uint8_t {
  kLabel,
  kBare,     // the label without the bracket at its end: "Paris (film)"
  kSurface,  // an alias, or a surface form of an annotated document
  kComma,    // what stands before a comma: "Springfield, Illinois"
  kArticle,  // the label without its "The"
  kSuffix,   // the last words of the label: "Lovelace"
  kPrefix,   // its first words: "Flagler (County)"
  kAcronym,  // the first letters of its words
};
inline constexpr int kNameKinds = 8;
inline bool IsPart(NameKind kind) { return kind >= NameKind::kSuffix; }

// How a label is written: "Weight loss" is no proper name, "Denver Broncos" is one. Small words and
// the bracket at the end are left aside.
struct LabelShape {
  enum Rest : uint8_t { kNone, kLower, kMixed, kCapital };
  bool first_capital = false, all_upper = false, bracket = false, comma = false, digit = false;
  Rest rest = kNone;  // the words after the first one
  uint8_t words = 0;  // up to 8; 0: the entity has no label

  uint32_t Code() const {
    return static_cast<uint32_t>(first_capital | all_upper << 1 | bracket << 2 | comma << 3 |
                                 digit << 4 | rest << 5 | words << 7);
  }
};

// Built once; then thread-safe.
class NameTable {
 public:
  static constexpr size_t kMaxWords = 8;

  // One entity that has a name.
  struct Entry {
    EntityId entity;
    uint32_t whole;  // the name of the whole label; the name itself where there is none
    NameKind kind;
  };
  struct Match {
    uint32_t name;
    uint32_t words;  // how many
  };

  // A label gives the names of all kinds above but kSurface; what is no label gives that one. Names
  // of more than kMaxWords words, of one byte, or without a letter are left out.
  // ResourceExhausted beyond 2^32 - 2 names or 4 GiB of text.
  absl::Status Add(EntityId entity, std::string_view name, bool is_label);
  void Build();

  // All names that begin at words[first], ascending by words. Returns how many.
  size_t FindAll(const WordText& text, size_t first, std::span<Match, kMaxWords> matches) const;
  // The longest of them that is no mere part of a label; words = 0 for none.
  Match FindLongest(const WordText& text, size_t first) const;
  // The name with exactly these words; -1 for none.
  int64_t Find(std::string_view name) const;
  // No entity has the name but as a part of its label.
  bool IsOnlyPart(uint32_t name) const { return only_part_[name]; }

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
  // Of the entity's first label.
  LabelShape Shape(EntityId entity) const {
    return Index(entity) < shapes_.size() ? shapes_[Index(entity)] : LabelShape();
  }

  int64_t names() const { return static_cast<int64_t>(text_start_.size()) - 1; }
  int64_t entries() const { return static_cast<int64_t>(entries_.size()); }
  int64_t bytes() const;

 private:
  // `whole`: the place in pending_ of the label; kNoWhole for the name itself.
  absl::Status AddName(EntityId entity, NameKind kind, std::string_view normalized, uint32_t whole);
  absl::Status AddParts(EntityId entity, const WordText& label, size_t comma_words, uint32_t whole);

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
  std::vector<bool> only_part_;     // by name
  std::vector<LabelShape> shapes_;  // by entity
  std::vector<uint64_t> prefixes_;  // a bit for the hash of every proper prefix of a name

  struct Pending {
    uint64_t at;
    uint32_t size, whole;
    EntityId entity;
    NameKind kind;
  };
  std::vector<Pending> pending_;
  std::string pending_text_;
};

}  // namespace undula::linking

#endif  // UNDULA_LINKING_NAME_TABLE_H_
