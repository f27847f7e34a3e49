#include "linking/universe.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/status.h"
#include "base/text/title_forms.h"
#include "linking/page_rank.h"

namespace undula::linking {
namespace {

constexpr std::array<std::string_view, 8> kLabelNames = {
    "http://www.w3.org/2000/01/rdf-schema#label",
    "http://www.w3.org/2004/02/skos/core#prefLabel",
    "http://schema.org/name",
    "https://schema.org/name",
    "http://xmlns.com/foaf/0.1/name",
    "http://dbpedia.org/property/name",
    "http://dbpedia.org/ontology/title",
    "http://www.wikidata.org/prop/direct/P1476"};
constexpr std::array<std::string_view, 7> kAliasNames = {
    "http://www.w3.org/2004/02/skos/core#altLabel",
    "http://schema.org/alternateName",
    "https://schema.org/alternateName",
    "http://dbpedia.org/ontology/alias",
    "http://dbpedia.org/property/alias",
    "http://www.wikidata.org/prop/direct/P742",
    "http://www.wikidata.org/prop/direct/P1449"};
constexpr std::array<std::string_view, 4> kLabelLocals = {"label", "preflabel", "name", "title"};
constexpr std::array<std::string_view, 4> kAliasLocals = {"altlabel", "alternatename", "alias",
                                                          "alternative"};

bool Contains(std::span<const std::string_view> list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

std::string LowerLocal(std::string_view relation) {
  const size_t cut = relation.find_last_of("#/:.");
  std::string local(cut == std::string_view::npos ? relation : relation.substr(cut + 1));
  for (char& c : local) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return local;
}

// What a relation's literals are; nothing where they are no names.
std::optional<LabelSource> SourceOf(std::string_view relation) {
  if (Contains(kLabelNames, relation)) return LabelSource::kLabel;
  if (Contains(kAliasNames, relation)) return LabelSource::kAlias;
  const std::string local = LowerLocal(relation);
  if (Contains(kLabelLocals, local)) return LabelSource::kLabel;
  if (Contains(kAliasLocals, local)) return LabelSource::kAlias;
  return std::nullopt;
}

struct Relations {
  std::map<RelationId, LabelSource> labels;
  std::set<RelationId> years;
};

// The year that a literal such as "1998", "1998-03-01" or "1998-03-01T00:00:00Z" begins with; 0 for
// none.
int LeadingYear(std::string_view text) {
  if (text.size() < 4 || (text.size() > 4 && text[4] >= '0' && text[4] <= '9')) return 0;
  int year = 0;
  for (size_t i = 0; i < 4; ++i) {
    if (text[i] < '0' || text[i] > '9') return 0;
    year = year * 10 + (text[i] - '0');
  }
  return year >= 1000 && year < 3000 ? year : 0;
}

absl::Status AddNamed(const kgstore::ReadView& view, const std::vector<std::string>& names,
                      LabelSource source, Relations* relations) {
  for (const std::string& name : names) {
    UNDULA_ASSIGN_OR_RETURN(const RelationId relation, view.FindRelation(name));
    if (relation == kNone<RelationId>) {
      return NotFoundError("the graph has no relation '", name,
                           "'; the statistics of the database list its relations");
    }
    relations->labels.emplace(relation, source);
  }
  return absl::OkStatus();
}

absl::StatusOr<Relations> FindLabelRelations(const kgstore::ReadView& view,
                                             const LabelOptions& options) {
  Relations relations;
  UNDULA_RETURN_IF_ERROR(AddNamed(view, options.labels, LabelSource::kLabel, &relations));
  UNDULA_RETURN_IF_ERROR(AddNamed(view, options.aliases, LabelSource::kAlias, &relations));
  const auto n = static_cast<uint32_t>(view.counts().relations);
  for (uint32_t r = 0; r < n; ++r) {
    UNDULA_ASSIGN_OR_RETURN(const std::string name, view.RelationName(RelationId{r}));
    const std::string local = LowerLocal(name);
    if (local.find("year") != local.npos || local.find("date") != local.npos) {
      relations.years.insert(RelationId{r});
      continue;
    }
    const std::optional<LabelSource> source = SourceOf(name);
    if (!source) continue;
    const bool given =
        *source == LabelSource::kLabel ? !options.labels.empty() : !options.aliases.empty();
    if (!given) relations.labels.emplace(RelationId{r}, *source);
  }
  return relations;
}

struct Name {
  LabelSource source;
  std::string text;
};

absl::Status ReadAttributes(const kgstore::ReadView& view, const Relations& relations,
                            const LabelOptions& options, EntityId entity, std::vector<Name>* names,
                            uint16_t* year) {
  if (relations.labels.empty() && relations.years.empty()) return absl::OkStatus();
  absl::Status status;
  const auto read = [&](RelationId r, LiteralId id) {
    if (!status.ok()) return;
    const auto label = relations.labels.find(r);
    const bool dated = relations.years.contains(r);
    if (label == relations.labels.end() && !dated) return;
    const absl::StatusOr<kgstore::Literal> literal = view.GetLiteral(id);
    if (!literal.ok()) {
      status = literal.status();
    } else if (dated) {
      const int found = LeadingYear(literal->text);
      if (found != 0 && (*year == 0 || found < *year)) *year = static_cast<uint16_t>(found);
    } else if (options.languages.empty() ||
               std::find(options.languages.begin(), options.languages.end(), literal->language) !=
                   options.languages.end()) {
      names->push_back({label->second, literal->text});
    }
  };
  UNDULA_RETURN_IF_ERROR(view.ForEachAttribute(entity, read));
  return status;
}

}  // namespace

uint32_t NameHash(std::string_view name) {
  const absl::StatusOr<std::string> key = TitleKey(name);
  if (!key.ok() || key->empty()) return 0;
  uint64_t hash = 0xCBF29CE484222325u;
  for (const char c : *key) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return static_cast<uint32_t>(hash ^ (hash >> 32)) | 1u;
}

absl::Status ForEachLabel(
    const kgstore::ReadView& view, const LabelOptions& options,
    const std::function<absl::Status(EntityId, LabelSource, std::string_view)>& f,
    std::vector<uint16_t>* years, Progress* progress) {
  constexpr std::array<std::string_view, 3> kLocalNames = {"never", "last", "always"};
  if (!Contains(kLocalNames, options.local_names)) {
    return InvalidArgumentError("local names are labels 'never', 'last' or 'always', not '",
                                options.local_names, "'");
  }
  const auto n = static_cast<int64_t>(view.counts().entities);
  if (n == 0) return FailedPreconditionError("the graph has no entities: import a graph first");
  UNDULA_ASSIGN_OR_RETURN(const Relations relations, FindLabelRelations(view, options));
  if (years != nullptr) years->assign(static_cast<size_t>(n), 0);
  std::vector<std::string> names(static_cast<size_t>(n));
  if (options.local_names != "never") {
    UNDULA_RETURN_IF_ERROR(view.ForEachEntityName([&](EntityId e, std::string_view name) {
      if (!name.starts_with("_:")) names[Index(e)] = LocalName(name);
    }));
  }
  std::vector<Name> found;
  for (uint32_t e = 0; e < n; ++e) {
    const EntityId entity{e};
    found.clear();
    uint16_t year = 0;
    UNDULA_RETURN_IF_ERROR(ReadAttributes(view, relations, options, entity, &found, &year));
    if (years != nullptr) (*years)[e] = year;
    if (!names[e].empty() && (found.empty() || options.local_names == "always")) {
      found.push_back({LabelSource::kLocalName, names[e]});
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const Name& a, const Name& b) { return a.source < b.source; });
    for (const Name& name : found) UNDULA_RETURN_IF_ERROR(f(entity, name.source, name.text));
    UNDULA_RETURN_IF_ERROR(Progress::Report(progress, e, n, "reading labels"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Universe> LoadUniverse(const kgstore::ReadView& view, const EdgeCsr& out,
                                      const EdgeCsr& in, const LabelOptions& options,
                                      Progress* progress) {
  Universe universe;
  universe.labels = LabelIndex(options.title_languages);
  universe.out = &out;
  universe.in = &in;
  universe.name_hash.resize(static_cast<size_t>(view.counts().entities));
  UNDULA_RETURN_IF_ERROR(ForEachLabel(
      view, options,
      [&](EntityId entity, LabelSource source, std::string_view text) {
        uint32_t& hash = universe.name_hash[Index(entity)];
        if (hash == 0) hash = NameHash(text);
        return universe.labels.Add(entity, text, source);
      },
      &universe.year, progress));
  universe.labels.Build();
  universe.page_rank = PageRank(out);
  return universe;
}

}  // namespace undula::linking
