"""What bench/run, bench/loops, bench/instructions and bench/syscalls share."""
