#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Pairs of a month and the next one, as the tutorial makes them.

    lag.py airline-passengers.csv OUT_DIR

The first 67 % of the months train, the rest test; like the tutorial's function it
leaves out the last pair of each part. Prints, as JSON, the error of saying that
the next month is as this one.
"""
import csv
import json
import math
import os
import sys

with open(sys.argv[1], encoding="utf-8", newline="") as file:
    series = [float(row[1]) for row in list(csv.reader(file))[1:]]
cut = int(len(series) * 0.67)
for name, part in (("train", series[:cut]), ("test", series[cut:])):
    pairs = list(zip(part, part[1:]))[:-1]
    with open(os.path.join(sys.argv[2], name + ".tsv"), "w", encoding="utf-8") as out:
        out.writelines(f"{x:g}\t{y:g}\n" for x, y in pairs)
print(json.dumps({"naive": math.sqrt(sum((x - y) ** 2 for x, y in pairs) / len(pairs))}))
