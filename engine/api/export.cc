#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "api/database_impl.h"
#include "api/export_csr.h"
#include "base/file.h"
#include "base/safetensors.h"
#include "base/status.h"
#include "kgstore/export_rdf.h"
#include "kgstore/export_recbole.h"
#include "kgstore/read_view.h"

namespace undula {
namespace {

// A file that appears under its name only when it is complete.
class OutputFile {
 public:
  explicit OutputFile(std::string path) : path_(std::move(path)) {}
  ~OutputFile() {
    if (file_ != nullptr) {
      std::fclose(file_);
      std::remove((path_ + ".tmp").c_str());
    }
  }
  absl::Status Open() {
    file_ = std::fopen((path_ + ".tmp").c_str(), "wb");
    return file_ == nullptr ? ErrnoError(errno, path_) : absl::OkStatus();
  }
  void Write(std::string_view text) {
    if (!failed_ && std::fwrite(text.data(), 1, text.size(), file_) != text.size()) {
      failed_ = true;
      error_ = errno;
    }
  }
  // The first error of a Write.
  absl::Status status() const { return failed_ ? ErrnoError(error_, path_) : absl::OkStatus(); }
  absl::Status Close() {
    if (!failed_ && (std::fflush(file_) != 0 || fsync(fileno(file_)) != 0)) {
      failed_ = true;
      error_ = errno;
    }
    if (failed_) return ErrnoError(error_, path_);
    std::fclose(file_);
    file_ = nullptr;
    if (std::rename((path_ + ".tmp").c_str(), path_.c_str()) != 0) return ErrnoError(errno, path_);
    return SyncDirectoryOf(path_);
  }

 private:
  std::string path_;
  std::FILE* file_ = nullptr;
  bool failed_ = false;
  int error_ = 0;
};

std::string Tsv(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c == '\t' || c == '\n' || c == '\r') c = ' ';
  }
  return out;
}

// Writes all records of one kind and counts them.
class Exporter {
 public:
  Exporter(const kgstore::ReadView& view, OutputFile* file, Progress* progress)
      : view_(view), file_(file), progress_(progress) {}

  absl::StatusOr<int64_t> Triples() { return Rdf(kgstore::RdfOutput::kNTriples); }
  absl::StatusOr<int64_t> Quads() { return Rdf(kgstore::RdfOutput::kNQuads); }
  absl::StatusOr<int64_t> Turtle() { return Rdf(kgstore::RdfOutput::kTurtle); }

  absl::StatusOr<int64_t> Recbole(std::string_view kind) {
    return kgstore::ExportRecbole(
        view_, kind,
        [this](std::string_view piece) {
          file_->Write(piece);
          return file_->status();
        },
        progress_);
  }

  absl::StatusOr<int64_t> Interactions() {
    file_->Write("user\titem\tweight\ttime\n");
    UNDULA_RETURN_IF_ERROR(LoadItems());
    for (uint32_t u = 0; u < view_.counts().users; ++u) {
      UNDULA_ASSIGN_OR_RETURN(const std::string user, view_.UserName(UserId{u}));
      UNDULA_ASSIGN_OR_RETURN(const auto log, view_.UserLog(UserId{u}));
      for (const kgstore::Interaction& i : log) {
        Line({Concat(Tsv(user), "\t", items_[Index(i.item)], "\t", double{i.weight}, "\t", i.time,
                     "\n")});
      }
      UNDULA_RETURN_IF_ERROR(Report(u + 1, view_.counts().users));
    }
    return records_;
  }

  absl::StatusOr<int64_t> Links() {
    file_->Write("item\tentity\tconfidence\n");
    UNDULA_RETURN_IF_ERROR(LoadItems());
    for (uint32_t i = 0; i < items_.size(); ++i) {
      UNDULA_ASSIGN_OR_RETURN(const auto links, view_.Links(ItemId{i}));
      for (const kgstore::Link& l : links) {
        UNDULA_ASSIGN_OR_RETURN(const std::string entity, view_.EntityName(l.entity));
        Line({Concat(items_[i], "\t", Tsv(entity), "\t", double{l.confidence}, "\n")});
      }
      UNDULA_RETURN_IF_ERROR(Report(i + 1, static_cast<int64_t>(items_.size())));
    }
    return records_;
  }

  absl::StatusOr<int64_t> Items() {
    file_->Write("item\tcolumn\tvalue\n");
    UNDULA_RETURN_IF_ERROR(LoadItems());
    for (uint32_t i = 0; i < items_.size(); ++i) {
      UNDULA_ASSIGN_OR_RETURN(const auto columns, view_.ItemColumns(ItemId{i}));
      for (const auto& [name, value] : columns) {
        Line({Concat(items_[i], "\t", Tsv(name), "\t", Tsv(value), "\n")});
      }
      if (columns.empty()) Line({items_[i], "\t\t\n"});
      UNDULA_RETURN_IF_ERROR(Report(i + 1, static_cast<int64_t>(items_.size())));
    }
    return records_;
  }

 private:
  absl::StatusOr<int64_t> Rdf(kgstore::RdfOutput output) {
    return kgstore::ExportRdf(
        view_, output,
        [this](std::string_view piece) {
          file_->Write(piece);
          return file_->status();
        },
        progress_);
  }
  void Line(std::initializer_list<std::string_view> parts) {
    for (const std::string_view part : parts) file_->Write(part);
    ++records_;
  }
  absl::Status LoadItems() {
    return view_.ForEachItemName(
        [&](ItemId, std::string_view name) { items_.push_back(Tsv(name)); });
  }
  absl::Status Report(int64_t done, int64_t total) {
    return Progress::Report(progress_, done, total, "exporting");
  }

  const kgstore::ReadView& view_;
  OutputFile* file_;
  Progress* progress_;
  std::vector<std::string> items_;
  int64_t records_ = 0;
};

}  // namespace

absl::StatusOr<int64_t> Database::Export(std::string_view what, const std::string& file,
                                         Progress* progress) const {
  if (what == "csr") return api::ExportCsr(*impl_->store, file);
  if (what == "csr-npy") return api::ExportCsrNpy(*impl_->store, file);
  UNDULA_ASSIGN_OR_RETURN(const kgstore::ReadView view, impl_->store->Read());
  OutputFile out(file);
  Exporter exporter(view, &out, progress);
  absl::StatusOr<int64_t> (Exporter::*run)() = nullptr;
  if (what == "triples") run = &Exporter::Triples;
  if (what == "quads") run = &Exporter::Quads;
  if (what == "turtle") run = &Exporter::Turtle;
  if (what == "interactions") run = &Exporter::Interactions;
  if (what == "links") run = &Exporter::Links;
  if (what == "items") run = &Exporter::Items;
  constexpr std::string_view kRecbole = "recbole-";
  const bool recbole = what.substr(0, kRecbole.size()) == kRecbole;
  if (run == nullptr && !recbole) {
    return InvalidArgumentError(
        "export: '", what,
        "' is none of triples, quads, turtle, csr, csr-npy, interactions, "
        "links, items, recbole-inter, -kg, -link, -item, -user, -net, model, vectors");
  }
  UNDULA_RETURN_IF_ERROR(out.Open());
  UNDULA_ASSIGN_OR_RETURN(
      const int64_t records,
      recbole ? exporter.Recbole(what.substr(kRecbole.size())) : (exporter.*run)());
  UNDULA_RETURN_IF_ERROR(out.Close());
  return records;
}

absl::Status Database::ExportModel(std::string_view name, const std::string& file) const {
  const std::lock_guard lock(impl_->model_access);
  UNDULA_ASSIGN_OR_RETURN(const std::string resolved, api::ResolveModelName(*impl_->models, name));
  UNDULA_ASSIGN_OR_RETURN(const TensorMap model, impl_->models->Get(resolved));
  return WriteSafetensors(file, model);
}

}  // namespace undula
