#!/usr/bin/env python3
"""Full-ranking quality on real data: options by one budget on validation, then Recall@20 and NDCG@20 on test.

    bench/ranking_quality.py --undula build/release/bin/undula --out build/ranking [--set small|all]
    bench/ranking_quality.py --out build/ranking --table       # only print the table of what is there

Protocol (that of RecBole: 8:1:1 by user at random, full ranking): every interaction that counts is a
positive (DATA says which); of each user's positives a tenth is test, a tenth validation, the rest training;
all items of the data are ranked but those the user has in training and validation. Only items that are
linked to the graph take part.

Per (data, model) one search, `undula tune` with the ranges of RANGES and one BUDGET, on the split of the first
seed, by NDCG@20 on validation; its test part is cut off before the first trial. kg_off is KGCN without
messages; its search and that of KGNN-LS have the best options of KGCN as one more candidate. Data marked
"large" have the budget, the ranges and the extra candidates of LARGE. Then each seed cuts anew, trains with
these options, keeps the epoch that is best on validation and reads the test part once. What the graph adds is
the difference to kg_off, paired over users, with its bootstrap interval (the mean of the seeds' bounds). One
file per search and per (data, model, seed), so a killed run goes on where it stopped; missing rows say "not run".
"""
import argparse
import json
import lzma
import statistics
import sys
from pathlib import Path

import quality

SEEDS = [1, 2, 3]
BUDGET = {"trials": 6, "epochs": 45, "eta": 3}  # 6 settings 5 epochs, 2 of them 15, 1 of them 45
TRAIN = {"metric": "ndcg", "metric-k": 20, "eval-every": 5}
LONGEST = {"epochs": 100, "patience": 3}  # of the trainings of the table
# Data that are "large": a third less to choose from in epochs, eight rows to a step, slower rates (they overfit early).
LARGE = {
    "budget": {"trials": 6, "epochs": 27, "eta": 3},  # 6 settings 3 epochs, 2 of them 9, 1 of them 27
    "train": {"metric": "ndcg", "metric-k": 20, "eval-every": 3},
    "longest": {"epochs": 60, "patience": 3},
    "ranges": {"chunk = 1\n": "chunk = 8\n", "chunk = [1, 8]\n": "chunk = [8, 32]\n",
               "min = 2e-3, max = 2e-2": "min = 5e-4, max = 2e-2"},
    # One more candidate each: the program's defaults but for these.
    "plain": {
        "bpr_mf": {"chunk": 8}, "kg_off": {"fresh-negatives": 1, "chunk": 8, "l2-weight": 1e-5, "kg": "false"},
        "kgcn": {"fresh-negatives": 1, "chunk": 8, "l2-weight": 1e-5},
        "kgnn_ls": {"fresh-negatives": 1, "chunk": 8, "l2-weight": 1e-5},
        "ripplenet": {"fresh-negatives": 1, "chunk": 32},
    },
}

DATA = {
    "lastfm": {
        "log": ("lastfm-kgcn/ratings_final.txt.xz", "labels"), "link": "identity",
        "imports": [("lastfm-kgcn/kg_final.txt.xz", "kg-final")],
    },
    "ml-100k": {  # every rating of a linked film, as the peers
        "log": ("movielens-100k-kg/ml-100k.inter.xz", "ratings"),
        "linked": ("movielens-100k-kg/ml-100k.link", 0),
        "imports": [("movielens-100k-kg/ml-100k.kg.xz", "recbole-kg"),
                    ("movielens-100k-kg/ml-100k.link", "recbole-link")],
    },
    "dbbook2014": {
        "log": ("dbbook2014", "lists"), "link": "identity",
        "imports": [("dbbook2014/kg_final.txt.xz", "kg-final")],
    },
    "book-crossing-ripplenet": {
        "log": ("book-crossing/ripplenet/ratings_final.txt.xz", "labels"), "link": "identity",
        "imports": [("book-crossing/ripplenet/kg_final.txt.xz", "kg-final")],
        "seeds": 1, "large": True,
    },
    "book-crossing-mkr": {
        "log": ("book-crossing/mkr/ratings_final.txt.xz", "labels"), "link": "identity",
        "imports": [("book-crossing/mkr/kg_final.txt.xz", "kg-final")],
        "seeds": 1, "large": True,
    },
    "movielens-1m-mkr": {  # likes (ratings of 4 and 5)
        "log": ("movielens-1m/interactions.tsv.xz", "likes"),
        "linked": ("movielens-1m/mkr/item_index2entity_id.txt", 0),
        "imports": [("movielens-1m/mkr/kg_final.txt.xz", "kg-final"),
                    ("movielens-1m/mkr/item_index2entity_id.txt", "item-index2entity-id")],
        "set": "all", "seeds": 1, "large": True,
    },
    "movielens-1m-dbpedia": {
        "log": ("movielens-1m/interactions.tsv.xz", "likes"),
        "linked": ("movielens-1m/dbpedia-kg/i2kg_map.txt.xz", 1),
        "imports": [("movielens-1m/dbpedia-kg/kg_final.txt.xz", "pearlm-kg"),
                    ("movielens-1m/dbpedia-kg/i2kg_map.txt.xz", "pearlm-links")],
        "set": "all", "seeds": 1, "large": True,
    },
}

KGCN = """dim = [64, 32]
hops = [1, 2]
neighbors = [8, 4]
aggregator = ["sum", "concat"]
score_scale = ["dim", "one"]
message_scale = ["neighbors", "one"]
learning_rate = { min = 2e-3, max = 2e-2, log = true }
l2_weight = { min = 1e-6, max = 1e-4, log = true }
fresh_negatives = 1
chunk = 1
"""
# (family of the program, ranges)
RANGES = {
    "bpr_mf": ("bpr_mf", """dim = [64, 128]
learning_rate = { min = 2e-3, max = 2e-2, log = true }
l2 = { min = 1e-3, max = 1e-1, log = true }
init_scale = [0.01, 0.1]
chunk = 1
"""),
    "kg_off": ("kgcn", """kg = false
dim = [64, 32]
learning_rate = { min = 2e-3, max = 2e-2, log = true }
l2_weight = { min = 1e-6, max = 1e-4, log = true }
fresh_negatives = 1
chunk = 1
"""),
    "kgcn": ("kgcn", KGCN),
    "kgnn_ls": ("kgnn_ls", KGCN.replace("hops = [1, 2]", "hops = [2, 1]") + """ls_weight = [0.1, 0.5, 1]
ls_prob = [false, true]
"""),
    "ripplenet": ("ripplenet", """dim = [32, 64]
hops = [1, 2]
memory = [32, 16]
scoring = ["paper", "code"]
item_update = ["plus_transform", "replace"]
learning_rate = { min = 2e-3, max = 2e-2, log = true }
l2_weight = { min = 1e-8, max = 1e-6, log = true }
inverse_edges = [false, true]
fresh_negatives = 1
chunk = [1, 8]
"""),
}
SMALL = {"budget": BUDGET, "train": TRAIN, "longest": LONGEST, "ranges": {}, "plain": {}}
MODELS = ["most_popular", *RANGES]
OF_GRAPH = ["kgcn", "kgnn_ls", "ripplenet"]
# The best options of KGCN are candidates for its control and its extension, too: a difference to KGCN shall
# not be the luck of a draw.
BORROWS = {"kg_off": "kgcn", "kgnn_ls": "kgcn"}
PEERS = {  # PEERS.md: RecBole's Recall@20, NDCG@20
    ("lastfm", "kgcn"): (.2234, .0976), ("lastfm", "kgnn_ls"): (.2234, .0976),
    ("lastfm", "ripplenet"): (.1942, .0777), ("ml-100k", "ripplenet"): (.2075, .1730),
    ("ml-100k", "kgcn"): (.1710, .1497), ("ml-100k", "kgnn_ls"): (.1710, .1497),
}


def lines(name):
    path = quality.SHARED / "data" / name
    with lzma.open(path, "rt") if path.suffix == ".xz" else open(path) as file:
        return [line.split() for line in file]


def positives(data):
    """(user, item, time) of every interaction that counts, in the order of the files."""
    name, kind = data["log"]
    if kind == "lists":
        rows = [(row[0], item, 0) for part in ("train", "test") for row in lines(f"{name}/{part}.txt.xz")
                for item in row[1:]]
    elif kind == "labels":
        rows = [(u, i, 0) for u, i, label in lines(name) if label == "1"]
    elif kind == "likes":
        rows = [(r[0], r[1], 0) for r in lines(name)[1:] if r[2] == "1"]
    else:
        rows = [(r[0], r[1], 0) for r in lines(name)[1:]]
    if "linked" in data:
        file, column = data["linked"]
        linked = {row[column] for row in lines(file) if row}
        rows = [row for row in rows if row[1] in linked]
    return rows


def database(args, name):
    data, path = DATA[name], args.out / f"{name}.undula"
    done = args.out / f"{name}.imported"
    if done.exists():
        return path
    for leftover in (path, Path(f"{path}-lock")):
        leftover.unlink(missing_ok=True)
    log = args.out / f"{name}.interactions.csv"
    with open(log, "w") as file:
        file.write("user,item,weight\n")
        file.writelines(f"{u},{i},1\n" for u, i, _ in positives(data))
    for file, fmt in data["imports"]:
        quality.run([args.undula, "import", path, quality.SHARED / "data" / file, "--format", fmt, "--quiet"])
    quality.run([args.undula, "import", path, log, "--format", "csv", "--quiet"])
    if data.get("link"):
        quality.run([args.undula, "link", path, "--method", data["link"], "--show", 0, "--quiet"])
    done.touch()
    return path


def toml(options):
    """Lines of a TOML section."""
    def text(value):
        return f'"{value}"' if isinstance(value, str) and value not in ("true", "false") else value
    return "".join(f"{key.replace('-', '_')} = {text(value)}\n" for key, value in options.items())


def plan(name):
    """Budget, evaluation and length of the trainings of a data set."""
    return LARGE if DATA[name].get("large") else SMALL


def split_options(seed):
    return {"protocol": "user", "negatives": "sampled", "linked-items-only": "true", "seed": 2000 + seed}


def tune(args, name, model):
    """The best of a search as {"setting": flags, "value": on validation}; it goes on where it stopped."""
    family, ranges = RANGES[model]
    file = args.out / f"{name}.{model}.search.json"
    if not file.exists():
        text = "".join(f"[{section}]\n{toml(options)}" for section, options in (
            ("tune", plan(name)["budget"]), ("split", split_options(SEEDS[0])), ("train", plan(name)["train"])))
        for small, large in plan(name)["ranges"].items():
            ranges = ranges.replace(small, large)
        ranges_file = args.out / f"{name}.{model}.ranges.toml"
        ranges_file.write_text(f"{text}[{family}]\n{ranges}")
        rows = quality.run([args.undula, "tune", database(args, name), "--ranges", ranges_file, "--out",
                            args.out / f"{name}.{model}.search", "--threads", args.threads, "--format", "json",
                            "--quiet"])
        quality.write(file, [json.loads(row) for row in rows.splitlines()])
    best = json.loads(file.read_text())[0]
    setting = dict(option.split("=") for option in best["setting"].split())
    return {"setting": {key.replace("_", "-"): value for key, value in setting.items()}, "value": best["value"]}


def candidate(args, name, model, kind, setting):
    """A setting that no search drew, trained and rated as the last one of a search."""
    file = args.out / f"{name}.{model}.{kind}.json"
    if not file.exists():
        once = {**setting, **plan(name)["train"], "epochs": plan(name)["budget"]["epochs"]}
        facts = train(args, name, model, SEEDS[0], once, f"{model}-{kind}")
        quality.run([args.undula, "models", database(args, name), "--remove", f"{model}-{kind}"])
        quality.write(file, {"setting": setting, "value": float(facts["best"].split(" = ")[1])})
    return json.loads(file.read_text())


def options_of(args, name, model):
    """The best options on validation: of the search, the plain ones or, for BORROWS, the other model's."""
    found = [tune(args, name, model)]
    if model in plan(name)["plain"]:
        found.append(candidate(args, name, model, "plain", plan(name)["plain"][model]))
    if model in BORROWS:
        other = options_of(args, name, BORROWS[model])["setting"]
        found.append(candidate(args, name, model, "borrowed",
                               {**other, **({"kg": "false"} if model == "kg_off" else {})}))
    return max(found, key=lambda option: option["value"])


def train(args, name, model, seed, options, stored):
    """Trains and stores; what the program says of it."""
    family = RANGES[model][0] if model in RANGES else model
    split = {f"split.{key}": value for key, value in split_options(seed).items()}
    rows = quality.run([args.undula, "train", database(args, name), "--model", family, "--name", stored,
                        "--device", "cpu", "--threads", args.threads, "--quiet", "--fresh", "--format", "json",
                        f"--train.seed={seed}"] + quality.flags({**split, **options}))
    return dict((row["what"], row["value"]) for row in map(json.loads, rows.splitlines()))


def one(args, name, model, seed):
    file = args.out / f"{name}.{model}.{seed}.json"
    if file.exists():
        return
    path, stored = database(args, name), f"{model}-{seed}"
    options = {}
    if model != "most_popular":
        options = {**options_of(args, name, model)["setting"], **plan(name)["train"], **plan(name)["longest"]}
    facts = train(args, name, model, seed, options, stored)
    evaluate = [args.undula, "evaluate", path, "--model", stored, "--at", 20, "--intervals", "--no-baselines",
                "--format", "json", "--quiet"]
    if model in OF_GRAPH:
        one(args, name, "kg_off", seed)
        evaluate += ["--against", f"kg_off-{seed}"]
    rows = [json.loads(row) for row in quality.run(evaluate).splitlines()]
    result = {"data": name, "model": model, "seed": seed, "train": facts, "users": rows[0]["users"]}
    for metric in ("recall@20", "ndcg@20"):
        result[metric] = quality.interval(rows[0][metric])
        if model in OF_GRAPH:
            result[f"{metric} - kg_off"] = quality.interval(rows[-1][metric])
    if model != "kg_off":
        quality.run([args.undula, "models", path, "--remove", stored])
    quality.write(file, result)
    print(f"{name} {model} seed {seed}: Recall@20 {result['recall@20'][0]:.4f}, NDCG@20 "
          f"{result['ndcg@20'][0]:.4f}, CPU {facts.get('CPU seconds', '0')} s", file=sys.stderr, flush=True)


def difference(results, metric):
    """'+.0123 [.0010, .0230]' and what it says of the graph."""
    value, low, high = (statistics.fmean(r[f"{metric} - kg_off"][i] for r in results) for i in range(3))
    verdict = "adds" if low > 0 else "harms" if high < 0 else "adds nothing"
    return f"{value:+.4f} [{low:+.4f}, {high:+.4f}]", verdict


def table(out, names):
    print("| data | model | seeds | Recall@20 (sd) | NDCG@20 (sd) | peer: Recall@20 / NDCG@20 | Recall@20 - KG off | "
          "NDCG@20 - KG off | the graph | best epochs | train CPU s |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for name in names:
        for model in MODELS:
            files = [out / f"{name}.{model}.{seed}.json" for seed in SEEDS]
            results = [json.loads(file.read_text()) for file in files if file.exists()]
            if not results:
                print(f"| {name} | {model} | not run | | | | | | | | |")
                continue
            cells = [name, model, str(len(results))]
            for metric in ("recall@20", "ndcg@20"):
                values = [r[metric][0] for r in results]
                spread = f" ({statistics.stdev(values):.4f})" if len(values) > 1 else ""
                cells.append(f"{statistics.fmean(values):.4f}{spread}")
            peer = PEERS.get((name, model))
            cells.append(f"{peer[0]:.4f} / {peer[1]:.4f}" if peer else "")
            if model in OF_GRAPH:
                recall, _ = difference(results, "recall@20")
                ndcg, verdict = difference(results, "ndcg@20")
                cells += [recall, ndcg, verdict]
            else:
                cells += ["", "", ""]
            if model == "most_popular":
                cells += ["", ""]
            else:
                cells.append("/".join(str(r["train"]["best epoch"]) for r in results))
                cells.append(f"{statistics.fmean(float(r['train']['CPU seconds']) for r in results):.1f}")
            print("| " + " | ".join(cells) + " |")
    print("\n| data | model | settings | validation NDCG@20 of the best | options |")
    print("|---|---|---|---|---|")
    for name in names:
        for model in RANGES:
            searched, *others = (out / f"{name}.{model}.{kind}.json" for kind in ("search", "plain", "borrowed"))
            if not searched.exists():
                print(f"| {name} | {model} | not run | | |")
                continue
            rows = json.loads(searched.read_text())
            value, setting, tried = rows[0]["value"], rows[0]["setting"], len(rows)
            for file in filter(Path.exists, others):
                other, tried = json.loads(file.read_text()), tried + 1
                if other["value"] > value:
                    value = other["value"]
                    setting = ("of KGCN: " if "borrowed" in file.name else "plain: ") + " ".join(
                        f"{key}={v}" for key, v in other["setting"].items())
            print(f"| {name} | {model} | {tried} | {value:.4f} | {setting} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--undula", type=Path, default=quality.ROOT / "build/release/bin/undula")
    parser.add_argument("--out", type=Path, required=True, help="folder of databases and results")
    parser.add_argument("--set", choices=["small", "all"], default="small", help="small: without movielens-1m")
    parser.add_argument("--data", action="append", choices=list(DATA), help="only these data")
    parser.add_argument("--model", action="append", choices=MODELS, help="only these models")
    parser.add_argument("--seeds", type=int, default=len(SEEDS), help="at most; some data have fewer")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--table", action="store_true", help="print the table of what is there")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    names = args.data or list(DATA)
    if not args.table:
        for name in args.data or [n for n in DATA if args.set in ("all", DATA[n].get("set", "small"))]:
            for seed in SEEDS[:min(args.seeds, DATA[name].get("seeds", len(SEEDS)))]:
                for model in args.model or MODELS:
                    one(args, name, model, seed)
    table(args.out, names)


if __name__ == "__main__":
    main()
