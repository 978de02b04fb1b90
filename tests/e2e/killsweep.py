#!/usr/bin/env python3
"""Kills a command with SIGKILL at every one of its state-changing system calls, one run a point.

A kill between two such calls leaves the same files as a kill at the next one, so calls that only read are not swept (with --opens, opening a file is: for a child that only reads).
tests/tools/killat.c counts the calls over the command and its children together and kills them all (with --child: only the
child that makes the call). For each point the world is put back as it was, the command runs and dies, the recovery commands
run undisturbed and must succeed, and the digest must print what it prints after a run that was not killed.

	killsweep.py --world DIR --time TIME [--child] [--opens] [--disk NAME]... [--after S,...] [--recover CMD]... --digest CMD
		[--thin K] [--every K] [--about TEXT] -- COMMAND ARGUMENT...

The world lies where it was made (a laptop knows its mailbox by its path) and is copied aside first. COMMAND runs at TIME, the
clock standing still, without a shell between. Recovery and digest are bash, where functions exported by the caller work.
A transaction of SQLite is a row of page writes to one file, and a kill between two of them leaves the same transaction
unfinished: --thin K sweeps of such a row the first, the last and every K-th. --every K sweeps every K-th of what is left.
With SWEEP=full in the environment both are 1. --about TEXT sweeps only calls whose file has TEXT in its path.

With --disk NAME, once or more, these folders of the world are disks of their own (disks.py), and the power goes where the command
was killed: what was not written back is lost on all of them or on one of them, in turns (SWEEP=full: each of these, at each point).
--after S,S,... does not kill the command: the power goes so many seconds after it ended with 0.

Exit 0 when every point ends right; the first wrong one is told with what differed, and its world is kept.
"""
import argparse
import collections
import difflib
import glob
import os
import shutil
import subprocess
import sys
import time

import disks

KILLED, NOT_REACHED = 137, 66
DEADLINE_S = 120
FULL = os.environ.get("SWEEP") == "full"


class Sweep:
    def __init__(self, args):
        self.args = args
        self.saved = args.world.rstrip("/") + ".saved"
        self.killat = os.path.join(os.environ["REPSYNC_BUILD"], "tests", "killat")
        self.env = dict(os.environ, FAKETIME=args.time, FAKETIME_DONT_FAKE_MONOTONIC="1",
                        LD_PRELOAD=glob.glob("/usr/lib/*/faketime/libfaketime.so.1")[0])
        # A process that is traced cannot be searched for leaks; the others are.
        self.env["ASAN_OPTIONS"] = self.env.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        self.disks = disks.Disks(args.world, args.disk) if args.disk else None
        shutil.rmtree(self.saved, ignore_errors=True)
        subprocess.run(["cp", "-a", args.world, self.saved], check=True)
        if self.disks:
            self.disks.restore()

    def restore(self):
        if self.disks:
            self.disks.down()
        shutil.rmtree(self.args.world)
        subprocess.run(["cp", "-a", self.saved, self.args.world], check=True)
        if self.disks:
            self.disks.restore()

    def run(self, *options):
        options += ("--within", self.args.world)
        if self.args.child:
            options += ("--child",)
        if self.args.opens:
            options += ("--opens",)
        return subprocess.run([self.killat, *options, *self.args.command], env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=DEADLINE_S)

    def shell(self, text):
        return subprocess.run(["bash", "-c", text], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=DEADLINE_S)

    def recover(self, where):
        said = ""
        for text in self.args.recover:
            run = self.shell(text)
            said += (run.stdout + run.stderr).decode(errors="replace")
            if run.returncode != 0:
                sys.exit("%s: recovery `%s` fails (%d):\n%s\nworld kept: %s" % (
                    where, text, run.returncode, said, self.args.world))
        run = self.shell(self.args.digest)
        if run.returncode != 0:
            sys.exit("%s: the digest fails (%d):\n%s\nrecovery said:\n%s\nworld kept: %s" % (
                where, run.returncode, run.stderr.decode(errors="replace"), said, self.args.world))
        return run.stdout.decode(errors="replace"), said

    def points(self):
        log = self.saved + ".log"
        run = self.run("--log", log)
        if run.returncode != 0:
            sys.exit("the command fails without being killed (%d):\n%s" % (
                run.returncode, run.stdout.decode(errors="replace")))
        with open(log) as lines:
            points = [line.split(None, 2) for line in lines]
        os.unlink(log)
        if not points:
            sys.exit("the command makes no state-changing call: nothing was tested")
        return points

    def compare(self, where, wanted):
        got, said = self.recover(where)
        if got != wanted:
            difference = difflib.unified_diff(wanted.splitlines(), got.splitlines(), "not killed", "killed", lineterm="")
            sys.exit("%s: another end:\n%s\nrecovery said:\n%s\nworld kept: %s" % (
                where, "\n".join(difference), said, self.args.world))

    def point(self, number, points, wanted, out=None):
        where = "killed at %d of %d (process %s, %s %s)" % ((number, len(points)) + tuple(points[number - 1]))
        self.restore()
        run = self.run("--at", str(number))
        if self.args.child and run.returncode >= 128:
            sys.exit("%s: the parent died too (%d):\n%s\nworld kept: %s" % (
                where, run.returncode, run.stdout.decode(errors="replace"), self.args.world))
        if not self.args.child and run.returncode not in (KILLED, NOT_REACHED):
            sys.exit("%s: killat gives %d:\n%s" % (where, run.returncode, run.stdout.decode(errors="replace")))
        if out:
            where += ", no power at %s" % " and ".join(out)
            self.disks.copies(out, "cut")
            self.disks.up(out, "cut")
        self.compare(where, wanted)
        return run.returncode == NOT_REACHED

    def outages(self, number):
        """Who loses power at this point: a list of lists of disks, or of one None."""
        if not self.disks:
            return [None]
        choices = self.disks.choices()
        return choices if FULL else [choices[number % len(choices)]]

    def afterwards(self):
        """The power goes when the command has said that all is well."""
        wanted, _ = self.recover("not cut")
        self.restore()
        if self.run().returncode != 0:
            sys.exit("the command fails")
        ended = time.monotonic()
        for seconds in self.args.after:
            time.sleep(max(0, ended + seconds - time.monotonic()))
            self.disks.copies(self.args.disk, "after%d" % seconds)
        for seconds in self.args.after:
            for out in self.disks.choices():
                self.restore()
                # The others go on from where they were when the command ended.
                self.disks.up(self.args.disk, "after%d" % self.args.after[-1])
                self.disks.up(out, "after%d" % seconds)
                self.compare("no power at %s %d s after the end" % (" and ".join(out), seconds), wanted)
        self.finish()
        print("%s: power cut %s s after its end, the same end each time" % (
            " ".join(self.args.command[1:]), ", ".join(str(each) for each in self.args.after)))

    def chosen(self, points):
        """The numbers of the points to sweep: all but the inner ones of a row of page writes."""
        row = 0
        for index, point in enumerate(points):
            row = row + 1 if index and point == points[index - 1] and point[1] == "pwrite64" else 0
            last = index + 1 == len(points) or points[index + 1] != point
            if (row % self.args.thin == 0 or last) and self.args.about in point[2]:
                yield index + 1

    def finish(self):
        self.restore()
        if self.disks:
            self.disks.dissolve()
        shutil.rmtree(self.saved)

    def sweep(self):
        began = time.monotonic()
        points = self.points()
        if self.args.after:
            return self.afterwards()
        wanted, _ = self.recover("not killed")
        done = missed = 0
        for number in list(self.chosen(points))[::self.args.every]:
            for out in self.outages(number):
                missed += self.point(number, points, wanted, out)
                done += 1
        if missed * 20 > done:
            sys.exit("%d of %d points were not reached: the command does not do the same each time" % (missed, done))
        self.finish()
        calls = collections.Counter(call for _, call, _ in points)
        print("%s: %s at %d of %d points%s in %.0f s, the same end each time (%s)" % (
            " ".join(self.args.command[1:]), "power cut" if self.disks else "killed", done - missed, len(points),
            " in its children" if self.args.child else "", time.monotonic() - began, ", ".join("%s %d" % pair for pair in sorted(calls.items()))))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--world", required=True)
    parser.add_argument("--time", required=True)
    parser.add_argument("--child", action="store_true")
    parser.add_argument("--opens", action="store_true", help="opening a file counts too")
    parser.add_argument("--disk", action="append", default=[])
    parser.add_argument("--after", type=lambda text: [int(each) for each in text.split(",")], default=[])
    parser.add_argument("--recover", action="append", default=[])
    parser.add_argument("--digest", required=True)
    parser.add_argument("--thin", type=int, default=1)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--about", default="")
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()
    if FULL:
        args.thin = args.every = 1
    Sweep(args).sweep()


main()
