#include "queries/explanation_tally.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "base/status.h"
#include "models/eval/metrics.h"

namespace undula::queries {
namespace {

using models::AttentionSlot;

constexpr int64_t kReplicates = 1000;

void Share(double* sum, int64_t n) { *sum = n == 0 ? 0 : *sum / static_cast<double>(n); }

}  // namespace

EntityId ItemReasons::Shared(size_t reason) const {
  return reasons[reason].kind == Reason::Kind::kModel ? last[reason].to() : last[reason].from();
}

std::set<std::string> ItemReasons::Names() const {
  std::set<std::string> names;
  for (const Reason& reason : reasons) {
    std::string name = reason.path.empty() ? reason.seed_item : std::string();
    for (const PathEdge& e : reason.path) {
      name += Concat(e.head, "\t", e.relation, "\t", e.tail, "\n");
    }
    names.insert(std::move(name));
  }
  return names;
}

std::vector<AttentionSlot> ItemReasons::AllTriples() const {
  std::map<std::tuple<EntityId, RelationId, EntityId>, AttentionSlot> distinct;
  for (const auto& of_reason : triples) {
    for (const AttentionSlot& t : of_reason) distinct.try_emplace({t.head, t.relation, t.tail}, t);
  }
  std::vector<AttentionSlot> out;
  for (const auto& [key, triple] : distinct) out.push_back(triple);
  return out;
}

Ground::Ground(const Context& context) : context_(context) {
  entities_.Build(context.catalog->entities);
  relations_.Build(context.catalog->relations);
}

bool Ground::Has(const PathEdge& edge) const {
  const uint32_t head = entities_.Find(edge.head), tail = entities_.Find(edge.tail);
  const uint32_t relation = relations_.Find(edge.relation);
  if (head == kNoIndex || tail == kNoIndex || relation == kNoIndex) return false;
  const EdgeCsr& out = context_.snapshot->out;
  for (int64_t e = out.ptr[head]; e < out.ptr[head + 1]; ++e) {
    if (Index(out.relation[e]) == relation && Index(out.entity[e]) == tail) return true;
  }
  return false;
}

Ground::Times Ground::Recency(UserId user) const {
  Times out;
  const InteractionCsr<ItemId>& log = context_.snapshot->by_user;
  if (Index(user) >= log.rows()) return out;
  const int64_t begin = log.ptr[Index(user)], end = log.ptr[Index(user) + 1];
  std::vector<double> times(log.time.begin() + begin, log.time.begin() + end);
  const std::vector<double> smoothed = SmoothedRanks(times);
  for (int64_t i = begin; i < end; ++i) {
    out[std::string(context_.catalog->items[Index(log.other[i])])] =
        smoothed[static_cast<size_t>(i - begin)];
  }
  return out;
}

double Ground::Popularity(EntityId entity, RelationId relation, bool is_tail) {
  const auto [at, fresh] = popularity_.try_emplace({Index(relation), is_tail});
  if (fresh) at->second = PopularityOf(relation, is_tail);
  const auto found = at->second.find(Index(entity));
  return found == at->second.end() ? 0 : found->second;
}

Ground::ByEntity Ground::PopularityOf(RelationId relation, bool is_tail) const {
  const EdgeCsr& edges = is_tail ? context_.snapshot->out : context_.snapshot->in;
  ByEntity degree;
  for (int64_t e = 0; e < edges.edges(); ++e) {
    if (edges.relation[e] == relation) degree[Index(edges.entity[e])] += 1;
  }
  std::vector<std::pair<double, uint32_t>> order;
  for (const auto& [entity, n] : degree) order.emplace_back(n, entity);
  std::sort(order.begin(), order.end());
  std::vector<double> values;
  for (const auto& [n, entity] : order) values.push_back(n);
  const std::vector<double> smoothed = SmoothedRanks(values);
  for (size_t i = 0; i < order.size(); ++i) degree[order[i].second] = smoothed[i];
  return degree;
}

void Tally::AddItem(const ItemReasons& item, const Ground::Times& recency, double seconds) {
  ++out_.items;
  out_.milliseconds += 1e3 * seconds;
  out_.coverage += !item.reasons.empty();
  out_.touching += std::any_of(item.reasons.begin(), item.reasons.end(),
                               [](const Reason& r) { return r.shared; });
  std::set<std::string> last_relations;
  for (size_t i = 0; i < item.reasons.size(); ++i) {
    const Reason& reason = item.reasons[i];
    ++out_.reasons;
    out_.bits += reason.bits;
    const auto start = recency.find(reason.seed_item);
    if (start != recency.end()) {
      out_.recency += start->second;
      ++with_start_;
    }
    if (reason.path.empty()) continue;
    ++with_path_;
    out_.faithful += std::all_of(reason.path.begin(), reason.path.end(),
                                 [&](const PathEdge& e) { return ground_->Has(e); });
    const AttentionSlot& edge = item.last[i];
    const EntityId shared = item.Shared(i);
    out_.popularity += ground_->Popularity(shared, edge.relation, shared == edge.tail);
    last_relations.insert(reason.path.back().relation);
    ShownPath path{
        reason.seed_item, std::string(ground_->Name(shared)), reason.path.back().relation, {}};
    for (const PathEdge& e : reason.path) path.pattern += e.relation + "\n";
    paths_.push_back(std::move(path));
  }
  if (!last_relations.empty()) {
    diverse_ +=
        static_cast<double>(last_relations.size()) / static_cast<double>(item.reasons.size());
    ++with_reasons_;
  }
}

void Tally::AddCovered(bool covered) {
  ++out_.items;
  out_.coverage += covered;
}

void Tally::AddDeletion(const Deletion& d) {
  ++out_.deletions;
  out_.drop += d.drop;
  out_.random_drop += d.random_drop;
  out_.ranks_lost += d.ranks;
  out_.random_ranks_lost += d.random_ranks;
  out_.without_effect += d.drop == 0;
  user_.push_back(d.drop - d.random_drop);
}

void Tally::AddScores(double whole, double of_reasons, double of_none) {
  ++scored_;
  out_.score += whole;
  out_.score_of_reasons += of_reasons;
  out_.score_of_none += of_none;
}

void Tally::AddHistory(double of_reasons, double whole) {
  ++out_.histories;
  histories_of_reasons_ += of_reasons;
  whole_histories_ += whole;
}

void Tally::AddPair(double jaccard) {
  ++out_.pairs;
  out_.stability += jaccard;
}

void Tally::EndUser() {
  ++out_.users;
  if (!paths_.empty()) {
    const PathVariety variety = VarietyOf(paths_, ground_->relations());
    out_.starts += variety.starts;
    out_.entities += variety.entities;
    out_.patterns += variety.patterns;
    out_.types += variety.types;
    out_.evenness += variety.evenness;
    ++users_with_paths_;
    paths_.clear();
  }
  if (user_.empty()) return;
  better_.push_back(std::accumulate(user_.begin(), user_.end(), 0.0) /
                    static_cast<double>(user_.size()));
  user_.clear();
}

ExplanationQuality Tally::Finish(uint64_t seed) {
  for (double* sum : {&out_.coverage, &out_.touching, &out_.milliseconds}) Share(sum, out_.items);
  Share(&out_.bits, out_.reasons);
  Share(&out_.recency, with_start_);
  for (double* sum : {&out_.faithful, &out_.popularity}) Share(sum, with_path_);
  for (double* sum : {&out_.drop, &out_.random_drop, &out_.ranks_lost, &out_.random_ranks_lost,
                      &out_.without_effect}) {
    Share(sum, out_.deletions);
  }
  for (double* sum : {&out_.starts, &out_.entities, &out_.patterns, &out_.types, &out_.evenness}) {
    Share(sum, users_with_paths_);
  }
  for (double* sum : {&out_.score, &out_.score_of_reasons, &out_.score_of_none}) {
    Share(sum, scored_);
  }
  Share(&out_.stability, out_.pairs);
  out_.sufficiency = whole_histories_ == 0 ? 0 : histories_of_reasons_ / whole_histories_;
  out_.diversity = with_reasons_ == 0 ? 0 : diverse_ / static_cast<double>(with_reasons_);
  if (!better_.empty()) {
    const models::Interval interval = models::BootstrapMean(better_, kReplicates, seed);
    out_.better = interval.value;
    out_.better_low = interval.low;
    out_.better_high = interval.high;
  }
  return out_;
}

}  // namespace undula::queries
