// DetectSchema: the compiled-in column map that fits a file.
#include <algorithm>
#include <memory>
#include <set>

#include "base/status.h"
#include "kgstore/input_stream.h"
#include "kgstore/row_records.h"
#include "kgstore/row_splitter.h"
#include "kgstore/schema.h"
#include "kgstore/text_window.h"

namespace undula::kgstore {
namespace {

// A map for the files of one data set only: all its names are plain.
bool IsForNamedFiles(const Schema& schema) {
  return !schema.files.empty() &&
         std::all_of(schema.files.begin(), schema.files.end(), [](const std::string& file) {
           return file.find_first_of("*?") == std::string::npos;
         });
}

// The front of the file that is looked at.
constexpr size_t kHeadBytes = size_t{64} << 10;

// Shell patterns with * and ?.
bool Matches(std::string_view pattern, std::string_view name) {
  if (pattern.empty()) return name.empty();
  if (pattern[0] == '*') {
    for (size_t skip = 0; skip <= name.size(); ++skip) {
      if (Matches(pattern.substr(1), name.substr(skip))) return true;
    }
    return false;
  }
  return !name.empty() && (pattern[0] == '?' || pattern[0] == name[0]) &&
         Matches(pattern.substr(1), name.substr(1));
}

// How many columns of the map the header has (for maps by column name), 0 where it lacks a required
// one. For maps by number 1 where the first row has the columns needed.
int Fit(const Schema& schema, std::string_view line) {
  if (schema.separator == RowSplitter::kJson) return line.starts_with('{') ? 1 : 0;
  RowSplitter splitter(schema.separator, schema.quote);
  std::vector<Field> fields;
  std::string_view error;
  size_t offset = 0;
  if (!splitter.Split(line, &fields, &error, &offset)) return 0;
  const bool named = schema.has_names();
  if (schema.skip_lines > 0 || schema.header == HeaderMode::kSkip) return 1;
  if (schema.header == HeaderMode::kRecbole && line.find(':') == line.npos) return 0;
  const std::vector<std::string> header =
      named ? HeaderNames(fields, schema.header) : std::vector<std::string>();
  const auto records = RowRecords::Bind(schema, header, "", false);
  if (!records.ok()) return 0;
  if (!named) return static_cast<int>(fields.size()) >= (*records)->needed() ? 1 : 0;
  std::set<std::string> found;
  for (const RecordMap& map : schema.records) {
    for (const auto& [role, column] : map.columns) {
      for (const std::string& name : column.names) {
        if (std::find(header.begin(), header.end(), name) != header.end()) found.insert(name);
      }
    }
  }
  return static_cast<int>(found.size());
}

std::string NamesOf(const std::vector<const Schema*>& schemas) {
  std::string names;
  for (const Schema* schema : schemas) names += Concat(names.empty() ? "" : ", ", schema->name);
  return names;
}

absl::StatusOr<std::string> FirstLine(const std::string& path) {
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<InputStream> stream, InputStream::Open(path));
  TextWindow window(stream.get(), nullptr);
  UNDULA_RETURN_IF_ERROR(window.SkipByteOrderMark());
  UNDULA_RETURN_IF_ERROR(window.FillTo(kHeadBytes));
  std::string_view line = window.unread().substr(0, kHeadBytes);
  line = line.substr(0, line.find('\n'));
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return std::string(line);
}

}  // namespace

absl::StatusOr<Schema> DetectSchema(const std::string& path) {
  UNDULA_ASSIGN_OR_RETURN(const std::vector<Schema> schemas, EmbeddedSchemas());
  UNDULA_ASSIGN_OR_RETURN(const std::string line, FirstLine(path));
  const std::string name = PlainFileName(path);

  // Three tiers: a plain file name, a pattern, the header alone (the maps with most columns in it).
  std::vector<const Schema*> exact, pattern, header, all;
  int most = 0;
  for (const Schema& schema : schemas) {
    all.push_back(&schema);
    const int fit = Fit(schema, line);
    if (fit == 0) continue;
    if (schema.has_names() && !IsForNamedFiles(schema) && fit >= most) {
      if (fit > most) header.clear();
      most = fit;
      header.push_back(&schema);
    }
    for (const std::string& file : schema.files) {
      if (!Matches(file, name)) continue;
      const bool plain = file.find_first_of("*?") == std::string::npos;
      auto& tier = plain ? exact : pattern;
      if (tier.empty() || tier.back() != &schema) tier.push_back(&schema);
    }
  }
  for (const auto& tier : {exact, pattern, header}) {
    if (tier.size() == 1) return *tier[0];
    if (tier.size() > 1) {
      return InvalidArgumentError(path, " fits several formats: ", NamesOf(tier),
                                  "; name one (--schema)");
    }
  }
  return NotFoundError("no format fits ", path, "; name one (--schema) of ", NamesOf(all),
                       ", or the path of a .toml file (docs/data-formats.md)");
}

}  // namespace undula::kgstore
