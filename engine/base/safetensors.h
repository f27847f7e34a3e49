// The safetensors file format: 8 bytes header length, JSON header, raw data. Reading checks every
// length and offset before use: a hostile or truncated file is DataLoss (or InvalidArgument for a
// type we do not have), never a crash or an allocation beyond the file's size.
#ifndef UNDULA_BASE_SAFETENSORS_H_
#define UNDULA_BASE_SAFETENSORS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/tensor_map.h"

namespace undula {

absl::StatusOr<TensorMap> ReadSafetensors(const std::string& path);
// Parses a file already in memory; `name` is used in messages.
absl::StatusOr<TensorMap> ParseSafetensors(std::string_view bytes, std::string_view name);
// Writes PATH.tmp, fsyncs, renames, fsyncs the directory. Same map, same bytes.
absl::Status WriteSafetensors(const std::string& path, const TensorMap& map);
std::string SerializeSafetensors(const TensorMap& map);

}  // namespace undula

#endif  // UNDULA_BASE_SAFETENSORS_H_
