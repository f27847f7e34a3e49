// table_bench FILE FORMAT [REPEAT]: rows a CPU second of reading a delimited file through the
// reader alone (a sink that counts) - no database. FORMAT is a column map's name or file. Without
// arguments it writes 10 M rows of user, item, rating and time to a temporary file and reads these.
#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "kgstore/table_reader.h"

namespace undula::kgstore {
namespace {

class CountingSink : public RecordSink {
 public:
  absl::Status AddTriple(const Term&, const Term&, const Term&) override { return Count(1); }
  absl::Status AddQuad(const Term&, const Term&, const Term&, const Term&) override {
    return Count(1);
  }
  absl::Status AddInteraction(std::string_view, std::string_view, float weight, int64_t) override {
    return Count(weight);
  }
  absl::Status AddItem(std::string_view, std::span<const ItemColumn>) override { return Count(1); }
  absl::Status AddUser(std::string_view, std::span<const ItemColumn>) override { return Count(1); }
  absl::Status AddSocial(std::string_view, std::string_view, float weight) override {
    return Count(weight);
  }
  absl::Status AddLink(std::string_view, std::string_view, float, LinkMethod) override {
    return Count(1);
  }

  int64_t records = 0;
  double weight = 0;

 private:
  absl::Status Count(double w) {
    ++records;
    weight += w;
    return absl::OkStatus();
  }
};

double CpuSeconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

bool WriteRows(const std::string& path, int64_t rows) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) return false;
  uint64_t state = 7;
  for (int64_t i = 0; i < rows; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    std::fprintf(file, "%u\t%u\t%g\t%u\n", static_cast<unsigned>(i / 50),
                 static_cast<unsigned>(state >> 47), 0.5 * static_cast<double>(state >> 33 & 7),
                 static_cast<unsigned>(874724710 + (state >> 36) % 100000000));
  }
  return std::fclose(file) == 0;
}

int Run(const std::string& path, const std::string& format, int repeat) {
  const auto schema = FindSchema(format);
  if (!schema.ok()) {
    std::fprintf(stderr, "%s\n", schema.status().ToString().c_str());
    return 1;
  }
  for (int i = 0; i < repeat; ++i) {
    CountingSink sink;
    const double start = CpuSeconds();
    const auto report = ReadTable(path, *schema, {}, sink, nullptr);
    const double seconds = CpuSeconds() - start;
    if (!report.ok()) {
      std::fprintf(stderr, "%s\n", report.status().ToString().c_str());
      return 1;
    }
    std::printf("%s: %lld records, %.3f CPU s, %.2f M records / CPU s (weights %g)\n",
                schema->name.c_str(), static_cast<long long>(sink.records), seconds,
                1e-6 * static_cast<double>(sink.records) / seconds, sink.weight);
  }
  return 0;
}

}  // namespace
}  // namespace undula::kgstore

int main(int argc, char** argv) {
  if (argc >= 3) {
    return undula::kgstore::Run(argv[1], argv[2], argc > 3 ? std::atoi(argv[3]) : 3);
  }
  const char* folder = std::getenv("TMPDIR");
  const std::string path = std::string(folder == nullptr ? "/tmp" : folder) +
                           "/undula_table_bench." + std::to_string(getpid());
  if (!undula::kgstore::WriteRows(path, 10'000'000)) return 1;
  const int result = undula::kgstore::Run(path, "movielens-100k", 3);
  std::remove(path.c_str());
  return result;
}
