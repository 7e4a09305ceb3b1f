"""A folder and nothing else: rawhttp-uv DIR."""
import gzip
import html
import json
import os
import re
import socket
import threading
import time

import kit
from kit import Program, check, equal, holds


def site(folder):
    root = os.path.join(folder, "site")
    os.makedirs(os.path.join(root, "sub", ".well-known"))
    os.makedirs(os.path.join(root, ".well-known"))
    for name, text in (("a.txt", "alpha"), ("sub/index.html", "<p>index"), (".hidden", "no"), ("sub/.env", "no"),
                       (".well-known/security.txt", "contact"), ("with space & <b>.txt", "odd")):
        with open(os.path.join(root, name), "w") as file:
            file.write(text)
    os.symlink("/etc/passwd", os.path.join(root, "outside"))
    return root


@check
def files_and_nothing_else(folder):
    program = Program(site(folder))
    holds("site" in program.lines[-1], program.lines[-1])
    equal(program.get("/a.txt").body, b"alpha")
    holds(program.get("/a.txt").headers["Content-Type"].startswith("text/plain"), "type")
    equal(program.get("/ping").status, 404)
    equal(program.get("/sub/").body, b"<p>index")
    answer = program.get("/sub")
    holds(answer.status in (301, 302, 307, 308) and answer.headers["Location"].endswith("/sub/"), answer.status)
    equal(program.request("POST", "/a.txt", body=b"").status, 405)
    equal(program.request("HEAD", "/a.txt").headers["Content-Length"], "5")


@check
def dot_files_are_not_there(folder):
    program = Program(site(folder))
    for path in ("/.hidden", "/%2ehidden", "/sub/.env", "/sub/%2Eenv"):
        equal(program.get(path).status, 404, path)
    equal(program.get("/.well-known/security.txt").body, b"contact")
    equal(program.get("/outside").status, 404)


@check
def listings_are_on_and_escape_names(folder):
    root = site(folder)
    program = Program(root)
    answer = program.get("/")
    page = answer.body.decode()
    equal(answer.headers["X-Content-Type-Options"], "nosniff")
    equal(program.get("/a.txt").headers["X-Content-Type-Options"], "nosniff")
    equal(program.get("/none").headers["X-Content-Type-Options"], "nosniff")
    holds("a.txt" in page and re.search(r"&(lt|#60);b&(gt|#62);", page), page)
    for word in (".hidden", "<b>"):
        holds(word not in page, page)
    program = Program(root, env={"RAWHTTP_LISTING": "0"})
    holds(program.get("/").status in (403, 404), "no listing")


@check
def a_single_page_application_gets_its_index(folder):
    root = site(folder)
    with open(os.path.join(root, "index.html"), "w") as file:
        file.write("<p>app")
    program = Program("--spa", root)
    equal(program.get("/some/view").body, b"<p>app")
    equal(program.get("/a.txt").body, b"alpha")


@check
def every_name_is_listed_in_order(folder):
    root = os.path.join(folder, "site")
    os.makedirs(os.path.join(root, "many"))
    os.makedirs(os.path.join(root, "empty"))
    os.makedirs(os.path.join(root, "Zoo"))
    for number in range(20_000):
        open(os.path.join(root, "many", f"File {number}.txt"), "w").close()
    for name, size in (("b10", 10), ("B9", 2_000_000), ("a", 1), ("C", 1500)):
        with open(os.path.join(root, name), "wb") as file:
            file.truncate(size)
    program = Program(root)
    names = lambda page: re.findall(r'<td><a[^>]*>([^<]*)</a>', page)
    page = program.get("/").body.decode()
    equal(names(page), ["empty/", "many/", "Zoo/", "a", "B9", "b10", "C"])
    holds('title="2,000,000 bytes">1.91 MiB<' in page and "UTC" in page, page)
    equal(names(program.get("/?sort=size&order=desc").body.decode())[3:], ["B9", "C", "b10", "a"])
    holds("This folder is empty." in program.get("/empty/").body.decode(), "a line for an empty folder")
    found, target = [], "/many/"
    while target:
        answer = program.get(target, headers={"Accept-Encoding": "gzip"})
        equal(answer.headers["Content-Encoding"], "gzip")
        page = gzip.decompress(answer.body).decode()
        found += names(page)
        more = re.search(r'rel="next" href="([^"]*)"', page)
        target = more and "/many/" + html.unescape(more.group(1))
    equal(found, [f"File {number}.txt" for number in range(20_000)])
    answer = program.get("/many/?sort=name&order=desc", headers={"Accept": "application/json"})
    listing = json.loads(answer.body)
    equal((listing["files"], listing["path"], listing["whole"]), (20_000, "/many/", True))
    equal(listing["entries"][0]["name"], "File 19999.txt")
    holds("Accept" in answer.headers["Vary"], answer.headers["Vary"])


@check
def many_listings_hold_nobody_up(folder):
    root = site(folder)
    os.mkdir(os.path.join(root, "many"))
    for number in range(3_000):
        open(os.path.join(root, "many", str(number)), "w").close()
    for number in range(20):
        with open(os.path.join(root, f"{number}.txt"), "w") as file:
            file.write(str(number))
    program = Program(root)
    streams = []
    for _ in range(40): # half of them leave
        stream = socket.create_connection(("127.0.0.1", program.port), timeout=60 * kit.SLOW)
        stream.sendall(b"GET /many/?sort=time HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        streams.append(stream)
    for stream in streams[::2]:
        stream.close()
    slowest = 0
    for number in range(20): # none of them is kept yet
        started = time.monotonic()
        equal(program.get(f"/{number}.txt").body, str(number).encode())
        slowest = max(slowest, time.monotonic() - started)
    for stream in streams[1::2]:
        answer = kit.read_all(stream)
        holds(answer.startswith(b"HTTP/1.1 200 ") and answer.count(b"<time") == 1000, answer[:200])
        stream.close()
    holds(slowest < 0.5 * kit.SLOW, f"{slowest:.2f} s")


@check
def a_page_of_the_folder_stands_for_what_is_missing(folder):
    root = site(folder)
    program = Program(root)
    holds(b"There is nothing at this address" in program.get("/none", headers={"Accept": "text/html"}).body, "ours")
    with open(os.path.join(root, "404.html"), "w") as file:
        file.write("<p>lost")
    answer = program.get("/other")
    equal((answer.status, answer.body), (404, b"<p>lost"))


@check
def text_opens_and_bytes_are_bytes(folder):
    root = site(folder)
    text = "text/plain; charset=utf-8"
    files = (("README", b"read me\n", text), ("Makefile", b"all:\n", text), ("main.py", b"pass", text),
             ("large", b"text " * 100_000, text), ("tool", b"\x7fELF\0", "application/octet-stream"),
             ("m.m3u8", b"#EXTM3U", "application/vnd.apple.mpegurl"))
    for name, content, _ in files:
        with open(os.path.join(root, name), "wb") as file:
            file.write(content)
    program = Program(root)
    for name, _, kind in files:
        for _ in range(2):
            equal(program.get("/" + name).headers["Content-Type"], kind, name)
    with open(os.path.join(root, "a.svgz"), "wb") as file:
        file.write(gzip.compress(b"<svg/>"))
    answer = program.get("/a.svgz")
    equal((answer.headers["Content-Type"], answer.headers["Content-Encoding"]), ("image/svg+xml", "gzip"))


@check
def several_ranges_come_as_parts(folder):
    root = site(folder)
    program = Program(root)
    for size in (5_000, 1_500_000):
        content = os.urandom(size)
        with open(os.path.join(root, f"{size}.bin"), "wb") as file:
            file.write(content)
        wanted = [(0, 9), (1000, 1999), (size - 5, size - 1)]
        answer = program.get(f"/{size}.bin", headers={"Range": "bytes=1000-1999,0-9,-5,1500-1700"})
        equal(answer.status, 206)
        equal(int(answer.headers["Content-Length"]), len(answer.body))
        kind, boundary = answer.headers["Content-Type"].split("; boundary=")
        equal(kind, "multipart/byteranges")
        pieces = answer.body.split(b"\r\n--" + boundary.encode())
        equal((pieces[0], pieces[-1]), (b"", b"--\r\n"))
        for piece, (first, last) in zip(pieces[1:-1], wanted, strict=True):
            head, _, body = piece.partition(b"\r\n\r\n")
            holds(f"Content-Range: bytes {first}-{last}/{size}".encode() in head, head)
            holds(b"Content-Type: application/octet-stream" in head, head)
            equal(body, content[first:last + 1], f"{first}-{last} of {size}")
        many = ",".join(f"{i * 300}-{i * 300 + 1}" for i in range(17))
        equal(program.get(f"/{size}.bin", headers={"Range": "bytes=" + many}).status, 200, "too many are none")
        equal(program.request("HEAD", f"/{size}.bin", headers={"Range": "bytes=0-1,900-901"}).status, 200)


@check
def files_have_descriptors_of_their_own(folder):
    root = site(folder)
    with open(os.path.join(root, "large.bin"), "wb") as file:
        file.truncate(8_000_000) # more than sockets take for a peer that does not read
    program = Program(root, command=["sh", "-c", 'ulimit -n 300; exec "$0" "$@"'])
    outcomes = []

    def finish(stream):
        answer = b""
        got = 0
        while piece := stream.recv(1 << 18):
            answer = answer or piece[:12]
            got += len(piece)
        outcomes.append((answer, got > 8_000_000))
        stream.close()

    streams = []
    for _ in range(230):
        stream = socket.create_connection(("127.0.0.1", program.port), timeout=60 * kit.SLOW)
        stream.sendall(b"GET /large.bin HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        streams.append(stream)
    time.sleep(0.5)
    threads = [threading.Thread(target=finish, args=(stream,)) for stream in streams]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal({outcome: outcomes.count(outcome) for outcome in outcomes}, {(b"HTTP/1.1 200", True): 230})


@check
def a_file_that_grows_or_vanishes_keeps_its_length(folder):
    root = site(folder)
    content = os.urandom(12_000_000)
    program = Program(root)
    for change in ("grow", "replace", "vanish"):
        path = os.path.join(root, "large.bin")
        with open(path, "wb") as file:
            file.write(content)
        time.sleep(1.1) # the last one is kept for a second
        with socket.create_connection(("127.0.0.1", program.port), timeout=20 * kit.SLOW) as stream:
            stream.sendall(b"GET /large.bin HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = stream.recv(4096)
            if change == "grow":
                with open(path, "ab") as file:
                    file.write(b"more" * 1000)
            elif change == "replace":
                with open(path + ".new", "wb") as file:
                    file.write(b"other" * 1000)
                os.rename(path + ".new", path)
            else:
                os.unlink(path)
            equal(program.get("/a.txt").body, b"alpha")
            while piece := stream.recv(1 << 20):
                answer += piece
        head, _, body = answer.partition(b"\r\n\r\n")
        holds(b"Content-Length: 12000000\r\n" in head, head)
        holds(body == content, change)


@check
def files_may_be_larger_than_memory(folder):
    root = site(folder)
    size = 5 << 30
    with open(os.path.join(root, "disk.img"), "wb") as file:
        file.truncate(size)
        file.seek(size - 4)
        file.write(b"last")
    program = Program(root)
    equal(program.request("HEAD", "/disk.img").headers["Content-Length"], str(size))
    answer = program.get("/disk.img", headers={"Range": f"bytes={size - 8}-"})
    equal((answer.status, answer.body), (206, b"\0\0\0\0last"))
    holds("5.00 GiB" in program.get("/").body.decode(), "its size in the list")


@check
def a_file_that_shrinks_is_cut_and_named(folder):
    root = site(folder)
    path = os.path.join(root, "large.bin")
    with open(path, "wb") as file:
        file.write(bytes(30_000_000))
    program = Program(root)
    with socket.create_connection(("127.0.0.1", program.port), timeout=20 * kit.SLOW) as stream:
        stream.sendall(b"GET /large.bin?secret HTTP/1.1\r\nHost: x\r\n\r\n")
        got = len(stream.recv(1000))
        os.truncate(path, 20_000_000)
        while piece := stream.recv(1 << 20):
            got += len(piece)
    holds(got < 30_000_000, got)
    line = program.wait_line("became shorter")
    holds("/large.bin was cut off" in line and "secret" not in line, line)
    equal(program.get("/a.txt").body, b"alpha")


@check
def rules_for_fields_types_and_names(folder):
    root = site(folder)
    for name, text in (("about.html", "<p>about"), ("sub/start.htm", "<p>start"), ("x.odd", "odd")):
        with open(os.path.join(root, name), "w") as file:
            file.write(text)
    rule = "*.txt: Cache-Control: public, max-age=60"
    for arguments, env in ((["--header", rule, "--header", "*: X-All: yes", "--mime", "odd=text/x-odd", "--clean-urls",
                             "--index", "start.htm", "--index", "index.html"], {}),
                           ([], {"RAWHTTP_HEADER": rule + "\n*: X-All: yes", "RAWHTTP_MIME": "odd=text/x-odd",
                                 "RAWHTTP_CLEAN_URLS": "1", "RAWHTTP_INDEX": "start.htm,index.html"})):
        program = Program(*arguments, root, env=env)
        answer = program.get("/a.txt")
        equal(answer.headers["Cache-Control"], "public, max-age=60")
        equal(answer.headers["X-All"], "yes")
        equal(program.get("/nothing").headers["X-All"], "yes", "errors too")
        holds(program.get("/x.odd").headers["Content-Type"].startswith("text/x-odd"), "its type")
        equal(program.get("/about").body, b"<p>about")
        equal(program.get("/sub/").body, b"<p>start", "the first that is there")
        equal(program.stop(), 0)


@check
def types_of_a_file_are_known(folder):
    root = site(folder)
    types = os.path.join(folder, "mime.types")
    open(types, "w").write("text/x-odd odd strange\n")
    open(os.path.join(root, "x.strange"), "w").write("odd")
    program = Program("--mime-types", types, root)
    holds(program.get("/x.strange").headers["Content-Type"].startswith("text/x-odd"), "its type")


@check
def rules_that_are_none_are_wrong_usage(folder):
    for arguments in (["--header", "Cache-Control"], ["--header", "*: Cache-Control"], ["--header", ": A: b"],
                      ["--header", "*: A B: c"], ["--mime", "md"], ["--mime", "md=text"], ["--index", "a/b"]):
        answer = kit.run("--port", "0", *arguments, folder)
        equal(answer.returncode, 2, str(arguments) + answer.stderr)
        equal(len(answer.stderr.splitlines()), 1, answer.stderr)


if __name__ == "__main__":
    kit.main()
