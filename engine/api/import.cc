#include <chrono>
#include <string>
#include <utility>

#include "api/database_impl.h"
#include "base/status.h"
#include "kgstore/importer.h"
#include "kgstore/input_stream.h"
#include "kgstore/rdf_reader.h"
#include "kgstore/read_view.h"
#include "kgstore/schema.h"
#include "kgstore/table_reader.h"

namespace undula {
namespace {

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
  if (options.format == "turtle") return rdf(kgstore::RdfSyntax::kTurtle, "turtle");
  if (options.format != "auto") {
    UNDULA_ASSIGN_OR_RETURN(plan.schema, kgstore::FindSchema(options.format));
    plan.name = plan.schema.name;
    return plan;
  }
  // A missing file or a directory shall be named as such, not as an unknown format.
  UNDULA_RETURN_IF_ERROR(kgstore::InputStream::Open(file).status());
  const std::string name = kgstore::PlainFileName(file);
  if (HasExtension(name, ".nt")) return rdf(kgstore::RdfSyntax::kNTriples, "ntriples");
  if (HasExtension(name, ".ttl") || HasExtension(name, ".turtle")) {
    return rdf(kgstore::RdfSyntax::kTurtle, "turtle");
  }
  UNDULA_ASSIGN_OR_RETURN(plan.schema, kgstore::DetectSchema(file));
  plan.name = plan.schema.name;
  return plan;
}

}  // namespace

absl::StatusOr<ImportReport> Database::Import(const std::string& file, const ImportOptions& options,
                                              Progress* progress) {
  const auto start = std::chrono::steady_clock::now();
  if (options.on_error != "stop" && options.on_error != "skip") {
    return InvalidArgumentError("on_error '", options.on_error, "' is neither stop nor skip");
  }
  const kgstore::OnError on_error =
      options.on_error == "skip" ? kgstore::OnError::kSkip : kgstore::OnError::kStop;
  UNDULA_ASSIGN_OR_RETURN(const Plan plan, MakePlan(file, options));
  const std::lock_guard writing(impl_->writing);
  int64_t ordinal = 0;
  {
    UNDULA_ASSIGN_OR_RETURN(const kgstore::ReadView view, impl_->store->Read());
    ordinal = view.generation();
  }
  kgstore::ImportOptions import_options;
  import_options.source = file;
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<kgstore::Importer> importer,
                          kgstore::Importer::Begin(*impl_->store, import_options));
  kgstore::ReadReport read;
  if (plan.rdf) {
    kgstore::RdfOptions rdf;
    rdf.syntax = plan.syntax;
    rdf.on_error = on_error;
    rdf.file_ordinal = ordinal;
    UNDULA_ASSIGN_OR_RETURN(read, kgstore::ReadRdf(file, rdf, *importer, progress));
  } else {
    kgstore::TableOptions table;
    table.on_error = on_error;
    UNDULA_ASSIGN_OR_RETURN(read,
                            kgstore::ReadTable(file, plan.schema, table, *importer, progress));
  }
  UNDULA_ASSIGN_OR_RETURN(const kgstore::ImportReport stored, importer->Commit(progress));
  ImportReport report;
  report.format = plan.name;
  report.records = read.records;
  report.skipped = read.skipped;
  for (const kgstore::SkippedRecord& e : read.errors) {
    report.errors.push_back(Concat(file, ":", e.line, ":", e.column, ": ", e.message));
  }
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
      {"turtle", "graph", "RDF 1.1 Turtle (.ttl)"},
  };
  const auto schemas = kgstore::EmbeddedSchemas();
  if (!schemas.ok()) return out;
  for (const kgstore::Schema& s : *schemas) {
    out.push_back({s.name, std::string(kgstore::KindName(s.kind())), s.description});
  }
  return out;
}

}  // namespace undula
