#!/usr/bin/env python3
"""Next-item quality of the sequence models and their baselines: full ranking, the last item left out.

    bench/sequence_quality.py --undula build/release/bin/undula --out build/sequence [--set small|all]
    bench/sequence_quality.py --out build/sequence --table      # only print the table of what is there

Protocol: each user's last item is test, the one before it validation, the rest training; all items are
ranked but those the user has already; a test item is predicted with the validation item seen. Options are
the specification's defaults, the same for all data; the epoch is chosen by NDCG@20 on validation and the
test part is read once. Knowledge: the graph of ml-100k, item attributes elsewhere (one relation); data
without any have no rows of ksr and kgsr. kgsr_shuffled deals the entity vectors out to the items at random:
what the knowledge adds beyond the memory is the difference to it.

One file per (data, model, seed), so a killed run goes on where it stopped, a training from its last checkpoint;
missing rows say "not run". With
--minutes no training is started after that time.
"""
import argparse
import json
import lzma
import statistics
import time
from pathlib import Path

import quality

SEEDS = [1, 2, 3]
DATA = {
    "ml-100k": {"imports": [("movielens-100k-kg/ml-100k.kg.xz", "recbole-kg"),
                            ("movielens-100k-kg/ml-100k.link", "recbole-link"),
                            ("movielens-100k-kg/ml-100k.inter.xz", "recbole-inter")]},
    "lastfm": {"sequences": "LastFM", "kb": True},
    "beauty": {"sequences": "Beauty", "kb": True, "sampled": True},
    "diginetica-sample": {"imports": [("sequential/diginetica-sample/train-item-views.csv.xz", "diginetica")],
                          "kb": False},
    "toys": {"sequences": "Toys_and_Games", "kb": True, "set": "all", "seeds": 1, "sampled": True},
    "sports": {"sequences": "Sports_and_Outdoors", "kb": True, "set": "all", "seeds": 1, "sampled": True},
    "yelp": {"sequences": "Yelp", "kb": True, "set": "all", "seeds": 1, "sampled": True},
    "ml-1m": {"imports": [("movielens-1m/mkr/kg_final.txt.xz", "kg-final"),
                          ("movielens-1m/mkr/item_index2entity_id.txt", "item-index2entity-id"),
                          ("movielens-1m/interactions.tsv.xz", "movielens-1m-likes")],
              "set": "all", "seeds": 1, "sampled": True},
}
TRAIN = {"epochs": 20, "patience": 3, "metric": "ndcg", "metric-k": 20, "batch-size": 512,
         "learning-rate": .002}
MODELS = {  # name: (family, options)
    "most_popular": ("most_popular", None),
    "markov": ("markov", None),
    "session_knn": ("session_knn", None),
    "gru4rec": ("gru4rec", {}),
    "sr_gnn": ("sr_gnn", {}),
    "kgsr": ("kgsr", {}),
    "kgsr_shuffled": ("kgsr", {"shuffle-kb": "true"}),
    "ksr": ("ksr", {}),
}
OF_KB = ("ksr", "kgsr", "kgsr_shuffled")
METRICS = ["recall@10", "recall@20", "mrr@10", "mrr@20", "ndcg@10", "ndcg@20"]


def sequences(out, name):
    """user,item,weight,time of a file of one sequence a line; the time is the position."""
    path = out / f"{name}.interactions.csv"
    with lzma.open(quality.SHARED / "data/sequential/s3rec" / f"{DATA[name]['sequences']}.txt.xz", "rt") as rows, \
            open(path, "w") as file:
        file.write("user,item,weight,time\n")
        for line in rows:
            user, *items = line.split()
            file.writelines(f"u{user},{item},1,{t + 1}\n" for t, item in enumerate(items))
    return path


def database(args, name):
    data, path, done = DATA[name], args.out / f"{name}.undula", args.out / f"{name}.imported"
    if done.exists():
        return path
    for leftover in (path, Path(f"{path}-lock")):
        leftover.unlink(missing_ok=True)
    imports = [(quality.SHARED / "data" / file, fmt) for file, fmt in data.get("imports", [])]
    if "sequences" in data:
        imports = [(quality.SHARED / "data/sequential/s3rec" / f"{data['sequences']}_item2attributes.json.xz",
                    "s3rec-attributes"), (sequences(args.out, name), "csv")]
    for file, fmt in imports:
        quality.run([args.undula, "import", path, file, "--format", fmt, "--quiet"])
    if "sequences" in data:  # items and entities have the same names
        quality.run([args.undula, "link", path, "--method", "identity", "--show", 0, "--quiet"])
    done.touch()
    return path


def one(args, name, model, seed):
    family, options = MODELS[model]
    stored = f"{model}-{seed}"
    flags = {"split.protocol": "leave_one_out", "split.negatives": "none", "train.seed": seed}
    if options is not None:
        flags |= {f"train.{key}": value for key, value in TRAIN.items()}
        flags["train.epochs"] = args.epochs
        flags |= {f"model.{key}": value for key, value in options.items()}
        if DATA[name].get("sampled"):
            flags["model.sampled"] = 1000
    path = database(args, name)
    start = time.time()
    said = quality.run([args.undula, "train", path, "--model", family, "--name", stored, "--device", "cpu",
                        "--threads", args.threads, "--quiet", "--format", "json",
                        *quality.flags(flags)])
    trained = {row["what"]: row["value"] for row in map(json.loads, said.splitlines())}
    rows = [json.loads(row) for row in quality.run(
        [args.undula, "evaluate", path, "--model", stored, "--no-baselines", "--format", "json",
         "--quiet"]).splitlines()]
    result = {metric: rows[0][metric] for metric in METRICS} | {"users": rows[0]["users"], "train": trained,
                                                                "seconds": time.time() - start}
    quality.write(args.out / f"{name}.{model}.{seed}.json", result)


def seeds(name, model):
    n = DATA[name].get("seeds", len(SEEDS))
    return SEEDS[:1] if MODELS[model][1] is None else SEEDS[:n]


def wanted(args):
    for name, data in DATA.items():
        if args.set == "small" and data.get("set") == "all" or args.data and name not in args.data:
            continue
        for model in MODELS:
            if model in OF_KB and data.get("kb") is False or args.models and model not in args.models:
                continue
            yield name, model


def table(args):
    print("| data | model | seeds | " + " | ".join(METRICS) + " |")
    print("| --- | --- | --- |" + " --- |" * len(METRICS))
    for name, model in wanted(args):
        found = [json.loads(file.read_text()) for seed in seeds(name, model)
                 if (file := args.out / f"{name}.{model}.{seed}.json").exists()]
        if not found:
            print(f"| {name} | {model} | not run |" + " |" * len(METRICS))
            continue
        cells = []
        for metric in METRICS:
            values = [row[metric] for row in found]
            spread = f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else ""
            cells.append(f"{statistics.mean(values):.4f}{spread}")
        print(f"| {name} | {model} | {len(found)} of {len(seeds(name, model))} | " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--undula", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--set", choices=["small", "all"], default="small")
    parser.add_argument("--data", nargs="*")
    parser.add_argument("--models", nargs="*")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=TRAIN["epochs"])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--table", action="store_true")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    end = time.time() + 60 * args.minutes
    # The first seed of everything before the second of anything.
    jobs = sorted(((seed, name, model) for name, model in wanted(args) for seed in seeds(name, model)),
                  key=lambda job: job[0])
    for seed, name, model in [] if args.table else jobs:
        if time.time() > end:
            break
        if not (args.out / f"{name}.{model}.{seed}.json").exists():
            one(args, name, model, seed)
    table(args)


if __name__ == "__main__":
    main()
