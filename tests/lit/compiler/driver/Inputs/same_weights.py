"""Two files of f32 weights agree within rounding, and are not the ones they were
drawn as.

usage: same_weights.py ONE OTHER FIRST

Sums of the same terms in another order: each of few hundred terms below 1 brings
half a unit of the last place, 2**-25 of at most 1, and the rate of 0.1 counts a
tenth of it. 1e-5 holds for hundreds of updates; what is really different (a
gradient left out or counted twice) moves weights by more than 1e-3."""

import json
import struct
import sys


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    tensors = {}
    for name, about in header.items():
        if name == "__metadata__":
            continue
        first, last = (8 + size + at for at in about["data_offsets"])
        tensors[name] = struct.unpack(f"<{(last - first) // 4}f", data[first:last])
    return tensors


def apart(one, other):
    assert one.keys() == other.keys(), (one.keys(), other.keys())
    return max(abs(a - b) for name in one for a, b in zip(one[name], other[name], strict=True))


one, other, first = (read(path) for path in sys.argv[1:4])
assert apart(one, other) < 1e-5, apart(one, other)
assert apart(one, first) > 1e-3, apart(one, first)
