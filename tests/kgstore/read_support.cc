#include "read_support.h"

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/status.h"

namespace undula::kgstore {
std::string TermText(const Term& term) {
  if (term.kind == TermKind::kIri) return Concat('<', term.text, '>');
  if (term.kind == TermKind::kBlank) return Concat("_:", term.text);
  std::string text = Concat('"', term.text, '"');
  if (!term.language.empty()) text += Concat('@', term.language);
  if (!term.datatype.empty()) text += Concat("^^<", term.datatype, '>');
  return text;
}

absl::Status RecordingSink::Add(std::string record) {
  if (static_cast<int64_t>(records.size()) == fail_at) return ResourceExhaustedError("disk full");
  records.push_back(std::move(record));
  return absl::OkStatus();
}

absl::Status RecordingSink::AddTriple(const Term& head, const Term& relation, const Term& tail) {
  return Add(Concat(TermText(head), ' ', TermText(relation), ' ', TermText(tail), " ."));
}

absl::Status RecordingSink::AddInteraction(std::string_view user, std::string_view item,
                                           float weight, int64_t time) {
  return Add(Concat(user, '|', item, '|', static_cast<double>(weight), '|', time));
}

absl::Status RecordingSink::AddQuad(const Term& head, const Term& relation, const Term& tail,
                                    const Term& graph) {
  return Add(Concat(TermText(head), ' ', TermText(relation), ' ', TermText(tail), ' ',
                    TermText(graph), " ."));
}

absl::Status RecordingSink::AddUser(std::string_view user, std::span<const ItemColumn> columns) {
  std::string record = Concat("user|", user);
  for (const auto& [name, value] : columns) record += Concat('|', name, '=', value);
  return Add(std::move(record));
}

absl::Status RecordingSink::AddSocial(std::string_view user, std::string_view other, float weight) {
  return Add(Concat("social|", user, '|', other, '|', static_cast<double>(weight)));
}

absl::Status RecordingSink::AddItem(std::string_view item, std::span<const ItemColumn> columns) {
  std::string record(item);
  for (const auto& [name, value] : columns) record += Concat('|', name, '=', value);
  return Add(std::move(record));
}

absl::Status RecordingSink::AddLink(std::string_view item, std::string_view entity,
                                    float confidence, LinkMethod method) {
  return Add(Concat(item, '|', entity, '|', static_cast<double>(confidence), '|',
                    static_cast<int>(method)));
}

std::string TestDirectory() {
  const auto* info = testing::UnitTest::GetInstance()->current_test_info();
  std::string name = Concat("undula_", info->test_suite_name(), '_', info->name());
  for (char& c : name) c = c == '/' ? '_' : c;
  const std::string path = testing::TempDir() + name;
  std::filesystem::create_directories(path);
  return path;
}

std::string WriteFile(const std::string& name, std::string_view content) {
  const std::string path = Concat(TestDirectory(), '/', name);
  std::ofstream out(path, std::ios::binary);
  out.write(content.data(), static_cast<std::streamsize>(content.size()));
  EXPECT_TRUE(out.good()) << path;
  return path;
}

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string Compress(std::string_view text, const std::string& codec) {
  archive* writer = archive_write_new();
  if (codec == "gz") archive_write_add_filter_gzip(writer);
  if (codec == "bz2") archive_write_add_filter_bzip2(writer);
  if (codec == "xz") archive_write_add_filter_xz(writer);
  if (codec == "zst") archive_write_add_filter_zstd(writer);
  archive_write_set_format_raw(writer);
  archive_write_set_bytes_per_block(writer, 0);
  std::string out(text.size() + (size_t{1} << 20), '\0');
  size_t used = 0;
  EXPECT_EQ(archive_write_open_memory(writer, out.data(), out.size(), &used), ARCHIVE_OK);
  archive_entry* entry = archive_entry_new();
  archive_entry_set_filetype(entry, AE_IFREG);
  EXPECT_EQ(archive_write_header(writer, entry), ARCHIVE_OK) << archive_error_string(writer);
  EXPECT_EQ(archive_write_data(writer, text.data(), text.size()),
            static_cast<la_ssize_t>(text.size()));
  archive_entry_free(entry);
  EXPECT_EQ(archive_write_close(writer), ARCHIVE_OK);
  archive_write_free(writer);
  out.resize(used);
  return out;
}

std::map<std::string, std::string> ReadTar(const std::string& path) {
  std::map<std::string, std::string> files;
  archive* reader = archive_read_new();
  archive_read_support_filter_all(reader);
  archive_read_support_format_tar(reader);
  EXPECT_EQ(archive_read_open_filename(reader, path.c_str(), 1 << 16), ARCHIVE_OK) << path;
  archive_entry* entry = nullptr;
  while (archive_read_next_header(reader, &entry) == ARCHIVE_OK) {
    std::string& content = files[archive_entry_pathname(entry)];
    content.resize(static_cast<size_t>(archive_entry_size(entry)));
    EXPECT_EQ(archive_read_data(reader, content.data(), content.size()),
              static_cast<la_ssize_t>(content.size()));
  }
  archive_read_free(reader);
  return files;
}

std::string DataPath(const std::string& relative) {
  return Concat(UNDULA_SOURCE_DIR, "/tests/data/", relative);
}

std::vector<std::vector<std::string>> ReadManifest(const std::string& path) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream lines(ReadFile(path));
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::vector<std::string>& row = rows.emplace_back();
    std::istringstream fields(line);
    for (std::string field; std::getline(fields, field, '\t');) row.push_back(field);
  }
  EXPECT_FALSE(rows.empty()) << path;
  return rows;
}

}  // namespace undula::kgstore
