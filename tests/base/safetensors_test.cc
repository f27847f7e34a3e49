#include "base/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "base/file.h"
#include "base/model_sink.h"
#include "base/status.h"
#include "tests/base/temp_dir.h"

namespace undula {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string FileOf(std::string_view header, std::string_view data) {
  const uint64_t length = header.size();
  std::string bytes(reinterpret_cast<const char*>(&length), 8);
  return bytes.append(header).append(data);
}

TensorMap SampleMap() {
  const float f[] = {1.5f, -2.0f, 3.25f, 0.0f, 5.0f, 6.0f};
  const double d[] = {0.1};
  const uint32_t u[] = {1, 0xffffffffu};
  const int64_t i[] = {-1, 2};
  const uint8_t b[] = {1, 2, 3};
  TensorMap map;
  map.tensors["item"] = MakeTensor<float>({2, 3}, f);
  map.tensors["scalar"] = MakeTensor<double>({}, d);
  map.tensors["ids \"q\" \\ \n é"] = MakeTensor<uint32_t>({2}, u);
  map.tensors["big"] = MakeTensor<int64_t>({2, 1}, i);
  map.tensors["a_mask"] = MakeTensor<uint8_t>({3}, b);
  map.tensors["empty"] = MakeTensor<float>({0, 7}, f);
  map.metadata = {{"model", "ripplenet"}, {"note", "tab\t \"x\" ü"}, {"", ""}};
  return map;
}

void ExpectEqual(const TensorMap& a, const TensorMap& b) {
  EXPECT_EQ(a.metadata, b.metadata);
  ASSERT_EQ(a.tensors.size(), b.tensors.size());
  for (const auto& [name, tensor] : a.tensors) {
    const NamedTensor* other = b.Find(name);
    ASSERT_NE(other, nullptr) << name;
    EXPECT_EQ(tensor.dtype, other->dtype) << name;
    EXPECT_EQ(tensor.shape, other->shape) << name;
    EXPECT_EQ(tensor.bytes, other->bytes) << name;
  }
}

TEST(SafetensorsTest, RoundTripAndDeterministicBytes) {
  const TempDir dir;
  const TensorMap map = SampleMap();
  const std::string path = dir.File("m.safetensors");
  ASSERT_TRUE(WriteSafetensors(path, map).ok());
  const auto read = ReadSafetensors(path);
  ASSERT_TRUE(read.ok()) << read.status();
  ExpectEqual(map, *read);
  const auto bytes = ReadWholeFile(path, 1 << 20);
  ASSERT_TRUE(bytes.ok());
  EXPECT_EQ(*bytes, SerializeSafetensors(*read));
  const auto metadata = ReadSafetensorsMetadata(path);
  ASSERT_TRUE(metadata.ok());
  EXPECT_EQ(*metadata, map.metadata);
  EXPECT_FALSE(std::filesystem::exists(path + ".tmp"));
}

TEST(SafetensorsTest, EmptyMapAndPaddedHeader) {
  const auto empty = ParseSafetensors(SerializeSafetensors(TensorMap()), "m");
  ASSERT_TRUE(empty.ok()) << empty.status();
  EXPECT_TRUE(empty->tensors.empty());
  EXPECT_TRUE(ParseSafetensors(FileOf("{}   ", ""), "m").ok());
}

// What the Python package writes for {"w": float32 [[1, 2]]}: also read here.
TEST(SafetensorsTest, ReadsTheReferenceLayout) {
  const float values[] = {1, 2};
  const std::string data(reinterpret_cast<const char*>(values), 8);
  const auto map =
      ParseSafetensors(FileOf(R"({"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[1,2],)"
                              R"("data_offsets":[0,8]}})",
                              data),
                       "m");
  ASSERT_TRUE(map.ok()) << map.status();
  EXPECT_THAT(map->Find("w")->shape, ElementsAre(1, 2));
  EXPECT_EQ(map->Find("w")->data<float>()[1], 2.0f);
  EXPECT_EQ(map->metadata.at("format"), "pt");
}

TEST(SafetensorsTest, TensorsAreAlignedInTheFile) {
  const std::string bytes = SerializeSafetensors(SampleMap());
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  EXPECT_EQ(length % 8, 0u);
  const std::string header = bytes.substr(8, length);
  EXPECT_LT(header.find("\"big\""), header.find("\"item\""));
  EXPECT_LT(header.find("\"item\""), header.find("\"a_mask\""));
}

struct Hostile {
  const char* name;
  std::string bytes;
  absl::StatusCode code = absl::StatusCode::kDataLoss;
};

std::vector<Hostile> HostileFiles() {
  const std::string d8(8, '\1');
  const auto one = [&d8](std::string_view fields) {
    return FileOf(Concat("{\"a\":{", fields, "}}"), d8);
  };
  std::string huge = FileOf("{}", "");
  std::memset(huge.data(), 0xff, 8);
  std::string longer = FileOf("{}", "");
  longer[0] = 3;
  std::string nested = "{\"a\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}";
  return {
      {"empty", ""},
      {"seven bytes", std::string(7, '\0')},
      {"no header", std::string(8, '\0')},
      {"header length 2^64-1", huge},
      {"header one byte longer than the file", longer},
      {"header is a list", FileOf("[]", "")},
      {"header is cut", FileOf("{\"a\":{\"dtype\":\"F32\"", "")},
      {"header is garbage", FileOf("{\xff\xfe\x01}", "")},
      {"invalid UTF-8 in a name", FileOf("{\"\xff\":{}}", "")},
      {"text after the header", FileOf("{} x", "")},
      {"deep nesting", FileOf(nested, "")},
      {"tensor is a number", FileOf("{\"a\":3}", "")},
      {"no fields", FileOf("{\"a\":{}}", "")},
      {"no offsets", one(R"("dtype":"F32","shape":[2])")},
      {"one offset", one(R"("dtype":"F32","shape":[2],"data_offsets":[8])")},
      {"three offsets", one(R"("dtype":"F32","shape":[2],"data_offsets":[0,8,8])")},
      {"unknown field", one(R"("dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1)")},
      {"field twice", one(R"("dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8])")},
      {"begin after end", one(R"("dtype":"F32","shape":[2],"data_offsets":[8,0])")},
      {"end beyond the file", one(R"("dtype":"F32","shape":[3],"data_offsets":[0,12])")},
      {"offset 2^63", one(R"("dtype":"F32","shape":[2],"data_offsets":[0,9223372036854775808])")},
      {"offset beyond 2^64",
       one(R"("dtype":"F32","shape":[2],"data_offsets":[0,99999999999999999999]))")},
      {"negative offset", one(R"("dtype":"F32","shape":[2],"data_offsets":[-8,8])")},
      {"fractional extent", one(R"("dtype":"F32","shape":[2.0],"data_offsets":[0,8])")},
      {"negative extent", one(R"("dtype":"F32","shape":[-2],"data_offsets":[0,8])")},
      {"shape too small", one(R"("dtype":"F32","shape":[1],"data_offsets":[0,8])")},
      {"shape too large", one(R"("dtype":"F64","shape":[2],"data_offsets":[0,8])")},
      {"shape product overflows",
       one(R"("dtype":"F32","shape":[4294967296,4294967296,2],"data_offsets":[0,8])")},
      {"overflow hidden by a zero",
       one(R"("dtype":"F32","shape":[4294967296,4294967296,0],"data_offsets":[0,0])")},
      {"nine dimensions", one(R"("dtype":"F32","shape":[1,1,1,1,1,1,1,1,2],"data_offsets":[0,8])")},
      {"nested shape", one(R"("dtype":"F32","shape":[[2]],"data_offsets":[0,8])")},
      {"data of no tensor", one(R"("dtype":"F32","shape":[1],"data_offsets":[0,4])")},
      {"data before the first tensor", one(R"("dtype":"F32","shape":[1],"data_offsets":[4,8])")},
      {"name twice", FileOf(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                            R"("a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                            d8)},
      {"overlap", FileOf(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                         R"("b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                         d8)},
      {"hole", FileOf(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                      R"("b":{"dtype":"U8","shape":[2],"data_offsets":[6,8]}})",
                      d8)},
      {"metadata twice", FileOf(R"({"__metadata__":{},"__metadata__":{}})", "")},
      {"metadata key twice", FileOf(R"({"__metadata__":{"a":"1","a":"2"}})", "")},
      {"metadata is not text", FileOf(R"({"__metadata__":{"a":1}})", "")},
      {"metadata is nested", FileOf(R"({"__metadata__":{"a":{"b":"c"}}})", "")},
      {"unknown type", one(R"("dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8])"),
       absl::StatusCode::kInvalidArgument},
      {"type we do not have", one(R"("dtype":"BF16","shape":[4],"data_offsets":[0,8])"),
       absl::StatusCode::kInvalidArgument},
  };
}

TEST(SafetensorsTest, HostileFilesAreRefused) {
  const TempDir dir;
  for (const Hostile& hostile : HostileFiles()) {
    const auto parsed = ParseSafetensors(hostile.bytes, "evil");
    EXPECT_EQ(parsed.status().code(), hostile.code) << hostile.name << ": " << parsed.status();
    EXPECT_THAT(std::string(Message(parsed.status())), testing::StartsWith("evil: "));
    const std::string path = dir.Write("evil.safetensors", hostile.bytes);
    EXPECT_EQ(ReadSafetensors(path).status().code(), hostile.code) << hostile.name;
    EXPECT_EQ(ReadSafetensorsMetadata(path).status().code(), hostile.code) << hostile.name;
  }
}

TEST(SafetensorsTest, EveryTruncationIsRefused) {
  const std::string bytes = SerializeSafetensors(SampleMap());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(ParseSafetensors(std::string_view(bytes).substr(0, size), "cut").ok()) << size;
  }
  EXPECT_FALSE(ParseSafetensors(bytes + "x", "long").ok());
}

TEST(SafetensorsTest, AnyChangedHeaderByteIsRefusedOrReadSafely) {
  const std::string bytes = SerializeSafetensors(SampleMap());
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  for (size_t at = 0; at < 8 + length; ++at) {
    for (const char c : {'\0', '9', '"', '}', '\xff'}) {
      std::string changed = bytes;
      changed[at] = c;
      const auto read = ParseSafetensors(changed, "changed");  // ASan watches
      if (!read.ok()) continue;
      size_t total = 0;
      for (const auto& [name, tensor] : read->tensors) total += tensor.bytes.size();
      EXPECT_LE(total, bytes.size());
    }
  }
}

TEST(SafetensorsTest, UnwritableMapsAreRefused) {
  const TempDir dir;
  const std::string path = dir.File("m.safetensors");
  TensorMap map = SampleMap();
  ASSERT_TRUE(WriteSafetensors(path, map).ok());
  TensorMap bad = map;
  bad.tensors["item"].shape = {2, 4};
  EXPECT_EQ(WriteSafetensors(path, bad).code(), absl::StatusCode::kInvalidArgument);
  bad = map;
  bad.tensors["__metadata__"] = bad.tensors["item"];
  EXPECT_EQ(WriteSafetensors(path, bad).code(), absl::StatusCode::kInvalidArgument);
  bad = map;
  bad.metadata["x"] = "\xff";
  EXPECT_EQ(WriteSafetensors(path, bad).code(), absl::StatusCode::kInvalidArgument);
  const auto read = ReadSafetensors(path);  // the old file is whole
  ASSERT_TRUE(read.ok());
  ExpectEqual(map, *read);
}

TEST(SafetensorsTest, FileErrors) {
  const TempDir dir;
  EXPECT_EQ(ReadSafetensors(dir.File("none")).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ReadSafetensors(dir.path()).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(WriteSafetensors(dir.File("no/such/m"), TensorMap()).code(),
            absl::StatusCode::kNotFound);
  std::filesystem::create_directory(dir.File("d"));
  EXPECT_FALSE(WriteSafetensors(dir.File("d"), TensorMap()).ok());
  EXPECT_FALSE(std::filesystem::exists(dir.File("d.tmp")));
  const std::string path = dir.Write("big", "12345");
  EXPECT_EQ(ReadWholeFile(path, 4).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(*ReadWholeFile(path, 5), "12345");
}

TEST(DirectorySinkTest, PutGetListRemove) {
  const TempDir dir;
  const auto sink = OpenDirectorySink(dir.File("a/models"));
  ASSERT_TRUE(sink.ok()) << sink.status();
  ModelSink& models = **sink;
  EXPECT_THAT(*models.List(), ElementsAre());
  const absl::Status none = models.Get("m").status();
  EXPECT_EQ(none.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(Message(none)), HasSubstr("it has none"));

  TensorMap map = SampleMap();
  ASSERT_TRUE(models.Put("ripplenet-1", map).ok());
  ASSERT_TRUE(models.Put("bprmf", TensorMap()).ok());
  map.metadata["model"] = "second";
  ASSERT_TRUE(models.Put("ripplenet-1", map).ok());  // replaces
  dir.Write("a/models/readme.txt", "not a model");
  EXPECT_THAT(*models.List(), ElementsAre("bprmf", "ripplenet-1"));
  ExpectEqual(*models.Get("ripplenet-1"), map);
  EXPECT_EQ(models.Metadata("ripplenet-1")->at("model"), "second");
  EXPECT_THAT(std::string(Message(models.Metadata("x").status())),
              HasSubstr("stored: bprmf, ripplenet-1"));

  ASSERT_TRUE(models.Remove("bprmf").ok());
  EXPECT_EQ(models.Remove("bprmf").code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(*models.List(), ElementsAre("ripplenet-1"));
  // A second sink over the same directory sees the same models.
  EXPECT_THAT(*(*OpenDirectorySink(dir.File("a/models")))->List(), ElementsAre("ripplenet-1"));
}

TEST(DirectorySinkTest, NamesCannotLeaveTheDirectory) {
  const TempDir dir;
  const auto sink = OpenDirectorySink(dir.path());
  ASSERT_TRUE(sink.ok());
  for (const std::string& name :
       {std::string(), std::string("../x"), std::string("a/b"), std::string(".x"),
        std::string("-x"), std::string("a\0b", 3), std::string("a b"), std::string(201, 'a')}) {
    EXPECT_EQ((*sink)->Put(name, TensorMap()).code(), absl::StatusCode::kInvalidArgument) << name;
    EXPECT_EQ((*sink)->Get(name).status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ((*sink)->Remove(name).code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ((*sink)->Metadata(name).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(DirectorySinkTest, AFileIsNotADirectory) {
  const TempDir dir;
  EXPECT_FALSE(OpenDirectorySink(dir.Write("f", "x")).ok());
  EXPECT_FALSE(OpenDirectorySink("").ok());
}

}  // namespace
}  // namespace undula
