#!/usr/bin/env python3
"""Nearest-neighbor search beside faiss and hnswlib, in one run: queries a CPU second at a recall.

    bench/retrieval_peers.py --bench build/nocuda/bench/retrieval_bench --out build/retrieval

Needs numpy, faiss (pip install faiss-cpu) and hnswlib (pip install hnswlib). One thread everywhere; a
figure is the median of 5 repetitions over all queries. Approximate ones have the least search width of
WIDTHS (undula: of its own steps) at which they find the wanted share of the exact best 10. Vectors: 500
groups with a decaying spectrum, as trained item vectors have; the product is the score.
"""
import argparse
import json
import os
import statistics
import subprocess
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import numpy as np  # noqa: E402

WIDTHS = [10, 11, 12, 13, 14, 15, 16, 18, 20, 22, 24, 27, 30, 34, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 256, 384, 512]
PROBES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 64, 96, 128, 256]


def make(n, queries, dim, seed=7):
    rng = np.random.default_rng(seed)
    centers = rng.standard_normal((500, dim), dtype=np.float32)
    weight = (1.0 / np.sqrt(1 + np.arange(dim) / 8.0)).astype(np.float32)
    noise = rng.standard_normal((n + queries, dim), dtype=np.float32)
    x = (centers[rng.integers(0, 500, n + queries)] + 0.7 * noise) * weight
    return np.ascontiguousarray(x[:n]), np.ascontiguousarray(x[n:])


def rate(search, queries):
    search()
    seconds = []
    for _ in range(5):
        start = time.process_time()
        search()
        seconds.append(time.process_time() - start)
    return round(queries / statistics.median(seconds), 1)


def recall(found, best):
    return float(np.mean([len(np.intersect1d(a, b)) / len(b) for a, b in zip(found, best)]))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--bench", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--n", type=int, default=100_000)
    p.add_argument("--dim", type=int, default=64)
    p.add_argument("--queries", type=int, default=2000)
    p.add_argument("--recall", type=float, default=0.95)
    p.add_argument("--only", default="", help="exact, hnsw or ivf")
    a = p.parse_args()
    import faiss
    import hnswlib

    faiss.omp_set_num_threads(1)
    out = Path(a.out)
    out.mkdir(parents=True, exist_ok=True)
    base, query = make(a.n, a.queries, a.dim)
    prefix = out / f"cluster-{a.n}x{a.dim}"
    base.tofile(f"{prefix}.base")
    query.tofile(f"{prefix}.query")
    rows = []

    def say(row):
        rows.append(row)
        print(json.dumps(row), flush=True)

    def own(*arguments):
        run = subprocess.run([a.bench, str(prefix), str(a.dim), *map(str, arguments)],
                             capture_output=True, text=True, check=True)
        say(json.loads(run.stdout.splitlines()[-1]))

    flat = faiss.IndexFlatIP(a.dim)
    flat.add(base)
    best = flat.search(query, 10)[1]
    if a.only in ("", "exact"):
        for k in (10, 100):
            say({"peer": "faiss " + faiss.__version__, "model": "FlatIP", "k": k,
                 "qps_per_core": rate(lambda: flat.search(query, k), a.queries)})
            own("exact", k)
        block = np.empty((256, a.n), dtype=np.float32)
        say({"peer": "numpy (OpenBLAS)", "model": "product alone",
             "qps_per_core": rate(lambda: np.matmul(query[:256], base.T, out=block), 256)})

    def sweep(peer, model, build, widths, set_width, search):
        for width in widths:
            set_width(width)
            found = recall(search(), best)
            if found >= a.recall:
                break
        say({"peer": peer, "model": model, "k": 10, "width": width, "recall": round(found, 4),
             "qps_per_core": rate(search, a.queries), "build_cpu_s": round(build, 1)})

    if a.only in ("", "hnsw"):
        start = time.process_time()
        index = hnswlib.Index(space="ip", dim=a.dim)
        index.init_index(max_elements=a.n, ef_construction=200, M=16)
        index.add_items(base, num_threads=1)
        built = time.process_time() - start
        index.set_num_threads(1)
        sweep("hnswlib", "HNSW M16 efC200", built, WIDTHS, index.set_ef, lambda: index.knn_query(query, k=10)[0])
        own("hnsw", 10, a.recall)
    if a.only in ("", "ivf"):
        coarse = faiss.IndexFlatIP(a.dim)
        lists = int(4 * a.n ** 0.5)
        ivf = faiss.IndexIVFFlat(coarse, a.dim, lists, faiss.METRIC_INNER_PRODUCT)
        start = time.process_time()
        ivf.train(base)
        ivf.add(base)
        built = time.process_time() - start

        def probe(width):
            ivf.nprobe = width

        sweep("faiss " + faiss.__version__, f"IVF{lists},Flat", built, PROBES, probe, lambda: ivf.search(query, 10)[1])
        own("ivf", 10, a.recall)
    (out / f"retrieval{'-' + a.only if a.only else ''}.json").write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
