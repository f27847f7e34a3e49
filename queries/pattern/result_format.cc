#include "queries/pattern/result_format.h"

#include <cstdio>
#include <utility>

#include "queries/pattern/operand.h"
#include "queries/pattern/vocabulary.h"
#include "undula/common.h"

namespace undula::queries::pattern {
namespace {

// What no IRI may have is percent-encoded.
void AppendIri(std::string_view text, std::string* out) {
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte <= 0x20 || std::string_view("<>\"{}|^`\\").find(c) != std::string_view::npos) {
      char escape[4];
      std::snprintf(escape, sizeof escape, "%%%02X", byte);
      *out += escape;
    } else {
      out->push_back(c);
    }
  }
}

std::string IriOf(const Term& term) {
  std::string out;
  if (term.kind == TermKind::kUser) out = std::string(kUserIri) + "/";
  if (term.kind == TermKind::kItem) out = std::string(kItemIri) + "/";
  AppendIri(term.text, &out);
  return out;
}

void AppendCsv(std::string_view text, std::string* out) {
  if (text.find_first_of("\",\n\r") == std::string_view::npos) {
    *out += text;
    return;
  }
  out->push_back('"');
  for (const char c : text) {
    if (c == '"') out->push_back('"');
    out->push_back(c);
  }
  out->push_back('"');
}

std::string JsonTerm(const Term& term) {
  std::string out = "{ \"type\": ";
  switch (term.kind) {
    case TermKind::kBlank:
      out += "\"bnode\", \"value\": " + JsonQuote(term.text);
      break;
    case TermKind::kLiteral:
      out += "\"literal\", \"value\": " + JsonQuote(term.text);
      if (!term.language.empty()) out += ", \"xml:lang\": " + JsonQuote(term.language);
      if (!term.datatype.empty()) out += ", \"datatype\": " + JsonQuote(term.datatype);
      break;
    default:
      out += "\"uri\", \"value\": " + JsonQuote(IriOf(term));
  }
  return out + " }";
}

}  // namespace

std::string TermText(const Term& term) {
  if (term.kind == TermKind::kBlank) return "_:" + term.text;
  if (term.kind != TermKind::kLiteral) return "<" + IriOf(term) + ">";
  const OperandKind kind = OperandOf(term).kind;
  const bool plain = (term.datatype == kXsdInteger && kind == OperandKind::kInteger) ||
                     (term.datatype == kXsdDecimal && kind == OperandKind::kDecimal &&
                      term.text.find('.') != std::string::npos && term.text.back() != '.') ||
                     (term.datatype == kXsdDouble && kind == OperandKind::kDouble &&
                      term.text.find_first_of("eE") != std::string::npos);
  if (plain) return term.text;
  std::string out = "\"";
  for (const char c : term.text) {
    switch (c) {
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '"':
      case '\\':
        out.push_back('\\');
        [[fallthrough]];
      default:
        out.push_back(c);
    }
  }
  out.push_back('"');
  if (!term.language.empty()) return out + "@" + term.language;
  if (!term.datatype.empty()) {
    out += "^^<";
    AppendIri(term.datatype, &out);
    out.push_back('>');
  }
  return out;
}

ResultWriter::ResultWriter(ResultFormat format, std::vector<std::string> columns, std::string* out)
    : format_(format), columns_(std::move(columns)), out_(out) {}

void ResultWriter::Begin() {
  if (format_ == ResultFormat::kJson) {
    *out_ += "{ \"head\": { \"vars\": [";
    for (size_t i = 0; i < columns_.size(); ++i) {
      *out_ += (i == 0 ? " " : ", ") + JsonQuote(columns_[i]);
    }
    *out_ += " ] },\n  \"results\": { \"bindings\": [";
    return;
  }
  const bool csv = format_ == ResultFormat::kCsv;
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (i > 0) out_->push_back(csv ? ',' : '\t');
    if (!csv) out_->push_back('?');
    *out_ += columns_[i];
  }
  *out_ += csv ? "\r\n" : "\n";
}

void ResultWriter::Row(std::span<const std::optional<Term>> cells) {
  if (format_ == ResultFormat::kJson) {
    *out_ += first_ ? "\n    {" : ",\n    {";
    first_ = false;
    bool any = false;
    for (size_t i = 0; i < cells.size(); ++i) {
      if (!cells[i].has_value()) continue;
      *out_ += (any ? ", " : " ") + JsonQuote(columns_[i]) + ": " + JsonTerm(*cells[i]);
      any = true;
    }
    *out_ += " }";
    return;
  }
  const bool csv = format_ == ResultFormat::kCsv;
  for (size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) out_->push_back(csv ? ',' : '\t');
    if (!cells[i].has_value()) continue;
    const Term& term = *cells[i];
    if (!csv) {
      *out_ += pattern::TermText(term);
    } else if (term.kind == TermKind::kLiteral) {
      AppendCsv(term.text, out_);
    } else {
      AppendCsv(term.kind == TermKind::kBlank ? "_:" + term.text : IriOf(term), out_);
    }
  }
  *out_ += csv ? "\r\n" : "\n";
}

void ResultWriter::End() {
  if (format_ == ResultFormat::kJson) *out_ += "\n  ] }\n}\n";
}

void ResultWriter::Answer(bool answer) {
  const char* const text = answer ? "true" : "false";
  if (format_ == ResultFormat::kJson) {
    *out_ += std::string("{ \"head\": {}, \"boolean\": ") + text + " }\n";
  } else {
    *out_ += std::string(text) + "\n";
  }
}

}  // namespace undula::queries::pattern
