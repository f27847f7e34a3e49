// The entities that items may be linked to: their labels, and what the graph says of them.
#ifndef UNDULA_LINKING_UNIVERSE_H_
#define UNDULA_LINKING_UNIVERSE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/csr.h"
#include "base/ids.h"
#include "base/progress.h"
#include "kgstore/read_view.h"
#include "linking/label_index.h"

namespace undula::linking {

// Filled by LoadUniverse() or by a test; then immutable and thread-safe.
struct Universe {
  LabelIndex labels;
  const EdgeCsr* out = nullptr;  // not owned
  const EdgeCsr* in = nullptr;
  std::vector<float> page_rank;     // by entity, multiples of 1/n
  std::vector<uint32_t> name_hash;  // by entity: NameHash() of its first label; 0 = none
  // By entity: the earliest year 1000..2999 that a literal of a relation begins with whose local
  // name has "year" or "date" in it; 0 = none.
  std::vector<uint16_t> year;

  uint32_t entities() const { return static_cast<uint32_t>(name_hash.size()); }
  int64_t degree(EntityId e) const { return out->degree(e) + in->degree(e); }
};

struct LabelOptions {
  // Relations whose literals are labels, in order of preference; empty: rdfs:label, skos:prefLabel,
  // schema:name, foaf:name, titles and names of DBpedia and Wikidata, and relations whose local
  // name is label, name or title.
  std::vector<std::string> labels;
  // Relations whose literals are other names; empty: skos:altLabel, schema:alternateName, aliases
  // of DBpedia and Wikidata, and relations whose local name is alias, altLabel or alternateName.
  std::vector<std::string> aliases;
  // Only literals of these languages ("" = no language tag); empty: all.
  std::vector<std::string> languages;
  // The local name of an IRI is a label: "never", "last" (of entities without any other) or
  // "always".
  std::string local_names = "last";
  TitleLanguages title_languages;  // of the label index
};

// Never 0 for a name with a letter or digit; 0 else and for invalid UTF-8.
uint32_t NameHash(std::string_view name);

// Calls f(entity, source, text) for every label, entities in ascending order, the labels of one
// entity by source; fills *years (by entity, see Universe::year) where it is not null. Errors as of
// LoadUniverse().
absl::Status ForEachLabel(
    const kgstore::ReadView& view, const LabelOptions& options,
    const std::function<absl::Status(EntityId, LabelSource, std::string_view)>& f,
    std::vector<uint16_t>* years, Progress* progress);

// Reads all labels of the view. `out` and `in` are the view's graph (kgstore/take_snapshot.h) and
// must outlive the result. InvalidArgument: an unknown value of local_names. NotFound: a relation
// named in `options` that the graph does not have. FailedPrecondition: no entities.
absl::StatusOr<Universe> LoadUniverse(const kgstore::ReadView& view, const EdgeCsr& out,
                                      const EdgeCsr& in, const LabelOptions& options,
                                      Progress* progress);

}  // namespace undula::linking

#endif  // UNDULA_LINKING_UNIVERSE_H_
