// What the tests of updates share.
#ifndef UNDULA_TESTS_KGSTORE_UPDATE_SUPPORT_H_
#define UNDULA_TESTS_KGSTORE_UPDATE_SUPPORT_H_

#include <string>

#include "kgstore/updater.h"
#include "store_support.h"

namespace undula::kgstore {

// Commits one batch; a test failure where it fails.
inline UpdateReport Update(Database& db, const std::function<void(Updater&)>& edit) {
  auto updater = Updater::Begin(db);
  EXPECT_TRUE(updater.ok()) << updater.status().ToString();
  if (!updater.ok()) return {};
  edit(**updater);
  auto report = (*updater)->Commit();
  EXPECT_TRUE(report.ok()) << report.status().ToString();
  return report.ok() ? *report : UpdateReport();
}

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint32_t operator()(uint32_t bound) {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return static_cast<uint32_t>((z ^ (z >> 31)) % bound);
  }
  std::string Name(const char* prefix, uint32_t bound) {
    return prefix + std::to_string((*this)(bound));
  }

 private:
  uint64_t state_;
};

}  // namespace undula::kgstore

#endif  // UNDULA_TESTS_KGSTORE_UPDATE_SUPPORT_H_
