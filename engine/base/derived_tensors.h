// Tensors of a stored model that can be made anew from its other ones, e.g. an index.
#ifndef UNDULA_BASE_DERIVED_TENSORS_H_
#define UNDULA_BASE_DERIVED_TENSORS_H_

#include <string_view>

namespace undula {

// A ModelSink that finds a tensor of such a name damaged leaves it out of what it returns, and the
// model can still be used; the names of those are in the metadata, one a line.
inline constexpr std::string_view kDerivedPrefix = "derived/";
inline constexpr std::string_view kDamagedTensors = "damaged";

}  // namespace undula

#endif  // UNDULA_BASE_DERIVED_TENSORS_H_
