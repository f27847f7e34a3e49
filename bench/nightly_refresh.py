#!/usr/bin/env python3
"""A nightly refresh on MovieLens-100K: `train --from` yesterday's model against training from scratch.

    bench/nightly_refresh.py --undula build/release/bin/undula --out build/nightly

The positive ratings (4 and 5) are cut by time into five days of equal size. Each day imports its
interactions, and of the graph what is new by them: links of items seen for the first time, and the
triples that touch their entities. Of each user's positives of the day, in time order, the last fifth is
that day's test part, the tenth before it validation, the rest training, together with all of the days
before; every row has one negative, an item that the user has not rated well so far. So most users of a day
are new to the model, and the test rows of a day are training rows of the next.

Choices, on validation only, with seed 1: for each day how many epochs training from scratch needs (the
best of --most; the timed trainings stop there), and on day 2 the refresh: the share of the old rows that an
epoch replays, and whether the optimizer's state is kept. Its epochs follow: as many as work through a
quarter of the rows that training from scratch does. Then each seed trains every day both ways, the refreshed model always from the refreshed one of the day before;
both keep the epoch that is best on validation. The test part of a (day, seed, way) is read once.
CPU seconds are those of the training as the program reports them (building the model, taking over the old
rows, epochs, validation); the share of the whole `undula train` process, with reading the database and the
split files and storing the model, stands beside. Each result is a file in --out; finished ones are
not run again.
"""
import argparse
import json
import lzma
import random
import resource
import statistics
from pathlib import Path

import quality

DAYS = 5
SHARE = .3   # the goal
BUDGET = .25  # of the rows, so that what else a training does stays within the goal
FOLDER = quality.SHARED / "data" / "movielens-100k-kg"
COMMON = {"batch-size": 1024, "metric": "auc", "split.file-format": "csv"}
MODELS = {
    "ripplenet": {"dim": 32, "hops": 1, "memory": 32, "learning-rate": .005, "chunk": 8},
    "kgcn": {"dim": 16, "hops": 1, "neighbors": 8, "learning-rate": .005, "chunk": 8},
    "bpr_mf": {"dim": 64, "learning-rate": .005, "chunk": 1},
}


def rows_of(name):
    with lzma.open(FOLDER / f"{name}.xz", "rt") if (FOLDER / f"{name}.xz").exists() else open(
            FOLDER / name) as file:
        next(file)
        return [line.rstrip("\n").split("\t") for line in file]


def write_table(path, header, rows, separator):
    with open(path, "w") as file:
        for row in [header] + rows:
            file.write(separator.join(map(str, row)) + "\n")


def parts_of_day(day):
    """(train, valid, test) of one day's (user, item, time), each user's rows in time order."""
    by_user, parts = {}, ([], [], [])
    for row in day:
        by_user.setdefault(row[0], []).append(row)
    for user in sorted(by_user):
        rows = by_user[user]
        test = len(rows) // 5
        valid = (len(rows) - test) // 9
        cut = len(rows) - test - valid
        for part, some in zip(parts, (rows[:cut], rows[cut:cut + valid], rows[cut + valid:])):
            part.extend(some)
    return parts


def with_negatives(rows, liked, items, day):
    out = []
    for user, item, _ in rows:
        draw = random.Random(f"{user} {item} {day}")
        negative = draw.choice(items)
        while negative in liked[user]:
            negative = draw.choice(items)
        out += [(user, item, 1), (user, negative, 0)]
    return out


def prepare(out):
    """Writes the files of every day, once."""
    if (out / "prepared").exists():
        return
    log = sorted((float(t), u, i) for u, i, rating, t in rows_of("ml-100k.inter")
                 if float(rating) >= 4)
    days = [[(u, i, int(t)) for t, u, i in log[len(log) * d // DAYS:len(log) * (d + 1) // DAYS]]
            for d in range(DAYS)]
    entity = dict(rows_of("ml-100k.link"))
    triples = rows_of("ml-100k.kg")
    liked, items, past, known = {}, [], [], set()
    for number, day in enumerate(days, 1):
        folder = out / f"day{number}"
        folder.mkdir(exist_ok=True)
        fresh = sorted({i for _, i, _ in day} - set(items))
        items += fresh
        for user, item, _ in day:
            liked.setdefault(user, set()).add(item)
        linked = {entity[i] for i in fresh if i in entity}
        new = [t for t in triples if (t[0] in linked or t[2] in linked)
               and t[0] not in known and t[2] not in known]
        known |= linked
        write_table(folder / "day.inter.csv", ("user", "item", "weight", "time"),
                    [(u, i, 1, t) for u, i, t in day], ",")
        write_table(folder / "day.kg", ("head_id:token", "relation_id:token", "tail_id:token"), new,
                    "\t")
        write_table(folder / "day.link", ("item_id:token", "entity_id:token"),
                    [(i, entity[i]) for i in fresh if i in entity], "\t")
        train, valid, test = (with_negatives(part, liked, items, number)
                              for part in parts_of_day(day))
        for part, rows in (("train", past + train), ("valid", valid), ("test", test)):
            write_table(folder / f"{part}.csv", ("user", "item", "weight"), rows, ",")
        past = past + train + valid + test
    (out / "prepared").touch()


def advance(args, path, day):
    """The database with the data of all days up to `day`."""
    for d in range(1, day + 1):
        done = Path(f"{path}.day{d}")
        if done.exists():
            continue
        folder = args.out / f"day{d}"
        for file, fmt in (("day.inter.csv", "csv"), ("day.kg", "recbole-kg"),
                          ("day.link", "recbole-link")):
            quality.run([args.undula, "import", path, folder / file, "--format", fmt, "--quiet"])
        done.touch()


def train(args, path, day, stored, seed, options, start=None):
    """Trains, and returns what the program says of it, with the CPU seconds of the process."""
    parts = {f"split.{part}-file": args.out / f"day{day}" / f"{part}.csv"
             for part in ("train", "valid", "test")}
    command = [args.undula, "train", path, "--name", stored, "--device", "cpu", "--threads", 1,
               "--quiet", "--fresh", "--format", "json", f"--train.seed={seed}"]
    if start:
        command += ["--from", start]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    summary = quality.run(command + quality.flags({**options, **parts}))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    facts = dict((row["what"], row["value"]) for row in map(json.loads, summary.splitlines()))
    return {"cpu": float(facts["CPU seconds"]),
            "process": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
            "valid": float(facts["best"].removeprefix("valid auc = ")),
            "epoch": int(facts["best epoch"]), "start": facts["start"]}


def saved(args, name, make):
    file = args.out / f"{name}.json"
    if not file.exists():
        quality.write(file, make())
    return json.loads(file.read_text())


def choose(args, model):
    """Epochs from scratch by day, the best refresh, and all trials of it; validation only."""
    path = args.out / f"{model}.choice.undula"
    options = {"model": model, **COMMON, **MODELS[model]}
    epochs = []
    for day in range(1, DAYS + 1):
        advance(args, path, day)
        epochs.append(saved(args, f"{model}.choice.day{day}", lambda: train(
            args, path, day, "longest", 1, {**options, "epochs": args.most}))["epoch"])
        for keep in ("false", "true") if day == 1 else ():
            saved(args, f"{model}.choice.base.{keep}", lambda: train(
                args, path, 1, f"base-{keep}", 1,
                {**options, "epochs": epochs[0], "keep-optimizer": keep}))
        if day == 2:
            trials = refresh_trials(args, model, path, epochs[1])
    return epochs, max(trials, key=lambda t: t["valid"]), trials


def rows_in(args, day):
    with open(args.out / f"day{day}" / "train.csv") as file:
        return sum(1 for _ in file) - 1


def refresh_epochs(args, day, from_scratch, replay):
    """As many epochs as have BUDGET of the rows that training from scratch works through."""
    old, rows = rows_in(args, day - 1), rows_in(args, day)
    return max(1, int(BUDGET * from_scratch * rows / (rows - old + replay * old)))


def refresh_trials(args, model, path, from_scratch):
    trials = []
    for keep in ("false", "true"):
        for replay in (1, .3, .1, 0):
            options = {"epochs": refresh_epochs(args, 2, from_scratch, replay),
                       "keep-optimizer": keep, "replay": replay}
            trials.append(saved(args, f"{model}.choice.{keep}.{replay}", lambda: dict(
                train(args, path, 2, "trial", 1, options, f"base-{keep}"), options=options)))
    return trials


def test(args, path, stored):
    def row(protocol):
        rows = quality.run([args.undula, "evaluate", path, "--model", stored, "--protocol", protocol,
                            "--at", "20", "--no-baselines", "--format", "json",
                            "--quiet"])
        return json.loads(rows.splitlines()[0])
    return {"auc": row("ctr")["auc"], "recall": row("ranking")["recall@20"]}


def run_seed(args, model, seed, epochs, refresh):
    path = args.out / f"{model}.{seed}.undula"
    keep = {"keep-optimizer": refresh["options"]["keep-optimizer"]}
    scratch = {"model": model, **keep, **COMMON, **MODELS[model]}
    results = []
    for day in range(1, DAYS + 1):
        advance(args, path, day)

        def once(way):
            start = None if way == "scratch" or day == 1 else f"refreshed-{day - 1}"
            stored = f"{way}-{day}"
            options = {**scratch, "epochs": epochs[day - 1]}
            if start:
                replay = refresh["options"]["replay"]
                options = {**keep, "replay": replay,
                           "epochs": refresh_epochs(args, day, epochs[day - 1], replay)}
            facts = train(args, path, day, stored, seed, options, start)
            return {**facts, **test(args, path, stored)}
        results.append({way: saved(args, f"{model}.{seed}.{way}.{day}", lambda: once(way))
                        for way in ("scratch", "refreshed")})
    return results


def describe(trial):
    options = trial["options"]
    return (f"replay {options['replay']} state "
            f"{'kept' if options['keep-optimizer'] == 'true' else 'new'} {trial['valid']:.4f}")


def report(model, epochs, refresh, trials, seeds):
    print(f"\n{model}: epochs from scratch by day {'/'.join(map(str, epochs))}; refresh: "
          f"{describe(refresh)}; validation AUC on day 2, seed 1: "
          f"{', '.join(map(describe, trials))}\n")
    print("| model | day | AUC from scratch | refreshed | difference (sd over seeds) | Recall@20 from "
          "scratch | refreshed | CPU s from scratch | refreshed | share | of the processes | within .003 at <= 30 % |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    for day in range(2, DAYS + 1):
        pairs = [results[day - 1] for results in seeds]

        def mean(way, key):
            return statistics.fmean(pair[way][key] for pair in pairs)
        differences = [pair["refreshed"]["auc"] - pair["scratch"]["auc"] for pair in pairs]
        share = mean("refreshed", "cpu") / mean("scratch", "cpu")
        process = mean("refreshed", "process") / mean("scratch", "process")
        difference = statistics.fmean(differences)
        met = "yes" if difference >= -.003 and share <= SHARE else "no"
        spread = statistics.stdev(differences) if len(differences) > 1 else 0
        print(f"| {model} | {day} | {mean('scratch', 'auc'):.4f} | {mean('refreshed', 'auc'):.4f} | "
              f"{difference:+.4f} ({spread:.4f}) | {mean('scratch', 'recall'):.4f} | "
              f"{mean('refreshed', 'recall'):.4f} | {mean('scratch', 'cpu'):.2f} | "
              f"{mean('refreshed', 'cpu'):.2f} | {share:.2f} | {process:.2f} | {met} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--undula", type=Path, default=quality.ROOT / "build/release/bin/undula")
    parser.add_argument("--out", type=Path, required=True, help="folder of databases and results")
    parser.add_argument("--model", action="append", choices=list(MODELS), help="only these")
    parser.add_argument("--most", type=int, default=60, help="epochs tried from scratch on day 1")
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    prepare(args.out)
    for model in args.model or MODELS:
        epochs, refresh, trials = choose(args, model)
        seeds = [run_seed(args, model, seed, epochs, refresh) for seed in range(1, args.seeds + 1)]
        report(model, epochs, refresh, trials, seeds)


if __name__ == "__main__":
    main()
