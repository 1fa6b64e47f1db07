#!/usr/bin/env python3
"""Writes what `rnnc bench --suite --json` found as tables into a page. usage: tables.py SUITE.json PAGE.md

Everything after the mark in the page is replaced. Several files can be given before the page; of equal rows the last counts.
"""
import json
import sys

MARK = "<!-- tables: written by tests/bench/tables.py -->\n"


def time(ms):
    for limit, factor, unit in ((1, 1000, "us"), (1000, 1, "ms"), (float("inf"), 0.001, "s")):
        if ms < limit:
            return f"{ms * factor:.3g} {unit}" if ms * factor < 100 else f"{ms * factor:.0f} {unit}"
    return str(ms)


def cell(row):
    """A rival: its ratio; a reference of ours: time per FLOP beside it."""
    if row["system"].startswith("rnnc-"):
        same = row.get("per_flop") and row["system"] != "rnnc-f32"
        return f"{row['per_flop']:.2f} a flop" if same else f"{row['ratio']:.2f}"
    return f"{row['ratio']:.2f}"


def tables(found):
    groups = {}
    for row in found:
        entry = groups.setdefault(row["group"], {}).setdefault((row["name"], row["threads"]), {})
        entry[row["system"]] = row
    for group, rows in groups.items():
        systems = sorted({s for r in rows.values() for s in r if s != "rnnc"})
        yield f"\n### {group}\n\n"
        yield "| row | threads | rnnc | GFLOP/s | peak | " + "".join(f"{s} | " for s in systems) + "\n"
        yield "|---|---|---|---|---|" + "---|" * len(systems) + "\n"
        for (name, threads), by in rows.items():
            ours = by["rnnc"]
            if not ours.get("step_ms"):
                yield f"| {name} | {threads} | {ours.get('why', 'not measured')} | | |" + " |" * len(systems) + "\n"
                continue
            rate = f"{ours['gflops_per_s']:.1f}" if ours.get("gflops_per_s") else ""
            share = f"{100 * ours['peak_share']:.0f} %" if ours.get("peak_share") else ""
            yield f"| {name} | {threads} | {time(ours['step_ms']['median'])} | {rate} | {share} | "
            yield "".join(f"{cell(by[s]) if s in by else ''} | " for s in systems) + "\n"


def main():
    *files, page = sys.argv[1:]
    rows, machine, version = {}, {}, ""
    for name in files:
        with open(name) as file:
            content = json.load(file)
        machine, version = content["machine"], content["version"]
        for row in content["rows"]:
            rows[row["name"], row["threads"], row["precision"], row["system"]] = row
    with open(page) as file:
        text = file.read()
    head = text[:text.index(MARK) + len(MARK)]
    peaks = {(r["threads"], r["precision"]): r["peak_gflops_per_s"] for r in rows.values() if r.get("peak_gflops_per_s")}
    head += f"\nrnnc {version} on {machine['cpu']}, {machine['cores']} cores; peak "
    head += ", ".join(f"{v:.0f} GFLOP/s ({t} thread{'s' if t > 1 else ''}, {p})" for (t, p), v in sorted(peaks.items()))
    head += ". Columns of other systems are ratios: their time over ours.\n"
    with open(page, "w") as file:
        file.write(head + "".join(tables(rows.values())))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main()
