"""A RESP2/RESP3 client that keeps the type of every reply.

A reply is a tuple (type byte, payload): (b"+", b"OK"), (b":", 1), (b"$", b"x") or (b"$", None), (b"*", [replies]),
(b"%", [key, value, ...]), (b"_", None) and so on; the end of the connection is CLOSED. So an integer never compares
equal to a bulk string of its digits, nor a RESP3 null to a RESP2 one.
"""
import socket

CLOSED = (b"EOF", None)


class Closed(Exception):
    pass


class Client:
    def __init__(self, port, timeout_s=60):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=timeout_s)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buf = b""
        self.at = 0

    def close(self):
        self.sock.close()

    def send_raw(self, data):
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # what was answered before can still be read

    def end_of_input(self):
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # closed by the server already

    def call(self, *argv):
        self.send_raw(encode(argv))
        return self.read()

    def run(self, commands):
        """Sends all, reads a reply each; CLOSED for those that the server did not answer any more."""
        self.send_raw(b"".join(encode(argv) for argv in commands))
        replies = []
        for _ in commands:
            reply = self.read()
            replies.append(reply)
            if reply is CLOSED:
                replies += [CLOSED] * (len(commands) - len(replies))
                break
        return replies

    def read(self):
        try:
            return self._reply()
        except (Closed, ConnectionResetError, BrokenPipeError):
            return CLOSED

    def read_all(self):
        """Every reply up to the end of the connection."""
        replies = []
        while True:
            reply = self.read()
            if reply is CLOSED:
                return replies
            replies.append(reply)

    def _more(self):
        data = self.sock.recv(1 << 18)
        if not data:
            raise Closed()
        self.buf = self.buf[self.at:] + data
        self.at = 0

    def _line(self):
        while True:
            end = self.buf.find(b"\r\n", self.at)
            if end >= 0:
                line = self.buf[self.at:end]
                self.at = end + 2
                return line
            self._more()

    def _bytes(self, n):
        if len(self.buf) - self.at < n + 2:
            parts = [self.buf[self.at:]]
            have = len(parts[0])
            self.buf, self.at = b"", 0
            while have < n + 2:
                data = self.sock.recv(1 << 20)
                if not data:
                    raise Closed()
                parts.append(data)
                have += len(data)
            self.buf = b"".join(parts)
        data = self.buf[self.at:self.at + n]
        if self.buf[self.at + n:self.at + n + 2] != b"\r\n":
            raise ValueError("a bulk string without its end")
        self.at += n + 2
        return data

    def _reply(self):
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind in (b"+", b"-", b",", b"#", b"("):
            return (kind, rest)
        if kind == b":":
            return (kind, int(rest))
        if kind == b"_":
            return (kind, None)
        n = int(rest)
        if kind in (b"$", b"=", b"!"):
            return (kind, None if n < 0 else self._bytes(n))
        if kind in (b"*", b"~", b">"):
            return (kind, None if n < 0 else [self._reply() for _ in range(n)])
        if kind in (b"%", b"|"):
            return (kind, [self._reply() for _ in range(2 * n)])
        raise ValueError(f"not a reply: {line!r}")


def encode(argv):
    out = [b"*%d\r\n" % len(argv)]
    for arg in argv:
        if isinstance(arg, str):
            arg = arg.encode()
        elif isinstance(arg, int):
            arg = b"%d" % arg
        out.append(b"$%d\r\n%b\r\n" % (len(arg), arg))
    return b"".join(out)


def show(reply, limit=300):
    """A reply as one line of text for people."""
    kind, payload = reply
    if reply is CLOSED or reply == CLOSED:
        return "(connection closed)"
    if isinstance(payload, list):
        inner = ", ".join(show(item, limit) for item in payload)
        text = f"{kind.decode()}[{inner}]"
        return text if len(text) <= 2 * limit else text[:2 * limit] + "..."
    if payload is None:
        return f"{kind.decode()}(null)"
    if isinstance(payload, int):
        return f":{payload}"
    text = repr(payload)[1:]
    if len(text) > limit:
        text = f"{text[:limit]}... ({len(payload)} bytes)"
    return f"{kind.decode()}{text}"


def show_command(argv, limit=100):
    words = []
    for arg in argv:
        text = repr(arg)[1:] if isinstance(arg, bytes) else repr(arg)
        words.append(text if len(text) <= limit else f"{text[:limit]}...({len(arg)} bytes)'")
    return " ".join(words)
