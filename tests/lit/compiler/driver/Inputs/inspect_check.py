"""Checks what `rnnc inspect --json` says against runs of the interpreter.

inspect_check.py make DIR    writes x.npy, y.npy, and p, q with one entry changed a row
inspect_check.py attend DIR  compares attend.json with weights.npy
inspect_check.py check DIR   compares seen.json with the outputs whole, end, h, c, k
"""
import json, math, os, struct, sys

T, D, N = 5, 2, 3
STEP = 1e-3


def write(path, shape, values):
    header = str({"descr": "<f8", "fortran_order": False, "shape": tuple(shape)}).encode()
    header += b" " * (63 - (10 + len(header)) % 64) + b"\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
        file.write(struct.pack(f"<{len(values)}d", *values))


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    length = struct.unpack("<H", data[8:10])[0]
    body = data[10 + length:]
    return struct.unpack(f"<{len(body) // 8}d", body)


def near(name, found, expected, most):
    error = max(abs(a - b) / max(abs(b), 1e-3) for a, b in zip(found, expected, strict=True))
    if not error <= most:
        sys.exit(f"{name}: relative error {error:.2e} is above {most:.0e}: {found} {expected}")
    print(f"{name} agrees")


mode, folder = sys.argv[1:]
at = lambda name: os.path.join(folder, name)
# Rows: the example itself, then each entry of p and of q changed by -2, -1, 1 and 2 steps.
changes = [(which, t, i, times) for which in "pq" for t in range(T) for i in range(N)
           for times in (-2, -1, 1, 2)]
rows = 1 + len(changes)
x = [math.sin(1 + 3 * i) for i in range(T * D)]
y = [math.cos(2 * i) for i in range(T)]
if mode == "make":
    write(at("x1.npy"), [T, 1, D], x)
    write(at("y1.npy"), [T, 1], y)
    write(at("x.npy"), [T, rows, D], [x[t * D + d] for t in range(T) for _ in range(rows) for d in range(D)])
    write(at("y.npy"), [T, rows], [y[t] for t in range(T) for _ in range(rows)])
    for which in "pq":
        values = [0.0] * (T * rows * N)
        for row, (name, t, i, times) in enumerate(changes, 1):
            if name == which:
                values[(t * rows + row) * N + i] = times * STEP
        write(at(which + ".npy"), [T, rows, N], values)
    sys.exit()

if mode == "attend":
    with open(at("attend.json")) as file:
        entry, = json.load(file)["attention"]
    assert entry["name"] == "read.a" and entry["over"] == "S" and entry["axes"] == ["S", "T"], entry
    assert entry["shape"] == [T, T], entry
    near("weights", entry["values"], read(at("weights.npy")), 1e-11)
    sums = [sum(entry["values"][s * T + t] for s in range(T)) for t in range(T)]
    near("sums", sums, [1] * T, 1e-12)
    sys.exit()
with open(at("seen.json")) as file:
    seen = json.load(file)
named = lambda kind: {entry["name"]: entry for entry in seen[kind]}
# Values inside, of the row that nothing was added to. Two f64 programs for
# sums of at most ten terms of size 1: a few units in the last place.
for kind, name, file in (("states", "own.h", "h"), ("states", "own.c", "c"), ("gates", "own.k", "k")):
    values = read(at(file + ".npy"))
    near(name, named(kind)[name]["values"], [values[t * rows * N + i] for t in range(T) for i in range(N)], 1e-11)
# Five-point differences: the error is h^4/30 times a fifth derivative (at most
# some hundreds here), 1e-11, and rounding 1e-16 / h = 1e-13 of losses of size 1.
for state, which in (("own.h", "p"), ("own.c", "q")):
    for field, losses in (("norms", read(at("whole.npy"))), ("last_step_norms", read(at("end.npy")))):
        squares = [0.0] * T
        for t in range(T):
            for i in range(N):
                l = {times: losses[1 + changes.index((which, t, i, times))] for times in (-2, -1, 1, 2)}
                slope = (l[-2] - 8 * l[-1] + 8 * l[1] - l[2]) / (12 * STEP)
                squares[t] += slope * slope
        near(f"{state} {field}", named("gradients")[state][field], [math.sqrt(s) for s in squares], 1e-7)
# The recurrent matrices, and no other. The radius is the limit of |U^m|^(1/m)
# for m = 2^60; each squaring rounds by 1e-16 times a share that halves.
matrices = {m["parameters"]: m for m in seen["matrices"]}
if sorted(matrices) != ["own.U", "own.Uk"] or {m["state"] for m in matrices.values()} != {"own.h"}:
    sys.exit(f"recurrent matrices: {matrices}")
with open(at("run/best.safetensors"), "rb") as file:
    data = file.read()
length = struct.unpack("<Q", data[:8])[0]
header = json.loads(data[8:8 + length])
for name, entry in sorted(matrices.items()):
    begin, end = header[name]["data_offsets"]
    flat = struct.unpack(f"<{N * N}d", data[8 + length + begin:8 + length + end])
    m, log = [list(flat[i * N:i * N + N]) for i in range(N)], 0.0
    for k in range(60):
        size = max(abs(v) for row in m for v in row)
        log += math.log(size) / 2**k
        m = [[v / size for v in row] for row in m]
        m = [[sum(m[i][k] * m[k][j] for k in range(N)) for j in range(N)] for i in range(N)]
    near(f"{name} radius", [entry["spectral_radius"]], [math.exp(log)], 1e-9)
