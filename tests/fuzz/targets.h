// Fuzz targets: each takes any bytes and must neither crash, hang nor break a promise of the code
// it drives (abort() tells libFuzzer). driver.cc makes one libFuzzer program of each (UNDULA_FUZZ,
// clang); corpus_test.cc runs every file of tests/fuzz/corpus/NAME through target NAME with any
// compiler.
#ifndef UNDULA_TESTS_FUZZ_TARGETS_H_
#define UNDULA_TESTS_FUZZ_TARGETS_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace undula::fuzz {

using Bytes = std::string_view;

void Ntriples(Bytes input);     // line reader, stop and skip; the scanner against Serd
void Nquads(Bytes input);       // the same with graphs, and with the graphs dropped
void Turtle(Bytes input);       // statement splitter and Serd
void Trig(Bytes input);         // the same with braces, and with the graphs dropped
void Table(Bytes input);        // a schema in TOML, a line "---", rows
void SchemaToml(Bytes input);   // column maps
void OptionsToml(Bytes input);  // option files
void Safetensors(Bytes input);  // parse, serialize, parse again
void Npy(Bytes input);          // vectors: an array of NumPy
void VectorText(Bytes input);   // vectors: lines of a name and its values
void PatchLines(Bytes input);   // a patch file, applied twice to a small database where it is good
void Codecs(Bytes input);       // byte 0 chooses a decoder of the store
void Pages(Bytes input);        // page_check of the bytes as a file
void Patches(Bytes input);      // a real file with patches, open(check = full), all of it read
void Values(Bytes input);       // a real file with one value replaced, all of it read
void PatternText(Bytes input);  // SPARQL: parser, terms, regular expressions
void PatternRun(Bytes input);   // a query over a small database, with a deadline

struct Target {
  const char* name;
  void (*run)(Bytes);
};
inline constexpr Target kTargets[] = {
    {"ntriples", Ntriples},
    {"nquads", Nquads},
    {"turtle", Turtle},
    {"trig", Trig},
    {"table", Table},
    {"schema_toml", SchemaToml},
    {"options_toml", OptionsToml},
    {"safetensors", Safetensors},
    {"npy", Npy},
    {"vector_text", VectorText},
    {"patch_lines", PatchLines},
    {"codecs", Codecs},
    {"pages", Pages},
    {"patches", Patches},
    {"values", Values},
    {"pattern_text", PatternText},
    {"pattern_run", PatternRun},
};

// Ends the program: a promise was broken.
void Require(bool promise, const char* what);

// A small sound database: the bytes of its file, made once. With a compact dictionary it has enough
// names for one.
const std::string& SoundFile(bool compact = false);
// Writes `bytes` to the file of this name in the process's own folder (on a memory disk where there
// is one); its path.
std::string WriteFile(const std::string& name, const std::string& bytes);

// A file of the process's memory, gone with the object.
class MemoryFile {
 public:
  explicit MemoryFile(Bytes bytes);
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  int fd() const { return fd_; }
  std::string path() const;

 private:
  int fd_;
};

}  // namespace undula::fuzz

#endif  // UNDULA_TESTS_FUZZ_TARGETS_H_
