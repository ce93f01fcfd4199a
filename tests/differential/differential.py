#!/usr/bin/env python3
"""Sends the same commands to Flagstone and to a Redis server, and compares every reply.

First fixed cases (cases.py), then generated sequences (grammar.py) until the time is over. A sequence begins with empty
servers and a new connection, and ends with a comparison of all that is stored. A difference is shrunk to the fewest
commands that still show it. --seed repeats a run; --one repeats one sequence, as a failure names it.
"""
import argparse
import os
import random
import shutil
import socket
import subprocess
import sys
import time
from collections import Counter

import cases
import compare
import grammar
from intended import INTENDED
from resp import CLOSED, show, show_command
from servers import Server, judge_version

PREAMBLE = [[b"FLUSHALL"], [b"CONFIG", b"RESETSTAT"], [b"SLOWLOG", b"RESET"], [b"LATENCY", b"RESET"]]
DATABASES = (0, 1, 2, 3, 15)
OPTIONS = ["--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction", "--enable-debug-command", "yes"]
# Options whose default Flagstone means to be another one, or that name this process.
OWN_DEFAULT = {b"port", b"dir", b"maxmemory-policy", b"activedefrag", b"enable-debug-command", b"logfile", b"pidfile",
               b"bind", b"save", b"unixsocket", b"hash-seed", b"threads", b"active-defrag-ignore-bytes",
               b"active-defrag-threshold-lower", b"active-defrag-threshold-upper", b"active-defrag-cycle-min",
               b"active-defrag-cycle-max", b"dynamic-hz"}


class Difference(Exception):
    """argv is None for what is stored rather than answered."""

    def __init__(self, argv, ours, judge, note=""):
        super().__init__(note)
        self.argv, self.ours, self.judge, self.note = argv, ours, judge, note

    def signature(self):
        def kind(reply):
            if not isinstance(reply, tuple):
                return "?"
            return reply[0] + (reply[1].split(b" ")[0] if reply[0] == b"-" else b"")
        name = compare.word(self.argv, 0) if self.argv else b"state " + self.note.encode()
        if name in (b"CONFIG", b"CLIENT", b"COMMAND", b"MEMORY", b"OBJECT", b"SLOWLOG", b"LATENCY", b"DEBUG"):
            name += b" " + compare.word(self.argv, 1)
            if name == b"CONFIG SET":
                name += b" " + compare.word(self.argv, 2)
        return (name, kind(self.ours), kind(self.judge))


class Pair:
    """Both servers."""

    def __init__(self, ours, judge):
        self.ours, self.judge = ours, judge
        self.intended = Counter()
        self.deaths = []
        self.defaults = []
        for server in (ours, judge):
            client = server.connect()
            reply = client.call("CONFIG", "GET", "*")
            self.defaults.append({k: v[1] for k, v in (compare.pairs_of(reply) or {}).items()})
            client.close()
        listed = []
        for server in (ours, judge):
            client = server.connect()
            reply = client.call("COMMAND", "LIST")
            listed.append({x[1].lower() for x in reply[1]} if reply[0] in (b"*", b"~") else set())
            client.close()
        self.common_commands = listed[0] & listed[1]
        self.only_ours = listed[0] - listed[1]
        common_options = set(self.defaults[0]) & set(self.defaults[1])
        self.comparison = compare.Comparison(compare.Config(common_options, OWN_DEFAULT),
                                             compare.Commands(self.common_commands))

    def both(self, work):
        """work(client) on a new connection to each server."""
        out = []
        for server in (self.ours, self.judge):
            try:
                client = server.connect()
            except OSError:
                raise Difference(None, CLOSED, CLOSED, f"{server.name} takes no connections") from None
            try:
                out.append(work(client))
            except socket.timeout:
                raise Difference(None, CLOSED, CLOSED, f"{server.name} does not answer") from None
            finally:
                client.close()
        return out

    def check(self, argv, ours, judge, note=""):
        if self.comparison.same(argv, ours, judge):
            return
        upper = [compare.word(argv, i) for i in range(len(argv))]
        for name, _, test in INTENDED:
            if test(upper, ours, judge):
                self.intended[name] += 1
                return
        raise Difference(argv, ours, judge, note)

    def restore(self, commands):
        names = set()
        for argv in commands:
            if compare.word(argv, 0) == b"CONFIG" and compare.word(argv, 1) == b"SET":
                names |= {name.lower() for name in argv[2::2]}
        if names:
            for server, defaults in zip((self.ours, self.judge), self.defaults):
                client = server.connect()
                client.run([[b"CONFIG", b"SET", name, defaults[name]] for name in sorted(names & set(defaults))])
                client.close()

    def run(self, commands):
        """Runs one sequence on both; raises Difference."""
        self.comparison.begin()
        try:
            ours, judge = self.both(lambda client: client.run(PREAMBLE + commands)[len(PREAMBLE):])
            # A key that is set with an expiry in the past is counted until somebody removes it, now or a moment later.
            uncertain = any(compare.word([arg], 0) in (b"EXAT", b"PXAT") for argv in commands for arg in argv)
            for argv, a, b in zip(commands, ours, judge):
                if not (uncertain and compare.word(argv, 0) == b"DBSIZE" and a[0] == b[0] == b":"):
                    self.check(argv, a, b)
            self.compare_state()
        finally:
            if not self.ours.alive():
                self.deaths.append(self.ours.log_tail())
                self.ours.stop()
                self.ours.start()
            self.restore(commands)

    def compare_sizes(self):
        """DBSIZE of every database, once active expiry has removed what has expired."""
        sizes = [argv for db in DATABASES for argv in ([b"SELECT", b"%d" % db], [b"DBSIZE"])]
        end = time.monotonic() + 20
        while True:
            ours, judge = self.both(lambda client: client.run(sizes))
            if ours == judge:
                return
            if time.monotonic() > end:
                raise Difference(None, (b"*", ours[1::2]), (b"*", judge[1::2]), "DBSIZE")

    def compare_state(self):
        listing = [argv for db in DATABASES for argv in ([b"SELECT", b"%d" % db], [b"DBSIZE"], [b"KEYS", b"*"])]
        ours, judge = self.both(lambda client: client.run(listing))
        reads = []
        for db, a, b in zip(DATABASES, ours[2::3], judge[2::3]):
            if not compare.same_sorted(None, a, b):
                raise Difference(None, a, b, f"keys of db {db}")
            if b[1]:
                reads.append([b"SELECT", b"%d" % db])
                for _, key in b[1]:
                    reads += [[b"GET", key], [b"OBJECT", b"ENCODING", key], [b"PTTL", key], [b"STRLEN", key],
                              [b"TYPE", key]]
        self.compare_sizes()
        if not reads:
            return
        ours, judge = self.both(lambda client: client.run(reads))
        for argv, a, b in zip(reads, ours, judge):
            self.check(argv, a, b, "(read after the sequence)")


def shrink(pair, commands, found, budget_s=20):
    """Leaves out commands as long as the same difference shows (delta debugging)."""
    end = time.monotonic() + budget_s
    step = max(1, len(commands) // 2)
    while step:
        at = 0
        while at < len(commands) and time.monotonic() < end:
            fewer = commands[:at] + commands[at + step:]
            try:
                pair.run(fewer)
                at += step
            except Difference as difference:
                if difference.signature() == found.signature():
                    commands, found = fewer, difference
                else:
                    at += step
        step = step // 2 if time.monotonic() < end else 0
    return commands, found


def report(where, commands, found):
    print(f"DIFFERENCE {where}")
    for argv in commands:
        mark = ">" if argv is found.argv or argv == found.argv else " "
        print(f"  {mark} {show_command(argv)}")
    if found.argv not in commands or found.note:
        print(f"  at: {show_command(found.argv) if found.argv else ''} {found.note}")
    print(f"    flagstone: {show(found.ours)}")
    print(f"    judge:     {show(found.judge)}", flush=True)


class Run:
    def __init__(self, pair, options):
        self.pair = pair
        self.options = options
        self.passed = self.failed = self.sequences = 0
        self.seen = Counter()

    def fixed(self):
        for name, work in cases.groups():
            wrong = 0
            for item in work:
                self.pair.comparison.begin()
                try:
                    item(self.pair)
                except Difference as difference:
                    wrong += 1
                    if wrong <= self.options.show:
                        report(f"in fixed cases: {name}", [difference.argv] if difference.argv else [], difference)
            self.passed += wrong == 0
            self.failed += wrong != 0
            if wrong:
                print(f"FAILED fixed cases: {name}: {wrong} of {len(work)} differ", flush=True)

    def one(self, seed, profile):
        commands = grammar.sequence(seed, profile)
        self.sequences += 1
        deaths = len(self.pair.deaths)
        try:
            self.pair.run(commands)
            if len(self.pair.deaths) == deaths:
                return True
            raise Difference(None, CLOSED, CLOSED, "the server ended")
        except Difference as difference:
            signature = difference.signature()
            self.seen[signature] += 1
            if self.seen[signature] == 1 and len(self.seen) <= self.options.show:
                if len(self.pair.deaths) < 20:
                    commands, difference = shrink(self.pair, commands, difference)
                report(f"in a sequence of '{profile}' (--one {seed}:{profile.replace(' ', '_')})", commands, difference)
            return False

    def generated(self):
        end = time.monotonic() + self.options.seconds
        seeds = random.Random(self.options.seed)
        wrong = Counter()
        while time.monotonic() < end and len(self.pair.deaths) < 20:
            for profile in grammar.PROFILES:
                if not self.one(seeds.getrandbits(48), profile):
                    wrong[profile] += 1
        for profile in grammar.PROFILES:
            self.passed += not wrong[profile]
            self.failed += bool(wrong[profile])
            if wrong[profile]:
                print(f"FAILED generated sequences: {profile}: {wrong[profile]} differ")

    def summary(self):
        for log in self.pair.deaths[:3]:
            print("the server ended by itself; the end of its log:\n" + log)
        if self.pair.deaths:
            self.failed += 1
        for signature, times in self.seen.most_common():
            print(f"  {times:5} x {signature[0].decode('utf-8', 'replace')}: {signature[1]} against {signature[2]}")
        reasons = {name: reason for name, reason, _ in INTENDED}
        for name, times in sorted(self.pair.intended.items()):
            print(f"intended difference, met {times} times: {name}: {reasons[name]}")


def launcher(flavour):
    """As run_tests.py: TSan wants the address space laid out plainly."""
    if "tsan" not in flavour or not shutil.which("setarch"):
        return []
    prefix = ["setarch", os.uname().machine, "-R"]
    return prefix if subprocess.run(prefix + ["true"], stderr=subprocess.DEVNULL).returncode == 0 else []


def finish(flavour, passed, failed, skipped=0):
    line = f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else "")
    os.makedirs(f"build/{flavour}", exist_ok=True)
    with open(f"build/{flavour}/results.differential", "w") as out:
        out.write(line + "\n")
    print(line)
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", required=True)
    parser.add_argument("--judge", required=True)
    parser.add_argument("--flavour", default="release")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--one", help="seed:profile of one sequence to repeat")
    parser.add_argument("--show", type=int, default=25, help="differences printed in full")
    options = parser.parse_args()
    if options.seed is None:
        options.seed = random.SystemRandom().getrandbits(32)

    version = judge_version(options.judge)
    if version[0] != 7:
        print("*" * 100)
        print(f"DIFFERENTIAL TEST SKIPPED: it compares with redis-server 7, this machine's redis-tools has {version}")
        print("*" * 100)
        return finish(options.flavour, 0, 0, 1)

    os.environ.setdefault("ASAN_OPTIONS", "exitcode=99")
    os.environ.setdefault("TSAN_OPTIONS", "exitcode=66")
    judge = Server("judge", options.judge, OPTIONS)
    ours = Server("flagstone", options.server, OPTIONS, launcher(options.flavour))
    run = Run(Pair(ours, judge), options)
    try:
        if options.one:
            seed, profile = options.one.split(":")
            run.one(int(seed), profile.replace("_", " "))
        else:
            print(f"differential: seed {options.seed}, judge {'.'.join(map(str, version))}, "
                  f"{len(run.pair.common_commands)} commands in common", flush=True)
            run.fixed()
            run.generated()
        run.summary()
    finally:
        wrong = ours.stop()
        judge.stop()
    if wrong:
        run.failed += 1
        print(f"flagstone {wrong}:\n{ours.log_tail(120)}")
    print(f"differential: {run.sequences} sequences, seed {options.seed}")
    return finish(options.flavour, run.passed, run.failed)


if __name__ == "__main__":
    sys.exit(main())
