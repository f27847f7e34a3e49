#include "kgstore/collected_parts.h"

#include <algorithm>
#include <new>
#include <type_traits>
#include <utility>

#include "base/status.h"

namespace undula::kgstore::internal {

CollectedParts::CollectedParts(uint64_t id_space, TaskArena* arena, ImportData* main,
                               ImportSpill* spill)
    : id_space_(id_space), arena_(*arena), spill_(spill) {
  parts_.push_back(std::make_unique<Part>(id_space, main));
  BeginSegment(parts_[0].get(), 0);
  for (int i = 1; i < arena->threads(); ++i) {
    parts_.push_back(std::make_unique<Part>(id_space, nullptr));
  }
}

void CollectedParts::SetBlankScope(const std::string& scope) {
  for (const auto& part : parts_) part->collector.set_blank_scope(scope);
}

void CollectedParts::BeginSegment(Part* part, uint64_t order) {
  Segment segment{order, {}};
  for (size_t s = 0; s < kMerged; ++s) segment.first[s] = part->data->terms[s].size();
  part->segments.push_back(segment);
}

void CollectedParts::BeginChunk(int worker, uint64_t ordinal) {
  BeginSegment(parts_[static_cast<size_t>(worker)].get(), document_ + ordinal);
}

absl::Status CollectedParts::AddStatements(int worker, std::span<const Statement> statements) {
  Part& part = *parts_[static_cast<size_t>(worker)];
  if (!part.status.ok()) return part.status;
  try {
    part.status = part.collector.Add(statements);
    if (part.status.ok()) part.status = SpillLarge(&part);
  } catch (const std::bad_alloc&) {
    part.status = ResourceExhaustedError(
        "out of memory while collecting an import; import the files one by one");
  }
  return part.status;
}

absl::Status CollectedParts::SpillLarge(Part* part) {
  if (spill_ == nullptr) return absl::OkStatus();
  // Three eighths of the memory for all parts together.
  const uint64_t most = 3 * spill_->share() / parts_.size();
  return GraphBytes(*part->data) < most ? absl::OkStatus() : SpillPart(part);
}

absl::Status CollectedParts::SpillPart(Part* part) {
  UNDULA_RETURN_IF_ERROR(spill_->AddRun(part->segments, part == parts_[0].get(), part->data));
  part->collector.Forget();
  part->segments = {{part->segments.back().order, {}}};
  return absl::OkStatus();
}

absl::Status CollectedParts::status() const {
  absl::Status status;
  for (const auto& part : parts_) status.Update(part->status);
  return status;
}

void CollectedParts::EndDocument() {
  uint64_t last = document_;
  for (const auto& part : parts_) {
    if (!part->segments.empty()) last = std::max(last, part->segments.back().order);
  }
  BeginSegment(parts_[0].get(), last + 1);
  document_ = last + 2;
}

uint64_t CollectedParts::triples() const {
  uint64_t sum = 0;
  for (const auto& part : parts_) sum += part->collector.triples;
  return sum;
}
uint64_t CollectedParts::attributes() const {
  uint64_t sum = 0;
  for (const auto& part : parts_) sum += part->collector.attributes;
  return sum;
}
uint64_t CollectedParts::quads() const {
  uint64_t sum = 0;
  for (const auto& part : parts_) sum += part->collector.quads;
  return sum;
}

void CollectedParts::MergeSpace(Space space, std::vector<std::vector<uint32_t>>* maps) {
  const auto s = static_cast<size_t>(space);
  struct Range {
    uint64_t order;
    size_t part;
    uint32_t begin, end;
  };
  std::vector<Range> ranges;
  for (size_t p = 0; p < parts_.size(); ++p) {
    const Part& part = *parts_[p];
    (*maps)[p].resize(part.data->terms[s].size());
    for (size_t i = 0; i < part.segments.size(); ++i) {
      const uint32_t end =
          i + 1 < part.segments.size() ? part.segments[i + 1].first[s] : part.data->terms[s].size();
      const uint32_t begin = part.segments[i].first[s];
      if (begin < end) ranges.push_back({part.segments[i].order, p, begin, end});
    }
  }
  std::sort(ranges.begin(), ranges.end(),
            [](const Range& a, const Range& b) { return a.order < b.order; });

  TermTable merged;
  constexpr uint32_t kBatch = 64;
  TermProbe probes[kBatch];
  for (const Range& range : ranges) {
    const TermTable& terms = parts_[range.part]->data->terms[s];
    for (uint32_t at = range.begin; at < range.end; at += kBatch) {
      const uint32_t n = std::min(kBatch, range.end - at);
      for (uint32_t i = 0; i < n; ++i) probes[i] = ProbeOf(space, id_space_, terms.text(at + i));
      merged.AddBatch({probes, n});
      for (uint32_t i = 0; i < n; ++i) (*maps)[range.part][at + i] = probes[i].id;
    }
  }
  parts_[0]->data->terms[s] = std::move(merged);
  for (size_t p = 1; p < parts_.size(); ++p) parts_[p]->data->terms[s] = TermTable();
}

absl::Status CollectedParts::Merge() {
  if (spill_ != nullptr && !spill_->runs().empty()) {
    for (const auto& part : parts_) {
      if (!part->segments.empty()) UNDULA_RETURN_IF_ERROR(SpillPart(part.get()));
    }
    return absl::OkStatus();
  }
  const bool alone = std::all_of(parts_.begin() + 1, parts_.end(),
                                 [](const auto& part) { return part->segments.empty(); });
  if (alone) return absl::OkStatus();
  std::array<std::vector<std::vector<uint32_t>>, kMerged> maps;
  arena_.For(kMerged, 1, [&](int64_t s, int64_t) {
    auto& map = maps[static_cast<size_t>(s)];
    map.resize(parts_.size());
    MergeSpace(static_cast<Space>(s), &map);
  });

  ImportData& main = *parts_[0]->data;
  for (size_t p = 0; p < parts_.size(); ++p) {
    ImportData& data = *parts_[p]->data;
    const auto& entity = maps[static_cast<size_t>(Space::kEntity)][p];
    const auto& relation = maps[static_cast<size_t>(Space::kRelation)][p];
    const auto& literal = maps[static_cast<size_t>(Space::kLiteral)][p];
    for (Triple& t : data.triples) t = {entity[t.a], relation[t.b], entity[t.c]};
    for (Triple& t : data.attributes) t = {entity[t.a], relation[t.b], literal[t.c]};
    for (Quad& quad : data.quads) {
      Triple& t = quad.triple;
      const auto& tail = quad.kind == TailKind::kLiteral ? literal : entity;
      t = {entity[t.a], relation[t.b], tail[t.c]};
      quad.graph = entity[quad.graph];
    }
    if (p == 0) {
      for (LinkRecord& link : data.links) {
        link.entity = static_cast<EntityId>(entity[Index(link.entity)]);
      }
      continue;
    }
    const auto append = [](auto* to, auto* from) {
      to->insert(to->end(), from->begin(), from->end());
      std::remove_reference_t<decltype(*from)>().swap(*from);  // frees the memory
    };
    append(&main.triples, &data.triples);
    append(&main.attributes, &data.attributes);
    append(&main.quads, &data.quads);
  }
  return absl::OkStatus();
}

}  // namespace undula::kgstore::internal
