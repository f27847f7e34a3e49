// A report to a file.
#ifndef UNDULA_CLI_REPORT_WRITE_REPORT_H_
#define UNDULA_CLI_REPORT_WRITE_REPORT_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "cli/report/document.h"

namespace undula::cli::report {

enum class Form { kHtml, kMarkdown, kJson };

// "html", "md", "json", or "auto": by the file's ending. InvalidArgument for another ending.
absl::StatusOr<Form> FormOf(const std::string& format, const std::string& file);

// Returns the bytes written. `css` names a file with styles to add to an HTML page, or is empty.
// NotFound where a file cannot be opened; ResourceExhausted where it cannot be written.
absl::StatusOr<int64_t> WriteReport(const Document& document, Form form, const std::string& css,
                                    const std::string& file);

// NotFound or ResourceExhausted; nothing is left under the name then.
absl::Status WriteFile(const std::string& file, const std::string& text);

}  // namespace undula::cli::report

#endif  // UNDULA_CLI_REPORT_WRITE_REPORT_H_
