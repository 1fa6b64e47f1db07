#!/usr/bin/env python3
"""Cuts a column of a CSV file into windows and makes holes in them.

    holes.py FILE.csv COLUMN OUT_DIR [WINDOW=48]

Writes train.tsv, valid.tsv and test.tsv (70, 10 and 20 % of the file, in order)
with the columns x (holes filled by straight lines), seen (1 where x is known) and
y (the truth): three sequences of numbers, apart by spaces. A hole is at most a quarter of a window long; about a third of a window is missing. Numbers are
scaled to mean 0 and deviation 1 by the training part. Prints, as JSON, the mean
square and absolute errors of two plain ways to fill the test holes: `lines`,
straight from neighbour to neighbour, and `last`, the last known value.
"""
import csv
import json
import os
import random
import statistics
import sys

path, column, out = sys.argv[1:4]
size = int(sys.argv[4]) if len(sys.argv) > 4 else 48
with open(path, encoding="utf-8", newline="") as file:
    rows = list(csv.reader(file))
at = rows[0].index(column)
series = [float(row[at]) for row in rows[1:]]
cuts = [0, int(len(series) * 0.7), int(len(series) * 0.8), len(series)]
mean = statistics.fmean(series[:cuts[1]])
deviation = statistics.pstdev(series[:cuts[1]]) or 1.0
series = [(value - mean) / deviation for value in series]
draw = random.Random(1)
os.makedirs(out, exist_ok=True)


def hide(length):
    """1 where a value stays; both ends do."""
    seen = [1] * length
    while sum(seen) > length * 2 / 3:
        begin, steps = draw.randrange(1, length - 1), draw.randint(1, size // 4)
        for i in range(begin, min(begin + steps, length - 1)):
            seen[i] = 0
    return seen


def lines(values, seen):
    """Each hole filled by the straight line between its neighbours."""
    filled = list(values)
    known = [i for i, s in enumerate(seen) if s]
    for a, b in zip(known, known[1:]):
        for i in range(a + 1, b):
            filled[i] = values[a] + (values[b] - values[a]) * (i - a) / (b - a)
    return filled


def last(values, seen):
    """Each hole filled by the last value before it."""
    filled = list(values)
    for i in range(1, len(filled)):
        if not seen[i]:
            filled[i] = filled[i - 1]
    return filled


for name, begin, end in zip(("train", "valid", "test"), cuts, cuts[1:]):
    errors = {"lines": [], "last": []}
    with open(os.path.join(out, name + ".tsv"), "w", encoding="utf-8") as file:
        file.write("x\tseen\ty\n")
        # Windows overlap by half.
        for start in range(begin, end - size + 1, size // 2):
            y = series[start:start + size]
            seen = hide(size)
            x = lines(y, seen)
            file.write("\t".join(" ".join(f"{v:.6g}" for v in row) for row in (x, seen, y)) + "\n")
            for label, filled in (("lines", lines(y, seen)), ("last", last(y, seen))):
                errors[label] += [f - v for f, v, s in zip(filled, y, seen) if not s]
print(json.dumps({label: {"mse": statistics.fmean(e * e for e in found),
                          "mae": statistics.fmean(abs(e) for e in found)}
                  for label, found in errors.items()}))
