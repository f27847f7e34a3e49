// The verbs below `link`.
#ifndef UNDULA_CLI_CMD_LINK_H_
#define UNDULA_CLI_CMD_LINK_H_

#include <string>

#include "cli/command.h"

namespace undula::cli {

absl::Status RunLinkRun(const Args& args);
absl::Status RunLinkReview(const Args& args);
absl::Status RunLinkTrain(const Args& args);
absl::Status RunLinkEvaluate(const Args& args);
absl::Status RunLinkExplain(const Args& args);
absl::Status RunLinkUndo(const Args& args);
absl::Status RunLinkMentions(const Args& args);

// A number from 0 to 1; InvalidArgument names the option.
absl::Status ParseShare(const char* name, const std::string& text, double* value);

}  // namespace undula::cli

#endif  // UNDULA_CLI_CMD_LINK_H_
