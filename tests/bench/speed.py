"""Speed: what an operation costs the server, all servers in turn within every round, as a ratio to the floor."""
import os
import socket
import struct
import time

from report import median, number
from servers import say

STORM_RATE, STORM_SECONDS = 5000, 4
GET100, GET90, GET50 = "get:100", "get:90,set:10", "get:50,set:50"


def row(label, pipeline, mix=GET90, **more):
    return dict(more, label=label, pipeline=pipeline, mix=mix)


# What `make bench` runs (ten minutes), by data set. `fills`: how many times fresh servers are filled.
SPEED = [
    dict(name="1M keys, 100 B", keys=1_000_000, values="100", fills=3, rows=[
        row("P128 GET 90%", 128), row("P128 GET 100%", 128, GET100), row("P128 GET 50%", 128, GET50),
        row("P128 SET only", 128, "set:100"), row("P128 GET 90% Zipf", 128, zipf=0.99),
        row("P16 GET 90%", 16), row("P16 GET 90% Zipf", 16, zipf=0.99),
        row("P1 GET 90%", 1), row("P1 GET 100%", 1, GET100),
        row("P128 INCR", 128, "incr:100"), row("P1 INCR", 1, "incr:100"),
        row("P16 MGET of 32", 16, "mget:100"), row("P1 MGET of 32", 1, "mget:100"),
    ]),
    dict(name="10M keys, 100 B", keys=10_000_000, values="100", fills=1, rows=[
        row("P128 GET 90%", 128), row("P128 GET 100%", 128, GET100), row("P128 GET 90% Zipf", 128, zipf=0.99),
        row("P16 GET 90%", 16), row("P1 GET 90%", 1),
    ]),
    dict(name="1M keys, 16 B", keys=1_000_000, values="16", fills=1, rows=[row("P128 GET 90%", 128)]),
    dict(name="1M keys, 1 KB", keys=1_000_000, values="1024", fills=1, rows=[
        row("P128 GET 90%", 128), row("P1 GET 90%", 1)]),
    dict(name="10k keys, 100 KB", keys=10_000, values="102400", fills=1, rows=[
        row("P16 GET 90%", 16), row("P1 GET 90%", 1)]),
]


def every_row():
    """The full product, for those with an hour."""
    rows = []
    for pipeline in (1, 16, 128):
        for mix, name in ((GET100, "100%"), (GET90, "90%"), (GET50, "50%")):
            rows.append(row(f"P{pipeline} GET {name}", pipeline, mix))
            rows.append(row(f"P{pipeline} GET {name} Zipf", pipeline, mix, zipf=0.99))
        rows.append(row(f"P{pipeline} INCR", pipeline, "incr:100"))
        rows.append(row(f"P{pipeline} MGET of 32", pipeline, "mget:100"))
    return rows


def full():
    sets = [("16", 1_000_000), ("100", 1_000_000), ("1024", 1_000_000), ("102400", 10_000), ("16", 10_000_000),
            ("100", 10_000_000)]
    return [dict(name=f"{keys // 1000}k keys, {values} B", keys=keys, values=values, fills=1, rows=every_row())
            for values, keys in sets]


def summary(target, floor):
    """Medians over the rounds; the ratio is the median of the ratios round by round."""
    rounds = target["rounds"]
    cost = [r["cpu_us_per_op"] for r in rounds]
    against = [r["cpu_us_per_op"] for r in floor["rounds"]] if floor else []
    return {
        "cpu_us_per_op": median(cost),
        "to_floor": median([c / f for c, f in zip(cost, against) if f > 0]),
        "ops_per_second": median([r["ops_per_second"] for r in rounds]),
        "ops_per_cpu_second": 1e6 / median(cost) if median(cost) else None,
        "cpu_share": median([r["cpu_share"] for r in rounds]),
        "p50_us": target["reads"]["p50_us"], "p99_us": median([r["reads"]["p99_us"] for r in rounds]),
        "p999_us": median([r["reads"]["p999_us"] for r in rounds]), "max_us": target["reads"]["max_us"],
        "misses": target["misses"], "errors": target["errors"], "first_error": target["first_error"],
    }


def check(label, name, figures, misses_allowed=False):
    if figures["errors"] or (figures["misses"] and not misses_allowed):
        say(f"bench: {label}: {name}: {figures['errors']} errors ({figures['first_error']}), "
            f"{figures['misses']} misses")


def ring_size(data, scenario):
    """Operations built beforehand: enough that the keys drawn are not few, and a few hundred MB at most."""
    if scenario["mix"].startswith("mget"):
        return 200_000
    if int(data["values"]) > 4096:
        return 20_000
    return min(8_000_000, max(1_000_000, data["keys"])) // (1 if scenario["pipeline"] > 1 else 8)


def fill(park, servers, data, report):
    """Fills fresh servers with every key once; their figures are of the last time, their costs of all."""
    all_fills = []
    for _ in range(data["fills"]):
        for server in servers:
            server.stop()
            server.start(value_size=data["values"])
        large = int(data["values"]) > 4096
        done = park.load(servers, "--fill", "--keys", data["keys"], "--values", data["values"], "--pipeline",
                         4 if large else 128, "--ring", 5_000 if large else min(250_000, data["keys"]))
        all_fills.append(done)
    out = {}
    for server in servers:
        rounds = [f[server.name]["rounds"][0] for f in all_fills]
        floors = [f["floor"]["rounds"][0] for f in all_fills] if "floor" in all_fills[0] else []
        last = all_fills[-1][server.name]
        figures = summary(dict(last, rounds=rounds), {"rounds": floors} if floors else None)
        figures["rss_per_item"] = (server.rss() - server.empty_rss) / data["keys"] - 14 - int(data["values"])
        check("fill", server.name, figures)
        out[server.name] = figures
    report.put(f"{data['name']}: fill", out)
    return out


def measure(park, servers, data, scenario, args):
    options = ["--keys", data["keys"], "--values", data["values"], "--mix", scenario["mix"],
               "--pipeline", scenario["pipeline"], "--conns", scenario.get("conns", 50), "--rounds", args.rounds,
               "--seconds", args.seconds, "--warm", args.warm, "--ring", ring_size(data, scenario)]
    if "zipf" in scenario:
        options += ["--zipf", scenario["zipf"]]
    done = park.load(servers, *options)
    out = {}
    for server in servers:
        out[server.name] = summary(done[server.name], done.get("floor"))
        check(scenario["label"], server.name, out[server.name])
    return out


def show(report, servers, data, found):
    names = [s.name for s in servers]

    def rows(cell):
        return [[label] + [cell(figures[n]) for n in names] for label, figures in found]

    report.show(f"{data['name']}: server CPU, µs an operation (ratio to the floor)", [""] + names,
                rows(lambda f: f"{number(f['cpu_us_per_op'], 3)} ({number(f['to_floor'])})"))
    report.show(f"{data['name']}: thousand operations a second", [""] + names,
                rows(lambda f: number(f["ops_per_second"] / 1e3, 0)))
    report.show(f"{data['name']}: latency under full load, µs: p50 / p99 / p99.9", [""] + names,
                rows(lambda f: " / ".join(number(f[k], 0) for k in ("p50_us", "p99_us", "p999_us"))))


def run_sets(park, report, args, sets):
    servers = park.all()
    try:
        for data in sets:
            say(f"bench: {data['name']} ...")
            filled = fill(park, servers, data, report)
            found = [("fill (SET, new keys)", filled)]
            for scenario in data["rows"]:
                figures = measure(park, servers, data, scenario, args)
                report.put(f"{data['name']}: {scenario['label']}", figures)
                found.append((scenario["label"], figures))
            show(report, servers, data, found)
            report.show(f"{data['name']}: resident bytes an item beyond key and value",
                        [""] + [s.name for s in servers],
                        [["after the fill"] + [number(filled[s.name]["rss_per_item"], 1) if s.kind != "floor" else "-"
                                               for s in servers]])
            report.save()
    finally:
        for server in servers:
            server.stop()


def speed(park, report, args):
    run_sets(park, report, args, SPEED)


def speed_full(park, report, args):
    run_sets(park, report, args, full())


def pipelines(park, report, args):
    """The short one: three depths, 1M keys."""
    data = dict(SPEED[0], fills=1, rows=[row("P128 GET 90%", 128), row("P16 GET 90%", 16), row("P1 GET 90%", 1)])
    run_sets(park, report, args, [data])


def one_set(park, report, args, servers, rows, name):
    """A filled 1M data set and its rows, for a choice of servers."""
    data = dict(SPEED[0], fills=1, rows=rows)
    try:
        found = [("fill (SET, new keys)", fill(park, servers, data, report))]
        for scenario in rows:
            figures = measure(park, servers, data, scenario, args)
            report.put(f"{name}: {scenario['label']}", figures)
            found.append((scenario["label"], figures))
        show(report, servers, dict(data, name=f"{name}: {data['name']}"), found)
    finally:
        for server in servers:
            server.stop()


def threads(park, report, args):
    """Flagstone with 1, 2 and 4 threads over all processors (the load is on one of them too)."""
    servers = [park.floor] + [park.flagstone_with(n, park.all_cpus, f"{n} threads") for n in (1, 2, 4)]
    one_set(park, report, args, servers, [row("P128 GET 90%", 128), row("P16 GET 90%", 16), row("P1 GET 90%", 1)],
            "threads")


def connections(park, report, args):
    """Many active connections, one request at a time each."""
    servers = park.chosen([park.floor, park.flagstone, park.redis] + park.others)
    one_set(park, report, args, servers, [
        row("50 connections", 1), row("1,000 connections", 1, conns=1000), row("10,000 connections", 1, conns=10_000)],
            "connections")
    rows = []
    for server in servers:
        out = storm(server, park.load_cpu)
        report.put(f"accept storm: {server.name}", out)
        rows.append([server.name, number(out["per_second"], 0), number(out["cpu_us"], 1), number(out["p99_us"], 0),
                     number(out["max_us"] / 1e3, 1), str(out["failures"])])
    report.show(f"Accept storm: {STORM_RATE:,} times a second connect, PING, close, for {STORM_SECONDS} s",
                ["", "reached /s", "server CPU µs each", "p99 µs", "max ms", "failures"], rows)


def storm(server, cpu):
    """Connections that ask once and close, at a fixed rate, one after the other."""
    server.start()
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    times, failures = [], 0
    try:
        used, start = server.cpu_seconds(), time.perf_counter()
        for i in range(STORM_RATE * STORM_SECONDS):
            due = start + i / STORM_RATE
            while time.perf_counter() < due:
                pass
            began = time.perf_counter()
            try:
                with socket.create_connection(("127.0.0.1", server.port), timeout=5) as sock:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    sock.sendall(b"*1\r\n$4\r\nPING\r\n")
                    failures += sock.recv(16) != b"+PONG\r\n"
            except OSError:
                failures += 1
            times.append(time.perf_counter() - began)
        elapsed, used = time.perf_counter() - start, server.cpu_seconds() - used
        times.sort()
        return {"per_second": len(times) / elapsed, "cpu_us": used * 1e6 / len(times), "failures": failures,
                "p99_us": times[len(times) * 99 // 100] * 1e6, "max_us": times[-1] * 1e6}
    finally:
        os.sched_setaffinity(0, before)
        server.stop()


def latency(park, report, args):
    """Open loop at half of what redis-server can do: percentiles from the time a request was due."""
    servers = park.chosen([park.flagstone, park.redis, park.memcached] + park.others)
    data = dict(SPEED[0], fills=1)
    rows = []
    try:
        fill(park, servers, data, report)
        for pipeline in (1, 16):
            reference = park.redis or servers[0]
            full_speed = measure(park, [reference], data, row("saturation", pipeline), args)[reference.name]
            rate = full_speed["ops_per_second"] / 2
            done = park.load(servers, "--keys", data["keys"], "--values", "100", "--pipeline", pipeline, "--rate", rate,
                             "--rounds", args.rounds, "--seconds", 3, "--warm", args.warm)
            for server in servers:
                out = summary(done[server.name], None)
                report.put(f"P{pipeline} at {rate:.0f}/s: {server.name}", out)
                rows.append([f"P{pipeline}, {rate / 1e3:.0f}k/s: {server.name}"] + [
                    number(out[k], 0) for k in ("p50_us", "p99_us", "p999_us", "max_us")] + [number(out["cpu_share"])])
        report.show("Latency at half of redis-server's saturation, µs (medians of rounds)",
                    ["", "p50", "p99", "p99.9", "max", "CPU share"], rows)
    finally:
        for server in servers:
            server.stop()
