#include "tests/conformance/oracle_file.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/status.h"
#include "tests/shared_path.h"

namespace undula {
namespace {

using nlohmann::json;

OracleTensor Tensor(const json& value) {
  OracleTensor tensor;
  tensor.shape = value.at("shape").get<std::vector<int64_t>>();
  tensor.data = value.at("data").get<std::vector<double>>();
  return tensor;
}

bool IsTensor(const json& value) { return value.is_object() && value.contains("shape"); }

OracleTensors Tensors(const json& file, const char* key) {
  OracleTensors result;
  if (!file.contains(key) || !file.at(key).is_object()) return result;
  for (const auto& [name, value] : file.at(key).items()) {
    if (IsTensor(value)) {
      result[name] = Tensor(value);
    } else if (value.is_number()) {
      result[name] = OracleTensor{{}, {value.get<double>()}};
    }
  }
  return result;
}

Oracle Parse(std::string_view name, const json& file) {
  Oracle oracle;
  oracle.name = name;
  oracle.model = file.at("model").get<std::string>();
  oracle.notes = file.value("notes", "");
  for (const auto& [key, value] : file.at("config").items()) {
    if (value.is_boolean()) {
      oracle.numbers[key] = value.get<bool>() ? 1 : 0;
    } else if (value.is_number()) {
      oracle.numbers[key] = value.get<double>();
    } else if (value.is_string()) {
      oracle.texts[key] = value.get<std::string>();
    }
  }
  oracle.inputs = Tensors(file, "inputs");
  oracle.parameters = Tensors(file, "parameters");
  oracle.outputs = Tensors(file, "outputs");
  oracle.gradients = Tensors(file, "gradients");
  if (file.contains("loss")) {
    const json& loss = file.at("loss");
    if (loss.is_number()) {
      oracle.losses["total"] = loss.get<double>();
    } else if (loss.is_object()) {
      for (const auto& [term, value] : loss.items()) oracle.losses[term] = value.get<double>();
    }
  }
  if (file.contains("gradients_of_terms")) {
    for (const auto& [term, value] : file.at("gradients_of_terms").items()) {
      oracle.gradients_of_terms[term] = Tensors(file.at("gradients_of_terms"), term.c_str());
    }
  }
  return oracle;
}

double Difference(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!std::isfinite(a[i])) return std::numeric_limits<double>::infinity();
    largest = std::max(largest, std::abs(a[i] - b[i]));
  }
  return largest;
}

double Largest(const std::vector<double>& values) {
  double largest = 0;
  for (const double v : values) largest = std::max(largest, std::abs(v));
  return largest;
}

double Ratio(double difference, double scale) {
  if (difference == 0) return 0;
  return scale == 0 ? std::numeric_limits<double>::infinity() : difference / scale;
}

}  // namespace

std::vector<std::string> ListOracles(std::string_view prefix) {
  std::vector<std::string> names;
  const std::string folder = SharedPath("oracles");
  if (folder.empty()) return names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::filesystem::path& path = entry.path();
    if (path.extension() == ".json" && path.stem().string().starts_with(prefix)) {
      names.push_back(path.stem().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<Oracle> ReadOracle(std::string_view name) {
  const std::string path = SharedPath(Concat("oracles/", name, ".json"));
  if (path.empty()) return NotFoundError("no oracle '", name, "' in UNDULA_SHARED");
  std::ifstream in(path);
  try {
    return Parse(name, json::parse(in));
  } catch (const json::exception& e) {
    return DataLossError(path, ": ", e.what());
  }
}

std::string OracleTestName(std::string_view oracle) {
  std::string name(oracle);
  for (char& c : name) {
    const bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!ok) c = '_';
  }
  return name;
}

double OutputError(const std::vector<double>& a, const std::vector<double>& b) {
  return Ratio(Difference(a, b), Largest(b));
}

double GradientError(const std::vector<double>& a, const std::vector<double>& b,
                     double largest_gradient) {
  return Ratio(Difference(a, b), std::max(Largest(b), 1e-3 * largest_gradient));
}

double ScalarError(double a, double b) {
  return std::isfinite(a) ? std::abs(a - b) / std::max(std::abs(b), 1.0)
                          : std::numeric_limits<double>::infinity();
}

double LargestGradient(const OracleTensors& gradients) {
  double largest = 0;
  for (const auto& [name, tensor] : gradients) largest = std::max(largest, Largest(tensor.data));
  return largest;
}

}  // namespace undula
