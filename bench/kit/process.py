"""Processes that are pinned, measured and always stopped.

Everything started here is remembered by pid and ended at the exit of the tool, also after an error
or Ctrl-C. Nothing is ever ended by name.
"""

import atexit
import os
import re
import resource
import signal
import socket
import subprocess
import time

_running = []
DESCRIPTORS = 32768
_TICK = os.sysconf("SC_CLK_TCK")


class Failed(Exception):
    """A server or a client did not do what it was started for; the text says what."""


def cpu_between(before, after):
    """CPU seconds from one Process.cpu() to a later one: (all, user, system).

    Taken thread by thread: a helper process that ended meanwhile must not be subtracted from the rest.
    """
    sums = {"all": 0.0, "user": 0.0, "system": 0.0}
    for (kind, number), seconds in after.items():
        sums[kind] += max(seconds - before.get((kind, number), 0.0), 0.0)
    return sums["all"] or sums["user"] + sums["system"], sums["user"], sums["system"]


def _raise_descriptors():
    """Room for all connections, with what a peer wants besides (lighttpd: two for each)."""
    for limit in (DESCRIPTORS, resource.getrlimit(resource.RLIMIT_NOFILE)[1]):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
            return
        except (OSError, ValueError):
            continue


class Process:
    """A child process, pinned to cores, with its own children counted in."""

    def __init__(self, command, cores=None, cwd=None, stderr=subprocess.DEVNULL, **more):
        def pin():
            os.setsid()
            if cores:
                os.sched_setaffinity(0, cores)
            _raise_descriptors()
        self.command = command
        self.child = subprocess.Popen(command, preexec_fn=pin, cwd=cwd, stderr=stderr,
                                      **{"stdin": subprocess.DEVNULL,
                                         "stdout": subprocess.DEVNULL, **more})
        self.pid = self.child.pid
        _running.append(self)

    def name(self):
        return os.path.basename(self.command[0])

    def pids(self):
        """The process and all that descend from it."""
        found, todo = [], [self.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            try:
                for thread in os.listdir(f"/proc/{pid}/task"):
                    with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
                        todo.extend(int(child) for child in file.read().split())
            except OSError:
                pass
        return found

    def cpu(self):
        """CPU seconds used so far, by process and thread: two of these are for cpu_between.

        A thread's are the scheduler's own count in nanoseconds; a process's user and system are its ticks
        of 10 ms, good for the split of a long run only.
        """
        used = {}
        for pid in self.pids():
            try:
                with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
                    fields = file.read().rsplit(")", 1)[1].split()
                used["user", pid] = int(fields[11]) / _TICK
                used["system", pid] = int(fields[12]) / _TICK
                for thread in os.listdir(f"/proc/{pid}/task"):
                    with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
                        used["all", thread] = int(file.read().split()[0]) / 1e9
            except OSError:
                pass
        return used

    def memory(self):
        """Bytes of memory that are this process tree's own (proportional set size)."""
        total = 0
        for pid in self.pids():
            try:
                with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                    total += int(re.search(r"^Pss:\s+(\d+) kB", file.read(), re.M).group(1)) * 1024
            except (OSError, AttributeError):
                pass
        return total

    def alive(self):
        return self.child.poll() is None

    def wait_port(self, port, seconds=15.0):
        """Waits until the port takes connections."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not self.alive():
                raise Failed(f"{self.name()} ended with code {self.child.returncode}")
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=1):
                    return
            except OSError:
                time.sleep(0.02)
        raise Failed(f"{self.name()} does not listen after {seconds:g} s")

    def stop(self, seconds=5.0):
        """SIGTERM, and SIGKILL for what is still there after some seconds."""
        if self in _running:
            _running.remove(self)
        pids = self.pids()
        if self.alive():
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(seconds)
            except subprocess.TimeoutExpired:
                for pid in pids:
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        pass
                self.child.wait()
        for stream in (self.child.stdin, self.child.stdout, self.child.stderr):
            if stream:
                stream.close()
        return self.child.returncode


def run(command, cores=None, seconds=60.0, cwd=None, env=None):
    """Runs a command to its end, bounded; answers its standard output."""
    process = Process(command, cores, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        out, err = process.child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired as late:
        raise Failed(f"{process.name()} took more than {seconds:g} s") from late
    finally:
        process.stop()
    if process.child.returncode != 0:
        text = (err or out).decode(errors="replace").strip().splitlines()
        raise Failed(f"{process.name()}: {text[-1] if text else 'failed'}")
    return out.decode(errors="replace")


@atexit.register
def stop_all():
    for process in list(_running):
        process.stop(1.0)
