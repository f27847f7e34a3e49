#!/usr/bin/env python3
"""What a pattern as a filter costs beside scoring the same users (ml-100k), in one run.

  filter_cost.py --shared ../shared --program build/nocuda/bin/undula --bench build/nocuda/bench/query_bench \\
      --folder /tmp/filter

Makes FOLDER/ml.undula once: the graph of ml-100k with years, 943 users, links, and small models (one epoch: speed
does not depend on it). The filter is that of queries/sparql.md, section 7: films after 1990 of directors of whom the
user has seen two, not seen yet. Prints a Markdown table: CPU microseconds a user of the filter alone (whole batches,
everything that is prepared once included), of scoring and ranking (`cpu_seconds` of `undula score` without filter),
and their ratio; medians of --rounds alternating rounds.
"""
import argparse
import json
import lzma
import os
import statistics
import subprocess

BASE = "http://ml.example/"
FILTER = f"""PREFIX f: <{BASE}>
SELECT DISTINCT ?item {{
  {{ SELECT ?d {{ $user u:interacted/u:link/f:film.film.directed_by ?d }} GROUP BY ?d HAVING (COUNT(*) >= 2) }}
  ?e f:film.film.directed_by ?d ; f:year ?y . ?item u:link ?e
  FILTER (?y > 1990) FILTER NOT EXISTS {{ $user u:interacted ?item }} }}
"""
MODELS = {
    "bpr_mf": [],
    "kgcn H=1 d 16": ["kgcn", "hops=1", "dim=16"],
    "kgcn H=2 d 16": ["kgcn", "hops=2", "dim=16"],
    "ripplenet d 16": ["ripplenet", "dim=16"],
    # As wide as the searches of ranking_quality.py may choose.
    "bpr_mf d 128": ["bpr_mf", "dim=128"],
    "ripplenet d 32, memory 32": ["ripplenet", "dim=32", "hops=2", "memory=32"],
    "ripplenet d 64, memory 32": ["ripplenet", "dim=64", "hops=2", "memory=32"],
}


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def make(args, database):
    source = os.path.join(args.shared, "data", "movielens-100k-kg")
    with open(os.path.join(source, "ml-100k.link"), encoding="utf-8") as f:
        links = dict(line.rstrip("\n").split("\t") for line in list(f)[1:])
    path = lambda name: os.path.join(args.folder, name)
    for name in ("ml-100k.inter", "ml-100k.item"):
        with lzma.open(os.path.join(source, name + ".xz"), "rb") as f, open(path(name), "wb") as out:
            out.write(f.read())
    with lzma.open(os.path.join(source, "ml-100k.kg.xz"), "rt") as f, open(path("graph.nt"), "w") as out:
        for line in list(f)[1:]:
            h, r, t = line.rstrip("\n").split("\t")
            out.write(f"<{BASE}{h}> <{BASE}{r}> <{BASE}{t}> .\n")
        with open(path("ml-100k.item"), encoding="utf-8") as items:
            for line in list(items)[1:]:
                item, _, year = line.split("\t")[:3]
                if item in links and year.isdigit():
                    out.write(f"<{BASE}{links[item]}> <{BASE}year> \"{year}\"^^"
                              "<http://www.w3.org/2001/XMLSchema#integer> .\n")
    with open(path("ml-100k.link"), "w") as out:
        out.write("item_id:token\tentity_id:token\n")
        for item, entity in links.items():
            out.write(f"{item}\t{BASE}{entity}\n")
    run(args.program, "import", database, path("graph.nt"), path("ml-100k.inter"), path("ml-100k.item"),
        path("ml-100k.link"))


def train(args, database):
    for model, (name, *options) in models():
        marker = os.path.join(args.folder, stored_as(model) + ".trained")
        if os.path.exists(marker):
            continue
        options = [f"--model.{o}" for o in options]
        run(args.program, "train", database, "--model", name, "--name", stored_as(model),
            "--epochs", "1", "--device", "cpu", "--threads", "1", *options)
        open(marker, "w", encoding="utf-8").close()


def models():
    return [(model, parts or [model]) for model, parts in MODELS.items()]


def stored_as(model):
    return model.replace(" ", "-").replace("=", "").replace(",", "")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("shared", "program", "bench", "folder"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    os.makedirs(args.folder, exist_ok=True)
    database = os.path.join(args.folder, "ml.undula")
    if not os.path.exists(database):
        make(args, database)
    train(args, database)
    pattern = os.path.join(args.folder, "filter.rq")
    with open(pattern, "w", encoding="utf-8") as f:
        f.write(FILTER)
    filters, scores = [], {model: [] for model in MODELS}
    for _ in range(args.rounds):
        cost = json.loads(run(args.bench, database, pattern, "0.5", "filter"))
        filters.append(cost["median_us"])
        for model, _ in models():
            report = json.loads(run(
                args.program, "score", database, "--model", stored_as(model), "-k", "10", "--threads", "1",
                "--format", "json", "--fresh", "--quiet", "-o", os.path.join(args.folder, "top.tsv")))
            report = report[0] if isinstance(report, list) else report
            scores[model].append(float(report["cpu_seconds"]) / cost["users"] * 1e6)
    cost_us = statistics.median(filters)
    print(f"{cost['users']} users, {cost['items']} items left in all")
    print("| model | filter, us a user | scoring and ranking, us a user | filter / scoring |")
    print("|---|---:|---:|---:|")
    for model, values in scores.items():
        us = statistics.median(values)
        print(f"| {model} | {cost_us:.2f} | {us:.1f} | {100 * cost_us / us:.1f} % |")


if __name__ == "__main__":
    main()
