"""The servers that are put side by side: where their programs are, how they are started, pinned and stopped."""
import filecmp
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time

BUILD = "build/bench"


def say(text):
    print(text, file=sys.stderr, flush=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def judge_program():
    """Debian's redis-check-rdb is redis-server by another name."""
    path = f"{BUILD}/redis-server"
    source = shutil.which("redis-check-rdb") or shutil.which("redis-server")
    if source is None:
        return None
    os.makedirs(BUILD, exist_ok=True)
    if not os.path.exists(path) or not filecmp.cmp(source, path, shallow=False):
        shutil.copy(source, path)
    return path


def memcached_program():
    """The installed one, or the distribution's package unpacked into the build folder."""
    installed = shutil.which("memcached")
    if installed:
        return installed
    root = f"{BUILD}/memcached"
    path = f"{root}/usr/bin/memcached"
    if not os.path.exists(path):
        os.makedirs(root, exist_ok=True)
        subprocess.run(["apt-get", "download", "memcached"], cwd=root, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False)
        for name in os.listdir(root):
            if name.endswith(".deb"):
                subprocess.run(["dpkg", "-x", name, "."], cwd=root, check=False)
    return path if os.path.exists(path) else None


class Client:
    """A plain RESP connection for set-up and questions; never part of a measurement."""

    def __init__(self, port, timeout=120):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.file = self.sock.makefile("rb")

    def close(self):
        self.file.close()
        self.sock.close()

    def command(self, *args):
        out = [b"*%d\r\n" % len(args)]
        for arg in args:
            data = arg if isinstance(arg, bytes) else str(arg).encode()
            out.append(b"$%d\r\n%s\r\n" % (len(data), data))
        self.sock.sendall(b"".join(out))
        return self.reply()

    def reply(self):
        line = self.file.readline()
        if not line:
            raise ConnectionError("the server closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            return RuntimeError(rest.decode())
        if kind == b"+":
            return rest.decode()
        if kind == b":":
            return int(rest)
        if kind == b"$":
            size = int(rest)
            return None if size < 0 else self.file.read(size + 2)[:-2].decode(errors="replace")
        return [self.reply() for _ in range(int(rest))]


class Server:
    """One server program. `kind` is floor, redis (speaks RESP and Redis's options) or memcached."""

    def __init__(self, name, kind, program, fixed=(), cpus=(0,)):
        self.name, self.kind, self.program, self.fixed, self.cpus = name, kind, program, list(fixed), set(cpus)
        self.port = self.process = None
        self.empty_rss = 0

    @property
    def protocol(self):
        return "meta" if self.kind == "memcached" else "resp"

    @property
    def is_flagstone(self):
        return self.name.startswith("flagstone")

    def arguments(self, value_size, memory, options):
        if self.kind == "floor":
            return ["--port", self.port, "--value-size", value_size]
        if self.kind == "memcached":
            user = ["-u", "nobody"] if os.getuid() == 0 else []
            limit = memory // (1 << 20) if memory else 16384
            return user + ["-l", "127.0.0.1", "-p", self.port, "-t", "1", "-c", "12000", "-m", limit]
        out = ["--port", self.port, "--maxclients", "12000", "--save", "", "--appendonly", "no"] + self.fixed
        if not self.is_flagstone:
            out += ["--dir", os.path.abspath(BUILD)]
        if memory:
            out += ["--maxmemory", memory]
            if not self.is_flagstone:
                out += ["--maxmemory-policy", "allkeys-lru"]
        return out + list(options)

    def start(self, value_size=100, memory=0, options=()):
        self.port = free_port()
        argv = [os.path.abspath(self.program)] + [str(a) for a in self.arguments(value_size, memory, options)]
        cpus = self.cpus

        def prepare():
            os.sched_setaffinity(0, cpus)
            _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

        os.makedirs(BUILD, exist_ok=True)
        log = open(f"{BUILD}/{self.name.replace('/', '-')}.log", "ab")
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=prepare)
        log.close()
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                break
            except OSError:
                if self.process.poll() is not None:
                    raise RuntimeError(f"{self.name} ended at start: {' '.join(argv)} (see {BUILD})") from None
                time.sleep(0.02)
        time.sleep(0.1)
        self.empty_rss = self.rss()
        return self

    def stop(self):
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def _status(self, field):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as f:
            for line in f:
                if line.startswith(field):
                    return int(line.split()[1]) * 1024
        return 0

    def rss(self):
        return self._status("VmRSS:")

    def peak_rss(self):
        return self._status("VmHWM:")

    def cpu_seconds(self):
        total = 0
        for task in os.listdir(f"/proc/{self.pid}/task"):
            try:
                with open(f"/proc/{self.pid}/task/{task}/schedstat", encoding="ascii") as f:
                    total += int(f.read().split()[0])
            except (OSError, IndexError):
                pass
        return total / 1e9

    def client(self):
        return Client(self.port)

    def command(self, *args):
        client = self.client()
        try:
            return client.command(*args)
        finally:
            client.close()

    def target(self):
        return ["--target", f"{self.name},{self.protocol},{self.port},{self.pid}"]


class Park:
    """All servers of a run, and the processors: the first for the servers, the last for the load."""

    def __init__(self, args):
        cpus = sorted(os.sched_getaffinity(0))
        self.server_cpus = [int(c) for c in args.server_cpus.split(",")] if args.server_cpus else [cpus[0]]
        self.all_cpus = cpus
        self.load_cpu = args.load_cpu if args.load_cpu is not None else cpus[-1]
        self.args = args
        self.floor = Server("floor", "floor", f"{BUILD}/bench-floor", cpus=self.server_cpus)
        self.flagstone = None
        self.others = []
        if os.path.exists(args.server):
            self.flagstone = self.flagstone_with(1)
        else:
            say(f"bench: {args.server} is not built: only the others are measured")
        judge = judge_program()
        self.redis = Server("redis", "redis", judge, cpus=self.server_cpus) if judge else None
        program = memcached_program() if "memcached" not in args.without else None
        self.memcached = Server("memcached", "memcached", program, cpus=self.server_cpus) if program else None
        for other in args.other:
            name, _, path = other.partition("=")
            if not os.access(path, os.X_OK):
                sys.exit(f"bench: --other {other}: no such program (give NAME=PATH)")
            self.others.append(Server(name, "redis", path, cpus=self.server_cpus))
        for name, missing in (("redis-server", self.redis), ("memcached", self.memcached)):
            if missing is None:
                say(f"bench: no {name} to put beside")

    def flagstone_with(self, threads, cpus=None, name=None):
        name = name or ("flagstone" if threads == 1 else f"flagstone/{threads}")
        return Server(name, "redis", self.args.server, ["--threads", str(threads)], cpus or self.server_cpus)

    def chosen(self, servers):
        return [s for s in servers if s is not None and s.name not in self.args.without]

    def caches(self):
        """All but the floor."""
        return self.chosen([self.flagstone, self.redis, self.memcached] + self.others)

    def all(self):
        more = []
        if self.flagstone and self.args.threads > 1:
            more = [self.flagstone_with(self.args.threads)]
        return self.chosen([self.floor, self.flagstone] + more + [self.redis, self.memcached] + self.others)

    def speaking_redis(self):
        return self.chosen([self.flagstone, self.redis] + self.others)

    def run(self, argv):
        """Runs one of the bench programs on the load processor; its JSON line as an object."""
        argv = [str(a) for a in argv] + ["--cpu", str(self.load_cpu)]
        done = subprocess.run(argv, stdout=subprocess.PIPE, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(argv)}: exit {done.returncode}")
        return json.loads(done.stdout)

    def load(self, servers, *options):
        argv = [f"{BUILD}/bench-load"]
        for server in servers:
            argv += server.target()
        return {t["name"]: t for t in self.run(argv + list(options))["targets"]}
