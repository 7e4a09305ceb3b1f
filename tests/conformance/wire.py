"""Requests as bytes, over real sockets, sent whole, byte by byte or cut at random; answers read as RFC 9112 frames
them. A case says what must come back; a server passes it if it does in every way of sending."""
import random
import re
import socket
import time

SETTLE = 0.12  # how long a connection that need not end is watched for bytes that should not come
PATIENCE = 4.0  # how long an answer, or the end of a connection, is waited for


class Answer:
    def __init__(self, status, fields, body, version):
        self.status, self.fields, self.body, self.version = status, fields, body, version

    def all(self, name):
        return [value for key, value in self.fields if key == name.lower()]

    def get(self, name):
        values = self.all(name)
        return values[0] if values else None


class Malformed(Exception):
    """Bytes that are no answer."""


def take_chunks(data):
    """(content, bytes used), or None if it is not complete."""
    content, at = b"", 0
    while True:
        end = data.find(b"\r\n", at)
        if end < 0:
            return None
        if not re.fullmatch(rb"[0-9a-fA-F]+([ \t]*;.*)?", data[at:end]):
            raise Malformed(f"chunk size {data[at:end][:40]!r}")
        size = int(data[at:end].split(b";")[0].strip(), 16)
        at = end + 2
        if size == 0:
            end = at if data[at:at + 2] == b"\r\n" else data.find(b"\r\n\r\n", at)
            if end < 0 or len(data) < at + 2:
                return None
            return content, end + (2 if end == at else 4)
        if len(data) < at + size + 2:
            return None
        content += data[at:at + size]
        if data[at + size:at + size + 2] != b"\r\n":
            raise Malformed("no CRLF after a chunk")
        at += size + 2


def take_answer(data, method, ended):
    """(answer, bytes used), or None if it is not complete."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    lines = data[:end].split(b"\r\n")
    match = re.fullmatch(rb"HTTP/(\d\.\d) (\d{3}) ?([^\r\n]*)", lines[0])
    if not match:
        raise Malformed(f"status line {lines[0][:60]!r}")
    fields = []
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        if not colon or not re.fullmatch(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
            raise Malformed(f"field line {line[:60]!r}")
        fields.append((name.decode().lower(), value.strip(b" \t").decode("latin-1")))
    status, body, used = int(match.group(2)), b"", end + 4
    answer = Answer(status, fields, body, match.group(1).decode())
    if method == "HEAD" or status in (204, 304) or status < 200:
        return answer, used
    if "chunked" in (answer.get("transfer-encoding") or "").lower():
        chunks = take_chunks(data[used:])
        if chunks is None:
            return None
        answer.body = chunks[0]
        return answer, used + chunks[1]
    length = answer.get("content-length")
    if length is not None:
        if not length.isdigit():
            raise Malformed(f"Content-Length {length!r}")
        if len(data) < used + int(length):
            return None
        answer.body = data[used:used + int(length)]
        return answer, used + int(length)
    if not ended:
        return None
    answer.body = data[used:]
    return answer, len(data)


class Reply:
    """What came back on one connection."""

    def __init__(self, methods):
        self.methods = methods
        self.answers, self.interim = [], []
        self.data, self.ended, self.reset, self.fault = b"", False, False, None

    def parse(self):
        while self.data and not self.fault:
            method = self.methods[min(len(self.answers), len(self.methods) - 1)]
            try:
                taken = take_answer(self.data, method, self.ended)
            except Malformed as fault:
                self.fault = str(fault)
                return
            if taken is None:
                return
            answer, used = taken
            self.data = self.data[used:]
            (self.interim if answer.status < 200 else self.answers).append(answer)

    def statuses(self):
        return [answer.status for answer in self.answers]

    def __str__(self):
        text = " ".join(map(str, self.statuses())) or "no answer"
        text += ", then the end" if self.ended else ", still open"
        if self.data:
            text += f", and {self.data[:40]!r}"
        return text + (f", malformed: {self.fault}" if self.fault else "")


def read(stream, reply, wanted, must_end):
    """Reads until `wanted` answers are there and, if it must end, its end; then for a moment more."""
    deadline = time.monotonic() + PATIENCE
    settled = None
    while not reply.ended:
        now = time.monotonic()
        if not must_end and len(reply.answers) >= wanted and settled is None:
            settled = now + SETTLE
        until = min(deadline, settled) if settled else deadline
        if now >= until:
            return
        stream.settimeout(until - now)
        try:
            piece = stream.recv(65536)
        except socket.timeout:
            return
        except OSError:
            reply.ended = reply.reset = True
            reply.parse()
            return
        reply.ended = not piece
        reply.data += piece
        reply.parse()


def pieces_of(data, way, seed):
    if way == "whole":
        return [data]
    if way == "bytes":
        return [data[i:i + 1] for i in range(len(data))]
    if isinstance(way, int):
        return [data[:way], data[way:]]
    cuts = sorted(random.Random(seed).sample(range(1, len(data)), min(len(data) - 1, 6))) if len(data) > 1 else []
    return [data[a:b] for a, b in zip([0] + cuts, cuts + [len(data)])]


def exchange(address, data, way, wanted, must_end, methods, seed=1):
    reply = Reply(methods)
    try:
        stream = socket.create_connection(address, timeout=PATIENCE)
    except OSError as error:
        reply.fault = f"cannot connect: {error}"
        return reply
    with stream:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pieces = pieces_of(data, way, seed)
        for number, piece in enumerate(pieces):
            try:
                stream.sendall(piece)
            except OSError:
                break  # it has answered and ended already
            if way != "bytes" and number + 1 < len(pieces):
                time.sleep(0.002)
        read(stream, reply, wanted, must_end)
    return reply
