// Graph patterns, paths and terms: productions 53 to 106 and 129 to 138.
#include <utility>

#include "base/status.h"
#include "queries/pattern/parser.h"
#include "queries/pattern/vocabulary.h"

namespace undula::queries::pattern::internal {
namespace {

Node TermNode(Term term, Position at) {
  Node node;
  node.term = std::move(term);
  node.at = at;
  return node;
}

Path RelationPath(Node node) {
  Path path;
  path.at = node.at;
  path.node = std::move(node);
  return path;
}

Path IriPath(std::string_view iri, Position at) {
  return RelationPath(TermNode({TermKind::kIri, std::string(iri), "", ""}, at));
}

// The path becomes the first part of one of another kind.
void Wrap(Path::Kind kind, Position at, Path* path) {
  Path outer;
  outer.kind = kind;
  outer.at = at;
  outer.parts.push_back(std::move(*path));
  *path = std::move(outer);
}

}  // namespace

absl::Status Parser::Group(GroupPattern* group) {
  const Deeper deeper(this);
  UNDULA_RETURN_IF_ERROR(deeper.Check());
  UNDULA_RETURN_IF_ERROR(Expect("{"));
  const int outer = bgp_;
  bgp_ = ++next_bgp_;
  const bool allowed = std::exchange(aggregates_allowed_, false);
  if (IsWord("SELECT")) {
    pattern::Element element;
    element.kind = Element::Kind::kSubSelect;
    element.at = token_.at;
    const auto query = std::make_shared<Query>();
    UNDULA_RETURN_IF_ERROR(SelectQuery(true, query.get()));
    element.select = query;
    UNDULA_RETURN_IF_ERROR(AddElement(group, std::move(element)));
  } else {
    UNDULA_RETURN_IF_ERROR(GroupElements(group));
  }
  aggregates_allowed_ = allowed;
  UNDULA_RETURN_IF_ERROR(Expect("}"));
  bgp_ = outer;
  return absl::OkStatus();
}

absl::Status Parser::AddElement(GroupPattern* group, pattern::Element element) {
  if (++elements_ > kMaxElements) {
    return SyntaxError(element.at,
                       Concat("more than ", kMaxElements, " parts of patterns; split the query"));
  }
  group->elements.push_back(std::move(element));
  return absl::OkStatus();
}

absl::Status Parser::GroupElements(GroupPattern* group) {
  bool triples_allowed = true;  // two triple patterns need a '.' between them
  while (!IsSymbol("}")) {
    if (IsWord("FILTER")) {
      pattern::Element element;
      element.kind = Element::Kind::kFilter;
      element.at = token_.at;
      UNDULA_RETURN_IF_ERROR(Step());
      UNDULA_ASSIGN_OR_RETURN(element.expression, Constraint());
      UNDULA_RETURN_IF_ERROR(AddElement(group, std::move(element)));
    } else if (IsSymbol("{") ||
               (token_.kind == TokenKind::kWord && token_.text != "a" && !AtLiteral())) {
      UNDULA_RETURN_IF_ERROR(Element(group));
      bgp_ = ++next_bgp_;
    } else {
      if (!triples_allowed) return Unexpected("'.' or '}'");
      // Triples on both sides of a FILTER are one basic graph pattern.
      pattern::Element* last = nullptr;
      for (size_t i = group->elements.size(); i > 0; --i) {
        const Element::Kind kind = group->elements[i - 1].kind;
        if (kind == Element::Kind::kTriples) last = &group->elements[i - 1];
        if (kind != Element::Kind::kFilter) break;
      }
      if (last == nullptr) {
        pattern::Element element;
        element.at = token_.at;
        UNDULA_RETURN_IF_ERROR(AddElement(group, std::move(element)));
        last = &group->elements.back();
        last->triples.reserve(8);
      }
      UNDULA_RETURN_IF_ERROR(Triples(&last->triples, true));
      triples_allowed = false;
      UNDULA_ASSIGN_OR_RETURN(const bool dot, Take("."));
      triples_allowed = dot;
      continue;
    }
    UNDULA_ASSIGN_OR_RETURN([[maybe_unused]] const bool dot, Take("."));
    triples_allowed = true;
  }
  return absl::OkStatus();
}

// Anything of a group but triples and FILTER.
absl::Status Parser::Element(GroupPattern* group) {
  pattern::Element element;
  element.at = token_.at;
  if (IsSymbol("{")) return GroupOrUnion(group);
  if (IsWord("BIND")) return Bind(group);
  if (IsWord("VALUES")) {
    element.kind = Element::Kind::kValues;
    UNDULA_RETURN_IF_ERROR(Step());
    UNDULA_ASSIGN_OR_RETURN(element.values, Values());
    return AddElement(group, std::move(element));
  }
  if (IsWord("OPTIONAL") || IsWord("MINUS")) {
    element.kind = IsWord("MINUS") ? Element::Kind::kMinus : Element::Kind::kOptional;
    UNDULA_RETURN_IF_ERROR(Step());
  } else if (IsWord("GRAPH") || IsWord("SERVICE")) {
    element.kind = IsWord("GRAPH") ? Element::Kind::kGraph : Element::Kind::kService;
    UNDULA_RETURN_IF_ERROR(Step());
    if (element.kind == Element::Kind::kService) {
      UNDULA_ASSIGN_OR_RETURN([[maybe_unused]] const bool silent, TakeWord("SILENT"));
    }
    if (token_.kind != TokenKind::kVariable && !AtIri()) return Unexpected("a variable or an IRI");
    UNDULA_RETURN_IF_ERROR(VariableOrTerm(&element.graph));
  } else {
    return Unexpected("a triple pattern, FILTER, OPTIONAL, MINUS, BIND, VALUES, GRAPH, '{' or '}'");
  }
  element.groups.emplace_back();
  UNDULA_RETURN_IF_ERROR(Group(&element.groups[0]));
  return AddElement(group, std::move(element));
}

absl::Status Parser::GroupOrUnion(GroupPattern* group) {
  pattern::Element element;
  element.at = token_.at;
  element.kind = Element::Kind::kGroup;
  while (true) {
    element.groups.emplace_back();
    UNDULA_RETURN_IF_ERROR(Group(&element.groups.back()));
    UNDULA_ASSIGN_OR_RETURN(const bool more, TakeWord("UNION"));
    if (!more) break;
    element.kind = Element::Kind::kUnion;
    if (++elements_ > kMaxElements) {
      return SyntaxError(element.at,
                         Concat("more than ", kMaxElements, " parts of patterns; split the query"));
    }
  }
  return AddElement(group, std::move(element));
}

absl::Status Parser::Bind(GroupPattern* group) {
  pattern::Element element;
  element.kind = Element::Kind::kBind;
  element.at = token_.at;
  UNDULA_RETURN_IF_ERROR(Step());
  UNDULA_RETURN_IF_ERROR(Expect("("));
  UNDULA_ASSIGN_OR_RETURN(element.expression, Or());
  UNDULA_RETURN_IF_ERROR(ExpectWord("AS"));
  const Position at = token_.at;
  UNDULA_ASSIGN_OR_RETURN(element.variable, Variable());
  UNDULA_RETURN_IF_ERROR(Expect(")"));
  std::set<std::string> visible;
  CollectVisible(*group, &visible);
  if (visible.contains(element.variable)) {
    return SyntaxError(at, Concat("?", element.variable,
                                  " stands before BIND in the same group; "
                                  "choose another name"));
  }
  return AddElement(group, std::move(element));
}

absl::StatusOr<ValuesBlock> Parser::Values() {
  ValuesBlock block;
  if (token_.kind == TokenKind::kVariable) {
    UNDULA_ASSIGN_OR_RETURN(std::string variable, Variable());
    block.variables.push_back(std::move(variable));
    UNDULA_RETURN_IF_ERROR(Expect("{"));
    while (!IsSymbol("}")) {
      UNDULA_ASSIGN_OR_RETURN(std::optional<Term> value, DataValue());
      block.rows.emplace_back().push_back(std::move(value));
    }
  } else {
    UNDULA_RETURN_IF_ERROR(Expect("("));
    while (token_.kind == TokenKind::kVariable) {
      UNDULA_ASSIGN_OR_RETURN(std::string variable, Variable());
      block.variables.push_back(std::move(variable));
    }
    UNDULA_RETURN_IF_ERROR(Expect(")"));
    UNDULA_RETURN_IF_ERROR(Expect("{"));
    while (!IsSymbol("}")) {
      const Position at = token_.at;
      UNDULA_RETURN_IF_ERROR(Expect("("));
      auto& row = block.rows.emplace_back();
      while (!IsSymbol(")")) {
        UNDULA_ASSIGN_OR_RETURN(std::optional<Term> value, DataValue());
        row.push_back(std::move(value));
      }
      if (row.size() != block.variables.size()) {
        return SyntaxError(at, Concat("a row of VALUES has ", row.size(), " values for ",
                                      block.variables.size(), " variables"));
      }
      UNDULA_RETURN_IF_ERROR(Step());
    }
  }
  UNDULA_RETURN_IF_ERROR(Step());
  return block;
}

absl::StatusOr<std::optional<Term>> Parser::DataValue() {
  std::optional<Term> term(std::in_place);
  bool undef = false;
  UNDULA_RETURN_IF_ERROR(TermOrUndef(&*term, &undef));
  if (undef) term.reset();
  return term;
}

absl::Status Parser::TermOrUndef(Term* term, bool* undef) {
  if (AtIri()) {
    UNDULA_ASSIGN_OR_RETURN(term->text, Iri());
    if (IsSymbol("(") && (term->text == kUserIri || term->text == kItemIri)) {
      UNDULA_ASSIGN_OR_RETURN(
          *term, CatalogTerm(term->text == kUserIri ? TermKind::kUser : TermKind::kItem));
    }
    return absl::OkStatus();
  }
  if (IsWord("UNDEF")) {
    *undef = true;
    return Step();
  }
  if (IsSymbol("+") || IsSymbol("-")) {
    const std::string sign = token_.text;
    UNDULA_RETURN_IF_ERROR(Step());
    UNDULA_ASSIGN_OR_RETURN(*term, NumberTerm(sign));
    return absl::OkStatus();
  }
  if (!AtLiteral()) return Unexpected("an IRI, a literal or UNDEF");
  UNDULA_ASSIGN_OR_RETURN(*term, Literal());
  return absl::OkStatus();
}

absl::Status Parser::AddTriple(const Node& head, Path&& path, Node&& tail,
                               std::vector<TriplePattern>* out) {
  if (++triples_ > kMaxTriplePatterns) {
    return SyntaxError(
        path.at, Concat("more than ", kMaxTriplePatterns, " triple patterns; split the query"));
  }
  TriplePattern& triple = out->emplace_back();
  triple.head = head;
  triple.path = std::move(path);
  triple.tail = std::move(tail);
  return absl::OkStatus();
}

Node Parser::FreshBlank(Position at) {
  Node node;
  node.kind = Node::Kind::kBlank;
  node.name = Concat("#", ++blanks_);  // no label has such a name
  node.at = at;
  return node;
}

// One head with its relations and tails.
absl::Status Parser::Triples(std::vector<TriplePattern>* out, bool paths) {
  bool is_list = false;
  Node head;
  UNDULA_RETURN_IF_ERROR(GraphNode(out, paths, &head, &is_list));
  return PropertyList(head, out, paths, !is_list);
}

absl::Status Parser::PropertyList(const Node& head, std::vector<TriplePattern>* out, bool paths,
                                  bool required) {
  const auto at_verb = [&] {
    return token_.kind == TokenKind::kVariable || AtIri() ||
           (token_.kind == TokenKind::kWord && token_.text == "a") ||
           (paths && (IsSymbol("(") || IsSymbol("^") || IsSymbol("!")));
  };
  if (!at_verb()) return required ? Unexpected("a relation") : absl::OkStatus();
  while (true) {
    Path path;
    UNDULA_RETURN_IF_ERROR(Verb(paths, &path));
    UNDULA_RETURN_IF_ERROR(Objects(head, std::move(path), out, paths));
    if (!IsSymbol(";")) return absl::OkStatus();
    while (IsSymbol(";")) UNDULA_RETURN_IF_ERROR(Step());
    if (!at_verb()) return absl::OkStatus();
  }
}

absl::Status Parser::Objects(const Node& head, Path&& path, std::vector<TriplePattern>* out,
                             bool paths) {
  while (true) {
    bool is_list = false;
    Node tail;
    UNDULA_RETURN_IF_ERROR(GraphNode(out, paths, &tail, &is_list));
    if (!IsSymbol(",")) return AddTriple(head, std::move(path), std::move(tail), out);
    UNDULA_RETURN_IF_ERROR(AddTriple(head, Path(path), std::move(tail), out));
    UNDULA_RETURN_IF_ERROR(Step());
  }
}

// A variable, a term, or what stands for a node with triples of its own: [ ... ] and ( ... ).
// *is_list: one of the latter with triples, which needs no further ones.
absl::Status Parser::GraphNode(std::vector<TriplePattern>* out, bool paths, Node* node,
                               bool* is_list) {
  const Deeper deeper(this);
  UNDULA_RETURN_IF_ERROR(deeper.Check());
  const Position at = token_.at;
  *is_list = false;
  if (IsSymbol("[")) {
    UNDULA_RETURN_IF_ERROR(Step());
    *node = FreshBlank(at);
    if (!IsSymbol("]")) {
      UNDULA_RETURN_IF_ERROR(PropertyList(*node, out, paths, true));
      *is_list = true;
    }
    return Expect("]");
  }
  if (!IsSymbol("(")) return VariableOrTerm(node);
  UNDULA_RETURN_IF_ERROR(Step());
  Node nil = TermNode({TermKind::kIri, std::string(kRdfNil), "", ""}, at);
  if (IsSymbol(")")) {
    *node = std::move(nil);
    return Step();
  }
  *is_list = true;
  *node = FreshBlank(at);
  Node cell = *node;
  while (true) {
    bool inner = false;
    Node member;
    UNDULA_RETURN_IF_ERROR(GraphNode(out, paths, &member, &inner));
    UNDULA_RETURN_IF_ERROR(AddTriple(cell, IriPath(kRdfFirst, at), std::move(member), out));
    if (IsSymbol(")")) break;
    Node next = FreshBlank(at);
    UNDULA_RETURN_IF_ERROR(AddTriple(cell, IriPath(kRdfRest, at), Node(next), out));
    cell = std::move(next);
  }
  UNDULA_RETURN_IF_ERROR(Step());
  return AddTriple(cell, IriPath(kRdfRest, at), std::move(nil), out);
}

absl::Status Parser::VariableOrTerm(Node* node) {
  node->at = token_.at;
  if (token_.kind == TokenKind::kVariable) {
    node->kind = Node::Kind::kVariable;
    node->name.swap(token_.text);
    return Step();
  }
  if (token_.kind == TokenKind::kBlank) {
    node->kind = Node::Kind::kBlank;
    node->name = token_.text;
    const auto [place, is_new] = label_bgp_.emplace(node->name, bgp_);
    if (!is_new && place->second != bgp_) {
      return SyntaxError(node->at, Concat("the label _:", node->name,
                                          " stands in two graph patterns; use a variable"));
    }
    return Step();
  }
  bool undef = false;
  UNDULA_RETURN_IF_ERROR(TermOrUndef(&node->term, &undef));
  if (undef) return SyntaxError(node->at, "UNDEF stands in VALUES only");
  return absl::OkStatus();
}

absl::Status Parser::Verb(bool paths, Path* path) {
  if (token_.kind == TokenKind::kVariable) {
    path->at = token_.at;
    return VariableOrTerm(&path->node);
  }
  return paths ? PathAlternative(path) : PathElement(path);
}

absl::Status Parser::PathAlternative(Path* path) {
  const Deeper deeper(this);
  UNDULA_RETURN_IF_ERROR(deeper.Check());
  UNDULA_RETURN_IF_ERROR(PathSequence(path));
  if (!IsSymbol("|")) return absl::OkStatus();
  Wrap(Path::Kind::kAlternative, path->at, path);
  while (IsSymbol("|")) {
    UNDULA_RETURN_IF_ERROR(Step());
    UNDULA_RETURN_IF_ERROR(PathSequence(&path->parts.emplace_back()));
  }
  return absl::OkStatus();
}

absl::Status Parser::PathSequence(Path* path) {
  UNDULA_RETURN_IF_ERROR(PathElement(path));
  if (!IsSymbol("/")) return absl::OkStatus();
  Wrap(Path::Kind::kSequence, path->at, path);
  while (IsSymbol("/")) {
    UNDULA_RETURN_IF_ERROR(Step());
    UNDULA_RETURN_IF_ERROR(PathElement(&path->parts.emplace_back()));
  }
  return absl::OkStatus();
}

absl::Status Parser::PathElement(Path* path) {
  const Position at = token_.at;
  UNDULA_ASSIGN_OR_RETURN(const bool inverse, Take("^"));
  if (token_.kind == TokenKind::kWord && token_.text == "a") {
    UNDULA_RETURN_IF_ERROR(Step());
    *path = IriPath(kRdfType, at);
  } else if (AtIri()) {
    path->at = token_.at;
    UNDULA_RETURN_IF_ERROR(VariableOrTerm(&path->node));
  } else if (IsSymbol("!")) {
    UNDULA_RETURN_IF_ERROR(Step());
    UNDULA_RETURN_IF_ERROR(PathNegated(path));
  } else if (IsSymbol("(")) {
    UNDULA_RETURN_IF_ERROR(Step());
    UNDULA_RETURN_IF_ERROR(PathAlternative(path));
    UNDULA_RETURN_IF_ERROR(Expect(")"));
  } else {
    return Unexpected("a relation");
  }
  if (IsSymbol("*") || IsSymbol("+") || IsSymbol("?")) {
    Wrap(IsSymbol("*")   ? Path::Kind::kZeroOrMore
         : IsSymbol("+") ? Path::Kind::kOneOrMore
                         : Path::Kind::kZeroOrOne,
         at, path);
    UNDULA_RETURN_IF_ERROR(Step());
  }
  if (inverse) Wrap(Path::Kind::kInverse, at, path);
  return absl::OkStatus();
}

absl::Status Parser::PathNegated(Path* path) {
  path->kind = Path::Kind::kNegated;
  path->at = token_.at;
  const auto one = [&]() -> absl::Status {
    const Position at = token_.at;
    UNDULA_ASSIGN_OR_RETURN(const bool inverse, Take("^"));
    Path& part = path->parts.emplace_back();
    if (token_.kind == TokenKind::kWord && token_.text == "a") {
      UNDULA_RETURN_IF_ERROR(Step());
      part = IriPath(kRdfType, at);
    } else if (AtIri()) {
      UNDULA_ASSIGN_OR_RETURN(const std::string iri, Iri());
      part = IriPath(iri, at);
    } else {
      return Unexpected("an IRI");
    }
    if (inverse) Wrap(Path::Kind::kInverse, at, &part);
    return absl::OkStatus();
  };
  if (!IsSymbol("(")) return one();
  UNDULA_RETURN_IF_ERROR(Step());
  while (!IsSymbol(")")) {
    UNDULA_RETURN_IF_ERROR(one());
    if (!IsSymbol("|")) break;
    UNDULA_RETURN_IF_ERROR(Step());
  }
  return Expect(")");
}

}  // namespace undula::queries::pattern::internal
