"""What changes that come late cost: they are folded in where their stamps say, so the record is folded again.

One record with 1,000 changes gets one that is older than all of them, against the same merge of a change that is not late. And
a night in which 5 % of the changes are late, against one of the same size in which none is.
"""
import json
import os
import statistics

from run import Failed, Runner
from steps import lines

LATE_TRIES = 5
DEEP = 1000
NIGHT_REPS = 10
NIGHT, NIGHT_LATE = 95, 5


class Refold:
    def __init__(self, runner, work, source, report):
        self.dir = f"{runner.work}/refold"
        os.makedirs(f"{self.dir}/laptops")
        self.run = Runner(runner.build, self.dir, runner.verbose)
        self.work, self.source, self.report = work, source, report
        self.written = 0

    def enrol(self, rep, name):
        self.run.hub("enroll", rep, "--out", f"{self.dir}/{name}.invitation")
        self.run.run(self.run.repsync, "--quiet", "enroll", f"{self.dir}/{name}.invitation", f"{self.dir}/laptops/{name}")
        self.run.laptop(name, "sync")

    def company(self, reps):
        self.run.hub("init", "--schema", f"{self.source}/bench/schema", "--company", "Bench", "--replicas", "plain")
        for entity in ("territory", "pool", "customer"):
            self.run.hub("import", entity, f"{self.work.made}/{entity}.csv")
        for rep in reps:
            self.run.hub("rep", "add", rep, "--name", rep, "--role", "rep", "--territory", "t" + rep[1:])

    def ready(self, names):
        """The hub knows the laptops, and each has its view."""
        self.run.hub("merge")
        for name in names:
            self.run.laptop(name, "sync")

    def edit(self, name, edits):
        """(record, value) pairs, as edits of one field."""
        path = f"{self.dir}/edits.ndjson"
        with open(path, "w", encoding="utf-8") as out:
            for ident, value in edits:
                out.write(json.dumps({"op": "update", "table": "customer", "id": ident, "field": "notes",
                                      "value": value}) + "\n")
        self.run.run(self.run.tool("bench-edit"), f"{self.dir}/laptops/{name}", path)

    def values(self, idents):
        self.written += 1
        return [(ident, f"note {self.written}.{n}") for n, ident in enumerate(idents)]

    def merge(self, changes):
        done = self.run.hub("merge", json_out=True)
        told = json.loads(done["out"])
        if told["changes"] != changes or told["rejected"] or told["held"]:
            raise Failed(f"refold: {told}")
        return done

    def alone(self, rep):
        return [row["id"] for row in lines(f"{self.work.folder}/base.ndjson") if row["reps"] == rep]

    def deep(self, rep):
        """Late changes to a record with 1,000 changes."""
        deep, *others = self.alone(rep)
        late = [f"late{n}" for n in range(LATE_TRIES)]
        even = [f"even{n}" for n in range(LATE_TRIES)]
        for name in ["writer", *late, *even]:
            self.enrol(rep, name)
        self.ready(["writer", *late, *even])
        for n, name in enumerate(late):
            self.edit(name, self.values([deep]))
            self.edit(even[n], self.values([others[n]]))
        self.edit("writer", self.values([deep] * DEEP))
        self.run.laptop("writer", "sync")
        self.merge(DEEP)
        took = {}
        for name in (n for pair in zip(even, late) for n in pair):
            self.run.laptop(name, "sync")
            took[name] = self.merge(1)["cpu_s"]
        cost = statistics.median(took[name] for name in late) - statistics.median(took[name] for name in even)
        self.report.note("late_deep", cost * 1000, "ms CPU")

    def night(self, reps):
        """Two laptops of each rep edit the same records, and one of the two stays away. Then two nights, each of two laptops a rep."""
        names = [f"{rep}{which}" for rep in reps for which in "abc"]
        for name in names:
            self.enrol(name[:-1], name)
        self.ready(names)
        own = {rep: self.alone(rep) for rep in reps}
        for rep in reps:
            self.edit(f"{rep}b", self.values(own[rep][:NIGHT_LATE]))
        for rep in reps:
            self.edit(f"{rep}a", self.values(own[rep][:NIGHT_LATE]))
            self.run.laptop(f"{rep}a", "sync")
        self.merge(len(reps) * NIGHT_LATE)
        for rep in reps:
            self.edit(f"{rep}c", self.values(own[rep][-NIGHT_LATE:]))
        even = self.one_night(reps, own, "c")
        late = self.one_night(reps, own, "b")
        self.report.note("late_night", late["cpu_s"] / even["cpu_s"], "x CPU", wall=round(late["wall_s"] / even["wall_s"], 2))

    def one_night(self, reps, own, second):
        for rep in reps:
            some = own[rep][NIGHT_LATE:-NIGHT_LATE]
            self.edit(f"{rep}a", self.values([some[n % len(some)] for n in range(NIGHT)]))
            self.run.laptop(f"{rep}a", "sync")
            self.run.laptop(f"{rep}{second}", "sync")
        return self.merge(len(reps) * (NIGHT + NIGHT_LATE))

    def all(self):
        reps = self.work.reps[:NIGHT_REPS]
        self.company(reps)
        self.night(reps)
        self.deep(reps[0])
