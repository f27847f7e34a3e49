// Regular expressions: matching and replacing.
#include <limits>
#include <utility>

#include "base/text/normalize.h"
#include "queries/pattern/lexer.h"
#include "queries/pattern/regex.h"

namespace undula::queries::pattern {
namespace {

constexpr size_t kNowhere = std::numeric_limits<size_t>::max();

}  // namespace

bool Regex::Class::Has(uint32_t c) const {
  for (const auto& [low, high] : ranges) {
    if (c >= low && c <= high) return !negated;
  }
  return negated;
}

bool Regex::Accepts(const Instruction& instruction, uint32_t c) const {
  switch (instruction.code) {
    case Code::kChar:
      return (ignore_case_ ? LowerCodePoint(c) : c) == instruction.x;
    case Code::kAny:
      return c != '\n' && c != '\r';
    case Code::kAnyLine:
      return true;
    case Code::kClass: {
      const Class& set = classes_[instruction.x];
      if (!ignore_case_) return set.Has(c);
      const bool has = set.Has(c) != set.negated || set.Has(LowerCodePoint(c)) != set.negated ||
                       set.Has(UpperCodePoint(c)) != set.negated;
      return has != set.negated;
    }
    default:
      return false;
  }
}

bool Regex::Find(std::string_view text, size_t from, std::vector<size_t>* groups) const {
  struct Thread {
    uint32_t at;
    std::vector<size_t> saved;
  };
  std::vector<Thread> now, next;
  std::vector<uint32_t> mark(program_.size(), 0);
  uint32_t round = 0;
  bool found = false;
  size_t at = from;
  // Follows jumps from one instruction, in order of preference.
  const auto add = [&](std::vector<Thread>* list, Thread thread, size_t place) {
    std::vector<Thread> stack;
    stack.push_back(std::move(thread));
    while (!stack.empty()) {
      Thread t = std::move(stack.back());
      stack.pop_back();
      if (mark[t.at] == round) continue;
      mark[t.at] = round;
      const Instruction& i = program_[t.at];
      bool follow = true;
      switch (i.code) {
        case Code::kJump:
          t.at = i.x;
          stack.push_back(std::move(t));
          continue;
        case Code::kSplit: {
          Thread other{i.y, t.saved};
          t.at = i.x;
          stack.push_back(std::move(other));
          stack.push_back(std::move(t));
          continue;
        }
        case Code::kSave:
          t.saved[i.x] = place;
          break;
        case Code::kBegin:
          follow = place == 0;
          break;
        case Code::kEnd:
          follow = place == text.size();
          break;
        case Code::kBeginLine:
          follow = place == 0 || text[place - 1] == '\n';
          break;
        case Code::kEndLine:
          follow = place == text.size() || text[place] == '\n';
          break;
        default:
          list->push_back(std::move(t));
          continue;
      }
      if (!follow) continue;
      ++t.at;
      stack.push_back(std::move(t));
    }
  };
  while (true) {
    ++round;
    std::vector<Thread> present;
    present.swap(now);
    for (Thread& t : present) add(&now, std::move(t), at);
    if (!found) add(&now, {0, std::vector<size_t>(2 * groups_, kNowhere)}, at);
    next.clear();
    size_t behind = at;
    const bool more = at < text.size();
    const uint32_t c = more ? NextCodePoint(text, &behind) : 0;
    for (Thread& t : now) {
      if (program_[t.at].code == Code::kMatch) {
        *groups = std::move(t.saved);
        found = true;
        break;  // threads behind it are less preferred
      }
      if (more && Accepts(program_[t.at], c)) next.push_back({t.at + 1, std::move(t.saved)});
    }
    now.swap(next);
    if (!more || (found && now.empty())) return found;
    at = behind;
  }
}

bool Regex::Matches(std::string_view text) const {
  std::vector<size_t> groups;
  return Find(text, 0, &groups);
}

std::optional<std::string> Regex::Replace(std::string_view text,
                                          std::string_view replacement) const {
  std::string out;
  size_t at = 0;
  std::vector<size_t> groups;
  if (Find("", 0, &groups)) return std::nullopt;
  while (at <= text.size() && Find(text, at, &groups)) {
    out.append(text.substr(at, groups[0] - at));
    for (size_t i = 0; i < replacement.size(); ++i) {
      const char c = replacement[i];
      if (c == '\\') {
        if (++i >= replacement.size() || (replacement[i] != '\\' && replacement[i] != '$')) {
          return std::nullopt;
        }
        out.push_back(replacement[i]);
      } else if (c == '$') {
        if (++i >= replacement.size() || replacement[i] < '0' || replacement[i] > '9') {
          return std::nullopt;
        }
        const size_t group = static_cast<size_t>(replacement[i] - '0');
        if (group < groups_ && groups[2 * group + 1] != kNowhere) {
          out.append(text.substr(groups[2 * group], groups[2 * group + 1] - groups[2 * group]));
        }
      } else {
        out.push_back(c);
      }
    }
    at = groups[1];
    if (groups[1] == groups[0]) {  // an anchor: take a character along
      if (at >= text.size()) return out;
      const size_t begin = at;
      NextCodePoint(text, &at);
      out.append(text.substr(begin, at - begin));
    }
  }
  out.append(text.substr(at));
  return out;
}

}  // namespace undula::queries::pattern
