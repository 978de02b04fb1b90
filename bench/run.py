"""Measured processes. Everything that is measured is a whole process with the real program; what lies around is not."""
import json
import os
import statistics
import subprocess
import sys


class Failed(Exception):
    pass


class Runner:
    def __init__(self, build, work, verbose=False):
        self.build, self.work, self.verbose = build, work, verbose
        self.repsync = f"{build}/repsync"
        self.env = os.environ | {"LC_ALL": "C.UTF-8", "NO_COLOR": "1", "GIT_CONFIG_NOSYSTEM": "1"}

    def tool(self, name):
        return f"{self.build}/bench/{name}"

    def run(self, *command, out=None, cwd=None):
        """Runs to the end; {"wall_s", "cpu_s", "rss_kib", "out"}. `out`: a file for standard output."""
        if self.verbose:
            print("$", *command[:12], file=sys.stderr)
        figures = f"{self.work}/timed.json"
        target = open(out, "wb") if out else subprocess.PIPE
        try:
            done = subprocess.run([self.tool("bench-timed"), figures, *map(str, command)], stdout=target,
                                  stderr=subprocess.PIPE, env=self.env, cwd=cwd, check=False)
        finally:
            if out:
                target.close()
        if done.returncode:
            raise Failed(f"{' '.join(map(str, command[:8]))}: exit {done.returncode}: {done.stderr.decode()[-2000:]}")
        with open(figures, encoding="utf-8") as file:
            return json.load(file) | {"out": b"" if out else done.stdout}

    def hub(self, *args, json_out=False, **more):
        return self.run(self.repsync, "-C", f"{self.work}/hub", *(["--json"] if json_out else ["--quiet"]), "hub", *args,
                        **more)

    def laptop(self, rep, *args, **more):
        return self.run(self.repsync, "-C", f"{self.work}/laptops/{rep}", "--quiet", *args, **more)


def median(runs, key="wall_s"):
    return statistics.median(run[key] for run in runs)


def total(runs, key="wall_s"):
    return sum(run[key] for run in runs)


def most(runs, key="rss_kib"):
    return max(run[key] for run in runs)


def size_of(folder, suffix=""):
    """Bytes of the files below a folder."""
    return sum(os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(folder) for name in names
               if name.endswith(suffix))
