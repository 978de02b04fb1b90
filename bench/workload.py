#!/usr/bin/env python3
"""Makes the work that everything is measured on: customers, reps, and what the reps edit offline.

    workload.py --size XS|S|M|L [--conflict 0.05] [--seed 1] --out DIR

The same options give the same bytes; no clock is read. DIR then holds

    base.ndjson             one customer a line, about 575 bytes, 23 fields; `reps` names the one or two reps that hold it
    edits/rNNNN.ndjson      a rep's edits in order: update of one field (80 %), insert of a visit (18 %), delete of a customer (2 %)
    expected.ndjson         what the company must hold of all that the edits touched: by field the later edit
    meta.json               counts

A share `conflict` of the updates hits records that the next rep of the ring edits too: every other pair of them the same
field. Nobody deletes what somebody else edits.
"""
import argparse
import json
import os
import random

SIZES = {"XS": (400, 4, 50), "S": (10_000, 20, 100), "M": (100_000, 100, 200), "L": (1_000_000, 1_000, 200)}
START = 1764547200000
FAMILY = "王李张刘陈杨黄赵吴周徐孙马朱胡林郭何高罗"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华建国志文"
CITIES = [("北京市", "北京"), ("上海市", "上海"), ("广州市", "广东"), ("深圳市", "广东"), ("成都市", "四川"),
          ("杭州市", "浙江"), ("武汉市", "湖北"), ("南京市", "江苏"), ("西安市", "陕西"), ("重庆市", "重庆")]
HOSPITALS = ["第一人民医院", "中心医院", "大学附属医院", "协和医院", "中医院", "肿瘤医院"]
DEPARTMENTS = ["心内科", "肿瘤科", "神经内科", "内分泌科", "呼吸科", "消化科", "血液科", "肾内科"]
TITLES = ["主任医师", "副主任医师", "主治医师", "住院医师"]
PRODUCTS = ["Xarelto", "Lipitor", "Plavix", "Nexium", "Januvia", "Humira"]
PHRASES = ["对新药安全性数据感兴趣", "希望参加学术会议", "周三下午门诊较忙", "建议电话预约", "关注医保目录调整", "要求提供临床试验资料",
           "倾向使用国产替代", "已发送产品手册"]
MAILS = ["wang", "li", "zhang", "liu", "chen", "yang", "huang", "zhao", "wu", "zhou"]


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def below(self, n):
        return int(self.random.random() * n)

    def pick(self, some):
        return some[self.below(len(some))]

    def hex(self, n):
        return "".join(self.pick("0123456789abcdef") for _ in range(n))

    def mobile(self):
        return f"1{self.pick(['38', '39', '58', '86', '77'])}{self.below(10**8):08d}"

    def note(self):
        return f"{self.pick(PHRASES)}，{self.pick(PHRASES)}。Ref {self.hex(8)}"

    def address(self, city):
        return f"{city}人民路{1 + self.below(999)}号"

    def value(self, field):
        return FIELDS[field](self)


FIELDS = {  # what a rep may edit
    "name": lambda m: m.pick(FAMILY) + m.pick(GIVEN) + m.pick(GIVEN),
    "title": lambda m: m.pick(TITLES),
    "department": lambda m: m.pick(DEPARTMENTS),
    "phone": lambda m: f"0{m.below(1000)}-{m.below(10**8):08d}",
    "mobile": Maker.mobile,
    "email": lambda m: f"{m.pick(MAILS)}.{m.hex(6)}@example.org",
    "wechat": lambda m: f"wx_{m.hex(10)}",
    "address": lambda m: m.address(m.pick(CITIES)[0]),
    "grade": lambda m: m.pick("ABCD"),
    "potential": lambda m: m.below(1000),
    "specialty": lambda m: f"{m.pick(DEPARTMENTS)}/{m.hex(4)}",
    "consent": lambda m: m.pick(["yes", "no", "unknown"]),
    "product": lambda m: m.pick(PRODUCTS),
    "notes": Maker.note,
}
NAMES = list(FIELDS)


def customer_id(i):
    return f"c{i:07d}"


def rep_id(r):
    return f"r{r:04d}"


def first_of(r, records, reps):
    return -(-r * records // reps)


def plan_edits(make, records, reps, edits, conflict):
    """Who edits what: shared records come first, because the base file names both holders."""
    updates, visits = round(edits * 0.8), round(edits * 0.18)
    plan, shared, used = [[] for _ in range(reps)], {}, set()

    def own(r):
        return first_of(r, records, reps) + make.below(first_of(r + 1, records, reps) - first_of(r, records, reps))

    for p in range(round(conflict * updates * reps / 2)):
        r = p % reps
        other = (r + 1) % reps
        i = own(r)
        while i in used:
            i = own(r)
        used.add(i)
        shared[i] = other
        mine = theirs = make.pick(NAMES)
        while p % 2 and theirs == mine:
            theirs = make.pick(NAMES)
        plan[r].append(("update", i, mine))
        plan[other].append(("update", i, theirs))
    for r in range(reps):
        gone = []
        while len(gone) < edits - updates - visits:
            i = own(r)
            if i not in used:
                used.add(i)
                gone.append(i)
        while len(plan[r]) < updates:
            i = own(r)
            if i not in used:
                plan[r].append(("update", i, make.pick(NAMES)))
        plan[r] += [("delete", i, None) for i in gone]
        plan[r] += [("insert", own(r), None) for _ in range(visits)]
        make.random.shuffle(plan[r])
    return plan, shared


def customer(make, i, records, reps, shared):
    city, province = make.pick(CITIES)
    r = i * reps // records
    holders = [rep_id(r)] + ([rep_id(shared[i])] if i in shared else [])
    return {"id": customer_id(i), "territory": f"t{r:04d}", "reps": ",".join(holders), "name": make.value("name"),
            "gender": make.pick("MF"), "title": make.value("title"), "hospital": city + make.pick(HOSPITALS),
            "department": make.value("department"), "province": province, "city": city, "address": make.address(city),
            "phone": make.value("phone"), "mobile": make.mobile(), "email": make.value("email"),
            "wechat": make.value("wechat"), "grade": make.value("grade"), "potential": make.below(1000),
            "specialty": make.value("specialty"), "consent": make.value("consent"), "product": make.value("product"),
            "notes": make.note(), "license": f"L{make.below(10**9):09d}", "updated_at": START - make.below(10**9)}


def visit(make, r, k, i, at):
    return {"id": f"v{r:04d}-{k:05d}", "customer": customer_id(i), "territory": f"t{r:04d}", "rep": rep_id(r), "at": at,
            "channel": make.pick(["face", "phone", "wechat", "meeting"]), "product": make.value("product"),
            "minutes": 5 + make.below(55), "outcome": make.pick(PHRASES), "note": make.note()}


def dump(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"


class Expected:
    """Last writer wins by field on (time, rep)."""

    def __init__(self, touched):
        self.touched, self.cells, self.visits, self.gone = touched, {}, [], set()

    def update(self, i, field, time, rep, value):
        if self.cells.get((i, field), (0, "", None))[:2] < (time, rep):
            self.cells[i, field] = (time, rep, value)

    def write(self, path):
        changed = set()
        for (i, field), (_, _, value) in self.cells.items():
            if i not in self.gone:
                self.touched[i][field] = value
                changed.add(i)
        with open(path, "w", encoding="utf-8") as out:
            out.writelines(dump(self.touched[i]) for i in sorted(changed))
            out.writelines(sorted(dump(v) for v in self.visits))
            out.writelines(dump({"id": customer_id(i), "deleted": True}) for i in sorted(self.gone))


def write_base(path, make, records, reps, shared, plan):
    touched = dict.fromkeys(i for edits in plan for _, i, _ in edits)
    size = 0
    with open(path, "w", encoding="utf-8") as out:
        for i in range(records):
            row = customer(make, i, records, reps, shared)
            size += len(dump(row).encode())
            out.write(dump(row))
            if i in touched:
                touched[i] = row
    return touched, size


def write_edits(folder, make, plan, expected):
    for r, edits in enumerate(plan):
        time = START + make.below(60_000)
        with open(f"{folder}/edits/{rep_id(r)}.ndjson", "w", encoding="utf-8") as out:
            for k, (op, i, field) in enumerate(edits):
                time += 1000 + make.below(60_000)
                edit = {"seq": k + 1, "rep": rep_id(r), "ts": time, "op": op, "table": "customer", "id": customer_id(i)}
                if op == "update":
                    edit |= {"field": field, "value": make.value(field)}
                    expected.update(i, field, time, rep_id(r), edit["value"])
                elif op == "delete":
                    expected.gone.add(i)
                else:
                    row = visit(make, r, k, i, time)
                    edit |= {"table": "visit", "id": row["id"], "rec": row}
                    expected.visits.append(row)
                out.write(dump(edit))


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--size", choices=SIZES, default="S")
    options.add_argument("--conflict", type=float, default=0.05)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--out", required=True)
    options = options.parse_args()
    records, reps, edits = SIZES[options.size]
    os.makedirs(f"{options.out}/edits", exist_ok=True)
    make = Maker(options.seed)
    plan, shared = plan_edits(make, records, reps, edits, options.conflict)
    touched, size = write_base(f"{options.out}/base.ndjson", make, records, reps, shared, plan)
    expected = Expected(touched)
    write_edits(options.out, make, plan, expected)
    expected.write(f"{options.out}/expected.ndjson")
    with open(f"{options.out}/meta.json", "w", encoding="utf-8") as out:
        json.dump({"n": records, "r": reps, "c": edits, "edits": reps * edits, "base_bytes": size,
                   "updates": reps * round(edits * 0.8), "customers_after": records - len(expected.gone),
                   "visits_after": len(expected.visits)}, out, indent=1)


if __name__ == "__main__":
    main()
