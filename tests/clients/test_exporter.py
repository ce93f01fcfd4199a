#!/usr/bin/env python3
"""prometheus-redis-exporter, unpacked from its package and never a service, scrapes every memory metric."""
import glob
import os
import re
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools"))
import cases
from cases import Server, TREE, until

# Options of Redis that are not Flagstone's.
NOT_OURS = {"redis_config_io_threads"}
MEMORY = re.compile(r"mem|alloc|defrag|frag")


class Exporter:
    def __init__(self, port):
        root = cases.unpack("prometheus-redis-exporter")[0]
        program = glob.glob(root + "/usr/bin/*redis*exporter")[0]
        self.port = cases.free_port()
        self.log = tempfile.TemporaryFile(mode="w+")
        self.child = subprocess.Popen([program, "-redis.addr", f"redis://127.0.0.1:{port}", "-web.listen-address",
                                       f"127.0.0.1:{self.port}"], stdout=self.log, stderr=self.log)

    def __enter__(self):
        until(self.answers, "the exporter serves")
        return self

    def __exit__(self, *_):
        self.child.terminate()
        self.child.wait(timeout=cases.DEADLINE_S)
        self.log.close()

    def answers(self):
        try:
            self.scrape()
            return True
        except urllib.error.URLError:
            assert self.child.poll() is None, self.errors()
            return False

    def scrape(self):
        """Metrics as {name: value}; those with labels have them in the name."""
        url = f"http://127.0.0.1:{self.port}/metrics"
        text = urllib.request.urlopen(url, timeout=cases.DEADLINE_S).read().decode()
        return {name: float(value) for name, value in re.findall(r"^(redis_\S+) (\S+)$", text, re.M)}

    def errors(self):
        self.log.seek(0)
        return [line for line in self.log if "level=error" in line or "level=warn" in line]


def names(metrics):
    return {re.sub(r"\{.*", "", name) for name in metrics}


def judge_metrics():
    """What it finds in Redis itself."""
    subprocess.run([os.path.join(TREE, "tests/tools/judge.sh")], cwd=TREE, check=True)
    port = cases.free_port()
    with tempfile.TemporaryDirectory() as folder:
        judge = subprocess.Popen([os.path.join(TREE, "build/judge/redis-server"), "--port", str(port), "--save", "",
                                  "--dir", folder], stdout=subprocess.PIPE, text=True)
        try:
            assert any("Ready to accept" in line for line in judge.stdout)
            with Exporter(port) as exporter:
                return exporter.scrape()
        finally:
            judge.terminate()
            judge.communicate()


def test_every_memory_metric():
    wanted = {name for name in names(judge_metrics()) if MEMORY.search(name)}
    assert len(wanted) > 20, wanted
    with Server("--maxmemory", "200mb") as server, Exporter(server.port) as exporter:
        cli = ["redis-cli", "-p", str(server.port)]
        subprocess.run([*cli, "SET", "k", "v" * 100000], check=True, capture_output=True)
        found = exporter.scrape()
        missing = wanted - names(found)
        assert not missing, missing
        assert found["redis_up"] == 1 and found["redis_memory_max_bytes"] == 200 * 1024 * 1024
        with open(f"/proc/{server.child.pid}/statm", encoding="ascii") as statm:
            resident = int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        assert abs(found["redis_memory_used_rss_bytes"] - resident) < resident / 10
        assert 0 < found["redis_memory_used_bytes"] <= found["redis_memory_used_rss_bytes"]
        assert found["redis_mem_fragmentation_ratio"] >= 1
        assert found['redis_db_keys{db="db0"}'] == 1
        assert not exporter.errors(), exporter.errors()


def test_nothing_that_redis_has_is_missing():
    wanted = names(judge_metrics())
    with Server() as server, Exporter(server.port) as exporter:
        exporter.scrape()
        missing = wanted - names(exporter.scrape()) - NOT_OURS
        assert not missing, missing


def test_kill_and_reconnect():
    with Server() as server, Exporter(server.port) as exporter:
        assert exporter.scrape()["redis_up"] == 1
        server.kill()
        assert exporter.scrape()["redis_up"] == 0
        server.start()
        assert exporter.scrape()["redis_up"] == 1


if __name__ == "__main__":
    cases.main(sys.modules[__name__])
