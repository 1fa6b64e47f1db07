#!/usr/bin/env python3
"""Joins recordings of one speaker to strings of digits.

    join.py FOLDER OUT COUNT [SEED]

FOLDER has files DIGIT_SPEAKER_INDEX.wav (16 bit, mono). Writes COUNT files
OUT/N.wav of 3 to 6 digits with short pauses, and OUT/strings.tsv: the file and
its digits, apart by spaces.
"""
import os
import random
import sys
import wave

folder, out, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
draw = random.Random(int(sys.argv[4]) if len(sys.argv) > 4 else 1)
speakers = {}
for name in sorted(os.listdir(folder)):
    if name.endswith(".wav"):
        speakers.setdefault(name.split("_")[1], []).append(name)
names = sorted(speakers)
os.makedirs(out, exist_ok=True)
with open(os.path.join(out, "strings.tsv"), "w", encoding="utf-8") as table:
    table.write("sound\tdigits\n")
    for number in range(count):
        chosen = draw.choices(speakers[draw.choice(names)], k=draw.randint(3, 6))
        sound = bytearray()
        for name in chosen:
            with wave.open(os.path.join(folder, name)) as file:
                rate = file.getframerate()
                sound += file.readframes(file.getnframes())
            sound += bytes(2 * draw.randint(0, rate // 10))
        with wave.open(os.path.join(out, f"{number}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes(sound)
        table.write(f"{number}.wav\t{' '.join(name[0] for name in chosen)}\n")
