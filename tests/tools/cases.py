"""Test cases of scripts: functions named test_*, each passes, fails by an exception, or is skipped with a reason.

The last line is run_tests.py's "N passed, M failed, K skipped".
"""
import functools
import os
import random
import socket
import subprocess
import sys
import time
import traceback

TREE = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
SERVER = os.environ.get("FLAGSTONE_SERVER", os.path.join(TREE, "flagstone-server"))
DEADLINE_S = 180


class Skip(Exception):
    """The case cannot run here, and why."""


@functools.cache
def cannot_fetch(command, limit_s):
    """Runs what fetches something, once: where there is no network, every case would wait for it. Why it failed, or
    None."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s)
    except subprocess.TimeoutExpired:
        return f"{os.path.basename(command[0])} did not fetch {command[-1]} within {limit_s} s"
    said = (done.stdout.strip() or done.stderr.strip()).splitlines()
    return f"{os.path.basename(command[0])}: {said[-1:]}" if done.returncode else None


def unpack(*packages):
    """Puts Debian packages under build/packages, uninstalled; returns their folders."""
    why = cannot_fetch((os.path.join(TREE, "tests/tools/unpack.sh"), *packages), 120)
    if why:
        raise Skip(why)
    return [os.path.join(TREE, "build/packages", package) for package in packages]


def free_port():
    """A port below those that the system gives to clients: it is still free when a killed server comes back."""
    while True:
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", random.randrange(10000, 32000)))
                return s.getsockname()[1]
            except OSError:
                pass


def until(condition, what):
    """Polls for what no event tells."""
    end = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"never: {what}")
        time.sleep(0.01)


class Server:
    """A server on a port of its own, which keeps the port when it is started again."""

    def __init__(self, *options):
        self.options = options
        self.child = None
        for tries_left in reversed(range(10)):
            self.port = free_port()
            try:
                self.start()
                return
            except AssertionError:  # somebody may have taken the port since it was looked for
                if tries_left == 0:
                    raise

    def start(self):
        self.child = subprocess.Popen([SERVER, "--port", str(self.port), *self.options], stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, text=True, cwd="/tmp")
        log = []
        for line in self.child.stdout:
            log.append(line)
            if "Ready to accept connections" in line:
                return
        raise AssertionError("the server does not start:\n" + "".join(log))

    def kill(self):
        self.child.kill()
        self.child.communicate()

    def stop(self):
        self.child.terminate()
        out, _ = self.child.communicate(timeout=DEADLINE_S)
        assert self.child.returncode == 0, f"the server ended with {self.child.returncode}:\n{out}"

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
        elif self.child.poll() is None:
            self.kill()


def main(module):
    cases = [(name, function) for name, function in vars(module).items() if name.startswith("test_")]
    only = sys.argv[1:]
    passed = failed = skipped = 0
    for name, function in cases:
        if only and name not in only:
            continue
        began = time.monotonic()
        try:
            function()
            passed += 1
            print(f"ok      {name}, {time.monotonic() - began:.1f} s", flush=True)
        except Skip as why:
            skipped += 1
            print(f"skipped {name}: {why}", flush=True)
        except Exception:
            failed += 1
            print(f"FAILED  {name}\n{traceback.format_exc()}", flush=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed else 0)
