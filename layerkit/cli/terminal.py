"""What a person sees: reports on stdout, progress on stderr."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from ..progress import SILENT, Progress

if TYPE_CHECKING:
    from rich.progress import TaskID


ProgressMode = Literal["auto", "none", "json"]


@contextmanager
def progress(mode: ProgressMode = "auto") -> Iterator[Progress]:
    """An observer for stderr: a bar on a terminal, JSON lines when asked for, silent otherwise."""
    if mode == "json":
        yield JsonLines()
    elif mode == "auto" and sys.stderr.isatty():
        with Bar() as bar:
            yield bar
    else:
        yield SILENT


class JsonLines:
    """One JSON object a line: {"event": "begin" | "advance" | "end", "task", ...}; sizes are bytes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._done: dict[str, int] = {}

    def begin(self, task: str, total: int | None, label: str) -> None:
        self._done[task] = 0
        self._say(event="begin", task=task, total=total, label=label)

    def advance(self, task: str, count: int) -> None:
        with self._lock:
            before = self._done.get(task, 0)
            self._done[task] = now = before + count
        if before >> 24 != now >> 24:  # every 16 MiB: enough to watch, too few to slow anything
            self._say(event="advance", task=task, done=now)

    def end(self, task: str, outcome: str) -> None:
        self._say(event="end", task=task, done=self._done.get(task, 0), outcome=outcome)

    def _say(self, **event: object) -> None:
        with self._lock:
            print(json.dumps(event), file=sys.stderr, flush=True)


class Bar:
    """A bar for every task whose size is known."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
        from rich.progress import Progress as RichProgress

        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(binary_units=False))
        self._bars = RichProgress(
            *columns, TransferSpeedColumn(), TimeRemainingColumn(), console=Console(stderr=True), transient=True
        )
        self._ids: dict[str, TaskID] = {}

    def __enter__(self) -> Bar:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def begin(self, task: str, total: int | None, label: str) -> None:
        from rich.markup import escape

        self._ids[task] = self._bars.add_task(escape(label[-40:]), total=total)

    def advance(self, task: str, count: int) -> None:
        if task in self._ids:
            self._bars.advance(self._ids[task], count)

    def end(self, task: str, outcome: str) -> None:
        if task in self._ids:
            self._bars.remove_task(self._ids.pop(task))
