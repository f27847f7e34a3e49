// Look-ups by leaf pages against LMDB's own.
#include <unistd.h>

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "kgstore/adjacency.h"
#include "kgstore/leaf_index.h"
#include "kgstore/store.h"
#include "kgstore/varint.h"
#include "update_support.h"

namespace undula::kgstore {
namespace {

using internal::LeafIndex;
using internal::Table;

// Names of all lengths: within a block, aside, in overflow pages.
std::string NameOf(int i) {
  std::string name = Concat("http://example.org/", i);
  if (i % 50 == 1) name.append(300, 'x');
  if (i % 500 == 2) name.append(9000, 'y');
  return name;
}

// Tables with one leaf and with many, with gaps between their keys, empty ones.
void FillStore(Importer& importer) {
  Random random(3);
  for (int i = 0; i < 12000; ++i) {
    ASSERT_OK(importer.AddTriple(Iri(NameOf(i)), Iri("r"), Iri(NameOf(i % 7))));
    if (i > 4000 && i < 9000) continue;  // no attributes: absent buckets
    ASSERT_OK(importer.AddTriple(Iri(NameOf(i)), Iri("name"), Text(random.Name("n", 5000))));
  }
  ASSERT_OK(importer.AddSocial("u1", "u2", 1));
}

void ExpectSameAsLmdb(const ReadView& view) {
  const internal::ViewState& state = view.state();
  int indexed = 0;
  for (int i = 0; i < internal::kTables; ++i) {
    const auto table = static_cast<Table>(i);
    if (!internal::SpecOf(table).integer_key) continue;
    for (uint32_t key = 0; key < 13000; ++key) {
      const auto expected = state.Get(table, internal::AsBytes(key));
      const auto row = state.Row(table, key);
      ASSERT_TRUE(expected.ok() && row.ok()) << internal::SpecOf(table).name << " " << key;
      ASSERT_EQ(*row, *expected) << internal::SpecOf(table).name << " " << key;
    }
    EXPECT_EQ(*state.Row(table, 0xffffffffu), std::nullopt);
    indexed += state.tables().leaves[static_cast<size_t>(i)].index.load() != nullptr;
  }
  EXPECT_GT(indexed, 8);
}

TEST(LeafIndex, AnswersAsLmdbDoes) {
  const TempFolder folder;
  const auto db = OpenOrDie(folder.File("a.undula"));
  Import(*db, FillStore);
  ASSERT_OK_AND_ASSIGN(const ReadView before, db->Read());
  ExpectSameAsLmdb(before);
  Random random(5);
  for (int round = 0; round < 5; ++round) {
    Update(*db, [&](Updater& updater) {
      for (int i = 0; i < 3000; ++i) {
        const std::string head = NameOf(static_cast<int>(random(12000)));
        const std::string tail = NameOf(static_cast<int>(random(12000)));
        ASSERT_OK(round % 2 == 0 ? updater.AddTriple(Iri(head), Iri("s"), Iri(tail))
                                 : updater.RemoveTriple(Iri(head), Iri("r"), Iri(tail)));
      }
      // Whole leaves disappear.
      for (int i = 1000 * round; i < 1000 * round + 900; ++i) {
        ASSERT_OK(updater.RemoveTriple(Iri(NameOf(i)), Iri("r"), Iri(NameOf(i % 7))));
      }
    });
    ASSERT_OK_AND_ASSIGN(const ReadView after, db->Read());
    ExpectSameAsLmdb(after);
  }
  ExpectSameAsLmdb(before);  // its state stays
}

// Lists of many entities at once: hubs, empty ones and repeated ones among them.
TEST(LeafIndex, ManyListsAsOneByOne) {
  const TempFolder folder;
  const auto db = OpenOrDie(folder.File("a.undula"));
  Import(*db, FillStore);
  for (int round = 0; round < 2; ++round) {
    ASSERT_OK_AND_ASSIGN(const ReadView view, db->Read());
    Random random(17);
    for (const size_t count : {0, 1, 15, 16, 17, 300}) {
      std::vector<EntityId> entities(count);
      for (EntityId& entity : entities) {
        entity = static_cast<EntityId>(random(random(4) == 0 ? 8 : view.counts().entities));
      }
      using Edge = std::tuple<size_t, RelationId, uint32_t>;
      std::vector<Edge> many, one;
      const auto add = [&](size_t i, RelationId relation, auto end) {
        many.emplace_back(i, relation, Index(end));
      };
      ASSERT_OK(view.ForEachOutEdge(entities, add));
      ASSERT_OK(view.ForEachInEdge(entities, add));
      ASSERT_OK(view.ForEachAttribute(entities, add));
      for (const int table : {0, 1, 2}) {
        for (size_t i = 0; i < count; ++i) {
          const auto add_one = [&](RelationId relation, auto end) {
            one.emplace_back(i, relation, Index(end));
          };
          ASSERT_OK(table == 0   ? view.ForEachOutEdge(entities[i], add_one)
                    : table == 1 ? view.ForEachInEdge(entities[i], add_one)
                                 : view.ForEachAttribute(entities[i], add_one));
        }
      }
      EXPECT_EQ(many, one);
    }
    const EntityId unknown = static_cast<EntityId>(view.counts().entities);
    EXPECT_EQ(
        view.ForEachOutEdge(std::vector{EntityId{0}, unknown}, [](size_t, RelationId, EntityId) {})
            .code(),
        absl::StatusCode::kInvalidArgument);
    Update(*db, [&](Updater& updater) {
      for (int i = 0; i < 12000; i += 3) {
        ASSERT_OK(updater.AddTriple(Iri(NameOf(i)), Iri("s"), Iri(NameOf(i / 2))));
      }
    });
  }
}

TEST(LeafIndex, DamagedPagesAreLeftToLmdb) {
  const TempFolder folder;
  const auto db = OpenOrDie(folder.File("a.undula"));
  Import(*db, FillStore);
  ASSERT_OK_AND_ASSIGN(const ReadView view, db->Read());
  const internal::ViewState& state = view.state();
  // A copy of the file's pages, and the record of the tree of out-edges.
  const uint64_t page_bytes = state.store().env().page_bytes();
  const uint64_t pages = state.store().env().used_bytes() / page_bytes;
  std::vector<char> bytes(pages * page_bytes);
  MDB_cursor* cursor = nullptr;
  ASSERT_EQ(mdb_cursor_open(state.txn(), state.store().main(), &cursor), 0);
  const std::string name = internal::TableName(
      Table::kOut, state.state().table_generation[static_cast<size_t>(Table::kOut)]);
  MDB_val key = internal::ToVal(name), record;
  ASSERT_EQ(mdb_cursor_get(cursor, &key, &record, MDB_SET_KEY), 0);
  const auto tree = internal::DecodeTreeRecord(internal::FromVal(record));
  mdb_cursor_close(cursor);
  int fd;
  ASSERT_EQ(mdb_env_get_fd(state.store().env().raw(), &fd), 0);
  ASSERT_EQ(pread(fd, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  const internal::PageMap map{bytes.data(), pages, static_cast<uint32_t>(page_bytes)};
  const auto whole = LeafIndex::Build(map, tree);
  ASSERT_TRUE(whole.has_value());

  Random random(11);
  const std::vector<char> sound = bytes;
  int refused = 0, elsewhere = 0;
  for (int round = 0; round < 3000; ++round) {
    // Damage in headers and node tables of every page, and anywhere.
    for (int i = 0; i < 200; ++i) {
      const uint64_t page = 2 + random(static_cast<uint32_t>(pages - 2));
      const uint64_t at = random(2) == 0 ? random(64) : random(static_cast<uint32_t>(page_bytes));
      bytes[page * page_bytes + at] = static_cast<char>(random(256));
    }
    const auto damaged = LeafIndex::Build(map, tree);
    refused += !damaged.has_value();
    for (const auto* index : {&damaged, &whole}) {
      if (!index->has_value()) continue;
      for (int i = 0; i < 50; ++i) {
        std::string_view value;
        if ((*index)->Find(map, random(1000), &value) == LeafIndex::Outcome::kFound) {
          // Within the page that it lies in.
          ASSERT_GE(value.data(), bytes.data());
          ASSERT_LE(value.data() + value.size(), bytes.data() + bytes.size());
        } else {
          ++elsewhere;
        }
      }
    }
    if (round % 20 == 19) bytes = sound;
  }
  EXPECT_GT(refused, 10);
  EXPECT_GT(elsewhere, 10);
  const internal::TreeRecord empty;
  EXPECT_FALSE(LeafIndex::Build(map, empty).has_value());
}

TEST(LeafIndex, VarintsWithRoomBehindThem) {
  Random random(9);
  for (int i = 0; i < 200000; ++i) {
    const uint32_t value = random(0xffffffffu) >> random(32);
    std::string bytes;
    internal::PutVarint(&bytes, value);
    const size_t size = bytes.size();
    for (int k = 0; k < 8; ++k) bytes.push_back(static_cast<char>(random(256)));
    const auto* p = reinterpret_cast<const uint8_t*>(bytes.data());
    uint32_t back = 0;
    ASSERT_EQ(internal::GetVarintOf8(p, &back), p + size);
    ASSERT_EQ(back, value);
    // The same verdict on any bytes, but for more than five that say nothing.
    for (char& c : bytes) c = static_cast<char>(random(256));
    uint32_t plain = 0;
    const auto* const expected = internal::GetVarint(p, p + 5, &plain);
    ASSERT_EQ(internal::GetVarintOf8(p, &back), expected);
    if (expected != nullptr) {
      ASSERT_EQ(back, plain);
    }
  }
}

// Lists with room behind them, and without, and cut.
TEST(LeafIndex, ListsReadTheSameWithRoomBehindThem) {
  Random random(13);
  for (int round = 0; round < 3000; ++round) {
    uint32_t b = 0, c = 0;
    std::vector<internal::IdPair> list;
    for (uint32_t n = random(40) + 1; n > 0; --n) {
      if (random(3) == 0) {
        b += 1 + random(200);
        c = random(3000000);
      } else {
        c += 1 + random(1u << random(20));
      }
      list.push_back({b, c});
    }
    uint8_t out[internal::kMaxHubBlock + 32];
    size_t size = 0;
    list.resize(internal::EncodeList(list, internal::kMaxHubBlock, out, &size));
    std::vector<std::pair<uint32_t, uint32_t>> pairs;
    for (const auto& pair : list) pairs.emplace_back(pair.b, pair.c);
    std::string bytes(reinterpret_cast<const char*>(out), size);
    bytes += "\xff\xff\xff\xff";
    for (const size_t readable : {size_t{0}, size_t{2}, size_t{4}}) {
      std::vector<std::pair<uint32_t, uint32_t>> back;
      ASSERT_TRUE(internal::DecodeList(std::string_view(bytes).substr(0, size), readable,
                                       [&](uint32_t x, uint32_t y) { back.emplace_back(x, y); }));
      ASSERT_EQ(back, pairs);
      const size_t cut = random(static_cast<uint32_t>(size));
      back.clear();
      internal::DecodeList(std::string_view(bytes).substr(0, cut), readable,
                           [&](uint32_t x, uint32_t y) { back.emplace_back(x, y); });
      ASSERT_LE(back.size(), pairs.size());
      ASSERT_TRUE(std::equal(back.begin(), back.end(), pairs.begin()));
    }
  }
}

}  // namespace
}  // namespace undula::kgstore
