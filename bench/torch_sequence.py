#!/usr/bin/env python3
"""SR-GNN and KSR beside plain PyTorch forms on ml-100k, in the same run.

    bench/torch_sequence.py --bench build/release/bench/sequence_bench --work build/torch_sequence

Both sides train next-item prediction on the same prefixes (each user's events but the last two) with the
full softmax over all items, in one thread. The torch forms, written for this comparison: one row for each
prefix, cut to its latest events and padded; session graphs as dense matrices, built for all prefixes of a
batch at once in NumPy (not one by one in Python, which is several times slower); KSR's memory one step after
the other, [batch, relations, dim], as RecBole has it. Rates are prefixes per core-second: over the CPU time
of the steps (torch) and of the whole training (Undula: batches and building included). The knowledge base of
both is random vectors: it is the speed that is compared. Quality: Recall@20 and NDCG@20 of these short
trainings, in the same way. Needs /usr/bin/python3 with torch
(Debian: python3-torch, libopenblas0-pthread).
"""
import argparse
import json
import lzma
import resource
from pathlib import Path

import quality
import torch_check


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def users():
    """Items of each user of ml-100k in the order of (time, item), from 1 on."""
    rows = {}
    with lzma.open(quality.SHARED / "data/movielens-100k-kg/ml-100k.inter.xz", "rt") as file:
        next(file)
        for line in file:
            user, item, _, when = line.split()
            rows.setdefault(user, []).append((float(when), int(item)))
    return [[item for _, item in sorted(row)] for row in rows.values()]


def session_graphs(np, sequences):
    """Nodes, positions and both adjacencies of padded sequences [B, L], 0 being padding."""
    batch, length = sequences.shape
    order = np.argsort(sequences, axis=1, kind="stable")
    ranked = np.take_along_axis(sequences, order, 1)
    new = np.ones_like(ranked, dtype=bool)
    new[:, 1:] = ranked[:, 1:] != ranked[:, :-1]
    place = np.cumsum(new, 1) - 1
    alias = np.empty_like(place)
    np.put_along_axis(alias, order, place, 1)
    nodes = np.zeros_like(sequences)
    np.put_along_axis(nodes, place, ranked, 1)
    out = np.zeros((batch, length, length), dtype=np.float32)
    row = np.arange(batch)[:, None].repeat(length - 1, 1)
    real = (sequences[:, 1:] > 0) & (sequences[:, :-1] > 0)
    out[row[real], alias[:, :-1][real], alias[:, 1:][real]] = 1
    leave, enter = out.sum(2, keepdims=True), out.sum(1, keepdims=True)
    return nodes, alias, (out / np.maximum(enter, 1)).transpose(0, 2, 1), out / np.maximum(leave, 1)


def forms(torch, np, n_items, relations, d):
    nn = torch.nn

    class SrGnn(nn.Module):
        def __init__(self):
            super().__init__()
            self.item = nn.Embedding(n_items + 1, d, padding_idx=0)
            self.edge_in, self.edge_out = nn.Linear(d, d), nn.Linear(d, d)
            self.gate = nn.GRUCell(2 * d, d)
            self.one, self.two, self.three = nn.Linear(d, d), nn.Linear(d, d), nn.Linear(d, 1, bias=False)
            self.join = nn.Linear(2 * d, d)
            for p in self.parameters():
                nn.init.uniform_(p, -d ** -.5, d ** -.5)

        def forward(self, sequences):
            nodes, alias, enter, leave = session_graphs(np, sequences)
            h = self.item(torch.from_numpy(nodes))
            m = torch.cat([torch.from_numpy(np.ascontiguousarray(enter)) @ self.edge_in(h),
                           torch.from_numpy(leave) @ self.edge_out(h)], 2)
            h = self.gate(m.flatten(0, 1), h.flatten(0, 1)).view_as(h)
            seen = h.gather(1, torch.from_numpy(alias)[..., None].expand(-1, -1, d))
            mask = torch.from_numpy(sequences > 0)
            last = seen[torch.arange(len(seen)), mask.sum(1) - 1]
            alpha = self.three(torch.sigmoid(self.one(last)[:, None] + self.two(seen))) * mask[..., None]
            return self.join(torch.cat([(alpha * seen).sum(1), last], 1))

        def items(self):
            return self.item.weight[1:]

    class Ksr(nn.Module):
        def __init__(self):
            super().__init__()
            k, hidden = 64, 128
            self.item, self.entity = nn.Embedding(n_items + 1, d, padding_idx=0), nn.Embedding(n_items + 1, k)
            self.relation = nn.Parameter(nn.functional.normalize(torch.randn(relations, k)), requires_grad=False)
            nn.init.normal_(self.entity.weight, std=k ** -.5)
            self.gru = nn.GRU(d, hidden, bias=False, batch_first=True)
            self.query, self.user = nn.Linear(hidden, k), nn.Linear(hidden + k, d)
            self.side = nn.Linear(d + k, d)

        def forward(self, sequences):
            x = torch.from_numpy(sequences)
            states, _ = self.gru(self.item(x))
            mask = x > 0
            h = states[torch.arange(len(x)), mask.sum(1) - 1]
            memory = torch.zeros(len(x), relations, self.relation.shape[1])
            for t in range(x.shape[1]):
                e = self.entity(x[:, t])[:, None] + self.relation
                z = torch.sigmoid((memory * e).sum(2, keepdim=True)) * mask[:, t, None, None]
                memory = memory + z * (e - memory)
            w = torch.softmax(10 * self.query(h) @ self.relation.T, 1)
            return self.user(torch.cat([h, (w[..., None] * memory).sum(1)], 1))

        def items(self):
            return self.side(torch.cat([self.item.weight[1:], self.entity.weight[1:]], 1))

    return {"sr_gnn": SrGnn, "ksr": Ksr}


def torch_form(model, length, relations, seconds):
    """Trains for `seconds` CPU seconds; prefixes per core-second, then both metrics."""
    import numpy as np
    import torch
    torch.set_num_threads(1)
    torch.manual_seed(1)
    sequences = users()
    n_items = max(map(max, sequences))
    prefixes = [(u, p) for u, items in enumerate(sequences) for p in range(1, len(items) - 2)]

    def padded(rows):
        out = np.zeros((len(rows), length), dtype=np.int64)
        for i, (u, p) in enumerate(rows):
            seen = sequences[u][max(0, p - length):p]
            out[i, :len(seen)] = seen
        return out

    net = forms(torch, np, n_items, relations, 64)[model]()
    optimizer = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], 2e-3)
    rng, done = np.random.default_rng(1), 0
    start = cpu_seconds()
    while cpu_seconds() - start < seconds:
        rows = [prefixes[i] for i in rng.integers(len(prefixes), size=512)]
        logits = net(padded(rows)) @ net.items().T
        loss = torch.nn.functional.cross_entropy(
            logits, torch.tensor([sequences[u][p] - 1 for u, p in rows]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        done += len(rows)
    rate = done / (cpu_seconds() - start)
    recall = ndcg = 0
    with torch.no_grad():
        tests = [(u, len(items) - 1) for u, items in enumerate(sequences) if len(items) > 3]
        start = cpu_seconds()
        scores = net(padded(tests)) @ net.items().T
        scoring = len(tests) / (cpu_seconds() - start)
        for (u, p), row in zip(tests, scores):
            row[torch.tensor(sequences[u][:p]) - 1] = -1e9
            rank = int((row > row[sequences[u][p] - 1]).sum())
            recall += rank < 20
            ndcg += 1 / np.log2(rank + 2) if rank < 20 else 0
    return {"prefixes": done, "rate": rate, "scoring": scoring, "recall@20": recall / len(tests),
            "ndcg@20": ndcg / len(tests)}


def undula(args, model, length):
    log = args.work / "ml-100k.inter"
    if not log.exists():
        with lzma.open(quality.SHARED / "data/movielens-100k-kg/ml-100k.inter.xz") as file:
            log.write_bytes(file.read())
    options = {"epochs": args.epochs, "batch_size": 512, "learning_rate": .002, "max_length": length,
               "chunk": 512 if length == 0 else 16}
    if model == "ksr":
        options |= {"hidden": 128, "relations": args.relations}
    return json.loads(quality.run([args.bench, log, model, *(f"{k}={v}" for k, v in options.items())]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=60, help="CPU seconds of a torch form")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--relations", type=int, default=24, help="of the torch KSR: those of ml-100k's graph")
    args = parser.parse_args()
    torch_check.check()
    args.work.mkdir(parents=True, exist_ok=True)
    for model, length in (("sr_gnn", 20), ("ksr", 50), ("ksr", 0)):
        ours = undula(args, model, length) if args.bench else None
        theirs = torch_form(model, length, args.relations, args.seconds) if length > 0 else None
        print(json.dumps({"model": model, "length": length, "undula": ours, "torch": theirs}), flush=True)


if __name__ == "__main__":
    main()
