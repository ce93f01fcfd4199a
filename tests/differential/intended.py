"""Where Flagstone means to answer otherwise than the judge, and why.

Each entry: name, reason, and a function (argv in upper case words, our reply, the judge's reply) -> bool. A difference
that one of them accepts is counted, and printed in the summary with its reason.
"""
import re


def words(*names):
    return lambda argv, ours, judge: tuple(argv[:len(names)]) == names


INTENDED = []


def intended(name, reason):
    def register(test):
        INTENDED.append((name, reason, test))
        return test
    return register


@intended("subcommands of 7.2", "CLIENT SETINFO and CLIENT NO-TOUCH came with Redis 7.2; the judge is 7.0")
def _(argv, ours, judge):
    return argv[0] == b"CLIENT" and argv[1:2] and argv[1] in (b"SETINFO", b"NO-TOUCH")


REFUSED = (b"EVAL", b"EVAL_RO", b"EVALSHA", b"EVALSHA_RO", b"FCALL", b"FCALL_RO", b"SCRIPT", b"FUNCTION", b"SYNC",
           b"PSYNC", b"REPLICAOF", b"SLAVEOF", b"MODULE", b"CLIENT")


@intended("what does not exist", "scripts, replication, modules and tracking are refused, and say so")
def _(argv, ours, judge):
    return argv[0] in REFUSED and ours[0] == b"-" and b" is not supported: " in ours[1]


@intended("WAIT", "it does not wait: replicas cannot come")
def _(argv, ours, judge):
    return argv[0] == b"WAIT" and ours == (b":", 0) and judge[0] == b":"


@intended("keys behind words", "COMMAND tells of no keys of what is refused, and not of SORT's BY and GET")
def _(argv, ours, judge):
    def without_keys(reply):
        fields = reply[1][0][1]
        return [sorted(map(repr, f[1])) if isinstance(f[1], list) else f for f in fields[:7]]
    if argv[0] != b"COMMAND" or argv[2:3] == [] or argv[2] not in REFUSED[:6] + (b"SORT", b"SORT_RO"):
        return False
    return argv[1] == b"GETKEYS" or (argv[1] == b"INFO" and without_keys(ours) == without_keys(judge))


@intended("active defragmentation", "it always works here; the judge's allocator does not support it")
def _(argv, ours, judge):
    return argv[:2] == [b"CONFIG",
                        b"SET"] and b"ACTIVEDEFRAG" in argv[2::2] and b"modified Jemalloc" in (judge[1] or b"")


@intended("number of arguments", "1,048,576 are allowed; the judge takes far more")
def _(argv, ours, judge):
    return argv[:1] == [b"(BYTES)"] and argv[1].startswith(b"*1048577\r\n")


@intended("NUL in inline commands",
          "the judge stops reading at a NUL byte and waits for ever; here it is a byte like others")
def _(argv, ours, judge):
    return argv[:1] == [b"(BYTES)"] and b"\0" in argv[1] and not argv[1].startswith(b"*")


@intended("expiries in the far future", "a time to live beyond the year 10000 ends earlier: times are kept in 48 bits")
def _(argv, ours, judge):
    far = (argv[0] in (b"PTTL", b"PEXPIRETIME") and 1 << 47) or (argv[0] in (b"TTL",
                                                                             b"EXPIRETIME") and (1 << 47) // 1000)
    return bool(far) and all(r[0] == b":" and r[1] > far for r in (ours, judge))


@intended("names of policies", "Flagstone has one policy more, and says so where the names are listed")
def _(argv, ours, judge):
    return ours[0] == b"-" and ours[1].replace(b", allkeys-s3fifo", b"") == judge[1]


@intended("maxmemory-samples",
          "at most 64, as in Redis 7.2; the judge takes any number (the bound is in the error's text)")
def _(argv, ours, judge):
    return (argv[:2] == [b"CONFIG", b"SET"] and ours[0] == b"-"
            and b"'maxmemory-samples') - argument must be between 1 and 64" in ours[1])


@intended("shared integers",
          "what COPY makes of a small integer is counted once by the judge; here it is as shared as any")
def _(argv, ours, judge):
    return argv[:2] == [b"OBJECT", b"REFCOUNT"] and {ours, judge} <= {(b":", 1), (b":", 2147483647)}


@intended("selectors", "a user has one set of rules; rules in parentheses are refused, and say so")
def _(argv, ours, judge):
    return (argv[:2] == [b"ACL", b"SETUSER"] and any(rule.startswith(b"(") for rule in argv[3:])
            and ours[0] == b"-" and b"Selectors are not supported" in ours[1])


@intended("all keys beside other patterns",
          "shown as %RW~*; what the judge shows, ~* ~a, would not be read back from a file")
def _(argv, ours, judge):
    return argv[:2] == [b"ACL", b"GETUSER"] and repr(ours).replace("%RW~*", "~*") == repr(judge)


@intended("users in other words",
          "rules on commands are shown as they were given; the judge derives others from what is allowed, which is "
          "compared by ACL DRYRUN")
def _(argv, ours, judge):
    def rest(reply):
        return re.sub(rb"[-+]@all[^']*", b"", repr(reply).encode())
    return argv[:2] in ([b"ACL", b"LIST"], [b"ACL", b"GETUSER"]) and rest(ours) == rest(judge)


@intended("NUL in options",
          "texts and lists refuse a zero byte in words of their own; the judge names the list, or reads on behind it")
def _(argv, ours, judge):
    return (argv[:2] == [b"CONFIG", b"SET"] and any(b"\0" in a for a in argv[2:])
            and ours[0] == b"-" and b"zero bytes" in ours[1])
