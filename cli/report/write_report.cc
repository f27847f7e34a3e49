#include "cli/report/write_report.h"

#include <cstdio>
#include <fstream>

#include "cli/report/run_files.h"
#include "cli/report/writers.h"

namespace undula::cli::report {

absl::StatusOr<Form> FormOf(const std::string& format, const std::string& file) {
  std::string form = format;
  if (form == "auto") {
    const size_t dot = file.find_last_of('.');
    form = dot == std::string::npos ? "" : file.substr(dot + 1);
  }
  if (form == "html" || form == "htm") return Form::kHtml;
  if (form == "md") return Form::kMarkdown;
  if (form == "json") return Form::kJson;
  return absl::InvalidArgumentError("'" + file +
                                    "' ends with none of .html, .md, .json; give --format");
}

absl::StatusOr<int64_t> WriteReport(const Document& document, Form form, const std::string& css,
                                    const std::string& file) {
  std::string text, styles;
  switch (form) {
    case Form::kHtml: {
      if (!css.empty()) {
        auto read = ReadText(css);
        if (!read.ok()) return read.status();
        styles = std::move(*read);
      }
      text = ToHtml(document, styles);
      break;
    }
    case Form::kMarkdown:
      text = ToMarkdown(document);
      break;
    case Form::kJson:
      text = ToJson(document);
      break;
  }
  if (absl::Status s = WriteFile(file, text); !s.ok()) return s;
  return static_cast<int64_t>(text.size());
}

absl::Status WriteFile(const std::string& file, const std::string& text) {
  // Under its name only when it is complete.
  const std::string unfinished = file + ".part";
  std::ofstream out(unfinished, std::ios::binary | std::ios::trunc);
  if (!out) return absl::NotFoundError("cannot write " + file);
  out << text;
  out.close();
  if (!out || std::rename(unfinished.c_str(), file.c_str()) != 0) {
    std::remove(unfinished.c_str());
    return absl::ResourceExhaustedError("cannot write all of " + file + "; is the disk full?");
  }
  return absl::OkStatus();
}

}  // namespace undula::cli::report
