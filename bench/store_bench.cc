// Speed of the store's reads and snapshots on one database, one JSON line a result:
//   store_bench query DB QUERIES.q.tsv [letters]
//     look-ups; letters of SODPHIT, default all
//   store_bench scan DB
//     decoded full scan of the edges, three times
//   store_bench snapshot DB
//     CSR in one direction, whole Snapshot, three times
//   store_bench open DB QUERIES.q.tsv
//     open to the first answer
//   store_bench update DB QUERIES.q.tsv
//     durable updates, what the system alone takes for them, and bringing a Snapshot up to date
//     after 1000 of them; changes the database
//   store_bench leftovers DB
//     opens for writing; an error where dead tables stay
//   store_bench linesum FILE
//     sum of the hashes of a file's lines, in any order
//   store_bench serd FILE.nt
//     Serd alone: parse and count
// QUERIES.q.tsv comes from the graph generator: a line is a letter and terms. S out-edges of a
// term, O in-edges, D as S for entities drawn by in-degree (hubs), P (relation, tail) -> heads, H
// 2-hop from a term; I as S with edges from an id (no dictionary), T as S with every result as
// text. Literals are edges to the workload: the attributes of an entity are counted with its
// out-edges. Rates are per CPU second of the whole process. Rows must be equal to those of other
// stores. bench/store_bench.py runs it beside them.
#include <fcntl.h>
#include <serd/serd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/parallel.h"
#include "base/status.h"
#include "kgstore/adjacency.h"
#include "kgstore/database.h"
#include "kgstore/read_view.h"
#include "kgstore/refresh_snapshot.h"
#include "kgstore/state.h"
#include "kgstore/store.h"
#include "kgstore/take_snapshot.h"
#include "kgstore/updater.h"

namespace undula::kgstore {
namespace {

constexpr int kRepeats = 3;
constexpr double kCpuLimit = 20;  // seconds of one pass over a workload
constexpr uint64_t kPageBytes = 4096;

double CpuSeconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

void Print(const std::string& metric, double value, const char* unit, uint64_t rows,
           uint64_t done = 0) {
  std::printf("{\"metric\":\"%s\",\"value\":%.6g,\"unit\":\"%s\",\"rows\":%llu,\"done\":%llu}\n",
              metric.c_str(), value, unit, static_cast<unsigned long long>(rows),
              static_cast<unsigned long long>(done));
  std::fflush(stdout);
}

using Query = std::pair<std::string, std::string>;
using Workload = std::map<char, std::vector<Query>>;

std::string Bare(std::string term) {
  return term.size() > 1 && term.front() == '<' ? term.substr(1, term.size() - 2) : term;
}

Workload ReadWorkload(const std::string& path) {
  Workload workload;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    const size_t first = line.find('\t');
    if (first == std::string::npos) continue;
    const size_t second = line.find('\t', first + 1);
    const bool two = second != std::string::npos;
    workload[line[0]].emplace_back(
        Bare(line.substr(first + 1, two ? second - first - 1 : std::string::npos)),
        two ? Bare(line.substr(second + 1)) : "");
  }
  return workload;
}

// The sum over results keeps the compiler from dropping work and is printed nowhere.
uint64_t sink = 0;

absl::StatusOr<uint64_t> OutEdges(const ReadView& view, EntityId entity) {
  uint64_t rows = 0;
  UNDULA_RETURN_IF_ERROR(view.ForEachOutEdge(entity, [&](RelationId, EntityId tail) {
    ++rows;
    sink += Index(tail);
  }));
  UNDULA_RETURN_IF_ERROR(view.ForEachAttribute(entity, [&](RelationId, LiteralId literal) {
    ++rows;
    sink += Index(literal);
  }));
  return rows;
}

absl::StatusOr<uint64_t> OutEdgesOf(const ReadView& view, const std::string& term) {
  UNDULA_ASSIGN_OR_RETURN(const EntityId entity, view.FindEntity(term));
  return entity == kNone<EntityId> ? 0 : OutEdges(view, entity);
}

absl::StatusOr<uint64_t> InEdgesOf(const ReadView& view, const std::string& term) {
  UNDULA_ASSIGN_OR_RETURN(const EntityId entity, view.FindEntity(term));
  uint64_t rows = 0;
  if (entity == kNone<EntityId>) return rows;
  UNDULA_RETURN_IF_ERROR(view.ForEachInEdge(entity, [&](RelationId, EntityId head) {
    ++rows;
    sink += Index(head);
  }));
  return rows;
}

absl::StatusOr<uint64_t> HeadsOf(const ReadView& view, const Query& query) {
  UNDULA_ASSIGN_OR_RETURN(const RelationId relation, view.FindRelation(query.first));
  UNDULA_ASSIGN_OR_RETURN(const EntityId tail, view.FindEntity(query.second));
  if (relation == kNone<RelationId> || tail == kNone<EntityId>) return uint64_t{0};
  UNDULA_ASSIGN_OR_RETURN(const std::vector<EntityId> heads, view.Heads(relation, tail));
  return heads.size();
}

absl::StatusOr<uint64_t> TwoHopsOf(const ReadView& view, const std::string& term) {
  UNDULA_ASSIGN_OR_RETURN(const EntityId entity, view.FindEntity(term));
  if (entity == kNone<EntityId>) return uint64_t{0};
  static std::vector<EntityId> frontier;
  frontier.clear();
  UNDULA_RETURN_IF_ERROR(
      view.ForEachOutEdge(entity, [&](RelationId, EntityId tail) { frontier.push_back(tail); }));
  uint64_t rows = frontier.size();
  UNDULA_RETURN_IF_ERROR(view.ForEachAttribute(entity, [&](RelationId, LiteralId) { ++rows; }));
  UNDULA_RETURN_IF_ERROR(view.ForEachOutEdge(frontier, [&](size_t, RelationId, EntityId tail) {
    ++rows;
    sink += Index(tail);
  }));
  UNDULA_RETURN_IF_ERROR(
      view.ForEachAttribute(frontier, [&](size_t, RelationId, LiteralId literal) {
        ++rows;
        sink += Index(literal);
      }));
  return rows;
}

absl::StatusOr<uint64_t> TextOf(const ReadView& view, const std::string& term,
                                std::vector<std::string>* relation_names) {
  UNDULA_ASSIGN_OR_RETURN(const EntityId entity, view.FindEntity(term));
  if (entity == kNone<EntityId>) return uint64_t{0};
  uint64_t rows = 0;
  static std::vector<std::pair<RelationId, EntityId>> edges;
  edges.clear();
  UNDULA_RETURN_IF_ERROR(view.ForEachOutEdge(
      entity, [&](RelationId relation, EntityId tail) { edges.emplace_back(relation, tail); }));
  const auto relation_name = [&](RelationId id) -> absl::Status {
    std::string& name = (*relation_names)[Index(id)];
    if (name.empty()) {
      UNDULA_ASSIGN_OR_RETURN(name, view.RelationName(id));
    }
    sink += name.size();
    return absl::OkStatus();
  };
  for (const auto& [relation, tail] : edges) {
    UNDULA_RETURN_IF_ERROR(relation_name(relation));
    UNDULA_ASSIGN_OR_RETURN(const std::string name, view.EntityName(tail));
    sink += name.size();
    ++rows;
  }
  UNDULA_ASSIGN_OR_RETURN(const std::vector<Attribute> attributes, view.Attributes(entity));
  for (const Attribute& attribute : attributes) {
    UNDULA_RETURN_IF_ERROR(relation_name(attribute.relation));
    UNDULA_ASSIGN_OR_RETURN(const Literal literal, view.GetLiteral(attribute.literal));
    sink += literal.text.size();
    ++rows;
  }
  return rows;
}

absl::Status Run(const std::string& metric, size_t queries,
                 const std::function<absl::StatusOr<uint64_t>(size_t)>& ask) {
  for (int repeat = 0; repeat < kRepeats; ++repeat) {
    uint64_t rows = 0;
    size_t done = 0;
    const double start = CpuSeconds();
    for (; done < queries; ++done) {
      if (done % 256 == 255 && CpuSeconds() - start > kCpuLimit) break;
      UNDULA_ASSIGN_OR_RETURN(const uint64_t more, ask(done));
      rows += more;
    }
    Print(metric, static_cast<double>(done) / (CpuSeconds() - start), "queries/s", rows, done);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Database>> OpenReadOnly(const std::string& path) {
  OpenOptions options;
  options.read_only = true;
  return Database::Open(path, options);
}

absl::Status RunQueries(const std::string& path, const std::string& queries, std::string letters) {
  if (letters.empty()) letters = "SODPHIT";
  const Workload workload = ReadWorkload(queries);
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<Database> db, OpenReadOnly(path));
  UNDULA_ASSIGN_OR_RETURN(const ReadView view, db->Read());
  std::vector<std::string> relation_names(view.counts().relations);
  for (const char letter : letters) {
    const auto found = workload.find(letter == 'I' || letter == 'T' ? 'S' : letter);
    if (found == workload.end()) continue;
    const std::vector<Query>& all = found->second;
    const std::string metric = std::string("lookup_") + letter;
    absl::Status status;
    if (letter == 'S' || letter == 'D') {
      status = Run(metric, all.size(), [&](size_t i) { return OutEdgesOf(view, all[i].first); });
    } else if (letter == 'O') {
      status = Run(metric, all.size(), [&](size_t i) { return InEdgesOf(view, all[i].first); });
    } else if (letter == 'P') {
      status = Run(metric, all.size(), [&](size_t i) { return HeadsOf(view, all[i]); });
    } else if (letter == 'H') {
      status = Run(metric, all.size(), [&](size_t i) { return TwoHopsOf(view, all[i].first); });
    } else if (letter == 'T') {
      status = Run(metric, all.size(),
                   [&](size_t i) { return TextOf(view, all[i].first, &relation_names); });
    } else if (letter == 'I') {
      std::vector<EntityId> ids;
      for (const Query& query : all) {
        UNDULA_ASSIGN_OR_RETURN(const EntityId id, view.FindEntity(query.first));
        if (id != kNone<EntityId>) ids.push_back(id);
      }
      status = Run(metric, ids.size(), [&](size_t i) { return OutEdges(view, ids[i]); });
      if (!status.ok()) return status;
      status = Run("lookup_I_edges", ids.size(), [&](size_t i) -> absl::StatusOr<uint64_t> {
        uint64_t rows = 0;
        UNDULA_RETURN_IF_ERROR(view.ForEachOutEdge(ids[i], [&](RelationId, EntityId tail) {
          ++rows;
          sink += Index(tail);
        }));
        return rows;
      });
    }
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status RunScan(const std::string& path) {
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<Database> db, OpenReadOnly(path));
  UNDULA_ASSIGN_OR_RETURN(const ReadView view, db->Read());
  for (int repeat = 0; repeat < kRepeats; ++repeat) {
    for (const auto& [name, table] :
         {std::pair{"scan", internal::Table::kOut}, std::pair{"scan_in", internal::Table::kIn},
          std::pair{"scan_attributes", internal::Table::kAttributes}}) {
      uint64_t rows = 0;
      const double start = CpuSeconds();
      UNDULA_RETURN_IF_ERROR(internal::AdjacencyReader(view.state(), table)
                                 .Scan([&](uint32_t a, uint32_t b, uint32_t c) {
                                   ++rows;
                                   sink += a ^ b ^ c;
                                 }));
      Print(name, static_cast<double>(rows) / (CpuSeconds() - start), "edges/s", rows);
    }
  }
  return absl::OkStatus();
}

absl::Status RunSnapshot(const std::string& path) {
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<Database> db, OpenReadOnly(path));
  for (int repeat = 0; repeat < kRepeats; ++repeat) {
    for (const bool both : {false, true}) {
      SnapshotOptions options;
      options.in_edges = both;
      options.interactions = options.links = both;
      const double start = CpuSeconds();
      UNDULA_ASSIGN_OR_RETURN(const Snapshot snapshot, TakeSnapshot(*db, options));
      const double seconds = CpuSeconds() - start;
      const uint64_t edges = snapshot.out.entity.size();
      Print(both ? "snapshot_s" : "csr_s", seconds, "s", edges);
      Print(both ? "snapshot_s_10m" : "csr_s_10m", seconds * 1e7 / static_cast<double>(edges),
            "s/10M edges", edges);
    }
  }
  return absl::OkStatus();
}

absl::Status RunOpen(const std::string& path, const std::string& queries) {
  Workload workload = ReadWorkload(queries);
  const std::vector<Query>& all = workload['S'];
  std::vector<double> times;
  uint64_t rows = 0;
  for (size_t i = 0; i < 51 && i < all.size(); ++i) {
    timespec from{}, to{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<Database> db, OpenReadOnly(path));
    UNDULA_ASSIGN_OR_RETURN(const ReadView view, db->Read());
    UNDULA_ASSIGN_OR_RETURN(const uint64_t more, OutEdgesOf(view, all[i].first));
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    rows += more;
    times.push_back(1e3 * static_cast<double>(to.tv_sec - from.tv_sec) +
                    1e-6 * static_cast<double>(to.tv_nsec - from.tv_nsec));
  }
  std::sort(times.begin(), times.end());
  Print("open_first_answer", times.empty() ? 0 : times[times.size() / 2], "CPU ms", rows,
        times.size());
  return absl::OkStatus();
}

// Handed to the system by this process so far.
uint64_t PagesWritten() {
  std::ifstream in("/proc/self/io");
  for (std::string name, value; in >> name >> value;) {
    if (name == "wchar:") return std::strtoull(value.c_str(), nullptr, 10) / kPageBytes;
  }
  return 0;
}

// What the system alone takes for durable batches of a thousand changes: as many scattered pages as
// a batch wrote, written one by one and synced. No store that keeps sorted pages in place of their
// old ones is quicker on this machine.
absl::Status RunWriteFloor(const std::string& path, uint64_t pages, size_t batch) {
  constexpr int kBatches = 20;
  const std::string scratch = path + ".floor";
  std::filesystem::copy_file(path, scratch, std::filesystem::copy_options::overwrite_existing);
  const uint64_t all = std::filesystem::file_size(scratch) / kPageBytes;
  const int file = open(scratch.c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0) return InternalError(scratch, ": cannot be opened");
  const std::vector<char> page(kPageBytes, 'u');
  uint64_t random = 7;
  absl::Status status;
  const double start = CpuSeconds();
  for (int i = 0; i < kBatches && status.ok(); ++i) {
    std::set<uint64_t> chosen;
    while (chosen.size() < std::min(pages, all)) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      chosen.insert((random >> 33) % all);
    }
    for (const uint64_t number : chosen) {
      if (pwrite(file, page.data(), kPageBytes, static_cast<off_t>(number * kPageBytes)) < 0) {
        status = InternalError(scratch, ": cannot be written");
      }
    }
    if (fdatasync(file) != 0) status = InternalError(scratch, ": cannot be synced");
  }
  const double seconds = CpuSeconds() - start;
  close(file);
  std::filesystem::remove(scratch);
  Print("update_floor", static_cast<double>(kBatches * batch) / seconds, "triples/s", pages,
        kBatches);
  return status;
}

// Triples whose head, relation and tail are stored already, by id and by text: added, then
// removed again. Each batch is one durable transaction.
absl::Status RunUpdates(const std::string& path, const std::string& queries) {
  Workload workload = ReadWorkload(queries);
  const std::vector<Query>&heads = workload['S'], &tails = workload['O'],
        &relations = workload['P'];
  if (heads.empty() || tails.empty() || relations.empty()) {
    return InvalidArgumentError(queries, ": needs S, O and P");
  }
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<Database> db, Database::Open(path));
  struct Row {
    EntityId head;
    RelationId relation;
    EntityId tail;
  };
  constexpr size_t kBatch = 1000, kBatches = 40, kSingles = 2000;
  std::vector<Row> rows;
  std::vector<std::array<const std::string*, 3>> texts;
  {
    UNDULA_ASSIGN_OR_RETURN(const ReadView view, db->Read());
    uint64_t state = 7;
    const auto draw = [&](size_t n) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      return static_cast<size_t>((state >> 33) % n);
    };
    while (rows.size() < kBatch * kBatches) {
      const std::string *head = &heads[draw(heads.size())].first,
                        *relation = &relations[draw(relations.size())].first,
                        *tail = &tails[draw(tails.size())].first;
      Row row;
      UNDULA_ASSIGN_OR_RETURN(row.head, view.FindEntity(*head));
      UNDULA_ASSIGN_OR_RETURN(row.relation, view.FindRelation(*relation));
      UNDULA_ASSIGN_OR_RETURN(row.tail, view.FindEntity(*tail));
      rows.push_back(row);
      texts.push_back({head, relation, tail});
    }
  }
  const auto term = [](const std::string& text) { return Term{TermKind::kIri, text, "", ""}; };
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<Updater> updater, Updater::Begin(*db));
  const auto run = [&](const char* metric, size_t count, size_t batch, bool add,
                       bool by_text) -> absl::Status {
    uint64_t changed = 0;
    const double start = CpuSeconds();
    for (size_t i = 0; i < count; ++i) {
      const Row& row = rows[i];
      if (by_text) {
        const Term head = term(*texts[i][0]), relation = term(*texts[i][1]),
                   tail = term(*texts[i][2]);
        UNDULA_RETURN_IF_ERROR(add ? updater->AddTriple(head, relation, tail)
                                   : updater->RemoveTriple(head, relation, tail));
      } else {
        UNDULA_RETURN_IF_ERROR(add ? updater->AddTriple(row.head, row.relation, row.tail)
                                   : updater->RemoveTriple(row.head, row.relation, row.tail));
      }
      if ((i + 1) % batch == 0) {
        UNDULA_ASSIGN_OR_RETURN(const UpdateReport report, updater->Commit());
        changed += report.added + report.removed;
      }
    }
    Print(metric, static_cast<double>(count) / (CpuSeconds() - start), "triples/s", changed, count);
    return absl::OkStatus();
  };
  const size_t all = rows.size();
  const uint64_t written = PagesWritten();
  UNDULA_RETURN_IF_ERROR(run("update_batch", all, kBatch, true, false));
  UNDULA_RETURN_IF_ERROR(RunWriteFloor(path, (PagesWritten() - written) / kBatches, kBatch));
  UNDULA_RETURN_IF_ERROR(run("update_batch_remove", all, kBatch, false, false));
  UNDULA_RETURN_IF_ERROR(run("update_batch_text", all, kBatch, true, true));
  UNDULA_RETURN_IF_ERROR(run("update_batch_text_remove", all, kBatch, false, true));
  UNDULA_RETURN_IF_ERROR(run("update_single", kSingles, 1, true, false));
  TaskArena arena(1);
  for (int repeat = 0; repeat < kRepeats; ++repeat) {
    UNDULA_ASSIGN_OR_RETURN(Snapshot snapshot, TakeSnapshot(*db));
    for (size_t i = kSingles + kBatch * static_cast<size_t>(repeat), n = i + kBatch; i < n; ++i) {
      UNDULA_RETURN_IF_ERROR(updater->AddTriple(rows[i].head, rows[i].relation, rows[i].tail));
    }
    UNDULA_ASSIGN_OR_RETURN(const UpdateReport report, updater->Commit());
    const uint64_t edges = snapshot.out.entity.size() + report.added;
    UNDULA_ASSIGN_OR_RETURN(const ReadView view, db->Read());
    const double start = CpuSeconds();
    UNDULA_ASSIGN_OR_RETURN(snapshot, RefreshSnapshot(std::move(snapshot), view, arena));
    const double seconds = CpuSeconds() - start;
    if (snapshot.out.entity.size() != edges || snapshot.in.entity.size() != edges) {
      return InternalError("the refreshed snapshot has ", snapshot.out.entity.size(), " edges");
    }
    Print("refresh_s_10m", seconds * 1e7 / static_cast<double>(edges), "s/10M edges", edges,
          report.added);
  }
  return absl::OkStatus();
}

// Opening for writing drops what a killed import left behind (for bench/crash_trials.py).
absl::Status RunLeftovers(const std::string& path) {
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<Database> db, Database::Open(path));
  UNDULA_ASSIGN_OR_RETURN(const ReadView view, db->Read());
  std::set<std::string> named = {std::string(internal::kMetaTable),
                                 std::string(internal::kModelsTable)};
  const internal::State& state = view.state().state();
  for (int i = 0; i < internal::kTables; ++i) {
    named.insert(internal::TableName(static_cast<internal::Table>(i),
                                     state.table_generation[static_cast<size_t>(i)]));
  }
  MDB_dbi main;
  if (mdb_dbi_open(view.state().txn(), nullptr, 0, &main) != 0) {
    return InternalError("the list of tables cannot be read");
  }
  // The list of tables is LMDB's own and carries no checksums: its raw cursor.
  MDB_cursor* cursor = nullptr;
  if (mdb_cursor_open(view.state().txn(), main, &cursor) != 0) {
    return InternalError("the list of tables cannot be read");
  }
  std::string dead;
  MDB_val key, value;
  while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
    const std::string name(internal::FromVal(key));
    if (!named.contains(name)) dead += " " + name;
  }
  mdb_cursor_close(cursor);
  if (!dead.empty()) return InternalError("dead tables were not dropped:", dead);
  return absl::OkStatus();
}

absl::Status RunLineSum(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return NotFoundError(path, ": cannot be read");
  uint64_t sum = 0, lines = 0;
  for (std::string line; std::getline(in, line); ++lines) {
    uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a
    for (const char c : line) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
    sum += hash * (hash | 1);
  }
  std::printf("{\"metric\":\"linesum\",\"rows\":%llu,\"text\":\"%016llx\"}\n",
              static_cast<unsigned long long>(lines), static_cast<unsigned long long>(sum));
  return absl::OkStatus();
}

SerdStatus CountStatement(void* handle, SerdStatementFlags, const SerdNode*, const SerdNode*,
                          const SerdNode*, const SerdNode*, const SerdNode*, const SerdNode*) {
  ++*static_cast<uint64_t*>(handle);
  return SERD_SUCCESS;
}

absl::Status RunSerd(const std::string& path) {
  for (int repeat = 0; repeat < kRepeats; ++repeat) {
    uint64_t statements = 0;
    std::FILE* file = std::fopen(path.c_str(), "rb");
    if (file == nullptr) return NotFoundError(path, ": cannot be read");
    const double start = CpuSeconds();
    SerdReader* reader = serd_reader_new(SERD_NTRIPLES, &statements, nullptr, nullptr, nullptr,
                                         CountStatement, nullptr);
    serd_reader_read_file_handle(reader, file, reinterpret_cast<const uint8_t*>("file"));
    serd_reader_free(reader);
    std::fclose(file);
    Print("parse", static_cast<double>(statements) / (CpuSeconds() - start), "statements/s",
          statements);
  }
  return absl::OkStatus();
}

absl::Status Main(const std::vector<std::string>& args) {
  const std::string verb = args.empty() ? "" : args[0];
  const auto arg = [&](size_t i) { return i < args.size() ? args[i] : std::string(); };
  if (verb == "query" && args.size() >= 3) return RunQueries(arg(1), arg(2), arg(3));
  if (verb == "scan" && args.size() == 2) return RunScan(arg(1));
  if (verb == "snapshot" && args.size() == 2) return RunSnapshot(arg(1));
  if (verb == "open" && args.size() == 3) return RunOpen(arg(1), arg(2));
  if (verb == "update" && args.size() == 3) return RunUpdates(arg(1), arg(2));
  if (verb == "leftovers" && args.size() == 2) return RunLeftovers(arg(1));
  if (verb == "linesum" && args.size() == 2) return RunLineSum(arg(1));
  if (verb == "serd" && args.size() == 2) return RunSerd(arg(1));
  return InvalidArgumentError(
      "usage: store_bench query|scan|snapshot|open|update|leftovers|linesum|serd FILE [QUERIES]");
}

}  // namespace
}  // namespace undula::kgstore

int main(int argc, char** argv) {
  const absl::Status status =
      undula::kgstore::Main(std::vector<std::string>(argv + 1, argv + argc));
  if (status.ok()) {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    std::printf("{\"metric\":\"query_peak_rss\",\"value\":%.1f,\"unit\":\"MiB\",\"rows\":%d}\n",
                static_cast<double>(usage.ru_maxrss) / 1024, undula::kgstore::sink == 1 ? 1 : 0);
    return 0;
  }
  std::cerr << status << "\n";
  return static_cast<int>(status.code());
}
