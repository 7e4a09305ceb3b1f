"""The access log: formats, places, rotation, and that a reader who stops reading stops nothing."""
import json
import os
import re
import signal
import subprocess
import time

import kit
from kit import Program, check, equal, holds


@check
def off_is_the_default_without_a_terminal(_):
    program = Program()
    program.get("/ping")
    equal(program.stop(), 0)
    equal(program.output, b"")


@check
def each_format_on_stdout(_):
    for name, pattern in (("dev", rb"^GET /ping\?a=1 200 \d+\.\d{3} ms - 4\n$"),
                          ("common", rb'^127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:[\d:]{8} [+-]\d{4}\] "GET /ping\?a=1 HTTP/1\.1" 200 4\n$'),
                          ("combined", rb'^127\.0\.0\.1 .* 200 4 "http://from\.example/" "check/1"\n$')):
        program = Program("--access-log", name)
        program.get("/ping?a=1", headers={"User-Agent": "check/1", "Referer": "http://from.example/"})
        equal(program.stop(), 0)
        holds(re.match(pattern, program.output), program.output)


@check
def json_is_one_object_in_each_line(_):
    program = Program("--access-log", "json")
    program.get("/users/1", headers={"User-Agent": 'a"b\\c'})
    program.get("/nothing")
    equal(program.stop(), 0)
    first, second = [json.loads(line) for line in program.output.splitlines()]
    equal((first["method"], first["target"], first["status"], first["route"]), ("GET", "/users/1", 200, "/users/:id"))
    equal(first["user_agent"], 'a"b\\c')
    equal(second["status"], 404)


@check
def nothing_of_the_peer_reaches_the_log_raw(_):
    program = Program("--access-log", "combined")
    program.raw(b"GET /ping HTTP/1.1\r\nHost: x\r\nUser-Agent: \x9b2J\"\\\xff\r\nConnection: close\r\n\r\n")
    program.raw(b"GET /\x1b[2J HTTP/1.1\r\nHost: x\r\n\r\n")
    equal(program.stop(), 0)
    for byte in program.output:
        holds(byte == 10 or 32 <= byte < 127, program.output)
    equal(program.output.count(b"\n"), 2)
    holds(b"\\x9B2J\\x22\\x5C\\xFF" in program.output, program.output)


@check
def a_file_is_reopened_after_rotation(folder):
    path = os.path.join(folder, "access.log")
    program = Program("--access-log", "common", "--log-file", path)
    program.get("/ping?first")
    wait_for(lambda: "first" in open(path).read())
    os.rename(path, path + ".1")
    program.get("/ping?moved")
    program.send_signal(signal.SIGUSR1)
    wait_for(lambda: os.path.exists(path))
    program.get("/ping?second")
    equal(program.stop(), 0)
    equal(open(path).read().count("\n"), 1)
    holds("second" in open(path).read(), "the new file")
    holds("moved" in open(path + ".1").read(), "the old file")


@check
def a_log_file_that_can_not_be_opened_is_exit_1(_):
    answer = kit.run("--port", "0", "--log-file", "/nowhere/at/all.log")
    equal(answer.returncode, 1)
    equal(len(answer.stderr.splitlines()), 1)


@check
def a_stopped_reader_stops_no_answer_and_is_told_what_it_missed(_):
    reader, writer = os.pipe()
    program = Program("--access-log", "json", stdout=writer)
    os.close(writer)
    target = "/ping?" + "a" * 1000
    request = f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    import socket
    with socket.create_connection(("127.0.0.1", program.port), timeout=20 * kit.SLOW) as stream:
        for _ in range(40):  # four MiB of lines for a pipe of 64 KiB and a batch of one MiB, twice
            stream.sendall(request * 100)
            got = 0
            while got < 100:
                got += stream.recv(1 << 16).count(b"pong")
    seen = b""
    while b"dropped" not in seen:
        piece = os.read(reader, 1 << 16)
        holds(piece, "end without a count")
        seen += piece
    missed = int(re.search(rb"\[(\d+) log lines dropped", seen).group(1))
    equal(seen.count(b'"target"') + missed, 4000)
    os.close(reader)
    equal(program.get("/ping").body, b"pong", "a broken pipe is no signal")
    equal(program.stop(), 0)


@check
def colours_are_asked_for_or_not(_):
    program = Program("--access-log", "dev", "--color", "always")
    program.get("/ping")
    program.get("/nothing")
    equal(program.stop(), 0)
    holds(b"\033[32m200" in program.output and b"\033[33m404" in program.output, program.output)
    program = Program("--access-log", "dev", "--color", "never")
    program.get("/ping")
    equal(program.stop(), 0)
    holds(b"\033" not in program.output, program.output)


@check
def a_terminal_gets_dev_in_colours_but_for_no_color(_):
    import pty
    for env, coloured in (({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False)):
        leader, follower = pty.openpty()
        program = Program(env=env, stdout=follower)
        os.close(follower)
        program.get("/ping")
        equal(program.stop(), 0)
        seen = b""
        try:
            while True:
                seen += os.read(leader, 4096)
        except OSError:
            pass
        holds(b"GET /ping" in seen, seen)
        equal(b"\033[32m" in seen, coloured)
        os.close(leader)


def wait_for(condition, seconds=10):
    end = time.monotonic() + seconds * kit.SLOW
    while not condition():
        holds(time.monotonic() < end, "it did not happen")
        time.sleep(0.01)


if __name__ == "__main__":
    kit.main()
