# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Means over the runs of a sweep: seeds.py FOLDER

Writes JSON: how many runs there are, how many ended by the stop rule
(`solved`), the mean number of training sequences, the least and the most, and
how many of the 2560 test sequences were wrong, as a mean over the runs.
"""
import glob, json, statistics, sys

runs = []
for path in glob.glob(sys.argv[1] + "/*/result.json"):
    with open(path, encoding="utf-8") as file:
        runs.append(json.load(file))
steps = [run["steps"] for run in runs]
wrong = [(1 - run["test"]["accuracy"]) * 2560 for run in runs]
print(json.dumps({"runs": len(runs),
                  "solved": sum(run["status"] == "early_stopped" for run in runs),
                  "mean": statistics.mean(steps), "least": min(steps),
                  "most": max(steps), "wrong": statistics.mean(wrong)}))
