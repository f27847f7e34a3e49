#!/usr/bin/env python3
"""Quality on real data, beside the baselines: trains with the program, evaluates on the test part.

    bench/quality.py --undula build/release/bin/undula --out build/quality [--set small|all]
    bench/quality.py --out build/quality --table        # only print the tables of what is there

On Last.FM also KGCN and KGNN-LS with their controls (kg_off: KGCN without messages), and what one model
is better by than another (PAIRS), paired over users.

One result file per (data, model, seed), so a killed run goes on where it stopped; missing rows say
"not run". Data are found through UNDULA_SHARED (default: ../shared beside the repository). Epochs are
chosen on the validation part; how the options were found: docs/benchmarks.md. Seeds are fixed here.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("UNDULA_SHARED") or ROOT.parent / "shared")
SEEDS = [1, 2, 3, 4, 5]

# The click-through protocol of the RippleNet authors: as many drawn negatives as positives, pooled,
# 60/20/20 over rows. "stored" negatives are those of the published files.
STORED = {"protocol": "ctr", "positive-threshold": 1, "negatives": "stored"}
SAMPLED = {"protocol": "ctr", "positive-threshold": 1, "negatives": "sampled",
           "linked-items-only": "true"}

DATA = {
    "lastfm": {
        "imports": [("lastfm-kgcn/kg_final.txt.xz", "kg-final"),
                    ("lastfm-kgcn/ratings_final.txt.xz", "ratings-final")],
        "link": "identity", "split": STORED, "set": "small",
    },
    "lastfm-graphsw": {
        "imports": [("lastfm-kgcn/kg_final.txt.xz", "kg-final"),
                    ("lastfm-kgcn/graphsw/ratings_final.txt.xz", "ratings-final")],
        "link": "identity", "files": ("lastfm-kgcn/graphsw", "graphsw-csv"), "set": "small",
    },
    "book-crossing": {
        "imports": [("book-crossing/ripplenet/kg_final.txt.xz", "kg-final"),
                    ("book-crossing/ripplenet/ratings_final.txt.xz", "ratings-final")],
        "link": "identity", "files": ("book-crossing/ripplenet", "graphsw-csv"), "set": "small",
    },
    # The same rows cut anew by each seed, with the options chosen for the fixed split.
    "book-crossing-resplit": {
        "imports": [("book-crossing/ripplenet/kg_final.txt.xz", "kg-final"),
                    ("book-crossing/ripplenet/ratings_final.txt.xz", "ratings-final")],
        "link": "identity", "split": STORED, "options_of": "book-crossing", "set": "small",
    },
    "movielens-1m": {
        "imports": [("movielens-1m/mkr/kg_final.txt.xz", "kg-final"),
                    ("movielens-1m/interactions.tsv.xz", "movielens-1m-likes"),
                    ("movielens-1m/mkr/item_index2entity_id.txt", "item-index2entity-id")],
        "link": None, "split": SAMPLED, "set": "all",
    },
}

# Data whose options are chosen by bench/quality_search.py; the others borrow theirs.
SEARCHED = [name for name, data in DATA.items() if "options_of" not in data]

# Options by (model, data), chosen by bench/quality_search.py; None stands for all data.
TRAINING = {"epochs": 100, "patience": 3, "metric": "auc"}
KGCN_TRAINING = TRAINING | {"patience": 10}
# The authors' options, with a smaller start and the running mean of the parameters.
NEAR_KGCN_AUTHORS = {"dim": 32, "learning-rate": .0005, "batch-size": 128, "chunk": 1, "optimizer": "adam",
                     "l2-mode": "tables", "init-scale": .25, "average": .9}
FRESH = {"dim": 32, "learning-rate": .005, "batch-size": 1024, "chunk": 1, "fresh-negatives": 1}
MODELS = {
    "ripplenet": {
        None: TRAINING,
        "lastfm": {"dim": 64, "hops": 1, "memory": 64, "learning-rate": .01, "chunk": 1},
        "lastfm-graphsw": {"dim": 64, "hops": 3, "memory": 64, "learning-rate": .01, "chunk": 1},
        "book-crossing": {"dim": 64, "hops": 1, "memory": 64, "chunk": 1, "inverse-edges": "true"},
        "movielens-1m": {"dim": 64, "hops": 1, "memory": 64, "chunk": 1, "scoring": "code",
                         "item-update": "plus_transform"},
    },
    "bpr_mf": {
        None: TRAINING,
        "lastfm": {"dim": 128, "chunk": 1},
        "lastfm-graphsw": {"dim": 128, "chunk": 1},
        "book-crossing": {"dim": 128, "learning-rate": .002, "l2": .03, "chunk": 1},
        "movielens-1m": {"dim": 64, "learning-rate": .002, "init-scale": .1},
    },
    # KGCN's first epochs are flat, and an epoch takes milliseconds.
    "kgcn": {None: KGCN_TRAINING, "lastfm": NEAR_KGCN_AUTHORS},
    "kgnn_ls": {None: KGCN_TRAINING, "lastfm": NEAR_KGCN_AUTHORS},
    "kg_off": {None: KGCN_TRAINING, "lastfm": {"kg": "false", **NEAR_KGCN_AUTHORS}},
    "kgcn_fresh": {None: KGCN_TRAINING, "lastfm": FRESH},
    "kgnn_ls_fresh": {None: KGCN_TRAINING, "lastfm": FRESH},
    "kg_off_fresh": {None: KGCN_TRAINING, "lastfm": {"kg": "false", **FRESH}},
}
# The model of the program, where it has another name here. "_fresh": new negatives in every epoch, as
# bpr_mf has them, instead of the stored ones of the training part.
FAMILY = {"kg_off": "kgcn", "kgcn_fresh": "kgcn", "kg_off_fresh": "kgcn", "kgnn_ls_fresh": "kgnn_ls"}
ONLY = {model: ["lastfm"] for model in (*FAMILY, "kgcn", "kgnn_ls")}  # data; the others have all
# What is printed as a difference, on the data of ONLY.
PAIRS = [("kgcn", "kg_off"), ("kgnn_ls", "kgcn"), ("kgcn", "most_popular"),
         ("kgcn_fresh", "kg_off_fresh"), ("kgnn_ls_fresh", "kgcn_fresh"),
         ("kgcn_fresh", "most_popular")]


def has(model, name):
    return name in ONLY.get(model, [name])


def run(command, **kwargs):
    result = subprocess.run([str(c) for c in command], capture_output=True, text=True, **kwargs)
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\nexit code {result.returncode}\n{result.stderr}")
    return result.stdout


def flags(options):
    return [f"--{key}={value}" for key, value in options.items()]


def database(undula, out, name):
    data, path = DATA[name], out / f"{name}.undula"
    done = out / f"{name}.imported"
    if done.exists():
        return path
    for leftover in (path, Path(f"{path}-lock")):
        leftover.unlink(missing_ok=True)
    for file, fmt in data["imports"]:
        run([undula, "import", path, SHARED / "data" / file, "--format", fmt, "--quiet"])
    if data["link"]:
        run([undula, "link", path, "--method", data["link"], "--show", 0, "--quiet"])
    done.touch()
    return path


def split_options(name, seed):
    data = DATA[name]
    if "files" in data:
        folder, fmt = data["files"]
        options = {"split.file-format": fmt}
        for part in ("train", "valid", "test"):
            file = "eval" if part == "valid" else part
            options[f"split.{part}-file"] = SHARED / "data" / folder / f"{file}_pd.csv.xz"
        return options
    options = {f"split.{key}": value for key, value in data["split"].items()}
    options["split.seed"] = 554 + seed
    return options


def train(undula, path, model, stored, options, seed, threads):
    """Trains and stores a model; returns what `undula train` says of it."""
    summary = run([undula, "train", path, "--model", FAMILY.get(model, model), "--name", stored, "--device", "cpu",
                   "--threads", threads, "--quiet", "--fresh", "--format", "json",
                   f"--train.seed={seed}"] + flags(options))
    return dict((row["what"], row["value"]) for row in map(json.loads, summary.splitlines()))


def write(file, result):
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(result, indent=1))
    partial.rename(file)


def options_of(name, model, seed):
    if model == "most_popular":
        return split_options(name, seed)
    return {**MODELS[model].get(None, {}),
            **MODELS[model].get(DATA[name].get("options_of", name), {}), **split_options(name, seed)}


def train_and_evaluate(undula, out, name, model, seed, threads):
    path = database(undula, out, name)
    options = options_of(name, model, seed)
    stored = f"{model}-{seed}"
    facts = train(undula, path, model, stored, options, seed, threads)
    result = {"data": name, "model": model, "seed": seed,
              "options": {k: str(v) for k, v in options.items()}, "train": facts}
    for protocol in ("ctr", "ranking"):
        rows = run([undula, "evaluate", path, "--model", stored, "--protocol", protocol, "--at",
                    "10,20", "--format", "json", "--quiet"])
        result[protocol] = [json.loads(row) for row in rows.splitlines()]
    run([undula, "models", path, "--remove", stored])
    return result


def interval(cell):
    """A cell of `evaluate --intervals`: (value, low, high)."""
    if not isinstance(cell, str):
        return cell, cell, cell
    value, bounds = cell.split(" [")
    low, high = bounds.rstrip("]").split(", ")
    return float(value), float(low), float(high)


def compare(undula, out, name, pair, seed, threads):
    """Trains both models again (the same bits) and evaluates the one against the other."""
    path = database(undula, out, name)
    stored = [f"{model}-{seed}-of-pair" for model in pair]
    for model, as_name in zip(pair, stored):
        train(undula, path, model, as_name, options_of(name, model, seed), seed, threads)
    result = {"data": name, "pair": pair, "seed": seed}
    for protocol, metrics in (("ctr", ["auc"]), ("ranking", ["recall@20", "ndcg@20"])):
        rows = run([undula, "evaluate", path, "--model", stored[0], "--against", stored[1],
                    "--protocol", protocol, "--at", 20, "--intervals", "--no-baselines", "--format",
                    "json", "--quiet"])
        row = json.loads(rows.splitlines()[-1])
        result.update({metric: interval(row[metric]) for metric in metrics})
    for as_name in stored:
        run([undula, "models", path, "--remove", as_name])
    return result


def pairs_table(out):
    print("\n| data | difference | seeds | AUC (sd) [interval] | seeds whose interval leaves out 0 | "
          "Recall@20 [interval] | NDCG@20 [interval] |")
    print("|---|---|---|---|---|---|---|")
    for a, b in PAIRS:
        for name in ONLY["kgcn"]:
            results = [json.loads(f.read_text()) for f in sorted(out.glob(f"{name}.{a}-{b}.*.json"))]
            if not results:
                print(f"| {name} | {a} - {b} | not run | | | | |")
                continue

            def cell(metric, spread=False):
                value, low, high = (statistics.fmean(r[metric][i] for r in results) for i in range(3))
                sd = f" ({statistics.stdev(r[metric][0] for r in results):.4f})" if spread and len(
                    results) > 1 else ""
                return f"{value:+.4f}{sd} [{low:+.4f}, {high:+.4f}]"
            clear = sum(r["auc"][1] > 0 or r["auc"][2] < 0 for r in results)
            print(f"| {name} | {a} - {b} | {len(results)} | {cell('auc', True)} | {clear} | "
                  f"{cell('recall@20')} | {cell('ndcg@20')} |")


def table(out):
    print("| data | model | seeds | AUC (sd) | ACC | AUC with dropped users | Recall@20 | NDCG@20 |"
          " epochs | train CPU s |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name in DATA:
        for model in filter(lambda m: has(m, name), MODELS):
            results = [json.loads(f.read_text()) for f in sorted(out.glob(f"{name}.{model}.*.json"))]
            if not results:
                print(f"| {name} | {model} | not run | | | | | | | |")
                continue
            for row_model in [model] + (["most_popular", "item_log_odds"]
                                        if model == "ripplenet" else []):
                def column(protocol, key):
                    values = [row[key] for r in results for row in r[protocol]
                              if row["part"] == "all" and
                              (row["model"] == row_model if row_model != model
                               else row["model"].startswith(model + "-"))]
                    return values
                auc = column("ctr", "auc")
                mean = statistics.fmean
                spread = statistics.stdev(auc) if len(auc) > 1 else 0
                cpu = epochs = ""
                if row_model == model:
                    cpu = f"{mean(float(r['train']['CPU seconds']) for r in results):.1f}"
                    epochs = "/".join(str(r["train"]["best epoch"]) for r in results)
                print(f"| {name} | {row_model} | {len(results)} | {mean(auc):.4f} ({spread:.4f}) | "
                      f"{mean(column('ctr', 'acc')):.4f} | "
                      f"{mean(column('ctr', 'auc_with_dropped')):.4f} | "
                      f"{mean(column('ranking', 'recall@20')):.4f} | "
                      f"{mean(column('ranking', 'ndcg@20')):.4f} | {epochs} | {cpu} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--undula", type=Path, default=ROOT / "build/release/bin/undula")
    parser.add_argument("--out", type=Path, required=True, help="folder of the result files")
    parser.add_argument("--set", choices=["small", "all"], default="small",
                        help="small: without movielens-1m")
    parser.add_argument("--data", action="append", choices=list(DATA), help="only these data")
    parser.add_argument("--model", action="append", choices=list(MODELS), help="only these models")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--table", action="store_true", help="print the table of what is there")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    if not args.table:
        for name in args.data or [n for n, d in DATA.items() if args.set in ("all", d["set"])]:
            for model in filter(lambda m: has(m, name), args.model or MODELS):
                for seed in SEEDS:
                    file = args.out / f"{name}.{model}.{seed}.json"
                    if file.exists():
                        continue
                    result = train_and_evaluate(args.undula, args.out, name, model, seed,
                                                args.threads)
                    write(file, result)
                    auc = [r["auc"] for r in result["ctr"]][0]
                    print(f"{name} {model} seed {seed}: test AUC {auc:.4f}", file=sys.stderr)
            for pair in PAIRS if name in ONLY["kgcn"] and not args.model else ():
                for seed in SEEDS:
                    file = args.out / f"{name}.{'-'.join(pair)}.{seed}.json"
                    if not file.exists():
                        write(file, compare(args.undula, args.out, name, pair, seed, args.threads))
    table(args.out)
    pairs_table(args.out)


if __name__ == "__main__":
    main()
