// Command-line arguments of one verb. A thin front of CLI11, which only arguments.cc includes (it
// is slow to compile).
#ifndef UNDULA_CLI_ARGUMENTS_H_
#define UNDULA_CLI_ARGUMENTS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace undula::cli {

class Arguments {
 public:
  // `usage_example` is shown at the end of --help.
  Arguments(const std::string& verb, const std::string& summary, const std::string& usage_example);
  ~Arguments();

  // The variables keep their present values as defaults and must live until Parse returns.
  void Positional(const std::string& name, std::string* value, const std::string& help,
                  bool required = true);
  void Positionals(const std::string& name, std::vector<std::string>* values,
                   const std::string& help, bool required = true);
  void Option(const std::string& flags, std::string* value, const std::string& help);
  void Option(const std::string& flags, int64_t* value, const std::string& help);
  void Option(const std::string& flags, std::vector<std::string>* values, const std::string& help);
  void Flag(const std::string& flags, bool* value, const std::string& help);
  void Choice(const std::string& flags, std::string* value, const std::vector<std::string>& choices,
              const std::string& help);
  // Accepts further "--name value" and "--name=value" and keeps them as (name, value).
  void AllowOthers(std::vector<std::pair<std::string, std::string>>* others);

  // Ok, InvalidArgument with what is wrong, or *help_shown and Ok when --help was printed.
  absl::Status Parse(const std::vector<std::string>& args, bool* help_shown);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace undula::cli

#endif  // UNDULA_CLI_ARGUMENTS_H_
