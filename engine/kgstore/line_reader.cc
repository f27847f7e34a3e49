#include "kgstore/line_reader.h"

#include <atomic>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "kgstore/ntriples_line.h"
#include "kgstore/ntriples_scanner.h"
#include "kgstore/statement_parser.h"
#include "kgstore/text_window.h"

namespace undula::kgstore {
namespace {

constexpr size_t kBatch = 64;  // statements given to the sink at a time
constexpr std::string_view kTooLong = "line longer than 64 MiB (is this a text file?)";

// What came of one chunk. Lines count from 0 within the chunk.
struct ChunkResult {
  int64_t lines = 0;
  int64_t records = 0;
  std::vector<SkippedRecord> errors;
  absl::Status status;  // of the sink or the source; behind `errors`
};

// Puts the results of chunks together in the order of the file.
class ChunkLog {
 public:
  ChunkLog(BadRecordLog* log, ReadReport* report) : log_(*log), report_(*report) {}

  // False where the reading has failed: no more chunks are wanted. Thread-safe.
  bool Add(uint64_t ordinal, ChunkResult result) {
    const std::lock_guard lock(mutex_);
    waiting_.emplace(ordinal, std::move(result));
    while (status_.ok() && !waiting_.empty() && waiting_.begin()->first == next_) {
      Fold(waiting_.begin()->second);
      waiting_.erase(waiting_.begin());
      ++next_;
    }
    return status_.ok();
  }
  const absl::Status& status() const { return status_; }

 private:
  void Fold(const ChunkResult& result) {
    for (const SkippedRecord& e : result.errors) {
      status_ = log_.Add(line_ + e.line, e.column, e.message);
      if (!status_.ok()) return;
    }
    status_ = result.status;
    report_.records += result.records;
    line_ += result.lines;
  }

  BadRecordLog& log_;
  ReadReport& report_;
  std::mutex mutex_;
  std::map<uint64_t, ChunkResult> waiting_;
  uint64_t next_ = 0;
  int64_t line_ = 1;  // of the first line of chunk next_
  absl::Status status_;
};

// Gives statements to the plain or the parallel side of a sink.
struct Output {
  RecordSink* sink;
  ParallelSink* parallel;  // null: one thread
  int worker;

  void BeginChunk(uint64_t ordinal) const {
    if (parallel != nullptr) parallel->BeginChunk(worker, ordinal);
  }
  absl::Status Add(std::span<const Statement> statements) const {
    return parallel != nullptr ? parallel->AddStatements(worker, statements)
                               : sink->AddStatements(statements);
  }
};

class LineWorker {
 public:
  LineWorker(RdfSyntax syntax, const RdfOptions& options, Output output)
      : output_(output),
        stops_(options.on_error == OnError::kStop),
        drop_graphs_(options.drop_graphs),
        scanner_(syntax == RdfSyntax::kNQuads),
        syntax_(syntax),
        parser_(syntax, options.base_iri, options.file_ordinal),
        blank_prefix_(Concat('f', options.file_ordinal, '.')) {}

  ChunkResult Read(Chunk* chunk) {
    result_ = ChunkResult();
    output_.BeginChunk(chunk->ordinal);
    if (chunk->too_long) {
      result_.lines = 1;
      result_.errors.push_back({0, 1, std::string(kTooLong)});
      return std::move(result_);
    }
    char* p = chunk->buffer.get();
    const char* const end = p + chunk->size;
    bool go_on = true;
    while (p < end && go_on) {
      const char* next;
      Statement& statement = batch_[held_];
      switch (scanner_.Scan(p, &next, &statement)) {
        case ScannedLine::kStatement:
          Rename(&statement.head);
          Rename(&statement.tail);
          Rename(&statement.graph);
          if (drop_graphs_) statement.graph = Term();
          go_on = ++held_ < kBatch || Flush();
          break;
        case ScannedLine::kBlank:
          break;
        case ScannedLine::kUnknown: {
          next = static_cast<const char*>(std::memchr(p, '\n', static_cast<size_t>(end - p))) + 1;
          go_on = Flush() && ReadSlowly(p, static_cast<size_t>(next - p) - 1);
          break;
        }
      }
      ++result_.lines;
      p = const_cast<char*>(next);
    }
    Flush();
    return std::move(result_);
  }

 private:
  // Tells blank nodes from those of other files.
  void Rename(Term* term) {
    if (term->kind != TermKind::kBlank) return;
    term->text = labels_.emplace_back(Concat(blank_prefix_, term->text));
  }

  bool Flush() {
    if (held_ > 0 && result_.status.ok()) {
      result_.status = output_.Add({batch_, held_});
      if (result_.status.ok()) result_.records += static_cast<int64_t>(held_);
    }
    held_ = 0;
    labels_.clear();
    scanner_.Clear();
    return result_.status.ok();
  }

  // False where the chunk ends here.
  bool Bad(size_t offset, std::string_view message) {
    result_.errors.push_back(
        {result_.lines, static_cast<int64_t>(offset) + 1, std::string(message)});
    return !stops_;
  }

  // A line without its '\n'. A lone '\r' ends a line of N-Triples, too.
  bool ReadSlowly(char* line, size_t size) {
    for (size_t begin = 0; begin < size;) {
      const void* found = std::memchr(line + begin, '\r', size - begin);
      const size_t end =
          found == nullptr ? size : static_cast<size_t>(static_cast<const char*>(found) - line);
      if (!ReadOne(line, begin, end - begin)) return false;
      begin = end + 1;
    }
    return true;
  }

  bool ReadOne(char* line, size_t begin, size_t size) {
    const std::string_view text(line + begin, size);
    std::string_view error;
    if (const size_t bad = FindBadByte(text, &error); bad != text.npos) {
      return Bad(begin + bad, error);
    }
    size_t offset = 0;
    switch (CheckNTriplesLine(text, syntax_ == RdfSyntax::kNQuads, &error, &offset)) {
      case NTriplesLine::kBlank:
        return true;
      case NTriplesLine::kBad:
        return Bad(begin + offset, error);
      case NTriplesLine::kStatement:
        break;
    }
    StatementParser::Failure failure;
    const TextPosition start{0, static_cast<int64_t>(begin) + 1};
    if (!parser_.Parse(line + begin, size, start, &failure)) {
      return Bad(static_cast<size_t>(failure.position.column - 1), failure.message);
    }
    for (Statement statement : parser_.statements()) {
      if (drop_graphs_) statement.graph = Term();
      result_.status = output_.Add({&statement, 1});
      if (!result_.status.ok()) return false;
      ++result_.records;
    }
    return true;
  }

  Output output_;
  bool stops_, drop_graphs_;
  NTriplesScanner scanner_;
  RdfSyntax syntax_;
  StatementParser parser_;
  std::string blank_prefix_;
  Statement batch_[kBatch];
  size_t held_ = 0;
  std::deque<std::string> labels_;  // of the batch
  ChunkResult result_;
};

}  // namespace

absl::Status ReadRdfLines(const std::string& name, RdfSyntax syntax, const RdfOptions& options,
                          ChunkSource* source, RecordSink* sink, ReadReport* report) {
  BadRecordLog bad(name, options.on_error, report, options.limits);
  ChunkLog log(&bad, report);
  const auto work = [&](Output output) -> absl::Status {
    LineWorker worker(syntax, options, output);
    Chunk chunk;
    while (true) {
      const absl::StatusOr<bool> more = source->Next(&chunk);
      if (!more.ok()) return more.status();
      if (!*more) return absl::OkStatus();
      ChunkResult result = worker.Read(&chunk);
      source->AddRecords(result.records);
      if (!log.Add(chunk.ordinal, std::move(result))) source->Stop();
    }
  };

  ParallelSink* parallel = sink->parallel();
  if (parallel == nullptr || parallel->arena().threads() == 1) {
    const absl::Status read = work({sink, nullptr, 0});
    UNDULA_RETURN_IF_ERROR(log.status());
    return read;
  }
  std::mutex mutex;
  absl::Status read;
  std::atomic<int> next_worker{0};
  const int workers = parallel->arena().threads();
  parallel->arena().For(workers, 1, [&](int64_t, int64_t) {
    const absl::Status status = work({sink, parallel, next_worker.fetch_add(1)});
    const std::lock_guard lock(mutex);
    read.Update(status);
  });
  parallel->EndDocument();
  UNDULA_RETURN_IF_ERROR(log.status());
  return read;
}

}  // namespace undula::kgstore
