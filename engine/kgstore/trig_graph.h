// What stands before the '{' of a graph in TriG.
#ifndef UNDULA_KGSTORE_TRIG_GRAPH_H_
#define UNDULA_KGSTORE_TRIG_GRAPH_H_

#include <cstddef>
#include <string_view>

namespace undula::kgstore {

struct GraphOpening {
  std::string_view before;  // directives of SPARQL style and comments
  std::string_view label;   // the graph's name as it stands there; empty for the default graph
  size_t label_offset = 0;
};

// Takes `text` (up to, not with, the '{') apart. False where no graph can start so: sets *error (a
// constant text) and *offset.
bool SplitGraphOpening(std::string_view text, GraphOpening* opening, std::string_view* error,
                       size_t* offset);

// Whether the first word of a statement is a directive (@prefix, @base, PREFIX, BASE): not allowed
// within a graph.
bool IsDirective(std::string_view statement);

// Whether the text holds white space and comments only.
bool IsBlankText(std::string_view text);

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_TRIG_GRAPH_H_
