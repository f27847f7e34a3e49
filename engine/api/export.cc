#include <cerrno>
#include <cstdio>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "api/database_impl.h"
#include "base/file.h"
#include "base/safetensors.h"
#include "base/status.h"
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
  absl::Status Close() {
    if (!failed_ && std::fflush(file_) != 0) {
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

bool HasScheme(std::string_view name) {
  for (size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if (c == ':') return i > 0;
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!letter && (i == 0 || !((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.'))) {
      return false;
    }
  }
  return false;
}

// A name as an N-Triples term. Names of text formats ("17", "film.actor.film") are no IRIs; they
// get the prefix urn:undula:, so that the output is RDF.
void AppendName(std::string_view name, std::string* out) {
  if (name.rfind("_:", 0) == 0) {
    out->append(name);
    return;
  }
  *out += HasScheme(name) ? "<" : "<urn:undula:";
  for (const char c : name) {
    const unsigned char byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || std::string_view("<>\"{}|^`\\").find(c) != std::string_view::npos) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "%%%02X", byte);
      *out += escape;
    } else {
      out->push_back(c);
    }
  }
  out->push_back('>');
}

void AppendLiteral(const kgstore::Literal& literal, std::string* out) {
  out->push_back('"');
  for (const char c : literal.text) {
    if (c == '"' || c == '\\') out->push_back('\\');
    if (c == '\n') {
      *out += "\\n";
    } else if (c == '\r') {
      *out += "\\r";
    } else if (c == '\t') {
      *out += "\\t";
    } else {
      out->push_back(c);
    }
  }
  out->push_back('"');
  if (!literal.language.empty()) {
    *out += "@" + literal.language;
  } else if (!literal.datatype.empty()) {
    *out += "^^";
    AppendName(literal.datatype, out);
  }
}

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

  absl::StatusOr<int64_t> Triples() {
    std::vector<std::string> relations;
    for (uint32_t r = 0; r < view_.counts().relations; ++r) {
      UNDULA_ASSIGN_OR_RETURN(const std::string name, view_.RelationName(RelationId{r}));
      AppendName(name, &relations.emplace_back());
    }
    std::vector<std::string> entities;
    UNDULA_RETURN_IF_ERROR(view_.ForEachEntityName(
        [&](EntityId, std::string_view name) { AppendName(name, &entities.emplace_back()); }));
    for (uint32_t e = 0; e < entities.size(); ++e) {
      UNDULA_RETURN_IF_ERROR(view_.ForEachOutEdge(EntityId{e}, [&](RelationId relation,
                                                                   EntityId tail) {
        Line({entities[e], " ", relations[Index(relation)], " ", entities[Index(tail)], " .\n"});
      }));
      UNDULA_ASSIGN_OR_RETURN(const auto attributes, view_.Attributes(EntityId{e}));
      for (const kgstore::Attribute& a : attributes) {
        UNDULA_ASSIGN_OR_RETURN(const kgstore::Literal literal, view_.GetLiteral(a.literal));
        std::string text;
        AppendLiteral(literal, &text);
        Line({entities[e], " ", relations[Index(a.relation)], " ", text, " .\n"});
      }
      UNDULA_RETURN_IF_ERROR(Report(e + 1, static_cast<int64_t>(entities.size())));
    }
    return records_;
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
  UNDULA_ASSIGN_OR_RETURN(const kgstore::ReadView view, impl_->store->Read());
  OutputFile out(file);
  Exporter exporter(view, &out, progress);
  absl::StatusOr<int64_t> (Exporter::*run)() = nullptr;
  if (what == "triples") run = &Exporter::Triples;
  if (what == "interactions") run = &Exporter::Interactions;
  if (what == "links") run = &Exporter::Links;
  if (what == "items") run = &Exporter::Items;
  if (run == nullptr) {
    return InvalidArgumentError("export: '", what,
                                "' is none of triples, interactions, links, items, model");
  }
  UNDULA_RETURN_IF_ERROR(out.Open());
  UNDULA_ASSIGN_OR_RETURN(const int64_t records, (exporter.*run)());
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
