// What the tests of the readers share: a sink that remembers, temporary files, unpacking.
#ifndef UNDULA_TESTS_KGSTORE_READ_SUPPORT_H_
#define UNDULA_TESTS_KGSTORE_READ_SUPPORT_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "kgstore/sinks.h"

namespace undula::kgstore {

// A term in the form of N-Triples, not escaped.
std::string TermText(const Term& term);

// Records as text: a triple as a line of N-Triples (terms not escaped), the others with '|' between
// their fields.
class RecordingSink : public RecordSink {
 public:
  absl::Status AddTriple(const Term& head, const Term& relation, const Term& tail) override;
  absl::Status AddInteraction(std::string_view user, std::string_view item, float weight,
                              int64_t time) override;
  absl::Status AddQuad(const Term& head, const Term& relation, const Term& tail,
                       const Term& graph) override;
  absl::Status AddItem(std::string_view item, std::span<const ItemColumn> columns) override;
  absl::Status AddUser(std::string_view user, std::span<const ItemColumn> columns) override;
  absl::Status AddSocial(std::string_view user, std::string_view other, float weight) override;
  absl::Status AddLink(std::string_view item, std::string_view entity, float confidence,
                       LinkMethod method) override;

  std::vector<std::string> records;
  int64_t fail_at = -1;  // the record with this number is answered by ResourceExhausted

 private:
  absl::Status Add(std::string record);
};

// Counts only.
class CountingSink : public RecordSink {
 public:
  absl::Status AddTriple(const Term&, const Term&, const Term& tail) override {
    ++triples;
    literals += tail.kind == TermKind::kLiteral;
    return absl::OkStatus();
  }
  absl::Status AddInteraction(std::string_view, std::string_view, float weight,
                              int64_t time) override {
    ++interactions;
    weight_sum += weight;
    timed += time != 0;
    return absl::OkStatus();
  }
  absl::Status AddQuad(const Term& head, const Term& relation, const Term& tail,
                       const Term&) override {
    ++quads;
    return AddTriple(head, relation, tail);
  }
  absl::Status AddItem(std::string_view, std::span<const ItemColumn>) override {
    ++items;
    return absl::OkStatus();
  }
  absl::Status AddUser(std::string_view, std::span<const ItemColumn>) override {
    ++users;
    return absl::OkStatus();
  }
  absl::Status AddSocial(std::string_view, std::string_view, float) override {
    ++social;
    return absl::OkStatus();
  }
  absl::Status AddLink(std::string_view, std::string_view, float, LinkMethod) override {
    ++links;
    return absl::OkStatus();
  }

  int64_t total() const { return triples + interactions + items + links + users + social; }

  int64_t triples = 0, literals = 0, interactions = 0, timed = 0, items = 0, links = 0;
  int64_t quads = 0, users = 0, social = 0;
  double weight_sum = 0;
};

// A directory of its own for the running test.
std::string TestDirectory();
// Writes TestDirectory()/name and returns its path.
std::string WriteFile(const std::string& name, std::string_view content);
std::string ReadFile(const std::string& path);

// `text` packed with "gz", "bz2", "xz" or "zst".
std::string Compress(std::string_view text, const std::string& codec);

// Regular files of a tar archive (compressed or not): name -> content.
std::map<std::string, std::string> ReadTar(const std::string& path);

// The folder of test data `relative` to tests/data.
std::string DataPath(const std::string& relative);
// Rows of a manifest.tsv: fields by tab; empty lines and lines with '#' at the front left out.
std::vector<std::vector<std::string>> ReadManifest(const std::string& path);

}  // namespace undula::kgstore

#endif  // UNDULA_TESTS_KGSTORE_READ_SUPPORT_H_
