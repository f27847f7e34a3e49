#include "queries/batch_score.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "models/score/tile_scorer.h"
#include "propagation/exec.h"
#include "propagation/ops/rank.h"
#include "queries/connections/connection_reasons.h"
#include "queries/explain.h"
#include "queries/job_file.h"
#include "queries/recommend.h"

namespace undula::queries {
namespace {

double CpuSeconds() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

absl::Status CheckOptions(const ScoreBatchOptions& o) {
  if (o.output.empty()) return InvalidArgumentError("score: give an output file");
  if (o.k < 1) return InvalidArgumentError("score: k is ", o.k, "; it must be at least 1");
  if (o.format != "tsv" && o.format != "jsonl") {
    return InvalidArgumentError("score: format '", o.format, "' is neither tsv nor jsonl");
  }
  if (o.shards < 1 || o.shard < 1 || o.shard > o.shards) {
    return InvalidArgumentError("score: shard ", o.shard, "/", o.shards,
                                " is not i/n with 1 <= i <= n");
  }
  if (o.part_users < 1) {
    return InvalidArgumentError("score: part_users is ", o.part_users, "; it must be at least 1");
  }
  if (o.reasons < 0 || o.connections < 0) {
    return InvalidArgumentError("score: ", o.reasons < 0 ? "reasons" : "connections",
                                " is negative");
  }
  return absl::OkStatus();
}

// A GPU that ranks for the job, or none.
struct RankingDevice {
  std::unique_ptr<propagation::Exec> exec;
  std::unique_ptr<propagation::DeviceRanker> ranker;
  std::string description;
};

// "auto" falls back to the CPU where there is no GPU, or the model has no ranking on one.
absl::StatusOr<RankingDevice> OpenDevice(const Context& context, const ScoreBatchOptions& o) {
  RankingDevice out;
  UNDULA_ASSIGN_OR_RETURN(out.exec, propagation::Exec::Create(o.device, context.workers));
  out.description = out.exec->description();
  if (!out.exec->on_gpu()) return out;
  auto ranker = context.scorer->MakeDeviceRanker(out.exec.get());
  if (ranker.ok() && !(*ranker)->Fits(std::min<int64_t>(o.k, context.scorer->n_items()))) {
    ranker = UnimplementedError("lists of ", o.k, " are ranked on the cpu; a GPU keeps at most ",
                                propagation::cuda::kMostRanked);
  }
  if (ranker.ok()) {
    out.ranker = *std::move(ranker);
  } else if (o.device != "auto") {
    return ranker.status();
  } else {
    out.description =
        Concat(propagation::Exec(context.workers).description(), "; ", Message(ranker.status()));
  }
  return out;
}

// Everything that decides the bytes of the output, on one line. Threads and part_users do not.
std::string Fingerprint(const Context& context, const ScoreBatchOptions& o, bool on_gpu) {
  std::string text = Concat(
      "undula-score-1 ", context.model_tag, " snapshot=", context.snapshot->id_space, ":",
      context.snapshot->transaction, " format=", o.format, " k=", o.k, " reasons=", o.reasons,
      " shard=", o.shard, "/", o.shards, " seen=", o.filter.exclude_seen);
  if (o.connections > 0) text += Concat(" connections=", o.connections);
  if (on_gpu) text += " on=cuda";
  for (const std::string& item : o.filter.allow) text += " allow=" + JsonQuote(item);
  for (const std::string& item : o.filter.deny) text += " deny=" + JsonQuote(item);
  if (!o.filter.pattern.empty()) text += " pattern=" + JsonQuote(o.filter.pattern);
  for (const auto& [name, value] : o.filter.pattern_params) {
    text += " param=" + JsonQuote(name + "=" + value);
  }
  return text;
}

void AppendEscaped(std::string_view text, std::string* out) {
  for (const char c : text) {
    if (c == '\t') {
      *out += "\\t";
    } else if (c == '\n') {
      *out += "\\n";
    } else if (c == '\r') {
      *out += "\\r";
    } else if (c == '\\') {
      *out += "\\\\";
    } else {
      out->push_back(c);
    }
  }
}

std::string Number(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.9g", value);
  return buffer;
}

// Formats one user's list into a line or lines.
class LineWriter {
 public:
  LineWriter(const Context& context, const ScoreBatchOptions& options)
      : context_(context), options_(options) {}

  absl::Status Write(UserId user, std::span<const models::ScoredItem> items, std::string* out) {
    return options_.format == "tsv" ? Tsv(user, items, out) : Jsonl(user, items, out);
  }

 private:
  absl::Status Tsv(UserId user, std::span<const models::ScoredItem> items, std::string* out) {
    for (size_t i = 0; i < items.size(); ++i) {
      AppendEscaped(context_.catalog->users[Index(user)], out);
      out->push_back('\t');
      AppendEscaped(context_.catalog->items[Index(items[i].item)], out);
      *out += Concat("\t", i + 1, "\t", Number(items[i].score), "\n");
    }
    return absl::OkStatus();
  }

  absl::Status Jsonl(UserId user, std::span<const models::ScoredItem> items, std::string* out) {
    *out +=
        Concat("{\"user\": ", JsonQuote(context_.catalog->users[Index(user)]), ", \"items\": [");
    for (size_t i = 0; i < items.size(); ++i) {
      *out += Concat(i == 0 ? "" : ", ",
                     "{\"item\": ", JsonQuote(context_.catalog->items[Index(items[i].item)]),
                     ", \"score\": ", Number(items[i].score));
      if (options_.reasons > 0) {
        UNDULA_ASSIGN_OR_RETURN(const std::vector<Reason> reasons,
                                BestReasons(context_, {user, {}}, items[i].item, options_.reasons));
        *out += ", \"reasons\": [";
        for (size_t r = 0; r < reasons.size(); ++r) {
          *out += Concat(r == 0 ? "" : ", ", "{\"hop\": ", reasons[r].hop,
                         ", \"weight\": ", Number(reasons[r].weight),
                         ", \"sentence\": ", JsonQuote(reasons[r].sentence), "}");
        }
        *out += "]";
      }
      if (options_.connections > 0) AppendConnections(user, items[i].item, out);
      *out += "}";
    }
    *out += "]}\n";
    return absl::OkStatus();
  }

  void AppendConnections(UserId user, ItemId item, std::string* out) {
    *out += ", \"connections\": [";
    const char* separator = "";
    for (const auto& [reason, edges] :
         ConnectionReasons(context_, {user, {}}, item, options_.connections)) {
      *out += separator;
      // Without steps it is no path of the graph: what users liked.
      const bool path = reason.kind == Reason::Kind::kConnection;
      *out += Concat("{\"steps\": ", path ? reason.hop : 0);
      if (reason.kind != Reason::Kind::kPopularity) {
        *out +=
            Concat(", \"bits\": ", Number(reason.bits), ", \"supports\": ", reason.supports.size());
      }
      *out += Concat(", \"sentence\": ", JsonQuote(reason.sentence), "}");
      separator = ", ";
    }
    *out += "]";
  }

  const Context& context_;
  const ScoreBatchOptions& options_;
};

// The user's positive events that the model knows the items of, in time order.
std::vector<ItemId> PresentHistory(const Context& context, uint32_t user) {
  std::vector<ItemId> out;
  const InteractionCsr<ItemId>& log = context.snapshot->by_user;
  if (int64_t{user} >= log.rows()) return out;
  for (int64_t i = log.ptr[user]; i < log.ptr[user + 1]; ++i) {
    if (log.weight[i] >= context.positive_threshold &&
        Index(log.other[i]) < context.scorer->n_items()) {
      out.push_back(log.other[i]);
    }
  }
  return out;
}

}  // namespace

absl::StatusOr<ScoreBatchReport> ScoreBatch(const Context& context,
                                            const ScoreBatchOptions& options, Progress* progress) {
  UNDULA_RETURN_IF_ERROR(CheckOptions(options));
  if (options.reasons > 0 && !context.spec->capabilities.explains) {
    return UnimplementedError(context.spec->title, " cannot explain; score without reasons");
  }
  const auto start = std::chrono::steady_clock::now();
  const double cpu_start = CpuSeconds();
  UNDULA_ASSIGN_OR_RETURN(ResolvedFilter filter, ResolveFilter(context, options.filter));
  UNDULA_ASSIGN_OR_RETURN(const RankingDevice device, OpenDevice(context, options));
  UNDULA_ASSIGN_OR_RETURN(
      JobFile file,
      JobFile::Open(options.output, Fingerprint(context, options, device.ranker != nullptr),
                    options.resume));

  // This shard's users.
  const int64_t all = context.scorer->n_users();
  const int64_t first = all * (options.shard - 1) / options.shards;
  const int64_t users = all * options.shard / options.shards - first;
  ScoreBatchReport report;
  report.device = device.description;
  report.users_resumed = std::min(file.units_done(), users);

  models::TileOptions tile;
  tile.k = options.k;
  tile.ranker = device.ranker.get();
  LineWriter lines(context, options);
  std::string text;
  for (int64_t done = report.users_resumed; done < users;) {
    const int64_t count = std::min(options.part_users, users - done);
    const uint32_t base = static_cast<uint32_t>(first + done);
    std::vector<std::vector<ItemId>> seen(static_cast<size_t>(count));
    if (filter.exclude_seen) {
      for (int64_t i = 0; i < count; ++i) {
        seen[i] = SeenItems(context, {UserId{base + static_cast<uint32_t>(i)}, {}});
      }
    }
    std::vector<std::unique_ptr<models::ItemSet>> own(static_cast<size_t>(count));
    std::vector<const models::ItemSet*> allow(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; ++i) {
      UNDULA_ASSIGN_OR_RETURN(
          allow[i],
          AllowedItems(context, &filter, UserId{base + static_cast<uint32_t>(i)}, &own[i]));
    }
    // Models of sequences predict from what has happened by now.
    std::vector<std::vector<ItemId>> histories;
    if (context.scorer->sequential()) {
      for (int64_t i = 0; i < count; ++i) {
        histories.push_back(PresentHistory(context, base + static_cast<uint32_t>(i)));
      }
    }
    models::RankJob job;
    job.n = count;
    job.query = [&](int64_t i) {
      if (!histories.empty() && !histories[i].empty()) {
        return models::UserQuery{kNone<UserId>, histories[i]};
      }
      return models::UserQuery{UserId{base + static_cast<uint32_t>(i)}, {}};
    };
    job.mask = [&](int64_t i) { return models::ItemMask{seen[i], allow[i], filter.deny.get()}; };
    UNDULA_RETURN_IF_ERROR(
        models::RankAll(*context.scorer, job, tile, *context.workers, nullptr,
                        [&](int64_t i, const models::RankedList& list) -> absl::Status {
                          if (!list.status.ok()) {
                            ++report.users_skipped;
                            return absl::OkStatus();
                          }
                          ++report.users;
                          report.rows += static_cast<int64_t>(list.items.size());
                          text.clear();
                          UNDULA_RETURN_IF_ERROR(lines.Write(
                              UserId{base + static_cast<uint32_t>(i)}, list.items, &text));
                          return file.Append(text);
                        }));
    done += count;
    UNDULA_RETURN_IF_ERROR(file.Mark(done));
    UNDULA_RETURN_IF_ERROR(Progress::Report(progress, done, users, "scoring users"));
  }
  UNDULA_RETURN_IF_ERROR(file.Finish());
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  report.cpu_seconds = CpuSeconds() - cpu_start;
  return report;
}

}  // namespace undula::queries
