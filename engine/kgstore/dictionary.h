// A dictionary (layout DD): texts <-> dense ids of one space. id -> text reads a block of texts
// (kgstore/term_block.h); text -> id looks into a hash bucket of (16-bit fingerprint, id) pairs and
// checks every candidate against its text. Byte layout: docs/file-format.md.
#ifndef UNDULA_KGSTORE_DICTIONARY_H_
#define UNDULA_KGSTORE_DICTIONARY_H_

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kgstore/batch_writer.h"
#include "kgstore/record_source.h"
#include "kgstore/store.h"
#include "kgstore/term_block.h"

namespace undula::kgstore::internal {

// Buckets: 2^bits of them, the smallest number with at most this many terms each on average.
inline constexpr uint32_t kTermsPerBucket = 48;

inline uint32_t BucketOfHash(uint64_t hash, int bits) {
  return bits == 0 ? 0 : static_cast<uint32_t>(hash >> (64 - bits));
}

inline uint8_t BucketBitsFor(uint64_t terms) {
  uint8_t bits = 0;
  while (bits < 32 && (uint64_t{kTermsPerBucket} << bits) < terms) ++bits;
  return bits;
}

// The bytes of a text that its hash covers: of literals the lexical form only, so that a literal
// can be found whatever its datatype.
std::string_view HashedPart(Space space, std::string_view text);

class DictionaryReader {
 public:
  DictionaryReader(const ViewState& view, Space space) : view_(view), space_(space) {}

  uint32_t size() const { return view_.state().CountOf(space_); }
  // kNoIndex where there is no such text.
  absl::StatusOr<uint32_t> Find(std::string_view text) const;
  // All ids whose hashed part equals `part`, ascending.
  absl::StatusOr<std::vector<uint32_t>> FindByHashedPart(std::string_view part) const;
  // InvalidArgument for an id beyond size().
  absl::StatusOr<std::string> Text(uint32_t id) const;
  // All texts by id; stops at the first error that `fn` returns.
  absl::Status ForEach(const std::function<absl::Status(uint32_t, std::string_view)>& fn) const;

 private:
  template <class Match>
  absl::Status Candidates(std::string_view hashed, Match&& match) const;
  absl::Status Load(uint32_t id, std::string* text) const;
  absl::Status Damaged() const;

  const ViewState& view_;
  Space space_;
};

// New texts in the order of their ids, with HashText(id_space, HashedPart(text)) of each.
struct FreshTexts {
  std::vector<std::string_view> texts;
  std::vector<uint64_t> hashes;
};

// Writes the three tables of the next generation of a dictionary: the texts of `old` and then
// `fresh` (their ids follow on), in the form that *next asks for. Sets the space's count, bucket
// bits and form in *next. In the compact form the zstd dictionary is the old one; it is trained
// anew where the fresh texts are most of all texts, or none.
absl::Status WriteDictionary(const ViewState& old, Space space, const FreshTexts& fresh,
                             const std::array<MDB_dbi, kTables>& tables, BatchWriter* out,
                             State* next);

// The same from a stream. Names are compressed only where those of `old` are, with their codec; a
// later `compact` of the database compresses the others.
struct FreshText {
  std::string_view text;
  uint64_t hash;
};
struct FreshStream {
  uint32_t count = 0;
  RecordSource<FreshText>* texts = nullptr;  // so many
  std::string folder;                        // for temporary files
  uint64_t bytes = 0;                        // of memory for sorting
};
absl::Status WriteDictionary(const ViewState& old, Space space, const FreshStream& fresh,
                             const std::array<MDB_dbi, kTables>& tables, BatchWriter* out,
                             State* next);

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_DICTIONARY_H_
