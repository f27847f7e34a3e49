#include "kgstore/turtle_reader.h"

#include <string_view>

#include "base/status.h"
#include "kgstore/statement_parser.h"
#include "kgstore/trig_graph.h"
#include "kgstore/turtle_splitter.h"

namespace undula::kgstore {
namespace {

using End = TurtleSplitter::End;

// Bounds memory; the longest statement of DBpedia is below 1 MiB.
constexpr size_t kMaxStatement = size_t{64} << 20;
constexpr std::string_view kTooLong = "statement longer than 64 MiB (a quote that is not closed?)";

class TurtleReading {
 public:
  TurtleReading(const std::string& name, RdfSyntax syntax, const RdfOptions& options,
                TextWindow* window, RecordSink* sink, ReadReport* report)
      : trig_(syntax == RdfSyntax::kTriG),
        drop_graphs_(options.drop_graphs),
        window_(*window),
        sink_(*sink),
        report_(*report),
        splitter_(trig_),
        parser_(syntax, options.base_iri, options.file_ordinal),
        log_(name, options.on_error, report, options.limits) {}

  absl::Status Read() {
    while (true) {
      const size_t size = splitter_.Scan(window_.unread(), window_.at_end());
      if (size == 0) {
        if (window_.at_end()) break;
        if (const size_t held = window_.unread().size(); held > kMaxStatement) {
          UNDULA_RETURN_IF_ERROR(BadAt(window_.position(), kTooLong));
          window_.Consume(held);
          splitter_.Reset();
        }
        UNDULA_RETURN_IF_ERROR(window_.Fill());
        continue;
      }
      UNDULA_RETURN_IF_ERROR(ReadPiece(size));
      window_.Consume(size);
      splitter_.Reset();
    }
    if (!in_graph_) return absl::OkStatus();
    return BadAt(window_.position(), "the file ends within a graph: '}' is missing");
  }

 private:
  absl::Status BadAt(TextPosition at, std::string_view message) {
    return log_.Add(at.line, at.column, message);
  }
  absl::Status Bad(std::string_view text, size_t offset, std::string_view message) {
    return BadAt(Advance(window_.position(), text, offset), message);
  }

  // The front of the window, up to where the splitter has cut.
  absl::Status ReadPiece(size_t size) {
    const End end = splitter_.end();
    const std::string_view raw(window_.data(), size);
    if (in_bad_graph_) {
      in_bad_graph_ = end != End::kClose && end != End::kInput;
      in_graph_ = in_bad_graph_;
      return absl::OkStatus();
    }
    if (end == End::kClose && !in_graph_) return Bad(raw, size - 1, "'}' without '{'");
    const bool opens = end == End::kOpen, closes = end == End::kClose;
    if (opens) return Open(raw);
    const absl::Status status = ReadStatement(raw, closes);
    if (closes) {
      in_graph_ = false;
      StatementParser::Failure none;
      parser_.SetGraph({}, {}, &none);
    }
    return status;
  }

  // Serd's view of the piece without its last `cut` bytes, in patched_.
  absl::StatusOr<bool> Patch(std::string_view raw, size_t cut) {
    std::string_view error;
    if (const size_t bad = FindBadByte(raw, &error); bad != raw.npos) {
      UNDULA_RETURN_IF_ERROR(Bad(raw, bad, error));
      return false;
    }
    if (!splitter_.error().empty()) {
      UNDULA_RETURN_IF_ERROR(Bad(raw, splitter_.error_offset(), splitter_.error()));
      return false;
    }
    patched_.clear();
    size_t done = 0;
    for (const auto& [offset, inserted] : splitter_.insertions()) {
      patched_.append(raw.substr(done, offset - done)).push_back(inserted);
      done = offset;
    }
    patched_.append(raw.substr(done, raw.size() - cut - done));
    return true;
  }

  absl::Status ReadStatement(std::string_view raw, bool closes) {
    UNDULA_ASSIGN_OR_RETURN(const bool good, Patch(raw, closes ? 1 : 0));
    if (!good) return absl::OkStatus();
    if (in_graph_) {
      if (closes && IsBlankText(patched_)) return absl::OkStatus();
      if (IsDirective(patched_)) return Bad(raw, 0, "a directive within a graph");
    }
    if (closes) patched_ += " .";  // the last one may lack it
    return ParseAndDeliver(window_.position());
  }

  absl::Status Open(std::string_view raw) {
    const bool nested = in_graph_;
    in_graph_ = in_bad_graph_ = true;  // unless all is well
    UNDULA_ASSIGN_OR_RETURN(const bool good, Patch(raw, 1));
    if (!good) return absl::OkStatus();
    const std::string opening = patched_;
    GraphOpening parts;
    std::string_view error;
    size_t offset = 0;
    if (nested) return Bad(raw, raw.size() - 1, "'{' within a graph");
    if (!SplitGraphOpening(opening, &parts, &error, &offset)) return Bad(raw, offset, error);
    if (!IsBlankText(parts.before)) {
      patched_.assign(parts.before);
      const int64_t skipped = report_.skipped;
      UNDULA_RETURN_IF_ERROR(ParseAndDeliver(window_.position()));
      if (report_.skipped != skipped) return absl::OkStatus();
    }
    StatementParser::Failure failure;
    const TextPosition at = Advance(window_.position(), opening, parts.label_offset);
    if (!parser_.SetGraph(parts.label, at, &failure)) {
      return BadAt(failure.position, failure.message);
    }
    in_bad_graph_ = false;
    return absl::OkStatus();
  }

  absl::Status ParseAndDeliver(TextPosition start) {
    StatementParser::Failure failure;
    if (!parser_.Parse(patched_.data(), patched_.size(), start, &failure)) {
      return BadAt(failure.position, failure.message);
    }
    const std::vector<Statement>* statements = &parser_.statements();
    if (drop_graphs_) {
      dropped_ = *statements;
      for (Statement& statement : dropped_) statement.graph = Term();
      statements = &dropped_;
    }
    UNDULA_RETURN_IF_ERROR(sink_.AddStatements(*statements));
    report_.records += static_cast<int64_t>(statements->size());
    window_.AddRecords(static_cast<int64_t>(statements->size()));
    return absl::OkStatus();
  }

  bool trig_, drop_graphs_;
  TextWindow& window_;
  RecordSink& sink_;
  ReadReport& report_;
  TurtleSplitter splitter_;
  StatementParser parser_;
  BadRecordLog log_;
  std::string patched_;
  std::vector<Statement> dropped_;
  bool in_graph_ = false;
  bool in_bad_graph_ = false;  // its opening was bad: skipped up to its '}'
};

}  // namespace

absl::Status ReadTurtle(const std::string& name, RdfSyntax syntax, const RdfOptions& options,
                        TextWindow* window, RecordSink* sink, ReadReport* report) {
  return TurtleReading(name, syntax, options, window, sink, report).Read();
}

}  // namespace undula::kgstore
