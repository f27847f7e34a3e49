// Encodings: round trips at the extremes, damaged bytes refused.
#include <limits>

#include "kgstore/adjacency.h"
#include "kgstore/hash_bucket.h"
#include "kgstore/interaction_log.h"
#include "kgstore/labels.h"
#include "kgstore/link_value.h"
#include "kgstore/model_record.h"
#include "kgstore/radix_sort.h"
#include "kgstore/state.h"
#include "kgstore/varint.h"
#include "store_support.h"

namespace undula::kgstore::internal {
namespace {

uint32_t Next(uint64_t* state) {
  *state = *state * 6364136223846793005ull + 1442695040888963407ull;
  return static_cast<uint32_t>(*state >> 32);
}

TEST(StoreCodec, Varints) {
  for (const uint64_t value :
       {uint64_t{0}, uint64_t{1}, uint64_t{127}, uint64_t{128}, uint64_t{0xFFFFFFFF},
        uint64_t{0x100000000}, std::numeric_limits<uint64_t>::max()}) {
    std::string bytes;
    PutVarint(&bytes, value);
    EXPECT_EQ(static_cast<int>(bytes.size()), VarintSize(value));
    const auto* p = reinterpret_cast<const uint8_t*>(bytes.data());
    uint64_t back = 0;
    EXPECT_EQ(GetVarint(p, p + bytes.size(), &back), p + bytes.size());
    EXPECT_EQ(back, value);
    for (size_t n = 0; n < bytes.size(); ++n) EXPECT_EQ(GetVarint(p, p + n, &back), nullptr);
    uint32_t narrow = 0;
    EXPECT_EQ(GetVarint(p, p + bytes.size(), &narrow) != nullptr, value <= 0xFFFFFFFF);
  }
  const std::string endless(20, '\xFF');
  const auto* p = reinterpret_cast<const uint8_t*>(endless.data());
  uint64_t value;
  EXPECT_EQ(GetVarint(p, p + endless.size(), &value), nullptr);
}

TEST(StoreCodec, Lists) {
  uint64_t state = 1;
  for (int round = 0; round < 200; ++round) {
    std::set<std::pair<uint32_t, uint32_t>> pairs;
    const uint32_t spread = round % 3 == 0 ? 5 : round % 3 == 1 ? 1000 : 0xFFFFFFFF;
    for (uint32_t i = Next(&state) % 400; i > 0; --i) {
      pairs.insert({Next(&state) % (round % 5 + 1) * (round % 7 == 0 ? 0x1FFFFFFF : 1),
                    Next(&state) % spread});
    }
    std::vector<IdPair> rest;
    for (const auto& [b, c] : pairs) rest.push_back({b, c});
    std::vector<std::string> blocks;
    const size_t limit = round % 2 == 0 ? kMaxHubBlock : 64;
    for (std::span<const IdPair> left = rest; !left.empty();) {
      uint8_t out[kMaxHubBlock + 32];
      size_t bytes = 0;
      const size_t taken = EncodeList(left, limit, out, &bytes);
      ASSERT_GT(taken, 0u);
      left = left.subspan(taken);
      blocks.emplace_back(reinterpret_cast<const char*>(out), bytes);
    }
    std::vector<std::pair<uint32_t, uint32_t>> back;
    for (const std::string& block : blocks) {
      EXPECT_LE(block.size(), limit);
      ASSERT_TRUE(DecodeList(block, [&](uint32_t b, uint32_t c) { back.emplace_back(b, c); }));
      // Every cut either ends between two entries or is refused; it never reads beyond.
      for (size_t n = 0; n < block.size(); ++n) {
        size_t entries = 0;
        const std::string cut = block.substr(0, n);
        DecodeList(cut, [&](uint32_t, uint32_t) { ++entries; });
        EXPECT_LE(entries, n);
      }
    }
    EXPECT_TRUE(std::equal(back.begin(), back.end(), pairs.begin(), pairs.end()));
  }
}

TEST(StoreCodec, HashBuckets) {
  uint64_t state = 3;
  for (int round = 0; round < 200; ++round) {
    std::vector<HashPair> pairs;
    uint32_t id = 0;
    for (uint32_t n = 1 + Next(&state) % 60; n > 0; --n) {
      id += 1 + Next(&state) % (round % 2 == 0 ? 10 : 50000000);
      pairs.push_back({id, static_cast<uint16_t>(Next(&state) % 40)});
    }
    std::string bytes;
    EncodeHashBucket(pairs, &bytes);
    std::vector<HashPair> back;
    ASSERT_TRUE(DecodeHashBucket(bytes, &back));
    ASSERT_EQ(back.size(), pairs.size());
    for (uint16_t fingerprint = 0; fingerprint < 40; ++fingerprint) {
      std::vector<uint32_t> found, wanted;
      for (const HashPair& pair : back) {
        if (pair.fingerprint == fingerprint) wanted.push_back(pair.id);
      }
      ASSERT_TRUE(FindInHashBucket(bytes, fingerprint, [&](uint32_t hit) {
        found.push_back(hit);
        return true;
      }));
      EXPECT_EQ(found, wanted);
    }
    for (size_t n = 0; n < bytes.size(); ++n) {
      back.clear();
      EXPECT_FALSE(DecodeHashBucket(std::string_view(bytes).substr(0, n), &back));
    }
  }
}

TEST(StoreCodec, LabelBlocks) {
  std::map<std::string, std::vector<uint32_t>> labels;
  uint64_t state = 11;
  for (int i = 0; i < 3000; ++i) {
    std::string label = "label " + std::to_string(Next(&state) % 5000);
    if (i % 100 == 0) label += std::string(390 - label.size(), 'x');
    labels[label].push_back(static_cast<uint32_t>(i));
  }
  for (uint32_t e = 0; e < 2000; ++e) labels["untitled"].push_back(e);
  std::vector<std::pair<std::string, std::string>> blocks;
  LabelPacker packer([&](std::string_view key, std::string_view value) {
    blocks.emplace_back(key, value);
    return absl::OkStatus();
  });
  for (const auto& [label, entities] : labels) ASSERT_OK(packer.Add(label, entities));
  ASSERT_OK(packer.Finish());
  std::map<std::string, std::vector<uint32_t>> back;
  for (const auto& [key, value] : blocks) {
    bool first = true;
    ASSERT_TRUE(ReadLabelBlock(key, value, [&](std::string_view label, const auto& entities) {
      if (first) {
        EXPECT_EQ(label, key);
      }
      first = false;
      if (label != "untitled") {
        EXPECT_LE(value.size(), kMaxLabelBlock);
      }
      back[std::string(label)] = entities;
      return true;
    }));
  }
  EXPECT_EQ(back, labels);
  EXPECT_GT(blocks.size(), 10u);
}

TEST(StoreCodec, RandomBytesAreHarmless) {
  uint64_t state = 7;
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(Next(&state) % 60, '\0');
    for (char& c : bytes) c = static_cast<char>(Next(&state));
    DecodeList(bytes, [](uint32_t, uint32_t) {});
    SplitBucket(bytes, [](uint32_t, std::string_view, bool) { return true; });
    DecodeLogBlock(bytes, [](uint32_t, float, int64_t) {});
    DecodeLinks(bytes, [](const Link&) {});
    ReadLabelBlock("label", bytes,
                   [](std::string_view, const std::vector<uint32_t>&) { return true; });
    FindInHashBucket(bytes, static_cast<uint16_t>(round), [](uint32_t) { return true; });
    std::vector<HashPair> pairs;
    DecodeHashBucket(bytes, &pairs);
    EXPECT_FALSE(DecodeState(bytes).ok());
    EXPECT_FALSE(CheckHeader(bytes, "f").ok());
    DecodeModelRecord("m", bytes).IgnoreError();
  }
}

// What passes weights and times over finds the same ids, and the same damage.
TEST(StoreCodec, OthersOfALog) {
  const auto both = [](std::string_view block, std::vector<uint32_t>* others) {
    std::vector<uint32_t> whole;
    const bool decoded =
        DecodeLogBlock(block, [&](uint32_t other, float, int64_t) { whole.push_back(other); });
    others->clear();
    EXPECT_EQ(DecodeLogOthers(block, [&](uint32_t other) { others->push_back(other); }), decoded);
    EXPECT_EQ(*others, whole);
  };
  uint64_t state = 5;
  std::vector<uint32_t> others;
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> blocks;
    LogWriter writer([&](std::string_view, std::string_view block) {
      blocks.emplace_back(block);
      return absl::OkStatus();
    });
    int64_t time = 0;
    std::vector<uint32_t> want;
    for (uint64_t i = 0, n = Next(&state) % 400; i < n; ++i) {
      time += int64_t{Next(&state)} << (Next(&state) % 20);
      want.push_back(Next(&state) >> (Next(&state) % 32));
      ASSERT_OK(writer.Add({7, want.back(), static_cast<float>(Next(&state) % 3), time}));
    }
    ASSERT_OK(writer.Finish());
    std::vector<uint32_t> found;
    for (const std::string& block : blocks) {
      both(block, &others);
      found.insert(found.end(), others.begin(), others.end());
    }
    EXPECT_EQ(found, want);
    if (blocks.empty()) continue;
    std::string damaged = blocks[0];
    damaged[Next(&state) % damaged.size()] ^= static_cast<char>(1 << Next(&state) % 8);
    both(damaged, &others);
    both(std::string_view(damaged).substr(0, Next(&state) % damaged.size()), &others);
    for (char& c : damaged) c = static_cast<char>(Next(&state));
    both(damaged, &others);
  }
}

TEST(StoreCodec, StateAndHeader) {
  State state;
  state.generation = 8;
  state.table_generation.fill(3);
  state.table_generation[4] = 8;
  state.counts = {kMaxIds, 2, 3, 4, 5, 1ull << 40, 7, 8, 9, 10, 11};
  state.bucket_bits = {1, 2, 3, 4, 26};
  state.normalizer_version = 1;
  state.label_relations = {{static_cast<RelationId>(1), 4}};
  state.item_columns = {"title", ""};
  const std::string bytes = EncodeState(state);
  ASSERT_OK_AND_ASSIGN(const State back, DecodeState(bytes));
  EXPECT_EQ(EncodeState(back), bytes);
  EXPECT_EQ(back.counts.triples, 1ull << 40);
  for (size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_CODE(DecodeState(bytes.substr(0, n)).status(), kDataLoss);
  }
  EXPECT_CODE(DecodeState(bytes + "x").status(), kDataLoss);

  const std::string header = EncodeHeader(4096);
  ASSERT_OK(CheckHeader(header, "f"));
  std::string other = header;
  std::swap(other[8], other[11]);
  std::swap(other[9], other[10]);
  EXPECT_CODE(CheckHeader(other, "f"), kFailedPrecondition);  // other byte order
  other = header;
  other[12] = 2;
  EXPECT_CODE(CheckHeader(other, "f"), kFailedPrecondition);  // a future version
  other = header;
  other[20] = 5;
  EXPECT_CODE(CheckHeader(other, "f"), kFailedPrecondition);  // 40-bit ids
  EXPECT_CODE(CheckHeader("something else", "f"), kInvalidArgument);
}

TEST(StoreCodec, RadixSort) {
  uint64_t state = 3;
  for (const size_t n : {0, 1, 100, 1999, 2000, 50000}) {
    for (const uint32_t bound : {1u, 100u, 70000u, 0xFFFFFFFFu}) {
      std::vector<Triple> triples(n);
      for (Triple& t : triples) {
        t = {Next(&state) % bound, Next(&state) % 12, Next(&state) % bound};
      }
      std::vector<Triple> expected = triples;
      std::sort(expected.begin(), expected.end());
      SortTriples(&triples);
      EXPECT_TRUE(triples == expected);
    }
  }
}

}  // namespace
}  // namespace undula::kgstore::internal
