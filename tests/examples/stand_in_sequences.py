# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Stand-ins for pairs of sequences, series and sound."""
import json
import math
import os
import random
import struct
import wave


def write(folder, name, text):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def pairs(draw, count, letters, sounds):
    """Words and how they are spoken: a letter, a sound."""
    lines = []
    for _ in range(count):
        word = "".join(draw.choice(letters) for _ in range(draw.randint(2, 5)))
        lines.append(word + "\t" + " ".join(sounds[letters.index(c)] for c in word) + "\n")
    return "".join(lines)


def make(folder):
    draw = random.Random(7)
    for name, count in (("g014b2b.train", 200), ("g014b2b.test", 20)):
        write(folder, "cmudict-g2p/" + name, pairs(draw, count, "ABC", ["AH", "B", "K"]))
    for name, count in (("train", 60), ("dev", 10), ("test", 10)):
        write(folder, f"sigmorphon2021-g2p/hun_{name}.tsv",
              pairs(draw, count, "abé", ["ɒ", "b", "eː"]))
    words = {"I": "je", "see": "vois", "you": "vous", "the": "le", "cat": "chat"}
    for name, count in (("train", 80), ("valid", 8), ("test", 8)):
        lines = []
        for _ in range(count):
            said = [draw.choice(list(words)) for _ in range(draw.randint(2, 5))]
            lines.append(" ".join(said) + ".\t" + " ".join(words[w] for w in said) + " !\n")
        write(folder, f"tatoeba-en-fr/{name}.tsv", "".join(lines))

    def series(name, header, rows, line):
        write(folder, name, header + "\n" + "".join(line(i) + "\n" for i in range(rows)))

    series("timeseries/airline-passengers.csv", '"Month","Passengers"', 144,
           lambda i: f'"{1949 + i // 12}-{i % 12 + 1:02}",{int(100 + 2 * i + 20 * math.sin(i))}')
    series("timeseries/monthly-sunspots.csv", '"Month","Sunspots"', 700,
           lambda i: f'"{1749 + i // 12}-{i % 12 + 1:02}",{50 + 40 * math.sin(i / 20):.1f}')
    series("timeseries/daily-min-temperatures.csv", '"Date","Temp"', 1900,
           lambda i: f'"day {i}",{11 + 5 * math.sin(i / 58):.1f}')
    series("timeseries/co2-mm-mlo.csv", "Date,Decimal Date,Average,Interpolated", 120,
           lambda i: f"{1958 + i // 12}-{i % 12 + 1:02},{1958 + i / 12:.2f},"
                     f"{315 + i / 10 + 3 * math.sin(i / 2):.2f},{315 + i / 10:.2f}")
    series("ett/ETTh1.csv", "date,HUFL,HULL,MUFL,MULL,LUFL,LULL,OT", 600,
           lambda i: f"2016-07-01 {i % 24}:00:00," + ",".join(
               f"{k + 3 * math.sin(i * math.pi / 12 + k):.3f}" for k in range(7)))
    windows = {}
    for name in ("ambient_temperature_system_failure", "cpu_utilization_asg_misconfiguration",
                 "ec2_request_latency_system_failure", "machine_temperature_system_failure",
                 "nyc_taxi", "rogue_agent_key_hold", "rogue_agent_key_updown"):
        path = f"realKnownCause/{name}.csv"
        series("nab/data/" + path, "timestamp,value", 400,
               lambda i: f"2014-07-{i // 24 + 1:02} {i % 24:02}:00:00,"
                         f"{5 + math.sin(i / 4) + (9 if i == 300 else 0):.3f}")
        windows[path] = [["2014-07-13 00:00:00.000000", "2014-07-14 00:00:00.000000"]]
    write(folder, "nab/labels/combined_windows.json", json.dumps(windows))
    kinds = ["when is the day", "who was the man", "where is the city"]
    for name in ("train", "test"):
        write(folder, f"trec/TREC.{name}.all",
              "".join(f"{i % 3} {kinds[i % 3]} ?\n" for i in range(60)))
    for part, numbers in (("train", range(3)), ("test", range(3, 5))):
        for digit in range(10):
            for number in numbers:
                path = os.path.join(folder, "fsdd", part, f"{digit}_ann_{number}.wav")
                os.makedirs(os.path.dirname(path), exist_ok=True)
                tone = [int(9000 * math.sin(i * (digit + 2) / 20 + number)) for i in range(1600)]
                with wave.open(path, "wb") as file:
                    file.setnchannels(1)
                    file.setsampwidth(2)
                    file.setframerate(8000)
                    file.writeframes(struct.pack(f"<{len(tone)}h", *tone))
