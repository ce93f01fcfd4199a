#!/usr/bin/env python3
"""The rules that no other tool knows. Prints each breach as path:line: what; the status is 1 if there is any.

Files below 800 lines, functions of 70 at most, columns of 120 at most; who may include whom; a header's guard is named
after its path; each .c opens with a comment that says what it is; no words that stand for unfinished work or for one
machine; no unsafe string functions; no header that nobody includes.
"""
import os
import re
import sys

LINES_MAX, FUNCTION_MAX, COLUMNS_MAX = 799, 70, 120
# What each folder may include; slab/base/ is open to all. Tests may include everything.
MAY_INCLUDE = {
    "protocol": {"protocol"}, "slab": {"slab"}, "defrag": {"defrag", "slab"},
    "server": {"server", "protocol", "slab", "defrag"},
}
FORBIDDEN = [
    (re.compile(r"\b(TODO|FIXME|XXX|HACK)\b"), "unfinished work"),
    (re.compile(r"(?<![\w.])/(work|home|root)/"), "the path of one machine"),
]
UNSAFE = re.compile(r"(?<![\w.>])(strcpy|strcat|sprintf|vsprintf|gets|strtok|atof)\s*\(")
TOP = ("server", "slab", "defrag", "protocol", "tests")
breaches = []


def breach(path, line, what):
    breaches.append(f"{path}:{line}: {what}")


def files(*endings):
    for top in TOP:
        for folder, _, names in os.walk(top):
            for name in sorted(names):
                if name.endswith(endings) and "__pycache__" not in folder:
                    yield os.path.join(folder, name)


def folder_of(path):
    return path.split("/")[0]


def check_lengths(path, lines):
    if len(lines) > LINES_MAX:
        breach(path, len(lines), f"{len(lines)} lines; {LINES_MAX} are allowed")
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS_MAX:
            breach(path, number, f"{len(line)} columns; {COLUMNS_MAX} are allowed")
        if line != line.rstrip():
            breach(path, number, "blanks at the end")


def check_functions(path, lines):
    begin = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            begin = number
        elif line == "}" and begin:
            if number - begin > FUNCTION_MAX:
                breach(path, begin, f"a function of {number - begin} lines; {FUNCTION_MAX} are allowed")
            begin = None


def check_includes(path, lines):
    top = folder_of(path)
    for number, line in enumerate(lines, 1):
        found = re.match(r'#include "([^"]+)"', line)
        if not found:
            continue
        target = found.group(1)
        if not os.path.exists(target):
            breach(path, number, f"{target}: includes begin at the top of the tree")
            continue
        if target.startswith("slab/base/") or top == "tests":
            pass
        elif folder_of(target) not in MAY_INCLUDE[top]:
            breach(path, number, f"{top}/ must not include {target}")
        if target.endswith("_private.h") and os.path.dirname(target) != os.path.dirname(path) and top != "tests":
            breach(path, number, f"{target} is for its own folder")
        if path.startswith("slab/base/") and not target.startswith("slab/base/"):
            breach(path, number, f"slab/base/ is a leaf, it must not include {target}")


def check_words(path, lines):
    # This list itself may name them.
    if path.startswith("tests/lint/"):
        return
    for number, line in enumerate(lines, 1):
        for pattern, what in FORBIDDEN:
            if pattern.search(line):
                breach(path, number, f"{what}: {line.strip()[:80]}")


def check_c(path, lines):
    text = "\n".join(lines)
    if path.endswith(".c") and not lines[0].startswith("/*"):
        breach(path, 1, "opens without a comment that says what it is")
    for number, line in enumerate(lines, 1):
        if "\t" in line:
            breach(path, number, "a tab")
        if folder_of(path) != "tests" and UNSAFE.search(line):
            breach(path, number, f"unsafe function: {line.strip()[:80]}")
        if path.endswith(".c") and re.match(r"extern\s", line):
            breach(path, number, "extern in a .c file: declare it in a header")
    if path.endswith(".h"):
        # slab/base/lock.h: FLAGSTONE_SLAB_BASE_LOCK_H; in tests/ the last part is enough.
        last = re.sub(r"\W", "_", os.path.basename(path)).upper()
        guard = re.search(r"^#ifndef (\w+)\n#define \1$", text, re.M)
        if not guard or not guard.group(1).startswith("FLAGSTONE_") or not guard.group(1).endswith(last):
            breach(path, 1, f"its guard should be named FLAGSTONE_..._{last}")


def main():
    included = set()
    headers = []
    for path in files(".c", ".h"):
        lines = open(path, encoding="utf-8").read().split("\n")[:-1]
        check_lengths(path, lines)
        check_functions(path, lines)
        check_includes(path, lines)
        check_words(path, lines)
        check_c(path, lines)
        included |= set(re.findall(r'^#include "([^"]+)"', "\n".join(lines), re.M))
        if path.endswith(".h"):
            headers.append(path)
    for path in list(files(".py", ".sh")) + ["Makefile"]:
        lines = open(path, encoding="utf-8").read().split("\n")[:-1]
        check_lengths(path, lines)
        check_words(path, lines)
    for path in headers:
        if path not in included:
            breach(path, 1, "nobody includes this header")
    print("\n".join(breaches))
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
