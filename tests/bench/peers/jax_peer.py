"""JAX beside rnnc: every cell through lax.scan, the whole step compiled."""
import os
import sys

import peer

threads = int(os.environ.get("RNNC_BENCH_THREADS", "1"))
# XLA takes all the cores it may use, so it may use no more than it is given.
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
os.environ.setdefault("JAX_PLATFORMS", "cpu")
try:
    import jax
    from jax import lax
    from jax import numpy as jnp
except ImportError as error:
    peer.say({"absent": str(error)})
    sys.exit(0)
from cells import CELLS

SYSTEM = f"jax-{jax.__version__}"
RATE = 1e-9


class Maths:
    sigmoid, tanh, relu, softmax = jax.nn.sigmoid, jnp.tanh, jax.nn.relu, jax.nn.softmax

    @staticmethod
    def norm(x, gain, bias):
        mean = x.mean(-1, keepdims=True)
        return gain * (x - mean) * lax.rsqrt(((x - mean) ** 2).mean(-1, keepdims=True) + 1e-5) + bias


def weights(cell, prefix, d, n):
    _, letters, _, vectors, biases = CELLS[cell]

    def joined(kind, shape):
        return jnp.asarray(peer.np.concatenate([peer.weight(f"{prefix}.{kind}{x}", shape) for x in letters]))

    w = {"W": joined("W", (n, d)), "U": joined("U", (n, n))}
    if biases:
        w["b"] = joined("b", (n,))
    return w | {v: jnp.asarray(peer.weight(f"{prefix}.{v}", (n,))) for v in vectors}


def start(cell, batch, n):
    return tuple(jnp.zeros((batch, n)) for _ in range(CELLS[cell][2]))


def run(cell, w, x, state, n):
    pre = x @ w["W"].T + w.get("b", 0)

    def step(carry, p):
        new = CELLS[cell][0](Maths, w, p, carry, n)
        return new, new[0]

    last, out = lax.scan(step, state, pre)
    return out, last


def checked(grads, loss, count, dx=None):
    check = {"loss": float(loss), "dw": sum(float(abs(peer.np.asarray(g, "f8")).sum()) for g in
                                            jax.tree_util.tree_leaves(grads) if g.ndim > 1) * count}
    if dx is not None:
        check["dx"] = float(abs(peer.np.asarray(dx, "f8")).sum()) * count
    return check


def updated(w, g):
    return jax.tree_util.tree_map(lambda a, b: a - RATE * b, w, g)


def layer(row):
    cell, batch, length = row["cell"], row["batch"], row["length"]
    d, n = row["sizes"]["d"], row["sizes"]["n"]
    w, state = weights(cell, "net", d, n), start(cell, batch, n)
    x = jnp.asarray(peer.shared("x", (length, batch, d)))
    if row["mode"] == "train":
        dy = jnp.asarray(peer.shared("dy", (length, batch, n)))

        def loss(w, x):
            return (run(cell, w, x, state, n)[0] * dy).sum()

        def update(w, x):
            value, (gw, gx) = jax.value_and_grad(loss, (0, 1))(w, x)
            return updated(w, gw), value, gx

        value, (gw, gx) = jax.jit(jax.value_and_grad(loss, (0, 1)))(w, x)
        check = checked(gw, value / (batch * length), 1, gx)
        fast = jax.jit(update, donate_argnums=0)
        held = [w]

        def step():
            held[0], value, gx = fast(held[0], x)
            jax.block_until_ready((held[0], value, gx))

        step()
        return step, check
    fast = jax.jit(lambda w, x, s: run(cell, w, x, s, n))
    y, last = fast(w, x, state)
    check = {"out": float(abs(peer.np.asarray(y, "f8")).sum())}
    held = [last]

    def infer():
        jax.block_until_ready(fast(w, x, state))

    def stream():
        y, held[0] = fast(w, x, held[0])
        jax.block_until_ready((y, held[0]))

    return stream if row["mode"] == "stream" else infer, check


def model(row):
    batch, length, sizes = row["batch"], row["length"], row["sizes"]
    symbols, e, n = sizes["V"], sizes["e"], sizes["n"]
    x = jnp.asarray(peer.tokens("x", (length, batch), symbols))
    y = jnp.asarray(peer.tokens("y", (length, batch), symbols))
    w = {"E": jnp.asarray(peer.weight("embed.E", (symbols, e))), "W": jnp.asarray(peer.weight("dense.W", (symbols, n))),
         "b": jnp.asarray(peer.weight("dense.b", (symbols,))),
         "first": weights("LSTM", "first", e, n), "second": weights("LSTM", "second", n, n)}
    state = start("LSTM", batch, n)

    def loss(w):
        h, _ = run("LSTM", w["first"], w["E"][x], state, n)
        h, _ = run("LSTM", w["second"], h, state, n)
        logs = jax.nn.log_softmax(h @ w["W"].T + w["b"])
        return -jnp.take_along_axis(logs, y[..., None], -1).mean()

    def update(w):
        value, g = jax.value_and_grad(loss)(w)
        return updated(w, g), value

    value, g = jax.jit(jax.value_and_grad(loss))(w)
    check = checked(g, value, batch * length)
    fast = jax.jit(update, donate_argnums=0)
    held = [w]

    def step():
        held[0], value = fast(held[0])
        jax.block_until_ready((held[0], value))

    step()
    return step, check


def prepare(_, row):
    if row["precision"] != "f32":
        raise peer.Refused("f32 only")
    return layer(row) if row["what"] == "layer" else model(row)


peer.serve([SYSTEM], prepare)
