#include "models/train/read_ahead.h"

#include <new>
#include <vector>

#include <gtest/gtest.h>

namespace undula::models {
namespace {

// Batch `step` is one user, `step`; memory runs out at step `fails`.
class NumberedBatches : public BatchSource {
 public:
  explicit NumberedBatches(int64_t fails) : fails_(fails) {}
  int64_t StartEpoch(int64_t) override { return 100; }
  Batch Get(int64_t step) override {
    if (step == fails_) throw std::bad_alloc();
    user_ = {static_cast<uint32_t>(step)};
    Batch batch;
    batch.users = user_;
    return batch;
  }

 private:
  int64_t fails_;
  std::vector<uint32_t> user_;
};

TEST(ReadAhead, OutOfMemoryIsAStatusAndTheThreadEnds) {
  for (const int64_t most : {1, 3}) {
    NumberedBatches batches(5);
    ReadAhead ahead(&batches, nullptr, most);
    ahead.Start(0, 100);
    for (uint32_t step = 0; step < 5; ++step) {
      const absl::StatusOr<Batch> batch = ahead.Next();
      ASSERT_TRUE(batch.ok());
      EXPECT_EQ(batch->users[0], step);
    }
    const absl::StatusOr<Batch> batch = ahead.Next();
    EXPECT_EQ(batch.status().code(), absl::StatusCode::kResourceExhausted);
    EXPECT_NE(batch.status().message().find("read_ahead"), std::string::npos);
    ahead.Stop();
    ahead.Start(6, 100);  // and may begin anew
    EXPECT_EQ(ahead.Next()->users[0], 6u);
  }
}

TEST(ReadAhead, StopsBeforeAnyBatchIsTaken) {
  NumberedBatches batches(-1);
  ReadAhead ahead(&batches, nullptr, 2);
  for (int64_t i = 0; i < 50; ++i) {
    ahead.Start(i, 100);
    if (i % 3 == 0) {
      EXPECT_EQ(ahead.Next()->users[0], i);
    }
    ahead.Stop();
  }
  EXPECT_EQ(ahead.stalls(), 0);  // the first of an epoch does not count
}

}  // namespace
}  // namespace undula::models
