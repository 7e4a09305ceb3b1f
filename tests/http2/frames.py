"""A client of HTTP/2 that may send anything: frames by hand, field sections without Huffman coding or a dynamic
table, and of the answers what the checks look at."""
import os
import socket
import ssl
import struct

SLOW = float(os.environ.get("RAWHTTP_TEST_SLOWNESS", "1"))
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
PRIORITY_UPDATE = 16
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY_FLAG = 0x1, 0x1, 0x4, 0x8, 0x20
(NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE_ERROR,
 REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM) = range(12)
CODES = ["NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
         "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM"]
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = 1, 2, 3, 4, 5


def frame(kind, flags, stream, payload=b"", length=None):
    length = len(payload) if length is None else length
    return struct.pack(">I", length)[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def integer(value, bits, first):
    """RFC 7541 §5.1"""
    most = (1 << bits) - 1
    if value < most:
        return bytes([first | value])
    out = bytearray([first | most])
    value -= most
    while value >= 128:
        out.append(value % 128 | 128)
        value //= 128
    return bytes(out + bytes([value]))


def text(value):
    value = value if isinstance(value, bytes) else value.encode("latin-1")
    return integer(len(value), 7, 0) + value


def literal(name, value):
    """RFC 7541 §6.2.2: without indexing, a new name."""
    return b"\x00" + text(name) + text(value)


def block(fields):
    return b"".join(literal(name, value) for name, value in fields)


def request(path="/ping", method="GET", more=(), scheme="http", authority="localhost"):
    return [(":method", method), (":scheme", scheme), (":authority", authority), (":path", path), *more]


def setting(*pairs):
    return b"".join(struct.pack(">HI", key, value) for key, value in pairs)


# The digits of RFC 7541's Huffman code; statuses have no other characters.
DIGITS = {(0, 5): "0", (1, 5): "1", (2, 5): "2", **{(0x19 + i, 6): str(3 + i) for i in range(7)}}


def huffman_digits(data):
    out, code, bits = "", 0, 0
    for byte in data:
        for shift in range(7, -1, -1):
            code, bits = code << 1 | byte >> shift & 1, bits + 1
            if (code, bits) in DIGITS:
                out += DIGITS[code, bits]
                code = bits = 0
    return out


def status_of(payload):
    """:status is the first field of an answer; size updates may stand before it."""
    while payload[0] & 0xe0 == 0x20:
        payload = payload[1:]
    indexed = {8: 200, 9: 204, 10: 206, 11: 304, 12: 400, 13: 404, 14: 500}
    if payload[0] & 0x80:
        return indexed.get(payload[0] & 0x7f, 0)
    length = payload[1] & 0x7f
    value = payload[2:2 + length]
    return int(huffman_digits(value) if payload[1] & 0x80 else value)


class Closed(Exception):
    pass


class Frame:
    def __init__(self, kind, flags, stream, payload):
        self.kind, self.flags, self.stream, self.payload = kind, flags, stream, payload

    def __repr__(self):
        return f"<{self.kind} flags {self.flags:#x} stream {self.stream} {self.payload[:20]!r}>"


class Client:
    def __init__(self, port, settings=((HEADER_TABLE_SIZE, 0),), greet=True, tls=False, timeout=5 * SLOW):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            context.set_alpn_protocols(["h2"])
            self.sock = context.wrap_socket(self.sock, server_hostname="localhost")
        self.buffer = b""
        self.port = port
        self.next = 1
        self.seen = []
        self.settings = {}
        if greet:
            self.send(PREFACE + frame(SETTINGS, 0, 0, setting(*settings)))
            first = self.read()
            assert first.kind == SETTINGS and not first.flags & ACK, first
            for at in range(0, len(first.payload), 6):
                key, value = struct.unpack(">HI", first.payload[at:at + 6])
                self.settings[key] = value
            self.send(frame(SETTINGS, ACK, 0))
            self.until(lambda f: f.kind == SETTINGS and f.flags & ACK)

    def send(self, data):
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # what the server said before is still to be read

    def read(self):
        def need(n):
            while len(self.buffer) < n:
                try:
                    piece = self.sock.recv(65536)
                except (ConnectionResetError, ssl.SSLError) as error:
                    if isinstance(error, TimeoutError):
                        raise
                    raise Closed from error
                if not piece:
                    raise Closed
                self.buffer += piece
        need(9)
        length = int.from_bytes(self.buffer[:3], "big")
        need(9 + length)
        got = Frame(self.buffer[3], self.buffer[4], int.from_bytes(self.buffer[5:9], "big") & 0x7fffffff,
                    self.buffer[9:9 + length])
        self.buffer = self.buffer[9 + length:]
        self.seen.append(got)
        return got

    def until(self, want):
        while True:
            got = self.read()
            if want(got):
                return got

    def stream(self):
        self.next += 2
        return self.next - 2

    def headers(self, fields=None, ends=True, stream=None, flags=0):
        stream = stream or self.stream()
        fields = fields if fields is not None else request()
        payload = fields if isinstance(fields, bytes) else block(fields)
        self.send(frame(HEADERS, flags | END_HEADERS | (END_STREAM if ends else 0), stream, payload))
        return stream

    def post(self, path="/echo", more=()):
        return self.headers(request(path, "POST", more), ends=False)

    def data(self, stream, payload, ends=True, flags=0):
        self.send(frame(DATA, flags | (END_STREAM if ends else 0), stream, payload))

    def answer(self, stream):
        """(status, content) of a whole answer; interim ones are passed over."""
        status, content = 0, b""
        while True:
            got = self.read()
            if got.kind == GOAWAY:
                raise AssertionError(f"GOAWAY with {code_of(got)}")
            if got.stream != stream:
                continue
            if got.kind == RST_STREAM:
                raise AssertionError(f"reset with {code_of(got)}")
            if got.kind == HEADERS:
                status = status_of(got.payload)
            if got.kind == DATA:
                content += got.payload
            if got.kind in (DATA, HEADERS) and got.flags & END_STREAM:
                return status, content

    def close(self):
        self.sock.close()

    # --- What a case expects ------------------------------------------------------------------

    def expect_answer(self, stream, *statuses):
        status, content = self.answer(stream)
        assert status in (statuses or (200,)), f"status {status}"
        return content

    def expect_alive(self):
        self.send(frame(PING, 0, 0, b"alive?!?"))
        self.until(lambda f: f.kind == PING and f.flags & ACK and f.payload == b"alive?!?")

    def expect_stream_error(self, stream, *codes):
        """RST_STREAM with one of the codes, and the connection goes on."""
        got = self.until(lambda f: f.kind == GOAWAY or (f.kind == RST_STREAM and f.stream == stream))
        assert got.kind == RST_STREAM, f"GOAWAY with {code_of(got)} instead of a stream error"
        assert code_of(got) in names(codes), f"reset with {code_of(got)}, wanted {names(codes)}"
        self.expect_alive()

    def expect_connection_error(self, *codes):
        """GOAWAY with one of the codes, and then the end of the connection."""
        got = self.until(lambda f: f.kind == GOAWAY)
        assert code_of(got) in names(codes), f"GOAWAY with {code_of(got)}, wanted {names(codes)}"
        self.expect_closed()

    def expect_error(self, stream, *codes):
        """Either of both: the RFC leaves the choice."""
        got = self.until(lambda f: f.kind == GOAWAY or (f.kind == RST_STREAM and f.stream == stream))
        assert code_of(got) in names(codes), f"{code_of(got)}, wanted {names(codes)}"

    def expect_closed(self):
        try:
            while True:
                self.read()
        except Closed:
            pass


def code_of(got):
    at = 4 if got.kind == GOAWAY else 0
    code = int.from_bytes(got.payload[at:at + 4], "big")
    return CODES[code] if code < len(CODES) else str(code)


def names(codes):
    return [CODES[code] for code in codes]
