#!/usr/bin/env python3
"""One storage peer on one data set, in its own process; JSON lines on standard output.

    store_peers.py PEER load|query DATA WORK      PEER: oxigraph, duckdb, kuzu
    store_peers.py csv DATA WORK                  DATA.nt -> WORK/DATA.{nodes,edges}.csv

DATA.nt and DATA.q.tsv come from the graph generator. Rates are per CPU second of this process (all
threads). bench/store_bench.py installs the packages and calls this. DuckDB and Kuzu get CSV that is
split and free of duplicates already, an advantage over stores that read N-Triples.
"""
import csv
import json
import os
import resource
import shutil
import sys
import time
from pathlib import Path

LIMIT = 2.0  # CPU seconds of one pass over a workload


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def out(metric, value, unit, rows=0, done=0):
    print(json.dumps({"metric": metric, "value": float(f"{value:.6g}"), "unit": unit,
                      "rows": rows, "done": done}), flush=True)


def loaded(rows, start, path):
    seconds = cpu() - start
    out("import", rows / seconds, "triples/s", rows)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    out("import_peak_rss", peak, "MiB")
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    out("bytes_per_triple", sum(p.stat().st_size for p in files) / rows, "bytes", rows)


def workload(data):
    queries = {}
    with open(data + ".q.tsv", encoding="utf-8") as file:
        for line in file:
            letter, *terms = line.rstrip("\n").split("\t")
            queries.setdefault(letter, []).append(terms)
    return queries


def ask(data, functions, scan, repeats=2):
    """functions: letter -> f(*terms) giving the number of rows; scan() gives rows."""
    for _ in range(repeats):
        start = cpu()
        rows = scan()
        out("scan", rows / (cpu() - start), "edges/s", rows)
    queries = workload(data)
    for letter, function in functions.items():
        for _ in range(repeats):
            rows = done = 0
            start = cpu()
            for terms in queries[letter[0]]:
                rows += function(*terms)
                done += 1
                if done % 64 == 0 and cpu() - start > LIMIT:
                    break
            out("lookup_" + ("T" if letter == "S_text" else letter), done / (cpu() - start),
                "queries/s", rows, done)


def remove(path):
    for name in (path, path.with_name(path.name + ".wal")):
        if name.is_dir():
            shutil.rmtree(name)
        elif name.exists():
            name.unlink()


def bare(term):
    return term[1:-1] if term.startswith("<") else term


def oxigraph(verb, data, work):
    import pyoxigraph as ox
    path = work / "oxigraph"
    if verb == "load":
        remove(path)
        start = cpu()
        store = ox.Store(str(path))
        store.bulk_load(path=data + ".nt", format=ox.RdfFormat.N_TRIPLES)
        store.flush()
        loaded(len(store), start, path)
        return
    start = cpu()
    store = ox.Store.read_only(str(path))
    node = lambda term: ox.NamedNode(bare(term))
    count = lambda *pattern: sum(1 for _ in store.quads_for_pattern(*pattern))
    first = workload(data)["S"][0][0]
    count(node(first), None, None, None)
    out("open_first_answer", (cpu() - start) * 1e3, "CPU ms")

    def hops(term):
        rows = 0
        for quad in store.quads_for_pattern(node(term), None, None, None):
            rows += 1
            if isinstance(quad.object, ox.NamedNode):
                rows += count(quad.object, None, None, None)
        return rows

    def text(term):
        rows = 0
        for quad in store.quads_for_pattern(node(term), None, None, None):
            rows += bool(quad.predicate.value) and quad.object.value is not None
        return rows

    ask(data, {"S": lambda s: count(node(s), None, None, None),
               "O": lambda o: count(None, None, node(o), None),
               "D": lambda s: count(node(s), None, None, None),
               "P": lambda p, o: count(None, node(p), node(o), None),
               "H": hops, "S_text": text},
        lambda: count(None, None, None, None))


def duckdb(verb, data, work):
    import duckdb as dd
    path = work / "duck.db"
    base = str(work / Path(data).name)
    if verb == "load":
        remove(path)
        start = cpu()
        db = dd.connect(str(path), config={"threads": 2})
        db.execute(f"CREATE TABLE n AS SELECT (row_number() OVER ())::UINTEGER AS id, t FROM "
                   f"read_csv('{base}.nodes.csv', header=false, columns={{'t':'VARCHAR'}}, "
                   "quote='\"', escape='\"')")
        db.execute("CREATE TABLE e AS SELECT a.id AS s, dense_rank() OVER (ORDER BY r.p)::USMALLINT"
                   f" AS p, b.id AS o, r.p AS pt FROM read_csv('{base}.edges.csv', header=false, "
                   "columns={'s':'VARCHAR','o':'VARCHAR','p':'VARCHAR'}, quote='\"', escape='\"') r "
                   "JOIN n a ON a.t=r.s JOIN n b ON b.t=r.o ORDER BY s,p,o")
        for statement in ("CREATE UNIQUE INDEX nt ON n(t)", "CREATE INDEX es ON e(s)",
                          "CREATE INDEX eo ON e(o)", "CHECKPOINT"):
            db.execute(statement)
        rows = db.execute("SELECT count(*) FROM e").fetchone()[0]
        db.close()
        loaded(rows, start, path)
        return
    start = cpu()
    db = dd.connect(str(path), read_only=True, config={"threads": 2})
    sql = {
        "T": "SELECT e.pt, b.t FROM n a JOIN e ON e.s=a.id JOIN n b ON b.id=e.o WHERE a.t=?",
        # Ids only: the term table has no index by id.
        "S": "SELECT p, o FROM e WHERE s=(SELECT id FROM n WHERE t=?)",
        "O": "SELECT p, s FROM e WHERE o=(SELECT id FROM n WHERE t=?)",
        "P": "SELECT s FROM e WHERE pt=? AND o=(SELECT id FROM n WHERE t=?)",
        "H": "SELECT e2.p, e2.o FROM e e1 JOIN e e2 ON e2.s=e1.o "
             "WHERE e1.s=(SELECT id FROM n WHERE t=?)",
    }
    get = lambda name, *terms: len(db.execute(sql[name], list(terms)).fetchall())
    get("S", workload(data)["S"][0][0])
    out("open_first_answer", (cpu() - start) * 1e3, "CPU ms")
    total = db.execute("SELECT count(*) FROM e").fetchone()[0]

    def scan():
        db.execute("SELECT sum(s), sum(p), sum(o) FROM e").fetchone()
        return total

    ask(data, {"S": lambda s: get("S", s), "O": lambda o: get("O", o), "D": lambda s: get("S", s),
               "P": lambda p, o: get("P", p, o),
               "H": lambda s: get("S", s) + get("H", s), "S_text": lambda s: get("T", s)}, scan)


def kuzu(verb, data, work):
    import kuzu as kz
    path = work / "kuzu.db"
    base = str(work / Path(data).name)
    count = "MATCH (:N)-[e:E]->(:N) RETURN count(e)"
    if verb == "load":
        remove(path)
        start = cpu()
        db = kz.Database(str(path))
        connection = kz.Connection(db, num_threads=2)
        connection.execute("CREATE NODE TABLE N(iri STRING, PRIMARY KEY(iri))")
        connection.execute("CREATE REL TABLE E(FROM N TO N, p STRING)")
        form = "(header=false, quote='\"', escape='\"')"
        connection.execute(f'COPY N FROM "{base}.nodes.csv" {form}')
        connection.execute(f'COPY E FROM "{base}.edges.csv" {form}')
        connection.execute("CHECKPOINT")
        rows = connection.execute(count).get_next()[0]
        loaded(rows, start, path)
        return
    start = cpu()
    db = kz.Database(str(path), read_only=True)
    connection = kz.Connection(db, num_threads=2)
    prepared = {
        "S": "MATCH (a:N {iri:$x})-[e:E]->(b:N) RETURN e.p, b.iri",
        "O": "MATCH (a:N)-[e:E]->(b:N {iri:$x}) RETURN e.p, a.iri",
        "P": "MATCH (a:N)-[e:E]->(b:N {iri:$x}) WHERE e.p = $p RETURN a.iri",
        "H1": "MATCH (a:N {iri:$x})-[:E]->(b:N) RETURN count(*)",
        "H2": "MATCH (a:N {iri:$x})-[:E]->(b:N)-[:E]->(d:N) RETURN count(*)",
    }
    prepared = {name: connection.prepare(text) for name, text in prepared.items()}

    def rows_of(name, **values):
        result = connection.execute(prepared[name], values)
        rows = 0
        while result.has_next():
            result.get_next()
            rows += 1
        return rows

    number = lambda name, x: connection.execute(prepared[name], {"x": x}).get_next()[0]
    rows_of("S", x=workload(data)["S"][0][0])
    out("open_first_answer", (cpu() - start) * 1e3, "CPU ms")
    total = connection.execute(count).get_next()[0]

    def scan():
        connection.execute("MATCH (a:N)-[e:E]->(b:N) RETURN sum(offset(id(a))), "
                           "sum(offset(id(b))), max(e.p)").get_next()
        return total

    ask(data, {"S": lambda s: rows_of("S", x=s), "O": lambda o: rows_of("O", x=o),
               "D": lambda s: rows_of("S", x=s), "P": lambda p, o: rows_of("P", p=p, x=o),
               "H": lambda s: number("H1", s) + number("H2", s),
               "S_text": lambda s: rows_of("S", x=s)}, scan)


def make_csv(data, work):
    base = work / Path(data).name
    edges, nodes = Path(f"{base}.edges.csv"), Path(f"{base}.nodes.csv")
    if nodes.exists():
        return
    seen, names = set(), {}
    with open(edges, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        with open(data + ".nt", encoding="utf-8") as source:
            for line in source:
                head, relation, tail = line[:-3].split(" ", 2)
                key = hash((head, relation, tail))
                if key not in seen:
                    seen.add(key)
                    names[head] = names[tail] = 1
                    writer.writerow((head, tail, relation))
    partial = Path(f"{nodes}.part")
    with open(partial, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows((name,) for name in names)
    os.replace(partial, nodes)


def main():
    if sys.argv[1] == "csv":
        make_csv(sys.argv[2], Path(sys.argv[3]))
        return
    peer, verb, data, work = sys.argv[1:5]
    start = time.time()
    {"oxigraph": oxigraph, "duckdb": duckdb, "kuzu": kuzu}[peer](verb, data, Path(work))
    if verb == "query":
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        out("query_peak_rss", peak, "MiB")
    out(verb + "_wall", time.time() - start, "s")


if __name__ == "__main__":
    main()
