"""Where Flagstone means to answer otherwise than the judge, and why.

Each entry: name, reason, and a function (argv in upper case words, our reply, the judge's reply) -> bool. A difference
that one of them accepts is counted, and printed in the summary with its reason.
"""


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


@intended("active defragmentation", "it always works here; the judge's allocator does not support it")
def _(argv, ours, judge):
    return argv[:2] == [b"CONFIG", b"SET"] and b"ACTIVEDEFRAG" in argv[2::2] and b"modified Jemalloc" in (judge[1] or b"")
