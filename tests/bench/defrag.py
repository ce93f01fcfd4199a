"""Active defragmentation: what is resident after deletes, what clients notice of it, what it costs."""
import statistics
import time

from giving import thread_cpu
from pressure import Sampler, at, complain, gets
from report import megabytes, median, number

DELETED = 75
CHURN = "get:2,set:15,del:5"
CHURN_SIZES = ("64-96", "160-192")
CHURN_RATE = 22_000
SURVIVORS = ["--survivors", DELETED, "--verify"]
TIMES = ("p50_us", "p99_us", "p999_us", "max_us")
LARGE = 1 << 20


def mixed(values):
    """The same values with a tenth of the bytes in values of 1 MB."""
    low, high = (int(v) for v in values.split("-"))
    return f"{values},{LARGE}@{0.1 * (low + high) / 2 / (0.9 * LARGE):.9f}"


def fill(park, server, keys, values):
    complain(server.name, park.load([server], "--fill", "--keys", keys, "--values", values, "--pipeline", 128,
                                    "--ring", 250_000)[server.name])


def delete(park, server, keys, values):
    """Deletes at random; the bytes of keys and values that are left."""
    return park.load([server], "--delete", DELETED, "--keys", keys, "--values", values, "--pipeline", 128, "--ring",
                     250_000)[server.name]["stored_bytes"]


def active(server, setting):
    return server.command("CONFIG", "SET", "activedefrag", setting)


def status(server):
    """MEMORY DEFRAG STATUS and what has been moved so far."""
    answer = server.command("MEMORY", "DEFRAG", "STATUS")
    out = dict(zip(answer[::2], answer[1::2]))
    out.update(line.split(":", 1) for line in server.command("INFO", "everything").splitlines() if ":" in line)
    return out


def await_rest(server, seconds=20):
    until = time.monotonic() + seconds
    while status(server)["state"] != "idle" and time.monotonic() < until:
        time.sleep(0.1)


def calm(turns):
    """The seconds of all turns in which the hypervisor took less time than in the other half of them: what it takes is
    nobody's latency that is measured here."""
    windows = [w for turn in turns for w in turn if w["count"] > 0]
    limit = statistics.median_low(w["stolen_ms"] for w in windows)
    return [w for w in windows if w["stolen_ms"] <= limit]


def times(label, phases, base=None):
    """A row: medians over the calm seconds of all turns, so that a second in which the machine was disturbed does not
    count for more than one; and their ratio to those of `base`."""
    windows, idle = calm(phases), calm(base) if base else None

    def middle(among, k):
        return median([w[k] for w in among])

    cells = [label] + [number(middle(windows, k), 0) for k in TIMES] + [
        number(max(w["max_us"] for turn in phases for w in turn), 0)]
    return cells + [number(middle(windows, k) / middle(idle, k)) if base else "-" for k in ("p99_us", "p999_us",
                                                                                            "max_us")]


TIME_COLUMNS = ["GET at 2,000/s, open loop, µs", "p50", "p99", "p99.9", "max", "max of all", "p99 to idle",
                "p99.9 to idle", "max to idle"]


# ---- what is resident after deletes ---------------------------------------------------------------------------------

def frag_once(park, server, keys, values, options=()):
    server.start(options=options)
    try:
        fill(park, server, keys, values)
        full = server.rss()
        before = gets(park, server, keys, values, 4, more=SURVIVORS)
        live = delete(park, server, keys, values)
        sampler = Sampler(server, 0.5)  # each look takes a processor for a moment
        during = gets(park, server, keys, values, 6, more=SURVIVORS)
        after = gets(park, server, keys, values, 4, more=SURVIVORS)
        points = sampler.stop()
        out = {"live": live, "full": full, "rss_5s": at(points, 5), "rss_10s": at(points, 10), "series": points,
               "before": before["windows"], "during": during["windows"], "after": after["windows"],
               "lost": during["misses"] + after["misses"]}
        if server.protocol == "resp" and not options:
            out["refuses"] = str(active(server, "yes"))
            server.command("MEMORY", "PURGE")
            time.sleep(2)
            out["rss_purged"] = server.rss()
        return out
    finally:
        server.stop()


def frag_table(park, report, keys, values, title, repeats):
    """Flagstone takes turns with itself without defragmentation: what a client meets after so many deletes anyhow."""
    rows, waits, figures = [], [], {}
    for server in park.caches() if values.count("@") == 0 else park.speaking_redis():
        runs, without = [], []
        for _ in range(repeats if server.is_flagstone else 1):
            runs.append(frag_once(park, server, keys, values))
            if server.is_flagstone:
                without.append(frag_once(park, server, keys, values, ["--activedefrag", "no"]))
        figures[server.name], figures[f"{server.name} without"] = runs, without
        live = runs[0]["live"]
        cells = [f"{number(megabytes(v), 1)} ({number(v / live)})" if v else "-" for v in (
            median([r.get(k) for r in runs]) for k in ("full", "rss_5s", "rss_10s", "rss_purged"))]
        rows.append([server.name, number(megabytes(live), 1)] + cells + [str(sum(r["lost"] for r in runs)),
                                                                         runs[0].get("refuses", "-")])
        for some, name in ((runs, server.name), (without, f"{server.name}, activedefrag no")):
            for phase in ("before", "during", "after") if some else ():
                waits.append(times(f"{name}: {phase}", [r[phase] for r in some],
                                   None if phase == "before" else [r["before"] for r in some]))
        if without:
            during = [[r["during"] for r in some] for some in (runs, without)]
            waits.append(times(f"{server.name}: during, to the same without", *during))
    report.put(title, figures)
    report.show(f"{title}, {DELETED} % deleted at random: RSS, MB (and of the live bytes)",
                ["", "live", "full", "5 s after", "10 s after", "after PURGE", "lost", "CONFIG SET activedefrag yes"],
                rows)
    report.show("The same: before the deletes, in the 6 s from their end, and in the 4 s after that", TIME_COLUMNS,
                waits, "medians over the calmer half of the seconds: those in which the hypervisor took least")


def frag(park, report, args):
    keys = int(2_000_000 * args.scale)
    frag_table(park, report, keys, "64-192", f"{keys:,} items of 64-192 B", 3)


def frag_large(park, report, args):
    keys = int(2_000_000 * args.scale)
    frag_table(park, report, keys, mixed("64-192"), f"{keys:,} items of 64-192 B and a tenth of the bytes in values of "
               "1 MB", 3)


# ---- what clients notice ---------------------------------------------------------------------------------------------

def latency_turn(park, server, keys, values, seconds):
    """The same memory, the same clients: without defragmentation, with it, and when it is done."""
    active(server, "no")
    server.command("FLUSHALL", "SYNC")  # what was compacted before would leave nothing to compact
    fill(park, server, keys, values)
    delete(park, server, keys, values)
    out = {"off": gets(park, server, keys, values, seconds, more=SURVIVORS)["windows"]}
    before = status(server)
    active(server, "yes")
    out["running"] = gets(park, server, keys, values, seconds, more=SURVIVORS)["windows"]
    told = status(server)
    out["ran"] = (int(told["total-ms"]) - int(before["total-ms"])) / 1000 / seconds
    await_rest(server)
    out["done"] = gets(park, server, keys, values, seconds, more=SURVIVORS)["windows"]
    return out


def frag_latency(park, report, args, values="64-192", name="frag-latency"):
    keys, seconds = int(8_000_000 * args.scale), 4
    server = park.flagstone
    server.start()
    try:
        turns = [latency_turn(park, server, keys, values, seconds) for _ in range(max(1, args.rounds))]
    finally:
        server.stop()
    report.put(name, turns)
    rows = [times(f"{label}", [t[phase] for t in turns], None if phase == "off" else [t["off"] for t in turns])
            for phase, label in (("off", "scattered, activedefrag no (idle)"), ("running", "while it runs"),
                                 ("done", "afterwards"))]
    report.show(f"{keys:,} items of {values} B, {DELETED} % deleted at random, {seconds} s each, medians of "
                f"{len(turns)} turns", TIME_COLUMNS, rows,
                f"it ran in {number(100 * statistics.mean(min(1.0, t['ran']) for t in turns), 0)} % of the second "
                "row's time")


def frag_latency_large(park, report, args):
    frag_latency(park, report, args, mixed("64-192"), "frag-latency-large")


def frag_churn(park, report, args):
    """15,000 SET and 5,000 DEL a second besides, of small and of large sizes in turn: it never comes to an end."""
    keys, seconds = int(2_000_000 * args.scale), 4
    server, found, counts = park.flagstone, {"quiet": [], "no": [], "yes": []}, []
    server.start()
    try:
        fill(park, server, keys, "64-192")
        delete(park, server, keys, "64-192")
        await_rest(server)
        for _ in range(max(1, args.rounds)):
            # the rounds before have changed sizes
            found["quiet"].append(gets(park, server, keys, "64-192", seconds / 2, more=["--resize"])["windows"])
            for setting in ("no", "yes"):
                active(server, setting)
                before = status(server)
                for values in CHURN_SIZES:
                    found[setting].append(gets(park, server, keys, values, seconds, CHURN_RATE, CHURN,
                                               ["--resize"])["windows"])
                after = status(server)
                if setting == "yes":
                    counts.append({k: int(after[k]) - int(before[k]) for k in
                                   ("pages_moved", "bytes_moved", "total-ms")})
    finally:
        server.stop()
    report.put("frag-churn", {"reads": found, "counts": counts})
    rows = [times("nothing else, nothing to do", found["quiet"]),
            times("with the writes, activedefrag no (idle)", found["no"]),
            times("with the writes, activedefrag yes", found["yes"], found["no"])]
    pages, moved = sum(c["pages_moved"] for c in counts), sum(c["bytes_moved"] for c in counts)
    spent = len(counts) * len(CHURN_SIZES) * seconds
    report.show(f"{keys:,} keys, 15,000 SET and 5,000 DEL a second, sizes {' and '.join(CHURN_SIZES)} in turn, "
                f"{seconds} s each, medians of {len(found['yes'])}", TIME_COLUMNS, rows,
                f"it ran in {number(sum(c['total-ms'] for c in counts) / 10 / spent, 0)} % of its time, won "
                f"{number(pages / spent, 0)} pages a second, and moved {number(moved / max(1, pages * 65536))} bytes "
                "for each byte of them")


# ---- what it costs ---------------------------------------------------------------------------------------------------

def writes_pair(park, server, keys, values, rounds):
    """Operations a second of a worker at full write load, and its CPU time for one, with defragmentation and without,
    in turn; who is first changes."""
    found = {"no": [], "yes": []}
    server.start()
    try:
        fill(park, server, keys, values)
        delete(park, server, keys, values)
        for i in range(rounds):
            for setting in ("no", "yes") if i % 2 == 0 else ("yes", "no"):
                active(server, setting)
                cpu = thread_cpu(server, "worker 0")
                done = park.load([server], "--keys", keys, "--values", values, "--mix", "set:75,del:25", "--resize",
                                 "--pipeline", 64, "--rounds", 1, "--seconds", 0.25, "--ring", 100_000)[server.name]
                complain(server.name, done)
                once = done["rounds"][0]
                found[setting].append((once["ops_per_second"], once["cpu_us_per_op"], 1e6 * (
                    thread_cpu(server, "worker 0") - cpu) / once["operations"]))
        told = status(server)
    finally:
        server.stop()
    return found, told


def spread(values):
    """The median, and how far it may be off: the notch of a box plot, 1.57 of the quartiles' distance to the root of
    n."""
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{number(middle, 3)} ± {number(1.57 * (high - low) / len(values) ** 0.5, 3)}"


def frag_writes(park, report, args):
    keys, pairs = int(2_000_000 * args.scale), 8 * max(1, args.rounds)
    rows, figures = [], {}
    places = {"worker and mover on one core": park.server_cpus, "on all cores, the load too": park.all_cpus}
    for values in ("64-192", mixed("64-192")):
        for place, cpus in places.items():
            server = park.flagstone_with(1, cpus)
            found, told = writes_pair(park, server, keys, values, pairs)
            figures[f"{values} {place}"] = {"rates": found, "waits": told.get("shard_lock_waits_histogram")}
            ratios = [spread([a[k] / b[k] for a, b in zip(found["yes"], found["no"])]) for k in range(3)]
            rows.append([f"{'with 1 MB values, ' if '@' in values else ''}{place}",
                         number(median([r[0] for r in found["no"]]), 0),
                         number(median([r[0] for r in found["yes"]]), 0)] + ratios +
                        [told.get("shard_lock_waits_histogram", "-")])
    report.put("frag-writes", figures)
    report.show(f"{keys:,} keys of 64-192 B, sizes changing, 75 % SET, 25 % DEL, pipelines of 64, one worker at its "
                f"limit; ratios with to without, medians of {pairs} pairs",
                ["", "ops/s without", "with", "ops/s", "CPU an op", "the worker's CPU an op",
                 "waits for shards' locks"], rows)


def frag_rest(park, report, args):
    """Nothing to gain: nobody asks, and then GETs at 2,000/s; a share of a core of the memory thread."""
    keys, server = int(2_000_000 * args.scale), park.flagstone
    server.start()
    try:
        fill(park, server, keys, "64-192")
        await_rest(server)
        time.sleep(2)
        shares = []
        for phase in ("silent", "asked"):
            cpu, begun = thread_cpu(server, "memory"), time.monotonic()
            if phase == "silent":
                time.sleep(10)
            else:
                gets(park, server, keys, "64-192", 10)
            shares.append(100 * (thread_cpu(server, "memory") - cpu) / (time.monotonic() - begun))
        why = status(server)["why"]
    finally:
        server.stop()
    report.put("frag-rest", {"silent": shares[0], "asked": shares[1], "why": why})
    report.show(f"{keys:,} items and nothing to gain: the memory thread, % of a core",
                ["", "nobody asks", "GETs at 2,000/s", "why it idles"],
                [["flagstone", number(shares[0], 3), number(shares[1], 3), why]])


GROUPS = {"frag": frag, "frag-large": frag_large, "frag-latency": frag_latency,
          "frag-latency-large": frag_latency_large, "frag-churn": frag_churn, "frag-writes": frag_writes,
          "frag-rest": frag_rest}
