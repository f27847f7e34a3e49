#include "kgstore/merge_extras.h"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "kgstore/adjacency.h"
#include "kgstore/value_set.h"

namespace undula::kgstore::internal {
namespace {

absl::Status Damaged(const GenerationWriter& writer, Table table) {
  return DataLossError(writer.old().store().path(), ": table ", SpecOf(table).name,
                       " is damaged; restore the file from a backup");
}

// Whether the old generation has the triple, in whatever graph.
absl::StatusOr<bool> Stored(const ViewState& old, TailKind kind, const Triple& triple) {
  const Table table = kind == TailKind::kEntity ? Table::kOut : Table::kAttributes;
  bool found = false;
  UNDULA_RETURN_IF_ERROR(AdjacencyReader(old, table).ForEachOf(triple.a, triple.b, [&](uint32_t c) {
    found = found || c == triple.c;
  }));
  return found;
}

}  // namespace

absl::Status MergeGraphs(GenerationWriter* writer, RecordSource<Triple>* triples,
                         RecordSource<Triple>* attributes, RecordSource<Quad>* quads) {
  uint64_t count = 0;
  std::vector<uint32_t> graphs;
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<Cursor> stored, writer->old().Walk(Table::kGraphs));
  UNDULA_ASSIGN_OR_RETURN(bool more, stored->First());
  const Quad* quad;
  while ((quad = quads->peek()) != nullptr || more) {
    std::string key = quad != nullptr ? GraphsKey(quad->kind, quad->triple) : "";
    const bool use_stored = more && (key.empty() || stored->key() <= key);
    graphs.clear();
    if (use_stored) {
      key = stored->key();
      if (key.size() != 13 || !DecodeGraphs(stored->value(), &graphs)) {
        return Damaged(*writer, Table::kGraphs);
      }
      UNDULA_ASSIGN_OR_RETURN(more, stored->Next());
    }
    const auto kind = static_cast<TailKind>(key[0]);
    const Triple triple{LoadBigEndian(&key[1]), LoadBigEndian(&key[5]), LoadBigEndian(&key[9])};
    // Keys ascend, and so do these.
    RecordSource<Triple>& plain = kind == TailKind::kEntity ? *triples : *attributes;
    while (plain.peek() != nullptr && *plain.peek() < triple) plain.Advance();
    bool in_default = plain.peek() != nullptr && *plain.peek() == triple;
    if (!use_stored && !in_default) {
      UNDULA_ASSIGN_OR_RETURN(in_default, Stored(writer->old(), kind, triple));
    }
    if (in_default) graphs.push_back(0);
    for (; (quad = quads->peek()) != nullptr && quad->kind == kind && quad->triple == triple;
         quads->Advance()) {
      graphs.push_back(quad->graph + 1);
    }
    std::sort(graphs.begin(), graphs.end());
    graphs.erase(std::unique(graphs.begin(), graphs.end()), graphs.end());
    count += graphs.size() - (graphs.front() == 0 ? 1 : 0);
    UNDULA_RETURN_IF_ERROR(
        writer->out().Append(writer->handle(Table::kGraphs), key, EncodeGraphs(graphs)));
  }
  writer->next().counts.quads = count;
  UNDULA_RETURN_IF_ERROR(triples->status());
  UNDULA_RETURN_IF_ERROR(attributes->status());
  return quads->status();
}

absl::Status MergeNumbers(GenerationWriter* writer, RecordSource<NumberEntry>* fresh) {
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<Cursor> stored,
                          writer->old().Walk(Table::kNumbers));
  UNDULA_ASSIGN_OR_RETURN(bool more, stored->First());
  uint64_t count = 0;
  for (; fresh->peek() != nullptr || more; ++count) {
    std::string key = fresh->peek() != nullptr ? EncodeNumberEntry(*fresh->peek()) : "";
    if (more && (key.empty() || stored->key() <= key)) {
      if (stored->key() == key) fresh->Advance();
      key = stored->key();
      UNDULA_ASSIGN_OR_RETURN(more, stored->Next());
    } else {
      fresh->Advance();
    }
    UNDULA_RETURN_IF_ERROR(writer->out().Append(writer->handle(Table::kNumbers), key, ""));
  }
  writer->next().counts.numbers = count;
  return fresh->status();
}

absl::Status MergeSocial(GenerationWriter* writer, std::vector<SocialRecord> fresh) {
  std::stable_sort(fresh.begin(), fresh.end(), [](const SocialRecord& a, const SocialRecord& b) {
    return a.user != b.user ? a.user < b.user : a.other < b.other;
  });
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<Cursor> stored, writer->old().Walk(Table::kSocial));
  UNDULA_ASSIGN_OR_RETURN(bool more, stored->First());
  uint64_t count = 0;
  std::vector<SocialEdge> old_edges, edges;
  for (size_t i = 0; i < fresh.size() || more;) {
    const uint64_t next_fresh = i < fresh.size() ? fresh[i].user : ~uint64_t{0};
    const uint64_t next_stored = more ? LoadFixed<uint32_t>(stored->key().data()) : ~uint64_t{0};
    const auto user = static_cast<uint32_t>(std::min(next_fresh, next_stored));
    old_edges.clear();
    edges.clear();
    if (next_stored == user) {
      if (!DecodeSocial(stored->value(), &old_edges)) return Damaged(*writer, Table::kSocial);
      UNDULA_ASSIGN_OR_RETURN(more, stored->Next());
    }
    auto old_edge = old_edges.begin();
    for (; i < fresh.size() && fresh[i].user == user; ++i) {
      const SocialEdge edge{fresh[i].other, fresh[i].weight};
      while (old_edge != old_edges.end() && old_edge->other < edge.other) {
        edges.push_back(*old_edge++);
      }
      if (old_edge != old_edges.end() && old_edge->other == edge.other) ++old_edge;
      if (!edges.empty() && edges.back().other == edge.other) edges.pop_back();
      edges.push_back(edge);
    }
    edges.insert(edges.end(), old_edge, old_edges.end());
    count += edges.size();
    UNDULA_RETURN_IF_ERROR(
        writer->out().Append(writer->handle(Table::kSocial), AsBytes(user), EncodeSocial(edges)));
  }
  writer->next().counts.social = count;
  return absl::OkStatus();
}

}  // namespace undula::kgstore::internal
