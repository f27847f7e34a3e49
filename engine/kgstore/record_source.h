// A stream of records in their order, for what merges sorted records into tables.
#ifndef UNDULA_KGSTORE_RECORD_SOURCE_H_
#define UNDULA_KGSTORE_RECORD_SOURCE_H_

#include <span>
#include <vector>

#include "absl/status/status.h"

namespace undula::kgstore::internal {

template <class T>
class RecordSource {
 public:
  virtual ~RecordSource() = default;
  // The record at hand, valid until Advance(); null at the end or after an error.
  virtual const T* peek() const = 0;
  virtual void Advance() = 0;
  virtual absl::Status status() const = 0;
};

// Records in memory.
template <class T>
class SpanSource final : public RecordSource<T> {
 public:
  explicit SpanSource(const std::vector<T>& records)
      : at_(records.data()), end_(records.data() + records.size()) {}
  const T* peek() const override { return at_ == end_ ? nullptr : at_; }
  void Advance() override { ++at_; }
  absl::Status status() const override { return absl::OkStatus(); }

 private:
  const T* at_;
  const T* end_;
};

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_RECORD_SOURCE_H_
