#include "kgstore/database.h"

#include <utility>

#include "base/status.h"
#include "kgstore/read_view.h"
#include "kgstore/store.h"

namespace undula::kgstore {

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& path,
                                                         const OpenOptions& options) {
  UNDULA_ASSIGN_OR_RETURN(std::shared_ptr<internal::Store> store,
                          internal::Store::Open(path, options));
  return std::unique_ptr<Database>(new Database(std::move(store)));
}

Database::Database(std::shared_ptr<internal::Store> store) : store_(std::move(store)) {}
Database::~Database() = default;

const std::string& Database::path() const { return store_->path(); }
bool Database::read_only() const { return store_->read_only(); }
uint64_t Database::id_space() const { return store_->id_space(); }
TaskArena& Database::arena() const { return store_->arena(); }

absl::StatusOr<ReadView> Database::Read() const {
  UNDULA_ASSIGN_OR_RETURN(std::unique_ptr<internal::ViewState> state, store_->BeginView());
  return ReadView(std::move(state));
}

}  // namespace undula::kgstore
