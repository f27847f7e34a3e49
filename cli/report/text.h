// Text of a report: escaping of what comes from data, numbers for people, widths without a browser.
#ifndef UNDULA_CLI_REPORT_TEXT_H_
#define UNDULA_CLI_REPORT_TEXT_H_

#include <string>
#include <string_view>

namespace undula::cli::report {

// Valid UTF-8: bytes that are not, control characters but newline and tab, and noncharacters become
// U+FFFD; marks that turn the direction of text become "[RLO]" and the like, so that nothing is
// shown elsewhere than where it stands.
std::string Clean(std::string_view text);

// Clean(), then & < > " ' as character references: safe between tags and in quoted attributes.
std::string EscapeHtml(std::string_view text);

// Clean(), then as a JSON string with quotes, where < is \u003c: safe within a script element.
std::string EscapeJson(std::string_view text);

// Clean(), on one line, with the characters that Markdown gives a meaning escaped.
std::string EscapeMarkdown(std::string_view text);

// At most `characters` code points of Clean(text); a cut is shown by an ellipsis.
std::string Shorten(std::string_view text, size_t characters);

// Four digits, "12,345" from a thousand on, "1.2e-07" below .0001; "-" where not finite.
std::string HumanNumber(double value);
std::string HumanNumber(int64_t value);

// As JSON: the shortest text that reads back as the same double; null where not finite.
std::string JsonNumber(double value);

// An upper estimate of the width of clean text at this font size, in a common sans-serif font.
double TextWidth(std::string_view text, double font_size);

}  // namespace undula::cli::report

#endif  // UNDULA_CLI_REPORT_TEXT_H_
