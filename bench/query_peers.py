#!/usr/bin/env python3
"""Graph patterns beside pyoxigraph, on one graph in one run.

  query_peers.py --data kg1m.nt --database kg1m.undula --bench build/nocuda/bench/query_bench

The graph is one of shared/data/gen_kg.py. Prints a Markdown table: rows of the result (which must be
equal), CPU microseconds of a query, and the ratio. Undula's first column is text -> rows without anything
kept, the second with the plan and what was read kept; pyoxigraph (in memory) parses each time, as its
interface is. Needs: pip install pyoxigraph.
"""
import argparse
import collections
import json
import os
import re
import subprocess
import tempfile
import time

import pyoxigraph

ONT = "http://kg.example.org/ontology/"


def read_triples(path):
    triples = []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            parts = line.split(" ", 2)
            tail = parts[2].rstrip()[:-1].rstrip()
            if tail.startswith("<"):
                triples.append((parts[0], parts[1], tail))
    return sorted(set(triples))


def relation(name):
    if name == "type":
        return "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
    return f"<{ONT}{name}>"


def queries(triples):
    """(name, text with $s where it sweeps, terms of $s)"""
    heads = collections.defaultdict(set)
    out = collections.defaultdict(list)
    of = collections.defaultdict(list)
    for h, p, t in triples:
        heads[(p, t)].add(h)
        out[h].append(t)
        of[(h, p)].append(t)
    two_hop = []
    for h in sorted(out):
        rows = sum(len(out.get(t, ())) for t in out[h])
        if 40 <= rows <= 60:
            two_hop.append(h)
        if len(two_hop) == 1000:
            break
    yield ("two hops over any relation, 50 IRIs", "SELECT ?y { $s ?p ?x . ?x ?q ?y }", two_hop)
    yield ("the same, IRIs only", "SELECT ?y { $s ?p ?x . ?x ?q ?y FILTER(isIRI(?y)) }", two_hop)
    forward = [h for h in sorted(out) if 5 <= sum(
        len(of[(t, relation("subject"))]) for t in of[(h, relation("subject"))]) <= 60][:1000]
    yield ("two hops along a relation", f"SELECT ?y {{ $s {relation('subject')} ?x . ?x {relation('subject')} ?y }}",
           forward)
    yield ("two hops, named relations",
           f"SELECT ?y {{ $s {relation('starring')}|{relation('genre')} ?x . "
           f"?y {relation('starring')} ?x }} LIMIT 50", two_hop)
    # A star with one selective value: 20 to 60 heads.
    star = [k for k in sorted(heads) if 20 <= len(heads[k]) <= 60 and "/country>" in k[0]] or \
           [k for k in sorted(heads) if 20 <= len(heads[k]) <= 60]
    p, t = star[0]
    yield ("star of 4", f"SELECT * {{ ?x {p} {t} ; {relation('type')} ?a ; {relation('subject')} ?b ; "
           f"{relation('genre')} ?c }}", None)
    yield ("triangle", f"SELECT * {{ ?a {relation('subject')} ?b . ?c {relation('subject')} ?b . "
           f"?a {relation('starring')} ?c }}", None)
    yield ("triangle, three relations",
           f"SELECT * {{ ?a {relation('starring')} ?b . ?b {relation('team')} ?c . "
           f"?a {relation('team')} ?c }}", None)
    # A repeated path that reaches about 10,000 nodes: no relation of these graphs does so alone, so as
    # many as are needed, rare ones first.
    common = collections.Counter(p for _, p, _ in triples)
    chosen = []
    for p, _ in reversed(common.most_common()):
        chosen.append(p)
        if len(chosen) < 2:
            continue
        reach = [reached(start, chosen, of) for start in two_hop[:50]]
        best = max(range(len(reach)), key=lambda i: reach[i])
        if reach[best] >= 8000:
            yield (f"({len(chosen)} relations)+ over {reach[best]} nodes",
                   f"SELECT ?y {{ {two_hop[best]} ({'|'.join(chosen)})+ ?y }}", None)
            break
    yield ("(p or q or r or s)+ from one entity", f"SELECT ?y {{ {two_hop[0]} "
           f"({relation('starring')}|{relation('team')}|{relation('subject')}|{relation('location')})+ ?y }}", None)


def plans(triples):
    """(name, text) of 6 patterns about an entity, four with a tail and two with a variable"""
    of = collections.defaultdict(dict)
    for h, p, t in triples:
        of[h].setdefault(p, t)
    edges = list(next(of[h] for h in sorted(of) if len(of[h]) >= 6).items())[:6]
    places = [f"{p} {t}" for p, t in edges[:4]] + [f"{p} ?v{i}" for i, (p, _) in enumerate(edges[4:])]
    full = "SELECT * { " + " . ".join(f"?x {place}" for place in places) + " }"
    yield "one entity, full IRIs", full
    # A local name: no character that it would have to escape.
    short = re.sub(r"<http://kg\.example\.org/(ontology|resource)/([\w-]+)>", lambda m: f"{m[1][0]}:{m[2]}", full)
    yield "the same with prefixes", (f"PREFIX o: <{ONT}> PREFIX r: <http://kg.example.org/resource/> {short}")
    a, b, c, d, e, f = (relation(name) for name in
                        ("wikiPageUsesTemplate", "genre", "director", "starring", "team", "country"))
    yield "a chain", (f"SELECT ?g {{ {sorted(of)[0]} {a} ?b . ?b {b} ?c . ?c {c} ?d . ?d {d} ?e . ?e {e} ?f . "
                      f"?f {f} ?g }}")


def reached(start, relations, of):
    seen, todo = set(), [start]
    while todo and len(seen) < 100000:
        node = todo.pop()
        for p in relations:
            for t in of.get((node, p), ()):
                if t not in seen:
                    seen.add(t)
                    todo.append(t)
    return len(seen)


def undula(args, text, terms, folder):
    query = os.path.join(folder, "q.rq")
    with open(query, "w", encoding="utf-8") as f:
        f.write(text)
    command = [args.bench, args.database, query, str(args.seconds)]
    if terms:
        values = os.path.join(folder, "terms")
        with open(values, "w", encoding="utf-8") as f:
            f.write("\n".join(terms) + "\n")
        command.append("s=" + values)
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def oxigraph(store, text, terms, seconds):
    rows = runs = 0
    start = time.process_time()
    while True:
        done = 0
        for term in terms or [None]:
            for _ in store.query(text if term is None else text.replace("$s", term)):
                done += 1
            runs += 1
            if time.process_time() - start > 20 * seconds:
                break
        rows = rows or done
        if time.process_time() - start > seconds:
            return rows, (time.process_time() - start) / runs * 1e6


def plan_in_oxigraph(store, text, seconds):
    runs, start = 0, time.process_time()
    while time.process_time() - start < seconds:
        store.query(text)
        runs += 1
    return (time.process_time() - start) / runs * 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--database", required=True)
    parser.add_argument("--bench", required=True)
    parser.add_argument("--seconds", type=float, default=2)
    args = parser.parse_args()
    store = pyoxigraph.Store()
    with open(args.data, "rb") as f:
        store.bulk_load(f, pyoxigraph.RdfFormat.N_TRIPLES)
    print(f"pyoxigraph {pyoxigraph.__version__}, {len(store)} triples")
    print("| query | rows | Undula text to rows us | Undula kept us | pyoxigraph us | ratio | ratio kept |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        triples = read_triples(args.data)
        for name, text, terms in queries(triples):
            ours = undula(args, text, terms, folder)
            rows, theirs = oxigraph(store, text, terms, args.seconds)
            if "LIMIT" not in text and rows != ours["rows"]:
                raise SystemExit(f"{name}: {ours['rows']} rows here, {rows} in pyoxigraph\n{text}")
            fresh = ours["parse_us"] + ours["translate_us"] + ours["first_run_us"]
            kept = ours["mean_run_us"]
            print(f"| {name} | {rows} | {fresh:.1f} | {kept:.2f} | {theirs:.0f} | {theirs / fresh:.1f} | "
                  f"{theirs / kept:.1f} |", flush=True)
        print("\n| 6 patterns | parse us | translate us | plan and first run us | Undula us | pyoxigraph us | ratio |")
        print("|---|---:|---:|---:|---:|---:|---:|")
        for name, text in plans(triples):
            ours = undula(args, text, None, folder)
            theirs = plan_in_oxigraph(store, text, args.seconds)
            parts = [ours[key] for key in ("parse_us", "translate_us", "first_run_us")]
            print(f"| {name} | {' | '.join(f'{part:.1f}' for part in parts)} | {sum(parts):.1f} | {theirs:.0f} | "
                  f"{theirs / sum(parts):.1f} |", flush=True)


if __name__ == "__main__":
    main()
