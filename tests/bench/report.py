"""Tables in text, for people, and the same figures in JSON."""
import datetime
import json
import os
import platform
import statistics
import subprocess

from servers import BUILD


def median(values):
    values = [v for v in values if v is not None]
    return statistics.median(values) if values else None


def number(value, digits=2):
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return f"{value:,}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.{digits}f}"


def megabytes(size):
    return None if size is None else size / 1e6


def table(title, columns, rows, note=""):
    """`rows`: lists of cells as wide as `columns`; the first cell of a row is its label."""
    cells = [[c if isinstance(c, str) else number(c) for c in row] for row in rows]
    widths = [max(len(r[i]) for r in [columns] + cells) for i in range(len(columns))]

    def line(row):
        return "  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths))).rstrip()

    out = ["", title, "=" * len(title)]
    if note:
        out.append(note)
    out += [line(columns), "  ".join("-" * w for w in widths)]
    out += [line(r) for r in cells]
    return "\n".join(out) + "\n"


def machine():
    model = "unknown"
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        for row in f:
            if row.startswith("model name"):
                model = row.split(":", 1)[1].strip()
                break
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return {"processor": model, "processors": os.cpu_count(), "kernel": platform.release(),
            "date": datetime.datetime.now().isoformat(timespec="seconds"), "commit": commit.stdout.strip(),
            "load_average": os.getloadavg()[0]}


class Report:
    """What a group found. Text is shown at once and kept; `figures` goes into the JSON file."""

    def __init__(self, group):
        self.group, self.figures, self.text = group, {"machine": machine()}, []

    def show(self, title, columns, rows, note=""):
        text = table(title, columns, rows, note)
        self.text.append(text)
        print(text, flush=True)

    def put(self, key, value):
        self.figures[key] = value

    def save(self):
        os.makedirs(BUILD, exist_ok=True)
        with open(f"{BUILD}/{self.group}.json", "w", encoding="utf-8") as f:
            json.dump(self.figures, f, indent=1)
            f.write("\n")
        with open(f"{BUILD}/{self.group}.txt", "w", encoding="utf-8") as f:
            f.write("".join(self.text))
