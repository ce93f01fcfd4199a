"""Giving memory back at scale: compacting, FLUSHALL, expiry."""
import os
import threading
import time

from pressure import Sampler, at, complain, gets
from report import megabytes, number


def thread_cpu(server, name):
    """CPU seconds of the thread of that name."""
    total = 0
    for task in os.listdir(f"/proc/{server.pid}/task"):
        with open(f"/proc/{server.pid}/task/{task}/comm", encoding="ascii") as f:
            if f.read().strip() != name:
                continue
        with open(f"/proc/{server.pid}/task/{task}/schedstat", encoding="ascii") as f:
            total += int(f.read().split()[0])
    return total / 1e9


def first_at(points, size):
    """When the RSS was at or under `size` first, in seconds."""
    return next((t for t, rss in points if rss <= size), None)


# ---- compacting gigabytes -------------------------------------------------------------------------------------------

def compact(park, report, args):
    """Items of 1 KB, every second deleted; MEMORY PURGE VERBOSE tells when it is done and what it moved."""
    server = park.flagstone
    keys = int(10_000_000 * args.scale)
    fill = ["--keys", keys, "--values", "1000", "--pipeline", 128, "--ring", 250_000]
    server.start(options=["--activedefrag", "no"])
    try:
        complain(server.name, park.load([server], "--fill", *fill)[server.name])
        full = server.rss()
        live = park.load([server], "--delete", 50, *fill)[server.name]["stored_bytes"]
        before, cpu, begun = server.rss(), thread_cpu(server, "memory"), time.monotonic()
        answer = server.command("MEMORY", "PURGE", "VERBOSE")
        seconds = time.monotonic() - begun
        cpu = thread_cpu(server, "memory") - cpu
        told = dict(zip(answer[::2], answer[1::2]))
        after = server.rss()
    finally:
        server.stop()
    report.put("compact", {"live_bytes": live, "full_rss": full, "rss_before": before, "rss_after": after,
                           "seconds": seconds, "cpu_seconds": cpu, "told": told})
    report.show(f"{keys:,} items of 1 KB, half of them deleted at random, compacted by MEMORY PURGE",
                ["", "live GB", "RSS before", "RSS after (of live)", "s", "CPU s", "GB moved", "GB/s moved",
                 "moved to released"],
                [["flagstone", number(live / 1e9), number(before / 1e9),
                  f"{number(after / 1e9)} ({number(after / live)})", number(seconds), number(cpu),
                  number(told["bytes.moved"] / 1e9),
                  number(told["bytes.moved"] / 1e9 / seconds), number(told["bytes.moved"] / max(1, before - after))]])


# ---- FLUSHALL -------------------------------------------------------------------------------------------------------

def flush_once(park, server, keys):
    server.start()
    fill = ["--keys", keys, "--values", "1000", "--pipeline", 128, "--ring", 250_000]
    try:
        complain(server.name, park.load([server], "--fill", *fill)[server.name])
        full, result = server.rss(), {}
        load = threading.Thread(target=lambda: result.update(gets(park, server, keys, "1000", 4)))
        load.start()
        time.sleep(1)
        sampler = Sampler(server, 0.02)
        begun = time.monotonic()
        server.command("FLUSHALL")
        answered = time.monotonic() - begun
        load.join()
        points = sampler.stop()
        return {"full_rss": full, "answered": answered, "under_50mb": first_at(points, 50_000_000),
                "rss_2s": at(points, 2), "reads": result["reads"], "series": points}
    finally:
        server.stop()


def flush(park, report, args):
    keys = int(4_000_000 * args.scale)
    figures = {s.name: flush_once(park, s, keys) for s in park.speaking_redis()}
    report.put("flush", figures)
    report.show(f"FLUSHALL of {keys:,} items of 1 KB, while others ask 2,000 times a second",
                ["", "RSS before, MB", "answered, ms", "s to 50 MB", "RSS after 2 s, MB", "others' p99, µs",
                 "their max, ms"],
                [[n, number(megabytes(f["full_rss"]), 0), number(f["answered"] * 1e3, 1), number(f["under_50mb"]),
                  number(megabytes(f["rss_2s"]), 1), number(f["reads"]["p99_us"], 0),
                  number(f["reads"]["max_us"] / 1e3, 1)] for n, f in figures.items()])


# ---- expiry at pace -------------------------------------------------------------------------------------------------

LONGEST = 100  # seconds


def lag_told(server):
    """What the server says of how late items were freed: an upper bound of 99 % of them, in seconds."""
    for line in server.command("INFO", "stats").splitlines():
        if line.startswith("active_expiry_lag:"):
            return int(dict(f.split("=") for f in line.split(":", 1)[1].split(","))["p99_ns"]) / 1e9
    return None


def expiry_once(park, server, keys):
    """Where items with lifetimes of 1-100 s ought to be by the clock, and how many seconds behind the server is."""
    server.start()
    try:
        begun = time.monotonic()
        done = park.load([server], "--fill", "--keys", keys, "--values", "100", "--ttl", f"1-{LONGEST}", "--pipeline",
                         128, "--ring", 250_000)[server.name]
        complain(server.name, done)
        fill = time.monotonic() - begun
        cpu, memory = server.cpu_seconds(), thread_cpu(server, "memory") if server.is_flagstone else None
        first, lags = time.monotonic(), []
        while True:
            now = time.monotonic() - begun
            left = server.command("DBSIZE")
            if now > fill + 2 and now < LONGEST:
                # lifetimes are whole seconds, uniform in 1 to LONGEST; sets were uniform over the fill: of what was
                # set x seconds ago LONGEST - floor(x) in LONGEST live, half a second's worth more than LONGEST - x
                due = keys * max(0.0, LONGEST - (now - fill / 2) + 0.5) / LONGEST
                lags.append((left - due) / (keys / LONGEST))
            if left == 0 or now > fill + LONGEST + 30:
                break
            time.sleep(0.25)
        seconds = time.monotonic() - first
        return {"lag_mean": sum(lags) / len(lags), "lag_max": max(lags), "emptied_after": now - fill - LONGEST,
                "told": lag_told(server) if server.is_flagstone else None,
                "cpu_share": (server.cpu_seconds() - cpu) / seconds, "rss": server.rss(),
                "memory_thread": (thread_cpu(server, "memory") - memory) / seconds if server.is_flagstone else None}
    finally:
        server.stop()


def expiry(park, report, args):
    keys = int(10_000_000 * args.scale)
    figures = {s.name: expiry_once(park, s, keys) for s in park.speaking_redis()}
    report.put("expiry", figures)
    report.show(f"{keys:,} items with lifetimes uniform in 1-{LONGEST} s; nobody asks for them",
                ["", "behind, s: mean", "most", "99 % within, s", "last gone after, s",
                 "memory thread, % of a core", "server, %", "RSS after, MB"],
                [[n, number(f["lag_mean"]), number(f["lag_max"]), number(f["told"]), number(f["emptied_after"]),
                  number(None if f["memory_thread"] is None else 100 * f["memory_thread"], 1),
                  number(100 * f["cpu_share"], 1), number(megabytes(f["rss"]), 1)] for n, f in figures.items()])
