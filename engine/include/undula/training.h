// Training and evaluation: what to train, on which split, and what came out.
#ifndef UNDULA_TRAINING_H_
#define UNDULA_TRAINING_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "undula/common.h"

namespace undula {

struct TrainOptions {
  std::string model;  // see ModelCatalog(); empty: the family of `from`, else "ripplenet"
  std::string name;   // stored under this name; empty: the name of `from`, else the model's
  // A stored model to start from instead of random numbers: its tables, grown for the users, items,
  // entities and relations that came since, and its optimizer's state where it was stored
  // (train option keep_optimizer). Model, training and split options are those it was trained with
  // unless given here; those of the model must not differ.
  std::string from;
  OptionMap model_options;      // over the model's defaults
  OptionMap train_options;      // over the trainer's defaults, see TrainOptionCatalog()
  OptionMap split_options;      // over the split's defaults, see SplitOptionCatalog()
  std::string options_file;     // TOML with [model], [train], [split]; the maps above win
  std::string device = "auto";  // "auto", "cpu", "cuda" or "cuda:N"
  bool resume = true;           // go on from the last checkpoint of an equal, unfinished run
  // One JSON object per epoch, without a newline.
  std::function<void(std::string_view json)> on_epoch;
};

// Metrics of one model on one part of the data.
struct EvaluationRow {
  std::string model;  // "ripplenet", "most_popular", ...
  std::string part;   // "all", "popularity: head", "history: 1-5", ...
  int64_t users = 0;
  std::vector<Metric> metrics;
  // Of the part "all" of a ranking, over the lists at the last K. The share of what was recommended
  // that each tenth of the catalogue has, most popular items first; and the Lorenz curve: the share
  // that the i/20 least recommended items have, i = 0 to 20.
  std::vector<double> deciles, lorenz;
};

struct EvaluationReport {
  std::string protocol;             // how data were split and ranked, in words
  std::vector<EvaluationRow> rows;  // the model first, then the baselines
};

struct TrainReport {
  std::string name;
  std::string model_description;  // e.g. users, hops copied, items without a link
  std::string start;              // "new", or what was taken over from TrainOptions::from
  OptionMap options;              // effective options of model, training and split
  std::string device;
  int64_t epochs = 0, best_epoch = 0;
  int64_t samples = 0;  // rows of the loss over all epochs
  double seconds = 0, cpu_seconds = 0;
  std::string best_metric;  // "valid ndcg@20 = 0.123"
};

// Vectors for the entities and relations of the graph, learned from its triples alone (TransE,
// TransH, TransR, DistMult; docs/models/kge.md).
struct EmbedOptions {
  // The entities' vectors are stored under this name, those of the relations under NAME.relations;
  // empty: the form ("transe").
  std::string name;
  OptionMap model_options;      // see EmbedOptionCatalog()
  OptionMap train_options;      // see TrainOptionCatalog()
  OptionMap triple_options;     // shares of validation and test, corruption, seed
  std::string options_file;     // TOML with [model], [train], [triples]; the maps above win
  std::string device = "auto";  // as of TrainOptions
  bool resume = true;
  std::function<void(std::string_view json)> on_epoch;
};

struct EmbedReport {
  std::string name, relations_name;
  std::string protocol;  // how the triples were cut
  OptionMap options;     // effective options of model, training and triples
  std::string device;
  int64_t epochs = 0, best_epoch = 0;
  int64_t samples = 0;  // pairs of a triple and a corrupted one
  double seconds = 0, cpu_seconds = 0;
  std::string best_metric;
  // Filtered link prediction on validation and test: mrr, hits@1, hits@3, hits@10, mean_rank.
  std::vector<EvaluationRow> rows;
};

// A search for good options: random settings within ranges, the better ones trained further
// (successive halving), all by the validation part. docs/tuning.md has the file's form.
struct TuneOptions {
  std::string ranges_file;  // TOML: [tune], [split], [train] and a section for each model family
  // For trials, checkpoints and FAMILY.toml, the best options in the form of
  // TrainOptions::options_file. A search that was killed goes on from there.
  std::string directory;
  // A line for each finished trial; called from any thread, one call at a time.
  std::function<void(std::string_view line)> on_trial;
};

// One setting, as far as it was trained.
struct TuneRow {
  std::string model;
  int64_t trial = 0, epochs = 0, best_epoch = 0;
  std::string metric;  // on validation: "auc"
  double value = 0;    // NaN where the setting failed
  double cpu_seconds = 0;
  OptionMap options;  // those that have a range
  std::string error;
};

struct TuneReport {
  std::string protocol;       // how data were split, in words
  int64_t epochs = 0;         // trained for each family: the budget
  std::vector<TuneRow> rows;  // by family, those that came furthest first, then the best
  std::vector<std::string> options_files;
};

struct EvaluateOptions {
  std::string name;                  // a stored model; evaluated on the split it was trained with
  std::string part = "test";         // "test" or "valid"
  std::string protocol = "ranking";  // "ranking" (full catalogue), "ctr", "ksr" (100 candidates)
  std::vector<int> at = {10, 20};    // K of ranking metrics
  bool bands = false;                // rows by popularity band and history length too
  bool baselines = true;             // MostPopular and others of its kind beside the model
  // Another stored model of the same split: it gets a row, and the row "NAME - AGAINST" has the
  // differences over the users that both score, with paired bootstrap intervals: auc, or recall and
  // ndcg at the last K. FailedPrecondition where the splits differ.
  std::string against;
  bool differences = false;  // such rows for the baselines too: "NAME - most_popular"
};

struct ModelFamily {
  std::string name, title, paper;
  bool fold_in = false, explains = false, vectors = false, uses_graph = false;
  std::vector<OptionInfo> options;
};

// All models that can be trained.
std::vector<ModelFamily> ModelCatalog();
std::vector<OptionInfo> TrainOptionCatalog();
std::vector<OptionInfo> SplitOptionCatalog();
// Of Embed: its model ("model.form", ...) and triples ("triples.corruption", ...).
std::vector<OptionInfo> EmbedOptionCatalog();

}  // namespace undula

#endif  // UNDULA_TRAINING_H_
