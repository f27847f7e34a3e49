#include "kgstore/table_reader.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "kgstore/input_stream.h"
#include "kgstore/json_rows.h"
#include "kgstore/row_records.h"
#include "kgstore/row_splitter.h"
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
        folder_(name.substr(0, name.rfind('/') + 1)),
        log_(name, options.on_error, &report_, options.limits) {}

  absl::Status Read() {
    UNDULA_RETURN_IF_ERROR(ReadHeader());
    while (true) {
      bool row = false;
      UNDULA_RETURN_IF_ERROR(NextRow(&row));
      if (!row) return absl::OkStatus();
      // Two steps, as a bad row is logged and a failing sink ends the import.
      bool good = false;
      if (!record_.empty() && !IsComment()) {
        ++row_;
        UNDULA_RETURN_IF_ERROR(CheckRow(&good));
        if (good) {
          report_.records += static_cast<int64_t>(records_->size());
          window_.AddRecords(static_cast<int64_t>(records_->size()));
          UNDULA_RETURN_IF_ERROR(records_->Deliver(sink_));
        }
      }
      Consume();
    }
  }

  const ReadReport& report() const { return report_; }

 private:
  bool IsComment() const {
    return !schema_.comment.empty() && record_.starts_with(schema_.comment);
  }

  bool IsJson() const { return schema_.separator == RowSplitter::kJson; }

  // Drops the row from the window.
  void Consume() {
    if (schema_.quote == '\0' && !IsJson()) {
      window_.ConsumeLine(taken_);
    } else {
      window_.Consume(taken_);
    }
  }

  // Finds the next row in the window: record_ (without its line end, in UTF-8) and taken_ (its
  // bytes in the window). Rows too long are logged and dropped.
  absl::Status NextRow(bool* row) {
    if (IsJson()) return NextMember(row);
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

  // NextRow of a file that is one JSON object. What is no JSON ends the reading, as nothing tells
  // where the next row begins.
  absl::Status NextMember(bool* row) {
    while (true) {
      std::string_view error;
      size_t offset = 0;
      const std::string_view text = window_.unread();
      const JsonScan scan =
          NextJsonRow(text, !json_begun_, window_.at_end(), &member_, &error, &offset);
      if (scan == JsonScan::kMore && text.size() <= kMaxRow) {
        UNDULA_RETURN_IF_ERROR(window_.Fill());
        continue;
      }
      *row = scan == JsonScan::kRow;
      if (scan == JsonScan::kEnd) return absl::OkStatus();
      if (scan != JsonScan::kRow || member_.taken > kMaxRow) {
        const TextPosition at = Advance(window_.position(), text, offset);
        return InvalidArgumentError(
            name_, ':', at.line, ':', at.column, ": ",
            scan == JsonScan::kBad ? error : "a member of the JSON object is longer than 1 MiB");
      }
      json_begun_ = true;
      taken_ = member_.taken;
      record_ = text.substr(0, taken_);
      return absl::OkStatus();
    }
  }

  // The fields of record_, in UTF-8.
  bool SplitRow(std::string_view* error, size_t* offset) {
    if (!ToText(error, offset)) return false;
    if (!IsJson()) return splitter_.Split(record_, &fields_, error, offset);
    fields_ = {{member_.key, member_.begin + 1},
               {member_.value, member_.taken - member_.value.size()}};
    return true;
  }

  // Drops the first line of the window, reading on until its end.
  absl::Status DropLongRow() {
    const TextPosition at = window_.position();
    UNDULA_RETURN_IF_ERROR(log_.Add(at.line, at.column,
                                    schema_.quote == '\0'
                                        ? "row longer than 1 MiB; are these lines of text?"
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
      Consume();
    }
    if (schema_.header == HeaderMode::kNone) return Resolve({});
    while (true) {
      UNDULA_RETURN_IF_ERROR(NextRow(&row));
      if (!row) return absl::OkStatus();
      if (!IsComment()) break;
      Consume();
    }
    const TextPosition at = window_.position();
    std::string_view error;
    size_t offset = 0;
    std::vector<std::string> names;
    if (schema_.header != HeaderMode::kSkip) {
      if (!SplitRow(&error, &offset)) {
        const TextPosition bad = Advance(at, record_, offset);
        return InvalidArgumentError(name_, ':', bad.line, ':', bad.column, ": ", error);
      }
      names = HeaderNames(fields_, schema_.header);
    }
    UNDULA_RETURN_IF_ERROR(Resolve(names));
    Consume();
    return absl::OkStatus();
  }

  absl::Status Resolve(const std::vector<std::string>& names) {
    auto records = RowRecords::Bind(schema_, names, folder_);
    if (!records.ok()) {
      return Error(records.status().code(), name_, ':', window_.position().line,
                   ":1: ", Message(records.status()), " (format ", schema_.name,
                   ", fields separated by ", splitter_.Describe(), ")");
    }
    records_ = *std::move(records);
    expected_ = records_->expected();
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
    if (!SplitRow(&error, &offset)) {
      return Bad(offset, error);
    }
    const int count = static_cast<int>(fields_.size());
    if (count < records_->needed()) return WrongCount(count);
    if (count != expected_ && !records_->ragged()) {
      if (expected_ != 0) return WrongCount(count);
      expected_ = count;
    }
    std::string text;
    if (!records_->Make(fields_, row_, &text, &offset)) return Bad(offset, text);
    *good = true;
    return absl::OkStatus();
  }

  absl::Status WrongCount(int count) {
    const bool known = expected_ != 0 && !records_->ragged();
    const int expected = known ? expected_ : records_->needed();
    const size_t offset = count > expected ? fields_[expected].offset : record_.size();
    return Bad(offset,
               Concat(count, count == 1 ? " field" : " fields", ", expected ",
                      known ? "" : "at least ", expected, " separated by ", splitter_.Describe()));
  }

  const std::string& name_;
  const Schema& schema_;
  TextWindow& window_;
  RecordSink& sink_;
  RowSplitter splitter_;
  std::string folder_;  // of the file, with its '/'
  std::unique_ptr<RowRecords> records_;
  int expected_ = 0;  // fields of a row; 0 where not known yet
  int64_t row_ = 0;   // rows read, bad ones too
  ReadReport report_;
  BadRecordLog log_;

  // The row being read.
  JsonRow member_;
  bool json_begun_ = false;
  std::string_view record_;
  size_t taken_ = 0;
  std::string converted_;
  std::vector<Field> fields_;
};

}  // namespace

absl::StatusOr<ReadReport> ReadTable(const std::string& path, const Schema& schema,
                                     const TableOptions& options, RecordSink& sink,
                                     Progress* progress) {
  if (options.separator.has_value() &&
      (options.separator->empty() || (schema.quote != '\0' && options.separator->size() != 1))) {
    return InvalidArgumentError(
        "separator '", *options.separator, "' does not fit format ", schema.name,
        schema.quote == '\0' ? ": it is empty" : ": quoted fields need one character");
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
                                " rows are bad, the first at ", first.line, ':', first.column, ": ",
                                first.message);
  }
  if (report.records == 0 && !options.allow_empty) {
    return InvalidArgumentError(stream->name(), ": no records in the file (format ", schema.name,
                                ")");
  }
  return report;
}

}  // namespace undula::kgstore
