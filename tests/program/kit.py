"""What the checks of the program share: the program started as a person starts it, raw requests, and a runner
that counts. A check is a function with @check; it fails by an exception."""
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

BUILT = os.environ.get("RAWHTTP_PROGRAM", "")
ROOT = os.environ.get("RAWHTTP_SOURCE", "")

# What is run is a copy in a folder of its own, with the pages of the checkout beside it. The program looks beside
# itself and one above for its pages and its certificate: what a run left in the checkout or in a build folder must not
# be seen by a test.
STAGE_OWNER = tempfile.TemporaryDirectory(prefix="rawhttp-stage-")
STAGE = os.path.join(STAGE_OWNER.name, "bin")
PROGRAM = os.path.join(STAGE, "rawhttp-uv")
os.mkdir(STAGE)
shutil.copy(BUILT, PROGRAM)
os.symlink(os.path.join(ROOT, "pages"), os.path.join(STAGE, "pages"))
# Sanitizers and valgrind make everything slower, never wrong.
SLOW = float(os.environ.get("RAWHTTP_TEST_SLOWNESS", "1"))

CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def main():
    passed = failed = 0
    wanted = sys.argv[1:]
    for function in CHECKS:
        name = function.__name__
        if wanted and name not in wanted:
            continue
        started = time.monotonic()
        try:
            with tempfile.TemporaryDirectory(prefix="rawhttp-") as folder:
                function(folder)
            passed += 1
            print(f"ok    {name} ({time.monotonic() - started:.2f} s)", flush=True)
        except Exception:
            failed += 1
            print(f"FAIL  {name}\n{traceback.format_exc()}", flush=True)
        finally:
            Program.end_all()
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or passed == 0 else 0)


def environment(extra=None):
    """An environment without what would change the program's mind."""
    env = {k: v for k, v in os.environ.items()
           if not k.startswith("RAWHTTP_") and k not in ("PORT", "HOST", "NO_COLOR")}
    env.update(extra or {})
    return env


def run(*arguments, env=None, cwd=None, timeout=20):
    """The program, to its end, in a folder without a certificate unless `cwd` says otherwise."""
    return subprocess.run([PROGRAM, *arguments], env=environment(env), cwd=cwd or STAGE, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=timeout * SLOW)


class Program:
    """The program while it runs; without a port among the arguments, on a free one."""

    running = []

    def __init__(self, *arguments, env=None, cwd=None, port="0", tls=False, command=None, stdout=None,
                 preexec=None, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, keep=()):
        arguments = list(arguments)
        if port is not None:
            arguments = ["--port", port, *arguments]
        if not tls and HAS_TLS:
            arguments.append("--no-tls")
        self.process = subprocess.Popen(
            (command or []) + [PROGRAM, *arguments], env=environment(env), cwd=cwd or STAGE,
            stdin=stdin, stdout=stdout if stdout is not None else subprocess.PIPE,
            stderr=stderr, preexec_fn=preexec, pass_fds=keep)
        Program.running.append(self)
        self.lines = []
        self.output = b""
        self.changed = threading.Condition()
        readers = [self._read_errors] + ([self._read_output] if self.process.stdout else [])
        self.readers = [threading.Thread(target=reader, daemon=True) for reader in readers]
        for reader in self.readers:
            reader.start()
        self.wait_line(r"^rawhttp-uv \d+\.\d+\.\d+, ")
        self.urls = [line for line in self.lines if re.match(r"https?://", line)]
        ports = [int(re.search(r":(\d+)/$", url).group(1)) for url in self.urls if url.startswith("http://")]
        self.port = ports[0] if ports else None
        tls_ports = [int(re.search(r":(\d+)/$", url).group(1)) for url in self.urls if url.startswith("https://")]
        self.tls_port = tls_ports[0] if tls_ports else None

    def _read_errors(self):
        for line in self.process.stderr:
            with self.changed:
                self.lines.append(re.sub(r"\033\[[0-9;]*m", "", line.decode(errors="replace").rstrip("\n")))
                self.changed.notify_all()
        with self.changed:
            self.changed.notify_all()

    def _read_output(self):
        while True:
            piece = os.read(self.process.stdout.fileno(), 65536)
            if not piece:
                return
            with self.changed:
                self.output += piece
                self.changed.notify_all()

    def wait_line(self, pattern, seconds=10):
        """The first line of stderr that matches."""
        return self._wait(lambda: next((line for line in self.lines if re.search(pattern, line)), None),
                          seconds, f"no line of stderr matches {pattern!r}")

    def wait_output(self, pattern, seconds=10):
        return self._wait(lambda: re.search(pattern, self.output), seconds, f"stdout does not match {pattern!r}")

    def _wait(self, look, seconds, message):
        end = time.monotonic() + seconds * SLOW
        with self.changed:
            while True:
                found = look()
                if found is not None:
                    return found
                left = end - time.monotonic()
                if left <= 0 or (self.process.poll() is not None and not self.changed.wait(0.2) and look() is None):
                    raise AssertionError(f"{message}; stderr: {self.lines}; stdout: {self.output[-2000:]!r}; "
                                         f"exit {self.process.poll()}")
                self.changed.wait(min(left, 0.5))

    def request(self, method, path, body=None, headers=None, host="127.0.0.1", timeout=20):
        connection = http.client.HTTPConnection(host, self.port, timeout=timeout * SLOW)
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        answer.body = answer.read()
        connection.close()
        return answer

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def raw(self, data, host="127.0.0.1", timeout=20):
        """Sends the bytes and reads to the end of the connection."""
        with socket.create_connection((host, self.port), timeout=timeout * SLOW) as stream:
            stream.sendall(data)
            return read_all(stream)

    def send_signal(self, number):
        self.process.send_signal(number)

    def stop(self, number=signal.SIGTERM, seconds=20):
        """Ends it by a signal; returns its exit code."""
        self.send_signal(number)
        return self.wait(seconds)

    def wait(self, seconds=20):
        code = self.process.wait(timeout=seconds * SLOW)
        for reader in self.readers:
            reader.join(seconds * SLOW)
        self._wait(lambda: True if any(line == "Stopped." for line in self.lines) or code != 0 else None, 5,
                   "no 'Stopped.'")
        return code

    @classmethod
    def end_all(cls):
        for program in cls.running:
            if program.process.poll() is None:
                program.process.kill()
                program.process.wait()
        cls.running.clear()


def read_all(stream):
    pieces = []
    while True:
        try:
            piece = stream.recv(65536)
        except ConnectionResetError:
            break
        if not piece:
            break
        pieces.append(piece)
    return b"".join(pieces)


def equal(got, wanted, what=""):
    if got != wanted:
        raise AssertionError(f"{what + ': ' if what else ''}got {got!r}, wanted {wanted!r}")


def holds(condition, what):
    if not condition:
        raise AssertionError(what)


HAS_TLS = "--no-tls" in run("--help").stdout
