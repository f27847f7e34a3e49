// The database file: decoders, pages, whole files.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "kgstore/adjacency.h"
#include "kgstore/create_file.h"
#include "kgstore/database.h"
#include "kgstore/dictionary.h"
#include "kgstore/file_check.h"
#include "kgstore/hash_bucket.h"
#include "kgstore/interaction_log.h"
#include "kgstore/labels.h"
#include "kgstore/link_value.h"
#include "kgstore/literal_key.h"
#include "kgstore/model_record.h"
#include "kgstore/model_store.h"
#include "kgstore/page_check.h"
#include "kgstore/read_view.h"
#include "kgstore/stats.h"
#include "kgstore/take_snapshot.h"
#include "kgstore/term_block.h"
#include "targets.h"

namespace undula::fuzz {
namespace {

using kgstore::internal::FieldReader;

kgstore::OpenOptions SmallOptions() {
  kgstore::OpenOptions options;
  options.map_bytes = uint64_t{64} << 20;
  options.threads = 1;
  options.check = kgstore::OpenCheck::kFull;
  return options;
}

// Reads everything there is; the errors do not matter.
void ReadAll(kgstore::Database& database) {
  auto view = database.Read();
  if (!view.ok()) return;
  const auto counts = view->counts();
  // A damaged count may be huge; ids far beyond what the file can hold are errors anyway.
  const auto bound = [](uint32_t n) { return std::min<uint32_t>(n, 500); };
  for (uint32_t e = 0; e < bound(counts.entities); ++e) {
    const EntityId id{e};
    const auto name = view->EntityName(id);
    if (name.ok()) view->FindEntity(*name).status().IgnoreError();
    view->ForEachOutEdge(id, [](RelationId, EntityId) {}).IgnoreError();
    view->ForEachInEdge(id, [](RelationId, EntityId) {}).IgnoreError();
    const auto attributes = view->Attributes(id);
    if (attributes.ok()) {
      for (const auto& a : *attributes) view->GetLiteral(a.literal).status().IgnoreError();
    }
    view->BestLabel(id).status().IgnoreError();
  }
  for (uint32_t r = 0; r < bound(counts.relations); ++r) {
    view->ForEachRelationEdge(RelationId{r}, [](EntityId, EntityId) {}).IgnoreError();
    view->Heads(RelationId{r}, EntityId{0}).status().IgnoreError();
    view->EntitiesByValue(RelationId{r}, "Name 3").status().IgnoreError();
  }
  view->ForEachLabel([](std::string_view, std::span<const EntityId>) {}).IgnoreError();
  for (uint32_t i = 0; i < bound(counts.items); ++i) {
    view->ItemName(ItemId{i}).status().IgnoreError();
    view->ItemColumns(ItemId{i}).status().IgnoreError();
    view->Links(ItemId{i}).status().IgnoreError();
  }
  for (uint32_t u = 0; u < bound(counts.users); ++u) {
    view->UserName(UserId{u}).status().IgnoreError();
    view->UserLog(UserId{u}).status().IgnoreError();
  }
  kgstore::ReadStats(database).status().IgnoreError();
  auto models = kgstore::OpenModelStore(database);
  if (models.ok()) {
    const auto names = (*models)->List();
    if (names.ok()) {
      for (const std::string& name : *names) (*models)->Get(name).status().IgnoreError();
    }
  }
}

// The bytes as a block of names, as a zstd frame of one and as the zstd dictionary of a frame.
void TermBlocks(Bytes bytes) {
  using namespace kgstore::internal;  // NOLINT: the decoders
  static const std::shared_ptr<const TermCodec> codec = [] {
    std::string blocks;
    std::vector<size_t> sizes;
    TermBlockEncoder encoder;
    for (int i = 0; blocks.size() < 80000; ++i) {
      encoder.Add(Concat("http://a/entity_", i * 7919 % 104729, i % 3 == 0 ? "_film" : "_person"));
      if (encoder.count() < TermCodec::kCompressedTerms) continue;
      blocks += encoder.block();
      sizes.push_back(encoder.block().size());
      encoder.Clear();
    }
    auto made = TrainTermCodec(blocks, sizes.data(), sizes.size());
    Require(made.ok() && (*made)->compressed(), "a codec is trained");
    return *made;
  }();
  std::string buffer, text, frame;
  std::string_view block;
  uint32_t terms = 0;
  const auto count = [&](uint32_t, std::string_view, bool) { return ++terms < 100; };
  DecodeTermBlock(bytes, TermCodec::kPlainTerms, &text, count);
  Require(terms <= TermCodec::kPlainTerms, "a block has few texts");
  if (codec->Expand(bytes, &buffer, &block)) {
    Require(block.size() <= TermCodec::kMaxBlock, "a frame is bounded");
    DecodeTermBlock(block, codec->block_terms(), &text, count);
  }
  if (bytes.size() <= TermCodec::kMaxBlock) {
    Require(
        codec->Pack(bytes, &frame).ok() && codec->Expand(frame, &buffer, &block) && block == bytes,
        "a block comes back");
  }
  const auto other = TermCodec::OfTrained(bytes);
  if (other.ok()) (*other)->Expand(frame, &buffer, &block);
}

}  // namespace

void Codecs(Bytes input) {
  using namespace kgstore::internal;  // NOLINT: the decoders
  if (input.empty()) return;
  const Bytes rest = input.substr(1);
  uint64_t sum = 0;
  const auto pair = [&](uint32_t b, uint32_t c) { sum += b + c; };
  switch (static_cast<uint8_t>(input[0]) % 9) {
    case 0:
      DecodeList(rest, pair);
      break;
    case 1:
      SplitBucket(rest, [&](uint32_t, std::string_view list, bool hub) {
        return hub || DecodeList(list, pair);
      });
      break;
    case 2:
      DecodeLogBlock(rest, [&](uint32_t other, float, int64_t) { sum += other; });
      break;
    case 3: {
      ReadLabelBlock("label", rest,
                     [](std::string_view, const std::vector<uint32_t>&) { return true; });
      FindInHashBucket(rest, 1, [](uint32_t) { return true; });
      std::vector<HashPair> hash_pairs;
      DecodeHashBucket(rest, &hash_pairs);
      break;
    }
    case 4:
      DecodeLinks(rest, [&](const kgstore::Link& link) { sum += Index(link.entity); });
      break;
    case 5: {
      const auto state = DecodeState(rest);
      if (state.ok()) {
        const auto again = DecodeState(EncodeState(*state));
        Require(again.ok() && EncodeState(*again) == EncodeState(*state), "state round trip");
      }
      break;
    }
    case 6: {
      const auto record = DecodeModelRecord("m", rest);
      if (record.ok()) {
        Require(DecodeModelRecord("m", EncodeModelRecord(*record)).ok(), "model round trip");
      }
      break;
    }
    case 8:
      TermBlocks(rest);
      break;
    default:
      DecodeLiteral(rest).status().IgnoreError();
      CheckHeader(rest, "fuzz").IgnoreError();
      break;
  }
}

void Pages(Bytes input) {
  const MemoryFile file(input);
  const auto metas = kgstore::internal::ReadMetaPages(file.fd(), "fuzz");
  if (!metas.ok()) return;
  kgstore::internal::CheckPages(file.fd(), "fuzz", metas->newest, nullptr).status().IgnoreError();
}

void Patches(Bytes input) {
  std::string bytes = SoundFile();
  FieldReader in(input);
  const bool cut = in.Fixed<uint8_t>() == 0;
  if (cut) bytes.resize(in.Fixed<uint32_t>() % (bytes.size() + 1));
  for (int i = 0; i < 16 && !in.done(); ++i) {
    const uint64_t page = in.Fixed<uint8_t>();
    const uint64_t at = page * 4096 + in.Fixed<uint16_t>() % 4096;
    const std::string_view patch = in.Bytes(in.Fixed<uint8_t>() % 17);
    for (size_t k = 0; k < patch.size() && at + k < bytes.size(); ++k) bytes[at + k] = patch[k];
  }
  const std::string path = WriteFile("patched.undula", bytes);
  auto database = kgstore::Database::Open(path, SmallOptions());
  if (database.ok()) ReadAll(**database);
}

void Values(Bytes input) {
  FieldReader in(input);
  const uint8_t which = in.Fixed<uint8_t>();
  const uint16_t entry = in.Fixed<uint16_t>();
  if (!in.ok()) return;
  const std::string path = WriteFile("values.undula", SoundFile(/*compact=*/which >= 128));
  {
    auto database = kgstore::Database::Open(path, SmallOptions());
    Require(database.ok(), "a sound file opens");
    auto& store = (*database)->store();
    auto view = store.BeginView();
    Require(view.ok(), "a sound file can be read");
    const int table = which % (kgstore::internal::kTables + 2);
    const MDB_dbi handle = table == kgstore::internal::kTables ? store.meta()
                           : table == kgstore::internal::kTables + 1
                               ? store.models()
                               : (*view)->tables().handle[table];
    auto cursor = kgstore::internal::Cursor::Open(store.env(), (*view)->txn(), handle);
    if (!cursor.ok()) return;
    auto more = (*cursor)->First();
    for (int i = entry % 32; i > 0 && more.ok() && *more; --i) more = (*cursor)->Next();
    if (!more.ok() || !*more) return;
    // A few bytes of the old value, then the input's, then what is left of the old value.
    const std::string old((*cursor)->value()), key((*cursor)->key());
    const size_t keep = in.Fixed<uint8_t>(), drop = in.Fixed<uint8_t>();
    std::string value = old.substr(0, keep);
    value += input.substr(std::min<size_t>(input.size(), 5));
    if (keep + drop < old.size()) value += old.substr(keep + drop);
    cursor->reset();
    view->reset();
    auto txn = store.BeginWrite(1 << 20);
    Require(txn.ok(), "writing begins");
    if (!(*txn)->Put(handle, key, value).ok() || !(*txn)->Commit().ok()) return;
  }
  auto database = kgstore::Database::Open(path, SmallOptions());
  if (database.ok()) ReadAll(**database);
}

}  // namespace undula::fuzz
