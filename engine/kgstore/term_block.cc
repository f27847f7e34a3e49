#include "kgstore/term_block.h"

#include <zdict.h>
#include <zstd.h>

#include <algorithm>

#include "base/status.h"

namespace undula::kgstore::internal {
namespace {

// Level 12 gains nothing over it on names, 19 gains 6 % at a sixth of the speed.
constexpr int kLevel = 9;
constexpr size_t kGreatestTrained = size_t{64} << 10;
constexpr size_t kLeastTrained = size_t{4} << 10;
constexpr size_t kLeastSample = size_t{64} << 10;
constexpr size_t kSamplePerTrained = 16;  // bytes of samples for each byte of the dictionary

struct FreeDecompression {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};
struct FreeCompression {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

ZSTD_DCtx* DecompressionOfThread() {
  thread_local const std::unique_ptr<ZSTD_DCtx, FreeDecompression> context(ZSTD_createDCtx());
  return context.get();
}

ZSTD_CCtx* CompressionOfThread() {
  thread_local const std::unique_ptr<ZSTD_CCtx, FreeCompression> context(ZSTD_createCCtx());
  return context.get();
}

}  // namespace

struct TermCodec::Decoder {
  explicit Decoder(ZSTD_DDict* d) : dictionary(d) {}
  ~Decoder() { ZSTD_freeDDict(dictionary); }
  ZSTD_DDict* dictionary;
};

struct TermCodec::Encoder {
  explicit Encoder(ZSTD_CDict* d) : dictionary(d) {}
  ~Encoder() { ZSTD_freeCDict(dictionary); }
  ZSTD_CDict* dictionary;
};

TermCodec::TermCodec() {
  static std::atomic<uint64_t> serials{0};
  serial_ = ++serials;
}

TermCodec::~TermCodec() = default;

std::shared_ptr<const TermCodec> TermCodec::Plain() {
  static const std::shared_ptr<const TermCodec> plain(new TermCodec);
  return plain;
}

absl::StatusOr<std::shared_ptr<const TermCodec>> TermCodec::OfTrained(std::string_view trained) {
  if (trained.empty() || trained.size() > kMaxTrained) {
    return DataLossError("a zstd dictionary of ", trained.size(), " bytes");
  }
  const std::shared_ptr<TermCodec> codec(new TermCodec);
  codec->trained_ = std::string(trained);
  // Null where its entropy tables are damaged (or memory is short).
  ZSTD_DDict* const decoder = ZSTD_createDDict(codec->trained_.data(), codec->trained_.size());
  if (decoder == nullptr) return DataLossError("its zstd dictionary is damaged");
  codec->decoder_ = std::make_unique<const Decoder>(decoder);
  return std::shared_ptr<const TermCodec>(codec);
}

bool TermCodec::Expand(std::string_view stored, std::string* buffer,
                       std::string_view* block) const {
  *block = stored;
  if (!compressed()) return true;
  ZSTD_DCtx* const context = DecompressionOfThread();
  if (context == nullptr) return false;
  buffer->resize(kMaxBlock);
  const size_t size = ZSTD_decompress_usingDDict(context, buffer->data(), kMaxBlock, stored.data(),
                                                 stored.size(), decoder_->dictionary);
  if (ZSTD_isError(size) != 0) return false;
  *block = std::string_view(buffer->data(), size);
  return true;
}

bool TermCodec::ExpandOnce(std::string_view stored, std::string_view* block) const {
  if (!compressed()) {
    *block = stored;
    return true;
  }
  struct Last {
    uint64_t serial = 0;
    std::string stored, buffer;
    std::string_view block;
  };
  thread_local Last last;
  // The bytes are compared, so nothing has to be known of transactions.
  if (last.serial != serial_ || last.stored != stored) {
    last.serial = 0;
    if (!Expand(stored, &last.buffer, &last.block)) return false;
    last.stored = stored;
    last.serial = serial_;
  }
  *block = last.block;
  return true;
}

absl::Status TermCodec::Pack(std::string_view block, std::string* stored) const {
  if (!compressed()) {
    stored->assign(block);
    return absl::OkStatus();
  }
  std::call_once(encoder_made_, [this] {
    ZSTD_CDict* const made = ZSTD_createCDict(trained_.data(), trained_.size(), kLevel);
    if (made != nullptr) encoder_ = std::make_unique<const Encoder>(made);
  });
  ZSTD_CCtx* const context = CompressionOfThread();
  if (encoder_ == nullptr || context == nullptr) {
    return ResourceExhaustedError("no memory to compress names, or their dictionary is damaged");
  }
  ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters);
  ZSTD_CCtx_setParameter(context, ZSTD_c_dictIDFlag, 0);
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  ZSTD_CCtx_refCDict(context, encoder_->dictionary);
  stored->resize(ZSTD_compressBound(block.size()));
  const size_t size =
      ZSTD_compress2(context, stored->data(), stored->size(), block.data(), block.size());
  ZSTD_CCtx_refCDict(context, nullptr);  // it may not outlive this codec
  if (ZSTD_isError(size) != 0) {
    return InternalError("compressing names: ", ZSTD_getErrorName(size));
  }
  stored->resize(size);
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const TermCodec>> TrainTermCodec(std::string_view blocks,
                                                                const size_t* sizes, size_t count) {
  if (blocks.size() < kLeastSample) return TermCodec::Plain();
  std::string trained(
      std::clamp(blocks.size() / kSamplePerTrained, kLeastTrained, kGreatestTrained), '\0');
  const size_t size = ZDICT_trainFromBuffer(trained.data(), trained.size(), blocks.data(), sizes,
                                            static_cast<unsigned>(count));
  // Samples without anything in common.
  if (ZDICT_isError(size) != 0) return TermCodec::Plain();
  return TermCodec::OfTrained(std::string_view(trained).substr(0, size));
}

bool TermBlockEncoder::Add(std::string_view text) {
  size_t shared = 0;
  const size_t most = std::min(text.size(), last_.size());
  while (shared < most && text[shared] == last_[shared]) ++shared;
  if (text.size() - shared > kMaxSuffix) {
    AddAside();
    return false;
  }
  PutVarint(&block_, shared + 1);
  PutText(&block_, text.substr(shared));
  last_.assign(text);
  ++count_;
  return true;
}

void TermBlockEncoder::AddAside() {
  PutVarint(&block_, 0);
  ++count_;
}

void TermBlockEncoder::Clear() {
  block_.clear();
  last_.clear();
  count_ = 0;
}

}  // namespace undula::kgstore::internal
