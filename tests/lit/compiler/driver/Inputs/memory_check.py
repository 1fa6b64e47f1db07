"""The object that train printed: what was foretold and measured agrees within
5 %, and stays within the budget (KiB), if one is given."""

import json
import sys

memory = json.load(open(sys.argv[1]))["memory"]
measured, predicted = memory["measured_peak_bytes"], memory["predicted_peak_bytes"]
assert abs(measured / predicted - 1) < 0.05, memory
assert 0 < memory["saved_bytes"] < memory["arena_bytes"], memory
if len(sys.argv) > 2:
    assert measured <= float(sys.argv[2]) * 1024 * 1.05, memory
