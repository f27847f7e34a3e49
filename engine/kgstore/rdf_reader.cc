#include "kgstore/rdf_reader.h"

#include <memory>
#include <string_view>

#include "base/status.h"
#include "kgstore/chunk_source.h"
#include "kgstore/input_stream.h"
#include "kgstore/line_reader.h"
#include "kgstore/text_window.h"
#include "kgstore/turtle_reader.h"

namespace undula::kgstore {
namespace {

// What is looked at to tell other formats.
constexpr size_t kHeadBytes = 1024;

absl::StatusOr<RdfSyntax> SyntaxOfName(const std::string& path) {
  const std::string name = PlainFileName(path);
  const size_t dot = name.rfind('.');
  const std::string extension = dot == name.npos ? "" : name.substr(dot + 1);
  if (extension == "nt") return RdfSyntax::kNTriples;
  if (extension == "nq") return RdfSyntax::kNQuads;
  if (extension == "trig") return RdfSyntax::kTriG;
  for (const char* other : {"rdf", "owl", "xml", "jsonld"}) {
    if (extension == other) {
      return UnimplementedError(path, ": .", extension,
                                " files are not read; convert to N-Triples, "
                                "e.g. rapper -o ntriples");
    }
  }
  return RdfSyntax::kTurtle;
}

// Files that are something else altogether get a clearer word than a syntax error.
absl::Status RefuseOtherFormats(const std::string& path, RdfSyntax syntax, std::string_view head) {
  const size_t first = head.find_first_not_of(" \t\r\n");
  head.remove_prefix(first == head.npos ? head.size() : first);
  for (const std::string_view xml : {"<?xml", "<!DOCTYPE", "<rdf:RDF"}) {
    if (head.substr(0, xml.size()) == xml) {
      return UnimplementedError(path,
                                " is XML; RDF/XML is not read: convert it to N-Triples, e.g. "
                                "rapper -i rdfxml -o ntriples");
    }
  }
  if (head.substr(0, 1) == "{" && syntax != RdfSyntax::kTriG) {
    return UnimplementedError(path,
                              " starts with '{': JSON-LD is not read; convert it to N-Triples "
                              "(or is it TriG? then name it .trig or give the format)");
  }
  return absl::OkStatus();
}

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
  ReadReport report;
  if (syntax == RdfSyntax::kNTriples || syntax == RdfSyntax::kNQuads) {
    ChunkSource source(stream.get(), progress);
    UNDULA_RETURN_IF_ERROR(source.Open());
    UNDULA_RETURN_IF_ERROR(RefuseOtherFormats(path, syntax, source.head()));
    UNDULA_RETURN_IF_ERROR(ReadRdfLines(stream->name(), syntax, options, &source, &sink, &report));
    UNDULA_RETURN_IF_ERROR(source.ReportPosition());
  } else {
    TextWindow window(stream.get(), progress);
    UNDULA_RETURN_IF_ERROR(window.SkipByteOrderMark());
    UNDULA_RETURN_IF_ERROR(window.FillTo(kHeadBytes));
    UNDULA_RETURN_IF_ERROR(RefuseOtherFormats(path, syntax, window.unread().substr(0, kHeadBytes)));
    UNDULA_RETURN_IF_ERROR(ReadTurtle(stream->name(), syntax, options, &window, &sink, &report));
  }
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
