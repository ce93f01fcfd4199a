"""Memory under pressure: changing sizes, misses at a limit, a limit that moves."""
import threading
import time

from report import megabytes, median, number
from servers import BUILD, say

WORKLOADS = ("W1", "W2", "W3", "W4", "W5", "W6", "W7", "W8")


class Sampler:
    """RSS over time, by a thread of its own, until it is stopped."""

    def __init__(self, server, every=0.1):
        self.server, self.every, self.points, self.done = server, every, [], threading.Event()
        self.start = time.monotonic()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        while not self.done.wait(self.every) and self.server.alive():
            try:
                self.points.append((time.monotonic() - self.start, self.server.rss()))
            except OSError:
                return

    def stop(self):
        self.done.set()
        self.thread.join()
        return self.points


def at(points, seconds):
    """The RSS at that time, or the last before."""
    found = None
    for t, rss in points:
        if t <= seconds or found is None:
            found = rss
    return found


def complain(name, done):
    if done["errors"]:
        say(f"bench: {name}: {done['errors']} errors: {done['first_error']}")


def gets(park, server, keys, values, seconds, rate=2000, mix="get:100", more=()):
    done = park.load([server], "--keys", keys, "--values", values, "--mix", mix, "--rate", rate, "--rounds", 1,
                     "--seconds", seconds, "--ring", 100_000, "--window", 1, "--conns", 20, *more)[server.name]
    complain(server.name, done)
    return done


# ---- changing sizes --------------------------------------------------------------------------------------------------

def churn(park, server, workload, live, memory=0):
    server.start(memory=memory)
    try:
        out = park.run([f"{BUILD}/bench-replay", "churn", "--which", workload, "--port", server.port, "--pid",
                        server.pid, "--protocol", server.protocol, "--live", live, "--check", 1])
        complain(f"{server.name} {workload}", out)
        return out
    finally:
        server.stop()


def resize(park, report, args):
    live = int(100_000_000 * args.scale)
    servers = park.caches()
    names = [s.name for s in servers]
    figures, rows, limited_rows = {}, [], []
    for workload in WORKLOADS:
        out = {s.name: churn(park, s, workload, live) for s in servers}
        rows.append([workload] + [f"{number(out[n]['load_high_water'] / out[n]['live_bytes'])} / "
                                  f"{number(out[n]['rss_rested'] / out[n]['live_bytes'])}" for n in names])
        for name in names:
            if out[name]["lost"]:
                say(f"bench: {name} {workload}: {out[name]['lost']} of {out[name]['items']} items lost, no limit set")
        limit = int(live * 1.30)
        limited = {s.name: churn(park, s, workload, live, limit) for s in servers if s.is_flagstone
                   or s is park.redis}
        limited_rows.append([workload] + [f"{number(o['high_water'] / limit, 3)}, {o['lost']} of {o['items']}"
                                          for o in limited.values()])
        figures[workload] = {"unlimited": out, "limited": limited}
        report.put("resize", figures)
        report.save()
    report.show("Changing sizes (FAST'14): RSS to live bytes, peak / ten seconds after", [""] + names, rows)
    report.show("The same at maxmemory 1.30 of the live bytes: peak RSS to maxmemory, and live items lost",
                [""] + list(limited), limited_rows)


# ---- misses at a limit -----------------------------------------------------------------------------------------------

def replay_aside(park, name, server, stream, memory, ideal_memory, scale):
    server.start(memory=memory)
    try:
        done = park.run([f"{BUILD}/bench-replay", "aside", "--which", stream, "--port", server.port,
                         "--pid", server.pid, "--protocol", server.protocol, "--keys", int(4_000_000 * scale),
                         "--requests", int(10_000_000 * scale), "--ideal", ideal_memory])
    finally:
        server.stop()
    complain(f"{name} {stream}", done)
    return done


def missratio(park, report, args):
    """All with the same maxmemory, and Flagstone also with as much as keeps its peak RSS within 1.03 of that."""
    memory = int(200_000_000 * args.scale)
    servers = park.caches()
    runs = [(s.name, s, memory) for s in servers]
    if park.flagstone is not None:
        runs.append(("flagstone, 1.025", park.flagstone, int(memory * 1.025)))
    figures, rows = {}, []
    for stream in ("zipf", "scan", "shift"):
        ideal, cells, out = None, [], {}
        for name, server, limit in runs:
            done = replay_aside(park, name, server, stream, limit, memory if ideal is None else 0, args.scale)
            ideal = ideal or done["ideal"]
            out[name] = done
            cells.append(f"{number(done['miss_ratio'], 4)} ({number(megabytes(done['high_water']), 1)} MB)")
        figures[stream] = out
        rows.append([stream, number(ideal, 4)] + cells)
        report.put("missratio", figures)
        report.save()
    report.show(f"Miss ratio (and peak RSS) at maxmemory {memory / 1e6:.0f} MB, or what is said of it, cache aside",
                ["", "ideal LRU"] + [name for name, _, _ in runs], rows)


# ---- a limit that moves ----------------------------------------------------------------------------------------------

def info(server, *fields):
    lines = dict(line.split(":", 1) for line in server.command("INFO").splitlines() if ":" in line)
    return [int(lines.get(f, "0")) for f in fields]


def balloon_once(park, server, high, low, keys):
    """Lowered while GETs go on (so that every eviction is the limit's doing), raised, and filled again."""
    server.start(memory=high)
    fill = ["--values", "1000", "--pipeline", 64, "--ring", 100_000]
    try:
        park.load([server], "--fill", "--keys", keys, *fill)
        keys_before, rss_before, evicted = server.command("DBSIZE"), server.rss(), info(server, "evicted_keys")[0]
        result = {}

        def serve():
            result.update(park.load([server], "--keys", keys, "--values", "1000", "--mix", "get:100", "--pipeline", 10,
                                    "--rate", 100_000, "--rounds", 1, "--seconds", 15, "--window", 1,
                                    "--ring", 500_000))

        load = threading.Thread(target=serve)
        load.start()
        time.sleep(4)
        sampler = Sampler(server)
        started = time.monotonic()
        reply = server.command("CONFIG", "SET", "maxmemory", low)
        answered = time.monotonic() - started
        time.sleep(10.5)
        points = sampler.stop()
        load.join()
        done = result[server.name]
        complain(server.name, done)
        keys_after, evicted_down = server.command("DBSIZE"), info(server, "evicted_keys")[0] - evicted
        server.command("CONFIG", "SET", "maxmemory", high)
        raised = park.load([server], "--fill", "--keys", int((high - low) / 2 / 1040), "--first-key", keys, *fill)
        complain(server.name, raised[server.name])
        return {"reply": str(reply), "reply_seconds": answered, "keys_before": keys_before, "keys_after": keys_after,
                "seconds_to_limit": next((t for t, rss in points if rss <= low), None), "evicted": evicted_down,
                "needed": keys_before * max(0.0, 1 - low / rss_before), "rss_before": rss_before, "series": points,
                "rss_10s": at(points, 10), "reads": done["reads"], "windows": done["windows"],
                "evicted_after_raise": info(server, "evicted_keys")[0] - evicted - evicted_down,
                "ops_per_second": done["rounds"][0]["ops_per_second"], "errors": done["errors"]}
    finally:
        server.stop()


def balloon(park, report, args):
    high, low = int(4e9 * args.scale), int(1e9 * args.scale)
    keys = int(high / 1040)
    rows, figures = [], {}
    for server in park.speaking_redis():
        out = figures[server.name] = balloon_once(park, server, high, low, keys)
        needed = out["needed"]
        seconds = out["seconds_to_limit"]
        rows.append([server.name, number(seconds, 1) if seconds is not None else "never",
                     number(out["rss_10s"] / low, 3), number(out["evicted"] / needed if needed else None, 3),
                     number(out["reads"]["p99_us"], 0), number(out["reads"]["max_us"] / 1e3, 1),
                     str(out["evicted_after_raise"])])
    report.put("balloon", figures)
    report.show(f"maxmemory from {high / 1e9:.2g} GB to {low / 1e9:.2g} GB at 100,000 operations a second",
                ["", "s to the limit", "RSS after 10 s / limit", "evicted to needed", "GET p99 µs", "max ms",
                 "evictions after raising"], rows)
