"""What the Python peers share: data, timing, and answering requests.

A peer is a program that reads one JSON object a line from stdin and answers with one line each:

  at its start it says     {"systems": ["name-version", ..]}      or {"absent": "why"}
  {"do": "prepare", "system": s, "row": {..}}                     {"ok": true, "check": {..}, "compile_ms": x}
                                                               or {"ok": false, "why": "no such cell"}
  {"do": "time", "system": s, "warm": s, "seconds": s, "least": n} {"samples": [ms, ..], "count": steps}

A system keeps the row it was prepared for last. A row has what, cell, mode, batch, length, threads, precision and sizes. `check` has sums of absolute values: `loss`
(mean over rows and steps), `out` (outputs), `dw` (gradients of matrices), `dx` (gradients of real inputs), the last two
of the sum over rows and steps. They must agree with ours, or the row is not compared.
"""
import json
import sys
import time

import numpy as np


def bits(name, n):
    """32 bits for each index: FNV-1a of the name, mixed with the index."""
    seed = 2166136261
    for c in name.encode():
        seed = ((seed ^ c) * 16777619) & 0xFFFFFFFF
    x = (np.arange(1, n + 1, dtype=np.uint64) * np.uint64(2654435761) + np.uint64(seed)).astype(np.uint32)
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x45D9F3B)
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x45D9F3B)
    return x ^ (x >> np.uint32(16))


def shared(name, shape, scale=1.0):
    """Uniform in [-scale, scale): the values that rnnc uses for what has this name."""
    v = (bits(name, int(np.prod(shape))) >> np.uint32(8)).astype(np.float64) / 8388608.0 - 1
    return (v * scale).astype(np.float32).reshape(shape)


def weight(name, shape):
    """A parameter: matrices are scaled by the number of their columns."""
    return shared(name, shape, 0.1 if len(shape) < 2 else shape[-1] ** -0.5)


def tokens(name, shape, symbols):
    return (bits(name, int(np.prod(shape))) % np.uint32(symbols)).astype(np.int64).reshape(shape)


def measure(step, warm, seconds, least):
    begin = time.perf_counter()
    done = 0
    while True:
        step()
        done += 1
        if time.perf_counter() - begin >= warm and done >= (2 if warm > 0 else 1):
            break
    one = (time.perf_counter() - begin) / done
    group = int(50e-6 / one) + 1 if one < 50e-6 else 1
    samples = []
    begin = time.perf_counter()
    while time.perf_counter() - begin < seconds or len(samples) < least:
        at = time.perf_counter()
        for _ in range(group):
            step()
        samples.append((time.perf_counter() - at) * 1e3 / group)
    return {"samples": samples, "count": len(samples) * group}


class Refused(Exception):
    """This peer cannot do the row."""


def say(answer):
    sys.__stdout__.write(json.dumps(answer) + "\n")
    sys.__stdout__.flush()


def serve(systems, prepare):
    """Answers until stdin ends. `prepare(system, row)` gives (step, check)."""
    sys.stdout = sys.stderr  # libraries that print do not disturb the answers
    say({"systems": systems})
    steps = {}
    for line in sys.stdin:
        request = json.loads(line)
        system = request["system"]
        if request["do"] == "time":
            say(measure(steps[system], request["warm"], request["seconds"], request["least"]))
            continue
        steps.pop(system, None)
        try:
            begin = time.perf_counter()
            steps[system], check = prepare(system, request["row"])
            say({"ok": True, "check": check, "compile_ms": (time.perf_counter() - begin) * 1e3})
        except Refused as why:
            say({"ok": False, "why": str(why)})
        except Exception as error:  # whatever a library throws, the next row may do
            say({"ok": False, "why": f"{type(error).__name__}: {error}"[:300]})
