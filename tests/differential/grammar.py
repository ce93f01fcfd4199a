"""Generates commands, valid and not, for every command and option that both servers know.

A generator is a function of a Gen (random numbers, keys, values) that returns an argument list. PROFILES name which
generators a sequence draws from; within a sequence few keys are used, so that commands meet each other's results.
Sizes are bounded: no sequence makes a server hold more than some MB, offsets are small or refused.
"""
import random

INT_EDGES = [b"0", b"1", b"-1", b"9223372036854775807", b"-9223372036854775808", b"9223372036854775806",
             b"-9223372036854775807", b"4294967295", b"4294967296", b"2147483647", b"-2147483648", b"10000"]
NOT_INTS = [b"", b" ", b"abc", b"1.0", b" 1", b"1 ", b"+1", b"01", b"-0", b"0x10", b"1e3", b"9223372036854775808",
            b"-9223372036854775809", b"99999999999999999999999", b"--1", b"-", b"1\x00", b"\xff", b"nan", b"inf"]
FLOATS = [b"0.1", b"-0.1", b"3.0e3", b"1e17", b"-1.5", b"0.00000000000000001", b"1e-20", b"5.0", b".5", b"5.", b"1e400",
          b"1e5000", b"inf", b"-inf", b"+inf", b"nan", b"infinity", b"0x1p3", b"1e", b"e1", b"1,5", b" 1.5", b"1.5 ",
          b"-0",
          b"+1.5", b"99999999999999999999", b"0.30000000000000004", b"3.141592653589793238", b"1e308", b"-1e308"]
BINARY = bytes(range(256))
FAR_MS = 1 << 42  # a Unix time in milliseconds, in the 22nd century
FAR_S = FAR_MS // 1000


class Gen:
    def __init__(self, seed, cap):
        self.r = random.Random(seed)
        self.cap = cap  # the longest value, in bytes
        pool = [b"k%d" % i for i in range(8)]
        pool += [b"", b"\x00\xff\r\n", b"a:b", b"[x]*?", b"K1", b"long" + b"x" * 300, b"\xc3\xa9t\xc3\xa9", b"{tag}1"]
        self.keys = self.r.sample(pool, self.r.randint(2, 6))

    def pick(self, *choices):
        return self.r.choice(choices)

    def chance(self, p):
        return self.r.random() < p

    def key(self):
        return self.r.choice(self.keys)

    def some(self, make, most):
        return [make() for _ in range(self.r.randint(1, most))]

    def text(self, n):
        return bytes(self.r.choices(b"abcdefghijklmnopqrstuvwxyz0123456789", k=n))

    def length(self):
        edge = self.pick(1, 2, 7, 8, 20, 43, 44, 45, 63, 64, 65, 100, 127, 128, 255, 256, 511, 1000, 1023, 1024, 4000,
                         4080, 4096, 4097, 5000, 8192, 16383, 16384, 20000, 32768, 65535, 65536, 65537, 70000, 131072,
                         200000)
        return edge if edge <= self.cap else self.r.randint(1, max(1, min(self.cap, 60)))

    def value(self):
        x = self.r.random()
        if x < 0.25:
            return self.text(self.r.randint(1, 12))
        if x < 0.45:
            return b"%d" % self.r.randint(-1000, 20000)
        if x < 0.53:
            return self.pick(*INT_EDGES)
        if x < 0.58:
            return self.pick(*FLOATS)
        if x < 0.63:
            return self.pick(*NOT_INTS)
        if x < 0.70:
            return self.r.randbytes(self.r.randint(1, 40))
        if x < 0.73:
            return BINARY
        if x < 0.76:
            return b""
        n = self.length()
        return self.text(n) if self.chance(0.5) else self.r.choice([b"a", b"\x00", b"\xff", b"7"]) * n

    def integer(self):
        x = self.r.random()
        if x < 0.65:
            return b"%d" % self.r.randint(-20, 200)
        return self.pick(*INT_EDGES) if x < 0.85 else self.pick(*NOT_INTS)

    def index(self):
        """For ranges: any number is harmless."""
        x = self.r.random()
        if x < 0.75:
            return b"%d" % self.r.randint(-60, 60)
        if x < 0.83:
            return b"%d" % self.r.randint(-self.cap, self.cap)
        return self.pick(*INT_EDGES) if x < 0.93 else self.pick(*NOT_INTS)

    def offset(self, limit, refused):
        """For writes: small, or beyond what is allowed."""
        x = self.r.random()
        if x < 0.85:
            return b"%d" % self.r.randint(0, 60)
        if x < 0.92:
            return b"%d" % self.r.randint(0, limit)
        return self.pick(*refused)

    def word(self, *options):
        w = self.r.choice(options)
        w = w if isinstance(w, bytes) else w.encode()
        x = self.r.random()
        return w if x < 0.7 else w.lower() if x < 0.85 else w.swapcase() if x < 0.9 else bytes(
            c ^ 32 if chr(c).isalpha() and self.chance(0.5) else c for c in w)

    def ttl(self):
        """Seconds to live: far enough not to end during a sequence, or over at once, or refused."""
        x = self.r.random()
        if x < 0.7:
            return b"%d" % self.r.randint(1000, 100000)
        return self.pick(b"0", b"-1", b"-1000", b"9223372036854775807", b"-9223372036854775808", b"9223372036854775",
                         b"9223372036854776", b"-9223372036854776", b"abc", b"1.5", b"", b"100000000000")

    def ttl_ms(self):
        x = self.r.random()
        if x < 0.7:
            return b"%d" % self.r.randint(1000000, 100000000)
        return self.pick(b"0", b"-1", b"-100000", b"9223372036854775807", b"-9223372036854775808", b"x", b"2.5", b"",
                         b"100000000000000")

    def at_s(self):
        x = self.r.random()
        if x < 0.7:
            return b"%d" % (FAR_S + self.r.randint(0, 1000))
        return self.pick(b"0", b"1", b"-1", b"1000000000", b"9223372036854775807", b"9223372036854775", b"foo", b"")

    def at_ms(self):
        x = self.r.random()
        if x < 0.7:
            return b"%d" % (FAR_MS + self.r.randint(0, 1000000))
        return self.pick(b"0", b"1", b"-1", b"1000000000000", b"9223372036854775807", b"-9223372036854775808", b"foo")

    def db(self):
        x = self.r.random()
        if x < 0.9:
            return b"%d" % self.r.randint(0, 3)
        return self.pick(b"15", b"16", b"-1", b"99999999999", b"9223372036854775808", b"abc", b"", b"1.0")

    def options(self, makers, most=3):
        """Some options in any order, now and then twice or unknown ones."""
        out = []
        for make in self.r.sample(makers, self.r.randint(0, min(most, len(makers)))):
            out += make(self)
        if self.chance(0.04):
            out += [self.pick(b"FOO", b"", b"NX", b"XX", b"EX", b"1")]
        if out and self.chance(0.03):
            out.pop()
        return out

    def pattern(self):
        if self.chance(0.5):
            return self.pick(b"*", b"k*", b"k?", b"k[0-3]", b"k[^0-3]", b"[a-z]?", b"*1", b"\\*", b"k\\1", b"", b"[",
                             b"[a",
                             b"[]", b"[^", b"k[3-0]", b"\\", b"**1", b"*x*x*", b"?", b"\xff*", b"[\\0-9]*", b"K*")
        return b"".join(self.r.choices([b"*", b"?", b"k", b"1", b"[0-5]", b"[^a]", b"\\", b":", b"]", b"[", b"-"],
                                       k=self.r.randint(1, 6)))


# ---- strings ---------------------------------------------------------------------------------------------------------

EXPIRY_OPTIONS = [lambda g: [g.word("EX"), g.ttl()], lambda g: [g.word("PX"), g.ttl_ms()],
                  lambda g: [g.word("EXAT"), g.at_s()], lambda g: [g.word("PXAT"), g.at_ms()]]
SET_OPTIONS = EXPIRY_OPTIONS + [lambda g: [g.word("NX")], lambda g: [g.word("XX")], lambda g: [g.word("GET")],
                                lambda g: [g.word("KEEPTTL")]]


def set_plain(g):
    return [b"SET", g.key(), g.value()]


def set_(g):
    return [b"SET", g.key(), g.value()] + g.options(SET_OPTIONS)


def getex(g):
    return [b"GETEX", g.key()] + g.options(EXPIRY_OPTIONS + [lambda g: [g.word("PERSIST")]], 2)


def one_key(*names):
    return lambda g: [g.r.choice(names), g.key()]


def key_value(*names):
    return lambda g: [g.r.choice(names), g.key(), g.value()]


def many_keys(*names):
    return lambda g: [g.r.choice(names)] + g.some(g.key, 6)


def pairs(*names):
    def make(g):
        argv = [g.r.choice(names)]
        for _ in range(g.r.randint(1, 5)):
            argv += [g.key(), g.value()]
        return argv[:-1] if g.chance(0.05) else argv
    return make


def getrange(g):
    return [g.pick(b"GETRANGE", b"SUBSTR"), g.key(), g.index(), g.index()]


def setrange(g):
    at = g.offset(min(g.cap, 150000), [b"-1", b"536870912", b"536870911", b"9223372036854775807", b"x", b"",
                                       b"4294967296", b"-9223372036854775808"])
    value = g.value()
    if at == b"536870911" and len(value) < 2:
        value = b"xy"  # one byte there would be accepted, and cost 512 MB
    if at in (b"536870911", b"536870912", b"9223372036854775807", b"4294967296") and not value and g.chance(0.5):
        value = b"x" * 2
    return [b"SETRANGE", g.key(), at, value]


def setex(g):
    if g.chance(0.5):
        return [b"SETEX", g.key(), g.ttl(), g.value()]
    return [b"PSETEX", g.key(), g.ttl_ms(), g.value()]


def incr(g):
    return [g.pick(b"INCR", b"DECR"), g.key()]


def incrby(g):
    return [g.pick(b"INCRBY", b"DECRBY"), g.key(), g.integer()]


def incrbyfloat(g):
    return [b"INCRBYFLOAT", g.key(), g.pick(*FLOATS) if g.chance(0.6) else g.integer()]


def lcs(g):
    return [b"LCS", g.key(), g.key()] + g.options([lambda g: [g.word("LEN")], lambda g: [g.word("IDX")],
                                                   lambda g: [g.word("MINMATCHLEN"), g.integer()],
                                                   lambda g: [g.word("WITHMATCHLEN")]])


# ---- bits ------------------------------------------------------------------------------------------------------------

BIT_REFUSED = [b"-1", b"4294967296", b"9223372036854775807", b"x", b"", b"-9223372036854775808", b"1.5", b"+1"]


def bit_offset(g):
    x = g.r.random()
    if x < 0.8:
        return b"%d" % g.r.randint(0, 200)
    if x < 0.93:
        return b"%d" % g.r.randint(0, min(g.cap, 100000) * 8)
    return g.pick(*BIT_REFUSED)


def setbit(g):
    return [b"SETBIT", g.key(), bit_offset(g), g.pick(b"0", b"1", b"1", b"0", b"1", b"2", b"x", b"-1", b"01")]


def getbit(g):
    return [b"GETBIT", g.key(), bit_offset(g) if g.chance(0.9) else b"4294967295"]


def bitcount(g):
    argv = [b"BITCOUNT", g.key()]
    if g.chance(0.8):
        argv += [g.index(), g.index()]
        if g.chance(0.5):
            argv += [g.word("BIT", "BYTE", "BIT", "BYTE", "FOO")]
    elif g.chance(0.2):
        argv += [g.index()]
    return argv


def bitpos(g):
    argv = [b"BITPOS", g.key(), g.pick(b"0", b"1", b"0", b"1", b"2", b"a", b"-1")]
    n = g.r.randint(0, 3)
    if n > 0:
        argv += [g.index()]
    if n > 1:
        argv += [g.index()]
    if n > 2:
        argv += [g.word("BIT", "BYTE", "BIT", "FOO")]
    return argv


def bitop(g):
    op = g.word("AND", "OR", "XOR", "NOT", "AND", "OR", "XOR", "NOT", "FOO")
    return [b"BITOP", op, g.key()] + (g.some(g.key, 4) if g.chance(0.7) else [g.key()])


def bitfield_type(g):
    if g.chance(0.1):
        return g.pick(b"u64", b"i65", b"u0", b"i0", b"x8", b"8", b"", b"u", b"i-1", b"u63", b"i64", b"I8", b"u1 ",
                      b"u08")
    return b"%s%d" % (g.pick(b"u", b"i"), g.pick(1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 62, 63))


def bitfield_offset(g):
    if g.chance(0.1):
        return g.pick(b"-1", b"#-1", b"4294967296", b"#99999999999", b"x", b"#", b"", b"#x", b"9223372036854775807",
                      b"#9223372036854775807", b" 1")
    return b"%s%d" % (g.pick(b"", b"", b"#"), g.r.randint(0, 150))


def bitfield_value(g, upper, kind):
    """SET with OVERFLOW SAT of a signed value so low that the judge's own arithmetic overflows gives the highest
    value there, the lowest here, as documented; such values are left out."""
    value = g.integer() if g.chance(0.7) else b"%d" % g.r.randint(-(1 << 63), (1 << 63) - 1)
    if upper == b"SET" and kind[:1] in b"iI" and value[:1] == b"-" and value[1:].isdigit():
        value = b"%d" % max(int(value), -(1 << 62))
    return value


def bitfield(g):
    argv = [b"BITFIELD", g.key()]
    for _ in range(g.r.randint(0, 5)):
        op = g.word("GET", "SET", "INCRBY", "OVERFLOW", "GET", "SET", "INCRBY")
        upper = op.upper()
        argv.append(op)
        if upper == b"OVERFLOW":
            argv.append(g.word("WRAP", "SAT", "FAIL", "WRAP", "SAT", "FAIL", "FOO"))
            continue
        argv += [bitfield_type(g), bitfield_offset(g)]
        if upper != b"GET":
            argv.append(bitfield_value(g, upper, argv[-2]))
    if g.chance(0.04):
        argv.pop()
    return argv


def bitfield_ro(g):
    argv = [b"BITFIELD_RO", g.key()]
    for _ in range(g.r.randint(0, 4)):
        argv += [g.word("GET"), bitfield_type(g), bitfield_offset(g)]
    if g.chance(0.1):
        argv += [g.word("SET", "INCRBY"), b"u8", b"0", b"1"]
    return argv


# ---- keys ------------------------------------------------------------------------------------------------------------

def copy(g):
    return [b"COPY", g.key(), g.key()] + g.options([lambda g: [g.word("DB"), g.db()], lambda g: [g.word("REPLACE")]])


def rename(g):
    return [g.pick(b"RENAME", b"RENAMENX"), g.key(), g.key()]


def move(g):
    return [b"MOVE", g.key(), g.db()]


def select(g):
    return [b"SELECT", g.db()]


def swapdb(g):
    return [b"SWAPDB", g.db(), g.db()]


def keys(g):
    return [b"KEYS", g.pattern()]


def scan(g):
    """Cursor 0 with a large COUNT reads everything in one call; other cursors are compared by shape."""
    argv = [b"SCAN", b"0" if g.chance(0.85) else g.pick(b"1", b"7", b"18446744073709551615", b"18446744073709551616",
                                                        b"-1", b"x", b"", b" 0", b"0x1", b"1.5")]
    options = [lambda g: [g.word("MATCH"), g.pattern()],
               lambda g: [g.word("TYPE"), g.word("string", "hash", "list", "foo", "zset")]]
    argv += g.options(options, 2)
    if g.chance(0.93):
        argv += [g.word("COUNT"), g.pick(b"100000", b"100000", b"100000", b"0", b"-1", b"abc", b"")
                 if g.chance(0.2) else b"100000"]
    return argv


def expire(g):
    which = g.r.randint(0, 3)
    name = (b"EXPIRE", b"PEXPIRE", b"EXPIREAT", b"PEXPIREAT")[which]
    when = (g.ttl, g.ttl_ms, g.at_s, g.at_ms)[which]()
    return [name, g.key(), when] + (g.options([lambda g: [g.word("NX")], lambda g: [g.word("XX")],
                                               lambda g: [g.word("GT")], lambda g: [g.word("LT")]], 2)
                                    if g.chance(0.5) else [])


def object_(g):
    return [b"OBJECT", g.word("ENCODING", "ENCODING", "ENCODING", "REFCOUNT", "FREQ", "IDLETIME", "FOO"), g.key()]


def flush(g):
    argv = [g.pick(b"FLUSHDB", b"FLUSHALL")]
    return argv + ([g.word("ASYNC", "SYNC", "ASYNC", "SYNC", "FOO")] if g.chance(0.6) else [])


def words(*names):
    return lambda g: [g.r.choice(names)]


# ---- the server and the connection -----------------------------------------------------------------------------------

def ping(g):
    return [b"PING"] + ([g.value()] if g.chance(0.4) else [])


def hello(g):
    argv = [b"HELLO"]
    if g.chance(0.9):
        argv += [g.pick(b"2", b"3", b"2", b"3", b"2", b"3", b"1", b"4", b"x", b"")]
        argv += g.options([lambda g: [g.word("AUTH"), g.pick(b"default", b"nouser"), g.pick(b"", b"pw")],
                           lambda g: [g.word("SETNAME"), client_name(g)]], 2)
    return argv


def auth(g):
    return [b"AUTH"] + g.pick([b"pw"], [b"default", b"pw"], [b"nouser", b"pw"], [b"default", b""], [b""],
                              [b"a", b"b", b"c"])


def client_name(g):
    return g.pick(b"alice", b"bob", b"", b"with space", b"line\n", b"\xff", b"a" * 100, b"semi;colon")


def client(g):
    return [b"CLIENT"] + g.r.choice([
        lambda: [g.word("ID")], lambda: [g.word("GETNAME")], lambda: [g.word("SETNAME"), client_name(g)],
        lambda: [g.word("INFO")], lambda: [g.word("NO-EVICT"), g.word("ON", "OFF", "FOO")],
        lambda: [g.word("LIST")] + g.pick([], [b"TYPE", b"normal"], [b"TYPE", b"foo"], [b"TYPE", b"replica"],
                                          [b"TYPE", b"pubsub"], [b"ID", b"0"], [b"ID", b"x"], [b"ID"], [b"FOO"],
                                          [b"TYPE"],
                                          [b"ID", b"-1"], [b"ID", b"999999", b"888888"]),
        lambda: [g.word("KILL")] + g.pick([b"1.2.3.4:5"], [b"ID", b"999999"], [b"ID", b"0"], [b"ID", b"x"], [b"ID"],
                                          [b"ADDR", b"1.2.3.4:5"], [b"LADDR", b"1.2.3.4:5"], [b"USER", b"nouser"],
                                          [b"TYPE", b"foo"], [b"TYPE", b"pubsub"], [b"TYPE", b"replica"],
                                          [b"SKIPME", b"foo", b"ID", b"99999"], [b"ID", b"9999", b"SKIPME", b"yes"],
                                          [b"FOO", b"BAR"], [b"ID", b"99999", b"ADDR", b"1.2.3.4:5"], [], [b"ADDR"],
                                          [b"TYPE", b"master"], [b"ID", b"9223372036854775808"]),
        lambda: [g.word("PAUSE")] + g.pick([b"0"], [b"1"], [b"2", b"WRITE"], [b"1", b"ALL"], [b"x"], [b"-1"],
                                           [b"1", b"FOO"], [], [b"1", b"WRITE", b"x"]),
        lambda: [g.word("UNPAUSE")], lambda: [g.word("REPLY"), g.word("ON", "FOO")], lambda: [b"FOO"], lambda: [],
        lambda: [g.word("GETNAME"), b"x"], lambda: [b"foo", b"bar"],
    ])()


def config_get(g):
    return [b"CONFIG", g.word("GET")] + g.some(
        lambda: g.pick(b"maxmemory", b"maxmemory-*", b"*", b"slowlog*", b"timeout", b"MAXCLIENTS", b"nothing", b"",
                       b"databases",
                       b"active-defrag-*", b"client-*", b"tcp-keepalive", b"[m]axmemory", b"proto-max-bulk-len",
                       b"save"), 3)


# Options that both know, with good and bad values; restored after the sequence.
CONFIG_VALUES = {
    b"maxmemory": [b"0", b"800mb", b"1gb", b"2GB", b"-1", b"abc", b"10x", b"", b"1.5gb", b"100MB "],
    b"maxmemory-policy": [b"noeviction", b"allkeys-lru", b"volatile-lru", b"allkeys-random", b"volatile-random",
                          b"volatile-ttl", b"allkeys-lfu", b"volatile-lfu", b"foo", b"", b"ALLKEYS-LRU"],
    b"maxmemory-samples": [b"5", b"10", b"0", b"-1", b"x", b"64"],
    b"timeout": [b"0", b"300", b"-1", b"x", b"2147483648"],
    b"tcp-keepalive": [b"0", b"300", b"-1", b"x"],
    b"slowlog-log-slower-than": [b"-1", b"10000", b"1000000", b"x", b"-2"],
    b"slowlog-max-len": [b"0", b"128", b"10", b"-1", b"x"],
    b"latency-monitor-threshold": [b"0", b"100", b"-1", b"x"],
    b"active-defrag-threshold-lower": [b"10", b"0", b"1000", b"1001", b"-1", b"x"],
    b"active-defrag-threshold-upper": [b"100", b"0", b"1000", b"1001", b"-1", b"x"],
    b"active-defrag-cycle-min": [b"1", b"0", b"99", b"100", b"x"],
    b"active-defrag-cycle-max": [b"25", b"0", b"99", b"100", b"x"],
    b"active-defrag-ignore-bytes": [b"100mb", b"1", b"0", b"x"],
    b"client-query-buffer-limit": [b"1gb", b"1mb", b"1000", b"x", b"100"],
    b"client-output-buffer-limit": [b"normal 0 0 0", b"pubsub 32mb 8mb 60", b"normal 0 0", b"foo 0 0 0",
                                    b"normal -1 0 0",
                                    b"normal 1gb 0 0 slave 256mb 64mb 60", b"", b"normal x 0 0"],
    b"maxmemory-clients": [b"0", b"1gb", b"10%", b"101%", b"-1", b"x"],
    b"proto-max-bulk-len": [b"512mb", b"1mb", b"1048575", b"x", b"1gb"],
    b"loglevel": [b"notice", b"verbose", b"debug", b"warning", b"foo", b"NOTICE", b""],
    b"databases": [b"16", b"1"], b"port": [b"x", b"65536", b"-1"], b"nosuchoption": [b"1"], b"": [b"1"],
    b"enable-debug-command": [b"yes", b"no"], b"unixsocket": [b"/x"], b"daemonize": [b"yes"],
}


def config_set(g):
    argv = [b"CONFIG", g.word("SET")]
    for name in g.r.sample(sorted(CONFIG_VALUES), g.pick(1, 1, 1, 2, 3)):
        argv += [name if g.chance(0.9) else name.upper(), g.pick(*CONFIG_VALUES[name])]
    if g.chance(0.04):
        argv.append(argv[2])
        if g.chance(0.5):
            argv.append(b"1")
    if g.chance(0.03):
        argv.pop()
    return argv


def config_other(g):
    return [b"CONFIG"] + g.pick([b"RESETSTAT"], [b"FOO"], [], [b"GET"], [b"SET"], [b"SET", b"maxmemory"], [b"REWRITE"],
                                [b"RESETSTAT", b"x"])


def info(g):
    return [b"INFO"] + g.pick([], [b"server"], [b"memory"], [b"MEMORY", b"stats"], [b"nosuch"],
                              [b"nosuch", b"keyspace"],
                              [b"all"], [b"default"], [b"everything"], [b"commandstats"], [b"errorstats"], [b"clients"],
                              [b"cpu"], [b"keyspace"], [b"latencystats"], [b"replication"], [b"cluster"], [b"modules"],
                              [b"persistence"], [b"keyspace", b"keyspace"], [b""])


def memory(g):
    return [b"MEMORY"] + g.pick([b"USAGE", g.key()], [b"USAGE", g.key(), b"SAMPLES", g.integer()], [b"USAGE"],
                                [b"USAGE", g.key(), b"FOO", b"1"], [b"USAGE", g.key(), b"SAMPLES"], [b"DOCTOR"],
                                [b"STATS"],
                                [b"HELP"], [b"FOO"], [], [b"DOCTOR", b"x"], [b"PURGE"], [b"MALLOC-STATS"])


def slowlog(g):
    return [b"SLOWLOG"] + g.pick([b"LEN"], [b"RESET"], [b"GET"], [b"GET", b"0"], [b"GET", b"-1"], [b"GET", b"-2"],
                                 [b"GET", b"x"], [b"GET", b"5"], [b"FOO"], [b"LEN", b"x"], [b"GET", b"1", b"2"], [],
                                 [b"HELP"])


def latency(g):
    return [b"LATENCY"] + g.pick([b"LATEST"], [b"HISTORY", b"command"], [b"RESET"], [b"RESET", b"command", b"foo"],
                                 [b"DOCTOR"], [b"GRAPH", b"nosuch"], [b"HISTOGRAM", b"nosuch"],
                                 [b"HISTOGRAM", b"set", b"get"],
                                 [b"HISTORY"], [b"FOO"], [], [b"LATEST", b"x"], [b"HELP"], [b"HISTOGRAM"])


def command(g):
    return [b"COMMAND"] + g.r.choice([
        lambda: [b"GETKEYS"] + g.r.choice(GETKEYS)(g), lambda: [b"GETKEYS"] + g.r.choice(GETKEYS)(g)[:g.r.randint(0,
                                                                                                                  3)],
        lambda: [b"GETKEYSANDFLAGS"] + g.r.choice(GETKEYS)(g),
        lambda: [b"INFO"] + g.some(lambda: g.r.choice(KNOWN), 3),
        lambda: [b"LIST", b"FILTERBY", b"PATTERN", g.pattern()],
        lambda: [b"LIST", b"FILTERBY"] + g.pick([b"ACLCAT", b"string"], [b"ACLCAT", b"foo"], [b"MODULE", b"foo"],
                                                [b"FOO", b"x"],
                                                [b"ACLCAT", b"bitmap"], [b"PATTERN"], [b"PATTERN", b"*bit*"],
                                                [b"ACLCAT", b"dangerous"], [b"ACLCAT", b"fast"],
                                                [b"PATTERN", b"config|*"]),
        lambda: [b"FOO"], lambda: [b"COUNT", b"x"], lambda: [b"GETKEYS"], lambda: [b"GETKEYS", b"nosuch", b"x"],
        lambda: [b"DOCS"] + g.some(lambda: g.r.choice(KNOWN), 2), lambda: [b"LIST", b"FOO"],
    ])()


def debug(g):
    return [b"DEBUG"] + g.pick([b"SLEEP", b"0"], [b"OBJECT", b"nosuchkey"], [b"OBJECT"], [b"SET-ACTIVE-EXPIRE", b"1"],
                               [], [b"SLEEP", b"0.001"], [b"FOO-BAR"], [b"OBJECT", g.key()])


def nonsense(g):
    return g.r.choice([lambda: [g.text(5)], lambda: [g.text(5), g.value(), g.key()], lambda: [b""],
                       lambda: [b"\xff\x00", b"x"],
                       lambda: [b"a" * 200, b"b" * 200], lambda: [b"get|set", b"x"], lambda: [b"foo\r\nbar", b"x\r\ny"],
                       lambda: [b"nosuch"] + [b"arg%d" % i for i in range(30)], lambda: [b"'quoted'", b"it's"]])()


def connection(g):
    return g.pick([b"TIME"], [b"TIME", b"x"], [b"ECHO", g.value()], [b"ECHO"], [b"RESET"], [b"RESET", b"x"],
                  [b"LOLWUT1"],
                  [b"SHUTDOWN", b"FOO"], [b"SHUTDOWN", b"ABORT"], [b"SHUTDOWN", b"NOSAVE", b"SAVE"],
                  [b"ECHO", b"a", b"b"],
                  [b"QUIT"] if g.chance(0.3) else [b"PING"], [b"PING", b"a", b"b"], [b"SHUTDOWN", b"NOW", b"ABORT"])


def transaction(g):
    return g.pick([b"MULTI"], [b"MULTI"], [b"EXEC"], [b"EXEC"], [b"DISCARD"], [b"UNWATCH"],
                  [b"WATCH"] + g.some(g.key, 3), [b"MULTI", b"x"] if g.chance(0.2) else [b"PING"])


# Commands of the server as a whole are drawn by name in COMMAND INFO and DOCS.
KNOWN = [b"get", b"set", b"del", b"mset", b"append", b"lcs", b"bitop", b"bitfield", b"copy", b"expire", b"scan",
         b"config",
         b"config|get", b"client", b"client|kill", b"object", b"memory|usage", b"nosuch", b"GET", b"swapdb", b"getex",
         b"sort1"]
STRING_FORMS = [set_, getex, one_key(b"GET", b"GETDEL", b"STRLEN"), key_value(b"GETSET", b"SETNX", b"APPEND"),
                many_keys(b"MGET"), pairs(b"MSET", b"MSETNX"), getrange, setrange, setex, incr, incrby, incrbyfloat]
BIT_FORMS = [setbit, getbit, bitcount, bitpos, bitop, bitfield, bitfield_ro]
KEY_FORMS = [many_keys(b"DEL", b"UNLINK", b"EXISTS", b"TOUCH"), one_key(b"TYPE", b"PERSIST"), copy, rename, move,
             object_]
TTL_FORMS = [expire, expire, one_key(b"TTL", b"PTTL", b"EXPIRETIME", b"PEXPIRETIME"), one_key(b"PERSIST")]
DB_FORMS = [select, swapdb, move, keys, scan, flush, words(b"DBSIZE"), words(b"RANDOMKEY")]
SERVER_FORMS = [config_get, config_set, config_set, config_other, info, memory, slowlog, latency, command, command,
                debug]
CONN_FORMS = [ping, hello, auth, client, client, client, nonsense, connection]
GETKEYS = STRING_FORMS + BIT_FORMS + KEY_FORMS + [lcs, scan, ping, select]

# name: (generators with weights, longest value in bytes)
PROFILES = {
    "strings": ([(3, set_plain)] + [(2, f) for f in STRING_FORMS] + [(1, object_)], 200),
    "numbers": ([(2, set_plain), (2, incr), (3, incrby), (3, incrbyfloat), (1, key_value(b"APPEND")), (1, object_),
                 (1, one_key(b"GET")), (1, setrange)], 60),
    "lcs": ([(2, set_plain), (1, key_value(b"APPEND")), (3, lcs)], 200),
    "large": ([(3, set_plain), (1, object_)] + [(1, f) for f in STRING_FORMS + [copy, rename]], 200000),
    "bits": ([(2, set_plain)] + [(2, f) for f in BIT_FORMS] + [(1, one_key(b"GET", b"STRLEN")), (1, setrange)], 200),
    "large bits": ([(2, set_plain)] + [(1, f) for f in BIT_FORMS], 70000),
    "keys": ([(3, set_plain), (2, set_)] + [(2, f) for f in KEY_FORMS] + [(1, f) for f in TTL_FORMS + DB_FORMS], 100),
    "expiry": ([(2, set_), (1, set_plain), (1, setex), (1, getex), (1, incr), (1, rename), (1, copy),
                (1, key_value(b"GETSET"))]
               + [(3, f) for f in TTL_FORMS], 100),
    "databases": ([(3, set_plain), (1, copy), (1, expire)] + [(1, f) for f in DB_FORMS + [select, select]], 40),
    "server": ([(1, set_plain), (1, one_key(b"GET"))] + [(1, f) for f in SERVER_FORMS], 40),
    "connection": ([(1, set_plain), (1, one_key(b"GET"))] + [(1, f) for f in CONN_FORMS], 60),
    "transactions": ([(8, transaction), (4, set_plain), (1, copy), (1, rename), (1, move), (1, flush), (1, select),
                      (1, swapdb), (1, words(b"DBSIZE")), (1, nonsense), (1, expire),
                      (1, many_keys(b"DEL", b"EXISTS"))] + [(1, f) for f in STRING_FORMS], 300),
    "mixed": ([(1, f) for f in [set_plain] * 3 + STRING_FORMS + BIT_FORMS + KEY_FORMS + TTL_FORMS + DB_FORMS], 3000),
}


def spoil(g, argv):
    """Now and then: the name's case, an argument missing, one too many, one replaced."""
    x = g.r.random()
    if argv[0] == b"SHUTDOWN":
        return argv  # without its bad option it would be obeyed
    if x < 0.12:
        argv = [g.word(argv[0])] + argv[1:]
    elif x < 0.15 and len(argv) > 1:
        argv = argv[:-1]
    elif x < 0.17:
        argv = argv + [g.pick(b"x", b"1", b"", b"NX", g.key())]
    elif x < 0.19 and len(argv) > 1 and argv[0].upper() not in (b"SETRANGE", b"SETBIT", b"BITFIELD", b"CLIENT"):
        argv = list(argv)
        argv[g.r.randint(1, len(argv) - 1)] = g.pick(b"", b"foo", b"-1", b"\x00", g.key())
    elif x < 0.194:
        argv = argv[:1]
    return argv


def sequence(seed, profile):
    """A list of commands, always the same for the same seed and profile."""
    forms, cap = PROFILES[profile]
    g = Gen(seed, cap)
    weights = [w for w, _ in forms]
    makers = [f for _, f in forms]
    out = [[b"HELLO", b"3"]] if g.chance(0.3) else []
    for make in g.r.choices(makers, weights, k=g.r.randint(5, 40)):
        out.append(spoil(g, make(g)))
    return out
