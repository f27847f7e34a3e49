#include "undula/maintenance.h"

#include <sys/stat.h>

#include <utility>

#include "api/renumber_models.h"
#include "base/status.h"
#include "kgstore/copy_database.h"
#include "kgstore/database.h"
#include "kgstore/read_view.h"
#include "kgstore/verify.h"

namespace undula {
namespace {

absl::StatusOr<std::unique_ptr<kgstore::Database>> OpenToRead(const std::string& path) {
  kgstore::OpenOptions options;
  options.read_only = true;
  return kgstore::Database::Open(path, options);
}

int64_t FileBytes(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 ? static_cast<int64_t>(info.st_size) : 0;
}

absl::StatusOr<kgstore::DictionaryForm> FormOf(const std::string& name) {
  if (name == "keep") return kgstore::DictionaryForm::kKeep;
  if (name == "plain") return kgstore::DictionaryForm::kPlain;
  if (name == "compact") return kgstore::DictionaryForm::kCompact;
  return InvalidArgumentError("dictionary is '", name, "'; keep, plain or compact");
}

}  // namespace

absl::StatusOr<CopyReport> Backup(const std::string& path, const std::string& to,
                                  Progress* progress) {
  if (to.empty()) return InvalidArgumentError("name the file to write");
  UNDULA_ASSIGN_OR_RETURN(const auto database, OpenToRead(path));
  UNDULA_ASSIGN_OR_RETURN(
      const kgstore::CopyReport report,
      kgstore::CopyDatabase(*database, to, kgstore::CopyKind::kBackup, progress));
  return CopyReport{static_cast<int64_t>(report.bytes), FileBytes(path), report.dropped_models};
}

absl::StatusOr<CopyReport> Compact(const std::string& path, const std::string& to,
                                   const CompactOptions& options, Progress* progress) {
  UNDULA_ASSIGN_OR_RETURN(const kgstore::DictionaryForm form, FormOf(options.dictionary));
  const api::RenumberModels models(options.drop_models);
  const api::RenumberModels* const renumber = options.renumber ? &models : nullptr;
  if (options.drop_models && !options.renumber) {
    return InvalidArgumentError("compact: models are dropped only where ids change (renumber)");
  }
  if (!options.replace) {
    if (to.empty()) return InvalidArgumentError("name the file to write");
    UNDULA_ASSIGN_OR_RETURN(const auto database, OpenToRead(path));
    UNDULA_ASSIGN_OR_RETURN(const kgstore::CopyReport report,
                            kgstore::CompactDatabase(*database, to, form, progress, renumber));
    return CopyReport{static_cast<int64_t>(report.bytes), FileBytes(path), report.dropped_models};
  }
  if (!to.empty()) {
    return InvalidArgumentError(
        "compact: either another file or the place of the original, not both");
  }
  const int64_t before = FileBytes(path);
  UNDULA_ASSIGN_OR_RETURN(const kgstore::CopyReport report,
                          kgstore::CompactInPlace(path, form, progress, renumber));
  return CopyReport{static_cast<int64_t>(report.bytes), before, report.dropped_models};
}

absl::StatusOr<VerifyReport> Verify(const std::string& path, Progress* progress) {
  UNDULA_ASSIGN_OR_RETURN(kgstore::VerifyReport in, kgstore::VerifyFile(path, progress));
  VerifyReport out;
  for (auto& finding : in.findings) {
    out.findings.push_back({std::move(finding.what), std::move(finding.remedy)});
  }
  out.entries = static_cast<int64_t>(in.entries);
  out.models = static_cast<int64_t>(in.models);
  return out;
}

absl::StatusOr<ContentSums> SumContent(const std::string& path, Progress* progress) {
  UNDULA_ASSIGN_OR_RETURN(const auto database, OpenToRead(path));
  UNDULA_ASSIGN_OR_RETURN(const kgstore::ReadView view, database->Read());
  UNDULA_ASSIGN_OR_RETURN(const kgstore::ContentSums in, kgstore::SumContent(view, progress));
  return ContentSums{in.all(), in.graph, in.interactions, in.items, in.links, in.social};
}

}  // namespace undula
