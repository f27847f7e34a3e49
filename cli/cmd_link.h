// The verbs below `link`.
#ifndef UNDULA_CLI_CMD_LINK_H_
#define UNDULA_CLI_CMD_LINK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "cli/arguments.h"
#include "cli/command.h"

namespace undula::cli {

absl::Status RunLinkRun(const Args& args);
absl::Status RunLinkReview(const Args& args);
absl::Status RunLinkTrain(const Args& args);
absl::Status RunLinkEvaluate(const Args& args);
absl::Status RunLinkExplain(const Args& args);
absl::Status RunLinkUndo(const Args& args);
absl::Status RunLinkMentions(const Args& args);

// Options that the verbs of the ranker and `link mentions` share. The members are used by Parse()
// of the arguments that they were added to.
class SharedLinkArguments {
 public:
  explicit SharedLinkArguments(const std::string& precision) : precision_(precision) {}
  // Options is LinkerOptions or MentionOptions.
  template <typename Options>
  void AddTo(Arguments* a, Options* options) {
    AddNames(a, &options->label_relations, &options->alias_relations, &options->languages,
             &options->local_names);
    precision_value_ = &options->precision;
    least_value_ = &options->least_confidence;
  }
  // After Parse(). InvalidArgument: a share that is no number from 0 to 1.
  absl::Status Finish() const;

  std::string format = "table";
  bool quiet = false;
  int64_t threads = 0;

 private:
  void AddNames(Arguments* a, std::vector<std::string>* labels, std::vector<std::string>* aliases,
                std::vector<std::string>* languages, std::string* local_names);

  std::string precision_, least_ = "0.5";
  double *precision_value_ = nullptr, *least_value_ = nullptr;
};

}  // namespace undula::cli

#endif  // UNDULA_CLI_CMD_LINK_H_
