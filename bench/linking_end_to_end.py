#!/usr/bin/env python3
"""Recommendation with our links beside the gold links: MovieLens-1M titles, dbpedia-ml1m, KGNN-LS.

    bench/linking_end_to_end.py --undula build/release/bin/undula --out build/linking-e2e [--seeds 3]

Two databases of the same graph, catalogue and interactions: links by `undula link run` (the weights that are
shipped) and the gold links of shared/data/linking; "kg off" is KGCN without messages. Click-through protocol over likes (60/20/20), all
items, the epoch chosen on validation; options are those found for dbbook2014 (docs/benchmarks.md) at
a higher learning rate, none searched for here. One file per (links, seed): a killed run goes on where it stopped.
"""
import argparse
import json
import statistics
from pathlib import Path

import quality

LINKS = ["ranker", "gold", "kg off"]
OPTIONS = {"aggregator": "sum", "chunk": 1, "dim": 32, "fresh-negatives": 1, "hops": 1, "l2-weight": 2e-6,
           "learning-rate": .005, "batch-size": 1024, "message-scale": "one", "neighbors": 4,
           "score-scale": "one", "epochs": 10, "patience": 2, "metric": "auc", "split.protocol": "ctr",
           "split.positive-threshold": 1, "split.negatives": "sampled"}


def database(args, links):
    links = "gold" if links == "kg off" else links
    path, done = args.out / f"{links}.undula", args.out / f"{links}.imported"
    if done.exists():
        return path
    for leftover in (path, Path(f"{path}-lock")):
        leftover.unlink(missing_ok=True)
    data = quality.SHARED / "data"
    for file, fmt in [("dbpedia-ml1m/dbpedia.nt.xz", "ntriples"),
                      ("movielens-1m/movies.dat.xz", "movielens-movies"),
                      ("movielens-1m/interactions.tsv.xz", "movielens-1m-likes")]:
        quality.run([args.undula, "import", path, data / file, "--format", fmt, "--on-error", "skip", "--quiet"])
    if links == "ranker":
        quality.run([args.undula, "link", "run", path, "--quiet"])
    if links == "gold":
        quality.run([args.undula, "import", path, data / "linking/MappingMovielens2DBpedia-1.2.tsv.xz",
                     "--format", "dbpedia-mapping", "--quiet"])
    done.touch()
    return path


def measure(args, links, seed):
    path = database(args, links)
    stored = f"kgnn_ls-{seed}"
    options = {**OPTIONS, "split.seed": 554 + seed}
    model = "kg_off" if links == "kg off" else "kgnn_ls"
    if links == "kg off":
        options["kg"] = "false"
    facts = quality.train(args.undula, path, model, stored, options, seed, 1)
    result = {"links": links, "seed": seed, "train": facts}
    stats = quality.run([args.undula, "stats", path, "--format", "json"])
    result["stats"] = {row["what"]: row["count"] for row in map(json.loads, stats.splitlines()) if "what" in row}
    for protocol in ("ctr", "ranking"):
        rows = quality.run([args.undula, "evaluate", path, "--model", stored, "--protocol", protocol, "--at", "20",
                            "--no-baselines", "--format", "json", "--quiet"])
        result[protocol] = json.loads(rows.splitlines()[0])
    quality.run([args.undula, "models", path, "--remove", stored])
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--undula", type=Path, default=Path("build/release/bin/undula"))
    parser.add_argument("--out", type=Path, default=Path("build/linking-e2e"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--table", action="store_true", help="only print the table of what is there")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for seed in range(1, args.seeds + 1):
        for links in [] if args.table else LINKS:
            file = args.out / f"{links.replace(' ', '-')}.{seed}.json"
            if not file.exists():
                quality.write(file, measure(args, links, seed))
                print(file.name, flush=True)
    print("| links | items linked | seeds | AUC (sd) | Recall@20 | NDCG@20 | epochs |")
    print("|---|---:|---:|---:|---:|---:|---|")
    for links in LINKS:
        rows = [json.loads(f.read_text()) for f in sorted(args.out.glob(f"{links.replace(' ', '-')}.*.json"))]
        if not rows:
            print(f"| {links} | not run | | | | | |")
            continue
        auc = [r["ctr"]["auc"] for r in rows]
        spread = f" ({statistics.stdev(auc):.4f})" if len(auc) > 1 else ""
        recall, ndcg = (statistics.fmean(r["ranking"][m] for r in rows) for m in ("recall@20", "ndcg@20"))
        print(f"| {links} | {rows[0]['stats'].get('items linked', '')} | {len(rows)} | "
              f"{statistics.fmean(auc):.4f}{spread} | {recall:.4f} | {ndcg:.4f} | "
              f"{'/'.join(str(r['train']['best epoch']) for r in rows)} |")


if __name__ == "__main__":
    main()
