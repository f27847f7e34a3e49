// What the library offers: version, devices, models and their options.
#include <string>
#include <vector>

#include "base/options.h"
#include "base/status.h"
#include "models/data/split.h"
#include "models/kge/kge.h"
#include "models/kge/triples.h"
#include "models/registry.h"
#include "models/train/trainer.h"
#include "propagation/exec.h"
#include "propagation/simd/request.h"
#include "undula/common.h"
#include "undula/training.h"

namespace undula {
namespace {

std::string RangeOf(const OptionField& field) {
  switch (field.kind) {
    case OptionKind::kBool:
      return "true|false";
    case OptionKind::kInt:
    case OptionKind::kFloat:
      return Concat(field.min, "..", field.max);
    case OptionKind::kChoice:
      return std::string(field.choices);
    case OptionKind::kString:
      return "text";
  }
  return "";
}

std::vector<OptionInfo> Describe(const OptionTable& table, const void* defaults) {
  const OptionMap values = GetOptions(table, defaults);
  std::vector<OptionInfo> out;
  for (const OptionField& field : table.fields) {
    const auto value = values.find(std::string(field.name));
    out.push_back({std::string(field.name), value == values.end() ? "" : value->second,
                   RangeOf(field), std::string(field.help)});
  }
  return out;
}

}  // namespace

std::string_view Version() { return "0.1.0"; }

std::string DescribeSimd() { return propagation::simd::DescribeTarget(); }

std::string DescribeGpus() { return propagation::DescribeGpus(); }

std::vector<ModelFamily> ModelCatalog() {
  std::vector<ModelFamily> out;
  for (const models::ModelSpec* spec : models::AllModels()) {
    ModelFamily family;
    family.name = std::string(spec->name);
    family.title = std::string(spec->title);
    family.paper = std::string(spec->paper);
    family.fold_in = spec->capabilities.fold_in;
    family.explains = spec->capabilities.explains;
    family.vectors = spec->capabilities.factors;
    family.uses_graph = spec->capabilities.uses_graph;
    if (auto model = spec->make({}, DType::kF32); model.ok()) {
      family.options = Describe(spec->options, (*model)->options());
    }
    out.push_back(std::move(family));
  }
  return out;
}

std::vector<OptionInfo> TrainOptionCatalog() {
  const models::TrainOptions defaults;
  return Describe(models::TrainOptionTable(), &defaults);
}

std::vector<OptionInfo> SplitOptionCatalog() {
  const models::SplitOptions defaults;
  return Describe(models::SplitOptionTable(), &defaults);
}

std::vector<OptionInfo> EmbedOptionCatalog() {
  const models::KgeOptions model;
  const models::TripleOptions triples;
  std::vector<OptionInfo> out;
  const auto add = [&](const char* section, std::vector<OptionInfo> options) {
    for (OptionInfo& option : options) {
      option.name = Concat(section, ".", option.name);
      out.push_back(std::move(option));
    }
  };
  add("model", Describe(models::KgeOptionTable(), &model));
  add("triples", Describe(models::TripleOptionTable(), &triples));
  return out;
}

}  // namespace undula
