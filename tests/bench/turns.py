"""Messages and transactions: what a message to a thousand subscribers costs, and what MULTI costs ten SETs."""
from report import median, number
from servers import BUILD

SUBSCRIBERS = 1000


def turns(park, server, kind, conns, window, size, seconds):
    return park.run([f"{BUILD}/bench-turns", "--port", server.port, "--pid", server.pid, "--kind", kind,
                     "--conns", conns, "--window", window, "--bytes", size, "--seconds", seconds])


def interleaved(park, servers, args, cases):
    """{case: {server: [a round's figures]}}; in every round all servers do every case."""
    out = {label: {s.name: [] for s in servers} for label, _ in cases}
    for server in servers:
        server.start()
    try:
        for _ in range(args.rounds):
            for label, what in cases:
                for server in servers:
                    out[label][server.name].append(turns(park, server, *what, args.seconds))
    finally:
        for server in servers:
            server.stop()
    return out


def servers_of(park, args):
    more = [park.flagstone_with(args.threads)] if park.flagstone and args.threads > 1 else []
    return park.chosen([park.flagstone] + more + [park.redis] + park.others)


def pubsub(park, report, args):
    """One publisher, pipelining, and a thousand subscribers; a turn ends when all have all."""
    servers = servers_of(park, args)
    cases = [(f"{size} B, {window} at a time", ("pubsub", SUBSCRIBERS, window, size))
             for size, window in ((100, 1), (100, 16), (10_000, 4))]
    out = interleaved(park, servers, args, cases)
    rows = []
    for label, _ in cases:
        cells = [out[label][s.name] for s in servers]
        rows.append([label] + [f"{number(median([r['units_per_second'] for r in c]), 0)} /s, "
                               f"{number(median([r['cpu_us_per_unit'] for r in c]), 0)} µs" for c in cells])
    report.put("pubsub", out)
    report.show(f"One publisher, {SUBSCRIBERS:,} subscribers: messages a second, server CPU a message",
                [""] + [s.name for s in servers], rows)


def multi(park, report, args):
    servers = servers_of(park, args)
    cases = [("10 SETs, pipelined", ("set", 50, 1, 100)), ("MULTI, 10 SETs, EXEC", ("multi", 50, 1, 100))]
    out = interleaved(park, servers, args, cases)
    rows = []
    for label, _ in cases:
        rows.append([label] + [number(median([r["cpu_us_per_unit"] for r in out[label][s.name]])) for s in servers])
    plain, transaction = (out[label] for label, _ in cases)
    ratios = {s.name: median([b["cpu_us_per_unit"] / a["cpu_us_per_unit"]
                              for a, b in zip(plain[s.name], transaction[s.name])]) for s in servers}
    rows.append(["ratio"] + [number(ratios[s.name]) for s in servers])
    report.put("multi", out)
    report.put("ratio", ratios)
    report.show("50 connections: server CPU for ten SETs, µs", [""] + [s.name for s in servers], rows)
