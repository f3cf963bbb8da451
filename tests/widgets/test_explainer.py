"""The paste box, without a browser: what it shows, with and without an archive, how it fails, its static twin."""

from __future__ import annotations

import pytest

from layerkit import explain
from layerkit.samples import data_dir
from layerkit.widgets import Explainer
from tests.widgets.test_archive_picker import uploaded

TRIMMED = data_dir() / "trimmed-25-of-36.tar"
LENGTH = "invalid manifest, layers length mismatch: expected 25, got 36"


def test_paste_press_and_read() -> None:
    panel = Explainer()
    panel.text.value = f"some log\nError response from daemon: {LENGTH}\n"
    panel.button.click()
    told = panel.wait(30)
    assert told is not None
    assert told is panel.explanation
    assert panel.result.value == explain(LENGTH)._repr_html_()
    assert panel.progress.layout.display == "none"
    assert not panel.button.disabled


def test_with_the_archive_it_says_which_cause_it_is() -> None:
    panel = Explainer(LENGTH, TRIMMED)
    told = panel.explanation
    assert told is not None
    assert told.here[0].agrees
    assert panel.result.value == explain(LENGTH, archive=TRIMMED)._repr_html_()
    assert "incremental-filter" in panel.result.value


def test_an_upload_is_called_by_its_own_name() -> None:
    panel = Explainer(LENGTH)
    panel.picker.upload.value = uploaded("mine<b>.tar", TRIMMED.read_bytes())
    panel.run()
    assert "In <span>mine&lt;b&gt;.tar</span>" in panel.result.value
    assert panel.picker.target not in panel.result.value


@pytest.mark.parametrize(
    ("text", "archive", "message"),
    [
        (" ", "", "There is no text to explain."),
        (LENGTH, "/no/such.tar", "/no/such.tar does not exist."),
    ],
)
def test_what_does_not_work_is_told_in_the_panel(text: str, archive: str, message: str) -> None:
    panel = Explainer(text, archive)
    assert panel.run() is None
    assert message in panel.problem.value
    assert panel.result.value == ""
    assert message in panel._repr_html_()
    assert not panel.button.disabled
    panel.text.value, panel.picker.path.value = LENGTH, ""
    assert panel.run() is not None
    assert panel.problem.value == ""


def test_an_unknown_text_shows_the_nearest() -> None:
    panel = Explainer("Inconsistent count of layers in manifest and config")
    panel.run()
    assert "No sentence that layerkit knows is in this text." in panel.result.value
    assert "&lt;manifest&gt; in manifest" in panel.result.value


def test_it_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = Explainer(f'wrong diff id calculated on extraction "sha256:{"2f" * 32}"', TRIMMED)
    monkeypatch.setattr(panel.progress, "start", panel.progress.cancel)
    assert panel.run() is None
    assert "Stopped." in panel.problem.value
    assert not panel.text.disabled


def test_the_static_twin() -> None:
    panel = Explainer(LENGTH)
    bundle = panel._repr_mimebundle_()
    assert bundle["text/html"] == explain(LENGTH)._repr_html_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "Nothing was explained yet" in Explainer()._repr_html_()
    assert repr(panel) == f"Explainer({LENGTH!r})"
