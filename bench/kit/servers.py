"""The servers that are compared: ours, the floors, and the peers that Debian has.

A server says what it can do (`can`), why it is missing (`missing()`), and how it is started. All get
the same folder of files, the same certificate, one core, no access log and unlimited keep-alive.
"""

import os
import shutil
import subprocess

from kit import machine
from kit.process import Process, Failed

BUILD = os.environ.get("RAWHTTP_BENCH_BUILD", os.path.join(machine.ROOT, "build"))
MALLOC_BUILD = os.path.join(machine.ROOT, "build-slab-malloc")
PEERS = os.path.join(machine.ROOT, "bench", "peers")
CONNECTIONS_MAX = 12000
FILES = {"ping": 4, "1k.bin": 1024, "100k.bin": 100 * 1024, "10m.bin": 10 * 1024 * 1024}


class Workshop:
    """The temporary folder of a run: files to serve, certificate, configurations."""

    def __init__(self, folder):
        self.folder = folder
        self.www = os.path.join(folder, "www")
        self.cert = os.path.join(folder, "bench.crt")
        self.key = os.path.join(folder, "bench.key")
        os.mkdir(self.www)
        for name, size in FILES.items():
            with open(os.path.join(self.www, name), "wb") as file:
                file.write(b"pong" if name == "ping" else os.urandom(size))
        for path in (folder, self.www):
            os.chmod(path, 0o755)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj",
                        "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                        "-keyout", self.key, "-out", self.cert],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def fill(self, template, name, port, tls_port):
        """Writes a peer's configuration from its template."""
        user = {"nginx": "user root;", "h2o": "user: root"}.get(name, "")
        values = {"DIR": self.folder, "WWW": self.www, "CERT": self.cert, "KEY": self.key,
                  "PORT": port, "TLS_PORT": tls_port, "CONNECTIONS": CONNECTIONS_MAX,
                  "NOFILE": CONNECTIONS_MAX + 1000, "NOFILE_TWICE": 2 * CONNECTIONS_MAX + 1000,
                  "USER": user if os.geteuid() == 0 else ""}
        with open(os.path.join(PEERS, template), encoding="utf-8") as file:
            text = file.read()
        for key, value in values.items():
            text = text.replace(f"@{key}@", str(value))
        path = os.path.join(self.folder, name + ".conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path


class Server:
    """One competitor. `command(shop, port, tls_port, scenario)` gives its command line."""

    def __init__(self, name, program, can, command, version=None, remedy="./dev bench builds it"):
        self.name = name
        self.remedy = remedy
        self.program = program
        self.can = set(can.split())
        self.command = command
        self.version_command = version
        self.process = None
        self.port = self.tls_port = 0

    def path(self):
        """Where its program is, or None."""
        if os.path.isabs(self.program):
            return self.program if os.access(self.program, os.X_OK) else None
        return shutil.which(self.program, path=os.environ.get("PATH", "") + ":/usr/sbin")

    def missing(self):
        return None if self.path() else f"not there: {self.remedy}"

    def version(self):
        """What it says of itself; what is only a library, pkg-config says."""
        if not self.version_command or not self.path():
            return None
        known = self.version_command[0] == "pkg-config"
        return machine.first_line(([] if known else [self.path()]) + self.version_command)

    def start(self, shop, scenario, cores=None, wrapper=()):
        """Starts it for a scenario and waits until it listens."""
        self.port = machine.free_port()
        self.tls_port = machine.free_port()
        while self.tls_port == self.port:
            self.tls_port = machine.free_port()
        command = self.command(self, shop, scenario)
        self.process = Process(list(wrapper) + command, cores or {machine.server_core()},
                               cwd=machine.ROOT)
        self.process.wait_port(self.target(scenario), 60 if wrapper else 15)
        return self.process

    def stop(self):
        if self.process:
            self.process.stop()
            self.process = None

    def target(self, scenario):
        """The port that a scenario talks to."""
        return self.tls_port if scenario.tls else self.port


def bench_program(name):
    return os.path.join(BUILD, "bench", name)


def _ours(server, shop, scenario):
    known = ours_options(server.path())
    command = [server.path(), "-p", str(server.port), "--host", "127.0.0.1"]
    wanted = [("--access-log", "off"), ("--color", "never"),
              ("--max-connections", str(CONNECTIONS_MAX))]
    if scenario.tls:
        wanted += [("--tls-port", str(server.tls_port)), ("--cert", shop.cert),
                   ("--key", shop.key)]
    else:
        wanted.append(("--no-tls",))
    if scenario.loops > 1:
        wanted.append(("--loops", str(scenario.loops)))
    wanted += scenario.ours
    for option in wanted:
        # Options arrive one after the other while the program grows; a run never fails on one.
        if option[0] in known:
            command += option
    return command + ([shop.www] if scenario.files else [])


def ours_options(path, cache={}):
    """The text of --help, to know which options this build has."""
    if path not in cache:
        done = subprocess.run([path, "--help"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=10, check=False)
        cache[path] = done.stdout.decode(errors="replace")
    return cache[path]


def _floor(server, shop, scenario):
    port = server.tls_port if scenario.tls else server.port
    command = [server.path(), "--port", str(port)] + list(scenario.floor)
    if scenario.loops > 1:
        command += ["--loops", str(scenario.loops)]
    if scenario.tls:
        command += ["--cert", shop.cert, "--key", shop.key]
    return command


def _nginx(server, shop, scenario):
    del scenario
    return [server.path(), "-p", shop.folder, "-c",
            shop.fill("nginx.conf.in", "nginx", server.port, server.tls_port)]


def _h2o(server, shop, scenario):
    del scenario
    return [server.path(), "-m", "worker", "-c",
            shop.fill("h2o.conf.in", "h2o", server.port, server.tls_port)]


def _lighttpd(server, shop, scenario):
    del scenario
    return [server.path(), "-D", "-f",
            shop.fill("lighttpd.conf.in", "lighttpd", server.port, server.tls_port)]


def _node(server, shop, scenario):
    del scenario
    return [server.path(), os.path.join(PEERS, "node.js"), str(server.port), str(server.tls_port),
            shop.cert, shop.key]


def _by_port(server, shop, scenario):
    del shop, scenario
    return [server.path(), str(server.port)]


def all_servers():
    """Every competitor, in the order in which results are shown."""
    files = "ping static tls idle"
    plain_floor = "ping static json echo login welcome routes idle"
    library = "apt install {}, and configure again"
    ours = "ping static tls idle json echo login welcome slow upload"
    return [
        Server("rawhttp-uv", os.path.join(BUILD, "rawhttp-uv"), ours, _ours, ["--version"]),
        # The original's before and after: the same program with its pools on malloc.
        Server("rawhttp-uv-malloc", os.path.join(MALLOC_BUILD, "rawhttp-uv"), ours, _ours,
               ["--version"]),
        Server("rawhttp-routes", bench_program("server-routes"), "routes", _by_port),
        Server("floor-uv", bench_program("floor-uv"), plain_floor, _floor),
        Server("floor-uv-again", bench_program("floor-uv"), plain_floor, _floor),
        Server("floor-epoll", bench_program("floor-epoll"), plain_floor, _floor),
        Server("floor-tls", bench_program("floor-tls"), "ping tls static idle", _floor),
        Server("floor-tls-again", bench_program("floor-tls"), "ping tls static idle", _floor),
        Server("nginx", "nginx", files, _nginx, ["-v"], "apt install nginx"),
        Server("h2o", "h2o", files, _h2o, ["--version"], "apt install h2o"),
        Server("lighttpd", "lighttpd", files, _lighttpd, ["-v"], "apt install lighttpd"),
        Server("microhttpd", bench_program("peer-microhttpd"), "ping idle", _by_port,
               ["pkg-config", "--modversion", "libmicrohttpd"], library.format("libmicrohttpd-dev")),
        Server("evhttp", bench_program("peer-evhttp"), "ping idle", _by_port,
               ["pkg-config", "--modversion", "libevent"], library.format("libevent-dev")),
        Server("node", "node", "ping tls idle json echo login welcome upload", _node,
               ["--version"], "apt install nodejs"),
    ]


def takes_part(server, scenario):
    """Whether a server can do what a scenario asks for."""
    if not scenario.needs <= server.can:
        return False
    if scenario.tls:
        return "tls" in server.can
    return not server.name.startswith("floor-tls")


__all__ = ["Workshop", "Server", "all_servers", "takes_part", "bench_program", "Failed"]
