#!/usr/bin/env python3
"""Runs the steps and the baselines; script/bench builds and calls this."""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile

import others
from refold import Refold
from report import Report
from run import Failed, Runner
from steps import Steps, Work

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


PARTS = ("steps", "refold", "sqlite", "session", "git")


def parts_of(text):
    parts = text.split(",")
    unknown = [part for part in parts if part not in PARTS]
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no part {unknown[0]}: {', '.join(PARTS)}")
    return parts


def options():
    parser = argparse.ArgumentParser(prog="script/bench")
    parser.add_argument("--size", choices=["XS", "S", "M", "L"], default="S")
    parser.add_argument("--json", action="store_true", help="JSON instead of the table")
    parser.add_argument("--out", help="also write the JSON to this file")
    parser.add_argument("--workload", default=os.environ.get("REPSYNC_WORKLOAD"),
                        help="a workload folder instead of the one made by bench/workload.py (or in $REPSYNC_WORKLOAD)")
    parser.add_argument("--only", type=parts_of, default=",".join(PARTS), help="which parts, separated by commas")
    parser.add_argument("--repeat", type=int, default=5,
                        help="how often sync and merge with nothing to do, audit and get are done; the median counts")
    parser.add_argument("--keep", action="store_true", help="keep the folder and name it")
    parser.add_argument("--verbose", action="store_true", help="show each command")
    parser.add_argument("--build", required=True, help=argparse.SUPPRESS)
    return parser.parse_args()


def steps(runner, work, report, repeat):
    run = Steps(runner, work, SOURCE, report)
    run.a_import()
    run.people()
    run.b_replicas()
    run.e_edits()
    run.c_push_and_merge()
    run.d_pulls()
    run.quiet(repeat)
    run.questions(repeat)
    run.check()


def main():
    chosen = options()
    parts = chosen.only
    folder = tempfile.mkdtemp(prefix="repsync-bench-", dir=os.environ.get("TMPDIR", "/tmp"))
    runner = Runner(chosen.build, folder, chosen.verbose)
    report = Report(chosen.size, SOURCE, os.cpu_count())
    try:
        data = chosen.workload or f"{folder}/workload"
        os.makedirs(f"{folder}/made")
        if not chosen.workload:
            subprocess.run(["python3", f"{SOURCE}/bench/workload.py", "--size", chosen.size, "--out", data], check=True)
        work = Work(data, f"{folder}/made").prepare()
        if "steps" in parts:
            steps(runner, work, report, chosen.repeat)
        if "refold" in parts:
            Refold(runner, work, SOURCE, report).all()
        if "sqlite" in parts:
            others.Sqlite(runner, work, report).plain()
        if "session" in parts:
            for how in ("push", "edit"):
                others.Sqlite(runner, work, report).session(how)
        if "git" in parts:
            others.Git(runner, work, report).all()
    except Failed as failed:
        print(report.as_text(), file=sys.stderr)
        print(f"bench: {failed}", file=sys.stderr)
        return 1
    finally:
        if chosen.keep:
            print(f"kept: {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder)
    if chosen.out:
        with open(chosen.out, "w", encoding="utf-8") as out:
            out.write(report.as_json() + "\n")
    print(report.as_json() if chosen.json else report.as_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
