"""Tensors with padding, and what a model makes of them.

lengths_files.py make DIR   writes rows of padded sequences and their lengths, and each alone
lengths_files.py check DIR  compares the outputs of the rows with those of each alone
"""
import ast, os, struct, sys

CODES = {"f8": "d", "i4": "i", "i8": "q"}
LENGTHS = [4, 2]  # of two rows of 4 steps
WORDS = [3, 1]  # of two rows of 3 words
LETTERS = [[1, 4], [4, 0], [2, 7]]  # [word][row]; behind the last word anything

mode, folder = sys.argv[1:]
at = lambda name: os.path.join(folder, name)


def write(name, kind, shape, values):
    header = str({"descr": "<" + kind, "fortran_order": False, "shape": tuple(shape)}).encode()
    header += b" " * (63 - (10 + len(header)) % 64) + b"\n"
    with open(at(name), "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
        file.write(struct.pack(f"<{len(values)}{CODES[kind]}", *values))


def read(name):
    with open(at(name), "rb") as file:
        data = file.read()
    length = struct.unpack("<H", data[8:10])[0]
    header = ast.literal_eval(data[10 : 10 + length].decode())
    body = data[10 + length :]
    return header["shape"], struct.unpack(f"<{len(body) // 8}d", body)


def near(name, found, expected):
    for a, b in zip(found, expected, strict=True):
        if not abs(a - b) <= 1e-13:
            sys.exit(f"{name}: {found}, expected {expected}")
    print(f"{name} agrees")


x = lambda t, b: 0.3 * t - 0.7 * b + 0.1
text = lambda w, c, b: (2 * w + 3 * c + b) % 5
if mode == "make":
    rows = [(t, b) for t in range(4) for b in range(2)]
    write("x.npy", "f8", [4, 2, 1], [x(t, b) if t < LENGTHS[b] else float("nan") for t, b in rows])
    write("lengths.npy", "i8", [2], LENGTHS)
    cells = [(w, c, b) for w in range(3) for c in range(4) for b in range(2)]
    there = lambda w, c, b: w < WORDS[b] and c < LETTERS[w][b]
    write("text.npy", "i4", [3, 4, 2], [text(*i) if there(*i) else -1 for i in cells])
    write("words.npy", "i4", [2], WORDS)
    write("letters.npy", "i4", [3, 2], sum(LETTERS, []))
    for b in range(2):
        write(f"x{b}.npy", "f8", [LENGTHS[b], 1, 1], [x(t, b) for t in range(LENGTHS[b])])
        for w in range(WORDS[b]):
            count = LETTERS[w][b]
            write(f"text{w}{b}.npy", "i4", [1, count, 1], [text(w, c, b) for c in range(count)])
    # Wrong ones.
    write("long.npy", "i4", [2], [4, 5])
    write("zero.npy", "i4", [2], [0, 4])
    write("three.npy", "i4", [3], [4, 4, 4])
    write("real.npy", "f8", [2], [4, 2])
    write("empty.npy", "i4", [3, 2], [1, 4, 0, 0, 2, 0])
else:
    _, last = read("last.npy")
    for b in range(2):
        near(f"row {b}", last[2 * b : 2 * b + 2], read(f"last{b}.npy")[1])
    _, words = read("each.npy")
    for b in range(2):
        for w in range(WORDS[b]):
            place = 2 * (2 * w + b)
            near(f"word {w} of row {b}", words[place : place + 2], read(f"each{w}{b}.npy")[1])
