#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Phoneme and word error rates where a word may be spoken in several ways.

    errors.py ANSWERS.csv LINES

ANSWERS.csv is what `rnnc predict` wrote for the lines "WORD<TAB>PH ON EM ES" of
LINES. Of several pronunciations the nearest one counts, as in the papers: a word
is right if it is one of them, and its errors are the edits to the nearest.
"""
import csv
import json
import sys


def edits(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


def lines(path):
    """The words of a file and the phones of each."""
    with open(path, encoding="utf-8") as file:
        for line in file:
            word, phones = line.rstrip("\n").split("\t")[:2]
            yield word, phones.split()


def main():
    words = list(lines(sys.argv[2]))
    with open(sys.argv[1], encoding="utf-8", newline="") as file:
        answers = list(csv.reader(file))[1:]
    spoken, known = {}, {}
    for row in answers:
        word, phones = words[int(row[0]) - 1]
        spoken[word] = row[1].split()
        known.setdefault(word, []).append(phones)
    wrong = wrong_words = phonemes = 0
    for word, guess in spoken.items():
        distance, length = min((edits(guess, truth), len(truth)) for truth in known[word])
        wrong += distance
        phonemes += length
        wrong_words += distance > 0
    print(json.dumps({"phoneme_error_rate": wrong / phonemes,
                      "word_error_rate": wrong_words / len(spoken),
                      "words": len(spoken)}))


if __name__ == "__main__":
    main()
