#!/usr/bin/env python3
"""PinnerSage's retrieval on real data: recall and diversity by number of clusters, beside baselines.

    bench/pinnersage_quality.py --bin build/nocuda/bin/undula --bench build/nocuda/bench/around_bench --out build/pinnersage
    bench/pinnersage_quality.py --out build/pinnersage --table      # only print what is there

Each user's likes in time order: the first 80 % train, the next 10 % choose, the last 10 % test (users with
MIN likes or more). Item vectors: BPR-MF on the training part. Searches are exact over the whole catalogue
but for what the user did before: around the last item, a mean with decay, one cluster, and the most
important of PinnerSage's clusters. alpha and the order of merging, then lambda, are chosen per data by
Recall@20 on validation for a third of the users (history: the training part); then history is training
and validation, and the test part is read once. One file per step: a killed run goes on where it stopped.
"""
import argparse
import json
import lzma
import os
import struct
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("UNDULA_SHARED") or ROOT.parent / "shared")
DATA = {"movielens-1m": "movielens-1m/interactions.tsv.xz", "ciao": "social/ciao/ratings.tsv.xz"}
MIN = 10
DIM = 64
TRAINING = {"movielens-1m": {"epochs": 20}, "ciao": {"epochs": 40}}
ALPHAS = [0.5, 1, 2, 4, 8]
LAMBDAS = [0, 0.01, 0.1]
INTERESTS = [1, 2, 3, 5, 10, 20, 0]
UPDATES = {"movielens-1m": [7], "ciao": [30]}


def likes(name):
    """(user, item, seconds) of every like with a time."""
    with lzma.open(SHARED / "data" / DATA[name], "rt") as file:
        header = file.readline().rstrip("\n").split("\t")
        at = {column: i for i, column in enumerate(header)}
        for line in file:
            row = line.rstrip("\n").split("\t")
            if name == "movielens-1m":
                if row[at["like"]] == "1" and row[at["timestamp"]]:
                    yield row[at["user"]], row[at["movie"]], int(row[at["timestamp"]])
            elif float(row[at["rating"]]) >= 4:
                yield row[at["user"]], row[at["item"]], int(row[at["timestamp"]])


def split(name):
    by_user = {}
    for user, item, time in likes(name):
        by_user.setdefault(user, []).append((time, item))
    parts = {"train": [], "valid": [], "test": []}
    for user in sorted(by_user, key=int):
        rows = sorted(set(by_user[user]))
        a, b = (int(len(rows) * 0.8), int(len(rows) * 0.9)) if len(rows) >= MIN else (len(rows), len(rows))
        for part, chosen in (("train", rows[:a]), ("valid", rows[a:b]), ("test", rows[b:])):
            parts[part] += [(user, item, time) for time, item in chosen]
    return parts


def run(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}: {done.stderr}")
    return done.stdout


def prepare(a, name):
    """Vectors and the parts by number, as around_bench reads them."""
    folder = Path(a.out) / name
    done = folder / "prepared"
    if done.exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    parts = split(name)
    log = folder / "train.tsv"
    log.write_text("user\titem\tweight\ttime\n" + "".join(f"{u}\t{i}\t1\t{t}\n" for u, i, t in parts["train"]))
    db = folder / "train.undula"
    for old in (db, Path(f"{db}-lock")):
        old.unlink(missing_ok=True)
    run(a.bin, "import", db, log, "--format", "ratings-tsv", "--quiet")
    options = {"dim": DIM, "epochs": TRAINING[name]["epochs"], "split.protocol": "all", "chunk": 8}
    run(a.bin, "train", db, "--model", "bpr_mf", "--device", "cpu", "--quiet", "--threads", 1,
        *[f"--{k}={v}" for k, v in options.items()])
    npy = folder / "vectors.npy"
    run(a.bin, "export", db, "vectors", npy, "--model", "bpr_mf")
    names = Path(f"{npy}.names").read_text().splitlines()
    number = {item: i for i, item in enumerate(names)}
    raw = npy.read_bytes()
    start = 10 + struct.unpack("<H", raw[8:10])[0]
    for step, history, future in (("choose", ["train"], "valid"), ("test", ["train", "valid"], "test")):
        prefix = folder / step
        Path(f"{prefix}.vectors").write_bytes(raw[start:])
        of = sorted({u for u, _, _ in parts[future]}, key=int)[:: 3 if step == "choose" else 1]
        users = {u: n for n, u in enumerate(of)}
        for file, chosen in (("train", history), ("test", [future])):
            rows = [(users[u], number[i], t / 86400) for part in chosen for u, i, t in parts[part]
                    if u in users and i in number]
            rows.sort(key=lambda r: (r[0], r[2]))
            Path(f"{prefix}.{file}").write_text("".join(f"{u} {i} {day:.5f}\n" for u, i, day in rows))
    done.touch()
    return folder


def bench(a, folder, step, configurations):
    file = folder / f"{step}.json"
    known = json.loads(file.read_text()) if file.exists() else {}
    for c in configurations:
        if c not in known:
            known[c] = json.loads(run(a.bench, folder / step, DIM, c))
            file.write_text(json.dumps(known, indent=1))
    return known


def best(rows, configurations):
    return max(configurations, key=lambda c: rows[c]["recall@20"])


def measure(a, name):
    folder = prepare(a, name)
    means = [f"by=mean,lambda={x}" for x in LAMBDAS]
    first = [f"alpha={x},merge={m},lambda=0.01" for x in ALPHAS for m in ("rank", "cosine")]
    rows = bench(a, folder, "choose", means + [f"{c},interests=3" for c in first])
    mean, shape = best(rows, means), best(rows, [f"{c},interests=3" for c in first]).rsplit(",", 2)[0]
    last = [f"{shape},lambda={x},interests=3" for x in LAMBDAS]
    base = best(bench(a, folder, "choose", last), last).rsplit(",", 1)[0]
    one = ",".join(["alpha=1e9", *base.split(",")[1:]])
    final = {"last item": "by=recent,interests=1", "last 3 items": "by=recent,interests=3",
             "mean": mean, "one cluster of everything": f"{one},interests=1"}
    for n in INTERESTS:
        final[f"{n or 'all'} clusters"] = f"{base},interests={n}"
    for days in UPDATES[name]:
        final[f"3 clusters, {days} daily updates"] = f"{base},interests=3,update={days}"
    rows = bench(a, folder, "test", list(final.values()))
    (folder / "table.json").write_text(json.dumps({"chosen": base, "rows": {k: rows[c] for k, c in final.items()}}, indent=1))


def table(a):
    for name in DATA:
        file = Path(a.out) / name / "table.json"
        if not file.exists():
            print(f"{name}: not run\n")
            continue
        found = json.loads(file.read_text())
        print(f"{name}: {found['chosen']}\n\n| around | Recall@20 | Recall@100 | Recall@400 | diversity@20 | coverage@20 | searches | ms a user |")
        print("|---|---:|---:|---:|---:|---:|---:|---:|")
        for label, r in found["rows"].items():
            print(f"| {label} | {r['recall@20']:.4f} | {r['recall@100']:.4f} | {r['recall@400']:.4f} | "
                  f"{r['diversity@20']:.3f} | {r['coverage@20']:.3f} | {r['anchors']:.1f} | {r['ms_a_user']:.2f} |")
        print()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--bin")
    p.add_argument("--bench")
    p.add_argument("--out", required=True)
    p.add_argument("--data", default=",".join(DATA))
    p.add_argument("--table", action="store_true")
    a = p.parse_args()
    if not a.table:
        for name in a.data.split(","):
            measure(a, name)
    table(a)


if __name__ == "__main__":
    main()
