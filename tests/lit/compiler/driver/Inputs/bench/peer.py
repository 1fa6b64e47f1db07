#!/usr/bin/env python3
"""A peer that takes 5 ms for everything: one that agrees, one that differs, one that ends."""
import json
import sys

print(json.dumps({"systems": ["agrees-1.0", "differs-1.0", "ends-1.0"]}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    if request["system"] == "ends-1.0":
        break
    if request["do"] == "prepare":
        check = {"out": 1e9} if request["system"] == "differs-1.0" else {}
        answer = {"ok": True, "check": check, "compile_ms": 1.0}
    else:
        answer = {"samples": [5.0, 5.0, 5.0], "count": 3}
    print(json.dumps(answer), flush=True)
