# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Stand-ins for texts, labelled sentences, names and digits."""
import os


def write(folder, name, data):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode())


def make(folder):
    os.makedirs(folder, exist_ok=True)
