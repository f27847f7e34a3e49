#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "api/database_impl.h"
#include "base/status.h"
#include "kgstore/input_stream.h"
#include "kgstore/patch_line.h"
#include "kgstore/text_window.h"
#include "kgstore/updater.h"

namespace undula {
namespace {

// Reads a patch line by line and commits as the options say.
class PatchReader {
 public:
  PatchReader(std::string file, const UpdateOptions& options, kgstore::Updater* updater,
              UpdateReport* report)
      : file_(std::move(file)), options_(options), updater_(*updater), report_(*report) {}

  absl::Status Run(Progress* progress) {
    UNDULA_ASSIGN_OR_RETURN(const auto stream, kgstore::InputStream::Open(file_));
    kgstore::TextWindow window(stream.get(), progress);
    UNDULA_RETURN_IF_ERROR(window.Fill());
    UNDULA_RETURN_IF_ERROR(window.SkipByteOrderMark());
    size_t searched = 0;
    while (true) {
      const size_t end = window.unread().find('\n', searched);
      if (end == std::string_view::npos && !window.at_end()) {
        searched = window.unread().size();
        UNDULA_RETURN_IF_ERROR(window.Fill());
        continue;
      }
      const std::string_view line = window.unread().substr(0, end);
      if (!line.empty()) UNDULA_RETURN_IF_ERROR(Line(line, window.position().line));
      if (end == std::string_view::npos) return Commit();
      last_line_ = window.position().line;
      if (options_.batch > 0 && static_cast<int64_t>(updater_.pending()) >= options_.batch) {
        UNDULA_RETURN_IF_ERROR(Commit());
      }
      window.ConsumeLine(end + 1);
      searched = 0;
    }
  }

 private:
  absl::Status Line(std::string_view line, int64_t number) {
    last_line_ = number;
    if (number <= options_.after) return absl::OkStatus();
    size_t column = 0;
    const absl::Status status = kgstore::ApplyPatchLine(line, &updater_, &column);
    if (status.ok()) return status;
    return Error(status.code(), file_, ":", number, ":", column == 0 ? 1 : column, ": ",
                 Message(status));
  }

  absl::Status Commit() {
    if (updater_.pending() == 0) return absl::OkStatus();
    UNDULA_ASSIGN_OR_RETURN(const kgstore::UpdateReport done, updater_.Commit());
    report_.added += static_cast<int64_t>(done.added);
    report_.removed += static_cast<int64_t>(done.removed);
    report_.replaced += static_cast<int64_t>(done.replaced);
    report_.unchanged += static_cast<int64_t>(done.unchanged);
    report_.names_new += done.names_new;
    report_.last_line = last_line_;
    ++report_.commits;
    return absl::OkStatus();
  }

  std::string file_;
  const UpdateOptions& options_;
  kgstore::Updater& updater_;
  UpdateReport& report_;
  int64_t last_line_ = 0;
};

}  // namespace

absl::StatusOr<UpdateReport> Database::Update(const std::string& file, const UpdateOptions& options,
                                              Progress* progress) {
  const auto start = std::chrono::steady_clock::now();
  if (options.batch < 0 || options.after < 0) {
    return InvalidArgumentError("batch and after must not be negative");
  }
  const std::lock_guard writing(impl_->writing);
  UNDULA_ASSIGN_OR_RETURN(const auto updater, kgstore::Updater::Begin(*impl_->store));
  UpdateReport report;
  const absl::Status status = PatchReader(file, options, updater.get(), &report).Run(progress);
  if (!status.ok()) {
    if (report.commits == 0) return status;
    return Error(status.code(), Message(status), "; ", report.commits,
                 " commits are stored, go on after line ", report.last_line);
  }
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

absl::StatusOr<ForgetReport> Database::Forget(std::string_view user) {
  const std::lock_guard writing(impl_->writing);
  UNDULA_ASSIGN_OR_RETURN(kgstore::ForgetReport done, kgstore::ForgetUser(*impl_->store, user));
  return ForgetReport{static_cast<int64_t>(done.interactions), static_cast<int64_t>(done.social),
                      std::move(done.vectors), std::move(done.models)};
}

}  // namespace undula
