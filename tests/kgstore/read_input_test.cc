#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "base/status.h"
#include "kgstore/input_stream.h"
#include "kgstore/text_window.h"
#include "read_support.h"

namespace undula::kgstore {
namespace {

using testing::HasSubstr;

absl::StatusOr<std::string> ReadAll(const std::string& path) {
  auto stream = InputStream::Open(path);
  if (!stream.ok()) return stream.status();
  std::string all;
  char buffer[1000];
  while (true) {
    const auto n = (*stream)->Read(buffer);
    if (!n.ok()) {
      EXPECT_EQ((*stream)->Read(buffer).status(), n.status());  // errors stick
      return n.status();
    }
    if (*n == 0) return all;
    all.append(buffer, *n);
  }
}

std::string Lines(int n) {
  std::string text;
  for (int i = 0; i < n; ++i) text += Concat("line number ", i * 7919 % 10007, '\n');
  return text;
}

TEST(InputStreamTest, PlainAndCompressedByContent) {
  const std::string text = Lines(50000);
  EXPECT_EQ(*ReadAll(WriteFile("plain", text)), text);
  for (const std::string codec : {"gz", "bz2", "xz", "zst"}) {
    const std::string packed = Compress(text, codec);
    const std::string path = WriteFile("misnamed.txt", packed);
    EXPECT_EQ(*ReadAll(path), text) << codec;
    const auto stream = InputStream::Open(path);
    ASSERT_TRUE(stream.ok());
    EXPECT_EQ((*stream)->compression(), codec);
    EXPECT_EQ((*stream)->size(), static_cast<int64_t>(packed.size()));
  }
}

TEST(InputStreamTest, SeveralMembersAreReadAsOne) {
  for (const std::string codec : {"gz", "bz2", "xz", "zst"}) {
    const std::string packed = Compress("one\n", codec) + Compress("two\n", codec);
    EXPECT_EQ(*ReadAll(WriteFile("two." + codec, packed)), "one\ntwo\n") << codec;
  }
}

TEST(InputStreamTest, EmptyAndTinyFiles) {
  EXPECT_EQ(*ReadAll(WriteFile("empty", "")), "");
  EXPECT_EQ(*ReadAll(WriteFile("one", "x")), "x");
  for (const std::string codec : {"gz", "bz2", "xz", "zst"}) {
    EXPECT_EQ(*ReadAll(WriteFile("empty." + codec, Compress("", codec))), "") << codec;
  }
}

TEST(InputStreamTest, TruncatedDataIsDataLoss) {
  const std::string text = Lines(50000);
  for (const std::string codec : {"gz", "bz2", "xz", "zst"}) {
    const std::string packed = Compress(text, codec);
    for (const size_t keep : {packed.size() - 1, packed.size() - 20, packed.size() / 2}) {
      const std::string path = WriteFile("cut." + codec, packed.substr(0, keep));
      const auto all = ReadAll(path);
      EXPECT_EQ(all.status().code(), absl::StatusCode::kDataLoss) << codec << ' ' << keep;
      EXPECT_THAT(std::string(Message(all.status())), HasSubstr(path));
    }
  }
}

TEST(InputStreamTest, DamagedDataIsDataLoss) {
  const std::string text = Lines(50000);
  for (const std::string codec : {"gz", "bz2", "xz", "zst"}) {
    std::string packed = Compress(text, codec);
    for (size_t i = packed.size() / 2; i < packed.size() / 2 + 64; ++i) packed[i] ^= 0x55;
    EXPECT_EQ(ReadAll(WriteFile("bad." + codec, packed)).status().code(),
              absl::StatusCode::kDataLoss)
        << codec;
    std::string head = Compress(text, codec);
    head.resize(5 + (codec == "xz"));
    EXPECT_EQ(ReadAll(WriteFile("head." + codec, head)).status().code(),
              absl::StatusCode::kDataLoss)
        << codec;
  }
}

// libarchive itself does not look at the checksum.
TEST(InputStreamTest, NoDamagedByteOfAGzipGoesUnseen) {
  const std::string text = Lines(30);
  const std::string packed = Compress(text, "gz");
  size_t refused = 0;
  for (size_t i = 10; i < packed.size(); ++i) {  // before them time and system
    std::string damaged = packed;
    damaged[i] ^= 0x01;
    const auto all = ReadAll(WriteFile("x.gz", damaged));
    if (all.ok()) {
      EXPECT_EQ(*all, text) << i;  // a bit without effect
    } else {
      EXPECT_EQ(all.status().code(), absl::StatusCode::kDataLoss) << i;
      ++refused;
    }
  }
  EXPECT_GT(refused, packed.size() * 9 / 10);
}

TEST(InputStreamTest, MissingFileDirectoryPermission) {
  EXPECT_EQ(ReadAll("/nonexistent/file.nt").status().code(), absl::StatusCode::kNotFound);
  const auto directory = ReadAll(TestDirectory());
  EXPECT_EQ(directory.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(Message(directory.status())), HasSubstr("is a directory"));
  const std::string path = WriteFile("secret", "x");
  ASSERT_EQ(chmod(path.c_str(), 0), 0);
  if (geteuid() != 0) {  // root may read everything
    EXPECT_EQ(ReadAll(path).status().code(), absl::StatusCode::kFailedPrecondition);
  }
  chmod(path.c_str(), 0600);
}

TEST(InputStreamTest, StandardInput) {
  const std::string path = WriteFile("input.gz", Compress("from stdin\n", "gz"));
  const int saved = dup(STDIN_FILENO);
  ASSERT_NE(freopen(path.c_str(), "r", stdin), nullptr);
  const auto all = ReadAll("-");
  dup2(saved, STDIN_FILENO);
  close(saved);
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(*all, "from stdin\n");
}

TEST(InputStreamTest, PlainFileName) {
  EXPECT_EQ(PlainFileName("/a/b.c/movies.nt.xz"), "movies.nt");
  EXPECT_EQ(PlainFileName("movies.nt"), "movies.nt");
  EXPECT_EQ(PlainFileName("a.zst"), "a");
  EXPECT_EQ(PlainFileName(".gz"), ".gz");
  EXPECT_EQ(PlainFileName("xgz"), "xgz");
}

TEST(TextWindowTest, PositionsAndGrowth) {
  const std::string long_line(3 << 20, 'y');
  auto stream = InputStream::Open(WriteFile("t", Concat("ab\ncd\n", long_line, "\nend")));
  ASSERT_TRUE(stream.ok());
  TextWindow window(stream->get(), nullptr);
  ASSERT_TRUE(window.FillTo(4).ok());
  window.Consume(4);
  EXPECT_EQ(window.position().line, 2);
  EXPECT_EQ(window.position().column, 2);
  window.ConsumeLine(2);
  EXPECT_EQ(window.position().line, 3);
  EXPECT_EQ(window.position().column, 1);
  ASSERT_TRUE(window.FillTo(long_line.size() + 1).ok());
  EXPECT_EQ(window.unread().substr(0, long_line.size()), long_line);
  window.Consume(long_line.size() + 1);
  ASSERT_TRUE(window.FillTo(100).ok());
  EXPECT_EQ(window.unread(), "end");
  EXPECT_TRUE(window.at_end());
}

TEST(TextWindowTest, FindBadByte) {
  std::string_view what;
  EXPECT_EQ(FindBadByte("plain ASCII text, longer than a word", &what), std::string_view::npos);
  EXPECT_EQ(FindBadByte("na\xC3\xAFve \xF0\x9F\x98\x80", &what), std::string_view::npos);
  EXPECT_EQ(FindBadByte("0123456789\xC3", &what), 10u);
  EXPECT_EQ(FindBadByte("\xED\xA0\x80", &what), 0u);
  EXPECT_EQ(FindBadByte(std::string_view("0123456789\0x", 12), &what), 10u);
  EXPECT_THAT(std::string(what), HasSubstr("NUL"));
  EXPECT_EQ(FindBadByte(std::string_view("\xC3\xA9\0\xFF", 4), &what), 2u);
}

}  // namespace
}  // namespace undula::kgstore
