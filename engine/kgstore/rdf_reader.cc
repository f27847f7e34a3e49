#include "kgstore/rdf_reader.h"

#include <cstring>
#include <memory>
#include <string_view>

#include "base/status.h"
#include "kgstore/input_stream.h"
#include "kgstore/ntriples_line.h"
#include "kgstore/text_window.h"
#include "kgstore/turtle_splitter.h"

namespace undula::kgstore {
namespace {

// Bounds memory; the longest statement of DBpedia is below 1 MiB.
constexpr size_t kMaxStatement = size_t{64} << 20;
// What is looked at to tell other formats.
constexpr size_t kHeadBytes = 1024;
constexpr std::string_view kTooLong = "statement longer than 64 MiB (a quote that is not closed?)";

absl::StatusOr<RdfSyntax> SyntaxOfName(const std::string& path) {
  const std::string name = PlainFileName(path);
  const size_t dot = name.rfind('.');
  const std::string extension = dot == name.npos ? "" : name.substr(dot + 1);
  if (extension == "nt") return RdfSyntax::kNTriples;
  for (const char* other : {"nq", "trig", "rdf", "owl", "xml", "jsonld"}) {
    if (extension == other) {
      return UnimplementedError(path, ": .", extension, " files are not read yet (N-Quads and TriG "
                                "are planned); convert to N-Triples, e.g. rapper -o ntriples");
    }
  }
  return RdfSyntax::kTurtle;
}

// Files that are something else altogether get a clearer word than a syntax error.
absl::Status RefuseOtherFormats(const std::string& path, std::string_view head) {
  const size_t first = head.find_first_not_of(" \t\r\n");
  head.remove_prefix(first == head.npos ? head.size() : first);
  for (const std::string_view xml : {"<?xml", "<!DOCTYPE", "<rdf:RDF"}) {
    if (head.substr(0, xml.size()) == xml) {
      return UnimplementedError(path, " is XML; RDF/XML is not read: convert it to N-Triples, e.g. "
                                "rapper -i rdfxml -o ntriples");
    }
  }
  if (head.substr(0, 1) == "{") {
    return UnimplementedError(path, " starts with '{': JSON-LD and TriG are not read; convert it "
                              "to N-Triples");
  }
  return absl::OkStatus();
}

class RdfReading {
 public:
  RdfReading(const std::string& name, const RdfOptions& options, RdfSyntax syntax,
             TextWindow* window, RecordSink* sink)
      : window_(*window),
        sink_(*sink),
        parser_(syntax, options.base_iri, options.file_ordinal),
        log_(name, options.on_error, &report_) {}

  absl::Status ReadNTriples() {
    size_t scanned = 0;
    while (true) {
      const std::string_view text = window_.unread();
      const void* found = scanned == text.size() ? nullptr :
          std::memchr(text.data() + scanned, '\n', text.size() - scanned);
      if (found == nullptr && !window_.at_end()) {
        scanned = text.size();
        if (scanned > kMaxStatement) UNDULA_RETURN_IF_ERROR(DropTooLong(&scanned));
        UNDULA_RETURN_IF_ERROR(window_.Fill());
        continue;
      }
      if (text.empty()) return absl::OkStatus();
      const size_t size = found == nullptr
                              ? text.size()
                              : static_cast<size_t>(static_cast<const char*>(found) - text.data());
      UNDULA_RETURN_IF_ERROR(ReadLines(size));
      window_.ConsumeLine(size + (found == nullptr ? 0 : 1));
      scanned = 0;
    }
  }

  absl::Status ReadTurtle() {
    TurtleSplitter splitter;
    while (true) {
      const size_t size = splitter.Scan(window_.unread(), window_.at_end());
      if (size == 0) {
        if (window_.at_end()) return absl::OkStatus();
        if (size_t held = window_.unread().size(); held > kMaxStatement) {
          UNDULA_RETURN_IF_ERROR(DropTooLong(&held));
          splitter.Reset();
        }
        UNDULA_RETURN_IF_ERROR(window_.Fill());
        continue;
      }
      UNDULA_RETURN_IF_ERROR(ReadTurtleStatement(size, splitter));
      window_.Consume(size);
      splitter.Reset();
    }
  }

  const ReadReport& report() const { return report_; }

 private:
  absl::Status DropTooLong(size_t* held) {
    const TextPosition at = window_.position();
    UNDULA_RETURN_IF_ERROR(log_.Add(at.line, at.column, kTooLong));
    window_.Consume(*held);
    *held = 0;
    return absl::OkStatus();
  }

  absl::Status Bad(std::string_view text, size_t offset, std::string_view message) {
    const TextPosition at = Advance(window_.position(), text, offset);
    return log_.Add(at.line, at.column, message);
  }

  // The front of the window, without '\n'. A lone '\r' ends a line of N-Triples, too.
  absl::Status ReadLines(size_t size) {
    const std::string_view all(window_.data(), size);
    size_t begin = 0;
    while (begin < size) {
      const void* found = std::memchr(all.data() + begin, '\r', size - begin);
      const size_t end = found == nullptr
                             ? size
                             : static_cast<size_t>(static_cast<const char*>(found) - all.data());
      UNDULA_RETURN_IF_ERROR(ReadLine(begin, all.substr(begin, end - begin)));
      begin = end + 1;
    }
    return absl::OkStatus();
  }

  absl::Status ReadLine(size_t begin, std::string_view line) {
    const std::string_view all(window_.data(), begin + line.size());
    std::string_view error;
    if (const size_t bad = FindBadByte(line, &error); bad != line.npos) {
      return Bad(all, begin + bad, error);
    }
    size_t offset = 0;
    switch (CheckNTriplesLine(line, &error, &offset)) {
      case NTriplesLine::kBlank:
        return absl::OkStatus();
      case NTriplesLine::kBad:
        return Bad(all, begin + offset, error);
      case NTriplesLine::kTriple:
        break;
    }
    return ParseAndDeliver(window_.data() + begin, line.size(),
                           Advance(window_.position(), all, begin));
  }

  absl::Status ReadTurtleStatement(size_t size, const TurtleSplitter& splitter) {
    const std::string_view text(window_.data(), size);
    std::string_view error;
    if (const size_t bad = FindBadByte(text, &error); bad != text.npos) {
      return Bad(text, bad, error);
    }
    if (!splitter.error().empty()) return Bad(text, splitter.error_offset(), splitter.error());
    if (splitter.insertions().empty()) {
      return ParseAndDeliver(window_.data(), size, window_.position());
    }
    patched_.clear();
    size_t done = 0;
    for (const auto& [offset, inserted] : splitter.insertions()) {
      patched_.append(text.substr(done, offset - done)).push_back(inserted);
      done = offset;
    }
    patched_.append(text.substr(done));
    return ParseAndDeliver(patched_.data(), patched_.size(), window_.position());
  }

  absl::Status ParseAndDeliver(char* text, size_t size, TextPosition start) {
    StatementParser::Failure failure;
    if (!parser_.Parse(text, size, start, &failure)) {
      return log_.Add(failure.position.line, failure.position.column, failure.message);
    }
    UNDULA_RETURN_IF_ERROR(parser_.Deliver(&sink_));
    report_.records += parser_.triples();
    return absl::OkStatus();
  }

  TextWindow& window_;
  RecordSink& sink_;
  StatementParser parser_;
  ReadReport report_;
  BadRecordLog log_;
  std::string patched_;
};

}  // namespace

absl::StatusOr<ReadReport> ReadRdf(const std::string& path, const RdfOptions& options,
                                   RecordSink& sink, Progress* progress) {
  RdfSyntax syntax;
  if (options.syntax.has_value()) {
    syntax = *options.syntax;
  } else {
    UNDULA_ASSIGN_OR_RETURN(syntax, SyntaxOfName(path));
  }
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<InputStream> stream, InputStream::Open(path));
  TextWindow window(stream.get(), progress);
  UNDULA_RETURN_IF_ERROR(window.SkipByteOrderMark());
  UNDULA_RETURN_IF_ERROR(window.FillTo(kHeadBytes));
  UNDULA_RETURN_IF_ERROR(RefuseOtherFormats(path, window.unread().substr(0, kHeadBytes)));

  RdfReading reading(stream->name(), options, syntax, &window, &sink);
  UNDULA_RETURN_IF_ERROR(syntax == RdfSyntax::kNTriples ? reading.ReadNTriples()
                                                        : reading.ReadTurtle());
  const ReadReport& report = reading.report();
  if (report.records == 0 && report.skipped > 0) {
    const SkippedRecord& first = report.errors.front();
    return InvalidArgumentError(stream->name(), ": no triples; all ", report.skipped,
                                " records are bad, the first at ", first.line, ':', first.column,
                                ": ", first.message);
  }
  if (report.records == 0 && !options.allow_empty) {
    return InvalidArgumentError(stream->name(), ": no triples in the file");
  }
  return report;
}

}  // namespace undula::kgstore
