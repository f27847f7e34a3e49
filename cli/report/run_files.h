// Files that other verbs have written: the epochs of a training (train --metrics) and the trials of
// a search (tune --format json). JSON lines, of flat objects.
#ifndef UNDULA_CLI_REPORT_RUN_FILES_H_
#define UNDULA_CLI_REPORT_RUN_FILES_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace undula::cli::report {

// One line's object, each value as text: strings without quotes and escapes, numbers and words as
// they stand. Nested values, and anything else that is not such an object, are InvalidArgument.
using FlatObject = std::map<std::string, std::string>;
absl::StatusOr<FlatObject> ParseFlatObject(std::string_view line);

// NaN where the text is no number ("null" in particular).
double NumberOf(const FlatObject& object, const std::string& key);

// A file that a report was made from.
struct SourceFile {
  std::string name;  // without its folder
  int64_t bytes = 0;
  std::string hash;  // FNV-1a, 64 bits, of the content
};

struct Epoch {
  int64_t epoch = 0;
  double loss = 0, value = 0, seconds = 0;
  bool best = false;
  double memory = 0;  // MiB, the most that the program has had; NaN in files of older versions
};

struct Curve {
  std::string name;  // of the model; curves of one name are seeds of it
  std::string metric;
  std::vector<Epoch> epochs;  // ascending
  int64_t resumed_at = 0;     // the first epoch of the file where that is not 1
  SourceFile file;
};

struct Trial {
  std::string model, metric;
  int64_t trial = 0, epochs = 0;
  double value = 0, cpu_seconds = 0;
  std::map<std::string, std::string> setting;
  std::string error;
};

// `spec` is FILE or NAME=FILE; without a name the file's own is taken. NotFound, or InvalidArgument
// with file:line.
absl::StatusOr<Curve> ReadCurve(const std::string& spec);
absl::StatusOr<std::vector<Trial>> ReadTrials(const std::string& file, SourceFile* source);

// What a paper or another program reports.
struct PublishedValue {
  std::string model, metric, protocol, source;
  double value = 0;
};

// Tab-separated: model, metric, value, protocol, source; lines that begin with '#' are comments.
// NotFound, or InvalidArgument with file:line.
absl::StatusOr<std::vector<PublishedValue>> ReadPublished(const std::string& file,
                                                          SourceFile* source);

// All epochs of all curves as CSV: what the charts thin.
std::string EpochsCsv(const std::vector<Curve>& curves);

// The whole file; NotFound.
absl::StatusOr<std::string> ReadText(const std::string& file);

// "/a/b.jsonl" -> "b.jsonl": paths say more about a machine than a report should.
std::string BaseName(std::string_view path);

}  // namespace undula::cli::report

#endif  // UNDULA_CLI_REPORT_RUN_FILES_H_
