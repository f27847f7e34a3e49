#include <charconv>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "api/database_impl.h"
#include "base/status.h"
#include "kgstore/importer.h"
#include "kgstore/input_stream.h"
#include "kgstore/rdf_reader.h"
#include "kgstore/read_view.h"
#include "kgstore/rejects_file.h"
#include "kgstore/schema.h"
#include "kgstore/table_reader.h"

namespace undula {
namespace {

constexpr int64_t kLeastMemory = int64_t{64} << 20;

bool HasExtension(std::string_view name, std::string_view extension) {
  return name.size() > extension.size() && name.substr(name.size() - extension.size()) == extension;
}

// How one file will be read.
struct Plan {
  bool rdf = false;
  kgstore::RdfSyntax syntax = kgstore::RdfSyntax::kTurtle;
  kgstore::Schema schema;
  std::string name;
};

absl::StatusOr<Plan> MakePlan(const std::string& file, const ImportOptions& options) {
  Plan plan;
  const auto rdf = [&](kgstore::RdfSyntax syntax, const char* name) {
    plan.rdf = true;
    plan.syntax = syntax;
    plan.name = name;
    return plan;
  };
  if (!options.schema_file.empty()) {
    UNDULA_ASSIGN_OR_RETURN(plan.schema, kgstore::LoadSchemaFile(options.schema_file));
    plan.name = plan.schema.name;
    return plan;
  }
  if (options.format == "ntriples") return rdf(kgstore::RdfSyntax::kNTriples, "ntriples");
  if (options.format == "nquads") return rdf(kgstore::RdfSyntax::kNQuads, "nquads");
  if (options.format == "turtle") return rdf(kgstore::RdfSyntax::kTurtle, "turtle");
  if (options.format == "trig") return rdf(kgstore::RdfSyntax::kTriG, "trig");
  if (options.format != "auto") {
    UNDULA_ASSIGN_OR_RETURN(plan.schema, kgstore::FindSchema(options.format));
    plan.name = plan.schema.name;
    return plan;
  }
  // A missing file or a directory shall be named as such, not as an unknown format.
  if (file == "-") {
    return InvalidArgumentError(
        "standard input has no name to tell its format: give --format (ntriples, nquads, turtle, "
        "trig or a column map)");
  }
  UNDULA_RETURN_IF_ERROR(kgstore::InputStream::Open(file).status());
  const std::string name = kgstore::PlainFileName(file);
  if (HasExtension(name, ".nt")) return rdf(kgstore::RdfSyntax::kNTriples, "ntriples");
  if (HasExtension(name, ".nq")) return rdf(kgstore::RdfSyntax::kNQuads, "nquads");
  if (HasExtension(name, ".trig")) return rdf(kgstore::RdfSyntax::kTriG, "trig");
  if (HasExtension(name, ".ttl") || HasExtension(name, ".turtle")) {
    return rdf(kgstore::RdfSyntax::kTurtle, "turtle");
  }
  UNDULA_ASSIGN_OR_RETURN(plan.schema, kgstore::DetectSchema(file));
  plan.name = plan.schema.name;
  return plan;
}

// What ImportOptions::on_error says.
struct ErrorPolicy {
  kgstore::OnError on_error = kgstore::OnError::kStop;
  bool limited = false;
  int64_t left = 0;
};

absl::StatusOr<ErrorPolicy> ParseErrorPolicy(std::string_view text) {
  ErrorPolicy policy;
  if (text == "stop") return policy;
  policy.on_error = kgstore::OnError::kSkip;
  if (text == "skip") return policy;
  constexpr std::string_view kLimit = "limit=";
  if (text.substr(0, kLimit.size()) == kLimit) {
    const std::string_view number = text.substr(kLimit.size());
    const char* const end = number.data() + number.size();
    const auto [stop, error] = std::from_chars(number.data(), end, policy.left);
    policy.limited = true;
    if (error == std::errc() && stop == end && policy.left >= 0) return policy;
  }
  return InvalidArgumentError("on_error '", text, "' is not one of stop, skip, limit=N");
}

}  // namespace

absl::StatusOr<ImportReport> Database::Import(const std::string& file, const ImportOptions& options,
                                              Progress* progress) {
  return ImportAll({file}, options, progress);
}

absl::StatusOr<ImportReport> Database::ImportAll(const std::vector<std::string>& files,
                                                 const ImportOptions& options, Progress* progress) {
  const auto start = std::chrono::steady_clock::now();
  if (files.empty()) return InvalidArgumentError("no file to import is given");
  UNDULA_ASSIGN_OR_RETURN(ErrorPolicy policy, ParseErrorPolicy(options.on_error));
  if (options.graphs != "keep" && options.graphs != "drop") {
    return InvalidArgumentError("graphs '", options.graphs, "' is neither keep nor drop");
  }
  if (options.memory != 0 && options.memory < kLeastMemory) {
    return InvalidArgumentError("memory ", options.memory, ": an import needs at least ",
                                kLeastMemory >> 20, " MiB (0 = no bound)");
  }
  std::vector<Plan> plans;
  for (const std::string& file : files) {
    UNDULA_ASSIGN_OR_RETURN(Plan plan, MakePlan(file, options));
    plans.push_back(std::move(plan));
  }
  std::unique_ptr<kgstore::RejectsFile> rejects;
  kgstore::ErrorLimits limits;
  if (policy.limited) limits.left = &policy.left;
  if (!options.rejects_file.empty()) {
    UNDULA_ASSIGN_OR_RETURN(rejects, kgstore::RejectsFile::Create(options.rejects_file));
    limits.rejects = rejects.get();
  }
  const std::lock_guard writing(impl_->writing);
  int64_t ordinal = 0;
  {
    UNDULA_ASSIGN_OR_RETURN(const kgstore::ReadView view, impl_->store->Read());
    ordinal = view.generation();
  }
  kgstore::ImportOptions import_options;
  import_options.memory = static_cast<uint64_t>(options.memory);
  import_options.spill_folder = options.temp_dir;
  for (const std::string& file : files) {
    if (!import_options.source.empty()) import_options.source += ", ";
    import_options.source += file;
  }
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<kgstore::Importer> importer,
                          kgstore::Importer::Begin(*impl_->store, import_options));
  ImportReport report;
  for (size_t i = 0; i < files.size(); ++i) {
    const Plan& plan = plans[i];
    absl::StatusOr<kgstore::ReadReport> got;
    if (plan.rdf) {
      kgstore::RdfOptions rdf;
      rdf.syntax = plan.syntax;
      rdf.on_error = policy.on_error;
      // No two files share blank nodes; generations have 32 bits.
      rdf.file_ordinal = ordinal + (static_cast<int64_t>(i) << 32);
      rdf.drop_graphs = options.graphs == "drop";
      rdf.limits = limits;
      got = kgstore::ReadRdf(files[i], rdf, *importer, progress);
    } else {
      kgstore::TableOptions table;
      table.on_error = policy.on_error;
      table.limits = limits;
      got = kgstore::ReadTable(files[i], plan.schema, table, *importer, progress);
    }
    if (!got.ok()) {
      if (rejects != nullptr) UNDULA_RETURN_IF_ERROR(rejects->Finish());
      return got.status();
    }
    const kgstore::ReadReport& read = *got;
    report.format = plan.name;
    report.records += read.records;
    report.skipped += read.skipped;
    report.files.push_back({files[i], plan.name, read.records, read.skipped});
    for (const kgstore::SkippedRecord& e : read.errors) {
      report.errors.push_back(Concat(files[i], ":", e.line, ":", e.column, ": ", e.message));
    }
  }
  if (rejects != nullptr) UNDULA_RETURN_IF_ERROR(rejects->Finish());
  UNDULA_ASSIGN_OR_RETURN(const kgstore::ImportReport stored, importer->Commit(progress));
  report.triples_new = static_cast<int64_t>(stored.triples_new);
  report.attributes_new = static_cast<int64_t>(stored.attributes_new);
  report.interactions_new = static_cast<int64_t>(stored.interactions_new);
  report.links_new = static_cast<int64_t>(stored.links_new);
  report.social_new = static_cast<int64_t>(stored.social_new);
  report.items_new = stored.items_new;
  report.users_new = stored.users_new;
  report.entities_new = stored.entities_new;
  report.relations_new = stored.relations_new;
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

std::vector<ImportFormat> ImportFormats() {
  std::vector<ImportFormat> out = {
      {"ntriples", "graph", "RDF 1.1 N-Triples (.nt)"},
      {"nquads", "graph", "RDF 1.1 N-Quads (.nq)"},
      {"turtle", "graph", "RDF 1.1 Turtle (.ttl)"},
      {"trig", "graph", "RDF 1.1 TriG (.trig)"},
  };
  const auto schemas = kgstore::EmbeddedSchemas();
  if (!schemas.ok()) return out;
  for (const kgstore::Schema& s : *schemas) {
    out.push_back({s.name, std::string(kgstore::KindName(s.kind())), s.description});
  }
  return out;
}

}  // namespace undula
