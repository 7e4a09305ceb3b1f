"""Counts that a change must not raise: kept in bench/budget.json with the versions they belong to."""

import json
import os

from kit import machine

PATH = os.path.join(machine.ROOT, "bench", "budget.json")
TOLERANCE = 0.02


def load():
    try:
        with open(PATH, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {}


def save(kind, counts, versions):
    """Writes the counts of one kind ("instructions", "syscalls") and leaves the others."""
    budget = load()
    budget[kind] = {"versions": versions, "counts": counts}
    with open(PATH, "w", encoding="utf-8") as file:
        json.dump(budget, file, indent=2)
        file.write("\n")


def check(kind, counts, versions, exact=False):
    """Compares to the budget and prints the findings; answers an exit code.

    0 when all counts are within it or when it was taken with other versions (which is said), 1 when
    one is exceeded. `exact` is for system calls: they do not depend on versions, and any more is too
    much.
    """
    kept = load().get(kind)
    if not kept:
        print(f"No budget for {kind} yet: --update writes one.")
        return 0
    other = {name: (kept["versions"].get(name), value) for name, value in versions.items()
             if kept["versions"].get(name) != value}
    if other and not exact:
        for name, (then, now) in other.items():
            print(f"The budget for {kind} was taken with {name} {then}; here it is {now}.")
        print("Not compared: counts move with these.")
        return 0
    failed = 0
    for name, value in counts.items():
        if name not in kept["counts"]:
            print(f"{name}: {value:g}, not in the budget yet")
            continue
        limit = kept["counts"][name]
        allowed = limit + 0.1 if exact else limit * (1 + TOLERANCE)
        if value > allowed + 0.005:
            failed += 1
            print(f"{name}: {value:g} exceeds the budget of {limit:g}. Make it cheaper, or raise the "
                  "budget by --update in the same commit and say why.")
        elif value < limit * (1 - TOLERANCE):
            print(f"{name}: {value:g} is below the budget of {limit:g}: --update keeps the gain.")
    print(f"{kind}: {len(counts)} counts, {failed} over the budget")
    return 1 if failed else 0
