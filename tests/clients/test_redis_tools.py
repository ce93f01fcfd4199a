#!/usr/bin/env python3
"""Sessions of redis-cli and redis-benchmark: their modes, and redis-cli as a person uses it, at a terminal."""
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools"))
import cases
from cases import Server, Skip, until

KEYS, TEN_MB = 1000, 10 * 1024 * 1024


def tool(name):
    path = shutil.which(name)
    if not path:
        raise Skip(f"there is no {name} here")
    return path


def cli(server, *arguments, data=None, status=0):
    done = subprocess.run([tool("redis-cli"), "-p", str(server.port), *arguments], input=data, capture_output=True,
                          timeout=cases.DEADLINE_S)
    assert done.returncode == status, (done.stdout[-500:], done.stderr)
    return done.stdout.decode("utf-8", "replace")


def command(*words):
    out = b"*%d\r\n" % len(words)
    for word in words:
        word = word if isinstance(word, bytes) else str(word).encode()
        out += b"$%d\r\n%s\r\n" % (len(word), word)
    return out


def fill(server):
    """KEYS small strings and one of TEN_MB."""
    requests = b"".join(command("SET", f"key:{i}", "x" * (i % 100)) for i in range(KEYS))
    requests += command("SET", "large", b"\0\r\n\xff" * (TEN_MB // 4))
    said = cli(server, "--pipe", data=requests)
    assert f"errors: 0, replies: {KEYS + 1}" in said, said


class Terminal:
    """A program at a terminal of 120 columns; what it shows is looked at without the terminal's control codes."""

    def __init__(self, *arguments, home):
        self.shown = ""
        try:
            self.pid, self.fd = pty.fork()
        except OSError as why:
            raise Skip(f"there is no pseudo-terminal here: {why}") from why
        if self.pid == 0:
            env = dict(os.environ, TERM="xterm", HOME=home)
            os.execve(arguments[0], arguments, env)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))

    def type(self, text):
        os.write(self.fd, text.encode())

    def expect(self, pattern):
        """Waits until what was shown since the last match has this; returns the match."""
        end = time.monotonic() + cases.DEADLINE_S
        while True:
            plain = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", self.shown)
            found = re.search(pattern, plain)
            if found:
                self.shown = plain[found.end():]
                return found
            if not select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError(f"the terminal never showed {pattern}, but {plain!r}")
            try:
                self.shown += os.read(self.fd, 65536).decode("utf-8", "replace")
            except OSError as over:
                raise AssertionError(f"the program ended before it showed {pattern}: {plain!r}") from over

    def close(self):
        os.kill(self.pid, signal.SIGTERM)
        os.close(self.fd)
        os.waitpid(self.pid, 0)


def test_cli_scans():
    with Server() as server:
        fill(server)
        said = cli(server, "--bigkeys")
        assert f'Biggest string found \'"large"\' has {TEN_MB} bytes' in said, said
        assert f"Sampled {KEYS + 1} keys" in said and f"{KEYS + 1} strings with" in said, said
        said = cli(server, "--memkeys")
        found = re.search(r"Biggest string found '\"large\"' has (\d+) bytes", said)
        assert found and TEN_MB <= int(found.group(1)) <= TEN_MB * 1.01, said
        assert len(cli(server, "--scan", "--pattern", "key:*").split()) == KEYS
        assert cli(server, "--scan", "--pattern", "larg?") == "large\n"
        cli(server, "CONFIG", "SET", "maxmemory-policy", "allkeys-lfu")
        for _ in range(50):
            cli(server, "GET", "key:7")
        assert "key:7" in cli(server, "--hotkeys")


def test_cli_pipe_and_files():
    with Server() as server:
        said = cli(server, "--pipe", data=b"SET a 1\nINCR a\nNOSUCH\n", status=1)
        assert "errors: 1, replies: 3" in said, said
        value = bytes(range(256)) * (TEN_MB // 256)
        assert cli(server, "-x", "SET", "binary", data=value) == "OK\n"
        assert cli(server, "STRLEN", "binary") == f"{TEN_MB}\n"
        done = subprocess.run([tool("redis-cli"), "-p", str(server.port), "GET", "binary"], capture_output=True)
        assert done.stdout == value + b"\n"
        assert cli(server, "-r", "3", "INCR", "n") == "1\n2\n3\n"
        assert cli(server, "--csv", "MGET", "a", "none") == '"2",NULL\n'
        assert cli(server, "-n", "3", "DBSIZE") == "0\n"
        assert cli(server, data=b"MULTI\nSET t 1\nINCR t\nEXEC\n") == "OK\nQUEUED\nQUEUED\nOK\n2\n"
        assert cli(server, "GET", "t") == "2\n"


def test_cli_resp3():
    with Server() as server:
        assert " resp=3 " in cli(server, "-3", "CLIENT", "INFO")
        said = cli(server, "-3", "--no-raw", "CONFIG", "GET", "port")
        assert said == f'1# "port" => "{server.port}"\n', said
        assert cli(server, "-3", "--json", "CONFIG", "GET", "port") == f'{{"port":"{server.port}"}}\n'


def test_cli_watches():
    with Server() as server:
        fill(server)
        numbers = cli(server, "--latency", "--raw", "-i", "0.3").split()
        assert len(numbers) == 4 and int(numbers[3]) > 0, numbers
        with tempfile.TemporaryDirectory() as home:
            terminal = Terminal(tool("redis-cli"), "-p", str(server.port), "--latency-history", "-i", "0.2", home=home)
            terminal.expect(r"min: \d+, max: \d+, avg: [\d.]+ \(\d+ samples\) -- 0\.\d+ seconds range")
            terminal.close()
            terminal = Terminal(tool("redis-cli"), "-p", str(server.port), "--stat", "-i", "0.05", home=home)
            terminal.expect(r"keys +mem +clients blocked requests +connections")
            terminal.expect(rf"{KEYS + 1} +[\d.]+M +\d+ +0 +\d+ \(\+0\)")
            terminal.expect(rf"{KEYS + 1} +[\d.]+M +1 +0 +\d+ \(\+1\)")
            terminal.close()


def test_cli_at_a_terminal():
    with Server() as server, tempfile.TemporaryDirectory() as home:
        prompt = rf"127\.0\.0\.1:{server.port}"
        terminal = Terminal(tool("redis-cli"), "-p", str(server.port), home=home)
        # It asks for COMMAND DOCS when it starts: so it knows what only Flagstone has.
        session = (("memory defrag ", r"\[STATUS\|START\|STOP\]", "status\r", "state"),
                   ("set ", r"key value \[NX\|XX\]", 'k "a b"\r', "OK"), ("help getex\r", r"GETEX key \[", "", "6.2.0"),
                   ("multi\r", "OK", "", ""), ("get k\r", "QUEUED", "", ""), ("exec\r", r'1\) "a b"', "", ""),
                   ("select 3\r", "OK", "", ""), ("nosuch\r", r"\(error\) ERR unknown command 'nosuch'", "", ""))
        for typed, shown, then, at_last in session:
            terminal.expect(prompt + r"(\[3\])?(\(TX\))?> $")  # before it, what is typed would be thrown away
            terminal.type(typed)
            terminal.expect(shown)
            terminal.type(then)
            terminal.expect(at_last)
        terminal.expect(prompt + r"\[3\]> $")
        terminal.type("subscribe news\r")
        terminal.expect("Reading messages")
        until(lambda: cli(server, "PUBLISH", "news", "hello") == "1\n", "the message has a reader")
        terminal.expect(r'"hello"')
        terminal.close()


def test_cli_reconnects():
    with Server() as server, tempfile.TemporaryDirectory() as home:
        terminal = Terminal(tool("redis-cli"), "-p", str(server.port), home=home)
        terminal.expect("> $")
        terminal.type("set k v\r")
        terminal.expect("OK")
        terminal.expect("> $")
        server.kill()
        server.start()
        terminal.type("get k\r")
        terminal.expect("closed the connection")
        terminal.expect("> $")
        terminal.type("get k\r")
        terminal.expect(r"\(nil\)")
        terminal.close()


def test_benchmark():
    tests = "ping_inline,ping_mbulk,set,get,incr,mset"
    with Server() as server:
        for options in (["-c", "20"], ["-P", "16", "-r", "1000"], ["--threads", "2", "-d", "5000"], ["-3"]):
            done = subprocess.run([tool("redis-benchmark"), "-p", str(server.port), "-n", "2000", "-t", tests, "--csv",
                                   *options], capture_output=True, text=True, timeout=cases.DEADLINE_S)
            names = re.findall(r'^"([A-Z_]+)[^"]*","\d', done.stdout, re.M)
            assert names == ["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "MSET"], (done.stdout, done.stderr)
            assert "rror" not in done.stdout + done.stderr and done.returncode == 0, done.stderr
        assert int(cli(server, "DBSIZE")) > 900
        assert "rror" not in cli(server, "INFO", "errorstats").replace("# Errorstats", "")


if __name__ == "__main__":
    cases.main(sys.modules[__name__])
