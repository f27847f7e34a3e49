#include "linking/candidates.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/status.h"
#include "linking/type_evidence.h"

namespace undula::linking {
namespace {

constexpr int64_t kGrain = 256;          // items of a parallel task
constexpr int64_t kBlock = 65536;        // items between two questions to Progress
constexpr int64_t kMostNeighbors = 256;  // looked at for agreement with the catalogue's columns

// Who fits an entity: the least cost over all items, and how many items have it.
struct Claim {
  float cost = std::numeric_limits<float>::infinity();
  uint32_t items = 0;
};

class Collector {
 public:
  Collector(const Universe& universe, std::span<const CatalogItem> items,
            const CandidateOptions& options, TaskArena& arena, Progress* progress)
      : universe_(universe), items_(items), options_(options), arena_(arena), progress_(progress) {}

  absl::StatusOr<std::vector<ItemCandidates>> Run() {
    matches_.resize(items_.size());
    UNDULA_RETURN_IF_ERROR(ForItems("looking up titles", [this](size_t i) {
      matches_[i] = MatchTitle(universe_.labels, items_[i].title, options_.approximate,
                               static_cast<size_t>(options_.most));
    }));
    std::vector<TypeEvidence::Seed> seeds;
    claims_.resize(universe_.entities());
    for (const TitleMatches& found : matches_) {
      for (const Match& match : found.matches) {
        Claim& claim = claims_[Index(match.entity)];
        if (match.cost < claim.cost) claim = {match.cost, 0};
        if (match.cost == claim.cost) ++claim.items;
      }
      if (IsClear(found)) {
        seeds.push_back({found.matches[0].entity, found.matches[0].qualifier});
      }
    }
    const TypeEvidence types(universe_, seeds);
    std::vector<ItemCandidates> out(items_.size());
    UNDULA_RETURN_IF_ERROR(ForItems("weighing evidence", [&](size_t i) {
      out[i].problem = matches_[i].problem;
      out[i].candidates = Weigh(items_[i], matches_[i], types);
    }));
    return out;
  }

 private:
  // One entity has the title's very words, no other fits it as a whole.
  static bool IsClear(const TitleMatches& found) {
    const std::vector<Match>& m = found.matches;
    return !m.empty() && m[0].same_words && m[0].cost == 0 && (m.size() == 1 || m[1].cost >= 1);
  }

  template <class F>
  absl::Status ForItems(const char* message, F&& f) {
    const auto n = static_cast<int64_t>(items_.size());
    for (int64_t begin = 0; begin < n; begin += kBlock) {
      const int64_t size = std::min(kBlock, n - begin);
      arena_.For(size, kGrain, [&](int64_t first, int64_t last) {
        for (int64_t i = begin + first; i < begin + last; ++i) f(static_cast<size_t>(i));
      });
      UNDULA_RETURN_IF_ERROR(Progress::Report(progress_, begin + size, n, message));
    }
    return absl::OkStatus();
  }

  float Agreements(const CatalogItem& item, EntityId entity) const {
    if (item.attributes.empty()) return 0;
    int found = 0;
    for (const EdgeCsr* edges : {universe_.out, universe_.in}) {
      const int64_t begin = edges->ptr[Index(entity)];
      const int64_t end = std::min(edges->ptr[Index(entity) + 1], begin + kMostNeighbors);
      for (int64_t e = begin; e < end; ++e) {
        const uint32_t hash = universe_.name_hash[Index(edges->entity[static_cast<size_t>(e)])];
        if (hash != 0 && std::binary_search(item.attributes.begin(), item.attributes.end(), hash)) {
          ++found;
        }
      }
    }
    return static_cast<float>(std::min(found, 3));
  }

  void CompareYears(const CatalogItem& item, int title_year, const Match& match,
                    EvidenceVector* x) const {
    const int ours = title_year != 0 ? title_year : item.year;
    const int theirs =
        match.label_year != 0 ? match.label_year : universe_.year[Index(match.entity)];
    if (ours == 0 || theirs == 0) return;
    const int apart = std::abs(ours - theirs);
    (*x)[apart == 0 ? kSameYear : apart == 1 ? kNearYear : kOtherYear] = 1;
  }

  std::vector<Candidate> Weigh(const CatalogItem& item, const TitleMatches& found,
                               const TypeEvidence& types) const {
    std::vector<Candidate> out;
    out.reserve(found.matches.size());
    for (const Match& match : found.matches) {
      Candidate candidate{match.entity, {}};
      EvidenceVector& x = candidate.evidence;
      x[kBias] = 1;
      x[kSameWords] = match.same_words;
      x[kEdits] = 10.0f * match.edits / static_cast<float>(std::max<int>(match.key_size, 1));
      switch (match.form) {
        case TitleForm::kWhole:
        case TitleForm::kBare:
          break;
        case TitleForm::kInner:
          x[kFromInner] = 1;
          break;
        case TitleForm::kHead:
          x[kFromHead] = 1;
          break;
        case TitleForm::kTail:
          x[kFromTail] = 1;
          break;
        case TitleForm::kPart:
          x[kFromPart] = 1;
          break;
      }
      x[kOfHead] = match.label_form == TitleForm::kHead;
      x[kOfBare] = match.label_form == TitleForm::kBare;
      x[kOfAlias] = match.source == LabelSource::kAlias;
      x[kLength] = std::log(static_cast<float>(match.key_size) / 10);
      CompareYears(item, found.year, match, &x);
      x[kType] = static_cast<float>(types.OfRelations(match.entity));
      x[kQualifier] = static_cast<float>(types.OfQualifier(match.qualifier));
      x[kDegree] = std::log10(1 + static_cast<float>(universe_.degree(match.entity)));
      x[kRank] = std::log10(universe_.page_rank[Index(match.entity)] + 1e-6f);
      const Claim& claim = claims_[Index(match.entity)];
      x[kClaimed] = claim.cost < match.cost;
      x[kShared] = claim.cost == match.cost ? std::log(static_cast<float>(claim.items)) : 0;
      x[kAgrees] = Agreements(item, match.entity);
      out.push_back(std::move(candidate));
    }
    AddRivalry(found.matches, &out);
    return out;
  }

  static float YearFit(const EvidenceVector& x) {
    return x[kSameYear] + 0.5f * x[kNearYear] - x[kOtherYear];
  }

  // Evidence against the candidates that fit the title as well or better.
  static void AddRivalry(const std::vector<Match>& matches, std::vector<Candidate>* candidates) {
    for (size_t i = 0; i < matches.size(); ++i) {
      EvidenceVector& x = (*candidates)[i].evidence;
      x[kBest] = matches[i].cost == matches[0].cost;
      int rivals = 0;
      float degree = 0, type = 0, qualifier = 0, year = 0;
      for (size_t j = 0; j < matches.size() && matches[j].cost <= matches[i].cost; ++j) {
        if (j == i) continue;
        const EvidenceVector& y = (*candidates)[j].evidence;
        degree = rivals == 0 ? y[kDegree] : std::max(degree, y[kDegree]);
        type = rivals == 0 ? y[kType] : std::max(type, y[kType]);
        qualifier = rivals == 0 ? y[kQualifier] : std::max(qualifier, y[kQualifier]);
        year = rivals == 0 ? YearFit(y) : std::max(year, YearFit(y));
        ++rivals;
      }
      x[kRivals] = std::log(1 + static_cast<float>(rivals));
      if (rivals == 0) continue;
      x[kDegreeLead] = x[kDegree] - degree;
      x[kTypeLead] = x[kType] - type;
      x[kQualifierLead] = x[kQualifier] - qualifier;
      x[kYearLead] = YearFit(x) - year;
    }
  }

  const Universe& universe_;
  const std::span<const CatalogItem> items_;
  const CandidateOptions& options_;
  TaskArena& arena_;
  Progress* const progress_;
  std::vector<TitleMatches> matches_;
  std::vector<Claim> claims_;
};

}  // namespace

absl::StatusOr<std::vector<ItemCandidates>> FindCandidates(const Universe& universe,
                                                           std::span<const CatalogItem> items,
                                                           const CandidateOptions& options,
                                                           TaskArena& arena, Progress* progress) {
  return Collector(universe, items, options, arena, progress).Run();
}

}  // namespace undula::linking
