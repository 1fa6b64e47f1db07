"""Sentences of words of letters, and what a model makes of them as arrays.

words_files.py make DIR             writes tables of sentences
words_files.py arrays DIR TABLE VOCAB INPUT
                                    the sentences of a table as padded arrays
words_files.py check DIR CSV        what predict said against logits of those
words_files.py tags DIR VOCAB CSV   the same for a tag at each word
words_files.py loss DIR JSON        what eval said of the letters, likewise
"""
import ast, json, math, os, random, struct, sys

mode, folder = sys.argv[1:3]
at = lambda name: os.path.join(folder, name)


def write(name, shape, values):
    header = str({"descr": "<i4", "fortran_order": False, "shape": tuple(shape)}).encode()
    header += b" " * (63 - (10 + len(header)) % 64) + b"\n"
    with open(at(name), "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
        file.write(struct.pack(f"<{len(values)}i", *values))


def read(name):
    with open(at(name), "rb") as file:
        data = file.read()
    length = struct.unpack("<H", data[8:10])[0]
    header = ast.literal_eval(data[10 : 10 + length].decode())
    body = data[10 + length :]
    return header["shape"], struct.unpack(f"<{len(body) // 8}d", body)


def table(name):
    with open(at(name), encoding="utf-8") as file:
        lines = [line.rstrip("\n").split("\t") for line in file]
    return [dict(zip(lines[0], line)) for line in lines[1:]]


def softmax(z):
    e = [math.exp(v - max(z)) for v in z]
    return [v / sum(e) for v in e]


def near(what, found, expected, digits):
    if not abs(found - expected) <= 10**-digits * max(abs(expected), 1e-3):
        sys.exit(f"{what}: {found}, expected {expected}")


if mode == "make":
    draw = random.Random(5)
    letters = "abcdeé日"
    kinds = ["left", "right"]
    rows = []
    for _ in range(60):
        words = ["".join(draw.choice(letters) for _ in range(draw.randint(1, 9)))
                 for _ in range(draw.randint(1, 7))]
        kind = kinds["a" in words[0]]
        tags = ["A" if "a" in word else "N" for word in words]
        # What stands between words is no letter.
        rows.append((kind, draw.choice([" ", "  "]).join(words), " ".join(tags)))
    def save(name, rows, head=True):
        with open(at(name), "w", encoding="utf-8") as file:
            if head:
                file.write("kind\ttext\ttags\n")
            file.writelines("\t".join(row) + "\n" for row in rows)
    save("train.tsv", rows[:40])
    save("valid.tsv", rows[40:50])
    save("new.tsv", rows[50:])
    with open(at("train.jsonl"), "w") as file:
        for kind, text, tags in rows[:40]:
            file.write(json.dumps({"kind": kind, "text": text.replace("  ", "\n")}) + "\n")
    with open(at("lines.txt"), "w", encoding="utf-8") as file:
        file.writelines(text + "\n" for _, text, _ in rows[:40])
    # One word of a book, and a book of words.
    save("long.tsv", [("left", "a" * 60000, "N"), ("right", "b " * 60000, "N")])
elif mode == "arrays":
    name, vocabulary, field = sys.argv[3:]
    with open(vocabulary, encoding="utf-8") as file:
        known = json.load(file)
    symbols = known.get("inputs", {}).get(field, known)["symbols"]
    unknown = symbols.index("<unk>") if "<unk>" in symbols else None
    number = lambda c: symbols.index(c) if c in symbols else unknown
    sentences = [[[number(c) for c in word] for word in row["text"].split()]
                 for row in table(name)]
    B = len(sentences)
    W = max(map(len, sentences))
    C = max(len(word) for words in sentences for word in words)
    word = lambda w, b: sentences[b][w] if w < len(sentences[b]) else []
    cell = lambda w, c, b: word(w, b)[c] if c < len(word(w, b)) else -1
    write("text.npy", [W, C, B], [cell(w, c, b) for w in range(W) for c in range(C) for b in range(B)])
    write("W.npy", [B], [len(words) for words in sentences])
    write("C.npy", [W, B], [len(word(w, b)) or 99 for w in range(W) for b in range(B)])
    # As examples one behind the other.
    write("rows.npy", [B, W, C], [cell(w, c, b) for b in range(B) for w in range(W) for c in range(C)])
    write("rows.C.npy", [B, W], [len(word(w, b)) or 99 for b in range(B) for w in range(W)])
    if "words" in known.get("inputs", {}):
        whole = known["inputs"]["words"]["symbols"]
        texts = [row["text"].split() for row in table(name)]
        find = lambda w, b: whole.index(texts[b][w] if texts[b][w] in whole else "<unk>") if w < len(texts[b]) else 0
        write("words.npy", [W, B], [find(w, b) for w in range(W) for b in range(B)])
elif mode == "check":
    (B, K), z = read("logits.npy")
    with open(sys.argv[3]) as file:
        lines = [line.strip().split(",") for line in file][1:]
    for b, line in zip(range(B), lines, strict=True):
        p = softmax(z[b * K : (b + 1) * K])
        best = max(range(K), key=p.__getitem__)
        if line[:2] != [str(b + 1), ["left", "right"][best]]:
            sys.exit(f"{line}: expected {p}")
        near(f"probability of {line}", float(line[2]), p[best], 6)
    print(f"{B} answers agree")
elif mode == "tags":
    (W, B, K), z = read("logits.npy")
    vocabulary, csv = sys.argv[3:]
    with open(vocabulary) as file:
        names = json.load(file)["inputs"]["tag"]["symbols"]
    with open(csv) as file:
        lines = file.read().splitlines()[1:]
    for b, row in enumerate(table("new.tsv")):
        tags = []
        for w in range(len(row["text"].split())):
            scores = z[(w * B + b) * K : (w * B + b + 1) * K]
            tags.append(names[scores.index(max(scores))])
        if lines[b] != f"{b + 1}," + " ".join(tags):
            sys.exit(f"{lines[b]}: expected {tags}")
    print(f"{len(lines)} answers agree")
else:
    (W, C, B, V), z = read("z.npy")
    with open(sys.argv[3]) as file:
        said = json.load(file)
    ids = struct.unpack(f"<{W * C * B}i", open(at("text.npy"), "rb").read()[-4 * W * C * B :])
    total, count = 0, 0
    for place, letter in enumerate(ids):
        if letter >= 0:
            total -= math.log(softmax(z[place * V : (place + 1) * V])[letter])
            count += 1
    near("loss", said["loss"], total / count, 11)
    print("the loss agrees")
