#include "kgstore/row_records.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/options.h"
#include "base/status.h"
#include "kgstore/cell_values.h"

namespace undula::kgstore {
namespace {

bool Contains(std::span<const std::string_view> words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool ContainsText(const std::vector<std::string>& texts, std::string_view text) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

// The field of a column, -1 where the header lacks it.
absl::StatusOr<int> FindField(const Column& column, std::span<const std::string> header,
                              bool named) {
  for (const std::string& name : column.names) {
    const auto found = std::find(header.begin(), header.end(), name);
    if (found != header.end()) {
      if (std::find(found + 1, header.end(), name) != header.end()) {
        return InvalidArgumentError("the header has column '", name, "' twice");
      }
      return static_cast<int>(found - header.begin());
    }
    int number = 0;
    const char* end = name.data() + name.size();
    const auto result = std::from_chars(name.data(), end, number);
    if (result.ec != std::errc() || result.ptr != end) continue;
    if (!named || number < static_cast<int>(header.size())) return number;
  }
  return -1;
}

absl::Status MissingColumn(std::string_view role, const Column& column,
                           std::span<const std::string> header) {
  std::string list, wanted;
  std::vector<std::string_view> names;
  for (const std::string& name : header) {
    list += Concat(list.empty() ? "" : ", ", name.empty() ? "''" : name);
    names.push_back(name);
  }
  for (const std::string& name : column.names) {
    wanted += Concat(wanted.empty() ? "" : " or ", "'", name, "'");
  }
  const std::string nearest = NearestKey(column.names[0], names);
  return NotFoundError("the header has no column ", wanted, " (", role, ")",
                       nearest.empty() ? "" : Concat("; did you mean '", nearest, "'?"),
                       " It has: ", list);
}

// Changes nothing, or false where `text` lacks the separator.
bool CutAt(std::string_view separator, bool last, bool keep_front, std::string_view* text) {
  if (separator.empty()) return true;
  const size_t at = last ? text->rfind(separator) : text->find(separator);
  if (at == text->npos) return false;
  *text = keep_front ? text->substr(0, at) : text->substr(at + separator.size());
  return true;
}

bool IsPlain(const Column& c) {
  return !c.names.empty() && !c.is_list() && c.missing.empty() && c.before.empty() &&
         c.after.empty() && c.before_last.empty() && c.after_last.empty() &&
         c.strip_prefix.empty() && c.strip_suffix.empty() && c.names_file.empty() &&
         c.prefix.empty() && c.suffix.empty() && c.drop.empty() && !c.optional;
}

Term EntityTerm(std::string_view text) { return {TermKind::kIri, text, {}, {}}; }

// `literal` is null where the tail is an entity.
Term TailTerm(const Column* literal, std::string_view text) {
  if (literal == nullptr) return EntityTerm(text);
  return {TermKind::kLiteral, text, literal->datatype, literal->language};
}

}  // namespace

std::vector<std::string> HeaderNames(const std::vector<Field>& fields, HeaderMode mode) {
  std::vector<std::string> names;
  for (const Field& field : fields) {
    std::string_view name = field.text;
    while (!name.empty() && name.front() == ' ') name.remove_prefix(1);
    while (!name.empty() && name.back() == ' ') name.remove_suffix(1);
    if (mode == HeaderMode::kRecbole) name = name.substr(0, name.rfind(':'));
    names.emplace_back(name);
  }
  return names;
}

absl::StatusOr<std::unique_ptr<RowRecords>> RowRecords::Bind(const Schema& schema,
                                                             std::span<const std::string> header,
                                                             const std::string& folder,
                                                             bool load_names) {
  auto records = std::make_unique<RowRecords>();
  for (const RecordMap& map : schema.records) {
    UNDULA_RETURN_IF_ERROR(records->AddRecord(map, header, schema.has_names(), folder, load_names));
  }
  if (schema.has_names()) records->expected_ = static_cast<int>(header.size());
  return records;
}

absl::Status RowRecords::AddRecord(const RecordMap& map, std::span<const std::string> header,
                                   bool named, const std::string& folder, bool load_names) {
  const auto required = RequiredRoles(map.kind);
  Plan plan;
  plan.map = &map;
  std::set<int> used;
  for (const auto& [role, column] : map.columns) {
    Cell cell{role, &column, nullptr, kNoField, kColumn, IsPlain(column), Contains(required, role)};
    if (!column.names.empty()) {
      UNDULA_ASSIGN_OR_RETURN(cell.field, FindField(column, header, named));
      if (cell.field < 0 && cell.required) return MissingColumn(role, column, header);
      if (cell.field < 0) continue;
      used.insert(cell.field);
      ragged_ |= column.rest;
      needed_ = std::max(needed_, cell.field + (column.rest ? 0 : 1));
    }
    if (column.is_list()) {
      plan.list = &column;
      plan.list_field = cell.field;
    }
    if (!column.names_file.empty() && load_names) {
      const std::string path = Concat(folder, column.names_file);
      const std::string key = Concat(path, '\n', column.names_key, ' ', column.names_value);
      auto entry = names_.find(key);
      if (entry == names_.end()) {
        UNDULA_ASSIGN_OR_RETURN(NameMap names,
                                ReadNameMap(path, column.names_key, column.names_value));
        entry = names_.emplace(key, std::move(names)).first;
      }
      cell.names = &entry->second;
    }
    if (cell.required) {
      cell.slot =
          static_cast<Slot>(std::find(required.begin(), required.end(), role) - required.begin());
    } else if (!HasFreeColumns(map.kind)) {
      cell.slot = role == "time" ? kTime : role == "offset" ? kOffset : kWeight;
    }
    plan.cells.push_back(std::move(cell));
  }
  if (map.other_columns) {
    static const Column kWhole{.names = {"0"}};
    for (int field = 0; field < static_cast<int>(header.size()); ++field) {
      if (used.count(field) != 0 || header[field].empty()) continue;
      plan.cells.push_back({header[field], &kWhole, nullptr, field, kColumn, true, false});
    }
  }
  plans_.push_back(std::move(plan));
  return absl::OkStatus();
}

std::string* RowRecords::NewText() {
  if (texts_used_ == texts_.size()) texts_.emplace_back();
  std::string* text = &texts_[texts_used_++];
  text->clear();
  return text;
}

size_t RowRecords::OffsetOf(const Cell& cell, std::span<const Field> fields,
                            std::string_view text) const {
  size_t offset = 0;
  for (size_t i = 0; i < fields.size(); ++i) {
    const std::string_view whole = fields[i].text;
    if (static_cast<int>(i) == cell.field) offset = fields[i].offset;
    if (text.data() >= whole.data() && text.data() <= whole.data() + whole.size() &&
        static_cast<int>(i) >= cell.field) {
      return fields[i].offset + static_cast<size_t>(text.data() - whole.data());
    }
  }
  return offset;
}

bool RowRecords::SplitList(const Plan& plan, std::span<const Field> fields) {
  elements_.clear();
  objects_.clear();
  const auto first = static_cast<size_t>(plan.list_field);
  if (plan.list->rest) {
    for (size_t i = first; i < fields.size(); ++i) {
      // A separator at the end of the line.
      if (i + 1 < fields.size() || !fields[i].text.empty()) elements_.push_back(fields[i].text);
    }
    return true;
  }
  const Field& field = fields[first];
  if (plan.list->json.has_value()) {
    std::string_view error;
    size_t offset = 0;
    if (ParseJsonArray(field.text, &json_texts_, &objects_, &error, &offset)) return true;
    error_ = error;
    offset_ = field.offset + offset;
    return false;
  }
  const std::string& separator = plan.list->list;
  std::string_view text = field.text;
  if (separator == RowSplitter::kWhitespace) {
    for (size_t at = 0; at < text.size();) {
      const size_t begin = text.find_first_not_of(" \t", at);
      if (begin == text.npos) break;
      at = std::min(text.find_first_of(" \t", begin), text.size());
      elements_.push_back(text.substr(begin, at - begin));
    }
    return true;
  }
  while (!text.empty()) {
    const size_t end = text.find(separator);
    elements_.push_back(text.substr(0, end));
    if (end == text.npos) break;
    text.remove_prefix(end + separator.size());
  }
  return true;
}

bool RowRecords::ChangeText(const Cell& cell, std::string_view* text) {
  const Column& column = *cell.column;
  if (ContainsText(column.missing, *text)) *text = {};
  if (text->empty()) return true;
  const std::string_view whole = *text;
  for (const auto& [separator, last, front] :
       {std::tuple{&column.before, false, true}, std::tuple{&column.after, false, false},
        std::tuple{&column.before_last, true, true}, std::tuple{&column.after_last, true, false}}) {
    if (CutAt(*separator, last, front, text)) continue;
    error_ = Concat(cell.role, ' ', QuoteCell(whole), ": expected '", *separator, "' in it");
    return false;
  }
  if (!column.strip_prefix.empty() && text->starts_with(column.strip_prefix)) {
    text->remove_prefix(column.strip_prefix.size());
  }
  if (!column.strip_suffix.empty() && text->ends_with(column.strip_suffix)) {
    text->remove_suffix(column.strip_suffix.size());
  }
  if (cell.names != nullptr) {
    const auto name = cell.names->find(*text);
    if (name == cell.names->end()) {
      error_ = Concat(cell.role, ' ', QuoteCell(*text), " is not in ", column.names_file);
      return false;
    }
    *text = name->second;
  }
  if (!text->empty() && !(column.prefix.empty() && column.suffix.empty())) {
    std::string* changed = NewText();
    changed->append(column.prefix).append(*text).append(column.suffix);
    *text = *changed;
  }
  return true;
}

bool RowRecords::FindText(const Cell& cell, std::span<const Field> fields, size_t element,
                          int64_t row, std::string_view* text) {
  const Column& column = *cell.column;
  if (column.value.has_value()) {
    *text = *column.value;
  } else if (column.counter != Counter::kNone) {
    std::string* number = NewText();
    *number =
        std::to_string(column.counter == Counter::kRow ? row : static_cast<int64_t>(element) + 1);
    *text = *number;
  } else if (column.json.has_value()) {
    *text = {};
    for (const JsonMember& member : objects_[element]) {
      if (member.key == *column.json) *text = member.text;
    }
  } else if (column.is_list()) {
    *text = elements_[element];
  } else {
    *text = fields[static_cast<size_t>(cell.field)].text;
  }
  return ChangeText(cell, text);
}

bool RowRecords::SetNumber(const Cell& cell, std::string_view text, Record* record) {
  if (cell.slot == kTime) {
    return ParseTime(text, record->map->time_unit, &record->time, &error_);
  }
  if (cell.slot == kWeight && record->map->kind == TableKind::kLinks) {
    return ParseConfidence(text, &record->weight, &error_);
  }
  if (cell.slot == kWeight) return ParseWeight(text, &record->weight, &error_);
  return ParseTime(text, TimeUnit::kMilliseconds, &record->offset, &error_);
}

RowRecords::Made RowRecords::MakeRecord(const Plan& plan, std::span<const Field> fields,
                                        size_t element, int64_t row) {
  const RecordMap& map = *plan.map;
  Record record{&map, {}, nullptr, map.weight_default, 0, 0, 0, 0};
  if (map.kind == TableKind::kLinks) record.weight = map.confidence_default;
  record.columns_begin = record.columns_end = static_cast<uint32_t>(columns_.size());
  for (const Cell& cell : plan.cells) {
    std::string_view text;
    if (cell.plain) {
      text = fields[static_cast<size_t>(cell.field)].text;
    } else {
      if (!FindText(cell, fields, element, row, &text)) {
        offset_ = OffsetOf(cell, fields, text);
        return Made::kBad;
      }
      if (ContainsText(cell.column->drop, text)) {
        if (cell.slot == kColumn) continue;
        return Made::kNo;
      }
    }
    if (text.empty()) {
      if (cell.column->optional) return Made::kNo;
      if (!cell.required) continue;
      error_ = Concat("empty ", cell.role, ": expected an id");
      offset_ = OffsetOf(cell, fields, text);
      return Made::kBad;
    }
    switch (cell.slot) {
      case kColumn:
        columns_.emplace_back(cell.role, text);
        break;
      case kWeight:
      case kTime:
      case kOffset:
        if (!SetNumber(cell, text, &record)) {
          offset_ = OffsetOf(cell, fields, text);
          return Made::kBad;
        }
        break;
      default:
        record.ids[cell.slot] = text;
        if (cell.column->literal) record.literal = cell.column;
    }
  }
  record.time += record.offset;
  record.columns_end = static_cast<uint32_t>(columns_.size());
  made_.push_back(record);
  return Made::kYes;
}

bool RowRecords::Make(std::span<const Field> fields, int64_t row, std::string* error,
                      size_t* offset) {
  made_.clear();
  columns_.clear();
  texts_used_ = 0;
  if (!json_texts_.empty()) json_texts_.clear();
  for (const Plan& plan : plans_) {
    size_t count = 1;
    if (plan.list != nullptr) {
      if (!SplitList(plan, fields)) {
        std::swap(*error, error_);
        *offset = offset_;
        return false;
      }
      count = plan.list->json.has_value() ? objects_.size() : elements_.size();
    }
    for (size_t element = 0; element < count; ++element) {
      if (MakeRecord(plan, fields, element, row) != Made::kBad) continue;
      std::swap(*error, error_);
      *offset = offset_;
      return false;
    }
  }
  return true;
}

absl::Status RowRecords::Deliver(RecordSink& sink) const {
  for (const Record& r : made_) {
    const std::span<const ItemColumn> columns(columns_.data() + r.columns_begin,
                                              r.columns_end - r.columns_begin);
    switch (r.map->kind) {
      case TableKind::kInteractions:
        UNDULA_RETURN_IF_ERROR(sink.AddInteraction(r.ids[0], r.ids[1], r.weight, r.time));
        break;
      case TableKind::kItems:
        UNDULA_RETURN_IF_ERROR(sink.AddItem(r.ids[0], columns));
        break;
      case TableKind::kLinks:
        UNDULA_RETURN_IF_ERROR(sink.AddLink(r.ids[0], r.ids[1], r.weight, r.map->method));
        break;
      case TableKind::kTriples:
        UNDULA_RETURN_IF_ERROR(sink.AddTriple(EntityTerm(r.ids[0]), EntityTerm(r.ids[1]),
                                              TailTerm(r.literal, r.ids[2])));
        break;
      case TableKind::kUsers:
        UNDULA_RETURN_IF_ERROR(sink.AddUser(r.ids[0], columns));
        break;
      case TableKind::kSocial:
        UNDULA_RETURN_IF_ERROR(sink.AddSocial(r.ids[0], r.ids[1], r.weight));
        break;
    }
  }
  return absl::OkStatus();
}

}  // namespace undula::kgstore
