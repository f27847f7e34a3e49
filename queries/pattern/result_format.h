// Results as text: SPARQL 1.1 Query Results CSV and TSV, and JSON (W3C Recommendations, 21 March
// 2013). Users and items are IRIs there: <urn:undula:user/42>.
#ifndef UNDULA_QUERIES_PATTERN_RESULT_FORMAT_H_
#define UNDULA_QUERIES_PATTERN_RESULT_FORMAT_H_

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "queries/pattern/syntax.h"

namespace undula::queries::pattern {

enum class ResultFormat : uint8_t { kCsv, kTsv, kJson };

// Appends to *out, which the caller may empty between the calls.
class ResultWriter {
 public:
  ResultWriter(ResultFormat format, std::vector<std::string> columns, std::string* out);
  void Begin();
  void Row(std::span<const std::optional<Term>> cells);
  void End();
  // The whole of an ASK.
  void Answer(bool answer);

 private:
  ResultFormat format_;
  std::vector<std::string> columns_;
  std::string* out_;
  bool first_ = true;
};

// As Turtle writes it: <iri>, "text"@en, 42, _:b.
std::string TermText(const Term& term);

}  // namespace undula::queries::pattern

#endif  // UNDULA_QUERIES_PATTERN_RESULT_FORMAT_H_
