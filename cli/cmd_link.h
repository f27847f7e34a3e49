// The verbs below `link`.
#ifndef UNDULA_CLI_CMD_LINK_H_
#define UNDULA_CLI_CMD_LINK_H_

#include "cli/command.h"

namespace undula::cli {

absl::Status RunLinkRun(const Args& args);
absl::Status RunLinkReview(const Args& args);
absl::Status RunLinkTrain(const Args& args);
absl::Status RunLinkEvaluate(const Args& args);
absl::Status RunLinkExplain(const Args& args);
absl::Status RunLinkUndo(const Args& args);

}  // namespace undula::cli

#endif  // UNDULA_CLI_CMD_LINK_H_
