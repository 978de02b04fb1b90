#!/usr/bin/env python3
"""Kills a command with SIGKILL at every one of its state-changing system calls, one run a point.

A kill between two such calls leaves the same files as a kill at the next one, so calls that only read
are not swept. For each point the world is copied, the command runs under strace's fault injection and
dies, then the recovery commands run undisturbed and the digest command must print what it prints after a
run that was not killed.

	killsweep.py --world DIR [--recover CMD]... --digest CMD [--accept CMD] [--every K] -- COMMAND

Commands are shell text; {w} stands for the world's copy. Exit 0 when every point ends right; the first wrong
one is printed with what differed and its folder is kept.
"""
import argparse
import collections
import os
import re
import shutil
import subprocess
import sys
import tempfile

CALLS = (
    "write pwrite64 writev fsync fdatasync rename renameat renameat2 unlink unlinkat link linkat "
    "ftruncate mkdir mkdirat rmdir fchmod fallocate"
).split()


def shell(text, world, **options):
    return subprocess.run(["bash", "-c", text.replace("{w}", world)], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, **options)


def count_points(command, world, scratch):
    """How often each process of the command makes each call: the greatest over its processes."""
    log = os.path.join(scratch, "trace")
    run = subprocess.run(["strace", "-f", "-qq", "-o", log, "-e", "trace=" + ",".join("?" + c for c in CALLS),
                          "bash", "-c", "exec " + command.replace("{w}", world)],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if run.returncode != 0:
        sys.exit("the command fails without being killed (%d):\n%s" % (run.returncode, run.stdout.decode()))
    counts = collections.Counter()
    for line in open(log, errors="replace"):
        match = re.match(r"(\d+)\s+(\w+)\(", line)
        if match:
            counts[match.group(1), match.group(2)] += 1
    points = collections.Counter()
    for (_, call), number in counts.items():
        points[call] = max(points[call], number)
    return points


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--world", required=True)
    parser.add_argument("--recover", action="append", default=[])
    parser.add_argument("--digest", required=True)
    parser.add_argument("--accept", help="prints further acceptable digests, one a line")
    parser.add_argument("--every", type=int, default=1, help="only every K-th point")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    command = " ".join(args.command[1:] if args.command[:1] == ["--"] else args.command)
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    scratch = tempfile.mkdtemp(prefix="repsync-kill-", dir=base)
    world = os.path.join(scratch, "world")

    def fresh():
        shutil.rmtree(world, ignore_errors=True)
        subprocess.run(["cp", "-a", args.world, world], check=True)

    fresh()
    points = count_points(command, world, scratch)
    for text in args.recover:
        shell(text, world)
    wanted = {shell(args.digest, world).stdout}
    if args.accept:
        wanted |= {line + b"\n" for line in shell(args.accept, world).stdout.splitlines()}
    if not points:
        sys.exit("the command makes no state-changing call: nothing was tested")
    done = 0
    for call in CALLS:
        for number in range(1, points[call] + 1, args.every):
            fresh()
            subprocess.run(["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e",
                            "inject=%s:signal=KILL:when=%d" % (call, number),
                            "bash", "-c", "exec " + command.replace("{w}", world)],
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            said = b""
            for text in args.recover:
                run = shell(text, world)
                said += run.stdout
                if run.returncode != 0:
                    sys.exit("killed at %s %d: recovery `%s` fails (%d):\n%s\nworld kept: %s" % (
                        call, number, text, run.returncode, run.stdout.decode(errors="replace"), world))
            got = shell(args.digest, world).stdout
            if got not in wanted:
                sys.exit("killed at %s %d: ends in\n%s\nnot in\n%s\nrecovery said:\n%s\nworld kept: %s" % (
                    call, number, got.decode(errors="replace"), b"\nor\n".join(wanted).decode(errors="replace"),
                    said.decode(errors="replace"), world))
            done += 1
    shutil.rmtree(scratch)
    print("killed at %d points (%s): the same end each time" % (
        done, ", ".join("%s %d" % (c, points[c]) for c in CALLS if points[c])))


main()
