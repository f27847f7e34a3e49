#include "api/export_csr.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/safetensors.h"
#include "base/snapshot.h"
#include "base/status.h"
#include "base/tensor_map.h"
#include "kgstore/npy.h"
#include "kgstore/take_snapshot.h"

namespace undula::api {
namespace {

template <class T>
void AddTensor(TensorMap* map, const std::string& name, const std::vector<T>& values) {
  map->tensors[name] = MakeTensor<T>({static_cast<int64_t>(values.size())}, values.data());
}

template <class Id>
std::vector<uint32_t> Indexes(const std::vector<Id>& ids) {
  std::vector<uint32_t> out;
  out.reserve(ids.size());
  for (const Id id : ids) out.push_back(Index(id));
  return out;
}

void AddEdges(TensorMap* map, const std::string& prefix, const EdgeCsr& csr) {
  AddTensor(map, prefix + "/ptr", csr.ptr);
  AddTensor(map, prefix + "/relation", Indexes(csr.relation));
  AddTensor(map, prefix + "/entity", Indexes(csr.entity));
}

template <class Other>
void AddInteractions(TensorMap* map, const std::string& prefix, const InteractionCsr<Other>& csr) {
  AddTensor(map, prefix + "/ptr", csr.ptr);
  AddTensor(map, prefix + "/other", Indexes(csr.other));
  AddTensor(map, prefix + "/weight", csr.weight);
  AddTensor(map, prefix + "/time", csr.time);
}

// All arrays of a snapshot of the whole database.
absl::StatusOr<TensorMap> Arrays(const kgstore::Database& database) {
  UNDULA_ASSIGN_OR_RETURN(const Snapshot snapshot, kgstore::TakeSnapshot(database));
  TensorMap map;
  AddEdges(&map, "out", snapshot.out);
  AddEdges(&map, "in", snapshot.in);
  AddInteractions(&map, "by_user", snapshot.by_user);
  AddInteractions(&map, "by_item", snapshot.by_item);
  AddTensor(&map, "links/ptr", snapshot.links.ptr);
  AddTensor(&map, "links/entity", Indexes(snapshot.links.entity));
  AddTensor(&map, "links/confidence", snapshot.links.confidence);
  AddTensor(&map, "social/ptr", snapshot.social.ptr);
  AddTensor(&map, "social/user", Indexes(snapshot.social.user));
  AddTensor(&map, "social/weight", snapshot.social.weight);
  map.metadata["id_space"] = std::to_string(snapshot.id_space);
  map.metadata["transaction"] = std::to_string(snapshot.transaction);
  return map;
}

std::string_view NpyDescription(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return "<f4";
    case DType::kF64:
      return "<f8";
    case DType::kU32:
      return "<u4";
    case DType::kI64:
      return "<i8";
    case DType::kU8:
      return "|u1";
  }
  return "";
}

// "out/ptr" -> "out.ptr.npy"
std::string FileName(std::string name) {
  std::replace(name.begin(), name.end(), '/', '.');
  return name + ".npy";
}

absl::Status WriteArrays(const TensorMap& map, const std::filesystem::path& folder) {
  for (const auto& [name, tensor] : map.tensors) {
    const std::string header = kgstore::MakeNpyHeader(NpyDescription(tensor.dtype), tensor.shape);
    UNDULA_RETURN_IF_ERROR(WriteFileAtomically(
        folder / FileName(name),
        {header, {reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size()}}));
  }
  std::string metadata = "{";
  for (const auto& [key, value] : map.metadata) {
    metadata += Concat(metadata.size() > 1 ? ", " : "", "\"", key, "\": \"", value, "\"");
  }
  return WriteFileAtomically(folder / "metadata.json", {metadata, "}\n"});
}

}  // namespace

absl::StatusOr<int64_t> ExportCsr(const kgstore::Database& database, const std::string& file) {
  UNDULA_ASSIGN_OR_RETURN(const TensorMap map, Arrays(database));
  UNDULA_RETURN_IF_ERROR(WriteSafetensors(file, map));
  return static_cast<int64_t>(map.tensors.size());
}

absl::StatusOr<int64_t> ExportCsrNpy(const kgstore::Database& database, const std::string& folder) {
  std::string name = folder;
  while (name.size() > 1 && name.back() == '/') name.pop_back();
  std::error_code error;
  if (std::filesystem::exists(std::filesystem::symlink_status(name, error))) {
    return AlreadyExistsError(name, ": exists already; name a folder that does not exist");
  }
  UNDULA_ASSIGN_OR_RETURN(const TensorMap map, Arrays(database));
  const std::string unfinished = name + ".tmp";
  std::filesystem::remove_all(unfinished, error);  // of a killed export
  if (!std::filesystem::create_directory(unfinished, error)) {
    return ErrnoError(error ? error.value() : EEXIST, unfinished);
  }
  absl::Status status = WriteArrays(map, unfinished);
  if (status.ok()) {
    std::filesystem::rename(unfinished, name, error);
    status = error ? ErrnoError(error.value(), name) : SyncDirectoryOf(name);
  }
  if (!status.ok()) {
    std::filesystem::remove_all(unfinished, error);
    return status;
  }
  return static_cast<int64_t>(map.tensors.size());
}

}  // namespace undula::api
