// Every file of tests/fuzz/corpus/NAME through target NAME, and a few hundred small changes of
// each: what libFuzzer finds becomes a file there.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/rng.h"
#include "targets.h"

namespace undula::fuzz {
namespace {

namespace fs = std::filesystem;

class FuzzCorpus : public testing::TestWithParam<Target> {};

std::string Changed(std::string bytes, const Rng& rng) {
  for (uint64_t i = 0; i < 1 + rng.Below(0, 3); ++i) {
    const auto at = rng.Below(10 * i + 1, static_cast<uint32_t>(bytes.size()) + 1);
    const auto byte = static_cast<char>(rng.Bits32(10 * i + 2));
    switch (rng.Below(10 * i + 3, 4)) {
      case 0:
        bytes.insert(at, 1, byte);
        break;
      case 1:
        bytes.erase(at, 1 + rng.Below(10 * i + 4, 8));
        break;
      case 2:
        if (at < bytes.size()) bytes[at] = byte;
        break;
      default:
        if (at < bytes.size()) bytes[at] ^= static_cast<char>(1 << rng.Below(10 * i + 5, 8));
    }
  }
  return bytes;
}

TEST_P(FuzzCorpus, FilesAndSmallChanges) {
  const fs::path folder = fs::path(UNDULA_SOURCE_DIR) / "tests/fuzz/corpus" / GetParam().name;
  ASSERT_TRUE(fs::exists(folder)) << folder;
  const bool slow =
      GetParam().run == Patches || GetParam().run == Values || GetParam().run == PatchLines;
  uint32_t number = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(in), {});
    SCOPED_TRACE(entry.path().string());
    GetParam().run(bytes);
    for (uint32_t i = 0; i < (slow ? 20u : 200u); ++i) {
      GetParam().run(Changed(bytes, Rng(++number, RngStream::kTest, i)));
    }
  }
  EXPECT_GT(number, 0u) << folder << " is empty";
}

INSTANTIATE_TEST_SUITE_P(All, FuzzCorpus, testing::ValuesIn(kTargets),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace undula::fuzz
