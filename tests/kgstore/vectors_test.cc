// Vector files and vectors in the database. The .npy bytes were made by NumPy 2.4.6
// (numpy.save, numpy.lib.format.write_array with version=), not by this code.
#include "kgstore/vectors.h"

#include <bit>
#include <cmath>
#include <limits>

#include "base/safetensors.h"
#include "kgstore/model_store.h"
#include "kgstore/npy.h"
#include "kgstore/updater.h"
#include "kgstore/verify.h"
#include "read_support.h"
#include "store_support.h"

namespace undula::kgstore {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string Folder(const std::string& name) { return DataPath("vectors/" + name); }

absl::StatusOr<VectorTable> Read(const std::string& path, const std::string& names = "") {
  VectorFileOptions options;
  options.names_file = names;
  return ReadVectorFile(path, options, nullptr);
}

void ExpectRefused(const absl::StatusOr<VectorTable>& table, const std::string& text) {
  EXPECT_FALSE(table.ok()) << text;
  EXPECT_THAT(std::string(Message(table.status())), HasSubstr(text));
}

TEST(VectorFileTest, Text) {
  // MIND's files have a tab behind the last value; names may hold blanks there.
  const auto mind = Read(WriteFile("entity_embedding.vec", "Q42\t-0.5\t1e-3\t\nQ7 x\t2\t3\t\r\n"));
  ASSERT_TRUE(mind.ok()) << mind.status();
  EXPECT_EQ(mind->dim, 2);
  EXPECT_THAT(mind->names, ElementsAre("Q42", "Q7 x"));
  EXPECT_THAT(mind->values, ElementsAre(-0.5f, 1e-3f, 2.f, 3.f));
  const auto word2vec = Read(WriteFile("w.vec", "2 3\nthe 1 2 3 \nof 4 5 6\n"));
  ASSERT_TRUE(word2vec.ok()) << word2vec.status();
  EXPECT_THAT(word2vec->names, ElementsAre("the", "of"));
  const auto glove = Read(WriteFile("g.txt.gz", Compress("a 1 2 3\n\nb 4 5 6", "gz")));
  ASSERT_TRUE(glove.ok()) << glove.status();
  EXPECT_THAT(glove->values, ElementsAre(1.f, 2.f, 3.f, 4.f, 5.f, 6.f));
}

TEST(VectorFileTest, BadText) {
  ExpectRefused(Read(WriteFile("a.vec", "a 1 2 3\nb 1 2\n")),
                "a.vec:2: 2 values of 'b', expected 3");
  ExpectRefused(Read(WriteFile("b.vec", "a 1 2 3\nb 1 2 nan\n")),
                "b.vec:2: value 3 of 'b' is 'nan'");
  ExpectRefused(Read(WriteFile("c.vec", "a 1 2 3\nb 1 2 inf\n")), "finite number");
  ExpectRefused(Read(WriteFile("d.vec", "a 1 2 3\nb 1 2 1e99\n")), "finite number");
  ExpectRefused(Read(WriteFile("e.vec", "a 1 2 3\na 1 2 3\n")), "two vectors of 'a'");
  ExpectRefused(Read(WriteFile("f.vec", "3 2\na 1 2\nb 1 2\n")), "says 3 vectors, the file has 2");
  ExpectRefused(Read(WriteFile("g.vec", "2 3\na 1 2\nb 1 2\n")), "2 values of 'a', expected 3");
  ExpectRefused(Read(WriteFile("h.vec", "")), "no vectors");
  ExpectRefused(Read(WriteFile("i.vec", "\t1\t2\n")), "empty name");
  ExpectRefused(Read(WriteFile("j.vec", "alone\n")), "has no values");
  ExpectRefused(Read(WriteFile("k.vec", "a 1 2\n\xff 1 2\n")), "k.vec:2: invalid UTF-8");
  std::string wide = "a";
  for (int i = 0; i <= kMaxVectorDim; ++i) wide += " 1";
  ExpectRefused(Read(WriteFile("l.vec", wide)), "more than 65536 values");
  ExpectRefused(Read(WriteFile("m.vec", std::string(5 << 20, 'a'))), "longer than 4 MiB");
  EXPECT_EQ(Read("/nonexistent/x.vec").status().code(), absl::StatusCode::kNotFound);
}

TEST(VectorFileTest, TextsAreHashed) {
  const auto hashed = [](const std::string& name, const std::string& text) {
    VectorFileOptions options;
    options.format = "text-hash";
    return ReadVectorFile(WriteFile(name, text), options, nullptr);
  };
  const auto table = hashed("items.tsv",
                            "item\tcolumn\tvalue\n1\ttitle\tThe Red Planet\n1\tyear\t1999\n"
                            "2\ttitle\tRed planet, the\n3\ttitle\tBlue moon\n4\ttitle\t\n");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->dim, kTextHashDim);
  EXPECT_THAT(table->names, ElementsAre("1", "2", "3", "4"));
  const auto dot = [&](int64_t a, int64_t b) {
    double sum = 0;
    for (int64_t i = 0; i < kTextHashDim; ++i) {
      sum += double{table->values[a * kTextHashDim + i]} * table->values[b * kTextHashDim + i];
    }
    return sum;
  };
  for (const int64_t row : {0, 1, 2}) EXPECT_NEAR(dot(row, row), 1, 1e-6);
  EXPECT_EQ(dot(3, 3), 0);  // no words
  EXPECT_GT(dot(0, 1), 0.5);
  EXPECT_LT(std::abs(dot(0, 2)), 0.5);
  // Two columns differ by their names, "name, text" has none.
  const auto columns = hashed("columns.tsv", "a\tx\tword\nb\ty\tword\nc\tword\n");
  ASSERT_TRUE(columns.ok()) << columns.status();
  EXPECT_FALSE(std::equal(columns->values.begin(), columns->values.begin() + kTextHashDim,
                          columns->values.begin() + kTextHashDim));
  ExpectRefused(hashed("none.tsv", "\n"), "no texts");
  ExpectRefused(hashed("bad.tsv", "a\tb\nalone\n"), "bad.tsv:2: expected a name, a tab");
}

TEST(VectorFileTest, NpyOfAllVersionsTypesAndOrders) {
  for (const char* file : {"v1_f4.npy", "v2_f8.npy", "v3_f2.npy", "v1_f4_fortran.npy"}) {
    SCOPED_TRACE(file);
    const auto table = Read(Folder(file), Folder("names.txt"));
    ASSERT_TRUE(table.ok()) << table.status();
    EXPECT_EQ(table->dim, 2);
    EXPECT_THAT(table->names, ElementsAre("a", "b c", "d"));
    EXPECT_THAT(table->values, ElementsAre(0.f, -1.5f, 2.f, 65504.f, -4.f, 6.103515625e-05f));
  }
  const auto rows = Read(Folder("v1_f4.npy"), "rows");
  ASSERT_TRUE(rows.ok());
  EXPECT_THAT(rows->names, ElementsAre("0", "1", "2"));
}

TEST(VectorFileTest, BadNpy) {
  const std::string good = ReadFile(Folder("v1_f4.npy"));
  const auto read = [](const std::string& bytes) {
    return Read(WriteFile("x.npy", bytes), "rows");
  };
  ASSERT_TRUE(read(good).ok());
  EXPECT_THAT(Read(Folder("v1_f4.npy")).status().message().data(), HasSubstr("--names"));
  ExpectRefused(Read(Folder("v1_f4.npy"), WriteFile("n", "a\nb\n")), "has 2 names");
  ExpectRefused(Read(Folder("v1_f4.npy"), WriteFile("n", "a\nb\nc\nd\n")), "more than 3 names");
  ExpectRefused(Read(Folder("v1_f4.npy"), WriteFile("n", "a\nb\na\n")), "two vectors of 'a'");
  // Every truncation is refused; every change of a header byte is refused or harmless.
  for (size_t size = 0; size < good.size(); ++size) EXPECT_FALSE(read(good.substr(0, size)).ok());
  for (size_t at = 0; at < 128; ++at) {
    for (const char c : {'\0', '9', '\xff', ')'}) {
      std::string bad = good;
      bad[at] = c;
      const auto table = read(bad);
      if (table.ok()) {
        EXPECT_EQ(table->values.size(), 6u) << at;
      }
    }
  }
  ExpectRefused(read(good + "x"), "bytes behind the end");
  for (const auto& [from, to, text] :
       {std::tuple{"'<f4'", "'>f4'", "astype('<f4')"}, std::tuple{"'<f4'", "'<i4'", "astype"},
        std::tuple{"(3, 2)", "(6, )", "1 dimensions"},
        std::tuple{"(3, 2)", "(0, 2)", "shape (0, 2)"},
        std::tuple{"(3, 2), }        ", "(30000000000, 2)}", "shape"},
        std::tuple{"(3, 2), }        ", "(300000000, 20)} ", "the file ends after 6 of"},
        std::tuple{"(3, 2)", "(1, 2)", "bytes behind"}}) {
    std::string bad = good;
    const size_t at = bad.find(from);
    ASSERT_NE(at, bad.npos) << from;
    bad.replace(at, std::string(from).size(), to);
    if (bad.size() == good.size() - 1) bad.insert(at + std::string(to).size(), " ");
    ExpectRefused(read(bad), text);
  }
  std::string nan = good;
  const float value = std::numeric_limits<float>::quiet_NaN();
  std::memcpy(nan.data() + nan.size() - 8, &value, 4);
  ExpectRefused(read(nan), "value 1 of '2' (row 2) is no finite number");
}

TEST(NpyTest, HalfPrecision) {
  EXPECT_EQ(HalfToFloat(0x3C00), 1.f);
  EXPECT_EQ(HalfToFloat(0xC000), -2.f);
  EXPECT_EQ(HalfToFloat(0x7BFF), 65504.f);
  EXPECT_EQ(HalfToFloat(0x0001), 0x1p-24f);
  EXPECT_EQ(HalfToFloat(0x83FF), -1023 * 0x1p-24f);
  EXPECT_TRUE(std::signbit(HalfToFloat(0x8000)));
  EXPECT_TRUE(std::isinf(HalfToFloat(0x7C00)));
  EXPECT_TRUE(std::isnan(HalfToFloat(0x7E00)));
}

TEST(VectorFileTest, Safetensors) {
  const std::vector<double> values = {1, 2, 3, 4};
  TensorMap map;
  map.tensors["emb"] = MakeTensor({2, 2}, values.data());
  const std::string path = TestDirectory() + "/x.safetensors";
  ASSERT_TRUE(WriteSafetensors(path, map).ok());
  const auto table = Read(path, "rows");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_THAT(table->values, ElementsAre(1.f, 2.f, 3.f, 4.f));
  map.tensors["other"] = MakeTensor({4}, values.data());
  ASSERT_TRUE(WriteSafetensors(path, map).ok());
  ExpectRefused(Read(path, "rows"), "name one of its tensors (--tensor): emb, other");
  VectorFileOptions options;
  options.names_file = "rows";
  options.tensor = "other";
  ExpectRefused(ReadVectorFile(path, options, nullptr), "1 dimensions");
  options.tensor = "emb";
  EXPECT_TRUE(ReadVectorFile(path, options, nullptr).ok());
  options.format = "bin";
  ExpectRefused(ReadVectorFile(path, options, nullptr),
                "none of auto, text, text-hash, npy, safetensors");
}

class StoredVectorsTest : public testing::Test {
 protected:
  void SetUp() override {
    db_ = OpenOrDie(folder_.File("a.undula"));
    Import(*db_, [](Importer& importer) {
      ASSERT_OK(importer.AddTriple(Iri("e0"), Iri("r"), Iri("e1")));
      ASSERT_OK(importer.AddTriple(Iri("e2"), Iri("r"), Iri("e1")));
      ASSERT_OK(importer.AddInteraction("u", "i", 1, 0));
    });
    sink_ = Take(OpenModelStore(*db_));
  }
  absl::StatusOr<VectorReport> Store(const VectorTable& table, const std::string& name = "v",
                                     VectorSpace space = VectorSpace::kEntities) {
    return StoreVectors(*db_, *sink_, name, space, table, "x.vec");
  }

  TempFolder folder_;
  std::unique_ptr<Database> db_;
  std::unique_ptr<ModelSink> sink_;
  const VectorTable table_{2, {"e2", "x", "e0", "y"}, {1, 2, 3, 4, 5, 6, 7, 8}};
};

TEST_F(StoredVectorsTest, KnownNamesAreStoredUnknownOnesCounted) {
  const auto report = Store(table_);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->stored, 2);
  EXPECT_EQ(report->unknown, 2);
  EXPECT_THAT(report->unknown_names, ElementsAre("x", "y"));
  const auto vectors = ReadVectors(*db_, *sink_, "v");
  ASSERT_TRUE(vectors.ok()) << vectors.status();
  EXPECT_EQ(vectors->dim, 2);
  EXPECT_EQ(vectors->source, "x.vec");
  const ReadView view = Take(db_->Read());
  ASSERT_EQ(vectors->ids.size(), 2u);
  EXPECT_LT(vectors->ids[0], vectors->ids[1]);
  for (size_t i = 0; i < 2; ++i) {
    const std::string name = Take(view.EntityName(EntityId{vectors->ids[i]}));
    EXPECT_EQ(vectors->values[2 * i], name == "e2" ? 1 : 5) << name;
    EXPECT_EQ(vectors->values[2 * i + 1], name == "e2" ? 2 : 6) << name;
  }
  const auto metadata = Take(sink_->Metadata("v"));
  EXPECT_EQ(metadata.at("kind"), "vectors");
  EXPECT_EQ(metadata.at("space"), "entities");
  EXPECT_EQ(metadata.at("dim"), "2");
  EXPECT_EQ(metadata.at("count"), "2");
  EXPECT_THAT(Take(sink_->List()), ElementsAre("v"));
}

TEST_F(StoredVectorsTest, OtherSpaces) {
  for (const auto& [space, name] :
       {std::pair{VectorSpace::kUsers, "u"}, std::pair{VectorSpace::kItems, "i"},
        std::pair{VectorSpace::kRelations, "r"}}) {
    ASSERT_TRUE(Store({1, {name}, {9}}, "v", space).ok()) << name;
    const auto vectors = ReadVectors(*db_, *sink_, "v");
    ASSERT_TRUE(vectors.ok());
    EXPECT_EQ(vectors->space, space);
    EXPECT_THAT(vectors->values, ElementsAre(9));
  }
  EXPECT_FALSE(ParseVectorSpace("things").ok());
}

TEST_F(StoredVectorsTest, NothingIsStoredAfterAnError) {
  EXPECT_EQ(Store({1, {"x"}, {9}}).status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Take(sink_->List()), testing::IsEmpty());
  TensorMap model;
  model.metadata["family"] = "ripplenet";
  ASSERT_OK(sink_->Put("m", model));
  EXPECT_EQ(Store(table_, "m").status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Take(sink_->Metadata("m")).at("family"), "ripplenet");
  EXPECT_EQ(ReadVectors(*db_, *sink_, "m").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReadVectors(*db_, *sink_, "none").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(StoredVectorsTest, AnotherIdSpaceAndDamage) {
  ASSERT_TRUE(Store(table_).ok());
  TensorMap map = Take(sink_->Get("v"));
  map.metadata["id_space"] = "1";
  ASSERT_OK(sink_->Put("w", map));
  EXPECT_EQ(ReadVectors(*db_, *sink_, "w").status().code(), absl::StatusCode::kFailedPrecondition);
  map = Take(sink_->Get("v"));
  map.tensors.erase("ids");
  ASSERT_OK(sink_->Put("w", map));
  EXPECT_EQ(ReadVectors(*db_, *sink_, "w").status().code(), absl::StatusCode::kDataLoss);
}

TEST(VectorStoreTest, ForgettingAUserTakesItsRows) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a.undula"));
  constexpr int kUsers = 400, kDim = 1000;  // two chunks of the model store
  VectorTable table, alone;
  table.dim = alone.dim = kDim;
  Import(*db, [&](Importer& importer) {
    for (int u = 0; u < kUsers; ++u) {
      const std::string name = "u" + std::to_string(u);
      ASSERT_TRUE(importer.AddInteraction(name, "i" + std::to_string(u), 1, 1).ok());
      table.names.push_back(name);
      for (int d = 0; d < kDim; ++d) table.values.push_back(static_cast<float>(u + d));
    }
  });
  alone.names = {"u7"};
  alone.values.assign(kDim, 7.f);
  auto models = *OpenModelStore(*db);
  const auto store = [&](const char* name, VectorSpace space, VectorTable vectors) {
    const auto report = StoreVectors(*db, *models, name, space, vectors, "test");
    ASSERT_TRUE(report.ok()) << report.status();
  };
  store("all", VectorSpace::kUsers, table);
  store("alone", VectorSpace::kUsers, alone);
  VectorTable items = alone;
  items.names = {"i7"};
  store("items", VectorSpace::kItems, items);

  const auto report = ForgetUser(*db, "u7");
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(report->vectors, ElementsAre("all", "alone"));
  EXPECT_THAT(report->models, ElementsAre());
  EXPECT_THAT(*models->List(), ElementsAre("all", "items"));
  const auto left = ReadVectors(*db, *models, "all");
  ASSERT_TRUE(left.ok()) << left.status();
  ASSERT_EQ(left->ids.size(), kUsers - 1u);
  EXPECT_EQ(models->Metadata("all")->at("count"), "399");
  for (size_t i = 0; i < left->ids.size(); ++i) {
    EXPECT_EQ(left->ids[i], i < 7 ? i : i + 1);
    EXPECT_EQ(left->values[i * kDim], static_cast<float>(left->ids[i]));
  }
  const auto again = ForgetUser(*db, "u399");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_THAT(again->vectors, ElementsAre("all"));
  EXPECT_EQ(ReadVectors(*db, *models, "all")->ids.size(), kUsers - 2u);
  EXPECT_THAT(ReadVectors(*db, *models, "items")->values, testing::Each(7.f));
  db.reset();
  models.reset();
  const auto verified = VerifyFile(folder.File("a.undula"), nullptr);
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_TRUE(verified->ok()) << verified->findings[0].what;
}

}  // namespace
}  // namespace undula::kgstore
