#!/usr/bin/env python3
"""Pushes what no git would: badpush.py KIND OLD NEW REF -- COMMAND... speaks receive-pack's protocol to COMMAND (ssh, or
`URL --user U:T --ca FILE` as curl's arguments after `curl`). KIND: empty (a pack of nothing), none (no pack at all), torn (half a
header), bomb (a delta chain that asks for a gigabyte). Prints what the server reports.
"""
import hashlib, struct, subprocess, sys, zlib


def packet(data):
    return b'%04x' % (len(data) + 4) + data


def varint(n):
    out = b''
    while True:
        byte = n & 0x7f
        n >>= 7
        out += bytes([byte | 0x80 if n else byte])
        if not n:
            return out


def entry(kind, size, data, ref=b''):
    byte = kind << 4 | size & 15
    size >>= 4
    out = b''
    while size:
        out += bytes([byte | 0x80])
        byte, size = size & 0x7f, size >> 7
    return out + bytes([byte]) + ref + zlib.compress(data, 9)


def pack(entries):
    body = b'PACK' + struct.pack('>II', 2, len(entries)) + b''.join(entries)
    return body + hashlib.sha1(body).digest()


def oid(kind, data):
    return hashlib.sha1(b'%s %d\0' % (kind, len(data)) + data).digest()


def copy(offset, size):
    out, op = b'', 0x80
    for i in range(4):
        if offset >> 8 * i & 255:
            op |= 1 << i
            out += bytes([offset >> 8 * i & 255])
    for i in range(3):
        if size >> 8 * i & 255:
            op |= 0x10 << i
            out += bytes([size >> 8 * i & 255])
    return bytes([op]) + out


def bomb():
    """A blob of 64 KiB, and deltas each of which copies what came before 64 times: 4 MiB, 256 MiB, 1 GiB (a copy takes 16 MiB at most)."""
    base = b'\0' * 65536
    entries, size, ref = [entry(3, len(base), base)], len(base), oid(b'blob', base)
    for _ in range(3):
        part = min(size, 0xffffff)
        ops, done = copy(0, part) * 64, part * 64
        delta = varint(size) + varint(done) + ops
        entries.append(entry(7, len(delta), delta, ref))
        # The id of what nobody has made yet cannot be known for large ones; index-pack resolves from the first.
        if done <= 1 << 28:
            state = hashlib.sha1(b'blob %d\0' % done)
            for _ in range(done >> 16):
                state.update(base)
            ref = state.digest()
        size = done
    return pack(entries)


kind, old, new, ref = sys.argv[1:5]
command = sys.argv[6:]
data = packet(('%s %s %s\0 report-status' % (old, new, ref)).encode()) + b'0000'
data += {'empty': lambda: pack([]), 'none': lambda: b'', 'torn': lambda: b'PACK\0\0', 'bomb': bomb}[kind]()
run = subprocess.run(command, input=data, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
text = run.stdout.decode('utf-8', 'replace').replace('\0', ' ')
print(text[-2000:])
sys.exit(0 if 'ok refs/' in text else 1)
