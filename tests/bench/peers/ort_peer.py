"""ONNX Runtime beside rnnc: inference and streaming with its own recurrent operators."""
import os
import sys

import peer

try:
    import onnxruntime
except ImportError as error:
    peer.say({"absent": str(error)})
    sys.exit(0)
from cells import CELLS

np = peer.np
SYSTEM = f"onnxruntime-{onnxruntime.__version__}"
THREADS = int(os.environ.get("RNNC_BENCH_THREADS", "1"))
# Our order of the products to that of the operator.
ORDER = {"LSTM": (0, 3, 1, 2), "GRU": (1, 0, 2), "Elman": (0,)}
OPERATOR = {"LSTM": "LSTM", "GRU": "GRU", "Elman": "RNN"}


# A model file is a protocol buffer; these few lines write the fields that are needed.
def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, str):
        value = value.encode()
    return varint(number << 3 | 2) + varint(len(value)) + value


def array(name, values):
    values = np.ascontiguousarray(values, np.float32)
    return b"".join(field(1, s) for s in values.shape) + field(2, 1) + field(8, name) + field(9, values.tobytes())


def value(name, shape):
    dims = b"".join(field(1, field(1, s)) for s in shape)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, dims)))


def attribute(name, number):
    return field(1, name) + field(3, number) + field(20, 2)


def file(cell, row):
    letters, vectors = CELLS[cell][1], CELLS[cell][3]
    batch, length, d, n = row["batch"], row["length"], row["sizes"]["d"], row["sizes"]["n"]
    order = ORDER[cell]

    def joined(kind, shape):
        parts = [peer.weight(f"net.{kind}{x}", shape) for x in letters]
        return np.concatenate([parts[i] for i in order])

    bias = np.concatenate([joined("b", (n,)), np.zeros(len(order) * n, np.float32)])
    if "cg" in vectors:
        bias[-n:] = peer.weight("net.cg", (n,))
    states = ["h", "c"] if cell == "LSTM" else ["h"]
    node = b"".join(field(1, s) for s in ["X", "W", "R", "B", "", *states])
    node += b"".join(field(2, s) for s in ["Y", *("Y" + s for s in states)])
    node += field(4, OPERATOR[cell]) + field(5, attribute("hidden_size", n))
    if cell == "GRU":
        node += field(5, attribute("linear_before_reset", 1))
    graph = field(1, node) + field(2, "g")
    for name, values in (("W", joined("W", (n, d))[None]), ("R", joined("U", (n, n))[None]), ("B", bias[None])):
        graph += field(5, array(name, values))
    graph += field(11, value("X", (length, batch, d)))
    graph += b"".join(field(11, value(s, (1, batch, n))) for s in states)
    graph += field(12, value("Y", (length, 1, batch, n)))
    graph += b"".join(field(12, value("Y" + s, (1, batch, n))) for s in states)
    return field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 14)), states


def prepare(_, row):
    cell = row.get("cell")
    if row["mode"] == "train" or row["what"] != "layer" or cell not in ORDER or row["precision"] != "f32":
        raise peer.Refused("runs LSTM, GRU and tanh layers forward, in f32")
    content, states = file(cell, row)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = THREADS, 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    batch, length, d, n = row["batch"], row["length"], row["sizes"]["d"], row["sizes"]["n"]
    feed = {"X": peer.shared("x", (length, batch, d))}
    feed |= {s: np.zeros((1, batch, n), np.float32) for s in states}
    out = session.run(None, feed)
    check = {"out": float(np.abs(out[0].astype("f8")).sum())}
    names = [o.name for o in session.get_outputs()]

    def infer():
        session.run(["Y"], feed)

    def stream():
        for s, v in zip(states, session.run(names[1:], feed)):
            feed[s] = v

    return stream if row["mode"] == "stream" else infer, check


peer.serve([SYSTEM], prepare)
