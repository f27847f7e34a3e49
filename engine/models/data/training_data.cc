#include "models/data/training_data.h"

#include <algorithm>

#include "base/status.h"

namespace undula::models {

bool UserItems::contains(UserId user, ItemId item) const {
  const auto row = of(user);
  return std::binary_search(row.begin(), row.end(), item);
}

UserItems PositivesByUser(uint32_t n_users,
                          std::initializer_list<std::span<const LabeledPair>> parts) {
  UserItems out;
  std::vector<int64_t> ptr(size_t{n_users} + 1, 0);
  for (const auto part : parts) {
    for (const LabeledPair& row : part) ptr[Index(row.user) + 1] += row.label > 0;
  }
  for (uint32_t u = 0; u < n_users; ++u) ptr[u + 1] += ptr[u];
  std::vector<ItemId> items(static_cast<size_t>(ptr[n_users]));
  std::vector<int64_t> next(ptr.begin(), ptr.end() - 1);
  for (const auto part : parts) {
    for (const LabeledPair& row : part) {
      if (row.label > 0) items[next[Index(row.user)]++] = row.item;
    }
  }
  out.ptr.assign(size_t{n_users} + 1, 0);
  out.items.reserve(items.size());
  for (uint32_t u = 0; u < n_users; ++u) {
    const auto begin = items.begin() + ptr[u], end = items.begin() + ptr[u + 1];
    std::sort(begin, end);
    out.items.insert(out.items.end(), begin, std::unique(begin, end));
    out.ptr[u + 1] = static_cast<int64_t>(out.items.size());
  }
  return out;
}

TrainingData MakeTrainingData(std::shared_ptr<const Snapshot> snapshot,
                              std::span<const LabeledPair> train, uint64_t seed) {
  TrainingData data;
  data.snapshot = std::move(snapshot);
  data.seed = seed;
  const uint32_t n_users = data.n_users();
  const UserItems positives = PositivesByUser(n_users, {train});

  data.item_popularity.assign(data.n_items(), 0);
  for (const ItemId item : positives.items) ++data.item_popularity[Index(item)];

  // Times and repeats come from the log; a pair of a fixed split that the log does not have follows
  // at the end, without a time.
  const InteractionCsr<ItemId>& log = data.snapshot->by_user;
  std::vector<uint8_t> found;
  for (uint32_t u = 0; u < n_users; ++u) {
    const auto wanted = positives.of(UserId{u});
    found.assign(wanted.size(), 0);
    if (!wanted.empty() && static_cast<int64_t>(u) < log.rows()) {
      for (int64_t i = log.ptr[u]; i < log.ptr[u + 1]; ++i) {
        const auto at = std::lower_bound(wanted.begin(), wanted.end(), log.other[i]);
        if (at == wanted.end() || *at != log.other[i]) continue;
        found[at - wanted.begin()] = 1;
        data.positives.other.push_back(log.other[i]);
        data.positives.weight.push_back(log.weight[i]);
        data.positives.time.push_back(log.time[i]);
      }
    }
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (found[i] != 0) continue;
      data.positives.other.push_back(wanted[i]);
      data.positives.weight.push_back(1.0f);
      data.positives.time.push_back(0);
    }
    data.positives.ptr.push_back(data.positives.size());
  }

  std::vector<uint8_t> dropped(n_users, 0);
  data.train.reserve(train.size());
  for (const LabeledPair& row : train) {
    const uint32_t u = Index(row.user);
    if (!positives.of(row.user).empty()) {
      data.train.push_back(row);
      continue;
    }
    ++data.dropped_rows;
    data.dropped_users += dropped[u] == 0;
    dropped[u] = 1;
  }
  return data;
}

absl::StatusOr<std::shared_ptr<const GraphVectors>> ReadVectors(const TrainingData& data,
                                                                const std::string& name) {
  if (data.read_vectors) return data.read_vectors(name);
  return FailedPreconditionError("the vectors '", name, "' cannot be read: the data come without");
}

}  // namespace undula::models
