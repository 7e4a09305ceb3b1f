"""The rows of docs/memory.md, each filled by hostile peers: what the program then holds for each connection (PSS) stays
under the bytes that its banner states, and under the budget where a row has one."""
import os
import re
import socket
import ssl
import time

import kit
from kit import HAS_TLS, Program, check, holds
from tls_kit import certificate, client_context

PEERS = 300
KIB = 1024
# With sanitizers every allocation is padded and what was freed is kept: the checks run, and measure nothing.
MEASURES = kit.SLOW == 1
SLACK = 2048 * KIB  # of the program as a whole: threads, caches, the first touch of its code


def pss(program):
    with open(f"/proc/{program.process.pid}/smaps_rollup", encoding="ascii") as file:
        return int(re.search(r"^Pss:\s+(\d+) kB", file.read(), re.M).group(1)) * KIB


def stated(program):
    line = next(line for line in program.lines if "of memory per connection" in line)
    return int(re.search(r"at most ([\d,]+) KiB", line).group(1).replace(",", "")) * KIB


def settled(program):
    """Its PSS when it does not grow any more."""
    last = pss(program)
    for _ in range(50):
        time.sleep(0.2)
        now = pss(program)
        if now <= last + 16 * KIB:
            return now
        last = now
    return last


def fill(program, open_one, peers=PEERS):
    """The bytes that each of `peers` connections costs."""
    before = settled(program)
    streams = [open_one() for _ in range(peers)]
    each = (settled(program) - before - SLACK) / peers
    for stream in streams:
        stream.close()
    return each


def plain(program, data, reads=True):
    def open_one():
        stream = socket.socket()
        if not reads:
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stream.connect(("127.0.0.1", program.port))
        stream.settimeout(10 * kit.SLOW)
        try:
            stream.sendall(data)
        except (TimeoutError, ConnectionError):
            pass  # it takes no more: that is what is wanted
        return stream
    return open_one


def expect(program, row, each, limit=None):
    limit = limit or stated(program)
    print(f"      {row}: {each / KIB:.1f} KiB of {limit / KIB:.0f}", flush=True)
    holds(not MEASURES or each <= limit, f"{row}: {each / KIB:.1f} KiB for each connection, the ceiling says {limit / KIB:.0f}")


HEAD = b"GET /ping HTTP/1.1\r\nHost: x\r\n"


@check
def plain_connections_stay_under_what_is_stated(_):
    for row, data, reads in (("idle", HEAD + b"\r\n", True),
                             ("a head that is never complete", HEAD + b"X: " + b"a" * 15000, True),
                             ("fields that are never complete", HEAD + b"".join(b"X-%d: y\r\n" % i for i in range(90)), True),
                             ("answers that are not read", (HEAD + b"\r\n") * 200, False),
                             ("files that are not read", (b"GET /style.css HTTP/1.1\r\nHost: x\r\n\r\n") * 100, False),
                             ("an answer that is late", b"GET /slow?ms=20000 HTTP/1.1\r\nHost: x\r\n\r\n", True),
                             ("a stream that is not read", b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n", False)):
        program = Program("--max-connections", "400")
        expect(program, row, fill(program, plain(program, data, reads)))


@check
def whole_bodies_stay_under_their_budget(_):
    program = Program("--max-connections", "1200")
    body = b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 200000\r\n\r\n"
    before = settled(program)
    one_byte = [plain(program, body + b"a")() for _ in range(500)]
    many = [plain(program, body + b"a" * 150000)() for _ in range(500)]
    total = settled(program) - before - SLACK - 1000 * 24 * KIB  # an input buffer and an exchange for each
    print(f"      bodies: {total / KIB:.0f} KiB beyond the connections, of {64 * KIB}", flush=True)
    holds(not MEASURES or total <= 64 * KIB * KIB, f"{total} bytes of bodies")
    for stream in one_byte + many:
        stream.close()


@check
def uploads_stay_under_what_is_stated(_):
    program = Program("--max-connections", "400")  # the demo takes 64 uploads at a time: fixed, and not for each connection
    part = (b"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=B\r\nContent-Length: 9000000\r\n\r\n"
            b'--B\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n')
    expect(program, "uploads", fill(program, plain(program, part + b"a" * 200000)) - 64 * 150 * KIB / PEERS)


def tls_row(program, context, data=b""):
    def open_one():
        stream = socket.create_connection(("127.0.0.1", program.tls_port), timeout=20 * kit.SLOW)
        stream = context.wrap_socket(stream, server_hostname="localhost")
        if data:
            stream.sendall(data)
        return stream
    return open_one


@check
def tls_connections_stay_under_what_is_stated(folder):
    if not HAS_TLS:
        return
    cert, key = certificate(folder, "a")

    def half_hello():
        stream = socket.create_connection(("127.0.0.1", program.tls_port), timeout=20)
        stream.sendall(b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03" + b"a" * 16000)
        return stream
    for row, data in (("idle", b""), ("a head that is never complete", HEAD + b"X: " + b"a" * 15000), ("half a hello", None)):
        program = Program("--tls-port", "0", "--cert", cert, "--key", key, "--max-connections", "400", tls=True)
        open_one = half_hello if data is None else tls_row(program, client_context(), data)
        expect(program, "TLS, " + row, fill(program, open_one))


@check
def client_certificates_stay_under_what_is_stated(folder):
    if not HAS_TLS:
        return
    authority = certificate(folder, "authority")
    cert, key = certificate(folder, "a")
    program = Program("--tls-port", "0", "--cert", cert, "--key", key, "--client-ca", authority[0], "--max-connections", "400",
                      tls=True)
    padded = certificate(folder, "padded", signer=authority, extensions=("nsComment=" + "x" * 4000,))
    expect(program, "TLS, a certificate of 4 KiB", fill(program, tls_row(program, client_context(client=padded), b"GET")))

    # A chain of many, of which only the first counts: it is refused before it is kept.
    chain = os.path.join(folder, "chain.crt")
    with open(chain, "w", encoding="ascii") as file:
        file.write(open(padded[0], encoding="ascii").read() * 14)
    context = client_context(version=ssl.TLSVersion.TLSv1_2)
    context.load_cert_chain(chain, padded[1])
    try:
        stream = tls_row(program, context)()
        stream.sendall(HEAD + b"\r\n")
        answer = stream.recv(100)
    except OSError:
        answer = b""
    holds(answer == b"", f"a chain of 60 KiB was accepted: {answer!r}")


if __name__ == "__main__":
    kit.main()
