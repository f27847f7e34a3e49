// The arrays of a snapshot as a safetensors file and as a folder of NumPy files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>

#include "base/safetensors.h"
#include "small_world.h"
#include "undula/undula.h"

namespace undula {
namespace {

using test::ReadFile;
using test::SmallWorld;
using testing::HasSubstr;

// The values after the header of a .npy file of version 1.0; checks the header's length and text.
template <class T>
std::vector<T> ReadNpy(const std::string& path, const std::string& descr) {
  const std::string bytes = ReadFile(path);
  EXPECT_EQ(bytes.substr(0, 8), std::string("\x93NUMPY\x01\x00", 8)) << path;
  const size_t data = 10 + static_cast<uint8_t>(bytes[8]) + 256 * static_cast<uint8_t>(bytes[9]);
  EXPECT_EQ(data % 64, 0u);
  EXPECT_EQ(bytes[data - 1], '\n');
  std::vector<T> values((bytes.size() - data) / sizeof(T));
  std::memcpy(values.data(), bytes.data() + data, values.size() * sizeof(T));
  EXPECT_EQ(bytes.substr(10, bytes.find_last_not_of(" \n", data - 1) - 9),
            "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (" +
                std::to_string(values.size()) + ",), }");
  return values;
}

class ExportCsr : public testing::Test {
 protected:
  void SetUp() override {
    db_ = *Database::Open(world_.database);
    for (const std::string& file : {world_.graph, world_.catalogue, world_.interactions}) {
      ASSERT_TRUE(db_->Import(file).ok());
    }
  }

  SmallWorld world_;
  std::unique_ptr<Database> db_;
};

TEST_F(ExportCsr, BothFormsHaveTheSameArrays) {
  const std::string file = world_.dir / "arrays.safetensors", folder = world_.dir / "arrays";
  const int64_t arrays = *db_->Export("csr", file);
  ASSERT_EQ(*db_->Export("csr-npy", folder + "/"), arrays);
  const TensorMap map = *ReadSafetensors(file);
  ASSERT_EQ(static_cast<int64_t>(map.tensors.size()), arrays);
  const auto same = [&]<class T>(const std::string& name, const std::string& descr, T) {
    const NamedTensor& tensor = *map.Find(name);
    std::string as_file = name;
    as_file.replace(as_file.find('/'), 1, ".");
    const std::vector<T> values = ReadNpy<T>(folder + "/" + as_file + ".npy", descr);
    EXPECT_EQ(tensor.dtype, kDTypeOf<T>) << name;
    EXPECT_EQ(values, std::vector<T>(tensor.data<T>(), tensor.data<T>() + tensor.size())) << name;
    return values;
  };
  for (const std::string list : {"out", "in"}) {
    const auto ptr = same(list + "/ptr", "<i8", int64_t{});
    const auto entity = same(list + "/entity", "<u4", uint32_t{});
    same(list + "/relation", "<u4", uint32_t{});
    EXPECT_EQ(ptr.back(), static_cast<int64_t>(entity.size()));
    EXPECT_EQ(static_cast<int64_t>(entity.size()), db_->Stats()->triples);
  }
  for (const std::string list : {"by_user", "by_item"}) {
    same(list + "/ptr", "<i8", int64_t{});
    const auto other = same(list + "/other", "<u4", uint32_t{});
    EXPECT_EQ(static_cast<int64_t>(other.size()), db_->Stats()->interactions);
    same(list + "/weight", "<f4", float{});
    same(list + "/time", "<i8", int64_t{});
  }
  EXPECT_THAT(ReadFile(folder + "/metadata.json"),
              HasSubstr("\"id_space\": \"" + map.metadata.at("id_space") + "\""));
}

TEST_F(ExportCsr, AFolderIsNeverOverwrittenAndAnUnfinishedOneIs) {
  const std::string folder = world_.dir / "arrays";
  std::filesystem::create_directories(folder + ".tmp/left");
  ASSERT_TRUE(db_->Export("csr-npy", folder).ok());
  EXPECT_FALSE(std::filesystem::exists(folder + ".tmp"));
  EXPECT_FALSE(std::filesystem::exists(folder + "/left"));
  const std::string before = ReadFile(folder + "/out.ptr.npy");
  EXPECT_EQ(db_->Export("csr-npy", folder).status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(ReadFile(folder + "/out.ptr.npy"), before);
  EXPECT_EQ(db_->Export("csr-npy", world_.dir / "no/folder").status().code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace undula
