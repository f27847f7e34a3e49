#include "tests/kgstore/balance.h"

#include <chrono>
#include <memory>

#include "base/status.h"
#include "kgstore/importer.h"
#include "kgstore/read_view.h"

namespace undula::kgstore {
namespace {

constexpr int kMoves = 5;  // of one change
constexpr char kDebit[] = "debit", kCredit[] = "credit";

Term Name(std::string_view text) { return {TermKind::kIri, text, "", ""}; }
std::string Account(uint64_t i) { return Concat("http://example.org/account/", i); }
std::string Entry(int round, int move) {
  return Concat("http://example.org/entry/", round, '/', move);
}

absl::Status AddMoves(Importer& importer, int accounts, int round) {
  for (int move = 0; move < kMoves; ++move) {
    const auto pick = [&](int which) {
      return (static_cast<uint64_t>(round) * 31 + static_cast<uint64_t>(move * 7 + which)) %
             static_cast<uint64_t>(accounts);
    };
    const std::string entry = Entry(round, move), from = Account(pick(0)), to = Account(pick(3));
    UNDULA_RETURN_IF_ERROR(importer.AddTriple(Name(from), Name(kDebit), Name(entry)));
    UNDULA_RETURN_IF_ERROR(importer.AddTriple(Name(to), Name(kCredit), Name(entry)));
    UNDULA_RETURN_IF_ERROR(importer.AddInteraction(from, entry, 1, round));
    UNDULA_RETURN_IF_ERROR(importer.AddInteraction(to, entry, 1, -round - 1));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ChangeBalanced(Database& database, int accounts, int round) {
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<Importer> importer, Importer::Begin(database));
  UNDULA_RETURN_IF_ERROR(AddMoves(*importer, accounts, round));
  return importer->Commit().status();
}

absl::Status MakeBalanced(const std::string& path, int accounts) {
  OpenOptions options;
  options.mode = OpenMode::kCreate;
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<Database> database, Database::Open(path, options));
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<Importer> importer, Importer::Begin(*database));
  for (int round = 0; round < accounts; ++round) {
    UNDULA_RETURN_IF_ERROR(AddMoves(*importer, accounts, -1 - round));
  }
  return importer->Commit().status();
}

absl::Status ReadBalanced(const Database& database, int accounts, uint64_t seed,
                          const std::function<bool()>& stop, ReadLatency* latency) {
  using Clock = std::chrono::steady_clock;
  uint64_t last_transaction = 0, last_triples = 0;
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
    if (counts.interactions != counts.triples || view.transaction() < last_transaction ||
        counts.triples < last_triples) {
      return DataLossError("transaction ", view.transaction(), " after ", last_transaction, ": ",
                           counts.triples, " triples, ", counts.interactions, " interactions");
    }
    if (view.transaction() != last_transaction) ++latency->states;
    last_transaction = view.transaction();
    last_triples = counts.triples;
  }
  return absl::OkStatus();
}

}  // namespace undula::kgstore
