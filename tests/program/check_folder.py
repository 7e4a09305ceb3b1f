"""A folder and nothing else: rawhttp-uv DIR."""
import os
import re

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


if __name__ == "__main__":
    kit.main()
