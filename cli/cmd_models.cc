#include <algorithm>
#include <iostream>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/table.h"

namespace undula::cli {
namespace {

absl::Status ShowFamily(const std::string& name, const std::string& format) {
  std::string names;
  for (const ModelFamily& family : ModelCatalog()) {
    names += " " + family.name;
    if (family.name != name) continue;
    std::cerr << family.title << ": " << family.paper << "\nfold-in "
              << (family.fold_in ? "yes" : "no") << ", explains "
              << (family.explains ? "yes" : "no") << ", vectors " << (family.vectors ? "yes" : "no")
              << "\n";
    Table table({"section", "option", "default", "range", "meaning"});
    const auto add = [&](const char* section, const std::vector<OptionInfo>& options) {
      for (const OptionInfo& o : options) {
        table.Add({section, o.name, o.default_value, o.range, o.help});
      }
    };
    add("model", family.options);
    add("train", TrainOptionCatalog());
    add("split", SplitOptionCatalog());
    table.Print(format);
    return absl::OkStatus();
  }
  return absl::NotFoundError("no model family '" + name + "'; there are" + names);
}

void ListFamilies(const std::string& format) {
  Table table({"model", "title", "paper", "fold_in", "explains", "vectors"});
  const auto yes = [](bool b) { return b ? "yes" : "no"; };
  for (const ModelFamily& f : ModelCatalog()) {
    table.Add({f.name, f.title, f.paper, yes(f.fold_in), yes(f.explains), yes(f.vectors)});
  }
  table.Print(format);
}

}  // namespace

absl::Status RunModels(const Args& args) {
  Arguments a("models",
              "`models list`: what can be trained. `models show NAME`: a family's options.\n"
              "`models DATABASE`: what is stored. `models DATABASE --remove NAME`: removes one.",
              "  undula models show ripplenet\n  undula models films.undula");
  std::vector<std::string> what;
  std::string remove, details, format = "table";
  int64_t wait = 0;
  a.Positionals("what", &what, "list | show NAME | DATABASE");
  a.Option("--remove", &remove, "remove this stored model");
  a.Option("--details", &details, "print what is stored with this model");
  a.Option("--wait", &wait, kWaitHelp);
  a.Choice("--format", &format, {"table", "csv", "json"}, "how to print rows");
  bool help = false;
  if (absl::Status s = a.Parse(args, &help); !s.ok() || help) return s;
  if (what[0] == "list" && what.size() == 1) {
    ListFamilies(format);
    return absl::OkStatus();
  }
  if (what[0] == "show" && what.size() == 2) return ShowFamily(what[1], format);
  if (what.size() != 1) {
    return absl::InvalidArgumentError("give list, show NAME, or a database (undula models --help)");
  }
  auto database = OpenDatabase(what[0], false, remove.empty(), 0, wait);
  if (!database.ok()) return database.status();
  if (!remove.empty()) return (*database)->RemoveModel(remove);
  auto models = (*database)->Models();
  if (!models.ok()) return models.status();
  if (!details.empty()) {
    Table table({"key", "value"});
    bool found = false;
    for (const StoredModel& m : *models) {
      if (m.name != details) continue;
      found = true;
      for (const auto& [key, value] : m.metadata) table.Add({key, value});
    }
    if (!found) return absl::NotFoundError("no stored model '" + details + "'");
    table.Print(format);
    return absl::OkStatus();
  }
  Table table({"name", "model", "best", "trained"});
  const auto get = [](const OptionMap& map, const char* key) {
    const auto it = map.find(key);
    return it == map.end() ? std::string() : it->second;
  };
  for (const StoredModel& m : *models) {
    if (get(m.metadata, "kind") == "vectors") {  // imported, not trained
      table.Add({m.name, m.family,
                 get(m.metadata, "count") + " of " + get(m.metadata, "dim") + " dimensions, " +
                     get(m.metadata, "space"),
                 ""});
      continue;
    }
    table.Add({m.name, m.family, get(m.metadata, "best_metric"), get(m.metadata, "trained")});
  }
  table.Print(format);
  return absl::OkStatus();
}

}  // namespace undula::cli
