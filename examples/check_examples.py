"""Runs each example on a free port, asks it what its opening comment says, and stops it."""
import os
import re
import ssl
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

FOLDER = os.environ["EXAMPLES"]
INSECURE = ssl.create_default_context()
INSECURE.check_hostname = False
INSECURE.verify_mode = ssl.CERT_NONE


def ask(url, data=None, headers=None):
    try:
        answer = urllib.request.urlopen(urllib.request.Request(url, data, headers or {}), context=INSECURE, timeout=30)
        return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def hello(url):
    assert ask(url + "ping") == (200, b"pong")


def own_loop(url):
    assert re.match(rb"\d+ ticks\n", ask(url + "ticks")[1])


def count_bytes(url):
    assert ask(url + "count", b"a\nb\n" * 100000) == (200, b"400000 bytes, 200000 lines\n")


def numbers(url):
    lines = ask(url + "numbers")[1].split()
    assert len(lines) == 1000000 and lines[-1] == b"1000000"


def from_thread(url):
    assert ask(url + "think") == (200, b"forty-two\n")


def middleware(url):
    assert ask(url + "admin/secret")[0] == 401
    assert ask(url + "admin/secret", headers={"Authorization": "Bearer open-sesame"}) == (200, b"the cave is open\n")


def form(url):
    assert b"Hello!" in ask(url)[1]
    assert b"Hello, &lt;b&gt;Ada!" in ask(url, b"name=%3Cb%3EAda")[1]
    assert b"Hello, Ada!" in ask(url, b'{"name":"Ada"}', {"Content-Type": "application/json"})[1]


def loops(url):
    assert re.match(rb"loop [01] has answered \d+\n", ask(url + "count")[1])


def https(url, secure):
    assert ask(url)[1] == b"hello, everybody\n"
    assert ask(secure)[1] == b"hello, privately\n"


def behind_proxy(url):
    said = {"X-Forwarded-For": "198.51.100.1, 203.0.113.9", "X-Forwarded-Proto": "https"}
    assert ask(url + "who", headers=said) == (200, b"203.0.113.9 by https\n")
    assert ask(url + "who") == (200, b"127.0.0.1 by http\n")


passed = failed = 0
for check in (hello, own_loop, count_bytes, numbers, from_thread, middleware, form, loops, https, behind_proxy):
    arguments = ["127.0.0.1:0"] * (2 if check is https else 1)
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen([os.path.join(FOLDER, "example-" + check.__name__), *arguments], cwd=folder,
                                   stderr=subprocess.PIPE, text=True)
        try:
            urls = []
            while len(urls) < len(arguments):
                line = process.stderr.readline()
                assert line, "it ended at once"
                urls += re.findall(r"https?://\S+", line)
            check(*urls)
            process.terminate()
            assert process.wait(timeout=30) == 0, f"exit code {process.returncode}"
            passed += 1
        except Exception as error:
            failed += 1
            print(f"FAIL  {check.__name__}: {error!r}")
        finally:
            process.kill()
            process.wait()
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
