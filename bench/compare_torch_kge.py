#!/usr/bin/env python3
"""TransE and DistMult beside plain PyTorch forms, in the same run, alternating.

    bench/compare_torch_kge.py --bench build/release/bench/kge_bench --work build/compare_kge

Both train the same form on the same cut with the same budget (epochs, batch, dim, margin, learning
rate, one negative a triple) in one thread each, and are measured by filtered link prediction with
equal scores sharing their places. Two torch forms, both written for this comparison: "plain" is how
TransE is mostly written (nn.Embedding, Adam, all entities set to length 1 before each step), "sparse" is
the quickest we know (sparse gradients, SparseAdam, only the entities of the batch). Both corrupt head or
tail by Undula's rule and draw negatives with torch.randint, unfiltered. Rates are triples per
core-second: over the CPU time of the training, without reading the files. Needs python3 with torch
and numpy (Debian: python3-torch, libopenblas0-pthread).
"""
import argparse
import json
import lzma
import os
import resource
import subprocess
import sys
from pathlib import Path

import torch_check

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("UNDULA_SHARED") or ROOT.parent / "shared")

DATA = {  # name: file of triples, epochs
    "lastfm": ("lastfm-kgcn/kg_final.txt.xz", 100),
    "movielens-1m": ("movielens-1m/mkr/kg_final.txt.xz", 100),
    "book-crossing": ("book-crossing/ripplenet/kg_final.txt.xz", 40),
}
FORMS = {
    "transe": {"form": "transe", "distance": "l2", "loss": "margin", "margin": 1,
               "normalize": "unit", "learning_rate": .01},
    "distmult": {"form": "distmult", "loss": "logistic", "normalize": "none",
                 "learning_rate": .01},
}


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def torch_form(parts, options):
    """Trains and evaluates; prints one JSON line. Runs in a process of its own."""
    import numpy as np
    import torch
    torch.set_num_threads(1)
    torch.manual_seed(options["seed"])
    train, valid, test = (np.loadtxt(f"{parts}/{name}.txt", dtype=np.int64).reshape(-1, 3)
                          for name in ("train", "valid", "test"))
    everything = np.concatenate([train, valid, test])
    n, relations = int(everything[:, [0, 2]].max()) + 1, int(everything[:, 1].max()) + 1
    d, product = options["dim"], options["form"] == "distmult"
    limit = (6 / (2 * d)) ** .5 if product else 6 / d ** .5
    sparse = options["torch"] == "sparse"
    entity = torch.nn.Embedding(n, d, sparse=sparse)
    relation = torch.nn.Embedding(relations, d, sparse=sparse)
    torch.nn.init.uniform_(entity.weight, -limit, limit)
    torch.nn.init.uniform_(relation.weight, -limit, limit)
    unit = options["normalize"] == "unit"
    if unit:
        with torch.no_grad():
            relation.weight /= relation.weight.norm(dim=1, keepdim=True)
    heads = np.array([len(np.unique(train[train[:, 1] == r, 0])) for r in range(relations)])
    tails = np.array([len(np.unique(train[train[:, 1] == r, 2])) for r in range(relations)])
    of_head = torch.from_numpy(tails / np.maximum(tails + heads, 1)).float()
    adam = torch.optim.SparseAdam if sparse else torch.optim.Adam
    optimizer = adam([entity.weight, relation.weight], lr=options["learning_rate"])
    triples = torch.from_numpy(train)

    def score(h, r, t):
        if product:
            return (h * r * t).sum(1)
        return (h + r - t).norm(dim=1)

    before = cpu_seconds()
    for _ in range(options["epochs"]):
        order = torch.randperm(len(triples))
        for batch in order.split(options["batch_size"]):
            h, r, t = triples[batch].unbind(1)
            other = torch.randint(n, h.shape)
            head = torch.rand(h.shape) < of_head[r]
            bad_h, bad_t = torch.where(head, other, h), torch.where(head, t, other)
            if unit:
                with torch.no_grad():
                    rows = torch.unique(torch.cat([h, t, other])) if sparse else slice(None)
                    entity.weight[rows] = torch.nn.functional.normalize(entity.weight[rows])
            optimizer.zero_grad()
            vector = relation(r)
            good = score(entity(h), vector, entity(t))
            bad = score(entity(bad_h), vector, entity(bad_t))
            if product:
                loss = (torch.nn.functional.softplus(-good).mean()
                        + torch.nn.functional.softplus(bad).mean())
            else:
                loss = torch.relu(options["margin"] + good - bad).mean()
            loss.backward()
            optimizer.step()
    seconds = cpu_seconds() - before

    with torch.no_grad():
        vectors, ways = entity.weight, relation.weight
        if unit:
            vectors = torch.nn.functional.normalize(vectors)
        by_head, by_tail = {}, {}
        for h, r, t in everything:
            by_head.setdefault((h, r), []).append(t)
            by_tail.setdefault((r, t), []).append(h)
        ranks = []
        for h, r, t in test:
            for truth, answers, query in (
                    (t, by_head[h, r], vectors[h] * ways[r] if product else vectors[h] + ways[r]),
                    (h, by_tail[r, t], vectors[t] * ways[r] if product else vectors[t] - ways[r])):
                s = -(vectors @ query) if product else (vectors - query).norm(dim=1)
                bound = s[truth].item()
                s[answers] = float("inf")
                ranks.append(1 + (s < bound).sum().item() + (s == bound).sum().item() / 2)
    ranks = np.array(ranks)
    print(json.dumps({"triples_per_core_s": len(triples) * options["epochs"] / seconds,
                      "mrr": float((1 / ranks).mean()), "hits10": float((ranks <= 10).mean()),
                      "train_cpu_s": seconds}))


def run(command):
    env = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1",
               OMP_WAIT_POLICY="passive")
    out = subprocess.run([str(c) for c in command], check=True, env=env, capture_output=True,
                         text=True)
    return json.loads(out.stdout.strip().splitlines()[-1])


def median(values):
    return sorted(values)[len(values) // 2]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, default=ROOT / "build/release/bench/kge_bench")
    parser.add_argument("--work", type=Path)
    parser.add_argument("--python", default="/usr/bin/python3")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", action="append", choices=list(DATA))
    parser.add_argument("--torch", nargs=2, metavar=("PARTS", "OPTIONS"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.torch:
        torch_form(args.torch[0], json.loads(args.torch[1]))
        return
    if not args.work:
        parser.error("--work is required")
    torch_check.check(args.python)
    print("| data | form | program | triples per core-second | Undula : it | filtered MRR | Hits@10 |")
    print("|---|---|---|---:|---:|---:|---:|")
    for name in args.data or DATA:
        source, epochs = DATA[name]
        parts = args.work.resolve() / name
        parts.mkdir(parents=True, exist_ok=True)
        with lzma.open(SHARED / "data" / source) as packed:
            (parts / "triples.txt").write_bytes(packed.read())
        for form, settings in FORMS.items():
            results = {"Undula": [], "torch sparse": [], "torch plain": []}
            for round_ in range(args.rounds):
                options = dict(settings, dim=64, epochs=epochs, batch_size=1024)
                results["Undula"].append(run(
                    [args.bench, parts / "triples.txt", "metric=none", f"parts={parts}",
                     f"train.seed={round_ + 1}"]
                    + [f"{k}={v}" for k, v in options.items()]))
                for kind in ("sparse", "plain"):
                    given = dict(options, seed=round_ + 1, torch=kind)
                    results[f"torch {kind}"].append(run([args.python, __file__, "--torch", parts,
                                                         json.dumps(given)]))
            rate = {k: median([r["triples_per_core_s"] for r in v]) for k, v in results.items()}
            for program, runs in results.items():
                mrr, hits = (sum(r[m] for r in runs) / len(runs) for m in ("mrr", "hits10"))
                print(f"| {name} | {form} | {program} | {rate[program]:,.0f} | "
                      f"{rate['Undula'] / rate[program]:.1f} | {mrr:.4f} | {hits:.4f} |",
                      flush=True)


if __name__ == "__main__":
    main()
