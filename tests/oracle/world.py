"""The oracle over a whole central: every record folded anew from all journals, with what the hub recorded of admission.

fold.py folds one record; here are what lies between records: partitions that follow references, the organisation as its
records have it, rejections, and the values' normalisers as far as the simulator's values need them.
"""

import hashlib
import unicodedata
import uuid

import fold
import join

# What the fold says itself, sorted anew; everything else that refuses or proposes is a verdict of admission.
OF_THE_FOLD = {"no-record", "no-partition", "form", "not-author", "never-deleted", "op", "unknown-entity"}
TITLES = ("主任", "教授", "医生")
DEPARTMENTS = {"心血管内科": "心内科"}


def fanout(text):
    return hashlib.sha256(text.encode()).hexdigest()[:2]


def verdict_of(outcome):
    """What a recorded outcome says of admission. Where fields are told of, the whole was at most proposed."""
    if outcome.get("outcome") == "held":
        return {"*": {"outcome": "held"}}
    verdict = {}

    def keep(key, note, said=None):
        if note.get("outcome") in ("rejected", "proposed") and note.get("code") and \
                note["code"] not in OF_THE_FOLD:
            verdict[key] = {"outcome": said or note["outcome"], "code": note["code"]}
    keep("*", outcome, "proposed" if outcome.get("fields") else None)
    for name, note in (outcome.get("fields") or {}).items():
        keep(name, note)
    if outcome.get("flags"):
        verdict.setdefault("*", {})["flags"] = outcome["flags"]
    return verdict


class Field(fold.Field):
    """With the normalisers: for equality and the keys of elements."""

    def normal(self, text):
        if not isinstance(text, str):
            return text
        if "nfkc" in self.normalise:
            text = unicodedata.normalize("NFKC", text)
        if "case" in self.normalise:
            text = unicodedata.normalize("NFKC", text).casefold()
        if "space" in self.normalise:
            text = "".join(text.split())
        if "phone" in self.normalise:
            plus = next((c for c in text if c == "+" or c.isdigit()), "") == "+"
            text = "".join(c for c in text if c.isdigit())
            if text.startswith("0086"):
                text = text[4:]
            elif text.startswith("86") and (plus or (len(text) == 13 and text[2] == "1")):
                text = text[2:]
        if "person" in self.normalise:
            while text.endswith(TITLES):
                text = text[:-2]
        if "dept" in self.normalise:
            text = DEPARTMENTS.get(text, text)
        return text


class Entity(fold.Entity):
    def __init__(self, name, data):
        super().__init__(name, data)
        self.fields = {f["name"]: Field(data, f) for f in data["fields"]}
        self.fields["status"] = Field(data, {"name": "status", "type": "enum", "rule": "state", "engine": True,
                                             "values": ["inactive", "active", "archived", "erased"]})


class Schema(fold.Schema):
    def __init__(self, data):
        self.data = data
        self.entities = {name: Entity(name, entity) for name, entity in data["entity"].items()}
        self.builtin = {e.builtin: e.name for e in self.entities.values() if e.builtin}
        self.rep_entity = self.builtin["rep"]


class Versions:
    """The versions of the schema. Within the oracle a field keeps the name under which it began, whatever it is called later."""

    def __init__(self, central):
        self.since, self.schemas, self.canon, self.names = {}, {}, {}, {}
        before = None
        for number, since, data in central.versions():
            self.since[number] = since
            self.canon[number] = {name: self.names_of(name, entity, data, before) for name, entity in data["entity"].items()}
            self.names[number] = {entity: {canon: name for name, canon in names.items()}
                                  for entity, names in self.canon[number].items()}
            self.schemas[number] = Schema(self.renamed(data, number))
            before = number
        self.first, self.newest = min(self.schemas), max(self.schemas)

    def names_of(self, entity, data, schema, before):
        """name -> the name that it began with"""
        renamed = {new: old for mapping in schema.get("mappings", []) if mapping["entity"] == entity
                   for old, new in mapping.get("rename", {}).items()}
        known = self.canon[before].get(entity, {}) if before else {}
        return {field["name"]: known.get(renamed.get(field["name"], field["name"]), field["name"]) for field in data["fields"]}

    def renamed(self, data, number):
        entities = {}
        for name, entity in data["entity"].items():
            fields = [{**field, "name": self.canon[number][name][field["name"]]} for field in entity["fields"]]
            entities[name] = {**entity, "fields": fields}
        return {**data, "entity": entities}

    def at(self, stamp):
        return max((number for number, since in self.since.items() if since <= stamp[:24]), default=self.first)

    def begun(self, number, entity, values):
        """Keys under the names that they began with."""
        names = self.canon.get(number, {}).get(entity, {})
        return {names.get(name, name): value for name, value in values.items()}

    def called(self, number, entity, values):
        """And under those that they have in a version."""
        names = self.names[number].get(entity, {})
        return {names.get(name, name): value for name, value in values.items()}

    def name(self, number, entity, begun):
        return self.names[number].get(entity, {}).get(begun, begun)


class Org(fold.Org):
    """As the records of central have it."""

    def __init__(self, schema, records):
        rows = []
        for (entity, ident), record in records.items():
            name = "assignment" if entity == schema.builtin["assignment"] else entity
            rows.append({"entity": name, "id": ident, "fields": record["fields"]})
        super().__init__(schema, rows)


class WorldFold(fold.Fold):
    """One record, which may ask where others lie."""

    def __init__(self, world, entity, ident):
        super().__init__(world.schema, world.org)
        self.world, self.name, self.ident = world, entity, ident
        self.shape = world.versions.first
        self.moved = []  # (stamp, partition) after each change

    def take_shape(self, number):
        self.shape = max(self.shape, number)
        self.schema = self.world.versions.schemas[self.shape]
        if self.record:
            self.record.entity = self.schema.entities[self.name]

    def said(self, unit):
        return self.world.versions.name(self.shape, self.name, unit)

    def fold(self, edit):
        self.take_shape(edit["number"])
        outcome = super().fold(edit)
        if self.record:
            self.moved.append((edit["stamp"], self.record.partition))
        return outcome

    def first(self):
        """As an edit, the one that made the record."""
        return {"entity": self.name, "id": self.ident, "rep": self.record.rep, "stamp": self.record.stamp}

    def partition(self, fields, author):
        entity = self.schema.entities[self.name]
        if entity.builtin == "assignment":
            if fields["subject_entity"] == self.schema.rep_entity:
                return "company"
            return self.world.where(fields["subject_entity"], fields["subject"], self.edit["stamp"]) or fields["subject"]
        rule = entity.partition
        if rule.get("is"):
            return self.ident if rule["is"] == "self" else rule["is"]
        for step in rule["of"]:
            found = self.step(entity, step, fields, author)
            if found:
                return found
        return None

    def follow(self):
        """Where a record follows its references, so do its items; steps may be `team:<field>` too."""
        rule = self.entity.partition
        if not self.record or not rule.get("moves"):
            return
        if any(step.split(":")[-1] in self.values for step in rule["of"]):
            self.record.partition = self.partition(self.record.fields(), self.record.rep) or self.record.partition
        for item in self.reviews.values():
            item.partition = self.record.partition

    def step(self, entity, step, fields, author):
        kind, _, name = step.partition(":")
        if step == "id":
            return self.ident
        if step == "desk":
            return "desk"
        if step == "team":
            held = self.org.territories(author, self.edit["stamp"])
            return "team-" + held[0] if held else None
        if kind in ("team", "staff") and name:
            value = author if name == "created_by" else fields.get(name)
            return "%s-%s" % (kind, value) if value else None
        value = fields.get(step)
        if isinstance(value, list):
            value = min(value) if value else None
        # What follows its references lies where they lie now, what stays lies where they lay then.
        time = None if entity.partition.get("moves") else self.edit["stamp"]
        return self.world.where(entity.fields[step].to, value, time) if value else None


class World:
    """Folds when asked, so that a record finds those that it lies with."""

    def __init__(self, central):
        self.central = central
        self.versions = Versions(central)
        self.schema = self.versions.schemas[self.versions.newest]
        self.org = Org(self.schema, central.records)
        self.edits, self.folds, self.outcomes = {}, {}, {}
        known = [self.edit_of(change) for change in central.changes
                 if change.entity in self.schema.entities and change.line is not None]
        self.groups = join.Groups(known)
        for edit in fold.forget(known, self.groups.of):
            if edit["verdict"].get("*", {}).get("outcome") == "held":
                continue  # not in force until its record comes; whoever saw it saw nothing
            self.edits.setdefault((edit["entity"], edit["id"]), []).append(edit)
        for key in sorted(self.edits):
            self.folded(key)

    def edit_of(self, change):
        """Judged and folded by the version of its time, or the one that it was made or judged under where that is later."""
        outcome = change.outcome or {}
        judged = outcome.get("schema", change.made)
        line = change.line
        if line.get("values"):
            line = {**line, "values": self.versions.begun(change.made, change.entity, line["values"])}
        number = min(max(change.made, judged, self.versions.at(change.stamp)), self.versions.newest)
        verdict = self.versions.begun(judged, change.entity, verdict_of(outcome))
        return {"op": change.op, "entity": change.entity, "id": change.id, "stamp": change.stamp, "rep": change.rep,
                "device": change.device, "seq": change.seq, "index": change.index, "line": line,
                "verdict": verdict, "made": change.made, "number": number}

    def recorded(self, change):
        """The outcome as the hub recorded it, its fields under the names that they began with."""
        outcome = dict(change.outcome or {"outcome": "applied"})
        number = outcome.pop("schema", change.made)
        if "fields" in outcome:
            outcome["fields"] = self.versions.begun(number, change.entity, outcome["fields"])
        return outcome

    def folded(self, key):
        if key not in self.folds:
            entity, ids = key[0], self.groups.of(*key)
            edits = sorted((edit for ident in ids for edit in self.edits.get((entity, ident), [])), key=join.order)
            told, made = join.fold_group(lambda ident: WorldFold(self, entity, ident), entity, ids, edits, self.groups)
            for edit, outcome in zip(edits, told):
                self.outcomes[edit["device"], edit["seq"], edit["index"]] = dict(outcome)
            self.folds.update({(entity, ident): one for ident, one in made.items()})
        return self.folds[key]

    def where(self, entity, ident, stamp):
        """Where a record lay then; without a time, where the one lies now that shows what it is."""
        own = self.folded((entity, ident))
        if stamp is None and own.record and (own.record.deleted or {}).get("merged_into"):
            own = self.folded((entity, own.record.deleted["merged_into"]))
        if not own.moved:
            return None
        if stamp is None:
            return own.moved[-1][1]
        before = [partition for since, partition in own.moved if since <= stamp]
        return before[-1] if before else own.moved[0][1]

    def records(self):
        """(entity, id) -> record, as central.py reads them."""
        out = {}
        for own in self.folds.values():
            own.take_shape(self.versions.newest)
            if own.record:
                out[own.name, own.ident] = self.as_called(own.name, printed(own.record.print(), own))
            for item in own.reviews.values():
                out[item.kind, item.id] = self.item_as_called(own.name, printed(item.print(), None))
        for own in list(self.folds.values()):
            if own.record and own.record.partition == "desk" and not own.record.deleted:
                name = "claim/%s/%s" % (own.name, own.ident)
                item = fold.Review("claim", str(uuid.uuid5(fold.NAMESPACE, name)), own.first(), "desk", "open")
                out["claim", item.id] = printed(item.print(), None)
        for item in self.duplicates():
            out["duplicate", item["id"]] = item
        for change in self.central.changes:
            item = rejection(change, self.versions)
            if item:
                out["rejection", item["id"]] = item
        return out


    def as_called(self, entity, record):
        for part in ("fields", "stamps", "sources"):
            if part in record:
                record[part] = self.versions.called(self.versions.newest, entity, record[part])
        return record

    def item_as_called(self, entity, item):
        fields = item["fields"]
        if "field" in fields:
            fields["field"] = self.versions.name(self.versions.newest, entity, fields["field"])
        for part in ("values", "saw"):
            if part in fields:
                fields[part] = self.versions.called(self.versions.newest, entity, fields[part])
        return item

    def duplicates(self):
        """What the hub asks: as its own changes say, beside the two where both lie in one place, else on the desk."""
        items = {}
        for change in self.central.changes:
            if change.entity != "duplicate":
                continue
            values = {name: spec["new"] for name, spec in change.line["values"].items()}
            item = items.get(change.id)
            if not item:
                places = {self.where(values["entity"], values[side], change.stamp) for side in ("a", "b")}
                item = items[change.id] = {
                    "created": {"rep": "hub", "stamp": change.stamp}, "deleted": None, "entity": "duplicate",
                    "fields": {}, "id": change.id, "stamps": {"*": change.stamp},
                    "partition": places.pop() if len(places) == 1 else "desk"}
            for name, value in values.items():
                item["fields"][name] = value
                if change.stamp != item["stamps"]["*"]:
                    item["stamps"][name] = change.stamp
        return items.values()


def printed(record, own):
    twins = {record.pop("twin")} if record.get("twin") else set()
    record.pop("twin", None)
    if own:
        for name in set(record["fields"]) | set(record["stamps"]) - {"*"}:
            visibility = own.record.entity.fields[name].visibility
            if visibility != "open":
                twins.add(visibility)
    record["twins"] = sorted(twins) or None
    return {key: value for key, value in record.items() if value is not None or key == "deleted"}


def refused(outcome):
    """The fields that were refused; all when the change was refused as a whole."""
    fields = outcome.get("fields") or {}
    names = {name for name, note in fields.items() if note["outcome"] == "rejected"}
    return names, outcome["outcome"] == "rejected" and not names


def rejection(change, versions):
    """Identity and place of the rejection that the recorded outcome asks for, in the names of the version that judged; its text is the
    hub's."""
    if not change.outcome:
        return None
    outcome = dict(change.outcome)
    judged = outcome.get("schema", change.made)
    outcome["fields"] = versions.begun(judged, change.entity, outcome.get("fields") or {})
    names, whole = refused(outcome)
    if not names and not whole:
        return None
    name = "rejection/%s/%d/%d" % (change.device, change.seq, change.index)
    values = versions.begun(change.made, change.entity, change.line.get("values") or {})
    values = {field: spec for field, spec in values.items() if whole or field in names}
    values = versions.called(judged, change.entity, values)
    return {"id": str(uuid.uuid5(fold.NAMESPACE, name)), "partition": "staff-" + change.rep, "values": values,
            "seq": change.seq, "index": change.index, "device": change.device,
            "entity": change.entity, "record": change.id}
