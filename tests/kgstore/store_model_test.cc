// Models in the database file.
#include <signal.h>
#include <unistd.h>

#include "kgstore/model_store.h"
#include "store_support.h"

namespace undula::kgstore {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TensorMap MakeModel(int64_t rows, uint32_t seed) {
  std::vector<float> values(static_cast<size_t>(rows) * 16);
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>((i * 2654435761u + seed) % 1000);
  }
  const std::vector<int64_t> ids = {1, -2, 3};
  TensorMap model;
  model.tensors["entities"] = MakeTensor({rows, 16}, values.data());
  model.tensors["ids"] = MakeTensor({3}, ids.data());
  model.tensors["empty"] = NamedTensor{DType::kF64, {0, 4}, {}};
  model.metadata = {{"options", "dim = 16"}, {"seed", std::to_string(seed)}};
  return model;
}

void ExpectEqual(const TensorMap& a, const TensorMap& b) {
  EXPECT_EQ(a.metadata, b.metadata);
  ASSERT_EQ(a.tensors.size(), b.tensors.size());
  for (const auto& [name, tensor] : a.tensors) {
    const NamedTensor* other = b.Find(name);
    ASSERT_NE(other, nullptr);
    EXPECT_EQ(tensor.dtype, other->dtype);
    EXPECT_EQ(tensor.shape, other->shape);
    EXPECT_TRUE(tensor.bytes == other->bytes);
  }
}

TEST(StoreModel, PutGetReplaceRemove) {
  TempFolder folder;
  const TensorMap big = MakeModel(50000, 1);  // 3.2 MB: several chunks
  const TensorMap small = MakeModel(3, 2);
  {
    auto db = OpenOrDie(folder.File("a.undula"));
    ASSERT_OK_AND_ASSIGN(auto store, OpenModelStore(*db));
    EXPECT_THAT(store->List().value(), testing::IsEmpty());
    ASSERT_OK(store->Put("big", big));
    ASSERT_OK(store->Put("small", small));
    ASSERT_OK(store->Put("empty", TensorMap()));
    ExpectEqual(store->Get("big").value(), big);
    EXPECT_CODE(store->Get("other").status(), kNotFound);
    EXPECT_THAT(store->Get("other").status().ToString(), HasSubstr("big, empty, small"));
    EXPECT_CODE(store->Put("", small), kInvalidArgument);
    EXPECT_CODE(store->Put(std::string(201, 'n'), small), kInvalidArgument);
    TensorMap wrong = small;
    wrong.tensors["ids"].bytes.pop_back();
    EXPECT_CODE(store->Put("wrong", wrong), kInvalidArgument);
  }
  auto db = OpenOrDie(folder.File("a.undula"));
  ASSERT_OK_AND_ASSIGN(auto store, OpenModelStore(*db));
  EXPECT_THAT(store->List().value(), ElementsAre("big", "empty", "small"));
  ExpectEqual(store->Get("big").value(), big);
  ExpectEqual(store->Get("small").value(), small);
  EXPECT_EQ(store->Metadata("small").value(), small.metadata);
  ASSERT_OK(store->Put("big", small));
  ExpectEqual(store->Get("big").value(), small);
  ASSERT_OK(store->Remove("small"));
  EXPECT_CODE(store->Remove("small"), kNotFound);
  EXPECT_THAT(store->List().value(), ElementsAre("big", "empty"));
  // Chunks of replaced and removed models are gone: 2 records, 2 chunks.
  for (const TableStats& table : Take(ReadStats(*db)).tables) {
    if (table.name == "models") {
      EXPECT_EQ(table.entries, 4u);
    }
  }
  EXPECT_EQ(ReadStats(*db)->models.size(), 2u);
  EXPECT_EQ(ReadStats(*db)->models[0].name, "big");
}

TEST(StoreModel, ReaderSeesOneModelWhileAnotherIsPut) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a.undula"));
  ASSERT_OK_AND_ASSIGN(auto store, OpenModelStore(*db));
  const TensorMap first = MakeModel(40000, 1), second = MakeModel(40000, 2);
  ASSERT_OK(store->Put("m", first));
  ASSERT_OK_AND_ASSIGN(const ReadView pin, db->Read());  // keeps old pages readable
  ASSERT_OK(store->Put("m", second));
  ExpectEqual(store->Get("m").value(), second);
}

TEST(StoreModel, KilledWhilePutting) {
  TempFolder folder;
  const std::string path = folder.File("a.undula");
  const TensorMap first = MakeModel(1000, 1);
  {
    auto db = OpenOrDie(path);
    ASSERT_OK_AND_ASSIGN(auto store, OpenModelStore(*db));
    ASSERT_OK(store->Put("m", first));
  }
  for (const int delay_us : {0, 2000, 20000, 60000, 150000}) {
    const int code = RunInChild([&] {
      const pid_t self = getpid();
      auto db = OpenOrDie(path);
      auto store = OpenModelStore(*db).value();
      const TensorMap big = MakeModel(1500000, 9);  // 96 MB: two transactions
      if (fork() == 0) {
        usleep(static_cast<useconds_t>(delay_us));
        kill(self, SIGKILL);
        _exit(0);
      }
      return store->Put("m", big).ok() ? 0 : 1;
    });
    EXPECT_TRUE(code == -SIGKILL || code == 0) << code;
    // The killer process inherited the lock and is gone a moment later.
    absl::StatusOr<std::unique_ptr<Database>> db = absl::UnknownError("");
    for (int i = 0; i < 500 && !db.ok(); ++i) {
      db = Database::Open(path);
      if (!db.ok()) usleep(10000);
    }
    ASSERT_TRUE(db.ok()) << db.status();
    ASSERT_OK_AND_ASSIGN(auto store, OpenModelStore(**db));
    if (code == -SIGKILL) {
      const TensorMap stored = store->Get("m").value();
      if (stored.metadata.at("seed") == "1") ExpectEqual(stored, first);
    }
    ASSERT_OK(store->Put("m", first));  // also sweeps what was left behind
    ExpectEqual(store->Get("m").value(), first);
    for (const TableStats& table : Take(ReadStats(**db)).tables) {
      if (table.name == "models") {
        EXPECT_EQ(table.entries, 3u);
      }
    }
  }
}

TEST(StoreModel, ReadOnly) {
  TempFolder folder;
  const std::string path = folder.File("a.undula");
  {
    auto db = OpenOrDie(path);
    ASSERT_OK(OpenModelStore(*db).value()->Put("m", MakeModel(3, 1)));
  }
  auto db = OpenOrDie(path, OpenMode::kOpen, true);
  ASSERT_OK_AND_ASSIGN(auto store, OpenModelStore(*db));
  ExpectEqual(store->Get("m").value(), MakeModel(3, 1));
  EXPECT_CODE(store->Put("m", MakeModel(3, 2)), kFailedPrecondition);
  EXPECT_CODE(store->Remove("m"), kFailedPrecondition);
}

}  // namespace
}  // namespace undula::kgstore
