// Cuts delimited text into records and records into fields: one-character, multi-character and
// white-space separators, quoted fields as of RFC 4180 (line ends inside, doubled quotes).
#ifndef UNDULA_KGSTORE_ROW_SPLITTER_H_
#define UNDULA_KGSTORE_ROW_SPLITTER_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace undula::kgstore {

struct Field {
  std::string_view text;  // without quotes
  size_t offset = 0;      // of its first byte in the record
};

// Not thread-safe.
class RowSplitter {
 public:
  static constexpr std::string_view kWhitespace = "whitespace";
  // Not for a splitter: the file is one JSON object (kgstore/json_rows.h).
  static constexpr std::string_view kJson = "json";

  // quote '\0' means none; it needs a separator of one character.
  RowSplitter(std::string separator, char quote);

  // The length of the record at the front of `text` without its '\n', npos where the text ends
  // before the record does. `from` bytes were looked at by the call before (0 for a new record);
  // a format with quotes looks again.
  size_t FindEnd(std::string_view text, size_t from) const;

  // The fields of a record without its line end; they point into it or into the splitter and live
  // until the next call. False with *error and *offset for a misplaced or missing quote.
  bool Split(std::string_view record, std::vector<Field>* fields, std::string_view* error,
             size_t* offset);

  // The separator in words, for messages.
  std::string Describe() const;

 private:
  void SplitAtText(std::string_view record, std::vector<Field>* fields) const;
  void SplitAtBlanks(std::string_view record, std::vector<Field>* fields) const;
  bool SplitQuoted(std::string_view record, std::vector<Field>* fields, std::string_view* error,
                   size_t* offset);

  std::string separator_;
  char quote_;
  bool blanks_;
  std::string unquoted_;  // text of the quoted fields of a record
};

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_ROW_SPLITTER_H_
