#include "kgstore/rewrite_dictionary.h"

#include <new>
#include <optional>

#include "base/status.h"
#include "kgstore/dictionary.h"
#include "kgstore/generation_writer.h"

namespace undula::kgstore {
namespace {

using namespace internal;  // NOLINT: this file is about it

absl::Status Rewrite(Store* store, bool compact, Progress* progress) {
  UNDULA_ASSIGN_OR_RETURN(const auto writer,
                          GenerationWriter::Begin(store, store->env().used_bytes(), progress));
  TableBits tables;
  for (int s = 0; s < kSpaces; ++s) {
    const auto space = static_cast<Space>(s);
    for (const Table table : {TermsOf(space), IdsOf(space), TextsOf(space)}) Mark(&tables, table);
  }
  UNDULA_RETURN_IF_ERROR(writer->CreateTables(tables));
  writer->next().compact_dictionary = compact;
  for (int s = 0; s < kSpaces; ++s) {
    writer->out().set_stage("writing names", s, kSpaces);
    UNDULA_RETURN_IF_ERROR(WriteDictionary(writer->old(), static_cast<Space>(s), FreshTexts(),
                                           writer->handles(), &writer->out(), &writer->next()));
  }
  return writer->Publish(std::nullopt);
}

}  // namespace

absl::Status RewriteDictionary(Database& database, bool compact, Progress* progress) {
  Store& store = database.store();
  UNDULA_ASSIGN_OR_RETURN(const auto turn, store.TakeWriteTurn());
  try {
    return Rewrite(&store, compact, progress);
  } catch (const std::bad_alloc&) {
    return ResourceExhaustedError("out of memory while writing the names of ", store.path());
  }
}

}  // namespace undula::kgstore
