#include "base/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>
#include <limits>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/status.h"
#include "base/text/normalize.h"

static_assert(std::endian::native == std::endian::little,
              "tensors are little-endian in files and in memory");

namespace undula {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kMetadataKey = "__metadata__";
constexpr int64_t kPrefix = 8;  // bytes of the header length

constexpr std::string_view kDTypeNames[] = {"F32", "F64", "U32", "I64", "U8"};

std::string_view NameOf(DType dtype) { return kDTypeNames[static_cast<size_t>(dtype)]; }

struct Entry {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  int64_t begin = 0, end = 0;  // within the data
};

struct Header {
  std::vector<Entry> entries;
  std::map<std::string, std::string> metadata;
};

// Product of the extents times the element size, or -1 where it passes int64.
int64_t ByteSize(DType dtype, const std::vector<int64_t>& shape) {
  int64_t bytes = SizeOf(dtype);
  bool empty = false;
  for (const int64_t extent : shape) {
    if (extent < 0) return -1;
    empty = empty || extent == 0;
    // An overflow in one extent is refused even if another one is 0: readers multiply in order.
    if (extent > 0 && __builtin_mul_overflow(bytes, extent, &bytes)) return -1;
  }
  return empty ? 0 : bytes;
}

// Takes the header's JSON event by event: a hostile header never becomes a tree in memory.
class HeaderReader final : public nlohmann::json_sax<Json> {
 public:
  explicit HeaderReader(std::string_view file) : file_(file) {}

  absl::Status status() const { return status_; }
  Header&& TakeHeader() { return std::move(header_); }

  bool null() override { return Unexpected("null"); }
  bool boolean(bool) override { return Unexpected("true or false"); }
  bool number_float(double, const std::string&) override { return Unexpected("a fraction"); }
  bool binary(Json::binary_t&) override { return Unexpected("binary data"); }
  bool number_integer(int64_t) override { return Unexpected("a negative number"); }

  bool number_unsigned(uint64_t value) override {
    if (state_ != State::kShape && state_ != State::kOffsets) return Unexpected("a number");
    if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      return Unexpected("a number beyond 2^63");
    }
    if (state_ == State::kShape) {
      if (entry_.shape.size() == kMaxTensorDims) {
        return Refuse("more than ", kMaxTensorDims, " dimensions");
      }
      entry_.shape.push_back(static_cast<int64_t>(value));
      return true;
    }
    if (n_offsets_ == 2) return Refuse("more than two data offsets");
    (n_offsets_++ == 0 ? entry_.begin : entry_.end) = static_cast<int64_t>(value);
    return true;
  }

  bool string(std::string& value) override {
    if (state_ == State::kMetadata) {
      if (!header_.metadata.emplace(key_, std::move(value)).second) {
        return Refuse("key '", key_, "' occurs twice");
      }
      return true;
    }
    if (state_ != State::kTensor || key_ != "dtype") return Unexpected("a string");
    const auto* known = std::find(std::begin(kDTypeNames), std::end(kDTypeNames), value);
    if (known == std::end(kDTypeNames)) {
      status_ = InvalidArgumentError(file_, ": tensor '", entry_.name, "' has dtype '", value,
                                     "'; known are F32, F64, U32, I64 and U8");
      return false;
    }
    entry_.dtype = static_cast<DType>(known - std::begin(kDTypeNames));
    return true;
  }

  bool start_object(size_t) override {
    switch (state_) {
      case State::kStart:
        state_ = State::kTop;
        return true;
      case State::kTop:
        state_ = key_ == kMetadataKey ? State::kMetadata : State::kTensor;
        if (!names_.insert(key_).second) return Refuse("occurs twice");
        entry_ = Entry{.name = key_};
        fields_.clear();
        n_offsets_ = 0;
        return true;
      default:
        return Unexpected("an object");
    }
  }

  bool key(std::string& name) override {
    key_ = std::move(name);
    if (state_ != State::kTensor) return true;
    if (key_ != "dtype" && key_ != "shape" && key_ != "data_offsets") {
      return Refuse("has an unknown field '", key_, "'");
    }
    if (!fields_.insert(key_).second) return Refuse("has the field '", key_, "' twice");
    return true;
  }

  bool start_array(size_t) override {
    if (state_ != State::kTensor || key_ == "dtype") return Unexpected("an array");
    state_ = key_ == "shape" ? State::kShape : State::kOffsets;
    return true;
  }

  bool end_array() override {
    state_ = State::kTensor;
    return true;
  }

  bool end_object() override {
    if (state_ == State::kTensor) {
      if (fields_.size() != 3) return Refuse("lacks dtype, shape or data_offsets");
      if (n_offsets_ != 2) return Refuse("needs two data offsets");
      header_.entries.push_back(std::move(entry_));
    }
    state_ = state_ == State::kTop ? State::kEnd : State::kTop;
    return true;
  }

  bool parse_error(size_t position, const std::string&, const Json::exception&) override {
    status_ = DataLossError(file_, ": the header is not valid JSON near its byte ", position);
    return false;
  }

 private:
  enum class State { kStart, kTop, kMetadata, kTensor, kShape, kOffsets, kEnd };

  template <class... Parts>
  bool Refuse(const Parts&... parts) {
    const std::string_view what = state_ == State::kMetadata ? kMetadataKey : entry_.name;
    status_ = DataLossError(file_, ": header entry '", state_ == State::kTop ? key_ : what,
                            "': ", parts...);
    return false;
  }
  bool Unexpected(std::string_view what) { return Refuse("unexpected ", what); }

  std::string_view file_;
  absl::Status status_;
  Header header_;
  State state_ = State::kStart;
  std::string key_;
  Entry entry_;
  std::set<std::string> names_, fields_;
  int n_offsets_ = 0;
};

// Entries must cover the data without holes and without sharing bytes.
absl::Status CheckEntries(std::vector<Entry>& entries, int64_t data_size, std::string_view file) {
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  int64_t at = 0;
  for (const Entry& entry : entries) {
    if (entry.begin > entry.end || entry.end > data_size) {
      return DataLossError(file, ": tensor '", entry.name, "' lies at [", entry.begin, ", ",
                           entry.end, ") of ", data_size, " bytes of data");
    }
    if (entry.begin != at) {
      return DataLossError(file, ": tensor '", entry.name, "' begins at ", entry.begin,
                           " but the one before it ends at ", at, " (overlap or hole)");
    }
    if (ByteSize(entry.dtype, entry.shape) != entry.end - entry.begin) {
      return DataLossError(file, ": tensor '", entry.name, "': shape and dtype do not fit its ",
                           entry.end - entry.begin, " bytes");
    }
    at = entry.end;
  }
  if (at != data_size) {
    return DataLossError(file, ": ", data_size - at, " bytes of data belong to no tensor");
  }
  return absl::OkStatus();
}

absl::StatusOr<Header> ParseHeader(std::string_view json, int64_t data_size,
                                   std::string_view file) {
  if (json.empty() || json.front() != '{') {
    return DataLossError(file, ": not a safetensors file (the header does not begin with '{')");
  }
  HeaderReader reader(file);
  if (!Json::sax_parse(json.begin(), json.end(), &reader)) {
    return reader.status().ok() ? DataLossError(file, ": bad header") : reader.status();
  }
  Header header = reader.TakeHeader();
  UNDULA_RETURN_IF_ERROR(CheckEntries(header.entries, data_size, file));
  return header;
}

// Reads `size` bytes at `offset`, both inside of the file.
using ReadFn = std::function<absl::Status(int64_t offset, void* out, int64_t size)>;

struct Opened {
  Header header;
  int64_t data_begin;
};

absl::StatusOr<Opened> OpenHeader(const ReadFn& read, int64_t file_size, std::string_view file) {
  if (file_size < kPrefix) {
    return DataLossError(file, ": ", file_size, " bytes are too few for a safetensors file");
  }
  uint64_t length = 0;
  UNDULA_RETURN_IF_ERROR(read(0, &length, kPrefix));
  if (length > static_cast<uint64_t>(std::min(kMaxSafetensorsHeader, file_size - kPrefix))) {
    return DataLossError(file, ": header length ", length, " does not fit a file of ", file_size,
                         " bytes or passes the limit of ", kMaxSafetensorsHeader);
  }
  std::string json(static_cast<size_t>(length), '\0');
  UNDULA_RETURN_IF_ERROR(read(kPrefix, json.data(), static_cast<int64_t>(length)));
  const int64_t data_begin = kPrefix + static_cast<int64_t>(length);
  UNDULA_ASSIGN_OR_RETURN(Header header, ParseHeader(json, file_size - data_begin, file));
  return Opened{std::move(header), data_begin};
}

absl::StatusOr<TensorMap> ReadMap(const ReadFn& read, int64_t file_size, std::string_view file) {
  UNDULA_ASSIGN_OR_RETURN(Opened opened, OpenHeader(read, file_size, file));
  TensorMap map;
  map.metadata = std::move(opened.header.metadata);
  for (Entry& entry : opened.header.entries) {
    NamedTensor& tensor = map.tensors[std::move(entry.name)];
    tensor.dtype = entry.dtype;
    tensor.shape = std::move(entry.shape);
    tensor.bytes.resize(static_cast<size_t>(entry.end - entry.begin));
    UNDULA_RETURN_IF_ERROR(
        read(opened.data_begin + entry.begin, tensor.bytes.data(), entry.end - entry.begin));
  }
  return map;
}

void AppendQuoted(std::string_view text, std::string* out) {
  constexpr char kHex[] = "0123456789abcdef";
  out->push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20) {
      out->append("\\u00");
      out->push_back(kHex[byte >> 4]);
      out->push_back(kHex[byte & 15]);
      continue;
    }
    if (c == '"' || c == '\\') out->push_back('\\');
    out->push_back(c);
  }
  out->push_back('"');
}

// Element size falls, so that every tensor is aligned; the sort is stable, names stay ordered.
std::vector<std::pair<const std::string*, const NamedTensor*>> FileOrder(const TensorMap& map) {
  std::vector<std::pair<const std::string*, const NamedTensor*>> order;
  for (const auto& [name, tensor] : map.tensors) order.emplace_back(&name, &tensor);
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return SizeOf(a.second->dtype) > SizeOf(b.second->dtype);
  });
  return order;
}

// Length prefix and JSON, padded to 8 bytes.
std::string HeaderBytes(const TensorMap& map) {
  std::string json = "{";
  if (!map.metadata.empty()) {
    AppendQuoted(kMetadataKey, &json);
    json += ":{";
    for (const auto& [key, value] : map.metadata) {
      if (json.back() != '{') json += ',';
      AppendQuoted(key, &json);
      json += ':';
      AppendQuoted(value, &json);
    }
    json += '}';
  }
  int64_t at = 0;
  for (const auto& [name, tensor] : FileOrder(map)) {
    if (json.size() > 1) json += ',';
    AppendQuoted(*name, &json);
    json += Concat(":{\"dtype\":\"", NameOf(tensor->dtype), "\",\"shape\":[");
    for (size_t i = 0; i < tensor->shape.size(); ++i) {
      json += Concat(i == 0 ? "" : ",", tensor->shape[i]);
    }
    const int64_t end = at + static_cast<int64_t>(tensor->bytes.size());
    json += Concat("],\"data_offsets\":[", at, ',', end, "]}");
    at = end;
  }
  json += '}';
  json.resize((json.size() + 7) / 8 * 8, ' ');
  const uint64_t length = json.size();
  char prefix[kPrefix];
  std::memcpy(prefix, &length, kPrefix);
  return std::string(prefix, kPrefix) + json;
}

absl::Status CheckWritable(const TensorMap& map) {
  for (const auto& [key, value] : map.metadata) {
    if (!IsValidUtf8(key) || !IsValidUtf8(value)) {
      return InvalidArgumentError("metadata '", key, "' is not valid UTF-8");
    }
  }
  for (const auto& [name, tensor] : map.tensors) {
    if (name == kMetadataKey || !IsValidUtf8(name)) {
      return InvalidArgumentError("'", name, "' cannot be the name of a tensor");
    }
    if (tensor.shape.size() > kMaxTensorDims ||
        ByteSize(tensor.dtype, tensor.shape) != static_cast<int64_t>(tensor.bytes.size())) {
      return InvalidArgumentError("tensor '", name, "' has ", tensor.bytes.size(),
                                  " bytes, which its shape and dtype do not need");
    }
  }
  return absl::OkStatus();
}

std::string_view BytesOf(const NamedTensor& tensor) {
  return std::string_view(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
}

}  // namespace

absl::StatusOr<TensorMap> ParseSafetensors(std::string_view bytes, std::string_view name) {
  const auto read = [bytes](int64_t offset, void* out, int64_t size) {
    if (size > 0) std::memcpy(out, bytes.data() + offset, static_cast<size_t>(size));
    return absl::OkStatus();
  };
  return ReadMap(read, static_cast<int64_t>(bytes.size()), name);
}

absl::StatusOr<TensorMap> ReadSafetensors(const std::string& path) {
  UNDULA_ASSIGN_OR_RETURN(const InputFile file, InputFile::Open(path));
  const auto read = [&file](int64_t offset, void* out, int64_t size) {
    return file.ReadAt(offset, out, size);
  };
  return ReadMap(read, file.size(), path);
}

absl::StatusOr<std::map<std::string, std::string>> ReadSafetensorsMetadata(
    const std::string& path) {
  UNDULA_ASSIGN_OR_RETURN(const InputFile file, InputFile::Open(path));
  const auto read = [&file](int64_t offset, void* out, int64_t size) {
    return file.ReadAt(offset, out, size);
  };
  UNDULA_ASSIGN_OR_RETURN(Opened opened, OpenHeader(read, file.size(), path));
  return std::move(opened.header.metadata);
}

std::string SerializeSafetensors(const TensorMap& map) {
  std::string bytes = HeaderBytes(map);
  for (const auto& [name, tensor] : FileOrder(map)) bytes += BytesOf(*tensor);
  return bytes;
}

absl::Status WriteSafetensors(const std::string& path, const TensorMap& map) {
  const absl::Status status = CheckWritable(map);
  if (!status.ok()) return Error(status.code(), path, ": ", Message(status));
  const std::string header = HeaderBytes(map);
  if (static_cast<int64_t>(header.size()) > kMaxSafetensorsHeader) {
    return InvalidArgumentError(path, ": the header would pass ", kMaxSafetensorsHeader, " bytes");
  }
  std::vector<std::string_view> pieces = {header};
  for (const auto& [name, tensor] : FileOrder(map)) pieces.push_back(BytesOf(*tensor));
  return WriteFileAtomically(path, pieces);
}

}  // namespace undula
