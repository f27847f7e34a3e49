#!/usr/bin/env python3
"""RippleNet and KGCN on one device beside plain PyTorch forms of the same models, in one run.

  bench/gpu_peers.py [--device cuda|cpu] [--bench bench/model_bench] [--set small|all] [--out FILE]

bench/model_bench generates the data, times Undula and leaves data, parameters, batches, losses and
lists in a folder. The PyTorch forms below read them, must give the same losses and the same lists
(1e-4 of float32 sums in another order), and are then timed on the same work: a training step (loss,
gradients, Adam) of the same batches, and the best k of all items for all users without the seen
ones. PyTorch is written as its users write it: batched tensor operations, an embedding table with
Adam; tables with dense gradients and with sparse ones are both timed and the faster one counts.
Times are wall times with the device waited for; on the CPU both run on one thread. Prints a table
with the ratio PyTorch / Undula first; the goal on a GPU is 10. Exit code: 0; 1 where a check of
the values failed; 77 where torch or the device is missing.
"""
import argparse
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import time

try:
    import numpy
    import torch
except ImportError as missing:
    print(f"not run: {missing}", file=sys.stderr)
    sys.exit(77)

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORLD = {"users": 6000, "items": 4000, "entities": 100000, "relations": 60, "edges": 1000000,
         "history": 50, "k": 20}
SMALL = {"users": 300, "items": 1000, "entities": 3000, "relations": 20, "edges": 20000, "history": 20,
         "k": 20}
RIPPLE = {"model": "ripplenet", "hops": 2, "memory": 32, "dedupe": "false", "kge_weight": 0.01,
          "l2_weight": 1e-7, "item_update": "replace", "scoring": "paper"}
KGCN = {"model": "kgcn", "hops": 1, "preset": "paper", "aggregator": "sum", "l2_weight": 0}
ROWS = [
    dict(RIPPLE, dim=16, batch=1024, chunk=32),
    dict(RIPPLE, dim=16, batch=1024, chunk=1),
    dict(RIPPLE, dim=32, batch=8192, chunk=32),
    dict(KGCN, dim=16, neighbors=8, batch=2048, chunk=1),
    dict(KGCN, dim=32, neighbors=16, batch=16384, chunk=1),
]


class Arrays:
    """The folder that model_bench wrote."""

    def __init__(self, folder, device):
        self.folder, self.device = pathlib.Path(folder), device
        self.names = json.loads((self.folder / "dump.json").read_text())

    def numpy(self, name):
        entry = self.names[name]
        return numpy.fromfile(self.folder / name, dtype=entry["type"]).reshape(entry["shape"])

    def __getitem__(self, name):
        array = self.numpy(name)
        if array.dtype == numpy.uint32:
            array = array.astype(numpy.int64)
        return torch.from_numpy(array.copy()).to(self.device)

    def batches(self):
        number = 0
        while f"batch_{number}_users" in self.names:
            yield tuple(self[f"batch_{number}_{part}"] for part in ("users", "items", "labels"))
            number += 1


class RippleNet(torch.nn.Module):
    """Wang et al., CIKM 2018: item_update "replace", the item's own vector times the sum of the
    answers of all hops; entity of item i is i."""

    def __init__(self, arrays, row, sparse):
        super().__init__()
        self.entity = torch.nn.Embedding.from_pretrained(arrays["entity"], freeze=False,
                                                         sparse=sparse)
        self.relation = torch.nn.Parameter(arrays["relation"])  # [R, d, d]
        self.hops, self.memory = int(row["hops"]), int(row["memory"])
        shape = (-1, self.hops, self.memory)
        # dedupe=false: every user with a memory has all slots of every hop.
        self.head, self.link, self.tail = (arrays[f"slot_{x}"].reshape(shape)
                                           for x in ("head", "relation", "tail"))
        starts = arrays["slot_ptr"][::self.hops]
        has = starts[1:] > starts[:-1]
        self.place = torch.cumsum(has.long(), 0) - 1
        assert int(has.sum()) == len(self.head), "model_bench must run with dedupe=false"
        self.kge, self.l2 = float(row["kge_weight"]), float(row["l2_weight"])

    def loss(self, users, items, labels):
        at = self.place[users]
        head, link, tail = self.head[at], self.link[at], self.tail[at]  # [B, H, M]
        h, t, r = self.entity(head), self.entity(tail), self.relation[link]
        keys = torch.matmul(r, h.unsqueeze(-1)).squeeze(-1)  # [B, H, M, d]
        item = self.entity(items)
        address, user = item, 0
        for hop in range(self.hops):
            a = torch.softmax(torch.matmul(keys[:, hop], address.unsqueeze(-1)).squeeze(-1), -1)
            answer = torch.matmul(a.unsqueeze(1), t[:, hop]).squeeze(1)
            user = user + answer
            address = answer
        loss = torch.nn.functional.binary_cross_entropy_with_logits((item * user).sum(-1), labels)
        # h^T R t, with R^T h as the row vector times R.
        truth = torch.matmul(torch.matmul(h.unsqueeze(-2), r), t.unsqueeze(-1)).reshape(-1)
        loss = loss - self.kge * torch.sigmoid(truth).sum() / (len(users) * self.memory)
        return loss + self.l2 * ((h * h).sum() + (t * t).sum() + (r * r).sum())

    def scores(self, users, n_items):
        at = self.place[users]
        keys = torch.matmul(self.relation[self.link[at]],
                            self.entity(self.head[at]).unsqueeze(-1)).squeeze(-1)
        tails = self.entity(self.tail[at])
        item = self.entity.weight[:n_items]
        address, score = item.expand(len(users), -1, -1), 0
        for hop in range(self.hops):
            a = torch.softmax(torch.matmul(address, keys[:, hop].transpose(1, 2)), -1)
            address = torch.matmul(a, tails[:, hop])  # [U, N, d]
            score = score + (address * item).sum(-1)
        return score

    def tile(self, n_items):  # users scored at once: about 1 GiB of weights
        return max(1, min(512, (1 << 28) // (n_items * self.memory)))


class Kgcn(torch.nn.Module):
    """Wang et al., WWW 2019, one layer, aggregator "sum"; entity of item i is i."""

    def __init__(self, arrays, row, sparse):
        super().__init__()
        self.user = torch.nn.Embedding.from_pretrained(arrays["user"], freeze=False, sparse=sparse)
        self.entity = torch.nn.Embedding.from_pretrained(arrays["entity"], freeze=False,
                                                         sparse=sparse)
        self.relation = torch.nn.Parameter(arrays["relation"])
        self.weight = torch.nn.Parameter(arrays["weight_0"])
        self.bias = torch.nn.Parameter(arrays["bias_0"])
        k = int(row["neighbors"])
        # Each neighbor as often as it was drawn; an entity without edges is its own, k times.
        count = arrays.numpy("neighbor_count").astype(numpy.int64)
        ptr = arrays.numpy("neighbor_ptr")
        drawn = numpy.add.reduceat(count, ptr[:-1])
        alone = numpy.repeat(drawn, numpy.diff(ptr)) == 1
        times = torch.from_numpy(numpy.where(alone, k, count)).to(arrays.device)
        self.neighbor, self.link = (
            torch.repeat_interleave(arrays[f"neighbor_{x}"], times).reshape(-1, k)
            for x in ("entity", "relation"))

    def layer(self, own, neighbors, weights):
        mix = torch.matmul(weights.unsqueeze(-2), neighbors).squeeze(-2)
        return torch.tanh(torch.matmul(own + mix, self.weight) + self.bias)

    def loss(self, users, items, labels):
        user = self.user(users)
        logits = (user.unsqueeze(1) * self.relation[self.link[items]]).sum(-1)
        h = self.layer(self.entity(items), self.entity(self.neighbor[items]),
                       torch.softmax(logits, -1))
        return torch.nn.functional.binary_cross_entropy_with_logits((user * h).sum(-1), labels)

    def scores(self, users, n_items):
        user = self.user(users)
        weights = torch.softmax(torch.matmul(user, self.relation.t())[:, self.link[:n_items]], -1)
        h = self.layer(self.entity.weight[:n_items], self.entity(self.neighbor[:n_items]), weights)
        return torch.matmul(h, user.unsqueeze(-1)).squeeze(-1)

    def tile(self, n_items):
        k = self.neighbor.shape[1]
        return max(1, min(512, (1 << 27) // (n_items * max(k, self.weight.shape[0]))))


def wait(device):
    if device == "cuda":
        torch.cuda.synchronize()


def optimizers(model, sparse):
    tables = {id(m.weight) for m in model.modules() if isinstance(m, torch.nn.Embedding)}
    dense = [p for p in model.parameters() if not (sparse and id(p) in tables)]
    made = [torch.optim.Adam(dense, lr=0.001)]
    if sparse:
        made.append(torch.optim.SparseAdam([p for p in model.parameters() if id(p) in tables],
                                           lr=0.001))
    return made


def time_steps(model, batches, device, steps, sparse):
    """Seconds of a training step, after as many untimed ones."""
    optimizer = optimizers(model, sparse)
    for _ in range(2):
        wait(device)
        start = time.perf_counter()
        for i in range(steps):
            for o in optimizer:
                o.zero_grad(set_to_none=True)
            model.loss(*batches[i % len(batches)]).backward()
            for o in optimizer:
                o.step()
        wait(device)
        seconds = (time.perf_counter() - start) / steps
    return seconds


@torch.no_grad()
def rank(model, users, n_items, k, seen, seen_user):
    """[users, k] of items and scores; `seen` are pairs (user, item) ascending by user."""
    items, scores = [], []
    size = model.tile(n_items)
    for begin in range(0, users, size):
        tile = torch.arange(begin, min(begin + size, users), device=seen.device)
        score = model.scores(tile, n_items)
        low, high = torch.searchsorted(seen_user, torch.tensor(
            [begin, begin + len(tile)], device=seen.device)).tolist()
        score[seen_user[low:high] - begin, seen[low:high]] = -math.inf
        best = torch.topk(score, k)
        items.append(best.indices.cpu())
        scores.append(best.values.cpu())
    return torch.cat(items), torch.cat(scores)


def check(arrays, model, items, scores):
    """Words about what differs from Undula, or "" - losses, and lists where scores are apart."""
    for number, (batch, loss) in enumerate(zip(arrays.batches(), arrays.numpy("losses"))):
        own = float(model.loss(*batch))
        if abs(own - loss) > 1e-4 * max(1, abs(loss)):
            return f"loss of batch {number}: torch {own:.7f}, Undula {loss:.7f}"
    theirs = torch.from_numpy(arrays.numpy("ranked_scores").copy())
    apart = (scores - theirs).abs().max()
    if not apart <= 1e-4 * max(1, float(theirs.abs().max())):
        return f"scores at a place of the lists differ by {float(apart):.2e}"
    other = items != torch.from_numpy(arrays.numpy("ranked_items").astype(numpy.int64))
    share = float(other.float().mean())
    return f"{100 * share:.1f} % of the listed items differ" if share > 0.02 else ""


def undula(options, row, folder):
    arguments = dict(options.world, **row, device=options.device, steps=options.steps, dump=folder,
                     graphs=int(options.graphs))
    ran = subprocess.run([str(options.bench)] + [f"{k}={v}" for k, v in arguments.items()],
                         capture_output=True, text=True)
    if ran.returncode != 0:
        raise RuntimeError(ran.stderr.strip())
    return json.loads(ran.stdout.strip().splitlines()[-1])


def run_row(options, row):
    """One line of the table as a dict; "wrong" has words where a check failed."""
    with tempfile.TemporaryDirectory() as folder:
        ours = undula(options, row, folder)
        arrays = Arrays(folder, options.device)
        form = RippleNet if row["model"] == "ripplenet" else Kgcn
        batches = list(arrays.batches())
        users, k = int(options.world["users"]), int(options.world["k"])
        n_items = int(options.world["items"])
        seen = arrays["seen"]
        lengths = torch.diff(arrays["seen_ptr"])
        seen_user = torch.repeat_interleave(torch.arange(users, device=seen.device), lengths)
        model = form(arrays, row, False).to(options.device)
        ranked = rank(model, users, n_items, k, seen, seen_user)
        wrong = check(arrays, model, *ranked)
        best = math.inf
        for _ in range(2):
            wait(options.device)
            start = time.perf_counter()
            rank(model, users, n_items, k, seen, seen_user)
            wait(options.device)
            best = min(best, time.perf_counter() - start)
        steps = {}
        for sparse in (False, True):
            model = form(arrays, row, sparse).to(options.device)
            steps[sparse] = time_steps(model, batches, options.device, options.steps, sparse)
    faster = min(steps, key=steps.get)
    return {
        "row": f"{row['model']} d{row['dim']} batch {row['batch']} chunk {row['chunk']}",
        "step_ratio": 1e3 * steps[faster] / ours["step_ms"],
        "rank_ratio": 1e3 * best / ours["rank_ms"],
        "torch_step_ms": 1e3 * steps[faster], "torch_adam": "sparse" if faster else "dense",
        "undula_step_ms": ours["step_ms"], "torch_rank_ms": 1e3 * best,
        "undula_rank_ms": ours["rank_ms"], "wrong": wrong}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--bench", type=pathlib.Path, default=ROOT / "bench" / "model_bench")
    parser.add_argument("--set", choices=("small", "all"), default="all")
    parser.add_argument("--graphs", action="store_true", help="Undula's steps as CUDA graphs")
    parser.add_argument("--steps", type=int, default=0, help="timed steps; 0: 100, small 5")
    parser.add_argument("--out", type=pathlib.Path, help="also the rows as JSON lines")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        print("not run: torch sees no CUDA device", file=sys.stderr)
        return 77
    torch.set_num_threads(1)
    torch.backends.cuda.matmul.allow_tf32 = False
    small = options.set == "small"
    options.world = SMALL if small else WORLD
    options.steps = options.steps or (5 if small else 100)
    print(f"torch {torch.__version__}, {options.device}, "
          f"{torch.cuda.get_device_name() if options.device == 'cuda' else 'one thread'}")
    print(f"{'torch / undula':34} {'step':>7} {'rank':>7} {'step ms: torch':>15} {'undula':>9} "
          f"{'rank ms: torch':>15} {'undula':>9}  Adam")
    failed, rows = False, []
    for row in ROWS:
        if small:
            row = dict(row, batch=min(row["batch"], 512))
        try:
            got = run_row(options, row)
        except (RuntimeError, KeyError) as error:
            print(f"{row['model']} d{row['dim']}: not run: {error}")
            failed = True
            continue
        rows.append(got)
        print(f"{got['row']:34} {got['step_ratio']:7.2f} {got['rank_ratio']:7.2f} "
              f"{got['torch_step_ms']:15.3f} {got['undula_step_ms']:9.3f} "
              f"{got['torch_rank_ms']:15.1f} {got['undula_rank_ms']:9.1f}  {got['torch_adam']}"
              + (f"  WRONG: {got['wrong']}" if got["wrong"] else ""), flush=True)
        failed |= bool(got["wrong"])
    if options.out:
        options.out.write_text("".join(json.dumps(row) + "\n" for row in rows))
    if rows:
        least = min(min(row["step_ratio"], row["rank_ratio"]) for row in rows)
        print(f"least ratio torch / undula: {least:.2f} (goal on a GPU: 10)"
              + ("; SOME VALUES ARE WRONG" if failed else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
