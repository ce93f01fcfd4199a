"""Fixed cases: what is better named than drawn. Each is run on both servers and compared like a generated command.

groups() yields (name, [function of a Pair]). A function raises Difference where the servers disagree.
"""
import re

import access
import events
from resp import CLOSED, encode

OPTIONS_EXPECTED = b"""
bind port unixsocket unixsocketperm tcp-backlog tcp-keepalive timeout maxclients databases protected-mode
requirepass aclfile acl-pubsub-default acllog-max-len
maxmemory maxmemory-policy maxmemory-samples activedefrag active-defrag-ignore-bytes
active-defrag-threshold-lower active-defrag-threshold-upper active-defrag-cycle-min active-defrag-cycle-max
loglevel logfile daemonize pidfile supervised slowlog-log-slower-than slowlog-max-len latency-monitor-threshold
client-output-buffer-limit client-query-buffer-limit maxmemory-clients proto-max-bulk-len oom-score-adj
oom-score-adj-values disable-thp enable-debug-command save appendonly""".split()

COMMANDS_EXPECTED = b"""
get set getdel getex getset getrange substr setrange setex psetex setnx mget mset msetnx append strlen incr
incrby incrbyfloat decr decrby lcs setbit getbit bitcount bitpos bitop bitfield bitfield_ro del unlink exists
type touch copy rename renamenx move swapdb randomkey keys scan dbsize expire pexpire expireat pexpireat
expiretime pexpiretime ttl pttl persist object flushdb flushall select ping echo hello auth quit reset time info
config client acl memory slowlog latency monitor command shutdown debug multi exec discard watch unwatch
subscribe unsubscribe psubscribe punsubscribe publish ssubscribe sunsubscribe spublish pubsub
sort sort_ro wait role cluster readonly readwrite asking module replicaof slaveof sync psync eval eval_ro evalsha
evalsha_ro fcall fcall_ro script function""".split()

INFO_FIELDS_EXPECTED = """
redis_version process_id tcp_port uptime_in_seconds connected_clients maxclients blocked_clients used_memory
used_memory_human used_memory_rss used_memory_peak used_memory_overhead used_memory_startup used_memory_dataset
allocator_allocated allocator_active allocator_resident mem_fragmentation_ratio mem_fragmentation_bytes
mem_clients_normal maxmemory maxmemory_human maxmemory_policy active_defrag_running lazyfree_pending_objects
total_connections_received total_commands_processed instantaneous_ops_per_sec total_net_input_bytes
total_net_output_bytes rejected_connections expired_keys evicted_keys keyspace_hits keyspace_misses role
used_cpu_sys used_cpu_user""".split()

# Commands by line: SET a b is three words; quoting is not needed. Errors of arity, syntax, type and range by command.
ERRORS = """
GET | GET a b | SET | SET a | SET a b NX XX | SET a b EX | SET a b EX 0 | SET a b EX -1 | SET a b EX abc
SET a b PX 0 | SET a b EX 10 PX 10 | SET a b KEEPTTL EX 10 | SET a b FOO | SET a b EXAT 0
SET a b EX 9223372036854775807 | SET a b NX GET | SET a b GET GET | SET a b PXAT -5 | SETEX a 0 b | SETEX a -1 b
SETEX a x b | PSETEX a 0 b | SETEX a 9223372036854775807 b | GETEX | GETEX a EX | GETEX a EX 0
GETEX a PERSIST EX 5 | GETEX a FOO | GETEX a EX abc | GETEX a EXAT -1 | GETDEL | GETSET a | GETRANGE a 1
GETRANGE a x 1 | GETRANGE a 1 y | SUBSTR a | SETRANGE a | SETRANGE a -1 b | SETRANGE a x b | SETRANGE a 536870912 b
SETRANGE a 9223372036854775807 b | SETRANGE a 536870912 | MSET | MSET a | MSET a b c | MSETNX a | INCR | INCR a b
INCRBY a | INCRBY a x | INCRBY a 1.5 | INCRBYFLOAT a | INCRBYFLOAT a x | INCRBYFLOAT a nan | INCRBYFLOAT a inf
DECRBY a -9223372036854775808 | APPEND a | STRLEN | LCS a | LCS a b FOO | LCS a b LEN IDX | LCS a b MINMATCHLEN
LCS a b MINMATCHLEN x | SETBIT a | SETBIT a -1 0 | SETBIT a x 0 | SETBIT a 0 2 | SETBIT a 4294967296 0 | GETBIT a
GETBIT a -1 | GETBIT a 4294967296 | BITCOUNT | BITCOUNT a 0 | BITCOUNT a 0 1 FOO | BITCOUNT a x 1
BITCOUNT a 0 1 BIT FOO | BITPOS a | BITPOS a 2 | BITPOS a x | BITPOS a 1 x | BITPOS a 1 0 x | BITPOS a 1 0 1 FOO
SUBSCRIBE | PSUBSCRIBE | SSUBSCRIBE | PUBLISH a | SPUBLISH a | PUBSUB | PUBSUB FOO | PUBSUB CHANNELS a b
PUBSUB NUMPAT x | PUBSUB HELP | PUBSUB NUMSUB a b | PUBSUB NUMSUB | COMMAND GETKEYS SPUBLISH a b
MULTI x | EXEC | EXEC x | DISCARD | WATCH | UNWATCH x
BITOP | BITOP AND a | BITOP FOO a b | BITOP NOT a b c | BITFIELD | BITFIELD a GET | BITFIELD a GET u64 0
BITFIELD a GET u8 -1 | BITFIELD a SET u8 0 x | BITFIELD a OVERFLOW FOO | BITFIELD a FOO u8 0 | BITFIELD a GET x8 0
BITFIELD_RO a SET u8 0 1 | BITFIELD_RO a GET u8 | BITFIELD_RO a OVERFLOW WRAP | DEL | UNLINK | EXISTS | TYPE
TYPE a b | TOUCH | COPY a | COPY a b FOO | COPY a b DB | COPY a b DB x | COPY a b DB 99 | COPY a a | RENAME a
RENAME nosuch b | RENAMENX nosuch b | RENAMENX a | MOVE a | MOVE a x | MOVE a 99 | MOVE a 0 | MOVE a -1 | SWAPDB 0
SWAPDB x 1 | SWAPDB 0 x | SWAPDB 0 99 | SWAPDB 0 -1 | KEYS | KEYS a b | SCAN | SCAN x | SCAN 0 COUNT
SCAN 0 COUNT x | SCAN 0 COUNT 0 | SCAN 0 COUNT -1 | SCAN 0 FOO | SCAN 0 MATCH | SCAN 0 TYPE
SCAN 18446744073709551616 | SCAN -1 | DBSIZE a | RANDOMKEY a | EXPIRE a | EXPIRE a x | EXPIRE a 10 FOO
EXPIRE a 10 NX XX | EXPIRE a 10 GT LT | EXPIRE a 10 NX GT | EXPIRE a 9223372036854775807
EXPIRE a -9223372036854775808 | PEXPIRE a 9223372036854775807 | EXPIREAT a 9223372036854775807 | PEXPIREAT a x
EXPIRETIME | PEXPIRETIME a b | TTL | PTTL a b | PERSIST | OBJECT | OBJECT FOO | OBJECT ENCODING
OBJECT ENCODING a b | OBJECT FREQ nosuch | OBJECT ENCODING nosuch | OBJECT IDLETIME nosuch | OBJECT REFCOUNT nosuch
OBJECT HELP | OBJECT HELP x | FLUSHDB FOO | FLUSHALL FOO | FLUSHALL ASYNC SYNC | SELECT | SELECT x | SELECT 99
SELECT -1 | SELECT 0 1 | PING a b | ECHO | ECHO a b | HELLO 1 | HELLO 4 | HELLO x | HELLO 3 FOO | HELLO 3 AUTH
HELLO 3 AUTH a | HELLO 3 AUTH nouser pw | HELLO 3 SETNAME | HELLO 2 AUTH default x | AUTH | AUTH pw | AUTH a b c
AUTH default pw | AUTH nouser pw | TIME x | RESET x | QUIT x | INFO nosuch | CONFIG | CONFIG FOO | CONFIG GET
CONFIG SET | CONFIG SET a | CONFIG SET nosuch 1 | CONFIG SET maxmemory x | CONFIG SET maxmemory-policy foo
CONFIG SET maxmemory 1gb nosuch 1 | CONFIG SET port | CONFIG SET daemonize yes | CONFIG SET maxmemory-samples 0
CONFIG SET timeout -1 | CONFIG SET maxmemory 1gb maxmemory 2gb | CONFIG SET slowlog-max-len x | CONFIG REWRITE x
CONFIG RESETSTAT x | CLIENT | CLIENT FOO | CLIENT ID x | CLIENT GETNAME x | CLIENT SETNAME | CLIENT SETNAME a b
CLIENT LIST FOO | CLIENT LIST TYPE foo | CLIENT LIST ID | CLIENT LIST ID x | CLIENT KILL | CLIENT KILL foo
CLIENT KILL 1.2.3.4:5 | CLIENT KILL ID x | CLIENT KILL ID 0 | CLIENT KILL FOO bar | CLIENT KILL TYPE foo
CLIENT KILL USER nouser | CLIENT KILL ID 1 SKIPME foo | CLIENT KILL ID 1 FOO | CLIENT PAUSE | CLIENT PAUSE x
CLIENT PAUSE -1 | CLIENT PAUSE 1 FOO | CLIENT UNPAUSE x | CLIENT REPLY | CLIENT REPLY FOO | CLIENT NO-EVICT
CLIENT NO-EVICT FOO | MEMORY | MEMORY FOO | MEMORY USAGE | MEMORY USAGE a SAMPLES | MEMORY USAGE a SAMPLES x
MEMORY USAGE a SAMPLES -1 | MEMORY USAGE a FOO 1 | MEMORY USAGE nosuch | MEMORY DOCTOR x | MEMORY STATS x
MEMORY PURGE x | MEMORY HELP | MEMORY MALLOC-STATS x | SLOWLOG | SLOWLOG FOO | SLOWLOG GET x | SLOWLOG GET -2
SLOWLOG LEN x | SLOWLOG RESET x | LATENCY | LATENCY FOO | LATENCY HISTORY | LATENCY GRAPH | LATENCY GRAPH nosuch
LATENCY LATEST x | LATENCY HISTORY nosuch | LATENCY HISTOGRAM nosuch | MONITOR x | COMMAND FOO | COMMAND COUNT x
COMMAND GETKEYS | COMMAND GETKEYS nosuch | COMMAND GETKEYS GET | COMMAND GETKEYS PING | COMMAND GETKEYS MSET a 1 b 2
COMMAND GETKEYS BITOP AND d a b | COMMAND LIST FOO | COMMAND LIST FILTERBY | COMMAND LIST FILTERBY FOO x
COMMAND INFO nosuch | COMMAND DOCS nosuch | COMMAND GETKEYSANDFLAGS SET a b | COMMAND GETKEYSANDFLAGS COPY a b
SHUTDOWN FOO | SHUTDOWN ABORT | SHUTDOWN SAVE NOSAVE | DEBUG | DEBUG SLEEP | DEBUG OBJECT | DEBUG OBJECT nosuch
SORT | SORT nosuch | SORT nosuch b | SORT nosuch LIMIT 0 | SORT nosuch LIMIT x 1 | SORT nosuch LIMIT 0 1
SORT nosuch BY | SORT nosuch BY w_* GET # GET o_* ASC ALPHA LIMIT 0 5 | SORT nosuch STORE
SORT nosuch STORE b | SORT nosuch desc get
SORT_RO | SORT_RO nosuch STORE b | SORT_RO nosuch DESC | COMMAND GETKEYS SORT a ASC STORE b LIMIT 0 1
COMMAND GETKEYSANDFLAGS SORT a STORE b | COMMAND GETKEYS SORT a | WAIT | WAIT 0 0 | WAIT x 10 | WAIT 0 -1 | WAIT -1 0
WAIT 0 x | WAIT 0 9223372036854775807 | ROLE | ROLE x | CLUSTER | CLUSTER INFO | CLUSTER NODES | CLUSTER SLOTS
CLUSTER SHARDS | CLUSTER MYID | CLUSTER KEYSLOT a | CLUSTER KEYSLOT | CLUSTER COUNTKEYSINSLOT 1 | CLUSTER HELP
CLUSTER FOO | CLUSTER MEET a 1 | CLUSTER count-failure-reports x | READONLY | READONLY x | READWRITE | ASKING
MODULE | MODULE LIST | MODULE LIST x | MODULE HELP | MODULE FOO | MODULE LOAD | MODULE LOAD /nosuch | MODULE UNLOAD x
CLIENT GETREDIR | CLIENT GETREDIR x | CLIENT TRACKINGINFO | CLIENT TRACKING | CLIENT TRACKING FOO
CLIENT TRACKING OFF | CLIENT TRACKING OFF FOO | CLIENT TRACKING ON | CLIENT TRACKING ON BCAST PREFIX
CLIENT CACHING | CLIENT CACHING YES | CLIENT CACHING NO | REPLICAOF | REPLICAOF NO ONE | SLAVEOF no one
REPLICAOF 127.0.0.1 x | SLAVEOF a -1 | SYNC x | PSYNC a | EVAL | EVAL x | EVALSHA | EVAL_RO | EVALSHA_RO a | FCALL a
FCALL_RO | SCRIPT | FUNCTION | SCRIPT LOAD x | FUNCTION FOO | EVALSHA abc 0
DEBUG FOO | NOSUCH | NOSUCH a b c | nosuch 'x' "y" | get|set a
"""

# The same commands over values of every encoding, and at the edges of numbers.
VALUES = """
SET a 9223372036854775807 ; INCR a ; GET a ; OBJECT ENCODING a ; INCRBYFLOAT a 1 ; GET a
SET a -9223372036854775808 ; DECR a ; DECRBY a 1 ; INCRBY a -1 ; GET a
SET a 9223372036854775808 ; INCR a ; OBJECT ENCODING a
SET a 10 ; APPEND a 5 ; INCR a ; OBJECT ENCODING a ; APPEND a x ; INCR a ; OBJECT ENCODING a
APPEND n 12 ; OBJECT ENCODING n ; INCR n ; SETRANGE m 0 12 ; OBJECT ENCODING m ; SETBIT b 3 1 ; OBJECT ENCODING b
SET a 3.0e3 ; INCRBYFLOAT a 200 ; OBJECT ENCODING a ; INCRBYFLOAT a 1.23 ; INCRBYFLOAT a -1e-17 ; GET a
SET a 1e4000 ; INCRBYFLOAT a 1e4000 ; GET a ; INCRBYFLOAT a 1
SET a 0.1 ; INCRBYFLOAT a 0.2 ; INCRBYFLOAT a 1e18 ; INCRBYFLOAT a -1e18
SET a aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa ; OBJECT ENCODING a ; APPEND a b ; OBJECT ENCODING a
SET a aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa ; OBJECT ENCODING a ; GETRANGE a -5 -1 ; GETRANGE a 5 3
SET a hello ; EXPIRE a 1000 ; SET a x KEEPTTL ; TTL a ; SET a x ; TTL a ; GETEX a EX 500 ; TTL a ; GETEX a PERSIST ;
    TTL a
SET a 1 EX 1000 ; INCR a ; TTL a ; APPEND a 1 ; TTL a ; SETRANGE a 0 9 ; TTL a ; GETSET a b ; TTL a
SET a 1 PX 100000 ; RENAME a b ; PTTL b ; COPY b c ; PTTL c ; MOVE c 1 ; SELECT 1 ; PTTL c ; SELECT 0 ; EXISTS c
SET a 1 EXAT 4000000000 ; EXPIRETIME a ; PEXPIRETIME a ; EXPIRE a 10 GT ; EXPIRE a 100 LT ; PERSIST a ; PERSIST a ;
    EXPIRETIME a
SET a 1 ; EXPIRE a 10 GT ; EXPIRE a 10 XX ; EXPIRE a 10 LT ; EXPIRE a 20 NX ; EXPIRE a 20 GT ; EXPIRE a 1 XX ;
    EXPIRE a -1 ; GET a
SET a 1 ; PEXPIREAT a 1 ; EXISTS a ; SET b 1 EXAT 1 ; GET b ; SET c 1 PXAT 1 GET ; DBSIZE
SET a 1 ; SELECT 1 ; SET a 2 ; SWAPDB 0 1 ; GET a ; SELECT 0 ; GET a ; FLUSHDB ; SELECT 1 ; DBSIZE
SET a ohmytext ; SET b mynewtext ; LCS a b ; LCS a b LEN ; LCS a b IDX ; LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN ;
    LCS a c
SETBIT a 7 1 ; BITCOUNT a ; BITPOS a 1 ; BITPOS a 0 ; BITPOS a 0 0 -1 ; BITPOS nosuch 0 ; BITPOS nosuch 1 ;
    SETBIT a 7 0 ; GET a
BITFIELD a SET i8 0 127 INCRBY i8 0 1 ; BITFIELD a OVERFLOW SAT INCRBY i8 0 -100 ;
    BITFIELD a OVERFLOW FAIL INCRBY i8 0 -100
BITFIELD a SET u63 1 9223372036854775807 GET u63 1 GET i64 0 ;
    BITFIELD a INCRBY i64 0 1 OVERFLOW SAT INCRBY i64 0 9223372036854775807
MSETNX a 1 b 2 ; MSETNX b 3 c 4 ; MGET a b c ; MSET a 1 a 2 ; GET a ; DEL a a a ; EXISTS b b nosuch ; TOUCH a b ;
    UNLINK b b
SETRANGE a 5 x ; GET a ; SETRANGE b 5 x ; STRLEN b ; SETRANGE a 0 ; STRLEN a ; BITOP NOT c a ; GET c ;
    BITOP AND d nosuch ; EXISTS d
SET a 1 GET ; SET a 2 GET ; SET a 3 NX GET ; SET b 3 XX GET ; SET b 4 NX GET ; GET a ; GET b ; GETDEL a ; GETDEL a
SCAN 0 MATCH nosuch* COUNT 100000 ; KEYS * ; RANDOMKEY ; DBSIZE ; TYPE a ; SET a 1 ; TYPE a ;
    SCAN 0 TYPE hash COUNT 100000
SET a 1 ; SORT a ; SORT a STORE b ; SORT_RO a ; SET b 1 ; SORT nosuch STORE b ; EXISTS b ; SORT nosuch STORE nosuch
MULTI ; SORT nosuch ; SET b 1 ; SORT nosuch STORE b ; WAIT 1 1 ; ROLE ; EXEC ; GET b
HELLO 3 ; CLIENT TRACKINGINFO ; SORT nosuch ; ROLE ; MODULE LIST ; CLIENT GETREDIR
CLIENT SETNAME foo ; CLIENT GETNAME ; RESET ; CLIENT GETNAME ; SELECT 2 ; CLIENT INFO ; RESET ; CLIENT INFO
HELLO 3 ; GET nosuch ; MGET nosuch nosuch ; CONFIG GET maxmemory ; LCS a b IDX ; INCRBYFLOAT a 1.5 ; HELLO 2 ;
    GET nosuch ; HELLO
HELLO 3 ; RANDOMKEY ; SCAN 0 ; CLIENT GETNAME ; OBJECT ENCODING nosuch ; MEMORY USAGE nosuch ; COMMAND INFO get ;
    RESET ; GET nosuch
HELLO 3 ; SET a 1 GET ; GETEX nosuch ; BITFIELD a GET u8 0 ; BITFIELD a OVERFLOW FAIL INCRBY u2 0 9 ;
    HELLO 3 SETNAME me ; HELLO 3
"""

# Bytes as they stand; PING, QUIT and the end of the input follow each.
RAW = [
    b"PING\r\n", b"PING\n", b"\r\n\r\nPING\r\n", b"  PING  \r\n", b"SET a \"x y\"\r\nGET a\r\n",
    b"SET a 'it\\'s'\r\nGET a\r\n",
    b"SET a \"\\x41\\n\\t\\\\\\\"\"\r\nGET a\r\n", b"SET a \"unbalanced\r\n", b"SET a 'x'y\r\n", b"GET \"a\"b\r\n",
    b"get a b c\r\n",
    b"SET a \"\"\r\nGET a\r\n", b"\"\"\r\n", b"\x00\r\n", b"PING\x00\r\n", b"a" * 300000, b"*\r\n", b"*0\r\n",
    b"*-1\r\n", b"*-10\r\n", b"*x\r\n", b"*1048576\r\n$4\r\nPING\r\n$1\r\n", b"*1048577\r\n", b"*99999999999\r\n",
    b"*1\r\nPING\r\n",
    b"*1\r\n:4\r\n", b"*1\r\n$-1\r\n", b"*1\r\n$x\r\n", b"*1\r\n$536870913\r\n", b"*1\r\n$99999999999999999999\r\n",
    b"*1\r\n$ 4\r\nPING\r\n",
    b"*1\r\n$4\r\nPINGxx", b"*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", b"*1 \r\n$4\r\nPING\r\n", b"*+1\r\n$4\r\nPING\r\n",
    b"*01\r\n$4\r\nPING\r\n",
    b"*1\n$4\nPING\n", b"*1\r\n$4\r\nPING\r\n*1\r\n!\r\n", b"*" + b"1" * 300000, b"*1\r\n$" + b"1" * 300000,
    b"$4\r\nPING\r\n",
    b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$2\r\n\r\n\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n", b"+OK\r\n", b"-ERR\r\n", b":1\r\n",
    b"GET /\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", b"HOST: x\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    encode(["CLIENT", "REPLY", "OFF"]) + encode(["PING"]) + encode(["CLIENT", "REPLY", "ON"]) + encode(["PING"]),
    encode(["CLIENT", "REPLY", "SKIP"]) + encode(["PING"]) + encode(["ECHO", "x"]),
    encode(["CLIENT", "REPLY", "OFF"]) + encode(["NOSUCH"]) + encode(["CLIENT", "REPLY", "SKIP"]) + encode(["PING"]),
    encode(["HELLO", "3"])[:0] + encode(["CLIENT", "REPLY", "SKIP"]) * 2 + encode(["PING"]) * 2,
    encode(["QUIT"]) + encode(["PING"]), b"QUIT\r\nPING\r\n",
]


def one_line(line):
    argv = [w.encode() for w in line.split()]
    return lambda pair: script(pair, [argv])


def script(pair, commands):
    """A sequence that begins with empty servers."""
    pair.run(commands)


def raw(data):
    def run(pair):
        def work(client):
            client.call("FLUSHALL")
            client.send_raw(data)
            client.send_raw(encode(["PING"]) + encode(["QUIT"]))
            client.end_of_input()
            return (b"*", client.read_all())
        ours, judge = pair.both(work)
        pair.check([b"(bytes)", data[:80]], ours, judge)
    return run


def split_at_every_byte(pair):
    """The same request in pieces of one byte, and of seven."""
    data = encode(["SET", "a", "v" * 50]) + b"GET a\r\n" + encode(["STRLEN", "a"]) + encode(["QUIT"])
    for size in (1, 7):
        def work(client, size=size):
            for at in range(0, len(data), size):
                client.send_raw(data[at:at + size])
            return (b"*", client.read_all())
        ours, judge = pair.both(work)
        pair.check([b"(bytes)", b"in pieces"], ours, judge)


def has(what, ours, expected):
    """Not compared with the judge: what must be there. A missing name is shown as a difference."""
    from differential import Difference
    missing = sorted(set(expected) - set(ours))
    if missing:
        raise Difference([what], (b"-", b"missing " + b" ".join(missing)), (b"+", b"all"))


def every_option(pair):
    has(b"CONFIG GET *", pair.defaults[0], OPTIONS_EXPECTED)


def every_command(pair):
    has(b"COMMAND LIST", pair.common_commands, COMMANDS_EXPECTED)


def every_info_field(pair):
    client = pair.ours.connect()
    text = client.call("INFO", "everything")[1] or b""
    client.close()
    names = re.findall(rb"^([a-z0-9_]+):", text, re.M)
    has(b"INFO everything", names, [name.encode() for name in INFO_FIELDS_EXPECTED])


def scan_everything(pair):
    """Cursors run to the end, with small COUNTs, and give every key once at least."""
    def work(client):
        client.run([[b"FLUSHALL"]] + [[b"SET", b"key:%d" % i, b"x"] for i in range(3000)])
        seen, cursor, turns = set(), b"0", 0
        while True:
            reply = client.call("SCAN", cursor, "COUNT", 7, "MATCH", "key:*5*")
            if reply[0] != b"*" or turns > 20000:
                return reply
            cursor, turns = reply[1][0][1], turns + 1
            seen |= {item[1] for item in reply[1][1][1]}
            if cursor == b"0":
                return (b"*", sorted((b"$", key) for key in seen))
    ours, judge = pair.both(work)
    pair.check([b"SCAN", b"loop"], ours, judge)


def expires_on_time(pair):
    """A key is there until its time, and gone after it: both sides of the moment, by the server's own clock."""
    def work(client):
        client.run([[b"FLUSHALL"], [b"SET", b"a", b"1", b"PX", b"30"], [b"SET", b"b", b"1"], [b"PEXPIRE", b"b", b"30"]])
        while client.call("EXISTS", "a", "b") != (b":", 0):
            pass
        return (b"*", client.run([[b"GET", b"a"], [b"TTL", b"a"], [b"PTTL", b"b"], [b"DBSIZE"], [b"KEYS", b"*"],
                                  [b"RENAME", b"a", b"c"], [b"SETNX", b"a", b"2"], [b"TTL", b"a"]]))
    ours, judge = pair.both(work)
    pair.check([b"(expired)"], ours, judge)


def password(pair):
    """NOAUTH, and what is allowed before AUTH."""
    def work(client):
        client.call("CONFIG", "SET", "requirepass", "secret")
        return CLOSED

    def before(client):
        out = client.run([[b"GET", b"a"], [b"NOSUCH"], [b"PING"], [b"HELLO", b"3"], [b"AUTH", b"wrong"],
                          [b"AUTH", b"default", b"bad"],
                          [b"AUTH", b"nouser", b"secret"], [b"HELLO", b"3", b"AUTH", b"default", b"bad"], [b"RESET"],
                          [b"GET"],
                          [b"COMMAND"], [b"SELECT", b"0"], [b"AUTH", b"secret"], [b"SET", b"a", b"1"], [b"RESET"],
                          [b"GET", b"a"],
                          [b"HELLO", b"3", b"AUTH", b"default", b"secret"], [b"GET", b"a"],
                          [b"CONFIG", b"GET", b"requirepass"]])
        return (b"*", [r if i not in (16,) else (b"+", b"") for i, r in enumerate(out)])

    def big(client):
        client.send_raw(b"*11\r\n")
        return client.read()

    def long_argument(client):
        client.send_raw(b"*2\r\n$16385\r\n")
        return client.read()

    def after(client):
        client.run([[b"AUTH", b"secret"], [b"CONFIG", b"SET", b"requirepass", b""]])
        return CLOSED

    pair.both(work)
    try:
        for name, step in ((b"commands", before), (b"*11", big), (b"$16385", long_argument)):
            ours, judge = pair.both(step)
            pair.check([b"(before AUTH)", name], ours, judge)
    finally:
        pair.both(after)


def out_of_memory(pair):
    """noeviction: writes that may grow are refused in Redis's words, others work."""
    def work(client):
        out = client.run([[b"FLUSHALL"], [b"SET", b"a", b"5"], [b"CONFIG", b"SET", b"maxmemory", b"1"],
                          [b"SET", b"b", b"1"],
                          [b"APPEND", b"a", b"1"], [b"INCR", b"a"], [b"MSET", b"a", b"1"],
                          [b"SETRANGE", b"a", b"1", b"x"],
                          [b"SETBIT", b"a", b"1", b"1"], [b"BITOP", b"NOT", b"b", b"a"], [b"COPY", b"a", b"b"],
                          [b"GETSET", b"a", b"1"],
                          [b"BITFIELD", b"a", b"GET", b"u8", b"0"], [b"GETEX", b"a", b"EX", b"100"],
                          [b"RENAME", b"a", b"c"],
                          [b"EXPIRE", b"c", b"100"], [b"GET", b"c"], [b"SET", b"c"], [b"GETDEL", b"c"], [b"DEL", b"c"],
                          [b"CONFIG", b"SET", b"maxmemory", b"0"], [b"SET", b"b", b"1"]])
        return (b"*", out)
    ours, judge = pair.both(work)
    pair.check([b"(maxmemory 1)"], ours, judge)


def command_info(pair):
    """COMMAND INFO of every command that both have, one by one."""
    from differential import Difference
    wrong = []
    names = sorted(name for name in pair.common_commands)
    argvs = [[b"COMMAND", b"INFO", name] for name in names] + [[b"COMMAND", b"DOCS", name] for name in names]
    ours, judge = pair.both(lambda client: client.run(argvs))
    for argv, a, b in zip(argvs, ours, judge):
        try:
            pair.check(argv, a, b)
        except Difference as difference:
            wrong.append(difference)
    if wrong:
        raise Difference(wrong[0].argv, wrong[0].ours, wrong[0].judge,
                         "also: " + " ".join(f"{d.argv[1].decode()}:{d.argv[2].decode()}" for d in wrong[1:]))


def groups():
    errors = [line.strip() for row in ERRORS.strip().splitlines() for line in row.split(" | ")]
    values = [[[w.encode() for w in one.split()] for one in line.split(";")]
              for line in VALUES.strip().replace(" ;\n", " ;").splitlines()]
    return [
        ("error texts", [one_line(line) for line in errors]),
        ("values and numbers", [lambda pair, commands=commands: script(pair, commands) for commands in values]),
        ("bytes on the wire", [raw(data) for data in RAW] + [split_at_every_byte]),
        ("what must exist", [every_option, every_command, every_info_field]),
        ("SCAN to the end", [scan_everything]),
        ("expiry in time", [expires_on_time]),
        ("before AUTH", [password]),
        ("out of memory", [out_of_memory]),
        ("COMMAND INFO and DOCS", [command_info]),
        ("keyspace notifications", events.cases()),
        ("access", access.cases()),
    ]
