"""Has the training step or the input pipeline become slow? `make bench-check`: some three minutes; 1 on failure.

All are measured in turns with a plain Keras step (see step.py), and compared as multiples of it: so a slow or a busy
machine does not matter much. Fails when a multiple is less than half of the recorded one.
"""

import statistics
import sys

import step

# Times the pictures per second of plain Keras at 64x64, on 2 cores.
RECORDED = {"course": 1.68, "muon": 1.07, "input": 70}
TURNS = 3


def slow_ways(turns):
    """Print the multiple of each way, and return the names of those that lost more than half."""
    slow = []
    for way, recorded in RECORDED.items():
        found = statistics.median(turn[way] / turn["keras"] for turn in turns)
        print(f"{way}: {found:.2f} times the pictures per second of plain Keras; recorded {recorded:.2f}")
        if found < recorded / 2:
            slow.append(way)
    return slow


def main():
    """Measure, print and return the exit code."""
    turns = []
    for _ in range(TURNS):
        turns.append({way: step.measure(way, 64) for way in ("keras", *RECORDED)})
    if not all(all(turn.values()) for turn in turns):
        return "error: a step could not be measured; what it said stands above."
    slow = slow_ways(turns)
    return f"error: {' and '.join(slow)} lost more than half: profile what changed." if slow else 0


if __name__ == "__main__":
    sys.exit(main())
