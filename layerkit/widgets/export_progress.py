"""An export while it runs: a bar for the whole, one for each layer; Pause and Cancel."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ipywidgets as ipw

from ..errors import Cancelled
from ..plan import Plan, Step, size_text
from ..report.plan_view import duration
from .theme import markup, text

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 60
"""Layers that have a row at once: those on their way first."""
_PERIOD = 0.2  # seconds between two updates: each sends the table anew
_LAST = {"verified": "✓ written and verified", "stopped": "stopped; what has come is kept"}
_VERBS = {"fetch": "Fetching", "write": "Writing", "measure": "Reading back", "read": "Reading back"}


@dataclass
class _Layer:
    """What has become of one layer; `seconds` is how long its bytes took, pauses left out."""

    step: Step
    done: int = 0
    began: float | None = None
    seconds: float = 0.0
    outcome: str = ""


class ExportProgress(ipw.VBox):
    """An observer (`layerkit.progress.Progress`) of one export.

    Calls come from several threads, at any rate; the browser hears of them five times a second at most. While paused,
    whoever tells of progress waits in that call, so that nothing more is read; cancelled, it raises.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.bar = ipw.FloatProgress(value=0, min=0, max=1, layout=ipw.Layout(flex="1 1 200px", width="auto"))
        self.label = markup("", "lkp-muted lkp-progress-label")
        self.pause = ipw.Button(description="Pause", tooltip="Stop reading for a while; connections stay open")
        self.button = ipw.Button(description="Cancel", tooltip="Stop; what has come is kept, the next run goes on")
        self.note = markup("Cancelling keeps what has come; the next run goes on from there.", "lkp-muted")
        self.table = markup("", "lkp-transfers")
        self.pause.on_click(lambda _: self.hold(not self.held))
        self.button.on_click(lambda _: self.cancel())
        self._clock = clock
        self._state = threading.Condition()
        self._stopped = self._held = False
        self._held_since = self._held_for = self._shown = 0.0
        self._layers: dict[str, _Layer] = {}
        self._names: tuple[str, ...] = ()
        self._tasks: dict[str, tuple[int | None, int, float]] = {}
        whole = _row("lkp-whole", self.bar, self.label)
        self._actions = _row("lkp-wrap", self.pause, self.button, self.note)
        super().__init__([whole, self.table, self._actions])
        self.clear()

    def start(self, plan: Plan) -> None:
        """Forget the last export and show this one."""
        carried = {id(step) for step in plan.carried}
        with self._state:
            self._stopped = self._held = False
            self._held_for = self._shown = 0.0
            self._tasks = {}
            self._layers = {
                _task(step): _Layer(step, outcome=_before(step, id(step) in carried)) for step in plan.steps
            }
        self._names = plan.names
        self.bar.value, self.bar.bar_style = 0, ""
        self._actions.layout.display = ""
        self.pause.description, self.pause.disabled, self.button.disabled = "Pause", False, False
        self.label.value = text("starting")
        self._draw()
        self.layout.display = ""

    def finish(self, outcome: str = "") -> None:
        """It is over; the table stays. `outcome` is what became of layers that were on their way."""
        with self._state:
            for layer in self._layers.values():
                if layer.outcome in ("waiting", "arriving") and outcome:
                    layer.outcome = outcome
        self._actions.layout.display = "none"
        if outcome == "verified":
            self.bar.value, self.bar.bar_style = 1, "success"
        self.label.value = text(_LAST.get(outcome, outcome))
        self._draw()

    def clear(self) -> None:
        """Out of sight, and nothing of the last export is left."""
        self._layers = {}
        self.layout.display = "none"

    @property
    def used(self) -> bool:
        """Whether there was an export since the last plan."""
        return bool(self._layers)

    @property
    def held(self) -> bool:
        return self._held

    def hold(self, held: bool) -> None:
        """Pause, or go on."""
        with self._state:
            if held and not self._held:
                self._held_since = self._clock()
            elif self._held and not held:
                self._held_for += self._clock() - self._held_since
            self._held = held
            self._state.notify_all()
        self.pause.description = "Go on" if held else "Pause"
        if held:
            self.label.value = text("paused")

    def cancel(self) -> None:
        with self._state:
            self._stopped = True
            self._state.notify_all()
        self.pause.disabled = self.button.disabled = True
        self.label.value = text("stopping")

    def begin(self, task: str, total: int | None, label: str) -> None:
        with self._state:
            if task in self._layers:
                layer = self._layers[task]
                layer.began, layer.outcome = self._now(), "arriving"
            else:
                self._tasks[task] = (total, 0, self._now())
        self._check()

    def advance(self, task: str, count: int) -> None:
        with self._state:
            if task in self._layers:
                layer = self._layers[task]
                layer.done += count
                layer.seconds = self._now() - (layer.began or 0.0)
            else:
                total, done, began = self._tasks.get(task, (None, 0, self._now()))
                self._tasks[task] = (total, done + count, began)
            due = self._clock() - self._shown >= _PERIOD
            if due:
                self._shown = self._clock()
        if due:
            self._tell(task)
        self._check()

    def end(self, task: str, outcome: str) -> None:
        with self._state:
            layer = self._layers.get(task)
            if layer is not None and layer.done >= layer.step.bytes:
                layer.outcome = "verified"
        if task in self._tasks and not self._stopped:
            self._tell(task)

    @property
    def frame(self) -> pd.DataFrame:
        """The log: one row per layer, with what was planned, why, what came (bytes) and what became of it."""
        import pandas as pd

        columns = ["image", "position", "digest", "size", "action", "reason", "received", "seconds", "outcome"]
        rows = [
            (
                self._names[x.step.image],
                x.step.position,
                x.step.digest,
                x.step.size,
                x.step.action,
                x.step.reason,
                x.done,
                round(x.seconds, 3),
                x.outcome,
            )
            for x in self._layers.values()
        ]
        return pd.DataFrame(rows, columns=columns)

    def _check(self) -> None:
        with self._state:
            while self._held and not self._stopped:
                self._state.wait()
            if self._stopped:
                raise Cancelled("stopped on request", hint="run it again to go on from here")

    def _now(self) -> float:
        """Seconds in which work was allowed."""
        return (self._held_since if self._held else self._clock()) - self._held_for

    def _tell(self, task: str) -> None:
        name = task if task in self._tasks else "fetch"
        with self._state:
            total, done, began = self._tasks.get(name, (None, 0, 0.0))
            seconds = self._now() - began
        if total:
            self.bar.value = min(1.0, done / total)
        label = f"{_VERBS.get(name, 'Working')}: {size_text(done)}" + (f" of {size_text(total)}" if total else "")
        if total and done and seconds > 1 and done < total:
            label += f", {size_text(done / seconds)}/s, {duration((total - done) * seconds / done)} left"
        if not (self._held or self._stopped):
            self.label.value = text(label)
        self._draw()

    def _draw(self) -> None:
        with self._state:
            layers = [layer for layer in self._layers.values() if layer.step.action != "skip"]
            left = len(self._layers) - len(layers)
            several = len({layer.step.image for layer in layers}) > 1
            if len(layers) > SHOWN:
                layers.sort(key=lambda layer: _ORDER.get(layer.outcome, 2))
            rows = "".join(_line(layer, several=several) for layer in layers[:SHOWN])
        notes = [f"{len(layers) - SHOWN:,} more carried"] if len(layers) > SHOWN else []
        notes += [f"{left:,} left out, the target has them"] if left else []
        more = f'<div class="lkp-muted">{text(" · ".join(notes))}</div>' if notes else ""
        head = "<span>#</span><span>layer</span><span>size</span><span>progress</span><span>rate</span>"
        self.table.value = (
            f'<div class="lkp-transfer lkp-transfer-head" aria-hidden="true">{head}</div>'
            f'<div role="list" aria-label="Layers on their way">{rows}</div>{more}'
        )


_ORDER = {"arriving": 0, "waiting": 1}


def _task(step: Step) -> str:
    """The key under which `layerkit.layers` tells of a layer."""
    return f"layer {step.image}.{step.position}"


def _before(step: Step, carried: bool) -> str:
    if step.action == "skip":
        return "left out"
    if not carried:
        return "carried once already"
    return "waiting" if step.action == "fetch" else "on this machine"


def _line(layer: _Layer, *, several: bool) -> str:
    step = layer.step
    there = layer.outcome in ("verified", "on this machine", "carried once already")
    share = 1.0 if there else min(1.0, layer.done / step.bytes) if step.bytes else 0.0
    note = "✓ verified" if layer.outcome == "verified" else layer.outcome
    if layer.outcome == "arriving":
        note = f"{size_text(layer.done / layer.seconds)}/s" if layer.seconds > 0.5 else ""
    at = f"{step.image + 1}·{step.position}" if several else f"{step.position}"
    name = text(step.digest[:19])
    return (
        f'<div class="lkp-transfer" role="listitem"><span>{at}</span><code>{name}…</code>'
        f"<span>{size_text(step.size)}</span>"
        f'<span class="lkp-bar{" lkp-done" if there else ""}" role="progressbar" aria-valuemin="0" aria-valuemax="100" '
        f'aria-valuenow="{share * 100:.0f}" aria-label="layer {at}"><b style="width:{share * 100:.1f}%"></b></span>'
        f"<span>{text(note)}</span></div>"
    )


def _row(names: str, *controls: ipw.Widget) -> ipw.HBox:
    row = ipw.HBox(list(controls))
    for name in names.split():
        row.add_class(name)
    return row
