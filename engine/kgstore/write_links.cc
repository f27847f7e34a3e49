#include "kgstore/write_links.h"

#include <algorithm>
#include <memory>
#include <new>
#include <utility>

#include "base/status.h"
#include "kgstore/link_value.h"
#include "kgstore/write_link_table.h"

namespace undula::kgstore {
namespace internal {
namespace {

bool Better(const Link& a, const Link& b) {
  return a.confidence != b.confidence ? a.confidence > b.confidence : a.entity < b.entity;
}

// Puts the new links of one item among its stored ones.
void Merge(std::span<const LinkRecord> records, LinkPolicy policy, std::vector<Link>* links) {
  if (policy != LinkPolicy::kMerge && !records.empty()) links->clear();
  for (const LinkRecord& record : records) {
    const Link fresh{record.entity, record.confidence, record.method};
    const auto same = std::find_if(links->begin(), links->end(),
                                   [&](const Link& link) { return link.entity == record.entity; });
    if (same != links->end()) {
      *same = fresh;
    } else {
      links->push_back(fresh);
    }
  }
  std::sort(links->begin(), links->end(), Better);
}

}  // namespace

absl::Status CheckConfidence(float confidence) {
  if (confidence > 0 && confidence <= 1) return absl::OkStatus();
  return InvalidArgumentError("a link's confidence is ", static_cast<double>(confidence),
                              "; it must be greater than 0 and at most 1");
}

absl::Status WriteLinkTable(GenerationWriter* writer, std::vector<LinkRecord> records,
                            LinkPolicy policy) {
  const ViewState& old = writer->old();
  std::stable_sort(records.begin(), records.end(),
                   [](const LinkRecord& a, const LinkRecord& b) { return a.item < b.item; });
  Counts& counts = writer->next().counts;
  counts.links = 0;
  counts.linked_items = 0;
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<Cursor> stored, old.Walk(Table::kLinks));
  bool more = false;
  if (policy != LinkPolicy::kReplaceAll) {
    UNDULA_ASSIGN_OR_RETURN(more, stored->First());
  }
  std::vector<Link> links;
  for (size_t i = 0; i < records.size() || more;) {
    const uint64_t next_fresh = i < records.size() ? Index(records[i].item) : ~uint64_t{0};
    const uint64_t next_stored = more ? LoadFixed<uint32_t>(stored->key().data()) : ~uint64_t{0};
    const auto item = static_cast<uint32_t>(std::min(next_fresh, next_stored));
    links.clear();
    if (next_stored == item) {
      if (!DecodeLinks(stored->value(), [&](const Link& link) { links.push_back(link); })) {
        return DataLossError(old.store().path(),
                             ": table links is damaged; restore the file from "
                             "a backup");
      }
      UNDULA_ASSIGN_OR_RETURN(more, stored->Next());
    }
    size_t end = i;
    while (end < records.size() && Index(records[end].item) == item) ++end;
    Merge(std::span(records).subspan(i, end - i), policy, &links);
    i = end;
    counts.links += links.size();
    ++counts.linked_items;
    UNDULA_RETURN_IF_ERROR(
        writer->out().Append(writer->handle(Table::kLinks), AsBytes(item), EncodeLinks(links)));
  }
  return absl::OkStatus();
}

}  // namespace internal

absl::StatusOr<LinkReport> WriteLinks(Database& database, std::span<const LinkRecord> records,
                                      LinkPolicy policy, Progress* progress) {
  internal::Store& store = database.store();
  UNDULA_ASSIGN_OR_RETURN(const auto turn, store.TakeWriteTurn());
  const uint64_t room = store.env().used_bytes() / 8 + 64 * records.size();
  UNDULA_ASSIGN_OR_RETURN(const auto writer,
                          internal::GenerationWriter::Begin(&store, room, progress));
  const Counts& counts = writer->old().state().counts;
  for (const LinkRecord& record : records) {
    UNDULA_RETURN_IF_ERROR(internal::CheckConfidence(record.confidence));
    if (Index(record.item) >= counts.items || Index(record.entity) >= counts.entities) {
      return InvalidArgumentError("a link names item id ", Index(record.item), " and entity id ",
                                  Index(record.entity), "; the database has ", counts.items,
                                  " items and ", counts.entities, " entities");
    }
  }
  internal::TableBits tables;
  internal::Mark(&tables, internal::Table::kLinks);
  UNDULA_RETURN_IF_ERROR(writer->CreateTables(tables));
  writer->out().set_stage("writing links", 0, static_cast<int64_t>(records.size()));
  try {
    UNDULA_RETURN_IF_ERROR(internal::WriteLinkTable(
        writer.get(), std::vector<LinkRecord>(records.begin(), records.end()), policy));
  } catch (const std::bad_alloc&) {
    return ResourceExhaustedError("out of memory while writing ", records.size(), " links");
  }
  UNDULA_RETURN_IF_ERROR(writer->Publish(std::nullopt));
  return LinkReport{writer->next().counts.links, writer->next().counts.linked_items};
}

}  // namespace undula::kgstore
