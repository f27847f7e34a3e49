#include "linking/name_table.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/status.h"
#include "base/text/normalize.h"

namespace undula::linking {
namespace {

constexpr uint64_t kSeed = 0x243F6A8885A308D3u;

uint64_t HashWord(std::string_view word) {
  uint64_t h = word.size() * 0x9E3779B97F4A7C15u;
  const char* p = word.data();
  size_t n = word.size();
  for (; n >= 8; p += 8, n -= 8) {
    uint64_t part;
    std::memcpy(&part, p, 8);
    h = (h ^ part) * 0xFF51AFD7ED558CCDu;
    h ^= h >> 32;
  }
  uint64_t part = 0;
  std::memcpy(&part, p, n);
  h = (h ^ part) * 0xFF51AFD7ED558CCDu;
  return h ^ (h >> 29);
}

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
      size_t next = at;
      while (next < in_.size() && (in_[next] == ' ' || in_[next] == '-')) ++next;
      if (!out_.words.empty())
        out_.words.back().joined =
            next > at && next < in_.size() && IsWordByte(static_cast<unsigned char>(in_[next]));
    }
    return std::move(out_);
  }

 private:
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
      End(begin, true, false);
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
                          HashWord(word), capital, false, all_upper});
  }

  const std::string_view in_;
  WordText out_;
};

std::string_view WithoutBracket(std::string_view name) {
  if (name.empty() || name.back() != ')') return name;
  const size_t open = name.rfind('(');
  return open == std::string_view::npos || open == 0 ? name : name.substr(0, open);
}

// The last of two or three capitalized words; empty for other names.
std::string_view FamilyName(std::string_view name) {
  constexpr size_t kLeastLetters = 4;
  size_t words = 0, last = 0;
  for (size_t at = 0; at < name.size(); ++words) {
    if (!IsUpper(name[at])) return {};
    last = at;
    at = std::min(name.find(' ', at), name.size() - 1) + 1;
  }
  const bool fits = (words == 2 || words == 3) && name.size() - last >= kLeastLetters;
  return fits ? name.substr(last) : std::string_view();
}

}  // namespace

WordText SplitIntoWords(std::string_view utf8) { return Splitter(utf8).Split(); }

absl::Status NameTable::Add(EntityId entity, std::string_view name, bool is_label) {
  const std::string_view bare = WithoutBracket(name);
  const size_t comma = bare.find(", ");
  if (is_label && comma != bare.npos) {
    UNDULA_RETURN_IF_ERROR(AddName({entity, false, false}, bare.substr(0, comma)));
  }
  if (is_label && bare.starts_with("The ")) {
    UNDULA_RETURN_IF_ERROR(AddName({entity, false, false}, bare.substr(4)));
  }
  const std::string_view last = is_label && comma == bare.npos ? FamilyName(bare) : "";
  if (!last.empty()) UNDULA_RETURN_IF_ERROR(AddName({entity, false, true}, last));
  return AddName({entity, is_label, false}, bare);
}

absl::Status NameTable::AddName(Entry entry, std::string_view name) {
  const WordText split = SplitIntoWords(name);
  if (split.words.empty() || split.words.size() > kMaxWords || split.text.size() < 2 ||
      std::all_of(split.text.begin(), split.text.end(),
                  [](char c) { return (c >= '0' && c <= '9') || c == ' '; })) {
    return absl::OkStatus();
  }
  if (pending_.size() >= kMaxIds || pending_text_.size() + split.text.size() >= kMaxIds) {
    return ResourceExhaustedError("there are more than 2^32 - 2 names or 4 GiB of them");
  }
  pending_.push_back({pending_text_.size(), static_cast<uint32_t>(split.text.size()), entry});
  pending_text_ += split.text;
  return absl::OkStatus();
}

void NameTable::Build() {
  const auto text = [this](const Pending& p) {
    return std::string_view(pending_text_).substr(p.at, p.size);
  };
  std::sort(pending_.begin(), pending_.end(), [&](const Pending& a, const Pending& b) {
    const int order = text(a).compare(text(b));
    if (order != 0) return order < 0;
    if (a.entry.entity != b.entry.entity) return a.entry.entity < b.entry.entity;
    // Of equal ones the label stays, then the surface form.
    if (a.entry.is_label != b.entry.is_label) return a.entry.is_label;
    return a.entry.is_last < b.entry.is_last;
  });
  text_start_.clear();
  entry_start_.clear();
  std::string_view last;
  for (const Pending& p : pending_) {
    if (text_start_.empty() || text(p) != last) {
      last = text(p);
      text_start_.push_back(static_cast<uint32_t>(text_.size()));
      entry_start_.push_back(static_cast<uint32_t>(entries_.size()));
      text_ += last;
    } else if (entries_.back().entity == p.entry.entity) {
      continue;
    }
    entries_.push_back(p.entry);
  }
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

NameTable::Match NameTable::FindLongest(const WordText& text, size_t first) const {
  Match best{0, 0};
  if (table_.empty()) return best;
  const size_t mask = table_.size() - 1;
  uint64_t hash = kSeed;
  const size_t last = std::min(text.words.size(), first + kMaxWords);
  for (size_t w = first; w < last; ++w) {
    hash = Extend(hash, text.words[w].hash);
    for (size_t at = hash & mask; table_[at].name != 0; at = (at + 1) & mask) {
      if (table_[at].fingerprint != static_cast<uint32_t>(hash >> 32)) continue;
      const uint32_t name = table_[at].name - 1;
      const uint32_t begin = text.words[first].begin;
      if (Name(name) == std::string_view(text.text).substr(begin, text.words[w].end - begin)) {
        best = {name, static_cast<uint32_t>(w - first + 1)};
        break;
      }
    }
    if (!HasPrefix(hash)) break;
  }
  return best;
}

int64_t NameTable::bytes() const {
  return static_cast<int64_t>(
      text_.capacity() + (text_start_.capacity() + entry_start_.capacity()) * sizeof(uint32_t) +
      entries_.capacity() * sizeof(Entry) + table_.capacity() * sizeof(Slot) +
      prefixes_.capacity() * sizeof(uint64_t));
}

}  // namespace undula::linking
