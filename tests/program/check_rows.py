"""Every row of the demo application, over a real socket."""
import json
import os
import socket
import threading
import time

import kit
from kit import Program, check, equal, holds, read_all


@check
def text_rows(_):
    program = Program()
    answer = program.get("/ping")
    equal((answer.status, answer.body), (200, b"pong"))
    holds(answer.headers["Content-Type"].startswith("text/plain"), "type")
    equal(answer.headers["Server"], "rawhttp-uv")
    holds(answer.headers["Date"].endswith(" GMT"), "date")
    answer = program.get("/plaintext")
    equal((answer.status, answer.body, answer.headers["Content-Type"]), (200, b"Hello, World!", "text/plain"))
    answer = program.get("/json")
    equal((answer.body, answer.headers["Content-Type"]), (b'{"message":"Hello, World!"}', "application/json"))


@check
def data_wants_its_parameter(_):
    program = Program()
    equal(json.loads(program.get("/data?id=42").body), {"id": "42"})
    equal(json.loads(program.get("/data?x=1&id=%22%0a%C3%A9").body), {"id": "\"\n\u00e9"})
    equal(json.loads(program.get("/data?id=5%&ids[]=1").body), {"id": "5%"})
    for path in ("/data", "/data?id=", "/data?other=1"):
        answer = program.get(path)
        equal((answer.status, answer.body), (400, b"missing 'id' query parameter"))


@check
def users_are_percent_decoded_once(_):
    program = Program()
    equal(program.get("/users/42").body, b"User: 42")
    equal(program.get("/users/J%C3%BCrgen%20M.").body, "User: Jürgen M.".encode())
    equal(program.get("/users/a%2Fb").body, b"User: a/b")
    equal(program.get("/users/%252e").body, b"User: %2e")
    equal(program.get("/users/a/b").status, 404)
    equal(program.get("/users/%00").status, 400)


@check
def pages_are_files(_):
    program = Program()
    home = program.get("/")
    equal(home.status, 200)
    holds(home.headers["Content-Type"].startswith("text/html"), home.headers["Content-Type"])
    holds(b"An HTTP server that you can read" in home.body, "home")
    holds(b"The life of one request" in program.get("/hello").body, "about")
    css = program.get("/style.css")
    holds(css.headers["Content-Type"].startswith("text/css"), css.headers["Content-Type"])
    equal(css.body, open(os.path.join(kit.ROOT, "pages/style.css"), "rb").read())
    holds(program.get("/favicon.svg").headers["Content-Type"].startswith("image/svg+xml"), "svg")
    modified = css.headers["Last-Modified"]
    equal(program.get("/style.css", headers={"If-Modified-Since": modified}).status, 304)


@check
def what_is_not_there_gets_the_page_for_it(_):
    program = Program()
    answer = program.get("/no/such/page")
    equal(answer.status, 404)
    equal(answer.body, open(os.path.join(kit.ROOT, "pages/404.html"), "rb").read())


@check
def methods_and_allow(_):
    program = Program()
    head = program.request("HEAD", "/ping")
    equal((head.status, head.body, head.headers["Content-Length"]), (200, b"", "4"))
    options = program.request("OPTIONS", "/ping")
    holds(options.status in (200, 204), options.status)
    equal(sorted(options.headers["Allow"].split(", ")), ["GET", "HEAD", "OPTIONS"])
    wrong = program.request("DELETE", "/ping")
    equal(wrong.status, 405)
    holds("GET" in wrong.headers["Allow"], wrong.headers["Allow"])
    equal(program.get("/echo").status, 405)
    equal(program.request("BREW", "/ping").status, 501)


@check
def paths_are_resolved_and_checked(_):
    program = Program()
    def status(target):
        answer = program.raw(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        return int(answer.split()[1])
    equal(status("/a/../ping"), 200)
    equal(status("/%2e/ping"), 200)
    equal(status("/../ping"), 400)
    equal(status("/%2e%2e/%2e%2e/etc/passwd"), 400)
    equal(status("//ping"), 404)
    equal(status("/a%00b"), 400)
    equal(status("/style.css%2Fx"), 404)
    equal(status("/.git/config"), 404)


@check
def echo_gives_back_what_came(_):
    program = Program()
    answer = program.request("POST", "/echo", body=b"a\0b", headers={"Content-Type": "text/x-test"})
    equal((answer.status, answer.body, answer.headers["Content-Type"]), (200, b"a\0b", "text/x-test"))
    equal(program.request("POST", "/echo", body=b"").body, b"")
    answer = program.raw(b"POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
                         b"3\r\none\r\n4;x=y\r\ntwo!\r\n0\r\nTrailer: t\r\n\r\n")
    holds(b"Transfer-Encoding: chunked" in answer, answer)
    body = answer.split(b"\r\n\r\n", 1)[1]
    equal(b"".join(body.split(b"\r\n")[1::2]).replace(b"\r\n", b""), b"onetwo!")


@check
def echo_streams_more_than_fits_anywhere(_):
    program = Program("--max-body", "100M")
    size = 64 << 20
    block = os.urandom(1 << 16)
    with socket.create_connection(("127.0.0.1", program.port), timeout=60 * kit.SLOW) as stream:
        stream.sendall(f"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode())
        import threading
        def send():
            for _ in range(size // len(block)):
                stream.sendall(block)
        sender = threading.Thread(target=send)
        sender.start()
        got = bytearray()
        while b"\r\n\r\n" not in got:
            got += stream.recv(65536)
        body = got[got.index(b"\r\n\r\n") + 4:]
        total, at = len(body), 0
        holds(bytes(body) == (block * 2)[:len(body)], "first bytes")
        while total < size:
            piece = stream.recv(1 << 16)
            holds(piece, f"the answer ended after {total} bytes")
            start = total % len(block)
            holds(piece == (block * 2)[start:start + len(piece)], f"bytes differ after {total}")
            total += len(piece)
        sender.join()
    memory = int(next(line for line in open(f"/proc/{program.process.pid}/status")
                      if line.startswith("VmHWM")).split()[1])
    if kit.SLOW == 1:
        holds(memory < 40000, f"{memory} KiB of memory for a streamed body")


@check
def echo_refuses_what_is_too_large(_):
    program = Program("--max-body", "1K")
    equal(program.request("POST", "/echo", body=b"x" * 1024).status, 200)
    equal(program.request("POST", "/echo", body=b"x" * 1025).status, 413)


@check
def stream_comes_in_chunks(_):
    program = Program()
    with socket.create_connection(("127.0.0.1", program.port), timeout=20 * kit.SLOW) as stream:
        stream.sendall(b"GET /stream?chunks=3&delay=100 HTTP/1.1\r\nHost: x\r\n\r\n")
        got, times = b"", []
        while not got.endswith(b"0\r\n\r\n"):
            got += stream.recv(65536)
            times.append(time.monotonic())
    holds(b"Transfer-Encoding: chunked" in got, got)
    for i in (1, 2, 3):
        holds(f"chunk {i} of 3\n".encode() in got, got)
    holds(times[-1] - times[0] > 0.15, "they came apart")
    equal(program.get("/stream?chunks=0").body, b"")
    equal(program.get("/stream?chunks=x").status, 400)


@check
def slow_answers_later_and_others_at_once(_):
    program = Program()
    with socket.create_connection(("127.0.0.1", program.port), timeout=20 * kit.SLOW) as slow:
        started = time.monotonic()
        slow.sendall(b"GET /slow?ms=400 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        equal(program.get("/ping").body, b"pong")
        holds(time.monotonic() - started < 0.35 * kit.SLOW, "another request had to wait")
        answer = read_all(slow)
    holds(time.monotonic() - started >= 0.39, "too early")
    holds(b" 200 " in answer and answer.endswith(b"answered after 400 ms\n"), answer)
    equal(program.get("/slow?ms=-1").status, 400)


@check
def a_client_that_leaves_costs_nothing(_):
    program = Program()
    for path in ("/slow?ms=300", "/stream?chunks=50&delay=10"):
        for _ in range(20):
            stream = socket.create_connection(("127.0.0.1", program.port))
            stream.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            stream.close()
    time.sleep(0.5)
    equal(program.get("/ping").body, b"pong")
    equal(program.stop(), 0)


@check
def a_half_closed_client_is_answered(_):
    program = Program()
    with socket.create_connection(("127.0.0.1", program.port), timeout=20 * kit.SLOW) as stream:
        stream.sendall(b"GET /slow?ms=200 HTTP/1.1\r\nHost: x\r\n\r\n")
        stream.shutdown(socket.SHUT_WR)
        holds(read_all(stream).endswith(b"answered after 200 ms\n"), "the answer")


@check
def a_half_closed_upload_is_refused_and_no_more(_):
    """A body that fails while the handler waits for the pool: the file's content is cut at a delimiter's start."""
    program = Program()
    part = b'--B\r\nContent-Disposition: form-data; name="f"; filename="a.txt"\r\n\r\n' + b"x" * 1000 + b"\r\n--B"
    head = (b"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=B\r\n"
            b"Content-Length: 1000000\r\n\r\n")
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", program.port), timeout=20 * kit.SLOW) as stream:
            stream.sendall(head + part)
            stream.shutdown(socket.SHUT_WR)
            answer = read_all(stream)
            holds(answer.startswith(b"HTTP/1.1 400 "), answer)
            equal(answer.count(b"HTTP/1.1"), 1)
    equal(program.get("/ping").body, b"pong")
    equal(program.stop(), 0)


@check
def panic_is_a_500_and_a_log_line(_):
    program = Program()
    equal(program.get("/panic").status, 500)
    program.wait_line(r"error:.*/panic")
    equal(program.get("/ping").body, b"pong")


@check
def pipelined_requests_are_answered_in_order(_):
    program = Program()
    paths = ["/slow?ms=50", "/ping", "/json", "/users/7", "/stream?chunks=2&delay=1", "/plaintext"]
    data = "".join(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n" for path in paths)
    answer = program.raw(data.encode() + b"GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    equal(answer.count(b"HTTP/1.1 200"), len(paths) + 1)
    order = [answer.index(b"answered after"), answer.index(b"pong"), answer.index(b"message"),
             answer.index(b"User: 7"), answer.index(b"chunk 2 of 2"), answer.rindex(b"pong")]
    equal(order, sorted(order))


@check
def nonsense_is_refused_with_its_status(_):
    program = Program("--verbose")
    for data, status in ((b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 tls \r\n\r\n", 400),
                         (b"GET /ping HTTP/1.1\r\n\r\n", 400),
                         (b"GET /ping HTTP/3.0\r\nHost: x\r\n\r\n", 505),
                         (b"GET /ping HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", 400),
                         (b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
                         (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 20000 + b"\r\n\r\n", 431),
                         (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400)):
        answer = program.raw(data)
        holds(answer.startswith(f"HTTP/1.1 {status} ".encode()), (data[:60], answer[:80]))
    program.wait_line(r"debug: .*RFC 9112")
    equal(program.get("/ping").body, b"pong")


@check
def keep_alive_in_http_1_0_for_ab(_):
    program = Program()
    with socket.create_connection(("127.0.0.1", program.port), timeout=20 * kit.SLOW) as stream:
        for _ in range(3):
            stream.sendall(b"GET /ping HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
            got = b""
            while not got.endswith(b"pong"):
                piece = stream.recv(4096)
                holds(piece, "closed")
                got += piece
            holds(b"connection: keep-alive" in got.lower(), got)


@check
def keep_alive_off_closes_after_each_answer(_):
    program = Program("--keep-alive", "off")
    answer = program.raw(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
    holds(b"connection: close" in answer.lower() and answer.endswith(b"pong"), answer)


@check
def timeouts_are_those_of_the_options(_):
    program = Program("--header-timeout", "300ms", "--idle-timeout", "400ms", "--body-timeout", "300ms")
    started = time.monotonic()
    answer = program.raw(b"GET /ping HTTP/1.1\r\nHos")
    holds(b" 408 " in answer, answer)
    holds(0.25 < time.monotonic() - started < 2 * kit.SLOW, "header timeout")
    started = time.monotonic()
    answer = program.raw(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
    holds(answer.endswith(b"pong"), answer)
    holds(0.35 < time.monotonic() - started < 2 * kit.SLOW, "idle timeout")
    answer = program.raw(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                         b"Content-Length: 100\r\n\r\nuser")
    holds(b"Content-Length: 100" in answer and answer.endswith(b"\r\n\r\nuser"), answer)


@check
def a_deferred_answer_has_a_deadline(_):
    program = Program("--answer-timeout", "300ms")
    equal(program.get("/slow?ms=20000").status, 503)
    program.wait_line(r"/slow")


@check
def visitors_get_a_way_back_and_programs_the_bare_answer(_):
    program = Program()
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for method, path, body, bare, status in (("GET", "/json", None, b'{"message":"Hello, World!"}', 200),
                                             ("GET", "/users/%3Cb%3E", None, b"User: <b>", 200),
                                             ("POST", "/api/create", b"name=x", b'{"name":"x","created":true}', 201)):
        answer = program.request(method, path, body=body, headers=form)
        equal((answer.status, answer.body), (status, bare))
        page = program.request(method, path, body=body, headers={**form, **browser})
        equal(page.status, status)
        holds(page.headers["Content-Type"].startswith("text/html"), page.headers["Content-Type"])
        holds(b'href="/#rows"' in page.body and b"<b>" not in page.body, page.body)
        holds("Accept" in ", ".join(page.headers.get_all("Vary")), page.headers.items())


@check
def a_browser_finds_the_icon_that_it_always_looks_for(_):
    answer = Program().get("/favicon.ico")
    equal((answer.status, answer.headers["Content-Type"].split(";")[0]), (200, "image/svg+xml"))


@check
def the_login_page_names_the_host_that_was_asked(_):
    program = Program()
    holds(b"name.test:1234/login" in program.get("/login", headers={"Host": "name.test:1234"}).body, "its port")


@check
def a_login_from_another_site_is_refused(_):
    program = Program()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for fields, status in (({}, 200), ({"Sec-Fetch-Site": "same-origin"}, 200), ({"Sec-Fetch-Site": "cross-site"}, 403),
                           ({"Origin": "http://evil.test"}, 403)):
        answer = program.request("POST", "/login", body=b"username=admin&password=secret", headers={**form, **fields})
        equal(answer.status, status, str(fields))


@check
def an_echo_over_the_limit_has_no_clean_end(_):
    """The answer has begun when the limit is met: only a broken end tells the client."""
    program = Program("--max-body", "1M")
    piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    with socket.create_connection(("127.0.0.1", program.port), timeout=20 * kit.SLOW) as stream:
        got = []
        reader = threading.Thread(target=lambda: got.append(kit.read_all(stream)))
        reader.start()
        stream.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            for _ in range(32):
                stream.sendall(piece)
            stream.sendall(b"0\r\n\r\n")
        except OSError:
            pass
        reader.join(20 * kit.SLOW)
    holds(got and got[0].startswith(b"HTTP/1.1 200"), got and got[0][:200])
    holds(not got[0].endswith(b"0\r\n\r\n"), "the answer ends as if it were whole")


@check
def the_echo_form_keeps_its_umlauts(_):
    program = Program()
    answer = program.request("POST", "/echo?charset=utf-8", body="Héllo".encode(), headers={"Content-Type": "text/plain"})
    equal((answer.headers["Content-Type"], answer.body), ("text/plain; charset=utf-8", "Héllo".encode()))
    answer = program.request("POST", "/echo", body=b"x", headers={"Content-Type": "text/plain"})
    equal(answer.headers["Content-Type"], "text/plain")
    holds(b'action="/echo?charset=utf-8"' in program.get("/").body, "the form names it")


if __name__ == "__main__":
    kit.main()
