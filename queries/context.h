// What every query over a trained model works with. Nothing here is owned; all of it is immutable
// and may be shared between threads.
#ifndef UNDULA_QUERIES_CONTEXT_H_
#define UNDULA_QUERIES_CONTEXT_H_

#include <memory>
#include <string_view>

#include "base/parallel.h"
#include "base/snapshot.h"
#include "kgstore/database.h"
#include "models/model.h"
#include "models/scorer.h"
#include "queries/catalog.h"
#include "queries/pattern/source.h"

namespace undula::queries {

class ConnectionSource;
class IndexSource;

struct Context {
  const Catalog* catalog = nullptr;
  const Snapshot* snapshot = nullptr;
  const models::Scorer* scorer = nullptr;
  const models::ModelSpec* spec = nullptr;
  TaskArena* workers = nullptr;
  // Changes whenever the model is trained anew: part of what makes two batch jobs equal.
  std::string_view model_tag;
  const ConnectionSource* connections = nullptr;  // none: there are no connection reasons
  const IndexSource* index = nullptr;             // for retrieve.h
  std::weak_ptr<const kgstore::Database> store;   // for filters by patterns; may be closed by now
  std::shared_ptr<pattern::SharedReads> reads;
  double positive_threshold = 0;  // of the model's training: what counts as an event of a history
};

}  // namespace undula::queries

#endif  // UNDULA_QUERIES_CONTEXT_H_
