#include <algorithm>
#include <string>

#include "base/status.h"
#include "kgstore/dictionary.h"
#include "kgstore/hash.h"
#include "kgstore/store.h"
#include "kgstore/verify.h"

namespace undula::kgstore {

absl::StatusOr<VerifyReport> VerifyFile(const std::string& path, Progress* progress) {
  VerifyReport report;
  OpenOptions options;
  options.read_only = true;
  options.check = OpenCheck::kPages;
  const auto database = Database::Open(path, options);
  if (absl::IsDataLoss(database.status())) {
    report.findings.push_back(
        {std::string(Message(database.status())), "restore the file from a backup"});
    return report;
  }
  UNDULA_RETURN_IF_ERROR(database.status());
  UNDULA_RETURN_IF_ERROR(VerifyContents(**database, &report, progress));
  return report;
}

namespace internal {
namespace {

// The checksums of `meta`, where two records have none.
absl::Status CheckMeta(const Store& store, const ViewState& view) {
  MDB_cursor* cursor = nullptr;
  int code = mdb_cursor_open(view.txn(), store.meta(), &cursor);
  absl::Status status;
  MDB_val key, value;
  while (code == 0 && status.ok()) {
    code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    if (code != 0) break;
    const std::string_view name = FromVal(key);
    if (name == kHeaderKey || name == kIdSpaceKey) continue;
    status = store.env().Checked(store.meta(), name, FromVal(value)).status();
  }
  if (cursor != nullptr) mdb_cursor_close(cursor);
  if (code != 0 && code != MDB_NOTFOUND) return store.env().Error(code, "checking values");
  return status;
}

}  // namespace

absl::Status CheckValues(Store& store, const ViewState& view, uint64_t* entries,
                         Progress* progress) {
  const State& state = view.state();
  UNDULA_RETURN_IF_ERROR(CheckMeta(store, view));
  const auto walk = [&](MDB_dbi table, uint8_t kind, const char* name,
                        uint64_t* sum) -> absl::Status {
    UNDULA_ASSIGN_OR_RETURN(const auto cursor, Cursor::Open(store.env(), view.txn(), table));
    UNDULA_ASSIGN_OR_RETURN(bool more, cursor->First());
    while (more) {
      *sum += HashEntry(kind, cursor->key(), cursor->value());
      if (++*entries % 4096 == 0) {
        UNDULA_RETURN_IF_ERROR(Progress::Report(progress, static_cast<int64_t>(*entries), 0, name));
      }
      UNDULA_ASSIGN_OR_RETURN(more, cursor->Next());
    }
    return absl::OkStatus();
  };
  for (int i = 0; i < kTables; ++i) {
    const auto table = static_cast<Table>(i);
    uint64_t sum = 0;
    UNDULA_RETURN_IF_ERROR(
        walk(view.tables()[table], static_cast<uint8_t>(i), SpecOf(table).name, &sum));
    if (sum != state.table_sum[static_cast<size_t>(i)]) {
      return DataLossError(store.path(), ": table ", SpecOf(table).name,
                           ": its entries do not add up to the sum in the state record; ",
                           "restore the file from a backup");
    }
  }
  uint64_t unused = 0;
  UNDULA_RETURN_IF_ERROR(walk(store.models(), kModelsKind, "models", &unused));
  // The id-space tag has no checksum; it seeds the dictionaries' hashes.
  for (int s = 0; s < kSpaces; ++s) {
    const DictionaryReader dictionary(view, static_cast<Space>(s));
    for (uint32_t id = 0; id < std::min<uint32_t>(dictionary.size(), 64); ++id) {
      UNDULA_ASSIGN_OR_RETURN(const std::string text, dictionary.Text(id));
      if (text.empty()) continue;  // a forgotten user
      UNDULA_ASSIGN_OR_RETURN(const uint32_t found, dictionary.Find(text));
      if (found != id) {
        return DataLossError(store.path(), ": the id-space record or the dictionary of ",
                             SpaceName(static_cast<Space>(s)), " names is damaged; ",
                             "restore the file from a backup");
      }
      break;
    }
  }
  return absl::OkStatus();
}

}  // namespace internal

}  // namespace undula::kgstore
