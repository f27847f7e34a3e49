// Rows of new users and items, predicted from those of the stored model.
#include "models/train/new_rows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <numeric>
#include <vector>

#include "base/rng.h"

namespace undula::models {
namespace {

constexpr int64_t kDim = 4;

// A model's tables over random interactions: the first `old_users` users and all items are kept, a
// user's row is a linear function of the mean of the user's items, of log(their number) and of 1.
struct World {
  uint32_t users = 300, items = 40, old_users = 250;
  std::vector<ParameterRows> owners = {{"user", RowOwner::kUser}, {"item", RowOwner::kItem}};
  ModelSpec spec;
  std::vector<uint32_t> item_row;
  InteractionCsr<ItemId> positives;
  KeptRows kept;
  TensorMap values;
  std::vector<double> truth;  // of users

  explicit World(DType dtype) {
    const Rng rng(5, RngStream::kInit, 0);
    uint64_t draw = 0;
    const auto next = [&] { return 2.0 * rng.Uniform(draw++) - 1; };
    item_row.resize(items);
    std::iota(item_row.begin(), item_row.end(), 0u);
    std::vector<double> item(items * kDim), map((kDim + 2) * kDim);
    for (double& x : item) x = next();
    for (double& x : map) x = next();
    truth.assign(users * kDim, 0);
    for (uint32_t u = 0; u < users; ++u) {
      const uint32_t n = 1 + u % 7;
      std::vector<double> input(kDim + 2, 0);
      for (uint32_t k = 0; k < n; ++k) {
        const uint32_t i = (u * 11 + k * 3 + u / 7) % items;
        positives.other.push_back(ItemId{i});
        for (int64_t c = 0; c < kDim; ++c) input[c] += item[i * kDim + c] / n;
      }
      positives.ptr.push_back(static_cast<int64_t>(positives.other.size()));
      input[kDim] = std::log(n);
      input[kDim + 1] = 1;
      for (int64_t j = 0; j < kDim + 2; ++j) {
        for (int64_t c = 0; c < kDim; ++c) truth[u * kDim + c] += input[j] * map[j * kDim + c];
      }
    }
    std::vector<double> user(truth);
    std::fill(user.begin() + old_users * kDim, user.end(), 9.0);  // as Build drew them
    Put(dtype, "param/user", users, user);
    Put(dtype, "param/item", items, item);
    kept["user"].assign(users, 0);
    std::fill_n(kept["user"].begin(), old_users, 1);
    kept["item"].assign(items, 1);
    spec.parameter_rows = owners;
  }

  void Put(DType dtype, const std::string& name, int64_t rows, const std::vector<double>& of) {
    if (dtype == DType::kF64) {
      values.tensors[name] = MakeTensor<double>({rows, kDim}, of.data());
    } else {
      const std::vector<float> rounded(of.begin(), of.end());
      values.tensors[name] = MakeTensor<float>({rows, kDim}, rounded.data());
    }
  }
  double at(const std::string& name, int64_t row, int64_t c) const {
    const NamedTensor& t = *values.Find(name);
    return t.dtype == DType::kF64 ? t.data<double>()[row * kDim + c]
                                  : t.data<float>()[row * kDim + c];
  }
  int64_t Run() { return FitNewRows(spec, item_row, positives, kept, &values); }
};

class NewRows : public testing::TestWithParam<DType> {};

TEST_P(NewRows, FollowTheMapThatHoldsForTheOthers) {
  World w(GetParam());
  const TensorMap before = w.values;
  EXPECT_EQ(w.Run(), w.users - w.old_users);
  double error = 0, size = 0;
  for (uint32_t u = 0; u < w.users; ++u) {
    for (int64_t c = 0; c < kDim; ++c) {
      const double truth = w.truth[u * kDim + c], value = w.at("param/user", u, c);
      if (u < w.old_users) continue;
      error += (value - truth) * (value - truth);
      size += truth * truth;
    }
  }
  // The penalty shrinks a little.
  EXPECT_LT(std::sqrt(error / size), .05);
  // What was kept keeps its bits.
  const size_t old_bytes = before.Find("param/user")->bytes.size() * w.old_users / w.users;
  EXPECT_EQ(std::memcmp(before.Find("param/user")->bytes.data(),
                        w.values.Find("param/user")->bytes.data(), old_bytes),
            0);
  EXPECT_EQ(before.Find("param/item")->bytes, w.values.Find("param/item")->bytes);
}

// New items follow from users, and users who met nothing but them from the items.
TEST_P(NewRows, GoOnFromUsersToItemsAndBack) {
  World w(GetParam());
  for (const uint32_t i : {3u, 4u}) w.kept["item"][i] = 0;
  // The last user met the two new items only, the one before nobody.
  w.positives.other.resize(static_cast<size_t>(w.positives.ptr[w.users - 2]));
  w.positives.ptr[w.users - 1] = w.positives.ptr[w.users - 2];
  w.positives.other.insert(w.positives.other.end(), {ItemId{3}, ItemId{4}});
  w.positives.ptr[w.users] = static_cast<int64_t>(w.positives.other.size());
  const TensorMap before = w.values;
  EXPECT_EQ(w.Run(), w.users - w.old_users - 1 + 2);
  for (int64_t c = 0; c < kDim; ++c) {
    EXPECT_NE(w.at("param/item", 3, c), World(GetParam()).at("param/item", 3, c));
    EXPECT_NE(w.at("param/user", w.users - 1, c), 9.0);
    EXPECT_EQ(w.at("param/user", w.users - 2, c), 9.0);
  }
}

// Items stand for entities: the rows are those of the entities.
TEST_P(NewRows, OfEntities) {
  World w(GetParam());
  w.owners = {{"user", RowOwner::kUser}, {"item", RowOwner::kEntity}};
  w.spec.parameter_rows = w.owners;
  for (uint32_t i = 0; i < w.items; ++i) w.item_row[i] = w.items - 1 - i;
  World mirrored(GetParam());
  for (ItemId& item : mirrored.positives.other) {
    item = ItemId{w.items - 1 - static_cast<uint32_t>(item)};
  }
  EXPECT_EQ(w.Run(), mirrored.Run());
  EXPECT_EQ(w.values.Find("param/user")->bytes, mirrored.values.Find("param/user")->bytes);
}

TEST_P(NewRows, WithoutUsersNothingIsSet) {
  World w(GetParam());
  w.owners = {{"item", RowOwner::kItem}};
  w.spec.parameter_rows = w.owners;
  w.kept["item"][3] = 0;
  const TensorMap before = w.values;
  EXPECT_EQ(w.Run(), 0);
  for (const auto& [name, tensor] : before.tensors) {
    EXPECT_EQ(tensor.bytes, w.values.Find(name)->bytes) << name;
  }
}

// A stored model without a row: there is nothing to learn from.
TEST_P(NewRows, NothingKeptNothingSet) {
  World w(GetParam());
  w.kept["user"].assign(w.users, 0);
  EXPECT_EQ(w.Run(), 0);
}

INSTANTIATE_TEST_SUITE_P(Types, NewRows, testing::Values(DType::kF32, DType::kF64),
                         [](const auto& info) {
                           return info.param == DType::kF32 ? "Float32" : "Float64";
                         });

}  // namespace
}  // namespace undula::models
