"""The machine a measurement was taken on: cores, versions, commit, free ports."""

import json
import os
import platform
import random
import re
import socket
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def cores():
    """The cores this process may use, in order."""
    return sorted(os.sched_getaffinity(0))


def server_core():
    """The core of the server: the last one, away from the interrupts that tend to the first."""
    return cores()[-1]


def client_core():
    """The core of the load client; the same as the server's where there is only one."""
    return cores()[0]


def free_port():
    """A port nobody listens on, below the range from which clients get theirs."""
    while True:
        port = random.randint(15000, 31000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def first_line(command):
    """The first line a command prints, or None when it cannot be run."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    text = done.stdout.decode(errors="replace").strip()
    return text.splitlines()[0] if text else None


def cpu_model():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as info:
        for line in info:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"


def commit():
    """The commit of the checkout, with a mark when files differ from it."""
    def git(*arguments):
        try:
            return subprocess.run(("git", "-C", ROOT) + arguments, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, timeout=10,
                                  check=False).stdout.decode().strip()
        except OSError:
            return ""
    head = git("rev-parse", "--short=12", "HEAD") or "unknown"
    return head + ("+changes" if git("status", "--porcelain", "--untracked-files=no") else "")


def library_versions():
    """Versions that move instruction counts: compiler, libc, libuv, OpenSSL."""
    def package(name):
        return first_line(["pkg-config", "--modversion", name]) or "unknown"
    return {
        "compiler": first_line(["cc", "--version"]) or "unknown",
        "libc": platform.libc_ver()[1] or "unknown",
        "libuv": package("libuv"),
        "openssl": package("openssl"),
    }


def build_options(folder):
    """The build options that move instruction counts, as one text."""
    try:
        done = subprocess.run(["meson", "introspect", "--buildoptions", folder],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60,
                              check=False)
        options = {o["name"]: o["value"] for o in json.loads(done.stdout)}
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return "unknown"
    return ", ".join(f"{name}={options[name]}" for name in
                     ("buildtype", "b_lto", "b_sanitize", "slab", "default_library")
                     if name in options)


def describe():
    """Name and value of everything a reader needs to place the numbers."""
    with open("/proc/meminfo", encoding="ascii") as info:
        memory = int(re.search(r"MemTotal:\s+(\d+)", info.read()).group(1)) // 1024
    facts = {
        "date": time.strftime("%Y-%m-%d %H:%M %Z"),
        "load before": f"{os.getloadavg()[0]:.2f}",
        "cpu": cpu_model(),
        "cores": str(len(cores())),
        "memory": f"{memory} MiB",
        "kernel": platform.release(),
        "commit": commit(),
    }
    facts.update(library_versions())
    return facts
