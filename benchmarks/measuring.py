"""Whole processes, timed in turns: A B A B ..., so that a machine that slows down slows both."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass


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
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
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


def pair(a: Sequence[str], b: Sequence[str], rounds: int = 5) -> tuple[list[Run], list[Run]]:
    """Run both once to warm the page cache, then in turns."""
    run(a), run(b)
    turns = [(run(a), run(b)) for _ in range(rounds)]
    return [x for x, _ in turns], [y for _, y in turns]


def ratio(a: Sequence[Run], b: Sequence[Run]) -> float:
    """The median of the wall-clock ratios, pair by pair."""
    return statistics.median(x.wall / y.wall for x, y in zip(a, b, strict=True))


def median(runs: Sequence[Run]) -> float:
    return statistics.median(r.wall for r in runs)


def python(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]
