#include "kgstore/table_reader.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "kgstore/cell_values.h"
#include "kgstore/input_stream.h"
#include "kgstore/row_splitter.h"
#include "kgstore/table_columns.h"
#include "kgstore/text_window.h"

namespace undula::kgstore {
namespace {

constexpr size_t kMaxRow = size_t{1} << 20;

// Latin-1 bytes as UTF-8.
void AppendLatin1(std::string_view bytes, std::string* out) {
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out->push_back(c);
    } else {
      out->push_back(static_cast<char>(0xC0 | (byte >> 6)));
      out->push_back(static_cast<char>(0x80 | (byte & 0x3F)));
    }
  }
}

class TableReading {
 public:
  TableReading(const std::string& name, const Schema& schema, const TableOptions& options,
               TextWindow* window, RecordSink* sink)
      : name_(name),
        schema_(schema),
        window_(*window),
        sink_(*sink),
        splitter_(options.separator.value_or(schema.separator), schema.quote),
        log_(name, options.on_error, &report_) {}

  absl::Status Read() {
    UNDULA_RETURN_IF_ERROR(ReadHeader());
    while (true) {
      bool row = false;
      UNDULA_RETURN_IF_ERROR(NextRow(&row));
      if (!row) return absl::OkStatus();
      // Two steps, as a bad row is logged and a failing sink ends the import.
      bool good = false;
      if (!record_.empty()) {
        UNDULA_RETURN_IF_ERROR(CheckRow(&good));
        if (good) UNDULA_RETURN_IF_ERROR(DeliverRow());
      }
      window_.Consume(taken_);
    }
  }

  const ReadReport& report() const { return report_; }

 private:
  // Finds the next row in the window: record_ (without its line end, in UTF-8) and taken_ (its
  // bytes in the window). Rows too long are logged and dropped.
  absl::Status NextRow(bool* row) {
    size_t scanned = 0;
    while (true) {
      const std::string_view text = window_.unread();
      size_t size = splitter_.FindEnd(text, scanned);
      if (std::min(size, text.size()) > kMaxRow) {
        UNDULA_RETURN_IF_ERROR(DropLongRow());
        scanned = 0;
        continue;
      }
      if (size == text.npos) {
        if (!window_.at_end()) {
          scanned = text.size();
          UNDULA_RETURN_IF_ERROR(window_.Fill());
          continue;
        }
        if (text.empty()) {
          *row = false;
          return absl::OkStatus();
        }
        // The last line has no end, or a quote is open: then the bad row is its first line.
        size = std::min(text.find('\n'), text.size());
      }
      taken_ = std::min(size + 1, text.size());
      record_ = text.substr(0, size);
      if (!record_.empty() && record_.back() == '\r') record_.remove_suffix(1);
      *row = true;
      return absl::OkStatus();
    }
  }

  // Drops the first line of the window, reading on until its end.
  absl::Status DropLongRow() {
    const TextPosition at = window_.position();
    UNDULA_RETURN_IF_ERROR(log_.Add(
        at.line, at.column,
        schema_.quote == '\0' ? "row longer than 1 MiB; are these lines of text?"
                              : "row longer than 1 MiB (a quote that is not closed?)"));
    while (true) {
      const size_t end = window_.unread().find('\n');
      if (end != std::string_view::npos) {
        window_.Consume(end + 1);
        return absl::OkStatus();
      }
      window_.Consume(window_.unread().size());
      if (window_.at_end()) return absl::OkStatus();
      UNDULA_RETURN_IF_ERROR(window_.Fill());
    }
  }

  absl::Status ReadHeader() {
    bool row = true;
    for (int64_t line = 0; line < schema_.skip_lines; ++line) {
      UNDULA_RETURN_IF_ERROR(NextRow(&row));
      if (!row) return absl::OkStatus();
      window_.Consume(taken_);
    }
    if (schema_.header == HeaderMode::kNone) return Resolve({});
    UNDULA_RETURN_IF_ERROR(NextRow(&row));
    if (!row) return absl::OkStatus();
    const TextPosition at = window_.position();
    std::string_view error;
    size_t offset = 0;
    std::vector<std::string> names;
    if (schema_.header != HeaderMode::kSkip) {
      if (!ToText(&error, &offset) || !splitter_.Split(record_, &fields_, &error, &offset)) {
        const TextPosition bad = Advance(at, record_, offset);
        return InvalidArgumentError(name_, ':', bad.line, ':', bad.column, ": ", error);
      }
      names = HeaderNames(fields_, schema_.header);
    }
    UNDULA_RETURN_IF_ERROR(Resolve(names));
    window_.Consume(taken_);
    return absl::OkStatus();
  }

  absl::Status Resolve(const std::vector<std::string>& names) {
    auto columns = ResolveColumns(schema_, names);
    if (!columns.ok()) {
      return Error(columns.status().code(), name_, ':', window_.position().line, ":1: ",
                   Message(columns.status()), " (format ", schema_.name, ", fields separated by ",
                   splitter_.Describe(), ")");
    }
    columns_ = *std::move(columns);
    return absl::OkStatus();
  }

  // record_ in UTF-8.
  bool ToText(std::string_view* error, size_t* offset) {
    const size_t bad = FindBadByte(record_, error);
    if (bad == record_.npos) return true;
    *offset = bad;
    if (schema_.encoding == TextEncoding::kUtf8) return false;
    const size_t nul = record_.find('\0');
    if (nul != record_.npos) {
      *offset = FindBadByte(record_.substr(nul), error) + nul;
      return false;
    }
    converted_.clear();
    AppendLatin1(record_, &converted_);
    record_ = converted_;
    return true;
  }

  absl::Status Bad(size_t offset, std::string_view message) {
    const TextPosition at = Advance(window_.position(), record_, offset);
    return log_.Add(at.line, at.column, message);
  }

  absl::Status CheckRow(bool* good) {
    std::string_view error;
    size_t offset = 0;
    if (!ToText(&error, &offset) || !splitter_.Split(record_, &fields_, &error, &offset)) {
      return Bad(offset, error);
    }
    const int count = static_cast<int>(fields_.size());
    if (columns_.expected == 0 && count >= columns_.needed) columns_.expected = count;
    if (count < columns_.needed || count != columns_.expected) return WrongCount(count);

    std::string text;
    for (const int field : {columns_.user, columns_.item, columns_.head, columns_.relation,
                            columns_.tail, columns_.entity}) {
      if (field >= 0 && fields_[field].text.empty()) {
        return Bad(fields_[field].offset, Concat("empty ", RoleOf(field), ": expected an id"));
      }
    }
    weight_ = schema_.kind == TableKind::kLinks ? schema_.confidence_default
                                                : schema_.weight_default;
    if (HasCell(columns_.weight) && !ParseWeight(Cell(columns_.weight), &weight_, &text)) {
      return Bad(fields_[columns_.weight].offset, text);
    }
    if (HasCell(columns_.confidence) &&
        !ParseConfidence(Cell(columns_.confidence), &weight_, &text)) {
      return Bad(fields_[columns_.confidence].offset, text);
    }
    time_ = 0;
    if (HasCell(columns_.time) &&
        !ParseTime(Cell(columns_.time), schema_.time_unit, &time_, &text)) {
      return Bad(fields_[columns_.time].offset, text);
    }
    *good = true;
    return absl::OkStatus();
  }

  absl::Status WrongCount(int count) {
    const int expected = columns_.expected == 0 ? columns_.needed : columns_.expected;
    const size_t offset = count > expected ? fields_[expected].offset : record_.size();
    return Bad(offset, Concat(count, count == 1 ? " field" : " fields", ", expected ",
                              columns_.expected == 0 ? "at least " : "", expected,
                              " separated by ", splitter_.Describe()));
  }

  std::string_view RoleOf(int field) const {
    if (field == columns_.user) return "user";
    if (field == columns_.item) return "item";
    if (field == columns_.head) return "head";
    if (field == columns_.relation) return "relation";
    return field == columns_.tail ? "tail" : "entity";
  }

  bool HasCell(int field) const { return field >= 0 && !fields_[field].text.empty(); }
  std::string_view Cell(int field) const { return fields_[field].text; }

  absl::Status DeliverRow() {
    ++report_.records;
    switch (schema_.kind) {
      case TableKind::kInteractions:
        return sink_.AddInteraction(Cell(columns_.user), Cell(columns_.item), weight_, time_);
      case TableKind::kLinks:
        return sink_.AddLink(Cell(columns_.item), Cell(columns_.entity), weight_, schema_.method);
      case TableKind::kTriples:
        return sink_.AddTriple({TermKind::kIri, Cell(columns_.head), {}, {}},
                               {TermKind::kIri, Cell(columns_.relation), {}, {}},
                               {TermKind::kIri, Cell(columns_.tail), {}, {}});
      case TableKind::kItems:
        break;
    }
    item_columns_.clear();
    for (const auto& [name, field] : columns_.item_columns) {
      if (HasCell(field)) item_columns_.emplace_back(name, Cell(field));
    }
    return sink_.AddItem(Cell(columns_.item), item_columns_);
  }

  const std::string& name_;
  const Schema& schema_;
  TextWindow& window_;
  RecordSink& sink_;
  RowSplitter splitter_;
  TableColumns columns_;
  ReadReport report_;
  BadRecordLog log_;

  // The row being read.
  std::string_view record_;
  size_t taken_ = 0;
  std::string converted_;
  std::vector<Field> fields_;
  std::vector<ItemColumn> item_columns_;
  float weight_ = 0;
  int64_t time_ = 0;
};

}  // namespace

absl::StatusOr<ReadReport> ReadTable(const std::string& path, const Schema& schema,
                                     const TableOptions& options, RecordSink& sink,
                                     Progress* progress) {
  if (options.separator.has_value() &&
      (options.separator->empty() || (schema.quote != '\0' && options.separator->size() != 1))) {
    return InvalidArgumentError("separator '", *options.separator, "' does not fit format ",
                                schema.name, schema.quote == '\0'
                                                 ? ": it is empty"
                                                 : ": quoted fields need one character");
  }
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<InputStream> stream, InputStream::Open(path));
  TextWindow window(stream.get(), progress);
  UNDULA_RETURN_IF_ERROR(window.SkipByteOrderMark());
  TableReading reading(stream->name(), schema, options, &window, &sink);
  UNDULA_RETURN_IF_ERROR(reading.Read());
  const ReadReport& report = reading.report();
  if (report.records == 0 && report.skipped > 0) {
    const SkippedRecord& first = report.errors.front();
    return InvalidArgumentError(stream->name(), ": no records; all ", report.skipped,
                                " rows are bad, the first at ", first.line, ':', first.column,
                                ": ", first.message);
  }
  if (report.records == 0 && !options.allow_empty) {
    return InvalidArgumentError(stream->name(), ": no records in the file (format ", schema.name,
                                ")");
  }
  return report;
}

}  // namespace undula::kgstore
