#!/usr/bin/env python3
"""Checks a report page: check_report.py PAGE SCHEMA. Prints what is wrong, one line each."""
import base64
import hashlib
import html.parser
import json
import re
import sys
import xml.etree.ElementTree

VOID = {"meta", "link", "br", "hr", "img", "input"}
PROBLEMS = []


def human(value):
    """As HumanNumber() of cli/report/text.cc writes it."""
    if value is None:
        return "-"
    if isinstance(value, int):
        return f"{value:,}"
    if value == 0:
        return "0"
    if abs(value) >= 1e15 or abs(value) < 1e-4:
        return "%.3g" % value
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return "%.4g" % value


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.ids, self.links = [], [], []
        self.tables, self.rows, self.cell = {}, None, None
        self.script, self.scripts, self.policy = None, [], ""

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if "id" in values:
            self.ids.append(values["id"])
        for name, value in attributes:
            if name.startswith("on") or name in ("style", "background", "srcset"):
                PROBLEMS.append(f"attribute {name} in <{tag}>")
            if name in ("src", "href"):
                self.links.append(value)
            if name != "xmlns" and name not in ("data-series", "title") and re.match(r"https?:|//", value or ""):
                PROBLEMS.append(f"external reference {name}={value}")
        if values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values["content"]
        if tag == "script":
            self.script = [values.get("type", ""), ""]
        if tag == "table":
            self.rows = self.tables[values["id"]] = []
        if tag == "tr" and self.rows is not None:
            self.rows.append([])
        if tag == "td":
            self.cell = ""
        if tag == "small":
            self.cell = None if self.cell is None else self.cell + " "
        if tag not in VOID and not self.get_starttag_text().endswith("/>"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            PROBLEMS.append(f"</{tag}> at {self.getpos()} closes nothing")
        if tag == "script":
            self.scripts.append(self.script)
            self.script = None
        if tag == "td":
            self.rows[-1].append(self.cell)
            self.cell = None
        if tag == "table":
            self.rows = None

    def handle_data(self, data):
        if self.script is not None:
            self.script[1] += data
        elif self.cell is not None:
            self.cell += data


def validate(value, schema, path):
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float),
             "null": type(None)}
    if "const" in schema and value != schema["const"]:
        PROBLEMS.append(f"{path} is not {schema['const']}")
    if "anyOf" in schema:
        before = len(PROBLEMS)
        for choice in schema["anyOf"]:
            del PROBLEMS[before:]
            validate(value, choice, path)
            if len(PROBLEMS) == before:
                return
        return
    if "type" in schema:
        names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        if not any(isinstance(value, kinds[name]) for name in names):
            PROBLEMS.append(f"{path} is no {schema['type']}")
            return
    for name in schema.get("required", []):
        if name not in value:
            PROBLEMS.append(f"{path} lacks {name}")
    if isinstance(value, dict):
        for name, member in value.items():
            if name in schema.get("properties", {}):
                validate(member, schema["properties"][name], f"{path}.{name}")
            elif schema.get("additionalProperties") is False:
                PROBLEMS.append(f"{path} has a member {name}")
    if isinstance(value, list) and "items" in schema:
        for i, element in enumerate(value):
            validate(element, schema["items"], f"{path}[{i}]")


def expected(cell):
    if cell is None:
        return {"", "-"}
    if isinstance(cell, str):
        return {cell}
    if isinstance(cell, dict):
        return {f"{human(cell['value'])}  [{human(cell['low'])}, {human(cell['high'])}]"}
    # Whole numbers stand in JSON as 1000 whether they were counted or measured.
    return {human(cell), human(float(cell))}


def main():
    text = open(sys.argv[1], encoding="utf-8").read()
    page = Page()
    page.feed(text)
    page.close()
    if page.open:
        PROBLEMS.append(f"never closed: {page.open}")
    if len(set(page.ids)) != len(page.ids):
        PROBLEMS.append(f"ids twice: {sorted(i for i in page.ids if page.ids.count(i) > 1)}")
    for link in page.links:
        if not (link.startswith("#") and link[1:] in page.ids or link.startswith("data:")):
            PROBLEMS.append(f"link to {link}")
    for svg in re.findall(r"<svg.*?</svg>", text, re.S):
        try:
            root = xml.etree.ElementTree.fromstring(svg)
            if "aria-hidden" not in root.attrib and root[0].tag.split("}")[-1] != "title":
                PROBLEMS.append("a picture without a title")
            if re.search(r"nan|inf|e[+-]\d", " ".join(
                    v for e in root.iter() for k, v in e.attrib.items() if k not in ("class", "role"))):
                PROBLEMS.append("a coordinate that is no plain number")
        except xml.etree.ElementTree.ParseError as error:
            PROBLEMS.append(f"SVG: {error}: {svg[:200]}")
    programs = [s for kind, s in page.scripts if kind != "application/json"]
    for program in programs:
        digest = base64.b64encode(hashlib.sha256(program.encode()).digest()).decode()
        if f"'sha256-{digest}'" not in page.policy:
            PROBLEMS.append(f"the policy does not allow the script sha256-{digest}")
        if len(program) > 10240:
            PROBLEMS.append("the script is larger than 10 kB")
    if "default-src 'none'" not in page.policy:
        PROBLEMS.append("no strict policy")
    data = json.loads([s for kind, s in page.scripts if kind == "application/json"][0])
    validate(data, json.load(open(sys.argv[2], encoding="utf-8")), "report")
    for section in data["sections"]:
        if section["id"] not in page.ids:
            PROBLEMS.append(f"no section {section['id']}")
        for table in section["tables"]:
            rows = [row for row in page.tables[table["id"]] if row]
            if len(rows) != len(table["rows"]):
                PROBLEMS.append(f"{table['id']}: {len(rows)} rows, {len(table['rows'])} in JSON")
            for shown, row in zip(rows, table["rows"]):
                for there, cell in zip(shown, row):
                    if there not in expected(cell):
                        PROBLEMS.append(f"{table['id']}: shows {there!r} for {cell!r}")
    print("\n".join(PROBLEMS[:50]))
    return 1 if PROBLEMS else 0


if __name__ == "__main__":
    sys.exit(main())
