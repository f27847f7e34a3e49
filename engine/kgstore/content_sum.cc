#include <bit>
#include <functional>
#include <utility>
#include <vector>

#include "base/status.h"
#include "kgstore/adjacency.h"
#include "kgstore/dictionary.h"
#include "kgstore/hash.h"
#include "kgstore/interaction_log.h"
#include "kgstore/value_set.h"
#include "kgstore/verify.h"

namespace undula::kgstore {
namespace {

using internal::AdjacencyReader;
using internal::Space;
using internal::Table;
using internal::ViewState;

// Different first words, so that no record of one kind looks like one of another.
enum Kind : uint64_t {
  kTriple = 1,
  kAttribute,
  kQuad,
  kInteraction,
  kName,
  kColumn,
  kLink,
  kSocial
};

uint64_t Mix(Kind kind, std::initializer_list<uint64_t> words) {
  uint64_t hash = internal::MixBytes(kind, {});
  for (const uint64_t word : words) hash = internal::MixBytes(hash, internal::AsBytes(word));
  return hash;
}

uint64_t Bits(float value) { return std::bit_cast<uint32_t>(value); }

class Summer {
 public:
  Summer(const ReadView& view, Progress* progress)
      : view_(view), state_(view.state()), progress_(progress) {}

  absl::StatusOr<ContentSums> Run() {
    UNDULA_RETURN_IF_ERROR(Progress::Report(progress_, 0, 4, "summing names"));
    for (int s = 0; s < internal::kSpaces; ++s) {
      UNDULA_RETURN_IF_ERROR(Load(static_cast<Space>(s), &names_[static_cast<size_t>(s)]));
    }
    UNDULA_RETURN_IF_ERROR(Progress::Report(progress_, 1, 4, "summing the graph"));
    UNDULA_RETURN_IF_ERROR(Graph(Table::kOut, kTriple, Space::kEntity));
    UNDULA_RETURN_IF_ERROR(Graph(Table::kAttributes, kAttribute, Space::kLiteral));
    UNDULA_RETURN_IF_ERROR(Quads());
    UNDULA_RETURN_IF_ERROR(Progress::Report(progress_, 2, 4, "summing interactions"));
    UNDULA_RETURN_IF_ERROR(internal::LogReader(state_, Table::kUserLog)
                               .Scan([&](uint32_t user, uint32_t item, float weight, int64_t time) {
                                 sums_.interactions +=
                                     Mix(kInteraction,
                                         {Name(Space::kUser, user), Name(Space::kItem, item),
                                          Bits(weight), static_cast<uint64_t>(time)});
                               }));
    UNDULA_RETURN_IF_ERROR(Progress::Report(progress_, 3, 4, "summing items, users and links"));
    UNDULA_RETURN_IF_ERROR(Items());
    UNDULA_RETURN_IF_ERROR(Users());
    if (damaged_) return DataLossError(state_.store().path(), ": an id has no name");
    UNDULA_RETURN_IF_ERROR(Progress::Report(progress_, 4, 4, "summing done"));
    return sums_;
  }

 private:
  absl::Status Load(Space space, std::vector<uint64_t>* hashes) {
    return internal::DictionaryReader(state_, space).ForEach([&](uint32_t, std::string_view text) {
      hashes->push_back(internal::MixBytes(static_cast<uint64_t>(space), text));
      return absl::OkStatus();
    });
  }
  uint64_t Name(Space space, uint32_t id) {
    const std::vector<uint64_t>& hashes = names_[static_cast<size_t>(space)];
    if (id < hashes.size()) return hashes[id];
    damaged_ = true;
    return 0;
  }
  absl::Status Graph(Table table, Kind kind, Space tails) {
    return AdjacencyReader(state_, table).Scan([&](uint32_t a, uint32_t b, uint32_t c) {
      sums_.graph +=
          Mix(kind, {Name(Space::kEntity, a), Name(Space::kRelation, b), Name(tails, c)});
    });
  }
  absl::Status Quads() {
    UNDULA_ASSIGN_OR_RETURN(const auto cursor, state_.Walk(Table::kGraphs));
    UNDULA_ASSIGN_OR_RETURN(bool more, cursor->First());
    std::vector<uint32_t> graphs;
    for (; more;) {
      const std::string_view key = cursor->key();
      if (key.size() != 13 || !internal::DecodeGraphs(cursor->value(), &graphs)) {
        return DataLossError(state_.store().path(), ": table graphs is damaged");
      }
      const Space tails = key[0] == 'e' ? Space::kEntity : Space::kLiteral;
      for (const uint32_t graph : graphs) {
        sums_.graph += Mix(kQuad, {Name(Space::kEntity, internal::LoadBigEndian(key.data() + 1)),
                                   Name(Space::kRelation, internal::LoadBigEndian(key.data() + 5)),
                                   Name(tails, internal::LoadBigEndian(key.data() + 9)),
                                   graph == 0 ? 0 : Name(Space::kEntity, graph - 1)});
      }
      UNDULA_ASSIGN_OR_RETURN(more, cursor->Next());
    }
    return absl::OkStatus();
  }
  void Columns(uint64_t name, const std::vector<std::pair<std::string, std::string>>& columns) {
    sums_.items += Mix(kName, {name});
    for (const auto& [column, value] : columns) {
      sums_.items +=
          Mix(kColumn, {name, internal::MixBytes(0, column), internal::MixBytes(0, value)});
    }
  }
  absl::Status Items() {
    for (uint32_t i = 0; i < view_.counts().items; ++i) {
      const uint64_t name = Name(Space::kItem, i);
      UNDULA_ASSIGN_OR_RETURN(const auto columns, view_.ItemColumns(ItemId{i}));
      Columns(name, columns);
      UNDULA_ASSIGN_OR_RETURN(const auto links, view_.Links(ItemId{i}));
      for (const Link& link : links) {
        sums_.links += Mix(kLink, {name, Name(Space::kEntity, Index(link.entity)),
                                   Bits(link.confidence), static_cast<uint64_t>(link.method)});
      }
    }
    return absl::OkStatus();
  }
  absl::Status Users() {
    for (uint32_t u = 0; u < view_.counts().users; ++u) {
      const uint64_t name = Name(Space::kUser, u);
      // What is left of a forgotten user is no content.
      if (name == internal::MixBytes(static_cast<uint64_t>(Space::kUser), {})) continue;
      UNDULA_ASSIGN_OR_RETURN(const auto columns, view_.UserColumns(UserId{u}));
      Columns(name, columns);
      UNDULA_ASSIGN_OR_RETURN(const auto social, view_.Social(UserId{u}));
      for (const SocialLink& edge : social) {
        sums_.social +=
            Mix(kSocial, {name, Name(Space::kUser, Index(edge.user)), Bits(edge.weight)});
      }
    }
    return absl::OkStatus();
  }

  const ReadView& view_;
  const ViewState& state_;
  Progress* progress_;
  std::vector<uint64_t> names_[internal::kSpaces];
  ContentSums sums_;
  bool damaged_ = false;
};

}  // namespace

uint64_t ContentSums::all() const {
  return internal::MixBytes(graph, internal::AsBytes(interactions)) + 3 * items + 5 * links +
         7 * social;
}

absl::StatusOr<ContentSums> SumContent(const ReadView& view, Progress* progress) {
  return Summer(view, progress).Run();
}

}  // namespace undula::kgstore
