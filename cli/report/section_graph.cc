// The knowledge graph and the data.
#include <algorithm>
#include <cstdio>

#include "cli/report/sections.h"
#include "cli/report/text.h"

namespace undula::cli::report {
namespace {

constexpr size_t kMostRelations = 50;

double Share(int64_t part, int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

Table Counts(const char* id, const char* caption) {
  return {.id = id, .caption = caption, .columns = {"what", "count"}};
}

BarChart HistogramChart(const char* title, const char* message, const char* x, const char* y,
                        const DataProfile::Histogram& histogram) {
  BarChart chart{.title = title, .message = message, .x_label = x, .y_label = y};
  chart.values.emplace_back();
  for (const auto& [low, count] : histogram) {
    std::string name = HumanNumber(low);
    if (low > 1) name += "-" + HumanNumber(2 * low - 1);
    chart.bars.push_back(name);
    chart.values[0].push_back(static_cast<double>(count));
  }
  return chart;
}

Table HistogramTable(const char* id, const char* caption, const char* x, const char* y,
                     const DataProfile::Histogram& histogram) {
  Table table{.id = id, .caption = caption, .columns = {x, "up to", y}, .folded = true};
  for (const auto& [low, count] : histogram) {
    table.rows.push_back({low, low > 1 ? 2 * low - 1 : low, count});
  }
  return table;
}

void AddRelations(const Facts& facts, Section* section) {
  Table table{.id = "relations",
              .caption = "Relations, most triples first",
              .columns = {"relation", "name", "triples", "heads", "tails", "mean fan-out",
                          "largest fan-out", "share of the items touched"}};
  for (const DataProfile::Relation& r : facts.profile.relations) {
    if (table.rows.size() >= kMostRelations) {
      ++table.left_out;
      continue;
    }
    table.rows.push_back({r.label, r.relation, r.triples, r.heads, r.tails,
                          Share(r.triples, r.heads), r.most_tails, r.items});
  }
  section->blocks.push_back(std::move(table));
}

void AddDegrees(const Facts& facts, Section* section) {
  LineChart chart{.title = "Degrees of the entities",
                  .message =
                      "How many entities have so many edges or more, both scales "
                      "logarithmic; a long tail to the right means hubs.",
                  .x_label = "edges, both directions",
                  .y_label = "entities with so many or more",
                  .log_x = true,
                  .log_y = true};
  Series series{.name = "entities"};
  Table table{.id = "degrees",
              .caption = "Degrees",
              .columns = {"edges or more", "entities"},
              .folded = true};
  for (const auto& [degree, count] : facts.profile.degrees) {
    series.points.emplace_back(static_cast<double>(degree), static_cast<double>(count));
    table.rows.push_back({degree, count});
  }
  if (series.points.empty()) return;
  chart.series.push_back(std::move(series));
  section->blocks.push_back(std::move(chart));
  section->blocks.push_back(std::move(table));
}

void AddLinks(const Facts& facts, Section* section) {
  const DataProfile& profile = facts.profile;
  const int64_t items = facts.stats.items;
  if (items == 0) {
    section->blocks.push_back(Paragraph{"No items: undula import DB CATALOGUE adds them."});
    return;
  }
  Table hops{.id = "items-by-hops",
             .caption = "How far the graph leads from the items",
             .columns = {"from the item", "items", "share"}};
  static constexpr const char* kNames[] = {"nowhere: no link, or an entity without edges",
                                           "one hop", "two hops or more"};
  for (int i = 0; i < 3; ++i) {
    hops.rows.push_back(
        {kNames[i], profile.items_by_hops[i], Share(profile.items_by_hops[i], items)});
  }
  section->blocks.push_back(std::move(hops));
  Table methods{
      .id = "links", .caption = "How items were linked", .columns = {"method", "items", "share"}};
  for (const auto& [method, count] : profile.link_methods) {
    methods.rows.push_back({method, count, Share(count, items)});
  }
  methods.rows.push_back(
      {"not linked", profile.unlinked_items, Share(profile.unlinked_items, items)});
  section->blocks.push_back(std::move(methods));
  if (facts.stats.items_linked > 0) {
    BarChart confidence{.title = "Confidence of the links",
                        .message = "Of each item's best link, by tenths.",
                        .x_label = "confidence",
                        .y_label = "items"};
    confidence.values.emplace_back();
    Table table{.id = "link-confidence",
                .caption = "Confidence of the links",
                .columns = {"from", "to", "items"},
                .folded = true};
    for (int i = 0; i < 10; ++i) {
      confidence.bars.push_back("." + std::to_string(i) +
                                (i == 9 ? "-1" : "-." + std::to_string(i + 1)));
      confidence.values[0].push_back(static_cast<double>(profile.link_confidence[i]));
      table.rows.push_back({i / 10.0, (i + 1) / 10.0, profile.link_confidence[i]});
    }
    section->blocks.push_back(std::move(confidence));
    section->blocks.push_back(std::move(table));
  }
  if (profile.unlinked.empty()) {
    section->blocks.push_back(Paragraph{"Every item has a link."});
    return;
  }
  section->blocks.push_back(Paragraph{
      HumanNumber(profile.unlinked_items) + " items without a link stand for " +
      HumanNumber(profile.unlinked_interactions) +
      " interactions; no model can use the graph for them. Links for the first of this list bring "
      "most: undula link run, or undula import DB LINKS."});
  Table unlinked{
      .id = "unlinked",
      .caption = "Items without a link, most interactions first",
      .columns = {"item", "title", "interactions"},
      .left_out = profile.unlinked_items - static_cast<int64_t>(profile.unlinked.size())};
  for (const DataProfile::Unlinked& item : profile.unlinked) {
    unlinked.rows.push_back({item.item, item.title, item.interactions});
  }
  section->blocks.push_back(std::move(unlinked));
}

// "2015-03-31" of seconds since 1970 (Howard Hinnant's days-to-civil rule).
std::string Date(int64_t seconds) {
  int64_t days = seconds / 86400 - (seconds % 86400 < 0);
  days += 719468;
  const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const int64_t of_era = days - era * 146097;
  const int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  const int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t shifted = (5 * of_year + 2) / 153;  // month, March = 0
  const int64_t day = of_year - (153 * shifted + 2) / 5 + 1;
  const int64_t month = shifted < 10 ? shifted + 3 : shifted - 9;
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%04lld-%02lld-%02lld",
                static_cast<long long>(year_of_era + era * 400 + (month <= 2)),
                static_cast<long long>(month), static_cast<long long>(day));
  return buffer;
}

// Of an entity or several: picture, and the edges as a table.
void AddNeighborhoods(const Facts& facts, Section* section) {
  int number = 0;
  for (const Neighborhood& around : facts.around) {
    const std::string& name = around.vertices[0].label;
    GraphPicture picture{.title = "Around " + name};
    picture.message = HumanNumber(static_cast<int64_t>(around.vertices.size() - 1)) +
                      " entities nearest to it (the double ring), those with few edges first";
    picture.message += around.left_out == 0 ? std::string("; all its neighbors are there.")
                                            : "; " + HumanNumber(around.left_out) +
                                                  " further neighbors are left out.";
    for (const Neighborhood::Vertex& v : around.vertices) {
      picture.vertices.push_back({v.label.empty() ? v.name : v.label, v.x, v.y});
    }
    Table table{.id = "around-" + std::to_string(++number),
                .caption = "Edges around " + name,
                .columns = {"head", "relation", "tail"},
                .folded = true};
    for (const Neighborhood::Edge& e : around.edges) {
      picture.edges.push_back({e.head, e.tail, e.relation});
      table.rows.push_back(
          {picture.vertices[e.head].label, e.relation, picture.vertices[e.tail].label});
    }
    section->blocks.push_back(std::move(picture));
    section->blocks.push_back(std::move(table));
  }
}

}  // namespace

Section GraphSection(const Facts& facts) {
  Section section{.id = "graph", .title = "Knowledge graph"};
  const DatabaseStats& stats = facts.stats;
  if (stats.triples == 0) {
    section.missing = "No triples between entities: undula import DB GRAPH.ttl adds them.";
    if (stats.items > 0) AddLinks(facts, &section);
    return section;
  }
  Table table = Counts("graph-counts", "The graph");
  table.rows = {{"triples between entities", stats.triples},
                {"entities", stats.entities},
                {"relations", stats.relations},
                {"attributes (entity, relation, literal)", stats.attributes},
                {"literals", stats.literals},
                {"components of entities with edges", facts.profile.components},
                {"entities of the largest component", facts.profile.largest_component},
                {"triples in named graphs", stats.quads}};
  section.blocks.push_back(std::move(table));
  AddLinks(facts, &section);
  AddRelations(facts, &section);
  AddDegrees(facts, &section);
  AddNeighborhoods(facts, &section);
  return section;
}

Section DataSection(const Facts& facts) {
  Section section{.id = "data", .title = "Data"};
  const DatabaseStats& stats = facts.stats;
  const DataProfile& profile = facts.profile;
  if (stats.interactions == 0) {
    section.missing = "No interactions: undula import DB INTERACTIONS adds them.";
    return section;
  }
  Table table = Counts("data-counts", "The data");
  table.rows = {
      {"users", stats.users},
      {"items", stats.items},
      {"interactions", stats.interactions},
      {"interactions / (users x items)",
       static_cast<double>(stats.interactions) / static_cast<double>(stats.users) /
           static_cast<double>(std::max<int64_t>(stats.items, 1))},
      {"social edges", stats.social},
      {"first interaction", profile.first_time == 0 ? "no time given" : Date(profile.first_time)},
      {"last interaction", profile.last_time == 0 ? "no time given" : Date(profile.last_time)}};
  section.blocks.push_back(std::move(table));
  if (facts.models.empty()) {
    section.blocks.push_back(Paragraph{"No split: it is made when a model is trained."});
  } else {
    Table splits{.id = "splits",
                 .caption = "How the data were split, and what the model made of them",
                 .columns = {"model", "split", "structure"}};
    for (const ModelFacts& model : facts.models) {
      const auto get = [&](const char* key) {
        const auto it = model.stored.metadata.find(key);
        return it == model.stored.metadata.end() ? std::string() : it->second;
      };
      splits.rows.push_back({model.stored.name, get("split_description"), get("structure")});
    }
    section.blocks.push_back(std::move(splits));
  }
  section.blocks.push_back(HistogramChart("Length of the histories", "Users by interactions.",
                                          "interactions of a user", "users",
                                          profile.history_lengths));
  section.blocks.push_back(HistogramTable("histories", "Length of the histories",
                                          "interactions from", "users", profile.history_lengths));
  section.blocks.push_back(HistogramChart("Popularity of the items", "Items by interactions.",
                                          "interactions of an item", "items",
                                          profile.item_popularity));
  section.blocks.push_back(HistogramTable("popularity", "Popularity of the items",
                                          "interactions from", "items", profile.item_popularity));
  return section;
}

}  // namespace undula::cli::report
