#!/usr/bin/env python3
"""Feeds every case of an SSE parser table to a program, whole and cut in many ways, and compares.

usage: sse_table.py CASES.json PROGRAM

The program reads a line {"chunks": [base64, ...]} and answers a line {"events": [...],
"last_event_id": text, "retry": number or null}, again and again."""

import base64
import json
import subprocess
import sys


def joined(parts, key, decode):
    return [decode(part[key]) * part["repeat"] for part in parts]


def stream(case):
    if "b64" in case:
        return base64.b64decode(case["b64"])
    return b"".join(joined(case["parts"], "b64", base64.b64decode))


def wanted(case):
    events = []
    for event in case["events"]:
        data = event.get("data")
        if data is None:
            data = "".join(joined(event["data_parts"], "s", str))
        events.append({"event": event["event"], "data": data, "id": event["id"]})
    return {"events": events, "last_event_id": case["last_event_id"], "retry": case["retry"]}


def pieces(data, size):
    return [data[at : at + size] for at in range(0, len(data), size)]


def feeds(data, case):
    """Whole; byte by byte; in sevens or in blocks; cut once, everywhere; as the table says."""
    yield [data]
    if len(data) <= 70_000:
        yield pieces(data, 1)
    yield pieces(data, 7 if len(data) <= 2_000_000 else 16_384)
    if len(data) <= 400:
        for at in range(1, len(data)):
            yield [data[:at], data[at:]]
    if "chunks" in case:
        cut, at = [], 0
        for length in case["chunks"]:
            cut.append(data[at : at + length])
            at += length
        yield cut + [data[at:]]


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        cases = json.load(file)["cases"]
    program = subprocess.Popen(
        [sys.argv[2]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    bad, fed = [], 0
    for case in cases:
        data, want = stream(case), wanted(case)
        for chunks in feeds(data, case):
            chunks = [base64.b64encode(chunk).decode() for chunk in chunks]
            program.stdin.write(json.dumps({"chunks": chunks}) + "\n")
            program.stdin.flush()
            answer = program.stdout.readline()
            fed += 1
            if not answer or json.loads(answer) != want:
                print(f"FAIL {case['name']}: got {answer[:300]!r}, want {str(want)[:300]}")
                bad.append(case["name"])
                break
        if program.poll() is not None:
            sys.exit(f"the program ended at {case['name']}")
    program.stdin.close()
    program.wait()
    print(f"{len(cases) - len(bad)} of {len(cases)} cases, {fed} feeds")
    sys.exit(1 if bad else 0)


main()
