"""What the checks of HTTPS share: pairs made by the openssl program, and clients."""
import os
import socket
import ssl
import subprocess

import kit


def certificate(folder, name, hosts="DNS:localhost", signer=None, days=2, extensions=()):
    """A pair, self-signed or signed by another pair; returns the paths of certificate and key."""
    cert, key = os.path.join(folder, name + ".crt"), os.path.join(folder, name + ".key")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
               "-nodes", "-days", str(days), "-subj", f"/CN={name}", "-addext", f"subjectAltName={hosts}", "-keyout", key,
               "-out", cert]
    if signer:
        command += ["-CA", signer[0], "-CAkey", signer[1], "-addext", "basicConstraints=critical,CA:FALSE"]
    for extension in extensions:
        command += ["-addext", extension]
    subprocess.run(command, check=True, capture_output=True)
    os.chmod(key, 0o600)
    return cert, key


def client_context(version=None, client=None):
    """One that trusts anybody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if version:
        context.minimum_version = context.maximum_version = version
    if client:
        context.load_cert_chain(*client)
    return context


def connect(program, name="localhost", client=None, context=None, session=None):
    plain = socket.create_connection(("127.0.0.1", program.tls_port), timeout=20 * kit.SLOW)
    return (context or client_context(client=client)).wrap_socket(plain, server_hostname=name, session=session)


def get(program, path="/ping", name="localhost", client=None, context=None, session=None):
    with connect(program, name, client, context, session) as stream:
        stream.sendall(f"GET {path} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
        return kit.read_all(stream)
