// Patch files and the updates that they make.
#include <algorithm>
#include <memory>
#include <string>

#include "base/status.h"
#include "kgstore/database.h"
#include "kgstore/patch_line.h"
#include "kgstore/updater.h"
#include "kgstore/verify.h"
#include "targets.h"

namespace undula::fuzz {
namespace {

// Adds every line to the updater; false at the first bad one.
bool AddLines(Bytes input, kgstore::Updater* updater) {
  while (!input.empty()) {
    const size_t end = std::min(input.find('\n'), input.size());
    size_t column = 0;
    const absl::Status status = kgstore::ApplyPatchLine(input.substr(0, end), updater, &column);
    if (!status.ok()) {
      Require(column <= end + 1, "the column is one of the line");
      return false;
    }
    input.remove_prefix(std::min(end + 1, input.size()));
  }
  return true;
}

std::unique_ptr<kgstore::Database> OpenSmall(const std::string& path) {
  kgstore::OpenOptions options;
  options.map_bytes = uint64_t{64} << 20;
  options.threads = 1;
  auto database = kgstore::Database::Open(path, options);
  Require(database.ok(), "a sound file opens");
  return *std::move(database);
}

std::unique_ptr<kgstore::Updater> BeginUpdate(kgstore::Database& database) {
  auto updater = kgstore::Updater::Begin(database);
  Require(updater.ok(), "an update begins");
  return *std::move(updater);
}

}  // namespace

void PatchLines(Bytes input) {
  // Bad files end here; nothing is written.
  static const std::unique_ptr<kgstore::Database> unchanged =
      OpenSmall(WriteFile("unchanged.undula", SoundFile()));
  static const std::unique_ptr<kgstore::Updater> dry = BeginUpdate(*unchanged);
  const bool good = AddLines(input, dry.get());
  const uint64_t operations = dry->pending();
  dry->Discard();
  if (!good || operations == 0) return;

  const auto database = OpenSmall(WriteFile("patch_lines.undula", SoundFile()));
  for (int time = 0; time < 2; ++time) {
    const auto updater = BeginUpdate(*database);
    Require(AddLines(input, updater.get()), "what was good is good again");
    const auto report = updater->Commit();
    Require(report.ok(), "a good patch can be committed");
    Require(time == 0 || report->added + report->removed + report->replaced == 0,
            "the second time there is nothing to change");
    kgstore::VerifyReport verified;
    Require(kgstore::VerifyContents(*database, &verified, nullptr).ok(), "verify works");
    Require(verified.ok(), verified.ok() ? "" : verified.findings[0].what.c_str());
  }
}

}  // namespace undula::fuzz
