"""Keyspace notifications: the messages of both servers, one by one, in order.

A listener subscribes to everything; behind each sequence a message of its own tells where its events end.
"""
import compare
import grammar
from resp import CLOSED

END = b"__key-end"
SEQUENCES = """
SET a 1 ; SET a 1 EX 100 ; SET a 2 KEEPTTL ; SET b 1 PXAT 1 ; GET b ; SET n 1 NX ; SET n 1 NX ; SET n 1 XX GET
SET z 1 XX ; SET z 1 XX GET ; SETEX a 100 v ; PSETEX a 100000 v ; SETNX a 1 ; SETNX q 1 ; GETSET q 2 ; GETSET qq 2
SET q 1 ; GETDEL q ; GETDEL q ; SET q 1 ; GETEX q ; GETEX q EX 100 ; GETEX q PERSIST ; GETEX q PERSIST
SET q 1 ; GETEX q PXAT 1 ; GETEX q EX 1 ; GETEX q EX abc ; MSET x 1 y 2 x 3 ; MSETNX x 1 z 2 ; MSETNX z 1 zz 2 z 3
APPEND z x ; APPEND z x ; SETRANGE z 1 a ; SETRANGE sr 3 a ; INCR z ; INCR c ; DECR c ; INCRBY c 5 ; DECRBY c 2
INCRBYFLOAT c 1.5 ; INCRBYFLOAT c 1.5 ; SETBIT c 1 1 ; SETBIT c 1 1 ; SETBIT c 1 0 ; SETBIT c 200 0 ; SETBIT d 1 0
SET a 1 ; BITOP AND d a nosuch ; BITOP AND d nosuch ; BITOP AND d nosuch ; BITOP NOT a a
BITFIELD c SET u8 0 1 ; BITFIELD c SET u8 0 1 ; BITFIELD c GET u8 0 ; BITFIELD x GET u8 0 ; BITFIELD c INCRBY u8 0 0
BITFIELD b SET u8 0 1 INCRBY u8 0 1 ; BITFIELD b OVERFLOW FAIL INCRBY u8 64 300 ; BITFIELD_RO nosuch GET u8 0
BITFIELD f OVERFLOW FAIL SET u8 0 999 ; BITFIELD f SET u8 40 0
SET x 1 ; SET y 1 ; DEL x y x nosuch ; SET z 1 ; UNLINK z ; EXPIRE z 1 ; SET c 1 ; EXPIRE c 100 ; EXPIRE c 100 NX
SET c 1 ; PEXPIREAT c 1 ; SET c 1 ; EXPIRE c -1 ; SET c 1 EX 100 ; PERSIST c ; PERSIST c ; EXPIREAT c 4000000000
SET c 1 ; RENAME c c ; RENAME c e ; SET a 1 ; RENAME e a ; RENAME nosuch e ; SET n 1 ; RENAMENX a n ; RENAMENX a aa
SET aa 1 ; COPY aa ab ; COPY aa ab ; COPY aa ab REPLACE ; COPY aa ac DB 1 ; COPY nosuch ac ; COPY nosuch ab REPLACE
SET aa 1 ; MOVE aa 1 ; SET aa 1 ; MOVE aa 1 ; MOVE nosuch 1 ; SELECT 1 ; GET aa ; DEL aa ; SWAPDB 0 1 ; DEL aa
TOUCH nosuch ; EXISTS nosuch nosuch ; TYPE nosuch ; TTL nosuch ; PTTL nosuch ; EXPIRETIME nosuch ; STRLEN nosuch
GETRANGE nosuch 0 1 ; SUBSTR nosuch 0 1 ; GETBIT nosuch 1 ; BITCOUNT nosuch ; BITPOS nosuch 1 ; MGET nosuch nosuch
LCS nosuch nosuch ; OBJECT ENCODING nosuch ; OBJECT IDLETIME nosuch ; OBJECT REFCOUNT nosuch ; MEMORY USAGE nosuch
WATCH nosuch ; RANDOMKEY ; KEYS * ; SCAN 0 ; FLUSHDB ; SET a 1 ; FLUSHALL ; DBSIZE
MULTI ; SET a 1 ; PUBLISH __key-x hello ; DEL a ; SELECT 1 ; SET a 1 ; GET nosuch ; EXEC ; SET a 2
MULTI ; SET a 1 ; INCR a ; DEL a b ; EXEC ; MULTI ; SET a 1 ; DISCARD ; MULTI ; SET a 1 ; GET ; EXEC
WATCH a ; MULTI ; SET a 1 ; EXEC ; MULTI ; CONFIG SET notify-keyspace-events Ex$ ; SET a 1 ; EXEC ; SET b 1
CONFIG SET notify-keyspace-events K$ ; SET a 1 EX 100 ; CONFIG SET notify-keyspace-events Eg ; SET a 1 EX 100 ; DEL a
CONFIG SET notify-keyspace-events A ; SET a 1 ; CONFIG SET notify-keyspace-events KEn ; SET a 1 ; SET b 1
CONFIG SET notify-keyspace-events "" ; SET a 1 ; CONFIG SET notify-keyspace-events KEm ; GET a ; GET nosuch
SET a 1 PX 100000 ; PERSIST a ; SET b 1 PXAT 1 ; INCR b ; SET c 1 PXAT 1 ; RENAME c d ; SET e 1 PXAT 1 ; SETNX e 2
"""
GENERATED = ("strings", "numbers", "bits", "keys", "databases", "expiry")


def events(client, listener, commands, keep):
    """Runs the commands; the events that they made, as "channel message"."""
    client.run(commands)
    client.call("PUBLISH", END, "x")
    out = []
    while True:
        kind, message = listener.read()
        channel, text = message[2][1], message[3][1]
        if channel == END:
            return [item for item in out if keep(item)]
        out.append(channel + b" " + text)


def compared(commands, keep=lambda item: True, classes=b"KEAmn"):
    from differential import Difference

    def run(pair):
        def work(client):
            listener = server_of[len(done)].connect()
            client.run([[b"FLUSHALL"], [b"CONFIG", b"SET", b"notify-keyspace-events", classes]])
            listener.call("PSUBSCRIBE", "__key*")
            done.append(events(client, listener, commands, keep))
            listener.close()
            client.run([[b"RESET"], [b"CONFIG", b"SET", b"notify-keyspace-events", b""], [b"FLUSHALL"]])
            return (b"*", [(b"$", item) for item in done[-1]])
        server_of, done = (pair.ours, pair.judge), []
        ours, judge = pair.both(work)
        if ours != judge:
            text = b" ; ".join(b" ".join(argv) for argv in commands)
            a, b = ours[1] + [CLOSED], judge[1] + [CLOSED]
            at = next(i for i, item in enumerate(a) if item != b[i])
            raise Difference([b"(events)", text], (b"*", a[at:at + 4]), (b"*", b[at:at + 4]), f"from event {at} on")
    return run


def not_expired(item):
    """When something expires is up to active expiry."""
    return not item.endswith(b" expired") and b":expired " not in item


def every_letter(pair):
    """CONFIG SET of all kinds of classes, and CONFIG GET of what became of them."""
    values = [c for c in "KEg$lshzxetdmnA"] + ["KEA", "Ag$", "nmdtexzhsl$gEK", "KEAmn", "g$lshzxetd", "g$lshzxet", "dn",
                                               "", "AKEdmn", "KQ", "kea", "K E", "Knmd", "KK", "E\0x"]
    commands = [argv for value in values for argv in ([b"CONFIG", b"SET", b"notify-keyspace-events", value.encode()],
                                                      [b"CONFIG", b"GET", b"notify-keyspace-events"])]
    commands.append([b"CONFIG", b"SET", b"notify-keyspace-events", b""])
    ours, judge = pair.both(lambda client: client.run(commands))
    for argv, a, b in zip(commands, ours, judge):
        pair.check(argv, a, b)


def cases():
    out = [every_letter]
    for line in SEQUENCES.strip().splitlines():
        out.append(compared([[w.strip('"').encode() for w in one.split()] for one in line.split(";")],
                            not_expired if "PXAT" in line or "PX 1" in line else lambda item: True))
    for profile in GENERATED:
        for seed in range(25):
            commands = [argv for argv in grammar.sequence(seed, profile) if compare.word(argv, 0) != b"HELLO"]
            out.append(compared(commands, not_expired))
    return out
