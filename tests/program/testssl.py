#!/usr/bin/env python3
"""What testssl.sh has to say about the program with a certificate that an authority of the test's own signed. Fails on
any finding above LOW but those that are named below with their reason. Takes some minutes: ./dev testssl runs it."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

import kit
from tls_kit import certificate

SECONDS = 900
GRAVE = {"MEDIUM", "HIGH", "CRITICAL"}
# What is not for a server library to settle.
ACCEPTED = {
    "BREACH": "pages are compressed on purpose: whoever answers secrets beside reflected input turns it off there",
}


def scan(folder):
    authority = certificate(folder, "authority")
    # As long and with the hint of revocation that real ones have: else these two are what it finds.
    cert, key = certificate(folder, "signed", "DNS:localhost,IP:127.0.0.1", signer=authority, days=120,
                            extensions=("crlDistributionPoints=URI:http://localhost/none.crl",))
    program = kit.Program("--tls-port", "0", "--cert", cert, "--key", key, tls=True)
    report = os.path.join(folder, "report.json")
    try:
        subprocess.run(["testssl", "--quiet", "--color", "0", "--warnings", "off", "--fast", "--nodns", "none", "--ip",
                        "127.0.0.1", "--add-ca", authority[0], "--jsonfile", report, "--protocols", "--std", "--fs",
                        "--server-defaults", "--server-preference", "--vulnerable", f"localhost:{program.tls_port}"],
                       check=True, timeout=SECONDS, stdin=subprocess.DEVNULL)
        kit.equal(program.stop(), 0)
    finally:
        kit.Program.end_all()
    with open(report, encoding="utf-8") as file:
        return json.load(file)


def main():
    if shutil.which("testssl") is None:
        print("skipped: testssl is not installed (apt install testssl.sh)")
        return 0
    with tempfile.TemporaryDirectory(prefix="rawhttp-") as folder:
        findings = scan(folder)
    grave = [one for one in findings if one["severity"] in GRAVE and one["id"] not in ACCEPTED]
    for one in findings:
        if one["severity"] in GRAVE:
            why = ACCEPTED.get(one["id"])
            print(f"{one['severity']}: {one['id']}: {one['finding']}" + (f" (accepted: {why})" if why else ""))
    if len(findings) < 50:
        print(f"only {len(findings)} findings: the scan did not come to its end")
        return 1
    print(f"{len(findings) - len(grave)} passed, {len(grave)} failed")
    return 1 if grave else 0


if __name__ == "__main__":
    sys.exit(main())
