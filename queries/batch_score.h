// The batch job: the best items of every user to a file, in bounded memory, resumable.
//
// While it runs, rows go to OUTPUT.part; after every part_users users the file is flushed to disk
// and OUTPUT.mark (fingerprint of the job, users done, bytes) is replaced. A job that finds a mark
// of its own fingerprint cuts OUTPUT.part to the marked length and goes on; at the end OUTPUT.part
// becomes OUTPUT. Shards are contiguous ranges of users, so their files in order are the whole.
#ifndef UNDULA_QUERIES_BATCH_SCORE_H_
#define UNDULA_QUERIES_BATCH_SCORE_H_

#include "absl/status/statusor.h"
#include "queries/context.h"
#include "undula/progress.h"
#include "undula/recommender.h"

namespace undula::queries {

// Lines of "tsv": user, item, rank, score, with tab, newline and backslash escaped by a backslash.
// Lines of "jsonl": {"user": ..., "items": [{"item": ..., "score": ..., "reasons": [...]}]}.
// InvalidArgument for options out of range; NotFound or FailedPrecondition where the file cannot be
// written; ResourceExhausted where the disk is full (the job can be resumed).
absl::StatusOr<ScoreBatchReport> ScoreBatch(const Context& context,
                                            const ScoreBatchOptions& options, Progress* progress);

}  // namespace undula::queries

#endif  // UNDULA_QUERIES_BATCH_SCORE_H_
