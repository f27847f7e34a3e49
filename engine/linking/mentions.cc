#include "linking/mentions.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "base/status.h"
#include "linking/link_model.h"

namespace undula::linking {
namespace {

constexpr int64_t kGrain = 64, kBlock = 16384;
constexpr size_t kMostEntities = 16;  // of a name: the most often meant ones
constexpr int kLeastTrained = 20;
constexpr double kStrength = 1;
constexpr double kContextPrior = 0.3;  // added to counts of documents
constexpr float kProduct = 0.5f;       // scale of products against the evidence itself

bool Has(const std::vector<EntityId>& sorted, EntityId e) {
  return std::binary_search(sorted.begin(), sorted.end(), e);
}

float Log1p(double x) { return static_cast<float>(std::log1p(x)); }

// Log-odds of a against b, both counts.
float LogOdds(double a, double b) { return static_cast<float>(std::log((a + 0.5) / (b + 0.5))); }

// `part` stands in `name` as whole words.
bool HasWords(std::string_view name, std::string_view part) {
  const size_t at = name.find(part);
  if (at == name.npos) return false;
  const size_t end = at + part.size();
  return (at == 0 || name[at - 1] == ' ') && (end == name.size() || name[end] == ' ');
}

// Most words are capitalized, as in headlines: case says nothing there.
bool IsTitleCase(const WordText& text) {
  size_t capitals = 0;
  for (const WordText::Word& word : text.words) capitals += word.capital;
  return capitals * 2 > text.words.size();
}

void AddName(const WordText& text, bool title_case, size_t first, NameTable::Match match,
             bool first_text, std::map<uint32_t, NameInDocument>* found) {
  const size_t end = first + match.words;
  bool capital = true, upper = true;
  for (size_t w = first; w < end; ++w) {
    capital = capital && text.words[w].capital;
    upper = upper && text.words[w].all_upper;
  }
  NameInDocument& name = found->try_emplace(match.name, NameInDocument{}).first->second;
  if (name.times == 0xFFFF) return;
  name.name = match.name;
  name.words = static_cast<uint8_t>(match.words);
  ++name.times;
  name.all_upper = name.all_upper || (upper && !title_case);
  name.in_first = name.in_first || first_text;
  if (title_case) return;
  name.beside += (first > 0 && text.words[first - 1].capital && text.words[first - 1].joined) ||
                 (end < text.words.size() && text.words[end].capital && text.words[end - 1].joined);
  if (first > 0 || match.words > 1) ++(capital ? name.capital : name.lower);
}

// The evidence and all products of two of its parts: whether a word is capitalized says more of a
// name never seen than of a known one, and so on.
constexpr size_t kTerms = kMentionEvidenceCount * (kMentionEvidenceCount + 1) / 2;

std::array<float, kTerms> Terms(const std::array<float, kMentionEvidenceCount>& x) {
  std::array<float, kTerms> terms;
  size_t at = 0;
  for (size_t i = 0; i < x.size(); ++i) terms[at++] = x[i];
  for (size_t i = 1; i < x.size(); ++i) {
    for (size_t j = i; j < x.size(); ++j) {
      if (i != j) terms[at++] = x[i] * x[j] * kProduct;
    }
  }
  terms[at++] = x[kSeenOdds] * x[kSeenOdds] * kProduct;
  while (at < kTerms) terms[at++] = 0;
  return terms;
}

}  // namespace

absl::StatusOr<std::vector<std::vector<NameInDocument>>> FindNames(
    const NameTable& names, std::span<const Document> documents, TaskArena& arena,
    Progress* progress) {
  std::vector<std::vector<NameInDocument>> out(documents.size());
  const auto n = static_cast<int64_t>(documents.size());
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t size = std::min(kBlock, n - begin);
    arena.For(size, kGrain, [&](int64_t from, int64_t to) {
      for (auto d = static_cast<size_t>(begin + from); d < static_cast<size_t>(begin + to); ++d) {
        std::map<uint32_t, NameInDocument> found;
        for (size_t t = 0; t < documents[d].texts.size(); ++t) {
          const WordText text = SplitIntoWords(documents[d].texts[t]);
          const bool title_case = IsTitleCase(text);
          for (size_t w = 0; w < text.words.size();) {
            const NameTable::Match match = names.FindLongest(text, w);
            if (match.words > 0) AddName(text, title_case, w, match, t == 0, &found);
            w += std::max<size_t>(match.words, 1);
          }
        }
        out[d].reserve(found.size());
        for (const auto& [name, in] : found) out[d].push_back(in);
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

float MentionModel::Context(EntityId entity, uint32_t name,
                            const std::vector<NameInDocument>& found, bool own) const {
  const double documents = documents_[Index(entity)] - (own ? 1.0 : 0.0);
  if (documents <= 0) return 0;
  double sum = 0, n = 0;
  for (const NameInDocument& in : found) {
    if (in.name == name || occurrences_[in.name] < 2) continue;
    const auto at = beside_.find({entity, in.name});
    const double together = at == beside_.end() ? 0 : at->second - (own ? 1.0 : 0.0);
    const double expected = documents * occurrences_[in.name] / annotated_;
    sum += std::log((together + kContextPrior) / (expected + kContextPrior));
    ++n;
  }
  return n == 0 ? 0 : static_cast<float>(sum / std::sqrt(n));
}

std::vector<MentionModel::Candidate> MentionModel::Candidates(
    const std::vector<NameInDocument>& found, const std::vector<EntityId>* own) const {
  std::vector<Candidate> out;
  for (const NameInDocument& in : found) {
    const std::span<const NameTable::Entry> entries = names_->Entries(in.name);
    const uint32_t first = names_->EntryBegin(in.name);
    std::vector<uint32_t> order(entries.size());
    for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(),
                     [&](uint32_t a, uint32_t b) { return meant_[first + a] > meant_[first + b]; });
    if (order.size() > kMostEntities) order.resize(kMostEntities);
    const double seen = occurrences_[in.name] - (own != nullptr ? 1 : 0);
    for (const uint32_t i : order) {
      Candidate candidate{in.name, first + i, entries[i].entity, {}};
      const double self = own != nullptr && Has(*own, candidate.entity) ? 1 : 0;
      auto& x = candidate.evidence;
      x[kMentionBias] = 1;
      if (seen > 0) {
        const double meant = meant_[candidate.entry] - self;
        x[kSeen] = 1;
        x[kSeenOdds] = static_cast<float>(std::log((meant + 0.3) / (seen - meant + 0.3)));
        x[kSeenLog] = Log1p(seen);
      } else {
        x[kUnseenUpper] = in.all_upper;
        x[kUnseenWords] = static_cast<float>(std::log(in.words));
        x[kUnseenLength] =
            static_cast<float>(std::log(static_cast<double>(names_->Name(in.name).size()) / 10));
        x[kUnseenLabel] = entries[i].is_label;
        x[kUnseenLast] = entries[i].is_last;
        x[kUnseenRivals] = static_cast<float>(std::log(static_cast<double>(entries.size())));
        x[kUnseenCommon] = Log1p(usage_[in.name].documents);
      }
      x[kCapital] = LogOdds(in.capital, in.lower);
      x[kUsualCapital] = usage_[in.name].capital;
      x[kBeside] = LogOdds(in.beside, in.times - in.beside);
      x[kUsualBeside] = usage_[in.name].beside;
      x[kContext] = Context(candidate.entity, in.name, found, self > 0);
      x[kEntityLog] = Log1p(documents_[Index(candidate.entity)] - self);
      x[kTimes] = static_cast<float>(std::log(in.times));
      x[kInFirst] = in.in_first;
      out.push_back(candidate);
    }
  }
  for (Candidate& a : out) {
    int connected = 0;
    bool other = false, contained = false;
    for (const Candidate& b : out) {
      if (b.name == a.name) continue;
      connected += neighbors_->Connected(a.entity, b.entity);
      other = other || b.entity == a.entity;
      contained = contained ||
                  (b.entity != a.entity && HasWords(names_->Name(b.name), names_->Name(a.name)));
    }
    a.evidence[kConnected] = Log1p(connected);
    a.evidence[kOtherNames] = other;
    a.evidence[kContained] = contained && !other;
    a.evidence[kPopular] = Log1p(static_cast<double>(neighbors_->Count(a.entity)));
  }
  return out;
}

void MentionModel::CountUsage(std::span<const std::vector<NameInDocument>> found) {
  struct Sums {
    double times = 0, capital = 0, lower = 0, beside = 0;
  };
  std::vector<Sums> sums(static_cast<size_t>(names_->names()));
  usage_.resize(sums.size());
  for (const std::vector<NameInDocument>& document : found) {
    for (const NameInDocument& in : document) {
      Sums& sum = sums[in.name];
      sum.times += in.times;
      sum.capital += in.capital;
      sum.lower += in.lower;
      sum.beside += in.beside;
      ++usage_[in.name].documents;
    }
  }
  for (size_t n = 0; n < sums.size(); ++n) {
    usage_[n].capital = LogOdds(sums[n].capital, sums[n].lower);
    usage_[n].beside = LogOdds(sums[n].beside, sums[n].times - sums[n].beside);
  }
}

absl::StatusOr<MentionModel> MentionModel::Train(const NameTable& names, const Neighbors& neighbors,
                                                 std::span<const std::vector<NameInDocument>> found,
                                                 const MentionGold& gold, uint32_t n_entities) {
  MentionModel model(names, neighbors);
  model.occurrences_.assign(static_cast<size_t>(names.names()), 0);
  model.meant_.assign(static_cast<size_t>(names.entries()), 0);
  model.documents_.assign(n_entities, 0);
  model.CountUsage(found);
  for (size_t d = 0; d < found.size(); ++d) {
    if (gold.annotated[d] == 0) continue;
    ++model.annotated_;
    for (const EntityId e : gold.entities[d]) {
      ++model.documents_[Index(e)];
      for (const NameInDocument& in : found[d]) ++model.beside_[{e, in.name}];
    }
    for (const NameInDocument& in : found[d]) {
      ++model.occurrences_[in.name];
      const std::span<const NameTable::Entry> entries = names.Entries(in.name);
      for (size_t i = 0; i < entries.size(); ++i) {
        model.meant_[names.EntryBegin(in.name) + i] += Has(gold.entities[d], entries[i].entity);
      }
    }
  }
  std::vector<float> rows;
  std::vector<uint8_t> labels;
  int right = 0;
  for (size_t d = 0; d < found.size(); ++d) {
    if (gold.annotated[d] == 0) continue;
    for (const Candidate& candidate : model.Candidates(found[d], &gold.entities[d])) {
      const auto terms = Terms(candidate.evidence);
      rows.insert(rows.end(), terms.begin(), terms.end());
      labels.push_back(Has(gold.entities[d], candidate.entity));
      right += labels.back();
    }
  }
  if (right < kLeastTrained) {
    return FailedPreconditionError("only ", right,
                                   " names of the annotated documents stand for an ",
                                   "annotated entity; at least ", kLeastTrained, " are needed");
  }
  model.weights_ = FitLogistic(rows, labels, std::vector<double>(kTerms, 0), kStrength);
  return model;
}

std::vector<Mention> MentionModel::Weigh(const std::vector<NameInDocument>& found) const {
  std::map<uint32_t, Mention> by_name;
  for (const Candidate& candidate : Candidates(found, nullptr)) {
    double logit = 0;
    const auto terms = Terms(candidate.evidence);
    for (size_t i = 0; i < kTerms; ++i) logit += weights_[i] * static_cast<double>(terms[i]);
    const Mention mention{candidate.entity, candidate.name, 1 / (1 + std::exp(-logit))};
    const auto [at, added] = by_name.try_emplace(candidate.name, mention);
    if (!added && mention.confidence > at->second.confidence) at->second = mention;
  }
  std::map<EntityId, Mention> by_entity;
  for (const auto& [name, mention] : by_name) {
    const auto [at, added] = by_entity.try_emplace(mention.entity, mention);
    if (!added && mention.confidence > at->second.confidence) at->second = mention;
  }
  std::vector<Mention> out;
  for (const auto& [entity, mention] : by_entity) out.push_back(mention);
  std::stable_sort(out.begin(), out.end(),
                   [](const Mention& a, const Mention& b) { return a.confidence > b.confidence; });
  return out;
}

std::vector<EntityId> MentionModel::ByPrior(const std::vector<NameInDocument>& found) const {
  std::vector<EntityId> out;
  for (const NameInDocument& in : found) {
    const std::span<const NameTable::Entry> entries = names_->Entries(in.name);
    const auto begin = meant_.begin() + names_->EntryBegin(in.name);
    const auto best = std::max_element(begin, begin + static_cast<ptrdiff_t>(entries.size()));
    const uint32_t seen = occurrences_[in.name];
    if (seen == 0 ? entries.size() == 1 : 2 * *best >= seen) {
      out.push_back(entries[static_cast<size_t>(best - begin)].entity);
    }
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::vector<EntityId> ByLabel(const NameTable& names, const std::vector<NameInDocument>& found) {
  std::vector<EntityId> out;
  for (const NameInDocument& in : found) {
    EntityId only = kNone<EntityId>;
    int labels = 0;
    for (const NameTable::Entry& entry : names.Entries(in.name)) {
      if (!entry.is_label) continue;
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
