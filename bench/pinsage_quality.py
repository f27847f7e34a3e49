#!/usr/bin/env python3
"""Full-ranking quality of PinSAGE and GraphSAGE on public splits: Recall@20 and NDCG@20 on test.

    bench/pinsage_quality.py --bench build/nocuda/bench/pinsage_bench --out build/pinsage [--set small|all]
    bench/pinsage_quality.py --out build/pinsage --table        # only print the table of what is there
    bench/pinsage_quality.py --out build/pinsage --ablation     # the paper's ablations, on validation

Gowalla and Amazon-CDs: the published train and test files. Last.FM and MovieLens-1M (likes): a fifth of each
user's positives is test, by a fixed draw. Every model has the same number of candidate settings (CANDIDATES);
each is trained with a tenth of the training positives held back, and the one with the best NDCG@20 there is
trained once more on all of them, for the epochs that were best, and reads the test part. BPR-MF has four times the
epochs of the others, on the large sets thirteen times, about the same time. One file per training and a checkpoint after
every epoch, so a killed run goes on where it stopped; missing rows say "not run".
With --minutes the script stops itself before a training that may not end in time and says so.
"""
import argparse
import json
import lzma
import os
import re
import shutil
import subprocess
import sys
import time
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
LARGE = {"batch_size": 1024, "dim": 64, "hidden": 64, "neighbors": 20, "layers": 1, "learning_rate": 0.015,
         "profile": 8, "recent": 0}
PAPER = {"query": "item", "loss": "margin", "head": "true", "residual": "false"}
COSINE = {"head": "false", "residual": "true", "normalize": "true", "loss": "softmax", "temperature": 0.1,
          "in_batch": "true"}
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
# On the sets of "all" in place of the candidates above.
LARGE_CANDIDATES = {
    "bpr_mf": [{"batch_size": 512, "dim": d, "learning_rate": 0.002, "l2": l}
               for d, l in ((128, 0.003), (64, 0.003), (64, 0.01))],
    "pinsage": [{**LARGE, **COSINE}, {**LARGE, **COSINE, "temperature": 0.15}, {**LARGE, "loss": "bpr"}],
}
# The paper's table 1, in its order; the last three with the curriculum.
PAPER_MODEL = {**PINSAGE, **PAPER, "margin": 0.1}
ABLATIONS = {
    "max pooling": {**PAPER_MODEL, "pooling": "max"},
    "mean pooling": {**PAPER_MODEL, "pooling": "mean"},
    "mean pooling, cross-entropy": {**PAPER_MODEL, "pooling": "mean", "loss": "logistic"},
    "mean pooling, hard negatives": {**PAPER_MODEL, "pooling": "mean", "hard_negatives": 6},
    "LSTM pooling, hard negatives": {**PAPER_MODEL, "pooling": "lstm", "hard_negatives": 6},
    "importance pooling, hard negatives (PinSAGE)": {**PAPER_MODEL, "hard_negatives": 6},
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
    if args.until and time.time() > args.until:
        sys.exit("the minutes are over; run it again")
    checkpoints = file.with_suffix(".ckpt")
    checkpoints.mkdir(exist_ok=True)
    command = [str(args.bench), *unpack(name, args.out), model, f"checkpoints={checkpoints}",
               *(f"{k}={v}" for k, v in options.items())]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: {done.stderr.strip().splitlines()[-1]}")
    result = json.loads(done.stdout)
    result["options"] = options
    part = file.with_suffix(".part")
    part.write_text(json.dumps(result))
    part.rename(file)
    shutil.rmtree(checkpoints)
    print(file.name, done.stdout.strip(), flush=True)
    return result


def row(args, name, model):
    large = DATA[name][3] == "all"
    epochs = DATA[name][2] * ((13 if large else 4) if model == "bpr_mf" else 1)
    gradient = model not in ("most_popular", "item_knn")
    candidates = large and LARGE_CANDIDATES.get(model) or CANDIDATES[model]
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


def ablations(args, name):
    epochs = DATA[name][2]
    for label, options in ABLATIONS.items():
        file = "ablation." + re.sub("[^a-z]+", "_", label.lower()).strip("_")
        r = run(args, name, "pinsage", {**options, "epochs": epochs, "eval_every": max(1, epochs // 6)}, file)
        print(f"| {name} | {label} | not run | | |" if r is None else
              f"| {name} | {label} | {r['valid_ndcg@20']:.4f} | {r['best_epoch']} | {r['core_s']:.0f} |", flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--bench", type=Path, default=ROOT / "build/nocuda/bench/pinsage_bench")
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--set", choices=["small", "all"], default="small")
    p.add_argument("--data", nargs="*", default=[], help="only these")
    p.add_argument("--models", nargs="*", default=list(CANDIDATES))
    p.add_argument("--table", action="store_true")
    p.add_argument("--ablation", action="store_true")
    p.add_argument("--minutes", type=float, default=0, help="start no training after that; 0: no limit")
    args = p.parse_args()
    args.until = time.time() + 60 * args.minutes if args.minutes else 0
    args.out.mkdir(parents=True, exist_ok=True)
    if args.ablation:
        print("| data | pooling and loss | validation NDCG@20 | best epoch | core-seconds |\n|---|---|---:|---:|---:|")
    else:
        print("| data | model | Recall@20 | NDCG@20 | epochs | core-seconds |\n|---|---|---|---|---|---|", flush=True)
    for name, (_, _, _, which) in DATA.items():
        if (args.data and name not in args.data) or (not args.data and args.set == "small" and which == "all"):
            continue
        if args.ablation:
            ablations(args, name)
            continue
        for model in args.models:
            r = row(args, name, model)
            print(f"| {name} | {model} | not run | | | |" if r is None else
                  f"| {name} | {model} | {r['recall@20']:.4f} | {r['ndcg@20']:.4f} | {r['epochs']} | "
                  f"{r['core_s']:.0f} |", flush=True)


if __name__ == "__main__":
    main()
