// The database: one file NAME.undula with the knowledge graph, the interactions, the links between
// items and entities, and the trained models. From here everything else is reached.
#ifndef UNDULA_DATABASE_H_
#define UNDULA_DATABASE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "undula/common.h"
#include "undula/progress.h"
#include "undula/query.h"
#include "undula/recommender.h"
#include "undula/training.h"

namespace undula {

struct DatabaseOptions {
  bool create = true;  // make the file if it is missing
  bool read_only = false;
  int threads = 0;  // of parallel loops; 0 = all cores
  // Of Recommender::Similar and Retrieve: "cpu", "auto", "cuda" or "cuda:N". A GPU searches
  // exactly, whatever index is stored.
  std::string device = "cpu";
  double wait_seconds = 0;  // to wait while another process has the file open for writing
  LogSink log;              // none by default
  // A database that is created keeps its names compressed (zstd): about half the space, slower
  // look-ups. FailedPrecondition where an existing one does not: see CompactOptions.
  bool compact_dictionary = false;
};

struct ImportOptions {
  // "auto" (by file name and content), "ntriples", "nquads", "turtle", "trig", or a column map of
  // data/schemas such as "movielens-ratings", "csv", "recbole-inter"; ImportFormats() lists all.
  std::string format = "auto";
  std::string schema_file;  // a column map of the caller's own; wins over format
  // At a bad record: "stop", "skip", or "limit=N": skip up to N of them in all files together.
  std::string on_error = "stop";
  // Gets a line for every bad record: file, line, column and reason, separated by tabs; written
  // anew. At most a million lines.
  std::string rejects_file;
  // "keep": triples of named graphs (N-Quads, TriG) keep their graph; "drop": they go to the
  // default graph.
  std::string graphs = "keep";
  // Bytes of memory that the import may take, about; 0 = no bound, else at least 64 MiB. What does
  // not fit is sorted in temporary files. Interactions, catalogues, social edges and links must fit
  // into half of it, else the import fails (ResourceExhausted).
  int64_t memory = 0;
  std::string temp_dir;  // for these files; empty: the folder of the database
};

// One file of an import.
struct ImportedFile {
  std::string file, format;
  int64_t records = 0;
  int64_t skipped = 0;
};

struct ImportReport {
  std::string format;               // of the last file
  int64_t records = 0;              // read from the files
  int64_t skipped = 0;              // bad ones, with on_error = "skip"
  std::vector<std::string> errors;  // the first skipped ones, "file:line:column: message"
  int64_t triples_new = 0, attributes_new = 0, interactions_new = 0, items_new = 0, users_new = 0;
  int64_t entities_new = 0, relations_new = 0, links_new = 0, social_new = 0;
  std::vector<ImportedFile> files;
  double seconds = 0;
};

// Pre-computed vectors, one for each name of an entity, item, user or relation.
struct VectorImportOptions {
  std::string format = "auto";  // or one of VectorFormats()
  std::string name;             // stored under this name; empty: the file's name without its ending
  std::string space;            // "entities" (default), "items", "users" or "relations"
  // Of npy and safetensors: a file with one name a line, or "rows" where row i belongs to the name
  // i.
  std::string names_file;
  std::string tensor;                 // of safetensors with several tensors
  std::optional<std::string> prefix;  // put before each name, in place of the format's
};

struct VectorImportReport {
  std::string name, format, space;
  int64_t dim = 0, stored = 0;
  int64_t unknown = 0;                     // names that the database does not have, left out
  std::vector<std::string> unknown_names;  // the first 10
  double seconds = 0;
};

struct StoredVectors {
  std::string space, source;
  int64_t dim = 0;
  std::vector<std::string> names;
  std::vector<float> values;  // row i of `dim` values belongs to names[i]
};

struct ImportFormat {
  std::string name, kind, description;
};

// How items are linked to entities. Nothing is ever guessed: a title that fits several entities is
// reported as ambiguous and left unlinked.
struct LinkOptions {
  // "label": the title column equals exactly one entity's label after normalisation; "identity":
  // the item's id is the entity's name; "column": a column of the catalogue holds the entity's
  // name; "value": a column equals a literal of `relation` (external ids).
  std::string method = "label";
  std::string column = "title";  // of the catalogue
  std::string relation;          // of method "value"
  // Further conditions "column=relation": the column must equal a literal of that relation, e.g.
  // "year=http://undula.example/film/year". They filter candidates and never rank them.
  std::vector<std::string> require;
  bool replace = false;  // relink items that have a link already
};

struct LinkReport {
  int64_t items = 0, linked = 0, already = 0, ambiguous = 0, unlinked = 0;
  struct Case {
    std::string item, text;
    std::vector<std::string> candidates;  // entity names, for ambiguous items
  };
  std::vector<Case> ambiguous_cases, unlinked_cases;  // the first 1,000 of each
};

// Linking by a ranker (docs/linking.md): candidates by exact and approximate labels, weighed by a
// small model; links are made so that the expected share of right ones is `precision`.
struct LinkerOptions {
  std::string title_column = "title", year_column = "year";  // of the catalogue
  // Other columns (values separated by '|') to compare with the names of an entity's neighbors.
  std::vector<std::string> attribute_columns;
  // Identifiers, which win over titles: "column" holds an entity's name, "column=relation" equals a
  // literal of the relation or the name of its tail (owl:sameAs); "item" is the item's own id.
  std::vector<std::string> ids;
  // Relations that hold labels and aliases; empty: the usual ones. Languages of literals; empty:
  // all. Local names of IRIs are labels "never", "last" (of entities without any) or "always".
  std::vector<std::string> label_relations, alias_relations, languages;
  std::string local_names = "last";
  // Whose articles ("the", "die") and, with "en", numerals and short forms in words are read in
  // titles and labels: "en", "fr", "es", "it", "pt", "de"; empty: all.
  std::vector<std::string> title_languages;
  bool approximate = true;        // look for near titles too
  double precision = 0.99;        // expected, of all links together
  double least_confidence = 0.5;  // each link is surer than this
  bool one_to_one = false;        // an entity belongs to one item
  std::string model_file;         // written by TrainLinker(); empty: the weights that are shipped
  bool replace = false;           // decide anew on items with links by label or ranker
  bool dry_run = false;           // store nothing
  std::string review_file;        // written anew: every decision, to be edited and imported again
};

struct LinkerReport {
  int64_t items = 0, linked = 0, already = 0, by_id = 0, conflicts = 0, ambiguous = 0, unlinked = 0;
  double threshold = 0;  // the lowest confidence that was linked
  int64_t labels = 0, index_bytes = 0;
  double index_seconds = 0, candidate_seconds = 0;          // CPU time of all threads
  std::vector<std::pair<std::string, int64_t>> by_outcome;  // how links were found, why not
};

// A candidate of an item, best first, with what speaks for and against it (name, value, weight).
struct LinkExplanation {
  struct Reason {
    std::string evidence;
    double value = 0, weight = 0;
  };
  struct Candidate {
    std::string entity, found_by;
    double confidence = 0;
    std::vector<Reason> reasons;  // evidence other than 0, the strongest first
  };
  std::string item, title, outcome;
  double threshold = 0;
  std::vector<Candidate> candidates;
};

// Against gold links: a tab-separated file with the columns item and entity by its header, or else
// the first and the last column. A target that the graph does not have: must stay unlinked.
struct LinkEvaluationOptions {
  std::string gold_file;
  std::string skip_file;  // its first column names items to leave out; has a header
  int64_t folds = 5;      // the model of each fold is trained on the others; 0: the model as given
  int64_t seed = 1;
};

struct LinkEvaluationReport {
  struct Row {
    std::string group;  // "all", "edges 1-9", "exact", ...
    int64_t items = 0, present = 0, linked = 0, right = 0;
    double precision = 0, recall = 0, f1 = 0, coverage = 0;
  };
  std::vector<Row> rows;
  struct Bin {
    double low = 0, confidence = 0, right = 0;  // confidence: mean; right: share
    int64_t items = 0;
  };
  std::vector<Bin> reliability;
  std::vector<std::pair<std::string, int64_t>> errors;
  struct Case {
    std::string item, title, gold, chosen, error;
  };
  std::vector<Case> cases;  // all errors, by item
  double threshold = 0;
};

// Entities that the texts of documents (items) mention, learned from annotated documents.
struct MentionOptions {
  std::vector<std::string> text_columns = {"title", "abstract"};  // of the catalogue
  std::vector<std::string> topic_columns;  // say what a text is about, the coarsest first
  // Tab-separated with the columns item, entity and, where there are such, surface (the text that
  // stands for the entity) and confidence (0 to 1); its items are the annotated documents.
  std::string gold_file;
  bool surfaces = true;  // use surface forms as names, beside labels
  // As in LinkerOptions.
  std::vector<std::string> label_relations, alias_relations, languages;
  std::string local_names = "never";
  double precision = 0.9, least_confidence = 0.5;
  bool dry_run = false;
  int64_t folds = 5, seed = 1;  // of EvaluateMentions()
};

struct MentionReport {
  int64_t documents = 0, annotated = 0, mentions = 0, linked = 0;  // linked: documents
  int64_t names = 0, index_bytes = 0, text_bytes = 0;
  double threshold = 0;
  double find_seconds = 0, weigh_seconds = 0;  // CPU time of all threads
};

// Single changes of a database: patch files, and forgetting a user.
struct UpdateOptions {
  int64_t batch = 0;  // operations of one durable commit; 0: all of them, all or nothing
  int64_t after = 0;  // lines to pass over: those of an earlier, broken-off run with `batch`
};

// What is there already, or is not there to be deleted, is no error: it counts as unchanged.
struct UpdateReport {
  int64_t added = 0, removed = 0, replaced = 0, unchanged = 0;
  int64_t names_new = 0;
  int64_t commits = 0;
  int64_t last_line = 0;  // of the last commit
  double seconds = 0;
};

struct ForgetReport {
  int64_t interactions = 0, social = 0;  // erased
  std::vector<std::string> vectors;      // names of pre-computed vectors that lost the user's row
  // Stored models that were trained when the user existed: they keep what they learned.
  std::vector<std::string> models;
};

struct RelationStats {
  std::string relation;
  int64_t triples = 0, attributes = 0;
};

struct DatabaseStats {
  int64_t entities = 0, relations = 0, literals = 0, triples = 0, attributes = 0, labels = 0;
  int64_t users = 0, items = 0, interactions = 0, links = 0, items_linked = 0;
  int64_t quads = 0;   // triples in named graphs, once for each graph
  int64_t social = 0;  // edges between users
  int64_t file_bytes = 0, generation = 0, format_version = 0;
  bool compact_dictionary = false;
  std::vector<RelationStats> by_relation;               // most triples first
  std::vector<std::pair<std::string, int64_t>> tables;  // name, bytes
  std::vector<std::string> models;
};

// The shape of the graph and of the interactions, for reports. Pairs (low, count) are histograms:
// count things have a value from low up to twice low; (0, count) have 0.
struct DataProfile {
  using Histogram = std::vector<std::pair<int64_t, int64_t>>;
  struct Relation {
    std::string relation, label;
    int64_t triples = 0, heads = 0, tails = 0, most_tails = 0;  // of one head
    double items = 0;  // share of all items whose entity has an edge of it, in either direction
  };
  std::vector<Relation> relations;                   // with triples; most triples first
  int64_t components = 0, largest_component = 0;     // of the entities with edges
  std::vector<std::pair<int64_t, int64_t>> degrees;  // (d, entities of degree d or more)
  // By how far the graph leads from the item: no link or no edge, one hop, two hops or more.
  int64_t items_by_hops[3] = {};
  std::vector<std::pair<std::string, int64_t>> link_methods;  // of each item's best link
  int64_t link_confidence[10] = {};                           // the same, by tenths
  struct Unlinked {
    std::string item, title;
    int64_t interactions = 0;
  };
  std::vector<Unlinked> unlinked;  // items without a link, most interactions first
  int64_t unlinked_items = 0, unlinked_interactions = 0;
  Histogram history_lengths, item_popularity;
  int64_t first_time = 0, last_time = 0;  // seconds since 1970; 0 where no interaction has a time
  std::vector<std::string> users;         // drawn from those with interactions
};

struct DataProfileOptions {
  int64_t unlinked = 20, users = 3;  // to list
  uint64_t seed = 1;                 // of the users drawn
};

// A job of an inference in partitions (docs/models/pinsage.md): it reads files of a directory that
// Database::StartPartitions() began and writes one. Jobs of a stage run in any order, anywhere; a
// job that was killed is run again.
struct PartitionJob {
  std::string directory;
  // For each layer "project" all partitions, "exchange" all, "pool" all; then "finish" all; at last
  // "collect" (once): `output` and output.names as ExportVectors() writes them.
  std::string stage;
  int64_t layer = 0, partition = 0;
  std::string output;
  int threads = 1;
};

struct PartitionReport {
  std::string file;              // written
  int64_t rows = 0, remote = 0;  // vectors computed or fetched; of these, from other partitions
  int64_t bytes = 0;
};

struct StoredModel {
  std::string name, family;
  OptionMap metadata;  // options, counts, metrics, versions
};

struct IndexReport {
  std::string model, kind;
  int64_t items = 0, dim = 0, width = 0, bytes = 0;
  double recall = 1;  // of the exact best 10
  double seconds = 0, cpu_seconds = 0;
};

// Thread-safe for reading; one call that writes (Import, Link, Train's storing, RemoveModel) at a
// time, others wait. One process may write at a time; many may read.
class Database {
 public:
  // NotFound (missing and create false), FailedPrecondition (locked by another writer, other format
  // version, already open in this process, read-only), DataLoss (not a database, truncated),
  // and what UNDULA_SIMD in the environment does wrong (docs/development.md).
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path,
                                                        const DatabaseOptions& options = {});
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // All or nothing: after any failure, a kill included, the database is as before.
  absl::StatusOr<ImportReport> Import(const std::string& file, const ImportOptions& options = {},
                                      Progress* progress = nullptr);
  // Several files in one step, all or nothing; "-" is standard input. The options hold for each.
  absl::StatusOr<ImportReport> ImportAll(const std::vector<std::string>& files,
                                         const ImportOptions& options = {},
                                         Progress* progress = nullptr);
  // All or nothing. The vectors are listed by Models() with the family "vectors", written by
  // ExportModel() and removed by RemoveModel().
  absl::StatusOr<VectorImportReport> ImportVectors(const std::string& file,
                                                   const VectorImportOptions& options = {},
                                                   Progress* progress = nullptr);
  absl::StatusOr<StoredVectors> ReadVectors(std::string_view name) const;
  absl::StatusOr<LinkReport> Link(const LinkOptions& options = {}, Progress* progress = nullptr);
  // Decides on every item (see LinkerOptions). The links before are kept (UndoLinks).
  absl::StatusOr<LinkerReport> RunLinker(const LinkerOptions& options = {},
                                         Progress* progress = nullptr);
  // One item's candidates. NotFound: no such item.
  absl::StatusOr<LinkExplanation> ExplainLink(std::string_view item,
                                              const LinkerOptions& options = {},
                                              Progress* progress = nullptr) const;
  // Trains the ranker's weights from gold links and writes them to `model_file`; from the links by
  // file, identifier and hand, and what reviews rejected, where `gold_file` is empty. With
  // options.model_file the training starts from these weights and stays near them.
  absl::StatusOr<int64_t> TrainLinker(const std::string& gold_file, const std::string& model_file,
                                      const LinkerOptions& options = {},
                                      Progress* progress = nullptr) const;
  absl::StatusOr<LinkEvaluationReport> EvaluateLinker(const LinkEvaluationOptions& evaluation,
                                                      const LinkerOptions& options = {},
                                                      Progress* progress = nullptr) const;
  // Applies an edited review file: rows with the decision "yes" link their item to their entity,
  // rows with "no" take all links of the item away. All or nothing; returns the rows applied.
  absl::StatusOr<int64_t> ImportReview(const std::string& file, Progress* progress = nullptr);
  // Puts back the links as they were before the last RunLinker() or ImportReview(); five steps are
  // kept beside the database. Returns the number of links.
  absl::StatusOr<int64_t> UndoLinks(Progress* progress = nullptr);
  // Links every document that is not annotated to the entities that it mentions, in place of its
  // links by label; links of the annotated ones stay. UndoLinks() takes it back.
  absl::StatusOr<MentionReport> LinkMentions(const MentionOptions& options,
                                             Progress* progress = nullptr);
  // By (document, entity), each fold with names, counts and weights from the others, beside labels
  // that one entity has and the entity that a name stood for most often.
  absl::StatusOr<LinkEvaluationReport> EvaluateMentions(const MentionOptions& options,
                                                        Progress* progress = nullptr) const;
  absl::StatusOr<DatabaseStats> Stats() const;
  // Reads the whole graph into memory; cost grows with triples and interactions.
  absl::StatusOr<DataProfile> Profile(const DataProfileOptions& options = {}) const;

  // Applies a patch file of single additions and deletions (docs/patch-format.md). An error of a
  // line names file:line:column; with options.batch it also names the last line that is stored.
  absl::StatusOr<UpdateReport> Update(const std::string& file, const UpdateOptions& options = {},
                                      Progress* progress = nullptr);
  // Erases a user: interactions, social edges, columns, vectors and name, in one commit. NotFound.
  absl::StatusOr<ForgetReport> Forget(std::string_view user);

  // Runs a query (docs/queries.md) over the last committed state. InvalidArgument: a parameter
  // without a value; Unimplemented: CONSTRUCT, DESCRIBE, SERVICE; DeadlineExceeded, Cancelled,
  // ResourceExhausted by the options. What is named before it runs goes to the log as a warning:
  // unknown relations, parts of the pattern that no variable connects.
  absl::StatusOr<QueryResult> Select(const Query& query, const QueryOptions& options = {},
                                     Progress* progress = nullptr) const;

  // Trains, keeps the epoch that was best on the validation part, stores the model. Cancelled: a
  // checkpoint is left beside the database and the next equal call resumes from it. With
  // options.from, InvalidArgument where that model is of another family or other model options,
  // FailedPrecondition where it is of another id space.
  absl::StatusOr<TrainReport> Train(const TrainOptions& options = {}, Progress* progress = nullptr);
  // Trains vectors on the graph's triples, measures them on triples that were left out, and stores
  // them like imported vectors (see ImportVectors). Interrupted calls resume as Train does.
  // FailedPrecondition without triples between entities.
  absl::StatusOr<EmbedReport> Embed(const EmbedOptions& options = {}, Progress* progress = nullptr);
  // Searches for good options; stores no model and never reads the test part. InvalidArgument names
  // the place in the ranges file. FailedPrecondition where the directory holds another search or
  // the database has changed since. Cancelled: the same call goes on.
  absl::StatusOr<TuneReport> Tune(const TuneOptions& options, Progress* progress = nullptr) const;
  // A stored model on its own split. Reads the test part; do that once.
  absl::StatusOr<EvaluationReport> Evaluate(const EvaluateOptions& options,
                                            Progress* progress = nullptr) const;

  // The recommender of a stored model; with one model stored the name may be empty.
  absl::StatusOr<std::unique_ptr<Recommender>> LoadRecommender(std::string_view name = {}) const;
  absl::StatusOr<std::vector<StoredModel>> Models() const;
  absl::Status RemoveModel(std::string_view name);
  // Builds an index of a model's item vectors (docs/retrieval.md) and stores it with the model; one
  // that is trained anew has none. Without it, or with a damaged one, every vector is looked at.
  absl::StatusOr<IndexReport> BuildIndex(std::string_view model, const OptionMap& options = {},
                                         Progress* progress = nullptr);

  // Writes a stored model as one safetensors file (parameters, structures, options).
  absl::Status ExportModel(std::string_view name, const std::string& file) const;
  // Writes stored vectors, or the item vectors of a stored model that has some, as a NumPy array of
  // float32 [rows, dim] and the names of its rows, one a line, as FILE.names: what ImportVectors
  // reads. Returns the number of rows. InvalidArgument: a name with a line break.
  absl::StatusOr<int64_t> ExportVectors(std::string_view name, const std::string& file) const;
  // Cuts the items of a stored PinSAGE into `partitions` parts, whose vectors jobs make one layer
  // after the other. Makes the directory.
  absl::Status StartPartitions(std::string_view model, int64_t partitions,
                               const std::string& directory) const;
  // Writes "triples" (N-Triples), "quads" (N-Quads), "turtle", "csr" (the graph, interactions,
  // links and social edges by id, as one safetensors file), "csr-npy" (the same as a new folder of
  // NumPy files), "interactions", "links" or "items" (tab-separated), or one of RecBole's atomic
  // files: "recbole-inter", "-kg", "-link", "-item", "-user", "-net". Returns the number of records
  // (of arrays, for csr). The file appears under its name only when it is complete.
  absl::StatusOr<int64_t> Export(std::string_view what, const std::string& file,
                                 Progress* progress = nullptr) const;

  struct Impl;

 private:
  explicit Database(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// NotFound, DataLoss and FailedPrecondition name a file that is missing, truncated or of another
// job, and the stage that writes it.
absl::StatusOr<PartitionReport> RunPartitionJob(const PartitionJob& job);

std::vector<ImportFormat> ImportFormats();
std::vector<ImportFormat> VectorFormats();
// The file is to be given to ImportVectors: by the format or, where that is "auto", by its name.
bool IsVectorImport(const std::string& file, std::string_view format);

}  // namespace undula

#endif  // UNDULA_DATABASE_H_
