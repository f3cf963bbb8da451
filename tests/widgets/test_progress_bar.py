"""The bar hears everything, tells the browser little, and stops the work when asked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from layerkit.errors import Cancelled
from layerkit.progress import Progress
from layerkit.widgets.progress_bar import ProgressBar


@pytest.fixture
def bar() -> ProgressBar:
    bar = ProgressBar()
    bar.start()
    return bar


def test_it_counts_what_many_threads_read_and_is_quiet_about_it(bar: ProgressBar) -> None:
    observer: Progress = bar
    changes: list[object] = []
    bar.bar.observe(lambda change: changes.append(change["new"]), "value")
    observer.begin("measure", 4_000_000, "reading layers")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: observer.advance("measure", 1000), range(4000)))
    observer.end("measure", "")
    assert bar.bar.value == 1
    assert bar.label.value == "reading layers: 4.0 MB of 4.0 MB"
    assert len(changes) < 100


def test_without_a_total_it_says_how_much_was_read(bar: ProgressBar) -> None:
    bar.begin("read", None, "<b>x</b>.tar.gz")
    bar.advance("read", 2_500_000)
    assert bar.label.value == "read 2.5 MB"
    assert bar.bar.value == 0


def test_cancel_stops_the_next_step_and_start_forgets_it(bar: ProgressBar) -> None:
    bar.begin("measure", 100, "reading layers")
    bar.button.click()
    assert bar.button.disabled
    with pytest.raises(Cancelled):
        bar.advance("measure", 1)
    with pytest.raises(Cancelled):
        bar.begin("other", 1, "other")
    bar.end("measure", "")
    assert bar.label.value == "stopping"
    bar.start()
    bar.begin("measure", 100, "reading layers")
    bar.advance("measure", 1)
    assert not bar.button.disabled
