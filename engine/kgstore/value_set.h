// Values that are ascending sets of ids: the graphs of a triple, the social edges of a user, the
// columns of an item or user. Byte layout: docs/file-format.md.
#ifndef UNDULA_KGSTORE_VALUE_SET_H_
#define UNDULA_KGSTORE_VALUE_SET_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "kgstore/adjacency.h"
#include "kgstore/varint.h"

namespace undula::kgstore::internal {

// Whether the tail of a triple in `graphs` is an entity or a literal; the first byte of the key.
enum class TailKind : char { kEntity = 'e', kLiteral = 'l' };

// 13 bytes; ascending keys are ascending (kind, triple).
inline std::string GraphsKey(TailKind kind, const Triple& triple) {
  std::string key(1, static_cast<char>(kind));
  key += HubKey(triple.a, triple.b, triple.c).view();
  return key;
}

// Graphs of a triple: entity id of the graph's name + 1, or 0 for the default graph; ascending.
std::string EncodeGraphs(const std::vector<uint32_t>& graphs);
// False where the bytes are damaged; replaces *graphs.
bool DecodeGraphs(std::string_view bytes, std::vector<uint32_t>* graphs);

struct SocialEdge {
  uint32_t other;
  float weight;
};

// By ascending other user, distinct.
std::string EncodeSocial(const std::vector<SocialEdge>& edges);
bool DecodeSocial(std::string_view bytes, std::vector<SocialEdge>* edges);

// Column number -> text.
using ColumnMap = std::map<uint32_t, std::string>;
std::string EncodeColumns(const ColumnMap& columns);
bool DecodeColumns(std::string_view bytes, ColumnMap* columns);

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_VALUE_SET_H_
