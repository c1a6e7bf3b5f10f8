"""Runs one command and measures its whole process tree.

    measure.py REPORT [--kill-when FILE BYTES] [--timeout SECONDS] -- COMMAND…

CPU is what the kernel accounted to the command and to every process that descends from it: this process makes itself
the subreaper, so an orphan (a helper whose parent was killed) is inherited and counted here. Memory is the larger of
the greatest resident set of one process and the greatest sum of resident sets over the tree, sampled; pages that
processes share count once for each.

REPORT is JSON: {"cpu", "wall" in seconds, "memory" in bytes, "exit", "killed"}; "exit" is the command's status as
Python's subprocess gives it. `--kill-when` sends SIGKILL to the whole tree when FILE has grown to BYTES, or, where
FILE is `-`, after BYTES milliseconds.
"""

import ctypes
import json
import os
import signal
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
SAMPLE_SECONDS = 0.02
PAGE = os.sysconf("SC_PAGE_SIZE")


def children(pid: int) -> list[int]:
    found = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children") as file:
                found += [int(name) for name in file.read().split()]
    except OSError:
        pass  # it ended meanwhile
    return found


def descendants() -> list[int]:
    found, queue = [], children(os.getpid())
    while queue:
        pid = queue.pop()
        found.append(pid)
        queue += children(pid)
    return found


def resident(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1]) * PAGE
    except (OSError, IndexError):
        return 0


def kill_tree() -> None:
    """SIGKILL to everything below; stopped first, so that nobody can fork away."""
    for sig in (signal.SIGSTOP, signal.SIGKILL):
        for pid in descendants():
            try:
                os.kill(pid, sig)
            except ProcessLookupError:
                pass


def grown(path: str, size: int, started: float) -> bool:
    if path == "-":
        return (time.monotonic() - started) * 1000 >= size
    try:
        return os.stat(path).st_size >= size
    except FileNotFoundError:
        return False


def main() -> int:
    split = sys.argv.index("--")
    options, command = sys.argv[1:split], sys.argv[split + 1 :]
    report = options.pop(0)
    watched, size, timeout = None, 0, 3600.0
    while options:
        name = options.pop(0)
        if name == "--kill-when":
            watched, size = options.pop(0), int(options.pop(0))
        elif name == "--timeout":
            timeout = float(options.pop(0))

    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")
    started = time.monotonic()
    first = os.posix_spawnp(command[0], command, os.environ)
    cpu, largest, memory, killed, status, wall = 0.0, 0, 0, None, 0, 0.0
    sampled = 0.0
    while True:
        try:
            pid, ended, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            break  # the whole tree has ended
        now = time.monotonic()
        if pid:
            cpu += usage.ru_utime + usage.ru_stime
            largest = max(largest, usage.ru_maxrss * 1024)
            if pid == first:
                status, wall = os.waitstatus_to_exitcode(ended), now - started
            continue
        if killed is None and watched is not None and grown(watched, size, started):
            killed = "on purpose"
            kill_tree()
        elif killed != "timeout" and now - started > timeout:
            killed = "timeout"
            kill_tree()
        if now - sampled >= SAMPLE_SECONDS:
            sampled = now
            memory = max(memory, sum(resident(pid) for pid in descendants()))
        time.sleep(0.002)
    with open(report, "w") as file:
        figures = {"cpu": cpu, "wall": wall, "memory": max(memory, largest), "exit": status, "killed": killed}
        json.dump(figures, file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
