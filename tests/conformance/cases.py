"""The cases: a name, the section that asks for it, the bytes, and what must come back. The server has two files in its
root: index.html ("home") and file.txt (the alphabet)."""
from expect import (BELOW_500, ERROR, FINAL, OK, answers, at_most_one_then_end, either, ignored_or_refused, refuse,
                    refuse_or_cut)

ALPHABET = b"abcdefghijklmnopqrstuvwxyz"
NEXT = b"GET /file.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
# A request that nobody sends: who answers it was deceived.
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"
HOST = b"Host: localhost\r\n"
TERMINATORS = {"CRLF": b"\r\n", "LF": b"\n", "CR": b"\r", "CR X": b"\rX", "CR CR LF": b"\r\r\n", "LF CR": b"\n\r"}


class Case:
    def __init__(self, group, section, name, data, expectation, methods=("GET",), splits=False):
        self.group, self.section, self.name, self.data = group, section, name, data
        self.wanted, self.must_end, self.judge = expectation
        self.methods, self.splits = list(methods), splits


CASES = []
GROUP = None


def group(name):
    global GROUP
    GROUP = name


def case(section, name, data, expectation, methods=("GET",), splits=False):
    CASES.append(Case(GROUP, section, name, data, expectation, methods, splits))


def head(line=b"GET /file.txt HTTP/1.1", fields=b"", host=HOST, end=b"\r\n"):
    return line + b"\r\n" + host + fields + end


def is_file(replies):
    return None if replies[0].body == ALPHABET else f"body {replies[0].body[:40]!r}"


# --- The request line -------------------------------------------------------------------------------------------
group("request line")
case("RFC 9112 §3", "GET, then another on the same connection", head() + NEXT, answers(OK, OK, ends=True, check=is_file))
case("RFC 9112 §2.2", "an empty line before the request line is ignored or refused", b"\r\n" + NEXT,
     either(answers(OK, ends=True), refuse(400)))
case("RFC 9112 §2.2", "a bare CR in the request line", b"GET /file.txt\rX HTTP/1.1\r\n" + HOST + b"\r\n", refuse(400))
case("RFC 9112 §2.2", "white space between request line and first field",
     b"GET /file.txt HTTP/1.1\r\n " + HOST + b"\r\n", either(refuse(400), answers(ERROR)))
case("RFC 9112 §2.3", "HTTP/1.0 is answered", b"GET /file.txt HTTP/1.0\r\n\r\n", answers(OK, ends=True, check=is_file))
case("RFC 9110 §2.5", "a higher minor version is answered as 1.1, or with 505", head(b"GET /file.txt HTTP/1.2"),
     either(answers(OK), refuse(505), answers({505})))
case("RFC 9112 §2.3", "the version of an answer is HTTP/1.1", NEXT,
     answers(OK, check=lambda a: None if a[0].version == "1.1" else f"version {a[0].version}"))
for version in (b"HTTP/2.0", b"HTTP/3.0", b"HTTP/9.9"):
    case("RFC 9110 §15.6.6", f"major version {version.decode()}", head(b"GET /file.txt " + version), either(refuse(400, 505), answers({400, 505})))
for version in (b"http/1.1", b"HTTP/1", b"HTTP/1.", b"HTTP/.1", b"HTTP/11.1", b"HTTP/1.10", b"HTTP/1,1", b"HTTPS/1.1",
                b"HTTP /1.1", b"HTTP/ 1.1", b"HTTP/+1.1", b"HTTP/1.1 x", b"HTP/1.1", b"HTTP/a.1"):
    case("RFC 9112 §2.3", f"no version: {version.decode()}", head(b"GET /file.txt " + version), refuse_or_cut(400, 505))
for byte in (b"\x00", b"\x01", b"\x0b", b"\x0c", b"\x7f", b"\x80", b"\xff", b"(", b"/", b"@", b"[", b'"', b"{", b":", b";", b","):
    case("RFC 9110 §9.1", f"a method with the byte {byte!r}", head(b"GE" + byte + b"T /file.txt HTTP/1.1"),
         refuse_or_cut(400, 405, 501))
for method in (b"get", b"Get", b"BREW", b"X" * 30):
    case("RFC 9110 §9.1", f"unknown method {method.decode()[:8]}", head(method + b" /file.txt HTTP/1.1"),
         either(answers({400, 405, 501}), refuse(400, 405, 501)))
case("RFC 9112 §3", "a very long method", head(b"M" * 20000 + b" / HTTP/1.1"), refuse_or_cut())
case("RFC 9112 §3", "a target of 100,000 bytes", head(b"GET /" + b"a" * 100000 + b" HTTP/1.1"), refuse_or_cut(400, 414, 431))
case("RFC 6585 §5", "a head of 1 MB", head(fields=b"".join(b"X-%d: %s\r\n" % (i, b"a" * 1000) for i in range(1000))),
     refuse_or_cut(400, 413, 431, 494))

group("target")
for target, name in ((b"/file.txt?a=b&c=%20", "query"), (b"/%66ile.txt", "percent-encoded letter"), (b"/./file.txt", "dot segment"),
                     (b"/x/../file.txt", "dot segments"), (b"/file.txt?", "empty query"), (b"/file.txt??/", "query of marks"),
                     (b"/file.txt?ids[]=1&a{}|^`", "raw brackets in a query")):
    case("RFC 3986 §3", name, head(b"GET " + target + b" HTTP/1.1"),
         answers(OK, check=is_file) if b"[" not in target else ignored_or_refused())
for target in (b"http://localhost/file.txt", b"HTTP://LOCALHOST/file.txt"):
    case("RFC 9112 §3.2.2", f"absolute form {target.decode()[:5]}", head(b"GET " + target + b" HTTP/1.1"),
         answers(OK, check=is_file))
case("RFC 9112 §3.2.2", "absolute form wins over Host", head(b"GET http://localhost/file.txt HTTP/1.1", host=b"Host: other.example\r\n"),
     answers(OK, check=is_file))
case("RFC 9112 §3.2.2", "absolute form with a malformed Host", head(b"GET http://localhost/file.txt HTTP/1.1", host=b"Host: a b\r\n"),
     refuse(400))
case("RFC 9110 §7.4", "https target without TLS", head(b"GET https://localhost/file.txt HTTP/1.1"),
     either(refuse(400, 421), answers({400, 421})))
case("RFC 9112 §3.2.4", "OPTIONS *", head(b"OPTIONS * HTTP/1.1"), either(answers(BELOW_500), answers({501}), refuse(400, 405, 501)),
     ("OPTIONS",))
case("RFC 9112 §3.2.4", "GET *", head(b"GET * HTTP/1.1"), either(answers(ERROR), refuse()))
case("RFC 9110 §9.3.6", "CONNECT is not served, and nothing behind it", head(b"CONNECT localhost:1 HTTP/1.1") + HIDDEN,
     refuse_or_cut(400, 403, 404, 405, 501))
for byte in (b"\x00", b"\x01", b"\x1f", b"\x7f", b"\t", b"\x0b", b"\x0c"):
    case("RFC 9112 §3.2", f"control byte {byte!r} in a target", head(b"GET /file.txt?" + byte + b" HTTP/1.1"), refuse_or_cut(400))
case("RFC 9112 §3", "a space in a target", head(b"GET /file.txt a HTTP/1.1"), refuse_or_cut(400))
case("RFC 9112 §3.2", "a relative target", head(b"GET file.txt HTTP/1.1"), refuse_or_cut(400))
case("RFC 9112 §3.2", "no target", head(b"GET HTTP/1.1"), refuse_or_cut(400))
case("RFC 9110 §4.2.4", "user information in a target", head(b"GET http://user@localhost/file.txt HTTP/1.1"),
     either(refuse_or_cut(400), answers(BELOW_500)))
for target in (b"/../file.txt", b"/%2e%2e/file.txt", b"/..%2ffile.txt", b"/x/../../file.txt", b"/%2e%2e%2f%2e%2e%2fetc/passwd",
               b"/../../../../etc/passwd", b"/..%5c..%5cetc/passwd", b"/%c0%ae%c0%ae/etc/passwd"):
    case("RFC 3986 §5.2.4", f"a way out of the root: {target.decode()}", head(b"GET " + target + b" HTTP/1.1"),
         either(answers(FINAL, check=lambda a: "it got out" if b"root:" in a[0].body else None), refuse_or_cut()))
case("RFC 3986 §2.1", "'%' without digits in a path", head(b"GET /%zz HTTP/1.1"), either(answers(ERROR), refuse_or_cut()))
case("RFC 3986 §7.3", "%00 in a path", head(b"GET /file.txt%00.html HTTP/1.1"), either(answers(ERROR), refuse_or_cut()))

# --- Fields -----------------------------------------------------------------------------------------------------
group("Host")
case("RFC 9112 §3.2", "HTTP/1.1 without Host", b"GET /file.txt HTTP/1.1\r\n\r\n", either(refuse(400), answers({400})))
case("RFC 9112 §3.2", "two Host fields", head(fields=b"Host: other\r\n"), either(refuse(400), answers({400})))
case("RFC 9112 §3.2", "two equal Host fields", head(fields=HOST), either(refuse(400), answers({400})))
for value in (b"a b", b"a/b", b"a@b", b"http://a", b"a,b", b"a:b", b"[::1", b"a\x80", b"a?b", b"a#b", b"a\\b", b"<a>", b"a:99999"):
    if value == b"a,b":
        continue  # a comma may stand in a reg-name (RFC 3986 §3.2.2)
    case("RFC 9112 §3.2", f"Host: {value!r}", b"GET /file.txt HTTP/1.1\r\nHost: " + value + b"\r\n\r\n",
         either(refuse(400, 421), answers({400, 421})))
for value in (b"localhost:8080", b"127.0.0.1", b"[::1]:80", b"LOCALHOST", b"localhost."):
    case("RFC 9110 §7.2", f"Host: {value.decode()}", b"GET /file.txt HTTP/1.1\r\nHost: " + value + b"\r\n\r\n",
         answers(OK, check=is_file))

group("fields")
case("RFC 9110 §5.1", "names are case-insensitive", b"GET /file.txt HTTP/1.1\r\nhOST: localhost\r\ncONNECTION: cLOSE\r\n\r\n",
     answers(OK, ends=True, check=is_file))
case("RFC 9112 §5", "white space around a value is no part of it", b"GET /file.txt HTTP/1.1\r\nHost: \t localhost \t\r\n\r\n",
     answers(OK, check=is_file))
case("RFC 9112 §5", "no space behind the colon", b"GET /file.txt HTTP/1.1\r\nHost:localhost\r\n\r\n", answers(OK, check=is_file))
case("RFC 9112 §5.1", "white space between name and colon", head(fields=b"X : y\r\n"), either(refuse(400), answers({400})))
case("RFC 9112 §5.1", "tab between name and colon", head(fields=b"X\t: y\r\n"), either(refuse(400), answers({400})))
case("RFC 9112 §5.2", "a folded line is refused or read as a space", head(fields=b"X: a\r\n b\r\n"), ignored_or_refused())
case("RFC 9112 §5", "a line without a colon", head(fields=b"nonsense\r\n"), refuse_or_cut(400))
case("RFC 9112 §5", "an empty name", head(fields=b": y\r\n"), refuse_or_cut(400))
for byte in (b"\x00", b"\x01", b"\x0b", b"\x7f", b"\x80", b'"', b"(", b"/", b"@", b"["):
    case("RFC 9110 §5.1", f"{byte!r} in a name", head(fields=b"X" + byte + b"Y: z\r\n"), refuse_or_cut(400))
case("RFC 9110 §5.5", "NUL in a value", head(fields=b"X: a\x00b\r\n"), refuse_or_cut(400))
case("RFC 9110 §5.5", "a bare CR in a value", head(fields=b"X: a\rb\r\n"), refuse_or_cut(400))
case("RFC 9110 §5.5", "a bare CR before a name", head(fields=b"X: a\r\n\rY: b\r\n"), refuse_or_cut(400))
case("RFC 9110 §5.5", "obs-text and tabs in a value", head(fields=b"X: \xe9\t\xff\r\n"), ignored_or_refused())
case("RFC 9110 §5.1", "an unknown field is ignored", head(fields=b"X-Unknown: 1\r\n"), answers(OK, check=is_file))

# --- Framing ----------------------------------------------------------------------------------------------------
group("framing")


def post(fields, body=b"", line=b"POST /file.txt HTTP/1.1"):
    return head(line, fields) + body


def two(first=BELOW_500):
    """The message ended where it says, and the next one was found."""
    return either(answers(first, OK, ends=True, check=lambda a: None if a[1].body == ALPHABET else "not the next request"),
                  answers(first, ends=True))


P = ("POST", "GET")
case("RFC 9112 §6.2", "a body of Content-Length, then another request", post(b"Content-Length: 5\r\n", b"hello" + NEXT), two(), P)
case("RFC 9112 §6.3", "Content-Length: 0", post(b"Content-Length: 0\r\n", NEXT), two(), P)
case("RFC 9112 §6.3", "neither length nor coding: no body", post(b"", NEXT), two(set(range(200, 500))), P)
case("RFC 9110 §8.6", "GET with a body", post(b"Content-Length: 5\r\n", b"hello" + NEXT, b"GET /file.txt HTTP/1.1"), two(), ("GET",))
case("RFC 9112 §7.1", "chunks, then another request",
     post(b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n" + NEXT), two(), P)
case("RFC 9112 §7.1", "chunk sizes in both cases and with zeros",
     post(b"Transfer-Encoding: chunked\r\n", b"00a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n" + NEXT), two(), P)
case("RFC 9112 §7", "the name of the coding is case-insensitive",
     post(b"Transfer-Encoding: ChUnKeD\r\n", b"5\r\nhello\r\n0\r\n\r\n" + NEXT), two(), P)
for extension in (b";a", b";a=b", b';a="b;c"', b";a=b;c=d", b';a="\\""'):
    case("RFC 9112 §7.1.1", f"an extension that is not known is ignored: {extension.decode()}",
         post(b"Transfer-Encoding: chunked\r\n", b"5" + extension + b"\r\nhello\r\n0" + extension + b"\r\n\r\n" + NEXT), two(), P)
case("RFC 9112 §7.1.2", "a trailer section", post(b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n0\r\nX-T: 1\r\nX-U: 2\r\n\r\n" + NEXT),
     two(), P)
for value in (b"-1", b"+5", b"5 5", b"0x5", b"5,6", b"a", b"", b"5;", b"5.0", b"1e1", b"\xb2", b"5, 5x", b"99999999999999999999999",
              b"18446744073709551621", b"9223372036854775808", b'"5"', b"5\x0b", b"\x005", b"5-", b"0 5"):
    case("RFC 9112 §6.3", f"Content-Length: {value!r}", post(b"Content-Length: " + value + b"\r\n", b"hello" + HIDDEN),
         refuse_or_cut(400, 411, 413))
case("RFC 9112 §6.3", "two different Content-Length fields",
     post(b"Content-Length: 5\r\nContent-Length: 6\r\n", b"hello" + HIDDEN), refuse_or_cut(400))
case("RFC 9112 §6.3", "a list of different lengths", post(b"Content-Length: 5, 6\r\n", b"hello" + HIDDEN), refuse_or_cut(400))
case("RFC 9112 §6.3", "the end of input inside a body of known length is no whole request",
     b"POST /file.txt HTTP/1.0\r\nContent-Length: x\r\n\r\nabc", refuse_or_cut(400, 411))
for value in (b"gzip", b"gzip, chunked", b"identity", b"chunked, gzip", b"foo, chunked", b"chunked, chunked"):
    case("RFC 9112 §6.1", f"a coding that is not understood: {value.decode()}",
         post(b"Transfer-Encoding: " + value + b"\r\n", b"0\r\n\r\n" + HIDDEN), refuse_or_cut(400, 411, 501))
case("RFC 9112 §6.1", "Transfer-Encoding in HTTP/1.0 is faulty framing",
     post(b"Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n", b"0\r\n\r\n" + HIDDEN, b"POST /file.txt HTTP/1.0"),
     at_most_one_then_end(), ("POST",))
for size in (b"", b"g", b"-1", b"+1", b"0x1", b"1 1", b" 1", b"\t1", b"1\x00", b"1_0", b"ffffffffffffffffff", b"8000000000000000000000005",
             b"10000000000000005", b"\xb9"):
    case("RFC 9112 §7.1", f"chunk size {size!r}", post(b"Transfer-Encoding: chunked\r\n", size + b"\r\nhello\r\n0\r\n\r\n" + HIDDEN),
         at_most_one_then_end(), ("POST",))
case("RFC 9112 §7.1", "a chunk longer than its size", post(b"Transfer-Encoding: chunked\r\n", b"4\r\nhello\r\n0\r\n\r\n" + HIDDEN),
     at_most_one_then_end(), ("POST",))
case("RFC 9112 §7.1", "two bytes in the place of a chunk's CRLF", post(b"Transfer-Encoding: chunked\r\n", b"5\r\nhelloXX0\r\n\r\n" + HIDDEN),
     at_most_one_then_end(), ("POST",))

# --- Connections ------------------------------------------------------------------------------------------------
group("connection")


def ended():
    """One answer and the end; bytes behind the end may be called an error, and are never served."""
    return either(answers(OK, ends=True, check=is_file), answers(OK, {400}, ends=True, check=is_file))


case("RFC 9112 §9.3", "1.1 persists", head() + head() + NEXT, answers(OK, OK, OK, ends=True))
case("RFC 9112 §9.6", "close ends it, and nothing behind is answered", NEXT + HIDDEN, ended())
case("RFC 9112 §9.6", "close among other options", head(fields=b"Connection: x, CLOSE , y\r\n") + HIDDEN, ended())
case("RFC 9110 §5.3", "close in a second line", head(fields=b"Connection: x\r\nConnection: close\r\n") + HIDDEN, ended())
case("RFC 9112 §9.6", "the answer to close says close", NEXT,
     answers(OK, ends=True, check=lambda a: None if "close" in (a[0].get("connection") or "") else "no Connection: close"))
case("RFC 9112 §9.3", "1.0 ends", b"GET /file.txt HTTP/1.0\r\nHost: localhost\r\n\r\n" + HIDDEN, ended())
case("RFC 9112 §9.3.2", "pipelined requests are answered in order",
     head(b"GET /file.txt HTTP/1.1") + head(b"GET /no HTTP/1.1") + head(b"HEAD /file.txt HTTP/1.1") + NEXT,
     answers(OK, {404}, OK, OK, ends=True), ("GET", "GET", "HEAD", "GET"))
case("RFC 9112 §9.3.2", "fifty pipelined requests", head() * 50 + NEXT, answers(*[OK] * 51, ends=True))
case("RFC 9110 §10.1.1", "100-continue: a final answer comes, and the framing holds",
     post(b"Expect: 100-continue\r\nContent-Length: 5\r\n", b"hello" + NEXT), either(two(), refuse(417)), P)
case("RFC 9110 §10.1.1", "Expect in HTTP/1.0 is ignored",
     post(b"Expect: 100-continue\r\nContent-Length: 5\r\n", b"hello", b"POST /file.txt HTTP/1.0"),
     (1, True, lambda r: "a 100 for HTTP/1.0" if r.interim else None if len(r.answers) == 1 else f"got {r}"), ("POST",))
case("RFC 9110 §7.8", "Upgrade to what is not known is ignored", head(fields=b"Connection: upgrade\r\nUpgrade: x/1\r\n"), answers(OK, check=is_file))

# --- Semantics --------------------------------------------------------------------------------------------------
group("semantics")


def same_as_get(replies):
    for name in ("content-type", "etag", "last-modified", "content-length"):
        if replies[0].get(name) and replies[1].get(name) and replies[0].get(name) != replies[1].get(name):
            return f"{name} differs"
    return None


case("RFC 9110 §9.3.2", "HEAD has no content", head(b"HEAD /file.txt HTTP/1.1") + NEXT, answers(OK, OK, ends=True, check=same_as_get),
     ("HEAD", "GET"))
case("RFC 9110 §9.3.2", "HEAD of what is missing has no content", head(b"HEAD /no HTTP/1.1") + NEXT, answers({404}, OK, ends=True), ("HEAD", "GET"))
case("RFC 9110 §9.3.2", "a refused HEAD has no content", b"HEAD /file.txt HTTP/1.1\r\n\r\n", either(refuse(400), answers({400})), ("HEAD",))
case("RFC 9110 §15.5.6", "405 says Allow", head(b"DELETE /file.txt HTTP/1.1"),
     either(answers({405}, check=lambda a: None if a[0].get("allow") is not None else "no Allow"), answers({200, 400, 403, 404, 501}),
            refuse(400, 403, 501)), ("DELETE",))
case("RFC 9110 §9.3.8", "TRACE gives nothing secret back", head(b"TRACE /file.txt HTTP/1.1", b"Cookie: secret\r\n"),
     either(answers(FINAL, check=lambda a: "it returned the cookie" if b"secret" in a[0].body else None), refuse()), ("TRACE",))
case("RFC 9110 §6.6.1", "Date in an answer", NEXT, answers(OK, check=lambda a: None if a[0].get("date") else "no Date"))
case("RFC 9110 §5.6.7", "Date is an IMF-fixdate", NEXT, answers(OK, check=lambda a: None if len(a[0].get("date") or "") == 29 else "not that form"))
case("RFC 9112 §6.1", "one framing field", NEXT, answers(
    OK, check=lambda a: "both" if a[0].get("content-length") and a[0].get("transfer-encoding") else None))
case("RFC 9112 §6.1", "no Transfer-Encoding to HTTP/1.0", b"GET /file.txt HTTP/1.0\r\n\r\n", answers(
    OK, check=lambda a: "a coding" if a[0].get("transfer-encoding") else None))
group("conditions")


def then_next(status, check=None):
    """This answer, and then that of another request or the end of the connection."""
    return either(answers(status, OK, ends=True, check=check), answers(status, ends=True, check=check))


case("RFC 9110 §8.6", "no Content-Length with 304 but that of 200", head(fields=b"If-None-Match: *\r\n") + NEXT,
     then_next({304}, lambda a: None if a[0].get("content-length") in (None, "26") else "another length"))
PAST, MODIFIED, LATER = b"Sun, 06 Nov 1994 08:49:37 GMT", b"Sun, 09 Sep 2001 01:46:40 GMT", b"Tue, 01 Jan 2002 00:00:00 GMT"
TAG = b"@TAG@"  # the tag that the server gave the file
for fields, status, name in (
        (b"If-None-Match: *\r\n", 304, "If-None-Match: *"), (b'If-None-Match: "no"\r\n', 200, "If-None-Match of another"),
        (b"If-Match: *\r\n", 200, "If-Match: *"), (b'If-Match: "no"\r\n', 412, "If-Match of another"),
        (b"If-None-Match: " + TAG + b"\r\n", 304, "If-None-Match of the tag"),
        (b"If-None-Match: W/" + TAG + b"\r\n", 304, "If-None-Match compares weakly"),
        (b'If-None-Match: "a", ' + TAG + b"\r\n", 304, "If-None-Match is a list"),
        (b"If-Match: " + TAG + b"\r\n", 200, "If-Match of the tag"),
        (b"If-Match: W/" + TAG + b"\r\n", 412, "If-Match compares strongly"),
        (b'If-Match: "a" ,, ' + TAG + b"\r\n", 200, "If-Match is a list, perhaps with empty elements"),
        (b'If-Match: "no"\r\nIf-Match: ' + TAG + b"\r\n", 200, "If-Match over two lines"),
        (b'If-None-Match: "no"\r\nIf-None-Match: ' + TAG + b"\r\n", 304, "If-None-Match over two lines"),
        (b"If-Modified-Since: " + MODIFIED + b"\r\n", 304, "If-Modified-Since of that date"),
        (b"If-Modified-Since: " + PAST + b"\r\n", 200, "If-Modified-Since earlier"),
        (b"If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT\r\n", 200, "an obsolete form of a date (RFC 850)"),
        (b"If-Modified-Since: Sun Nov  6 08:49:37 1994\r\n", 200, "an obsolete form of a date (asctime)"),
        (b"If-Modified-Since: nonsense\r\n", 200, "a date that is none is ignored"),
        (b'If-None-Match: "no"\r\nIf-Modified-Since: ' + MODIFIED + b"\r\n", 200, "If-None-Match wins over If-Modified-Since"),
        (b"If-Unmodified-Since: " + PAST + b"\r\n", 412, "If-Unmodified-Since earlier"),
        (b"If-Unmodified-Since: " + LATER + b"\r\n", 200, "If-Unmodified-Since later"),
        (b"If-Match: *\r\nIf-Unmodified-Since: " + PAST + b"\r\n", 200, "If-Match wins over If-Unmodified-Since")):
    case("RFC 9110 §13", name, head(fields=fields) + NEXT, then_next({status}))

group("ranges")


def ranged(content, text):
    def check(replies):
        if replies[0].body != content:
            return f"body {replies[0].body[:40]!r}"
        return None if replies[0].get("content-range") == text else f"Content-Range {replies[0].get('content-range')!r}"
    return check


for spec, first, last in ((b"0-0", 0, 0), (b"0-4", 0, 4), (b"10-", 10, 25), (b"-5", 21, 25), (b"-100", 0, 25), (b"20-99", 20, 25),
                          (b"0-99999999999999999999", 0, 25)):
    content, text = ALPHABET[first:last + 1], f"bytes {first}-{last}/26"
    expectation = then_next({206}, ranged(content, text))
    if last - first == 25:  # all of it: a whole answer says the same
        expectation = either(expectation, then_next(OK, is_file))
    case("RFC 9110 §14.2", f"bytes={spec.decode()}", head(fields=b"Range: bytes=" + spec + b"\r\n") + NEXT, expectation)
for spec in (b"26-", b"100-200", b"-0"):
    case("RFC 9110 §15.5.17", f"bytes={spec.decode()} is not satisfiable", head(fields=b"Range: bytes=" + spec + b"\r\n") + NEXT,
         either(then_next({416}, lambda a: None if a[0].get("content-range") in (None, "bytes */26") else "Content-Range"),
                then_next(OK, is_file)))
for spec in (b"lines=0-1", b"bytes=5-2", b"bytes=a-b", b"bytes=", b"bytes", b"bytes=-", b"bytes=1-2-3"):
    case("RFC 9110 §14.2", f"Range: {spec.decode()} is ignored or refused", head(fields=b"Range: " + spec + b"\r\n") + NEXT,
         either(then_next(OK, is_file), then_next({400, 416})))
case("RFC 9110 §14.2", "Range with HEAD is ignored", head(b"HEAD /file.txt HTTP/1.1", b"Range: bytes=0-1\r\n") + NEXT,
     either(then_next(OK), then_next({206})), ("HEAD", "GET"))
case("RFC 9110 §13.1.5", "If-Range of the tag: the range", head(fields=b"Range: bytes=0-1\r\nIf-Range: " + TAG + b"\r\n") + NEXT,
     then_next({206}, ranged(b"ab", "bytes 0-1/26")))
case("RFC 9110 §13.1.5", "If-Range of a weak tag: the whole", head(fields=b"Range: bytes=0-1\r\nIf-Range: W/" + TAG + b"\r\n") + NEXT,
     then_next(OK, is_file))
case("RFC 9110 §13.1.5", "If-Range of another: the whole", head(fields=b'Range: bytes=0-1\r\nIf-Range: "no"\r\n') + NEXT,
     then_next(OK, is_file))
case("RFC 9110 §13.1.5", "If-Range of another date: the whole", head(fields=b"Range: bytes=0-1\r\nIf-Range: " + PAST + b"\r\n") + NEXT,
     then_next(OK, is_file))
case("RFC 9110 §14.2", "conditions come before ranges", head(fields=b"Range: bytes=0-1\r\nIf-None-Match: *\r\n") + NEXT,
     then_next({304}))

# --- Smuggling --------------------------------------------------------------------------------------------------
group("smuggling")
LAST = b"0\r\n\r\n"
case("RFC 9112 §6.1", "CL.TE", post(b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n" % len(LAST + HIDDEN), LAST + HIDDEN),
     at_most_one_then_end(), ("POST",), True)
case("RFC 9112 §6.1", "TE.CL", post(b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", b"%x\r\n%s\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN)),
     at_most_one_then_end(), ("POST",), True)
case("RFC 9112 §6.3", "CL.CL", post(b"Content-Length: 0\r\nContent-Length: %d\r\n" % len(HIDDEN), HIDDEN), refuse_or_cut(400), ("POST",), True)
case("RFC 9112 §6", "CL.0: a body where none is expected is read or the connection ends",
     head(b"GET /no HTTP/1.1", b"Content-Length: %d\r\n" % len(HIDDEN)) + HIDDEN, either(answers({404, 400}), answers({404, 400}, ends=True)), ("GET",))
case("RFC 9112 §6", "CL.0 on a method that is refused",
     post(b"Content-Length: %d\r\n" % len(HIDDEN), HIDDEN), either(answers(FINAL), answers(FINAL, ends=True)), ("POST",))
case("RFC 9112 §6", "0.CL: chunks on a GET", head(b"GET /no HTTP/1.1", b"Transfer-Encoding: chunked\r\n") + b"%x\r\n%s\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN),
     either(answers(ERROR), answers(ERROR, ends=True)), ("GET",))
for spelling in (b"Transfer-Encoding : chunked", b"Transfer-Encoding\t: chunked", b" Transfer-Encoding: chunked", b"Transfer-Encoding: xchunked",
                 b"Transfer-Encoding: chunkedx", b"Transfer-Encoding: chunked, xchunked", b"Transfer-Encoding: xchunked, chunked",
                 b"Transfer-Encoding: chunked;q=1", b'Transfer-Encoding: "chunked"', b"Transfer-Encoding: chunked\x0b",
                 b"Transfer-Encoding: \x0bchunked", b"Transfer-Encoding: \x0cchunked", b"Transfer-Encoding: chunked\x00",
                 b"Transfer-Encoding:\x00chunked", b"Transfer-Encoding: ch\xfcnked", b"Transfer-Encoding: chunked, identity",
                 b"Transfer-Encoding: identity, chunked", b"Transfer-Encoding: chunked, cow", b"Transfer-Encoding: cow\r\nTransfer-Encoding: chunked",
                 b"Transfer-Encoding: chunked\r\nTransfer-Encoding: cow", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
                 b"Transfer-Encoding: ,chunked,x", b"Transfer-Encoding:\r\n xchunked", b"Transfer-Encoding: x\r\n chunked", b"X: y\rTransfer-Encoding: chunked",
                 b"Transfer-Encoding\x00: chunked", b"Transfer-Encoding\xa0: chunked", b"Foo: bar\r\n\rTransfer-Encoding: chunked",
                 b"Transfer-Encoding: ch\tunked", b"Transfer-Encoding: chunk", b"Transfer-Encoding: 'chunked'"):
    case("RFC 9112 §6.1", f"TE.TE {spelling!r}", post(spelling + b"\r\nContent-Length: %d\r\n" % len(LAST + HIDDEN), LAST + HIDDEN),
         either(at_most_one_then_end(), answers(FINAL)), ("POST",))
case("RFC 9110 §5.1", "an underscore makes another field", post(b"Transfer_Encoding: chunked\r\nContent-Length: %d\r\n" % len(LAST + HIDDEN), LAST + HIDDEN),
     either(answers(FINAL), at_most_one_then_end()), ("POST",))
for name, terminator in TERMINATORS.items():
    valid = name == "CRLF"
    chunked = b"Transfer-Encoding: chunked\r\n"

    def mangled(kind, body):
        expectation = two() if valid else at_most_one_then_end()
        if kind == "TRAIL" and name == "LF":  # RFC 9112 §2.2: a line of fields may end so for a recipient
            expectation = either(expectation, answers(BELOW_500, {404}))
        case("RFC 9112 §7.1", f"{kind} {name}", post(chunked, body + (NEXT if valid else HIDDEN)), expectation,
             P if valid else ("POST",), True)
    mangled("SIZE.TERM", b"5" + terminator + b"hello\r\n0\r\n\r\n")
    mangled("EXT.TERM", b"5;a" + terminator + b"hello\r\n0\r\n\r\n")
    mangled("TERM.EXT", b"5;" + (b"a" if valid else terminator + b"a") + b"\r\nhello\r\n0\r\n\r\n")
    mangled("SPILL", b"5\r\nhello" + terminator + b"0\r\n\r\n")
    mangled("LAST", b"5\r\nhello\r\n0" + terminator + b"\r\n")
    mangled("TRAIL", b"5\r\nhello\r\n0\r\nX-T: 1" + terminator + b"\r\n")
for name, data in (("a quoted extension with CRLF", b'5;a="\r\nhello\r\n0\r\n\r\n"\r\nhello\r\n0\r\n\r\n'),
                   ("an open quote in an extension", b'5;a="b\r\nhello\r\n0\r\n\r\n'),
                   ("NUL in an extension", b"5;a\x00\r\nhello\r\n0\r\n\r\n"), ("a space before the size", b" 5\r\nhello\r\n0\r\n\r\n"),
                   ("a chunk that spills two bytes", b"5\r\nhelloAB0\r\n\r\n"), ("a chunk that spills one", b"5\r\nhelloA\r\n0\r\n\r\n"),
                   ("a size of 2^64 + 5", b"10000000000000005\r\nhello\r\n0\r\n\r\n"), ("hexadecimal with 0x", b"0x5\r\nhello\r\n0\r\n\r\n"),
                   ("folding in the trailer section", b"5\r\nhello\r\n0\r\nX: 1\r\n\x0b y\r\n\r\n")):
    case("RFC 9112 §7.1.1", name, post(b"Transfer-Encoding: chunked\r\n", data + HIDDEN), at_most_one_then_end(), ("POST",), True)
for field in (b"Content-Length: 100", b"Transfer-Encoding: chunked", b"Host: other"):
    case("RFC 9110 §6.5.1", f"{field.decode()} in a trailer section does not count",
         post(b"Transfer-Encoding: chunked\r\n", b"0\r\n" + field + b"\r\n\r\n" + NEXT), either(two(), refuse_or_cut(400)), P)
case("RFC 9110 §10.1.1", "Expect with GET", head(b"GET /no HTTP/1.1", b"Expect: 100-continue\r\nContent-Length: %d\r\n" % len(HIDDEN)) + HIDDEN,
     either(answers(ERROR), answers(ERROR, ends=True)))
case("RFC 9110 §10.1.1", "Expect doubled", post(b"Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: %d\r\n" % len(HIDDEN), HIDDEN),
     either(answers(FINAL), answers(FINAL, ends=True)), ("POST",))
case("RFC 9110 §10.1.1", "Expect of something else", post(b"Expect: x\r\nContent-Length: %d\r\n" % len(HIDDEN), HIDDEN),
     either(answers(FINAL), answers(FINAL, ends=True), refuse()), ("POST",))
for name, line, fields in (("404", b"POST /no HTTP/1.1", b""), ("405", b"DELETE /file.txt HTTP/1.1", b""), ("501", b"BREW /file.txt HTTP/1.1", b""),
                           ("412", b"GET /file.txt HTTP/1.1", b'If-Match: "no"\r\n'), ("416", b"GET /file.txt HTTP/1.1", b"Range: bytes=99-\r\n"),
                           ("304", b"GET /file.txt HTTP/1.1", b"If-None-Match: *\r\n"), ("OPTIONS", b"OPTIONS /file.txt HTTP/1.1", b""),
                           ("HEAD", b"HEAD /file.txt HTTP/1.1", b""), ("301", b"GET /folder HTTP/1.1", b"")):
    method = line.split()[0].decode()
    case("RFC 9112 §9.3", f"an early answer ({name}) with a request hidden in the body by length",
         head(line, fields + b"Content-Length: %d\r\n" % len(HIDDEN)) + HIDDEN, either(answers(FINAL), answers(FINAL, ends=True)), (method,))
    case("RFC 9112 §9.3", f"an early answer ({name}) with a request hidden in a chunk",
         head(line, fields + b"Transfer-Encoding: chunked\r\n") + b"%x\r\n%s\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN),
         either(answers(FINAL), answers(FINAL, ends=True)), (method,))
for target in (b"/folder%0d%0aX-Injected:%201", b"/folder/%0d%0aX-Injected:%201/..", b"//evil.example/%2e%2e", b"/%0d%0aSet-Cookie:%20a=b",
               b"/folder?%0d%0aX-Injected:%201"):
    case("RFC 9110 §5.5", f"{target.decode()} reaches no field",
         head(b"GET " + target + b" HTTP/1.1") + NEXT,
         either(answers(FINAL, OK, ends=True, check=lambda a: "injected" if a[0].get("x-injected") or a[0].get("set-cookie")
                        or "\r" in (a[0].get("location") or "") or (a[0].get("location") or "").startswith("//") else None),
                refuse_or_cut()))
