#!/usr/bin/env python3
"""A nightly refresh on MovieLens-100K: `train --from` yesterday's model against training from scratch.

    bench/nightly_refresh.py --undula build/release/bin/undula --out build/nightly

The positive ratings (4 and 5) are cut by time into five days of equal size. Each day imports its
interactions, and of the graph what is new by them: links of items seen for the first time, and the
triples that touch their entities. Of each user's positives of the day, in time order, the last three tenths
are held out: every third of them (the second, the fifth, ...) is validation, the others that day's test part.
The rest is training, together with all of the days before; every row has one negative, an item that the user
has not rated well so far. So most users of a day are new to the model, the test rows of a day are training
rows of the next, and validation and test rows are of the same hours: users rate popular films first, and a
validation part before the test part was no judge of it (BPR-MF: AUC .882 there, .850 on test).

Choices, on validation only, the same for every model:
- training from scratch: on day 2, every combination of SCRATCH (learning rate, batch size, negatives of
  the files or new ones in every epoch, running mean of the parameters, steps counted by row), mean of
  CHOICE_SEEDS, ties to the lower rate, then to steps counted for all rows together; then for each day how
  many epochs it needs (the best of --most, mean of these seeds; the timed trainings stop there);
- the refresh: every combination of REFRESH (share of the old rows that an epoch replays, how rows of new
  users and items begin, the learning rate over that of scratch and what share of itself it falls to, the
  share of their values that old parameters begin with, running mean of the parameters, steps counted by row)
  from day 1 to day 5 with the first of these seeds, mean over the days; the FINALISTS best of these again
  with the others, and the best mean wins. The optimizer's state is kept. Its epochs follow: as many as work
  through BUDGET of the rows that training from scratch does.
Then each seed trains every day both ways, the refreshed model always from the refreshed one of the day before
(on day 1: trained from scratch, its steps counted as the refresh does); both keep the epoch that is best on
validation. The test part of a (day, seed, way) is read once.
No checkpoints are written, either way: a training takes a second.
CPU seconds are those of the training as the program reports them (building the model, taking over the old
rows, epochs, validation); the share of the whole `undula train` process, with reading the database and the
split files and storing the model, stands beside. Each result is a file in --out; finished ones are
not run again.
"""
import argparse
import itertools
import json
import lzma
import random
import resource
import statistics
from pathlib import Path

import quality

DAYS = 5
SHARE = .3   # the goal
BUDGET = .26  # of the rows, so that what else a training does stays within the goal
CHOICE_SEEDS = [101, 102]
FINALISTS = 8
TIE = .0005  # of validation AUC, less than two seeds differ by: the lower learning rate is taken
FOLDER = quality.SHARED / "data" / "movielens-100k-kg"
COMMON = {"metric": "auc", "split.file-format": "csv", "keep-optimizer": "true", "checkpoint-epochs": 0}
MODELS = {
    "ripplenet": {"dim": 32, "hops": 1, "memory": 32, "chunk": 8},
    "kgcn": {"dim": 16, "hops": 1, "neighbors": 8, "chunk": 8},
    "bpr_mf": {"dim": 64, "chunk": 1},
}
SCRATCH = {"learning-rate": [.0025, .005, .01, .02], "batch-size": [1024, 256], "fresh-negatives": [0, 1],
           "average": [0, .5], "per-row-steps": [0, 1]}
REFRESH = {"faster": [1, 2, .5], "replay": [1, .3], "new-rows": ["drawn", "fitted"], "slower": [1, .3],
           "shrink": [1, .8], "average": [0, .5], "per-row-steps": [0, 1]}


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
        cut = len(rows) - len(rows) * 3 // 10
        parts[0].extend(rows[:cut])
        parts[1].extend(rows[cut + 1::3])
        parts[2].extend(row for n, row in enumerate(rows[cut:]) if n % 3 != 1)
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


def combinations(space):
    return [dict(zip(space, values)) for values in itertools.product(*space.values())]


def trial(args, model, path, day, what, setting, options):
    """A setting from scratch with its validation AUC and best epoch, means over CHOICE_SEEDS."""
    runs = [saved(args, f"{model}.choice.{what}.{seed}", lambda: train(
        args, path, day, "trial", seed, options)) for seed in CHOICE_SEEDS]
    return {"setting": setting, "options": options, "valid": statistics.fmean(run["valid"] for run in runs),
            "epoch": round(statistics.fmean(run["epoch"] for run in runs))}


def choose(args, model):
    """The best training from scratch, its epochs by day, and all trials, the best first; validation only."""
    path = args.out / f"{model}.choice.undula"
    advance(args, path, 2)
    most = {"epochs": args.most, "patience": 10}
    space = {key: values for key, values in SCRATCH.items() if key != "fresh-negatives" or model != "bpr_mf"}
    scratch = [trial(args, model, path, 2, f"scratch.{number:02}", setting,
                     {"model": model, **COMMON, **MODELS[model], **most, **setting})
               for number, setting in enumerate(combinations(space))]
    best = max(tried["valid"] for tried in scratch)
    scratch.sort(key=lambda tried: (tried["setting"]["learning-rate"] if tried["valid"] > best - TIE else 1,
                                    tried["valid"] <= best - TIE or tried["setting"]["per-row-steps"],
                                    -tried["valid"]))
    options = {key: value for key, value in scratch[0]["options"].items() if key not in most}
    path = args.out / f"{model}.days.undula"
    epochs = []
    for day in range(1, DAYS + 1):
        advance(args, path, day)
        epochs.append(trial(args, model, path, day, f"day{day}", {}, {**options, **most})["epoch"])
    return options, epochs, scratch, choose_refresh(args, model, options, epochs)


def choose_refresh(args, model, scratch, epochs):
    """All settings with the mean of their validation AUC over days and seeds, the finalists first."""
    # RippleNet has no rows of users, and so none that could be fitted.
    tried = [{"name": "-".join(map(str, setting.values())), "setting": setting, "valid": []}
             for setting in combinations(REFRESH)
             if model != "ripplenet" or setting["new-rows"] == "drawn"]
    for seed in CHOICE_SEEDS:
        settings = tried if seed == CHOICE_SEEDS[0] else tried[:FINALISTS]
        try_refresh(args, model, scratch, epochs, seed, settings)
        tried.sort(key=lambda one: (-len(one["valid"]), -statistics.fmean(one["valid"])))
    return [{**one, "valid": statistics.fmean(one["valid"])} for one in tried]


def try_refresh(args, model, scratch, epochs, seed, settings):
    path = args.out / f"{model}.refresh.{seed}.undula"
    for day in range(1, DAYS + 1):
        advance(args, path, day)
        for by_row in REFRESH["per-row-steps"] if day == 1 else []:
            saved(args, f"{model}.choice.base-{by_row}.{seed}", lambda: train(
                args, path, 1, f"base-{by_row}", seed,
                {**scratch, "per-row-steps": by_row, "epochs": epochs[0]}))
        for one in settings if day > 1 else []:
            start = f"base-{one['setting']['per-row-steps']}" if day == 2 else f"refreshed-{one['name']}-{day - 1}"
            options = refresh_options(args, scratch, day, epochs[day - 1], one["setting"])
            facts = saved(args, f"{model}.choice.refresh.{one['name']}.{day}.{seed}", lambda: train(
                args, path, day, f"refreshed-{one['name']}-{day}", seed, options, start))
            one["valid"].append(facts["valid"])


def refresh_options(args, scratch, day, from_scratch, setting):
    epochs = refresh_epochs(args, day, from_scratch, setting["replay"])
    return {"checkpoint-epochs": 0, "keep-optimizer": "true", "replay": setting["replay"],
            "new-rows": setting["new-rows"], "learning-rate": setting["faster"] * scratch["learning-rate"],
            "decay": setting["slower"] ** (1 / epochs), "epochs": epochs,
            **{key: setting[key] for key in ("shrink", "average", "per-row-steps")}}


def rows_in(args, day):
    with open(args.out / f"day{day}" / "train.csv") as file:
        return sum(1 for _ in file) - 1


def refresh_epochs(args, day, from_scratch, replay):
    """As many epochs as have BUDGET of the rows that training from scratch works through."""
    old, rows = rows_in(args, day - 1), rows_in(args, day)
    return max(1, int(BUDGET * from_scratch * rows / (rows - old + replay * old)))


def test(args, path, stored):
    def row(protocol):
        rows = quality.run([args.undula, "evaluate", path, "--model", stored, "--protocol", protocol,
                            "--at", "20", "--no-baselines", "--format", "json",
                            "--quiet"])
        return json.loads(rows.splitlines()[0])
    return {"auc": row("ctr")["auc"], "recall": row("ranking")["recall@20"]}


def run_seed(args, model, seed, scratch, epochs, setting):
    path = args.out / f"{model}.{seed}.undula"
    results = []
    for day in range(1, DAYS + 1):
        advance(args, path, day)

        def once(way):
            start = None if way == "scratch" or day == 1 else f"refreshed-{day - 1}"
            stored = f"{way}-{day}"
            options = {**scratch, "epochs": epochs[day - 1]}
            if way == "refreshed":
                options["per-row-steps"] = setting["per-row-steps"]
            if start:
                options = refresh_options(args, scratch, day, epochs[day - 1], setting)
            facts = train(args, path, day, stored, seed, options, start)
            return {**facts, **test(args, path, stored)}
        results.append({way: saved(args, f"{model}.{seed}.{way}.{day}", lambda: once(way))
                        for way in ("scratch", "refreshed")})
    return results


def describe(tried):
    """'replay 1 new-rows fitted faster 2 .8123, ...'"""
    return ", ".join(" ".join(f"{key} {value}" for key, value in trial["setting"].items()) + f" {trial['valid']:.4f}"
                     for trial in tried)


def report(model, epochs, scratch, refresh, seeds):
    print(f"\n- {model}: epochs from scratch by day {'/'.join(map(str, epochs))}; scratch: "
          f"{describe(scratch)}; refresh: {describe(refresh)}\n")
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
    parser.add_argument("--most", type=int, default=60, help="epochs tried from scratch")
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    prepare(args.out)
    for model in args.model or MODELS:
        options, epochs, scratch, refresh = choose(args, model)
        seeds = [run_seed(args, model, seed, options, epochs, refresh[0]["setting"])
                 for seed in range(1, args.seeds + 1)]
        report(model, epochs, scratch, refresh, seeds)


if __name__ == "__main__":
    main()
