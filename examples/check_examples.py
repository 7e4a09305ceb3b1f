"""Runs each example on a free port, asks it what its opening comment says, and stops it."""
import base64
import os
import re
import socket
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


def chat(url):
    host, port = re.match(r"http://([^:]+):(\d+)/", url).groups()
    sockets = [socket.create_connection((host, int(port)), timeout=30) for _ in range(2)]
    for one in sockets:
        one.sendall(b"GET /chat HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        assert b" 101 " in one.recv(4096)
    sockets[0].sendall(b"\x81\x82\0\0\0\0hi")
    for one in sockets:
        assert one.recv(100) == b"\x81\x02hi"
        one.close()


def loops(url):
    assert re.match(rb"loop [01] has answered \d+\n", ask(url + "count")[1])


def https(url, secure):
    assert ask(url)[1] == b"hello, everybody\n"
    assert ask(secure)[1] == b"hello, privately\n"


def behind_proxy(url):
    said = {"X-Forwarded-For": "198.51.100.1, 203.0.113.9", "X-Forwarded-Proto": "https"}
    assert ask(url + "who", headers=said) == (200, b"203.0.113.9 by https\n")
    assert ask(url + "who") == (200, b"127.0.0.1 by http\n")


def bearer(url):
    for path, token, status in (("me", "ada", 200), ("me", "eve", 401), ("robots", "r2d2-4711", 200), ("robots", "ada", 401)):
        assert ask(url + path, headers={"Authorization": "Bearer " + token})[0] == status, (path, token)
    assert ask(url + "me")[0] == 401


def login(url):
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    browser.addheaders = [("Accept", "text/html")]
    page = browser.open(url + "diary", timeout=30)
    assert page.geturl().endswith("/login?next=/diary") and b"<form" in page.read()
    assert browser.open(page.geturl(), b"name=ada&password=lovelace", timeout=30).read() == b"Dear diary of ada\n"
    assert browser.open(url + "diary", timeout=30).read() == b"Dear diary of ada\n"
    assert b"<form" in browser.open(url + "logout", b"", timeout=30).read()
    assert browser.open(url + "diary", timeout=30).geturl().endswith("next=/diary")
    assert ask(url + "login", b"name=ada&password=x")[0] == 401


def cors(url):
    def preflight(path, method, origin):
        fields = {"Origin": origin, "Access-Control-Request-Method": method}
        answer = urllib.request.urlopen(urllib.request.Request(url + path, None, fields, method="OPTIONS"), timeout=30)
        return answer.headers["Access-Control-Allow-Origin"], answer.headers["Access-Control-Allow-Credentials"]

    assert preflight("basket", "PUT", "https://shop.example") == ("https://shop.example", "true")
    assert preflight("basket", "PUT", "https://evil.example") == (None, None)
    assert preflight("weather", "GET", "https://evil.example") == ("*", None)
    assert preflight("diary", "GET", "https://shop.example") == (None, None)


def time_limit(url):
    assert ask(url + "slow")[0] == 503
    assert ask(url + "patient") == (200, b"at last\n")


def htpasswd(url):
    assert ask(url)[0] == 401
    for name, status in ((b"ada:lovelace", 200), (b"ada:x", 401), (b"ada:lovelace", 200)):
        assert ask(url, headers={"Authorization": "Basic " + base64.b64encode(name).decode()})[0] == status


passed = failed = 0
USERS = "ada:$2y$04$m.l32k1j7a12CkhOu2G03.yCNUQ6C04oTwLe1Nz2XLZ.4//MzCNb6\n"
for check in (hello, own_loop, count_bytes, numbers, from_thread, middleware, form, loops, https, behind_proxy, bearer,
              login, cors, time_limit, htpasswd):
    if check is htpasswd and not os.path.exists(os.path.join(FOLDER, "example-htpasswd")):
        continue # built without libcrypt
    arguments = ["127.0.0.1:0"] * (2 if check is https else 1)
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "users"), "w") as users:
            users.write(USERS)
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
