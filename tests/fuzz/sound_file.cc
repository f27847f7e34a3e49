// The database that targets change: its making, and files in a folder of the process.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "kgstore/database.h"
#include "kgstore/importer.h"
#include "kgstore/model_store.h"
#include "targets.h"

namespace undula::fuzz {
namespace {

namespace fs = std::filesystem;

// A folder for the files of this process; on a memory disk where there is one.
const std::string& Folder() {
  static const std::string folder = [] {
    std::string pattern =
        fs::exists("/dev/shm") ? "/dev/shm/undula_fuzz_XXXXXX" : "/tmp/undula_fuzz_XXXXXX";
    Require(mkdtemp(pattern.data()) != nullptr, "temporary folder");
    static std::string kept;
    kept = pattern;
    std::atexit([] {
      std::error_code error;
      fs::remove_all(kept, error);
    });
    return pattern;
  }();
  return folder;
}

void FillSmall(kgstore::Database& database, int entities) {
  using kgstore::Term;
  using kgstore::TermKind;
  auto importer = kgstore::Importer::Begin(database, {"fuzz", ""});
  Require(importer.ok(), "import begins");
  for (int i = 0; i < std::max(400, entities); ++i) {
    const std::string head = Concat("http://a/e", i % entities), tail = Concat("http://a/e", i % 7);
    const std::string relation = Concat("http://a/r", i % 3);
    (*importer)
        ->AddTriple(Term{TermKind::kIri, head, {}, {}}, Term{TermKind::kIri, relation, {}, {}},
                    Term{TermKind::kIri, tail, {}, {}})
        .IgnoreError();
    const std::string text = i == 5 ? std::string(2000, 'x') : Concat("Name ", i);
    (*importer)
        ->AddTriple(Term{TermKind::kIri, head, {}, {}},
                    Term{TermKind::kIri, "http://a/label", {}, {}},
                    Term{TermKind::kLiteral, text, {}, "en"})
        .IgnoreError();
    (*importer)->AddInteraction(Concat("u", i % 11), Concat("i", i % 13), 1, i).IgnoreError();
  }
  const kgstore::ItemColumn columns[] = {{"title", "T"}, {"year", "1979"}};
  (*importer)->AddItem("i1", columns).IgnoreError();
  (*importer)->AddLink("i1", "http://a/e1", 1, LinkMethod::kFile).IgnoreError();
  Require((*importer)->Commit().ok(), "import commits");
  auto models = kgstore::OpenModelStore(database);
  Require(models.ok(), "models");
  TensorMap model;
  const std::vector<float> values(1500, 1);
  model.tensors["weights"] = MakeTensor<float>({1500}, values.data());
  model.metadata["family"] = "none";
  Require((*models)->Put("m", model).ok(), "model stored");
}

// The bytes of a small sound database.
std::string MakeSoundFile(bool compact) {
  const std::string path = Folder() + "/sound.undula";
  fs::remove(path);
  {
    kgstore::OpenOptions options;
    options.mode = kgstore::OpenMode::kCreate;
    options.threads = 1;
    options.compact_dictionary = compact;
    auto database = kgstore::Database::Open(path, options);
    Require(database.ok(), "database made");
    FillSmall(**database, compact ? 12000 : 60);
  }
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

}  // namespace

const std::string& SoundFile(bool compact) {
  static const std::string plain = MakeSoundFile(false);
  if (!compact) return plain;
  static const std::string large = MakeSoundFile(true);
  return large;
}

std::string WriteFile(const std::string& name, const std::string& bytes) {
  const std::string path = Folder() + '/' + name;
  const int fd = open(path.c_str(), O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0644);
  Require(fd >= 0 && write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()),
          "file written");
  close(fd);
  return path;
}

}  // namespace undula::fuzz
