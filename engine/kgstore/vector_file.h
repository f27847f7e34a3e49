// Files of pre-computed vectors: one row of floats for each name.
#ifndef UNDULA_KGSTORE_VECTOR_FILE_H_
#define UNDULA_KGSTORE_VECTOR_FILE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/progress.h"

namespace undula::kgstore {

inline constexpr int64_t kMaxVectorDim = 65536;

// Of "text-hash" vectors: every normalised word and every two words in a row of a text add 1 or -1
// to the place that their hash (with the column's name) gives; rows have length 1. Weinberger et
// al., "Feature Hashing for Large Scale Multitask Learning", ICML 2009.
inline constexpr int64_t kTextHashDim = 256;

struct VectorTable {
  int64_t dim = 0;
  std::vector<std::string> names;  // distinct
  std::vector<float> values;       // finite; row i of `dim` values belongs to names[i]
};

struct VectorFileOptions {
  // "text": word2vec and fastText (.vec, with a first line "count dim"), GloVe, MIND's
  // entity_embedding.vec: the name, then the values, separated by blanks or tabs.
  // "npy": an array of two dimensions, float16, float32 or float64, in C or Fortran order.
  // "safetensors": a tensor of two dimensions, F32 or F64.
  // "text-hash": lines "name, tab, text" or "name, tab, column, tab, text" (what `undula export DB
  // items` writes): the words of a name's texts, hashed (see kTextHashDim).
  // "auto": by the file's first bytes; of safetensors by the end ".safetensors" of the name.
  std::string format = "auto";
  // Of npy and safetensors: a file with one name a line (of a line with a tab the text before it),
  // or "rows": row i belongs to the name i, counted from 0.
  std::string names_file;
  std::string tensor;  // of safetensors with several tensors
  std::string prefix;  // put before each name
};

// Plain or compressed (safetensors: plain only). InvalidArgument with file:line for text and with
// the row else: a value that is no finite number, another number of values than the first row, a
// name twice or empty, a number of names other than of rows, a first line that promises another
// count, more than kMaxVectorDim columns, no rows. DataLoss: a truncated file, bytes behind its
// end. Memory grows with what has been read, not with what a header promises.
absl::StatusOr<VectorTable> ReadVectorFile(const std::string& path,
                                           const VectorFileOptions& options, Progress* progress);

// A file of this name is likely one of vectors: .vec, .npy, .safetensors, plain or compressed.
bool IsVectorFileName(std::string_view path);

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_VECTOR_FILE_H_
