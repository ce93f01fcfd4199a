#!/usr/bin/env python3
"""Finds functions with external linkage that no other file uses: unused.py BUILD_DIRECTORY

They are unused, or should be static. Looks at the symbols of the server's objects; a use in a test counts, since tests
may need a door that the server has no use for, and so does one in code that only other builds compile. jemalloc reads
malloc_conf.
"""
import glob
import os
import re
import subprocess
import sys


def symbols(path):
    defined, used = set(), set()
    for line in subprocess.run(["nm", "-P", path], stdout=subprocess.PIPE, check=True).stdout.decode().splitlines():
        name, kind = line.split()[:2]
        (used if kind == "U" else defined if kind in "TDBR" else set()).add(name)
    return defined, used


def main():
    build = sys.argv[1]
    defined, used = {}, {}
    for top in ("server", "slab", "defrag", "protocol"):
        for path in glob.glob(f"{build}/{top}/**/*.o", recursive=True):
            if os.path.exists(os.path.relpath(path, build)[:-1] + "c"):
                defined[path], used[path] = symbols(path)
    sources = {path: open(path, encoding="utf-8").read()
               for pattern in ("server/*.c", "slab/**/*.c", "defrag/*.c", "protocol/*.c", "tests/**/*.c", "**/*.h")
               for path in glob.glob(pattern, recursive=True)}
    words = {path: set(re.findall(r"\b[a-z_]\w+\b", text)) for path, text in sources.items()}
    wrong = 0
    for path, names in sorted(defined.items()):
        source = os.path.relpath(path, build)[:-1] + "c"
        elsewhere = set().union(*(u for p, u in used.items() if p != path))
        for name in sorted(names - elsewhere - {"main", "malloc_conf"}):
            # Its header does not count as a use, unless an inline function there calls it.
            uses = [p for p, w in words.items() if name in w and p != source and not p.endswith(".h")]
            inline = any(len(re.findall(rf"\b{name}\s*\(", text)) > 1 for p,
                         text in sources.items() if p.endswith(".h"))
            if not uses and not inline:
                print(f"{source}: {name} is used by no other file: static, or not needed")
                wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
