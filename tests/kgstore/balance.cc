#include "tests/kgstore/balance.h"

#include <chrono>
#include <memory>

#include "base/status.h"
#include "kgstore/importer.h"
#include "kgstore/read_view.h"
#include "kgstore/updater.h"

namespace undula::kgstore {
namespace {

constexpr int kMoves = 5;  // of one change
constexpr char kDebit[] = "debit", kCredit[] = "credit";

Term Name(std::string_view text) { return {TermKind::kIri, text, "", ""}; }
std::string Account(uint64_t i) { return Concat("http://example.org/account/", i); }
std::string Entry(int round, int move) {
  return Concat("http://example.org/entry/", round, '/', move);
}

// Calls f(account, relation, entry, time) for every triple of a round.
template <class F>
absl::Status ForEachMove(int accounts, int round, F&& f) {
  for (int move = 0; move < kMoves; ++move) {
    const auto account = [&](int which) {
      return Account((static_cast<uint64_t>(round) * 31 + static_cast<uint64_t>(move * 7 + which)) %
                     static_cast<uint64_t>(accounts));
    };
    const std::string entry = Entry(round, move);
    UNDULA_RETURN_IF_ERROR(f(account(0), kDebit, entry, int64_t{1}));
    UNDULA_RETURN_IF_ERROR(f(account(3), kCredit, entry, int64_t{2}));
  }
  return absl::OkStatus();
}

absl::Status ImportMoves(Importer& importer, int accounts, int round) {
  return ForEachMove(
      accounts, round,
      [&](const std::string& account, std::string_view relation, const std::string& entry,
          int64_t time) -> absl::Status {
        UNDULA_RETURN_IF_ERROR(importer.AddTriple(Name(account), Name(relation), Name(entry)));
        return importer.AddInteraction(account, entry, 1, time);
      });
}

}  // namespace

absl::Status ChangeBalanced(Database& database, int accounts, int round) {
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<Updater> updater, Updater::Begin(database));
  UNDULA_RETURN_IF_ERROR(ForEachMove(accounts, round,
                                     [&](const std::string& account, std::string_view relation,
                                         const std::string& entry, int64_t time) -> absl::Status {
                                       UNDULA_RETURN_IF_ERROR(updater->AddTriple(
                                           Name(account), Name(relation), Name(entry)));
                                       return updater->AddInteraction(account, entry, 1, time);
                                     }));
  UNDULA_RETURN_IF_ERROR(ForEachMove(accounts, round - accounts,
                                     [&](const std::string& account, std::string_view relation,
                                         const std::string& entry, int64_t time) -> absl::Status {
                                       UNDULA_RETURN_IF_ERROR(updater->RemoveTriple(
                                           Name(account), Name(relation), Name(entry)));
                                       return updater->RemoveInteraction(account, entry, time);
                                     }));
  return updater->Commit().status();
}

absl::Status ImportBalanced(Database& database, int accounts, int round) {
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<Importer> importer, Importer::Begin(database));
  UNDULA_RETURN_IF_ERROR(ImportMoves(*importer, accounts, round));
  return importer->Commit().status();
}

absl::Status MakeBalanced(const std::string& path, int accounts) {
  OpenOptions options;
  options.mode = OpenMode::kCreate;
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<Database> database, Database::Open(path, options));
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<Importer> importer, Importer::Begin(*database));
  for (int round = -accounts; round < 0; ++round) {
    UNDULA_RETURN_IF_ERROR(ImportMoves(*importer, accounts, round));
  }
  return importer->Commit().status();
}

absl::Status ReadBalanced(const Database& database, int accounts, uint64_t seed,
                          const std::function<bool()>& stop, ReadLatency* latency) {
  using Clock = std::chrono::steady_clock;
  uint64_t last_transaction = 0;
  for (uint64_t i = 0; !stop(); ++i) {
    const Clock::time_point start = Clock::now();
    UNDULA_ASSIGN_OR_RETURN(const ReadView view, database.Read());
    UNDULA_ASSIGN_OR_RETURN(const RelationId debit, view.FindRelation(kDebit));
    UNDULA_ASSIGN_OR_RETURN(const RelationId credit, view.FindRelation(kCredit));
    UNDULA_ASSIGN_OR_RETURN(
        const EntityId account,
        view.FindEntity(Account((seed * 0x9E3779B97F4A7C15u + i * 0xD1B54A32D192ED03u) %
                                static_cast<uint64_t>(accounts))));
    uint64_t touched = 0;
    if (account != kNone<EntityId>) {
      UNDULA_RETURN_IF_ERROR(
          view.ForEachOutEdge(account, [&](RelationId, EntityId) { ++touched; }));
    }
    latency->seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
    ++latency->reads;
    const Counts& counts = view.counts();
    if (i % 16 == 0) {
      uint64_t debits = 0, credits = 0;
      const auto count = [](uint64_t* n) { return [n](EntityId, EntityId) { ++*n; }; };
      UNDULA_RETURN_IF_ERROR(view.ForEachRelationEdge(debit, count(&debits)));
      UNDULA_RETURN_IF_ERROR(view.ForEachRelationEdge(credit, count(&credits)));
      if (debits != credits || debits + credits != counts.triples) {
        return DataLossError("transaction ", view.transaction(), ": ", debits, " debits, ", credits,
                             " credits, ", counts.triples, " triples");
      }
    }
    if (counts.interactions != counts.triples || view.transaction() < last_transaction) {
      return DataLossError("transaction ", view.transaction(), " after ", last_transaction, ": ",
                           counts.triples, " triples, ", counts.interactions, " interactions");
    }
    if (view.transaction() != last_transaction) ++latency->states;
    last_transaction = view.transaction();
  }
  return absl::OkStatus();
}

}  // namespace undula::kgstore
