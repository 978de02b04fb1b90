"""Figures, ratios and how they are shown."""
import json
import platform
import subprocess

NAMES = {
    "a_import": "a  bulk import", "f_central": "f  central.git after import", "f_hub": "   hub folder after import",
    "people": "   post, person, invitation",
    "first_sync": "   first sync of a laptop", "first_views": "   first views",
    "b_replica": "b  fresh replica", "replica_size": "   replica on the laptop", "e_edit_cli": "e  local edit, command line",
    "e_edit": "e  local edit, library (p50)", "c_total": "c  push + merge", "changes": "   edits that changed something", "c_push": "   push of a laptop",
    "c_merge": "   merge alone", "c_merge_change": "   merge of one change", "wire_up": "   outbox, bytes of packs",
    "central_growth": "   central.git grows", "tree_bytes": "   trees written, not deflated", "d_pull": "d  pull after the night",
    "d_pull_cpu": "   pull after the night", "noop_sync": "   sync with nothing to do", "noop_merge": "   merge with nothing to do",
    "audit": "   audit of one field", "get": "   get of one record", "verify": "   hub verify", "verify_replay": "   hub verify --replay",
    "verify_replica": "   verify of a replica", "rebuild": "   hub rebuild", "export": "   export of all visits",
    "lost_edits": "   lost edits",
    "late_deep": "   late change to a record with 1,000", "late_night": "   night with 5 % late, against one without",
}
# name, figure, baseline, higher is better, must, aim
RATIOS = [
    ("c against the session extension, one changeset a push", "c_total", "session_push.c", True, 0.6, 1.0),
    ("c against the session extension, one changeset an edit", "c_total", "session_edit.c", True, 1.5, None),
    ("c against stock git", "c_total", "git.c", True, None, None),
    ("a against raw SQLite", "a_import", "sqlite.a", True, 0.4, 0.7),
    ("e against a raw update", "e_edit", "sqlite.e", False, 1.5, 1.2),
    ("f against stock git gc", "f_central", "git.f", False, 1.2, 1.0),
]
LIMITS = {"b_replica": (250, 120), "d_pull_cpu": (40, 10), "noop_sync": (40, 15), "wire_up": (120, 60), "f_central": (700, 450),
          "tree_bytes": (2048, 500), "lost_edits": (0, 0), "late_deep": (20, 20), "late_night": (1.3, 1.3)}


def show(value):
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def commit_of(source):
    done = subprocess.run(["git", "-C", source, "rev-parse", "--short=12", "HEAD"], stdout=subprocess.PIPE, check=False,
                          encoding="utf-8", stderr=subprocess.DEVNULL)
    return done.stdout.strip()


class Report:
    def __init__(self, size, source, cores):
        self.about = {"size": size, "commit": commit_of(source), "cores": cores, "system": platform.system(),
                      "kernel": platform.release()}
        self.figures, self.check = {}, None

    def note(self, key, value, unit, **more):
        self.figures[key] = {"value": value, "unit": unit} | {k: v for k, v in more.items() if v is not None}

    def ratios(self):
        out = []
        for name, mine, other, more, must, aim in RATIOS:
            if mine in self.figures and other in self.figures:
                ratio = self.figures[mine]["value"] / self.figures[other]["value"]
                met = None if must is None else ratio >= must if more else ratio <= must
                out.append({"name": name, "ratio": ratio, "must": must, "aim": aim, "met": met,
                            "better": "more" if more else "less"})
        return out

    def as_json(self):
        return json.dumps(self.about | {"figures": self.figures, "ratios": self.ratios(), "check": self.check}, indent=1)

    def as_text(self):
        out = [f"size {self.about['size']}, commit {self.about['commit']}, {self.about['cores']} cores", "",
               f"{'step':42} {'figure':>12} {'unit':12} {'RSS MiB':>8}  must / aim"]
        for key, figure in self.figures.items():
            limit = LIMITS.get(key)
            bound = f"<= {limit[0]} / {limit[1]}{'' if figure['value'] <= limit[0] else '  MISSED'}" if limit else ""
            more = "".join(f"  {k} {show(figure[k])}" for k in ("cpu_s", "cpu_ms", "p99") if k in figure)
            out.append(f"{NAMES.get(key, '   ' + key):42} {show(figure['value']):>12} {figure['unit']:12}"
                       f" {figure.get('rss_mib', ''):>8}  {bound}{more}")
        out += ["", f"{'ratio':58} {'':>8}  must / aim"]
        for row in self.ratios():
            sign = ">=" if row["better"] == "more" else "<="
            bound = "" if row["must"] is None else f"{sign} {row['must']} / {row['aim'] or '-'}{'' if row['met'] else '  MISSED'}"
            out.append(f"{row['name']:58} {row['ratio']:8.2f}  {bound}")
        return "\n".join(out)
