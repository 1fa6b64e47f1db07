# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Completes words as one types them: complete.py RUN TEXT [WORDS]

Takes words out of the last tenth of TEXT, which RUN (a character model) has
not learned from, types their first two letters behind what stands before them
and asks `rnnc sample` for the three likeliest endings. Writes JSON: how many of
the words came first, how many were among the three, and how many the most
frequent word with these letters would have got right.
"""
import collections, json, re, subprocess, sys

run, path = sys.argv[1:3]
count = int(sys.argv[3]) if len(sys.argv) > 3 else 100
with open(path, encoding="utf-8") as file:
    text = file.read()
cut = len(text) * 9 // 10
known = collections.Counter(re.findall(r"[A-Za-z']+", text[:cut]))
frequent = {}
for word, _ in known.most_common():
    frequent.setdefault(word[:2], word)

# Words of four letters or more, evenly spread; at least 40 characters before.
words = [m for m in re.finditer(r"[A-Za-z']{4,}", text) if m.start() >= cut]
words = words[::max(1, len(words) // count)][:count]
first = three = guessed = 0
for match in words:
    word, before = match.group(), text[max(0, match.start() - 40):match.start()]
    answer = subprocess.run(
        ["rnnc", "sample", run, "--prompt", before + word[:2], "--beam", "8",
         "--count", "3", "--tokens", "12", "--stop", " ", "--json", "-q"],
        stdout=subprocess.PIPE, check=True, text=True).stdout
    found = []
    for sample in json.loads(answer)["samples"]:
        rest = re.match(r"[A-Za-z']*", sample["text"][len(before):]).group()
        if rest not in found:
            found.append(rest)
    first += found[0] == word
    three += word in found
    guessed += frequent.get(word[:2]) == word
print(json.dumps({"words": len(words), "first": first / len(words),
                  "three": three / len(words), "frequent": guessed / len(words)}))
