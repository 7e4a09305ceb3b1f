"""One connection in lockstep: send, wait for the whole answer, send again.

With nothing else going on a server does exactly the same for every request, so that instruction and
system call counts repeat to the digit.
"""

import re
import socket
import ssl

from kit.load import BROWSER
from kit.process import Failed


def request(port, path="/ping", fields=()):
    lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", *fields, "", ""]
    return "\r\n".join(lines).encode()


def browser_request(port):
    return request(port, "/ping", BROWSER)


class Lockstep:
    """A connection; `go(data, times, answers)` sends data `times` times."""

    def __init__(self, port, tls=False):
        self.link = socket.create_connection(("127.0.0.1", port), timeout=120)
        self.link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            trust = ssl.create_default_context()
            trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
            self.link = trust.wrap_socket(self.link, server_hostname="localhost")

    def answer_bytes(self, data, answers):
        """Sends once and finds out how long the answers are together."""
        self.link.sendall(data)
        got = b""
        for _ in range(answers):
            while b"\r\n\r\n" not in got:
                got += self._receive(65536)
            head, got = got.split(b"\r\n\r\n", 1)
            if not head.startswith(b"HTTP/1.1 200"):
                raise Failed(f"the server answered {head.splitlines()[0].decode()!r}")
            size = int(re.search(rb"(?i)content-length: *(\d+)", head).group(1))
            while len(got) < size:
                got += self._receive(65536)
            got = got[size:]
            one = len(head) + 4 + size
        return one * answers

    def _receive(self, size):
        data = self.link.recv(size)
        if not data:
            raise Failed("the server closed the connection")
        return data

    def go(self, data, times, answers=1):
        """Sends and waits, `times` times after one that warms up."""
        expected = self.answer_bytes(data, answers)
        for _ in range(times):
            self.link.sendall(data)
            left = expected
            while left > 0:
                left -= len(self._receive(left))

    def go_once(self, data):
        """Sends, and waits until the server has ended its side."""
        self.answer_bytes(data, 1)
        if self.link.recv(1):
            raise Failed("the server sent more than an answer")

    def close(self):
        self.link.close()


def go_together(connections, data, times):
    """All connections send, then all are waited for: they share the server's epoll_wait."""
    expected = [connection.answer_bytes(data, 1) for connection in connections]
    for _ in range(times):
        for connection in connections:
            connection.link.sendall(data)
        for connection, left in zip(connections, expected):
            while left > 0:
                left -= len(connection.link.recv(left))
