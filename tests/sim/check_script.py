#!/usr/bin/env python3
"""Runs the scripts on our libuv and on the real one, and compares what they print."""
import difflib
import subprocess
import sys


def lines_of(program):
    run = subprocess.run([program], stdout=subprocess.PIPE, timeout=60)
    if run.returncode != 0:
        sys.exit(f'{program} ended with {run.returncode}:\n{run.stdout.decode()}')
    return run.stdout.decode().splitlines()


ours, real = lines_of(sys.argv[1]), lines_of(sys.argv[2])
difference = list(difflib.unified_diff(real, ours, 'libuv', 'ours', lineterm='', n=6))
print('\n'.join(difference))
print(f'{len(real)} lines compared')
sys.exit(1 if difference or len(real) < 100 else 0)
