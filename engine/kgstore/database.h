// The database file: knowledge graph, interactions, links and models in one LMDB environment
// (docs/file-format.md). This header opens and creates it; reads go through ReadView
// (kgstore/read_view.h), bulk writes through Importer (kgstore/importer.h), links through
// kgstore/write_links.h, models through kgstore/model_store.h.
#ifndef UNDULA_KGSTORE_DATABASE_H_
#define UNDULA_KGSTORE_DATABASE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/parallel.h"

namespace undula::kgstore {

class ReadView;
namespace internal {
class Store;
}

enum class OpenMode : uint8_t {
  kOpen,          // NotFound where the file is missing
  kCreate,        // AlreadyExists where there is a file (of any kind)
  kOpenOrCreate,  // creates the file where it is missing
};

// How much of a file is checked before it is trusted.
enum class OpenCheck : uint8_t {
  kQuick,  // meta pages, length, header, state record
  kPages,  // every page too, by the reader of page_check.h; takes time with the size of the file
  kFull,   // then every checksum and the sum of every table
};

struct OpenOptions {
  OpenMode mode = OpenMode::kOpen;
  // Many read-only processes and one writing process may have the file open. A read-only file or
  // directory can be opened only this way.
  bool read_only = false;
  // Address space to reserve; the file itself grows by need only. Smaller reservations are tried
  // where the system refuses this one (ulimit -v, containers).
  uint64_t map_bytes = uint64_t{1} << 40;
  int threads = 0;  // of arena(); 0 = all cores the process may use
  // How long Open() waits while another process has the file open for writing.
  double wait_seconds = 0;
  OpenCheck check = OpenCheck::kQuick;
  // A database that is created gets a compact dictionary: names take about half the space and
  // are read more slowly. FailedPrecondition where an existing one has a plain dictionary.
  bool compact_dictionary = false;
};

// Thread-safe: Read() from any thread; at most one writing call (importer, links, models) at a
// time, a second one is FailedPrecondition.
class Database {
 public:
  // Creation is all or nothing. Before the file is trusted, its meta pages, page size, length,
  // format version and byte-order marker are checked; pages beyond are not (docs/file-format.md).
  //
  // NotFound: no such file (kOpen). AlreadyExists: kCreate. InvalidArgument: a directory, or not an
  // Undula database. DataLoss: truncated. FailedPrecondition: written by a newer format version or
  // a foreign kind of machine; locked by another writing process (after wait_seconds); already open
  // in this process; not writable; read_only together with creation. ResourceExhausted: no disk
  // space, address space or reader slot. On a network file system the call fails
  // (FailedPrecondition): locks and maps do not work there.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path,
                                                        const OpenOptions& options = {});
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  const std::string& path() const;
  bool read_only() const;
  // Random number given at creation: names the id space that models and snapshots belong to.
  uint64_t id_space() const;
  TaskArena& arena() const;

  // A consistent view of the last committed state. Never waits for a writer; holds no lock, but
  // pages freed after it began cannot be reused until it is gone: keep it short. The view keeps
  // the file open, also after the Database is gone.
  absl::StatusOr<ReadView> Read() const;

  internal::Store& store() const { return *store_; }  // for kgstore only

 private:
  explicit Database(std::shared_ptr<internal::Store> store);
  std::shared_ptr<internal::Store> store_;
};

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_DATABASE_H_
