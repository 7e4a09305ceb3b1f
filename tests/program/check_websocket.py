"""WebSockets of the program with clients of other people's making: Python's websockets and wsproto, and node's ws.
A client that is not installed skips its checks, and says so."""
import asyncio
import base64
import json
import os
import re
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

# The packages of Debian belong to Debian's Python.
try:
    import websockets
except ImportError:
    if os.path.realpath(sys.executable) != os.path.realpath("/usr/bin/python3") and os.path.exists("/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])
    websockets = None
try:
    import wsproto
    import wsproto.events
    import wsproto.extensions
except ImportError:
    wsproto = None

import kit
from kit import Program, check, equal, holds

KEY = base64.b64encode(b"0123456789abcdef").decode()


def needs(library, name):
    """Decorates a check that a missing library skips."""
    def decorate(function):
        if library is None:
            print(f"skip  {function.__name__}: no {name}", flush=True)
            return function
        return check(function)
    return decorate


def url_of(program, path="/chat"):
    return f"ws://127.0.0.1:{program.port}{path}"


class Raw:
    """A client by hand."""

    def __init__(self, program, path="/chat", fields=""):
        self.stream = socket.create_connection(("127.0.0.1", program.port), timeout=20 * kit.SLOW)
        self.stream.sendall((f"GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{fields}\r\n").encode())
        self.bytes = b""
        while b"\r\n\r\n" not in self.bytes:
            piece = self.stream.recv(4096)
            holds(piece, "an answer")
            self.bytes += piece
        self.head, self.bytes = self.bytes.split(b"\r\n\r\n", 1)

    def send(self, first, payload=b""):
        mask = os.urandom(4)
        n = len(payload)
        length = bytes([128 | n]) if n < 126 else struct.pack(">BH", 254, n) if n < 65536 else struct.pack(">BQ", 255, n)
        self.stream.sendall(bytes([first]) + length + mask + bytes(b ^ mask[i & 3] for i, b in enumerate(payload)))

    def take(self, n):
        while len(self.bytes) < n:
            piece = self.stream.recv(65536)
            if not piece:
                raise EOFError
            self.bytes += piece
        taken, self.bytes = self.bytes[:n], self.bytes[n:]
        return taken

    def frame(self):
        first, n = self.take(2)
        if n == 126:
            n, = struct.unpack(">H", self.take(2))
        elif n == 127:
            n, = struct.unpack(">Q", self.take(8))
        return first, self.take(n)

    def lines(self, kind):
        """The next line of that kind."""
        while True:
            line = json.loads(self.frame()[1])
            if line["kind"] == kind:
                return line


@check
def shakes_hands(_):
    program = Program()
    client = Raw(program, "/chat?name=Ada")
    holds(client.head.startswith(b"HTTP/1.1 101 Switching Protocols\r\n"), client.head)
    holds(b"\r\nConnection: Upgrade" in client.head and b"\r\nUpgrade: websocket" in client.head, client.head)
    you = client.lines("you")
    equal((you["name"], you["here"]), ("Ada", 1))
    equal(program.get("/chat").status, 426)
    equal(program.get("/ping").status, 200)


@check
def refuses_pages_of_other_sites(_):
    program = Program()
    holds(Raw(program, fields="Origin: http://evil.example\r\n").head.startswith(b"HTTP/1.1 403 "), "403")
    holds(Raw(program, fields="Origin: http://x\r\n").head.startswith(b"HTTP/1.1 101 "), "101")


@check
def brings_messages_to_all_loops(_):
    program = Program("--loops", "2")
    clients = [Raw(program, f"/chat?name=n{i}") for i in range(20)]
    for client in clients:
        client.lines("you")
    for i, client in enumerate(clients):
        client.send(0x81, f"text {i}".encode())
    for client in clients:
        texts = {client.lines("says")["text"] for _ in clients}
        equal(texts, {f"text {i}" for i in range(20)})
    open_now = re.findall(rb'rawhttp_websockets_open\{loop="\d"\} (\d+)', program.get("/metrics").body)
    equal(sum(map(int, open_now)), 20)


@check
def closes_cleanly(_):
    program = Program()
    client = Raw(program)
    client.send(0x88, b"\x03\xe8bye")
    while True:
        first, payload = client.frame()
        if first == 0x88:
            break
    equal(payload, b"\x03\xe8")
    equal(client.stream.recv(10), b"")  # a FIN, no reset
    client.stream.close()


@check
def ends_at_broken_frames(_):
    program = Program()
    for frame, code in ((b"\x81\x05hello", 1002), (b"\x83\x80abcd", 1002), (b"\x81\x81\0\0\0\0\xff", 1007),
                        (b"\x81\xfe\x10\x00\0\0\0\0", 1009)):
        client = Raw(program)
        client.stream.sendall(frame)
        while True:
            first, payload = client.frame()
            if first == 0x88:
                break
        equal(struct.unpack(">H", payload[:2])[0], code)
        equal(client.stream.recv(10), b"")
    equal(program.get("/ping").status, 200)


@check
def drains_with_1001(_):
    program = Program("--loops", "2")
    clients = [Raw(program) for _ in range(10)]
    for client in clients:
        client.lines("you")
    program.process.terminate()
    for client in clients:
        while True:
            first, payload = client.frame()
            if first == 0x88:
                break
        equal(payload, b"\x03\xe9")
        client.send(0x88, payload)
        equal(client.stream.recv(10), b"")
    equal(program.process.wait(timeout=10 * kit.SLOW), 0)


@check
def stops_in_time_when_nobody_answers_its_close(_):
    program = Program("--grace", "1s")
    client = Raw(program)
    client.lines("you")
    started = time.monotonic()
    program.process.terminate()
    equal(program.process.wait(timeout=10 * kit.SLOW), 0)
    holds(time.monotonic() - started < 4 * kit.SLOW, "in time")


@check
def works_over_tls(folder):
    if not kit.HAS_TLS:
        return
    program = Program("--tls-port", "0", "--dev-cert", "--cert", f"{folder}/c.crt", "--key", f"{folder}/c.key", tls=True)
    port = program.tls_port
    context = ssl._create_unverified_context()
    stream = context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost")
    client = Raw.__new__(Raw)
    client.stream, client.bytes = stream, b""
    stream.sendall((f"GET /chat HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: https://localhost:{port}\r\n"
                    f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                    f"Sec-WebSocket-Key: {KEY}\r\n\r\n").encode())
    while b"\r\n\r\n" not in client.bytes:
        client.bytes += stream.recv(4096)
    head, client.bytes = client.bytes.split(b"\r\n\r\n", 1)
    holds(head.startswith(b"HTTP/1.1 101 "), head)
    client.lines("you")
    client.send(0x81, "gr\u00fc\u00df".encode())
    equal(client.lines("says")["text"], "gr\u00fc\u00df")


@needs(websockets, "websockets (python3-websockets)")
def speaks_with_websockets(_):
    program = Program("--loops", "2")

    async def talk():
        async with websockets.connect(url_of(program, "/chat?name=Ada"), compression="deflate") as a, \
                websockets.connect(url_of(program)) as b:
            text = "\u2603" * 300  # long enough to be compressed
            await a.send(text)
            for client in (a, b):
                while True:
                    line = json.loads(await asyncio.wait_for(client.recv(), 10))
                    if line["kind"] == "says":
                        break
                equal((line["name"], line["text"]), ("Ada", text))
            holds(a.extensions and a.extensions[0].name == "permessage-deflate", "compressed")
            await asyncio.wait_for(await a.ping(b"x" * 125), 10)
            await b.send([text[:10], text[10:20], "end"])  # in fragments
            while True:
                line = json.loads(await asyncio.wait_for(a.recv(), 10))
                if line["kind"] == "says" and line["id"] != 1:
                    break
            equal(line["text"], text[:20] + "end")
            await b.send(b"binary")
            await asyncio.wait_for(b.wait_closed(), 10)
            equal(b.close_code, 1003)
        equal(a.close_code, 1000)

    asyncio.run(talk())


@needs(wsproto, "wsproto (python3-wsproto)")
def speaks_with_wsproto(_):
    program = Program()
    stream = socket.create_connection(("127.0.0.1", program.port), timeout=20 * kit.SLOW)
    connection = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
    stream.sendall(connection.send(wsproto.events.Request(
        host="x", target="/chat", extensions=[wsproto.extensions.PerMessageDeflate()])))
    said = []
    state = "handshake"
    while state != "closed":
        data = stream.recv(65536)
        connection.receive_data(data or None)
        for event in connection.events():
            if isinstance(event, wsproto.events.AcceptConnection):
                equal([extension.name for extension in event.extensions], ["permessage-deflate"])
                stream.sendall(connection.send(wsproto.events.TextMessage(data="hello " * 160)))
            elif isinstance(event, wsproto.events.TextMessage):
                said.append(event.data)
                if event.message_finished and '"says"' in "".join(said):
                    stream.sendall(connection.send(wsproto.events.CloseConnection(code=1000)))
            elif isinstance(event, wsproto.events.CloseConnection):
                equal(event.code, 1000)
                state = "closed"
    holds("hello hello" in "".join(said), "the text came back")


def node_has_ws():
    modules = os.path.join(kit.ROOT, "tests", "browser", "node_modules", "ws")
    return os.path.isdir(modules)


WS = """
import WebSocket from 'ws';
const [url] = process.argv.slice(-1);
const socket = new WebSocket(url, { perMessageDeflate: { threshold: 0 } });
const text = 'x'.repeat(900);
socket.on('open', () => { socket.send(text); socket.ping('are you there'); });
const seen = new Set();
const done = (what) => { seen.add(what); if (seen.size === 2) socket.close(1000, 'bye'); };
socket.on('pong', (data) => done(`pong ${data}`));
socket.on('message', (data) => { const line = JSON.parse(data); if (line.kind === 'says' && line.text === text) done('text'); });
socket.on('close', (code) => { console.log([...seen].sort().join(', '), socket.extensions, code); });
"""


@needs(node_has_ws() or None, "ws (npm ci in tests/browser)")
def speaks_with_ws(_):
    program = Program()
    run = subprocess.run(["node", "--input-type=module", "-e", WS, url_of(program)], capture_output=True, text=True,
                         timeout=30 * kit.SLOW, cwd=os.path.join(kit.ROOT, "tests", "browser"))
    equal(run.stdout.strip(), "pong are you there, text permessage-deflate 1000", run.stderr)


@check
def bears_a_crowd(_):
    program = Program("--loops", "2")
    clients = [Raw(program, "/chat?name=crowd") for _ in range(200)]
    for client in clients:
        client.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    threads = [threading.Thread(target=client.stream.close) for client in clients[::2]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    last = Raw(program, "/chat?name=last")
    last.lines("you")
    last.send(0x81, b"still here")
    equal(last.lines("says")["text"], "still here")


if __name__ == "__main__":
    kit.main()
