"""The cells of the suite for frameworks with NumPy's operators.

`m` has sigmoid, tanh, relu, softmax and norm(x, gain, bias). Parameters are joined as one writes them by hand: `W` [g*n, d]
and `U` [g*n, n] for the g products of a step, `b` [g*n] where there are biases. The product of all inputs is taken before
the loop (`pre`); a step gets its row of it and the states.
"""



def lstm(m, w, p, s, n):
    h, c = s
    z = p + h @ w["U"].T
    i, f = m.sigmoid(z[:, :n]), m.sigmoid(z[:, n:2 * n])
    g, o = m.tanh(z[:, 2 * n:3 * n]), m.sigmoid(z[:, 3 * n:])
    c = f * c + i * g
    return o * m.tanh(c), c


def gru(m, w, p, s, n):
    (h,) = s
    q = h @ w["U"].T
    r = m.sigmoid(p[:, :n] + q[:, :n])
    z = m.sigmoid(p[:, n:2 * n] + q[:, n:2 * n])
    g = m.tanh(p[:, 2 * n:] + r * (q[:, 2 * n:] + w["cg"]))
    return ((1 - z) * g + z * h,)


def elman(m, w, p, s, n):
    return (m.tanh(p + s[0] @ w["U"].T),)


def peephole(m, w, p, s, n):
    h, c = s
    z = p + h @ w["U"].T
    i = m.sigmoid(z[:, :n] + w["pi"] * c)
    f = m.sigmoid(z[:, n:2 * n] + w["pf"] * c)
    c = f * c + i * m.tanh(z[:, 2 * n:3 * n])
    o = m.sigmoid(z[:, 3 * n:] + w["po"] * c)
    return o * m.tanh(c), c


def mgu(m, w, p, s, n):
    (h,) = s
    f = m.sigmoid(p[:, :n] + h @ w["U"][:n].T)
    g = m.tanh(p[:, n:] + (f * h) @ w["U"][n:].T)
    return ((1 - f) * h + f * g,)


def layer_norm_lstm(m, w, p, s, n):
    h, c = s
    z = p + h @ w["U"].T
    i, f, g, o = (m.norm(z[:, k * n:(k + 1) * n], w[f"l{x}.gain"], w[f"l{x}.bias"]) for k, x in enumerate("ifgo"))
    c = m.sigmoid(f) * c + m.sigmoid(i) * m.tanh(g)
    return m.sigmoid(o) * m.tanh(m.norm(c, w["lc.gain"], w["lc.bias"])), c


def two_pace(m, w, p, s, n):
    h, s = s
    z = p + h @ w["U"].T
    a, k, g = m.sigmoid(z[:, :n]), m.sigmoid(z[:, n:2 * n]), m.tanh(z[:, 2 * n:])
    s = s + a * (g - s) / 4
    return k * g + (1 - k) * m.tanh(s), s


def ladder(m, w, p, s, n):
    (h,) = s
    q = p[:, :2 * n] + h @ w["U"][:2 * n].T
    u, z = m.relu(q[:, :n]), m.sigmoid(q[:, n:])
    g = m.tanh(p[:, 2 * n:] + u @ w["U"][2 * n:].T)
    return (z * h + (1 - z) * g,)


def shares(m, w, p, s, n):
    h, t = s
    z = p + h @ w["U"].T
    t = 0.9 * t + m.softmax(z[:, :n])
    return m.tanh(z[:, n:]) * (0.5 + t), t


#: step, letters of the products, states, vectors beside the biases, whether there are biases
CELLS = {
    "LSTM": (lstm, "ifgo", 2, [], True),
    "GRU": (gru, "rzg", 1, ["cg"], True),
    "Elman": (elman, [""], 1, [], True),
    "PeepholeLSTM": (peephole, "ifgo", 2, ["pi", "pf", "po"], True),
    "MGU": (mgu, "fg", 1, [], True),
    "LayerNormLSTM": (layer_norm_lstm, "ifgo", 2, [f"l{x}.{v}" for x in "ifgoc" for v in ("gain", "bias")], False),
    "TwoPace": (two_pace, "akg", 2, [], True),
    "Ladder": (ladder, "uzg", 1, [], True),
    "Shares": (shares, "pg", 2, [], True),
}
