#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What spelling alone says: each letter as the phone that it stands for most often.

    by_letter.py LEARN TEST

The files have lines "WORD<TAB>PH ON ES". It learns from the words of LEARN that have
as many phones as letters, place by place; errors are counted on TEST.
"""
import collections
import json
import sys

from errors import edits, lines

counts = collections.defaultdict(collections.Counter)
for word, phones in lines(sys.argv[1]):
    if len(word) == len(phones):
        for letter, phone in zip(word, phones):
            counts[letter][phone] += 1
phone_of = {letter: each.most_common(1)[0][0] for letter, each in counts.items()}
wrong = wrong_words = phones_there = words = 0
for word, phones in lines(sys.argv[2]):
    distance = edits([phone_of[x] for x in word if x in phone_of], phones)
    wrong += distance
    wrong_words += distance > 0
    phones_there += len(phones)
    words += 1
print(json.dumps({"phoneme_error_rate": wrong / phones_there, "word_error_rate": wrong_words / words}))
