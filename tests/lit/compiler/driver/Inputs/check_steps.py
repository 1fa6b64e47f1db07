"""Checks sequences that `rnnc predict` made against the model's forward function
run on them whole: each token of a greedy sequence is the likeliest after those
before it, and a beam as wide as there are beginnings finds what trying all
sequences finds.

    check_steps.py RNNC RUN DATA.tsv ANSWERS.csv greedy|all
"""
import csv, itertools, json, math, os, struct, subprocess, sys, tempfile

rnnc, run, data, answers, mode = sys.argv[1:]
vocab = json.load(open(os.path.join(run, "vocab.json")))["inputs"]
number = {name: {s: i for i, s in enumerate(v["symbols"])} for name, v in vocab.items()}
BOS, EOS, MOST = number["y"]["<bos>"], number["y"]["<eos>"], 5
folder = tempfile.mkdtemp()


def save(name, shape, values):
    head = repr({"descr": "<i4", "fortran_order": False, "shape": tuple(shape)}).encode()
    head += b" " * (-(len(head) + 11) % 64) + b"\n"
    with open(os.path.join(folder, name), "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head)
        file.write(struct.pack(f"<{len(values)}i", *values))


def load(name):
    with open(os.path.join(folder, name), "rb") as file:
        text = file.read()
    size = struct.unpack("<H", text[8:10])[0]
    head = eval(text[10:10 + size])
    assert head["descr"] == "<f8", head
    body = text[10 + size:]
    return head["shape"], struct.unpack(f"<{len(body) // 8}d", body)


def log_probabilities(word, kind, sequences):
    """log p of each token of sequences of one length, each alone."""
    steps, rows = len(sequences[0]), len(sequences)
    save("x.npy", (len(word), rows), [c for c in word for _ in range(rows)])
    save("k.npy", (rows,), [kind] * rows)
    save("y.npy", (steps, rows), [s[t] for t in range(steps) for s in sequences])
    words = [rnnc, "run", run, "--precision", "f64"]
    for name in ("x=x", "kind=k", "y=y"):
        key, file = name.split("=")
        words += ["--data", f"{key}={folder}/{file}.npy"]
    subprocess.run(words + ["-o", f"z={folder}/z.npy", "-q"], check=True)
    shape, z = load("z.npy")
    assert shape[:2] == (steps, rows), shape
    result = []
    for b, sequence in enumerate(sequences):
        each = []
        for t in range(steps):
            logits = z[(t * rows + b) * shape[2]:][:shape[2]]
            most = max(logits)
            norm = most + math.log(sum(math.exp(v - most) for v in logits))
            each.append([v - norm for v in logits])
        result.append(each)
    return result


with open(data) as file:
    examples = [line.rstrip("\n").split("\t") for line in file]
with open(answers, newline="") as file:
    table = list(csv.DictReader(file))
assert len(table) == len(examples), len(table)
for row, (word, kind, _) in zip(table, examples):
    x = [number["x"][c] for c in word]
    k = number["kind"][kind]
    found = [number["y"][w] for w in row["y"].split()]
    ended = len(found) < MOST
    tokens = found + [EOS] * ended
    lp = log_probabilities(x, k, [tokens])[0]
    total = sum(lp[t][token] for t, token in enumerate(tokens))
    assert abs(total - float(row["logprob"])) <= 1e-6 * abs(total), (row, total)
    if mode == "greedy":
        for t, token in enumerate(tokens):
            assert lp[t][token] == max(lp[t]), (row, t)
        continue
    best = None
    others = [t for t in range(len(number["y"])) if t != EOS]
    for length in range(1, MOST + 1):
        rows = [list(s) + [EOS] for s in itertools.product(others, repeat=length - 1)]
        if length == MOST:
            rows += [list(s) for s in itertools.product(others, repeat=MOST)]
        for s, each in zip(rows, log_probabilities(x, k, rows)):
            score = sum(each[t][token] for t, token in enumerate(s)) / len(s)
            if best is None or score > best[0]:
                best = (score, s)
    assert best[1] == tokens, (row, best, tokens, total / len(tokens))
print(f"{len(table)} {mode}")
