// The blocks of a dictionary's terms table: front-coded texts of consecutive ids, as they are or,
// in the compact form, each as a zstd frame with a dictionary that was trained on such blocks.
// Byte layout: docs/file-format.md.
#ifndef UNDULA_KGSTORE_TERM_BLOCK_H_
#define UNDULA_KGSTORE_TERM_BLOCK_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kgstore/varint.h"

namespace undula::kgstore::internal {

inline constexpr size_t kMaxSuffix = 112;  // longer ones go to the texts table

// Key of the texts table under which the trained dictionary stands; no id is as great.
inline constexpr uint32_t kTrainedKey = ~uint32_t{0};

// How the blocks of one terms table are stored. Immutable and thread-safe.
class TermCodec : public std::enable_shared_from_this<TermCodec> {
 public:
  static constexpr uint32_t kPlainTerms = 16, kCompressedTerms = 32;
  static constexpr size_t kMaxTrained = size_t{1} << 20;
  // No encoder makes a longer block: 32 texts of at most 112 bytes each with two lengths.
  static constexpr size_t kMaxBlock = 4096;

  static std::shared_ptr<const TermCodec> Plain();
  // DataLoss where these bytes are no dictionary.
  static absl::StatusOr<std::shared_ptr<const TermCodec>> OfTrained(std::string_view trained);
  ~TermCodec();
  TermCodec(const TermCodec&) = delete;
  TermCodec& operator=(const TermCodec&) = delete;

  bool compressed() const { return decoder_ != nullptr; }
  uint32_t block_terms() const { return compressed() ? kCompressedTerms : kPlainTerms; }
  const std::string& trained() const { return trained_; }

  // *block: `stored` itself, or its content, which lies in *buffer. False where it is damaged.
  bool Expand(std::string_view stored, std::string* buffer, std::string_view* block) const;
  // The same with a buffer of the thread, which keeps the last block; *block holds until the next
  // call in this thread, for any codec.
  bool ExpandOnce(std::string_view stored, std::string_view* block) const;
  // Replaces *stored by what is to be stored of a block.
  absl::Status Pack(std::string_view block, std::string* stored) const;

 private:
  struct Decoder;
  struct Encoder;
  TermCodec();

  uint64_t serial_;  // of this object among all of the process
  std::string trained_;
  std::unique_ptr<const Decoder> decoder_;  // null: plain
  mutable std::once_flag encoder_made_;
  mutable std::unique_ptr<const Encoder> encoder_;
};

// A codec for texts of which these are some blocks, one after the other, with the size of each;
// the plain one where they are too few to be worth a dictionary. The same bytes for the same
// blocks.
absl::StatusOr<std::shared_ptr<const TermCodec>> TrainTermCodec(std::string_view blocks,
                                                                const size_t* sizes, size_t count);

// The codec of a stored table, made when it is asked for first. Thread-safe.
class TermCodecSlot {
 public:
  // `make` returns StatusOr<shared_ptr<const TermCodec>>; after an error it is called again. The
  // codec lives as long as the slot or any shared pointer to it.
  template <class Make>
  absl::StatusOr<const TermCodec*> Get(Make&& make) {
    if (!ready_.load(std::memory_order_acquire)) {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (codec_ == nullptr) {
        auto made = make();
        if (!made.ok()) return made.status();
        codec_ = *std::move(made);
        ready_.store(true, std::memory_order_release);
      }
    }
    return codec_.get();
  }

 private:
  std::atomic<bool> ready_{false};
  std::mutex mutex_;
  std::shared_ptr<const TermCodec> codec_;
};

// Front-codes texts into a block, before a codec packs it.
class TermBlockEncoder {
 public:
  // False where the text belongs into the texts table: only a mark stands for it.
  bool Add(std::string_view text);
  void AddAside();  // a text that is in the texts table already
  void Clear();
  uint32_t count() const { return count_; }
  const std::string& block() const { return block_; }

 private:
  std::string block_, last_;
  uint32_t count_ = 0;
};

// Calls f(i, text, in_side_table) for each text of an expanded block, at most `terms`, until f
// returns false. False where the block is damaged.
template <class F>
inline bool DecodeTermBlock(std::string_view block, uint32_t terms, std::string* text, F&& f) {
  FieldReader in(block);
  text->clear();
  for (uint32_t i = 0; i < terms && !in.done(); ++i) {
    const uint64_t shared = in.Varint();
    if (shared == 0) {
      if (!in.ok()) return false;
      if (!f(i, std::string_view(), true)) return true;
      continue;
    }
    const std::string_view suffix = in.Text();
    if (!in.ok() || shared - 1 > text->size()) return false;
    text->resize(shared - 1);
    text->append(suffix);
    if (!f(i, std::string_view(*text), false)) return true;
  }
  return in.done() && in.ok();
}

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_TERM_BLOCK_H_
