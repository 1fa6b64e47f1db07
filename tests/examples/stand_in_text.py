# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Stand-ins for texts, labelled sentences, names and digits."""
import os, random, struct


def write(folder, name, data):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode())


def make(folder):
    draw = random.Random(1)
    words = "the a cat dog film was is not very good bad and ran to it".split()

    def sentences(count):
        return [" ".join(draw.choices(words, k=draw.randint(2, 9)))
                for _ in range(count)]

    write(folder, "tinyshakespeare/input.txt", "\n".join(sentences(600)) + "\n")
    for part, name in (("train", "train"), ("valid", "val"),
                       ("test", "test_2016_flickr")):
        write(folder, f"ptb/ptb.{part}.txt",
              "".join(f" {s} \n" for s in sentences(200)))
        for language in ("en", "de"):
            write(folder, f"multi30k-en-de/{name}.lc.norm.tok.{language}",
                  "\n".join(sentences(200)) + "\n")
    for name, classes in (("sst2/stsa.binary.train", 2),
                          ("sst2/stsa.binary.dev", 2),
                          ("sst2/stsa.binary.test", 2),
                          ("trec/TREC.train.all", 6), ("trec/TREC.test.all", 6)):
        write(folder, name, "".join(f"{i % classes} {s}\n" for i, s in
                                    enumerate(sentences(40))))
    for part in ("pos", "neg"):
        # As the real ones: not UTF-8.
        text = "".join(f"{s} caf\u00e9\n" for s in sentences(40))
        write(folder, f"mr-polarity/rt-polarity.{part}", text.encode("latin-1"))
    for origin in ("Irish", "Italian", "Polish"):
        write(folder, f"names/{origin}.txt", "".join(
            "".join(draw.choices("abcdeiou\u00f3", k=draw.randint(3, 8))).title()
            + "\n" for _ in range(30)))
    for part, count in (("train5k", 60), ("test2k", 50)):
        labels = bytes(i % 10 for i in range(count))
        images = bytes(draw.randrange(256) for _ in range(count * 6 * 6))
        write(folder, f"mnist-small/{part}-images-idx3-ubyte",
              struct.pack(">4i", 2051, count, 6, 6) + images)
        write(folder, f"mnist-small/{part}-labels-idx1-ubyte",
              struct.pack(">2i", 2049, count) + labels)
