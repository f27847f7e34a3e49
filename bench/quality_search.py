#!/usr/bin/env python3
"""Chooses the options of bench/quality.py on the validation part: one budget for every model.

    bench/quality_search.py --undula build/release/bin/undula --out build/quality_search
    bench/quality_search.py --out build/quality_search --table      # only print what is there

Per (data, model): TRIALS settings drawn without replacement from SPACE by a fixed seed, the first one
the program's defaults, on one split and training seed; then the best of them with one option changed
at a time (a sweep), again around the best of all until it stands or SWEEPS are done; the FINALISTS
best again with MORE_SEEDS; the best mean of the validation AUC wins. The presets of the time before
this search (EARLIER) are finalists, too. Nothing here reads the test part: `undula evaluate` is never
called. Splits drawn by seed use seeds that bench/quality.py does not. One result file per training,
so a killed run goes on where it stopped.
"""
import argparse
import itertools
import json
import random
import statistics
import sys
from pathlib import Path

import quality

TRIALS = 20
SWEEPS = 4
FINALISTS = 3
FIRST_SEED = 101
MORE_SEEDS = [102, 103]

# The first value of each option is the program's default. "form" is scoring and item-update together:
# scoring "code" with "replace" is left out, because the score then hardly depends on the item. "update" is
# optimizer and l2-mode together: the program's, and that of the authors of KGCN.
KGCN = {
    "dim": [16, 32, 64],
    "hops": [1, 2],
    "neighbors": [8, 4, 16],
    "aggregator": ["sum", "concat"],
    "score-scale": ["dim", "one"],
    "message-scale": ["neighbors", "one"],
    "learning-rate": [.005, .0005, .002, .02],
    "l2-weight": [1e-4, 1e-6, 1e-5],
    "batch-size": [1024, 256, 128],
    "chunk": [8, 1],
    "update": ["lazy_adam rows", "adam tables"],
}
KG_OFF = {"kg": ["false"], **{option: KGCN[option] for option in (
    "dim", "learning-rate", "l2-weight", "batch-size", "chunk", "update")}}
KGNN_LS = {**KGCN, "ls-weight": [.1, .5, 1], "ls-prob": ["false", "true"]}
# With fresh negatives: fewer options, SHORT drawn settings and no sweeps, for all three alike.
SHORT = 8


def fresh(space):
    return {**space, **{option: values for option, values in {
        "dim": [32, 64], "neighbors": [8], "learning-rate": [.005, .01, .02], "l2-weight": [1e-4, 1e-5],
        "batch-size": [1024], "chunk": [1], "update": ["lazy_adam rows"]}.items() if option in space},
        "fresh-negatives": [1]}


SPACE = {
    "ripplenet": {
        "dim": [16, 32, 64],
        "hops": [2, 1, 3],
        "memory": [32, 64],
        "learning-rate": [.005, .002, .01],
        "chunk": [8, 1],
        "form": ["paper replace", "paper plus_transform", "code plus_transform"],
        "inverse-edges": ["false", "true"],
    },
    "bpr_mf": {
        "dim": [32, 16, 64, 128],
        "learning-rate": [.005, .002, .01, .02],
        "l2": [.01, .001, .003, .03, .1],
        "init-scale": [.01, .1],
        "chunk": [8, 1],
    },
    "kgcn": KGCN,
    "kgnn_ls": KGNN_LS,
    "kg_off": KG_OFF,
    "kgcn_fresh": fresh(KGCN),
    "kgnn_ls_fresh": fresh(KGNN_LS),
    "kg_off_fresh": fresh(KG_OFF),
}
# The authors' options for Last.FM, but dim 32: with 16 one of three trainings does not leave the start.
# Beside them, for all three alike: other sizes of the start, and the running mean of the parameters.
OF_AUTHORS = {"dim": 32, "learning-rate": .0005, "batch-size": 128, "chunk": 1, "update": "adam tables"}
NEAR_AUTHORS = [OF_AUTHORS | {"init-scale": scale, "average": average}
                for scale in (1, .1, .25, .5, 2) for average in (0, .9)]
EARLIER = {
    ("book-crossing", "ripplenet"): [{"dim": 64, "hops": 1, "memory": 64, "chunk": 1,
                                      "inverse-edges": "true"}],
    ("movielens-1m", "ripplenet"): [{"form": "code plus_transform"}],
    ("lastfm", "kgcn"): NEAR_AUTHORS,
    ("lastfm", "kgnn_ls"): NEAR_AUTHORS,
    ("lastfm", "kg_off"): NEAR_AUTHORS,
}


def settings(model):
    """The trials of a model: the defaults, then TRIALS - 1 others in a fixed random order."""
    space = SPACE[model]
    every = [dict(zip(space, values)) for values in itertools.product(*space.values())]
    drawn = SHORT if model.endswith("_fresh") else TRIALS
    return [every[0]] + random.Random(2026).sample(every[1:], drawn - 1)


def validation_auc(result):
    return float(result["train"]["best"].removeprefix("valid auc = "))


def train(args, name, model, trial, setting, seed):
    file = args.out / f"{name}.{model}.{trial:02}.{seed}.json"
    if not file.exists():
        path = quality.database(args.undula, args.out, name)
        options = dict(quality.MODELS[model][None], **setting)
        if "form" in options:
            options["scoring"], options["item-update"] = options.pop("form").split()
        if "update" in options:
            options["optimizer"], options["l2-mode"] = options.pop("update").split()
        options.update(quality.split_options(name, seed))
        stored = f"{model}-search"
        facts = quality.train(args.undula, path, model, stored, options, seed, args.threads)
        quality.run([args.undula, "models", path, "--remove", stored])
        quality.write(file, {"data": name, "model": model, "seed": seed, "setting": setting,
                             "train": facts})
        print(f"{name} {model} trial {trial} seed {seed}: {facts['best']}, "
              f"epoch {facts['best epoch']}, CPU {facts['CPU seconds']} s", file=sys.stderr)
    return validation_auc(json.loads(file.read_text()))


def sweep(model, best, trials):
    """The settings one option away from the best that are not trials yet."""
    near = [dict(best, **{option: value}) for option, values in SPACE[model].items()
            for value in values]
    return [setting for setting in near if setting not in trials]


def search(args, name, model):
    trials = settings(model)
    first = [train(args, name, model, i, s, FIRST_SEED) for i, s in enumerate(trials)]
    for _ in range(0 if model.endswith("_fresh") else SWEEPS):
        trials += sweep(model, trials[first.index(max(first))], trials)
        first += [train(args, name, model, i, trials[i], FIRST_SEED)
                  for i in range(len(first), len(trials))]
    best = sorted(range(len(trials)), key=lambda i: -first[i])[:FINALISTS]
    for earlier in EARLIER.get((name, model), []):
        best.append(len(trials))
        trials.append(dict(trials[0], **earlier))
        train(args, name, model, best[-1], trials[-1], FIRST_SEED)
    for i in best:
        for seed in MORE_SEEDS:
            train(args, name, model, i, trials[i], seed)


def table(out):
    print("| data | model | trials | validation AUC: defaults | best | options of the best |")
    print("|---|---|---|---|---|---|")
    for name in quality.SEARCHED:
        for model in filter(lambda m: quality.has(m, name), SPACE):
            results = [json.loads(f.read_text()) for f in sorted(out.glob(f"{name}.{model}.*.json"))]
            by_setting = {}
            for result in results:
                key = json.dumps(result["setting"])
                by_setting.setdefault(key, []).append(validation_auc(result))
            full = {key: statistics.fmean(auc) for key, auc in by_setting.items()
                    if len(auc) > len(MORE_SEEDS)}
            if len(full) < FINALISTS:
                print(f"| {name} | {model} | {len(by_setting)}, unfinished | not run | | |")
                continue
            best, default = max(full, key=full.get), settings(model)[0]
            changed = {k: v for k, v in json.loads(best).items() if v != default.get(k)}
            print(f"| {name} | {model} | {len(by_setting)} | "
                  f"{by_setting[json.dumps(default)][0]:.4f} | {full[best]:.4f} | "
                  f"{' '.join(f'{k}={v}' for k, v in changed.items()) or 'the defaults'} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--undula", type=Path, default=quality.ROOT / "build/release/bin/undula")
    parser.add_argument("--out", type=Path, required=True, help="folder of the result files")
    parser.add_argument("--data", action="append", choices=quality.SEARCHED, help="only these data")
    parser.add_argument("--model", action="append", choices=list(SPACE), help="only these models")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--table", action="store_true", help="print the table of what is there")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    if not args.table:
        for name in args.data or quality.SEARCHED:
            for model in filter(lambda m: quality.has(m, name), args.model or SPACE):
                search(args, name, model)
    table(args.out)


if __name__ == "__main__":
    main()
