"""Whole processes, timed in turns: A B A B ..., so that a machine that slows down slows both."""

from __future__ import annotations

import mmap
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Run:
    """One finished process: seconds by the clock and of processor, peak memory in MB."""

    wall: float
    cpu: float
    peak: float


@dataclass(frozen=True)
class Row:
    """One line of the result: what was compared, what came out, what was wanted, and whether it was met."""

    name: str
    figure: str
    target: str
    met: bool | None

    def __str__(self) -> str:
        mark = {True: "ok", False: "MISSED", None: "-"}[self.met]
        return f"{self.name:<58} {self.figure:>26}   {self.target:<22} {mark}"


def run(command: Sequence[str], codes: Sequence[int] = (0, 1)) -> Run:
    """Run a command to its end, its output thrown away."""
    # An installed program has its bytecode beside it; whoever forbids Python to write it measures the compiler.
    own = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=own)
    error = process.stderr.read() if process.stderr else b""
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.stderr:
        process.stderr.close()
    if process.returncode not in codes:
        raise RuntimeError(
            f"{' '.join(command)} returned {process.returncode}: {error.decode(errors='replace')[-500:]}"
        )
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


Leftovers = tuple[Sequence[Path], Sequence[Path]]


def pair(
    a: Sequence[str], b: Sequence[str], rounds: int = 5, left: Leftovers = ((), ()), room: int = 0
) -> tuple[list[Run], list[Run]]:
    """Run both once to warm the page cache, then in turns; `left` and `room` as in `fresh`, for each of them."""
    turns = [(fresh(a, left[0], room), fresh(b, left[1], room)) for _ in range(1 + rounds)][1:]
    return [x for x, _ in turns], [y for _, y in turns]


def fresh(command: Sequence[str], left: Sequence[Path], room: int) -> Run:
    """Run a command that writes: what an earlier run left is removed first, and `room` bytes of memory made ready.

    Memory that lay free may be the host's where this machine is a virtual one, and coming by it again then takes
    longer than copying into it. Who comes first is not to pay for that.
    """
    os.sync()
    for path in left:
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    if room:
        # In a process of its own: a child counts the peak of whoever started it as its own.
        run(python("-c", f"import mmap; mmap.mmap(-1, {room}, flags={_FLAGS}).close()"))
    return run(command)


_FLAGS = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_POPULATE", 0)


def ratio(a: Sequence[Run], b: Sequence[Run]) -> float:
    """The median of the wall-clock ratios, pair by pair."""
    return statistics.median(x.wall / y.wall for x, y in zip(a, b, strict=True))


def median(runs: Sequence[Run]) -> float:
    return statistics.median(r.wall for r in runs)


def python(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]
