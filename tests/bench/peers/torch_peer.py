"""PyTorch beside rnnc: plain layers through torch.nn, other cells as a loop over time, eager and compiled."""
import os
import sys

import peer

threads = int(os.environ.get("RNNC_BENCH_THREADS", "1"))
try:
    import torch
    from torch.nn import functional as F
except ImportError as error:
    peer.say({"absent": str(error)})
    sys.exit(0)
from cells import CELLS

torch.set_num_threads(threads)
VERSION = torch.__version__.split("+")[0]
EAGER, COMPILED = f"pytorch-{VERSION}", f"pytorch-{VERSION}-compiled"
PLAIN = {"LSTM": torch.nn.LSTM, "GRU": torch.nn.GRU, "Elman": torch.nn.RNN}
RATE = 1e-9


class Maths:
    sigmoid, tanh, relu = torch.sigmoid, torch.tanh, torch.relu

    @staticmethod
    def softmax(x):
        return torch.softmax(x, 1)

    @staticmethod
    def norm(x, gain, bias):
        return F.layer_norm(x, gain.shape, gain, bias)


def tensor(array):
    return torch.from_numpy(array)


def joined(prefix, letters, kind, shape):
    return tensor(peer.np.concatenate([peer.weight(f"{prefix}.{kind}{x}", shape) for x in letters]))


def plain_layer(cell, prefix, d, n):
    """A torch.nn layer with our weights."""
    layer = PLAIN[cell](d, n)
    _, letters, _, vectors, _ = CELLS[cell]
    with torch.no_grad():
        layer.weight_ih_l0.copy_(joined(prefix, letters, "W", (n, d)))
        layer.weight_hh_l0.copy_(joined(prefix, letters, "U", (n, n)))
        layer.bias_ih_l0.copy_(joined(prefix, letters, "b", (n,)))
        layer.bias_hh_l0.zero_()
        if "cg" in vectors:
            layer.bias_hh_l0[2 * n:] = tensor(peer.weight(f"{prefix}.cg", (n,)))
    return layer


class Loop(torch.nn.Module):
    """A cell over time as its user would write it."""

    def __init__(self, cell, d, n):
        super().__init__()
        self.run, letters, self.states, vectors, biases = CELLS[cell]
        self.n = n
        self.w = torch.nn.ParameterDict()
        self.w["W"] = torch.nn.Parameter(joined("net", letters, "W", (n, d)))
        self.w["U"] = torch.nn.Parameter(joined("net", letters, "U", (n, n)))
        self.b = torch.nn.Parameter(joined("net", letters, "b", (n,))) if biases else None
        # ParameterDict takes no dots in names.
        self.names = vectors
        self.v = torch.nn.ParameterList([torch.nn.Parameter(tensor(peer.weight(f"net.{v}", (n,)))) for v in vectors])

    def start(self, batch):
        return tuple(torch.zeros(batch, self.n) for _ in range(self.states))

    def forward(self, x, state):
        w = {"U": self.w["U"], **dict(zip(self.names, self.v))}
        pre = F.linear(x, self.w["W"], self.b)
        out = []
        for p in pre.unbind(0):
            state = self.run(Maths, w, p, state, self.n)
            out.append(state[0])
        return torch.stack(out), state


class Tokens(torch.nn.Module):
    def __init__(self, symbols, e, n):
        super().__init__()
        self.embed = torch.nn.Embedding(symbols, e)
        self.first, self.second = plain_layer("LSTM", "first", e, n), plain_layer("LSTM", "second", n, n)
        self.out = torch.nn.Linear(n, symbols)
        with torch.no_grad():
            self.embed.weight.copy_(tensor(peer.weight("embed.E", (symbols, e))))
            self.out.weight.copy_(tensor(peer.weight("dense.W", (symbols, n))))
            self.out.bias.copy_(tensor(peer.weight("dense.b", (symbols,))))

    def forward(self, x, y):
        h, _ = self.first(self.embed(x))
        h, _ = self.second(h)
        return F.cross_entropy(self.out(h).flatten(0, 1), y)


def training(module, inputs, backward):
    """The step and its check: `backward` runs forward and backward and gives the loss."""
    parameters = list(module.parameters())

    def step():
        for value in inputs:
            value.grad = None
        loss = backward()
        with torch.no_grad():
            for p in parameters:
                p.add_(p.grad, alpha=-RATE)
                p.grad = None
        return loss

    loss = backward()
    check = {"loss": loss, "dw": sum(float(p.grad.double().abs().sum()) for p in parameters if p.dim() > 1)}
    if inputs:
        check["dx"] = sum(float(v.grad.double().abs().sum()) for v in inputs)
    for p in parameters:
        p.grad = None
    return step, check


def layer(system, row):
    cell, batch, length = row["cell"], row["batch"], row["length"]
    d, n = row["sizes"]["d"], row["sizes"]["n"]
    compiled = system == COMPILED
    if compiled and cell in PLAIN:
        raise peer.Refused("torch.compile leaves torch.nn layers as they are")
    if cell in PLAIN:
        module, state = plain_layer(cell, "net", d, n), None
    else:
        module = Loop(cell, d, n)
        state = module.start(batch)
    run = torch.compile(module) if compiled else module
    x = tensor(peer.shared("x", (length, batch, d)))
    if row["mode"] == "train":
        x.requires_grad_()
        dy = tensor(peer.shared("dy", (length, batch, n)))

        def backward():
            y, _ = run(x, state)
            y.backward(dy)
            return y

        step, check = training(module, [x], backward)
        check["loss"] = float((check["loss"] * dy).double().sum()) / (length * batch)
        return step, check
    with torch.inference_mode():
        y, last = run(x, state)
    check = {"out": float(y.double().abs().sum())}
    held = [last]

    def infer():
        with torch.inference_mode():
            run(x, state)

    def stream():
        with torch.inference_mode():
            _, held[0] = run(x, held[0])

    return stream if row["mode"] == "stream" else infer, check


def model(system, row):
    batch, length, sizes = row["batch"], row["length"], row["sizes"]
    module = Tokens(sizes["V"], sizes["e"], sizes["n"])
    run = torch.compile(module) if system == COMPILED else module
    x = tensor(peer.tokens("x", (length, batch), sizes["V"]))
    y = tensor(peer.tokens("y", (length * batch,), sizes["V"]))

    def backward():
        loss = run(x, y)
        loss.backward()
        return loss

    step, check = training(module, [], backward)
    check["loss"] = float(check["loss"])
    check["dw"] *= batch * length
    return step, check


def prepare(system, row):
    if row["precision"] != "f32":
        raise peer.Refused("f32 only")
    return layer(system, row) if row["what"] == "layer" else model(system, row)


peer.serve([EAGER, COMPILED] if hasattr(torch, "compile") else [EAGER], prepare)
