#include "linking/mentions.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "base/status.h"

namespace undula::linking {
namespace {

constexpr int64_t kGrain = 64, kBlock = 16384;
// Places of NameInDocument::before and after where no word stands.
constexpr uint64_t kTextEnd = 1, kPunctuation = 2, kGenitive = 3;

// A name at a place of a text.
struct Place {
  uint32_t name, begin, end;  // words
};

class TextReader {
 public:
  TextReader(const NameTable& names, const WordText& text, bool first_text)
      : names_(names), text_(text), words_(text.words), first_text_(first_text) {
    size_t capitals = 0, upper = 0;
    for (const WordText::Word& word : words_) {
      capitals += word.capital;
      upper += word.all_upper;
    }
    headline_ = capitals * 2 > words_.size();
    all_upper_ = upper * 2 > words_.size();
  }

  void Read(std::vector<NameInDocument>* out) {
    std::array<NameTable::Match, NameTable::kMaxWords> matches;
    std::vector<Place> whole, parts;
    cover_.assign(words_.size(), kNone);
    uint32_t covered = 0;  // words before this one are decided
    for (uint32_t w = 0; w < words_.size(); ++w) {
      const size_t n = names_.FindAll(text_, w, matches);
      uint32_t longest = 0, place_of_longest = 0;
      for (size_t i = 0; i < n; ++i) {
        const Place place = {matches[i].name, w, w + matches[i].words};
        if (names_.IsOnlyPart(place.name)) {
          if (FormOf(place) != NameForm::kLower) parts.push_back(place);
          continue;
        }
        if (w >= covered && place.end > longest) {
          longest = place.end;
          place_of_longest = static_cast<uint32_t>(whole.size());
        }
        whole.push_back(place);
      }
      if (longest == 0) continue;
      covered = longest;
      std::fill(cover_.begin() + w, cover_.begin() + longest, place_of_longest);
    }
    for (const Place& place : whole) Add(place, whole, out);
    std::stable_sort(parts.begin(), parts.end(), [](const Place& a, const Place& b) {
      return a.end - a.begin > b.end - b.begin;
    });
    for (const Place& place : parts) {
      const auto begin = cover_.begin() + place.begin, end = cover_.begin() + place.end;
      // "Tampa" does not hide "Tampa Police", a longer name would.
      const bool free = std::all_of(begin, end, [&](uint32_t c) {
        return c == kNone ||
               (c != kTaken && whole[c].begin >= place.begin && whole[c].end <= place.end);
      });
      if (!free) continue;
      std::fill(begin, end, kTaken);
      Add(place, whole, out);
    }
  }

 private:
  static constexpr uint32_t kNone = 0xFFFFFFFFu, kTaken = 0xFFFFFFFEu;

  std::string_view Text(uint32_t w) const {
    return std::string_view(text_.text).substr(words_[w].begin, words_[w].end - words_[w].begin);
  }

  NameForm FormOf(const Place& place) const {
    bool capital = true, any = false, upper = !all_upper_;
    for (uint32_t w = place.begin; w < place.end; ++w) {
      const WordText::Word& word = words_[w];
      const char c = text_.text[word.begin];
      any = any || word.capital;
      capital = capital && (word.capital || (c >= '0' && c <= '9') || IsSmallWord(Text(w)));
      upper = upper && word.all_upper;
    }
    return upper ? NameForm::kUpper : capital && any ? NameForm::kCapital : NameForm::kLower;
  }

  void Add(const Place& place, const std::vector<Place>& whole, std::vector<NameInDocument>* out) {
    NameInDocument in;
    in.name = place.name;
    in.form = FormOf(place);
    in.words = static_cast<uint8_t>(place.end - place.begin);
    in.in_first = first_text_;
    in.in_rest = !first_text_;
    in.times = 1;
    in.place = place.begin;
    for (const uint32_t w : {place.begin, place.end - 1}) {
      if (cover_[w] >= kTaken) continue;
      const Place& cover = whole[cover_[w]];
      if (cover.begin == place.begin && cover.end == place.end) continue;
      if (cover.begin <= place.begin && cover.end >= place.end) {
        in.nested = 1;
        in.cover = cover.name;
      } else if (cover.begin < place.begin || cover.end > place.end) {
        in.crossing = 1;
      }
    }
    LookAround(place, &in);
    out->push_back(in);
  }

  void LookAround(const Place& place, NameInDocument* in) const {
    const bool has_before = place.begin > 0, has_after = place.end < words_.size();
    const WordText::Word& last = words_[place.end - 1];
    const bool joined_before = has_before && words_[place.begin - 1].joined;
    const bool joined_after = has_after && last.joined;
    const bool genitive = has_after && Text(place.end) == "s" && last.gap == '\'';
    in->genitive = genitive;
    in->comma = last.gap == ',';
    in->hyphen = last.gap == '-' || (has_before && words_[place.begin - 1].gap == '-');
    in->begins = !has_before || words_[place.begin - 1].gap == '.';
    in->before = joined_before ? words_[place.begin - 1].hash
                 : has_before  ? kPunctuation
                               : kTextEnd;
    in->after = joined_after ? words_[place.end].hash
                : genitive   ? kGenitive
                : has_after  ? kPunctuation
                             : kTextEnd;
    in->joined_before = joined_before && words_[place.begin - 1].capital;
    in->joined_after = joined_after && words_[place.end].capital;
    in->headline = headline_;
    in->run_before = in->run_after = 0;
    if (headline_) return;
    in->capital_before = in->joined_before;
    in->capital_after = in->joined_after;
    in->alone = in->capital_before + in->capital_after == 0;
    for (uint32_t w = place.begin; w > 0 && words_[w - 1].capital && words_[w - 1].joined; --w) {
      if (in->run_before < 255) ++in->run_before;
    }
    for (uint32_t w = place.end; w < words_.size() && words_[w].capital && words_[w - 1].joined;
         ++w) {
      if (in->run_after < 255) ++in->run_after;
    }
  }

  const NameTable& names_;
  const WordText& text_;
  const std::vector<WordText::Word>& words_;
  const bool first_text_;
  bool headline_ = false, all_upper_ = false;
  std::vector<uint32_t> cover_;  // by word: the place in `whole` of the name that has it
};

void AddCount(uint16_t* sum, uint16_t more) {
  *sum = static_cast<uint16_t>(std::min(0xFFFF, *sum + more));
}

// Occurrences of one name in one form become one.
void Merge(std::vector<NameInDocument>* names) {
  std::stable_sort(names->begin(), names->end(),
                   [](const NameInDocument& a, const NameInDocument& b) {
                     return std::tie(a.name, a.form) < std::tie(b.name, b.form);
                   });
  size_t kept = 0;
  for (const NameInDocument& in : *names) {
    if (kept == 0 || (*names)[kept - 1].name != in.name || (*names)[kept - 1].form != in.form) {
      (*names)[kept++] = in;
      continue;
    }
    NameInDocument& to = (*names)[kept - 1];
    for (const auto count :
         {&NameInDocument::times, &NameInDocument::nested, &NameInDocument::crossing,
          &NameInDocument::capital_before, &NameInDocument::capital_after, &NameInDocument::alone,
          &NameInDocument::headline, &NameInDocument::begins, &NameInDocument::genitive,
          &NameInDocument::comma, &NameInDocument::hyphen, &NameInDocument::joined_before,
          &NameInDocument::joined_after}) {
      AddCount(&(to.*count), in.*count);
    }
    to.in_first = to.in_first || in.in_first;
    to.in_rest = to.in_rest || in.in_rest;
    to.run_before = std::min(to.run_before, in.run_before);
    to.run_after = std::min(to.run_after, in.run_after);
    if (to.cover == kNoName) to.cover = in.cover;
  }
  names->resize(kept);
}

DocumentNames ReadDocument(const NameTable& names, const Document& document) {
  DocumentNames out;
  for (size_t t = 0; t < document.texts.size(); ++t) {
    const WordText text = SplitIntoWords(document.texts[t]);
    TextReader(names, text, t == 0).Read(&out.names);
    for (const WordText::Word& word : text.words) out.words.push_back(word.hash);
    out.length += static_cast<uint32_t>(text.words.size());
    out.has_rest = out.has_rest || (t > 0 && !text.words.empty());
  }
  std::sort(out.words.begin(), out.words.end());
  out.words.erase(std::unique(out.words.begin(), out.words.end()), out.words.end());
  Merge(&out.names);
  return out;
}

}  // namespace

absl::StatusOr<std::vector<DocumentNames>> FindNames(const NameTable& names,
                                                     std::span<const Document> documents,
                                                     TaskArena& arena, Progress* progress) {
  std::vector<DocumentNames> out(documents.size());
  const auto n = static_cast<int64_t>(documents.size());
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t size = std::min(kBlock, n - begin);
    arena.For(size, kGrain, [&](int64_t from, int64_t to) {
      for (auto d = static_cast<size_t>(begin + from); d < static_cast<size_t>(begin + to); ++d) {
        out[d] = ReadDocument(names, documents[d]);
      }
    });
    UNDULA_RETURN_IF_ERROR(Progress::Report(progress, begin + size, n, "finding names"));
  }
  return out;
}

Neighbors::Neighbors(const EdgeCsr& out, const EdgeCsr& in) {
  ptr_.assign(1, 0);
  std::vector<EntityId> row;
  for (int64_t e = 0; e < out.rows(); ++e) {
    row.clear();
    for (const EdgeCsr* edges : {&out, &in}) {
      row.insert(row.end(), edges->entity.begin() + edges->ptr[static_cast<size_t>(e)],
                 edges->entity.begin() + edges->ptr[static_cast<size_t>(e) + 1]);
    }
    std::sort(row.begin(), row.end());
    row.erase(std::unique(row.begin(), row.end()), row.end());
    entity_.insert(entity_.end(), row.begin(), row.end());
    ptr_.push_back(static_cast<int64_t>(entity_.size()));
  }
}

bool Neighbors::Connected(EntityId a, EntityId b) const {
  return std::binary_search(entity_.begin() + ptr_[Index(a)], entity_.begin() + ptr_[Index(a) + 1],
                            b);
}

std::vector<EntityId> ByLabel(const NameTable& names, const DocumentNames& found) {
  std::vector<EntityId> out;
  for (const NameInDocument& in : found.names) {
    if (in.nested == in.times) continue;
    EntityId only = kNone<EntityId>;
    int labels = 0;
    for (const NameTable::Entry& entry : names.Entries(in.name)) {
      if (entry.kind > NameKind::kBare) continue;
      only = entry.entity;
      ++labels;
    }
    if (labels == 1) out.push_back(only);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

double MentionThreshold(std::span<const std::vector<Mention>> mentions, double precision,
                        double least) {
  std::vector<double> all;
  for (const std::vector<Mention>& document : mentions) {
    for (const Mention& mention : document) {
      if (mention.confidence >= least) all.push_back(mention.confidence);
    }
  }
  std::sort(all.rbegin(), all.rend());
  double sum = 0, threshold = 1;
  for (size_t i = 0; i < all.size(); ++i) {
    sum += all[i];
    if (sum >= precision * static_cast<double>(i + 1)) threshold = all[i];
  }
  return threshold;
}

}  // namespace undula::linking
