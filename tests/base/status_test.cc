#include "base/status.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "base/csr.h"

namespace undula {
namespace {

absl::StatusOr<int> Half(int n) {
  if (n % 2 != 0) return InvalidArgumentError("n = ", n, " is odd");
  return n / 2;
}

absl::StatusOr<int> Quarter(int n) {
  UNDULA_ASSIGN_OR_RETURN(const int half, Half(n));
  UNDULA_RETURN_IF_ERROR(Half(half).status());
  return half / 2;
}

TEST(StatusTest, MacrosPassErrorsOn) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_EQ(Message(Quarter(7).status()), "n = 7 is odd");
  EXPECT_EQ(Message(Quarter(6).status()), "n = 3 is odd");
}

TEST(StatusTest, ConcatTakesTextAndNumbers) {
  EXPECT_EQ(Concat("a", std::string("b"), std::string_view("c"), 'd', -1, 2u, 0.5, uint8_t{3}),
            "abcd-120.53");
}

TEST(StatusTest, ErrnoCodes) {
  EXPECT_EQ(ErrnoError(ENOENT, "f").code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ErrnoError(ENOSPC, "f").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ErrnoError(EFBIG, "f").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ErrnoError(EROFS, "f").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ErrnoError(EIO, "f").code(), absl::StatusCode::kInternal);
  EXPECT_EQ(Message(ErrnoError(ENOENT, "cannot open f")),
            "cannot open f: No such file or directory");
}

TEST(CsrTest, RowsAndBestLinks) {
  InteractionCsr<ItemId> log;
  log.ptr = {0, 2, 2};
  log.other = {ItemId{4}, ItemId{9}};
  EXPECT_EQ(log.rows(), 2);
  EXPECT_EQ(log.row(0).size(), 2u);
  EXPECT_EQ(log.row(0)[1], ItemId{9});
  EXPECT_TRUE(log.row(1).empty());
  LinkCsr links;
  links.ptr = {0, 0, 2};
  links.entity = {EntityId{7}, EntityId{8}};
  EXPECT_EQ(links.best(ItemId{0}), kNone<EntityId>);
  EXPECT_EQ(links.best(ItemId{1}), EntityId{7});
}

}  // namespace
}  // namespace undula
