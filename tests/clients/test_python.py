#!/usr/bin/env python3
"""A session of python3-redis, as Debian packages it."""
import glob
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools"))
import cases
from cases import Server, Skip

TEN_MB = bytes(range(256)) * 40960


def library():
    """The machine's, or the package's with what it depends on, uninstalled."""
    try:
        import redis
    except ImportError:
        roots = cases.unpack("python3-redis", "python3-async-timeout", "python3-packaging", "python3-deprecated",
                             "python3-wrapt", "python3-pyparsing")
        sys.path += [path for root in roots for path in glob.glob(root + "/usr/lib/python3/dist-packages")]
        try:
            import redis
        except ImportError as why:
            raise Skip(f"python3-redis does not load: {why}") from why
    return redis


def test_values():
    redis = library()
    with Server() as server:
        r = redis.Redis("127.0.0.1", server.port)
        assert r.ping()
        assert r.set("k", "v", ex=100) and r.get("k") == b"v" and 0 < r.ttl("k") <= 100
        assert r.set("k", "w", nx=True) is None
        assert r.incrby("n", 5) == 5 and r.incrbyfloat("f", 1.5) == 1.5
        assert r.mset({"a": 1, "b": 2}) and r.mget("a", "none", "b") == [b"1", None, b"2"]
        assert r.set("big", TEN_MB) and r.get("big") == TEN_MB
        assert r.append("big", b"x") == len(TEN_MB) + 1 and r.getrange("big", -3, -1) == TEN_MB[-2:] + b"x"
        assert r.setbit("bits", 9, 1) == 0 and r.bitcount("bits") == 1
        for i in range(1000):
            r.set(f"scan:{i}", i)
        assert len(set(r.scan_iter(match="scan:*", count=100))) == 1000
        assert r.delete("a", "b") == 2 and r.exists("a") == 0
        try:
            r.execute_command("NO SUCH COMMAND")
            raise AssertionError("an unknown command was taken")
        except redis.ResponseError as error:
            assert "unknown command" in str(error)


def test_what_it_parses():
    redis = library()
    with Server() as server:
        r = redis.Redis("127.0.0.1", server.port, client_name="session")
        info = r.info()
        assert info["redis_version"] and info["used_memory"] > 0 and info["maxmemory_policy"] == "allkeys-s3fifo"
        assert r.info("commandstats")["cmdstat_info"]["calls"] >= 1
        assert any(client["name"] == "session" for client in r.client_list())
        assert r.config_get("maxmemory*")["maxmemory"] == "0" and r.config_set("maxmemory", "200mb")
        assert r.memory_usage("none") is None and r.memory_stats()["peak.allocated"] > 0
        assert r.command()["get"]["arity"] == 2 and r.command_count() > 100
        assert r.config_set("slowlog-log-slower-than", 0) and r.ping() and r.config_set("slowlog-log-slower-than", -1)
        assert any(entry["command"] == b"PING" for entry in r.slowlog_get())
        assert len(r.time()) == 2 and r.dbsize() == 0
        assert r.client_id() > 0 and r.client_getname() == "session"


def test_pipelines_and_transactions():
    redis = library()
    with Server() as server:
        r = redis.Redis("127.0.0.1", server.port)
        p = r.pipeline(transaction=False)
        for i in range(10000):
            p.set(f"k:{i}", i).get(f"k:{i}")
        answers = p.execute()
        assert answers[0::2] == [True] * 10000 and answers[1::2] == [b"%d" % i for i in range(10000)]
        p = r.pipeline()
        assert p.set("t", 1).incr("t").get("t").execute() == [True, 2, b"2"]
        p = r.pipeline()
        p.set("t", "text").incr("t").get("t")
        answers = p.execute(raise_on_error=False)
        assert isinstance(answers[1], redis.ResponseError) and answers[2] == b"text"
        with r.pipeline() as p:
            p.watch("t")
            r.set("t", "changed")
            p.multi()
            p.set("t", "mine")
            try:
                p.execute()
                raise AssertionError("a watched key changed, and EXEC ran")
            except redis.WatchError:
                pass
        r.set("sum", 0)
        for _ in range(100):
            r.transaction(lambda p: (value := int(p.get("sum")), p.multi(), p.set("sum", value + 1)), "sum")
        assert r.get("sum") == b"100"


def test_pub_sub():
    redis = library()
    with Server() as server:
        r = redis.Redis("127.0.0.1", server.port)
        s = r.pubsub()
        s.subscribe("news")
        s.psubscribe("n*")
        kinds = [s.get_message(timeout=cases.DEADLINE_S)["type"] for _ in range(2)]
        assert kinds == ["subscribe", "psubscribe"]
        assert r.publish("news", TEN_MB) == 2
        got = [s.get_message(timeout=cases.DEADLINE_S) for _ in range(2)]
        assert sorted(m["type"] for m in got) == ["message", "pmessage"] and all(m["data"] == TEN_MB for m in got)
        assert r.pubsub_numsub("news") == [(b"news", 1)] and r.pubsub_channels() == [b"news"] and r.pubsub_numpat() == 1
        s.unsubscribe()
        s.punsubscribe()
        s.close()


def test_kill_and_reconnect():
    redis = library()
    with Server() as server:
        r = redis.Redis("127.0.0.1", server.port)
        r.set("k", "v")
        s = r.pubsub(ignore_subscribe_messages=True)
        s.subscribe("news")
        s.get_message(timeout=cases.DEADLINE_S)
        server.kill()
        try:
            r.get("k")
            raise AssertionError("a dead server answered")
        except redis.ConnectionError:
            pass
        server.start()
        assert r.get("k") is None and r.set("k", "again") and r.get("k") == b"again"
        try:
            s.get_message(timeout=cases.DEADLINE_S)  # this client says it once, and subscribes again when asked again
            raise AssertionError("a subscriber did not notice the end")
        except redis.ConnectionError:
            pass
        cases.until(lambda: s.get_message(timeout=0.01) or r.pubsub_numsub("news") == [(b"news", 1)],
                    "it is subscribed again")
        r.publish("news", "hello")
        cases.until(lambda: (s.get_message(timeout=0.01) or {}).get("data") == b"hello", "the message arrives")


if __name__ == "__main__":
    cases.main(sys.modules[__name__])
