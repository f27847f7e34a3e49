#include "kgstore/import_record.h"

#include "base/status.h"
#include "kgstore/varint.h"

namespace undula::kgstore::internal {

std::string EncodeImportRecord(const ImportRecord& record) {
  std::string out;
  PutVarint(&out, record.generation);
  PutFixed(&out, record.time);
  PutText(&out, record.source);
  for (const uint64_t n : {record.triples_new, record.attributes_new, record.interactions_new,
                           record.links_new, record.quads_new, record.social_new}) {
    PutVarint(&out, n);
  }
  return out;
}

std::string ImportRecordKey(uint32_t generation) {
  const std::string digits = std::to_string(generation);
  return Concat(kImportKeyPrefix, std::string(10 - digits.size(), '0'), digits);
}

absl::StatusOr<std::vector<ImportRecord>> ReadImportRecords(const ViewState& view) {
  std::vector<ImportRecord> records;
  UNDULA_ASSIGN_OR_RETURN(const auto cursor,
                          Cursor::Open(view.store().env(), view.txn(), view.store().meta()));
  UNDULA_ASSIGN_OR_RETURN(bool more, cursor->Seek(kImportKeyPrefix));
  while (more && cursor->key().substr(0, kImportKeyPrefix.size()) == kImportKeyPrefix) {
    FieldReader in(cursor->value());
    ImportRecord record;
    record.generation = static_cast<uint32_t>(in.Varint());
    record.time = in.Fixed<int64_t>();
    record.source = in.Text();
    for (uint64_t* n : {&record.triples_new, &record.attributes_new, &record.interactions_new,
                        &record.links_new, &record.quads_new, &record.social_new}) {
      *n = in.Varint();
    }
    if (!in.ok()) return DataLossError(view.store().path(), ": the import history is damaged");
    records.push_back(std::move(record));
    UNDULA_ASSIGN_OR_RETURN(more, cursor->Next());
  }
  return records;
}

std::string EncodeRelationCounts(const std::vector<RelationCounts>& counts) {
  std::string out;
  for (const RelationCounts& c : counts) {
    PutVarint(&out, c.triples);
    PutVarint(&out, c.attributes);
  }
  return out;
}

absl::StatusOr<std::vector<RelationCounts>> ReadRelationCounts(const ViewState& view) {
  UNDULA_ASSIGN_OR_RETURN(const auto value, view.Get(view.store().meta(), kRelationCountsKey));
  std::vector<RelationCounts> counts(view.state().counts.relations);
  FieldReader in(value.value_or(std::string_view()));
  for (RelationCounts& c : counts) {
    if (!value.has_value()) break;
    c.triples = in.Varint();
    c.attributes = in.Varint();
  }
  if (!in.ok() || !in.done()) {
    return DataLossError(view.store().path(), ": the relation counts are damaged");
  }
  return counts;
}

}  // namespace undula::kgstore::internal
