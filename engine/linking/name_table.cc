#include "linking/name_table.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "base/status.h"
#include "base/text/normalize.h"

namespace undula::linking {
namespace {

constexpr uint32_t kNoWhole = 0xFFFFFFFFu;
constexpr uint64_t kSeed = 0x243F6A8885A308D3u;

// The hash of a sequence that `word` is added to.
uint64_t Extend(uint64_t sequence, uint64_t word) {
  uint64_t h = (sequence ^ word) * 0xC4CEB9FE1A85EC53u;
  h ^= h >> 31;
  h *= 0x9E3779B97F4A7C15u;
  return h ^ (h >> 28);
}

bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsWordByte(unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
}

class Splitter {
 public:
  explicit Splitter(std::string_view in) : in_(in) {
    out_.text.reserve(in.size() + 8);
    out_.words.reserve(in.size() / 5);
  }

  WordText Split() {
    for (size_t at = 0; at < in_.size();) {
      if (!IsWordByte(static_cast<unsigned char>(in_[at]))) {
        ++at;
        continue;
      }
      size_t end = at;
      bool ascii = true;
      for (; end < in_.size() && IsWordByte(static_cast<unsigned char>(in_[end])); ++end) {
        ascii = ascii && static_cast<unsigned char>(in_[end]) < 0x80;
      }
      const std::string_view run = in_.substr(at, end - at);
      if (ascii) {
        AddAscii(run);
      } else {
        AddOther(run);
      }
      at = end;
      if (!out_.words.empty()) LookAtGap(at);
    }
    return std::move(out_);
  }

 private:
  // What stands between the last word and the next, from byte `at` on.
  void LookAtGap(size_t at) {
    WordText::Word& word = out_.words.back();
    bool only_spaces = true;
    size_t next = at;
    for (; next < in_.size() && !IsWordByte(static_cast<unsigned char>(in_[next])); ++next) {
      const char c = in_[next];
      only_spaces = only_spaces && (c == ' ' || c == '-');
      if (c == '.' || c == '!' || c == '?' || c == ':') {
        word.gap = '.';
      } else if (word.gap == ' ') {
        word.gap = c;
      }
    }
    word.joined = only_spaces && next > at && next < in_.size();
  }

  void AddAscii(std::string_view run) {
    const size_t begin = Begin();
    bool upper = run.size() > 1;
    for (const char c : run) {
      upper = upper && IsUpper(c);
      out_.text += IsUpper(c) ? static_cast<char>(c + 32) : c;
    }
    End(begin, IsUpper(run[0]), upper);
  }

  void AddOther(std::string_view run) {
    const absl::StatusOr<std::string> normalized = NormalizeText(run);
    if (!normalized.ok()) return;
    for (size_t at = 0; at < normalized->size();) {
      const size_t end = std::min(normalized->find(' ', at), normalized->size());
      const size_t begin = Begin();
      out_.text.append(*normalized, at, end - at);
      // "s" of a name in the genitive is no name.
      End(begin, end - at > 1 || at == 0, false);
      at = end + 1;
    }
  }

  size_t Begin() {
    if (!out_.text.empty()) out_.text += ' ';
    return out_.text.size();
  }
  void End(size_t begin, bool capital, bool all_upper) {
    const auto word = std::string_view(out_.text).substr(begin);
    out_.words.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(out_.text.size()),
                          HashWord(word), capital, false, all_upper, ' '});
  }

  const std::string_view in_;
  WordText out_;
};

std::string_view WithoutBracket(std::string_view name) {
  if (name.empty() || name.back() != ')') return name;
  const size_t open = name.rfind('(');
  return open == std::string_view::npos || open == 0 ? name : name.substr(0, open);
}

std::string_view TextOf(const WordText& text, size_t first, size_t end) {
  return std::string_view(text.text).substr(text.words[first].begin,
                                            text.words[end - 1].end - text.words[first].begin);
}

LabelShape ShapeOf(const WordText& label, bool bracket, bool comma) {
  LabelShape shape;
  shape.bracket = bracket;
  shape.comma = comma;
  shape.all_upper = true;
  size_t rest = 0, capitals = 0;
  for (size_t w = 0; w < label.words.size(); ++w) {
    const std::string_view text = TextOf(label, w, w + 1);
    const bool digit =
        std::any_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
    shape.digit = shape.digit || digit;
    shape.all_upper = shape.all_upper && label.words[w].all_upper;
    if (w == 0) {
      shape.first_capital = label.words[w].capital;
    } else if (!IsSmallWord(text)) {
      ++rest;
      capitals += label.words[w].capital || digit;
    }
  }
  shape.rest = rest == 0          ? LabelShape::kNone
               : capitals == 0    ? LabelShape::kLower
               : capitals == rest ? LabelShape::kCapital
                                  : LabelShape::kMixed;
  shape.words = static_cast<uint8_t>(std::min(label.words.size(), NameTable::kMaxWords));
  return shape;
}

}  // namespace

bool IsSmallWord(std::string_view word) {
  static constexpr std::string_view kSmall[] = {"a",  "an", "and", "at", "by",  "for", "from", "in",
                                                "of", "on", "or",  "s",  "the", "to",  "with"};
  return std::find(std::begin(kSmall), std::end(kSmall), word) != std::end(kSmall);
}

WordText SplitIntoWords(std::string_view utf8) { return Splitter(utf8).Split(); }

absl::Status NameTable::Add(EntityId entity, std::string_view name, bool is_label) {
  const std::string_view bare = WithoutBracket(name);
  const WordText split = SplitIntoWords(bare);
  if (split.words.empty()) return absl::OkStatus();
  const NameKind kind = !is_label                    ? NameKind::kSurface
                        : bare.size() == name.size() ? NameKind::kLabel
                                                     : NameKind::kBare;
  const size_t comma = bare.find(", ");
  if (is_label) {
    if (Index(entity) >= shapes_.size()) shapes_.resize(Index(entity) + size_t{1});
    LabelShape& shape = shapes_[Index(entity)];
    if (shape.words == 0) {
      shape = ShapeOf(split, bare.size() != name.size(), comma != bare.npos);
    }
  }
  const auto whole = static_cast<uint32_t>(pending_.size());
  UNDULA_RETURN_IF_ERROR(AddName(entity, kind, split.text, kNoWhole));
  if (!is_label || pending_.size() == whole) return absl::OkStatus();
  size_t comma_words = 0;
  if (comma != bare.npos) {
    const WordText place = SplitIntoWords(bare.substr(0, comma));
    comma_words = place.words.size();
    UNDULA_RETURN_IF_ERROR(AddName(entity, NameKind::kComma, place.text, whole));
  }
  return AddParts(entity, split, comma_words, whole);
}

absl::Status NameTable::AddParts(EntityId entity, const WordText& label, size_t comma_words,
                                 uint32_t whole) {
  const size_t n = label.words.size();
  const auto small = [&](size_t w) { return IsSmallWord(TextOf(label, w, w + 1)); };
  std::string acronym;
  for (size_t w = 0; w < n; ++w) {
    if (!small(w)) acronym += label.text[label.words[w].begin];
    if (w == 0) continue;
    // The label is cut before word w.
    if (!small(w - 1) && w != comma_words) {
      UNDULA_RETURN_IF_ERROR(AddName(entity, NameKind::kPrefix, TextOf(label, 0, w), whole));
    }
    if (w == 1 && TextOf(label, 0, 1) == "the") {
      UNDULA_RETURN_IF_ERROR(AddName(entity, NameKind::kArticle, TextOf(label, 1, n), whole));
    } else if (!small(w)) {
      UNDULA_RETURN_IF_ERROR(AddName(entity, NameKind::kSuffix, TextOf(label, w, n), whole));
    }
  }
  const bool letters =
      std::all_of(acronym.begin(), acronym.end(), [](char c) { return c >= 'a' && c <= 'z'; });
  if (acronym.size() < 2 || !letters) return absl::OkStatus();
  return AddName(entity, NameKind::kAcronym, acronym, whole);
}

absl::Status NameTable::AddName(EntityId entity, NameKind kind, std::string_view normalized,
                                uint32_t whole) {
  const auto words = std::count(normalized.begin(), normalized.end(), ' ') + 1;
  if (static_cast<size_t>(words) > kMaxWords || normalized.size() < 2 ||
      std::all_of(normalized.begin(), normalized.end(),
                  [](char c) { return (c >= '0' && c <= '9') || c == ' '; })) {
    return absl::OkStatus();
  }
  if (pending_.size() >= kMaxIds || pending_text_.size() + normalized.size() >= kMaxIds) {
    return ResourceExhaustedError("there are more than 2^32 - 2 names or 4 GiB of them");
  }
  pending_.push_back(
      {pending_text_.size(), static_cast<uint32_t>(normalized.size()), whole, entity, kind});
  pending_text_ += normalized;
  return absl::OkStatus();
}

void NameTable::Build() {
  const auto text = [this](const Pending& p) {
    return std::string_view(pending_text_).substr(p.at, p.size);
  };
  std::vector<uint32_t> order(pending_.size()), name_of(pending_.size());
  for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](uint32_t x, uint32_t y) {
    const Pending &a = pending_[x], &b = pending_[y];
    const int difference = text(a).compare(text(b));
    if (difference != 0) return difference < 0;
    if (a.entity != b.entity) return a.entity < b.entity;
    if (a.kind != b.kind) return a.kind < b.kind;  // of equal ones the surest stays
    return x < y;
  });
  text_start_.clear();
  entry_start_.clear();
  std::string_view last;
  for (const uint32_t i : order) {
    const Pending& p = pending_[i];
    if (text_start_.empty() || text(p) != last) {
      last = text(p);
      text_start_.push_back(static_cast<uint32_t>(text_.size()));
      entry_start_.push_back(static_cast<uint32_t>(entries_.size()));
      only_part_.push_back(true);
      text_ += last;
    }
    name_of[i] = static_cast<uint32_t>(text_start_.size() - 1);
    only_part_.back() = only_part_.back() && IsPart(p.kind);
    if (entries_.size() > entry_start_.back() && entries_.back().entity == p.entity) continue;
    entries_.push_back({p.entity, p.whole == kNoWhole ? i : p.whole, p.kind});
  }
  for (Entry& entry : entries_) entry.whole = name_of[entry.whole];
  text_start_.push_back(static_cast<uint32_t>(text_.size()));
  entry_start_.push_back(static_cast<uint32_t>(entries_.size()));
  std::vector<Pending>().swap(pending_);
  std::string().swap(pending_text_);
  text_.shrink_to_fit();
  entries_.shrink_to_fit();
  text_start_.shrink_to_fit();
  entry_start_.shrink_to_fit();

  const auto n = static_cast<size_t>(names());
  size_t slots = 16, blocks = 16;
  while (slots * 2 < n * 3) slots *= 2;
  while (blocks * 8 < n) blocks *= 2;
  table_.assign(slots, {0, 0});
  prefixes_.assign(blocks, 0);
  for (uint32_t name = 0; name < n; ++name) {
    uint64_t hash = kSeed;
    const std::string_view words = Name(name);
    for (size_t at = 0; at < words.size();) {
      const size_t end = std::min(words.find(' ', at), words.size());
      hash = Extend(hash, HashWord(words.substr(at, end - at)));
      if (end < words.size()) {
        prefixes_[(hash >> 6) & (blocks - 1)] |= uint64_t{1} << (hash & 63);
      }
      at = end + 1;
    }
    size_t at = hash & (slots - 1);
    while (table_[at].name != 0) at = (at + 1) & (slots - 1);
    table_[at] = {static_cast<uint32_t>(hash >> 32), name + 1};
  }
}

size_t NameTable::FindAll(const WordText& text, size_t first,
                          std::span<Match, kMaxWords> matches) const {
  size_t found = 0;
  if (table_.empty()) return found;
  const size_t mask = table_.size() - 1;
  uint64_t hash = kSeed;
  const size_t last = std::min(text.words.size(), first + kMaxWords);
  for (size_t w = first; w < last; ++w) {
    hash = Extend(hash, text.words[w].hash);
    for (size_t at = hash & mask; table_[at].name != 0; at = (at + 1) & mask) {
      if (table_[at].fingerprint != static_cast<uint32_t>(hash >> 32)) continue;
      const uint32_t name = table_[at].name - 1;
      if (Name(name) == TextOf(text, first, w + 1)) {
        matches[found++] = {name, static_cast<uint32_t>(w - first + 1)};
        break;
      }
    }
    if (!HasPrefix(hash)) break;
  }
  return found;
}

NameTable::Match NameTable::FindLongest(const WordText& text, size_t first) const {
  std::array<Match, kMaxWords> matches;
  for (size_t i = FindAll(text, first, matches); i > 0; --i) {
    if (!only_part_[matches[i - 1].name]) return matches[i - 1];
  }
  return {0, 0};
}

int64_t NameTable::Find(std::string_view name) const {
  const WordText text = SplitIntoWords(WithoutBracket(name));
  if (text.words.empty() || text.words.size() > kMaxWords) return -1;
  std::array<Match, kMaxWords> matches;
  const size_t found = FindAll(text, 0, matches);
  if (found == 0 || matches[found - 1].words != text.words.size()) return -1;
  return matches[found - 1].name;
}

int64_t NameTable::bytes() const {
  return static_cast<int64_t>(
      text_.capacity() + (text_start_.capacity() + entry_start_.capacity()) * sizeof(uint32_t) +
      entries_.capacity() * sizeof(Entry) + only_part_.capacity() / 8 +
      shapes_.capacity() * sizeof(LabelShape) + table_.capacity() * sizeof(Slot) +
      prefixes_.capacity() * sizeof(uint64_t));
}

}  // namespace undula::linking
