"""The process around the server: its standard descriptors, and readers that stop reading what it says."""
import fcntl
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import kit
from kit import Program, check, equal, holds
from tls_kit import certificate


def wait_listening(process, seconds=10):
    """The port on which the process speaks plain HTTP, from /proc: its stderr says nothing to us."""
    end = time.monotonic() + seconds * kit.SLOW
    while time.monotonic() < end:
        inodes = set()
        for fd in os.listdir(f"/proc/{process.pid}/fd"):
            try:
                found = re.match(r"socket:\[(\d+)\]", os.readlink(f"/proc/{process.pid}/fd/{fd}"))
            except OSError:
                continue
            if found:
                inodes.add(found.group(1))
        for line in open("/proc/net/tcp").read().splitlines()[1:]:
            part = line.split()
            if part[3] == "0A" and part[9] in inodes:
                port = int(part[1].split(":")[1], 16)
                if ping(port).endswith(b"pong"):
                    return port
        time.sleep(0.02)
    raise AssertionError("it does not listen")


def ping(port):
    with socket.create_connection(("127.0.0.1", port), timeout=10 * kit.SLOW) as stream:
        stream.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return kit.read_all(stream)


class Muffled:
    """The program with a stderr that nobody reads, full to the last byte once it listens."""

    def __init__(self, *arguments):
        self.reader, self.writer = os.pipe()
        self.process = subprocess.Popen([kit.PROGRAM, "--port", "0", *arguments], cwd=kit.STAGE,
                                        env=kit.environment(), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=self.writer, preexec_fn=os.setsid)
        Program.running.append(self)
        self.port = wait_listening(self.process)  # it has answered: the banner is out
        fcntl.fcntl(self.writer, fcntl.F_SETFL, os.O_NONBLOCK)
        try:
            while True:
                os.write(self.writer, b"x" * 65536)
        except BlockingIOError:
            pass
        try:
            while True:
                os.write(self.writer, b"x")
        except BlockingIOError:
            pass
        fcntl.fcntl(self.writer, fcntl.F_SETFL, 0)


@check
def a_full_stderr_stops_neither_answers_nor_the_stop(folder):
    cert, key = certificate(folder, "a")
    program = Muffled("--tls-port", "0", "--cert", cert, "--key", key, "--verbose")
    program.process.send_signal(signal.SIGHUP)  # "certificates reloaded" has nowhere to go
    for _ in range(20):
        ping(program.port)
        with socket.create_connection(("127.0.0.1", program.port), timeout=10 * kit.SLOW) as stream:
            stream.sendall(b"nonsense\r\n\r\n")
            kit.read_all(stream)
    time.sleep(0.3)
    holds(ping(program.port).endswith(b"pong"), "it answers")
    started = time.monotonic()
    program.process.send_signal(signal.SIGTERM)
    equal(program.process.wait(timeout=10 * kit.SLOW), 0)
    holds(time.monotonic() - started < 1.5 * kit.SLOW, "it waited for a reader")


@check
def an_access_log_that_cannot_be_written_does_not_block_by_its_complaint(folder):
    program = Muffled("--access-log", "common", "--log-file", "/dev/full", "--no-tls")
    for _ in range(20):
        holds(ping(program.port).endswith(b"pong"), "it answers")
    program.process.send_signal(signal.SIGTERM)
    equal(program.process.wait(timeout=10 * kit.SLOW), 0)


def told(manager, pattern, seconds=10):
    """Waits for a message of the program to its service manager."""
    end = time.monotonic() + seconds * kit.SLOW
    seen = []
    manager.settimeout(0.2)
    while time.monotonic() < end:
        try:
            seen.append(manager.recv(4096).decode())
        except TimeoutError:
            continue
        if re.search(pattern, seen[-1], re.M):
            return seen
    raise AssertionError(f"no {pattern!r} in {seen}")


@check
def a_service_manager_hears_of_every_state(folder):
    cert, key = certificate(folder, "a")
    for path in (os.path.join(folder, "notify"), f"@rawhttp-notify-{os.getpid()}"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(path if path[0] == "/" else "\0" + path[1:])
            program = Program("--tls-port", "0", "--cert", cert, "--key", key, tls=True, preexec=os.setsid,
                              env={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "200000"})
            told(manager, "^READY=1$")
            told(manager, "^WATCHDOG=1$")
            told(manager, "^WATCHDOG=1$")
            program.send_signal(signal.SIGHUP)
            told(manager, "^RELOADING=1\nMONOTONIC_USEC=\\d+$")
            told(manager, "^READY=1$")
            program.send_signal(signal.SIGTERM)
            told(manager, "^STOPPING=1$")
            equal(program.wait(), 0)


@check
def a_service_manager_that_does_not_read_stops_nothing(folder):
    path = os.path.join(folder, "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        program = Program(env={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "4000"})
        time.sleep(0.5)
        equal(program.get("/ping").body, b"pong")
        equal(program.stop(), 0)
    equal(Program(env={"NOTIFY_SOCKET": "/nowhere/at/all"}).stop(), 0)


@check
def the_unit_is_tight(_):
    if shutil.which("systemd-analyze") is None:
        print("      skipped: systemd-analyze is not installed")
        return
    answer = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager",
                             os.path.join(kit.ROOT, "docs", "rawhttp-uv.service")], capture_output=True, text=True)
    found = re.search(r"exposure level for \S+: ([0-9.]+)", answer.stdout)
    holds(found and float(found.group(1)) <= 2.0, answer.stdout[-500:] + answer.stderr)


def ask_unix(path):
    with socket.socket(socket.AF_UNIX) as stream:
        stream.settimeout(10 * kit.SLOW)
        stream.connect(path if path[0] == "/" else "\0" + path[1:])
        stream.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return kit.read_all(stream)


@check
def it_listens_where_it_is_told(folder):
    path, name = os.path.join(folder, "s"), f"@rawhttp-listen-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(path)  # as a crash leaves it
    for loops in ("1", "2"):
        program = Program("--listen", f"unix:{path},mode=0660", "--listen", f"unix:{name}", "--listen", "127.0.0.1:0",
                          "--loops", loops, port=None)
        equal(os.stat(path).st_mode & 0o777, 0o660)
        for _ in range(4):
            holds(ask_unix(path).endswith(b"pong") and ask_unix(name).endswith(b"pong"), "over unix sockets")
            equal(program.get("/ping").body, b"pong")
        holds(f"http+unix:{path}" in program.lines and f"http+unix:{name}" in program.lines, program.lines)
        equal(len(program.urls), 1, "no usual port")
        equal(program.stop(), 0)
        holds(not os.path.exists(path), "the socket is removed")


@check
def a_listening_descriptor_is_taken_over(_):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        fd = listening.fileno()
        os.set_inheritable(fd, True)
        for command in (["sh", "-c", f'exec 3<&{fd}; LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=http exec "$0" "$@"'],
                        ["sh", "-c", f'exec 3<&{fd}; exec "$0" --listen fd:3 "$@"']):
            program = Program(command=command, port=None, keep=(fd,))
            equal(program.port, port)
            equal(program.get("/ping").body, b"pong")
            equal(program.stop(), 0)


@check
def systemd_hands_its_sockets_over(_):
    activate = shutil.which("systemd-socket-activate")
    if activate is None:
        print("      skipped: systemd-socket-activate is not installed")
        return
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen([activate, "--listen", f"127.0.0.1:{port}", "--fdname", "http", kit.PROGRAM, "--no-tls"],
                               cwd=kit.STAGE, env=kit.environment(), stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(2):  # the first one starts it
            end = time.monotonic() + 10 * kit.SLOW
            while True:
                try:
                    holds(ping(port).endswith(b"pong"), "it answers")
                    break
                except ConnectionRefusedError:
                    holds(time.monotonic() < end, "systemd-socket-activate does not listen")
                    time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        equal(process.wait(timeout=10 * kit.SLOW), 0)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


@check
def addresses_that_are_none_are_wrong_usage(_):
    for address in ("nonsense", "127.0.0.1", "unix:", "fd:x", "127.0.0.1:99999", "unix:/x,mode=999", ":80"):
        answer = kit.run("--listen", address)
        equal(answer.returncode, 2, address)
    answer = kit.run("--listen", "unix:/nowhere/at/all")
    equal(answer.returncode, 1)
    equal(len(answer.stderr.splitlines()), 1, answer.stderr)


@check
def it_starts_without_standard_descriptors(folder):
    log = os.path.join(folder, "access.log")
    for closed in ("0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"):
        process = subprocess.Popen(["sh", "-c", f'exec "$0" "$@" {closed}', kit.PROGRAM, "--port", "0", "--no-tls",
                                    "--access-log", "common", "--log-file", log], cwd=kit.STAGE,
                                   env=kit.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            port = wait_listening(process)
            holds(ping(port).endswith(b"pong"), closed)
            for fd in range(3):
                holds(os.readlink(f"/proc/{process.pid}/fd/{fd}") == "/dev/null", f"{closed}: {fd}")
            process.send_signal(signal.SIGTERM)
            equal(process.wait(timeout=10 * kit.SLOW), 0, closed)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    for line in open(log).read().splitlines():
        holds(line.startswith("127.0.0.1 "), line)


if __name__ == "__main__":
    kit.main()
