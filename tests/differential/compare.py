"""Decides whether two replies to one command are the same.

Exactly equal, types included, but for what cannot be: order where Redis promises none, clocks, identifiers, and what a
server says of itself. Every exception is a rule of RULES, by command.
"""
import re
import time

SETS_KNOWN = ("KEYS",)
CLOCK_TOLERANCE_S = 3


def canonical(reply):
    """Sets, and maps by key, have no order."""
    kind, payload = reply
    if not isinstance(payload, list):
        return reply
    items = [canonical(item) for item in payload]
    if kind == b"~":
        items.sort(key=repr)
    elif kind == b"%":
        items = [x for pair in sorted(zip(items[::2], items[1::2]), key=repr) for x in pair]
    return (kind, items)


def word(argv, i):
    arg = argv[i] if len(argv) > i else b""
    return (arg.encode() if isinstance(arg, str) else bytes(arg)).upper()


def pairs_of(reply):
    """A map, or the flat array that it is in RESP2, as a dict by key; None if it is neither."""
    kind, payload = reply
    if kind not in (b"%", b"*") or payload is None or len(payload) % 2:
        return None
    return {key[1]: value for key, value in zip(payload[::2], payload[1::2])}


def same_kind(_, ours, judge):
    return ours[0] == judge[0] and (ours[1] is None) == (judge[1] is None)


def same_sorted(_, ours, judge):
    return ours[0] == judge[0] and sorted(map(repr, ours[1])) == sorted(map(repr, judge[1]))


def near(comparison, a_second):
    """Clocks, of which a second counts so much."""
    def rule(_, ours, judge):
        a, b = ours[1], judge[1]
        if ours[0] != judge[0] or not isinstance(a, int) or not isinstance(b, int):
            return False
        return a == b if a < 0 or b < 0 else abs(a - b) <= comparison.tolerance_s() * a_second
    return rule


def same_time(comparison):
    def rule(_, ours, judge):
        return (ours[0] == judge[0] and len(ours[1]) == len(judge[1]) == 2
                and abs(int(ours[1][0][1]) - int(judge[1][0][1])) <= comparison.tolerance_s())
    return rule


def same_scan(argv, ours, judge):
    """Whole reads (cursor 0, large COUNT) find the same keys; others only look alike."""
    if ours[0] != judge[0] or len(ours[1]) != 2 or ours[1][1][0] != judge[1][1][0]:
        return False
    if argv[1] != b"0" or b"100000" not in argv:
        return True
    return ours[1][0] == judge[1][0] and same_sorted(argv, ours[1][1], judge[1][1])


def same_hello(_, ours, judge):
    a, b = pairs_of(ours), pairs_of(judge)
    if ours[0] != judge[0] or a is None or b is None or list(a) != list(b):
        return False
    return all(a[key] == b[key] for key in a if key not in (b"version", b"id"))


def client_fields(reply):
    return [dict(re.findall(rb"(\S+?)=(\S*)", line)) for line in (reply[1] or b"").splitlines()]


def without_format(data):
    return data[4:] if data[:4] == b"txt:" else data


def same_client_info(_, ours, judge):
    if ours[0] != judge[0]:
        return False
    (a,), (b,) = (client_fields((0, without_format(r[1]))) for r in (ours, judge))
    fields = (b"name", b"db", b"multi", b"cmd", b"user", b"resp", b"flags", b"sub", b"psub", b"redir")
    return set(b) <= set(a) and all(a[f] == b[f] for f in fields)


def same_client_list(_, ours, judge):
    if ours[0] != judge[0]:
        return False
    a, b = (client_fields((0, without_format(r[1]))) for r in (ours, judge))
    return bool(a) == bool(b) and all(set(b[0]) <= set(x) for x in a)


def info_sections(reply):
    """{section: [field names]} in order."""
    sections, fields = {}, None
    for line in without_format(reply[1]).decode("utf-8", "replace").splitlines():
        if line.startswith("# "):
            fields = sections.setdefault(line[2:], [])
        elif line and fields is not None:
            fields.append(re.sub(r",avg_ttl=\d+", "", line) if line.startswith("db") else line.split(":")[0])
    return sections


def same_info(argv, ours, judge):
    """Our INFO has every section of the judge's that was asked for, the same databases and the same error counts."""
    if ours[0] != judge[0]:
        return False
    a, b = info_sections(ours), info_sections(judge)
    if len(argv) > 1 and not b and a and all(word(argv, i) != b"SLABS" for i in range(len(argv))):
        return False
    return all(name in a for name in b) and a.get("Keyspace") == b.get("Keyspace")


class Config:
    """CONFIG GET is compared for the options that both know, without those whose default is meant to differ."""

    def __init__(self, common, own_default):
        self.common = common - own_default

    def __call__(self, _, ours, judge):
        a, b = pairs_of(ours), pairs_of(judge)
        if ours[0] != judge[0] or a is None or b is None:
            return False
        return all(a.get(name) == b.get(name) for name in (set(a) | set(b)) & self.common)


TAKES_MORE = {b"memory|purge"}  # arguments that the judge does not know: their arity differs
# Their keys are told in another way, which is intended (intended.py): compared one by one only.
KEYS_BEHIND_WORDS = {b"eval", b"eval_ro", b"evalsha", b"evalsha_ro", b"fcall", b"fcall_ro", b"sort", b"sort_ro"}


class Commands:
    """COMMAND LIST, INFO and DOCS, for the commands that both know."""

    def __init__(self, common):
        self.common = common

    def names(self, _, ours, judge):
        if ours[0] != judge[0]:
            return False
        a, b = ({x[1].lower() for x in r[1]} & self.common for r in (ours, judge))
        return a == b

    def entry(self, item):
        """One command of COMMAND INFO: flags and the like sorted, subcommands that only one knows left out."""
        kind, fields = item
        if not isinstance(fields, list) or len(fields) != 10:
            return item
        out = list(fields)
        if fields[0][1].lower() in TAKES_MORE:
            out[1] = None
        for i in (2, 6, 7):
            out[i] = sorted(map(repr, fields[i][1]))
        out[9] = sorted((repr(self.entry(sub)) for sub in fields[9][1]
                         if sub[1][0][1].lower() in self.common))
        return (kind, repr(canonical((b"*", fields[8:9]))), out[:8], out[9])

    def info(self, argv, ours, judge):
        if ours[0] != judge[0]:
            return False
        if len(argv) == 2:  # all of them, in any order
            a, b = ({item[1][0][1]: self.entry(item) for item in r[1]} for r in (ours, judge))
            names = self.common - KEYS_BEHIND_WORDS
            return all(a[name] == b[name] for name in names if name in a or name in b)
        if len(ours[1]) != len(judge[1]):
            return False
        return all(self.entry(a) == self.entry(b) for a, b in zip(ours[1], judge[1])
                   if b[1] is None or b[1][0][1].lower() in self.common)

    def docs(self, _, ours, judge):
        """The same commands; of each the same group, since, arguments; summaries may be in other words."""
        a, b = pairs_of(ours), pairs_of(judge)
        if ours[0] != judge[0] or a is None or b is None:
            return False
        for name in set(b) & self.common:
            ours_doc, judge_doc = pairs_of(a.get(name, (b"*", None))), pairs_of(b[name])
            if not ours_doc or any(ours_doc.get(f) != judge_doc[f] for f in (b"since", b"group")):
                return False
        return True


def same_histogram(_, ours, judge):
    return ours[0] == judge[0]


def same_memory_stats(_, ours, judge):
    a, b = pairs_of(ours), pairs_of(judge)
    return ours[0] == judge[0] and a is not None and b is not None and bool(a)


def rules(comparison, config, commands):
    return {
        b"KEYS": same_sorted, b"SCAN": same_scan, b"RANDOMKEY": same_kind, b"HELLO": same_hello,
        b"TIME": same_time(comparison),
        b"TTL": near(comparison, 1), b"PTTL": near(comparison, 1000), b"INFO": same_info,
        b"EXPIRETIME": near(comparison, 1), b"PEXPIRETIME": near(comparison, 1000),
        b"OBJECT FREQ": same_kind, b"OBJECT IDLETIME": same_kind, b"MEMORY USAGE": same_kind,
        b"MEMORY DOCTOR": same_kind, b"MEMORY STATS": same_memory_stats, b"MEMORY MALLOC-STATS": same_kind,
        b"MEMORY PURGE": same_kind, b"MEMORY HELP": same_kind, b"CLIENT ID": same_kind,
        b"CLIENT INFO": same_client_info,
        b"CLIENT LIST": same_client_list, b"CLIENT HELP": same_kind, b"CONFIG HELP": same_kind, b"CONFIG GET": config,
        b"SLOWLOG GET": same_kind, b"SLOWLOG LEN": same_kind, b"SLOWLOG HELP": same_kind, b"LATENCY HELP": same_kind,
        b"LATENCY DOCTOR": same_kind, b"LATENCY HISTOGRAM": same_histogram, b"LATENCY LATEST": same_kind,
        b"LATENCY RESET": same_kind, b"LATENCY HISTORY": same_kind, b"DEBUG OBJECT": same_kind,
        b"DEBUG HELP": same_kind,
        b"COMMAND COUNT": same_kind, b"COMMAND LIST": commands.names, b"COMMAND INFO": commands.info,
        b"COMMAND HELP": same_kind,
        b"COMMAND DOCS": commands.docs, b"COMMAND": same_kind,
    }


class Comparison:
    def __init__(self, config, commands):
        self.rules = rules(self, config, commands)
        self.began = time.monotonic()

    def begin(self):
        """Both servers are about to run the same."""
        self.began = time.monotonic()

    def tolerance_s(self):
        """Their clocks were read within the time since: on a busy machine, with sanitizers, that may be seconds."""
        return CLOCK_TOLERANCE_S + time.monotonic() - self.began

    def same(self, argv, ours, judge):
        if ours == judge:
            return True
        if ours[0] == b"-" or judge[0] == b"-" or b"EOF" in (ours[0], judge[0]):
            return False
        rule = self.rules.get(word(argv, 0) + b" " + word(argv, 1)) or self.rules.get(word(argv, 0))
        if rule and not (word(argv, 0) == b"COMMAND" and len(argv) > 1 and rule is same_kind and word(argv, 1) not in
                         (b"COUNT", b"HELP")):
            try:
                return rule(argv, ours, judge)
            except (ValueError, TypeError, IndexError, KeyError, AttributeError):
                return False
        return canonical(ours) == canonical(judge)
