#!/usr/bin/env python3
"""make bench: Flagstone beside other servers, in one run, in groups.

The server under test is pinned to one processor and the load to another; servers take turns within every round, and
ratios are taken round by round, so that a noisy machine disturbs all alike. The floor is a server that keeps nothing.
Each group prints tables and leaves build/bench/<group>.json and .txt.
"""
import argparse
import sys
import time

import defrag
import giving
import memory
import pressure
import reassign
import speed
import turns
from report import Report
from servers import Park, say

GROUPS = {
    "speed": speed.speed,
    "speed-full": speed.speed_full,
    "pipelines": speed.pipelines,
    "threads": speed.threads,
    "connections": speed.connections,
    "latency": speed.latency,
    "memory": memory.memory,
    "large": memory.large,
    "redis-benchmark": memory.redis_benchmark,
    "resize": pressure.resize,
    "missratio": pressure.missratio,
    "balloon": pressure.balloon,
    "reassign": reassign.reassign,
    "compact": giving.compact,
    "flush": giving.flush,
    "expiry": giving.expiry,
    **defrag.GROUPS,
    "pubsub": turns.pubsub,
    "multi": turns.multi,
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups", nargs="*", default=["speed"], help=f"of {', '.join(GROUPS)}")
    parser.add_argument("--server", default="./flagstone-server", help="Flagstone's program")
    parser.add_argument("--other", action="append", default=[], metavar="NAME=PATH",
                        help="another server that takes Redis's options, to be put beside")
    parser.add_argument("--without", action="append", default=[], metavar="NAME", help="leave this server out")
    parser.add_argument("--threads", type=int, default=4, help="of Flagstone's second row in the speed tables; 1: none")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.4, help="of a server's turn in a round")
    parser.add_argument("--warm", type=float, default=0.1, help="seconds before a turn that are not counted")
    parser.add_argument("--scale", type=float, default=1.0, help="of the memory groups' sizes; below 1: a quick look")
    parser.add_argument("--server-cpus", help="such as 0 or 0,2,3; by default the first there is")
    parser.add_argument("--load-cpu", type=int, help="by default the last there is")
    args = parser.parse_args()
    for group in args.groups:
        if group not in GROUPS:
            parser.error(f"no group {group}: there are {', '.join(GROUPS)}")
    return args


def main():
    args = arguments()
    park = Park(args)
    for group in args.groups:
        started = time.monotonic()
        report = Report(group)
        try:
            GROUPS[group](park, report, args)
        finally:
            report.save()
        say(f"bench: {group}: {time.monotonic() - started:.0f} s, build/bench/{group}.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
