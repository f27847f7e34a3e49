#include "kgstore/ntriples_line.h"

#include "kgstore/unicode_escape.h"

namespace undula::kgstore {
namespace {

// A cursor over the line. The Skip functions return false with error() set.
class Cursor {
 public:
  explicit Cursor(std::string_view line) : line_(line) {}

  void SkipBlanks() {
    while (at_ < line_.size() && (line_[at_] == ' ' || line_[at_] == '\t')) ++at_;
  }
  bool at_end() const { return at_ == line_.size(); }
  bool At(std::string_view token) const { return line_.substr(at_, token.size()) == token; }
  void Skip(size_t n) { at_ += n; }
  size_t offset() const { return at_; }
  std::string_view error() const { return error_; }

  bool Fail(std::string_view error) {
    error_ = error;
    return false;
  }

  bool SkipIri() {
    const size_t close = line_.find('>', at_);
    if (close == line_.npos) return Fail("IRI without its closing '>'");
    for (size_t at; (at = line_.substr(0, close).find('\\', at_)) != line_.npos; at_ = at + 1) {
      if (!IsBadEscape(line_, at)) continue;
      at_ = at;
      return Fail(kBadEscape);
    }
    at_ = close + 1;
    return true;
  }

  // A label may hold dots but does not end with one.
  bool SkipBlankNode() {
    const size_t label = at_ + 2;
    size_t stop = line_.find_first_of(" \t<>\"#", label);
    if (stop == line_.npos) stop = line_.size();
    while (stop > label && line_[stop - 1] == '.') --stop;
    if (stop == label) return Fail("blank node without a label");
    at_ = stop;
    return true;
  }

  bool SkipLiteral() {
    const size_t open = at_++;
    while (at_ < line_.size() && line_[at_] != '"') {
      const bool escape = line_[at_] == '\\';
      if (escape && IsBadEscape(line_, at_)) return Fail(kBadEscape);
      at_ += escape ? 2 : 1;
    }
    if (at_ >= line_.size()) {
      at_ = open;
      return Fail("string without its closing quote");
    }
    ++at_;
    if (At("@")) {
      const size_t stop = line_.find_first_of(" \t.#", at_);
      at_ = stop == line_.npos ? line_.size() : stop;
      return true;
    }
    if (!At("^^")) return true;
    at_ += 2;
    return At("<") ? SkipIri() : Fail("expected the datatype's IRI in <>");
  }

 private:
  std::string_view line_;
  size_t at_ = 0;
  std::string_view error_;
};

bool SkipStatement(Cursor* cursor, bool graphs) {
  if (cursor->At("<<")) return cursor->Fail("quoted triple '<<': N-Triples-star is not supported");
  if (cursor->At("<")) {
    if (!cursor->SkipIri()) return false;
  } else if (cursor->At("_:")) {
    if (!cursor->SkipBlankNode()) return false;
  } else {
    return cursor->Fail("expected a subject: <IRI> or _:label");
  }

  cursor->SkipBlanks();
  if (!cursor->At("<")) return cursor->Fail("expected a predicate: <IRI>");
  if (!cursor->SkipIri()) return false;

  cursor->SkipBlanks();
  if (cursor->At("<<")) return cursor->Fail("quoted triple '<<': N-Triples-star is not supported");
  if (cursor->At("<")) {
    if (!cursor->SkipIri()) return false;
  } else if (cursor->At("_:")) {
    if (!cursor->SkipBlankNode()) return false;
  } else if (cursor->At("\"")) {
    if (!cursor->SkipLiteral()) return false;
  } else {
    return cursor->Fail("expected an object: <IRI>, _:label or \"string\"");
  }

  cursor->SkipBlanks();
  if (cursor->At("<") || cursor->At("_:")) {
    if (!graphs) return cursor->Fail("a fourth term: this is N-Quads, not N-Triples");
    if (cursor->At("<") ? !cursor->SkipIri() : !cursor->SkipBlankNode()) return false;
    cursor->SkipBlanks();
  }
  if (!cursor->At(".")) return cursor->Fail("expected '.' at the end of the statement");
  cursor->Skip(1);
  cursor->SkipBlanks();
  if (!cursor->at_end() && !cursor->At("#")) {
    return cursor->Fail("text behind the '.'; a line holds one statement");
  }
  return true;
}

}  // namespace

NTriplesLine CheckNTriplesLine(std::string_view line, bool graphs, std::string_view* error,
                               size_t* offset) {
  Cursor cursor(line);
  cursor.SkipBlanks();
  if (cursor.at_end() || cursor.At("#")) return NTriplesLine::kBlank;
  if (SkipStatement(&cursor, graphs)) return NTriplesLine::kStatement;
  *error = cursor.error();
  *offset = cursor.offset();
  return NTriplesLine::kBad;
}

}  // namespace undula::kgstore
