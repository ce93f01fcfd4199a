#!/usr/bin/env python3
"""Sessions of ioredis and node-redis, fetched from npm into build/packages."""
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools"))
import cases
from cases import Server, Skip, TREE

# What runs with node 20 and later, and what did before.
NEW, OLD = ("ioredis@6.0.0", "redis@6.3.1"), ("ioredis@5.11.1", "redis@5.12.1")


def fetch(packages):
    """Puts these under build/packages; returns the folder of modules."""
    folder = os.path.join(TREE, "build/packages", "npm-" + "-".join(packages))
    modules = os.path.join(folder, "node_modules")
    if os.path.exists(os.path.join(folder, "complete")):
        return modules
    if not shutil.which("npm"):
        raise Skip("there is no npm here")
    os.makedirs(folder, exist_ok=True)
    why = cases.cannot_fetch(("npm", "install", "--prefix", folder, "--no-audit", "--no-fund", "--ignore-scripts",
                              "--no-save", *packages), 120)
    if why:
        raise Skip(why)
    with open(os.path.join(folder, "complete"), "w", encoding="ascii"):
        return modules


def versions():
    node = shutil.which("node") or shutil.which("nodejs")
    if not node:
        raise Skip("there is no node here")
    major = int(subprocess.run([node, "--version"], capture_output=True, text=True).stdout.lstrip("v").split(".")[0])
    return node, [NEW, OLD] if major >= 20 else [OLD]


def session(script, *arguments):
    node, all_packages = versions()
    for packages in all_packages:
        modules = fetch(packages)
        with Server() as server:
            path = os.path.join(TREE, "tests/clients", script)
            child = subprocess.Popen([node, path, str(server.port), *arguments], stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT, text=True, env=dict(os.environ, NODE_PATH=modules))
            line = child.stdout.readline()
            if line == "READY\n":
                server.kill()
                server.start()
            try:
                out, _ = child.communicate(timeout=cases.DEADLINE_S)
            except subprocess.TimeoutExpired:
                child.kill()
                out, _ = child.communicate()
            assert out.endswith("DONE\n") and child.returncode == 0, f"{packages}: {line}{out}"


def test_ioredis():
    session("ioredis_session.js")


def test_node_redis_resp2():
    session("node_redis_session.js", "2")


def test_node_redis_resp3():
    session("node_redis_session.js", "3")


if __name__ == "__main__":
    cases.main(sys.modules[__name__])
