// DetectSchema: the compiled-in column map that fits a file.
#include <algorithm>
#include <memory>

#include "base/status.h"
#include "kgstore/input_stream.h"
#include "kgstore/row_splitter.h"
#include "kgstore/schema.h"
#include "kgstore/table_columns.h"
#include "kgstore/text_window.h"

namespace undula::kgstore {
namespace {

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

bool HasNames(const Schema& schema) {
  return schema.header == HeaderMode::kNames || schema.header == HeaderMode::kRecbole;
}

// Whether the header (for maps by column name) or the first row (for maps by number) has the
// columns that the map needs.
bool FitsFirstLine(const Schema& schema, std::string_view line) {
  RowSplitter splitter(schema.separator, schema.quote);
  std::vector<Field> fields;
  std::string_view error;
  size_t offset = 0;
  if (!splitter.Split(line, &fields, &error, &offset)) return false;
  if (!HasNames(schema)) {
    const auto columns = ResolveColumns(schema, {});
    return columns.ok() && (schema.skip_lines > 0 || schema.header == HeaderMode::kSkip ||
                            static_cast<int>(fields.size()) >= columns->needed);
  }
  if (schema.skip_lines > 0) return true;
  if (schema.header == HeaderMode::kRecbole && line.find(':') == line.npos) return false;
  return ResolveColumns(schema, HeaderNames(fields, schema.header)).ok();
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

  // Three tiers: a plain file name, a pattern, the header alone.
  std::vector<const Schema*> exact, pattern, header, all;
  for (const Schema& schema : schemas) {
    all.push_back(&schema);
    if (!FitsFirstLine(schema, line)) continue;
    if (HasNames(schema)) header.push_back(&schema);
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
                       ", or the path of a .toml file (data/schemas/README.md)");
}

}  // namespace undula::kgstore
