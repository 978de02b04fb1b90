"""Central as stock git gives it (`git archive main`): journals, receipts, outcomes, records. No code of repsync is used."""

import hashlib
import json
import tarfile

AHEAD_MS = 5 * 60 * 1000


def milliseconds(time):
    """2026-11-21T02:14:05.123Z, without the calendar's help from the code under test."""
    from datetime import datetime, timezone

    moment = datetime.strptime(time, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    return int(round(moment.timestamp() * 1000))


def time_text(ms):
    from datetime import datetime, timedelta, timezone

    moment = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=ms)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + "%03dZ" % (ms % 1000)


def stamp_text(ms, counter, device):
    return "%s-%04x@%s" % (time_text(ms), counter, device)


def after(stamp):
    """The next stamp of the same device."""
    ms, counter, device = milliseconds(stamp[:24]), int(stamp[25:29], 16), stamp[30:]
    if counter == 0xFFFF:
        return stamp_text(ms + 1, 0, device)
    return stamp_text(ms, counter + 1, device)


def effective(stamp, last, received):
    """min(stamp, received + 5 minutes); what is cut keeps the order of the device's own numbers."""
    bound = received + AHEAD_MS
    if milliseconds(stamp[:24]) <= bound:
        return stamp
    cut = stamp_text(bound, 0, stamp[30:])
    return after(last) if last and cut <= last else cut


class Change:
    """One change of one change set, with its effective stamp and what the hub recorded of it."""

    def __init__(self, device, rep, seq, index, head, line, made):
        self.device, self.rep, self.seq, self.index = device, rep, seq, index
        self.op, self.entity, self.id = head["op"], head["entity"], head["id"]
        self.signed, self.line = head["stamp"], line
        self.made = made  # the number of the version of the schema that it was made under
        self.stamp = None
        self.outcome = None

    @property
    def order(self):
        return (self.stamp, self.device, self.seq, self.index)

    def __str__(self):
        return "%s-%d-%d %s %s/%s %s" % (
            self.device, self.seq, self.index, self.op, self.entity, self.id, self.stamp)


class Wrong(Exception):
    """What was found is not what must be."""


class Central:
    def __init__(self, path):
        self.files = {}
        with tarfile.open(path) as tar:
            for member in tar:
                if member.isfile():
                    self.files[member.name] = tar.extractfile(member).read()
        self.schema = self.read_schema()
        self.receipts = self.read_receipts()
        self.sets = {}
        self.changes = self.read_journals()
        self.read_outcomes()
        self.records = self.read_records()

    def below(self, *prefixes):
        return sorted(name for name in self.files if name.startswith(prefixes))

    def read_schema(self, folder="schema"):
        schema = json.loads(self.files[folder + "/schema.json"])
        schema["entity"] = {
            name: json.loads(self.files["%s/entities/%s.json" % (folder, name)]) for name in schema["entities"]}
        return schema

    def versions(self):
        """[(number, since, schema)] of those that are in force, oldest first; the first one is so from the beginning."""
        found = {}
        for name in self.below("schemas/"):
            number = int(name.split("/")[1])
            if number <= self.schema["version"]:
                found[number] = self.read_schema("schemas/%d" % number)
        since = {}
        for name in self.below("org/release/"):
            since[int(name.split("/")[2].partition(".")[0])] = json.loads(self.files[name])["fields"]["effective"]
        if not found:
            return [(self.schema["version"], "", self.schema)]
        return [(number, since.get(number, ""), found[number]) for number in sorted(found)]

    def read_receipts(self):
        receipts = {}
        for name in self.below("outcomes/"):
            if name.endswith(".receipt.json"):
                receipt = json.loads(self.files[name].split(b"\n")[0])
                receipts.setdefault(receipt["device"], []).append(receipt)
        return receipts

    def received(self, device, seq):
        for receipt in self.receipts.get(device, []):
            if receipt["first"] <= seq <= receipt["last"]:
                return milliseconds(receipt["received"])
        raise Wrong("no receipt for %s-%d" % (device, seq))

    def read_sets(self, data):
        """The lines of a segment, cut into change sets: skeleton, signature, a value line a change."""
        lines = data.decode().split("\n")
        if lines.pop() != "":
            raise Wrong("a segment does not end with a line feed")
        while lines:
            text = lines.pop(0)
            head = json.loads(text)
            lines.pop(0)
            values = [lines.pop(0) for _ in head["changes"]]
            yield text, head, values

    def read_journals(self):
        changes = []
        for name in self.below("journal/"):
            if name.endswith("/head.json"):
                continue
            for text, head, values in self.read_sets(self.files[name]):
                own = self.sets.setdefault(head["device"], {})
                if head["seq"] in own:
                    raise Wrong("%s-%d stands in the journal twice" % (head["device"], head["seq"]))
                own[head["seq"]] = (text, head, values)
        for device in self.sets:
            changes += self.read_chain(device)
        return sorted(changes, key=lambda change: change.order)

    def read_chain(self, device):
        prev, last, cut, changes = "0" * 64, "", {}, []
        for seq, number in zip(sorted(self.sets[device]), range(1, 1 << 30)):
            text, head, values = self.sets[device][seq]
            if seq != number or head["prev"] != prev:
                raise Wrong("the chain of %s breaks at %d" % (device, seq))
            prev = hashlib.sha256(text.encode()).hexdigest()
            for index, change in enumerate(head["changes"]):
                if hashlib.sha256(values[index].encode()).hexdigest() != change["digest"]:
                    raise Wrong("%s-%d-%d is not what its digest says" % (device, seq, index))
                found = Change(device, head["rep"], seq, index, change, json.loads(values[index]),
                               int(head["schema"].rpartition("/")[2]))
                found.stamp = effective(found.signed, last, self.received(device, seq))
                if found.stamp != found.signed:
                    cut[found.signed] = found.stamp
                last = max(last, found.stamp)
                found.line = self.mapped(found.line, cut)
                changes.append(found)
        return changes

    def mapped(self, value, cut, inside=False):
        """A `saw` that names one of the author's own stamps that was cut means the cut one."""
        if isinstance(value, dict):
            return {key: self.mapped(part, cut, inside or key in ("saw", "seen", "rivals"))
                    for key, part in value.items()}
        if isinstance(value, list):
            return [self.mapped(part, cut, inside) for part in value]
        return cut.get(value, value) if inside and isinstance(value, str) else value

    def read_outcomes(self):
        """The last line for a change counts; a change without one was plainly applied."""
        by_place = {(change.device, change.seq, change.index): change for change in self.changes}
        for name in self.below("outcomes/"):
            if name.endswith(".receipt.json"):
                continue
            device = name.split("/")[2]
            for text in self.files[name].decode().splitlines():
                line = json.loads(text)
                place = (device, line.pop("seq"), line.pop("index"))
                if place not in by_place:
                    raise Wrong("an outcome of %s-%d-%d, which was never merged" % place)
                by_place[place].outcome = line

    def read_records(self):
        """(entity, id) -> record, main file and twins put together; with the partition."""
        records = {}
        for name in self.below("data/", "org/device/", "org/role/"):
            record = json.loads(self.files[name])
            record["partition"] = name.split("/")[2] if name.startswith("data/") else "org"
            key = (record["entity"], record["id"])
            if key in records:
                raise Wrong("%s/%s lies in two places" % key)
            records[key] = record
        for name in self.below("restricted/"):
            twin = json.loads(self.files[name])
            record = records.get((twin["entity"], twin["id"]))
            if not record or record["partition"] != name.split("/")[3]:
                raise Wrong("%s has no main file beside it" % name)
            for part in ("fields", "stamps", "sources"):
                if part in twin:
                    record.setdefault(part, {}).update(twin[part])
            record.setdefault("twins", []).append(twin["visibility"])
        return records
