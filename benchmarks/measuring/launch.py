"""Start one command, wait for it, and write what it cost: ``launch.py RESULT.json COMMAND...``.

A process of its own with hardly a module in it, because Linux counts the memory of whoever starts a program into that
program's peak.
"""

# ruff: noqa: PTH123 - pathlib would weigh more than the rest
import json
import os
import subprocess
import sys
import time


def main() -> None:
    result, *command = sys.argv[1:]
    with open("/proc/self/status", encoding="ascii") as status_file:
        own = next(int(line.split()[1]) / 1024 for line in status_file if line.startswith("VmHWM"))
    begun = time.perf_counter()
    child = subprocess.Popen(command)
    _, status, used = os.wait4(child.pid, 0)
    wall = time.perf_counter() - begun
    child.returncode = os.waitstatus_to_exitcode(status)
    cost = {
        "code": child.returncode,
        "wall": wall,
        "cpu": used.ru_utime + used.ru_stime,
        "peak_mib": used.ru_maxrss / 1024,
        "own_mib": own,
    }
    with open(result, "w", encoding="utf-8") as file:
        json.dump(cost, file)


if __name__ == "__main__":
    main()
