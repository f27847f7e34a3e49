#include "cli/report/run_files.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <limits>
#include <sstream>

namespace undula::cli::report {
namespace {

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  bool Object(FlatObject* out) {
    if (!Take('{')) return false;
    if (Take('}')) return AtEnd();
    do {
      std::string key, value;
      if (!String(&key) || !Take(':') || !Value(&value)) return false;
      (*out)[key] = value;
    } while (Take(','));
    return Take('}') && AtEnd();
  }

 private:
  void Skip() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\r')) {
      ++at_;
    }
  }
  bool Take(char c) {
    Skip();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool AtEnd() {
    Skip();
    return at_ == text_.size();
  }
  bool Value(std::string* out) {
    Skip();
    if (at_ < text_.size() && text_[at_] == '"') return String(out);
    const size_t end = text_.find_first_of(",} \t\r", at_);
    if (end == std::string_view::npos || end == at_) return false;
    *out = text_.substr(at_, end - at_);
    at_ = end;
    return out->find_first_of("{[\"") == std::string::npos;
  }
  bool String(std::string* out) {
    if (!Take('"')) return false;
    while (at_ < text_.size() && text_[at_] != '"') {
      char c = text_[at_++];
      if (c == '\\' && !Escape(&c, out)) return false;
      if (c != '\0') out->push_back(c);
    }
    return Take('"');
  }
  // A character behind a backslash; of \uXXXX the UTF-8 is appended and *c is 0.
  bool Escape(char* c, std::string* out) {
    if (at_ >= text_.size()) return false;
    *c = text_[at_++];
    switch (*c) {
      case 'n':
        *c = '\n';
        return true;
      case 't':
        *c = '\t';
        return true;
      case 'r':
        *c = '\r';
        return true;
      case 'b':
      case 'f':
        *c = ' ';
        return true;
      case 'u': {
        uint32_t code = 0;
        const char* begin = text_.data() + at_;
        if (at_ + 4 > text_.size() ||
            std::from_chars(begin, begin + 4, code, 16).ptr != begin + 4) {
          return false;
        }
        at_ += 4;
        *c = '\0';
        if (code < 0x80) {
          out->push_back(static_cast<char>(code));
        } else if (code < 0x800) {
          out->push_back(static_cast<char>(0xC0 | code >> 6));
          out->push_back(static_cast<char>(0x80 | (code & 0x3F)));
        } else {  // halves of a pair stay halves: invalid UTF-8, which the writers replace
          out->push_back(static_cast<char>(0xE0 | code >> 12));
          out->push_back(static_cast<char>(0x80 | (code >> 6 & 0x3F)));
          out->push_back(static_cast<char>(0x80 | (code & 0x3F)));
        }
        return true;
      }
      default:
        return true;
    }
  }

  std::string_view text_;
  size_t at_ = 0;
};

SourceFile Describe(const std::string& path, const std::string& text) {
  uint64_t hash = 0xCBF29CE484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  char digits[32];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(hash));
  return {BaseName(path), static_cast<int64_t>(text.size()), digits};
}

// Calls fn(object) for each line that is not empty; errors name file:line.
template <class Fn>
absl::Status ForEachLine(const std::string& file, const std::string& text, const Fn& fn) {
  std::istringstream in(text);
  int64_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    auto object = ParseFlatObject(line);
    absl::Status status = object.ok() ? fn(*object) : object.status();
    if (!status.ok()) {
      return absl::InvalidArgumentError(file + ":" + std::to_string(number) + ": " +
                                        std::string(status.message()));
    }
  }
  return absl::OkStatus();
}

std::string TextOf(const FlatObject& object, const std::string& key) {
  const auto it = object.find(key);
  return it == object.end() ? std::string() : it->second;
}

}  // namespace

absl::StatusOr<FlatObject> ParseFlatObject(std::string_view line) {
  FlatObject out;
  if (Parser(line).Object(&out)) return out;
  return absl::InvalidArgumentError("not a JSON object of plain values");
}

double NumberOf(const FlatObject& object, const std::string& key) {
  const std::string text = TextOf(object, key);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  return value;
}

absl::StatusOr<std::string> ReadText(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return absl::NotFoundError("cannot read " + file);
  return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

std::string BaseName(std::string_view path) {
  const size_t slash = path.find_last_of('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

absl::StatusOr<Curve> ReadCurve(const std::string& spec) {
  const size_t equals = spec.find('=');
  const std::string file = equals == std::string::npos ? spec : spec.substr(equals + 1);
  auto text = ReadText(file);
  if (!text.ok()) return text.status();
  Curve curve;
  curve.file = Describe(file, *text);
  curve.name = equals == std::string::npos ? curve.file.name.substr(0, curve.file.name.find('.'))
                                           : spec.substr(0, equals);
  absl::Status status = ForEachLine(file, *text, [&](const FlatObject& line) -> absl::Status {
    const double epoch = NumberOf(line, "epoch");
    if (!(epoch >= 1 && epoch < 1e9)) {
      return absl::InvalidArgumentError(
          "no epoch; is this the file of `undula train --metrics FILE`?");
    }
    const auto number = static_cast<int64_t>(epoch);
    // A run that went on from a checkpoint may have done an epoch again.
    while (!curve.epochs.empty() && curve.epochs.back().epoch >= number) curve.epochs.pop_back();
    curve.epochs.push_back({number, NumberOf(line, "loss"), NumberOf(line, "value"),
                            NumberOf(line, "seconds"), TextOf(line, "best") == "true",
                            NumberOf(line, "peak_mib")});
    curve.metric = TextOf(line, "metric");
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  if (!curve.epochs.empty() && curve.epochs[0].epoch > 1) curve.resumed_at = curve.epochs[0].epoch;
  return curve;
}

absl::StatusOr<std::vector<PublishedValue>> ReadPublished(const std::string& file,
                                                          SourceFile* source) {
  auto text = ReadText(file);
  if (!text.ok()) return text.status();
  *source = Describe(file, *text);
  std::vector<PublishedValue> out;
  std::istringstream in(*text);
  int64_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty() || line[0] == '#') continue;
    std::vector<std::string> fields;
    std::istringstream columns(line);
    for (std::string field; std::getline(columns, field, '\t');) fields.push_back(field);
    PublishedValue row;
    row.value = fields.size() == 5 ? NumberOf({{"value", fields[2]}}, "value") : NAN;
    if (!std::isfinite(row.value)) {
      return absl::InvalidArgumentError(
          file + ":" + std::to_string(number) +
          ": not five columns, separated by tabs: model, metric, value, protocol, source");
    }
    row.model = fields[0];
    row.metric = fields[1];
    row.protocol = fields[3];
    row.source = fields[4];
    out.push_back(std::move(row));
  }
  return out;
}

std::string EpochsCsv(const std::vector<Curve>& curves) {
  const auto number = [](double value) {
    if (!std::isfinite(value)) return std::string();
    char digits[32];
    std::snprintf(digits, sizeof digits, "%.9g", value);
    return std::string(digits);
  };
  const auto text = [](const std::string& value) {
    if (value.find_first_of(",\"\r\n") == std::string::npos) return value;
    std::string out = "\"";
    for (const char c : value) out += c == '"' ? std::string("\"\"") : std::string(1, c);
    return out + "\"";
  };
  std::string out = "model,file,epoch,loss,metric,value,best,seconds,peak_mib\n";
  for (const Curve& curve : curves) {
    for (const Epoch& e : curve.epochs) {
      out += text(curve.name) + "," + text(curve.file.name) + "," + std::to_string(e.epoch) + "," +
             number(e.loss) + "," + text(curve.metric) + "," + number(e.value) + "," +
             (e.best ? "1" : "0") + "," + number(e.seconds) + "," + number(e.memory) + "\n";
    }
  }
  return out;
}

absl::StatusOr<std::vector<Trial>> ReadTrials(const std::string& file, SourceFile* source) {
  auto text = ReadText(file);
  if (!text.ok()) return text.status();
  *source = Describe(file, *text);
  std::vector<Trial> trials;
  absl::Status status = ForEachLine(file, *text, [&](const FlatObject& line) -> absl::Status {
    const double number = NumberOf(line, "trial");
    if (!(number >= 0 && number < 1e9) || TextOf(line, "model").empty()) {
      return absl::InvalidArgumentError(
          "no trial; is this what `undula tune --format json` has printed?");
    }
    Trial trial;
    trial.model = TextOf(line, "model");
    trial.metric = TextOf(line, "metric");
    trial.trial = static_cast<int64_t>(number);
    trial.epochs = static_cast<int64_t>(NumberOf(line, "epochs"));
    trial.value = NumberOf(line, "value");
    trial.cpu_seconds = NumberOf(line, "CPU seconds");
    std::string setting = TextOf(line, "setting");
    if (const size_t failed = setting.find("failed: "); failed != std::string::npos) {
      trial.error = setting.substr(failed + 8);
      setting.resize(failed);
    }
    std::istringstream words(setting);
    for (std::string word; words >> word;) {
      if (const size_t equals = word.find('='); equals != std::string::npos) {
        trial.setting[word.substr(0, equals)] = word.substr(equals + 1);
      }
    }
    trials.push_back(std::move(trial));
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return trials;
}

}  // namespace undula::cli::report
