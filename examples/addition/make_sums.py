#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes sums as lines "12+7=<TAB>19".

    make_sums.py COUNT [DIGITS=3] -o FILE

Each question comes once, whatever the order of its numbers, as in the Keras
example.
"""
import argparse
import random

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("count", type=int)
parser.add_argument("digits", type=int, nargs="?", default=3)
parser.add_argument("-o", "--output", required=True)
parser.add_argument("--seed", type=int, default=1)
options = parser.parse_args()
draw = random.Random(options.seed)


def number():
    digits = draw.randint(1, options.digits)
    return int("".join(draw.choice("0123456789") for _ in range(digits)))


seen = set()
with open(options.output, "w", encoding="utf-8") as file:
    while len(seen) < options.count:
        a, b = number(), number()
        key = min(a, b), max(a, b)
        if key not in seen:
            seen.add(key)
            file.write(f"{a}+{b}=\t{a + b}\n")
