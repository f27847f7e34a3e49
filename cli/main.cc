// undula: the command-line program over the public API.
#include <cstdio>
#include <iostream>
#include <string>

#include "cli/command.h"

namespace undula::cli {
namespace {

struct Verb {
  const char* name;
  const char* summary;
  absl::Status (*run)(const Args&);
};

constexpr Verb kVerbs[] = {
    {"import", "add knowledge graph, catalogue, interactions or links from files", RunImport},
    {"link", "link catalogue items to entities of the graph", RunLink},
    {"update", "add and delete single triples, interactions, ... as a patch file says", RunUpdate},
    {"forget", "erase a user", RunForget},
    {"stats", "what the database holds", RunStats},
    {"train", "train a model and store it in the database", RunTrain},
    {"embed", "learn vectors of entities and relations from the graph (TransE and kin)", RunEmbed},
    {"tune", "search for good options of models on the validation part", RunTune},
    {"evaluate", "a stored model beside simple baselines, on its test part", RunEvaluate},
    {"report", "one HTML page: metrics, curves, graph, data, explanations, options", RunReport},
    {"query", "graph patterns: SPARQL SELECT and ASK", RunQuery},
    {"recommend", "the best items for a user or a history, with reasons", RunRecommend},
    {"index", "build a nearest-neighbor index of a model's item vectors", RunIndex},
    {"similar", "items like a given one, or around what a user did", RunSimilar},
    {"explain", "what the model looked at for a user and an item", RunExplain},
    {"score", "the best items of all users, to a file (batch job)", RunScore},
    {"partitions", "vectors of a PinSAGE in partitions: jobs of files in, files out",
     RunPartitions},
    {"models", "stored models; `models show NAME` for a model's options", RunModels},
    {"export", "write a model, triples, interactions, links or items to a file", RunExport},
    {"backup", "copy a database that is in use", RunBackup},
    {"compact", "copy a database without free pages", RunCompact},
    {"verify", "check pages, checksums, values and indexes", RunVerify},
};

void PrintHelp() {
  std::cout << "undula " << Version()
            << ": embedded knowledge-graph recommendation engine\n\n"
               "Usage: undula VERB DATABASE ... [options]\n\nVerbs:\n";
  for (const Verb& verb : kVerbs) std::printf("  %-10s %s\n", verb.name, verb.summary);
  std::cout << "\n`undula VERB --help` shows a verb's options and an example.\n"
               "The exit code is 0, or the number of the error's status code.\n";
}

int Main(int argc, char** argv) {
  const Args all(argv + 1, argv + argc);
  if (all.empty() || all[0] == "--help" || all[0] == "-h" || all[0] == "help") {
    PrintHelp();
    return all.empty() ? static_cast<int>(absl::StatusCode::kInvalidArgument) : 0;
  }
  if (all[0] == "--version") {
    std::cout << "undula " << Version() << "\nSIMD: " << DescribeSimd()
              << "\nGPU: " << DescribeGpus() << "\n";
    return 0;
  }
  for (const Verb& verb : kVerbs) {
    if (all[0] != verb.name) continue;
    const absl::Status status = verb.run(Args(all.begin() + 1, all.end()));
    std::cout.flush();
    if (status.ok()) return 0;
    std::cerr << "undula " << verb.name << ": " << status.message() << " ["
              << absl::StatusCodeToString(status.code()) << "]\n";
    return static_cast<int>(status.code());
  }
  std::cerr << "undula: no verb '" << all[0] << "'; the verbs are";
  for (const Verb& verb : kVerbs) std::cerr << " " << verb.name;
  std::cerr << "\n";
  return static_cast<int>(absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace undula::cli

int main(int argc, char** argv) { return undula::cli::Main(argc, argv); }
