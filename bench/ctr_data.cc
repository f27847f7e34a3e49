#include "ctr_data.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <numeric>
#include <sstream>
#include <tuple>
#include <utility>

#include "base/rng.h"
#include "base/status.h"

namespace undula::bench {
namespace {

using models::LabeledPair;
using Row3 = std::array<uint32_t, 3>;

std::vector<Row3> ReadRows(const std::string& path) {
  std::ifstream in(path);
  std::vector<Row3> rows;
  Row3 row;
  while (in >> row[0] >> row[1] >> row[2]) rows.push_back(row);
  return rows;
}

EdgeCsr Edges(uint32_t n, std::vector<Row3> triples, int from, int to) {
  std::sort(triples.begin(), triples.end(), [&](const Row3& a, const Row3& b) {
    return std::tie(a[from], a[1], a[to]) < std::tie(b[from], b[1], b[to]);
  });
  EdgeCsr csr;
  csr.ptr.assign(size_t{n} + 1, 0);
  for (const Row3& t : triples) {
    ++csr.ptr[t[from] + 1];
    csr.relation.push_back(RelationId{t[1]});
    csr.entity.push_back(EntityId{t[to]});
  }
  std::partial_sum(csr.ptr.begin(), csr.ptr.end(), csr.ptr.begin());
  return csr;
}

void Cut(const std::vector<Row3>& all, uint64_t seed, std::vector<Row3>* parts) {
  std::vector<std::pair<uint64_t, uint32_t>> order(all.size());
  const Rng rng(seed, RngStream::kSplit);
  for (size_t i = 0; i < all.size(); ++i) order[i] = {rng.Bits64(i), static_cast<uint32_t>(i)};
  std::sort(order.begin(), order.end());
  for (size_t i = 0; i < all.size(); ++i) {
    const int part = i < all.size() * 6 / 10 ? 0 : i < all.size() * 8 / 10 ? 1 : 2;
    parts[part].push_back(all[order[i].second]);
  }
}

CtrData Assemble(std::vector<Row3> kg, const std::vector<Row3>* parts) {
  std::sort(kg.begin(), kg.end());
  kg.erase(std::unique(kg.begin(), kg.end()), kg.end());
  CtrData data;
  Snapshot& s = *data.snapshot;
  for (const Row3& t : kg) {
    s.n_entities = std::max({s.n_entities, t[0] + 1, t[2] + 1});
    s.n_relations = std::max(s.n_relations, t[1] + 1);
  }
  for (int p = 0; p < 3; ++p) {
    data.part[p].reserve(parts[p].size());
    for (const Row3& r : parts[p]) {
      s.n_users = std::max(s.n_users, r[0] + 1);
      s.n_items = std::max(s.n_items, r[1] + 1);
      data.part[p].push_back({UserId{r[0]}, ItemId{r[1]}, static_cast<float>(r[2])});
    }
  }
  s.n_entities = std::max(s.n_entities, s.n_items);
  s.out = Edges(s.n_entities, kg, 0, 2);
  s.in = Edges(s.n_entities, std::move(kg), 2, 0);
  s.by_user.ptr.assign(size_t{s.n_users} + 1, 0);
  s.by_item.ptr.assign(size_t{s.n_items} + 1, 0);
  for (uint32_t i = 0; i < s.n_items; ++i) {
    s.links.entity.push_back(EntityId{i});
    s.links.confidence.push_back(1);
    s.links.method.push_back(LinkMethod::kFile);
    s.links.ptr.push_back(i + 1);
  }
  return data;
}

// Draws in order, all from one stream.
class Draws {
 public:
  explicit Draws(int64_t seed) : rng_(static_cast<uint64_t>(seed), RngStream::kSplit, 1) {}
  int64_t Below(int64_t n) { return rng_.Below(next_++, static_cast<uint32_t>(n)); }
  bool Chance(double p) { return rng_.Uniform(next_++) < p; }
  // Below n; density falls with the square root of the rank.
  int64_t Popular(int64_t n) {
    const double u = rng_.Uniform(next_++);
    return static_cast<int64_t>(u * u * static_cast<double>(n));
  }

 private:
  Rng rng_;
  uint64_t next_ = 0;
};

// A number of [begin, end) with number % topics == topic.
uint32_t OfTopic(Draws* draws, int64_t begin, int64_t end, int64_t topics, int64_t topic) {
  const int64_t first = begin + (topic - begin % topics + topics) % topics;
  const int64_t n = first < end ? (end - 1 - first) / topics + 1 : 0;
  if (n == 0) return static_cast<uint32_t>(begin + draws->Below(end - begin));
  return static_cast<uint32_t>(first + topics * draws->Popular(n));
}

bool WriteRows(const std::string& path, const std::vector<Row3>& rows) {
  std::FILE* file = std::fopen(path.c_str(), "w");
  if (file == nullptr) return false;
  for (const Row3& r : rows) std::fprintf(file, "%u\t%u\t%u\n", r[0], r[1], r[2]);
  return std::fclose(file) == 0;
}

std::vector<Row3> PlantTriples(const PlantedOptions& o, Draws* draws) {
  const bool others = o.entities > o.items;
  std::vector<Row3> kg;
  kg.reserve(static_cast<size_t>(o.triples));
  const int64_t own = std::max<int64_t>(1, o.relations - 2);
  for (int64_t i = 0; i < o.triples; ++i) {
    const int64_t head = draws->Below(o.items);
    const int64_t topic = draws->Chance(0.8) ? head % o.topics : draws->Below(o.topics);
    const bool item = !others || draws->Chance(o.item_share);
    const uint32_t tail =
        OfTopic(draws, item ? 0 : o.items, item ? o.items : o.entities, o.topics, topic);
    const int64_t relation =
        item ? o.relations - 1 - draws->Below(std::min<int64_t>(2, o.relations)) : tail % own;
    kg.push_back({static_cast<uint32_t>(head), static_cast<uint32_t>(relation), tail});
  }
  return kg;
}

std::vector<Row3> PlantRows(const PlantedOptions& o, Draws* draws) {
  std::vector<Row3> rows;
  rows.reserve(static_cast<size_t>(2 * o.users * o.positives));
  std::vector<uint32_t> liked;
  for (int64_t u = 0; u < o.users; ++u) {
    const int64_t topics[2] = {draws->Below(o.topics), draws->Below(o.topics)};
    liked.clear();
    for (int64_t i = 0; i < o.positives; ++i) {
      liked.push_back(draws->Chance(0.8)
                          ? OfTopic(draws, 0, o.items, o.topics, topics[draws->Below(2)])
                          : static_cast<uint32_t>(draws->Below(o.items)));
    }
    std::sort(liked.begin(), liked.end());
    liked.erase(std::unique(liked.begin(), liked.end()), liked.end());
    for (const uint32_t item : liked) {
      rows.push_back({static_cast<uint32_t>(u), item, 1});
      uint32_t other = item;
      while (std::binary_search(liked.begin(), liked.end(), other) &&
             static_cast<int64_t>(liked.size()) < o.items) {
        other = static_cast<uint32_t>(draws->Below(o.items));
      }
      rows.push_back({static_cast<uint32_t>(u), other, 0});
    }
  }
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  return rows;
}

}  // namespace

absl::StatusOr<PlantedOptions> ParsePlanted(const std::string& text) {
  PlantedOptions o;
  const std::map<std::string, int64_t*> integers = {
      {"users", &o.users},         {"items", &o.items},     {"entities", &o.entities},
      {"relations", &o.relations}, {"triples", &o.triples}, {"positives", &o.positives},
      {"topics", &o.topics},       {"seed", &o.seed}};
  std::istringstream parts(text);
  std::string part;
  while (std::getline(parts, part, ',')) {
    const size_t eq = part.find('=');
    const std::string key = part.substr(0, eq);
    const std::string value = eq == std::string::npos ? "" : part.substr(eq + 1);
    if (key == "item_share") {
      o.item_share = std::atof(value.c_str());
    } else if (const auto found = integers.find(key); found != integers.end()) {
      *found->second = std::atoll(value.c_str());
    } else {
      return InvalidArgumentError("planted data have no option '", key, "'");
    }
  }
  if (o.users < 1 || o.items < 2 || o.entities < o.items || o.relations < 1 || o.topics < 1) {
    return InvalidArgumentError(
        "planted data need users, items, relations, topics and at least as "
        "many entities as items");
  }
  return o;
}

CtrData Plant(const PlantedOptions& options) {
  Draws draws(options.seed);
  std::vector<Row3> parts[3];
  std::vector<Row3> kg = PlantTriples(options, &draws);
  Cut(PlantRows(options, &draws), static_cast<uint64_t>(options.seed), parts);
  return Assemble(std::move(kg), parts);
}

absl::StatusOr<CtrData> LoadCtr(const std::string& source, uint64_t split_seed) {
  constexpr std::string_view kPlanted = "planted:";
  if (source.starts_with(kPlanted)) {
    UNDULA_ASSIGN_OR_RETURN(const PlantedOptions options,
                            ParsePlanted(source.substr(kPlanted.size())));
    return Plant(options);
  }
  std::vector<Row3> kg = ReadRows(source + "/kg_final.txt");
  if (kg.empty()) return NotFoundError("no triples in ", source, "/kg_final.txt");
  std::vector<Row3> parts[3] = {ReadRows(source + "/train.txt"), ReadRows(source + "/eval.txt"),
                                ReadRows(source + "/test.txt")};
  if (parts[0].empty()) Cut(ReadRows(source + "/ratings_final.txt"), split_seed, parts);
  return Assemble(std::move(kg), parts);
}

bool WriteCtr(const CtrData& data, const std::string& directory) {
  const Snapshot& s = *data.snapshot;
  std::vector<Row3> rows;
  for (uint32_t e = 0; e < s.n_entities; ++e) {
    for (int64_t i = s.out.ptr[e]; i < s.out.ptr[e + 1]; ++i) {
      rows.push_back({e, Index(s.out.relation[i]), Index(s.out.entity[i])});
    }
  }
  if (!WriteRows(directory + "/kg_final.txt", rows)) return false;
  const char* const names[3] = {"/train.txt", "/eval.txt", "/test.txt"};
  for (int p = 0; p < 3; ++p) {
    rows.clear();
    for (const LabeledPair& r : data.part[p]) {
      rows.push_back({Index(r.user), Index(r.item), static_cast<uint32_t>(r.label)});
    }
    if (!WriteRows(directory + names[p], rows)) return false;
  }
  return true;
}

double CpuSeconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

}  // namespace undula::bench
