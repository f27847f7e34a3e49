#!/usr/bin/env python3
"""The store beside other stores: import, size, look-ups, scans, snapshots, updates. One run, one table.

    bench/store_bench.py --undula build/release/bin/undula --store-bench build/release/bench/store_bench \\
        --work build/store_bench [--data kg1m,kg10m] [--peers serd,oxigraph,duckdb,kuzu,hdt] \\
        [--hdt-driver PROGRAM] [--bounded kg50m,512MiB,kg10m,256MiB]
    bench/store_bench.py --work build/store_bench --table

Data come from the graph generator (UNDULA_SHARED/data/gen_kg.py, seed 7), made where missing; --base
names a folder that has them. Peers from PyPI (pyoxigraph, duckdb, kuzu) are installed into a virtual
environment in the work folder. HDT needs hdt-cpp and the driver UNDULA_SHARED/peers/store_hdt.cpp
compiled by the caller. One result file for each (data, peer, metric group): a stopped run goes on where
it was; --fresh GROUP measures again. Figures are medians, rates per CPU second of all threads of the
measuring process. --bounded imports data sets with `--memory` and without and compares the contents: the
sum of the exported lines and the content sums of `verify`.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("UNDULA_SHARED") or ROOT.parent / "shared")
SIZES = {"kg100k": 100_000, "kg1m": 1_000_000, "kg10m": 10_000_000, "kg50m": 50_000_000}
PYTHON_PEERS = {"oxigraph": "pyoxigraph", "duckdb": "duckdb", "kuzu": "kuzu"}
NAMES = {"undula": "Undula", "serd": "Serd alone", "oxigraph": "Oxigraph (RocksDB)",
         "duckdb": "DuckDB", "kuzu": "Kuzu", "hdt": "HDT (read-only)"}

# metric -> (heading, unit, goal for kg1m, goal for kg10m, larger is better)
METRICS = {
    "parse": ("parse alone, statements/s", 1e6, None, None, True),
    "import": ("import, distinct triples/s", 1e3, 900, 750, True),
    "bytes_per_triple": ("bytes a triple, all in", 1, 24, 24, False),
    "compact_bytes_per_triple": ("the same, compact dictionary", 1, 19, 19, False),
    "compact_import": ("import, compact dictionary", 1e3, None, None, True),
    "import_peak_rss": ("import, peak RSS, MiB", 1, None, None, False),
    "bounded_import": ("import with --memory, distinct triples/s", 1e3, None, None, True),
    "unbounded_import": ("the same without", 1e3, None, None, True),
    "bounded_import_peak_anonymous": ("import with --memory, peak anonymous memory, MiB", 1, None,
                                      None, False),
    "unbounded_import_peak_anonymous": ("the same without", 1, None, None, False),
    "bounded_equal": ("contents of both equal", 1, 1, 1, True),
    "import_peak_anonymous": ("import, peak anonymous memory, MiB", 1, None, None, False),
    "open_first_answer": ("open to first answer, CPU ms", 1, None, None, False),
    "scan": ("decoded full scan, edges/s", 1e6, 130, 130, True),
    "lookup_I_edges": ("out-edges from an id", 1e3, 2500, 1400, True),
    "lookup_I": ("out-edges and attributes from an id", 1e3, None, None, True),
    "lookup_S": ("S: out-edges from a term", 1e3, 500, 300, True),
    "lookup_O": ("O: in-edges from a term", 1e3, None, None, True),
    "lookup_D": ("D: as S, hubs", 1e3, None, None, True),
    "lookup_P": ("P: (relation, tail) to heads", 1e3, None, None, True),
    "lookup_H": ("H: 2 hops from a term", 1e3, 260, 200, True),
    "lookup_T": ("S with every result as text", 1e3, None, None, True),
    "csr_s_10m": ("CSR, one direction, CPU s a 10 M edges", 1, None, 0.13, False),
    "snapshot_s_10m": ("whole Snapshot, CPU s a 10 M edges", 1, None, 0.3, False),
    "refresh_s_10m": ("Snapshot refreshed after 1000 changes, CPU s a 10 M edges", 1, None, None,
                      False),
    "update_batch": ("updates, batches of 1000, triples/s", 1e3, 85, 60, True),
    "update_floor": ("what the system alone takes for these, triples/s", 1e3, None, None, True),
    "update_batch_text": ("the same from terms", 1e3, None, None, True),
    "update_single": ("updates one by one, triples/s", 1e3, None, None, True),
}


def run(command, cpu_of_child=True):
    """Runs; (output, CPU seconds, peak RSS MiB, peak anonymous MiB, wall seconds) of the process."""
    start = time.monotonic()
    child = subprocess.Popen([str(x) for x in command], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
    anonymous = [0]
    ended = threading.Event()

    def watch():
        while not ended.wait(0.01):
            try:
                status = Path(f"/proc/{child.pid}/status").read_text()
            except OSError:
                return
            for line in status.splitlines():
                if line.startswith("RssAnon:"):
                    anonymous[0] = max(anonymous[0], int(line.split()[1]) / 1024)

    watcher = threading.Thread(target=watch)
    watcher.start()
    errors = []
    reader = threading.Thread(target=lambda: errors.append(child.stderr.read()))
    reader.start()
    output = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    ended.set()
    watcher.join()
    reader.join()
    if child.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: exit {child.returncode}: "
                           f"{errors[0].strip()[-400:]}")
    return (output, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, anonymous[0],
            time.monotonic() - start)


def digits(value):
    """Three of them, more only before the point: 2763, 27.6, 0.0685."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def lines_of(output):
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


class Bench:
    def __init__(self, args):
        self.args = args
        self.work = Path(args.work).resolve()
        self.results = self.work / "results"
        self.results.mkdir(parents=True, exist_ok=True)
        self.base = Path(args.base).resolve() if args.base else self.work
        self.import_help = ""
        if args.undula:
            self.import_help = subprocess.run([args.undula, "import", "--help"], text=True,
                                              capture_output=True).stdout

    def group(self, data, peer, name, measure):
        """Measures once; the rows are kept in a file."""
        path = self.results / f"{data}.{peer}.{name}.jsonl"
        if path.exists() and name not in self.args.fresh and f"{peer}.{name}" not in self.args.fresh:
            return
        try:
            rows = measure()
        except (RuntimeError, OSError) as error:
            rows = [{"metric": "not_run", "note": str(error)}]
            print(f"{data} {peer} {name}: not run: {error}", flush=True)
        for row in rows:
            row.update(peer=peer, data=data, time=int(time.time()),
                       load=round(os.getloadavg()[0], 1))
        partial = path.with_suffix(".part")
        partial.write_text("".join(json.dumps(row) + "\n" for row in rows))
        partial.replace(path)
        print(f"{data} {peer} {name}: {len(rows)} rows", flush=True)

    def data(self, name, *options):
        base = self.base / name
        if not Path(f"{base}.meta.json").exists():
            print(f"making {base}.nt", flush=True)
            subprocess.run([sys.executable, SHARED / "data/gen_kg.py", "--triples",
                            str(SIZES[name]), "--seed", "7", "--out", base, *options], check=True)
        return base

    # -- Undula --------------------------------------------------------------------------------
    def import_file(self, source, target, prefix="", *options):
        for path in (target, Path(f"{target}-lock")):
            path.unlink(missing_ok=True)
        _, cpu, rss, anonymous, wall = run([self.args.undula, "import", target, source, "--quiet",
                                            *options])
        stats = {row["what"]: row["count"] for row in lines_of(
            run([self.args.undula, "stats", target, "--format", "json"])[0]) if "what" in row}
        distinct = stats["triples"] + stats["attributes"]
        size = target.stat().st_size
        return [{"metric": prefix + metric, "value": value, "rows": distinct} for metric, value in
                (("import", distinct / cpu), ("import_cpu_s", cpu), ("import_wall_s", wall),
                 ("import_peak_rss", rss), ("import_peak_anonymous", anonymous),
                 ("bytes_per_triple", size / distinct))]

    def undula(self, data, base):
        db = self.work / f"{data}.undula"
        source, queries = f"{base}.nt", f"{base}.q.tsv"
        repeats = 3 if SIZES[data] <= 1_000_000 else 2
        self.group(data, "undula", "import", lambda: sum(
            (self.import_file(source, db) for _ in range(repeats)), []))
        if self.args.compact_option in self.import_help:
            compact = self.work / f"{data}.compact.undula"
            self.group(data, "undula", "compact", lambda: self.import_file(
                source, compact, "compact_", *self.args.compact.split()))
        tool = self.args.store_bench
        for verb, arguments in (("open", [queries]), ("scan", []), ("query", [queries]),
                                ("snapshot", [])):
            self.group(data, "undula", verb,
                       lambda: lines_of(run([tool, verb, db, *arguments])[0]))
        copy = self.work / f"{data}.updates.undula"

        def updates():
            copy.write_bytes(db.read_bytes())
            return lines_of(run([tool, "update", copy, queries])[0])

        self.group(data, "undula", "update", updates)

    # -- peers ---------------------------------------------------------------------------------
    def python(self):
        environment = self.work / "venv"
        if not (environment / "done").exists():
            subprocess.run([sys.executable, "-m", "venv", environment], check=True)
            subprocess.run([environment / "bin/pip", "install", "-q",
                            *PYTHON_PEERS.values()], check=True)
            (environment / "done").touch()
        return environment / "bin/python"

    def peer(self, data, base, peer):
        if peer == "serd":
            self.group(data, peer, "parse", lambda: lines_of(
                run([self.args.store_bench, "serd", f"{base}.nt"])[0]))
        elif peer == "hdt":
            self.hdt(data, base)
        else:
            folder = self.work / "peers"
            folder.mkdir(exist_ok=True)
            script = ROOT / "bench/store_peers.py"
            if peer != "oxigraph":
                subprocess.run([sys.executable, script, "csv", base, folder], check=True)
            for verb in ("load", "query"):
                self.group(data, peer, verb, lambda: lines_of(
                    run([self.python(), "-W", "ignore", script, peer, verb, base, folder])[0]))

    def hdt(self, data, base):
        if not self.args.hdt_driver:
            print("hdt: not run, no --hdt-driver", flush=True)
            return
        file = self.work / f"{data}.hdt"
        renamed = {"peak_rss": "import_peak_rss", "disk": "bytes_per_triple",
                   "open_first_query": "open_first_answer", "lookup_S_text": "lookup_T"}

        def measure(verb):
            rows = lines_of(run([self.args.hdt_driver, f"{base}.nt", f"{base}.q.tsv", file, verb])[0])
            return [{"metric": renamed.get(row["metric"], row["metric"]), "value": row["value"],
                     "rows": row.get("rows", 0)} for row in rows
                    if not (row["metric"].endswith("_text") and row["metric"] != "lookup_S_text")]

        for verb in ("load", "query"):
            self.group(data, "hdt", verb, lambda: measure(verb))

    # -- an import that must not need much memory ----------------------------------------------
    def bounded(self, data, base, memory):
        rows = []
        sums = []
        for prefix, options in (("bounded_", ["--memory", memory]), ("unbounded_", [])):
            db = self.work / f"{data}.{prefix}.undula"
            rows += self.import_file(f"{base}.nt", db, prefix, *options)
            content = run([self.args.undula, "verify", db, "--content-sum", "--quiet",
                           "--format", "json"])[0]
            export = self.work / "export.nt"
            run([self.args.undula, "export", db, "triples", export, "--quiet"])
            sums.append(lines_of(run([self.args.store_bench, "linesum", export])[0])[0])
            sums[-1]["content"] = [line for line in content.splitlines() if "content" in line]
            rows[-1]["note"] = (f"{' '.join(options)}: sum of the exported lines' hashes "
                                f"{sums[-1]['text']}, {sums[-1]['content']}")
            export.unlink()
            db.unlink()
        equal = all(sums[0][key] == sums[1][key] for key in ("text", "rows", "content"))
        return rows + [{"metric": "bounded_equal", "value": int(equal), "rows": sums[0]["rows"]}]

    # -- the table -----------------------------------------------------------------------------
    def table(self):
        values, counts, notes = {}, {}, []
        for path in sorted(self.results.glob("*.jsonl")):
            for row in map(json.loads, path.read_text().splitlines()):
                if row["metric"] == "not_run":
                    notes.append(f"{row['data']} {row['peer']}: not run: {row['note'][:160]}")
                    continue
                key = (row["data"], row["metric"], row["peer"])
                values.setdefault(key, []).append(row["value"])
                if row["metric"].startswith("lookup_") and row.get("rows"):
                    counts.setdefault(key, set()).add((row.get("done", 0), row["rows"]))
        out = []
        for data in sorted({key[0] for key in values}, key=lambda name: SIZES.get(name, 0)):
            peers = [p for p in NAMES if any(k[0] == data and k[2] == p for k in values)]
            others = [p for p in peers if p != "undula"]
            goal_at = 2 if SIZES.get(data, 0) <= 1_000_000 else 3
            out += [f"### {data}", "", "| measure | goal | " + " | ".join(NAMES[p] for p in peers)
                    + " | Undula : best peer |",
                    "|---|---:|" + "---:|" * len(peers) + "---:|"]
            for metric, entry in METRICS.items():
                heading, scale, goal, larger = entry[0], entry[1], entry[goal_at], entry[4]
                row = {p: statistics.median(values[data, metric, p]) for p in peers
                       if (data, metric, p) in values}
                if not row:
                    continue
                ours, rest = row.get("undula"), [row[p] for p in others if p in row]
                ratio = ""
                if ours and rest:
                    best = max(rest) if larger else min(rest)
                    ratio = f"{ours / best if larger else best / ours:.2f}"
                suffix = {1e3: " k", 1e6: " M"}.get(scale, "")
                cells = [digits(row[p] / scale) + suffix if p in row else "–" for p in peers]
                out.append(f"| {heading} | {'' if goal is None else f'{goal:g}{suffix}'} | "
                           + " | ".join(cells) + f" | {ratio} |")
            out.append("")
            for letter in "SODPHT":
                rows = {}
                for peer in peers:
                    found = counts.get((data, f"lookup_{letter}", peer), set())
                    # Peers that hit the time limit have done fewer queries; these say nothing.
                    done = max((n for n, _ in counts.get((data, f"lookup_{letter}", "undula"),
                                                         set())), default=0)
                    rows.update({peer: r for n, r in found if n in (0, done)})
                if len(set(rows.values())) > 1:
                    notes.append(f"{data} {letter}: ROWS DIFFER: {rows}")
        return "\n".join(out + [f"- {note}" for note in notes])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--undula", default="")
    parser.add_argument("--store-bench", default="")
    parser.add_argument("--work", required=True)
    parser.add_argument("--base", default="", help="folder with the generated data")
    parser.add_argument("--data", default="kg1m,kg10m")
    parser.add_argument("--peers", default="serd,oxigraph,duckdb,kuzu,hdt")
    parser.add_argument("--hdt-driver", default="")
    parser.add_argument("--compact", default="--dictionary compact", help="options of `import`")
    parser.add_argument("--compact-option", default="--dictionary")
    parser.add_argument("--bounded", default="", help="data set,memory,... to import with a bound")
    parser.add_argument("--fresh", default="", help="metric groups to measure again, comma separated")
    parser.add_argument("--table", action="store_true", help="only print the table")
    args = parser.parse_args()
    args.fresh = [name for name in args.fresh.split(",") if name]
    bench = Bench(args)
    if not args.table:
        for data in args.data.split(","):
            base = bench.data(data)
            if args.undula:
                bench.undula(data, base)
            for peer in filter(None, args.peers.split(",")):
                bench.peer(data, base, peer)
        bounds = iter(filter(None, args.bounded.split(",")))
        for data, memory in zip(bounds, bounds):
            bench.group(data, "undula", f"bounded-{memory}",
                        lambda: bench.bounded(data, bench.data(data, "--no-ttl"), memory))
    print(bench.table())


if __name__ == "__main__":
    main()
