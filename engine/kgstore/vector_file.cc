#include "kgstore/vector_file.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <memory>
#include <unordered_map>
#include <unordered_set>

#include "base/safetensors.h"
#include "base/status.h"
#include "base/text/normalize.h"
#include "kgstore/cell_values.h"
#include "kgstore/input_stream.h"
#include "kgstore/npy.h"
#include "kgstore/text_window.h"

namespace undula::kgstore {
namespace {

constexpr size_t kMaxLine = size_t{4} << 20;
constexpr int64_t kMaxRows = (int64_t{1} << 32) - 2;

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

// The text up to the next blank, taken off the front together with the blanks before it.
std::string_view TakeWord(std::string_view* line) {
  while (!line->empty() && IsBlank(line->front())) line->remove_prefix(1);
  size_t end = 0;
  while (end < line->size() && !IsBlank((*line)[end])) ++end;
  const std::string_view word = line->substr(0, end);
  line->remove_prefix(end);
  return word;
}

template <class Number>
bool ParseWhole(std::string_view text, Number* out) {
  const auto result = std::from_chars(text.data(), text.data() + text.size(), *out);
  return result.ec == std::errc() && result.ptr == text.data() + text.size();
}

bool IsSpaceOnly(std::string_view text) { return TakeWord(&text).empty(); }

// Lines of a text file without their ends, with a bound on their length.
class Lines {
 public:
  static absl::StatusOr<std::unique_ptr<Lines>> Open(const std::string& path, Progress* progress) {
    UNDULA_ASSIGN_OR_RETURN(auto stream, InputStream::Open(path));
    auto lines = std::unique_ptr<Lines>(new Lines(std::move(stream), progress));
    UNDULA_RETURN_IF_ERROR(lines->window_.SkipByteOrderMark());
    return lines;
  }

  // False at the end; *line lives until the next call. number() is then its number.
  absl::StatusOr<bool> Next(std::string_view* line) {
    window_.ConsumeLine(taken_);
    taken_ = 0;
    size_t end = 0, scanned = 0;
    while ((end = window_.unread().find('\n', scanned)) == std::string_view::npos &&
           !window_.at_end()) {
      scanned = window_.unread().size();
      if (scanned > kMaxLine) {
        return InvalidArgumentError(stream_->name(), ':', number(),
                                    ": line longer than 4 MiB; is this a text file of vectors?");
      }
      UNDULA_RETURN_IF_ERROR(window_.Fill());
    }
    const std::string_view unread = window_.unread();
    if (unread.empty()) return false;
    *line = unread.substr(0, end);
    taken_ = std::min(line->size() + 1, unread.size());
    if (!line->empty() && line->back() == '\r') line->remove_suffix(1);
    std::string_view what;
    if (FindBadByte(*line, &what) != line->npos) {
      return InvalidArgumentError(stream_->name(), ':', number(), ": ", what);
    }
    return true;
  }

  int64_t number() const { return window_.position().line; }

 private:
  Lines(std::unique_ptr<InputStream> stream, Progress* progress)
      : stream_(std::move(stream)), window_(stream_.get(), progress) {}

  std::unique_ptr<InputStream> stream_;
  TextWindow window_;
  size_t taken_ = 0;
};

class TextReading {
 public:
  TextReading(const std::string& path, Lines* lines) : path_(path), lines_(*lines) {}

  absl::StatusOr<VectorTable> Read() {
    std::string_view line;
    bool first = true;
    while (true) {
      UNDULA_ASSIGN_OR_RETURN(const bool more, lines_.Next(&line));
      if (!more) break;
      if (IsSpaceOnly(line)) continue;
      if (!(first && IsCounts(line))) UNDULA_RETURN_IF_ERROR(AddRow(line));
      first = false;
    }
    const auto rows = static_cast<int64_t>(table_.names.size());
    if (promised_rows_ >= 0 && rows != promised_rows_) {
      return DataLossError(path_, ": the first line says ", promised_rows_,
                           " vectors, the file has ", rows, "; is it truncated?");
    }
    if (rows == 0) return InvalidArgumentError(path_, ": no vectors in the file");
    return std::move(table_);
  }

 private:
  // word2vec's first line, "count dim".
  bool IsCounts(std::string_view line) {
    int64_t rows = 0, dim = 0;
    if (IsBlank(line.front())) return false;
    if (!ParseWhole(TakeWord(&line), &rows) || !ParseWhole(TakeWord(&line), &dim) ||
        !IsSpaceOnly(line) || rows < 0 || dim < 2) {
      return false;
    }
    promised_rows_ = rows;
    promised_dim_ = dim;
    return true;
  }

  absl::Status AddRow(std::string_view line) {
    // A name may hold blanks where tabs separate (MIND).
    const size_t tab = line.find('\t');
    std::string_view name;
    if (tab != line.npos) {
      name = line.substr(0, tab);
      line.remove_prefix(tab);
    } else {
      name = TakeWord(&line);
    }
    if (name.empty()) return Bad("empty name");
    int64_t count = 0;
    for (std::string_view word; !(word = TakeWord(&line)).empty(); ++count) {
      float value = 0;
      if (!ParseWhole(word, &value) || !std::isfinite(value)) {
        return Bad(Concat("value ", count + 1, " of ", QuoteCell(name), " is ", QuoteCell(word),
                          ": expected a finite number"));
      }
      if (count == kMaxVectorDim) return Bad(Concat("more than ", kMaxVectorDim, " values"));
      table_.values.push_back(value);
    }
    if (table_.dim == 0) {
      table_.dim = promised_dim_ > 0 ? promised_dim_ : count;
      if (count == 0) return Bad(Concat(QuoteCell(name), " has no values"));
    }
    if (count != table_.dim) {
      return Bad(Concat(count, " values of ", QuoteCell(name), ", expected ", table_.dim,
                        "; is the file truncated?"));
    }
    table_.names.emplace_back(name);
    return absl::OkStatus();
  }

  absl::Status Bad(std::string_view text) {
    return InvalidArgumentError(path_, ':', lines_.number(), ": ", text);
  }

  const std::string& path_;
  Lines& lines_;
  VectorTable table_;
  int64_t promised_rows_ = -1, promised_dim_ = 0;
};

uint64_t HashOf(std::string_view text, uint64_t hash) {
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001B3u;
  return hash;
}

// Rows by name, in the order of their first lines.
class TextHashing {
 public:
  TextHashing(const std::string& path, Lines* lines) : path_(path), lines_(*lines) {
    table_.dim = kTextHashDim;
  }

  absl::StatusOr<VectorTable> Read() {
    std::string_view line;
    for (bool first = true;; first = false) {
      UNDULA_ASSIGN_OR_RETURN(const bool more, lines_.Next(&line));
      if (!more) break;
      if (line.empty() || (first && line == "item\tcolumn\tvalue")) continue;
      UNDULA_RETURN_IF_ERROR(AddLine(line));
    }
    if (table_.names.empty()) return InvalidArgumentError(path_, ": no texts in the file");
    for (size_t row = 0; row < table_.names.size(); ++row) {
      float* values = table_.values.data() + row * kTextHashDim;
      double square = 0;
      for (int64_t i = 0; i < kTextHashDim; ++i) square += double{values[i]} * values[i];
      const auto scale = static_cast<float>(square > 0 ? 1 / std::sqrt(square) : 0);
      for (int64_t i = 0; i < kTextHashDim; ++i) values[i] *= scale;
    }
    return std::move(table_);
  }

 private:
  absl::Status AddLine(std::string_view line) {
    const size_t tab = line.find('\t'), last = line.rfind('\t');
    if (tab == line.npos || tab == 0) {
      return InvalidArgumentError(path_, ':', lines_.number(),
                                  ": expected a name, a tab and a text");
    }
    const std::string_view column = last > tab ? line.substr(tab + 1, last - tab - 1) : "";
    const absl::StatusOr<std::string> text = NormalizeText(line.substr(last + 1));
    if (!text.ok()) {
      return InvalidArgumentError(path_, ':', lines_.number(), ": ", Message(text.status()));
    }
    const auto [row, added] =
        rows_.try_emplace(std::string(line.substr(0, tab)), table_.names.size());
    if (added) {
      table_.names.push_back(row->first);
      table_.values.resize(table_.values.size() + kTextHashDim);
    }
    float* values = table_.values.data() + row->second * kTextHashDim;
    const auto add = [&](uint64_t hash) {
      hash = (hash ^ hash >> 31) * 0x9E3779B97F4A7C15u;
      values[(hash >> 32) % kTextHashDim] += hash >> 63 != 0 ? 1.0f : -1.0f;
    };
    const uint64_t start = HashOf(column, 0xCBF29CE484222325u);
    std::string_view rest = *text, before;
    for (std::string_view word; !(word = TakeWord(&rest)).empty(); before = word) {
      add(HashOf(word, start));
      if (!before.empty()) add(HashOf(word, HashOf(" ", HashOf(before, start))));
    }
    return absl::OkStatus();
  }

  const std::string& path_;
  Lines& lines_;
  VectorTable table_;
  std::unordered_map<std::string, size_t> rows_;
};

absl::Status CheckShape(const std::string& path, const std::vector<int64_t>& shape) {
  if (shape.size() != 2) {
    return InvalidArgumentError(path, ": ", shape.size(),
                                " dimensions; vectors need two (rows, "
                                "values)");
  }
  if (shape[0] < 1 || shape[0] > kMaxRows || shape[1] < 1 || shape[1] > kMaxVectorDim) {
    return InvalidArgumentError(path, ": shape (", shape[0], ", ", shape[1], "); 1 to ", kMaxRows,
                                " rows of 1 to ", kMaxVectorDim, " values are read");
  }
  return absl::OkStatus();
}

float ElementAt(const char* bytes, int size) {
  if (size == 2) {
    uint16_t half;
    std::memcpy(&half, bytes, 2);
    return HalfToFloat(half);
  }
  if (size == 4) {
    float value;
    std::memcpy(&value, bytes, 4);
    return value;
  }
  double value;
  std::memcpy(&value, bytes, 8);
  return static_cast<float>(value);
}

absl::StatusOr<VectorTable> ReadNpy(const std::string& path, Progress* progress) {
  UNDULA_ASSIGN_OR_RETURN(const auto stream, InputStream::Open(path));
  TextWindow window(stream.get(), progress);
  UNDULA_RETURN_IF_ERROR(window.FillTo(12));
  const auto named = [&](const absl::Status& status) {
    return Error(status.code(), path, ": ", Message(status));
  };
  const auto header_bytes = NpyHeaderBytes(window.unread().substr(0, 12));
  if (!header_bytes.ok()) return named(header_bytes.status());
  UNDULA_RETURN_IF_ERROR(window.FillTo(*header_bytes));
  const auto header = ParseNpyHeader(window.unread().substr(0, *header_bytes));
  if (!header.ok()) return named(header.status());
  UNDULA_RETURN_IF_ERROR(CheckShape(path, header->shape));
  window.Consume(*header_bytes);

  VectorTable table;
  table.dim = header->shape[1];
  const int64_t count = header->shape[0] * header->shape[1];
  const auto size = static_cast<size_t>(header->element_bytes);
  while (static_cast<int64_t>(table.values.size()) < count) {
    UNDULA_RETURN_IF_ERROR(window.FillTo(size));
    const std::string_view bytes = window.unread();
    const size_t take =
        std::min(bytes.size() / size, static_cast<size_t>(count) - table.values.size());
    if (take == 0) {
      return DataLossError(path, ": the file ends after ", table.values.size(), " of ", count,
                           " values");
    }
    for (size_t i = 0; i < take; ++i) {
      table.values.push_back(ElementAt(bytes.data() + i * size, header->element_bytes));
    }
    window.Consume(take * size);
  }
  UNDULA_RETURN_IF_ERROR(window.FillTo(1));
  if (!window.unread().empty()) return DataLossError(path, ": bytes behind the end of the array");
  if (header->fortran_order) {
    std::vector<float> rows(table.values.size());
    const int64_t n = header->shape[0];
    for (int64_t i = 0; i < count; ++i) {
      rows[static_cast<size_t>(i % n * table.dim + i / n)] = table.values[static_cast<size_t>(i)];
    }
    table.values = std::move(rows);
  }
  return table;
}

absl::StatusOr<VectorTable> ReadTensorFile(const std::string& path, const std::string& wanted) {
  UNDULA_ASSIGN_OR_RETURN(const TensorMap map, ReadSafetensors(path));
  std::string names;
  const NamedTensor* found = nullptr;
  for (const auto& [name, tensor] : map.tensors) {
    names += Concat(names.empty() ? "" : ", ", name);
    if (name == wanted || (wanted.empty() && map.tensors.size() == 1)) found = &tensor;
  }
  if (found == nullptr) {
    return NotFoundError(path,
                         wanted.empty() ? ": name one of its tensors (--tensor): "
                                        : Concat(": no tensor '", wanted, "'; it has "),
                         names.empty() ? std::string("none") : names);
  }
  UNDULA_RETURN_IF_ERROR(CheckShape(path, found->shape));
  if (found->dtype != DType::kF32 && found->dtype != DType::kF64) {
    return InvalidArgumentError(path, ": the tensor holds no floats; F32 and F64 are read");
  }
  VectorTable table;
  table.dim = found->shape[1];
  table.values.resize(static_cast<size_t>(found->size()));
  const auto size = SizeOf(found->dtype);
  const auto* bytes = reinterpret_cast<const char*>(found->bytes.data());
  for (size_t i = 0; i < table.values.size(); ++i) {
    table.values[i] = ElementAt(bytes + i * static_cast<size_t>(size), static_cast<int>(size));
  }
  return table;
}

absl::Status ReadNames(const std::string& path, const std::string& names_file, VectorTable* table) {
  const size_t rows = table->values.size() / static_cast<size_t>(table->dim);
  if (names_file.empty()) {
    return InvalidArgumentError(path,
                                ": the file has no names; give a file with one name a line "
                                "(--names), or --names rows where row i belongs to the name i");
  }
  if (names_file == "rows") {
    for (size_t i = 0; i < rows; ++i) table->names.push_back(std::to_string(i));
    return absl::OkStatus();
  }
  UNDULA_ASSIGN_OR_RETURN(const auto lines, Lines::Open(names_file, nullptr));
  for (std::string_view line;;) {
    UNDULA_ASSIGN_OR_RETURN(const bool more, lines->Next(&line));
    if (!more) break;
    const std::string_view name = line.substr(0, line.find('\t'));
    if (name.empty()) {
      return InvalidArgumentError(names_file, ':', lines->number(), ": empty name");
    }
    if (table->names.size() < rows) table->names.emplace_back(name);
    if (lines->number() > static_cast<int64_t>(rows)) {
      return InvalidArgumentError(names_file, " has more than ", rows, " names, ", path, " has ",
                                  rows, " rows");
    }
  }
  if (table->names.size() == rows) return absl::OkStatus();
  return InvalidArgumentError(names_file, " has ", table->names.size(), " names, ", path, " has ",
                              rows, " rows");
}

absl::Status CheckTable(const std::string& path, const VectorTable& table) {
  std::unordered_set<std::string_view> seen;
  for (const std::string& name : table.names) {
    if (!seen.insert(name).second) {
      return InvalidArgumentError(path, ": two vectors of ", QuoteCell(name));
    }
  }
  const auto bad = std::find_if(table.values.begin(), table.values.end(),
                                [](float value) { return !std::isfinite(value); });
  if (bad == table.values.end()) return absl::OkStatus();
  const int64_t at = bad - table.values.begin();
  return InvalidArgumentError(path, ": value ", at % table.dim + 1, " of ",
                              QuoteCell(table.names[static_cast<size_t>(at / table.dim)]), " (row ",
                              at / table.dim, ") is no finite number");
}

absl::StatusOr<std::string> FormatOf(const std::string& path) {
  if (std::string_view(path).ends_with(".safetensors")) return std::string("safetensors");
  UNDULA_ASSIGN_OR_RETURN(const auto stream, InputStream::Open(path));
  TextWindow window(stream.get(), nullptr);
  UNDULA_RETURN_IF_ERROR(window.FillTo(12));
  return std::string(NpyHeaderBytes(window.unread().substr(0, 12)).ok() ? "npy" : "text");
}

}  // namespace

bool IsVectorFileName(std::string_view path) {
  const std::string name = PlainFileName(path);
  return name.ends_with(".vec") || name.ends_with(".npy") || name.ends_with(".safetensors");
}

absl::StatusOr<VectorTable> ReadVectorFile(const std::string& path,
                                           const VectorFileOptions& options, Progress* progress) {
  std::string format = options.format;
  if (format == "auto") {
    UNDULA_ASSIGN_OR_RETURN(format, FormatOf(path));
  }
  VectorTable table;
  if (format == "text") {
    UNDULA_ASSIGN_OR_RETURN(const auto lines, Lines::Open(path, progress));
    UNDULA_ASSIGN_OR_RETURN(table, TextReading(path, lines.get()).Read());
  } else if (format == "text-hash") {
    UNDULA_ASSIGN_OR_RETURN(const auto lines, Lines::Open(path, progress));
    UNDULA_ASSIGN_OR_RETURN(table, TextHashing(path, lines.get()).Read());
  } else if (format == "npy") {
    UNDULA_ASSIGN_OR_RETURN(table, ReadNpy(path, progress));
    UNDULA_RETURN_IF_ERROR(ReadNames(path, options.names_file, &table));
  } else if (format == "safetensors") {
    UNDULA_ASSIGN_OR_RETURN(table, ReadTensorFile(path, options.tensor));
    UNDULA_RETURN_IF_ERROR(ReadNames(path, options.names_file, &table));
  } else {
    return InvalidArgumentError("vector format '", format,
                                "' is none of auto, text, text-hash, npy, safetensors");
  }
  if (!options.prefix.empty()) {
    for (std::string& name : table.names) name.insert(0, options.prefix);
  }
  UNDULA_RETURN_IF_ERROR(CheckTable(path, table));
  return table;
}

}  // namespace undula::kgstore
