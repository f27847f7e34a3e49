#include "api/stored_split.h"

#include <unordered_map>
#include <utility>

#include "base/status.h"
#include "kgstore/schema.h"
#include "kgstore/sinks.h"
#include "kgstore/table_reader.h"

namespace undula::api {
namespace {

using models::LabeledPair;

void SavePart(const std::string& part, const std::vector<LabeledPair>& rows, TensorMap* out) {
  std::vector<uint32_t> users, items;
  std::vector<uint8_t> labels;
  for (const LabeledPair& row : rows) {
    users.push_back(Index(row.user));
    items.push_back(Index(row.item));
    labels.push_back(row.label > 0.5f ? 1 : 0);
  }
  const int64_t n = static_cast<int64_t>(rows.size());
  out->tensors["split/" + part + "/users"] = MakeTensor({n}, users.data());
  out->tensors["split/" + part + "/items"] = MakeTensor({n}, items.data());
  out->tensors["split/" + part + "/labels"] = MakeTensor({n}, labels.data());
}

absl::StatusOr<std::vector<LabeledPair>> LoadPart(const std::string& part, const TensorMap& in,
                                                  const Snapshot& snapshot) {
  const NamedTensor* users = in.Find("split/" + part + "/users");
  const NamedTensor* items = in.Find("split/" + part + "/items");
  const NamedTensor* labels = in.Find("split/" + part + "/labels");
  if (users == nullptr || items == nullptr || labels == nullptr || users->dtype != DType::kU32 ||
      items->dtype != DType::kU32 || labels->dtype != DType::kU8 ||
      users->size() != items->size() || users->size() != labels->size()) {
    return DataLossError("the stored model has no usable split (part ", part, "); train it again");
  }
  std::vector<LabeledPair> rows(static_cast<size_t>(users->size()));
  for (size_t i = 0; i < rows.size(); ++i) {
    const uint32_t user = users->data<uint32_t>()[i], item = items->data<uint32_t>()[i];
    if (user >= snapshot.n_users || item >= snapshot.n_items) {
      return DataLossError("the stored split names user ", user, " and item ", item,
                           ", which the database does not have");
    }
    rows[i] = {UserId{user}, ItemId{item}, labels->data<uint8_t>()[i] != 0 ? 1.0f : 0.0f};
  }
  return rows;
}

// Collects labelled rows of names that the database knows.
class RowSink final : public kgstore::RecordSink {
 public:
  explicit RowSink(const kgstore::ReadView& view) : view_(view) {}

  absl::Status AddInteraction(std::string_view user, std::string_view item, float weight,
                              int64_t) override {
    UNDULA_ASSIGN_OR_RETURN(const UserId user_id, view_.FindUser(user));
    if (user_id == kNone<UserId>) return Unknown("user", user);
    UNDULA_ASSIGN_OR_RETURN(const ItemId item_id, view_.FindItem(item));
    if (item_id == kNone<ItemId>) return Unknown("item", item);
    rows_.push_back({user_id, item_id, weight});
    return absl::OkStatus();
  }
  absl::Status AddTriple(const kgstore::Term&, const kgstore::Term&,
                         const kgstore::Term&) override {
    return WrongKind();
  }
  absl::Status AddQuad(const kgstore::Term&, const kgstore::Term&, const kgstore::Term&,
                       const kgstore::Term&) override {
    return WrongKind();
  }
  absl::Status AddItem(std::string_view, std::span<const kgstore::ItemColumn>) override {
    return WrongKind();
  }
  absl::Status AddUser(std::string_view, std::span<const kgstore::ItemColumn>) override {
    return WrongKind();
  }
  absl::Status AddSocial(std::string_view, std::string_view, float) override { return WrongKind(); }
  absl::Status AddLink(std::string_view, std::string_view, float, LinkMethod) override {
    return WrongKind();
  }

  std::vector<LabeledPair> Take() { return std::move(rows_); }

 private:
  static absl::Status Unknown(std::string_view kind, std::string_view name) {
    return NotFoundError("the split names ", kind, " '", name,
                         "', which the database does not have; import the interactions first");
  }
  static absl::Status WrongKind() {
    return InvalidArgumentError("a split file must hold interactions (user, item, label)");
  }

  const kgstore::ReadView& view_;
  std::vector<LabeledPair> rows_;
};

absl::StatusOr<std::vector<LabeledPair>> ReadPart(const std::string& file,
                                                  const std::string& format,
                                                  const kgstore::ReadView& view) {
  if (file.empty()) return std::vector<LabeledPair>();
  kgstore::Schema schema;
  if (format == "auto") {
    UNDULA_ASSIGN_OR_RETURN(schema, kgstore::DetectSchema(file));
  } else {
    UNDULA_ASSIGN_OR_RETURN(schema, kgstore::FindSchema(format));
  }
  RowSink sink(view);
  UNDULA_RETURN_IF_ERROR(kgstore::ReadTable(file, schema, {}, sink, nullptr).status());
  return sink.Take();
}

}  // namespace

void SaveSplit(const models::Split& split, TensorMap* out) {
  SavePart("train", split.train, out);
  SavePart("valid", split.valid, out);
  SavePart("test", split.test, out);
  out->metadata["split_description"] = split.description;
}

absl::StatusOr<models::Split> LoadSplit(const TensorMap& in, const Snapshot& snapshot) {
  models::Split split;
  UNDULA_ASSIGN_OR_RETURN(split.train, LoadPart("train", in, snapshot));
  UNDULA_ASSIGN_OR_RETURN(split.valid, LoadPart("valid", in, snapshot));
  UNDULA_ASSIGN_OR_RETURN(split.test, LoadPart("test", in, snapshot));
  const auto it = in.metadata.find("split_description");
  if (it != in.metadata.end()) split.description = it->second;
  return split;
}

SplitFiles TakeSplitFiles(OptionMap* options) {
  SplitFiles files;
  const auto take = [&](const char* key, std::string* value) {
    const auto it = options->find(key);
    if (it == options->end()) return;
    *value = it->second;
    options->erase(it);
  };
  take("train_file", &files.train);
  take("valid_file", &files.valid);
  take("test_file", &files.test);
  take("file_format", &files.format);
  return files;
}

absl::StatusOr<models::Split> ReadSplitFiles(const SplitFiles& files, const Snapshot& snapshot,
                                             const kgstore::ReadView& view) {
  if (files.train.empty()) {
    return InvalidArgumentError("split: valid_file and test_file need a train_file");
  }
  UNDULA_ASSIGN_OR_RETURN(auto train, ReadPart(files.train, files.format, view));
  UNDULA_ASSIGN_OR_RETURN(auto valid, ReadPart(files.valid, files.format, view));
  UNDULA_ASSIGN_OR_RETURN(auto test, ReadPart(files.test, files.format, view));
  return models::SplitFromRows(snapshot, std::move(train), std::move(valid), std::move(test),
                               "files");
}

}  // namespace undula::api
