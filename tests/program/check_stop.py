"""Signals: draining, stopping, reopening the log; and that no request is lost under load."""
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import kit
from kit import Program, check, equal, holds, read_all


@check
def both_signals_stop_cleanly(_):
    for number in (signal.SIGINT, signal.SIGTERM):
        program = Program()
        equal(program.get("/ping").body, b"pong")
        equal(program.stop(number), 0)
        holds("Shutting down…" in program.lines, program.lines)
        equal(program.lines[-1], "Stopped.")


@check
def what_is_in_flight_is_answered(_):
    program = Program()
    with socket.create_connection(("127.0.0.1", program.port), timeout=20 * kit.SLOW) as stream:
        stream.sendall(b"GET /slow?ms=600 HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.2)
        program.send_signal(signal.SIGTERM)
        program.wait_line("Shutting down")
        answer = read_all(stream)
    holds(b" 200 " in answer and answer.endswith(b"answered after 600 ms\n"), answer)
    holds(b"connection: close" in answer.lower(), answer)
    equal(program.wait(), 0)


@check
def the_grace_cuts_what_takes_longer(_):
    program = Program("--grace", "300ms")
    with socket.create_connection(("127.0.0.1", program.port), timeout=20 * kit.SLOW) as stream:
        stream.sendall(b"GET /slow?ms=30000 HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.2)
        started = time.monotonic()
        program.send_signal(signal.SIGTERM)
        read_all(stream)
    program.wait()
    holds(0.2 < time.monotonic() - started < 3 * kit.SLOW, time.monotonic() - started)


@check
def a_second_signal_stops_at_once(_):
    program = Program("--grace", "30s")
    with socket.create_connection(("127.0.0.1", program.port), timeout=20 * kit.SLOW) as stream:
        stream.sendall(b"GET /slow?ms=30000 HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.2)
        program.send_signal(signal.SIGINT)
        program.wait_line("Shutting down")
        started = time.monotonic()
        program.send_signal(signal.SIGINT)
        program.wait()
        holds(time.monotonic() - started < 2 * kit.SLOW, "it waited")


@check
def idle_connections_do_not_hold_the_stop(_):
    program = Program("--grace", "20s")
    streams = [socket.create_connection(("127.0.0.1", program.port)) for _ in range(20)]
    for stream in streams[:10]:
        stream.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
        stream.recv(4096)
    started = time.monotonic()
    equal(program.stop(), 0)
    holds(time.monotonic() - started < 5 * kit.SLOW, "it waited for the idle ones")


@check
def the_drain_delay_is_a_lame_duck(_):
    program = Program("--drain-delay", "1s")
    equal(program.get("/healthz").body, b"ok")
    program.send_signal(signal.SIGTERM)
    program.wait_line("Shutting down")
    equal(program.get("/healthz").status, 503)
    equal(program.get("/ping").body, b"pong")
    equal(program.wait(), 0)


@check
def all_loops_drain(_):
    program = Program("--loops", "4")
    streams = []
    for _ in range(16):
        stream = socket.create_connection(("127.0.0.1", program.port), timeout=20 * kit.SLOW)
        stream.sendall(b"GET /slow?ms=500 HTTP/1.1\r\nHost: x\r\n\r\n")
        streams.append(stream)
    time.sleep(0.2)
    program.send_signal(signal.SIGTERM)
    for stream in streams:
        holds(read_all(stream).endswith(b"answered after 500 ms\n"), "an answer was lost")
    equal(program.wait(), 0)


def ab_failures(output):
    failed = int(re.search(r"Failed requests:\s+(\d+)", output).group(1))
    complete = int(re.search(r"Complete requests:\s+(\d+)", output).group(1))
    return complete, failed


@check
def ab_loses_nothing(_):
    if not shutil.which("ab"):
        return
    program = Program()
    url = f"http://127.0.0.1:{program.port}/ping"
    for arguments in (["-k", "-n", "5000", "-c", "10"], ["-n", "2000", "-c", "50"]):
        answer = subprocess.run(["ab", "-q", *arguments, url], capture_output=True, text=True, timeout=60 * kit.SLOW)
        complete, failed = ab_failures(answer.stdout)
        equal((complete, failed), (int(arguments[arguments.index("-n") + 1]), 0))


@check
def a_stop_under_load_answers_every_accepted_request(_):
    """Clients that count. A connection that the server closes between two requests is no loss: a client that sent at
    that moment sees the end first (no byte, or EPIPE) and may send again elsewhere. A reset without that end, or an
    answer that is cut, would be a request that arrived and was thrown away."""
    for loops in ("1", "2"):
        program = Program("--loops", loops)
        lost, answered = [], [0]

        def client():
            try:
                stream = socket.create_connection(("127.0.0.1", program.port), timeout=20 * kit.SLOW)
            except ConnectionRefusedError:
                return
            with stream:
                while True:
                    got = b""
                    try:
                        stream.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
                        while not got.endswith(b"pong"):
                            piece = stream.recv(4096)
                            if not piece:
                                break
                            got += piece
                    except BrokenPipeError:
                        pass
                    except OSError as error:
                        lost.append(error)
                        return
                    if not got.endswith(b"pong"):
                        if got:
                            lost.append(got)
                        return
                    answered[0] += 1
                    if b"connection: close" in got.lower():
                        return

        clients = [threading.Thread(target=client) for _ in range(16)]
        for thread in clients:
            thread.start()
        time.sleep(0.5)
        program.send_signal(signal.SIGINT)
        for thread in clients:
            thread.join()
        equal(program.wait(), 0)
        holds(answered[0] > 100, answered)
        equal(lost, [])


@check
def hangup_without_a_terminal_goes_on(_):
    program = Program(preexec=os.setsid)
    program.send_signal(signal.SIGHUP)
    time.sleep(0.2)
    equal(program.get("/ping").body, b"pong")


@check
def hangup_of_its_terminal_drains(_):
    """The program as the foreground job of a terminal that goes away."""
    import pty
    leader, follower = pty.openpty()
    def on_terminal():
        os.setsid()
        import fcntl, termios
        fcntl.ioctl(follower, termios.TIOCSCTTY, 0)
    program = Program(preexec=on_terminal)
    equal(program.get("/ping").body, b"pong")
    os.close(follower)
    os.close(leader)
    equal(program.wait(), 0)
    holds("Shutting down…" in program.lines, program.lines)


@check
def nohup_is_respected(_):
    program = Program(preexec=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    program.send_signal(signal.SIGHUP)
    time.sleep(0.2)
    equal(program.get("/ping").body, b"pong")
    status = open(f"/proc/{program.process.pid}/status").read()
    ignored = int(re.search(r"SigIgn:\s+([0-9a-f]+)", status).group(1), 16)
    holds(ignored & 1, "SIGHUP is still ignored")


if __name__ == "__main__":
    kit.main()
