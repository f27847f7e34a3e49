// A small film world written to files, for tests of the whole chain: 48 films by 8 directors in 4
// genres; 60 users who each like two directors. Facts are invented.
#ifndef UNDULA_TESTS_API_SMALL_WORLD_H_
#define UNDULA_TESTS_API_SMALL_WORLD_H_

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "../base/temp_dir.h"
#include "base/rng.h"

namespace undula::test {

inline void WriteFile(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

inline std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// A directory of its own, with names in it as dir / "name".
class TempDir : public undula::TempDir {
 public:
  std::string operator/(const std::string& name) const { return File(name); }
};

struct SmallWorld {
  static constexpr int kFilms = 48, kDirectors = 8, kGenres = 4, kUsers = 60;

  TempDir dir;
  std::string graph = dir / "graph.ttl";
  std::string catalogue = dir / "catalogue.csv";
  std::string interactions = dir / "interactions.tsv";
  std::string database = dir / "world.undula";

  SmallWorld() {
    std::string ttl =
        "@prefix w: <http://world.example/> .\n"
        "@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n";
    for (int d = 0; d < kDirectors; ++d) {
      ttl += "w:director" + std::to_string(d) + " rdfs:label \"Director " + std::to_string(d) +
             "\"@en .\n";
    }
    for (int g = 0; g < kGenres; ++g) {
      ttl +=
          "w:genre" + std::to_string(g) + " rdfs:label \"Genre " + std::to_string(g) + "\"@en .\n";
    }
    std::string csv = "item,title,year\n";
    for (int f = 0; f < kFilms; ++f) {
      const std::string n = std::to_string(f);
      ttl += "w:film" + n + " rdfs:label \"Film " + n + "\"@en ; w:directedBy w:director" +
             std::to_string(f % kDirectors) + " ; w:genre w:genre" + std::to_string(f / 12) +
             " ; w:year \"" + std::to_string(1970 + f) + "\" .\n";
      // Directors know their films too, so that hop 2 leads somewhere.
      ttl += "w:director" + std::to_string(f % kDirectors) + " w:directed w:film" + n + " .\n";
      csv += "f-" + n + ",Film " + n + "," + std::to_string(1970 + f) + "\n";
    }
    std::string tsv = "user\titem\tweight\ttime\n";
    for (int u = 0; u < kUsers; ++u) {
      const Rng rng(7, RngStream::kTest, static_cast<uint32_t>(u));
      for (int k = 0; k < 10; ++k) {
        const int director = (u + (k % 2) * 3) % kDirectors;
        int film = director + kDirectors * static_cast<int>(rng.Below(2 * k, kFilms / kDirectors));
        if (k == 9) film = static_cast<int>(rng.Below(2 * k + 1, kFilms));
        tsv += "user-" + std::to_string(u) + "\tf-" + std::to_string(film) + "\t1\t" +
               std::to_string(1'000'000 + u * 100 + k) + "\n";
      }
    }
    WriteFile(graph, ttl);
    WriteFile(catalogue, csv);
    WriteFile(interactions, tsv);
  }
};

}  // namespace undula::test

#endif  // UNDULA_TESTS_API_SMALL_WORLD_H_
