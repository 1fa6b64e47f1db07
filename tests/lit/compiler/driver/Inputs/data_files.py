"""Writes tiny stand-ins for the data that users have into a folder."""
import gzip, json, math, os, struct, sys

folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)


def write(name, data):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data.encode() if isinstance(data, str) else data)


# Sentences with a class by name: the first word tells it.
words = ["a", "dull", "film", "with", "heart", "and", "wit"]
rows, lines = [], []
for i in range(60):
    good = i * 7 % 3 > 0
    text = " ".join(["fine" if good else "poor"] +
                    [words[(i * k + k) % 7] for k in range(1, 2 + i % 5)])
    rows.append((text, "good" if good else "bad", i % 4 / 4))
write("reviews.tsv", "text\tlabel\tscore\n" +
      "".join(f"{t}\t{l}\t{s}\n" for t, l, s in rows))
write("bare.tsv", "".join(f"{t}\t{int(l == 'good')}\n" for t, l, _ in rows))
write("reviews.jsonl", "".join(
    json.dumps({"text": t, "label": l, "path": [[k, 1 - k] for k in range(2 + len(t) % 3)]}) + "\n"
    for t, l, s in rows))

# Letters to sounds: a sequence for a sequence of another length.
write("spell.tsv", "".join(
    f"{w}\t{' '.join(c.upper() + c for c in w[: 1 + len(w) // 2])}\n"
    for w in ["abba", "cab", "bac", "accab", "bb", "caca"] * 5))

# A series in units far from 1, with a date; and with holes.
series = ["date,level,flow,still"]
for i in range(200):
    series.append(f"2020-{i},{500 + 100 * math.sin(i / 5):.4f},{3 + 2 * math.cos(i / 5):.4f},7")
write("river.csv", "\n".join(series) + "\n")
broken = list(series)
broken[5] = "2020-4,500.0,,7"
write("holes.csv", "\n".join(broken) + "\n")
broken[5] = "2020-4,x500,3,7"
write("broken.csv", "\n".join(broken) + "\n")

# Images: a bar in one of four rows is the class.
images, labels = b"", b""
for i in range(40):
    row = i * 3 % 4
    images += b"".join(bytes([255 if r == row else i % 3] * 4) for r in range(4))
    labels += bytes([row])
images = struct.pack(">HBBIII", 0, 8, 3, 40, 4, 4) + images
labels = struct.pack(">HBBI", 0, 8, 1, 40) + labels
write("images-idx3-ubyte", images)
write("images.gz", gzip.compress(images))
write("labels-idx1-ubyte", labels)
write("cut-idx3-ubyte", images[:-3])


# Tones: low or high.
def wav(samples, rate=8000):
    data = b"".join(struct.pack("<h", int(20000 * s)) for s in samples)
    return (b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " +
            struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16) + b"data" +
            struct.pack("<I", len(data)) + data)


table = "file\tpitch\n"
for i in range(24):
    high = i % 2
    tone = wav([math.sin((0.2 + high) * t) for t in range(300 + 40 * (i % 5))])
    name = f"{'high' if high else 'low'}_{i:02}.wav"
    write("tones/" + name, tone)
    table += f"tones/{name}\t{'high' if high else 'low'}\n"
write("tones.tsv", table)
write("mixed/low_0.wav", wav([0.1] * 300))
write("mixed/low_1.wav", wav([0.1] * 300, 16000))
write("cut.wav", wav([0.1] * 300)[:-5])
