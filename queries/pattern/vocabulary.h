// IRIs that the language knows: RDF, XML Schema, and the vocabulary u: by which a pattern reaches
// users, items, interactions, links and trust (docs/queries.md).
#ifndef UNDULA_QUERIES_PATTERN_VOCABULARY_H_
#define UNDULA_QUERIES_PATTERN_VOCABULARY_H_

#include <string_view>

namespace undula::queries::pattern {

inline constexpr std::string_view kRdfType = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type";
inline constexpr std::string_view kRdfFirst = "http://www.w3.org/1999/02/22-rdf-syntax-ns#first";
inline constexpr std::string_view kRdfRest = "http://www.w3.org/1999/02/22-rdf-syntax-ns#rest";
inline constexpr std::string_view kRdfNil = "http://www.w3.org/1999/02/22-rdf-syntax-ns#nil";
inline constexpr std::string_view kRdfLangString =
    "http://www.w3.org/1999/02/22-rdf-syntax-ns#langString";
inline constexpr std::string_view kXsd = "http://www.w3.org/2001/XMLSchema#";
inline constexpr std::string_view kXsdInteger = "http://www.w3.org/2001/XMLSchema#integer";
inline constexpr std::string_view kXsdDecimal = "http://www.w3.org/2001/XMLSchema#decimal";
inline constexpr std::string_view kXsdFloat = "http://www.w3.org/2001/XMLSchema#float";
inline constexpr std::string_view kXsdDouble = "http://www.w3.org/2001/XMLSchema#double";
inline constexpr std::string_view kXsdBoolean = "http://www.w3.org/2001/XMLSchema#boolean";
inline constexpr std::string_view kXsdString = "http://www.w3.org/2001/XMLSchema#string";
inline constexpr std::string_view kXsdDateTime = "http://www.w3.org/2001/XMLSchema#dateTime";
inline constexpr std::string_view kXsdDate = "http://www.w3.org/2001/XMLSchema#date";
inline constexpr std::string_view kXsdDayTimeDuration =
    "http://www.w3.org/2001/XMLSchema#dayTimeDuration";

// The prefix "u" is declared from the start.
inline constexpr std::string_view kVocabulary = "urn:undula:";
// Relations: user to item, item to entity, user to user, entity to a normalized label.
inline constexpr std::string_view kInteractedIri = "urn:undula:interacted";
inline constexpr std::string_view kLinkIri = "urn:undula:link";
inline constexpr std::string_view kTrustsIri = "urn:undula:trusts";
inline constexpr std::string_view kLabelIri = "urn:undula:label";
// Terms: u:user("42"), u:item("Movie 1").
inline constexpr std::string_view kUserIri = "urn:undula:user";
inline constexpr std::string_view kItemIri = "urn:undula:item";
// Functions.
inline constexpr std::string_view kWeightIri = "urn:undula:weight";          // (user, item)
inline constexpr std::string_view kTimeIri = "urn:undula:time";              // (user, item)
inline constexpr std::string_view kConfidenceIri = "urn:undula:confidence";  // (item, entity)
inline constexpr std::string_view kPopularityIri = "urn:undula:popularity";  // (item)

}  // namespace undula::queries::pattern

#endif  // UNDULA_QUERIES_PATTERN_VOCABULARY_H_
