#!/usr/bin/env python3
"""The next version of a schema of the simulator, for a publication while devices are away.

    python3 tests/sim/next_schema.py FOLDER NEW-FOLDER

Of the entity that the simulator's people edit most, a field gets another name, another one another rule, and one is new.
"""

import json
import pathlib
import shutil
import sys

# schema -> entity, and for versions 2 and 3 what is renamed, the rules that change, and the fields that are new
CHANGES = {
    "pharma": ("contact", [
        ({"needs": "wishes"}, {"office_phone": "earliest", "work_address": ["fill", "latest"]}, ["pets"]),
        ({"pets": "animals"}, {"office_phone": "latest", "rank": "max"}, ["remark"])]),
    "device_service": ("person", [
        ({"note": "remarks"}, {"birthday": "latest", "name": "latest"}, ["pets"]),
        ({"pets": "animals", "birthday": "born"}, {"name": "earliest"}, ["title"])]),
}


def main():
    old, new = (pathlib.Path(path) for path in sys.argv[1:3])
    shutil.copytree(old, new)
    top = json.loads((new / "schema.json").read_text())
    entity, steps = CHANGES[top["name"]]
    rename, rules, added = steps[top["version"] - 1]
    top["version"] += 1
    top["mappings"] = [{"from": top["version"] - 1, "entity": entity, "rename": rename}]
    path = new / "entities" / (entity + ".json")
    data = json.loads(path.read_text())
    for field in data["fields"]:
        if field["name"] in rules:
            field["rule"] = rules[field["name"]]
        field["name"] = rename.get(field["name"], field["name"])
    for name in added:
        data["fields"].append({"name": name, "type": "text", "label": {"zh": "新的", "en": "New: " + name}})
    for file, content in ((new / "schema.json", top), (path, data)):
        file.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
