"""Access: what users may do, and what both servers say of it.

Scripts of several connections ("b:GET k" is sent by connection b, a by default), step by step; and users made of drawn
rules, asked by ACL DRYRUN for every command that both have. Rules on commands are kept as they were given here, while
the judge works out categories of its own from the set of commands: so where the two are described in other words, it
is what they allow that counts.
"""
import random
import re
import shlex

import compare
from resp import CLOSED

SCRIPTS = """
ACL ; ACL FOO ; ACL WHOAMI ; ACL WHOAMI x ; ACL HELP ; ACL HELP x ; ACL LIST ; ACL LIST x ; ACL USERS ; ACL USERS x
ACL CAT ; ACL CAT foo ; ACL CAT @string ; ACL CAT STRING ; ACL CAT a b ; ACL GETUSER ; ACL GETUSER default
ACL GETUSER nosuch ; ACL SETUSER ; ACL DELUSER ; ACL DELUSER default ; ACL DELUSER nosuch ; ACL SAVE ; ACL LOAD
ACL SAVE x ; ACL LOAD x ; ACL GENPASS ; ACL GENPASS 5 ; ACL GENPASS 0 ; ACL GENPASS 1 ; ACL GENPASS 4096
ACL GENPASS 4097 ; ACL GENPASS -5 ; ACL GENPASS abc ; ACL GENPASS 5 5 ; ACL LOG RESET ; ACL LOG ; ACL LOG x ;
    ACL LOG -1
ACL LOG 0 ; ACL LOG RESET x ; ACL DRYRUN ; ACL DRYRUN nosuch get a ; ACL DRYRUN default ; ACL DRYRUN default get a
ACL DRYRUN default get ; ACL DRYRUN default nosuch ; ACL DRYRUN default config nosuch ; ACL DRYRUN default config
ACL SETUSER x ; ACL GETUSER x ; ACL SETUSER x on >pw ~a* +get ; ACL GETUSER x ; ACL LIST ; ACL SETUSER x "" ;
    ACL USERS
HELLO 3 ; ACL SETUSER x on >pw ~a* &b +@read -get ; ACL GETUSER x ; ACL CAT ; ACL LIST ; ACL LOG ; ACL WHOAMI
ACL SETUSER "a b" on ; ACL SETUSER "" on ; ACL GETUSER "" ; ACL USERS ; ACL DELUSER "" ; ACL USERS
ACL SETUSER x on >x nosuch ; ACL USERS ; ACL SETUSER x on ; ACL SETUSER x off nosuch ; ACL LIST
ACL SETUSER x nopass ; ACL LIST ; ACL SETUSER x >foo >bar <foo ; ACL LIST ; ACL SETUSER x resetpass ; ACL LIST
ACL SETUSER x ON NoPass AllKeys AllChannels ; ACL LIST ; ACL SETUSER x RESET ; ACL LIST ; ACL SETUSER x > ; ACL LIST
ACL SETUSER x sanitize-payload ; ACL GETUSER x ; ACL SETUSER x skip-sanitize-payload ; ACL GETUSER x ; ACL LIST
ACL SETUSER x +select|0 +select|1 ; ACL LIST ; ACL SETUSER x +select ; ACL LIST ; ACL SETUSER x -select ; ACL LIST
ACL SETUSER x on nopass +select|1 ; b:AUTH x y ; b:SELECT 0 ; b:SELECT 1 ; b:PING ; b:RESET ; b:ACL WHOAMI ; b:PING
CONFIG SET acl-pubsub-default foo ; CONFIG SET acllog-max-len -1 ; CONFIG SET aclfile x ; CONFIG GET acl*
CONFIG SET acl-pubsub-default allchannels ; ACL SETUSER x on ; ACL LIST ; ACL SETUSER x reset ; ACL LIST
CONFIG SET acl-pubsub-default resetchannels ; ACL SETUSER y ; ACL LIST ; ACL SETUSER x reset ; ACL LIST
AUTH x ; AUTH default x ; ACL SETUSER default >p1 ; b:PING ; b:NOSUCH ; b:AUTH p2 ; b:AUTH p1 ; b:ACL WHOAMI ;
    AUTH p1
CONFIG SET requirepass p2 ; b:PING ; ACL LIST ; CONFIG GET requirepass ; ACL SETUSER default >p3 ;
    CONFIG GET requirepass
CONFIG SET requirepass p ; b:PING ; ACL SETUSER default nopass ; b:PING ; CONFIG GET requirepass ; AUTH z ;
    AUTH default z
CONFIG SET requirepass p ; b:PING ; CONFIG SET requirepass "" ; b:PING ; CONFIG SET requirepass p ; b:PING ;
    b:AUTH p ; b:PING
ACL SETUSER default off ; AUTH x ; AUTH default x ; b:PING ; PING ; ACL SETUSER default on ; b:PING ; ACL LIST
ACL SETUSER u on >pw ~a* %R~r* %W~w* &ch* +@all -flushall -config|set ; b:AUTH u pw ; b:ACL WHOAMI ; b:GET a1 ;
    b:GET b1
b:AUTH u bad ; b:AUTH nosuch bad ; b:AUTH u pw x ; b:HELLO 3 AUTH u bad ; b:HELLO 2 AUTH a b c ; ACL LOG ; ACL LOG 1
ACL SETUSER u on nopass ~* +get ; b:HELLO 3 AUTH u x ; b:ACL WHOAMI ; b:HELLO 2 ; b:PING ; b:QUIT ; ACL LOG
ACL SETUSER u on nopass ; b:AUTH u x ; ACL DELUSER u ; b:PING ; ACL SETUSER u on nopass +acl ; b:AUTH u x ;
    b:ACL DELUSER u
ACL SETUSER u on nopass +acl ; b:AUTH u x ; b:ACL SETUSER u -acl ; b:ACL WHOAMI ; ACL LOG ; CLIENT KILL USER u
ACL SETUSER u on >pw +ping ; b:AUTH u pw ; ACL SETUSER u off ; b:PING ; b:AUTH u pw ; ACL SETUSER u on resetpass ;
    b:PING
CLIENT KILL USER nosuch ; ACL SETUSER u on nopass ; b:AUTH u x ; CLIENT KILL USER u
ACL SETUSER u on nopass +@all allchannels ; b:AUTH u x ; b:SUBSCRIBE c1 ; ACL SETUSER u resetchannels ; b:PING
ACL SETUSER u on nopass +@all &ch* ; b:AUTH u x ; b:SUBSCRIBE ch1 ; ACL SETUSER u resetchannels &ch1 ; b:PING
ACL SETUSER u on nopass +@all &ch* ; b:AUTH u x ; b:PSUBSCRIBE ch* ; ACL SETUSER u resetchannels &ch* ; b:PING
ACL SETUSER u on nopass +@all &ch* ; b:AUTH u x ; b:PSUBSCRIBE ch* ; ACL SETUSER u resetchannels &ch1 ; b:PING
ACL SETUSER u on nopass +@all &ch* ; b:AUTH u x ; b:SSUBSCRIBE ch1 ; b:SSUBSCRIBE x ;
    ACL SETUSER u resetchannels ; b:PING
ACL SETUSER u on nopass +@all &ch* -exec ; b:AUTH u x ; b:PUBLISH ch1 x ; b:PUBLISH x x ; b:SPUBLISH x x ;
    b:EXEC ; b:WATCH k
b:SUBSCRIBE ch1 x ; b:SUBSCRIBE ch1 ch2 ; b:FLUSHALL ; b:MULTI ; b:EXEC ; b:DISCARD ; b:RESET ; b:PING
ACL SETUSER u on nopass +@all ~a* &c -flushall ; b:AUTH u x ; b:MULTI ; b:GET b1 ; b:EXEC ; b:MULTI ; b:FLUSHALL ;
    b:EXEC
ACL SETUSER u on nopass +@all ~a* ; b:AUTH u x ; b:MULTI ; b:GET a1 ; b:SET a1 5 ; ACL SETUSER u -get ; b:EXEC ;
    ACL LOG
ACL SETUSER u on nopass +@all ~a* &c ; b:AUTH u x ; b:MULTI ; b:SET a1 7 ; b:GET a1 ; b:PUBLISH c x ; b:PING
ACL SETUSER u resetkeys resetchannels ~z ; b:EXEC ; ACL LOG ; b:MULTI ; ACL SETUSER u -exec ; b:EXEC ; b:DISCARD
ACL SETUSER u on nopass +@all -discard -multi ; b:AUTH u x ; b:MULTI ; ACL SETUSER u +multi ; b:MULTI ;
    b:DISCARD ; b:EXEC
ACL SETUSER u on nopass +@all -monitor -watch ; b:AUTH u x ; b:MULTI ; b:MONITOR ; b:WATCH ; b:WATCH a ; b:EXEC
ACL SETUSER u on nopass ~a* +@all ; b:AUTH u x ; b:SORT a9 BY x* ; b:SORT a9 BY nosort ; b:SORT a9 GET # ; b:SORT x
ACL SETUSER u %R~* ; b:AUTH u x ; b:SORT a9 BY x* ; b:SORT_RO a9 GET x* ; b:SORT a9 STORE b ; b:MEMORY USAGE b
CONFIG SET acllog-max-len 2 ; AUTH a b ; AUTH b b ; AUTH c b ; ACL LOG ; AUTH b c ; ACL LOG ;
    CONFIG SET acllog-max-len 0
AUTH d b ; ACL LOG ; CONFIG SET acllog-max-len 128 ; AUTH d b ; ACL LOG
ACL SETUSER u +@all -@dangerous +config ; ACL LIST ; ACL SETUSER u reset +@read +@write -@dangerous ; ACL GETUSER u
ACL SETUSER u (+get) ; ACL SETUSER u "(+get ~a*)" ; ACL SETUSER u +get (+set ; ACL SETUSER u clearselectors ; ACL LIST
ACL SETUSER u ~a %RW~* ; ACL GETUSER u ; ACL SETUSER u resetkeys %RW~* ; ACL GETUSER u
CONFIG SET slowlog-log-slower-than 0 ; ACL SETUSER zed on >secret +get ; ACL DELUSER zed ; AUTH a b ; SLOWLOG GET 3
"""

# Of each, the reply to ACL SETUSER and what GETUSER then has.
RULES = """
FOO +nosuch -nosuch +@nosuch +config|nosuch +get|x +set|get -set|get +nosuch|x +config|get|x +config| +|get + - +@
<nopw !abc #abc #AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA +get| +acl|whoami|x -acl|whoami|x
+@all|x !aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
#2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae %R~foo %W~bar %RW~baz %X~foo %~foo %R % %RRW~foo2
%r~foo3 %wR~x allkeys ~foo ~* %R~* %W~* %RW~* ~a,~* ~*,~a %R~*,%W~* ~foo,~foo,%R~foo %W~,~ ~ & &a,&b,&a &*
allchannels &*,&a &a,allchannels resetkeys resetchannels resetpass reset clearselectors +@string +@string,-get
+@all,-@dangerous +@all,-get +@all,-get,+get -@all,+set,+get +config,-config|set +config|get +config|get,+config
+@all,-config|set allcommands,nocommands +select|0,+select|1 +select|0,+select +@read,-@read -get
-@all,-get,+get,-get +get,+@read +@all,-@all +acl|whoami,+acl|WHOAMI +@all,+config|get +@all,-config,+config|get
nopass,>a >a,nopass >a,>a,<a on,off on,ON,nopass >a,#abc
""".split()

MADE_OF = ["+@all", "-@all", "~a*", "%R~b*", "%W~c*", "~*", "%R~*", "resetkeys", "allkeys", "&a*", "&b", "&*",
           "resetchannels", "allchannels", "on", "off", "nopass", ">pw", "<pw", "resetpass", "reset", "+config|get",
           "-config|set", "+select|0", "+object", "-object|help", "+client|id", "-acl", "+acl|whoami", "nosuch",
           "+nosuch", "%~x"]


def described(reply):
    """The description of a user's rules, commands as a set: the order of single ones is not promised."""
    base, _, rest = reply.partition(b"@all")
    return base + b"@all", sorted(rest.split())


def same_lines(ours, judge):
    def lines(reply):
        out = []
        for _, line in reply[1]:
            head, _, commands = line.rpartition(b"@all")
            out.append((head, sorted(commands.split())))
        return out
    return ours[0] == judge[0] and lines(ours) == lines(judge)


def entries(reply):
    """ACL LOG, without what is a clock or a server's own."""
    out = []
    for entry in reply[1]:
        fields = compare.pairs_of(entry)
        info = dict(re.findall(rb"(\S+?)=(\S*)", fields.pop(b"client-info")[1]))
        fields.pop(b"age-seconds")
        out.append((sorted(fields.items()), [info[name] for name in (b"user", b"cmd", b"flags", b"db", b"multi")]))
    return out


def same(pair, argv, ours, judge):
    if ours == judge:
        return True
    if ours[0] == b"-" or judge[0] == b"-" or CLOSED in (ours, judge):
        return False
    words = [word.upper() for word in argv[:2]]
    if words == [b"ACL", b"LIST"]:
        return same_lines(ours, judge)
    if words == [b"ACL", b"GETUSER"]:
        a, b = compare.pairs_of(ours), compare.pairs_of(judge)
        return {**a, b"commands": 0} == {**b, b"commands": 0} and described(a[b"commands"][1]) == described(
            b[b"commands"][1])
    if words == [b"ACL", b"LOG"]:
        return entries(ours) == entries(judge)
    if words == [b"ACL", b"GENPASS"]:
        return ours[0] == judge[0] and re.fullmatch(rb"[0-9a-f]+", ours[1]) and len(ours[1]) == len(judge[1])
    if words == [b"ACL", b"CAT"] and len(argv) == 3:
        return all(a[0] == b"$" for a in ours[1]) and ({a[1] for a in ours[1]} & pair.common_commands ==
                                                       {a[1] for a in judge[1]} & pair.common_commands)
    return pair.comparison.same(argv, ours, judge)


def clean(client):
    """`client` came in while anybody could, and stays."""
    client.run([[b"CONFIG", b"SET", b"requirepass", b"", b"acl-pubsub-default", b"resetchannels", b"acllog-max-len",
                 b"128"], [b"CONFIG", b"SET", b"slowlog-log-slower-than", b"10000"], [b"ACL", b"LOG", b"RESET"],
                [b"ACL", b"SETUSER", b"default", b"on", b"nopass"], [b"SLOWLOG", b"RESET"], [b"FLUSHALL"]])
    names = [name for _, name in client.call("ACL", "USERS")[1] if name != b"default"]
    if names:
        client.call("ACL", "DELUSER", *names)


def play(server, steps):
    """The replies of a script; a connection that was closed is made anew when it is named again."""
    admin = server.connect()
    clean(admin)
    clients, out = {}, []
    for name, argv in steps:
        client = clients.get(name) or server.connect()
        reply = client.call(*argv)
        clients[name] = client
        if reply == CLOSED:
            client.close()
            clients[name] = None
        out.append(reply)
    clean(admin)
    for client in [admin] + [client for client in clients.values() if client]:
        client.close()
    return out


def scripted(text):
    steps = []
    for step in text.split(" ; "):
        name, rest = (step[0], step[2:]) if step[1:2] == ":" else ("a", step)
        steps.append((name, [word.encode() for word in shlex.split(rest)]))

    def run(pair):
        replies = [play(server, steps) for server in (pair.ours, pair.judge)]
        for (_, argv), ours, judge in zip(steps, *replies):
            if not same(pair, argv, ours, judge):
                pair.check(argv, ours, judge, "in: " + text)
    return run


def samples(pair):
    """A call of each command that both have: its name, and as many arguments as it takes at least."""
    client = pair.judge.connect()
    out = []
    for name in sorted(pair.common_commands):
        info = client.call("COMMAND", "INFO", name)[1][0]
        words = name.split(b"|")
        if info[1] is None or re.match(rb"eval|fcall|script|function|migrate|replicaof|slaveof", name) or (
                len(words) == 1 and info[1][9][1]):
            continue
        missing = abs(info[1][1][1]) - len(words)
        out.append(words + [b"%c1" % b"abcd"[i % 4] for i in range(missing)])
    client.close()
    return out


def drawn(seed, count):
    from differential import Difference

    def run(pair):
        calls = samples(pair)
        r = random.Random(seed)
        singles = [b"%c%b" % (b"+-"[r.randrange(2)], name) for name in sorted(pair.common_commands)]
        client = pair.judge.connect()
        categories = [b"%c@%b" % (sign, name) for sign in b"+-" for _, name in client.call("ACL", "CAT")[1]]
        client.close()
        for _ in range(count):
            rules = []
            for _ in range(r.randint(1, 6)):
                kind = r.random()
                rules.append(r.choice(categories if kind < 0.35 else singles) if kind < 0.6 else
                             r.choice(MADE_OF).encode())
            asked = [[b"ACL", b"SETUSER", b"u"] + rules] + [[b"ACL", b"DRYRUN", b"u"] + call for call in calls]
            replies = []
            for server in (pair.ours, pair.judge):
                client = server.connect()
                out = client.run([[b"ACL", b"DELUSER", b"u"]] + asked + [[b"ACL", b"GETUSER", b"u"]])[1:]
                client.close()
                user = compare.pairs_of(out.pop()) or {}
                user.pop(b"commands", None)
                replies.append(out + [user])
            for argv, ours, judge in zip(asked + [[b"ACL", b"GETUSER", b"u"]], *replies):
                if ours != judge:
                    raise Difference(argv, ours if isinstance(ours, tuple) else (b"$", repr(ours).encode()),
                                     judge if isinstance(judge, tuple) else (b"$", repr(judge).encode()),
                                     "after " + " ".join(rule.decode() for rule in rules))
    return run


def categories(pair):
    from differential import Difference
    client = pair.judge.connect()
    names = [name for _, name in client.call("ACL", "CAT")[1]]
    client.close()
    for name in names:
        argv = [b"ACL", b"CAT", name]
        ours, judge = pair.both(lambda client, argv=argv: client.call(*argv))
        if not same(pair, argv, ours, judge):
            raise Difference(argv, ours, judge)


def cases():
    rules = [scripted("ACL SETUSER u %s ; ACL GETUSER u ; ACL LIST" %
                      " ".join("'%s'" % rule for rule in one.split(","))) for one in RULES]
    lines = SCRIPTS.replace(" ;\n    ", " ; ").strip().splitlines()
    return ([scripted(line) for line in lines] + rules + [categories] +
            [drawn(seed, 8) for seed in range(12)])
