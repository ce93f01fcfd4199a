#!/usr/bin/env python3
"""make soak: a day in the life of a cache, in an hour or in two minutes.

24 simulated hours pass in --seconds of wall time; lifetimes of items are scaled alike. Every hour has a mix of its
own: sizes from 50 bytes to 1 MB, lifetimes from minutes to a day or none, reads by a Zipf-like law, deletes.
Meanwhile connections come and go, slow readers ask for large values and let them wait, and once each six hours most
of the keys are deleted at once. All of it at a limit that the data outgrows. What is looked at throughout:

  RSS to maxmemory     the highest, by the kernel's own high-water mark
  sum of parts         accounted_total to the RSS of the same moment, the largest error
  errors               of SET above all: a write is never refused while something could be evicted
  values               each begins with its key and length: what is read must be what was written, or nothing

The end is `DEBUG CHECK` of every page and of the index. Exits with 1 when a bound is broken.
"""
import argparse
import json
import multiprocessing
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time

HOURS = 24
RSS_BOUND, SUM_BOUND = 1.03, 0.01
BATCH = 40
KEYS = 400_000
# (weight, low, high) of value sizes by hour modulo their number
MIXES = [
    [(1, 50, 200)], [(3, 50, 200), (1, 400, 1200)], [(1, 20, 4000)], [(9, 50, 150), (1, 5_000, 15_000)],
    [(1, 1000, 2000)], [(20, 100, 500), (1, 20_000, 200_000)], [(1, 1500, 2500)],
    [(300, 100, 1000), (1, 1_000_000, 1_000_000)],
]


class Client:
    def __init__(self, port, timeout=60):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.file = self.sock.makefile("rb")

    def close(self):
        self.file.close()
        self.sock.close()

    def reply(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("closed")
        kind, rest = line[:1], line[1:-2]
        if kind == b"$":
            size = int(rest)
            if size < 0:
                return None
            value = self.file.read(size + 2)
            if len(value) < size + 2:
                raise ConnectionError("closed in the middle of a reply")
            return value[:-2]
        if kind == b"*":
            return [self.reply() for _ in range(int(rest))]
        return int(rest) if kind == b":" else RuntimeError(rest.decode()) if kind == b"-" else rest

    def command(self, *args):
        self.sock.sendall(encode(*args))
        return self.reply()


def encode(*args):
    out = [b"*%d\r\n" % len(args)]
    for a in args:
        a = a if isinstance(a, bytes) else str(a).encode()
        out.append(b"$%d\r\n%s\r\n" % (len(a), a))
    return b"".join(out)


PAYLOAD = bytes(random.Random(1).randrange(32, 127) for _ in range(1 << 20))


def value_of(key, size):
    head = b"%s:%d:" % (key, size)
    return head + PAYLOAD[: max(0, size - len(head))]


def is_right(key, value):
    """What one of the writers may have stored under the key, whole."""
    return value is None or value.startswith(key + b":") and value == value_of(key, len(value))


def draw(rng, mix):
    at = rng.random() * sum(w for w, _, _ in mix)
    for weight, low, high in mix:
        at -= weight
        if at <= 0:
            return rng.randint(low, high)
    return mix[-1][1]


def some_key(rng):
    return b"key:%d" % int(KEYS ** rng.random())  # log-uniform: Zipf with exponent 1


class Tally(dict):
    def add(self, what, n=1):
        self[what] = self.get(what, 0) + n


def one_batch(client, rng, mix, hour_s, tally):
    """Some commands in one write, and what must come back."""
    asked, out = [], []
    for _ in range(BATCH):
        what, key = rng.random(), some_key(rng) if rng.random() < 0.7 else b"key:%d" % rng.randrange(KEYS)
        if what < 0.45:
            out.append(encode("GET", key))
            asked.append((key, "gets"))
        elif what < 0.92:
            value = value_of(key, draw(rng, mix))
            if rng.random() < 0.5:
                ms = max(1, int(hour_s * 1000 * 24 ** rng.uniform(-1.3, 1)))  # a minute to a day
                out.append(encode("SET", key, value, "PX", ms))
            else:
                out.append(encode("SET", key, value))
            asked.append((key, "sets"))
        else:
            out.append(encode("DEL", key))
            asked.append((key, "deletes"))
    client.sock.sendall(b"".join(out))
    for key, what in asked:
        got = client.reply()
        tally.add(what)
        if what == "gets" and got is not None:
            tally.add("hits")
        if isinstance(got, RuntimeError):
            tally.add(f"{what}_errors")
            tally["error"] = str(got)
        elif what == "gets" and not is_right(key, got):
            tally.add("wrong_values")


def writer(port, seed, begun, seconds, results):
    rng, tally, client = random.Random(seed), Tally(), Client(port)
    hour_s = seconds / HOURS
    swept = 0
    while (now := time.monotonic() - begun) < seconds:
        hour = int(now / hour_s)
        one_batch(client, rng, MIXES[hour % len(MIXES)], hour_s, tally)
        if hour // 6 > swept and seed % 2 == 0:  # most of the keys go at once
            swept = hour // 6
            for first in range(0, KEYS, 1000):
                client.command("DEL", *[b"key:%d" % k for k in range(first, first + 1000) if k % 4])
    client.close()
    results.put(tally)


def visitor(port, seed, begun, seconds, results):
    """Connection churn: connects, asks a little, leaves; at times without a word, at times in the middle of one."""
    rng, tally = random.Random(seed), Tally()
    while time.monotonic() - begun < seconds:
        client = Client(port)
        tally.add("connections")
        how = rng.random()
        if how < 0.8:
            key = some_key(rng)
            if not is_right(key, client.command("GET", key)):
                tally.add("wrong_values")
        elif how < 0.9:
            client.sock.sendall(b"*3\r\n$3\r\nSET\r\n$7\r\nvisitor\r\n$100000\r\nonly the beginning")
        client.close()
        time.sleep(0.005)
    results.put(tally)


def slow_reader(port, seed, begun, seconds, results):
    """Asks for large values and lets the replies wait. May be cut: that is what limits are for."""
    rng, tally = random.Random(seed), Tally()
    while time.monotonic() - begun < seconds:
        client = Client(port)
        tally.add("slow_readers")
        key = b"large:%d" % rng.randrange(4)
        try:
            got = client.command("SET", key, value_of(key, 1 << 20))
            if isinstance(got, RuntimeError):
                tally.add("sets_errors")
                tally["error"] = str(got)
            client.sock.sendall(encode("GET", key) * 4)
            time.sleep(rng.uniform(0.1, 3))
            for _ in range(4):
                if not is_right(key, client.reply()):
                    tally.add("wrong_values")
        except (ConnectionError, OSError):
            tally.add("slow_readers_cut")
        client.close()
    results.put(tally)


class Watch(threading.Thread):
    """RSS, and the sum of the parts beside it."""

    def __init__(self, pid, port):
        super().__init__(daemon=True)
        self.pid, self.client, self.done = pid, Client(port), threading.Event()
        self.rss, self.error, self.samples, self.lines = 0, 0.0, 0, []

    def status(self, field):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as f:
            return next(int(line.split()[1]) * 1024 for line in f if line.startswith(field))

    def info(self):
        text = self.client.command("INFO", "memory").decode()
        return {k: v for k, _, v in (line.partition(":") for line in text.splitlines())}

    def run(self):
        while not self.done.wait(0.25):
            rss, error = self.look()
            for _ in range(4):  # parts are measured some time before they are told: a sum that is wrong stays so
                if error > SUM_BOUND:
                    self.done.wait(0.05)
                    error = min(error, self.look()[1])
            self.error = max(self.error, error)
            self.rss, self.samples = max(self.rss, rss), self.samples + 1

    def look(self):
        info = self.info()
        rss, total = int(info["used_memory_rss"]), int(info["accounted_total"])
        return rss, abs(total - rss) / rss


def start_server(args):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    argv = [args.server, "--port", str(port), "--maxmemory", str(args.maxmemory), "--threads", str(args.threads),
            "--maxmemory-clients", "10%", "--enable-debug-command", "yes", "--logfile", f"{args.out}.log"]
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
    for _ in range(500):
        try:
            Client(port).close()
            return process, port
        except OSError:
            if process.poll() is not None:
                sys.exit(f"soak: the server ended at start (see {args.out}.log)")
            time.sleep(0.02)
    sys.exit("soak: the server does not listen")


def run(args):
    process, port = start_server(args)
    watch = Watch(process.pid, port)
    watch.start()
    results, begun, total = multiprocessing.Queue(), time.monotonic(), Tally()
    jobs = [(writer, n) for n in range(args.writers)] + [(visitor, 100), (slow_reader, 200), (slow_reader, 201)]
    workers = [multiprocessing.Process(target=job, args=(port, args.seed * 1000 + n, begun, args.seconds, results))
               for job, n in jobs]
    for w in workers:
        w.start()
    failed = 0
    for _ in workers:
        try:
            got = results.get(timeout=args.seconds + 120)
        except Exception:  # pylint: disable=broad-except
            failed += 1
            continue
        for what, n in got.items():
            total[what] = n if what == "error" else total.get(what, 0) + n
    for w in workers:
        w.join(10)
        failed += w.exitcode != 0
    watch.done.set()
    watch.join()
    total["workers_failed"] = failed
    total["rss_to_maxmemory"] = watch.status("VmHWM") / args.maxmemory
    total["sum_error"] = watch.error
    total["samples"] = watch.samples
    stats = Client(port).command("INFO", "stats").decode()
    for line in stats.splitlines():
        if line.startswith(("evicted_keys:", "expired_keys:")):
            total[line.split(":")[0]] = int(line.split(":")[1])
    total["check"] = str(Client(port).command("DEBUG", "CHECK"))
    process.send_signal(signal.SIGTERM)
    process.wait(20)
    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True)
    parser.add_argument("--seconds", type=float, default=3600, help="of wall time for 24 simulated hours")
    parser.add_argument("--maxmemory", type=int, default=200_000_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--writers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", default="build/soak")
    args = parser.parse_args()
    os.makedirs(os.path.dirname(args.out) or ".", exist_ok=True)
    total = run(args)
    bounds = [
        ("RSS to maxmemory, highest", f"{total['rss_to_maxmemory']:.4f}", total["rss_to_maxmemory"] <= RSS_BOUND),
        ("sum of parts to RSS, largest error", f"{100 * total['sum_error']:.2f} %", total["sum_error"] <= SUM_BOUND),
        ("something was there to be read", total.get("hits", 0), total.get("hits", 0) * 10 > total.get("gets", 0)),
        ("errors of SET", total.get("sets_errors", 0), total.get("sets_errors", 0) == 0),
        ("wrong values", total.get("wrong_values", 0), total.get("wrong_values", 0) == 0),
        ("DEBUG CHECK", total["check"], "OK" in total["check"]),
        ("clients that failed", total["workers_failed"], total["workers_failed"] == 0),
    ]
    print(f"{HOURS} simulated hours in {args.seconds:.0f} s at maxmemory {args.maxmemory:,}: "
          + ", ".join(f"{total.get(k, 0):,} {k}" for k in (
              "sets", "gets", "hits", "deletes", "connections", "slow_readers", "slow_readers_cut", "evicted_keys",
              "expired_keys")))
    for name, value, good in bounds:
        print(f"{'ok    ' if good else 'FAILED'} {name}: {value}")
    if "error" in total:
        print(f"       the last error: {total['error']}")
    with open(f"{args.out}.json", "w", encoding="utf-8") as f:
        json.dump(total, f, indent=1)
    passed = sum(good for _, _, good in bounds)
    line = f"{passed} passed, {len(bounds) - passed} failed"
    print(line)
    with open(f"{args.out}.results", "w", encoding="utf-8") as f:
        f.write(line + "\n")
    return 0 if passed == len(bounds) else 1


if __name__ == "__main__":
    sys.exit(main())
