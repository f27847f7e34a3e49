#include "scanner_compare.h"

#include "base/status.h"
#include "kgstore/ntriples_line.h"
#include "kgstore/ntriples_scanner.h"
#include "kgstore/statement_parser.h"
#include "kgstore/text_window.h"

namespace undula::kgstore {
namespace {

std::string Show(const Term& term) {
  return Concat(static_cast<int>(term.kind), '<', term.text, "|", term.datatype, "|", term.language,
                '>');
}

std::string Show(const Statement& s) {
  return Concat(Show(s.head), Show(s.relation), Show(s.tail), Show(s.graph));
}

}  // namespace

std::string CompareScannerWithSerd(std::string_view line, bool graphs, bool* scanned) {
  line = line.substr(0, line.find('\n'));
  std::string padded(line);
  padded += '\n';
  padded.append(kScanPadding, '\0');
  NTriplesScanner scanner(graphs);
  Statement statement;
  const char* next = nullptr;
  const ScannedLine kind = scanner.Scan(padded.data(), &next, &statement);
  if (scanned != nullptr) *scanned = kind != ScannedLine::kUnknown;
  if (kind == ScannedLine::kUnknown) return "";
  if (next != padded.data() + line.size() + 1) return "the scanner ends elsewhere than the line";

  // The other path, as kgstore/line_reader.cc goes it. A '\r' at the end parts the line and
  // nothing.
  std::string_view text = line;
  if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
  if (text.find('\r') != text.npos) return "the scanner took a line with a line end within";
  std::string_view error;
  if (FindBadByte(text, &error) != text.npos) return Concat("the scanner took bad bytes: ", error);
  size_t offset = 0;
  const NTriplesLine frame = CheckNTriplesLine(text, graphs, &error, &offset);
  if (frame == NTriplesLine::kBad) return Concat("the scanner took a bad line: ", error);
  if (frame == NTriplesLine::kBlank) {
    return kind == ScannedLine::kBlank ? "" : "the scanner took a comment for a statement";
  }
  if (kind == ScannedLine::kBlank) return "the scanner took a statement for nothing";
  StatementParser parser(graphs ? RdfSyntax::kNQuads : RdfSyntax::kNTriples, "", 0);
  std::string copy(text);
  copy += '\0';  // Parse writes behind the text
  StatementParser::Failure failure;
  if (!parser.Parse(copy.data(), text.size(), {1, 1}, &failure)) {
    return Concat("the scanner took what Serd refuses: ", failure.message);
  }
  if (parser.statements().size() != 1) return "Serd finds other than one statement";
  // Blank nodes as the scanner gives them.
  Statement serd = parser.statements()[0];
  for (Term* term : {&serd.head, &serd.tail, &serd.graph}) {
    if (term->kind == TermKind::kBlank) term->text.remove_prefix(std::string_view("f0.").size());
  }
  if (Show(serd) == Show(statement)) return "";
  return Concat("other terms; scanner: ", Show(statement), " Serd: ", Show(serd));
}

}  // namespace undula::kgstore
