#include "kgstore/copy_database.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/status.h"
#include "kgstore/file_claim.h"
#include "kgstore/page_check.h"
#include "kgstore/read_view.h"
#include "kgstore/rewrite_dictionary.h"
#include "kgstore/store.h"

namespace undula::kgstore {
namespace {

using internal::MetaPage;

constexpr int kAttempts = 100;
constexpr size_t kPieceBytes = size_t{1} << 20;
// Where transaction and roots stand in a meta page (kgstore/meta_page.cc).
constexpr size_t kPageNumberAt = 0, kTransactionAt = 144;

absl::Status WriteError(int code, const std::string& path) {
  if (code == ENOSPC || code == EDQUOT || code == EFBIG) {
    return ResourceExhaustedError(path, ": the disk is full or the file size limit is reached; ",
                                  "nothing is left behind, make room and try again");
  }
  return ErrnoError(code, path);
}

// A file that appears under its name when it is whole.
class NewFile {
 public:
  // To be `path`, which must not exist unless the file shall take its place.
  static absl::StatusOr<std::unique_ptr<NewFile>> Create(const std::string& path, bool replace) {
    struct stat info;
    if (!replace && lstat(path.c_str(), &info) == 0) {
      return AlreadyExistsError(path, " exists already; choose another name or delete it first");
    }
    std::unique_ptr<NewFile> file(new NewFile(path, Concat(path, ".new-", getpid())));
    unlink(file->temporary_.c_str());  // left by a killed process of the same number
    file->fd_ = open(file->temporary_.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0644);
    if (file->fd_ >= 0) return file;
    if (errno == ENOENT) {
      return NotFoundError(path, ": its folder does not exist; make it first");
    }
    return WriteError(errno, path);
  }
  ~NewFile() {
    if (fd_ >= 0) close(fd_);
    if (!named_) unlink(temporary_.c_str());
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  int fd() const { return fd_; }
  const std::string& temporary() const { return temporary_; }
  uint64_t bytes() const { return bytes_; }

  absl::Status Write(const char* data, size_t size) {
    while (size > 0) {
      const ssize_t n = write(fd_, data, size);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return WriteError(errno, path_);
      data += n;
      size -= static_cast<size_t>(n);
      bytes_ += static_cast<uint64_t>(n);
    }
    return absl::OkStatus();
  }
  absl::Status Sync() { return fsync(fd_) == 0 ? absl::OkStatus() : WriteError(errno, path_); }

  // Gives the file its name: of a file that does not exist, or in place of the one that does.
  absl::Status Publish(bool replace) {
    const int code = Rename(replace);
    if (code == EEXIST) {
      return AlreadyExistsError(path_, " exists already; choose another name or delete it first");
    }
    if (code != 0) return WriteError(code, path_);
    named_ = true;
    return SyncDirectoryOf(path_);
  }

 private:
  NewFile(std::string path, std::string temporary)
      : path_(std::move(path)), temporary_(std::move(temporary)) {}

  int Rename(bool replace) const {
    if (replace) return rename(temporary_.c_str(), path_.c_str()) == 0 ? 0 : errno;
    if (renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) == 0) {
      return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) return errno;
    if (link(temporary_.c_str(), path_.c_str()) != 0) return errno;
    unlink(temporary_.c_str());
    return 0;
  }

  std::string path_, temporary_;
  int fd_ = -1;
  uint64_t bytes_ = 0;
  bool named_ = false;
};

absl::Status ReadPage(int fd, const std::string& path, uint64_t number, std::vector<char>* page) {
  const auto n = pread(fd, page->data(), page->size(), static_cast<off_t>(number * page->size()));
  return n == static_cast<ssize_t>(page->size()) ? absl::OkStatus()
                                                 : DataLossError(path, ": a meta page is missing");
}

// Both meta pages get the roots of `page`, under the transactions `last` and the one before, each
// in the page of its parity. Whichever of them a process trusts, by a lock file that is older than
// the copy, it finds the copied state, and transaction numbers go on growing.
absl::Status WriteMetaPages(const NewFile& file, std::vector<char> page, uint64_t last) {
  for (const uint64_t transaction : {last, last - 1}) {
    const uint64_t number = transaction % internal::kMetaPages;
    std::memcpy(page.data() + kPageNumberAt, &number, sizeof number);
    std::memcpy(page.data() + kTransactionAt, &transaction, sizeof transaction);
    const auto n =
        pwrite(file.fd(), page.data(), page.size(), static_cast<off_t>(number * page.size()));
    if (n != static_cast<ssize_t>(page.size())) return WriteError(errno, file.temporary());
  }
  return absl::OkStatus();
}

// The state that a read transaction holds, with the bytes of its meta page.
struct Held {
  MetaPage meta;
  std::vector<char> page;
};

absl::StatusOr<Held> ReadHeld(int fd, const std::string& path, uint64_t transaction) {
  UNDULA_ASSIGN_OR_RETURN(const internal::MetaPages metas, internal::ReadMetaPages(fd, path));
  for (const MetaPage& meta : {metas.newest, metas.older}) {
    if (meta.transaction != transaction) continue;
    Held held{meta, std::vector<char>(meta.page_bytes)};
    UNDULA_RETURN_IF_ERROR(ReadPage(fd, path, transaction % internal::kMetaPages, &held.page));
    uint64_t stored;
    std::memcpy(&stored, held.page.data() + kTransactionAt, sizeof stored);
    if (stored == transaction) return held;
  }
  return UnavailableError(path, " changes faster than it can be copied; try again");
}

absl::Status CopyPages(int fd, const std::string& path, const MetaPage& meta, NewFile* file,
                       Progress* progress) {
  const uint64_t total = (meta.last_page + 1) * meta.page_bytes;
  std::vector<char> piece(kPieceBytes);
  for (uint64_t at = 0; at < total;) {
    UNDULA_RETURN_IF_ERROR(Progress::Report(progress, static_cast<int64_t>(at),
                                            static_cast<int64_t>(total), "copying"));
    const auto want = static_cast<size_t>(std::min<uint64_t>(piece.size(), total - at));
    const ssize_t n = pread(fd, piece.data(), want, static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoError(errno, path);
    if (n == 0) return DataLossError(path, " is truncated; restore it from a backup");
    UNDULA_RETURN_IF_ERROR(file->Write(piece.data(), static_cast<size_t>(n)));
    at += static_cast<uint64_t>(n);
  }
  return absl::OkStatus();
}

// LMDB writes the compact copy into a pipe, from where it is taken to the file: so it can be
// cancelled, and a full disk is our own error.
absl::Status CopyCompact(const internal::Env& env, uint64_t estimate, NewFile* file,
                         Progress* progress) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return ErrnoError(errno, "making a pipe");
  int code = 0;
  std::thread copier([&] {
    code = mdb_env_copyfd2(env.raw(), ends[1], MDB_CP_COMPACT);
    close(ends[1]);
  });
  absl::Status status;
  std::vector<char> piece(kPieceBytes);
  while (status.ok()) {
    const ssize_t n = read(ends[0], piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    status = file->Write(piece.data(), static_cast<size_t>(n));
    if (status.ok()) {
      status = Progress::Report(progress, static_cast<int64_t>(file->bytes()),
                                static_cast<int64_t>(std::max(estimate, file->bytes() + 1)),
                                "compacting");
    }
  }
  close(ends[0]);  // LMDB, still writing after an error of ours, gets EPIPE and ends
  copier.join();
  UNDULA_RETURN_IF_ERROR(status);
  return code == 0 ? absl::OkStatus() : env.Error(code, "compacting");
}

absl::Status CheckCopy(const NewFile& file, Progress* progress) {
  UNDULA_ASSIGN_OR_RETURN(const internal::MetaPages metas,
                          internal::ReadMetaPages(file.fd(), file.temporary()));
  return internal::CheckPages(file.fd(), file.temporary(), metas.newest, progress).status();
}

// A sound copy under its temporary name, of the state that `view` holds or, compact, of a newer
// one. Its transaction is not below `at_least`.
absl::StatusOr<CopyReport> WriteCopy(const internal::Env& env, int fd, const Held& held,
                                     CopyKind kind, uint64_t at_least, NewFile* file,
                                     Progress* progress) {
  CopyReport report;
  report.transaction = std::max(held.meta.transaction, at_least);
  std::vector<char> page = held.page;
  if (kind == CopyKind::kBackup) {
    UNDULA_RETURN_IF_ERROR(CopyPages(fd, env.path(), held.meta, file, progress));
  } else {
    // Damaged pages would end the process within LMDB.
    UNDULA_RETURN_IF_ERROR(internal::CheckPages(fd, env.path(), held.meta, progress).status());
    const uint64_t bytes = (held.meta.last_page + 1) * held.meta.page_bytes;
    UNDULA_RETURN_IF_ERROR(CopyCompact(env, bytes, file, progress));
    UNDULA_RETURN_IF_ERROR(ReadPage(file->fd(), file->temporary(), 1, &page));
  }
  UNDULA_RETURN_IF_ERROR(WriteMetaPages(*file, std::move(page), report.transaction));
  UNDULA_RETURN_IF_ERROR(file->Sync());
  UNDULA_RETURN_IF_ERROR(CheckCopy(*file, progress));
  report.bytes = file->bytes();
  return report;
}

struct HeldView {
  ReadView view;
  Held held;
};

// Two commits after a view began its meta page is overwritten, hence a few tries.
absl::StatusOr<HeldView> Hold(const Database& database, int fd) {
  for (int attempt = 0;; ++attempt) {
    UNDULA_ASSIGN_OR_RETURN(ReadView view, database.Read());
    auto held = ReadHeld(fd, database.path(), view.transaction());
    if (held.ok()) return HeldView{std::move(view), *std::move(held)};
    if (!absl::IsUnavailable(held.status()) || attempt == kAttempts) return held.status();
  }
}

absl::StatusOr<int> DescriptorOf(const internal::Env& env) {
  int fd;
  if (const int code = mdb_env_get_fd(env.raw(), &fd); code != 0) return env.Error(code, "copying");
  return fd;
}

absl::StatusOr<CopyReport> Copy(const Database& database, CopyKind kind, uint64_t at_least,
                                NewFile* file, Progress* progress) {
  const internal::Env& env = database.store().env();
  UNDULA_ASSIGN_OR_RETURN(const int fd, DescriptorOf(env));
  UNDULA_ASSIGN_OR_RETURN(const HeldView now, Hold(database, fd));
  return WriteCopy(env, fd, now.held, kind, at_least, file, progress);
}

// A database between two copies: removed with its lock file.
class Scratch {
 public:
  explicit Scratch(const std::string& beside) : path_(Concat(beside, ".new-", getpid(), "-0")) {
    Remove();
  }
  ~Scratch() { Remove(); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const std::string& path() const { return path_; }

 private:
  void Remove() const {
    unlink(path_.c_str());
    unlink(Concat(path_, "-lock").c_str());
  }
  std::string path_;
};

// Writes the state of `database` to the new database `path`, renumbered. The report says
// nothing of the size.
absl::StatusOr<CopyReport> Renumber(const Database& database, const std::string& path,
                                    DictionaryForm form, const ModelRenumberer& models,
                                    Progress* progress) {
  UNDULA_ASSIGN_OR_RETURN(const int fd, DescriptorOf(database.store().env()));
  UNDULA_ASSIGN_OR_RETURN(const HeldView now, Hold(database, fd));
  // Damaged pages would end the process within LMDB.
  UNDULA_RETURN_IF_ERROR(
      internal::CheckPages(fd, database.path(), now.held.meta, progress).status());
  OpenOptions options;
  options.mode = OpenMode::kCreate;
  options.compact_dictionary = form == DictionaryForm::kKeep
                                   ? now.view.state().state().compact_dictionary
                                   : form == DictionaryForm::kCompact;
  UNDULA_ASSIGN_OR_RETURN(const auto copy, Database::Open(path, options));
  CopyReport report;
  report.transaction = now.held.meta.transaction;
  UNDULA_ASSIGN_OR_RETURN(
      report.dropped_models,
      WriteRenumbered(now.view, options.compact_dictionary, models, *copy, progress));
  return report;
}

// The same with the ids that it has, and its dictionary in that form.
absl::StatusOr<CopyReport> Rewrite(const Database& database, const std::string& path,
                                   DictionaryForm form, Progress* progress) {
  UNDULA_ASSIGN_OR_RETURN(const CopyReport report,
                          CopyDatabase(database, path, CopyKind::kCompact, progress));
  UNDULA_ASSIGN_OR_RETURN(const auto copy, Database::Open(path));
  UNDULA_RETURN_IF_ERROR(RewriteDictionary(*copy, form == DictionaryForm::kCompact, progress));
  return report;
}

// A compact copy to be named `to`. The report's transaction is that of `database`; the copy's own
// is not smaller.
absl::StatusOr<CopyReport> Compact(const Database& database, const std::string& to,
                                   DictionaryForm form, const ModelRenumberer* renumber,
                                   NewFile* file, Progress* progress) {
  if (form == DictionaryForm::kKeep && renumber == nullptr) {
    return Copy(database, CopyKind::kCompact, 1, file, progress);
  }
  const Scratch scratch(to);
  UNDULA_ASSIGN_OR_RETURN(CopyReport report,
                          renumber != nullptr
                              ? Renumber(database, scratch.path(), form, *renumber, progress)
                              : Rewrite(database, scratch.path(), form, progress));
  // Opening it once more drops the tables that are replaced.
  UNDULA_ASSIGN_OR_RETURN(const auto copy, Database::Open(scratch.path()));
  UNDULA_ASSIGN_OR_RETURN(const CopyReport copied,
                          Copy(*copy, CopyKind::kCompact, report.transaction, file, progress));
  report.bytes = copied.bytes;
  return report;
}

// Holds LMDB's lock file exclusively: no process has the database open, and none can open it.
class AllAlone {
 public:
  static absl::StatusOr<std::unique_ptr<AllAlone>> Wait(const std::string& path) {
    const int fd = open(Concat(path, "-lock").c_str(), O_RDWR | O_CLOEXEC);
    std::unique_ptr<AllAlone> alone(new AllAlone(fd));
    if (fd < 0 && errno == ENOENT) return alone;
    struct flock lock = {};
    lock.l_type = F_WRLCK;  // what LMDB takes where it is the first
    lock.l_whence = SEEK_SET;
    lock.l_len = 1;
    if (fd >= 0 && fcntl(fd, F_SETLK, &lock) == 0) return alone;
    if (fd >= 0 && (errno == EAGAIN || errno == EACCES)) {
      return FailedPreconditionError(path, " is open in another process; close it there, or ",
                                     "compact to another file");
    }
    return ErrnoError(errno, path);
  }
  ~AllAlone() {
    if (fd_ >= 0) close(fd_);
  }
  AllAlone(const AllAlone&) = delete;
  AllAlone& operator=(const AllAlone&) = delete;

 private:
  explicit AllAlone(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace

absl::StatusOr<CopyReport> CopyDatabase(const Database& database, const std::string& to,
                                        CopyKind kind, Progress* progress) {
  UNDULA_ASSIGN_OR_RETURN(const auto file, NewFile::Create(to, /*replace=*/false));
  UNDULA_ASSIGN_OR_RETURN(const CopyReport report, Copy(database, kind, 1, file.get(), progress));
  UNDULA_RETURN_IF_ERROR(file->Publish(/*replace=*/false));
  return report;
}

absl::StatusOr<CopyReport> CompactDatabase(const Database& database, const std::string& to,
                                           DictionaryForm form, Progress* progress,
                                           const ModelRenumberer* renumber) {
  UNDULA_ASSIGN_OR_RETURN(const auto file, NewFile::Create(to, /*replace=*/false));
  UNDULA_ASSIGN_OR_RETURN(const CopyReport report,
                          Compact(database, to, form, renumber, file.get(), progress));
  UNDULA_RETURN_IF_ERROR(file->Publish(/*replace=*/false));
  return report;
}

absl::StatusOr<CopyReport> CompactInPlace(const std::string& path, DictionaryForm form,
                                          Progress* progress, const ModelRenumberer* renumber) {
  std::unique_ptr<NewFile> file;
  CopyReport report;
  {
    OpenOptions options;  // for writing: no other process writes
    options.check = OpenCheck::kFull;
    UNDULA_ASSIGN_OR_RETURN(const auto database, Database::Open(path, options));
    UNDULA_ASSIGN_OR_RETURN(file, NewFile::Create(path, /*replace=*/true));
    UNDULA_ASSIGN_OR_RETURN(report, Compact(*database, path, form, renumber, file.get(), progress));
  }
  UNDULA_ASSIGN_OR_RETURN(const auto claim,
                          internal::FileClaim::Take(path, internal::ClaimKind::kWrite));
  UNDULA_ASSIGN_OR_RETURN(const auto alone, AllAlone::Wait(path));
  UNDULA_ASSIGN_OR_RETURN(const internal::MetaPages metas,
                          internal::ReadMetaPages(claim->fd(), path));
  if (metas.newest.transaction != report.transaction) {
    return FailedPreconditionError(path, " was changed by another process meanwhile; try again");
  }
  UNDULA_RETURN_IF_ERROR(file->Publish(/*replace=*/true));
  return report;
}

}  // namespace undula::kgstore
