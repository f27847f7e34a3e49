// Whether two RDF graphs are the same but for the labels of their blank nodes: color refinement,
// then, where colors leave a choice, backtracking.
#ifndef UNDULA_TESTS_KGSTORE_RDF_ISOMORPHISM_H_
#define UNDULA_TESTS_KGSTORE_RDF_ISOMORPHISM_H_

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace undula::kgstore {

// (head, relation, tail) as N-Triples terms.
using RdfTriple = std::tuple<std::string, std::string, std::string>;
using RdfGraph = std::set<RdfTriple>;
using NodeColors = std::map<std::string, std::string>;

inline bool IsBlankTerm(const std::string& term) { return term.compare(0, 2, "_:") == 0; }

// What is known of every blank node after enough rounds; nodes of `fixed` keep their color.
inline NodeColors RefineColors(const RdfGraph& graph, const NodeColors& fixed) {
  NodeColors color;
  for (const auto& [head, relation, tail] : graph) {
    for (const std::string* term : {&head, &tail}) {
      if (!IsBlankTerm(*term)) continue;
      const auto it = fixed.find(*term);
      color[*term] = it == fixed.end() ? "_" : it->second;
    }
  }
  for (size_t round = 0; round <= color.size() && round < 12; ++round) {
    std::map<std::string, std::vector<std::string>> seen;
    const auto text = [&](const std::string& t) { return IsBlankTerm(t) ? color.at(t) : t; };
    for (const auto& [head, relation, tail] : graph) {
      if (IsBlankTerm(head)) seen[head].push_back(">" + relation + text(tail));
      if (IsBlankTerm(tail)) seen[tail].push_back("<" + relation + text(head));
    }
    for (auto& [term, facts] : seen) {
      std::sort(facts.begin(), facts.end());
      std::string all = color[term];
      for (const std::string& fact : facts) all += "|" + fact;
      facts = {"#" + std::to_string(std::hash<std::string>()(all))};
    }
    for (const auto& [term, facts] : seen) color[term] = facts[0];
  }
  return color;
}

inline std::map<std::string, std::vector<std::string>> NodesByColor(const NodeColors& colors) {
  std::map<std::string, std::vector<std::string>> nodes;
  for (const auto& [node, color] : colors) nodes[color].push_back(node);
  return nodes;
}

inline bool Isomorphic(const RdfGraph& a, const RdfGraph& b, NodeColors fixed_a = {},
                       NodeColors fixed_b = {}) {
  if (a.size() != b.size()) return false;
  const NodeColors color_a = RefineColors(a, fixed_a), color_b = RefineColors(b, fixed_b);
  const auto nodes_a = NodesByColor(color_a), nodes_b = NodesByColor(color_b);
  if (nodes_a.size() != nodes_b.size()) return false;
  const std::vector<std::string>* choice = nullptr;
  for (const auto& [color, nodes] : nodes_a) {
    const auto it = nodes_b.find(color);
    if (it == nodes_b.end() || it->second.size() != nodes.size()) return false;
    if (nodes.size() > 1 && (choice == nullptr || nodes.size() < choice->size())) choice = &nodes;
  }
  if (choice == nullptr) {
    RdfGraph mapped;
    const auto name = [&](const std::string& t) {
      return IsBlankTerm(t) ? nodes_b.at(color_a.at(t))[0] : t;
    };
    for (const auto& [head, relation, tail] : a) mapped.insert({name(head), relation, name(tail)});
    return mapped == b;
  }
  const std::string& node = (*choice)[0];
  fixed_a[node] = "!" + std::to_string(fixed_a.size());
  for (const std::string& other : nodes_b.at(color_a.at(node))) {
    NodeColors next = fixed_b;
    next[other] = fixed_a[node];
    if (Isomorphic(a, b, fixed_a, next)) return true;
  }
  return false;
}

}  // namespace undula::kgstore

#endif  // UNDULA_TESTS_KGSTORE_RDF_ISOMORPHISM_H_
