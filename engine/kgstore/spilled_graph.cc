#include "kgstore/spilled_graph.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/ids.h"
#include "base/status.h"
#include "kgstore/dictionary.h"
#include "kgstore/labels.h"
#include "kgstore/merge_extras.h"
#include "kgstore/merge_tables.h"

namespace undula::kgstore::internal {
namespace {

// A record of the new names: big-endian (space, ~degree, first appearance), then hash, size, text
// and the provisional ids. The first appearance is that of SpilledTerm.
constexpr size_t kKey = 1 + 4 + 16;
constexpr size_t kText = kKey + 8 + 4;

void PutBig32(std::string* out, uint32_t value) {
  const uint32_t big = __builtin_bswap32(value);
  PutFixed(out, big);
}

void PutBig64(std::string* out, uint64_t value) {
  const uint64_t big = __builtin_bswap64(value);
  PutFixed(out, big);
}

// A label and its entity as one string whose order is that of (label, entity): a zero byte is
// written as two, 0 and 1, and two zeros end the label.
void EncodeLabel(std::string_view label, uint32_t entity, std::string* out) {
  out->clear();
  for (const char c : label) {
    out->push_back(c);
    if (c == '\0') out->push_back('\1');
  }
  out->append(2, '\0');
  PutBig32(out, entity);
}

class LabelSource final : public RecordSource<LabelPair> {
 public:
  explicit LabelSource(TextSorter* sorted) : sorted_(*sorted) { Load(); }
  const LabelPair* peek() const override { return sorted_.peek() == nullptr ? nullptr : &pair_; }
  void Advance() override {
    sorted_.Advance();
    Load();
  }
  absl::Status status() const override { return sorted_.status(); }

 private:
  void Load() {
    if (sorted_.peek() == nullptr) return;
    const std::string_view record = *sorted_.peek();
    const std::string_view escaped = record.substr(0, record.size() - 6);
    label_.clear();
    for (size_t i = 0; i < escaped.size(); ++i) {
      label_.push_back(escaped[i]);
      if (escaped[i] == '\0') ++i;
    }
    pair_ = {0, LoadBigEndian(record.data() + record.size() - 4), label_};
  }

  TextSorter& sorted_;
  std::string label_;
  LabelPair pair_{};
};

// Passes triples on and adds them, their fields put into another order, to a sorter.
class Tee final : public RecordSource<Triple> {
 public:
  using Order = Triple (*)(const Triple&);
  Tee(ExternalSorter<Triple>* from, ExternalSorter<Triple>* to, Order order)
      : from_(*from), to_(*to), order_(order) {}
  const Triple* peek() const override { return status_.ok() ? from_.peek() : nullptr; }
  void Advance() override {
    status_ = to_.Add(order_(*from_.peek()));
    from_.Advance();
  }
  absl::Status status() const override { return status_.ok() ? from_.status() : status_; }

 private:
  ExternalSorter<Triple>& from_;
  ExternalSorter<Triple>& to_;
  Order order_;
  absl::Status status_;
};

}  // namespace

absl::Status SpilledGraph::Report(uint64_t done, uint64_t total, std::string_view what) const {
  if (done % 1024 != 0) return absl::OkStatus();
  return Progress::Report(progress_, static_cast<int64_t>(done), static_cast<int64_t>(total), what);
}

// `members`: pairs of (run, provisional id).
absl::Status SpilledGraph::AddName(const std::string& members, const SpilledTerm& first) {
  const auto s = static_cast<size_t>(first.space);
  const DictionaryReader dictionary(writer_.old(), first.space);
  const uint32_t known = dictionary.size();
  if (known > 0) {
    UNDULA_ASSIGN_OR_RETURN(const uint32_t id, dictionary.Find(first.text));
    if (id != kNoIndex) {
      for (size_t i = 0; i < members.size(); i += 8) {
        const auto run = LoadFixed<uint32_t>(&members[i]);
        UNDULA_RETURN_IF_ERROR(ids_[s]->Add({run, LoadFixed<uint32_t>(&members[i + 4]), id}));
      }
      return absl::OkStatus();
    }
  }
  if (uint64_t{known} + fresh_count_[s] >= kMaxIds) {
    return ResourceExhaustedError(writer_.old().store().path(), ": more than ", kMaxIds, " ",
                                  SpaceName(first.space), " names; one database holds no more");
  }
  ++fresh_count_[s];
  const bool by_degree = first.space == Space::kEntity && known == 0;
  std::string record(1, static_cast<char>(first.space));
  PutBig32(&record, by_degree ? ~first.degree : 0);
  PutBig64(&record, first.order);
  PutBig32(&record, first.run);
  PutBig32(&record, first.id);
  PutFixed(&record, first.hash);
  PutFixed(&record, static_cast<uint32_t>(first.text.size()));
  record.append(first.text).append(members);
  return fresh_->Add(record);
}

absl::Status SpilledGraph::Resolve() {
  for (auto& ids : ids_) Make(&ids);
  fresh_.emplace(spill_.folder(), spill_.share());
  std::optional<TextSorter>& terms = spill_.terms();
  UNDULA_RETURN_IF_ERROR(terms->Finish());
  uint64_t total = 0, done = 0;
  for (const SpilledRun& run : spill_.runs()) {
    for (const uint32_t names : run.names) total += names;
  }
  std::string held, members;
  SpilledTerm first{};
  for (; terms->peek() != nullptr; terms->Advance()) {
    const SpilledTerm term = DecodeSpilledTerm(*terms->peek());
    if (members.empty() || term.space != first.space || term.hash != first.hash ||
        term.text != first.text) {
      if (!members.empty()) UNDULA_RETURN_IF_ERROR(AddName(members, first));
      held = *terms->peek();
      first = DecodeSpilledTerm(held);
      members.clear();
    } else {
      first.degree += std::min(term.degree, ~first.degree);
    }
    PutFixed(&members, term.run);
    PutFixed(&members, term.id);
    UNDULA_RETURN_IF_ERROR(Report(++done, total, "looking up names"));
  }
  UNDULA_RETURN_IF_ERROR(terms->status());
  if (!members.empty()) UNDULA_RETURN_IF_ERROR(AddName(members, first));
  terms.reset();
  return fresh_->Finish();
}

// The new names of a space; keeps what becomes of their provisional ids.
class SpilledGraph::FreshNames final : public RecordSource<FreshText> {
 public:
  FreshNames(SpilledGraph* graph, Space space)
      : graph_(*graph),
        sorted_(*graph->fresh_),
        space_(space),
        next_id_(graph->writer_.next().CountOf(space)) {
    Load();
  }
  const FreshText* peek() const override { return more_ ? &text_ : nullptr; }
  void Advance() override {
    sorted_.Advance();
    Load();
  }
  absl::Status status() const override { return status_.ok() ? sorted_.status() : status_; }

 private:
  void Load() {
    more_ = status_.ok() && sorted_.peek() != nullptr &&
            static_cast<Space>((*sorted_.peek())[0]) == space_;
    if (!more_) return;
    const std::string_view record = *sorted_.peek();
    text_.hash = LoadFixed<uint64_t>(record.data() + kKey);
    text_.text = record.substr(kText, LoadFixed<uint32_t>(record.data() + kKey + 8));
    if (space_ == Space::kRelation) {
      if (const std::optional<uint8_t> rank = LabelRank(text_.text)) {
        graph_.writer_.next().label_relations.push_back({static_cast<RelationId>(next_id_), *rank});
      }
    }
    auto& ids = *graph_.ids_[static_cast<size_t>(space_)];
    for (size_t i = kText + text_.text.size(); i < record.size() && status_.ok(); i += 8) {
      status_ = ids.Add({LoadFixed<uint32_t>(record.data() + i),
                         LoadFixed<uint32_t>(record.data() + i + 4), next_id_});
    }
    ++next_id_;
  }

  SpilledGraph& graph_;
  TextSorter& sorted_;
  Space space_;
  uint32_t next_id_;
  bool more_ = false;
  FreshText text_{};
  absl::Status status_;
};

absl::Status SpilledGraph::WriteNames(Space space) {
  if (fresh(space) == 0) return absl::OkStatus();
  FreshNames names(this, space);
  return WriteDictionary(writer_.old(), space,
                         {fresh(space), &names, spill_.folder(), spill_.share()}, writer_.handles(),
                         &writer_.out(), &writer_.next());
}

template <class T, class F>
absl::Status SpilledGraph::ForEach(const SpillFile& file, SpilledRun::Range range, F&& f) const {
  std::vector<T> block;
  for (uint64_t left = range.bytes / sizeof(T); left > 0;) {
    block.resize(static_cast<size_t>(std::min<uint64_t>(left, 1u << 15)));
    UNDULA_RETURN_IF_ERROR(file.Read(range.offset, block.data(), block.size() * sizeof(T)));
    range.offset += block.size() * sizeof(T);
    left -= block.size();
    for (const T& record : block) UNDULA_RETURN_IF_ERROR(f(record));
  }
  return absl::OkStatus();
}

absl::Status SpilledGraph::ForEachLabel(
    SpilledRun::Range range,
    const std::function<absl::Status(uint32_t, std::string_view)>& f) const {
  constexpr uint64_t kBlock = 1u << 18;
  std::string block;
  size_t at = 0;
  while (true) {
    // Labels have at most kMaxLabelBytes.
    if (block.size() - at < 8 + kMaxLabelBytes && range.bytes > 0) {
      block.erase(0, at);
      at = 0;
      const size_t have = block.size();
      const auto more = static_cast<size_t>(std::min(range.bytes, kBlock));
      block.resize(have + more);
      UNDULA_RETURN_IF_ERROR(spill_.labels().Read(range.offset, block.data() + have, more));
      range.offset += more;
      range.bytes -= more;
    }
    if (at == block.size()) return absl::OkStatus();
    const auto size = LoadFixed<uint32_t>(block.data() + at + 4);
    UNDULA_RETURN_IF_ERROR(
        f(LoadFixed<uint32_t>(block.data() + at), std::string_view(block).substr(at + 8, size)));
    at += 8 + size;
  }
}

absl::Status SpilledGraph::TranslateRun(const SpilledRun& run) {
  const auto& entity = final_[static_cast<size_t>(Space::kEntity)];
  const auto& relation = final_[static_cast<size_t>(Space::kRelation)];
  const auto& literal = final_[static_cast<size_t>(Space::kLiteral)];
  UNDULA_RETURN_IF_ERROR(
      ForEach<Triple>(spill_.triples(), run.triples, [&](const Triple& t) -> absl::Status {
        const Triple triple{entity[t.a], relation[t.b], entity[t.c]};
        if (quads_.has_value()) UNDULA_RETURN_IF_ERROR(plain_triples_->Add(triple));
        return triples_->Add(triple);
      }));
  UNDULA_RETURN_IF_ERROR(
      ForEach<Triple>(spill_.attributes(), run.attributes, [&](const Triple& t) -> absl::Status {
        const Triple triple{entity[t.a], relation[t.b], literal[t.c]};
        if (quads_.has_value()) UNDULA_RETURN_IF_ERROR(plain_attributes_->Add(triple));
        return attributes_->Add(triple);
      }));
  UNDULA_RETURN_IF_ERROR(
      ForEach<Quad>(spill_.quads(), run.quads, [&](const Quad& quad) -> absl::Status {
        const bool attribute = quad.kind == TailKind::kLiteral;
        const Triple& t = quad.triple;
        const Triple triple{entity[t.a], relation[t.b], (attribute ? literal : entity)[t.c]};
        UNDULA_RETURN_IF_ERROR(quads_->Add({quad.kind, triple, entity[quad.graph]}));
        return (attribute ? attributes_ : triples_)->Add(triple);
      }));
  UNDULA_RETURN_IF_ERROR(
      ForEach<SpilledNumber>(spill_.numbers(), run.numbers, [&](const SpilledNumber& n) {
        return numbers_->Add({relation[n.relation], n.number, literal[n.literal]});
      }));
  std::string record;
  return ForEachLabel(run.labels, [&](uint32_t e, std::string_view label) {
    EncodeLabel(label, entity[e], &record);
    return labels_->Add(record);
  });
}

absl::Status SpilledGraph::Translate(std::vector<LinkRecord>* links) {
  fresh_.reset();
  for (auto& ids : ids_) UNDULA_RETURN_IF_ERROR(ids->Finish());
  for (auto* sorter : {&triples_, &attributes_}) Make(sorter);
  if (writer_.created(Table::kGraphs)) {
    for (auto* sorter : {&plain_triples_, &plain_attributes_}) Make(sorter);
    quads_.emplace(spill_.folder(), spill_.share());
  }
  numbers_.emplace(spill_.folder(), spill_.share());
  labels_.emplace(spill_.folder(), spill_.share());
  size_t link = 0;
  for (uint32_t r = 0; r < spill_.runs().size(); ++r) {
    const SpilledRun& run = spill_.runs()[r];
    UNDULA_RETURN_IF_ERROR(Progress::Report(
        progress_, r, static_cast<int64_t>(spill_.runs().size()), "translating names"));
    for (size_t s = 0; s < kSpilledSpaces; ++s) {
      // Sorted by (run, provisional id), each once.
      final_[s].clear();
      TripleSorter& ids = *ids_[s];
      for (const Triple* t; (t = ids.peek()) != nullptr && t->a == r; ids.Advance()) {
        final_[s].push_back(t->c);
      }
      UNDULA_RETURN_IF_ERROR(ids.status());
      if (final_[s].size() != run.names[s]) {
        return InternalError("a run of a bounded import has ", run.names[s], " names, ",
                             final_[s].size(), " of them with an id");
      }
    }
    UNDULA_RETURN_IF_ERROR(TranslateRun(run));
    if (!run.main) continue;
    for (; link < run.links_end; ++link) {
      EntityId& entity = (*links)[link].entity;
      entity = static_cast<EntityId>(final_[static_cast<size_t>(Space::kEntity)][Index(entity)]);
    }
  }
  for (size_t s = 0; s < kSpilledSpaces; ++s) {
    ids_[s].reset();
    final_[s] = std::vector<uint32_t>();
  }
  return absl::OkStatus();
}

absl::Status SpilledGraph::WriteLabels() {
  UNDULA_RETURN_IF_ERROR(labels_->Finish());
  LabelSource source(&*labels_);
  UNDULA_ASSIGN_OR_RETURN(writer_.next().counts.labels, MergeLabels(&writer_, &source));
  labels_.reset();
  return absl::OkStatus();
}

absl::Status SpilledGraph::WriteNumbers() {
  UNDULA_RETURN_IF_ERROR(numbers_->Finish());
  UNDULA_RETURN_IF_ERROR(MergeNumbers(&writer_, &*numbers_));
  numbers_.reset();
  return absl::OkStatus();
}

absl::Status SpilledGraph::WriteGraphs() {
  UNDULA_RETURN_IF_ERROR(plain_triples_->Finish());
  UNDULA_RETURN_IF_ERROR(plain_attributes_->Finish());
  UNDULA_RETURN_IF_ERROR(quads_->Finish());
  UNDULA_RETURN_IF_ERROR(MergeGraphs(&writer_, &*plain_triples_, &*plain_attributes_, &*quads_));
  plain_triples_.reset();
  plain_attributes_.reset();
  quads_.reset();
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> SpilledGraph::WriteTriples(const Each& each) {
  const auto none = [](uint32_t, uint32_t, uint32_t) {};
  std::optional<TripleSorter> in, by_relation;
  Make(&in);
  UNDULA_RETURN_IF_ERROR(triples_->Finish());
  Tee out_tee(&*triples_, &*in, [](const Triple& t) { return Triple{t.c, t.b, t.a}; });
  UNDULA_ASSIGN_OR_RETURN(const uint64_t total,
                          MergeAdjacency(&writer_, Table::kOut, &out_tee, none));
  triples_.reset();

  Make(&by_relation);
  UNDULA_RETURN_IF_ERROR(in->Finish());
  Tee in_tee(&*in, &*by_relation, [](const Triple& t) { return Triple{t.b, t.a, t.c}; });
  UNDULA_RETURN_IF_ERROR(MergeAdjacency(&writer_, Table::kIn, &in_tee, none).status());
  in.reset();

  UNDULA_RETURN_IF_ERROR(by_relation->Finish());
  UNDULA_RETURN_IF_ERROR(
      MergeAdjacency(&writer_, Table::kByRelation, &*by_relation, each).status());
  return total;
}

absl::StatusOr<uint64_t> SpilledGraph::WriteAttributes(const Each& each) {
  const auto none = [](uint32_t, uint32_t, uint32_t) {};
  std::optional<TripleSorter> values;
  Make(&values);
  UNDULA_RETURN_IF_ERROR(attributes_->Finish());
  Tee tee(&*attributes_, &*values, [](const Triple& t) { return Triple{t.c, t.b, t.a}; });
  UNDULA_ASSIGN_OR_RETURN(const uint64_t total,
                          MergeAdjacency(&writer_, Table::kAttributes, &tee, each));
  attributes_.reset();
  UNDULA_RETURN_IF_ERROR(values->Finish());
  UNDULA_RETURN_IF_ERROR(MergeAdjacency(&writer_, Table::kValues, &*values, none).status());
  return total;
}

}  // namespace undula::kgstore::internal
