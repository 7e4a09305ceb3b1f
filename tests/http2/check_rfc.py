"""What RFC 9113 and RFC 7541 ask of a server, section by section, with frames made by hand over a real socket."""
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "program"))
from kit import Program  # noqa: E402
from frames import *  # noqa: E402,F403

CASES = []


def case(section, what):
    def register(function):
        CASES.append((section, what, function))
        return function
    return register


def connection_error(section, what, data, *codes):
    """The bytes, sent after the greeting, end the connection with one of the codes."""
    @case(section, what)
    def run(c):
        c.send(data(c) if callable(data) else data)
        c.expect_connection_error(*codes)


def stream_error(section, what, fields, *codes, ends=True):
    """A field section that resets its stream."""
    @case(section, what)
    def run(c):
        c.expect_stream_error(c.headers(fields, ends=ends), *codes)


def ignored(section, what, data):
    """The bytes change nothing."""
    @case(section, what)
    def run(c):
        c.send(data)
        c.expect_alive()
        c.expect_answer(c.headers())


# --- RFC 9113 §3.4: the preface --------------------------------------------------------------------

@case("3.4", "the server's preface is a SETTINGS frame, and comes first")
def run(c):
    assert c.seen[0].kind == SETTINGS and c.seen[0].stream == 0


@case("3.4", "a request may follow the preface at once")
def run(c):
    d = Client(c.port, greet=False)
    d.send(PREFACE + frame(SETTINGS, 0, 0, setting((HEADER_TABLE_SIZE, 0))) +
           frame(HEADERS, END_HEADERS | END_STREAM, 1, block(request())))
    d.expect_answer(1)


@case("3.4", "the preface may come byte by byte")
def run(c):
    d = Client(c.port, greet=False)
    for byte in PREFACE + frame(SETTINGS, 0, 0):
        d.send(bytes([byte]))
    d.until(lambda f: f.kind == SETTINGS and f.flags & ACK)


@case("3.4", "a preface that is not followed by SETTINGS ends the connection")
def run(c):
    d = Client(c.port, greet=False)
    d.send(PREFACE + frame(PING, 0, 0, b"12345678"))
    d.expect_connection_error(PROTOCOL_ERROR)


@case("3.4", "what begins like a preface and is none is answered as HTTP/1")
def run(c):
    d = Client(c.port, greet=False)
    d.send(b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n")
    d.sock.settimeout(5)
    assert d.sock.recv(9) == b"HTTP/1.1 "


@case("3.4", "HTTP/1 and HTTP/2 share the port")
def run(c):
    d = Client(c.port, greet=False)
    d.send(b"GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert d.sock.recv(15) == b"HTTP/1.1 200 OK"


# --- §4: frames --------------------------------------------------------------------------------------

ignored("4.1", "a frame of an unknown type", frame(0x77, 0, 0, b"12345678"))
ignored("4.1", "flags that a type does not define", frame(PING, 0xfe, 0, b"12345678"))
ignored("4.1", "the reserved bit of a stream identifier", frame(PING, 0, 0x80000000, b"12345678"))


@case("4.2", "a DATA frame of 16,384 bytes is accepted")
def run(c):
    stream = c.post()
    c.data(stream, b"x" * 16384)
    assert c.expect_answer(stream) == b"x" * 16384


@case("4.2", "a DATA frame larger than SETTINGS_MAX_FRAME_SIZE is an error")
def run(c):
    stream = c.post()
    c.data(stream, b"x" * 16385)
    c.expect_error(stream, FRAME_SIZE_ERROR)


connection_error("4.2", "a HEADERS frame larger than SETTINGS_MAX_FRAME_SIZE",
                 frame(HEADERS, END_HEADERS | END_STREAM, 1, block(request(more=[("a", "x" * 16400)]))),
                 FRAME_SIZE_ERROR)
connection_error("4.2", "a SETTINGS frame larger than SETTINGS_MAX_FRAME_SIZE",
                 frame(SETTINGS, 0, 0, setting((0x7777, 1)) * 2800), FRAME_SIZE_ERROR)
connection_error("4.3", "a field block that cannot be decoded",
                 frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
                 COMPRESSION_ERROR)
connection_error("4.3", "a PRIORITY frame inside of a field block",
                 frame(HEADERS, END_STREAM, 1, block(request())[:9]) + frame(PRIORITY, 0, 1, b"\0\0\0\0\x10"),
                 PROTOCOL_ERROR)
connection_error("4.3", "HEADERS of another stream inside of a field block",
                 frame(HEADERS, END_STREAM, 1, block(request())[:9]) +
                 frame(HEADERS, END_STREAM | END_HEADERS, 3, block(request())), PROTOCOL_ERROR)
connection_error("4.3", "a frame of an unknown type inside of a field block",
                 frame(HEADERS, END_STREAM, 1, block(request())[:9]) + frame(0x77, 0, 1, b""), PROTOCOL_ERROR)
connection_error("4.3", "a field block cut off in the middle of a field",
                 frame(HEADERS, END_HEADERS | END_STREAM, 1, block(request())[:-2]), COMPRESSION_ERROR)

# --- §5.1: the states of a stream --------------------------------------------------------------------

connection_error("5.1", "idle: DATA", frame(DATA, END_STREAM, 1, b"x"), PROTOCOL_ERROR)
connection_error("5.1", "idle: RST_STREAM", frame(RST_STREAM, 0, 1, struct.pack(">I", CANCEL)), PROTOCOL_ERROR)
connection_error("5.1", "idle: WINDOW_UPDATE", frame(WINDOW_UPDATE, 0, 1, struct.pack(">I", 1)), PROTOCOL_ERROR)
connection_error("5.1", "idle: CONTINUATION", frame(CONTINUATION, END_HEADERS, 1, block(request())), PROTOCOL_ERROR)


def half_closed(what, data, *codes):
    @case("5.1", f"half-closed (remote): {what}")
    def run(c):
        stream = c.headers(request("/slow?ms=300"))
        c.send(data(stream))
        c.expect_error(stream, *codes)


half_closed("DATA", lambda s: frame(DATA, END_STREAM, s, b"x"), STREAM_CLOSED)
half_closed("HEADERS", lambda s: frame(HEADERS, END_STREAM | END_HEADERS, s, block(request())), STREAM_CLOSED)
half_closed("CONTINUATION", lambda s: frame(CONTINUATION, END_HEADERS, s, block(request())),
            STREAM_CLOSED, PROTOCOL_ERROR)


@case("5.1", "half-closed (remote): WINDOW_UPDATE, PRIORITY and RST_STREAM are accepted")
def run(c):
    stream = c.headers(request("/slow?ms=200"))
    c.send(frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", 1)) + frame(PRIORITY, 0, stream, b"\0\0\0\0\x10"))
    c.expect_answer(stream)
    stream = c.headers(request("/slow?ms=200"))
    c.send(frame(RST_STREAM, 0, stream, struct.pack(">I", CANCEL)))
    c.expect_alive()


def closed_by_reset(what, data, *codes):
    @case("5.1", f"closed by RST_STREAM of the peer: {what}")
    def run(c):
        stream = c.post()
        c.send(frame(RST_STREAM, 0, stream, struct.pack(">I", CANCEL)) + data(stream))
        c.expect_error(stream, *codes)


closed_by_reset("DATA", lambda s: frame(DATA, END_STREAM, s, b"x"), STREAM_CLOSED)
closed_by_reset("HEADERS", lambda s: frame(HEADERS, END_STREAM | END_HEADERS, s, block(request())), STREAM_CLOSED)
closed_by_reset("CONTINUATION", lambda s: frame(CONTINUATION, END_HEADERS, s, block(request())),
                STREAM_CLOSED, PROTOCOL_ERROR)


def closed_by_end(what, data, *codes):
    @case("5.1", f"closed by END_STREAM of both: {what}")
    def run(c):
        stream = c.headers()
        c.expect_answer(stream)
        c.send(data(stream))
        c.expect_error(stream, *codes)


closed_by_end("DATA", lambda s: frame(DATA, END_STREAM, s, b"x"), STREAM_CLOSED)
closed_by_end("HEADERS", lambda s: frame(HEADERS, END_STREAM | END_HEADERS, s, block(request())), STREAM_CLOSED)
closed_by_end("CONTINUATION", lambda s: frame(CONTINUATION, END_HEADERS, s, block(request())),
              STREAM_CLOSED, PROTOCOL_ERROR)


@case("5.1", "closed: WINDOW_UPDATE, PRIORITY and RST_STREAM that were under way are accepted")
def run(c):
    stream = c.headers()
    c.expect_answer(stream)
    c.send(frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", 1)) + frame(PRIORITY, 0, stream, b"\0\0\0\0\x10") +
           frame(RST_STREAM, 0, stream, struct.pack(">I", CANCEL)))
    c.expect_alive()
    c.expect_answer(c.headers())


@case("5.1", "closed by a reset of ours: DATA that was under way is ignored")
def run(c):
    stream = c.headers(request("/echo", "POST", [("content-length", "1")]), ends=False)
    c.data(stream, b"more than one", ends=False)
    c.expect_stream_error(stream, PROTOCOL_ERROR)
    c.data(stream, b"and more")
    c.expect_alive()
    c.expect_answer(c.headers())


connection_error("5.1.1", "an even stream identifier",
                 frame(HEADERS, END_STREAM | END_HEADERS, 2, block(request())), PROTOCOL_ERROR)


@case("5.1.1", "a stream identifier smaller than an earlier one is an error")
def run(c):
    c.headers(stream=5)
    c.headers(stream=3)
    c.expect_error(3, PROTOCOL_ERROR, STREAM_CLOSED)


@case("5.1.1", "stream identifiers may leave some out")
def run(c):
    c.expect_answer(c.headers(stream=7))
    c.expect_answer(c.headers(stream=1001))


@case("5.1.2", "more streams than SETTINGS_MAX_CONCURRENT_STREAMS are refused")
def run(c):
    most = c.settings[MAX_CONCURRENT_STREAMS]
    for _ in range(most + 1):
        last = c.headers(request("/echo", "POST"), ends=False)
    c.expect_error(last, PROTOCOL_ERROR, REFUSED_STREAM)


# --- §5.3: priorities --------------------------------------------------------------------------------

@case("5.3", "HEADERS with a priority of RFC 7540 are accepted")
def run(c):
    stream = c.stream()
    c.send(frame(HEADERS, END_STREAM | END_HEADERS | PRIORITY_FLAG, stream, b"\0\0\0\0\x10" + block(request())))
    c.expect_answer(stream)


@case("5.3.1", "HEADERS that depend on their own stream are an error")
def run(c):
    stream = c.stream()
    c.send(frame(HEADERS, END_STREAM | END_HEADERS | PRIORITY_FLAG, stream,
                 struct.pack(">IB", stream, 16) + block(request())))
    c.expect_error(stream, PROTOCOL_ERROR)


ignored("5.3", "PRIORITY of an idle stream", frame(PRIORITY, 0, 9, b"\0\0\0\0\x10"))

# --- §5.4, §5.5: errors and extensions -----------------------------------------------------------------

@case("5.4.1", "a connection error sends GOAWAY and closes")
def run(c):
    c.expect_answer(c.headers())
    c.send(frame(PING, 0, 3, b"12345678"))
    got = c.until(lambda f: f.kind == GOAWAY)
    assert struct.unpack(">I", got.payload[:4])[0] == 1, "GOAWAY names the last stream"
    c.expect_closed()


ignored("5.5", "an unknown frame on a stream", frame(0xee, 0, 5, b"abc"))

# --- §6.1: DATA ------------------------------------------------------------------------------------------

connection_error("6.1", "DATA on stream 0", frame(DATA, 0, 0, b"x"), PROTOCOL_ERROR)


@case("6.1", "DATA with padding")
def run(c):
    stream = c.post()
    c.data(stream, b"\x05hello" + b"\0" * 5, flags=PADDED)
    assert c.expect_answer(stream) == b"hello"


@case("6.1", "padding as long as the payload is an error")
def run(c):
    stream = c.post()
    c.data(stream, b"\x06hello", flags=PADDED)
    c.expect_connection_error(PROTOCOL_ERROR)


@case("6.1", "DATA without content that ends the stream")
def run(c):
    stream = c.post()
    c.data(stream, b"abc", ends=False)
    c.data(stream, b"")
    assert c.expect_answer(stream) == b"abc"


# --- §6.2: HEADERS -----------------------------------------------------------------------------------------

connection_error("6.2", "HEADERS on stream 0", frame(HEADERS, END_STREAM | END_HEADERS, 0, block(request())),
                 PROTOCOL_ERROR)
connection_error("6.2", "padding longer than the payload",
                 frame(HEADERS, END_STREAM | END_HEADERS | PADDED, 1, b"\xff" + block([(":method", "GET")])),
                 PROTOCOL_ERROR)


@case("6.2", "HEADERS with padding and priority")
def run(c):
    stream = c.stream()
    c.send(frame(HEADERS, END_STREAM | END_HEADERS | PADDED | PRIORITY_FLAG, stream,
                 b"\x08" + b"\0\0\0\0\x10" + block(request()) + b"\0" * 8))
    c.expect_answer(stream)


# --- §6.3, §6.4: PRIORITY, RST_STREAM ------------------------------------------------------------------------

connection_error("6.3", "PRIORITY on stream 0", frame(PRIORITY, 0, 0, b"\0\0\0\0\x10"), PROTOCOL_ERROR)


@case("6.3", "PRIORITY of a length other than 5 is an error")
def run(c):
    stream = c.post()
    c.send(frame(PRIORITY, 0, stream, b"\0\0\0\0"))
    c.expect_error(stream, FRAME_SIZE_ERROR)


connection_error("6.4", "RST_STREAM on stream 0", frame(RST_STREAM, 0, 0, struct.pack(">I", CANCEL)), PROTOCOL_ERROR)


@case("6.4", "RST_STREAM of a length other than 4 ends the connection")
def run(c):
    stream = c.post()
    c.send(frame(RST_STREAM, 0, stream, b"\0\0\0"))
    c.expect_connection_error(FRAME_SIZE_ERROR)


# --- §6.5: SETTINGS --------------------------------------------------------------------------------------------

connection_error("6.5", "an acknowledgement with a payload", frame(SETTINGS, ACK, 0, setting((3, 1))),
                 FRAME_SIZE_ERROR)
connection_error("6.5", "SETTINGS on a stream", frame(SETTINGS, 0, 1, setting((3, 1))), PROTOCOL_ERROR)
connection_error("6.5", "a length that is no multiple of 6", frame(SETTINGS, 0, 0, b"\0\3\0"), FRAME_SIZE_ERROR)
connection_error("6.5.2", "SETTINGS_ENABLE_PUSH of 2", frame(SETTINGS, 0, 0, setting((ENABLE_PUSH, 2))),
                 PROTOCOL_ERROR)
connection_error("6.5.2", "SETTINGS_INITIAL_WINDOW_SIZE above 2^31-1",
                 frame(SETTINGS, 0, 0, setting((INITIAL_WINDOW_SIZE, 0x80000000))), FLOW_CONTROL_ERROR)
connection_error("6.5.2", "SETTINGS_MAX_FRAME_SIZE below 16,384",
                 frame(SETTINGS, 0, 0, setting((MAX_FRAME_SIZE, 16383))), PROTOCOL_ERROR)
connection_error("6.5.2", "SETTINGS_MAX_FRAME_SIZE above 2^24-1",
                 frame(SETTINGS, 0, 0, setting((MAX_FRAME_SIZE, 1 << 24))), PROTOCOL_ERROR)
ignored("6.5.2", "an unknown setting", frame(SETTINGS, 0, 0, setting((0x7777, 77))))


@case("6.5.3", "of a setting that appears twice the last value counts")
def run(c):
    c.send(frame(SETTINGS, 0, 0, setting((INITIAL_WINDOW_SIZE, 100), (INITIAL_WINDOW_SIZE, 1))))
    c.until(lambda f: f.kind == SETTINGS and f.flags & ACK)
    stream = c.headers()
    got = c.until(lambda f: f.kind == DATA and f.stream == stream)
    assert len(got.payload) == 1, len(got.payload)


@case("6.5.3", "SETTINGS are acknowledged at once")
def run(c):
    c.send(frame(SETTINGS, 0, 0))
    got = c.until(lambda f: f.kind == SETTINGS)
    assert got.flags & ACK and got.payload == b""


# --- §6.6 to §6.8: PUSH_PROMISE, PING, GOAWAY --------------------------------------------------------------------

@case("6.6", "PUSH_PROMISE from a client ends the connection")
def run(c):
    stream = c.post()
    c.send(frame(PUSH_PROMISE, END_HEADERS, stream, struct.pack(">I", 2) + block(request())))
    c.expect_connection_error(PROTOCOL_ERROR)


@case("6.7", "PING is answered with the same bytes")
def run(c):
    c.send(frame(PING, 0, 0, b"\1\2\3\4\5\6\7\x08"))
    got = c.until(lambda f: f.kind == PING)
    assert got.flags & ACK and got.payload == b"\1\2\3\4\5\6\7\x08"


ignored("6.7", "an acknowledgement of a PING that was not sent", frame(PING, ACK, 0, b"12345678"))
connection_error("6.7", "PING on a stream", frame(PING, 0, 1, b"12345678"), PROTOCOL_ERROR)
connection_error("6.7", "PING of a length other than 8", frame(PING, 0, 0, b"1234567"), FRAME_SIZE_ERROR)
connection_error("6.8", "GOAWAY on a stream", frame(GOAWAY, 0, 1, struct.pack(">II", 0, 0)), PROTOCOL_ERROR)


@case("6.8", "streams that are open finish after GOAWAY of the peer")
def run(c):
    stream = c.headers(request("/slow?ms=200"))
    c.send(frame(GOAWAY, 0, 0, struct.pack(">II", 0, NO_ERROR)))
    c.expect_answer(stream)


# --- §6.9: WINDOW_UPDATE -------------------------------------------------------------------------------------------

connection_error("6.9", "an increment of 0 for the connection", frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\0"),
                 PROTOCOL_ERROR)


@case("6.9", "an increment of 0 for a stream is an error")
def run(c):
    stream = c.post()
    c.send(frame(WINDOW_UPDATE, 0, stream, b"\0\0\0\0"))
    c.expect_error(stream, PROTOCOL_ERROR)


connection_error("6.9", "a length other than 4", frame(WINDOW_UPDATE, 0, 0, b"\0\0\1"), FRAME_SIZE_ERROR)


@case("6.9.1", "content waits for the stream's window, and goes on when it opens")
def run(c):
    c.send(frame(SETTINGS, 0, 0, setting((INITIAL_WINDOW_SIZE, 1))))
    c.until(lambda f: f.kind == SETTINGS and f.flags & ACK)
    stream = c.headers()
    assert len(c.until(lambda f: f.kind == DATA).payload) == 1
    c.expect_alive()
    c.send(frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", 2)))
    assert len(c.until(lambda f: f.kind == DATA).payload) == 2
    c.send(frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", 100)))
    got = c.until(lambda f: f.kind == DATA)
    assert len(got.payload) == 1 and got.flags & END_STREAM


connection_error("6.9.1", "increments beyond 2^31-1 for the connection",
                 frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 0x7fffffff)) * 2, FLOW_CONTROL_ERROR)


@case("6.9.1", "increments beyond 2^31-1 for a stream are a stream error")
def run(c):
    stream = c.post()
    c.send(frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", 0x7fffffff)) * 2)
    c.expect_stream_error(stream, FLOW_CONTROL_ERROR)


@case("6.9.1", "content beyond the connection's or stream's window is an error")
def run(c):
    stream = c.headers(request("/slow?ms=500"), ends=False)
    for _ in range(8):
        c.data(stream, b"x" * 16384, ends=False)
    c.expect_error(stream, FLOW_CONTROL_ERROR)


@case("6.9.2", "a change of SETTINGS_INITIAL_WINDOW_SIZE applies to open streams")
def run(c):
    c.send(frame(SETTINGS, 0, 0, setting((INITIAL_WINDOW_SIZE, 0))))
    c.until(lambda f: f.kind == SETTINGS and f.flags & ACK)
    stream = c.headers()
    c.until(lambda f: f.kind == HEADERS and f.stream == stream)
    c.expect_alive()
    c.send(frame(SETTINGS, 0, 0, setting((INITIAL_WINDOW_SIZE, 1))))
    assert len(c.until(lambda f: f.kind == DATA).payload) == 1


@case("6.9.2", "a window may become negative")
def run(c):
    c.send(frame(SETTINGS, 0, 0, setting((INITIAL_WINDOW_SIZE, 3))))
    c.until(lambda f: f.kind == SETTINGS and f.flags & ACK)
    stream = c.headers()
    c.until(lambda f: f.kind == DATA)
    c.send(frame(SETTINGS, 0, 0, setting((INITIAL_WINDOW_SIZE, 2))))
    c.send(frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", 1)))
    c.expect_alive()
    assert not any(f.kind == DATA and f.flags & END_STREAM for f in c.seen)
    c.send(frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", 1)))
    got = c.until(lambda f: f.kind == DATA)
    assert len(got.payload) == 1 and got.flags & END_STREAM


# --- §6.10: CONTINUATION ---------------------------------------------------------------------------------------------

@case("6.10", "a field block in several CONTINUATION frames")
def run(c):
    stream, fields = c.stream(), block(request())
    c.send(frame(HEADERS, END_STREAM, stream, fields[:5]) + frame(CONTINUATION, 0, stream, fields[5:20]) +
           frame(CONTINUATION, END_HEADERS, stream, fields[20:]))
    c.expect_answer(stream)


connection_error("6.10", "a frame other than CONTINUATION inside of a field block",
                 frame(HEADERS, END_STREAM, 1, block(request())[:9]) + frame(DATA, END_STREAM, 1, b"x"), PROTOCOL_ERROR)
connection_error("6.10", "CONTINUATION on stream 0",
                 frame(HEADERS, END_STREAM, 1, block(request())[:9]) +
                 frame(CONTINUATION, END_HEADERS, 0, block(request())[9:]), PROTOCOL_ERROR)
connection_error("6.10", "CONTINUATION after HEADERS with END_HEADERS",
                 frame(HEADERS, END_HEADERS, 1, block(request("/echo", "POST"))) +
                 frame(CONTINUATION, END_HEADERS, 1, block([("a", "b")])), PROTOCOL_ERROR)
connection_error("6.10", "CONTINUATION after CONTINUATION with END_HEADERS",
                 frame(HEADERS, 0, 1, block(request("/echo", "POST"))[:9]) +
                 frame(CONTINUATION, END_HEADERS, 1, block(request("/echo", "POST"))[9:]) +
                 frame(CONTINUATION, END_HEADERS, 1, block([("a", "b")])), PROTOCOL_ERROR)
connection_error("6.10", "CONTINUATION after DATA",
                 frame(HEADERS, END_HEADERS, 1, block(request("/echo", "POST"))) + frame(DATA, 0, 1, b"x") +
                 frame(CONTINUATION, END_HEADERS, 1, block([("a", "b")])), PROTOCOL_ERROR)

# --- §7: error codes -----------------------------------------------------------------------------------------------------

@case("7", "RST_STREAM with an unknown code")
def run(c):
    stream = c.post()
    c.send(frame(RST_STREAM, 0, stream, struct.pack(">I", 0x7777)))
    c.expect_alive()


@case("7", "GOAWAY with an unknown code")
def run(c):
    c.send(frame(GOAWAY, 0, 0, struct.pack(">II", 0, 0x7777)))
    c.send(frame(PING, 0, 0, b"12345678"))
    try:
        c.until(lambda f: f.kind == PING and f.flags & ACK)
    except Closed:
        pass


# --- §8: HTTP in HTTP/2 ----------------------------------------------------------------------------------------------------

@case("8.1", "GET, HEAD, POST and OPTIONS")
def run(c):
    assert c.expect_answer(c.headers()) == b"pong"
    assert c.expect_answer(c.headers(request(method="HEAD"))) == b""
    stream = c.post()
    c.data(stream, b"abc")
    assert c.expect_answer(stream) == b"abc"
    c.expect_answer(c.headers(request(method="OPTIONS")), 200, 204)
    c.expect_answer(c.headers(request("*", "OPTIONS")), 200, 204, 404)


@case("8.1", "a trailer section ends the stream")
def run(c):
    stream = c.post()
    c.data(stream, b"abc", ends=False)
    c.headers([("digest", "x")], stream=stream)
    assert c.expect_answer(stream) == b"abc"


@case("8.1", "a trailer section that does not end the stream is malformed")
def run(c):
    stream = c.post()
    c.headers([("digest", "x")], ends=False, stream=stream)
    c.expect_stream_error(stream, PROTOCOL_ERROR)


@case("8.1", "a pseudo-header field in a trailer section is malformed")
def run(c):
    stream = c.post()
    c.headers([(":path", "/")], stream=stream)
    c.expect_stream_error(stream, PROTOCOL_ERROR)


@case("8.1", "an early answer is whole, and then the request is stopped without an error")
def run(c):
    stream = c.headers(request("/no/such/page", "POST"), ends=False)
    c.data(stream, b"x" * 100, ends=False)
    c.expect_answer(stream, 404, 405)
    c.expect_stream_error(stream, NO_ERROR)


@case("8.1", "interim answers: 100 when the client waits for it")
def run(c):
    stream = c.headers(request("/echo", "POST", [("expect", "100-continue")]), ends=False)
    got = c.until(lambda f: f.kind == HEADERS and f.stream == stream)
    assert status_of(got.payload) == 100 and not got.flags & END_STREAM
    c.data(stream, b"abc")
    assert c.expect_answer(stream) == b"abc"


def malformed(section, what, more=(), fields=None):
    stream_error(section, what, fields if fields is not None else request(more=more), PROTOCOL_ERROR)


malformed("8.2", "a field name in upper case", [("X-TEST", "ok")])
malformed("8.2.1", "NUL in a field value", [("x-test", "a\0b")])
malformed("8.2.1", "CR in a field value", [("x-test", "a\rb")])
malformed("8.2.1", "LF in a field value", [("x-test", "a\nb")])
malformed("8.2.1", "a space before a field value", [("x-test", " a")])
malformed("8.2.1", "a tab after a field value", [("x-test", "a\t")])
malformed("8.2.1", "a space in a field name", [("x test", "a")])
malformed("8.2.1", "a colon in a field name", [("x:test", "a")])
malformed("8.2.1", "a byte above 0x7e in a field name", [("x\x80", "a")])
malformed("8.2.1", "an empty field name", [("", "a")])
malformed("8.2.2", "Connection", [("connection", "keep-alive")])
malformed("8.2.2", "Keep-Alive", [("keep-alive", "timeout=5")])
malformed("8.2.2", "Proxy-Connection", [("proxy-connection", "keep-alive")])
malformed("8.2.2", "Transfer-Encoding", [("transfer-encoding", "chunked")])
malformed("8.2.2", "Upgrade", [("upgrade", "h2c")])
malformed("8.2.2", "TE with anything but trailers", [("te", "trailers, deflate")])


@case("8.2.2", "TE: trailers")
def run(c):
    c.expect_answer(c.headers(request(more=[("te", "trailers")])))


malformed("8.3", "an unknown pseudo-header field", fields=request()[:4] + [(":test", "ok")])
malformed("8.3", "a pseudo-header field of responses", fields=request() + [(":status", "200")])
malformed("8.3", "a pseudo-header field after a regular one", fields=[("x-test", "ok")] + request())
malformed("8.3", "a pseudo-header field in the middle", fields=request()[:3] + [("x-test", "ok")] + request()[3:])
malformed("8.3.1", "an empty :path", fields=request(""))
malformed("8.3.1", "a :path that does not begin with a slash", fields=request("ping"))
malformed("8.3.1", ":path * for GET", fields=request("*"))
malformed("8.3.1", "no :method", fields=request()[1:])
malformed("8.3.1", "no :scheme", fields=request()[:1] + request()[2:])
malformed("8.3.1", "no :path", fields=request()[:3])
malformed("8.3.1", ":method twice", fields=[(":method", "GET")] + request())
malformed("8.3.1", ":scheme twice", fields=[(":scheme", "http")] + request())
malformed("8.3.1", ":path twice", fields=[(":path", "/")] + request())
malformed("8.3.1", ":authority twice", fields=[(":authority", "localhost")] + request())
malformed("8.3.1", "user information in :authority", fields=request(authority="me@localhost"))
malformed("8.3.1", "a Host that names another host", [("host", "elsewhere")])


@case("8.3.1", "a Host in the place of :authority")
def run(c):
    fields = [field for field in request(more=[("host", "localhost")]) if field[0] != ":authority"]
    c.expect_answer(c.headers(fields))


@case("8.3.1", "neither Host nor :authority is answered with 400")
def run(c):
    c.expect_answer(c.headers([field for field in request() if field[0] != ":authority"]), 400)


malformed("8.5", "CONNECT with :scheme and :path", fields=request(method="CONNECT", authority="localhost:80"))
malformed("8.5", "CONNECT without a port", fields=[(":method", "CONNECT"), (":authority", "localhost")])


def lengths(what, announced, *pieces):
    @case("8.1.1", what)
    def run(c):
        stream = c.post(more=[("content-length", announced)])
        for at, piece in enumerate(pieces):
            c.data(stream, piece, ends=at == len(pieces) - 1)
        c.expect_stream_error(stream, PROTOCOL_ERROR)


lengths("less content than Content-Length", "10", b"123")
lengths("more content than Content-Length", "1", b"123")
lengths("less content than Content-Length, in several frames", "10", b"123", b"45")
lengths("more content than Content-Length, in several frames", "4", b"123", b"45")
lengths("a Content-Length that is no number", "ten", b"0123456789")
malformed("8.1.1", "Content-Length of a request without content", [("content-length", "5")])
malformed("8.1.1", "two Content-Length fields", [("content-length", "0"), ("content-length", "0")])


@case("8.2.3", "crumbs of a cookie are one cookie")
def run(c):
    c.expect_answer(c.headers(request(more=[("cookie", "a=1"), ("cookie", "b=2"), ("cookie", "c=3")])))


@case("8.4", "push is not used, whatever the client allows")
def run(c):
    c.send(frame(SETTINGS, 0, 0, setting((ENABLE_PUSH, 1))))
    c.expect_answer(c.headers(request("/")))
    assert not any(f.kind == PUSH_PROMISE for f in c.seen)


@case("10.5.1", "a field section beyond the limit is answered with 431")
def run(c):
    stream, fields = c.stream(), block(request(more=[(f"x{i}", "y" * 1000) for i in range(20)]))
    c.send(frame(HEADERS, END_STREAM, stream, fields[:16000]) +
           frame(CONTINUATION, END_HEADERS, stream, fields[16000:]))
    c.expect_answer(stream, 431)
    c.expect_answer(c.headers())


@case("10.5.1", "a target beyond the limit is answered with 414")
def run(c):
    c.expect_answer(c.headers(request("/" + "x" * 9000)), 414)


# --- RFC 9218 ----------------------------------------------------------------------------------------------------------------

@case("9218 §4", "a Priority field, well-formed or not")
def run(c):
    for value in ("u=0", "u=7, i", "i", "u=9", "=,,;"):
        c.expect_answer(c.headers(request(more=[("priority", value)])))


@case("9218 §7.1", "PRIORITY_UPDATE of an open and of an idle stream")
def run(c):
    stream = c.headers(request("/slow?ms=100"))
    c.send(frame(PRIORITY_UPDATE, 0, 0, struct.pack(">I", stream) + b"u=1") +
           frame(PRIORITY_UPDATE, 0, 0, struct.pack(">I", stream + 2) + b"u=2, i"))
    c.expect_answer(stream)
    c.expect_answer(c.headers())


connection_error("9218 §7.1", "PRIORITY_UPDATE of stream 0",
                 frame(PRIORITY_UPDATE, 0, 0, struct.pack(">I", 0) + b"u=1"), PROTOCOL_ERROR)

# --- RFC 7541: HPACK -------------------------------------------------------------------------------------------------------------

def hpack(section, what, fields):
    @case("7541 §" + section, what)
    def run(c):
        c.expect_answer(c.headers(fields))


def hpack_error(section, what, fields):
    connection_error("7541 §" + section, what, frame(HEADERS, END_STREAM | END_HEADERS, 1, fields), COMPRESSION_ERROR)


USUAL = block(request())
hpack("2.3.1", "indexed fields of the static table", b"\x82\x86\x84" + literal(":authority", "localhost"))
hpack("6.2.1", "a literal field with incremental indexing", USUAL + b"\x40" + text("x-test") + text("a"))
hpack("6.2.1", "an indexed name, with incremental indexing", b"\x82\x86\x84\x41" + text("localhost"))
hpack("6.2.2", "a literal field without indexing, indexed name", b"\x82\x86\x84\x01" + text("localhost"))
hpack("6.2.3", "a literal field that is never indexed", USUAL + b"\x10" + text("x-test") + text("a"))
hpack("6.2.3", "a literal field that is never indexed, indexed name", b"\x82\x86\x84\x11" + text("localhost"))
hpack("5.2", "a Huffman-coded value", b"\x82\x86\x84\x41\x86\xa0\xe4\x1d\x13\x9d\x09")
hpack("6.3", "a table size update at the start", b"\x20" + USUAL)
hpack("6.3", "a table size update to the maximum", integer(4096, 5, 0x20) + USUAL)
hpack("4.1", "an entry larger than the table empties it", USUAL + b"\x40" + text("x-test") + text("a" * 5000))


@case("7541 §2.3.2", "a field of the dynamic table is found again, and again after others")
def run(c):
    first = b"\x82\x86\x84\x41" + text("localhost")
    c.expect_answer(c.headers(first))
    c.expect_answer(c.headers(b"\x82\x86\x84\xbe"))
    c.expect_answer(c.headers(b"\x82\x86\x84\xbe\x40" + text("x-a") + text("b")))
    c.expect_answer(c.headers(b"\x82\x86\x84\xbf"))


hpack_error("2.3.3", "an index beyond both tables", USUAL + b"\xbe")
hpack_error("2.3.3", "an indexed name beyond both tables", USUAL + integer(70, 6, 0x40) + text("a"))
hpack_error("4.2", "a table size update after a field", USUAL + b"\x20")
hpack_error("5.1", "an integer that overflows", b"\xff\x80\xff\xff\xff\xff\xff\xff\xff\xff\x01" + USUAL)
hpack_error("5.2", "padding of more than 7 bits", USUAL + b"\x00\x85\xf2\xb2\x4a\x84\xff\x84\x49\x50\x9f\xff")
hpack_error("5.2", "padding that is not the end of EOS", USUAL + b"\x00\x85\xf2\xb2\x4a\x84\xff\x83\x49\x50\x90")
hpack_error("5.2", "EOS in a string", USUAL + b"\x00\x85\xf2\xb2\x4a\x84\xff\x87\x49\x51\xff\xff\xff\xfa\x7f")
hpack_error("5.2", "a string longer than its block", USUAL + b"\x00\x05abc")
hpack_error("6.1", "index 0", USUAL + b"\x80")
hpack_error("6.3", "a table size update above the limit", integer(4097, 5, 0x20) + USUAL)


def main():
    program = Program()
    wanted = sys.argv[1:]
    passed = failed = 0
    try:
        for section, what, function in CASES:
            if wanted and section not in wanted:
                continue
            try:
                client = Client(program.port)
                function(client)
                client.close()
                passed += 1
            except Exception as error:
                failed += 1
                section = section if " " in section else "9113 §" + section
                print(f"FAIL  RFC {section}: {what}: {type(error).__name__} {error}", flush=True)
        assert program.process.poll() is None, "the program has ended"
        code = program.stop()
        assert code == 0, (code, program.lines[-5:])
    finally:
        Program.end_all()
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or passed == 0 else 0)


main()
