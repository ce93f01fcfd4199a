"""Memory at rest: what an item, an empty server, an idle connection and a very large value cost."""
import os
import socket
import subprocess
import time

from report import megabytes, number
from servers import BUILD, say

IDLE_CONNECTIONS = 10_000


def settle(server, seconds=2.0):
    """RSS once it has stopped falling: background work may give memory back for a while."""
    lowest = server.rss()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.1)
        lowest = min(lowest, server.rss())
    return server.rss()


def per_item(park, server, keys, values, ttl):
    server.start()
    try:
        options = ["--fill", "--keys", keys, "--values", values, "--pipeline", 64, "--conns", 1, "--ring", 250_000]
        if ttl:
            options += ["--ttl", ttl]
        done = park.load([server], *options)[server.name]
        rss = settle(server)
        figures = {"keys": keys, "stored_bytes": done["stored_bytes"], "rss": rss, "empty_rss": server.empty_rss,
                   "bytes_per_item": (rss - server.empty_rss - done["stored_bytes"]) / keys,
                   "errors": done["errors"], "first_error": done["first_error"]}
        if done["errors"]:
            say(f"bench: {server.name}: {done['errors']} errors: {done['first_error']}")
        return figures
    finally:
        server.stop()


def idle_connections(server):
    """RSS a connection: just opened, and after each has asked once."""
    server.start()
    try:
        before = server.rss()
        socks = []
        for _ in range(IDLE_CONNECTIONS):
            socks.append(socket.create_connection(("127.0.0.1", server.port)))
        time.sleep(1)
        opened = server.rss()
        for sock in socks:
            sock.sendall(b"mn\r\n" if server.kind == "memcached" else b"PING\r\n")
        for sock in socks:
            sock.recv(64)
        time.sleep(2)
        asked = server.rss()
        for sock in socks:
            sock.close()
        return {"opened": (opened - before) / IDLE_CONNECTIONS, "asked": (asked - before) / IDLE_CONNECTIONS}
    finally:
        server.stop()


def memory(park, report, args):
    servers = park.caches()
    names = [s.name for s in servers]
    keys = int(1_000_000 * args.scale)
    cases = [("14 B key, 100 B value", "100", None), ("the same with a TTL", "100", "100000-200000"),
             ("values uniform in 8-512 B", "8-512", None)]
    rows = []
    for label, values, ttl in cases:
        out = {s.name: per_item(park, s, keys, values, ttl) for s in servers}
        report.put(label, out)
        rows.append([label] + [number(out[n]["bytes_per_item"], 1) for n in names])
    report.show(f"{keys:,} items: resident bytes an item beyond key and value", [""] + names, rows)
    idle = {s.name: idle_connections(s) for s in servers}
    report.put("idle connections", idle)
    report.put("empty rss", {s.name: s.empty_rss for s in servers})
    report.show("At rest", [""] + names, [
        ["empty server, MB"] + [number(megabytes(s.empty_rss), 1) for s in servers],
        [f"{IDLE_CONNECTIONS:,} connections just opened, B each"] + [number(idle[n]["opened"], 0) for n in names],
        ["after each has asked once, B each"] + [number(idle[n]["asked"], 0) for n in names]])


def large(park, report, args):
    servers = park.speaking_redis()
    size = int((512 << 20) * args.scale)
    rows, figures = [], {}
    for server in servers:
        server.start()
        try:
            out = park.run([f"{BUILD}/bench-large", "--port", server.port, "--pid", server.pid, "--bytes", size])
        finally:
            server.stop()
        figures[server.name] = out
        base = out["idle"]["rss"]
        rows.append([server.name, number(megabytes(out["set"]["peak_rss"] - base - size), 1),
                     number(megabytes(out["get"]["peak_rss"] - base - size), 1), number(out["set"]["seconds"], 2),
                     number(out["get"]["seconds"], 2), number(out["idle"]["max_us"] / 1e3, 2),
                     number(out["set"]["max_us"] / 1e3, 2), number(out["get"]["max_us"] / 1e3, 2)])
    report.put("large", figures)
    report.show(f"One value of {size >> 20} MB", ["", "SET: peak MB over it", "GET: peak MB over it", "SET s", "GET s",
                                                  "others' wait, ms: idle", "in SET", "in GET"], rows)


def redis_benchmark(park, report, args):
    """What users run: redis-benchmark's own figures, and the CPU time that the server took for them."""
    servers = park.speaking_redis()
    rows, figures = [], {}
    for server in servers:
        server.start()
    try:
        for depth, requests in ((1, 200_000), (64, 2_000_000)):
            for test in ("ping", "set", "get", "incr", "mset"):
                for server in servers:
                    out = one_benchmark(park, server, test, depth, max(1000, int(requests * args.scale)))
                    figures[f"{test} P{depth} {server.name}"] = out
                for kind in figures[f"{test} P{depth} {servers[0].name}"]["tests"]:
                    cells = [figures[f"{test} P{depth} {s.name}"] for s in servers]
                    rows.append([f"P{depth} {kind}"] + [
                        f"{number(c['tests'][kind]['rps'], 0)} /s, {number(c['tests'][kind]['p99_ms'], 2)} ms, "
                        f"{number(c['cpu_us_per_op'], 2)} µs" for c in cells])
    finally:
        for server in servers:
            server.stop()
    report.put("redis-benchmark", figures)
    report.show("redis-benchmark: requests a second, p99, server CPU a request", [""] + [s.name for s in servers], rows)


def one_benchmark(park, server, test, depth, requests):
    argv = ["redis-benchmark", "-p", str(server.port), "-t", test, "-P", str(depth), "-n", str(requests), "--csv"]
    before = server.cpu_seconds()
    done = subprocess.run(argv, capture_output=True, text=True, check=False,
                          preexec_fn=lambda: os.sched_setaffinity(0, {park.load_cpu}))
    cpu = server.cpu_seconds() - before
    tests, noise = {}, done.stderr.strip()
    for line in done.stdout.splitlines():
        cells = [c.strip('"') for c in line.split('","')]
        if cells[0] == "test":
            columns = cells
        elif len(cells) > 5:
            values = dict(zip(columns, cells))
            tests[cells[0]] = {"rps": float(values["rps"]), "p50_ms": float(values["p50_latency_ms"]),
                               "p99_ms": float(values["p99_latency_ms"])}
        elif line:
            noise += line
    if done.returncode or noise:
        say(f"bench: redis-benchmark {test} on {server.name}: exit {done.returncode} {noise[:200]}")
    return {"tests": tests, "noise": noise, "exit": done.returncode,
            "cpu_us_per_op": cpu * 1e6 / (requests * max(1, len(tests)))}
