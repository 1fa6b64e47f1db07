#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Anomaly scores from what `rnnc predict` wrote, against NAB's windows.

    score.py NAB_FOLDER ANSWERS_FOLDER

ANSWERS_FOLDER/NAME.csv are the answers for the series NAME.csv of NAB_FOLDER/data.
The score of a step is its error in deviations of the errors of the probation, the
first 15 % of the series, which counts for nothing else. The threshold is half as
much again as the greatest score of the probation. A window of labels/
combined_windows.json is found if a step in it exceeds the threshold. Steps outside
that do are false alarms, one for those that are no more than a day apart.
"""
import csv
import glob
import json
import os
import statistics
import sys
from datetime import datetime, timedelta

nab, folder = sys.argv[1:3]
with open(os.path.join(nab, "labels/combined_windows.json"), encoding="utf-8") as file:
    windows = json.load(file)


def parse(text):
    return datetime.fromisoformat(text.split(".")[0])


def read(answers, path):
    """The time stamps of a series, and by row the net's errors and those of
    saying that nothing changes."""
    with open(path, encoding="utf-8", newline="") as file:
        series = list(csv.DictReader(file))
    with open(answers, encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    values = [float(row["value"]) for row in series]
    # Rows count from 1, and an answer's is the row that it forecasts.
    return ([parse(row["timestamp"]) for row in series],
            {int(row[0]): abs(float(row[1]) - float(row[2])) for row in rows if row[2]},
            {i + 1: abs(values[i] - values[i - 1]) for i in range(1, len(values))})


def score(stamps, error, spans):
    probation = int(len(stamps) * 0.15)
    known = [e for row, e in error.items() if row <= probation]
    deviation = statistics.pstdev(known) or 1.0
    threshold = 1.5 * max(known) / deviation
    found, alarms, last = set(), 0, None
    for row in sorted(error):
        if row <= probation or error[row] / deviation <= threshold:
            continue
        time = stamps[row - 1]
        inside = [i for i, (a, b) in enumerate(spans) if a <= time <= b]
        found.update(inside)
        if not inside:
            alarms += last is None or time - last > timedelta(days=1)
            last = time
    return {"windows": len(spans), "found": len(found), "alarms": alarms,
            "days": (stamps[-1] - stamps[probation]).total_seconds() / 86400,
            "threshold": threshold}


def total(scores):
    sums = {key: sum(one[key] for one in scores.values())
            for key in ("windows", "found", "alarms", "days")}
    return dict(sums, each=scores)


net, naive = {}, {}
for path in sorted(glob.glob(os.path.join(nab, "data/*/*.csv"))):
    name = os.path.splitext(os.path.basename(path))[0]
    answers = os.path.join(folder, name + ".csv")
    if os.path.exists(answers):
        key = os.path.relpath(path, os.path.join(nab, "data"))
        spans = [(parse(a), parse(b)) for a, b in windows.get(key, [])]
        stamps, errors, changes = read(answers, path)
        net[name] = score(stamps, errors, spans)
        naive[name] = score(stamps, changes, spans)
print(json.dumps({"net": total(net), "naive": total(naive)}))
