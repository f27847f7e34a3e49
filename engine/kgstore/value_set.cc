#include "kgstore/value_set.h"

namespace undula::kgstore::internal {

std::string EncodeGraphs(const std::vector<uint32_t>& graphs) {
  std::string out;
  uint32_t last = 0;
  for (const uint32_t graph : graphs) {
    PutVarint(&out, graph - last);
    last = graph;
  }
  return out;
}

bool DecodeGraphs(std::string_view bytes, std::vector<uint32_t>* graphs) {
  graphs->clear();
  FieldReader in(bytes);
  uint64_t graph = 0;
  while (!in.done()) {
    const uint64_t step = in.Varint();
    graph += step;
    if (!in.ok() || graph > kNoIndex || (step == 0 && !graphs->empty())) return false;
    graphs->push_back(static_cast<uint32_t>(graph));
  }
  return in.ok() && !graphs->empty();
}

std::string EncodeSocial(const std::vector<SocialEdge>& edges) {
  std::string out;
  uint32_t last = 0;
  for (const SocialEdge& edge : edges) {
    PutVarint(&out, edge.other - last);
    PutFixed(&out, edge.weight);
    last = edge.other;
  }
  return out;
}

bool DecodeSocial(std::string_view bytes, std::vector<SocialEdge>* edges) {
  edges->clear();
  FieldReader in(bytes);
  uint64_t other = 0;
  while (!in.done()) {
    const uint64_t step = in.Varint();
    const auto weight = in.Fixed<float>();
    other += step;
    if (!in.ok() || other > kMaxIds || (step == 0 && !edges->empty())) return false;
    edges->push_back({static_cast<uint32_t>(other), weight});
  }
  return in.ok();
}

std::string EncodeColumns(const ColumnMap& columns) {
  std::string out;
  for (const auto& [column, text] : columns) {
    PutVarint(&out, column);
    PutText(&out, text);
  }
  return out;
}

bool DecodeColumns(std::string_view bytes, ColumnMap* columns) {
  columns->clear();
  FieldReader in(bytes);
  while (!in.done()) {
    const uint64_t column = in.Varint();
    const std::string_view text = in.Text();
    if (!in.ok() || column > kMaxIds) return false;
    (*columns)[static_cast<uint32_t>(column)] = text;
  }
  return in.ok();
}

}  // namespace undula::kgstore::internal
