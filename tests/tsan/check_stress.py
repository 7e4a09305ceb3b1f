"""The program with four loops under everything at once: many clients, uploads, work in the pool, events, metrics read
from another loop, certificates reloaded, the log reopened, and a stop in the middle. Worth most in a build with
-Db_sanitize=thread, where a data race ends the program; elsewhere it is a stress test."""
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "program"))
import kit
from kit import Program, check, equal, holds

SECONDS = float(os.environ.get("RAWHTTP_STRESS_SECONDS", "4"))

REQUESTS = [
    b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n" * 16,
    b"GET /json HTTP/1.1\r\nHost: x\r\n\r\nGET /welcome?name=Ada HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /style.css HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /compute?n=20000 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /slow?ms=5 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /stream?chunks=5&delay=1 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + b"e" * 100000,
    b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=b",
    b"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 20096\r\n\r\n"
    b'--b\r\nContent-Disposition: form-data; name="f"; filename="f.bin"\r\n\r\n' + b"u" * 20019 + b"\r\n--b--\r\n",
    b"GET / HTTP/1.1\r\nbroken\r\n\r\n",
]


def client(program, until, answered):
    """Sends one of the requests, reads some of what comes, and leaves in one way or another."""
    dice = random.Random(threading.get_ident())
    while time.monotonic() < until:
        try:
            with socket.create_connection(("127.0.0.1", program.port), timeout=2) as stream:
                stream.sendall(dice.choice(REQUESTS))
                stream.settimeout(0.3)
                if stream.recv(65536).startswith(b"HTTP/1.1"):
                    answered.append(1)
                if dice.random() < 0.3:  # a reset instead of an end
                    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        except OSError:
            pass


@check
def everything_at_once(folder):
    cert, key, log = (os.path.join(folder, name) for name in ("a.crt", "a.key", "access.log"))
    program = Program("--loops", "4", "--tls-port", "0", "--cert", cert, "--key", key, "--dev-cert", "--access-log",
                      "json", "--log-file", log, "--grace", "1s", tls=True, cwd=folder, preexec=os.setsid)
    answered, until = [], time.monotonic() + SECONDS
    clients = [threading.Thread(target=client, args=(program, until, answered)) for _ in range(12)]
    for thread in clients:
        thread.start()
    while time.monotonic() < until:
        program.send_signal(random.choice([signal.SIGHUP, signal.SIGUSR1]))
        subprocess.run(["curl", "-sk", f"https://127.0.0.1:{program.tls_port}/ping", "-o", "/dev/null"], timeout=20)
        time.sleep(0.05)
    program.send_signal(signal.SIGTERM)
    for thread in clients:
        thread.join()
    code = program.process.wait(timeout=60)
    errors = "\n".join(program.lines)
    holds("ThreadSanitizer" not in errors and "AddressSanitizer" not in errors, errors)
    holds(code in (0, 1), f"exit code {code}: {errors[-3000:]}")
    holds("Stopped." in errors, errors[-3000:])
    holds(len(answered) > 50, f"only {len(answered)} answers")


if __name__ == "__main__":
    kit.main()
