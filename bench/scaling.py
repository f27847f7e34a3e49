#!/usr/bin/env python3
"""Time per training row and per scored pair, and peak memory, as users, items and triples grow.

    bench/scaling.py --bench build/release/bench/ripple_bench --out build/scaling.jsonl [--set small|all]
    bench/scaling.py --out build/scaling.jsonl --table

Planted data (ctr_data.h): 10,000 users with 10 drawn positives each, 1,000 items, 10,000 entities with
them, 100,000 triples, each of users, items and triples (with the entities that are not items) 1, 10 and
100 times as many, together and one by one. A run trains `steps` steps of two epochs and scores all items
for some users, so that its length does not grow; it is kept in --out and not repeated. Memory is the
peak of the process above what the data themselves take, beside formula() below. One thread.
"""
import argparse
import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BASE = {"users": 10_000, "items": 1_000, "entities": 10_000, "triples": 100_000}
DIM, K, HOPS_RIPPLE, MEMORY = 16, 8, 2, 32
MODELS = {
    "ripplenet": {"model": "ripplenet", "hops": HOPS_RIPPLE, "memory": MEMORY, "batch": 1024, "chunk": 32},
    "kgcn H=1": {"model": "kgcn", "hops": 1, "batch": 2048, "chunk": 1},
    "kgcn H=2": {"model": "kgcn", "hops": 2, "batch": 2048, "chunk": 1},
    "kgnn_ls H=1": {"model": "kgnn_ls", "hops": 1, "batch": 2048, "chunk": 1},
    "kgnn_ls H=2": {"model": "kgnn_ls", "hops": 2, "batch": 2048, "chunk": 1},
}


def sizes(users, items, triples):
    return {"users": BASE["users"] * users, "items": BASE["items"] * items,
            "entities": BASE["items"] * items + (BASE["entities"] - BASE["items"]) * triples,
            "triples": BASE["triples"] * triples}


def runs(which):
    growth = [(1, 1, 1), (10, 10, 10)]
    if which == "all":
        growth += [(100, 100, 100), (100, 1, 1), (1, 100, 1), (1, 1, 100)]
    return [(model, g) for g in growth for model in MODELS]


def run(bench, model, growth):
    planted = "planted:" + ",".join(f"{k}={v}" for k, v in sizes(*growth).items())
    planted += ",positives=10,item_share=.3,relations=20,topics=20"
    options = dict(MODELS[model], dim=DIM, epochs=2, steps=100, lr=0.01, valid=0, test=0, threads=1, score=1,
                   score_users=max(20, 2_000_000 // (BASE["items"] * growth[1])))
    if options["model"] != "ripplenet":
        options["neighbors"] = K
    out = subprocess.run([bench, planted] + [f"{k}={v}" for k, v in options.items()], check=True,
                         capture_output=True, text=True).stdout.strip().splitlines()
    result = json.loads(out[-1])
    words = out[0].split()
    if options["model"] == "ripplenet":  # of its own description
        result["merged"] = int(words[words.index("slots") - 1])
        result["distinct_triples"] = int(words[words.index("distinct") - 1])
    return dict(result, setting=model, growth=list(growth))


def formula(r):
    """Bytes of training and, with it, of scoring; docs/benchmarks.md, "Scaling", explains the terms."""
    s = sizes(*r["growth"])
    users, items, entities, n = s["users"], s["items"], s["entities"], r["train_rows"]
    process = 5 * 2**20
    data = 20 * n + 8 * users + 4 * items     # training rows; positives with weight and time
    batcher = 24 * n                          # rows by user, their order, chunks
    # The arena of the first step and the one that replaces it; small ones malloc makes of the first.
    step = (2 if r["step_mib"] > 14 else 1.2) * r["step_mib"] * 2**20
    if r["setting"] == "ripplenet":
        slots = users * HOPS_RIPPLE * MEMORY
        tables = 12 * DIM * entities
        kept = 8 * r["merged"] + 16 * r["distinct_triples"] + 8 * users * HOPS_RIPPLE
        drawn = 28 * slots                    # edges, triples, their sorted copy: gone after the build
        fixed = process + data + 4 * n + kept
        training = fixed + max(drawn, tables + batcher + step)
        scorer = 4 * DIM * (entities + r["distinct_triples"])  # vectors, keys of (relation, head)
        return training, max(training, fixed + tables + batcher + step + scorer)
    hops = MODELS[r["setting"]]["hops"]
    tables = 12 * DIM * (users + entities)    # values and two moments of lazy Adam
    sample = 17 * r["slots"] + 8 * entities   # relation, entity, count, direction, repeats
    index = 8 * entities + (16 * entities if hops > 1 else 0) + 4 * users
    labels = 0
    if r["setting"].startswith("kgnn_ls"):
        labels = 8 * n + 3 * n + 16 * users + 9 * entities + 16 * r["slots"]
    training = process + data + 12 * n + tables + sample + index + labels + batcher + step
    buckets = r["buckets"] if hops > 1 else r["item_buckets"]
    scorer = 4 * DIM * (users + 2 * entities) + 8 * entities + buckets * (8 + 4 * DIM)
    means = 4 * DIM * buckets                 # gone after the build
    # One user's vectors of the first layer, and messages and vectors of the items in the second.
    tile = 8 * DIM * (min(entities, items * (K + 1)) + items) if hops > 1 else 0
    return training, training + scorer + max(means, tile)


def table(results):
    print("| setting | users | items | triples | microseconds a row | ns a pair | training MiB | formula |"
          " with scoring MiB | formula |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for r in sorted(results, key=lambda r: (list(MODELS).index(r["setting"]), max(r["growth"]), r["growth"])):
        s = sizes(*r["growth"])
        training, scoring = (x / 2**20 for x in formula(r))
        print(f"| {r['setting']} | {s['users']:,} | {s['items']:,} | {s['triples']:,} |"
              f" {1e6 / r['rows_per_core_s_best']:.2f} | {1e9 / r['pairs_per_core_s']:.1f} |"
              f" {r['training_mib']:.0f} | {training:.0f} ({r['training_mib'] / training - 1:+.0%}) |"
              f" {r['scoring_mib']:.0f} | {scoring:.0f} ({r['scoring_mib'] / scoring - 1:+.0%}) |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, default=ROOT / "build/release/bench/ripple_bench")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--set", choices=["small", "all"], default="small")
    parser.add_argument("--table", action="store_true", help="only print what is there")
    args = parser.parse_args()
    lines = args.out.read_text().splitlines() if args.out.exists() else []
    results = [json.loads(line) for line in lines]
    done = {(r["setting"], tuple(r["growth"])) for r in results}
    for model, growth in [] if args.table else runs(args.set):
        if (model, growth) in done:
            continue
        results.append(run(args.bench, model, growth))
        with args.out.open("a") as out:
            out.write(json.dumps(results[-1]) + "\n")
    table(results)


if __name__ == "__main__":
    main()
