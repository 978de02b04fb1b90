"""The steps with repsync: the real program, real mailboxes, whole processes."""
import csv
import json
import os
import statistics
import subprocess

from run import Failed, median, most, size_of, total

CLI_EDITS = 10  # of the first rep, through the command line


def lines(path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def pool_of(row):
    """Records that two reps hold lie in a pool that both territories hold."""
    return "pool-" + row["territory"][1:] if "," in row["reps"] else ""


class Work:
    """The workload in a folder, and the files made of it for imports."""

    def __init__(self, folder, made):
        self.folder, self.made = folder, made
        with open(f"{folder}/meta.json", encoding="utf-8") as file:
            self.meta = json.load(file)
        self.reps = [f"r{r:04d}" for r in range(self.meta["r"])]
        self.edits = self.meta["edits"]
        self.records = self.meta["n"]

    def path(self, rep):
        return f"{self.folder}/edits/{rep}.ndjson"

    def csv(self, name, header, rows):
        with open(f"{self.made}/{name}.csv", "w", encoding="utf-8", newline="") as file:
            out = csv.writer(file)
            out.writerow(header)
            out.writerows(rows)

    def prepare(self):
        with open(f"{self.folder}/base.ndjson", encoding="utf-8") as file:
            first = json.loads(file.readline())
        fields = [name for name in first if name != "id"]
        self.csv("customer", ["id", "pool", *fields],
                 ([row["id"], pool_of(row), *(row[f] for f in fields)] for row in lines(f"{self.folder}/base.ndjson")))
        self.csv("territory", ["id", "name"], (["t" + rep[1:], "Territory " + rep[1:]] for rep in self.reps))
        self.csv("pool", ["id", "name"], (["pool-" + rep[1:], "Pool " + rep[1:]] for rep in self.reps))
        return self


class Steps:
    def __init__(self, runner, work, source, report):
        self.run, self.work, self.source, self.report = runner, work, source, report
        self.dir = runner.work
        self.hub_dir = f"{self.dir}/hub"

    def note(self, key, value, unit, runs=None, **more):
        self.report.note(key, value, unit, rss_mib=round(most(runs) / 1024, 1) if runs else None, **more)

    # ---- the company ----

    def a_import(self):
        made = self.work.made
        self.run.hub("init", "--schema", f"{self.source}/bench/schema", "--company", "Bench", "--replicas", "plain")
        self.run.hub("import", "territory", f"{made}/territory.csv")
        self.run.hub("import", "pool", f"{made}/pool.csv")
        took = self.run.hub("import", "customer", f"{made}/customer.csv")
        self.note("a_import", self.work.records / took["wall_s"], "records/s", [took], cpu_s=took["cpu_s"])
        size = size_of(f"{self.hub_dir}/central.git")
        self.note("f_central", size / self.work.records, "B/record")
        self.note("f_hub", size_of(self.hub_dir) / self.work.records, "B/record")

    def people(self):
        """Posts, people and laptops: not measured step by step, but told as a whole."""
        runs, reps = [], self.work.reps
        for n, rep in enumerate(reps):
            ring = "pool-" + reps[n - 1][1:]
            runs.append(self.run.hub("territory", "set", "t" + rep[1:], "--partition", "pool-" + rep[1:], "--partition",
                                     ring))
            runs.append(self.run.hub("rep", "add", rep, "--name", rep, "--role", "rep", "--territory", "t" + rep[1:]))
            runs.append(self.run.hub("enroll", rep, "--out", f"{self.dir}/{rep}.invitation"))
        self.note("people", total(runs) / len(reps) * 1000, "ms/rep", runs)
        os.makedirs(f"{self.dir}/laptops", exist_ok=True)
        runs = []
        for rep in reps:
            self.run.run(self.run.repsync, "--quiet", "enroll", f"{self.dir}/{rep}.invitation", f"{self.dir}/laptops/{rep}")
            runs.append(self.run.laptop(rep, "sync"))
        self.note("first_sync", median(runs) * 1000, "ms", runs)
        took = self.run.hub("merge")
        self.note("first_views", took["wall_s"] / len(reps) * 1000, "ms/device", [took])

    # ---- a day ----

    def b_replicas(self):
        runs = [self.run.laptop(rep, "sync") for rep in self.work.reps]
        self.note("b_replica", median(runs) * 1000, "ms", runs, cpu_ms=round(median(runs, "cpu_s") * 1000, 1))
        self.note("replica_size", statistics.median(size_of(f"{self.dir}/laptops/{rep}") for rep in self.work.reps) / 1024,
                  "KiB")

    def put(self, rep, edit):
        place = f"{edit['table']}", edit["id"]
        if edit["op"] == "update":
            return self.run.laptop(rep, "put", *place, f"{edit['field']}={edit['value']}")
        if edit["op"] == "delete":
            return self.run.laptop(rep, "delete", *place)
        values = [f"{k}={v}" for k, v in edit["rec"].items() if k != "id"]
        return self.run.laptop(rep, "new", edit["table"], "--id", edit["id"], *values)

    def e_edits(self):
        first = self.work.reps[0]
        some = [e for n, e in enumerate(lines(self.work.path(first))) if n < CLI_EDITS]
        runs = [self.put(first, edit) for edit in some]
        self.note("e_edit_cli", median(runs) * 1000, "ms", runs)
        told = []
        for rep in self.work.reps:
            done = self.run.run(self.run.tool("bench-edit"), f"{self.dir}/laptops/{rep}", self.work.path(rep),
                                CLI_EDITS if rep == first else 0)
            told.append(json.loads(done["out"]) | {"rss_kib": done["rss_kib"]})
        self.note("e_edit", statistics.median(t["p50_us"] for t in told), "us", told,
                  p99=statistics.median(t["p99_us"] for t in told))

    def outbox_bytes(self):
        box = f"{self.hub_dir}/mailboxes"
        return sum(size_of(f"{box}/{name}", ".pack") for name in os.listdir(box))

    def c_push_and_merge(self):
        before = self.outbox_bytes()
        tree_before = size_of(f"{self.hub_dir}/central.git", ".pack")
        head = self.head()
        pushes = [self.run.laptop(rep, "sync") for rep in self.work.reps]
        sent = self.outbox_bytes() - before
        merge = self.run.hub("merge", json_out=True)
        told = json.loads(merge["out"])
        # An edit that leaves the value as it was is none, here and in a session's changeset.
        self.note("changes", told["changes"] / self.work.edits * 100, "% of edits")
        if told["rejected"] or told["proposed"] or told["held"] or told["quarantined"]:
            raise Failed(f"not everything was applied: {told}")
        seconds = total(pushes) + merge["wall_s"]
        self.note("c_total", self.work.edits / seconds, "edits/s", [*pushes, merge])
        self.note("c_push", median(pushes) * 1000, "ms/device", pushes, cpu_ms=round(median(pushes, "cpu_s") * 1000, 1))
        self.note("c_merge", self.work.edits / merge["wall_s"], "edits/s", [merge])
        self.note("c_merge_change", merge["wall_s"] / self.work.edits * 1e6, "us/change", cpu_s=merge["cpu_s"])
        self.note("wire_up", sent / self.work.edits, "B/change")
        self.note("central_growth", (size_of(f"{self.hub_dir}/central.git", ".pack") - tree_before) / self.work.edits,
                  "B/change")
        self.tree_bytes(head)

    def head(self):
        return self.git("rev-parse", "main").strip()

    def git(self, *args, **more):
        return subprocess.run(["git", "-C", f"{self.hub_dir}/central.git", *args], stdout=subprocess.PIPE, check=True,
                              encoding="utf-8", **more).stdout

    def tree_bytes(self, before):
        """Bytes of the trees that the merge wrote, before deflate."""
        objects = self.git("rev-list", "--objects", "--no-object-names", f"{before}..main")
        kinds = self.git("cat-file", "--batch-check=%(objecttype) %(objectsize)", input=objects)
        sizes = [int(line.split()[1]) for line in kinds.splitlines() if line.startswith("tree ")]
        self.note("tree_bytes", sum(sizes) / self.work.edits, "B/change")

    def d_pulls(self):
        runs = [self.run.laptop(rep, "sync") for rep in self.work.reps]
        self.note("d_pull", median(runs) * 1000, "ms", runs)
        self.note("d_pull_cpu", median(runs, "cpu_s") * 1000, "ms CPU")

    # ---- nothing to do, and questions ----

    def quiet(self, repeat):
        rep = self.work.reps[0]
        runs = [self.run.laptop(rep, "sync") for _ in range(repeat)]
        self.note("noop_sync", median(runs) * 1000, "ms", runs, cpu_ms=round(median(runs, "cpu_s") * 1000, 1))
        runs = [self.run.hub("merge") for _ in range(repeat)]
        self.note("noop_merge", median(runs) * 1000, "ms", runs)

    def questions(self, repeat):
        edit = next(e for e in lines(self.work.path(self.work.reps[1])) if e["op"] == "update")
        runs = [self.run.hub("audit", "--entity", "customer", "--id", edit["id"], "--field", edit["field"],
                             json_out=True) for _ in range(repeat)]
        if edit["id"] not in runs[0]["out"].decode() or not json.loads(runs[0]["out"]):
            raise Failed("audit does not know of the edit")
        self.note("audit", median(runs) * 1000, "ms", runs)
        runs = [self.run.laptop(self.work.reps[0], "get", "customer", edit_of(self.work)) for _ in range(repeat)]
        self.note("get", median(runs) * 1000, "ms", runs)
        took = self.run.hub("verify", "--full")
        self.note("verify", took["wall_s"], "s", [took])
        took = self.run.hub("verify", "--replay")
        self.note("verify_replay", took["wall_s"], "s", [took])
        took = self.run.laptop(self.work.reps[0], "verify")
        self.note("verify_replica", took["wall_s"] * 1000, "ms", [took])
        took = self.run.hub("rebuild")
        self.note("rebuild", took["wall_s"], "s", [took])

    def check(self):
        exports = []
        for entity in ("customer", "visit"):
            exports.append(f"{self.dir}/{entity}.export.csv")
            took = self.run.hub("export", entity, "--csv", out=exports[-1])
        self.note("export", took["wall_s"], "s", [took])
        done = subprocess.run(["python3", f"{self.source}/bench/check.py", self.work.folder, *exports],
                              stdout=subprocess.PIPE, check=False)
        told = json.loads(done.stdout)
        self.report.check = told
        self.note("lost_edits", told["lost_edits"] + told["missing"] + told["undead"] + told["wrong_other"], "edits")
        if done.returncode:
            raise Failed(f"the result is wrong: {told}")


def edit_of(work):
    """A record of the first rep that is not deleted."""
    return next(e["id"] for e in lines(work.path(work.reps[0])) if e["op"] == "update")
