"""HTTPS as the options ask for it: pairs, development certificates, reload, client certificates, redirects, and
that protection fails closed."""
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


def certificate(folder, name, hosts="DNS:localhost", signer=None):
    """A pair made by the openssl program; returns the paths of certificate and key."""
    cert, key = os.path.join(folder, name + ".crt"), os.path.join(folder, name + ".key")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
               "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName={hosts}", "-keyout", key, "-out", cert]
    if signer:
        command += ["-CA", signer[0], "-CAkey", signer[1]]
    subprocess.run(command, check=True, capture_output=True)
    os.chmod(key, 0o600)
    return cert, key


def connect(program, name="localhost", client=None):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if client:
        context.load_cert_chain(*client)
    plain = socket.create_connection(("127.0.0.1", program.tls_port), timeout=20 * kit.SLOW)
    return context.wrap_socket(plain, server_hostname=name)


def get(program, path="/ping", name="localhost", client=None):
    with connect(program, name, client) as stream:
        stream.sendall(f"GET {path} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
        return read_all(stream)


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
    for arguments in (["--cert", cert, "--key", other], ["--cert", cert, "--key", os.path.join(folder, "none")]):
        program = Program("--tls-port", "0", *arguments, tls=True)
        equal(program.tls_port, None)
        holds(any("warning" in line for line in program.lines), program.lines)
        equal(program.get("/ping").body, b"pong")


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
    for arguments in (["--redirect-https"], ["--redirect-https", "--no-tls", *pair], ["--client-auth", "required"],
                      ["--client-auth", "required", *pair], ["--client-ca", nothing, *pair],
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
    for more in ([], ["--no-tls"]):
        program = Program("--tls-port", "0", *more, site, tls=True, cwd=site)
        equal(program.get("/a.txt").body, b"alpha")
        for name in ("server.key", "innocent.txt", "./server%2ekey"):
            equal(program.get("/" + name).status, 404, name)
        holds(b"server.key" not in program.get("/").body, "the listing")
        equal(program.stop(), 0)


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


if __name__ == "__main__":
    kit.main()
