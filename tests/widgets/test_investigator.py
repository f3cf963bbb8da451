"""The panel of notebook 01, without a browser: what it shows, how it fails, how it is cancelled, its static twin."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ipywidgets as ipw
import pytest

import layerkit
from layerkit.loaders import LOADERS
from layerkit.samples import data_dir
from layerkit.widgets import Investigator, investigator
from tests.widgets.test_archive_picker import uploaded

TRIMMED = data_dir() / "trimmed-25-of-36.tar"
WRONG = data_dir() / "wrong-bytes.tar"


def visible(widget: ipw.Widget) -> bool:
    return bool(widget.layout.display != "none")


def walk(widget: ipw.Widget) -> Iterator[ipw.Widget]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from walk(child)


def test_press_the_button_and_read() -> None:
    panel = Investigator()
    assert not visible(panel._found)
    panel.picker.path.value = str(TRIMMED)
    panel.button.click()
    report = panel.wait(30)
    assert report is not None
    assert report is panel.report
    assert "lists 25 of the 36 layers" in panel.result.value
    assert "LK101" in panel.result.value
    assert visible(panel._found)
    assert not visible(panel.progress)
    assert panel.layers.count.value == "36 of 36 layers."
    assert not panel.button.disabled


def test_it_says_what_the_plain_call_says() -> None:
    plain, panel = layerkit.diagnose(WRONG, deep=True), Investigator(WRONG, deep=True).run()
    assert panel is not None
    assert panel.render("json") == plain.render("json")


@pytest.mark.parametrize(
    ("target", "message", "hint"),
    [
        ("", "No archive is chosen.", "choose a sample"),
        ("/no/such.tar", "/no/such.tar does not exist.", "check the path"),
        ("nonsense:<b>", "&lt;b&gt;", ""),
    ],
)
def test_an_error_is_a_sentence_and_a_hint(target: str, message: str, hint: str) -> None:
    panel = Investigator(TRIMMED)
    panel.run()
    panel.picker.path.value = target
    assert panel.run() is None
    assert 'role="alert"' in panel.problem.value
    assert message in panel.problem.value
    assert hint in panel.problem.value
    assert "<b>nonsense" not in panel.problem.value
    assert not visible(panel._found)
    panel.picker.path.value = str(TRIMMED)
    assert panel.run() is not None
    assert panel.problem.value == ""


def test_a_fault_of_ours_is_a_sentence_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("<i>division</i>")

    monkeypatch.setattr(investigator, "diagnose", broken)
    panel = Investigator(TRIMMED)
    panel.start()
    panel.wait(30)
    assert "ZeroDivisionError: &lt;i&gt;division" in panel.problem.value
    assert "Traceback" not in panel.problem.value
    assert not panel.button.disabled


def test_cancel_and_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = Investigator(WRONG, deep=True)
    begin = panel.progress.begin

    def cancelled(*args: Any) -> None:
        begin(*args)
        panel.progress.button.click()

    monkeypatch.setattr(panel.progress, "begin", cancelled)
    panel.start()
    assert panel.wait(30) is None
    assert "Stopped." in panel.problem.value
    assert not visible(panel.progress)
    monkeypatch.undo()
    panel.start()
    assert panel.wait(30) is not None
    assert panel.problem.value == ""


def test_one_reading_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = Investigator(TRIMMED)
    reading, go_on = threading.Event(), threading.Event()
    calls = []

    def slow(*args: Any, **options: Any) -> Any:
        calls.append(args)
        reading.set()
        assert go_on.wait(30)
        return layerkit.diagnose(*args, **options)

    monkeypatch.setattr(investigator, "diagnose", slow)
    panel.start()
    assert reading.wait(30)
    assert panel.button.disabled
    assert panel.picker.path.disabled
    assert visible(panel.progress)
    panel.start()
    assert panel.run() is None
    go_on.set()
    assert panel.wait(30) is not None
    assert len(calls) == 1
    assert not panel.button.disabled


def test_runtimes_are_ticked_by_name_and_keep_their_version() -> None:
    names = list(dict.fromkeys(loader.name for loader in LOADERS))
    panel = Investigator(TRIMMED, loaders=[f"{LOADERS[-1].name}@{LOADERS[-1].version}"])
    assert list(panel.loaders) == names
    assert panel.wanted == (f"{LOADERS[-1].name}@{LOADERS[-1].version}",)
    panel.loaders[LOADERS[-1].name].value = False
    panel.loaders[names[0]].value = True
    assert panel.wanted == (names[0],)
    report = panel.run()
    assert report is not None
    assert report.wanted == (names[0],)
    assert {v.loader for v in report.verdicts} == {names[0]}


def test_an_upload_goes_by_its_own_name_and_its_report_lands_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    panel = Investigator()
    panel.picker.upload.value = uploaded("../<i>mine</i>.tar", TRIMMED.read_bytes())
    report = panel.run()
    assert report is not None
    assert report.subject == "../<i>mine</i>.tar"
    assert "&lt;i&gt;mine" in panel.result.value
    assert panel.export.write() == tmp_path / "upload.report.html"


def test_the_static_twin_is_the_report() -> None:
    bundle = Investigator(TRIMMED)._repr_mimebundle_()
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"]
    assert bundle["text/plain"] == f"Investigator({str(TRIMMED)!r})"
    assert bundle["text/html"] == layerkit.diagnose(str(TRIMMED))._repr_html_()


def test_the_static_twin_of_what_was_not_read_says_so() -> None:
    assert "Nothing was read yet" in Investigator()._repr_html_()
    deep = Investigator(TRIMMED, deep=True)
    assert "Nothing was read yet" in deep._repr_html_()
    assert deep.report is not None
    assert "25 of the 36" in deep._repr_html_()
    assert "/no/such.tar does not exist." in Investigator("/no/such.tar")._repr_html_()


def test_every_control_has_a_label() -> None:
    controls = [w for w in walk(Investigator(TRIMMED)) if isinstance(w, ipw.ValueWidget | ipw.Button)]
    controls = [w for w in controls if not isinstance(w, ipw.HTML | ipw.FloatProgress)]
    assert len(controls) > 10
    assert [w for w in controls if not w.description] == []


def test_no_view_needs_the_network() -> None:
    panel = Investigator(TRIMMED)
    panel.run()
    for widget in walk(panel):
        if isinstance(widget, ipw.HTML):
            for word in ("http://", "https://", "<script", "@import", "url("):
                assert word not in widget.value
