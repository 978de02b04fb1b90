"""The baselines, in the same run: SQLite, its session extension, stock git. What they lack: docs/performance.md."""
import json
import os
import statistics

from run import median, most, size_of, total
from steps import lines


class Sqlite:
    def __init__(self, runner, work, report):
        self.run, self.work, self.report = runner, work, report
        self.dir = f"{runner.work}/sqlite"
        self.central = f"{self.dir}/central.db"
        os.makedirs(self.dir, exist_ok=True)

    def tool(self, *args):
        return self.run.run(self.run.tool("bench-sqlite"), *args)

    def note(self, key, value, unit, runs):
        self.report.note(key, value, unit, rss_mib=round(most(runs) / 1024, 1))

    def neighbours(self, n):
        reps = self.work.reps
        return reps[n - 1], reps[(n + 1) % len(reps)]

    def load(self, kind):
        took = self.tool("load", self.central, f"{self.work.made}/customer.csv")
        self.note(f"{kind}.a", self.work.records / took["wall_s"], "records/s", [took])
        self.note(f"{kind}.f", size_of(self.dir) / self.work.records, "B/record", [took])

    def clear(self):
        for name in os.listdir(self.dir):
            os.remove(f"{self.dir}/{name}")

    def plain(self):
        """Statements: what the rows cost by themselves. One rep's edits are made durable one by one, as step e."""
        self.load("sqlite")
        rep = self.work.reps[0]
        self.tool("slice", self.central, f"{self.dir}/{rep}.db", rep, "t" + self.neighbours(0)[0][1:])
        told = [json.loads(self.tool("edit", f"{self.dir}/{rep}.db", self.work.path(rep), "plain")["out"])]
        self.report.note("sqlite.e", told[0]["p50_us"], "us")
        took = self.tool("plain-merge", self.central, *map(self.work.path, self.work.reps))
        self.note("sqlite.c", self.work.edits / took["wall_s"], "edits/s", [took])
        self.clear()

    def session(self, how):
        kind, reps = f"session_{how}", self.work.reps
        self.load(kind)
        slices = [self.tool("slice", self.central, f"{self.dir}/{rep}.db", rep, "t" + self.neighbours(n)[0][1:])
                  for n, rep in enumerate(reps)]
        self.note(f"{kind}.b", median(slices) * 1000, "ms", slices)
        told = [json.loads(self.tool("edit", f"{self.dir}/{rep}.db", self.work.path(rep), how)["out"]) for rep in reps]
        self.report.note(f"{kind}.e", statistics.median(t["p50_us"] for t in told), "us")
        pushes = [self.tool("push", f"{self.dir}/{rep}.db", f"{self.dir}/{rep}") for rep in reps]
        merge = self.tool("merge", self.central, *(f"{self.dir}/{rep}" for rep in reps))
        self.note(f"{kind}.c", self.work.edits / (total(pushes) + merge["wall_s"]), "edits/s", [*pushes, merge])
        self.note(f"{kind}.c_merge", self.work.edits / merge["wall_s"], "edits/s", [merge])
        pulls = [self.tool("pull", f"{self.dir}/{rep}.db", self.central, *self.neighbours(n))
                 for n, rep in enumerate(reps)]
        self.note(f"{kind}.d", median(pulls) * 1000, "ms", pulls)
        self.clear()


def put_json(path, value):
    with open(path, "w", encoding="utf-8") as out:
        json.dump(value, out, ensure_ascii=False, indent=1)
        out.write("\n")


class Git:
    """Stock git as people would do it: a file a record, a branch a rep, sparse checkouts, `git merge` at the company."""

    SAMPLE = 4  # reps; the figures are for each, so that a few stand for all
    COMMITS = 10  # edits committed one by one, for step e

    def __init__(self, runner, work, report):
        self.run, self.work, self.report = runner, work, report
        self.dir = f"{runner.work}/git"
        self.central = f"{self.dir}/central.git"
        os.makedirs(self.dir, exist_ok=True)
        self.run.env = self.run.env | {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER")
                                       for what, value in (("NAME", "rep"), ("EMAIL", "rep@bench"))}

    def git(self, where, *args, **more):
        return self.run.run("git", "-C", where, "-c", "core.fsync=all", "-c", "gc.auto=0", *args, **more)

    def load(self):
        """git fast-import: the quickest way in that stock git has."""
        self.run.run("git", "init", "-q", "--bare", "-b", "main", self.central)
        stream = f"{self.dir}/import"
        with open(stream, "wb") as out:
            out.write(b"commit refs/heads/main\ncommitter hub <hub@bench> 1764547200 +0000\ndata 6\nimport\n")
            for row in lines(f"{self.work.folder}/base.ndjson"):
                body = (json.dumps(row, ensure_ascii=False, indent=1) + "\n").encode()
                out.write(f"M 100644 inline {row['territory']}/{row['id']}.json\ndata {len(body)}\n".encode() + body)
        took = self.run.run("sh", "-c", f"git -C {self.central} fast-import --quiet < {stream}")
        os.remove(stream)
        self.report.note("git.a", self.work.records / took["wall_s"], "records/s")
        packed = self.git(self.central, "gc", "--quiet")
        self.report.note("git.f", size_of(self.central) / self.work.records, "B/record")
        self.report.note("git.gc", packed["wall_s"], "s")

    def clone(self, rep, neighbour):
        tree = f"{self.dir}/{rep}"
        a = self.run.run("git", "clone", "-q", "--no-checkout", "--sparse", self.central, tree)
        b = self.git(tree, "sparse-checkout", "set", "t" + rep[1:], "t" + neighbour[1:])
        c = self.git(tree, "checkout", "-q", "-b", rep)
        return {"wall_s": a["wall_s"] + b["wall_s"] + c["wall_s"]}

    def edit(self, rep, edit):
        if edit["op"] == "insert":
            path = f"{edit['rec']['territory']}/{edit['id']}.json"
            put_json(f"{self.dir}/{rep}/{path}", edit["rec"])
            return
        places = (f"{self.dir}/{rep}/{t}/{edit['id']}.json" for t in self.held[rep])
        path = next(p for p in places if os.path.exists(p))
        if edit["op"] == "delete":
            os.remove(path)
            return
        with open(path, encoding="utf-8") as file:
            row = json.load(file)
        put_json(path, row | {edit["field"]: edit["value"]})

    def all(self):
        self.load()
        reps = self.work.reps[:self.SAMPLE]
        self.held = {rep: ("t" + rep[1:], "t" + self.work.reps[n - 1][1:]) for n, rep in enumerate(reps)}
        self.report.note("git.b", median([self.clone(rep, self.work.reps[n - 1]) for n, rep in enumerate(reps)]) * 1000, "ms")
        edits, commits, pushes = 0, [], []
        for rep in reps:
            tree = f"{self.dir}/{rep}"
            for n, edit in enumerate(lines(self.work.path(rep))):
                self.edit(rep, edit)
                edits += 1
                if rep == reps[0] and n < self.COMMITS:
                    added = self.git(tree, "add", "-A")
                    done = self.git(tree, "commit", "-q", "-m", "edit")
                    commits.append({"wall_s": added["wall_s"] + done["wall_s"]})
            pushes += [self.git(tree, "add", "-A"), self.git(tree, "commit", "-q", "-m", "edits"),
                       self.git(tree, "push", "-q", "origin", rep)]
        self.report.note("git.e", median(commits) * 1e6, "us")
        merges = self.merge(reps)
        self.report.note("git.c", edits / (total(pushes) + total(merges)), "edits/s")
        pulls = [self.git(f"{self.dir}/{rep}", "pull", "-q", "--no-edit", "--no-rebase", "-X", "theirs", "origin", "main")
                 for rep in reps]
        self.report.note("git.d", median(pulls) * 1000, "ms")

    def merge(self, reps):
        """In a work tree of the company that holds nothing, so that only the index and what was edited cost."""
        tree = f"{self.dir}/merge"
        self.run.run("git", "clone", "-q", "--no-checkout", "--sparse", self.central, tree)
        self.git(tree, "checkout", "-q", "main")
        runs = [self.git(tree, "fetch", "-q")]
        runs += [self.git(tree, "merge", "-q", "--no-edit", "-X", "theirs", f"origin/{rep}") for rep in reps]
        return [*runs, self.git(tree, "push", "-q", "origin", "main")]
