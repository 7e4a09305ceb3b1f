"""Reads what callgrind wrote: instructions by object and by function.

The format is documented in valgrind's manual (callgrind format). Only self cost is summed: the line
that follows `calls=` holds the inclusive cost of the callee and is skipped.
"""

import collections
import re

_NAME = re.compile(r"^(c?(?:ob|fl|fi|fe|fn))=\((\d+)\)(?: (.*))?$")
_COST = re.compile(r"^(?:[+-]?\d+|\*|0x[0-9a-f]+)(?: (\d+))?")


def read(path):
    """{(object, function): instructions} of one callgrind.out file."""
    names = {"ob": {}, "fl": {}, "fn": {}}
    costs = collections.Counter()
    current_object = current_function = "???"
    skip = False
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            line = line.rstrip("\n")
            named = _NAME.match(line)
            if named:
                kind, number, text = named.groups()
                base = kind[-2:] if kind[-2:] in ("ob", "fn") else "fl"
                if text:
                    names[base][number] = text
                if kind == "ob":
                    current_object = names["ob"].get(number, "???")
                elif kind == "fn":
                    current_function = names["fn"].get(number, "???")
            elif line.startswith("calls="):
                skip = True
            elif skip:
                skip = False
            else:
                cost = _COST.match(line)
                if cost and cost.group(1):
                    costs[current_object, current_function] += int(cost.group(1))
    return costs


def difference(more, less, requests):
    """Instructions per request of every function, from a run with more requests and one with less."""
    return {key: (more[key] - less[key]) / requests
            for key in more | less if more[key] != less[key]}


def group(path, build):
    """The group that an object belongs to: ours, libuv, openssl, libc or other."""
    if path.startswith(build):
        return "ours"
    for part, name in (("libuv", "libuv"), ("libssl", "openssl"), ("libcrypto", "openssl"),
                       ("/libc.so", "libc"), ("/libc-", "libc"), ("ld-linux", "libc"),
                       ("libpthread", "libc"), ("vdso", "libc")):
        if part in path:
            return name
    return "other"


GROUPS = ("ours", "libuv", "openssl", "libc", "other")


def by_group(costs, build):
    """{group: instructions}, all groups present."""
    sums = dict.fromkeys(GROUPS, 0.0)
    for (path, _), cost in costs.items():
        sums[group(path, build)] += cost
    return sums
