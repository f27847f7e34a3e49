// What every HTML report has in it: styles and the one script, which only adds sorting and series
// that can be switched off; all is to be seen without it.
#ifndef UNDULA_CLI_REPORT_PAGE_H_
#define UNDULA_CLI_REPORT_PAGE_H_

namespace undula::cli::report {

extern const char kStyle[];
extern const char kScript[];
// Base64 of the SHA-256 of kScript, for the page's Content-Security-Policy; a test computes it
// anew.
extern const char kScriptHash[];

}  // namespace undula::cli::report

#endif  // UNDULA_CLI_REPORT_PAGE_H_
