// Types that the other headers share: options as text, log messages, tables of metrics.
#ifndef UNDULA_COMMON_H_
#define UNDULA_COMMON_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace undula {

// Option name -> value as text, e.g. {{"dim", "16"}, {"learning_rate", "0.005"}}. Unknown names and
// values out of range are InvalidArgument naming the nearest name or the range.
using OptionMap = std::map<std::string, std::string>;

enum class Severity { kInfo, kWarning };

// Receives what the library has to say; it never prints by itself. Called on the thread of the call
// that reports.
using LogSink = std::function<void(Severity severity, std::string_view message)>;

// One option of a model or of training, for display.
struct OptionInfo {
  std::string name;
  std::string default_value;
  std::string range;  // "1..1024", "a|b|c" or a type
  std::string help;
};

// A value with its 95 % interval over users (bootstrap); low = high = value where there is none.
struct Metric {
  std::string name;  // "recall@20", "auc", ...
  double value = 0;
  double low = 0;
  double high = 0;
};

// "0.1.0".
std::string_view Version();

// `text` as a JSON string literal, quotes included. Invalid UTF-8 is the caller's matter.
std::string JsonQuote(std::string_view text);

// The instruction set of the tuned kernels: "avx512", or with UNDULA_SIMD (docs/development.md) in
// the environment "scalar (forced by UNDULA_SIMD; the processor has avx512)".
std::string DescribeSimd();

// Which GPU is used, or why none is: "CUDA 13.0: no NVIDIA driver (libcuda.so.1 not found)".
std::string DescribeGpus();

}  // namespace undula

#endif  // UNDULA_COMMON_H_
