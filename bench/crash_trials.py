#!/usr/bin/env python3
"""Kills the program at random points and fills its disk; nothing committed may be lost.

    bench/crash_trials.py --undula build/release/bin/undula --out build/crash
                          [--trials 500] [--disk 50] [--kinds import_new,...] [--seed 1]
                          [--bench build/release/bench] [--report docs/reliability.md]

--bench names the folder of store_bench (looks for what was left behind) and store_readers (writes the
updates).

Kinds: import_new (bulk import into a new file), import_into (into a database with data), update
(transactions one after the other, each reported), train (with checkpoints), score; disk_limit (RLIMIT_FSIZE with
SIGXFSZ ignored) and disk_tmpfs (a tiny file system; needs root) over the same jobs. Half of the kills
come after a random time, half at a random file-changing system call, every second of these in the
middle of a write (bench/crash_shim.c).

After each trial: the database opens; its counts and contents are those before the job or after one of
its transactions, and not older than what the program reported as done; `verify` passes; the next open
for writing leaves no dead table and no temporary file. A killed training or scoring is run again until
it ends: model and rows must have the bytes of an undisturbed run.

One line a trial in OUT/KIND.jsonl, so a stopped run goes on where it was. --report adds one row for
each kind to the table of the file.
"""
import argparse
import collections
import datetime
import hashlib
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COUNTED = ("entities", "relations", "triples", "attributes", "literals", "users", "items",
           "interactions", "links", "models", "social edges", "social")
BASE = "http://e.example/"
KILLED, DISK_FULL = -signal.SIGKILL, 8  # 8: RESOURCE_EXHAUSTED


class Failure(Exception):
    pass


def triples(seed, count, entities):
    draw = random.Random(seed)
    lines = set()
    while len(lines) < count:
        head, tail = draw.randrange(entities), int(entities * draw.random() ** 3)
        relation = draw.randrange(6)
        if relation == 5:
            lines.add(f'<{BASE}{head}> <{BASE}name> "name {tail}"@en .')
        else:
            lines.add(f"<{BASE}{head}> <{BASE}r{relation}> <{BASE}{tail}> .")
    return sorted(lines)


def interactions(seed, users, items, each):
    draw = random.Random(seed)
    rows = ["user\titem\trating\ttime"]
    for user in range(users):
        for item in sorted({int(items * draw.random() ** 2) for _ in range(each)}):
            rows.append(f"u{user}\t{BASE}{item}\t1\t{1000 + user}")
    return rows


class Trials:
    def __init__(self, args):
        self.args = args
        self.program = str(Path(args.undula).resolve())
        self.leftovers = str(Path(args.bench).resolve() / "store_bench")
        self.writer = str(Path(args.bench).resolve() / "store_readers")
        self.out = Path(args.out).resolve()
        self.work = self.out / "work"
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
        self.shim = self.out / "crash_shim.so"
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", str(ROOT / "bench/crash_shim.c"), "-o",
                        str(self.shim), "-ldl"], check=True)
        verbs = self.call(["--help"]).stdout
        self.has_verify = " verify " in verbs
        self.durations = collections.defaultdict(list)
        self.made = {}

    # -- running the program -------------------------------------------------------------------
    def call(self, arguments, **options):
        return subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True,
                              **options)

    def must(self, *arguments):
        result = self.call(arguments)
        if result.returncode != 0:
            raise Failure(f"undula {' '.join(map(str, arguments))}: exit {result.returncode}: "
                          f"{result.stderr.strip()[-300:]}")
        return result.stdout

    def calls_of(self, arguments, program=None):
        """File-changing system calls of an undisturbed run."""
        count = self.work / "calls"
        result = subprocess.run([program or self.program, *map(str, arguments)],
                                capture_output=True, text=True,
                                env={**os.environ, "LD_PRELOAD": str(self.shim),
                                     "CRASH_COUNT": str(count)})
        if result.returncode != 0:
            raise Failure(f"{arguments}: {result.stderr[-300:]}")
        return int(count.read_text())

    def crash(self, arguments, draw, calls, key, program=None):
        """Runs and kills. Gives (exit code, standard output, how)."""
        environment, how, delay = dict(os.environ), "time", None
        if draw.random() < 0.5:
            how = "call"
            environment.update(LD_PRELOAD=str(self.shim), CRASH_AT=str(draw.randint(1, calls)))
            if draw.random() < 0.5:
                how = "torn write"
                environment["CRASH_HALF"] = "1"
        else:
            known = sorted(self.durations[key]) or [0.2]
            delay = draw.random() * 1.05 * known[len(known) // 2]
        start = time.monotonic()
        child = subprocess.Popen([program or self.program, *map(str, arguments)], env=environment,
                                 text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            output, errors = child.communicate(timeout=delay)
        except subprocess.TimeoutExpired:
            child.kill()
            output, errors = child.communicate()
        code = child.returncode
        if code == 0:
            self.durations[key] = self.durations[key][-20:] + [time.monotonic() - start]
        elif code != KILLED:
            raise Failure(f"exit {code}: {errors.strip()[-300:]}")
        return code, output, how

    # -- the state of a database ---------------------------------------------------------------
    def state(self, db):
        if not Path(db).exists():
            return "absent"
        rows = [json.loads(line) for line in
                self.must("stats", db, "--format", "json").splitlines()]
        counts = {row["what"]: row["count"] for row in rows if row.get("what") in COUNTED}
        digest = hashlib.sha256()
        for what in ("triples", "interactions"):
            file = self.work / "export"
            self.must("export", db, what, file, "--quiet")
            digest.update("\n".join(sorted(file.read_text().splitlines())).encode())
        return json.dumps(counts, sort_keys=True) + digest.hexdigest()[:16]

    def check(self, db, allowed, clean):
        """The state, one of `allowed`; where `clean`, also after an open for writing."""
        state = self.state(db)
        if state not in allowed:
            raise Failure(f"state {state} is none of {len(allowed)} allowed ones")
        if state == "absent":
            return state
        if self.has_verify:
            self.must("verify", db)
        if clean:
            result = subprocess.run([self.leftovers, "leftovers", str(db)], capture_output=True,
                                    text=True)
            if result.returncode != 0:
                raise Failure("leftovers: " + (result.stdout + result.stderr).strip()[-300:])
            if self.state(db) != state:
                raise Failure("the open for writing changed the state")
            folder = Path(db).parent
            stray = [p.name for p in folder.iterdir()
                     if p.name not in (Path(db).name, Path(db).name + "-lock")
                     and not p.name.startswith(Path(db).name + ".ckpt")
                     and not p.name.startswith("top.tsv")]
            if stray:
                raise Failure(f"files left behind: {stray}")
        return state

    # -- inputs, made once ---------------------------------------------------------------------
    def inputs(self):
        if self.made:
            return self.made
        work = self.work
        files = {"a.nt": triples(1, 1500, 400), "b.nt": triples(2, 1500, 600),
                 "b.tsv": interactions(3, 40, 60, 8), "big.tsv": interactions(4, 3000, 60, 3)}
        for name, lines in files.items():
            (work / name).write_text("\n".join(lines) + "\n")
        base = work / "base.undula"
        self.must("import", base, work / "a.nt", work / "b.tsv", "--quiet")
        self.must("link", base, "--method", "identity")
        (work / "train").mkdir()
        model = work / "train/model.undula"
        self.must("import", model, work / "a.nt", work / "big.tsv", "--quiet")
        self.must("link", model, "--method", "identity")
        self.made = {"base": base, "model": model}
        return self.made

    def fresh(self, name, source=None):
        folder = self.work / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        db = folder / "t.undula"
        if source:
            shutil.copyfile(source, db)
        return db

    def states_of(self, steps, db):
        """State before the first command and after each."""
        states = [self.state(db)]
        for step in steps:
            self.must(*step)
            states.append(self.state(db))
        return states

    # -- jobs: what is killed ------------------------------------------------------------------
    def job(self, kind):
        """(commands(db) in order run as one, source database, allowed states in order)."""
        self.inputs()
        work = self.work
        if kind == "import_new":
            steps = [["import", None, work / "a.nt", "--quiet"],
                     ["import", None, work / "b.tsv", "--quiet"]]
            command = ["import", None, work / "a.nt", work / "b.tsv", "--quiet"]
            source = None
        elif kind == "import_into":
            steps = [["import", None, work / "b.nt", "--quiet"]]
            command, source = steps[0], self.made["base"]
        else:
            raise ValueError(kind)
        db = self.fresh("reference", source)
        allowed = self.states_of([[db if x is None else x for x in s] for s in steps], db)
        if kind == "import_new":  # also a file made, but nothing in it yet
            empty = self.fresh("reference")
            (work / "none.nt").write_text("")
            self.call(["import", empty, work / "none.nt", "--quiet"])
            allowed.insert(1, self.state(empty))  # a refused import leaves such a file
        return command, source, allowed

    # -- trials --------------------------------------------------------------------------------
    def kill_changes(self, kind):
        """Trials of a job that changes the database; a generator of results."""
        command, source, allowed = self.job(kind)
        with_db = lambda db: [db if x is None else x for x in command]
        calls = self.calls_of(with_db(self.fresh("count", source)))
        for trial in self.numbers(kind):
            draw = random.Random(f"{self.args.seed} {kind} {trial}")
            if trial % 8 == 0 or "db" not in locals():  # else on what the last crash left
                db, at = self.fresh(kind, source), 0
            before = at
            code, output, how = self.crash(with_db(db), draw, calls, kind)
            least = len(allowed) - 1 if code == 0 else before
            state = self.check(db, allowed[least:], trial % 3 != 0)
            at = allowed.index(state, least)
            yield {"how": how, "killed": code == KILLED, "moved": at - before, "of": len(allowed)}
            if at == len(allowed) - 1 or (kind != "import_into" and at > 0):
                del db
                continue

    def rounds_of(self, db, accounts):
        """The last committed round: the contents must be those after it and of no other."""
        both = []
        for what in ("triples", "interactions"):
            file = self.work / "export"
            self.must("export", db, what, file, "--quiet")
            found = collections.Counter(re.findall(r"/entry/(-?[0-9]+)/", file.read_text()))
            both.append(found)
        last = max(map(int, both[0]))
        want = {str(round): 10 for round in range(last - accounts + 1, last + 1)}
        if both[0] != want or both[1] != want:
            raise Failure(f"round {last}: not the contents of a committed state: {both}")
        return last

    def kill_updates(self):
        accounts, rounds = 30, 25
        source = self.work / "accounts.undula"
        if not source.exists():
            subprocess.run([self.writer, "make", str(source), str(accounts)], check=True)
        command = lambda db, start: ["write", db, accounts, start, rounds]
        calls = self.calls_of(command(self.fresh("count", source), 0), self.writer)
        db = None
        for trial in self.numbers("update"):
            draw = random.Random(f"{self.args.seed} update {trial}")
            if db is None or trial % 8 == 0:
                db, last = self.fresh("update", source), -1
            code, output, how = self.crash(command(db, last + 1), draw, calls, "update", self.writer)
            told = [int(line.split()[1]) for line in output.splitlines()
                    if line.startswith("committed")] or [last]
            now = self.rounds_of(db, accounts)
            # The kill may come between a commit and its report, never the other way.
            if now not in (told[-1], told[-1] + 1) or (code == 0 and now != last + rounds):
                raise Failure(f"reported up to round {told[-1]}, stored up to {now}")
            self.check(db, [self.state(db)], trial % 3 != 0)
            yield {"how": how, "killed": code == KILLED, "moved": now - last}
            last = now

    def train_command(self, db):
        return ["train", db, "--model", "bpr_mf", "--epochs", "8", "--dim", "8", "--threads", "1",
                "--quiet"]

    def kill_train(self):
        source = self.inputs()["model"]
        db = self.fresh("train_reference", source)
        before = self.state(db)
        calls = self.calls_of(self.train_command(db))
        after = self.state(db)
        reference = self.model_bytes(db)
        db = None
        for trial in self.numbers("train"):
            draw = random.Random(f"{self.args.seed} train {trial}")
            if db is None:
                db, kills = self.fresh("train_trial", source), 0
            code, output, how = self.crash(self.train_command(db), draw, calls, "train")
            state = self.check(db, [after] if code == 0 else [before, after], trial % 3 != 0)
            kills += 1
            ended = state == after
            if kills == 6 and not ended:
                self.must(*self.train_command(db))
                state, ended = self.check(db, [after], True), True
            if ended:
                if self.model_bytes(db) != reference:
                    raise Failure("the resumed model differs from the undisturbed one")
                db = None
            yield {"how": how, "killed": code == KILLED, "moved": int(state == after),
                   "resumed": ended}

    def model_bytes(self, db):
        file = self.work / "model.safetensors"
        self.must("export", db, "model", file, "--quiet")
        # The header names times and seconds of the training; the tensors behind it must be equal.
        data = file.read_bytes()
        return hashlib.sha256(data[8 + int.from_bytes(data[:8], "little"):]).hexdigest()

    def kill_score(self):
        source = self.inputs()["model"]
        db = self.fresh("score_trial", source)
        self.must(*self.train_command(db))
        top = db.parent / "top.tsv"
        command = ["score", db, "-o", top, "-k", "10", "--threads", "1", "--quiet"]
        before = self.state(db)
        calls = self.calls_of(command)
        reference = top.read_bytes()
        top.unlink()
        tries = 0
        for trial in self.numbers("score"):
            draw = random.Random(f"{self.args.seed} score {trial}")
            code, output, how = self.crash(command, draw, calls, "score")
            tries += 1
            if trial % 8 == 0:
                self.check(db, [before], False)
            if tries == 4 and not top.exists():
                self.must(*command)
            if top.exists():
                if top.read_bytes() != reference:
                    raise Failure("the resumed rows differ from the undisturbed ones")
                stray = [p.name for p in db.parent.glob("top.tsv*") if p != top]
                if stray and code == 0:
                    raise Failure(f"files left behind: {stray}")
                for path in db.parent.glob("top.tsv*"):
                    path.unlink()
                tries = 0
            elif code == 0:
                raise Failure("reported as done, but there is no output")
            yield {"how": how, "killed": code == KILLED, "resumed": tries == 0}

    def disk(self, kind):
        """Import, training and scoring in turn on a disk that is too small."""
        tmpfs = kind == "disk_tmpfs"
        jobs = {}
        for name in ("import_new", "import_into"):
            jobs[name] = self.job(name)
        db = self.fresh("train_reference", self.inputs()["model"])
        states = [self.state(db)]
        self.must(*self.train_command(db))
        jobs["train"] = (self.train_command(None), self.made["model"],
                         states + [self.state(db)])
        trained = self.work / "trained.undula"
        shutil.copyfile(db, trained)
        jobs["score"] = (["score", None, "-o", "OUT", "-k", "10", "--quiet"], trained,
                         [self.state(db)])
        names = sorted(jobs)
        for trial in self.numbers(kind):
            draw = random.Random(f"{self.args.seed} {kind} {trial}")
            name = names[trial % len(names)]
            command, source, allowed = jobs[name]
            folder = self.work / "disk"
            if folder.exists():
                shutil.rmtree(folder)
            folder.mkdir()
            have = source.stat().st_size if source else 0
            room = draw.randrange(4096, 400_000)
            try:
                limit = None
                if tmpfs:
                    size = (have + 16384 + room) // 4096 * 4096
                    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs",
                                    str(folder)], check=True)
                elif name != "score":
                    limit = have + room
                else:
                    limit = room
                db = folder / "t.undula"
                if source:
                    shutil.copyfile(source, db)
                paths = {None: db, "OUT": folder / "top.tsv"}
                command = [paths.get(x, x) for x in command]

                def little_room():
                    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                    if limit is not None:
                        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

                result = self.call(command, preexec_fn=little_room)
                code = result.returncode
                if code not in (0, DISK_FULL):
                    raise Failure(f"{name}: exit {code}: {result.stderr.strip()[-300:]}")
                least = allowed[-1:] if code == 0 else allowed
                # On a full tmpfs the export of check() goes elsewhere; the lock file is there.
                self.check(db, least, False)
                kept = self.fresh("disk_after") if db.exists() else None
                if kept:  # with room again the same job works
                    shutil.copyfile(db, kept)
                    if name not in ("score", "train"):
                        paths = {None: kept}
                        again = [kept if x == db else x for x in command]
                        self.must(*again)
                        if self.state(kept) != allowed[-1]:
                            raise Failure(f"{name}: not complete when run again with room")
            finally:
                if tmpfs:
                    subprocess.run(["umount", str(folder)], check=False)
            yield {"how": name, "killed": code == DISK_FULL}

    # -- bookkeeping ---------------------------------------------------------------------------
    def numbers(self, kind):
        """Trial numbers that are still to be done: until enough of them hit."""
        want = self.args.disk if kind.startswith("disk") else self.args.trials
        rows = self.rows(kind)
        number, hits = len(rows), sum(row["killed"] for row in rows)
        self.hits = hits
        while self.hits < want:
            yield number
            number += 1

    def rows(self, kind):
        path = self.out / f"{kind}.jsonl"
        return [json.loads(line) for line in path.open()] if path.exists() else []

    def run(self, kind):
        trials = {"train": self.kill_train, "score": self.kill_score,
                  "update": self.kill_updates}.get(kind)
        if trials is None:
            trials = (lambda: self.disk(kind)) if kind.startswith("disk") else (
                lambda: self.kill_changes(kind))
        with open(self.out / f"{kind}.jsonl", "a", encoding="utf-8") as log:
            for row in trials():
                self.hits += row["killed"]
                log.write(json.dumps(row) + "\n")
                log.flush()


KINDS = ["import_new", "import_into", "update", "train", "score", "disk_limit", "disk_tmpfs"]


def report(trials, path):
    """Adds a row for each kind after the last one of the section "Crash trials"."""
    revision = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"],
                              capture_output=True, text=True).stdout.strip()
    day = datetime.date.today().isoformat()
    lines = Path(path).read_text(encoding="utf-8").splitlines(keepends=True)
    start = lines.index("## Crash trials\n")
    end = next((i for i in range(start + 1, len(lines)) if lines[i].startswith("## ")), len(lines))
    at = 1 + max(i for i in range(start, end) if lines[i].startswith("|"))
    for kind in KINDS:
        rows = trials.rows(kind)
        if not rows:
            continue
        how = collections.Counter(row["how"] for row in rows if row["killed"])
        by = ", ".join(f"{name} {count}" for name, count in sorted(how.items()))
        lines.insert(at, f"| {day} | {revision} | {kind} | {len(rows)} | {sum(how.values())} | {by} "
                         f"| {sum(1 for r in rows if r.get('moved', 0) > 0)} | 0 | 0 |\n")
        at += 1
    Path(path).write_text("".join(lines), encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--undula", required=True)
    parser.add_argument("--bench", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--trials", type=int, default=500)
    parser.add_argument("--disk", type=int, default=50)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", default="")
    args = parser.parse_args()
    os.nice(19)
    trials = Trials(args)
    failed = 0
    for kind in args.kinds.split(","):
        if kind == "disk_tmpfs" and os.geteuid() != 0:
            print("disk_tmpfs: not run, needs root to mount")
            continue
        start = time.time()
        try:
            trials.run(kind)
        except Failure as failure:
            failed += 1
            keep = trials.out / f"failed_{kind}_{int(start)}"
            shutil.copytree(trials.work, keep, ignore_dangling_symlinks=True)
            print(f"{kind}: FAILED in trial {len(trials.rows(kind))}: {failure}; files in {keep}")
            continue
        rows = trials.rows(kind)
        print(f"{kind}: {len(rows)} trials, {sum(r['killed'] for r in rows)} hit, none lost "
              f"({time.time() - start:.0f} s)", flush=True)
    if args.report and not failed:
        report(trials, args.report)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
