"""Progress in a notebook: a bar, what it is doing, and a way to stop it."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import ipywidgets as ipw

from ..errors import Cancelled
from ..report.words import size
from .theme import markup, text

_PERIOD = 0.1  # seconds between two updates: each is a message to the browser


@dataclass
class _Task:
    total: int | None
    label: str
    done: int = 0


class ProgressBar(ipw.HBox):
    """An observer (`layerkit.progress.Progress`) that shows bytes read; `cancel` makes the next `advance` raise.

    Calls come from several threads, at any rate; the browser hears of them ten times a second at most.
    """

    def __init__(self) -> None:
        self.bar = ipw.FloatProgress(value=0, min=0, max=1, layout=ipw.Layout(flex="1 1 120px", width="auto"))
        self.label = markup("", "lkp-muted lkp-progress-label")
        self.button = ipw.Button(description="Cancel", tooltip="Stop reading; nothing is lost")
        self.button.on_click(lambda _: self.cancel())
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._tasks: dict[str, _Task] = {}
        self._shown = 0.0
        super().__init__([self.bar, self.label, self.button])
        self.add_class("lkp-progress")
        self.hide()

    def start(self) -> None:
        """Forget the last run and become visible."""
        self._stop.clear()
        self._tasks.clear()
        self._shown = 0.0
        self.bar.value = 0
        self.button.disabled = False
        self.label.value = text("reading headers")
        self.layout.display = ""

    def hide(self) -> None:
        self.layout.display = "none"

    def cancel(self) -> None:
        self._stop.set()
        self.button.disabled = True
        self.label.value = text("stopping")

    def begin(self, task: str, total: int | None, label: str) -> None:
        with self._lock:
            self._tasks[task] = _Task(total, label)
        self._check()

    def advance(self, task: str, count: int) -> None:
        self._check()
        now = time.monotonic()
        with self._lock:
            current = self._tasks.setdefault(task, _Task(None, ""))
            current.done += count
            due = now - self._shown >= _PERIOD
            if due:
                self._shown = now
        if due:
            self._show(current)

    def end(self, task: str, outcome: str) -> None:
        with self._lock:
            current = self._tasks.pop(task, None)
        if current is not None and current.done and not self._stop.is_set():
            self._show(current)

    def _check(self) -> None:
        if self._stop.is_set():
            raise Cancelled("stopped on request", hint="press Diagnose to start again")

    def _show(self, task: _Task) -> None:
        if task.total:
            self.bar.value = min(1.0, task.done / task.total)
            amount = f"{size(task.done)} of {size(task.total)}"
        else:
            amount = size(task.done)
        self.label.value = text(f"{task.label}: {amount}" if task.total else f"read {amount}")


class ProgressOfMany(ProgressBar):
    """The same for tasks that run side by side: what all of them have read, of what all of them will read."""

    def end(self, task: str, outcome: str) -> None:
        with self._lock:
            current = self._tasks.get(task)
        if current is not None and current.done and not self._stop.is_set():
            self._show(current)

    def _show(self, task: _Task) -> None:
        with self._lock:
            tasks = [t for t in self._tasks.values() if t.total]
        whole = sum(t.total or 0 for t in tasks)
        super()._show(_Task(whole, "reading layers", sum(t.done for t in tasks)) if tasks else task)
