#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>

#include "base/status.h"
#include "kgstore/apply_update.h"
#include "kgstore/dictionary.h"
#include "kgstore/edit_dictionary.h"
#include "kgstore/forget_vectors.h"
#include "kgstore/interaction_log.h"
#include "kgstore/model_record.h"
#include "kgstore/updater.h"
#include "kgstore/value_set.h"

namespace undula::kgstore {
namespace internal {
namespace {

// What is stored of a user.
struct Traces {
  std::vector<LogEdit> by_user, by_item;
  std::vector<SocialOp> social;
};

absl::StatusOr<Traces> FindTraces(const ViewState& view, uint32_t user) {
  Traces traces;
  UNDULA_RETURN_IF_ERROR(LogReader(view, Table::kUserLog)
                             .Row(user, [&](uint32_t, uint32_t item, float weight, int64_t time) {
                               traces.by_user.push_back({{user, item, weight, time}, false});
                               traces.by_item.push_back({{item, user, weight, time}, false});
                             }));
  const auto by_key = [](const LogEdit& a, const LogEdit& b) {
    return a.entry.key() < b.entry.key();
  };
  std::sort(traces.by_item.begin(), traces.by_item.end(), by_key);
  UNDULA_ASSIGN_OR_RETURN(const auto cursor, view.Walk(Table::kSocial));
  UNDULA_ASSIGN_OR_RETURN(bool more, cursor->First());
  std::vector<SocialEdge> edges;
  while (more) {
    const auto from = LoadFixed<uint32_t>(cursor->key().data());
    if (!DecodeSocial(cursor->value(), &edges)) {
      return DataLossError(view.store().path(),
                           ": table social is damaged; restore the file from "
                           "a backup");
    }
    for (const SocialEdge& edge : edges) {
      if (from == user || edge.other == user) {
        traces.social.push_back({{from, edge.other, edge.weight}, false});
      }
    }
    UNDULA_ASSIGN_OR_RETURN(more, cursor->Next());
  }
  return traces;
}

// Models whose metadata say (or do not say otherwise) that the user existed when they were trained.
absl::StatusOr<std::vector<std::string>> ModelsOf(const ViewState& view, uint32_t user) {
  std::vector<std::string> names;
  UNDULA_ASSIGN_OR_RETURN(const auto records, ReadModelRecords(view));
  for (const ModelRecord& record : records) {
    if (record.metadata.count("kind") > 0 && record.metadata.at("kind") == "vectors") continue;
    const auto users = record.metadata.find(std::string(kTrainedUsersKey));
    if (users != record.metadata.end() &&
        std::strtoull(users->second.c_str(), nullptr, 10) <= user) {
      continue;
    }
    names.push_back(record.name);
  }
  return names;
}

// Takes the user's row out of what earlier commits have logged.
absl::Status CleanChanges(const OpenTables& open, uint32_t user) {
  std::vector<std::pair<std::string, std::string>> cleaned;
  {
    UNDULA_ASSIGN_OR_RETURN(const auto cursor,
                            Cursor::Open(open.store.env(), open.txn->raw(), open[Table::kChanges]));
    UNDULA_ASSIGN_OR_RETURN(bool more, cursor->First());
    while (more) {
      auto record = DecodeChangeRecord(cursor->value());
      if (!record.has_value()) return open.Damaged(Table::kChanges);
      for (const Rows kind : {Rows::kUserLog, Rows::kSocial}) {
        std::vector<uint32_t>& rows = (*record)[static_cast<size_t>(kind)].rows;
        const auto at = std::find(rows.begin(), rows.end(), user);
        if (at != rows.end()) rows.erase(at);
      }
      std::string bytes = EncodeChangeRecord(*record);
      if (bytes != cursor->value()) cleaned.emplace_back(cursor->key(), std::move(bytes));
      UNDULA_ASSIGN_OR_RETURN(more, cursor->Next());
    }
  }
  for (const auto& [key, value] : cleaned) {
    UNDULA_RETURN_IF_ERROR(open.txn->Put(open[Table::kChanges], key, value));
  }
  return absl::OkStatus();
}

absl::StatusOr<ForgetReport> Forget(Store* store, std::string_view name) {
  ForgetReport report;
  std::shared_ptr<const TableSet> tables;
  uint32_t user;
  Traces traces;
  std::vector<VectorsWithout> vectors;
  {
    UNDULA_ASSIGN_OR_RETURN(const auto view, store->BeginView());
    UNDULA_ASSIGN_OR_RETURN(user, DictionaryReader(*view, Space::kUser).Find(name));
    if (user == kNoIndex) return NotFoundError("no user '", name, "' in ", store->path());
    tables = view->shared_tables();
    UNDULA_ASSIGN_OR_RETURN(traces, FindTraces(*view, user));
    UNDULA_ASSIGN_OR_RETURN(report.models, ModelsOf(*view, user));
    UNDULA_ASSIGN_OR_RETURN(vectors, FindVectorsOf(*view, user));
  }
  State next = tables->state;
  uint64_t room = 16384 * (traces.by_user.size() + traces.social.size()) + (1 << 22);
  for (const VectorsWithout& without : vectors) room += without.bytes();
  UNDULA_ASSIGN_OR_RETURN(const auto txn, store->BeginWrite(room));
  const OpenTables open{*store, txn.get(), *tables};
  UpdateReport counts;
  UpdateContext context{open, &next, &counts, {}};
  UNDULA_RETURN_IF_ERROR(EditLog(open, Table::kUserLog, &traces.by_user));
  UNDULA_RETURN_IF_ERROR(EditLog(open, Table::kItemLog, &traces.by_item));
  next.counts.interactions -= traces.by_user.size();
  report.interactions = traces.by_user.size();
  report.social = traces.social.size();
  UNDULA_RETURN_IF_ERROR(EditSocial(std::move(traces.social), &context));
  UNDULA_RETURN_IF_ERROR(txn->Delete(open[Table::kUsers], AsBytes(user)));
  UNDULA_RETURN_IF_ERROR(BlotOut(open, Space::kUser, user, name, next));
  for (const VectorsWithout& without : vectors) {
    UNDULA_RETURN_IF_ERROR(WriteVectorsWithout(without, *store, txn.get()));
    report.vectors.push_back(without.record.name);
  }
  UNDULA_RETURN_IF_ERROR(CleanChanges(open, user));
  // Which items and friends the user had must not stand in the log either.
  ChangeRecord record;
  record[static_cast<size_t>(Rows::kUserLog)].rows = {user};
  record[static_cast<size_t>(Rows::kItemLog)].all = true;
  record[static_cast<size_t>(Rows::kSocial)].all = true;
  UNDULA_RETURN_IF_ERROR(FinishUpdate(open, record, &next));
  UNDULA_RETURN_IF_ERROR(txn->Commit());
  return report;
}

}  // namespace
}  // namespace internal

absl::StatusOr<ForgetReport> ForgetUser(Database& database, std::string_view user) {
  internal::Store& store = database.store();
  UNDULA_ASSIGN_OR_RETURN(const auto turn, store.TakeWriteTurn());
  try {
    return internal::Forget(&store, user);
  } catch (const std::bad_alloc&) {
    return ResourceExhaustedError("out of memory while forgetting a user");
  }
}

}  // namespace undula::kgstore
