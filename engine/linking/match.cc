#include "linking/match.h"

#include <algorithm>
#include <array>

namespace undula::linking {
namespace {

// By TitleForm::Kind.
constexpr std::array<float, TitleForm::kKinds> kFormCost = {0, 0, 0.5f, 2, 2.5f, 3};
constexpr std::array<float, TitleForm::kKinds> kLabelCost = {0, 0, 0, 2, 0, 0};
constexpr float kOtherWords = 0.25f, kAlias = 0.25f, kEdit = 1;
constexpr float kWholeTitle = 1;  // below this nothing was left out or edited

class Matcher {
 public:
  void Add(const TitleForm& form, const IndexedLabel& label, int edits) {
    Match match;
    match.entity = label.entity;
    match.form = form.kind;
    match.label_form = label.kind;
    match.source = label.source;
    match.edits = static_cast<uint8_t>(edits);
    match.same_words = edits == 0 && label.words == form.words;
    match.key_size = static_cast<uint8_t>(std::min<size_t>(form.key.size(), LabelIndex::kMaxKey));
    match.label_year = label.year;
    match.qualifier = label.qualifier;
    match.cost = kFormCost[form.kind] + kLabelCost[label.kind] +
                 (match.same_words ? 0 : kOtherWords) + kEdit * static_cast<float>(edits) +
                 (label.source == LabelSource::kAlias ? kAlias : 0);
    matches_.push_back(match);
  }

  bool has_whole() const {
    return std::any_of(matches_.begin(), matches_.end(),
                       [](const Match& m) { return m.cost < kWholeTitle; });
  }

  std::vector<Match> Take(size_t most) {
    std::sort(matches_.begin(), matches_.end(), [](const Match& a, const Match& b) {
      return a.entity != b.entity ? a.entity < b.entity : a.cost < b.cost;
    });
    matches_.erase(std::unique(matches_.begin(), matches_.end(),
                               [](const Match& a, const Match& b) { return a.entity == b.entity; }),
                   matches_.end());
    std::sort(matches_.begin(), matches_.end(), [](const Match& a, const Match& b) {
      return a.cost != b.cost ? a.cost < b.cost : a.entity < b.entity;
    });
    if (matches_.size() > most) matches_.resize(most);
    return std::move(matches_);
  }

 private:
  std::vector<Match> matches_;
};

}  // namespace

TitleMatches MatchTitle(const LabelIndex& index, std::string_view title, bool approximate,
                        size_t most) {
  TitleMatches out;
  if (title.size() > kMaxTitle) {
    out.problem = TitleProblem::kTooLong;
    return out;
  }
  const absl::StatusOr<ParsedTitle> parsed =
      ParseTitle(title, TitleRole::kTitle, index.languages());
  if (!parsed.ok()) {
    out.problem = TitleProblem::kInvalidUtf8;
    return out;
  }
  if (parsed->forms.empty()) {
    out.problem = TitleProblem::kEmpty;
    return out;
  }
  out.year = parsed->year;
  Matcher matcher;
  for (const TitleForm& form : parsed->forms) {
    for (const IndexedLabel& label : index.Find(form.key)) matcher.Add(form, label, 0);
  }
  if (approximate && !matcher.has_whole()) {
    for (const TitleForm& form : parsed->forms) {
      if (form.kind > TitleForm::kInner) continue;
      index.FindNear(form.key, [&](std::span<const IndexedLabel> labels, int edits) {
        for (const IndexedLabel& label : labels) matcher.Add(form, label, edits);
      });
    }
  }
  out.matches = matcher.Take(most);
  return out;
}

}  // namespace undula::linking
