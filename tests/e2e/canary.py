#!/usr/bin/env python3
"""Looks for texts in everything that a hub's folder or a replica holds, unpacked: git objects, deflated journals, pages, logs.

canary.py hub DIR TEXT...        central.git and every mailbox, all objects, reachable or not; every other file as it lies
canary.py replica DIR TEXT...    replica.db, its WAL, the journal's entries and the objects of the clone inside it

Prints what was found and where, a line each; exits 1 if anything was.
"""
import os
import sqlite3
import subprocess
import sys
import tempfile
import zlib

found = []


def look(where, data, texts):
    for text in texts:
        if text.encode() in data:
            found.append(f"{text}: {where}")


def objects(repository, where, texts):
    """Every object of the repository, whether anything leads to it or not."""
    listed = subprocess.run(
        ["git", "-C", repository, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)"],
        check=True, capture_output=True).stdout
    out = subprocess.run(["git", "-C", repository, "cat-file", "--batch", "--buffer"], input=listed,
                         check=True, capture_output=True).stdout
    at, count = 0, 0
    while at < len(out):
        end = out.index(b"\n", at)
        name, kind, size = out[at:end].decode().split()
        data = out[end + 1:end + 1 + int(size)]
        look(f"{where} {kind} {name}", data, texts)
        at = end + 2 + int(size)
        count += 1
    return count


def files(root, texts, skip=()):
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            if not path.endswith(skip):
                with open(path, "rb") as file:
                    look(path, file.read(), texts)


def hub(root, texts):
    count = 0
    boxes = [os.path.join(root, "central.git")]
    for part in ("mailboxes", "archive"):
        if os.path.isdir(os.path.join(root, part)):
            boxes += [os.path.join(root, part, name) for name in sorted(os.listdir(os.path.join(root, part)))]
    for box in boxes:
        count += objects(box, box, texts)
    files(root, texts, (".pack", ".idx"))
    return count


def replica(root, texts):
    files(root, texts)
    db = sqlite3.connect(f"file:{root}/replica.db?mode=ro", uri=True)
    count = 0
    for seq, data, reason in db.execute("SELECT seq, data, reason FROM _journal"):
        look(f"{root} journal {seq}", zlib.decompress(data) + (reason or "").encode(), texts)
        count += 1
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run(["git", "init", "-q", "--bare", scratch], check=True)
        pack = os.path.join(scratch, "objects", "pack")
        os.makedirs(pack, exist_ok=True)
        for name, in db.execute("SELECT DISTINCT name FROM _clone").fetchall():
            pieces = db.execute("SELECT data FROM _clone WHERE name = ? ORDER BY piece", (name,))
            with open(os.path.join(pack, name), "wb") as file:
                for piece, in pieces:
                    file.write(piece)
        count += objects(scratch, f"{root} clone", texts)
    return count


def main():
    kind, root, texts = sys.argv[1], sys.argv[2], sys.argv[3:]
    count = {"hub": hub, "replica": replica}[kind](root, texts)
    for line in sorted(found):
        print(line)
    # A search that looked at nothing would find nothing.
    if count < 5 or not texts:
        sys.exit(f"only {count} objects were looked at")
    sys.exit(1 if found else 0)


main()
