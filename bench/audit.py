#!/usr/bin/env python3
"""What the auditor's questions cost: script/bench audit [--changes N] [--json] [--keep].

A company is made whose customers a list brings, and three later lists change: N changes in all, 20,000 unless said otherwise
(1,000,000 are the size of the targets). Then each question is asked by the real program, start and log entry included.
"""
import argparse
import csv
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time

from run import Failed, Runner, size_of


def write_list(path, rows, turn):
    with open(path, "w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["id", "name", "kind", "org", "dept"])
        for n in range(rows):
            out.writerow([f"K-{n:07d}", f"医生{n}", "医务人员", "O-0001", f"科室{(n + turn) % 97}"])


def fill(runner, work, rows):
    """The time of all that made the changes, and when the second half of them began."""
    with open(f"{work}/org.csv", "w", encoding="utf-8") as file:
        file.write("id,name\nO-0001,江南市第一人民医院\n")
    runner.hub("init", "--company", "bench", "--replicas", "plain")
    runner.hub("import", "org", f"{work}/org.csv")
    seconds, half = 0.0, ""
    for turn in range(4):
        write_list(f"{work}/list-{turn}.csv", rows, turn)
        if turn == 2:
            half = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        seconds += runner.hub("import", "contact", f"{work}/list-{turn}.csv")["wall_s"]
    return seconds, half


def ask(runner, rows, repeat, half):
    def one(*args):
        return runner.hub("audit", *args, out="/dev/null")

    ids = [one("--entity", "contact", "--id", f"K-{rows * i // repeat:07d}")["wall_s"] for i in range(repeat)]
    first = [one("--rep", "hub", "--since", half, "--limit", "1")["wall_s"] for _ in range(5)]
    everything = one("--format", "csv")
    few = one("--format", "csv", "--limit", "10")
    return [
        ("audit of one record, p50", statistics.median(ids) * 1000, "ms", 10),
        ("first row of one person's half, p50", statistics.median(first) * 1000, "ms", 200),
        ("all rows as CSV", everything["wall_s"], "s", None),
        ("memory for all rows", everything["rss_kib"] / 1024, "MiB", None),
        ("memory for ten", few["rss_kib"] / 1024, "MiB", None),
    ]


def night(runner, work, rows):
    """What a night costs that is verified from where the last one was: the merge alone, without the reading of a list."""
    count = min(rows, 20_000)
    twin = Runner(runner.build, f"{work}/twin", False)
    runner.hub("verify")
    os.mkdir(f"{work}/twin")
    shutil.copytree(f"{work}/hub", f"{work}/twin/hub")
    write_list(f"{work}/list-4.csv", count, 4)
    runner.hub("import", "contact", f"{work}/list-4.csv")
    own = "mailboxes/hub00000.git"
    shutil.rmtree(f"{work}/twin/hub/{own}")
    shutil.copytree(f"{work}/hub/{own}", f"{work}/twin/hub/{own}")
    shutil.rmtree(f"{work}/hub")
    os.rename(f"{work}/twin/hub", f"{work}/hub")
    merge, verify = (runner.hub(command)["wall_s"] for command in ("merge", "verify"))
    again, full = runner.hub("verify")["wall_s"], runner.hub("verify", "--full")["wall_s"]
    return [
        ("a night's changes", count, "", None),
        ("merge of the night", merge, "s", None),
        ("verify of the night", verify, "s", None),
        ("verify of the night / its merge", verify / merge, "x", 0.5),
        ("verify with nothing new", again, "s", None),
        ("verify --full", full, "s", None),
    ]


def measure(runner, work, changes, repeat):
    rows = changes // 4
    seconds, half = fill(runner, work, rows)
    figures = [("changes", rows * 4, "", None), ("import and merge", seconds, "s", None)]
    figures += ask(runner, rows, repeat, half)
    rebuild = runner.hub("rebuild")["wall_s"]
    figures.append(("rebuild", rebuild, "s", None))
    figures.append(("rate of rebuild / rate of the merge", seconds / rebuild, "x", 0.5))
    figures += night(runner, work, rows)
    figures.append(("evidence of one record", runner.hub("audit", "--entity", "contact", "--id", "K-0000001", "--evidence",
                                                         f"{work}/evidence")["wall_s"], "s", None))
    figures.append(("backup", runner.hub("backup", f"{work}/backup")["wall_s"], "s", None))
    figures.append(("backup again", runner.hub("backup", f"{work}/backup")["wall_s"], "s", None))
    figures.append(("central.git", size_of(f"{work}/hub/central.git") / 2**20, "MiB", None))
    figures.append(("work.db", os.path.getsize(f"{work}/hub/work.db") / 2**20, "MiB", None))
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", required=True)
    parser.add_argument("--changes", type=int, default=20_000)
    parser.add_argument("--repeat", type=int, default=25)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    work = tempfile.mkdtemp(prefix="repsync-bench-audit-")
    try:
        figures = measure(Runner(options.build, work, options.verbose), work, options.changes, options.repeat)
    except Failed as failed:
        sys.exit(f"bench audit: {failed}")
    finally:
        if not options.keep:
            shutil.rmtree(work, ignore_errors=True)
    machine = f"{platform.processor() or platform.machine()}, {os.cpu_count()} processors, {platform.system()} {platform.release()}"
    if options.json:
        print(json.dumps({"machine": machine, "figures": {name: value for name, value, _, _ in figures}}, ensure_ascii=False))
        return
    print(machine)
    for name, value, unit, target in figures:
        print(f"{name:40} {value:12,.2f} {unit:4} {'' if target is None else f'(target {target})'}")


if __name__ == "__main__":
    main()
