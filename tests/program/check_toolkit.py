"""The rows that show what people build with: templates, forms, uploads, events, work, metrics."""
import gzip
import hashlib
import json
import os
import re
import socket
import threading
import time
import urllib.parse

import kit
from kit import Program, check, equal, holds, read_all


def post(program, path, body, content_type):
    return program.request("POST", path, body=body, headers={"Content-Type": content_type})


def multipart(parts, boundary="b0undary"):
    """Parts are (name, filename or None, bytes)."""
    out = b""
    for name, filename, content in parts:
        out += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'.encode()
        if filename is not None:
            out += f'; filename="{filename}"\r\nContent-Type: application/octet-stream'.encode()
        out += b"\r\n\r\n" + content + b"\r\n"
    return out + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


@check
def welcome_escapes_the_name_and_knows_the_browser(_):
    program = Program()
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
    answer = program.get("/welcome?name=" + urllib.parse.quote("<b>Ada & \"Bob\"</b>"), headers={"User-Agent": firefox})
    equal(answer.status, 200)
    holds(answer.headers["Content-Type"].startswith("text/html"), "type")
    page = answer.body.decode()
    holds("<b>Ada" not in page and "&lt;b&gt;Ada &amp;" in page, page)
    holds("Firefox 128" in page, page)
    holds(re.search(r"\d\d:\d\d:\d\d", page), "the time")
    holds("Welcome</h1>" in program.get("/welcome").body.decode(), "without a name")
    holds("{{" not in page, "nothing is left of the template")


@check
def login_knows_one_person(_):
    program = Program()
    page = program.get("/login")
    equal(page.status, 200)
    holds(b"<form" in page.body and b'name="password"' in page.body, page.body)
    form = "application/x-www-form-urlencoded"
    good = post(program, "/login", "username=admin&password=secret", form)
    equal(good.status, 200)
    holds(b"Login successful" in good.body, good.body)
    equal(post(program, "/login", json.dumps({"username": "admin", "password": "secret"}), "application/json").status, 200)
    bad = post(program, "/login", "username=%22%3E%3Cb%3E&password=x", form)
    equal(bad.status, 401)
    holds(b"<b>" not in bad.body.split(b"<form")[1], "the name is escaped in its field")
    for body in ("", "username=admin", "password=secret&username=", "username=admin&password=secret2"):
        equal(post(program, "/login", body, form).status, 401)
    equal(post(program, "/login", "<x/>", "text/xml").status, 415)


@check
def a_login_is_known_until_it_ends(_):
    program = Program()
    form = "application/x-www-form-urlencoded"
    equal(post(program, "/login", "username=admin&password=no", form).headers["Set-Cookie"], None)
    good = post(program, "/login", "username=admin&password=secret", form)
    cookie, attributes = good.headers["Set-Cookie"].split(";", 1)
    for attribute in ("HttpOnly", "SameSite=Lax", "Path=/"):
        holds(attribute in attributes, attributes)
    equal(good.headers["Cache-Control"], "no-store")
    page = program.get("/welcome", headers={"Cookie": cookie}).body.decode()
    holds("Welcome, admin</h1>" in page and "Logged in as" in page, page)
    forged = cookie[:-1] + ("A" if cookie[-1] != "A" else "E")
    for other in ("", forged, "login=admin"):
        holds("Logged in" not in program.get("/welcome", headers={"Cookie": other}).body.decode(), other)
    out = program.request("POST", "/logout", body="", headers={"Cookie": cookie})
    equal(out.status, 303)
    holds("login=;" in out.headers["Set-Cookie"] and "Max-Age=0" in out.headers["Set-Cookie"], out.headers["Set-Cookie"])
    second = Program()
    holds("Logged in" not in second.get("/welcome", headers={"Cookie": cookie}).body.decode(), "each start has its own key")


@check
def create_takes_three_types(_):
    program = Program()
    body, content_type = multipart([("other", None, b"x"), ("name", None, "Zoë".encode())])
    for answer in (post(program, "/api/create", "name=Zo%C3%AB", "application/x-www-form-urlencoded"),
                   post(program, "/api/create", '{"name": "Zo\\u00eb"}', "application/json; charset=utf-8"),
                   post(program, "/api/create", body, content_type)):
        equal(answer.status, 201)
        equal(json.loads(answer.body)["name"], "Zoë")
    without = multipart([("other", None, b"x")])
    for body, content_type, status in (("{\"name\": ", "application/json", 400), ("{}", "application/json", 400),
                                       ("a=b", "application/x-www-form-urlencoded", 400),
                                       ("name=x", "text/plain", 415), ("x", "multipart/form-data", 400),
                                       ("--b\r\ncut", "multipart/form-data; boundary=b", 400),
                                       (*without, 400)):
        equal(post(program, "/api/create", body, content_type).status, status, f"{body!r} {content_type}")


@check
def broken_json_is_told_with_its_place(_):
    program = Program()
    answer = post(program, "/api/create", '{"name":\n  oops}', "application/json")
    equal(answer.status, 400)
    holds(b"line 2" in answer.body, answer.body)


def stored(folder):
    found = {}
    for path, _, names in os.walk(os.path.join(folder, "uploads")):
        for name in names:
            with open(os.path.join(path, name), "rb") as file:
                found.setdefault(name, []).append(file.read())
    return found


@check
def uploads_are_stored_and_listed(folder):
    program = Program(cwd=folder)
    big, small = os.urandom(3_000_000), b"a\r\n--b0undar\r\n"
    body, content_type = multipart([("note", None, b"n" * 1000), ("one", "big.bin", big), ("two", "../../etc/x.txt", small),
                                    ("three", "empty", b""), ("four", "big.bin", b"namesake")])
    answer = post(program, "/upload", body, content_type)
    equal(answer.status, 200)
    files = json.loads(answer.body)
    equal([(f["name"], f["size"]) for f in files],
          [("big.bin", len(big)), ("x.txt", len(small)), ("empty", 0), ("2-big.bin", 8)])
    equal([f["sha256"] for f in files], [hashlib.sha256(c).hexdigest() for c in (big, small, b"", b"namesake")])
    on_disk = stored(folder)
    equal(on_disk["big.bin"], [big])
    equal(on_disk["x.txt"], [small])
    equal(on_disk["2-big.bin"], [b"namesake"])


@check
def an_empty_file_input_is_no_file(folder):
    program = Program(cwd=folder)
    part = (b'--b\r\nContent-Disposition: form-data; name="f"; filename=""\r\n'
            b'Content-Type: application/octet-stream\r\n\r\n\r\n--b--\r\n')
    answer = post(program, "/upload", part, "multipart/form-data; boundary=b")
    equal((answer.status, json.loads(answer.body)), (200, []))
    holds(not os.path.exists(os.path.join(folder, "uploads")), "nothing is stored")
    part = b"--b\r\nContent-Disposition: form-data; name=f; filename*=UTF-8''e.txt\r\n\r\nx\r\n--b--\r\n"
    answer = post(program, "/upload", part, "multipart/form-data; boundary=b")
    equal(answer.status, 400)
    holds(b"filename*" in answer.body, answer.body)


@check
def uploads_at_every_split_are_the_same(folder):
    program = Program(cwd=folder)
    content = b"\r\n--b0undarx\r\n\r\n--b0unda\r\n-" * 3
    body, content_type = multipart([("f", "f.bin", content)])
    head = (f"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n").encode()
    for split in range(0, len(body), 7):
        with socket.create_connection(("127.0.0.1", program.port), timeout=20 * kit.SLOW) as stream:
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            stream.sendall(head + body[:split])
            time.sleep(0.002)
            stream.sendall(body[split:])
            answer = json.loads(read_all(stream).split(b"\r\n\r\n", 1)[1])
        equal(answer[0]["sha256"], hashlib.sha256(content).hexdigest(), f"split at {split}")


@check
def a_refused_upload_leaves_nothing(folder):
    program = Program("--max-body", "1M", cwd=folder)
    body, content_type = multipart([("f", "f.bin", os.urandom(200_000))])
    equal(post(program, "/upload", body[:-20], content_type).status, 400)
    equal(post(program, "/upload", b"x", "text/plain").status, 415)
    big, content_type = multipart([("f", "f.bin", os.urandom(2_000_000))])
    equal(post(program, "/upload", big, content_type).status, 413)
    # A client that leaves in the middle.
    with socket.create_connection(("127.0.0.1", program.port)) as stream:
        stream.sendall(f"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\n"
                       f"Content-Length: {len(body)}\r\n\r\n".encode() + body[:150_000])
        time.sleep(0.2)
    end = time.monotonic() + 5 * kit.SLOW
    while stored(folder) and time.monotonic() < end:
        time.sleep(0.05)
    equal(stored(folder), {})
    equal(program.stop(), 0)


@check
def an_upload_cut_by_a_kill_is_swept(folder):
    program = Program(cwd=folder)
    body, content_type = multipart([("f", "f.bin", os.urandom(2_000_000))])

    def begin():
        stream = socket.create_connection(("127.0.0.1", program.port))
        stream.sendall(f"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\n"
                       f"Content-Length: {len(body)}\r\n\r\n".encode() + body[:1_000_000])
        end = time.monotonic() + 5 * kit.SLOW
        while not stored(folder) and time.monotonic() < end:
            time.sleep(0.02)
        return stream

    whole, whole_type = multipart([("f", "whole.txt", b"whole")])
    with begin():
        holds(stored(folder), "some of it is stored")
        other = Program(cwd=folder) # sweeps nothing that is under way
        holds(stored(folder), "it is there still")
        equal(post(other, "/upload", whole, whole_type).status, 200)
        program.process.kill()
        program.process.wait()
    holds("f.bin" in stored(folder), "a kill leaves it")
    Program(cwd=folder)
    equal(stored(folder), {"whole.txt": [b"whole"]})


@check
def what_is_broken_is_told_to_both_sides(_):
    program = Program("--verbose")
    form, kind = "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"
    head = b'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\n'
    cases = (("/api/create", b'{"name":\n "x", oops}', "application/json", 400, "line 2, column 10"),
             ("/api/create", b'{"name": {"a": 1}}', "application/json", 400, "list or an object"),
             ("/api/create", b"[" * 100, "application/json", 400, "nested too deeply"),
             ("/api/create", b"name=%zz", form, 400, "percent-encoding"),
             ("/login", b"x", "image/png", 415, "holds no form fields"),
             ("/login", head + b"cut", kind, 400, "before its last boundary"),
             ("/upload", head + b"cut", kind, 400, "before its last boundary"),
             ("/upload", b"--b\r\n\r\nx\r\n--b--\r\n", kind, 400, "Content-Disposition"),
             ("/upload", head + b"x" * 300_000 + b"\r\n--b--\r\n", kind, 413, "too large"))
    for path, body, content_type, status, word in cases:
        answer = program.request("POST", path, body=body, headers={"Content-Type": content_type,
                                                                   "Accept": "application/json"})
        equal(answer.status, status, (path, body[:40]))
        equal(answer.headers["Content-Type"], "application/problem+json")
        holds(word in json.loads(answer.body)["detail"], answer.body)
        program.wait_line(f"debug: .*refused.*{re.escape(word)}")
    equal(program.get("/ping").body, b"pong")


@check
def uploads_have_a_bound(folder):
    os.makedirs(os.path.join(folder, "uploads"))
    old = os.path.join(folder, "uploads", "old")
    with open(old, "wb") as file:
        file.truncate((1 << 30) - 300_000) # it is there already, and it stays
    program = Program(cwd=folder)
    small, content_type = multipart([("f", "small", b"x" * 100_000)])
    large, _ = multipart([("f", "large", b"x" * 400_000)])
    equal(post(program, "/upload", large, content_type).status, 507)
    program.wait_line("holds as much as it may")
    equal(sorted(os.listdir(os.path.join(folder, "uploads"))), ["old"])
    for _ in range(2):
        equal(post(program, "/upload", small, content_type).status, 200)
    equal(post(program, "/upload", small, content_type).status, 507)
    os.remove(old)
    time.sleep(1.1)
    equal(post(program, "/upload", large, content_type).status, 200)
    equal(program.stop(), 0)


@check
def uploads_are_refused_before_their_body_where_the_length_says_so(folder):
    os.makedirs(os.path.join(folder, "uploads"))
    with open(os.path.join(folder, "uploads", "old"), "wb") as file:
        file.truncate((1 << 30) - 300_000)
    program = Program(cwd=folder)
    body, content_type = multipart([("f", "fits", b"x" * 100_000)])

    def ask(length):
        stream = socket.create_connection(("127.0.0.1", program.port), timeout=30 * kit.SLOW)
        stream.sendall(f"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\n"
                       f"Content-Length: {length}\r\nExpect: 100-continue\r\n\r\n".encode())
        return stream

    with ask(400_000) as stream: # and the body never comes
        holds(stream.recv(4096).startswith(b"HTTP/1.1 507 "), "refused at its head")
    program.wait_line("holds as much as it may")
    with ask(len(body)) as stream:
        holds(stream.recv(4096).startswith(b"HTTP/1.1 100 "), "it fits")
        stream.sendall(body)
        holds(stream.recv(4096).startswith(b"HTTP/1.1 200 "), "stored")
    equal(program.stop(), 0)


@check
def a_large_upload_holds_memory_flat(folder):
    program = Program("--max-body", "1G", cwd=folder)
    size, block = 200 << 20, os.urandom(1 << 20)
    head, tail = [part for part in multipart([("f", "f.bin", b"@")])[0].split(b"@")]
    digest = hashlib.sha256()
    with socket.create_connection(("127.0.0.1", program.port), timeout=60 * kit.SLOW) as stream:
        stream.sendall((f"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b0undary\r\n"
                        f"Content-Length: {len(head) + size + len(tail)}\r\nConnection: close\r\n\r\n").encode() + head)
        for _ in range(size >> 20):
            stream.sendall(block)
            digest.update(block)
        stream.sendall(tail)
        answer = json.loads(read_all(stream).split(b"\r\n\r\n", 1)[1])
    equal((answer[0]["size"], answer[0]["sha256"]), (size, digest.hexdigest()))
    peak = int(re.search(r"VmHWM:\s+(\d+)", open(f"/proc/{program.process.pid}/status").read()).group(1))
    if kit.SLOW == 1:
        holds(peak < 40000, f"{peak} KiB")


def read_until(stream, wanted, seconds=10):
    got = b""
    end = time.monotonic() + seconds * kit.SLOW
    while wanted not in got:
        holds(time.monotonic() < end, got)
        piece = stream.recv(65536)
        if not piece:
            break
        got += piece
    return got


@check
def events_count_and_go_on_after_a_break(_):
    program = Program()
    with socket.create_connection(("127.0.0.1", program.port), timeout=20 * kit.SLOW) as stream:
        stream.sendall(b"GET /events HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 41\r\n\r\n")
        got = read_until(stream, b"id: 43\n")
    holds(b"Content-Type: text/event-stream\r\n" in got, got)
    holds(b"event: counter\nid: 42\ndata: {\"count\":42}\n\n" in got, got)
    with socket.create_connection(("127.0.0.1", program.port), timeout=20 * kit.SLOW) as stream:
        stream.sendall(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
        holds(b"id: 1\n" in read_until(stream, b"id: 1\n"), "it begins with 1")
        program.send_signal(15)
        rest = read_all(stream)
    holds(rest.endswith(b"0\r\n\r\n"), f"the drain ended the stream properly: {rest!r}")
    equal(program.wait(), 0)


@check
def a_drain_does_not_wait_for_those_who_listen(_):
    program = Program("--grace", "30s")
    streams = []
    for _ in range(20):
        stream = socket.create_connection(("127.0.0.1", program.port), timeout=20 * kit.SLOW)
        stream.sendall(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
        read_until(stream, b"id: 1\n")
        streams.append(stream)
    started = time.monotonic()
    program.send_signal(15)
    for stream in streams:
        rest = read_all(stream)
        stream.close()
        holds(re.search(rb"\nretry: \d+\n\n", rest) and rest.endswith(b"0\r\n\r\n"), rest)
    equal(program.wait(), 0)
    holds(time.monotonic() - started < 0.9 * kit.SLOW, "they did not end at once")


@check
def those_who_leave_are_noticed(_):
    program = Program()

    def listening():
        return int(re.search(r"rawhttp_exchanges_open\S* (\d+)", program.get("/metrics").body.decode()).group(1)) - 1

    for _ in range(3):
        stream = socket.create_connection(("127.0.0.1", program.port))
        stream.sendall(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
        read_until(stream, b"id: 1\n")
        stream.close()
    end = time.monotonic() + 5 * kit.SLOW
    while listening() > 0 and time.monotonic() < end:
        time.sleep(0.1)
    equal(listening(), 0)


@check
def head_works_wherever_get_does_and_holds_nothing_up(_):
    program = Program()
    for path in ("/", "/hello", "/welcome", "/login", "/ping", "/plaintext", "/json", "/data?id=1", "/users/1",
                 "/stream?chunks=3&delay=1000", "/events", "/slow?ms=10", "/compute?n=10", "/healthz", "/metrics",
                 "/style.css"):
        started = time.monotonic()
        answer = program.raw(f"HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() +
                             b"GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        head, _, rest = answer.partition(b"\r\n\r\n")
        holds(head.startswith(b"HTTP/1.1 200 ") and b"Server: rawhttp-uv" in head and b"Date: " in head, (path, head))
        holds(rest.startswith(b"HTTP/1.1 200 OK\r\n") and rest.endswith(b"pong"), (path, rest))
        holds(time.monotonic() - started < 1 * kit.SLOW, f"{path} was waited for")


@check
def compute_answers_from_the_pool(_):
    program = Program()
    equal(json.loads(program.get("/compute?n=100").body), {"n": 100, "primes": 25})
    equal(json.loads(program.get("/compute?n=0").body)["primes"], 0)
    equal(program.get("/compute?n=1e9").status, 400)
    # While two of them work, the loop answers others, and more of them are refused.
    statuses = []
    threads = [threading.Thread(target=lambda: statuses.append(program.get("/compute?n=1000000").status))
               for _ in range(8)]
    for thread in threads:
        thread.start()
    started = time.monotonic()
    equal(program.get("/ping").body, b"pong")
    holds(time.monotonic() - started < 0.5 * kit.SLOW, "the loop was held up")
    for thread in threads:
        thread.join()
    equal(set(statuses), {200, 503})
    holds(statuses.count(200) >= 2, statuses)


@check
def compute_is_cancelled_when_its_client_leaves(_):
    program = Program()
    for _ in range(12):
        stream = socket.create_connection(("127.0.0.1", program.port))
        stream.sendall(b"GET /compute?n=20000000 HTTP/1.1\r\nHost: x\r\n\r\n")
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        time.sleep(0.01)
        stream.close()
    started = time.monotonic()
    while (answer := program.get("/compute?n=10")).status == 503:
        holds(time.monotonic() - started < 3 * kit.SLOW, "abandoned work was not cancelled")
        time.sleep(0.01)
    equal(json.loads(answer.body)["primes"], 4)


@check
def text_is_compressed_for_who_takes_it(_):
    if "gzip" not in kit.run("--version").stdout:
        return
    take = {"Accept-Encoding": "gzip"}
    program, plain = Program(), Program("--no-compression")
    for path in ("/", "/style.css", "/live.js", "/hello", "/metrics", "/welcome", "/login", "/no/such/page"):
        packed, whole = program.get(path, headers=take), program.get(path)
        equal(packed.headers["Content-Encoding"], "gzip", path)
        for answer in (packed, whole): # beside what else it varies by
            holds("Accept-Encoding" in answer.headers.get_all("Vary"), path)
        equal(whole.headers["Content-Encoding"], None, path)
        if path not in ("/metrics", "/welcome"): # these change
            equal(gzip.decompress(packed.body), whole.body, path)
        equal(len(packed.body), int(packed.headers["Content-Length"]), path)
        holds(len(packed.body) < 0.7 * len(whole.body), path)
        equal(plain.get(path, headers=take).headers["Content-Encoding"], None, path)
    for path in ("/ping", "/json", "/events", "/favicon.svg", "/stream?chunks=1"):
        equal(program.request("HEAD", path, headers=take).headers["Content-Encoding"], None, path)


@check
def metrics_are_prometheus_text(_):
    program = Program("--loops", "2")
    for _ in range(5):
        program.get("/ping")
    program.get("/nothing")
    answer = program.get("/metrics")
    holds(answer.headers["Content-Type"].startswith("text/plain; version=0.0.4"), answer.headers["Content-Type"])
    families, sums = {}, {}
    for line in answer.body.decode().splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            holds(name not in families, f"{name} twice")
            families[name] = kind
            current = name
        elif not line.startswith("#"):
            match = re.match(r'^([a-z_]+)(\{[^}]*\}) (\S+)$', line)
            holds(match, line)
            holds(match.group(1).startswith(current), f"{line} outside its family")
            float(match.group(3))
            sums[match.group(1)] = sums.get(match.group(1), 0) + float(match.group(3))
    equal(sums["rawhttp_requests_total"], 6)
    equal(sums["rawhttp_request_duration_seconds_count"], 6)
    holds('code="4xx"} 1' in answer.body.decode(), "the 404 is counted")
    holds(sums["rawhttp_connections_open"] >= 1 and sums["rawhttp_slab_in_use"] >= 1, sums)
    holds('loop="1"' in answer.body.decode(), "by loop")
    for pool in ("inputs", "tls_engines", "tls_ciphertext"):
        holds(f'rawhttp_slab_in_use{{loop="1",pool="{pool}"}} ' in answer.body.decode(), pool)


if __name__ == "__main__":
    kit.main()
