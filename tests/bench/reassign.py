"""Pages that go from class to class: steps of value sizes at full memory, and a steady mix."""
import random
import threading
import time

from pressure import complain, info
from report import megabytes, number
from servers import BUILD

STEPS = (100, 1_000, 10_000, 100_000, 1_000_000, 100)
ASKED = 4000  # old keys that are looked for
PAGES = 64    # classes of fewer are too small to be held to their ages


def still_there(server, first, count):
    """The share of the keys [first, first + count) that is still stored; EXISTS counts as no use."""
    keys = random.Random(first).sample(range(first, first + count), min(count, ASKED))
    client, there = server.client(), 0
    for at in range(0, len(keys), 100):
        there += client.command("EXISTS", *[f"key:{k:010d}" for k in keys[at:at + 100]])
    client.close()
    return there / len(keys)


def steps_once(park, server, memory):
    server.start(memory=memory)
    first, old, out = 0, [], []
    try:
        for size in STEPS:
            count = max(32, 2 * memory // (size + 14))
            done = park.load([server], "--fill", "--keys", count, "--first-key", first, "--values", size, "--pipeline",
                             64 if size <= 1000 else 8 if size <= 10_000 else 1, "--ring", 100_000)[server.name]
            complain(f"{server.name} {size}", done)
            left = sum(still_there(server, f, n) * n * (s + 14) for f, n, s in old)
            out.append({"size": size, "errors": done["errors"], "left": left / memory, "rss": server.rss(),
                        "peak": server.peak_rss()})
            old.append((first, count, size))
            first += count
        return out
    finally:
        server.stop()


def slabs(server):
    """INFO slabs: {chunk size: {field: number}}."""
    rows = {}
    for line in server.command("INFO", "slabs").splitlines():
        if line.startswith("class_"):
            name, fields = line.split(":", 1)
            rows[int(name[6:])] = {k: int(v) for k, v in (f.split("=") for f in fields.split(","))}
    return rows


def steady(park, server, memory, requests):
    """A cache-aside stream whose mix does not change; the second half of it is looked at."""
    server.start(memory=memory)
    result = {}
    try:
        load = threading.Thread(target=lambda: result.update(park.run(
            [f"{BUILD}/bench-replay", "aside", "--which", "zipf", "--port", server.port, "--pid", server.pid, "--keys",
             4_000_000, "--requests", requests, "--protocol", server.protocol])))
        load.start()
        while load.is_alive():
            hits, misses = info(server, "keyspace_hits", "keyspace_misses")
            if hits + misses > requests / 2:
                break
            time.sleep(0.05)
        begun, before, moved = time.monotonic(), slabs(server), info(server, "pages_moved")[0]
        load.join()
        seconds, after, moved = time.monotonic() - begun, slabs(server), info(server, "pages_moved")[0] - moved
        complain(server.name, result)
        ages, shifted = {}, 0
        for size, row in after.items():
            was = before.get(size, {"pages": 0, "evicted": 0, "evicted_age_ms": 0})
            shifted += max(0, row["pages"] - was["pages"])
            n = row["evicted"] - was["evicted"]
            if min(row["pages"], was["pages"]) >= PAGES and n > 0:
                ages[size] = (row["evicted_age_ms"] - was["evicted_age_ms"]) / n / 1000
        return {"ages": ages, "seconds": seconds, "pages_won": moved, "pages_shifted": shifted,
                "miss_ratio": result["miss_ratio"]}
    finally:
        server.stop()


def reassign(park, report, args):
    memory = int(256_000_000 * args.scale)
    servers = park.speaking_redis()
    found = {s.name: steps_once(park, s, memory) for s in servers}
    report.put("steps", found)
    report.save()
    rows = [[f"{size:,} B"] + [f"{100 * found[s.name][i]['left']:.1f} %, {found[s.name][i]['errors']}, "
                               f"{found[s.name][i]['peak'] / memory:.3f}" for s in servers]
            for i, size in enumerate(STEPS)]
    report.show(f"Steps of value sizes at maxmemory {megabytes(memory):.0f} MB, each writing twice as much",
                [""] + [s.name for s in servers], rows,
                "memory that older steps' items still hold, errors of SET, peak RSS to maxmemory up to there")
    if park.flagstone is None:
        return
    mix = steady(park, park.flagstone, int(200_000_000 * args.scale), int(20_000_000 * args.scale))
    report.put("steady", mix)
    ages = sorted(mix["ages"].values())
    middle = ages[len(ages) // 2] if ages else None
    report.show("A steady mix: the mean age at which classes evict", ["", "classes", "youngest, s", "median", "oldest",
                                                                      "spread, %", "pages won /s", "net shifts /s"],
                [["flagstone", len(ages), number(ages[0] if ages else None), number(middle),
                  number(ages[-1] if ages else None),
                  number(100 * max(ages[-1] / middle - 1, 1 - ages[0] / middle) if ages else None, 1),
                  number(mix["pages_won"] / mix["seconds"], 1), number(mix["pages_shifted"] / mix["seconds"], 2)]],
                f"classes of {PAGES} pages and more; spread: the largest distance from the median; "
                "net shifts: pages by which classes grew, over the whole")
