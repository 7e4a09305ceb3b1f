"""What is measured. Each scenario is data plus one function that loads a running server.

A measuring function answers a dictionary with at least `requests` and `seconds`; the frame in
`measure` adds the server's CPU time. Members it does not know are shown as they are.
"""

import http.client
import socket
import ssl
import threading
import time

from kit import load
from kit.process import Failed, cpu_between

MIB = 1024 * 1024
UPLOAD_BYTES = 1024 * MIB


class Scenario:
    """One row of the suite.

    needs   capabilities that a server must have to take part
    unit    what a "request" is here, for the tables
    kind    "rate": RPS and CPU per request; "memory": bytes per connection; "latency"
    floor   options for the floors, so that their answer has the same size
    ours    options for rawhttp-uv, as tuples
    stretch how many times longer than asked for it runs: where what comes before the first request weighs
    """

    def __init__(self, name, title, measure, needs="ping", kind="rate", unit="request", tls=False,
                 path="/ping", expect=None, floor=(), ours=(), files=False, servers=None,
                 rounds=None, stretch=1):
        self.name, self.title, self.measure_load = name, title, measure
        self.needs, self.kind, self.unit, self.tls = set(needs.split()), kind, unit, tls
        self.path, self.expect = path, expect
        self.floor, self.ours, self.files = list(floor), list(ours), files
        self.servers, self.rounds, self.stretch = servers, rounds, stretch
        self.loops = 1
        self.notes = {}  # what a scenario finds out once and keeps for its other runs

    @property
    def reference(self):
        """The floor that ratios refer to."""
        return "floor-tls" if self.tls else "floor-uv"

    def check(self, server):
        """One request by hand: a server that answers wrongly must not look fast."""
        if self.expect is None:
            return
        port = server.target(self)
        if self.tls:
            trust = ssl.create_default_context()
            trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
            link = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=trust)
        else:
            link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            method, body, fields = self.expect.get("request", ("GET", None, {}))
            link.request(method, self.path, body, fields)
            answer = link.getresponse()
            size = len(answer.read())
        except (OSError, http.client.HTTPException) as error:
            raise Failed(f"{method} {self.path}: {error or type(error).__name__}") from error
        finally:
            link.close()
        if answer.status != 200:
            raise Failed(f"{self.path} answered {answer.status}")
        wanted = self.expect.get("bytes")
        if wanted is not None and size != wanted and not server.name.startswith("floor"):
            raise Failed(f"{self.path} answered {size} bytes instead of {wanted}")

    def measure(self, server, seconds):
        """Loads a running server and answers the measurement."""
        before = server.process.cpu()
        result = self.measure_load(self, server, seconds)
        used = cpu_between(before, server.process.cpu())
        # A function that did several things says itself what its part of the CPU was.
        cpu = result.pop("cpu_seconds", used[0])
        if result["requests"] == 0 and result["seconds"] > 0:
            raise Failed("no request was answered")
        add_cpu(result, cpu, used)
        result["rps"] = result["requests"] / result["seconds"] if result["seconds"] else 0.0
        result["busy"] = cpu / result["seconds"] if result["seconds"] else 0.0
        return result


def add_cpu(result, cpu, used):
    """To a measurement the CPU µs for each of its requests, of so many seconds in all, with the split of `used`."""
    split = used[1] / (used[1] + used[2]) if used[1] + used[2] > 0 else 0.0
    result["cpu_us"] = cpu / max(result["requests"], 1) * 1e6
    result["user_us"], result["sys_us"] = result["cpu_us"] * split, result["cpu_us"] * (1 - split)


def wrk_load(connections=100, *arguments):
    def measure(scenario, server, seconds):
        return load.wrk(server.target(scenario), scenario.path, scenario.tls, connections, seconds,
                        arguments)
    return measure


def connect_load(scenario, server, seconds):
    return load.connect(server.target(scenario), 50, seconds, scenario.path)


def handshake_load(resume):
    def measure(scenario, server, seconds):
        result = load.handshake(server.target(scenario), resume, 4, seconds)
        if resume and result["resumed"] < result["requests"] * 0.9:
            raise Failed(f"only {result['resumed']} of {result['requests']} sessions resumed")
        return result
    return measure


def open_loop_load(scenario, server, seconds):
    if "rate" not in scenario.notes:
        # The first server of the first round sets the rate for all: half of what it can do at most.
        peak = load.wrk(server.target(scenario), scenario.path, False, 100, 1)
        scenario.notes["rate"] = max(round(peak["requests"] / peak["seconds"] / 2, -3), 1000)
        scenario.notes["rate of"] = server.name
    rate = scenario.notes["rate"]
    before = server.process.cpu()
    result = load.open_loop(server.target(scenario), rate, 100, seconds, scenario.path)
    result["cpu_seconds"] = cpu_between(before, server.process.cpu())[0]
    result["rate"] = rate
    return result


def memory_load(connections, wait=True, active=0):
    """Memory of a server with many connections, and what 100 active ones get meanwhile."""
    def measure(scenario, server, seconds):
        port = server.target(scenario)
        path = scenario.path
        with load.Hold(port, 1, scenario.tls, "/ping"):
            pass
        time.sleep(0.2)
        before = server.process.memory()
        result = {"requests": 0, "seconds": 0.0, "errors": 0, "cpu_seconds": 0.0}
        with load.Hold(port, connections, scenario.tls, path, wait):
            time.sleep(1.0)
            after = server.process.memory()
            if active:
                cpu = server.process.cpu()
                result = load.wrk(port, "/ping", scenario.tls, active, seconds)
                result["cpu_seconds"] = cpu_between(cpu, server.process.cpu())[0]
        result["bytes_each"] = (after - before) / connections
        result["base_mib"] = before / MIB
        return result
    return measure


def upload_load(scenario, server, seconds):
    """Sends UPLOAD_BYTES to /echo, reads them back, and watches the server's memory."""
    del seconds
    before = server.process.memory()
    link = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    piece = b"u" * (256 * 1024)
    failed = []

    def send():
        try:
            link.sendall((f"POST {scenario.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                          "Content-Type: application/octet-stream\r\n"
                          f"Content-Length: {UPLOAD_BYTES}\r\n\r\n").encode())
            for _ in range(UPLOAD_BYTES // len(piece)):
                link.sendall(piece)
        except OSError as error:
            failed.append(error)
    started = time.monotonic()
    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    received, peak, looked, buffer = 0, before, started, bytearray(MIB)
    try:
        while received < UPLOAD_BYTES:
            n = link.recv_into(buffer)
            if n == 0:
                break
            if received == 0 and not bytes(buffer[:n]).startswith(b"HTTP/1.1 200"):
                raise Failed("the upload was refused: " + repr(bytes(buffer[:40])))
            received += n
            if time.monotonic() - looked > 0.05:
                looked = time.monotonic()
                peak = max(peak, server.process.memory())
    except OSError as error:
        failed.append(error)
    finally:
        taken = time.monotonic() - started
        link.close()
        sender.join(5)
    if failed or received < UPLOAD_BYTES:
        raise Failed(f"the upload ended after {received} bytes: {failed[:1]}")
    return {"requests": 1, "seconds": taken, "errors": 0, "growth_mib": (peak - before) / MIB,
            "mib_per_second": UPLOAD_BYTES / MIB / taken}


PONG = {"bytes": 4}
BROWSER_FIELDS = ["header=" + field for field in load.BROWSER]
FORM = "username=admin&password=secret"


def _echo_expectation():
    return {"bytes": 65536, "request": ("POST", b"x" * 65536,
                                        {"Content-Type": "application/octet-stream"})}


def _login_expectation():
    return {"request": ("POST", FORM, {"Content-Type": "application/x-www-form-urlencoded"})}


def all_scenarios():
    """The whole suite in the order of the report."""
    rows = [Scenario(f"ping-{n}", f"/ping, keep-alive, {n} connections", wrk_load(n), expect=PONG)
            for n in (10, 100, 500, 2000)]
    rows += [
        Scenario("pipeline-16", "/ping, 100 connections, 16 requests in one write",
                 wrk_load(100, "depth=16"), expect=PONG),
        Scenario("connect", "/ping, a new connection for each request", connect_load, expect=PONG,
                 floor=["--close"]),
        Scenario("browser", "/ping asked as a browser does: 15 fields, 700 bytes",
                 wrk_load(100, *BROWSER_FIELDS), expect=PONG),
        Scenario("https-100", "/ping over TLS 1.3, keep-alive, 100 connections", wrk_load(100),
                 needs="ping tls", tls=True, expect=PONG, stretch=2),
        Scenario("handshake-full", "full TLS handshakes", handshake_load(False), needs="ping tls",
                 tls=True, unit="handshake", expect=PONG),
        Scenario("handshake-resumed", "resumed TLS handshakes", handshake_load(True),
                 needs="ping tls", tls=True, unit="handshake", expect=PONG),
    ]
    for name, title, size in (("1k", "1 KiB", 1024), ("100k", "100 KiB", 100 * 1024),
                              ("10m", "10 MiB", 10 * MIB)):
        rows.append(Scenario(f"static-{name}", f"a file of {title}",
                             wrk_load(20 if name == "10m" else 100), needs="static",
                             path=f"/{name}.bin", expect={"bytes": size}, files=True,
                             floor=["--body-bytes", str(size)]))
    rows += [
        Scenario("https-10m", "a file of 10 MiB over TLS", wrk_load(20), needs="static tls",
                 tls=True, path="/10m.bin", expect={"bytes": 10 * MIB}, files=True, stretch=2,
                 floor=["--body-bytes", str(10 * MIB)]),
        Scenario("json", "/json, built for each request", wrk_load(100), needs="json", path="/json",
                 expect={"bytes": 27}, floor=["--body-bytes", "27"]),
        Scenario("echo-64k", "POST of 64 KiB to /echo", wrk_load(100, "method=POST", "body=65536"),
                 needs="echo", path="/echo", expect=_echo_expectation(),
                 floor=["--body-bytes", "65536"]),
        Scenario("login", "a form posted to /login", wrk_load(100, "method=POST", "form=" + FORM),
                 needs="login", path="/login", expect=_login_expectation(),
                 floor=["--body-bytes", "600"]),
        Scenario("welcome", "/welcome, a page from a template", wrk_load(100), needs="welcome",
                 path="/welcome?name=Ada", expect={}, floor=["--body-bytes", "1000"]),
        Scenario("routes", "10,000 routes, asked in turn", wrk_load(100, "routes=10000"),
                 needs="routes", path="/route/77/item", expect={}),
        Scenario("idle-5k", "memory of 5,000 idle connections, 100 active ones beside them",
                 memory_load(5000, active=100), needs="idle ping", kind="memory", expect=PONG),
        Scenario("idle-10k", "memory of 10,000 idle connections, 100 active ones beside them",
                 memory_load(10000, active=100), needs="idle ping", kind="memory", expect=PONG),
        Scenario("idle-tls-5k", "memory of 5,000 idle TLS connections, 100 active ones beside them",
                 memory_load(5000, active=100), needs="idle tls ping", kind="memory", tls=True,
                 expect=PONG, rounds=3),
        Scenario("idle-tls-10k", "memory of 10,000 idle TLS connections, 100 active ones beside them",
                 memory_load(10000, active=100), needs="idle tls ping", kind="memory", tls=True,
                 expect=PONG, rounds=3),
        Scenario("deferred-10k", "memory of 10,000 requests that wait for a deferred answer",
                 memory_load(10000, wait=False), needs="slow", kind="memory", path="/slow?ms=30000",
                 rounds=3),
        Scenario("openloop", "latency at half of the peak rate, open loop", open_loop_load,
                 kind="latency", expect=PONG,
                 servers=["nginx", "rawhttp-uv", "floor-uv", "floor-uv-again", "floor-epoll", "h2o",
                          "lighttpd"]),
        Scenario("upload-1g", "1 GiB posted to /echo and read back", upload_load, needs="upload",
                 kind="upload", path="/echo", ours=[("--max-body", "2G")], rounds=3),
    ]
    return rows
