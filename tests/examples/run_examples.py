# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs every row of examples/ for a few updates on stand-ins for its data.

Each module stand_in_*.py here has make(folder), which writes tiny files of the
form that the examples read. Before that, the script itself: what it keeps and
writes, and what it says about wrong rows.
"""
import argparse, importlib, json, os, re, shutil, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def run(script, *words):
    return subprocess.run([sys.executable, script, *words], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def expect(condition, what, output=""):
    if not condition:
        sys.exit(f"run_examples: {what}\n{output}")


def test_script(work):
    """A copy of the script beside rows of its own, with a program that only
    says what it was asked."""
    root = os.path.join(work, "root")
    for table in ("examples", "examples/reproductions"):
        os.makedirs(os.path.join(root, table))
        with open(os.path.join(root, table, "README.md"), "w") as file:
            file.write("before\n<!-- table: examples/run -->\nold\n"
                       "<!-- end of table -->\nafter\n")
    script = os.path.join(root, "examples/run")
    shutil.copy(os.path.join(ROOT, "examples/run"), script)
    program = os.path.join(work, "bin/rnnc")
    os.makedirs(os.path.dirname(program))
    with open(program, "w") as file:
        file.write('#!/bin/sh\necho "{\\"loss\\": 0.5, \\"words\\": \\"$*\\", '
                   '\\"test\\": {\\"accuracy\\": 0.875}}"\n')
    os.chmod(program, 0o755)
    row = {"name": "one", "system": "a system", "data": "made",
           "commands": ["echo made > $OUT/file", "rnnc train a.rnn --out $OUT/run",
                        "rnnc eval $OUT/run", "rnnc eval again"],
           "result": "{train.test.accuracy:.1%} right",
           "baseline": "{eval2.loss:.2f} by guessing"}
    other = dict(row, name="two", commands=["false"])

    def rows(folder, content):
        path = os.path.join(root, folder)
        os.makedirs(path, exist_ok=True)
        with open(os.path.join(path, "system.json"), "w") as file:
            json.dump(content, file)

    def read(path):
        with open(os.path.join(root, path)) as file:
            return file.read()

    rows("examples/first", [row, other])
    rows("examples/reproductions/second", [dict(row, name="three")])
    options = ["--rnnc", program, "--work", os.path.join(work, "runs")]
    done = run(script, "one", *options)
    expect(done.returncode == 0 and
           "one: 87.5% right (0.50 by guessing), 0:" in done.stdout,
           "a row runs", done.stdout)
    table = read("examples/README.md")
    # The time is whatever it took.
    timeless = re.sub(r"\d+:\d\d", "0:00", table)
    expect(table.startswith("before\n<!-- table") and
           table.endswith("-->\nafter\n") and "old" not in table and
           "| [a system](first) | `rnnc train a.rnn` | made | 87.5% right | "
           "0.50 by guessing | 0:00 (0:00) |" in timeless, "the table is written",
           table)
    kept = json.loads(read("examples/first/results.json"))["one"]
    expect(kept["commands"] == row["commands"] and
           kept["result"]["figures"] == {"train.test.accuracy": 0.875} and
           set(kept["seconds_each"]) == {"echo", "train", "eval", "eval2"},
           "the figures are kept", str(kept))
    done = run(script, *options)
    expect(done.returncode == 1 and "two: failed: status 1 of: false" in
           done.stdout and "three" not in done.stdout,
           "a row that fails is said, the others run", done.stdout)
    done = run(script, "reproductions", *options)
    expect("three: 87.5%" in done.stdout and "(second)" in
           read("examples/reproductions/README.md"), "reproductions",
           done.stdout)
    # Rows side by side: the processor's time of each is its own.
    busy = "python3 -c 'import time\nwhile time.process_time() < 0.5: pass'"
    rows("examples/side", [dict(row, name="busy", commands=[busy] + row["commands"]),
                           dict(row, name="idle",
                                commands=["sleep 1"] + row["commands"] +
                                ["test $RNNC_THREADS = 1"])])
    done = run(script, "side", "--jobs", "2", *options)
    kept = json.loads(read("examples/side/results.json"))
    expect(done.returncode == 0 and kept["busy"]["cpu_seconds"] >= 0.5 and
           kept["idle"]["cpu_seconds"] < kept["busy"]["cpu_seconds"],
           "rows side by side", done.stdout + str(kept))
    done = run(script, "one", "--jobs", "0", *options)
    expect(done.returncode == 1 and "--jobs expects 1 or more, found 0" in
           done.stdout, "--jobs 0", done.stdout)
    # Results that are not of the commands in the table are said.
    done = run(script, "--table")
    expect(done.returncode == 0 and done.stdout == "", "all as it was run",
           done.stdout)
    kept["busy"]["commands"] = ["another"]
    del kept["idle"]["commands"]
    with open(os.path.join(root, "examples/side/results.json"), "w") as file:
        json.dump(kept, file)
    done = run(script, "--table")
    expect(done.returncode == 0 and done.stdout ==
           "examples/run: busy: its result is of other commands\n"
           "examples/run: idle: its result is of unknown commands\n",
           "results of other commands", done.stdout)
    shutil.rmtree(os.path.join(root, "examples/side"))
    before = read("examples/first/results.json")
    done = run(script, "one", "--steps", "7", *options)
    expect(done.returncode == 0 and before ==
           read("examples/first/results.json"), "--steps keeps nothing",
           done.stdout)
    for broken, message in [
            (dict(row, result="{eval.accuracy}"), "one: failed: '{eval.accuracy}'"),
            (dict(row, commands=["sleep 9"], limit=0.1),
             "one: failed: took more than 0.1 s: sleep 9"),
            (dict(row, commands=["cat $DATA/x"]), "give --data DIR"),
            ({"name": "one", "result": ""},
             "a row without baseline, commands, data, system")]:
        rows("examples/first", [broken])
        done = run(script, "one", *options)
        expect(done.returncode == 1 and message in done.stdout, message,
               done.stdout)
    done = run(script, "none", *options[2:])
    expect(done.returncode == 1, "an unknown name", done.stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rnnc", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("names", nargs="*", default=["examples", "reproductions"])
    options = parser.parse_args()
    shutil.rmtree(options.work, ignore_errors=True)
    os.makedirs(options.work)
    with tempfile.TemporaryDirectory() as folder:
        test_script(folder)
    data = os.path.join(options.work, "data")
    sys.path.insert(0, HERE)
    for name in sorted(os.listdir(HERE)):
        if name.startswith("stand_in_"):
            importlib.import_module(name[:-3]).make(data)
    done = run(os.path.join(ROOT, "examples/run"), *options.names, "--steps",
               "2", "--data", data, "--rnnc", options.rnnc, "--work",
               os.path.join(options.work, "runs"))
    print(done.stdout)
    expect(done.returncode == 0, "a row failed")


if __name__ == "__main__":
    main()
