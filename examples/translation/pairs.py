#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes lines "source<TAB>target" of tokens apart by spaces.

    pairs.py FILE.tsv -o PAIRS.tsv               two columns of raw text: lower
                                                 case, words and signs apart
    pairs.py SOURCE.txt TARGET.txt -o PAIRS.tsv  two files of tokens, line by line
"""
import argparse
import re

parser = argparse.ArgumentParser(description=__doc__,
                                 formatter_class=argparse.RawTextHelpFormatter)
parser.add_argument("files", nargs="+")
parser.add_argument("-o", "--output", required=True)
options = parser.parse_args()


def tokens(text):
    # An apostrophe stays with the word before it: l'eau is l' eau.
    return " ".join(re.findall(r"\w+['’]?|[^\w\s]", text.lower()))


files = [open(name, encoding="utf-8") for name in options.files]
with open(options.output, "w", encoding="utf-8") as out:
    if len(files) == 1:
        for line in files[0]:
            source, target = line.rstrip("\n").split("\t")[:2]
            out.write(tokens(source) + "\t" + tokens(target) + "\n")
    else:
        for source, target in zip(*files):
            out.write(source.strip() + "\t" + target.strip() + "\n")
