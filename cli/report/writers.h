// A document as text, in three forms. The same document gives the same bytes.
#ifndef UNDULA_CLI_REPORT_WRITERS_H_
#define UNDULA_CLI_REPORT_WRITERS_H_

#include <string>
#include <string_view>

#include "cli/report/document.h"

namespace undula::cli::report {

// One self-contained page: no script is needed to read it and nothing is fetched. `css` comes
// behind the page's own styles. Holds ToJson() in a script element of the id "undula-data".
std::string ToHtml(const Document& document, std::string_view css = {});

// Text and tables; charts by what they say in words.
std::string ToMarkdown(const Document& document);

// As data/schemas/report.schema.json has it.
std::string ToJson(const Document& document);

}  // namespace undula::cli::report

#endif  // UNDULA_CLI_REPORT_WRITERS_H_
