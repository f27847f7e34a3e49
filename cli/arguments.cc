#include "cli/arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>

namespace undula::cli {

struct Arguments::Impl {
  explicit Impl(const std::string& summary) : app(summary) {}
  CLI::App app;
  std::vector<std::pair<std::string, std::string>>* others = nullptr;
};

Arguments::Arguments(const std::string& verb, const std::string& summary,
                     const std::string& usage_example)
    : impl_(std::make_unique<Impl>(summary)) {
  impl_->app.name("undula " + verb);
  impl_->app.footer("\nExample:\n" + usage_example);
}

Arguments::~Arguments() = default;

void Arguments::Positional(const std::string& name, std::string* value, const std::string& help,
                           bool required) {
  impl_->app.add_option(name, *value, help)->required(required);
}

void Arguments::Positionals(const std::string& name, std::vector<std::string>* values,
                            const std::string& help, bool required) {
  impl_->app.add_option(name, *values, help)->required(required);
}

void Arguments::Option(const std::string& flags, std::string* value, const std::string& help) {
  impl_->app.add_option(flags, *value, help)->capture_default_str();
}

void Arguments::Option(const std::string& flags, int64_t* value, const std::string& help) {
  impl_->app.add_option(flags, *value, help)->capture_default_str();
}

void Arguments::Option(const std::string& flags, std::vector<std::string>* values,
                       const std::string& help) {
  impl_->app.add_option(flags, *values, help)->delimiter(',');
}

void Arguments::Flag(const std::string& flags, bool* value, const std::string& help) {
  impl_->app.add_flag(flags, *value, help);
}

void Arguments::Choice(const std::string& flags, std::string* value,
                       const std::vector<std::string>& choices, const std::string& help) {
  impl_->app.add_option(flags, *value, help)->check(CLI::IsMember(choices))->capture_default_str();
}

void Arguments::AllowOthers(std::vector<std::pair<std::string, std::string>>* others) {
  impl_->others = others;
  impl_->app.allow_extras();
}

absl::Status Arguments::Parse(const std::vector<std::string>& args, bool* help_shown) {
  *help_shown = false;
  try {
    std::vector<std::string> reversed(args.rbegin(), args.rend());
    impl_->app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    std::cout << impl_->app.help();
    *help_shown = true;
    return absl::OkStatus();
  } catch (const CLI::ParseError& e) {
    return absl::InvalidArgumentError(impl_->app.get_name() + ": " + e.what() + " (" +
                                      impl_->app.get_name() + " --help)");
  }
  if (impl_->others == nullptr) return absl::OkStatus();
  const std::vector<std::string> rest = impl_->app.remaining();
  for (size_t i = 0; i < rest.size(); ++i) {
    if (rest[i].rfind("--", 0) != 0) {
      return absl::InvalidArgumentError("unexpected argument '" + rest[i] + "'");
    }
    const size_t equals = rest[i].find('=');
    if (equals != std::string::npos) {
      impl_->others->emplace_back(rest[i].substr(2, equals - 2), rest[i].substr(equals + 1));
    } else if (i + 1 < rest.size()) {
      impl_->others->emplace_back(rest[i].substr(2), rest[i + 1]);
      ++i;
    } else {
      return absl::InvalidArgumentError("option '" + rest[i] + "' needs a value");
    }
  }
  return absl::OkStatus();
}

}  // namespace undula::cli
