"""The load clients, each as a function that answers a dictionary.

Common members: requests, seconds, errors and, where the client measures them, p50, p90, p99, p999
in microseconds.
"""

import json
import os
import re
import shutil
import subprocess
import time

from kit import machine
from kit.process import Process, Failed, run
from kit.servers import bench_program

TLS_SETTINGS = os.path.join(machine.ROOT, "bench", "client", "openssl.cnf")
LUA = os.path.join(machine.ROOT, "bench", "wrk", "load.lua")

# What a browser sends: 15 fields, about 700 bytes with the request line.
BROWSER = (
    "Connection: keep-alive",
    "Cache-Control: max-age=0",
    'sec-ch-ua: "Chromium";v="120", "Not?A_Brand";v="8", "Google Chrome";v="120"',
    "sec-ch-ua-mobile: ?0",
    'sec-ch-ua-platform: "Linux"',
    "Upgrade-Insecure-Requests: 1",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/120.0.0.0 Safari/537.36",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Sec-Fetch-Site: same-origin",
    "Sec-Fetch-Mode: navigate",
    "Sec-Fetch-User: ?1",
    "Sec-Fetch-Dest: document",
    "Accept-Language: en-GB,en;q=0.9,de;q=0.8",
    "Cookie: session=f3a1c07be2d94c1f8e6a5b2d7c9e0f13; theme=dark",
)


def client_cores():
    return {machine.client_core()}


def client_environment():
    """What makes a TLS client offer the one cipher suite of client/openssl.cnf."""
    return {**os.environ, "OPENSSL_CONF": TLS_SETTINGS}


def wrk(port, path="/ping", tls=False, connections=100, seconds=2.0, arguments=(), threads=1,
        cores=None):
    """wrk with the script of the bench; `arguments` are the script's."""
    url = f"{'https' if tls else 'http'}://127.0.0.1:{port}{path}"
    # wrk takes whole seconds only.
    command = ["wrk", f"-t{threads}", f"-c{connections}", f"-d{max(1, round(seconds))}",
               "--timeout", "10", "-s", LUA, url, "--"] + list(arguments)
    text = run(command, cores or client_cores(), seconds + 30, env=client_environment())
    found = re.search(r"^json (\{.*\})$", text, re.M)
    if not found:
        raise Failed("wrk printed no result")
    result = json.loads(found.group(1))
    if any(argument.startswith("depth=") for argument in arguments):
        # wrk times a burst once but counts all of it: its percentiles mean nothing there.
        for name in ("p50", "p90", "p99", "p999", "max"):
            result.pop(name)
    return result


def ab(port, connections, requests, keep_alive=True, path="/ping", seconds=60.0):
    """ApacheBench: what the original's tables were made with."""
    command = ["ab", "-q", "-n", str(requests), "-c", str(connections)]
    command += (["-k"] if keep_alive else []) + [f"http://127.0.0.1:{port}{path}"]
    text = run(command, client_cores(), seconds)

    def number(label):
        found = re.search(label + r":\s+([\d.]+)", text)
        return float(found.group(1)) if found else 0.0
    shares = dict(re.findall(r"^\s+(\d+)%\s+(\d+)", text, re.M))
    return {"requests": int(number("Complete requests")), "errors": int(number("Failed requests")),
            "seconds": number("Time taken for tests"), "rps": number("Requests per second"),
            "p50": float(shares.get("50", 0)) * 1000, "p99": float(shares.get("99", 0)) * 1000}


def _client(name, arguments, seconds):
    return json.loads(run([bench_program("client-" + name)] + [str(a) for a in arguments],
                          client_cores(), seconds + 30, env=client_environment()))


def open_loop(port, rate, connections=100, seconds=2.0, path="/ping"):
    return _client("openloop", ["--port", port, "--rate", rate, "--connections", connections,
                                "--seconds", seconds, "--path", path], 3 * seconds)


def connect(port, connections=50, seconds=2.0, path="/ping"):
    return _client("connect", ["--port", port, "--connections", connections,
                               "--seconds", seconds, "--path", path], seconds)


def handshake(port, resume, threads=4, seconds=2.0):
    return _client("handshake", ["--port", port, "--threads", threads, "--seconds", seconds]
                   + (["--resume"] if resume else []), seconds)


class Hold:
    """Connections that are open and idle for as long as the `with` block lasts."""

    def __init__(self, port, connections, tls=False, path="/ping", wait=True, seconds=300.0):
        command = [bench_program("client-hold"), "--port", str(port), "--connections",
                   str(connections), "--path", path]
        command += (["--tls"] if tls else []) + ([] if wait else ["--no-wait"])
        self.process = Process(command, client_cores(), env=client_environment(), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.connections = connections
        self.seconds = seconds

    def __enter__(self):
        out = self.process.child.stdout
        os.set_blocking(out.fileno(), False)
        end = time.monotonic() + self.seconds
        text = b""
        while b"\n" not in text:
            text += out.read() or b""
            if not self.process.alive():
                error = self.process.child.stderr.read().decode(errors="replace").strip()
                self.process.stop()
                raise Failed(error or "the holding client ended")
            if time.monotonic() > end:
                self.process.stop()
                raise Failed(f"{self.connections} connections did not stand in {self.seconds:g} s")
            time.sleep(0.01)
        return self

    def __exit__(self, *error):
        self.process.child.stdin.close()
        self.process.child.stdin = None
        self.process.stop(5.0)


def have(program):
    return shutil.which(program) is not None
