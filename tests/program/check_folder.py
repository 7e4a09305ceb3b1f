"""A folder and nothing else: rawhttp-uv DIR."""
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
    page = program.get("/").body.decode()
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


if __name__ == "__main__":
    kit.main()
