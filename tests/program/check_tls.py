"""HTTPS as the options ask for it: pairs, development certificates, reload, client certificates, redirects, and
that protection fails closed."""
import json
import os
import re
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import time

import kit
from kit import Program, check, equal, holds, read_all, run
from tls_kit import certificate, client_context, connect, get


def subject(program, name):
    with connect(program, name) as stream:
        der = stream.getpeercert(binary_form=True)
    text = subprocess.run(["openssl", "x509", "-inform", "der", "-noout", "-subject"], input=der,
                          capture_output=True, check=True).stdout.decode()
    return re.search(r"CN ?= ?(\S+)", text).group(1)


@check
def a_development_pair_is_made_once(folder):
    copy = os.path.join(folder, "rawhttp-uv")
    os.symlink(kit.PROGRAM, copy)
    cert, key = os.path.join(folder, "a.crt"), os.path.join(folder, "a.key")
    arguments = ["--tls-port", "0", "--cert", cert, "--key", key, "--dev-cert"]
    program = Program(*arguments, tls=True)
    equal(program.urls, [f"http://localhost:{program.port}/", f"https://localhost:{program.tls_port}/"])
    holds(any("development certificate" in line for line in program.lines), program.lines)
    equal(stat.S_IMODE(os.stat(key).st_mode), 0o600)
    holds(get(program).endswith(b"pong"), "over TLS")
    equal(program.get("/ping").body, b"pong")
    equal(program.stop(), 0)
    before = open(cert, "rb").read()
    equal(Program(*arguments, tls=True).stop(), 0)
    equal(open(cert, "rb").read(), before, "the pair that was there")


@check
def the_default_pair_is_found_in_the_current_folder(folder):
    cert, key = certificate(folder, "server")
    program = Program("--tls-port", "0", tls=True, cwd=folder)
    holds(get(program).endswith(b"pong"), "over TLS")
    equal(program.stop(), 0)
    program = Program("--no-tls", tls=True, cwd=folder)
    equal(program.tls_port, None)


@check
def a_broken_pair_is_a_warning_and_http_goes_on(folder):
    cert, key = certificate(folder, "a")
    other = certificate(folder, "b")[1]
    program = Program("--tls-port", "0", "--cert", cert, "--key", other, tls=True)
    equal(program.tls_port, None)
    holds(any("warning" in line for line in program.lines), program.lines)
    program.wait_line("certificates: 0 of 1 loaded")
    equal(program.get("/ping").body, b"pong")


@check
def a_named_file_that_is_not_there_is_exit_1(folder):
    cert, key = certificate(folder, "a")
    none = os.path.join(folder, "none")
    for pair in ((cert, none), (none, key)):
        for more in ([], ["--dev-cert"]):
            answer = run("--port", "0", "--tls-port", "0", "--cert", pair[0], "--key", pair[1], *more)
            equal(answer.returncode, 1)
            holds("No such file" in answer.stderr and none in answer.stderr, answer.stderr)
    answer = run("--port", "0", env={"RAWHTTP_CERT": none, "RAWHTTP_KEY": none})
    equal(answer.returncode, 1)


@check
def https_starts_when_the_first_pair_is_repaired(folder):
    cert, key = certificate(folder, "a")
    good = open(key).read()
    for loops in ("1", "2"):
        open(key, "w").write("nonsense")
        program = Program("--tls-port", "0", "--loops", loops, "--cert", cert, "--key", key, tls=True,
                          preexec=os.setsid)
        equal(program.tls_port, None)
        open(key, "w").write(good)
        program.send_signal(signal.SIGHUP)
        program.wait_line("certificates reloaded: 1 of 1 loaded")
        url = program.wait_line("^https://localhost:")
        program.tls_port = int(re.search(r":(\d+)/", url).group(1))
        for _ in range(8):
            holds(get(program).endswith(b"pong"), "over TLS")
        equal(program.stop(), 0)


@check
def a_pair_that_failed_is_tried_again_by_the_watch(folder):
    first, second = certificate(folder, "one", "DNS:one.test"), certificate(folder, "two", "DNS:two.test")
    good = open(second[0]).read()
    open(second[0], "w").write("nonsense")
    program = Program("--tls-port", "0", "--cert", first[0], "--key", first[1], "--cert", second[0], "--key",
                      second[1], tls=True)
    program.wait_line("certificates: 1 of 2 loaded")
    equal(subject(program, "two.test"), "one")
    open(second[0], "w").write(good)
    program.wait_line("certificates reloaded: 2 of 2 loaded", 20)
    equal(subject(program, "two.test"), "two")


@check
def many_hangups_are_few_reloads(folder):
    cert, key = certificate(folder, "a")
    program = Program("--tls-port", "0", "--cert", cert, "--key", key, tls=True, preexec=os.setsid)
    for _ in range(3000):
        program.send_signal(signal.SIGHUP)
    program.wait_line("certificates reloaded")
    holds(get(program).endswith(b"pong"), "over TLS")
    equal(program.stop(), 0)
    holds(sum("certificates reloaded" in line for line in program.lines) < 10, program.lines)


@check
def a_key_that_others_may_read_is_a_warning_and_https_goes_on(folder):
    cert, key = certificate(folder, "a")
    os.chmod(key, 0o644)
    program = Program("--tls-port", "0", "--cert", cert, "--key", key, tls=True)
    holds(any("warning" in line and "a.key" in line for line in program.lines), program.lines)
    holds(get(program).endswith(b"pong"), "over TLS")


@check
def pairs_are_chosen_by_name(folder):
    first, second = certificate(folder, "one", "DNS:one.test"), certificate(folder, "two", "DNS:*.two.test")
    program = Program("--tls-port", "0", "--cert", first[0], "--key", first[1], "--cert", second[0], "--key",
                      second[1], tls=True)
    equal(subject(program, "one.test"), "one")
    equal(subject(program, "a.two.test"), "two")
    equal(subject(program, "unknown.test"), "one")


@check
def cert_and_key_come_in_pairs(_):
    equal(run("--cert", "a.crt").returncode, 2)
    equal(run(env={"RAWHTTP_KEY": "a.key,b.key", "RAWHTTP_CERT": "a.crt"}).returncode, 2)


@check
def hangup_reloads_and_a_bad_file_keeps_the_old(folder):
    cert, key = certificate(folder, "old")
    new = certificate(folder, "new")
    program = Program("--tls-port", "0", "--cert", cert, "--key", key, tls=True, preexec=os.setsid)
    equal(subject(program, "x.test"), "old")
    shutil.copy(new[0], cert)
    shutil.copy(new[1], key)
    program.send_signal(signal.SIGHUP)
    program.wait_line("certificates reloaded")
    equal(subject(program, "x.test"), "new")
    with open(cert, "w") as file:
        file.write("nonsense")
    program.send_signal(signal.SIGHUP)
    program.wait_line("warning: .*certificates in use stay")
    equal(subject(program, "x.test"), "new")
    equal(program.stop(), 0)


@check
def protection_fails_closed(folder):
    cert, key = certificate(folder, "a")
    pair = ["--cert", cert, "--key", key]
    nothing = os.path.join(folder, "nothing")
    for arguments in (["--redirect-https"], ["--client-ca", nothing, *pair],
                      ["--client-auth", "optional", "--client-ca", nothing, *pair], ["--client-ca", cert],
                      ["--redirect-https", "--cert", nothing, "--key", nothing]):
        answer = run("--port", "0", "--tls-port", "0", *arguments, cwd=folder)
        equal(answer.returncode, 1, str(arguments))
        holds(answer.stderr.splitlines()[-1].startswith("rawhttp-uv: --"), answer.stderr)


@check
def plain_http_is_redirected_with_hsts_over_tls(folder):
    cert, key = certificate(folder, "a")
    program = Program("--tls-port", "0", "--cert", cert, "--key", key, "--redirect-https", tls=True)
    answer = program.get("/users/7?x=y", headers={"Host": "name.test:8080"})
    equal(answer.status, 301)
    equal(answer.headers["Location"], f"https://name.test:{program.tls_port}/users/7?x=y")
    equal(answer.headers["Strict-Transport-Security"], None)
    answer = program.request("POST", "/echo", body=b"abc", headers={"Host": "[::1]:1"})
    equal((answer.status, answer.headers["Location"]), (308, f"https://[::1]:{program.tls_port}/echo"))
    equal(program.get("/no/such/page").status, 301)
    for target, path in (("http://name.test:80/a?b=//c", "/a?b=//c"), ("http://name.test", "/"),
                         ("http://name.test?q", "/?q")):
        raw = program.raw(f"GET {target} HTTP/1.1\r\nHost: name.test\r\nConnection: close\r\n\r\n".encode())
        holds(f"Location: https://name.test:{program.tls_port}{path}\r\n".encode() in raw, raw)
    answer = get(program)
    holds(b"Strict-Transport-Security: max-age=31536000" in answer and answer.endswith(b"pong"), answer)


@check
def client_certificates_are_asked_for(folder):
    authority = certificate(folder, "authority")
    cert, key = certificate(folder, "a")
    client = certificate(folder, "client", signer=authority)
    stranger = certificate(folder, "stranger")
    arguments = ["--tls-port", "0", "--cert", cert, "--key", key, "--client-ca", authority[0]]
    for more in ([], ["--client-auth", "required"]):
        program = Program(*arguments, *more, tls=True)
        holds(get(program, client=client).endswith(b"pong"), "a certificate of the authority")
        for wrong in (None, stranger):
            try:
                answer = get(program, client=wrong)
            except OSError:
                answer = b""
            holds(b"pong" not in answer, answer)
        equal(program.get("/ping").status, 301)
    program = Program(*arguments, "--client-auth", "optional", tls=True)
    holds(get(program).endswith(b"pong"), "none is accepted too")
    equal(program.get("/ping").body, b"pong")


@check
def keys_are_never_served(folder):
    site = os.path.join(folder, "site")
    os.mkdir(site)
    cert, key = certificate(site, "server")
    os.link(key, os.path.join(site, "innocent.txt"))
    open(os.path.join(site, "a.txt"), "w").write("alpha")
    for more in (["--tls-port", "0"], ["--no-tls"]):
        program = Program(*more, site, tls=True, cwd=site)
        equal(program.get("/a.txt").body, b"alpha")
        for name in ("server.key", "innocent.txt", "./server%2ekey"):
            equal(program.get("/" + name).status, 404, name)
        holds(b"server.key" not in program.get("/").body, "the listing")
        equal(program.stop(), 0)


@check
def a_key_is_private_from_the_first_instant(folder):
    """Renewed by rename, with a certificate that lags behind: what is at the path counts, not what was loaded."""
    site = os.path.join(folder, "site")
    os.mkdir(site)
    cert, key = certificate(site, "server")
    with open(os.path.join(site, "a.txt"), "w") as file:
        file.write("alpha")
    log = os.path.join(site, "access.log")
    program = Program("--tls-port", "0", "--log-file", log, "--client-ca", cert, "--client-auth", "optional", site,
                      tls=True, cwd=site)
    equal(program.get("/a.txt").body, b"alpha")
    _, renewed = certificate(folder, "renewed")
    os.rename(renewed, key)
    os.symlink("server.key", os.path.join(site, "alias.txt"))
    os.link(key, os.path.join(site, "twin.txt"))
    for name in ("server.key.old", "access.log.1"):
        with open(os.path.join(site, name), "w") as file:
            file.write("was there before")
    hidden = ("server.key", "server.crt", "alias.txt", "twin.txt", "access.log", "server.key.old", "access.log.1")
    for name in hidden:
        equal(program.get("/" + name).status, 404, name)
    page = program.get("/").body.decode()
    holds("a.txt" in page, page)
    for name in hidden:
        holds(name not in page, f"{name} is listed")


@check
def a_key_that_comes_later_is_private(folder):
    """The default pair is looked for here: whatever comes to be at its names is private."""
    site = os.path.join(folder, "site")
    os.mkdir(site)
    program = Program("--tls-port", "0", site, tls=True, cwd=site)
    certificate(site, "server")
    equal(program.get("/server.key").status, 404)
    holds(b"server.key" not in program.get("/").body, "the listing")


@check
def a_handshake_has_a_deadline(folder):
    cert, key = certificate(folder, "a")
    program = Program("--tls-port", "0", "--cert", cert, "--key", key, "--tls-timeout", "300ms", tls=True)
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", program.tls_port), timeout=20 * kit.SLOW) as stream:
        read_all(stream)
    holds(0.25 < time.monotonic() - started < 3 * kit.SLOW, "the handshake's deadline")


@check
def a_stop_under_tls_answers_what_is_in_flight(folder):
    cert, key = certificate(folder, "a")
    program = Program("--tls-port", "0", "--cert", cert, "--key", key, "--loops", "2", tls=True)
    streams = [connect(program) for _ in range(6)]
    for stream in streams:
        stream.sendall(b"GET /slow?ms=500 HTTP/1.1\r\nHost: x\r\n\r\n")
    time.sleep(0.2)
    program.send_signal(signal.SIGTERM)
    for stream in streams:
        holds(read_all(stream).endswith(b"answered after 500 ms\n"), "an answer was lost")
    equal(program.wait(), 0)


def curl(*arguments):
    return subprocess.run(["curl", "--silent", "--show-error", "--max-time", str(int(20 * kit.SLOW)), *arguments],
                          capture_output=True, text=True, env=kit.environment())


def s_client(program, *arguments, request="GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"):
    """What the openssl program says while it asks; it waits for the answer with its input open."""
    client = subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{program.tls_port}", "-ign_eof",
                               *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return client.communicate(request.encode(), timeout=20 * kit.SLOW)[0].decode(errors="replace")


def signed(folder, hosts="DNS:localhost,IP:127.0.0.1"):
    """An authority, and the arguments for a program with a pair that it signed."""
    authority = certificate(folder, "authority")
    cert, key = certificate(folder, "signed", hosts, signer=authority)
    return authority, ["--tls-port", "0", "--cert", cert, "--key", key]


@check
def curl_verifies_and_gets_its_answer_in_both_versions(folder):
    authority, arguments = signed(folder)
    program = Program(*arguments, tls=True)
    url = f"https://localhost:{program.tls_port}/ping"
    for choice, version in (("--tls-max", "1.2"), ("--tlsv1.3", None)):
        answer = curl("--cacert", authority[0], choice, *([version] if version else []), "--verbose", url)
        equal((answer.returncode, answer.stdout), (0, "pong"), answer.stderr)
        holds("SSL connection using TLSv" + (version or "1.3") in answer.stderr, answer.stderr)
    answer = curl("--cacert", authority[0], "--tls-max", "1.1", "--ciphers", "DEFAULT:@SECLEVEL=0", url)
    holds(answer.returncode != 0 and answer.stdout == "", "TLS 1.1 is not spoken")


@check
def curl_refuses_a_wrong_name_and_an_unknown_authority(folder):
    authority, arguments = signed(folder, "DNS:other.test")
    program = Program(*arguments, tls=True)
    url = f"https://localhost:{program.tls_port}/ping"
    equal(curl("--cacert", authority[0], url).returncode, 60, "the name is not in the certificate")
    equal(curl(url).returncode, 60, "the authority is unknown")
    answer = curl("--cacert", authority[0], "--resolve", f"other.test:{program.tls_port}:127.0.0.1",
                  f"https://other.test:{program.tls_port}/ping")
    equal((answer.returncode, answer.stdout), (0, "pong"), answer.stderr)
    holds(program.get("/ping").body == b"pong", "the server goes on")


@check
def curl_shows_its_certificate(folder):
    authority, arguments = signed(folder)
    stranger, client = certificate(folder, "stranger"), certificate(folder, "client", signer=authority)
    expected = {"required": {client: 0, None: 56, stranger: 56}, "optional": {client: 0, None: 0, stranger: 56}}
    for mode, cases in expected.items():
        program = Program(*arguments, "--client-ca", authority[0], "--client-auth", mode, tls=True)
        for pair, wanted in cases.items():
            for version in ("1.2", "1.3"):
                answer = curl("--cacert", authority[0], "--tls-max", version,
                              *(["--cert", pair[0], "--key", pair[1]] if pair else []),
                              f"https://localhost:{program.tls_port}/ping")
                equal(answer.stdout, "pong" if wanted == 0 else "", f"{mode}, {pair}, {version}: {answer.stderr}")
                equal(answer.returncode == 0, wanted == 0, f"{mode}, {pair}, {version}: {answer.stderr}")
        equal(program.stop(), 0)


@check
def sessions_are_resumed_by_ticket_and_by_id(folder):
    authority, arguments = signed(folder)
    program = Program(*arguments, "--loops", "2", tls=True)
    for version, options in ((ssl.TLSVersion.TLSv1_3, 0), (ssl.TLSVersion.TLSv1_2, 0),
                             (ssl.TLSVersion.TLSv1_2, ssl.OP_NO_TICKET)):
        context = client_context(version)
        context.options |= options
        session = None
        for visit in range(4):  # also on the other loop; an id is known to the loop's process, not to the loop
            with connect(program, context=context, session=session) as stream:
                stream.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                holds(read_all(stream).endswith(b"pong"), "an answer")
                equal(stream.session_reused, visit > 0, f"{version}, {options}, visit {visit}")
                session = stream.session
    holds(b'rawhttp_tls_resumed_total' in program.get("/metrics").body, "a metric counts them")


@check
def sessions_of_the_openssl_program_are_resumed(folder):
    _, arguments = signed(folder)
    program = Program(*arguments, tls=True)
    kept = os.path.join(folder, "session")
    for version in ("-tls1_2", "-tls1_3"):
        first = s_client(program, version, "-sess_out", kept)
        holds("New, TLSv1" in first and "pong" in first, first)
        second = s_client(program, version, "-sess_in", kept)
        holds("Reused, TLSv1" in second and "pong" in second, second)


@check
def the_openssl_program_finds_what_the_manual_says(folder):
    authority, arguments = signed(folder)
    program = Program(*arguments, tls=True)
    text = s_client(program, "-CAfile", authority[0], "-alpn", "http/1.1", "-servername", "localhost")
    holds("Verify return code: 0 (ok)" in text, text)
    holds("ALPN protocol: http/1.1" in text, text)
    holds("TLS_AES_128_GCM_SHA256" in text and "Server Temp Key: X25519" in text, text)
    holds("closed" in text.splitlines()[-1] and "unexpected eof" not in text, "the end is a closure alert: " + text)
    text = s_client(program, "-alpn", "http/1.1,h2")
    best = "h2" if "HTTP/2" in run("--version").stdout else "http/1.1"
    holds(f"ALPN protocol: {best}" in text, text)
    text = s_client(program, "-alpn", "h3")
    holds("no application protocol" in text and "pong" not in text, text)
    text = s_client(program, "-tls1_2", "-cipher", "AES128-SHA:AES128-GCM-SHA256")
    holds("handshake failure" in text and "pong" not in text, "no forward secrecy: " + text)
    text = s_client(program, "-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0")
    holds("alert protocol version" in text and "pong" not in text, text)
    holds(get(program).endswith(b"pong"), "the server goes on")


@check
def chromium_shows_the_demo_site(folder):
    chromium = shutil.which("chromium")
    if chromium is None:
        print("      skipped: chromium is not installed")
        return
    cert, key = os.path.join(folder, "dev.crt"), os.path.join(folder, "dev.key")
    program = Program("--tls-port", "0", "--cert", cert, "--key", key, "--dev-cert", "--access-log", "json",
                      tls=True)
    answer = subprocess.run([chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                             "--disable-background-networking", "--ignore-certificate-errors",
                             f"--user-data-dir={folder}/profile", "--virtual-time-budget=3000", "--dump-dom",
                             f"https://localhost:{program.tls_port}/"],
                            capture_output=True, text=True, timeout=90 * kit.SLOW, env=kit.environment())
    holds("</html>" in answer.stdout and "<h1" in answer.stdout, answer.stdout + answer.stderr)
    handshakes = re.search(rb"^rawhttp_tls_handshakes_total\S* (\d+)", program.get("/metrics").body, re.M)
    equal(program.stop(), 0)
    lines = [json.loads(line) for line in program.output.decode().splitlines()]
    paths = {line["path"] if "path" in line else line["target"]: line["status"] for line in lines}
    equal(paths.get("/"), 200, paths)
    wanted = re.findall(r'(?:src|href)="(/[^"]+\.(?:css|js|svg|png|ico))"', answer.stdout)
    holds(wanted, "the page has resources")
    for name in wanted:
        equal(paths.get(name), 200, f"{name} in {paths}")
    asked = len(lines) - 1  # the last one was for the metrics
    holds(0 < int(handshakes.group(1)) < asked, f"{handshakes.group(1)} handshakes for {asked} requests")


if __name__ == "__main__":
    kit.main()
