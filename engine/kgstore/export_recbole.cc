#include "kgstore/export_recbole.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>
#include <vector>

#include "base/status.h"

namespace undula::kgstore {
namespace {

using Columns = std::vector<std::pair<std::string, std::string>>;

// Shortest text that reads back as the same float.
std::string Shortest(float value) {
  char text[32];
  return std::string(text, std::to_chars(text, text + sizeof text, value).ptr);
}

std::string Plain(std::string_view text) {
  std::string out(text);
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c == '\t' || c == '\n' || c == '\r'; }, ' ');
  return out;
}

class Writer {
 public:
  Writer(const ReadView& view, const std::function<absl::Status(std::string_view)>& write,
         Progress* progress)
      : view_(view), write_(write), progress_(progress) {}

  absl::StatusOr<int64_t> Run(std::string_view kind) {
    if (kind == "inter") return Interactions();
    if (kind == "kg") return Graph();
    if (kind == "link") return Links();
    if (kind == "item") {
      return Catalogue("item_id", view_.counts().items, [&](uint32_t i) {
        return std::pair(view_.ItemName(ItemId{i}), view_.ItemColumns(ItemId{i}));
      });
    }
    if (kind == "user") {
      return Catalogue("user_id", view_.counts().users, [&](uint32_t u) {
        return std::pair(view_.UserName(UserId{u}), view_.UserColumns(UserId{u}));
      });
    }
    if (kind == "net") return Social();
    return InvalidArgumentError("'", kind, "' is none of inter, kg, link, item, user, net");
  }

 private:
  absl::Status Line(const std::string& line) {
    ++records_;
    return write_(line);
  }
  absl::Status Report(uint32_t done, uint32_t total) {
    return done % 1024 == 0 || done == total ? Progress::Report(progress_, done, total, "exporting")
                                             : absl::OkStatus();
  }
  absl::StatusOr<std::vector<std::string>> ItemNames() {
    std::vector<std::string> names;
    UNDULA_RETURN_IF_ERROR(view_.ForEachItemName(
        [&](ItemId, std::string_view name) { names.push_back(Plain(name)); }));
    return names;
  }

  absl::StatusOr<int64_t> Interactions() {
    UNDULA_RETURN_IF_ERROR(write_("user_id:token\titem_id:token\trating:float\ttimestamp:float\n"));
    UNDULA_ASSIGN_OR_RETURN(const std::vector<std::string> items, ItemNames());
    for (uint32_t u = 0; u < view_.counts().users; ++u) {
      UNDULA_ASSIGN_OR_RETURN(const std::string name, view_.UserName(UserId{u}));
      UNDULA_ASSIGN_OR_RETURN(const std::vector<Interaction> log, view_.UserLog(UserId{u}));
      for (const Interaction& i : log) {
        UNDULA_RETURN_IF_ERROR(Line(Concat(Plain(name), '\t', items[Index(i.item)], '\t',
                                           Shortest(i.weight), '\t', i.time, '\n')));
      }
      UNDULA_RETURN_IF_ERROR(Report(u + 1, view_.counts().users));
    }
    return records_;
  }

  absl::StatusOr<int64_t> Graph() {
    UNDULA_RETURN_IF_ERROR(write_("head_id:token\trelation_id:token\ttail_id:token\n"));
    std::vector<std::string> relations, entities;
    for (uint32_t r = 0; r < view_.counts().relations; ++r) {
      UNDULA_ASSIGN_OR_RETURN(const std::string name, view_.RelationName(RelationId{r}));
      relations.push_back(Plain(name));
    }
    UNDULA_RETURN_IF_ERROR(view_.ForEachEntityName(
        [&](EntityId, std::string_view name) { entities.push_back(Plain(name)); }));
    absl::Status status;
    for (uint32_t e = 0; e < entities.size(); ++e) {
      UNDULA_RETURN_IF_ERROR(view_.ForEachOutEdge(EntityId{e}, [&](RelationId r, EntityId tail) {
        if (!status.ok()) return;
        status =
            Line(Concat(entities[e], '\t', relations[Index(r)], '\t', entities[Index(tail)], '\n'));
      }));
      UNDULA_RETURN_IF_ERROR(status);
      UNDULA_RETURN_IF_ERROR(Report(e + 1, static_cast<uint32_t>(entities.size())));
    }
    return records_;
  }

  absl::StatusOr<int64_t> Links() {
    UNDULA_RETURN_IF_ERROR(write_("item_id:token\tentity_id:token\n"));
    UNDULA_ASSIGN_OR_RETURN(const std::vector<std::string> items, ItemNames());
    for (uint32_t i = 0; i < items.size(); ++i) {
      UNDULA_ASSIGN_OR_RETURN(const std::vector<Link> links, view_.Links(ItemId{i}));
      if (links.empty()) continue;
      UNDULA_ASSIGN_OR_RETURN(const std::string entity, view_.EntityName(links[0].entity));
      UNDULA_RETURN_IF_ERROR(Line(Concat(items[i], '\t', Plain(entity), '\n')));
    }
    return records_;
  }

  template <class Row>
  absl::StatusOr<int64_t> Catalogue(std::string_view id, uint32_t rows, Row&& row) {
    std::map<std::string, size_t> place;  // of each column; the header needs all of them first
    for (uint32_t i = 0; i < rows; ++i) {
      const auto [name, columns] = row(i);
      UNDULA_RETURN_IF_ERROR(columns.status());
      for (const auto& [column, value] : *columns) place.emplace(column, 0);
    }
    std::string line = Concat(id, ":token");
    size_t next = 0;
    for (auto& [column, at] : place) {
      at = next++;
      line += Concat('\t', Plain(column), ":token_seq");
    }
    UNDULA_RETURN_IF_ERROR(write_(line + "\n"));
    for (uint32_t i = 0; i < rows; ++i) {
      const auto [name, columns] = row(i);
      UNDULA_RETURN_IF_ERROR(name.status());
      UNDULA_RETURN_IF_ERROR(columns.status());
      if (name->empty()) continue;  // a forgotten user
      std::vector<std::string> cells(place.size());
      for (const auto& [column, value] : *columns) cells[place[column]] = Plain(value);
      line = Plain(*name);
      for (const std::string& cell : cells) line += "\t" + cell;
      UNDULA_RETURN_IF_ERROR(Line(line + "\n"));
      UNDULA_RETURN_IF_ERROR(Report(i + 1, rows));
    }
    return records_;
  }

  absl::StatusOr<int64_t> Social() {
    UNDULA_RETURN_IF_ERROR(write_("source_id:token\ttarget_id:token\tweight:float\n"));
    for (uint32_t u = 0; u < view_.counts().users; ++u) {
      UNDULA_ASSIGN_OR_RETURN(const std::vector<SocialLink> edges, view_.Social(UserId{u}));
      if (edges.empty()) continue;
      UNDULA_ASSIGN_OR_RETURN(const std::string name, view_.UserName(UserId{u}));
      for (const SocialLink& edge : edges) {
        UNDULA_ASSIGN_OR_RETURN(const std::string other, view_.UserName(edge.user));
        UNDULA_RETURN_IF_ERROR(
            Line(Concat(Plain(name), '\t', Plain(other), '\t', Shortest(edge.weight), '\n')));
      }
    }
    return records_;
  }

  const ReadView& view_;
  const std::function<absl::Status(std::string_view)>& write_;
  Progress* progress_;
  int64_t records_ = 0;
};

}  // namespace

absl::StatusOr<int64_t> ExportRecbole(const ReadView& view, std::string_view kind,
                                      const std::function<absl::Status(std::string_view)>& write,
                                      Progress* progress) {
  return Writer(view, write, progress).Run(kind);
}

}  // namespace undula::kgstore
