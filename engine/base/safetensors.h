// The safetensors file format: 8 bytes header length, JSON header, raw data. Reading checks every
// length and offset before use: a hostile or truncated file is DataLoss (or InvalidArgument for a
// type we do not have), never a crash or an allocation beyond the file's size.
#ifndef UNDULA_BASE_SAFETENSORS_H_
#define UNDULA_BASE_SAFETENSORS_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/tensor_map.h"

namespace undula {

inline constexpr int kMaxTensorDims = 8;
// Of the header, as in the reference implementation.
inline constexpr int64_t kMaxSafetensorsHeader = 100'000'000;

// A missing file is NotFound.
absl::StatusOr<TensorMap> ReadSafetensors(const std::string& path);
// Reads and checks the header only.
absl::StatusOr<std::map<std::string, std::string>> ReadSafetensorsMetadata(const std::string& path);
// Parses a file already in memory; `name` is used in messages.
absl::StatusOr<TensorMap> ParseSafetensors(std::string_view bytes, std::string_view name);
// Writes PATH.tmp, fsyncs, renames, fsyncs the directory. Same map, same bytes. InvalidArgument for
// a tensor whose shape and bytes disagree, more than kMaxTensorDims dimensions, or a name or
// metadata that is not UTF-8; such a file would be unreadable.
absl::Status WriteSafetensors(const std::string& path, const TensorMap& map);
// The bytes of the file; the map must satisfy the conditions of WriteSafetensors. Tensors lie in
// order of falling element size, then name: every tensor is aligned to its element.
std::string SerializeSafetensors(const TensorMap& map);

}  // namespace undula

#endif  // UNDULA_BASE_SAFETENSORS_H_
