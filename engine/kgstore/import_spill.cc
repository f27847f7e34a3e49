#include "kgstore/import_spill.h"

#include <utility>

#include "base/status.h"
#include "base/text/normalize.h"
#include "kgstore/labels.h"
#include "kgstore/literal_key.h"
#include "kgstore/number_key.h"
#include "kgstore/varint.h"

namespace undula::kgstore::internal {
namespace {

template <class Int>
void PutBig(std::string* out, Int value) {
  for (int shift = 8 * static_cast<int>(sizeof(Int)) - 8; shift >= 0; shift -= 8) {
    out->push_back(static_cast<char>(value >> shift));
  }
}

template <class Int>
Int LoadBig(const char* p) {
  Int value = 0;
  for (size_t i = 0; i < sizeof(Int); ++i) {
    value = static_cast<Int>(value << 8) | static_cast<unsigned char>(p[i]);
  }
  return value;
}

template <class T>
absl::Status Move(std::vector<T>* records, SpillFile* file, SpilledRun::Range* range) {
  *range = {file->size(), records->size() * sizeof(T)};
  if (!records->empty()) UNDULA_RETURN_IF_ERROR(file->Append(records->data(), range->bytes));
  *records = std::vector<T>();
  return absl::OkStatus();
}

// Counts the triples as read that name an entity.
std::vector<uint32_t> Degrees(const ImportData& data) {
  std::vector<uint32_t> degree(data.space(Space::kEntity).size(), 0);
  const auto count = [&](const Triple& t) {
    for (const uint32_t e : {t.a, t.c}) {
      if (degree[e] != ~uint32_t{0}) ++degree[e];
    }
  };
  for (const Triple& t : data.triples) count(t);
  for (const Quad& quad : data.quads) {
    if (quad.kind == TailKind::kEntity) count(quad.triple);
  }
  return degree;
}

// What the text of literals says beyond their ids, while it is at hand.
struct Readings {
  std::vector<SpilledNumber> numbers;
  std::vector<char> labels;
};

Readings Read(const ImportData& data) {
  Readings read;
  const TermTable& relations = data.space(Space::kRelation);
  const TermTable& literals = data.space(Space::kLiteral);
  std::vector<bool> is_label(relations.size());
  for (uint32_t r = 0; r < relations.size(); ++r) {
    is_label[r] = LabelRank(relations.text(r)).has_value();
  }
  std::vector<uint64_t> number(literals.size());
  for (uint32_t l = 0; l < literals.size(); ++l) {
    number[l] = NumberKey(literals.text(l)).value_or(0);
  }
  const auto read_one = [&](const Triple& t) {
    if (number[t.c] != 0) read.numbers.push_back({number[t.c], t.b, t.c});
    if (!is_label[t.b]) return;
    const absl::StatusOr<std::string> label = NormalizeText(LexicalForm(literals.text(t.c)));
    if (!label.ok() || label->empty() || label->size() > kMaxLabelBytes) return;
    const uint32_t head[2] = {t.a, static_cast<uint32_t>(label->size())};
    const char* const bytes = reinterpret_cast<const char*>(head);
    read.labels.insert(read.labels.end(), bytes, bytes + sizeof(head));
    read.labels.insert(read.labels.end(), label->begin(), label->end());
  };
  for (const Triple& t : data.attributes) read_one(t);
  for (const Quad& quad : data.quads) {
    if (quad.kind == TailKind::kLiteral) read_one(quad.triple);
  }
  return read;
}

}  // namespace

void EncodeSpilledTerm(const SpilledTerm& term, std::string* out) {
  out->assign(1, static_cast<char>(term.space));
  PutBig(out, term.hash);
  PutBig(out, static_cast<uint32_t>(term.text.size()));
  out->append(term.text);
  PutBig(out, term.order);
  PutBig(out, term.run);
  PutBig(out, term.id);
  PutBig(out, term.degree);
}

SpilledTerm DecodeSpilledTerm(std::string_view record) {
  SpilledTerm term;
  const char* p = record.data();
  term.space = static_cast<Space>(*p);
  term.hash = LoadBig<uint64_t>(p + 1);
  term.text = record.substr(13, LoadBig<uint32_t>(p + 9));
  p += 13 + term.text.size();
  term.order = LoadBig<uint64_t>(p);
  term.run = LoadBig<uint32_t>(p + 8);
  term.id = LoadBig<uint32_t>(p + 12);
  term.degree = LoadBig<uint32_t>(p + 16);
  return term;
}

ImportSpill::ImportSpill(std::string folder, uint64_t memory)
    : folder_(std::move(folder)),
      memory_(memory),
      triples_(folder_),
      attributes_(folder_),
      quads_(folder_),
      numbers_(folder_),
      labels_(folder_) {
  terms_.emplace(folder_, share());
}

absl::Status ImportSpill::AddRun(const std::vector<Segment>& segments, bool main,
                                 ImportData* data) {
  const std::vector<uint32_t> degree = Degrees(*data);
  Readings read = Read(*data);
  const std::lock_guard lock(mutex_);
  SpilledRun run;
  run.main = main;
  run.links_end = data->links.size();
  for (size_t s = 0; s < kSpilledSpaces; ++s) run.names[s] = data->terms[s].size();
  has_triples_ |= !data->triples.empty();
  has_attributes_ |= !data->attributes.empty();
  for (const Quad& quad : data->quads) {
    (quad.kind == TailKind::kEntity ? has_triples_ : has_attributes_) = true;
  }
  UNDULA_RETURN_IF_ERROR(Move(&data->triples, &triples_, &run.triples));
  UNDULA_RETURN_IF_ERROR(Move(&data->attributes, &attributes_, &run.attributes));
  UNDULA_RETURN_IF_ERROR(Move(&data->quads, &quads_, &run.quads));
  UNDULA_RETURN_IF_ERROR(Move(&read.numbers, &numbers_, &run.numbers));
  UNDULA_RETURN_IF_ERROR(Move(&read.labels, &labels_, &run.labels));
  UNDULA_RETURN_IF_ERROR(AddTerms(segments, degree, static_cast<uint32_t>(runs_.size()), *data));
  for (size_t s = 0; s < kSpilledSpaces; ++s) data->terms[s] = TermTable();
  runs_.push_back(run);
  return absl::OkStatus();
}

absl::Status ImportSpill::AddTerms(const std::vector<Segment>& segments,
                                   const std::vector<uint32_t>& degree, uint32_t run,
                                   const ImportData& data) {
  std::string record;
  for (size_t s = 0; s < kSpilledSpaces; ++s) {
    const auto space = static_cast<Space>(s);
    const TermTable& terms = data.terms[s];
    size_t segment = 0;
    for (uint32_t id = 0; id < terms.size(); ++id) {
      while (segment + 1 < segments.size() && segments[segment + 1].first[s] <= id) ++segment;
      const TermTable::Record term = terms.record(id);
      EncodeSpilledTerm({space,
                         term.hash,
                         {term.text, term.size},
                         segments[segment].order,
                         run,
                         id,
                         space == Space::kEntity ? degree[id] : 0},
                        &record);
      UNDULA_RETURN_IF_ERROR(terms_->Add(record));
      text_bytes_ += term.size + 8;
    }
  }
  return absl::OkStatus();
}

uint64_t GraphBytes(const ImportData& data) {
  uint64_t bytes =
      12 * (data.triples.size() + data.attributes.size()) + sizeof(Quad) * data.quads.size();
  for (size_t s = 0; s < kSpilledSpaces; ++s) bytes += data.terms[s].bytes();
  return bytes;
}

uint64_t RowBytes(const ImportData& data) {
  return sizeof(LogEntry) * data.interactions.size() + sizeof(LinkRecord) * data.links.size() +
         sizeof(ItemCell) * (data.cells.size() + data.user_cells.size()) +
         sizeof(SocialRecord) * data.social.size() + data.space(Space::kUser).bytes() +
         data.space(Space::kItem).bytes() + data.cell_texts.bytes();
}

}  // namespace undula::kgstore::internal
