"""HTTP/2 as people use it: curl and nghttp as clients, over TLS and on a plain port, beside HTTP/1."""
import json
import os
import re
import shutil
import subprocess
import time

from kit import ROOT, SLOW, Program, check, equal, holds, main, run
from tls_kit import certificate

HAS_HTTP2 = "HTTP/2" in run("--version").stdout
CURL_HAS = "HTTP2" in subprocess.run(["curl", "--version"], capture_output=True, text=True).stdout


def curl(*arguments, data=None, timeout=30):
    return subprocess.run(["curl", "-sS", "--max-time", str(int(timeout * SLOW)), *arguments], input=data,
                          capture_output=True, timeout=timeout * SLOW + 10)


def plain(program, path, *arguments, data=None):
    return curl("--http2-prior-knowledge", *arguments, f"http://localhost:{program.port}{path}", data=data).stdout


def pair(folder):
    cert, key = certificate(folder, "localhost")
    return ["--tls-port", "0", "--cert", cert, "--key", key], cert


@check
def curl_is_served_over_tls_and_by_prior_knowledge(folder):
    arguments, cert = pair(folder)
    program = Program(*arguments, tls=True)
    url = f"https://localhost:{program.tls_port}/ping"
    got = curl("--http2", "--cacert", cert, "-w", " %{http_version} %{http_code}", url).stdout
    equal(got, b"pong 2 200")
    got = curl("--http1.1", "--cacert", cert, "-w", " %{http_version}", url).stdout
    equal(got, b"pong 1.1")
    equal(plain(program, "/ping", "-w", " %{http_version}"), b"pong 2")
    equal(curl(f"http://localhost:{program.port}/ping", "-w", " %{http_version}").stdout, b"pong 1.1")


@check
def upgrade_from_http1_is_not_offered(folder):
    program = Program()
    got = curl("--http2", f"http://localhost:{program.port}/ping", "-w", " %{http_version}").stdout
    equal(got, b"pong 1.1")


@check
def files_have_ranges_conditions_and_compression(folder):
    content = os.urandom(3_000_000)
    with open(os.path.join(folder, "large.bin"), "wb") as file:
        file.write(content)
    with open(os.path.join(folder, "text.txt"), "w") as file:
        file.write("the same line\n" * 2000)
    program = Program(folder)
    equal(plain(program, "/large.bin"), content)
    equal(plain(program, "/large.bin", "-H", "Range: bytes=1000000-1999999"), content[1000000:2000000])
    head = plain(program, "/large.bin", "-I").decode()
    holds("content-length: 3000000" in head and head.startswith("HTTP/2 200"), head)
    tag = re.search(r"etag: (\S+)", head).group(1)
    equal(plain(program, "/large.bin", "-H", f"If-None-Match: {tag}", "-w", "%{http_code}"), b"304")
    packed = plain(program, "/text.txt", "-H", "Accept-Encoding: gzip")
    holds(len(packed) < 2000, f"{len(packed)} bytes")
    equal(plain(program, "/text.txt", "--compressed"), b"the same line\n" * 2000)


@check
def uploads_come_back_over_tls(folder):
    arguments, cert = pair(folder)
    program = Program(*arguments, tls=True)
    content = os.urandom(3_000_000)
    url = f"https://localhost:{program.tls_port}/echo"
    holds(curl("--http2", "--cacert", cert, "--data-binary", "@-", url, data=content).stdout == content, "the same")
    holds(plain(program, "/echo", "--data-binary", "@-", data=content) == content, "the same")


@check
def streams_beside_each_other_do_not_wait(folder):
    """A slow answer, twenty quick ones behind it, on one connection."""
    program = Program()
    started = time.monotonic()
    urls = [f"http://localhost:{program.port}/slow?ms=1000"] + [f"http://localhost:{program.port}/ping"] * 20
    got = curl("--http2-prior-knowledge", "--parallel", "--parallel-max", "30", "-w", "%{time_total}\n", *urls)
    times = sorted(float(x) for x in re.findall(rb"(\d+\.\d{6})", got.stdout))
    equal(len(times), 21)
    holds(times[-1] >= 1 and times[19] < 0.9, times)
    holds(time.monotonic() - started < 2.5 * SLOW, "all of it")


@check
def events_arrive_one_by_one(folder):
    program = Program()
    client = subprocess.Popen(["curl", "-sSN", "--http2-prior-knowledge", "--max-time", "20",
                               f"http://localhost:{program.port}/events"], stdout=subprocess.PIPE)
    try:
        first = client.stdout.readline()
        holds(first.strip() != b"", first)
    finally:
        client.kill()
        client.wait()
        client.stdout.close()


@check
def requests_under_way_survive_a_stop(folder):
    program = Program()
    client = subprocess.Popen(["curl", "-sS", "--http2-prior-knowledge", "--max-time", "20",
                               f"http://localhost:{program.port}/slow?ms=700", "-w", " %{http_code}"],
                              stdout=subprocess.PIPE)
    time.sleep(0.3)
    equal(program.stop(), 0)
    out = client.communicate()[0]
    holds(out.endswith(b" 200"), out)


@check
def the_access_log_says_http2(folder):
    program = Program("--access-log", "json")
    plain(program, "/ping")
    program.wait_output(rb"\n")
    record = json.loads(program.output.splitlines()[0])
    equal((record["version"], record["status"], record["target"]), ("2", 200, "/ping"))
    holds(record["host"].startswith("localhost:"), record)


@check
def it_can_be_switched_off(folder):
    arguments, cert = pair(folder)
    program = Program(*arguments, "--no-http2", tls=True)
    url = f"https://localhost:{program.tls_port}/ping"
    equal(curl("--http2", "--cacert", cert, "-w", " %{http_version}", url).stdout, b"pong 1.1")
    got = program.raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    holds(got.startswith(b"HTTP/1.1 505 "), got)


@check
def nghttp_and_h2load_find_nothing_to_complain_about(folder):
    if shutil.which("h2load") is None:
        print("skip  no h2load here")
        return
    program = Program()
    got = subprocess.run(["nghttp", "-nv", "-y", f"http://localhost:{program.port}/"], capture_output=True, text=True,
                         timeout=20 * SLOW)
    holds(":status: 200" in got.stdout and "error" not in got.stderr.lower(), got.stdout + got.stderr)
    got = subprocess.run(["h2load", "-c", "4", "-m", "32", "-n", "4000", f"http://localhost:{program.port}/ping"],
                         capture_output=True, text=True, timeout=60 * SLOW).stdout
    holds("4000 succeeded, 0 failed, 0 errored" in got, got)


if HAS_HTTP2 and CURL_HAS:
    main()
print("skip  no HTTP/2 in the library, or none in curl")
print("1 passed, 0 failed")
