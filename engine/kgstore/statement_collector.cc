#include "kgstore/statement_collector.h"

#include <algorithm>
#include <cstring>

#include "base/status.h"
#include "kgstore/dictionary.h"
#include "kgstore/hash.h"
#include "kgstore/literal_key.h"

namespace undula::kgstore::internal {
namespace {

constexpr size_t kMaxText = size_t{1} << 30;
constexpr uint32_t kLastHead = ~uint32_t{0};  // in place of a probe's number

absl::Status TooLong(size_t size) {
  return InvalidArgumentError("a name or text of ", size, " bytes; at most 1 GiB is allowed");
}

absl::Status EmptyName(Space space) {
  return InvalidArgumentError("an empty ", SpaceName(space), " name; every name has a character");
}

absl::Status NoMoreIds(Space space) {
  return ResourceExhaustedError("more than ", kMaxIds, " ", SpaceName(space),
                                " names; one database holds no more");
}

}  // namespace

TermProbe ProbeOf(Space space, uint64_t id_space, std::string_view key) {
  const std::string_view hashed = HashedPart(space, key);
  TermProbe probe{key, HashText(id_space, hashed)};
  // Literals of one lexical form and different types share the hash.
  if (space == Space::kLiteral) {
    const std::string_view type = key.substr(hashed.size());
    probe.spread = type.size() == 1 ? static_cast<unsigned char>(type[0]) * 0x9e3779b1u
                                    : static_cast<uint32_t>(HashText(id_space, type));
  }
  return probe;
}

void StatementCollector::Forget() {
  last_head_id_ = kNoIndex;
  relations_.fill({});
}

absl::StatusOr<uint32_t> StatementCollector::AddName(Space space, std::string_view text) {
  if (text.size() >= kMaxText) return TooLong(text.size());
  if (text.empty()) return EmptyName(space);
  TermProbe probe = ProbeOf(space, id_space_, text);
  data_.space(space).AddBatch({&probe, 1});
  if (probe.id == kNoIndex) return NoMoreIds(space);
  return probe.id;
}

absl::StatusOr<uint32_t> StatementCollector::Relation(std::string_view text) {
  uint64_t tail = 0;
  std::memcpy(&tail, text.data() + (text.size() > 8 ? text.size() - 8 : 0),
              std::min<size_t>(text.size(), 8));
  Seen& seen = relations_[((tail + text.size()) * 0x9e3779b97f4a7c15ull) >> 56];
  if (seen.text.data() != nullptr && seen.text == text) return seen.id;
  UNDULA_ASSIGN_OR_RETURN(const uint32_t id, AddName(Space::kRelation, text));
  seen = {data_.space(Space::kRelation).text(id), id};
  return id;
}

// The text of an entity, or of a literal with its type, as the dictionary stores it.
std::string_view StatementCollector::Key(const Term& term) {
  if (term.kind == TermKind::kIri) return term.text;
  if (made_count_ == made_.size()) made_.emplace_back();
  std::string& made = made_[made_count_++];
  if (term.kind == TermKind::kBlank) {
    made.assign("_:").append(blank_scope_).append(term.text);
  } else if (!EncodeLiteral(term.text, term.datatype, term.language, &made).ok()) {
    made.clear();
  }
  return made;
}

absl::Status StatementCollector::Add(std::span<const Statement> statements) {
  while (!statements.empty()) {
    const size_t n = std::min(statements.size(), kBatch);
    UNDULA_RETURN_IF_ERROR(AddBatch(statements.first(n)));
    statements = statements.subspan(n);
  }
  return absl::OkStatus();
}

absl::Status StatementCollector::AddBatch(std::span<const Statement> statements) {
  made_.reserve(3 * kBatch);  // its strings must not move
  made_count_ = 0;
  entities_.clear();
  literals_.clear();
  struct Ids {
    uint32_t head, relation, tail, graph;
  };
  std::array<Ids, kBatch> ids;
  std::string_view head = last_head_;
  uint32_t head_probe = kLastHead;
  bool known = last_head_id_ != kNoIndex;
  for (size_t i = 0; i < statements.size(); ++i) {
    const Statement& s = statements[i];
    if (s.head.kind == TermKind::kLiteral || s.relation.kind != TermKind::kIri) {
      return InvalidArgumentError(
          "a triple's head must be an IRI or a blank node and its relation an IRI");
    }
    if (s.graph.kind == TermKind::kLiteral) {
      return InvalidArgumentError("a graph's name must be an IRI or a blank node");
    }
    for (const Term* term : {&s.head, &s.relation, &s.tail, &s.graph}) {
      if (term->text.size() >= kMaxText) return TooLong(term->text.size());
    }
    if (s.head.text.empty() || (s.tail.text.empty() && s.tail.kind != TermKind::kLiteral) ||
        (s.graph.text.empty() && !s.in_default_graph())) {
      return EmptyName(Space::kEntity);
    }
    const auto entity = [&](const Term& term) {
      entities_.push_back(ProbeOf(Space::kEntity, id_space_, Key(term)));
      return static_cast<uint32_t>(entities_.size() - 1);
    };
    // Heads often repeat.
    if (!known || s.head.kind != TermKind::kIri || s.head.text != head) {
      head_probe = entity(s.head);
      head = s.head.text;
      known = s.head.kind == TermKind::kIri;
    }
    ids[i].head = head_probe;
    UNDULA_ASSIGN_OR_RETURN(ids[i].relation, Relation(s.relation.text));
    if (s.tail.kind == TermKind::kLiteral) {
      const std::string_view key = Key(s.tail);
      if (key.empty()) {
        std::string unused;
        return EncodeLiteral(s.tail.text, s.tail.datatype, s.tail.language, &unused);
      }
      literals_.push_back(ProbeOf(Space::kLiteral, id_space_, key));
      ids[i].tail = static_cast<uint32_t>(literals_.size() - 1);
    } else {
      ids[i].tail = entity(s.tail);
    }
    if (!s.in_default_graph()) ids[i].graph = entity(s.graph);
  }
  data_.space(Space::kEntity).AddBatch(entities_);
  data_.space(Space::kLiteral).AddBatch(literals_);

  for (size_t i = 0; i < statements.size(); ++i) {
    const Statement& s = statements[i];
    const bool attribute = s.tail.kind == TermKind::kLiteral;
    const uint32_t h = ids[i].head == kLastHead ? last_head_id_ : entities_[ids[i].head].id;
    const uint32_t t = attribute ? literals_[ids[i].tail].id : entities_[ids[i].tail].id;
    if (h == kNoIndex || (t == kNoIndex && !attribute)) return NoMoreIds(Space::kEntity);
    if (t == kNoIndex) return NoMoreIds(Space::kLiteral);
    const Triple triple{h, ids[i].relation, t};
    if (!s.in_default_graph()) {
      const uint32_t g = entities_[ids[i].graph].id;
      if (g == kNoIndex) return NoMoreIds(Space::kEntity);
      data_.quads.push_back({attribute ? TailKind::kLiteral : TailKind::kEntity, triple, g});
      ++quads;
    } else {
      (attribute ? data_.attributes : data_.triples).push_back(triple);
    }
    ++(attribute ? attributes : triples);
  }
  if (head_probe != kLastHead) last_head_id_ = entities_[head_probe].id;
  if (!known) {
    last_head_id_ = kNoIndex;
  } else if (head_probe != kLastHead) {
    last_head_.assign(head);
  }
  return absl::OkStatus();
}

}  // namespace undula::kgstore::internal
