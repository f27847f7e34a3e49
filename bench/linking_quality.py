#!/usr/bin/env python3
"""Precision and recall of the linker on the labelled catalogues of shared/data/linking.

    bench/linking_quality.py --undula build/release/bin/undula --out build/linking [--set small|all]
    bench/linking_quality.py --out build/linking --table      # only print the table of what is there

Candidates are the nodes of the graph (label: the last part of the IRI) and, in rows "all targets", every
gold target that the graph lacks, as an entity with a label and nothing else; in rows "graph only" the graph
as it is, and items whose target it lacks must stay unlinked. Weights are trained in 5 folds by item, the
threshold of each held-out fold comes from its own confidences. "other domain" rows use weights trained on the
other catalogue. "naive" is the baseline of shared/data/DATA.md: label without its bracket, case, accents and
punctuation folded, the title without its year and "Title, The" turned round, linked where exactly one entity
fits. "fixed" rows leave out the artists of tests/linking/artists_gold_errors.tsv.

One file per row, so a killed run goes on where it stopped; missing rows say "not run".
"""
import argparse
import json
import lzma
import os
import re
import subprocess
import unicodedata
from pathlib import Path
from urllib.parse import unquote

HERE = Path(__file__).resolve().parent
SHARED = Path(os.environ.get("UNDULA_SHARED", HERE.parent.parent / "shared"))
SKIP = HERE.parent / "tests/linking/artists_gold_errors.tsv"
LABEL = "<http://www.w3.org/2000/01/rdf-schema#label>"
DATA = {
    "movies": {"graph": "dbpedia-ml1m/dbpedia.nt.xz", "gold": "MappingMovielens2DBpedia-1.2.tsv",
               "catalogue": ("movielens-1m/movies.dat.xz", "movielens-movies"), "precision": .99},
    "artists": {"graph": "dbpedia-lastfm/dbpedia.nt.xz", "gold": "MappingLastfm2DBpedia-1.2.tsv",
                "catalogue": ("lastfm-hetrec/artists.dat.xz", "artists"), "precision": .98,
                "skip": True},
}
ROWS = [(d, u, how) for d in ("movies", "artists") for u in ("all targets", "graph only")
        for how in ("naive", "5 folds", "shipped weights", "other domain")]


def rows_of(path):
    with lzma.open(path, "rt", encoding="utf-8", errors="replace") as file:
        yield from (line.rstrip("\n") for line in file)


def gold_of(name):
    rows = (r.split("\t") for r in rows_of(SHARED / "data/linking" / (DATA[name]["gold"] + ".xz")))
    return [(r[0], r[1], r[2]) for r in rows]


def nodes_of(name):
    nodes = set()
    for line in rows_of(SHARED / "data" / DATA[name]["graph"]):
        nodes.update(re.findall(r"<([^>]*)>", line)[::2])
    return nodes


def local_name(iri):
    name = unquote(iri.split("/resource/")[-1])
    return unquote(name).replace("_", " ")


def undula(args, *command, check=True):
    done = subprocess.run([str(args.undula), *map(str, command)], capture_output=True, text=True)
    if check and done.returncode:
        raise SystemExit(f"undula {' '.join(map(str, command))}: {done.stderr}")
    return done


def database(args, name, universe):
    path = args.out / f"{name}-{universe.replace(' ', '-')}.undula"
    if (path.with_suffix(".imported")).exists():
        return path
    for leftover in args.out.glob(path.name + "*"):
        leftover.unlink() if leftover.is_file() else None
    files = [SHARED / "data" / DATA[name]["graph"]]
    if universe == "all targets":
        extra = args.out / f"{name}-targets.nt"
        missing = sorted({g[2] for g in gold_of(name)} - nodes_of(name))
        extra.write_text("".join(f"<{iri}> {LABEL} {json.dumps(local_name(iri), ensure_ascii=False)} .\n"
                                 for iri in missing))
        files.append(extra)
    undula(args, "import", path, *files, "--format", "ntriples", "--quiet")
    file, fmt = DATA[name]["catalogue"]
    undula(args, "import", path, SHARED / "data" / file, "--format", fmt, "--on-error", "skip", "--quiet")
    path.with_suffix(".imported").touch()
    return path


def fold(text):
    text = unicodedata.normalize("NFKD", text).casefold()
    text = "".join(c for c in text if not unicodedata.combining(c))
    return " ".join(re.sub(r"[\W_]", " ", text).split())


def naive(name, universe, skip):
    nodes = nodes_of(name)
    gold = [g for g in gold_of(name) if g[0] not in skip]
    if universe == "all targets":
        nodes |= {g[2] for g in gold_of(name)}
    by_label = {}
    for node in nodes:
        if "/resource/" in node:
            by_label.setdefault(fold(re.sub(r"\s*\([^()]*\)$", "", local_name(node))), set()).add(node)
    linked = right = present = 0
    for _, title, target in gold:
        title = re.sub(r"\s*\(\d{4}\)$", "", title)
        title = re.sub(r"^(.*), (The|A|An|Le|La|Les|El|Il|Der|Die|Das)$", r"\2 \1", title)
        found = by_label.get(fold(title), ())
        present += target in nodes
        linked += len(found) == 1
        right += len(found) == 1 and target in found
    return {"items": len(gold), "present": present, "linked": linked, "right": right,
            "precision": right / linked, "recall": right / present}


def evaluate(args, name, universe, how, skip):
    if how == "naive":
        ids = {line.split("\t")[0] for line in SKIP.read_text().splitlines()[1:]} if skip else set()
        return naive(name, universe, ids)
    path, gold = database(args, name, universe), args.out / DATA[name]["gold"]
    gold.write_bytes(lzma.open(SHARED / "data/linking" / (gold.name + ".xz")).read())
    command = ["link", "evaluate", path, "--gold", gold, "--precision", DATA[name]["precision"],
               "--folds", 5 if how == "5 folds" else 0, "--format", "json", "--quiet"]
    if skip:
        command += ["--skip", SKIP]
    if how == "other domain":
        other = "artists" if name == "movies" else "movies"
        model = args.out / f"{other}.model"
        if not model.exists():
            other_gold = args.out / DATA[other]["gold"]
            other_gold.write_bytes(lzma.open(SHARED / "data/linking" / (other_gold.name + ".xz")).read())
            undula(args, "link", "train", database(args, other, "all targets"), "--gold", other_gold,
                   "--out", model, "--quiet")
        command += ["--model", model]
    groups = [json.loads(line) for line in undula(args, *command).stdout.splitlines()]
    bins = [json.loads(line) for line in undula(args, *command, "--rows", "reliability").stdout.splitlines()]
    kinds = [json.loads(line) for line in undula(args, *command, "--rows", "kinds").stdout.splitlines()]
    return {**groups[0], "groups": groups[1:], "reliability": bins, "kinds": kinds}


def table(args):
    print("| catalogue | candidates | weights | items | linked | precision | recall | F1 |")
    print("|---|---|---|---:|---:|---:|---:|---:|")
    for name, universe, how, fixed in jobs():
        file = args.out / result_name(name, universe, how, fixed)
        label = f"| {name}{', fixed' if fixed else ''} | {universe} | {how} |"
        if not file.exists():
            print(label, "not run | | | | |")
            continue
        r = json.loads(file.read_text())
        p, q = r["precision"], r["recall"]
        print(label, f"{r['items']} | {r['linked']} | {p:.4f} | {q:.4f} | {2 * p * q / (p + q):.4f} |")


def jobs():
    for name, universe, how in ROWS:
        yield name, universe, how, False
        if DATA[name].get("skip"):
            yield name, universe, how, True


def result_name(name, universe, how, fixed):
    return f"{name}-{universe}-{how}{'-fixed' if fixed else ''}.json".replace(" ", "-")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--undula", type=Path, default=Path("build/release/bin/undula"))
    parser.add_argument("--out", type=Path, default=Path("build/linking"))
    parser.add_argument("--set", choices=["small", "all"], default="all", help="small: all targets only")
    parser.add_argument("--table", action="store_true")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for name, universe, how, fixed in [] if args.table else jobs():
        file = args.out / result_name(name, universe, how, fixed)
        if file.exists() or (args.set == "small" and universe != "all targets"):
            continue
        result = evaluate(args, name, universe, how, fixed)
        file.write_text(json.dumps(result) + "\n")
        print(file.name, f"precision {result['precision']:.4f} recall {result['recall']:.4f}", flush=True)
    table(args)


if __name__ == "__main__":
    main()
