#!/usr/bin/env python3
"""Shrinks the history of a seed that fails.

    python3 tests/oracle/shrink.py REPSYNC-SIM SEED STEPS [SECONDS]

Steps are left out, first halves, then ever smaller pieces, as long as the rest still fails, in whatever way. Prints the
steps that are left, how they fail, and the command that plays them. After SECONDS it is content with what it has.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import time

STEPS_MAX = 100  # of a history whose length its seed says


def listed(steps):
    """3,7-9"""
    out, first = [], None
    for step in steps:
        if step - 1 not in steps:
            first = step
        if step + 1 not in steps:
            out.append(str(first) if first == step else "%d-%d" % (first, step))
    return ",".join(out)


def play(program, seed, length, steps):
    """How these steps fail, or None."""
    only = ["--only", listed(steps)] if steps is not None else []
    with tempfile.TemporaryDirectory(prefix="repsync-shrink-") as dump:
        sim = subprocess.Popen([program, "--from", str(seed), "--steps", length, "--dump", dump] + only,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        judge = subprocess.run([sys.executable, str(pathlib.Path(__file__).with_name("check_sim.py"))],
                               stdin=sim.stdout, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        sim.stdout.close()
        sim.wait()
    if judge.returncode == 0:
        return None
    lines = [line for line in judge.stdout.splitlines() if line.startswith(("sim: ", "failed "))]
    return lines[0] if lines else "it fails without a word"


def shrink(fails, steps):
    """Delta debugging: the smallest list found of which no piece can be left out."""
    pieces = 2
    while len(steps) > 1:
        size = max(1, len(steps) // pieces)
        for at in range(0, len(steps), size):
            rest = steps[:at] + steps[at + size:]
            if rest and fails(rest):
                steps, pieces = rest, max(2, pieces - 1)
                break
        else:
            if size == 1:
                break
            pieces *= 2
    return steps


class Late(Exception):
    pass


def shortest(fails, steps):
    """The first steps, as few of them as fail by themselves."""
    low, high = 0, len(steps)
    while high - low > 1:
        middle = (low + high) // 2
        if fails(steps[:middle]):
            high = middle
        else:
            low = middle
    return steps[:high]


def main():
    program, seed, length = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    if not play(program, seed, length, None):
        print("shrink: seed %d passes" % seed)
        return 1
    tries, until = 0, time.monotonic() + float(sys.argv[4] if len(sys.argv) > 4 else "inf")
    steps = list(range(1, (int(length) or STEPS_MAX) + 1))

    def fails(rest):
        nonlocal tries, steps
        if time.monotonic() > until:
            raise Late
        tries += 1
        failed = play(program, seed, length, rest) is not None
        if failed and len(rest) < len(steps):
            steps = rest
        return failed

    try:
        shrink(fails, shortest(fails, steps))
    except Late:
        print("shrink: this is how far it came in time")
    print("shrink: %d steps are left after %d tries: %s" % (len(steps), tries, play(program, seed, length, steps)))
    mutant = pathlib.Path(program).name.removeprefix("repsync-sim").lstrip("-")
    print("  again: script/simulate 1 --from %d --steps %s --only %s --trace%s" % (
        seed, length, listed(steps), " --mutant " + mutant if mutant else ""))
    return 0


if __name__ == "__main__":
    if os.path.isdir("/dev/shm"):
        os.environ["TMPDIR"] = "/dev/shm"
    sys.exit(main())
