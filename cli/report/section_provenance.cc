// Where everything came from: options, files, papers; and the whole report put together.
#include <algorithm>

#include "cli/report/sections.h"
#include "cli/report/text.h"

namespace undula::cli::report {
namespace {

constexpr size_t kMostOptionRows = 600, kMostModels = 100;

std::string Meta(const ModelFacts& model, const std::string& key) {
  const auto it = model.stored.metadata.find(key);
  return it == model.stored.metadata.end() ? std::string() : it->second;
}

// The default of "model.dim", or null where it is not known.
const std::string* DefaultOf(const std::string& key, const std::vector<OptionInfo>& model,
                             const std::vector<OptionInfo>& train,
                             const std::vector<OptionInfo>& split) {
  const size_t dot = key.find('.');
  const std::string section = key.substr(0, dot), name = key.substr(dot + 1);
  for (const OptionInfo& option : section == "model" ? model : section == "train" ? train : split) {
    if (option.name == name) return &option.default_value;
  }
  return nullptr;
}

void AddOptions(const Facts& facts, Section* section) {
  Table changed{.id = "options-changed",
                .caption = "Options that are not at their defaults",
                .columns = {"model", "option", "value", "default"}};
  Table others{.id = "options-default",
               .caption = "Options at their defaults",
               .columns = {"model", "option", "value"},
               .folded = true};
  const std::vector<OptionInfo> train = TrainOptionCatalog(), split = SplitOptionCatalog();
  for (const ModelFacts& model : facts.models) {
    for (const auto& [key, stored] : model.stored.metadata) {
      if (!key.starts_with("model.") && !key.starts_with("train.") && !key.starts_with("split.")) {
        continue;
      }
      const std::string value = key.ends_with("_file") ? BaseName(stored) : stored;
      const std::string* usual = DefaultOf(key, model.options, train, split);
      Table& table = usual != nullptr && *usual == stored ? others : changed;
      if (table.rows.size() >= kMostOptionRows) {
        ++table.left_out;
      } else if (&table == &others) {
        table.rows.push_back({model.stored.name, key, value});
      } else {
        table.rows.push_back({model.stored.name, key, value, usual == nullptr ? "" : *usual});
      }
    }
  }
  if (!changed.rows.empty()) section->blocks.push_back(std::move(changed));
  if (!others.rows.empty()) section->blocks.push_back(std::move(others));
}

}  // namespace

Section ProvenanceSection(const Facts& facts) {
  Section section{.id = "provenance", .title = "Options and provenance"};
  if (facts.models.empty()) {
    section.missing = "No model is stored: undula train DB stores one with its options.";
  }
  AddOptions(facts, &section);
  if (!facts.models.empty()) {
    Table models{
        .id = "models",
        .caption = "Stored models",
        .columns = {"model", "family", "trained", "on", "with", "best epoch", "on validation",
                    "seconds", "CPU seconds", "peak MiB", "started from", "checksum", "paper"}};
    for (const ModelFacts& model : facts.models) {
      if (models.rows.size() >= kMostModels) {
        ++models.left_out;
        continue;
      }
      models.rows.push_back(
          {model.stored.name, model.title, Meta(model, "trained"), Meta(model, "device"),
           Meta(model, "writer"), Meta(model, "best_epoch"), Meta(model, "best_metric"),
           Meta(model, "seconds"), Meta(model, "cpu_seconds"), Meta(model, "peak_mib"),
           Meta(model, "start"), Meta(model, "checksum"), model.paper});
    }
    section.blocks.push_back(std::move(models));
  }
  Table files{.id = "files",
              .caption = "Files that this report was made from",
              .columns = {"file", "bytes", "FNV-1a of the content"}};
  files.rows.push_back({BaseName(facts.options.database), facts.stats.file_bytes,
                        "format " + std::to_string(facts.stats.format_version) + ", generation " +
                            std::to_string(facts.stats.generation)});
  for (const SourceFile& file : facts.files) {
    files.rows.push_back({file.name, file.bytes, file.hash});
  }
  section.blocks.push_back(std::move(files));
  if (!facts.options.command.empty()) {
    section.blocks.push_back(Paragraph{"Made by: " + facts.options.command});
  }
  // DESIGN: every result stands beside what it has to beat; what was not run is named.
  if (!facts.rows.empty()) {
    std::string missing;
    for (const char* baseline : {"most_popular", "item_log_odds"}) {
      const bool there =
          std::any_of(facts.rows.begin(), facts.rows.end(),
                      [&](const EvaluationRow& row) { return row.model == baseline; });
      if (!there) missing += (missing.empty() ? "" : ", ") + std::string(baseline);
    }
    const bool off = std::any_of(facts.models.begin(), facts.models.end(),
                                 [](const ModelFacts& model) { return !model.uses_graph; });
    if (!off) missing += (missing.empty() ? "" : ", ") + std::string("a model without the graph");
    if (!missing.empty()) section.blocks.push_back(Paragraph{"Not run: " + missing + "."});
  }
  return section;
}

Document BuildReport(const Facts& facts) {
  Document document;
  document.title = "Undula report: " + BaseName(facts.options.database);
  document.verdict = Verdict(facts);
  document.graph_verdict = GraphVerdict(facts);
  auto& head = document.head;
  if (!facts.models.empty()) {
    const ModelFacts& first = facts.models[0];
    std::string names, seeds;
    for (const ModelFacts& m : facts.models) {
      names += (names.empty() ? "" : ", ") + m.stored.name;
      const std::string seed = Meta(m, "train.seed");
      if (!seed.empty()) seeds += (seeds.empty() ? "" : ", ") + seed;
    }
    head.emplace_back("Models", Shorten(names, 400));
    head.emplace_back("Protocol", facts.protocol);
    head.emplace_back("Seeds", Shorten(seeds, 200));
    if (!Meta(first, "trained").empty()) {
      head.emplace_back("Trained", Meta(first, "trained") + " on " + Meta(first, "device") +
                                       " with " + Meta(first, "writer"));
    }
  }
  head.emplace_back("Data", HumanNumber(facts.stats.users) + " users, " +
                                HumanNumber(facts.stats.items) + " items, " +
                                HumanNumber(facts.stats.interactions) + " interactions");
  head.emplace_back("Graph", HumanNumber(facts.stats.triples) + " triples, " +
                                 HumanNumber(facts.stats.entities) + " entities, " +
                                 HumanNumber(facts.stats.items_linked) + " of " +
                                 HumanNumber(facts.stats.items) + " items linked");
  for (const auto make :
       {MetricsSection, CurvesSection, ComparisonSection, RecommendedSection, GraphSection,
        DataSection, ExplanationsSection, TuningSection, ProvenanceSection}) {
    document.sections.push_back(make(facts));
  }
  return document;
}

}  // namespace undula::cli::report
