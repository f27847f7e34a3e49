// W3C SPARQL tests whose expected result is one of several right ones, or was overtaken.
#ifndef UNDULA_TESTS_QUERIES_W3C_EXCEPTIONS_H_
#define UNDULA_TESTS_QUERIES_W3C_EXCEPTIONS_H_

#include <string_view>

namespace undula::queries::pattern {

inline constexpr int kW3cExceptions = 0;

inline bool IsW3cException(std::string_view) { return false; }

}  // namespace undula::queries::pattern

#endif  // UNDULA_TESTS_QUERIES_W3C_EXCEPTIONS_H_
