"""What train says of its best validation is what eval measures with the best
weights, and is not the last validation; tables show the same.

usage: best_check.py TRAIN.json VALID.json TEST.json REPORT.txt SWEEP.txt"""

import json
import sys

train, valid, test = (json.load(open(path)) for path in sys.argv[1:4])
shown = train["valid"]
assert shown["best_loss"] == valid["loss"], (shown, valid["loss"])
assert shown["best_accuracy"] == valid["accuracy"], (shown, valid["accuracy"])
assert shown["best_perplexity"] is None, shown
# What the last one says is worse, so that either would be noticed.
assert shown["loss"] > shown["best_loss"], shown
assert shown["accuracy"] != shown["best_accuracy"], shown
# Six updates an epoch: 54 examples in batches of 9.
assert shown["best_step"] == 6 * shown["best_epoch"] < train["steps"], shown
assert train["test"]["loss"] == test["loss"], (train["test"], test["loss"])
assert train["test"]["accuracy"] == test["accuracy"], train["test"]


def rows(path):
    lines = open(path).read().splitlines()
    heads = [head.strip() for head in lines[0].replace("  ", "\t").split("\t") if head.strip()]
    for line in lines[1:]:
        yield dict(zip(heads, line.split(), strict=True))


def check(row):
    assert row["best valid"] == f"{shown['best_loss']:.4f}", row
    assert row["at step"] == str(shown["best_step"]), row
    assert row["at epoch"] == f"{shown['best_epoch']:.2f}", row
    assert row["accuracy"] == f"{shown['best_accuracy']:.4f}", row
    assert row["test"] == f"{test['loss']:.4f}", row
    assert row["test accuracy"] == f"{test['accuracy']:.4f}", row


(only,) = rows(sys.argv[4])
check(only)
(same,) = [row for row in rows(sys.argv[5]) if row["lr"] == "1"]
check(same)
