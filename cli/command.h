// A verb of the program. main.cc has the table of all verbs; each is one file cmd_<verb>.cc.
#ifndef UNDULA_CLI_COMMAND_H_
#define UNDULA_CLI_COMMAND_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "undula/undula.h"

namespace undula::cli {

using Args = std::vector<std::string>;

// Parse `args`, do the work, print rows to standard output. The program's exit code is the status
// code.
absl::Status RunImport(const Args& args);
absl::Status RunLink(const Args& args);
absl::Status RunStats(const Args& args);
absl::Status RunUpdate(const Args& args);
absl::Status RunForget(const Args& args);
absl::Status RunTrain(const Args& args);
absl::Status RunTune(const Args& args);
absl::Status RunEmbed(const Args& args);
absl::Status RunEvaluate(const Args& args);
absl::Status RunQuery(const Args& args);
absl::Status RunRecommend(const Args& args);
absl::Status RunIndex(const Args& args);
absl::Status RunSimilar(const Args& args);
absl::Status RunExplain(const Args& args);
absl::Status RunScore(const Args& args);
absl::Status RunPartitions(const Args& args);
absl::Status RunModels(const Args& args);
absl::Status RunExport(const Args& args);
absl::Status RunBackup(const Args& args);
absl::Status RunCompact(const Args& args);
absl::Status RunVerify(const Args& args);
absl::Status RunReport(const Args& args);

inline constexpr char kWaitHelp[] = "seconds to wait while another process writes";

// Opens DB for a verb. Log messages go to standard error.
absl::StatusOr<std::unique_ptr<Database>> OpenDatabase(const std::string& path, bool create,
                                                       bool read_only, int64_t threads = 0,
                                                       int64_t wait_seconds = 0,
                                                       bool compact_dictionary = false,
                                                       const std::string& device = "cpu");

// "name=value" of --param into a map; InvalidArgument for anything else.
absl::Status ReadParams(const std::vector<std::string>& params,
                        std::map<std::string, std::string>* out);
// The text of a query file; "-" is standard input.
absl::StatusOr<std::string> ReadQueryFile(const std::string& file);
// --pattern and --param of verbs that recommend; an empty file name is none.
absl::Status ReadPattern(const std::string& file, const std::vector<std::string>& params,
                         ItemFilter* filter);
// The K of --at: whole numbers from 1 to 100000.
absl::Status ParseListLengths(const std::vector<std::string>& texts, std::vector<int>* at);

// "0.123" style for metrics and seconds.
std::string Fixed(double value, int digits);

}  // namespace undula::cli

#endif  // UNDULA_CLI_COMMAND_H_
