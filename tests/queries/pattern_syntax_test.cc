// The parser: W3C syntax tests, messages, limits.
#include <gtest/gtest.h>

#include <string>

#include "base/status.h"
#include "queries/pattern/parser.h"
#include "w3c_sparql.h"

namespace undula::queries::pattern {
namespace {

std::string Parse(const std::string& text) {
  return std::string(Message(ParseQuery(text).status()));
}

TEST(PatternSyntax, W3cSuites) {
  const std::optional<W3cSuite> suite = W3cSuite::Load();
  if (!suite.has_value()) GTEST_SKIP() << "no data/rdf/w3c-sparql-tests.tar.xz in UNDULA_SHARED";
  int syntax = 0;
  for (const W3cTest& test : suite->tests()) {
    const auto query = ParseQuery(suite->File(test.query), {kW3cBase + test.query});
    EXPECT_EQ(query.ok(), test.kind != "syntax-") << test.name() << " " << query.status();
    if (!query.ok()) {
      EXPECT_EQ(query.status().code(), absl::StatusCode::kInvalidArgument);
    }
    syntax += test.kind != "eval";
  }
  EXPECT_EQ(syntax, 302);
}

TEST(PatternSyntax, MessagesNamePlaceAndRemedy) {
  EXPECT_EQ(Parse("SELECT * {\n  ?s film:year ?y }"),
            "2:6: the prefix 'film:' is not declared; write PREFIX film: <...>");
  EXPECT_EQ(Parse("PREFIX films: <http://x/>\nSELECT * { ?s film:year ?y }"),
            "2:15: the prefix 'film:' is not declared; write PREFIX film: <...>, or did you mean "
            "'films:'?");
  EXPECT_EQ(Parse("SELECT * { ?s ?p ?o FILTER(STRSTART(?o, 'a')) }"),
            "1:28: unknown function or keyword 'STRSTART'; did you mean STRSTARTS?");
  EXPECT_EQ(Parse("SELECT ?x { ?x ?y }"),
            "1:19: unexpected '}'; here stands an IRI, a literal or "
            "UNDEF");
  EXPECT_EQ(Parse("SELECT (1 AS ?x) { ?x ?y 2 }"),
            "1:14: ?x has a value already; choose another name behind AS");
  EXPECT_EQ(Parse("SELECT * { ?s ?p 'open }"), "1:18: a string without an end");
  EXPECT_EQ(ParseQuery("DELETE WHERE { ?s ?p ?o }").status().code(),
            absl::StatusCode::kUnimplemented);
}

TEST(PatternSyntax, LimitsAreErrors) {
  std::string nested = "ASK ";
  for (int i = 0; i < 2000; ++i) nested += "{";
  EXPECT_NE(Parse(nested).find("nested deeper than 128"), std::string::npos);
  std::string brackets = "ASK { FILTER(";
  for (int i = 0; i < 20000; ++i) brackets += "(";
  EXPECT_NE(Parse(brackets).find("nested deeper than 128"), std::string::npos);
  std::string sum = "ASK { FILTER(1";
  for (int i = 0; i < 20000; ++i) sum += "+1";
  EXPECT_NE(Parse(sum).find("more than 128 terms"), std::string::npos);
  std::string path = "ASK { ?a ";
  for (int i = 0; i < 5000; ++i) path += "(";
  EXPECT_NE(Parse(path).find("nested deeper than 128"), std::string::npos);
  std::string optional = "ASK { ";
  for (int i = 0; i < 2000; ++i) optional += "OPTIONAL{}";
  EXPECT_NE(Parse(optional + "}").find("more than 512 parts"), std::string::npos);
  EXPECT_NE(Parse(std::string(kMaxQueryBytes + 1, ' ')).find("65537 bytes"), std::string::npos);
}

TEST(PatternSyntax, UsersAndItemsAreTerms) {
  const auto query = ParseQuery("SELECT * { u:user(\"42\") u:interacted ?item }");
  ASSERT_TRUE(query.ok()) << query.status();
  const TriplePattern& triple = query->where.elements[0].triples[0];
  EXPECT_EQ(triple.head.term, (Term{TermKind::kUser, "42", "", ""}));
  EXPECT_EQ(triple.path.node.term.text, "urn:undula:interacted");
}

}  // namespace
}  // namespace undula::queries::pattern
