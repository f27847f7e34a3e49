#include "models/data/split.h"

#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "base/status.h"
#include "models/data/negatives.h"
#include "models/data/shuffle.h"
#include "models/data/training_data.h"

namespace undula::models {
namespace {

constexpr OptionField kFields[] = {
    UNDULA_OPTION(SplitOptions, protocol, kChoice, 0, 0,
                  "ctr|user|leave_one_out|time|last_day|time_ratio|all",
                  "how interactions are cut into training, validation and test"),
    UNDULA_OPTION(SplitOptions, positive_threshold, kFloat, -1e30, 1e30, "",
                  "an interaction of at least this weight is positive"),
    UNDULA_OPTION(SplitOptions, train_share, kFloat, 0, 1, "",
                  "share of training rows; 0: the protocol's own shares"),
    UNDULA_OPTION(SplitOptions, valid_share, kFloat, 0, 1, "", "share of validation rows"),
    UNDULA_OPTION(SplitOptions, negatives, kChoice, 0, 0, "sampled|popularity|stored|none",
                  "where rows with label 0 come from"),
    UNDULA_OPTION(SplitOptions, linked_items_only, kBool, 0, 0, "",
                  "leave out items without a link to the graph"),
    UNDULA_OPTION(SplitOptions, seed, kInt, 0, 9e18, "", "seed of the cut and of the negatives"),
};
constexpr OptionTable kTable{"split", kFields};

enum Part : uint8_t { kTrain, kValid, kTest };

struct Shares {
  double valid, test;
};

// A share of n rows, rounded down, unmoved by the rounding of the share itself.
int64_t ShareOf(double share, int64_t n) {
  return static_cast<int64_t>(std::floor(share * static_cast<double>(n) + 1e-9));
}

// Distinct items of one user: positives in time order (first occurrence), low-rated ascending.
struct UserRow {
  std::vector<ItemId> positives;
  std::vector<int64_t> time;  // of the positives' first interactions
  std::vector<ItemId> positives_sorted;
  std::vector<ItemId> low;
};

class Splitter {
 public:
  Splitter(const Snapshot& snapshot, const SplitOptions& options)
      : snapshot_(snapshot), options_(options), shares_(SharesOf(options)) {}

  absl::StatusOr<Split> Run() {
    MarkItems();
    const ItemSampler sampler = options_.negatives == "popularity"
                                    ? ItemSampler(items_, PopularityOfItems())
                                    : ItemSampler(items_);
    if (options_.protocol == "time_ratio") CutTime();
    for (uint32_t u = 0; u < snapshot_.n_users; ++u) AddUser(u, sampler);
    if (options_.protocol == "ctr") CutPool();
    return Finish();
  }

 private:
  static Shares SharesOf(const SplitOptions& o) {
    const bool ctr = o.protocol == "ctr";
    if (o.train_share == 0) return ctr ? Shares{0.2, 0.2} : Shares{0.1, 0.1};
    return {o.valid_share, std::max(0.0, 1.0 - o.train_share - o.valid_share)};
  }

  void MarkItems() {
    usable_.assign(snapshot_.n_items, 1);
    for (uint32_t i = 0; i < snapshot_.n_items; ++i) {
      if (options_.linked_items_only &&
          (i >= snapshot_.links.rows() || snapshot_.links.best(ItemId{i}) == kNone<EntityId>)) {
        usable_[i] = 0;
        ++unlinked_items_;
        continue;
      }
      items_.push_back(ItemId{i});
    }
  }

  UserRow Read(uint32_t u) const {
    UserRow row;
    const InteractionCsr<ItemId>& log = snapshot_.by_user;
    if (static_cast<int64_t>(u) >= log.rows()) return row;
    for (int64_t i = log.ptr[u]; i < log.ptr[u + 1]; ++i) {
      if (usable_[Index(log.other[i])] == 0) continue;
      const bool positive = log.weight[i] >= options_.positive_threshold;
      (positive ? row.positives_sorted : row.low).push_back(log.other[i]);
    }
    const auto distinct = [](std::vector<ItemId>* v) {
      std::sort(v->begin(), v->end());
      v->erase(std::unique(v->begin(), v->end()), v->end());
    };
    distinct(&row.positives_sorted);
    distinct(&row.low);
    std::erase_if(row.low, [&](ItemId item) {
      return std::binary_search(row.positives_sorted.begin(), row.positives_sorted.end(), item);
    });
    std::vector<uint8_t> taken(row.positives_sorted.size(), 0);
    for (int64_t i = log.ptr[u]; i < log.ptr[u + 1]; ++i) {
      const ItemId item = log.other[i];
      const auto at =
          std::lower_bound(row.positives_sorted.begin(), row.positives_sorted.end(), item);
      if (at == row.positives_sorted.end() || *at != item) continue;
      uint8_t& seen = taken[at - row.positives_sorted.begin()];
      if (seen == 0) {
        row.positives.push_back(item);
        row.time.push_back(log.time[i]);
      }
      seen = 1;
    }
    return row;
  }

  std::vector<uint32_t> PopularityOfItems() const {
    std::vector<uint32_t> count(snapshot_.n_items, 0);
    for (uint32_t u = 0; u < snapshot_.n_users; ++u) {
      for (const ItemId item : Read(u).positives) ++count[Index(item)];
    }
    std::vector<uint32_t> weight;
    weight.reserve(items_.size());
    for (const ItemId item : items_) weight.push_back(count[Index(item)]);
    return weight;
  }

  // Where validation and test begin for all users: the moments before which the shares of all
  // positives lie. What happened at one moment stays together.
  void CutTime() {
    std::vector<int64_t> times;
    for (uint32_t u = 0; u < snapshot_.n_users; ++u) {
      const UserRow row = Read(u);
      times.insert(times.end(), row.time.begin(), row.time.end());
    }
    std::sort(times.begin(), times.end());
    const auto n = static_cast<int64_t>(times.size());
    const auto at = [&](int64_t i) { return i < n ? times[i] : INT64_MAX; };
    test_from_ = at(n - ShareOf(shares_.test, n));
    valid_from_ = at(n - ShareOf(shares_.test + shares_.valid, n));
  }

  // The last calendar day to test, the one before it to validation, as long as one is left.
  static void CutDays(const std::vector<int64_t>& time, std::vector<Part>* parts) {
    constexpr int64_t kDay = 86400;
    const auto day = [&](size_t i) {
      return time[i] >= 0 ? time[i] / kDay : -((-time[i] + kDay - 1) / kDay);
    };
    size_t end = time.size();
    for (const Part part : {kTest, kValid}) {
      size_t begin = end;
      while (begin > 0 && day(begin - 1) == day(end - 1)) --begin;
      if (begin == 0) return;
      std::fill(parts->begin() + static_cast<int64_t>(begin),
                parts->begin() + static_cast<int64_t>(end), part);
      end = begin;
    }
  }

  // The part of each of a user's n positives, which stand in time order.
  void CutUser(uint32_t u, const UserRow& row, std::vector<Part>* parts) const {
    const auto n = static_cast<int64_t>(row.positives.size());
    parts->assign(static_cast<size_t>(n), kTrain);
    const std::string& protocol = options_.protocol;
    if (protocol == "time_ratio") {
      for (int64_t i = 0; i < n; ++i) {
        (*parts)[i] = row.time[i] >= test_from_    ? kTest
                      : row.time[i] >= valid_from_ ? kValid
                                                   : kTrain;
      }
      return;
    }
    if (protocol == "all" || protocol == "ctr" || n < 2) return;
    if (protocol == "last_day") return CutDays(row.time, parts);
    int64_t test, valid;
    if (protocol == "leave_one_out") {
      test = 1;
      valid = n >= 3 ? 1 : 0;
    } else {
      // A part with a share gets at least one row as long as one is left to train.
      const auto want = [n](double share) {
        return share <= 0 ? 0 : std::max<int64_t>(1, ShareOf(share, n));
      };
      test = std::min(want(shares_.test), n - 1);
      valid = std::min(want(shares_.valid), n - 1 - test);
    }
    std::vector<uint32_t> order(static_cast<size_t>(n));
    for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<uint32_t>(i);
    if (protocol == "user") Shuffle(std::span(order), Rng(Seed(), RngStream::kSplit, u));
    for (int64_t i = 0; i < test; ++i) (*parts)[order[n - 1 - i]] = kTest;
    for (int64_t i = 0; i < valid; ++i) (*parts)[order[n - 1 - test - i]] = kValid;
  }

  void AddUser(uint32_t u, const ItemSampler& sampler) {
    const UserRow row = Read(u);
    std::vector<ItemId> negatives;
    if (options_.negatives == "stored") {
      negatives = row.low;
    } else if (options_.negatives != "none") {
      std::vector<ItemId> excluded;
      std::merge(row.positives_sorted.begin(), row.positives_sorted.end(), row.low.begin(),
                 row.low.end(), std::back_inserter(excluded));
      sampler.DrawDistinct(static_cast<int64_t>(row.positives.size()), excluded,
                           Rng(Seed(), RngStream::kNegative, u), &negatives);
      short_negatives_ += static_cast<int64_t>(row.positives.size() - negatives.size());
    }
    const UserId user{u};
    if (options_.protocol == "ctr") {
      for (const ItemId item : row.positives) pool_.push_back({user, item, 1.0f});
      for (const ItemId item : negatives) pool_.push_back({user, item, 0.0f});
      return;
    }
    const int64_t n = static_cast<int64_t>(row.positives.size());
    std::vector<Part> parts;
    CutUser(u, row, &parts);
    int64_t count[3] = {0, 0, 0};
    for (const Part part : parts) ++count[part];
    for (int64_t i = 0; i < n; ++i) RowsOf(parts[i])->push_back({user, row.positives[i], 1.0f});
    if (negatives.empty()) return;
    // Stored negatives have no order that says where they belong.
    if (options_.negatives == "stored") {
      Shuffle(std::span(negatives), Rng(Seed(), RngStream::kNegative, u));
    }
    const int64_t m = static_cast<int64_t>(negatives.size());
    const int64_t test = n == 0 ? 0 : m * count[kTest] / n;
    const int64_t valid = n == 0 ? 0 : m * count[kValid] / n;
    for (int64_t i = 0; i < m; ++i) {
      const Part part = i < test ? kTest : i < test + valid ? kValid : kTrain;
      RowsOf(part)->push_back({user, negatives[i], 0.0f});
    }
  }

  // The authors' cut: validation, then test, without replacement over all rows; the rest trains.
  void CutPool() {
    const int64_t n = static_cast<int64_t>(pool_.size());
    std::vector<uint32_t> order(pool_.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<uint32_t>(i);
    Shuffle(std::span(order), Rng(Seed(), RngStream::kSplit, kNoIndex));
    std::vector<Part> parts(pool_.size(), kTrain);
    const int64_t valid = ShareOf(shares_.valid, n), test = ShareOf(shares_.test, n);
    for (int64_t i = 0; i < valid; ++i) parts[order[i]] = kValid;
    for (int64_t i = valid; i < std::min(n, valid + test); ++i) parts[order[i]] = kTest;
    for (int64_t i = 0; i < n; ++i) RowsOf(parts[i])->push_back(pool_[i]);
  }

  std::vector<LabeledPair>* RowsOf(Part part) {
    return part == kTrain ? &split_.train : part == kValid ? &split_.valid : &split_.test;
  }

  absl::StatusOr<Split> Finish();

  uint64_t Seed() const { return static_cast<uint64_t>(options_.seed); }

  const Snapshot& snapshot_;
  const SplitOptions& options_;
  Shares shares_;
  std::vector<uint8_t> usable_;  // by item
  std::vector<ItemId> items_;    // the usable ones
  std::vector<LabeledPair> pool_;
  int64_t valid_from_ = INT64_MAX, test_from_ = INT64_MAX;  // of time_ratio
  int64_t unlinked_items_ = 0;
  int64_t short_negatives_ = 0;
  Split split_;
};

int64_t CountPositives(const std::vector<LabeledPair>& rows) {
  return std::count_if(rows.begin(), rows.end(), [](const LabeledPair& r) { return r.label > 0; });
}

std::string Counts(const Split& split) {
  const auto one = [](const char* name, const std::vector<LabeledPair>& rows) {
    const int64_t positives = CountPositives(rows);
    return Concat(name, " ", positives, "+", static_cast<int64_t>(rows.size()) - positives);
  };
  return Concat("rows positive+negative: ", one("train", split.train), ", ",
                one("valid", split.valid), ", ", one("test", split.test));
}

absl::StatusOr<Split> Splitter::Finish() {
  if (CountPositives(split_.train) == 0) {
    return FailedPreconditionError(
        "no positive interaction is left to train on: ", snapshot_.by_user.size(),
        " interactions, threshold ", options_.positive_threshold,
        options_.linked_items_only ? Concat(", ", unlinked_items_, " of ", snapshot_.n_items,
                                            " items without a link are left out")
                                   : std::string(),
        "; import interactions, lower split.positive_threshold or link items");
  }
  split_.description = Concat("protocol ", options_.protocol, ", seed ", options_.seed,
                              ", negatives ", options_.negatives);
  if (options_.protocol != "all" && options_.protocol != "leave_one_out" &&
      options_.protocol != "last_day") {
    split_.description += Concat(", shares ", 1 - shares_.valid - shares_.test, "/", shares_.valid,
                                 "/", shares_.test);
  }
  split_.description += Concat("; ", Counts(split_));
  if (unlinked_items_ > 0) {
    split_.description += Concat("; ", unlinked_items_, " items without a link left out");
  }
  if (short_negatives_ > 0) {
    split_.description += Concat("; ", short_negatives_, " negatives fewer than positives");
  }
  return std::move(split_);
}

absl::Status CheckRows(const Snapshot& snapshot, const std::vector<LabeledPair>& rows,
                       const char* part, const std::string& name) {
  for (size_t i = 0; i < rows.size(); ++i) {
    const LabeledPair& row = rows[i];
    if (Index(row.user) >= snapshot.n_users || Index(row.item) >= snapshot.n_items) {
      return InvalidArgumentError("split ", name, ", ", part, " row ", i, ": user ",
                                  Index(row.user), " or item ", Index(row.item),
                                  " is not in the snapshot (", snapshot.n_users, " users, ",
                                  snapshot.n_items, " items); import the interactions first");
    }
    if (row.label != 0.0f && row.label != 1.0f) {
      return InvalidArgumentError("split ", name, ", ", part, " row ", i, ": label ",
                                  static_cast<double>(row.label), " is neither 0 nor 1");
    }
  }
  return absl::OkStatus();
}

}  // namespace

const OptionTable& SplitOptionTable() { return kTable; }

absl::StatusOr<Split> MakeSplit(const Snapshot& snapshot, const SplitOptions& options) {
  SplitOptions checked;
  UNDULA_RETURN_IF_ERROR(SetOptions(kTable, &checked, GetOptions(kTable, &options)));
  if (checked.train_share + checked.valid_share > 1 + 1e-9) {
    return InvalidArgumentError(
        "split.train_share + split.valid_share = ", checked.train_share + checked.valid_share,
        " is more than 1; the rest is the test part");
  }
  if (checked.train_share == 0 && checked.valid_share != 0) {
    return InvalidArgumentError(
        "split.valid_share is set but split.train_share is not; give both, or none for the "
        "protocol's own shares");
  }
  return Splitter(snapshot, checked).Run();
}

absl::StatusOr<Split> SplitFromRows(const Snapshot& snapshot, std::vector<LabeledPair> train,
                                    std::vector<LabeledPair> valid, std::vector<LabeledPair> test,
                                    const std::string& name) {
  UNDULA_RETURN_IF_ERROR(CheckRows(snapshot, train, "train", name));
  UNDULA_RETURN_IF_ERROR(CheckRows(snapshot, valid, "valid", name));
  UNDULA_RETURN_IF_ERROR(CheckRows(snapshot, test, "test", name));
  Split split{std::move(train), std::move(valid), std::move(test), {}};
  if (CountPositives(split.train) == 0) {
    return FailedPreconditionError("split ", name, ": its training part has no positive row");
  }
  const UserItems trained = PositivesByUser(snapshot.n_users, {split.train});
  int64_t overlap = 0;
  for (const auto* part : {&split.valid, &split.test}) {
    for (const LabeledPair& row : *part) {
      overlap += row.label > 0 && trained.contains(row.user, row.item);
    }
  }
  split.description = Concat("fixed split ", name, "; ", Counts(split));
  if (overlap > 0) {
    split.description +=
        Concat("; ", overlap, " positives of validation or test are also in train");
  }
  return split;
}

}  // namespace undula::models
