#include "models/tune/space.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/rng.h"
#include "base/status.h"
#include "base/toml_tree.h"
#include "models/data/split.h"
#include "models/registry.h"
#include "models/train/trainer.h"

namespace undula::models {
namespace {

constexpr OptionField kBudgetFields[] = {
    UNDULA_OPTION(TuneBudget, trials, kInt, 1, 1e5, "", "settings drawn for each family"),
    UNDULA_OPTION(TuneBudget, epochs, kInt, 1, 1e6, "", "of the settings that are left at the end"),
    UNDULA_OPTION(TuneBudget, eta, kInt, 2, 100, "", "each rung keeps the best of every eta"),
    UNDULA_OPTION(TuneBudget, seed, kInt, 0, 9e18, "", "of the draws"),
};
constexpr OptionTable kBudgetTable{"tune", kBudgetFields};

// What the search itself sets, or what would make validation values incomparable.
constexpr std::string_view kNotVaried[] = {
    "epochs",     "seed",   "metric",         "metric_k",          "patience",
    "eval_every", "replay", "keep_optimizer", "checkpoint_epochs", "checkpoint_steps"};

std::string Folded(std::string key) {
  std::replace(key.begin(), key.end(), '-', '_');
  return key;
}

const OptionField* FindField(const OptionTable& table, std::string_view key) {
  for (const OptionField& field : table.fields) {
    if (field.name == key) return &field;
  }
  return nullptr;
}

absl::Status At(const TomlNode& node, const absl::Status& status) {
  return Error(status.code(), node.where, ": ", Message(status));
}

// A section of plain values.
absl::StatusOr<OptionMap> ReadFixed(const TomlNode& section, std::string_view name) {
  OptionMap out;
  for (const auto& [key, node] : section.table) {
    if (node.kind != TomlNode::Kind::kValue) {
      return InvalidArgumentError(node.where, ": [", name,
                                  "] holds fixed values; ranges stand in "
                                  "the section of a model");
    }
    if (!out.emplace(Folded(key), node.text).second) {
      return InvalidArgumentError(node.where, ": ", key, " is given twice");
    }
  }
  return out;
}

absl::StatusOr<double> Number(const TomlNode& node) {
  double value = 0;
  const char* end = node.text.data() + node.text.size();
  const auto [stopped, error] = std::from_chars(node.text.data(), end, value);
  if (node.kind != TomlNode::Kind::kValue || error != std::errc() || stopped != end) {
    return InvalidArgumentError(node.where, ": min and max are numbers");
  }
  return value;
}

// Shortest text of a number of four significant digits.
std::string NumberText(double value, bool whole) {
  char text[40];
  if (whole) return std::to_string(static_cast<int64_t>(std::llround(value)));
  auto written = std::to_chars(text, text + sizeof text, value, std::chars_format::general, 4);
  return {text, written.ptr};
}

class Parser {
 public:
  absl::StatusOr<TuneSpace> Run(const TomlNode& root, const std::string& name) {
    for (const auto& [section, node] : root.table) {
      if (node.kind != TomlNode::Kind::kTable) {
        return InvalidArgumentError(node.where, ": '", section,
                                    "' stands outside of a section; put it under [section]");
      }
      UNDULA_RETURN_IF_ERROR(ReadSection(section, node));
    }
    if (space_.families.empty()) {
      return InvalidArgumentError(name, ": no section names a model to tune, such as [ripplenet]");
    }
    return std::move(space_);
  }

 private:
  absl::Status ReadSection(const std::string& section, const TomlNode& node) {
    if (section == "tune") {
      UNDULA_ASSIGN_OR_RETURN(const OptionMap values, ReadFixed(node, section));
      const absl::Status set = SetOptions(kBudgetTable, &space_.budget, values);
      return set.ok() ? set : At(node, set);
    }
    if (section == "split") {
      UNDULA_ASSIGN_OR_RETURN(space_.split, ReadFixed(node, section));
      return absl::OkStatus();
    }
    if (section == "train") {
      UNDULA_ASSIGN_OR_RETURN(space_.train, ReadFixed(node, section));
      TrainOptions checked;
      const absl::Status set = SetOptions(TrainOptionTable(), &checked, space_.train);
      return set.ok() ? set : At(node, set);
    }
    const auto spec = FindModel(section);
    if (!spec.ok()) return At(node, spec.status());
    if ((*spec)->batch_kind == BatchKind::kNone) {
      return InvalidArgumentError(node.where, ": ", section, " learns nothing: nothing to tune");
    }
    TuneFamily family{*spec, {}};
    for (const auto& [key, value] : node.table) {
      const auto range = ReadRange(**spec, Folded(key), value);
      if (!range.ok()) return range.status();
      family.ranges.push_back(*range);
    }
    space_.families.push_back(std::move(family));
    return absl::OkStatus();
  }

  static absl::StatusOr<TuneRange> ReadRange(const ModelSpec& spec, const std::string& key,
                                             const TomlNode& node) {
    TuneRange range;
    range.key = key;
    const OptionField* field = FindField(spec.options, key);
    range.of_model = field != nullptr;
    if (field == nullptr) field = FindField(TrainOptionTable(), key);
    const OptionTable& table = range.of_model ? spec.options : TrainOptionTable();
    if (field == nullptr) return At(node, CheckOption(spec.options, key, ""));
    if (std::find(std::begin(kNotVaried), std::end(kNotVaried), key) != std::end(kNotVaried)) {
      return InvalidArgumentError(node.where, ": ", key, " is not varied; put it under ",
                                  key == "epochs" ? "[tune]" : "[train]");
    }
    if (node.kind == TomlNode::Kind::kTable) {
      UNDULA_RETURN_IF_ERROR(ReadInterval(*field, node, &range));
      range.values = {NumberText(range.min, range.whole), NumberText(range.max, range.whole)};
    } else if (node.kind == TomlNode::Kind::kValue) {
      range.values = {node.text};
    } else {
      for (const TomlNode& element : node.list) {
        if (element.kind != TomlNode::Kind::kValue) {
          return InvalidArgumentError(element.where, ": a list of ", key, " holds plain values");
        }
        range.values.push_back(element.text);
      }
      if (range.values.empty()) return InvalidArgumentError(node.where, ": the list is empty");
    }
    for (const std::string& value : range.values) {
      if (absl::Status s = CheckOption(table, key, value); !s.ok()) return At(node, s);
    }
    if (node.kind == TomlNode::Kind::kTable) range.values.clear();
    return range;
  }

  static absl::Status ReadInterval(const OptionField& field, const TomlNode& node,
                                   TuneRange* range) {
    if (field.kind != OptionKind::kInt && field.kind != OptionKind::kFloat) {
      return InvalidArgumentError(node.where, ": ", field.name, " is no number; give a list");
    }
    for (const auto& [key, value] : node.table) {
      if (key == "log" && (value.text == "true" || value.text == "false")) continue;
      if (key == "min" || key == "max") continue;
      return InvalidArgumentError(value.where,
                                  ": a range is { min = a, max = b, log = true|false }");
    }
    const TomlNode *min = node.Find("min"), *max = node.Find("max"), *log = node.Find("log");
    if (min == nullptr || max == nullptr) {
      return InvalidArgumentError(node.where, ": a range needs min and max");
    }
    UNDULA_ASSIGN_OR_RETURN(range->min, Number(*min));
    UNDULA_ASSIGN_OR_RETURN(range->max, Number(*max));
    range->logarithmic = log != nullptr && log->text == "true";
    range->whole = field.kind == OptionKind::kInt;
    if (!(range->min <= range->max) || (range->logarithmic && !(range->min > 0))) {
      return InvalidArgumentError(node.where, ": min must not be above max",
                                  range->logarithmic ? ", and above 0 with log" : "");
    }
    return absl::OkStatus();
  }

  TuneSpace space_;
};

double Drawn(const TuneRange& range, double u) {
  if (range.logarithmic) {
    const double low = std::log(range.min), high = std::log(range.max);
    return std::clamp(std::exp(low + u * (high - low)), range.min, range.max);
  }
  // Each whole number has the same chance.
  if (range.whole) return std::floor(range.min + u * (range.max - range.min + 1));
  return range.min + u * (range.max - range.min);
}

// The default of an option, where it is a number within the range.
bool DefaultWithin(const OptionMap& defaults, const TuneRange& range, std::string* text) {
  const auto it = defaults.find(range.key);
  if (it == defaults.end()) return false;
  double value = 0;
  std::from_chars(it->second.data(), it->second.data() + it->second.size(), value);
  if (!(value >= range.min && value <= range.max)) return false;
  *text = it->second;
  return true;
}

OptionMap DefaultsOf(const TuneFamily& family) {
  OptionMap defaults;
  const TrainOptions train;
  defaults = GetOptions(TrainOptionTable(), &train);
  if (auto model = family.spec->make({}, DType::kF32); model.ok()) {
    for (auto& [key, value] : GetOptions(family.spec->options, (*model)->options())) {
      defaults[key] = value;
    }
  }
  return defaults;
}

}  // namespace

absl::StatusOr<TuneSpace> ParseTuneSpace(std::string_view toml, const std::string& name) {
  UNDULA_ASSIGN_OR_RETURN(const TomlNode root, ParseToml(toml, name));
  return Parser().Run(root, name);
}

TuneSetting DrawSetting(const TuneSpace& space, const TuneFamily& family, int64_t trial) {
  const Rng rng(static_cast<uint64_t>(space.budget.seed), RngStream::kTune,
                static_cast<uint32_t>(trial));
  const OptionMap defaults = trial == 0 ? DefaultsOf(family) : OptionMap();
  TuneSetting out;
  out.train = space.train;
  for (size_t i = 0; i < family.ranges.size(); ++i) {
    const TuneRange& range = family.ranges[i];
    std::string text;
    if (!range.values.empty()) {
      const auto n = static_cast<uint32_t>(range.values.size());
      text = range.values[trial == 0 ? 0 : rng.Below(i, n)];
    } else if (trial > 0 || !DefaultWithin(defaults, range, &text)) {
      text = NumberText(Drawn(range, rng.Uniform(i)), range.whole);
    }
    (range.of_model ? out.model : out.train)[range.key] = text;
  }
  return out;
}

std::vector<TuneRung> TuneRungs(const TuneBudget& budget) {
  std::vector<TuneRung> rungs;
  int64_t trials = budget.trials;
  std::vector<int64_t> counts = {trials};
  while (trials > 1) counts.push_back(trials = (trials + budget.eta - 1) / budget.eta);
  int64_t epochs = budget.epochs;
  std::vector<int64_t> lengths = {epochs};
  while (lengths.size() < counts.size() && epochs > 1) {
    lengths.push_back(epochs = std::max<int64_t>(1, epochs / budget.eta));
  }
  // Fewer lengths than counts: the shortest rung has all settings, and the last ones are left out.
  for (size_t r = 0; r < lengths.size(); ++r) {
    rungs.push_back({counts[r], lengths[lengths.size() - 1 - r]});
  }
  return rungs;
}

int64_t TotalEpochs(const TuneBudget& budget) {
  int64_t total = 0, before = 0;
  for (const auto& [trials, epochs] : TuneRungs(budget)) {
    total += trials * (epochs - before);
    before = epochs;
  }
  return total;
}

}  // namespace undula::models
