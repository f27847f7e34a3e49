// Building an algebra: its parts put together, which variables each of them binds, and which must
// not be bound before it.
#ifndef UNDULA_QUERIES_PATTERN_ANALYZE_H_
#define UNDULA_QUERIES_PATTERN_ANALYZE_H_

#include <vector>

#include "queries/pattern/algebra.h"

namespace undula::queries::pattern {

// Sets visible, certain and blocked of the node and all below, and the slots of their expressions.
// `outside`: slots that have their value before the node is entered and count as constants
// (parameters; within EXISTS the variables of the group around it).
void Analyze(Algebra* node, const SlotSet& outside);

// Numbers the node and all below, those of EXISTS included, from *next on.
void NumberNodes(Algebra* node, int* next);

// `node` with `child` below it.
Algebra Over(Algebra node, Algebra child);
// Both as one join, without units and joins within joins.
Algebra Joined(Algebra left, Algebra right);
// Triple patterns that share no variable, in parts of their own.
std::vector<Algebra> Components(Algebra bgp);

}  // namespace undula::queries::pattern

#endif  // UNDULA_QUERIES_PATTERN_ANALYZE_H_
