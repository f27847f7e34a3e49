// Why items are recommended: sentences, the merged picture, numbers.
#include <algorithm>
#include <map>

#include "cli/report/sections.h"
#include "cli/report/text.h"

namespace undula::cli::report {
namespace {

constexpr size_t kModelReasons = 3;
constexpr char kShared[] =
    "shared with";  // label of an edge whose relation the reason does not say

// The reasons that are shown: of the model those with the largest weights, then the connections.
std::vector<Reason> Chosen(const Explanation& explanation) {
  std::vector<Reason> model;
  for (const auto& hop : explanation.hops) model.insert(model.end(), hop.begin(), hop.end());
  std::stable_sort(model.begin(), model.end(),
                   [](const Reason& a, const Reason& b) { return a.weight > b.weight; });
  if (model.size() > kModelReasons) model.resize(kModelReasons);
  model.insert(model.end(), explanation.connections.begin(), explanation.connections.end());
  return model;
}

struct Node {
  std::string name, label;
};
Node Head(const PathEdge& e) { return {e.head, e.head_label}; }
Node Tail(const PathEdge& e) { return {e.tail, e.tail_label}; }

// True where the path is walked from the edge's head to its tail. Edges are as stored, so the start
// is the end that is called as the item of the history, else the one that the next edge lacks.
bool Forward(const std::vector<PathEdge>& path, size_t i, const std::string& at,
             const std::string& seed_title) {
  const PathEdge& edge = path[i];
  if (i > 0) return edge.head == at || edge.tail != at;
  if (edge.head_label == seed_title || edge.tail_label == seed_title) {
    return edge.head_label == seed_title;
  }
  return path.size() < 2 || (edge.head != path[1].head && edge.head != path[1].tail);
}

// With a full stop where it ends with none.
std::string Sentence(const std::string& text) {
  if (text.empty() || std::string(".!?").find(text.back()) != std::string::npos) return text;
  return text + ".";
}

class PictureMaker {
 public:
  PictureMaker(const Explanation& explanation, PathPicture* picture)
      : explanation_(explanation), picture_(picture) {}

  // Paths from the history: one that users lead to begins elsewhere.
  void Add(const Reason& reason, int last_column) {
    if (reason.path.empty() || reason.kind == Reason::Kind::kUsers) return;
    const bool model = reason.kind == Reason::Kind::kModel;
    std::string at;
    int from = -1;
    for (size_t i = 0; i < reason.path.size(); ++i) {
      const PathEdge& edge = reason.path[i];
      const bool forward = Forward(reason.path, i, at, reason.seed_title);
      const Node start = forward ? Head(edge) : Tail(edge);
      const Node end = forward ? Tail(edge) : Head(edge);
      if (from < 0) from = Vertex(start, PathPicture::Shape::kItem, 0);
      const bool target = !model && i + 1 == reason.path.size();
      const int to = target ? Target(last_column)
                            : Vertex(end, PathPicture::Shape::kEntity, static_cast<int>(i) + 1);
      Edge(from, to, forward ? edge.relation_label : edge.relation_label + " of", reason.weight,
           model);
      from = to;
      at = end.name;
    }
    if (model && reason.shared) Edge(from, Target(last_column), kShared, reason.weight, true);
    if (model && !reason.shared) Target(last_column);
  }

 private:
  int Vertex(const Node& node, PathPicture::Shape shape, int column) {
    const std::string key = std::to_string(column) + " " + node.name;
    const auto [it, added] = places_.emplace(key, static_cast<int>(picture_->vertices.size()));
    if (added) picture_->vertices.push_back({key, node.label, shape, column});
    return it->second;
  }
  int Target(int column) {
    return Vertex({"", explanation_.title}, PathPicture::Shape::kTarget, column);
  }
  // An edge that the model and a connection share is the model's; a relation says more than that
  // something is shared.
  void Edge(int from, int to, const std::string& label, double weight, bool model) {
    for (PathPicture::Edge& edge : picture_->edges) {
      if (edge.from != from || edge.to != to) continue;
      if (edge.label != label && edge.label != kShared && label != kShared) continue;
      if (edge.label == kShared) edge.label = label;
      edge.weight = std::max(edge.weight, weight);
      edge.model |= model;
      return;
    }
    picture_->edges.push_back({from, to, label, weight, model});
  }

  const Explanation& explanation_;
  PathPicture* picture_;
  std::map<std::string, int> places_;
};

const char* KindName(Reason::Kind kind) {
  switch (kind) {
    case Reason::Kind::kModel:
      return "model";
    case Reason::Kind::kConnection:
      return "connection";
    case Reason::Kind::kUsers:
      return "users";
    case Reason::Kind::kPopularity:
      return "popularity";
  }
  return "";
}

Cell Effect(const Reason& reason) {
  if (reason.kind != Reason::Kind::kModel && reason.path.empty()) return "";
  if (!reason.effect.has_value()) return "not known";
  if (reason.kind == Reason::Kind::kConnection && *reason.effect == 0) {
    return "none: connection only";
  }
  return *reason.effect;
}

}  // namespace

Section ExplanationsSection(const Facts& facts) {
  Section section{.id = "explanations", .title = "Explanations"};
  if (facts.explained.empty()) {
    section.missing = facts.explained_missing.empty() ? "No model to explain: undula train."
                                                      : facts.explained_missing;
    return section;
  }
  section.blocks.push_back(Paragraph{
      "The first items of users drawn with seed " + std::to_string(facts.options.seed) + ", by " +
      facts.models[0].stored.name +
      ". Model reasons are what it looked at, with the weight that it really used; connections are "
      "paths of the graph, whatever the model made of them. Effect: the score less the score "
      "without the edges of the reason."});
  int number = 0;
  for (const ExplainedItem& item : facts.explained) {
    const Explanation& explanation = item.explanation;
    const std::vector<Reason> reasons = Chosen(explanation);
    const std::string id = "explanation-" + std::to_string(++number);
    const std::string what = explanation.title + " for " + item.user;
    Table table{.id = id,
                .caption = what + ", score " + HumanNumber(explanation.score),
                .columns = {"kind", "reason", "hops", "weight", "bits", "effect"}};
    PathPicture picture{.title = what, .message = ""};
    PictureMaker maker(explanation, &picture);
    int columns = 1;
    for (const Reason& r : reasons) {
      const bool model = r.kind == Reason::Kind::kModel;
      columns = std::max(columns, static_cast<int>(r.path.size()) + (model ? 1 : 0));
    }
    for (const Reason& r : reasons) {
      const bool model = r.kind == Reason::Kind::kModel;
      maker.Add(r, columns);
      const bool priced = !model && r.kind != Reason::Kind::kPopularity;
      table.rows.push_back({KindName(r.kind), r.sentence, static_cast<int64_t>(r.hop),
                            model ? Cell(r.weight) : Cell(), priced ? Cell(r.bits) : Cell(),
                            Effect(r)});
    }
    if (reasons.empty()) {
      section.blocks.push_back(Paragraph{what + ": no reason of the model, and no path of the "
                                                "graph leads there; does the item have a link?"});
      continue;
    }
    picture.message =
        Sentence(reasons[0].sentence) + (reasons[0].sentence.empty() ? "" : " ") +
        "Squares: items of the history; the double ring: the recommended item; solid: the model's "
        "weight is the width; dashed: a connection only.";
    if (!picture.edges.empty()) section.blocks.push_back(std::move(picture));
    section.blocks.push_back(std::move(table));
  }
  return section;
}

}  // namespace undula::cli::report
