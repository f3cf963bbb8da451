"""The connection to one host, and progress that bears its name."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from ..errors import Cancelled
from ..hosts import Host, Reaching, connect
from ..progress import Progress
from ..text import printable


@dataclass
class Line:
    """A connection to one host, to be made, and made anew where it broke."""

    target: str | Host
    reach: Reaching
    host: Host | None = None

    def dial(self) -> Host:
        self.hang_up()
        self.host = self.target if isinstance(self.target, Host) else connect(self.target, **self.reach)
        return self.host

    @property
    def redials(self) -> bool:
        return not isinstance(self.target, Host)

    def hang_up(self) -> None:
        if self.host is not None and self.redials:
            self.host.close()
        self.host = None


@dataclass(frozen=True)
class Watch:
    """Progress of one host among many: its tasks bear its name. It ends the work where another host's was cancelled."""

    progress: Progress
    host: str
    stopped: threading.Event

    def begin(self, task: str, total: int | None, label: str) -> None:
        self.progress.begin(f"{self.host} {task}", total, f"{printable(self.host, 60)}: {label}")

    def advance(self, task: str, count: int) -> None:
        if self.stopped.is_set():
            raise Cancelled("stopped")
        self.progress.advance(f"{self.host} {task}", count)

    def end(self, task: str, outcome: str) -> None:
        self.progress.end(f"{self.host} {task}", outcome)

    def pause(self, seconds: float) -> None:
        if self.stopped.wait(seconds):
            raise Cancelled("stopped")
