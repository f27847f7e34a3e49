// Speed and memory of linking on generated names: titles against a label index, text against a name
// table. Prints one line for each measurement.
//
//   link_bench [labels in millions, default 5] [titles in millions, default 1] [threads, default 2]
//
// Labels are titles of two to five words drawn from 60,000 syllable words with Zipf-like counts, a
// fifth with a bracket. Titles are labels that were changed: as they are, in upper case with
// "Title, The" and a year, or with one or two edits (these only in the approximate part).
// Throughput is per CPU second of all threads. The result's hash is printed for 1 and for all
// threads: they must be equal.
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "linking/label_index.h"
#include "linking/match.h"
#include "linking/mentions.h"
#include "linking/name_table.h"

namespace undula::linking {
namespace {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t Next() {
    uint64_t x = state_ += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
  }
  uint64_t Below(uint64_t n) { return Next() % n; }
  double Unit() { return static_cast<double>(Next() >> 11) * 0x1p-53; }

 private:
  uint64_t state_;
};

double CpuSeconds() {
  rusage use;
  getrusage(RUSAGE_SELF, &use);
  return static_cast<double>(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
         1e-6 * static_cast<double>(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
}
int64_t PeakBytes() {
  rusage use;
  getrusage(RUSAGE_SELF, &use);
  return static_cast<int64_t>(use.ru_maxrss) * 1024;
}

std::vector<std::string> MakeWords(Random* random) {
  const char* const kOnsets[] = {"b", "br", "c",  "ch", "d", "f",  "g", "gr", "h", "k", "l", "m",
                                 "n", "p",  "pr", "r",  "s", "st", "t", "tr", "v", "w", "",  "z"};
  const char* const kEnds[] = {"a", "an", "ar", "e", "el", "en", "er",   "i",   "ing", "is",
                               "o", "on", "or", "u", "us", "y",  "ight", "ack", "ole", "ine"};
  std::vector<std::string> words;
  for (int i = 0; i < 60000; ++i) {
    std::string word;
    for (uint64_t s = 1 + random->Below(3); s > 0; --s) {
      word += kOnsets[random->Below(std::size(kOnsets))];
      word += kEnds[random->Below(std::size(kEnds))];
    }
    word[0] = static_cast<char>(word[0] - 'a' + 'A');
    words.push_back(word);
  }
  return words;
}

// Rank r with a chance of about 1 / r.
const std::string& Draw(Random* random, const std::vector<std::string>& words) {
  const double r = std::exp(random->Unit() * std::log(static_cast<double>(words.size())));
  return words[std::min(static_cast<size_t>(r), words.size()) - 1];
}

std::string MakeTitle(Random* random, const std::vector<std::string>& words) {
  std::string title = random->Below(4) == 0 ? "The " : "";
  for (uint64_t n = 2 + random->Below(4); n > 0; --n) {
    title += Draw(random, words);
    if (n > 1) title += ' ';
  }
  return title;
}

std::string ChangeCase(std::string title) {
  for (char& c : title) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  return title.starts_with("THE ") ? title.substr(4) + ", The (1998)" : title + " (1998)";
}

std::string ChangeLetters(Random* random, std::string title) {
  for (uint64_t edits = 1 + random->Below(2); edits > 0; --edits) {
    const size_t at = random->Below(title.size());
    if (random->Below(2) == 0) {
      title[at] = static_cast<char>('a' + random->Below(26));
    } else {
      title.erase(at, 1);
    }
  }
  return title;
}

struct Result {
  double seconds = 0;
  int64_t found = 0;
  uint64_t hash = 0;
};

Result Match(const LabelIndex& index, const std::vector<std::string>& titles, bool approximate,
             int threads) {
  TaskArena arena(threads);
  std::vector<uint64_t> first(titles.size());
  const double start = CpuSeconds();
  arena.For(static_cast<int64_t>(titles.size()), 1024, [&](int64_t from, int64_t to) {
    for (auto i = static_cast<size_t>(from); i < static_cast<size_t>(to); ++i) {
      const TitleMatches found = MatchTitle(index, titles[i], approximate, 32);
      if (found.matches.empty()) continue;
      first[i] = (uint64_t{Index(found.matches[0].entity)} + 1) * 64 + found.matches.size();
    }
  });
  Result result;
  result.seconds = CpuSeconds() - start;
  for (const uint64_t f : first) {
    result.found += f != 0;
    result.hash = (result.hash ^ f) * 0x100000001B3u;
  }
  return result;
}

void Report(const char* what, const LabelIndex& index, const std::vector<std::string>& titles,
            bool approximate, int threads) {
  const Result one = Match(index, titles, approximate, 1);
  const Result all = Match(index, titles, approximate, threads);
  const auto n = static_cast<double>(titles.size());
  std::printf("%-28s %9.0f titles per core-second, %4.1f %% found, hash %016llx %s\n", what,
              n / one.seconds, 100 * static_cast<double>(one.found) / n,
              static_cast<unsigned long long>(one.hash),
              one.hash == all.hash ? "(equal with all threads)" : "(DIFFERS with all threads)");
}

int Main(int argc, char** argv) {
  const double million = 1e6;
  const auto n_labels = static_cast<uint32_t>(million * (argc > 1 ? std::atof(argv[1]) : 5));
  const auto n_titles = static_cast<uint32_t>(million * (argc > 2 ? std::atof(argv[2]) : 1));
  const int threads = argc > 3 ? std::atoi(argv[3]) : 2;
  Random random(1);
  const std::vector<std::string> words = MakeWords(&random);
  std::vector<std::string> exact, changed;
  {
    LabelIndex index;
    double start = CpuSeconds();
    for (uint32_t i = 0; i < n_labels; ++i) {
      std::string label = MakeTitle(&random, words);
      if (i < n_titles) {
        exact.push_back(i % 2 == 0 ? label : ChangeCase(label));
        changed.push_back(ChangeLetters(&random, label));
      }
      if (i % 5 == 0) label += " (film)";
      if (!index.Add(EntityId{i}, label, LabelSource::kLabel).ok()) return 1;
    }
    index.Build();
    std::printf("label index: %lld labels, %lld keys, %.1f bytes a label, %.1f CPU seconds\n",
                static_cast<long long>(index.labels()), static_cast<long long>(index.keys()),
                static_cast<double>(index.bytes()) / static_cast<double>(index.labels()),
                CpuSeconds() - start);
    Report("exact titles, exact", index, exact, false, threads);
    Report("changed titles, approximate", index, changed, true, threads);
    std::printf("peak memory so far: %.0f MB (titles included)\n",
                static_cast<double>(PeakBytes()) / million);
  }
  NameTable names;
  const uint32_t n_names = std::min(n_labels, uint32_t{1000000});
  std::vector<std::string> some;
  for (uint32_t i = 0; i < n_names; ++i) {
    some.push_back(MakeTitle(&random, words));
    if (!names.Add(EntityId{i}, some.back(), true).ok()) return 1;
  }
  names.Build();
  std::vector<Document> documents(20000);
  int64_t bytes = 0;
  for (Document& document : documents) {
    std::string text;
    for (int w = 0; w < 300; ++w) {
      text += w % 40 == 0 ? some[random.Below(some.size())] : Draw(&random, words);
      text += w % 12 == 11 ? ". " : " ";
    }
    bytes += static_cast<int64_t>(text.size());
    document.texts.push_back(std::move(text));
  }
  TaskArena arena(1);
  const double start = CpuSeconds();
  const auto found = FindNames(names, documents, arena, nullptr);
  const double seconds = CpuSeconds() - start;
  if (!found.ok()) return 1;
  int64_t total = 0;
  for (const auto& document : *found) total += static_cast<int64_t>(document.names.size());
  std::printf(
      "name table: %lld names, %.1f bytes a name; text: %.1f MB, %.1f MB per core-second, "
      "%lld names found\n",
      static_cast<long long>(names.names()),
      static_cast<double>(names.bytes()) / static_cast<double>(names.names()),
      static_cast<double>(bytes) / million, static_cast<double>(bytes) / million / seconds,
      static_cast<long long>(total));
  return 0;
}

}  // namespace
}  // namespace undula::linking

int main(int argc, char** argv) { return undula::linking::Main(argc, argv); }
