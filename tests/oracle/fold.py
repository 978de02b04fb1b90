#!/usr/bin/env python3
"""The oracle of the fold: sorts a whole set of edits and folds it once.

Written from docs/rules.md alone; it shares no code with core. join.py says which changes are folded together.
"""
import hashlib
import json
import os
import sys
import unicodedata
import uuid

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "repsync")
INT_MAX = 2**53 - 1
REMARKABLE = ["applied", "equal", "merged", "lost", "proposed", "queued", "held", "rejected"]
STATUS = ["erased", "archived", "active", "inactive"]
RIVALS_MAX = 100
ENGINE_REVIEW = ("conflict", "proposal")


def canonical(value):
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def device_of(stamp):
    return stamp.split("@")[1]


def as_list(value):
    return [] if value is None else value if isinstance(value, list) else [value]


class Field:
    def __init__(self, entity, data):
        self.name = data["name"]
        self.type = data["type"]
        self.rules = as_list(data.get("rule", "latest"))
        if isinstance(entity.get("id"), dict) and self.name in entity["id"].get("from", []):
            self.rules = ["immutable"]
        self.group = data.get("group")
        self.unit = self.group or self.name
        self.visibility = data.get("visibility", "open")
        self.normalise = data.get("normalise", [])
        self.values = [v if isinstance(v, str) else v["value"] for v in data.get("values", [])]
        self.date_field = data.get("date_field")
        self.required = data.get("required", False)
        self.preset = data.get("default")
        self.write = data.get("write", entity.get("write", []))
        self.to = data.get("to")
        self.engine = data.get("engine", False)

    def normal(self, text):
        if not isinstance(text, str):
            return text
        if "case" in self.normalise:
            text = unicodedata.normalize("NFKC", text).casefold()
        return text

    def same(self, a, b):
        if self.engine:
            a, b = a or "active", b or "active"
        return self.normal(a) == self.normal(b)

    def order(self, value):
        return self.values.index(value) if self.type == "enum" else value


class Entity:
    def __init__(self, name, data):
        self.name = name
        self.data = data
        self.deletes = data.get("deletes", "archive-only")
        self.builtin = data.get("builtin")
        fields = data["fields"] + [{"name": "status", "type": "enum", "rule": "state", "engine": True,
                                    "values": ["inactive", "active", "archived", "erased"]}]
        self.fields = {f["name"]: Field(data, f) for f in fields}
        self.partition = data.get("partition", {})
        self.priority = data.get("states", {}).get("priority", [])

    def is_account(self):
        return self.partition.get("is") == "self" or "id" in self.partition.get("of", [])


class Schema:
    def __init__(self, folder):
        with open(os.path.join(folder, "schema.json"), encoding="utf-8") as file:
            self.data = json.load(file)
        self.entities = {}
        for name in self.data["entities"]:
            with open(os.path.join(folder, "entities", name + ".json"), encoding="utf-8") as file:
                self.entities[name] = Entity(name, json.load(file))
        self.rep_entity = next(e.name for e in self.entities.values() if e.builtin == "rep")


class Org:
    def __init__(self, schema, records):
        self.schema = schema
        self.devices, self.roles, self.assigns = {"hub00000": "hub"}, [], []
        for record in records:
            fields = record["fields"]
            if record["entity"] == "device":
                self.devices[record["id"]] = fields["rep"]
            elif record["entity"] == "role":
                self.roles.append(fields)
            elif record["entity"] == "assignment":
                self.assigns.append(fields)

    @staticmethod
    def covers(row, stamp):
        time = stamp[:24]
        return (row.get("valid_from") or "") <= time and (not row.get("valid_to") or time < row["valid_to"])

    def all_roles(self, rep, stamp):
        return [r["role"] for r in self.roles if r["rep"] == rep and self.covers(r, stamp)]

    def role(self, rep, stamp):
        names = self.all_roles(rep, stamp)
        roles = self.schema.data["roles"]
        return max(names, key=lambda n: roles[n]["rank"]) if names else None

    def rank(self, rep, stamp):
        role = self.role(rep, stamp)
        return self.schema.data["roles"][role]["rank"] if role else 0

    def is_central(self, rep, stamp):
        role = self.role(rep, stamp)
        return rep == "hub" or (role is not None and self.schema.data["roles"][role]["scope"] != "held")

    def holders(self, territory, stamp):
        return [a["subject"] for a in self.assigns
                if a["subject_entity"] == self.schema.rep_entity and a["territory"] == territory
                and a.get("kind", "primary") == "primary" and self.covers(a, stamp)]

    def primaries(self, entity, ident, partition, stamp):
        reps = self.schema.rep_entity
        own = [a for a in self.assigns if a["subject_entity"] == entity and a["subject"] == ident
               and entity != reps and self.covers(a, stamp)]
        if not own:
            own = [a for a in self.assigns if a["subject"] == partition and a["subject_entity"] != reps
                   and a["subject_entity"] in self.schema.entities
                   and self.schema.entities[a["subject_entity"]].is_account() and self.covers(a, stamp)]
        found = set()
        for a in own:
            if a.get("kind", "primary") == "primary":
                found.update(self.holders(a["territory"], stamp))
        return found

    def territories(self, rep, stamp):
        return sorted(a["territory"] for a in self.assigns
                      if a["subject_entity"] == self.schema.rep_entity and a["subject"] == rep
                      and self.covers(a, stamp))

    def in_scope(self, rep, role, partition, stamp):
        """As far as the histories need it: accounts."""
        if self.schema.data["roles"][role]["scope"] == "all" or partition == "company":
            return True
        held = self.territories(rep, stamp)
        return any(a["subject"] == partition and a["territory"] in held and self.covers(a, stamp)
                   and a["subject_entity"] != self.schema.rep_entity
                   and self.schema.entities[a["subject_entity"]].is_account() for a in self.assigns)


class Review:
    """An item: fields with the stamps of the edits that changed them."""

    def __init__(self, kind, ident, edit, partition, visibility):
        self.kind, self.id, self.partition = kind, ident, partition
        self.rep, self.stamp = edit["rep"], edit["stamp"]
        self.twin = None if visibility == "open" else visibility
        self.cells = {}
        self.put("entity", edit["entity"], edit)
        self.put("record", edit["id"], edit)

    def get(self, name):
        return self.cells.get(name, (None, None))[0]

    def put(self, name, value, edit):
        if value != self.get(name):
            self.cells[name] = (value, edit["stamp"])

    def print(self):
        fields = {n: v for n, (v, _) in self.cells.items() if v is not None}
        stamps = {n: s for n, (_, s) in self.cells.items() if s != self.stamp}
        stamps["*"] = self.stamp
        return {"created": {"rep": self.rep, "stamp": self.stamp}, "deleted": None, "entity": self.kind,
                "fields": fields, "flags": None, "id": self.id, "partition": self.partition, "sources": None,
                "stamps": stamps, "twin": self.twin}


class Record:
    def __init__(self, entity, ident, rep, stamp):
        self.entity, self.id, self.rep, self.stamp = entity, ident, rep, stamp
        self.partition = None
        self.deleted = None
        self.cells = {}   # scalar and sum: name -> (value, stamp)
        self.parts = {}   # set and map: name -> {key: (value or None, stamp)}
        self.lists = {}
        self.sources = {}
        self.flags = set()

    def value(self, name):
        return self.cells.get(name, (None, None))[0]

    def stamp_of(self, name):
        return self.cells[name][1] if name in self.cells else self.stamp

    def written(self, name):
        return name in self.cells and (self.cells[name][0] is not None or self.cells[name][1] != self.stamp)

    def fields(self):
        """name -> value, as printed and as partitions ask for it."""
        out = {n: v for n, (v, _) in self.cells.items() if v is not None}
        for name, parts in self.parts.items():
            present = {k: v for k, (v, _) in parts.items() if v is not None}
            if present and self.entity.fields[name].type == "set":
                out[name] = sorted(present.values(), key=lambda t: t.encode())
            elif present:
                out[name] = present
        out.update({n: entries for n, entries in self.lists.items() if entries})
        return out

    def print(self):
        stamps = {n: s for n, (_, s) in self.cells.items() if s != self.stamp}
        for name, parts in self.parts.items():
            own = {k: s for k, (v, s) in parts.items() if s != self.stamp or v is None}
            if own:
                stamps[name] = own
        stamps["*"] = self.stamp
        return {"created": {"rep": self.rep, "stamp": self.stamp}, "deleted": self.deleted,
                "entity": self.entity.name, "fields": self.fields(), "flags": sorted(self.flags) or None,
                "id": self.id, "partition": self.partition, "sources": self.sources or None, "stamps": stamps,
                "twin": None}


def lcs_pairs(base, side):
    """Line numbers of base -> line numbers of side; read from the top, dropping base lines on a tie."""
    n, m = len(base), len(side)
    common = [[0] * (m + 1) for _ in range(n + 1)]
    for i in reversed(range(n)):
        for j in reversed(range(m)):
            if base[i] == side[j]:
                common[i][j] = common[i + 1][j + 1] + 1
            else:
                common[i][j] = max(common[i + 1][j], common[i][j + 1])
    pairs, i, j = {}, 0, 0
    while i < n and j < m:
        if base[i] == side[j]:
            pairs[i] = j
            i, j = i + 1, j + 1
        elif common[i + 1][j] >= common[i][j + 1]:
            i += 1
        else:
            j += 1
    return pairs


def merge_text(base, ours, theirs):
    """The merged text, or None where the changes overlap."""
    b, o, t = (text.split("\n") for text in (base or "", ours or "", theirs or ""))
    po, pt = lcs_pairs(b, o), lcs_pairs(b, t)
    anchors = [i for i in range(len(b)) if i in po and i in pt]
    out, i, j, k = [], 0, 0, 0
    for anchor in anchors + [None]:
        ends = (len(b), len(o), len(t)) if anchor is None else (anchor, po[anchor], pt[anchor])
        old, mine, other = b[i:ends[0]], o[j:ends[1]], t[k:ends[2]]
        if mine == old or mine == other:
            out += other
        elif other == old:
            out += mine
        else:
            return None
        if anchor is not None:
            out.append(b[anchor])
            i, j, k = ends[0] + 1, ends[1] + 1, ends[2] + 1
    return "\n".join(out)


class Fold:
    """One record and its items."""

    def __init__(self, schema, org):
        self.schema, self.org = schema, org
        self.record, self.reviews, self.edges = None, {}, set()
        self.told = []  # (edit, its outcome), in order

    # ---- outcomes ----

    def note(self, name, outcome, **more):
        more = {k: v for k, v in more.items() if v is not None}
        self.outcomes.append(outcome)
        if name is None:
            self.out.update(more)
        elif outcome != "applied":
            self.out_fields[name] = {"outcome": outcome, **more}

    def said(self, unit):
        """The name that a field has at the time of the edit."""
        return unit

    def fold(self, edit):
        self.edit, self.line = edit, edit["line"]
        self.values = self.line.get("values") or {}
        self.verdict = edit.get("verdict") or {}
        self.out, self.out_fields, self.outcomes = {}, {}, ["applied"]
        self.rivals = []
        self.entity = self.schema.entities[edit["entity"]]
        self.run()
        self.follow()
        whole = self.verdict.get("*", {})
        if whole.get("flags"):
            self.out["flags"] = whole["flags"]
            if self.record:
                self.record.flags.update(whole["flags"])
        self.out["outcome"] = max(self.outcomes, key=REMARKABLE.index)
        if self.out_fields:
            self.out["fields"] = self.out_fields
        self.told.append((edit, self.out))
        return self.out

    def met(self, unit, rival, outcome, rule, item):
        """What this edit makes of the earlier one whose stamp is `rival`; `unit` None: of the whole change."""
        found = [told for told in self.told if told[0]["stamp"] == rival]
        if not found:
            return
        edit, out = found[-1]
        note = {"outcome": outcome, "rule": rule, "rival": self.edit["stamp"], "item": item}
        fields = out.get("fields", {})

        def worst():
            return max((f["outcome"] for f in fields.values()), key=REMARKABLE.index, default="applied")
        own = out["outcome"]
        if REMARKABLE.index(own) <= REMARKABLE.index(worst()):
            own = "merged" if "rule" in out else "applied"
        if unit is None:
            own = outcome
            out.update(note)
        else:
            read = self.read_now(edit)
            for field in self.entity.fields.values():
                name = self.called(edit, field.name)
                if field.unit == unit and name and self.wrote(read, field):
                    fields[name] = dict(note)
        if fields:
            out["fields"] = fields
        out["outcome"] = max(own, worst(), key=REMARKABLE.index)

    def read_now(self, edit):
        """An earlier edit as the version in work reads it (versions.py)."""
        return edit

    def called(self, edit, name):
        """How the outcome of an earlier edit calls a field of the version in work."""
        return name

    def wrote(self, edit, field):
        if edit["op"] == "delete":
            return field.engine and self.entity.deletes == "archive-only"
        spec = (edit["line"].get("values") or {}).get(field.name)
        if spec is None or field.name in (edit.get("verdict") or {}):
            return False
        return not (edit["op"] == "insert" and "new" in spec and spec["new"] is None)

    def run(self):
        whole = self.verdict.get("*", {})
        if whole.get("outcome") == "proposed":
            self.judged()
            self.note(None, "proposed", code=whole.get("code"))
            return
        if whole.get("outcome") == "rejected":
            self.note(None, "rejected", code=whole.get("code"))
            return
        getattr(self, self.edit["op"])()

    # ---- what the edit says ----

    def spec(self, name):
        spec = self.values.get(name)
        if spec is None or name in self.verdict:
            return None
        if self.edit["op"] == "insert" and "new" in spec and spec["new"] is None:
            return None
        return spec

    # ---- operations ----

    def insert(self):
        if self.record:
            self.update()
            return
        self.make(self.edit["rep"])
        if self.record:
            self.judged()

    def make(self, author):
        self.record = Record(self.entity, self.edit["id"], author, self.edit["stamp"])
        self.write()
        for field in self.entity.fields.values():
            if field.required and field.preset is not None and not self.record.written(field.name):
                self.record.cells[field.name] = (field.preset, self.record.stamp)
        self.record.partition = self.partition(self.record.fields(), author)
        if self.record.partition is None:
            self.record = None
            self.note(None, "rejected", code="no-partition")

    def partition(self, fields, author):
        rule = self.entity.partition
        if rule.get("is") == "self":
            return self.edit["id"]
        if "is" in rule:
            return rule["is"]
        for step in rule["of"]:
            if step == "id":
                return self.edit["id"]
            if step == "desk":
                return "desk"
            if step == "team":
                held = self.org.territories(author, self.edit["stamp"])
                if held:
                    return "team-" + held[0]
            elif step == "staff:created_by":
                return "staff-" + author
            elif fields.get(step):
                return fields[step]  # every reference of these schemas names an account
        return None

    def update(self):
        if not self.record:
            self.note(None, "rejected", code="no-record")
            return
        if self.revive():
            self.write()
        self.judged()

    def delete(self):
        if not self.record:
            self.note(None, "rejected", code="no-record")
        elif self.record.deleted:
            self.note(None, "equal")
        elif self.entity.deletes == "archive-only":
            spec = {"new": "archived"}
            if self.values.get("status", {}).get("saw"):
                spec["saw"] = self.values["status"]["saw"]
            self.values = {"status": spec}
            self.write()
        elif self.entity.deletes == "never":
            self.note(None, "rejected", code="never-deleted")
        else:
            unseen = self.unseen()
            wins = self.entity.deletes
            if unseen:
                self.tell(unseen, True, wins == "delete-wins", wins)
            if not unseen or wins == "delete-wins":
                self.record.deleted = {"rep": self.edit["rep"], "stamp": self.edit["stamp"]}

    def blind(self, stamp, saw):
        return saw != stamp and device_of(stamp) != self.edit["device"]

    def unseen(self):
        """The newest stamp that the delete's author did not see. Who meant another record did not see the insert either."""
        found = []

        def hashed(name, parts):
            return self.values.get(name, {}).get("seen_hash") == hashlib.sha256(canonical(parts).encode()).hexdigest()
        foreign = self.edit.get("own", self.edit["id"]) != self.edit["id"]
        for name, (value, stamp) in self.record.cells.items():
            if (stamp != self.record.stamp or (foreign and value is not None)) and self.blind(stamp, self.values.get(name, {}).get("saw")):
                found.append(stamp)
        for name, parts in self.record.parts.items():
            if hashed(name, {k: s for k, (v, s) in parts.items() if s != self.record.stamp or v is None}):
                continue
            saw = self.values.get(name, {}).get("seen") or {}
            untouched = all(stamp == self.record.stamp and value is not None for value, stamp in parts.values())
            if foreign and parts and untouched and \
                    self.blind(self.record.stamp, self.values.get(name, {}).get("saw")):
                found.append(self.record.stamp)
            for key, (value, stamp) in parts.items():
                if (stamp != self.record.stamp or value is None) and self.blind(stamp, saw.get(key)):
                    found.append(stamp)
        for name, entries in self.record.lists.items():
            if hashed(name, [e["entry"] for e in entries]):
                continue
            old = [e.get("entry") for e in self.values.get(name, {}).get("old") or []]
            found += [e["entry"] for e in entries if e["entry"] not in old + [self.record.stamp]
                      and self.blind(e["entry"], None)]
        return max(found) if found else None

    def tell(self, rival, edit_deletes, won, rule):
        item = self.conflict("*", "open", rule, rival, {"deleted": not edit_deletes},
                             {"deleted": edit_deletes}, won=won)
        self.note(None, "merged" if won else "lost", rule=rule, rival=rival, item=item)
        if won:
            self.met(None, rival, "lost", rule, item)

    def revive(self):
        deleted = self.record.deleted
        if not deleted or deleted.get("merged_into"):
            return True
        if self.edit["op"] == "insert":
            self.record.deleted = None
            return True
        wins = self.entity.deletes != "delete-wins"
        self.tell(deleted["stamp"], False, wins, "update-wins" if wins else "delete-wins")
        if wins:
            self.record.deleted = None
        return wins

    def restore(self):
        if not self.record:
            self.note(None, "rejected", code="no-record")
            return
        deleted = self.record.deleted
        if not deleted or deleted.get("merged_into"):
            self.note(None, "equal")
            return
        if self.edit["rep"] == "hub":
            self.tell(deleted["stamp"], False, True, "restrict")
        elif self.blind(deleted["stamp"], self.line.get("saw")):
            wins = self.entity.deletes != "delete-wins"
            self.tell(deleted["stamp"], False, wins, "update-wins" if wins else "delete-wins")
            if not wins:
                return
        self.record.deleted = None

    def alias(self):
        self.edge(True)
        if "own" in self.edit and self.record:
            self.record.deleted = None

    def unalias(self):
        self.edge(False)

    def edge(self, stands):
        """Which records are one is asked of all edges together; here, only whether this one was there already."""
        pair = (self.edit.get("own", self.edit["id"]), self.line["into"])
        if (pair in self.edges) == stands:
            self.note(None, "equal")
        (self.edges.add if stands else self.edges.discard)(pair)

    def resolve(self):
        item = self.reviews.get(self.line.get("item"))
        proposal = item if item and item.kind == "proposal" else None
        decision = self.line.get("decision")
        if proposal and decision == "withdraw" and proposal.get("rep") != self.edit["rep"]:
            self.note(None, "rejected", code="not-author")
            self.judged()
            return
        self.rivals = self.line.get("rivals") or []
        if not self.record and not proposal:
            self.note(None, "rejected", code="no-record")
            self.judged()
            return
        if not self.record and decision == "accept":
            self.make(proposal.get("rep"))
        elif self.record and "values" in self.line and self.revive():
            self.write()
        if item and item.kind == "conflict":
            named = set(self.rivals) | {self.edit["stamp"]}
            if all(r["stamp"] in named for r in item.get("rivals")):
                stands = self.standing(item.get("field"))
                if stands:
                    item.put("winner", stands, self.edit)
                item.put("state", "decided", self.edit)
                item.put("decided_by", self.edit["rep"], self.edit)
        elif proposal and proposal.get("state") == "open":
            state = {"accept": "accepted", "decline": "declined", "withdraw": "withdrawn",
                     "expire": "expired"}.get(decision)
            if state:
                proposal.put("state", state, self.edit)
                proposal.put("decided_by", self.edit["rep"], self.edit)
        self.judged()

    def standing(self, unit):
        members = [f for f in self.entity.fields.values() if f.unit == unit]
        if not members or not self.record:
            return None
        best = self.record.stamp
        for field in members:
            stamps = [self.record.stamp_of(field.name)]
            stamps += [s for v, s in self.record.parts.get(field.name, {}).values()
                       if s != self.record.stamp or v is None]
            stamps += [e["entry"] for e in self.record.lists.get(field.name, [])[-1:]]
            best = max([best] + stamps)
        return best

    # ---- writing ----

    def write(self):
        self.before = {n: v for n, (v, _) in self.record.cells.items()}
        done = set()
        for field in self.entity.fields.values():
            spec = self.spec(field.name)
            if spec is None:
                continue
            if field.type == "set":
                self.write_set(field, spec)
            elif field.type == "map":
                self.write_map(field, spec)
            elif field.type == "list":
                self.write_list(field, spec)
            elif "sum" in field.rules:
                self.write_sum(field, spec)
            elif "new" not in spec:
                self.note(field.name, "rejected", code="form")
            elif field.unit not in done:
                done.add(field.unit)
                self.write_unit(field.unit)

    def write_list(self, field, spec):
        entries = self.record.lists.setdefault(field.name, [])
        known = {e["entry"] for e in entries}
        for given in [spec[k] for k in ("entry",) if k in spec] + [e for e in spec.get("new") or []
                                                                  if e.get("entry") not in known]:
            entries.append({**given, "entry": self.edit["stamp"], "by": self.edit["rep"],
                            "at": self.edit["stamp"][:24]})

    def write_sum(self, field, spec):
        now = self.record.value(field.name) or 0
        if "new" in spec and "old" in spec:
            now += (spec["new"] or 0) - (spec["old"] or 0)
        elif "delta" in spec:
            now += spec["delta"]
        else:
            now = spec["set"] if "set" in spec else spec["new"]
        self.record.cells[field.name] = (max(-INT_MAX, min(INT_MAX, now)), self.edit["stamp"])

    def write_set(self, field, spec):
        def key(element):
            return canonical(field.normal(element))
        new, old = spec.get("new") or [], spec.get("old") or []
        drops = [e for e in old if key(e) not in {key(n) for n in new}] if "new" in spec else []
        adds = [e for e in new if key(e) not in {key(o) for o in old}] if "new" in spec else []
        seen = spec.get("seen") or {}
        self.start_parts()
        for element in drops + (spec.get("remove") or []):
            saw = seen.get(key(element)) or seen.get(element) or self.record.stamp
            self.part(field, key(element), element, None, saw, "set")
        for element in adds + (spec.get("add") or []):
            saw = seen.get(key(element)) or seen.get(element)
            self.part(field, key(element), element, element, saw, "set")
        self.end_parts(field, "set")

    def write_map(self, field, spec):
        self.start_parts()
        for key, one in sorted((spec.get("keys") or {}).items()):
            self.part(field, key, key, one.get("new"), one.get("saw"), "map")
        new, old = spec.get("new") or {}, spec.get("old") or {}
        for key in sorted(new):
            if new[key] != old.get(key):
                self.part(field, key, key, new[key], None, "map")
        for key in sorted(old if "new" in spec else {}):
            if key not in new:
                self.part(field, key, key, None, None, "map")
        self.end_parts(field, "map")

    def start_parts(self):
        self.part_outcomes, self.part_rival, self.part_item = [], None, None

    def part(self, field, key, name, value, saw, rule):
        parts = self.record.parts.setdefault(field.name, {})
        stands, stamp = parts.get(key, (None, None))
        stamp_now = self.edit["stamp"]
        same = (stands is None) == (value is None) if rule == "set" else stands == value
        if same:
            self.part_outcomes.append("equal")
            if stamp and stamp_now > stamp:
                parts[key] = (value, stamp_now)
            return
        if stamp and saw != stamp and device_of(stamp) != self.edit["device"]:
            show = (lambda v: v is not None) if rule == "set" else (lambda v: v)
            self.part_item = self.conflict(field.name, field.visibility, rule, stamp, {name: show(stands)},
                                           {name: show(value)}, won=True, parts=True)
            self.part_rival = stamp
            self.part_outcomes.append("merged")
            self.met(field.name, stamp, "lost", rule, self.part_item)
        else:
            self.part_outcomes.append("applied")
        parts[key] = (value, stamp_now)

    def end_parts(self, field, rule):
        worst = max((o for o in self.part_outcomes if o != "equal"), key=REMARKABLE.index, default=None)
        if worst is None:
            worst = "equal" if self.part_outcomes else "applied"
        conflict = worst == "merged"
        self.note(field.name, worst, rule=rule if conflict else None, rival=self.part_rival if conflict else None,
                  item=self.part_item if conflict else None)

    # ---- scalar fields and groups ----

    def write_unit(self, unit):
        members = [f for f in self.entity.fields.values() if f.unit == unit]
        touched = [f for f in members if self.spec(f.name) is not None]
        stands = max(self.record.stamp_of(f.name) for f in members)
        saws = [self.spec(f.name)["saw"] for f in touched if self.spec(f.name).get("saw")]
        written = any(self.record.written(f.name) for f in members)

        def note(outcome, **more):
            for field in touched:
                self.note(field.name, outcome, **more)

        if not written or stands in self.rivals or self.up_to_date(touched, saws, stands):
            self.apply(members, self.edit["stamp"])
        elif all(f.same(self.spec(f.name)["new"], self.record.value(f.name)) for f in touched):
            if self.edit["stamp"] > stands:
                self.apply(members, self.edit["stamp"])
            note("equal")
        elif device_of(stands) == self.edit["device"]:
            self.apply(members, self.edit["stamp"])
        else:
            self.meet(unit, members, touched, stands, note)

    def up_to_date(self, touched, saws, stands):
        if saws:
            return max(saws) == stands
        if self.edit["op"] == "insert":
            return False
        return all("old" in self.spec(f.name) and f.same(self.spec(f.name)["old"], self.record.value(f.name))
                   for f in touched)

    def incoming(self, field):
        spec = self.spec(field.name)
        return spec["new"] if spec is not None else self.record.value(field.name)

    def apply(self, members, stamp):
        for field in members:
            value = self.incoming(field)
            if field.engine and value == "active":
                value = None
            self.record.cells[field.name] = (value, stamp)
            if "source" in field.rules:
                self.record.sources.pop(field.name, None)
                if self.source() != "rep":
                    self.record.sources[field.name] = self.source()

    def source(self):
        if self.line.get("source"):
            return self.line["source"]
        role = self.org.role(self.edit["rep"], self.edit["stamp"])
        return role if role in self.schema.data["sources"] else "rep"

    def unit_value(self, members, get):
        if members[0].group:
            return {f.name: get(f) for f in members}
        return get(members[0])

    def meet(self, unit, members, touched, stands, note):
        current = self.unit_value(members, lambda f: self.record.value(f.name))
        incoming = self.unit_value(members, self.incoming)
        winner, rule, both = self.decide(members, touched[0], stands, current, incoming)
        item = self.conflict(unit, members[0].visibility, rule, stands, current, incoming,
                             won=winner in ("incoming", "both"), is_open=winner == "open")
        outcome = {"current": "lost", "open": "queued"}.get(winner, "merged")
        note(outcome, rule=rule, rival=stands, item=item)
        if winner != "current":
            self.met(unit, stands, "lost" if winner == "incoming" else outcome, rule, item)
        if winner in ("incoming", "both"):
            self.apply(members, self.edit["stamp"])
        if winner == "both":
            self.record.cells[members[0].name] = (both, self.edit["stamp"])

    def decide(self, members, field, stands, current, incoming):
        rep = self.org.devices.get(device_of(stands))
        mine, theirs = self.record.value(field.name), self.spec(field.name)["new"]
        for rule in members[0].rules:
            both = None
            if rule in ("latest", "earliest", "immutable"):
                says = "incoming" if rule == "latest" else "current"
            elif rule in ("max", "min"):
                says = self.extreme(field, mine, theirs, rule)
            elif rule == "business-date":
                says = self.business_date(field)
            elif rule == "fill":
                says = self.fill(stands, current, incoming)
            elif rule == "role":
                says = self.greater(self.org.rank(rep, stands), self.org.rank(self.edit["rep"], self.edit["stamp"]))
            elif rule == "owner":
                says = self.greater(self.owns(rep, stands), self.owns(self.edit["rep"], self.edit["stamp"]))
            elif rule == "central":
                says = self.greater(self.org.is_central(rep, stands),
                                    self.org.is_central(self.edit["rep"], self.edit["stamp"]))
            elif rule == "source":
                says = self.greater(-self.source_rank(self.record.sources.get(field.name, "rep")),
                                    -self.source_rank(self.source()))
            elif rule == "state":
                order = STATUS if field.engine else self.entity.priority
                place = {s: -i for i, s in enumerate(order)}
                default = "active" if field.engine else None
                says = self.greater(place.get(mine or default, -99), place.get(theirs or default, -99))
            elif rule == "text":
                says = None
                if "old" in self.spec(field.name) and not field.group and field.type == "text":
                    both = merge_text(self.spec(field.name)["old"], mine, theirs)
                    says = None if both is None else "both"
                    both = both or None
            elif rule == "review":
                says = "open"
            if says:
                return says, rule, both
        return "incoming", "latest", None

    @staticmethod
    def greater(current, incoming):
        return None if current == incoming else "current" if current > incoming else "incoming"

    def extreme(self, field, mine, theirs, rule):
        if mine is None or theirs is None:
            return self.greater(mine is not None, theirs is not None)
        says = self.greater(field.order(mine), field.order(theirs))
        if rule == "min" and says:
            says = "incoming" if says == "current" else "current"
        return says

    def business_date(self, field):
        date = field.date_field
        mine = self.before.get(date)
        spec = self.spec(date)
        theirs = spec.get("new") if spec is not None else mine
        return self.greater(mine or "", theirs or "")

    def fill(self, stands, current, incoming):
        def empty(value):
            return all(v in (None, "", [], {}) for v in (value.values() if isinstance(value, dict) else [value]))
        never = stands == self.record.stamp and empty(current)
        silent = self.edit["op"] == "insert" and empty(incoming)
        return self.greater(not never, not silent)

    def owns(self, rep, stamp):
        return rep in self.org.primaries(self.entity.name, self.record.id, self.record.partition, stamp)

    def source_rank(self, source):
        sources = self.schema.data["sources"]
        return sources.index(source) if source in sources else len(sources)

    # ---- items ----

    def conflict(self, unit, visibility, rule, rival, current, incoming, won, is_open=False, parts=False):
        item = next((item for item in self.reviews.values() if item.kind == "conflict" and item.get("field") == unit), None)
        ident = item.id if item else str(uuid.uuid5(
            NAMESPACE, f"conflict/{self.entity.name}/{self.edit['id']}/{self.said(unit)}"))
        if not item:
            item = Review("conflict", ident, self.edit, self.record.partition, visibility)
            self.reviews[ident] = item
        rivals = [dict(r) for r in item.get("rivals") or []]
        for stamp, rep, value in ((rival, self.org.devices.get(device_of(rival)), current),
                                  (self.edit["stamp"], self.edit["rep"], incoming)):
            known = next((r for r in rivals if r["stamp"] == stamp), None)
            if known and parts:
                known["value"] = {**known["value"], **value}
            elif not known:
                rivals.append({"stamp": stamp, "device": device_of(stamp), "rep": rep or "", "rule": rule,
                               "value": value})
        rivals.sort(key=lambda r: r["stamp"])
        winner = self.edit["stamp"] if won else rival
        while len(rivals) > RIVALS_MAX:
            rivals.pop(1 if rivals[0]["stamp"] == winner else 0)
        stays = is_open or (item.get("state") == "open" and not won)
        item.put("field", unit, self.edit)
        item.put("rivals", rivals, self.edit)
        item.put("winner", winner, self.edit)
        item.put("state", "open" if stays else "decided", self.edit)
        item.put("decided_by", None, self.edit)
        return ident

    def judged(self):
        """What admission refused is told, what it proposed becomes an item a class."""
        for name, entry in self.verdict.items():
            if name != "*" and entry.get("outcome") == "rejected":
                self.note(name, "rejected", code=entry.get("code"))
        if not any(entry.get("outcome") == "proposed" for entry in self.verdict.values()):
            return
        values = self.values
        if self.edit["op"] == "delete":
            saw = self.values.get("status", {}).get("saw")
            values = {"status": {"new": "archived", **({"saw": saw} if saw else {})}}
        partition = self.record.partition if self.record else self.future_partition()
        whole = self.verdict.get("*", {}).get("outcome")
        proposed = {}
        for field in self.entity.fields.values():
            entry = self.verdict.get(field.name, {})
            if not entry.get("outcome"):
                entry = self.verdict.get("*", {})
            if field.name in values and entry.get("outcome") == "proposed":
                proposed.setdefault(field.visibility, []).append((field, entry.get("code")))
        if partition is None:
            self.note(None, "rejected", code="no-partition")
            return
        for visibility, fields in sorted(proposed.items(), key=lambda p: p[0] != "open"):
            self.propose(visibility, fields, values, partition, whole)

    def future_partition(self):
        fields = {n: s.get("new", s.get("add")) for n, s in self.values.items()}
        return self.partition(fields, self.edit["rep"])

    def propose(self, visibility, fields, values, partition, whole):
        edit = self.edit
        name = f"proposal/{edit['device']}/{edit['seq']}/{edit['index']}"
        ident = str(uuid.uuid5(NAMESPACE, name if visibility == "open" else f"{name}/{visibility}"))
        item = Review("proposal", ident, edit, partition, visibility)
        self.reviews[ident] = item
        chosen = {f.name: values[f.name] for f, _ in fields}
        saw = {n: s.get("saw", s.get("seen")) for n, s in chosen.items() if "saw" in s or "seen" in s}
        item.put("values", {n: {k: v for k, v in s.items() if k not in ("saw", "seen")}
                            for n, s in chosen.items()}, edit)
        item.put("saw", saw or None, edit)
        item.put("rep", edit["rep"], edit)
        item.put("device", edit["device"], edit)
        item.put("reason", self.line.get("reason"), edit)
        item.put("to", self.addressee(fields[0][0], partition), edit)
        item.put("state", "open", edit)
        if whole and visibility == "open":
            self.note(None, "proposed", code=fields[0][1], item=ident)
        else:
            for name in chosen:
                self.note(name, "proposed", code=fields[0][1], item=ident)

    def addressee(self, field, partition):
        edit = self.edit
        primaries = self.org.primaries(self.entity.name, edit["id"], partition, edit["stamp"])
        if primaries and min(primaries) != edit["rep"] and self.may_write(min(primaries), field, partition):
            return min(primaries)
        return next((t.split(":")[0] for t in field.write if t not in ("hub", "*")), None)

    def may_write(self, rep, field, partition):
        stamp = self.edit["stamp"]
        return any(self.role_may_write(rep, role, field, partition) for role in self.org.all_roles(rep, stamp))

    def role_may_write(self, rep, role, field, partition):
        stamp = self.edit["stamp"]
        if self.schema.data["roles"][role].get("desk") or not self.org.in_scope(rep, role, partition, stamp):
            return False
        for term in field.write:
            name, _, narrow = term.partition(":")
            if name not in ("*", role):
                continue
            if not narrow or (narrow == "primary" and rep in self.org.primaries(
                    self.entity.name, self.edit["id"], partition, stamp)):
                return True
            author = self.record.rep if self.record else self.edit["rep"]
            if narrow == "author" and author == rep:
                return True
        return False

    def follow(self):
        """Where a record follows its references, so do its items."""
        rule = self.entity.partition
        if not self.record or not rule.get("moves"):
            return
        if any(step in self.values for step in rule["of"]):
            self.record.partition = self.partition(self.record.fields(), self.record.rep) or self.record.partition
        for item in self.reviews.values():
            item.partition = self.record.partition


def refusals(edits, canon=lambda edit, name: name):
    """(entity, id, field, stamp) of what admission kept out of the records. `canon` gives a field one name under all versions."""
    return {(edit["entity"], edit["id"], canon(edit, name), edit["stamp"]) for edit in edits
            for name, entry in (edit.get("verdict") or {}).items() if entry.get("outcome")}


def strip(edit, refused, one_with=lambda entity, ident: [ident], canon=lambda edit, name: name):
    """A `saw` that names a change of the device itself which never came into force is not one: `old` is compared instead.
    `one_with` gives the ids of the records that are one with a record."""
    def spec(given, name):
        def bad(stamp):
            return stamp.partition("@")[2] == edit["device"] and any(
                (edit["entity"], ident, key, stamp) in refused for key in (canon(edit, name), "*")
                for ident in one_with(edit["entity"], edit["id"]))
        out = {}
        for key, value in given.items():
            if key == "saw" and isinstance(value, str) and bad(value):
                continue
            if key in ("saw", "seen") and isinstance(value, dict):
                value = {k: v for k, v in value.items() if not bad(v)}
            if key == "keys":
                value = {k: spec(v, name) for k, v in value.items()}
            out[key] = value
        return out

    line = dict(edit["line"])
    if "values" in line:
        line["values"] = {n: spec(s, n) for n, s in line["values"].items()}
    return {**edit, "line": line}


def forget(edits, one_with=lambda entity, ident: [ident]):
    refused = refusals(edits)
    return [strip(edit, refused, one_with) for edit in edits]


def printed(outcomes, folds):
    records, reviews = {}, {}
    for (entity, ident), fold in folds.items():
        if fold.record:
            records[f"{entity}/{ident}"] = fold.record.print()
        reviews.update({r.id: r.print() for r in fold.reviews.values()})
    return canonical({"outcomes": outcomes, "records": records, "reviews": reviews})
