#include "kgstore/create_file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "base/text/normalize.h"
#include "kgstore/lmdb_env.h"
#include "kgstore/state.h"
#include "kgstore/varint.h"

namespace undula::kgstore::internal {
namespace {

constexpr char kNewMark[] = ".new-";  // then the number of the process, '-', a random number

uint64_t RandomTag() {
  std::random_device device;
  return (static_cast<uint64_t>(device()) << 32) ^ device();
}

absl::Status WriteEmpty(const std::string& path, bool compact_dictionary) {
  EnvOptions options;
  options.map_bytes = uint64_t{64} << 20;
  UNDULA_ASSIGN_OR_RETURN(std::unique_ptr<Env> env, Env::Open(path, options));
  UNDULA_ASSIGN_OR_RETURN(std::unique_ptr<WriteTxn> txn, WriteTxn::Begin(env.get()));
  State state;
  state.compact_dictionary = compact_dictionary;
  state.normalizer_version = static_cast<uint32_t>(kNormalizerVersion);
  state.table_generation.fill(state.generation);
  for (int i = 0; i < kTables; ++i) {
    const auto table = static_cast<Table>(i);
    const unsigned flags = SpecOf(table).integer_key ? MDB_INTEGERKEY : 0u;
    UNDULA_RETURN_IF_ERROR(
        txn->OpenTable(TableName(table, state.generation), MDB_CREATE | flags).status());
  }
  UNDULA_RETURN_IF_ERROR(txn->OpenTable(std::string(kModelsTable), MDB_CREATE).status());
  UNDULA_ASSIGN_OR_RETURN(const MDB_dbi meta, txn->OpenTable(std::string(kMetaTable), MDB_CREATE));
  UNDULA_RETURN_IF_ERROR(
      txn->PutBare(meta, kHeaderKey, EncodeHeader(static_cast<uint32_t>(env->page_bytes()))));
  const uint64_t tag = RandomTag();
  UNDULA_RETURN_IF_ERROR(txn->PutBare(meta, kIdSpaceKey, AsBytes(tag)));
  UNDULA_RETURN_IF_ERROR(txn->Put(meta, kStateKey, EncodeState(state)));
  return txn->Commit();
}

// Renames without ever replacing; 0 or an errno.
int RenameNew(const std::string& from, const std::string& to) {
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  return link(from.c_str(), to.c_str()) == 0 ? 0 : errno;  // `from` is unlinked by the caller
}

void SyncFolder(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  fsync(fd);
  close(fd);
}

// Made and held by flock() while it is filled, so that nobody takes it for an abandoned one.
int MakeAndLock(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd >= 0) (void)flock(fd, LOCK_EX | LOCK_NB);
  return fd;
}

}  // namespace

void RemoveAbandonedFiles(const std::string& path) {
  namespace fs = std::filesystem;
  const fs::path file(path);
  const std::string prefix = file.filename().string() + kNewMark;
  std::error_code error;
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  std::vector<std::string> abandoned;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.compare(0, prefix.size(), prefix) != 0) continue;
    const long process = std::atol(name.c_str() + prefix.size());
    if (process <= 0 || kill(static_cast<pid_t>(process), 0) == 0 || errno != ESRCH) continue;
    // A process of another container may have a number that is nobody's here: it holds the lock.
    const int fd = open(it->path().c_str(), O_RDWR | O_CLOEXEC);
    if (fd < 0) continue;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) abandoned.push_back(it->path().string());
    close(fd);
  }
  for (const std::string& name : abandoned) unlink(name.c_str());
}

absl::Status CreateFile(const std::string& path, bool may_exist, bool compact_dictionary) {
  const absl::Status exists =
      may_exist ? absl::OkStatus()
                : AlreadyExistsError(path, " exists already; open it, or choose another name");
  struct stat info;
  if (lstat(path.c_str(), &info) == 0) return exists;
  if (errno != ENOENT) return ErrnoError(errno, Concat("creating ", path));
  const std::string fresh = Concat(path, kNewMark, getpid(), '-', RandomTag());
  absl::Status status;
  try {
    const int held = MakeAndLock(fresh);
    if (held < 0) {
      status = ErrnoError(errno, Concat("creating ", path));
    } else {
      status = WriteEmpty(fresh, compact_dictionary);
      close(held);
    }
  } catch (const std::exception& error) {  // std::random_device without a source
    status = InternalError("creating ", path, ": ", error.what());
  }
  bool lost = false;
  if (status.ok()) {
    const int code = RenameNew(fresh, path);
    lost = code == EEXIST;
    if (code != 0 && !lost) status = ErrnoError(code, Concat("creating ", path));
  }
  unlink(fresh.c_str());
  unlink(Concat(fresh, "-lock").c_str());
  if (!status.ok()) {
    return absl::IsNotFound(status)
               ? NotFoundError("creating ", path, ": its folder does not exist; make it first")
               : status;
  }
  if (lost) return exists;  // another process was faster
  SyncFolder(path);
  return absl::OkStatus();
}

}  // namespace undula::kgstore::internal
