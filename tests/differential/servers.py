"""Starts and stops the two servers that are compared."""
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading

from resp import Client

READY = b"Ready to accept connections"
REPORTS = re.compile(rb"ERROR: (Address|Leak|Thread|Undefined)\w*Sanitizer|WARNING: ThreadSanitizer|runtime error:")


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Server:
    """A server process on a free port of the loopback, with its own directory; its log is kept in memory."""

    def __init__(self, name, binary, options, prefix=()):
        self.name = name
        self.binary = os.path.abspath(binary)
        self.options = options
        self.prefix = list(prefix)
        self.process = None
        self.starts = 0
        self.log = b""
        self.start()

    def start(self):
        for _ in range(10):
            self.port = free_port()
            self.dir = tempfile.mkdtemp(prefix="flagstone-diff-")
            command = self.prefix + [self.binary, "--port", str(self.port)] + self.options
            self.process = subprocess.Popen(command, cwd=self.dir, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                            stderr=subprocess.STDOUT)
            self.log = b""
            ready = threading.Event()
            self.reader = threading.Thread(target=self._read_log, args=(self.process.stdout, ready), daemon=True)
            self.reader.start()
            ready.wait(60)
            if READY in self.log:
                self.starts += 1
                return
            # The port may have been taken meanwhile: another one.
            self.process.kill()
            self.process.wait()
            shutil.rmtree(self.dir, ignore_errors=True)
        raise SystemExit(f"{self.name} does not start:\n{self.log.decode('utf-8', 'replace')}")

    def _read_log(self, pipe, ready):
        with pipe:
            for line in pipe:
                if len(self.log) < 1 << 20:
                    self.log += line
                if READY in line:
                    ready.set()
        ready.set()

    def connect(self):
        return Client(self.port)

    def alive(self):
        return self.process.poll() is None

    def log_tail(self, lines=40):
        return b"\n".join(self.log.splitlines()[-lines:]).decode("utf-8", "replace")

    def stop(self):
        """Asks it to end; returns what was wrong with that, or with what a sanitizer wrote, or None."""
        wrong = None
        if self.alive():
            self.process.terminate()
        try:
            status = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
            wrong = "did not end within 60 s of SIGTERM"
        self.reader.join(10)
        shutil.rmtree(self.dir, ignore_errors=True)
        if status and not wrong:
            wrong = f"ended with status {status}"
        if REPORTS.search(self.log):
            wrong = "a sanitizer reported"
        return wrong


def judge_version(binary):
    text = subprocess.run([os.path.abspath(binary), "--version"], stdout=subprocess.PIPE).stdout.decode()
    found = re.search(r"v=(\d+)\.(\d+)\.(\d+)", text)
    return tuple(map(int, found.groups())) if found else (0, 0, 0)
