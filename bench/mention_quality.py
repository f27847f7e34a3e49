#!/usr/bin/env python3
"""Precision and recall of mentions in news text, on the MIND sample of shared/data/news.

    bench/mention_quality.py --undula build/release/bin/undula --out build/mentions

Unit: (article, entity) over title and abstract together; gold: the annotation of the sample. Names: the
labels of all entities of the sample, and the 55,310 names of mind-f-kg as distractors (a name that is a
sample's label is the same entity, not a distractor); its triples give the graph. 5 folds by article: surface
forms, priors and weights come from the training folds only. Baselines in the same run: labels that one
entity has; labels and surface forms with the entity they stood for most often.
"""
import argparse
import json
import lzma
import os
import subprocess
from pathlib import Path

SHARED = Path(os.environ.get("UNDULA_SHARED", Path(__file__).resolve().parents[2] / "shared"))
NEWS = SHARED / "data/news"
LABEL = "<http://www.w3.org/2000/01/rdf-schema#label>"
WIKIDATA = "http://www.wikidata.org/"


def lines(path):
    with lzma.open(path, "rt", encoding="utf-8") as file:
        yield from (line.rstrip("\r\n") for line in file)


def write_inputs(out):
    labels, gold, items = {}, ["item\tentity\tsurface\tconfidence"], [
        "item\ttitle\tabstract\tcategory\tsubcategory"]
    for line in lines(NEWS / "mind-sample/news.tsv.xz"):
        item, category, subcategory, title, abstract, _, *entities = line.split("\t")
        items.append(f"{item}\t{title}\t{abstract}\t{category}\t{subcategory}")
        gold.append(f"{item}\t\t\t0")  # annotated, perhaps with nothing
        for entity in (e for cell in entities if cell for e in json.loads(cell)):
            labels.setdefault(entity["WikidataId"], entity["Label"])
            for surface in entity["SurfaceForms"] or [""]:
                gold.append(f"{item}\t{WIKIDATA}entity/{entity['WikidataId']}\t{surface}\t{entity['Confidence']}")
    by_name = {}
    for qid, label in labels.items():
        by_name.setdefault(label.casefold(), f"{WIKIDATA}entity/{qid}")
    triples, iris = [], {}
    for qid, label in labels.items():
        triples.append(f"<{WIKIDATA}entity/{qid}> {LABEL} {json.dumps(label, ensure_ascii=False)} .")
    for line in list(lines(NEWS / "mind-f-kg/entity_list.txt.xz"))[1:]:
        name, number = line.rsplit(" ", 1)
        name = name.strip('"')
        iris[number] = by_name.get(name.casefold(), f"urn:mind-f:{number}")
        if iris[number].startswith("urn:"):
            triples.append(f"<{iris[number]}> {LABEL} {json.dumps(name, ensure_ascii=False)} .")
    relations = dict(reversed(r.split()) for r in (NEWS / "mind-f-kg/relation_list.txt").read_text().splitlines()[1:])
    for line in lines(NEWS / "mind-f-kg/kg_final.txt.xz"):
        head, relation, tail = line.split()
        if head in iris and tail in iris:
            triples.append(f"<{iris[head]}> <{WIKIDATA}prop/direct/{relations[relation]}> <{iris[tail]}> .")
    (out / "names.nt").write_text("\n".join(triples) + "\n")
    (out / "gold.tsv").write_text("\n".join(gold) + "\n")
    (out / "items.tsv").write_text("\n".join(items) + "\n")


def undula(args, *command):
    done = subprocess.run([str(args.undula), *map(str, command)], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"undula {' '.join(map(str, command))}: {done.stderr}")
    return done.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--undula", type=Path, default=Path("build/release/bin/undula"))
    parser.add_argument("--out", type=Path, default=Path("build/mentions"))
    parser.add_argument("--precision", type=float, default=.9)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    database = args.out / "news.undula"
    if not (args.out / "imported").exists():
        for leftover in args.out.glob("news.undula*"):
            leftover.unlink()
        write_inputs(args.out)
        undula(args, "import", database, args.out / "names.nt", "--quiet")
        undula(args, "import", database, args.out / "items.tsv", "--format", "items-tsv", "--quiet")
        (args.out / "imported").touch()
    print("| surface forms | names | documents | mentions | linked | precision | recall | F1 |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for surfaces in ("of the training folds", "none"):
        rows = undula(args, "link", "mentions", database, "--gold", args.out / "gold.tsv", "--evaluate",
                      "--topic", "category", "--topic", "subcategory", "--precision", args.precision, "--format", "json", "--quiet",
                      *(["--no-surfaces"] if surfaces == "none" else []))
        for row in map(json.loads, rows.splitlines()):
            print(f"| {surfaces} | {row['names']} | {row['documents']} | {row['mentions']} | {row['linked']} |"
                  f" {row['precision']:.4f} | {row['recall']:.4f} | {row['f1']:.4f} |")


if __name__ == "__main__":
    main()
