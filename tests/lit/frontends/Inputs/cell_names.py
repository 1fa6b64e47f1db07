"""Finds names of the library's cells in C, C++ and TableGen outside tests/."""

import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
texts = (root / "frontends" / "stdlib").glob("*.rnn")
names = [
    name
    for text in texts
    for name in re.findall(r"^cell ([A-Za-z]\w*)", text.read_text(), re.M)
]
# Also within longer names, PackedLSTM or lstm_step, but not within words.
# Two letters in lower case are anything.
forms = [rf"(?<![A-Z]){name}(?![a-z])" for name in names]
forms += [
    rf"(?<![A-Za-z]){name.lower()}(?![a-z])" for name in names if len(name) > 2
]
form = re.compile("|".join(forms))
found = 0
for path in sorted(root.rglob("*")):
    parts = path.relative_to(root).parts
    if path.suffix not in (".c", ".cpp", ".h", ".td", ".in", ".inc"):
        continue
    if parts[0] in ("tests", ".git") or parts[0].startswith("build"):
        continue
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = form.search(line)
        if match:
            print(f"{'/'.join(parts)}:{number}: names the cell '{match.group()}'")
            found += 1
print(f"{len(names)} cells, {found} places")
