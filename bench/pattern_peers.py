#!/usr/bin/env python3
"""The random patterns of tests/queries/pattern_random_test.cc, judged by pyoxigraph.

  UNDULA_PATTERN_CASES=/tmp/cases.jsonl build/test/tests/queries/queries_pattern_data_test \\
      --gtest_filter=PatternRandom.*
  bench/pattern_peers.py /tmp/cases.jsonl

Prints how many answers are equal as multisets, how many queries pyoxigraph refuses, and the first ones that
differ (--show of them); two deviations of pyoxigraph are counted apart: it counts a pair once that two branches
of `p|q` or `!(p|^q)` lead to (the standard keeps both), and has another order between kinds of literals, where
the standard has none. The exit status is 1 where another one differs. Needs: pip install pyoxigraph.
"""
import argparse
import collections
import json
import re

import pyoxigraph

BASE = "urn:undula:"  # where the export puts names without a scheme


def absolute(text):
    return re.sub(r"<([erg]\d+)>", rf"<{BASE}\1>", text)


def rows_of(text):
    result = json.loads(text)
    if "boolean" in result:
        return result["boolean"]
    rows = collections.Counter()
    for binding in result["results"]["bindings"]:
        row = []
        for name, term in sorted(binding.items()):
            value = term["value"]
            if term["type"] == "uri" and re.fullmatch(r"[erg]\d+", value):
                value = BASE + value
            datatype = term.get("datatype", "").replace("http://www.w3.org/2001/XMLSchema#string", "")
            row.append((name, term["type"], value, datatype, term.get("xml:lang", "")))
        rows[tuple(row)] += 1
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases")
    parser.add_argument("--show", type=int, default=5)
    args = parser.parse_args()
    counts = collections.Counter()
    store = None
    with open(args.cases, encoding="utf-8") as lines:
        for line in lines:
            case = json.loads(line)
            if "quads" in case:
                store = pyoxigraph.Store()
                store.load(absolute(case["quads"]).encode(), pyoxigraph.RdfFormat.N_QUADS)
                continue
            try:
                result = store.query(absolute(case["query"]))
                text = result.serialize(format=pyoxigraph.QueryResultsFormat.JSON).decode()
            except (SyntaxError, RuntimeError, ValueError) as error:
                counts["refused"] += 1
                if counts["refused"] <= args.show:
                    print("refused:", error, case["query"])
                continue
            if rows_of(text) == rows_of(case["result"]):
                counts["equal"] += 1
                continue
            theirs, ours = rows_of(text), rows_of(case["result"])
            if "MAX(" in case["query"]:
                counts["different, with MAX over several kinds of terms"] += 1
                continue
            if not isinstance(ours, bool) and set(ours) == set(theirs):
                counts["equal as sets: paths with | or !"] += 1
                continue
            counts["different"] += 1
            if counts["different"] <= args.show:
                print("different:", case["query"], "\n  here:", case["result"], "\n  pyoxigraph:", text)
    print(f"pyoxigraph {pyoxigraph.__version__}:", dict(counts))
    raise SystemExit(1 if counts["different"] else 0)


if __name__ == "__main__":
    main()
