"""KGCN and KGNN-LS beside their vectorised PyTorch forms (torch_kgcn.py); called by compare_torch.py.

Batch 2048, aggregator "sum", one thread each. `planted` is the generated graph of ctr_data.h in which 6
of 10 neighbors are items, so that labels of KGNN-LS are known (their share is printed); in `bipartite`
no two items are joined, so that with H = 1 no label is in reach: there Undula leaves the label loss out,
which the PyTorch form does not. Undula runs with lazy rows (rows of the batch only); PyTorch updates
whole tables, which is faster there on data of this size.
"""
import json
import os
import subprocess

PLANTED = "planted:users=2000,items=1000,entities=6000,triples=12000,positives=60,topics=20,item_share="
SHARES = {"planted": ".4", "bipartite": "0"}

# (data, model, hops, K, d, epochs, options of both, options of Undula)
COMMON = {"preset": "code", "lr": 0.005}
PAPER = {"preset": "paper", "lr": 0.02}
RUNS = [
    ("music", "kgcn", 1, 8, 16, 12, COMMON, {}),
    ("music", "kgnn_ls", 1, 8, 16, 12, COMMON, {}),
    ("ml-100k", "kgcn", 1, 8, 16, 12, dict(COMMON, lr=0.01), {}),
    ("planted", "kgcn", 1, 8, 16, 12, PAPER, {"l2_weight": 1e-5}),
    ("planted", "kgnn_ls", 1, 8, 16, 12, PAPER, {"l2_weight": 1e-5}),
    ("bipartite", "kgnn_ls", 1, 8, 16, 12, PAPER, {"l2_weight": 1e-5}),
    ("planted", "kgcn", 2, 8, 16, 12, PAPER, {"l2_weight": 1e-5}),
    ("planted", "kgnn_ls", 2, 8, 16, 12, PAPER, {"l2_weight": 1e-5}),
    ("music", "kgcn", 1, 16, 32, 12, COMMON, {}),
    ("ml-100k", "kgcn", 1, 16, 32, 12, dict(COMMON, lr=0.01), {}),
]


def torch_run(args, folder, model, hops, neighbors, dim, epochs, both, l2):
    env = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", OMP_WAIT_POLICY="passive",
               MALLOC_MMAP_THRESHOLD_="4294967296", MALLOC_TRIM_THRESHOLD_="17179869184",
               MALLOC_TOP_PAD_="268435456", PYTHONDONTWRITEBYTECODE="1")
    command = [args.python, os.path.join(os.path.dirname(__file__), "torch_kgcn.py"), folder, "--model", model,
               "--hops", str(hops), "--neighbors", str(neighbors), "--dim", str(dim),
               "--epochs", str(epochs), "--l2", str(l2), "--score"]
    for key, value in both.items():
        command += [f"--{key}", str(value)]
    out = subprocess.run(command, check=True, env=env, capture_output=True, text=True)
    return json.loads(out.stdout.strip().splitlines()[-1])


def undula_run(args, folder, model, hops, neighbors, dim, epochs, both, own):
    options = dict({"model": model, "hops": hops, "neighbors": neighbors, "dim": dim, "epochs": epochs,
                    "batch": 2048, "chunk": 1, "threads": 1, "score": 1}, **both, **own)
    out = subprocess.run([args.bench, folder] + [f"{k}={v}" for k, v in options.items()], check=True,
                         capture_output=True, text=True)
    return json.loads(out.stdout.strip().splitlines()[-1])


def middle(results, key):
    values = sorted(r[key] for r in results)
    return values[len(values) // 2]


def run(args, wanted):
    folders = {name: args.work / "ctr" / name for name in ("music", "ml-100k")}
    for name, share in SHARES.items():
        folders[name] = args.work / name
        if not (folders[name] / "test.txt").exists():
            folders[name].mkdir(parents=True, exist_ok=True)
            subprocess.run([args.bench, PLANTED + share, f"write={folders[name]}"], check=True)
    print("| data | model | H | K | d | form | rows per core-second | ratio | all-items pairs per core-second"
          " | ratio | test AUC | items among neighbors | known labels |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|---|")
    for data, model, hops, neighbors, dim, epochs, both, own in RUNS:
        if not wanted(args, data, model, f"H={hops}", f"K={neighbors}", f"d={dim}"):
            continue
        l2 = own.get("l2_weight", 1e-4)
        runs = {"torch": [], "undula": []}
        for _ in range(args.rounds):
            shape = (folders[data], model, hops, neighbors, dim, epochs, both)
            runs["torch"].append(torch_run(args, *shape, l2))
            runs["undula"].append(undula_run(args, *shape, own))
        base = {key: middle(runs["torch"], key) for key in ("rows_per_core_s", "pairs_per_core_s")}
        for form, results in runs.items():
            rows, pairs = (middle(results, key) for key in base)
            item = f"{100 * results[0]['item_neighbors']:.0f} %" if results[0].get("item_neighbors") else ""
            known = results[0].get("known_labels")
            print(f"| {data} | {model} | {hops} | {neighbors} | {dim} | {form} | {rows:,.0f} |"
                  f" {rows / base['rows_per_core_s']:.1f} | {pairs:,.0f} | {pairs / base['pairs_per_core_s']:.1f} |"
                  f" {results[0]['test_auc']:.4f} | {item} | {f'{100 * known:.1f} %' if known else ''} |", flush=True)
