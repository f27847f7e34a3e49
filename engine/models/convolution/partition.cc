#include "models/convolution/partition.h"

#include <algorithm>
#include <numeric>

#include "base/safetensors.h"
#include "base/status.h"
#include "propagation/ops/elementwise.h"
#include "propagation/ops/row_normalize.h"

namespace undula::models {
namespace {

using propagation::Arena;
using propagation::Exec;
using propagation::Tape;
using propagation::Tensor;
using propagation::Var;

constexpr char kRows[] = "rows";

// A file of the job: its name, and the stage that writes it, for messages.
struct Part {
  std::string name, stage;
};
std::string Stage(const char* name, int64_t layer, int64_t partition) {
  return Concat("'", name, "' of layer ", layer, " and partition ", partition);
}
Part JobFile() { return {"job", "'start'"}; }
Part Lists(int64_t p) { return {Concat("lists-", p), "'start'"}; }
Part Hidden(int64_t k, int64_t p) {
  return {Concat("h-", k, "-", p), k == 0 ? "'start'" : Stage("pool", k - 1, p)};
}
Part Projected(int64_t k, int64_t p) { return {Concat("y-", k, "-", p), Stage("project", k, p)}; }
Part Exchanged(int64_t k, int64_t p) { return {Concat("x-", k, "-", p), Stage("exchange", k, p)}; }
Part Output(int64_t p) { return {Concat("z-", p), Concat("'finish' of partition ", p)}; }

// What every job reads first.
class Job {
 public:
  static absl::StatusOr<Job> Open(const std::string& directory) {
    Job job;
    job.directory_ = directory;
    UNDULA_ASSIGN_OR_RETURN(job.map_, job.ReadFile(JobFile()));
    const auto number = [&](const char* key) {
      const auto it = job.map_.metadata.find(key);
      return it == job.map_.metadata.end() ? int64_t{-1} : std::atoll(it->second.c_str());
    };
    job.n_items_ = number("items");
    job.partitions_ = number("partitions");
    job.run_ = job.map_.metadata["run"];
    OptionMap options;
    for (const auto& [key, value] : job.map_.metadata) {
      if (key.starts_with("model.")) options[key.substr(6)] = value;
    }
    UNDULA_RETURN_IF_ERROR(SetOptions(kPinSageOptions, &job.options_, options));
    if (job.n_items_ < 0 || job.partitions_ < 1) {
      return DataLossError(job.PathOf(JobFile()), " has no sizes; run the stage 'start' again");
    }
    return job;
  }

  std::string PathOf(const Part& part) const {
    return Concat(directory_, "/", part.name, ".safetensors");
  }
  int64_t n_items() const { return n_items_; }
  int64_t partitions() const { return partitions_; }
  const ConvOptions& options() const { return options_; }
  int64_t begin(int64_t p) const { return n_items_ * p / partitions_; }
  int64_t end(int64_t p) const { return begin(p + 1); }
  // The partition of an item.
  int64_t PartOf(int64_t item) const {
    int64_t p = item * partitions_ / std::max<int64_t>(1, n_items_);
    while (end(p) <= item) ++p;
    while (begin(p) > item) --p;
    return p;
  }

  absl::Status Check(int64_t layer, int64_t partition) const {
    if (partition >= 0 && partition < partitions_ && layer >= 0 && layer < options_.layers) {
      return absl::OkStatus();
    }
    return InvalidArgumentError("layer ", layer, " of partition ", partition, ": the job has ",
                                options_.layers, " layers and ", partitions_, " partitions");
  }

  absl::StatusOr<TensorMap> Read(const Part& part) const {
    UNDULA_ASSIGN_OR_RETURN(TensorMap map, ReadFile(part));
    if (map.metadata["run"] != run_ || map.metadata["part"] != part.name) {
      return FailedPreconditionError(PathOf(part), " is not of this job; run the stage ",
                                     part.stage, " again");
    }
    return map;
  }
  // The tensor "rows" [n, any] of a part.
  absl::StatusOr<NamedTensor> ReadRows(const Part& part, int64_t n) const {
    UNDULA_ASSIGN_OR_RETURN(TensorMap map, Read(part));
    const auto it = map.tensors.find(kRows);
    if (it == map.tensors.end() || it->second.dtype != DType::kF32 ||
        it->second.shape.size() != 2 || it->second.shape[0] != n) {
      return DataLossError(PathOf(part), " has not ", n, " rows; run the stage ", part.stage,
                           " again");
    }
    return std::move(it->second);
  }
  absl::StatusOr<StageWork> Write(const Part& part, TensorMap map) const {
    map.metadata["run"] = run_;
    map.metadata["part"] = part.name;
    UNDULA_RETURN_IF_ERROR(WriteSafetensors(PathOf(part), map));
    StageWork work;
    for (const auto& [name, tensor] : map.tensors) {
      work.bytes += static_cast<int64_t>(tensor.bytes.size());
    }
    work.rows = map.tensors.at(kRows).shape[0];
    return work;
  }

  // The layers with the job's parameters.
  absl::Status MakeLayers(ConvLayers* layers, propagation::ParameterSet* set) const {
    layers->AddParameters(LayerOptionsOf(options_, false), 1, 1, 0, set);
    layers->Freeze();
    return set->Load("param/", map_);
  }

 private:
  absl::StatusOr<TensorMap> ReadFile(const Part& part) const {
    absl::StatusOr<TensorMap> map = ReadSafetensors(PathOf(part));
    if (map.ok()) return map;
    return Error(map.status().code(), Message(map.status()), "; run the stage ", part.stage,
                 " again");
  }

  std::string directory_, run_;
  TensorMap map_;
  int64_t n_items_ = 0, partitions_ = 0;
  ConvOptions options_;
};

TensorMap RowsOf(const Tensor& t) {
  TensorMap map;
  map.tensors[kRows] = MakeTensor<float>({t.rows(), t.cols()}, t.as<float>());
  return map;
}

Var Constant(Tape& tape, const NamedTensor& t) {
  return tape.Constant(propagation::View(t.data<float>(), t.shape[0], t.shape[1]));
}

// One stage on a tape: reads come as constants, the result is written as `to`.
template <class Compute>
absl::StatusOr<StageWork> RunStage(const Job& job, const Part& to, TaskArena* workers,
                                   const Compute& compute) {
  propagation::ParameterSet set;
  ConvLayers layers;
  UNDULA_RETURN_IF_ERROR(job.MakeLayers(&layers, &set));
  Exec exec(workers);
  Arena arena;
  Tape tape(&exec, &arena);
  const Var out = compute(tape, layers);
  UNDULA_RETURN_IF_ERROR(tape.status());
  return job.Write(to, RowsOf(tape.value(out)));
}

absl::StatusOr<NodeLists> ReadLists(const Job& job, int64_t p) {
  UNDULA_ASSIGN_OR_RETURN(const TensorMap map, job.Read(Lists(p)));
  const NamedTensor *ptr = map.Find("ptr"), *item = map.Find("item"), *weight = map.Find("weight");
  const int64_t rows = job.end(p) - job.begin(p);
  bool ok = ptr != nullptr && item != nullptr && weight != nullptr && ptr->size() == rows + 1 &&
            ptr->dtype == DType::kI64 && item->dtype == DType::kU32 &&
            weight->dtype == DType::kF32 && item->size() == weight->size();
  NodeLists lists;
  if (ok) {
    lists.ptr.assign(ptr->data<int64_t>(), ptr->data<int64_t>() + ptr->size());
    lists.item.assign(item->data<uint32_t>(), item->data<uint32_t>() + item->size());
    lists.weight.assign(weight->data<float>(), weight->data<float>() + weight->size());
    ok = lists.ptr.front() == 0 && lists.ptr.back() == item->size() &&
         std::is_sorted(lists.ptr.begin(), lists.ptr.end());
    for (const uint32_t i : lists.item) ok = ok && i < job.n_items();
  }
  if (ok) return lists;
  return DataLossError(job.PathOf(Lists(p)), " is damaged; run the stage ", Lists(p).stage,
                       " again");
}

// Distinct neighbors of a partition, ascending.
std::vector<uint32_t> SourcesOf(const NodeLists& lists) {
  std::vector<uint32_t> out = lists.item;
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace

absl::Status StartPartitions(ConvModel* model, int64_t partitions, const std::string& directory) {
  const ConvState& s = model->state();
  if (s.sage) {
    return InvalidArgumentError("graphsage is not inferred in partitions; pinsage is");
  }
  if (model->parameters()->dtype() != DType::kF32) {
    return InvalidArgumentError("partitions work in float32; the model is float64");
  }
  if (partitions < 1 || partitions > 65536) {
    return InvalidArgumentError(partitions, " partitions; 1 to 65536 are possible");
  }
  TensorMap saved, job;
  model->Save(&saved);
  // A tag of the content: files of an earlier job in the same directory do not fit.
  uint64_t tag = 0xCBF29CE484222325u + static_cast<uint64_t>(partitions);
  for (const auto& [name, tensor] : saved.tensors) {
    for (const std::byte b : tensor.bytes) tag = (tag ^ static_cast<uint8_t>(b)) * 0x100000001B3u;
    if (name.starts_with("param/") && name != "param/item" && name != "param/feature")
      job.tensors[name] = tensor;
  }
  for (const auto& [key, value] : GetOptions(kPinSageOptions, &s.options)) {
    job.metadata["model." + key] = value;
  }
  const std::string run = Concat(tag);
  job.metadata["run"] = run;
  job.metadata["items"] = Concat(s.n_items);
  job.metadata["partitions"] = Concat(partitions);
  UNDULA_RETURN_IF_ERROR(WriteSafetensors(directory + "/job.safetensors", job));
  UNDULA_ASSIGN_OR_RETURN(const Job opened, Job::Open(directory));
  Exec exec(nullptr);
  Arena arena;
  Tape tape(&exec, &arena);
  std::vector<uint32_t> all(s.n_items);
  std::iota(all.begin(), all.end(), 0u);
  const Var inputs = model->ItemInputs(tape, all);
  UNDULA_RETURN_IF_ERROR(tape.status());
  const float* rows = tape.value(inputs).as<float>();
  const NodeLists& lists = s.lists[0];
  for (int64_t p = 0; p < partitions; ++p) {
    const int64_t begin = opened.begin(p), end = opened.end(p), first = lists.ptr[begin];
    TensorMap map;
    std::vector<int64_t> ptr;
    for (int64_t i = begin; i <= end; ++i) ptr.push_back(lists.ptr[i] - first);
    const int64_t entries = ptr.back();
    map.tensors["ptr"] = MakeTensor<int64_t>({end - begin + 1}, ptr.data());
    map.tensors["item"] = MakeTensor<uint32_t>({entries}, lists.item.data() + first);
    map.tensors["weight"] = MakeTensor<float>({entries}, lists.weight.data() + first);
    map.metadata["run"] = run;
    map.metadata["part"] = Lists(p).name;
    UNDULA_RETURN_IF_ERROR(WriteSafetensors(opened.PathOf(Lists(p)), map));
    TensorMap h;
    const int64_t dim = s.options.dim;
    h.tensors[kRows] = MakeTensor<float>({end - begin, dim}, rows + begin * dim);
    UNDULA_RETURN_IF_ERROR(opened.Write(Hidden(0, p), std::move(h)).status());
  }
  return absl::OkStatus();
}

absl::StatusOr<StageWork> ProjectPartition(const std::string& directory, int64_t layer, int64_t p,
                                           TaskArena* workers) {
  UNDULA_ASSIGN_OR_RETURN(const Job job, Job::Open(directory));
  UNDULA_RETURN_IF_ERROR(job.Check(layer, p));
  UNDULA_ASSIGN_OR_RETURN(const NamedTensor h,
                          job.ReadRows(Hidden(layer, p), job.end(p) - job.begin(p)));
  return RunStage(job, Projected(layer, p), workers, [&](Tape& tape, const ConvLayers& layers) {
    return layers.Project(tape, static_cast<int>(layer), Constant(tape, h));
  });
}

absl::StatusOr<StageWork> ExchangePartition(const std::string& directory, int64_t layer,
                                            int64_t p) {
  UNDULA_ASSIGN_OR_RETURN(const Job job, Job::Open(directory));
  UNDULA_RETURN_IF_ERROR(job.Check(layer, p));
  UNDULA_ASSIGN_OR_RETURN(const NodeLists lists, ReadLists(job, p));
  const std::vector<uint32_t> sources = SourcesOf(lists);
  std::vector<float> rows;
  int64_t cols = job.options().hidden, remote = 0;
  for (size_t at = 0; at < sources.size();) {
    // One file after the other: the sources ascend, and so do the partitions.
    const int64_t from = job.PartOf(sources[at]);
    UNDULA_ASSIGN_OR_RETURN(const NamedTensor y,
                            job.ReadRows(Projected(layer, from), job.end(from) - job.begin(from)));
    if (y.shape[1] != cols) {
      return DataLossError(job.PathOf(Projected(layer, from)), " has rows of ", y.shape[1],
                           " numbers, not of ", cols);
    }
    for (; at < sources.size() && sources[at] < job.end(from); ++at) {
      const float* row = y.data<float>() + (sources[at] - job.begin(from)) * cols;
      rows.insert(rows.end(), row, row + cols);
      remote += from != p;
    }
  }
  TensorMap map;
  map.tensors[kRows] = MakeTensor<float>({static_cast<int64_t>(sources.size()), cols}, rows.data());
  UNDULA_ASSIGN_OR_RETURN(StageWork work, job.Write(Exchanged(layer, p), std::move(map)));
  work.remote = remote;
  return work;
}

absl::StatusOr<StageWork> PoolPartition(const std::string& directory, int64_t layer, int64_t p,
                                        TaskArena* workers) {
  UNDULA_ASSIGN_OR_RETURN(const Job job, Job::Open(directory));
  UNDULA_RETURN_IF_ERROR(job.Check(layer, p));
  UNDULA_ASSIGN_OR_RETURN(const NodeLists lists, ReadLists(job, p));
  const std::vector<uint32_t> sources = SourcesOf(lists);
  UNDULA_ASSIGN_OR_RETURN(const NamedTensor own,
                          job.ReadRows(Hidden(layer, p), job.end(p) - job.begin(p)));
  UNDULA_ASSIGN_OR_RETURN(const NamedTensor y,
                          job.ReadRows(Exchanged(layer, p), static_cast<int64_t>(sources.size())));
  ConvLayer plan;
  plan.ptr = lists.ptr;
  plan.weight = lists.weight;
  for (const uint32_t item : lists.item) {
    plan.src.push_back(static_cast<uint32_t>(
        std::lower_bound(sources.begin(), sources.end(), item) - sources.begin()));
  }
  plan.all_of_below = true;
  ConvScratch scratch;
  return RunStage(job, Hidden(layer + 1, p), workers, [&](Tape& tape, const ConvLayers& layers) {
    return layers.Update(tape, static_cast<int>(layer), plan, Constant(tape, own),
                         Constant(tape, y), &scratch);
  });
}

absl::StatusOr<StageWork> FinishPartition(const std::string& directory, int64_t p,
                                          TaskArena* workers) {
  UNDULA_ASSIGN_OR_RETURN(const Job job, Job::Open(directory));
  UNDULA_RETURN_IF_ERROR(job.Check(0, p));
  const int64_t rows = job.end(p) - job.begin(p);
  UNDULA_ASSIGN_OR_RETURN(const NamedTensor h, job.ReadRows(Hidden(job.options().layers, p), rows));
  UNDULA_ASSIGN_OR_RETURN(const NamedTensor first, job.ReadRows(Hidden(0, p), rows));
  return RunStage(job, Output(p), workers, [&](Tape& tape, const ConvLayers& layers) {
    Var z = layers.Head(tape, Constant(tape, h));
    if (job.options().residual) z = Add(tape, z, Constant(tape, first));
    return job.options().normalize ? RowNormalize(tape, z) : z;
  });
}

absl::StatusOr<std::vector<float>> CollectPartitions(const std::string& directory) {
  UNDULA_ASSIGN_OR_RETURN(const Job job, Job::Open(directory));
  std::vector<float> out;
  for (int64_t p = 0; p < job.partitions(); ++p) {
    UNDULA_ASSIGN_OR_RETURN(const NamedTensor z,
                            job.ReadRows(Output(p), job.end(p) - job.begin(p)));
    out.insert(out.end(), z.data<float>(), z.data<float>() + z.size());
  }
  return out;
}

}  // namespace undula::models
