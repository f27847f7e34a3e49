#!/usr/bin/env python3
"""Training speed beside vectorised PyTorch forms of the same models, in the same run, alternating.

    bench/compare_torch.py --bench build/release/bench/ripple_bench --work build/compare [--models kgcn]
    bench/compare_torch.py ... --only "music c=32" --rounds 9   # torch and what has all these words

--models ripplenet (the default) is described here, kgcn (with KGNN-LS) in compare_kgcn.py.

Data are music (Last.FM) and ml-100k in the CTR form of the peers' harness
(shared/peers/rec/convert_data.py); d 16, 2 hops, 32 slots, batch 1024, KGE and L2 terms on, a sample is
a row of the loss, one shuffled epoch at a time; equal slots are not merged (dedupe=false), so that
nothing is gained from the repeated hops of these data. Rates are rows per core-second: work over the CPU
time of the whole process. The quality of each timed setting stands beside its speed. Needs python3
with torch and numpy (Debian: python3-torch, libopenblas0-pthread). The same scorer run gives all-items pairs per
core-second.
"""
import argparse
import json
import lzma
import os
import shutil
import subprocess
import sys
from pathlib import Path

import compare_kgcn
import torch_check

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("UNDULA_SHARED") or ROOT.parent / "shared")
PEERS = SHARED / "peers" / "rec"

RAW = {
    "music": ("lastfm-kgcn", ["user_artists.dat", "kg.txt", "item_index2entity_id.txt"]),
    "ml-100k": ("movielens-100k-kg", ["ml-100k.inter", "ml-100k.kg", "ml-100k.link"]),
}


def unpack(folder, names, out):
    out.mkdir(parents=True, exist_ok=True)
    for name in names:
        source = SHARED / "data" / folder / name
        if source.exists():
            shutil.copyfile(source, out / name)
        else:
            with lzma.open(f"{source}.xz") as packed, open(out / name, "wb") as plain:
                shutil.copyfileobj(packed, plain)


def prepare(work, python):
    for data, (folder, names) in RAW.items():
        if (work / "ctr" / data / "kg_final.txt").exists():
            continue
        unpack(folder, names, work / "raw" / data)
        (work / "ctr").mkdir(parents=True, exist_ok=True)
        subprocess.run([python, PEERS / "convert_data.py", "ctr", data, work / "raw" / data,
                        work / "ctr"], check=True, stdout=sys.stderr)


def torch_run(python, work, data, epochs, lr):
    env = dict(os.environ, PEERS_WORK=str(work), PEERS_THREADS="1", OMP_NUM_THREADS="1",
               OPENBLAS_NUM_THREADS="1", OMP_WAIT_POLICY="passive",
               MALLOC_MMAP_THRESHOLD_="4294967296", MALLOC_TRIM_THRESHOLD_="17179869184",
               MALLOC_TOP_PAD_="268435456", PYTHONDONTWRITEBYTECODE="1")
    out = subprocess.run([python, PEERS / "torch_ripple.py", "dense", data, "--epochs", str(epochs),
                          "--lr", str(lr)], check=True, env=env, capture_output=True, text=True)
    return json.loads(out.stdout.strip().splitlines()[-1])


def undula_run(bench, work, data, options):
    arguments = [f"{key}={value}" for key, value in options.items()]
    out = subprocess.run([bench, work / "ctr" / data] + arguments, check=True, capture_output=True,
                         text=True)
    return json.loads(out.stdout.strip().splitlines()[-1])


def wanted(args, *row):
    return set(args.only.split()) <= set(" ".join(str(cell) for cell in row).split())


def median(values):
    return sorted(values)[len(values) // 2]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, default=ROOT / "build/release/bench/ripple_bench")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--python", default="/usr/bin/python3")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=20, help="of Undula; the best on validation")
    parser.add_argument("--torch-epochs", type=int, default=4)
    parser.add_argument("--models", choices=["ripplenet", "kgcn"], default="ripplenet")
    parser.add_argument("--only", default="", help="words; only rows of the table that have all of them (and torch's)")
    args = parser.parse_args()
    args.work = args.work.resolve()
    torch_check.check(args.python)
    prepare(args.work, args.python)
    if args.models == "kgcn":
        compare_kgcn.run(args, wanted)
        return
    common = {"dim": 16, "hops": 2, "memory": 32, "batch": 1024, "slices": 8, "threads": 1,
              "epochs": args.epochs, "kge_weight": 0.01, "l2_weight": 1e-7, "lr": 0.01,
              "optimizer": "lazy_adam",
              "dedupe": "false"}
    settings = {
        "torch dense": None,
        "undula code c=1 dense Adam": dict(common, scoring="code", item_update="plus_transform",
                                           chunk=1, optimizer="adam"),
        "undula code c=1": dict(common, scoring="code", item_update="plus_transform", chunk=1),
        "undula code c=32": dict(common, scoring="code", item_update="plus_transform", chunk=32),
        "undula paper c=1 dense Adam": dict(common, chunk=1, scoring="paper",
                                            item_update="replace", optimizer="adam"),
        "undula paper c=1": dict(common, chunk=1, scoring="paper", item_update="replace"),
        "undula paper c=32": dict(common, chunk=32, scoring="paper", item_update="replace"),
    }
    print("| data | setting | rows per core-second | ratio to torch | all-items pairs per core-second"
          " | test AUC | peak step memory MiB |")
    print("|---|---|---|---|---|---|---|")
    for data in RAW:
        runs = {name: [] for name in settings if name == "torch dense" or wanted(args, data, name)}
        if len(runs) == 1:
            continue
        for _ in range(args.rounds):
            for name in runs:
                options = settings[name]
                if options is None:
                    runs[name].append(torch_run(args.python, args.work, data,
                                                args.torch_epochs, 0.02))
                else:
                    runs[name].append(undula_run(args.bench, args.work, data,
                                                 dict(options, score=1)))
        torch_rate = median([r["rows_per_core_s"] for r in runs["torch dense"]])
        for name, results in runs.items():
            rate = median([r["rows_per_core_s"] for r in results])
            if name == "torch dense":
                auc, pairs, memory = results[0]["quality"]["auc"], "", results[0]["peak_rss_mib"]
                memory = f"{memory:.0f} (process)"
            else:
                auc = results[0]["test_auc"]
                pairs = f"{median([r['pairs_per_core_s'] for r in results]):,.0f}"
                memory = f"{results[0]['step_mib']:.1f}"
            print(f"| {data} | {name} | {rate:,.0f} | {rate / torch_rate:.1f} | {pairs} | {auc:.4f} |"
                  f" {memory} |", flush=True)


if __name__ == "__main__":
    main()
