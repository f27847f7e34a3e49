#!/usr/bin/env python3
"""KGCN and KGNN-LS as vectorised PyTorch, for comparison: every batch is a few gathers and products.

    bench/torch_kgcn.py DIRECTORY [--model kgcn|kgnn_ls] [--hops 1] [--neighbors 8] [--dim 16] ...

DIRECTORY as for ripple_bench (kg_final.txt and ratings_final.txt, or train.txt, eval.txt, test.txt).
The equations are those of docs/models/kgcn.md, aggregator "sum": neighbors drawn once, K per entity;
a row gathers the tree of its item, [B, K, d] vectors and relations at depth 1, [B, K K, d] at depth 2.
Labels of KGNN-LS are found by binary search in the sorted keys (user, entity) of the training rows, all
slots of a batch at once. Adam over whole tables and L2 of whole tables, as the authors' programs. One JSON line: rows per core-second (median epoch, shuffling included), all-item
pairs per core-second with --score, AUC of the best epoch on validation.
"""
import argparse
import json
import resource
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("directory", type=Path)
    p.add_argument("--model", choices=["kgcn", "kgnn_ls"], default="kgcn")
    p.add_argument("--hops", type=int, default=1)
    p.add_argument("--neighbors", type=int, default=8)
    p.add_argument("--dim", type=int, default=16)
    p.add_argument("--batch", type=int, default=2048)
    p.add_argument("--preset", choices=["code", "paper"], default="code")
    p.add_argument("--lr", type=float, default=0.005)
    p.add_argument("--l2", type=float, default=1e-4, help="times half the squares of all tables, per step")
    p.add_argument("--ls", type=float, default=0.1)
    p.add_argument("--epochs", type=int, default=10)
    p.add_argument("--score", action="store_true", help="time the scores of every user with every item")
    p.add_argument("--score-users", type=int, default=200)
    p.add_argument("--seed", type=int, default=1)
    return p.parse_args()


def read(path):
    return np.loadtxt(path, dtype=np.int64, ndmin=2) if path.exists() else None


def load(folder, seed):
    kg = np.unique(read(folder / "kg_final.txt"), axis=0)
    parts = [read(folder / name) for name in ("train.txt", "eval.txt", "test.txt")]
    if parts[0] is None:
        rows = read(folder / "ratings_final.txt")
        rows = rows[np.random.default_rng(seed).permutation(len(rows))]
        a, b = len(rows) * 6 // 10, len(rows) * 8 // 10
        parts = [rows[:a], rows[a:b], rows[b:]]
    return kg, parts


def sample(kg, n_entities, k, rng):
    """K neighbors of each entity over edges in both directions; without edges, K times itself."""
    heads = np.concatenate([kg[:, 0], kg[:, 2]])
    tails = np.concatenate([kg[:, 2], kg[:, 0]])
    relations = np.concatenate([kg[:, 1], kg[:, 1]])
    order = np.argsort(heads, kind="stable")
    tails, relations = tails[order], relations[order]
    ptr = np.searchsorted(heads[order], np.arange(n_entities + 1))
    entity = np.repeat(np.arange(n_entities)[:, None], k, axis=1)
    relation = np.zeros((n_entities, k), dtype=np.int64)
    for e in range(n_entities):
        n = ptr[e + 1] - ptr[e]
        if n > 0:
            chosen = ptr[e] + rng.choice(n, k, replace=n < k)
            entity[e], relation[e] = tails[chosen], relations[chosen]
    return torch.from_numpy(entity), torch.from_numpy(relation)


class Labels:
    """The training rows as sorted keys; the label of a slot is 1/2 where there is none."""

    def __init__(self, train, n_entities):
        keys = train[:, 0] * n_entities + train[:, 1]
        keys, first = np.unique(keys, return_index=True)
        self.n_entities = n_entities
        self.keys = torch.from_numpy(keys)
        self.values = torch.from_numpy(train[first, 2].astype(np.float32))

    def of(self, users, entities):
        keys = users[:, None] * self.n_entities + entities
        at = torch.searchsorted(self.keys, keys).clamp_(max=len(self.keys) - 1)
        return torch.where(self.keys[at] == keys, self.values[at], torch.tensor(0.5))


class Kgcn(nn.Module):
    def __init__(self, a, n_users, n_entities, n_relations, adjacency, labels):
        super().__init__()
        self.a, self.labels = a, labels
        self.adj_entity, self.adj_relation = adjacency
        self.user = nn.Embedding(n_users, a.dim)
        self.entity = nn.Embedding(n_entities, a.dim)
        self.relation = nn.Embedding(n_relations, a.dim)
        for table in (self.user, self.entity, self.relation):
            nn.init.xavier_uniform_(table.weight)
        self.layers = nn.ModuleList(nn.Linear(a.dim, a.dim) for _ in range(a.hops))
        for layer in self.layers:
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
        self.scale = 1 / a.dim if a.preset == "code" else 1.0
        self.gain = 1 / a.neighbors if a.preset == "code" else 1.0

    def tree(self, items):
        entities, relations = [items[:, None]], []
        for _ in range(self.a.hops):
            relations.append(self.adj_relation[entities[-1]].flatten(1))
            entities.append(self.adj_entity[entities[-1]].flatten(1))
        return entities, relations

    def attention(self, u, relations):
        # Every relation once per user, then looked up: faster than a product per slot.
        scores = torch.matmul(u, self.relation.weight.t() * self.scale).gather(1, relations)
        return F.softmax(scores.view(len(u), -1, self.a.neighbors), dim=2)  # [B, parents, K]

    def mix(self, weights, children):
        b, parents, k = weights.shape
        mixed = torch.bmm(weights.view(-1, 1, k), children.reshape(b * parents, k, -1))
        return self.gain * mixed.view(b, parents, -1)

    def forward(self, users, items):
        """Scores and predicted labels (or None)."""
        entities, relations = self.tree(items)
        u = self.user(users)
        weights = [self.attention(u, r) for r in relations]
        h = [self.entity(e) for e in entities]
        for l, layer in enumerate(self.layers):
            act = torch.tanh if l + 1 == len(self.layers) else torch.relu
            h = [act(layer(h[t] + self.mix(weights[t], h[t + 1]))) for t in range(self.a.hops - l)]
        scores = (u * h[0][:, 0]).sum(1)
        return scores, self.spread(users, items, entities, weights)

    def squares(self):
        return sum(p.pow(2).sum() for p in self.parameters() if p.shape != (self.a.dim,))

    def spread(self, users, items, entities, weights):
        if self.labels is None:
            return None
        known, clamped = [], []
        for t in range(1, self.a.hops + 1):
            label = self.labels.of(users, entities[t])
            label = torch.where(entities[t] == items[:, None], torch.tensor(0.5), label)
            known.append(label)
            clamped.append(label != 0.5)
        self.known_share = float(torch.cat(clamped, 1).float().mean())
        value = known[-1]
        for t in range(self.a.hops - 1, -1, -1):
            value = self.mix(weights[t], value[:, :, None])[:, :, 0]
            if t > 0:
                value = torch.where(clamped[t - 1], known[t - 1], value)
        return value[:, 0]


def auc(labels, scores):
    order = np.argsort(scores, kind="mergesort")
    s = scores[order]
    edge = np.r_[True, s[1:] != s[:-1]]
    first = np.flatnonzero(edge)
    last = np.r_[first[1:], len(s)] - 1
    rank = ((first + last) / 2.0 + 1)[np.cumsum(edge) - 1]
    positive = labels[order] > 0
    p, n = positive.sum(), (~positive).sum()
    return float((rank[positive].sum() - p * (p + 1) / 2) / (p * n))


def evaluate(model, rows):
    with torch.no_grad():
        scores = [model(torch.from_numpy(part[:, 0]), torch.from_numpy(part[:, 1]))[0].numpy()
                  for part in np.array_split(rows, max(1, len(rows) // 4096))]
    return auc(rows[:, 2], np.concatenate(scores))


def main():
    a = arguments()
    torch.set_num_threads(1)
    torch.manual_seed(a.seed)
    kg, (train, valid, test) = load(a.directory, a.seed)
    everything = np.concatenate([train, valid, test])
    n_users, n_items = everything[:, 0].max() + 1, everything[:, 1].max() + 1
    n_entities = max(n_items, kg[:, [0, 2]].max() + 1)
    adjacency = sample(kg, n_entities, a.neighbors, np.random.default_rng(a.seed))
    labels = Labels(train, n_entities) if a.model == "kgnn_ls" else None
    model = Kgcn(a, n_users, n_entities, kg[:, 1].max() + 1, adjacency, labels)
    optimizer = torch.optim.Adam(model.parameters(), lr=a.lr, foreach=True)
    users, items = torch.from_numpy(train[:, 0]), torch.from_numpy(train[:, 1])
    y = torch.from_numpy(train[:, 2].astype(np.float32))
    rates, best = [], (-1, 0, 0)
    for epoch in range(1, a.epochs + 1):
        start = time.process_time()
        for rows in torch.randperm(len(train)).split(a.batch):
            scores, predicted = model(users[rows], items[rows])
            loss = F.binary_cross_entropy_with_logits(scores, y[rows]) + a.l2 / 2 * model.squares()
            if predicted is not None:
                loss = loss + a.ls * F.binary_cross_entropy_with_logits(predicted, y[rows])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        rates.append(len(train) / (time.process_time() - start))
        model.labels, kept = None, model.labels
        quality = evaluate(model, valid)
        if quality > best[0]:
            best = (quality, evaluate(model, test), epoch)
        model.labels = kept
    out = {"model": a.model, "hops": a.hops, "rows_per_core_s": round(sorted(rates)[len(rates) // 2]),
           "valid_auc": round(best[0], 4), "test_auc": round(best[1], 4), "at_epoch": best[2],
           "peak_rss_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)}
    if labels is not None:
        out["known_labels"] = round(model.known_share, 4)
    if a.score:
        model.labels = None
        everyone = torch.arange(min(a.score_users, n_users))
        pairs, start = 0, time.process_time()
        with torch.no_grad():
            for u in everyone:
                for part in torch.arange(n_items).split(4096):
                    model(u.expand(len(part)), part)
                    pairs += len(part)
        out["pairs_per_core_s"] = round(pairs / (time.process_time() - start))
    print(json.dumps(out))


if __name__ == "__main__":
    main()
