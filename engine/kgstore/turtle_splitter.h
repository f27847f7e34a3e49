// Cuts Turtle and TriG into statements without parsing them: a '.' followed by white space, '#' or
// the end of the input, outside of IRIs, strings and comments, always ends a statement. What lies
// between two cuts is parsed by Serd; a bad statement thus costs itself and nothing else. In TriG
// the braces around the statements of a graph are cuts, too, so that Serd sees nothing but Turtle.
//
// Three defects of Serd 0.30.16 are mended on the way (see insertions()): it takes the backslash of
// `"\` inside a long string for text, it renames the blank nodes _:b1 to _:B1, where they meet the
// document's own _:B1, and it loses the datatype of an integer with the statement's '.' behind it.
#ifndef UNDULA_KGSTORE_TURTLE_SPLITTER_H_
#define UNDULA_KGSTORE_TURTLE_SPLITTER_H_

#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

namespace undula::kgstore {

class TurtleSplitter {
 public:
  // Deeper nesting of () and [] is an error: Serd recurses.
  static constexpr int kMaxNesting = 500;

  enum class End {
    kDot,    // the piece ends with the statement's '.'
    kOpen,   // TriG: with '{'
    kClose,  // TriG: with '}'
    kInput,  // with the input
  };

  explicit TurtleSplitter(bool trig = false) : trig_(trig) {}

  // Looks for the end of the statement at the front of `text` (the same bytes as in the call
  // before, and more behind them). Returns its length with its '.' or brace, or 0 where more input
  // is needed. With `at_end` the rest of the text is the last statement. end() says what ends it.
  size_t Scan(std::string_view text, bool at_end);
  End end() const { return how_; }

  // Call before the next statement.
  void Reset();

  // The first thing that Serd must not see; empty for none.
  std::string_view error() const { return error_; }
  size_t error_offset() const { return error_offset_; }

  // Characters to insert before the given offsets, in ascending order, so that Serd reads what is
  // meant: '\' before a quote of a long string, 'B' before a blank node label of B's and a digit, '
  // ' between an integer and its '.'.
  const std::vector<std::pair<size_t, char>>& insertions() const { return insertions_; }

 private:
  enum class State { kText, kIri, kComment, kShortString, kLongString };

  bool InText(std::string_view text, bool at_end);
  bool InLongString(std::string_view text, bool at_end);
  bool SkipEscape(std::string_view text, bool at_end);
  bool BlankLabel(std::string_view text, bool at_end);
  void Fail(std::string_view message);

  bool trig_;
  End how_ = End::kInput;
  State state_ = State::kText;
  size_t at_ = 0;
  char quote_ = '"';
  int depth_ = 0;
  size_t end_ = 0;  // length of the statement once it is found
  std::string_view error_;
  size_t error_offset_ = 0;
  std::vector<std::pair<size_t, char>> insertions_;
};

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_TURTLE_SPLITTER_H_
