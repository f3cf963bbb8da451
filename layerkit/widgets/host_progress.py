"""A shipment while it runs: a bar for each host; Cancel."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import ipywidgets as ipw

from ..errors import Cancelled
from ..plan import size_text
from ..report.plan_view import duration
from .theme import markup, text

_PERIOD = 0.2  # seconds between two updates: each sends the table anew
_PHASES = {"fetch": "fetching layers", "send": "sending"}


@dataclass
class _Host:
    """How far one host has come in what it is doing."""

    phase: str = "waiting"
    total: int | None = None
    done: int = 0
    began: float = 0.0
    outcome: str = ""


class HostProgress(ipw.VBox):
    """An observer (`layerkit.progress.Progress`) of `ship`, whose tasks bear the names of hosts.

    Calls come from several threads, at any rate; the browser hears of them five times a second at most. Cancelled, it
    raises in whoever tells of progress.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.table = markup("", "lkp-transfers")
        self.button = ipw.Button(description="Cancel", tooltip="Stop sending; names on the hosts stay as they are")
        self.button.on_click(lambda _: self.cancel())
        self._actions = ipw.HBox(
            [self.button, markup("No host is left half done: what failed can be shipped again.", "lkp-muted")]
        )
        self._actions.add_class("lkp-wrap")
        self._actions.add_class("lkp-after")
        self._clock = clock
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._hosts: dict[str, _Host] = {}
        self._shown = 0.0
        super().__init__([self.table, self._actions])
        self.add_class("lkp-after")
        self.layout.display = "none"

    def start(self, hosts: Sequence[str]) -> None:
        """Forget the last shipment and show this one."""
        self._stop.clear()
        with self._lock:
            self._hosts = {name: _Host() for name in hosts}
        self.button.disabled = False
        self._actions.layout.display = self.layout.display = ""
        self._draw()

    def finish(self, outcomes: Sequence[tuple[str, str]]) -> None:
        """It is over; the table stays, with what became of each host."""
        with self._lock:
            for name, outcome in outcomes:
                self._hosts.setdefault(name, _Host()).outcome = outcome
        self._actions.layout.display = "none"
        self._draw()

    def hide(self) -> None:
        self.layout.display = "none"

    def cancel(self) -> None:
        self._stop.set()
        self.button.disabled = True

    def begin(self, task: str, total: int | None, label: str) -> None:
        name, _, what = task.rpartition(" ")
        with self._lock:
            if name in self._hosts and what in _PHASES:
                host = self._hosts[name]
                host.phase, host.total, host.done, host.began = _PHASES[what], total, 0, self._clock()
        self._check()

    def advance(self, task: str, count: int) -> None:
        self._check()
        name, _, what = task.rpartition(" ")
        with self._lock:
            if name in self._hosts and _PHASES.get(what) == self._hosts[name].phase:
                self._hosts[name].done += count
            due = self._clock() - self._shown >= _PERIOD
            if due:
                self._shown = self._clock()
        if due:
            self._draw()

    def end(self, task: str, outcome: str) -> None:
        name, _, what = task.rpartition(" ")
        with self._lock:
            if name in self._hosts and what == "send":
                self._hosts[name].outcome = outcome
        self._draw()

    def _check(self) -> None:
        if self._stop.is_set():
            raise Cancelled("stopped on request", hint="press Ship to start again")

    def _draw(self) -> None:
        with self._lock:
            rows = "".join(_line(name, host, self._clock()) for name, host in self._hosts.items())
        head = "<span>host</span><span>progress</span><span>sent</span><span></span>"
        self.table.value = (
            f'<div class="lkp-delivery lkp-transfer-head" aria-hidden="true">{head}</div>'
            f'<div role="list" aria-label="Hosts">{rows}</div>'
        )


_YES, _NO = '<b class="lkp-yes">✓</b> ', '<b class="lkp-no">✗</b> '
_SIGNS = {"arrived": _YES, "there already": _YES, "refused": _NO, "failed": _NO}


def _line(name: str, host: _Host, now: float) -> str:
    over = host.outcome in ("arrived", "there already")
    share = 1.0 if over else min(1.0, host.done / host.total) if host.total else 0.0
    seconds = now - host.began
    told = f"{_SIGNS.get(host.outcome, '')}{text(host.outcome)}" if host.outcome else host.phase
    if not host.outcome and host.total and host.done and seconds > 0.5:
        rate = host.done / seconds
        left = f", {duration((host.total - host.done) / rate)} left" if host.done < host.total else ""
        told = f"{host.phase}, {size_text(rate)}/s{left}"
    amount = f"{size_text(host.done)} of {size_text(host.total)}" if host.total else ""
    shown = text(name, 80)
    return (
        f'<div class="lkp-delivery" role="listitem"><code>{shown}</code>'
        f'<span class="lkp-bar{" lkp-done" if over else ""}" role="progressbar" aria-valuemin="0" aria-valuemax="100" '
        f'aria-valuenow="{share * 100:.0f}" aria-label="{shown}"><b style="width:{share * 100:.1f}%"></b></span>'
        f"<span>{amount}</span><span>{told}</span></div>"
    )
