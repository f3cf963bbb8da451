"""Progress as an observer: whoever works tells it, whoever watches decides what to show.

An observer that wants the work to stop raises `layerkit.errors.Cancelled` from `advance`.
Calls may come from several threads.
"""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told about tasks by key; sizes are bytes."""

    def begin(self, task: str, total: int | None, label: str) -> None: ...
    def advance(self, task: str, count: int) -> None: ...
    def end(self, task: str, outcome: str) -> None: ...


class Silent:
    """The default: sees everything, says nothing."""

    def begin(self, task: str, total: int | None, label: str) -> None: ...
    def advance(self, task: str, count: int) -> None: ...
    def end(self, task: str, outcome: str) -> None: ...


SILENT: Progress = Silent()
