#!/usr/bin/env python3
"""PinSAGE: training speed beside plain PyTorch (shared/peers/rec/torch_pinsage.py), alternating in one run.

    bench/compare_torch_pinsage.py --work build/compare [--rounds 3]

Last.FM (3,846 items) as in compare_torch.py. Both: 16 numbers, two convolutions, 3 neighbors of 10 walks of at
most 2 traversals, batch 256, pairs of items, max margin, one thread. The peer draws lists for every batch and
layer and has one negative a pair; Undula with the same (redraw=batch, every row its own query), with 64 shared
negatives, and with lists drawn once. A row is a triple (item, positive, negatives). Rates are rows per
core-second; sampling is inside. Needs python3 with torch and numpy (Debian: python3-torch, libopenblas0-pthread).
"""
import argparse
import json
import os
import subprocess
from pathlib import Path

import compare_torch
import torch_check
from compare_torch import PEERS, ROOT, median

COMMON = {"final": 1, "metric": "none", "dim": 16, "hidden": 16, "layers": 2, "head": "true", "residual": "false",
          "loss": "margin", "query": "item", "neighbors": 3, "walks": 10, "traversals": 2, "threads": 1,
          "batch_size": 256, "epochs": 10}
SETTINGS = {
    "torch": None,
    "Undula, lists for every batch, 256 shared negatives": {"redraw": "batch", "shared_negatives": 256},
    "Undula, lists for every batch, 64 shared negatives": {"redraw": "batch", "shared_negatives": 64},
    "Undula, lists for every epoch, 64 shared negatives": {"redraw": "epoch", "shared_negatives": 64},
    "Undula, lists drawn once, 64 shared negatives": {"shared_negatives": 64},
}


def torch_run(python, work):
    env = dict(os.environ, PEERS_WORK=str(work), PEERS_THREADS="1", OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1",
               OMP_WAIT_POLICY="passive", PYTHONDONTWRITEBYTECODE="1")
    out = subprocess.run([python, PEERS / "torch_pinsage.py", "music"], check=True, env=env, capture_output=True,
                         text=True)
    return json.loads(out.stdout.strip().splitlines()[-1])["pairs_per_core_s"]


def undula_run(bench, work, options):
    arguments = [f"{key}={value}" for key, value in {**COMMON, **options}.items()]
    out = subprocess.run([bench, work / "ctr/music/ratings_final.txt", "-", "pinsage", *arguments], check=True,
                         capture_output=True, text=True)
    return json.loads(out.stdout)["rows_per_core_s"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, default=ROOT / "build/nocuda/bench/pinsage_bench")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--python", default="/usr/bin/python3")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    args.work = args.work.resolve()
    torch_check.check(args.python)
    compare_torch.RAW = {"music": compare_torch.RAW["music"]}
    compare_torch.prepare(args.work, args.python)
    rates = {name: [] for name in SETTINGS}
    for _ in range(args.rounds):
        for name, options in SETTINGS.items():
            rates[name].append(torch_run(args.python, args.work) if options is None
                               else undula_run(args.bench, args.work, options))
    print("| program | triples per core-second | Undula : torch |\n|---|---:|---:|")
    torch = median(rates["torch"])
    for name, found in rates.items():
        print(f"| {name} | {median(found):,.0f} | {median(found) / torch:.1f} |")


if __name__ == "__main__":
    main()
