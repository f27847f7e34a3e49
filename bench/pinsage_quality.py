#!/usr/bin/env python3
"""Full-ranking quality of PinSAGE and GraphSAGE on public splits: Recall@20 and NDCG@20 on test.

    bench/pinsage_quality.py --bench build/nocuda/bench/pinsage_bench --out build/pinsage [--set small|all]
    bench/pinsage_quality.py --out build/pinsage --table        # only print the table of what is there

Gowalla and Amazon-CDs: the published train and test files. Last.FM and MovieLens-1M (likes): a fifth of each
user's positives is test, by a fixed draw. Every model has the same number of candidate settings (CANDIDATES);
each is trained with a tenth of the training positives held back, and the one with the best NDCG@20 there is
trained once more on all of them, for the epochs that were best, and reads the test part. One file per
training, so a killed run goes on where it stopped; missing rows say "not run".
"""
import argparse
import json
import lzma
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("UNDULA_SHARED") or ROOT.parent / "shared") / "data"

DATA = {  # name: (kind, source, epochs of a candidate, set)
    "lastfm": ("labels", "lastfm-kgcn/ratings_final.txt.xz", 12, "small"),
    "movielens-1m": ("likes", "movielens-1m/interactions.tsv.xz", 6, "all"),
    "gowalla": ("lists", "bipartite/gowalla", 6, "all"),
    "amazon-cds": ("lists", "bipartite/amazon-cds", 6, "all"),
}

PINSAGE = {"batch_size": 512, "dim": 64, "hidden": 64, "neighbors": 10, "layers": 1, "learning_rate": 0.01}
PAPER = {"query": "item", "loss": "margin", "head": "true", "residual": "false"}
COSINE = {"head": "false", "residual": "true", "normalize": "true", "loss": "softmax", "temperature": 0.1}
CANDIDATES = {
    "most_popular": [{}],
    "item_knn": [{"neighbors": 100}, {"neighbors": 100, "shrink": 10}, {"neighbors": 400, "shrink": 10}],
    "bpr_mf": [{"batch_size": 512, "dim": 64, "learning_rate": r, "l2": l}
               for r, l in ((0.005, 0.01), (0.005, 0.03), (0.002, 0.01))],
    "pinsage": [{**PINSAGE, **PAPER}, {**PINSAGE, **COSINE},
                {**PINSAGE, "head": "false", "residual": "true", "loss": "bpr"}],
    "graphsage": [{"batch_size": 512, "dim": 64, "hidden": 64, "layers": 1, "loss": loss,
                   "learning_rate": 0.01, **more}
                  for loss, more in (("logistic", {}), ("softmax", {"temperature": 0.1}), ("margin", {}))],
}


def unpack(name, out):
    """(train file, test file or "-")"""
    kind, source, _, _ = DATA[name]
    if kind == "lists":
        files = []
        for part in ("train", "test"):
            to = out / f"{name}.{part}.txt"
            if not to.exists():
                to.write_bytes(lzma.open(SHARED / source / f"{part}.txt.xz").read())
            files.append(str(to))
        return files
    to = out / f"{name}.txt"
    if not to.exists():
        rows = lzma.open(SHARED / source, "rt").read().splitlines()
        if kind == "likes":
            cells = (row.split("\t") for row in rows[1:])
            rows = [f"{int(c[0]) - 1}\t{int(c[1]) - 1}\t1" for c in cells if c[2] == "1"]
        to.write_text("\n".join(rows) + "\n")
    return [str(to), "-"]


def run(args, name, model, options, label):
    """The result of one training, from its file if it is there."""
    file = args.out / f"{name}.{model}.{label}.json"
    if file.exists():
        return json.loads(file.read_text())
    if args.table:
        return None
    command = [str(args.bench), *unpack(name, args.out), model, *(f"{k}={v}" for k, v in options.items())]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: {done.stderr.strip().splitlines()[-1]}")
    result = json.loads(done.stdout)
    result["options"] = options
    part = file.with_suffix(".part")
    part.write_text(json.dumps(result))
    part.rename(file)
    print(file.name, done.stdout.strip(), flush=True)
    return result


def row(args, name, model):
    epochs = DATA[name][2]
    gradient = model not in ("most_popular", "item_knn")
    candidates = CANDIDATES[model]
    tried = []
    for i, options in enumerate(candidates):
        if len(candidates) == 1:
            break
        more = {"epochs": epochs, "eval_every": max(1, epochs // 6)} if gradient else {}
        result = run(args, name, model, {**options, **more}, f"candidate{i}")
        if result is None:
            return None
        tried.append((result["valid_ndcg@20"], -i, result))
    best = max(tried)[2] if tried else {"options": candidates[0], "best_epoch": 1}
    options = {k: v for k, v in best["options"].items() if k not in ("epochs", "eval_every")}
    if gradient:
        options["epochs"] = best["best_epoch"]
    return run(args, name, model, {**options, "final": 1}, "final")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--bench", type=Path, default=ROOT / "build/nocuda/bench/pinsage_bench")
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--set", choices=["small", "all"], default="small")
    p.add_argument("--data", nargs="*", default=[], help="only these")
    p.add_argument("--models", nargs="*", default=list(CANDIDATES))
    p.add_argument("--table", action="store_true")
    args = p.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    print("| data | model | Recall@20 | NDCG@20 | epochs | core-seconds |\n|---|---|---|---|---|---|", flush=True)
    for name, (_, _, _, which) in DATA.items():
        if (args.data and name not in args.data) or (not args.data and args.set == "small" and which == "all"):
            continue
        for model in args.models:
            r = row(args, name, model)
            print(f"| {name} | {model} | not run | | | |" if r is None else
                  f"| {name} | {model} | {r['recall@20']:.4f} | {r['ndcg@20']:.4f} | {r['epochs']} | "
                  f"{r['core_s']:.0f} |", flush=True)


if __name__ == "__main__":
    main()
