// A report as data: sections of tables, charts and pictures. What there is to say is decided once
// (build_report.h and the *_section.h); html_writer.h, markdown_writer.h and json_writer.h write
// it.
#ifndef UNDULA_CLI_REPORT_DOCUMENT_H_
#define UNDULA_CLI_REPORT_DOCUMENT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace undula::cli::report {

// A value with an interval where there is one. A number that is not finite is shown as "-" and is
// null in JSON.
struct Number {
  double value = 0;
  std::optional<std::pair<double, double>> interval;
  bool best = false;  // of its column, where the paired interval excludes 0
};

struct Cell {
  Cell() = default;                                                    // empty
  Cell(std::string text) : value(std::move(text)) {}                   // NOLINT
  Cell(const char* text) : value(std::string(text)) {}                 // NOLINT
  Cell(int64_t number) : value(number) {}                              // NOLINT
  Cell(double number) : value(Number{number, std::nullopt, false}) {}  // NOLINT
  Cell(Number number) : value(std::move(number)) {}                    // NOLINT
  std::variant<std::monostate, std::string, int64_t, Number> value;
};

struct Table {
  std::string id;  // unique in the report: "metrics"
  std::string caption;
  std::vector<std::string> columns;
  std::vector<std::vector<Cell>> rows;
  int64_t left_out = 0;  // rows that are not shown; the writers say how many
  bool folded = false;   // shown on demand
};

// Points (x, y) in the order of x.
struct Series {
  std::string name;
  std::vector<std::pair<double, double>> points;
  int color = 0;               // series of one color belong together
  bool thin = false;           // one of several seeds
  bool stairs = false;         // the value holds until the next point
  std::optional<double> mark;  // an x to be marked: the best epoch
  std::string mark_text;
};

struct LineChart {
  std::string title, message;  // the message says in words what is to be seen
  std::string x_label, y_label;
  bool log_x = false, log_y = false, points_only = false;
  bool folded = false;  // shown on demand
  std::vector<Series> series;
};

struct BarChart {
  std::string title, message, x_label, y_label;
  std::vector<std::string> bars;  // what stands below them
  std::vector<std::string> series;
  std::vector<std::vector<double>> values;  // one row a series
};

// Values with intervals on one axis, with a line at zero.
struct ForestChart {
  std::string title, message, x_label;
  struct Row {
    std::string name;
    double value = 0, low = 0, high = 0;
  };
  std::vector<Row> rows;
};

// Paths from left to right in layers: columns of a graph drawing.
struct PathPicture {
  std::string title, message;
  enum class Shape { kItem, kEntity, kTarget };
  struct Vertex {
    std::string key, label;  // key: unique in the picture
    Shape shape = Shape::kEntity;
    int column = 0;
  };
  struct Edge {
    int from = 0, to = 0;  // places in `vertices`
    std::string label;
    double weight = 0;   // 0 to 1
    bool model = false;  // the model used it; else a connection only
  };
  std::vector<Vertex> vertices;
  std::vector<Edge> edges;
};

// A small graph whose vertices have places in the unit square.
struct GraphPicture {
  std::string title, message;
  struct Vertex {
    std::string label;
    double x = 0, y = 0;
  };
  struct Edge {
    int from = 0, to = 0;  // places in `vertices`
    std::string label;
  };
  std::vector<Vertex> vertices;  // the first is what the picture is about
  std::vector<Edge> edges;
};

struct Paragraph {
  std::string text;
};

struct Section {
  std::string id, title;
  // Where there is nothing to show: one line that says what would fill the section.
  std::string missing;
  using Block =
      std::variant<Paragraph, Table, LineChart, BarChart, ForestChart, PathPicture, GraphPicture>;
  std::vector<Block> blocks;
};

struct Document {
  std::string title;
  std::string verdict;                                    // one sentence
  std::string graph_verdict;                              // is the graph useful, and how sure?
  std::vector<std::pair<std::string, std::string>> head;  // what was run: name, value
  std::vector<Section> sections;
};

}  // namespace undula::cli::report

#endif  // UNDULA_CLI_REPORT_DOCUMENT_H_
