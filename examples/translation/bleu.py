#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""BLEU (Papineni et al. 2002) of what `rnnc predict` wrote.

    bleu.py ANSWERS.csv PAIRS.tsv

PAIRS.tsv has the lines "source<TAB>target" that were asked about. Up to four
words, one reference, brevity penalty, no smoothing, over tokens. `copied` is
what the sources themselves would get.
"""
import csv
import json
import math
import sys
from collections import Counter


def bleu(pairs, longest=4):
    hits, totals = [0] * longest, [0] * longest
    said = wanted = 0
    for guess, truth in pairs:
        said += len(guess)
        wanted += len(truth)
        for n in range(1, longest + 1):
            ours = Counter(tuple(guess[i:i + n]) for i in range(len(guess) - n + 1))
            theirs = Counter(tuple(truth[i:i + n]) for i in range(len(truth) - n + 1))
            hits[n - 1] += sum(min(c, theirs[g]) for g, c in ours.items())
            totals[n - 1] += sum(ours.values())
    if not all(hits):
        return 0.0
    mean = sum(math.log(h / t) for h, t in zip(hits, totals)) / longest
    return 100 * math.exp(mean + min(0.0, 1 - wanted / said))


with open(sys.argv[2], encoding="utf-8") as file:
    lines = [[part.split() for part in line.rstrip("\n").split("\t")[:2]] for line in file]
with open(sys.argv[1], encoding="utf-8", newline="") as file:
    answers = [(int(row[0]) - 1, row[1].split()) for row in list(csv.reader(file))[1:]]
print(json.dumps({"bleu": bleu([(said, lines[i][1]) for i, said in answers]),
                  "copied": bleu([lines[i] for i, _ in answers]),
                  "sentences": len(answers)}))
