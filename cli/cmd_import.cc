#include <iostream>

#include "cli/arguments.h"
#include "cli/byte_size.h"
#include "cli/command.h"
#include "cli/progress_bar.h"
#include "cli/table.h"

namespace undula::cli {
namespace {

// Imports one file of pre-computed vectors and adds its row.
absl::Status ImportVectorFile(Database* database, const std::string& file,
                              const VectorImportOptions& options, Progress* progress,
                              Table* table) {
  const auto report = database->ImportVectors(file, options, progress);
  if (!report.ok()) return report.status();
  for (const std::string& name : report->unknown_names) {
    std::cerr << "unknown among the " << report->space << ": " << name << "\n";
  }
  table->Add({file, report->format, report->name, report->space, report->stored, report->dim,
              report->unknown, report->seconds});
  return absl::OkStatus();
}

}  // namespace

absl::Status RunImport(const Args& args) {
  Arguments a(
      "import",
      "Adds files to a database, which is created if it is missing. They are imported\n"
      "together, wholly or not at all (vectors one by one, after the rest); plain or gz, bz2,\n"
      "xz, zst compressed.",
      "  undula import films.undula films.ttl\n"
      "  undula import films.undula ratings.dat --format movielens-ratings\n"
      "  undula import films.undula entity_embedding.vec --name transe\n"
      "  undula import --list-formats");
  std::string db, schema, format_out = "table", dictionary = "keep", memory;
  std::vector<std::string> files;
  ImportOptions options;
  VectorImportOptions vectors;
  std::string prefix = "-";
  int64_t threads = 0, wait = 0;
  bool list = false, quiet = false;
  a.Positional("database", &db, "database file, NAME.undula", false);
  a.Positionals("files", &files, "files to import, in order; - is standard input", false);
  a.Option("--format", &options.format,
           "auto, ntriples, nquads, turtle, trig or a column map (--list-formats)");
  a.Option("--schema", &options.schema_file, "a column map of your own (TOML)");
  a.Option("--name", &vectors.name, "of vectors: the name to store them under");
  a.Option("--space", &vectors.space, "of vectors: entities, items, users or relations");
  a.Option("--names", &vectors.names_file,
           "of npy and safetensors: a file with one name a line, or rows (row 17 is the name 17)");
  a.Option("--tensor", &vectors.tensor, "of safetensors: which tensor");
  a.Option("--prefix", &prefix, "of vectors: text put before each name; - is the format's own");
  a.Option("--on-error", &options.on_error,
           "at a bad record: stop, skip, or limit=N (skip up to N)");
  a.Option("--rejects", &options.rejects_file,
           "write every bad record's file, line, column and reason to this file");
  a.Choice("--graphs", &options.graphs, {"keep", "drop"},
           "keep named graphs, or put their triples into the default graph");
  a.Choice("--dictionary", &dictionary, {"keep", "compact"},
           "compact: keep names compressed; of a database that is created (of others: undula "
           "compact)");
  a.Option("--memory", &memory,
           "bound of the memory taken, such as 512MiB or 2GiB (about; at least 64MiB): what does\n"
           "not fit is sorted in temporary files; interactions, catalogues and links must fit\n"
           "into half of it; without it all is held in memory");
  a.Option("--temp-dir", &options.temp_dir,
           "folder for the temporary files of --memory; default: that of the database");
  a.Option("--threads", &threads, "threads; 0 = all cores");
  a.Option("--wait", &wait, kWaitHelp);
  a.Choice("--output", &format_out, {"table", "csv", "json"}, "how to print rows");
  a.Flag("--list-formats", &list, "print all formats and end");
  a.Flag("--quiet", &quiet, "no progress");
  bool help = false;
  if (absl::Status s = a.Parse(args, &help); !s.ok() || help) return s;
  if (list) {
    Table table({"format", "kind", "description"});
    for (const ImportFormat& f : ImportFormats()) table.Add({f.name, f.kind, f.description});
    for (const ImportFormat& f : VectorFormats()) table.Add({f.name, f.kind, f.description});
    table.Print(format_out);
    return absl::OkStatus();
  }
  if (db.empty() || files.empty()) {
    return absl::InvalidArgumentError(
        "give a database and at least one file (undula import --help)");
  }
  if (!memory.empty()) {
    const auto bytes = ParseByteSize(memory);
    if (!bytes.ok()) return bytes.status();
    options.memory = *bytes;
  }
  auto database = OpenDatabase(db, true, false, threads, wait, dictionary == "compact");
  if (!database.ok()) return database.status();
  Table table({"file", "format", "records", "skipped", "triples", "attributes", "entities", "users",
               "items", "interactions", "links", "social", "seconds"});
  Table vector_table(
      {"file", "format", "name", "space", "vectors", "dimensions", "unknown", "seconds"});
  vectors.format = options.format;
  if (prefix != "-") vectors.prefix = prefix;
  std::vector<std::string> records, vector_files;
  for (const std::string& file : files) {
    const bool is_vectors = IsVectorImport(file, options.format) && options.schema_file.empty();
    (is_vectors ? vector_files : records).push_back(file);
  }
  if (!records.empty()) {
    ProgressBar bar(quiet);
    const auto report = (*database)->ImportAll(records, options, bar.progress());
    bar.Clear();
    if (!report.ok()) return report.status();
    for (const std::string& error : report->errors) std::cerr << "skipped " << error << "\n";
    // What is new is known for all files together only.
    const bool several = report->files.size() > 1;
    for (const ImportedFile& f : report->files) {
      if (!several) break;
      table.Add({f.file, f.format, f.records, f.skipped, "", "", "", "", "", "", "", "", ""});
    }
    table.Add({several ? std::string("all") : report->files[0].file,
               several ? std::string() : report->format, report->records, report->skipped,
               report->triples_new, report->attributes_new, report->entities_new, report->users_new,
               report->items_new, report->interactions_new, report->links_new, report->social_new,
               report->seconds});
    table.Print(format_out);
  }
  // Their names must be known already.
  for (const std::string& file : vector_files) {
    ProgressBar bar(quiet);
    const absl::Status s =
        ImportVectorFile(database->get(), file, vectors, bar.progress(), &vector_table);
    bar.Clear();
    if (s.ok()) continue;
    if (vector_files.size() > 1) vector_table.Print(format_out);
    return s;
  }
  if (!vector_files.empty()) vector_table.Print(format_out);
  return absl::OkStatus();
}

}  // namespace undula::cli
