"""The bars of an export hear everything, tell the browser little, hold the work still and stop it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from layerkit.digest import Digest
from layerkit.errors import Cancelled
from layerkit.export import plan_export
from layerkit.plan import Plan
from layerkit.progress import Progress
from layerkit.samples import data_dir
from layerkit.store import Store
from layerkit.widgets.export_progress import SHOWN, ExportProgress


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Twelve layers: ten left out, one in the store, one to be fetched; a thousand times their size."""
    made = plan_export(f"oci:{data_dir() / 'shop-oci'}:1.1", store=Store(tmp_path / "store"))
    steps = [replace(step, size=step.size // 100 * 100_000) for step in made.steps]
    steps[:10] = [replace(step, action="skip", reason="the target has it") for step in steps[:10]]
    steps[11] = replace(steps[11], action="fetch", reason="not on this machine", bytes=steps[11].size)
    return replace(made, steps=tuple(steps))


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_it_counts_what_many_threads_fetch_and_is_quiet_about_it(plan: Plan) -> None:
    bars = ExportProgress()
    observer: Progress = bars
    bars.start(plan)
    sent: list[object] = []
    bars.table.observe(lambda change: sent.append(change["new"]), "value")
    size = plan.steps[11].bytes
    observer.begin("fetch", size, "fetching layers")
    observer.begin("layer 0.11", size, "layer 11")

    def arrive(_: int) -> None:
        observer.advance("layer 0.11", 1000)
        observer.advance("fetch", 1000)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(arrive, range(size // 1000)))
    observer.end("layer 0.11", "fetch")
    observer.end("fetch", "")
    bars.finish("verified")
    row = bars.frame.iloc[11]
    assert (row["received"], row["outcome"]) == (size, "verified")
    assert bars.bar.value == 1
    assert "✓ written and verified" in bars.label.value
    assert len(sent) < 40


def test_each_layer_has_a_bar_and_what_is_left_out_has_none(plan: Plan) -> None:
    clock = Clock()
    bars = ExportProgress(clock)
    bars.start(plan)
    assert bars.table.value.count('role="progressbar"') == 2
    assert "10 left out, the target has them" in bars.table.value
    assert "on this machine" in bars.table.value
    size = plan.steps[11].bytes
    bars.begin("fetch", size, "fetching layers")
    bars.begin("layer 0.11", size, "layer 11")
    clock.now += 2
    bars.advance("layer 0.11", size // 2)
    bars.advance("fetch", size // 2)
    clock.now += 1
    bars.advance("layer 0.11", 0)
    assert 'aria-valuenow="50"' in bars.table.value
    assert "600 kB/s" in bars.table.value
    assert bars.label.value == "Fetching: 1.8 MB of 3.6 MB, 600 kB/s, about 3 s left"


def test_while_paused_nothing_goes_on_and_time_stands_still(plan: Plan) -> None:
    clock = Clock()
    bars = ExportProgress(clock)
    bars.start(plan)
    bars.begin("layer 0.11", 1000, "layer 11")
    bars.pause.click()
    assert bars.held
    assert bars.pause.description == "Go on"
    gone = threading.Event()

    def work() -> None:
        bars.advance("layer 0.11", 10)
        gone.set()

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    assert not gone.wait(0.2)
    clock.now += 1000
    bars.pause.click()
    assert gone.wait(10)
    clock.now += 1
    bars.advance("layer 0.11", 10)
    row = bars.frame.iloc[11]
    assert (row["received"], row["seconds"]) == (20, 1.0)


def test_cancel_wakes_who_is_held_and_stops_everybody(plan: Plan) -> None:
    bars = ExportProgress()
    bars.start(plan)
    bars.hold(True)
    stopped: list[BaseException] = []

    def work() -> None:
        try:
            bars.advance("fetch", 1)
        except Cancelled as error:
            stopped.append(error)

    worker = threading.Thread(target=work)
    worker.start()
    bars.button.click()
    worker.join(10)
    assert len(stopped) == 1
    with pytest.raises(Cancelled):
        bars.begin("write", 1, "writing")
    bars.finish("stopped")
    assert bars.frame["outcome"].tolist() == ["left out"] * 10 + ["on this machine", "stopped"]
    bars.start(plan)
    bars.advance("fetch", 1)


def test_many_layers_are_bounded_those_on_their_way_first(plan: Plan) -> None:
    step = plan.steps[11]
    many = replace(
        plan, steps=tuple(replace(step, position=at, digest=Digest(f"sha256:{at:064x}")) for at in range(500))
    )
    bars = ExportProgress()
    bars.start(many)
    bars.begin("layer 0.450", step.bytes, "layer 450")
    bars.finish("")
    assert bars.table.value.count('role="progressbar"') == SHOWN
    assert f"<span>450</span><code>{many.steps[450].digest[:19]}" in bars.table.value
    assert "440 more carried" in bars.table.value
    assert len(bars.frame) == 500
