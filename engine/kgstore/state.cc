#include "kgstore/state.h"

#include <algorithm>

#include "base/status.h"
#include "kgstore/varint.h"

namespace undula::kgstore::internal {
namespace {

constexpr std::array<TableSpec, kTables> kTableSpecs = {{
    {"entity_terms", true},
    {"entity_ids", true},
    {"entity_texts", true},
    {"relation_terms", true},
    {"relation_ids", true},
    {"relation_texts", true},
    {"literal_terms", true},
    {"literal_ids", true},
    {"literal_texts", true},
    {"user_terms", true},
    {"user_ids", true},
    {"user_texts", true},
    {"item_terms", true},
    {"item_ids", true},
    {"item_texts", true},
    {"out", true},
    {"out_hubs", false},
    {"in", true},
    {"in_hubs", false},
    {"by_relation", true},
    {"by_relation_hubs", false},
    {"attributes", true},
    {"attributes_hubs", false},
    {"values", true},
    {"values_hubs", false},
    {"labels", false},
    {"user_log", false},
    {"item_log", false},
    {"items", true},
    {"links", true},
    {"social", true},
    {"graphs", false},
    {"numbers", false},
    {"users", true},
    {"changes", false},
}};

constexpr std::string_view kMagic = "UNDULAKG";
constexpr uint32_t kByteOrderMark = 0x01020304;
constexpr uint32_t kByteOrderMarkSwapped = 0x04030201;
constexpr uint8_t kIdBytes = 4;
constexpr std::string_view kWriter = "undula 0.1.0";

}  // namespace

const char* SpaceName(Space space) {
  constexpr const char* kNames[kSpaces] = {"entity", "relation", "literal", "user", "item"};
  return kNames[static_cast<int>(space)];
}

const TableSpec& SpecOf(Table table) { return kTableSpecs[static_cast<size_t>(table)]; }

std::string TableName(Table table, uint32_t generation) {
  return Concat(SpecOf(table).name, '@', generation);
}

uint8_t KindOfTable(std::string_view name) {
  if (name == kModelsTable) return kModelsKind;
  const std::string_view base = name.substr(0, name.find('@'));
  const auto spec = std::find_if(kTableSpecs.begin(), kTableSpecs.end(),
                                 [&](const TableSpec& s) { return s.name == base; });
  return spec == kTableSpecs.end() ? kMetaKind : static_cast<uint8_t>(spec - kTableSpecs.begin());
}

const char* KindName(uint8_t kind) {
  if (kind < kTables) return kTableSpecs[kind].name;
  return kind == kModelsKind ? "models" : "meta";
}

uint32_t& State::CountOf(Space space) {
  switch (space) {
    case Space::kEntity:
      return counts.entities;
    case Space::kRelation:
      return counts.relations;
    case Space::kLiteral:
      return counts.literals;
    case Space::kUser:
      return counts.users;
    case Space::kItem:
      break;
  }
  return counts.items;
}

std::string EncodeState(const State& state) {
  std::string out;
  PutVarint(&out, state.generation);
  PutVarint(&out, state.change);
  PutVarint(&out, kTables);
  for (int i = 0; i < kTables; ++i) {
    PutText(&out, kTableSpecs[static_cast<size_t>(i)].name);
    PutVarint(&out, state.table_generation[static_cast<size_t>(i)]);
    PutFixed(&out, state.table_sum[static_cast<size_t>(i)]);
  }
  const Counts& c = state.counts;
  for (const uint64_t n : {uint64_t{c.entities}, uint64_t{c.relations}, uint64_t{c.literals},
                           uint64_t{c.users}, uint64_t{c.items}, c.triples, c.attributes, c.labels,
                           c.interactions, c.links, c.linked_items, c.quads, c.numbers, c.social}) {
    PutVarint(&out, n);
  }
  for (const uint8_t bits : state.bucket_bits) PutVarint(&out, bits);
  PutVarint(&out, state.compact_dictionary ? 1 : 0);
  for (const bool compressed : state.compressed) PutVarint(&out, compressed ? 1 : 0);
  PutVarint(&out, state.normalizer_version);
  PutVarint(&out, state.label_relations.size());
  for (const LabelRelation& label : state.label_relations) {
    PutVarint(&out, Index(label.relation));
    PutVarint(&out, label.rank);
  }
  PutVarint(&out, state.item_columns.size());
  for (const std::string& name : state.item_columns) PutText(&out, name);
  PutVarint(&out, state.user_columns.size());
  for (const std::string& name : state.user_columns) PutText(&out, name);
  return out;
}

absl::StatusOr<State> DecodeState(std::string_view bytes) {
  FieldReader in(bytes);
  State state;
  state.generation = static_cast<uint32_t>(in.Varint());
  state.change = in.Varint();
  const uint64_t tables = in.Varint();
  if (tables != kTables) return DataLossError("the state record lists ", tables, " tables");
  for (int i = 0; i < kTables; ++i) {
    if (in.Text() != kTableSpecs[static_cast<size_t>(i)].name) {
      return DataLossError("the state record lists unknown tables");
    }
    state.table_generation[static_cast<size_t>(i)] = static_cast<uint32_t>(in.Varint());
    state.table_sum[static_cast<size_t>(i)] = in.Fixed<uint64_t>();
  }
  Counts& c = state.counts;
  for (uint32_t* n : {&c.entities, &c.relations, &c.literals, &c.users, &c.items}) {
    *n = static_cast<uint32_t>(in.Varint());
  }
  for (uint64_t* n : {&c.triples, &c.attributes, &c.labels, &c.interactions, &c.links,
                      &c.linked_items, &c.quads, &c.numbers, &c.social}) {
    *n = in.Varint();
  }
  for (uint8_t& bits : state.bucket_bits) bits = static_cast<uint8_t>(in.Varint());
  state.compact_dictionary = in.Varint() != 0;
  for (bool& compressed : state.compressed) compressed = in.Varint() != 0;
  state.normalizer_version = static_cast<uint32_t>(in.Varint());
  for (uint64_t n = in.Varint(); n > 0 && in.ok(); --n) {
    const auto relation = static_cast<RelationId>(in.Varint());
    state.label_relations.push_back({relation, static_cast<uint8_t>(in.Varint())});
  }
  for (uint64_t n = in.Varint(); n > 0 && in.ok(); --n) {
    state.item_columns.emplace_back(in.Text());
  }
  for (uint64_t n = in.Varint(); n > 0 && in.ok(); --n) {
    state.user_columns.emplace_back(in.Text());
  }
  const bool bits_ok = std::all_of(state.bucket_bits.begin(), state.bucket_bits.end(),
                                   [](uint8_t bits) { return bits <= 32; });
  if (!in.ok() || !in.done() || !bits_ok) return DataLossError("the state record is damaged");
  return state;
}

std::string EncodeHeader(uint32_t page_bytes) {
  std::string out(kMagic);
  PutFixed(&out, kByteOrderMark);
  PutFixed(&out, kFormatVersion);
  PutFixed(&out, page_bytes);
  PutFixed(&out, kIdBytes);
  PutFixed(&out, static_cast<uint8_t>(sizeof(void*)));
  PutText(&out, kWriter);
  return out;
}

absl::Status CheckHeader(std::string_view bytes, const std::string& path) {
  FieldReader in(bytes);
  if (in.Bytes(kMagic.size()) != kMagic) {
    return InvalidArgumentError(path, " is an LMDB file, but not an Undula database");
  }
  const auto mark = in.Fixed<uint32_t>();
  if (mark == kByteOrderMarkSwapped) {
    return FailedPreconditionError(path,
                                   " was written on a machine of another byte order; export "
                                   "it there and import it here");
  }
  const auto version = in.Fixed<uint32_t>();
  if (!in.ok() || mark != kByteOrderMark) return DataLossError(path, ": the header is damaged");
  if (version != kFormatVersion) {
    return FailedPreconditionError(path, " has format version ", version, "; this program reads ",
                                   "version ", kFormatVersion,
                                   ": use the Undula release that "
                                   "wrote the file, or import the data again");
  }
  in.Fixed<uint32_t>();  // the page size, which LMDB reads from its own meta page
  const auto id_bytes = in.Fixed<uint8_t>();
  const auto pointer_bytes = in.Fixed<uint8_t>();
  in.Text();
  if (!in.ok()) return DataLossError(path, ": the header is damaged");
  if (id_bytes != kIdBytes || pointer_bytes != sizeof(void*)) {
    return FailedPreconditionError(path, " has ids of ", 8 * id_bytes, " bits, written on a ",
                                   8 * pointer_bytes,
                                   "-bit machine; export it there and import "
                                   "it here");
  }
  return absl::OkStatus();
}

}  // namespace undula::kgstore::internal
