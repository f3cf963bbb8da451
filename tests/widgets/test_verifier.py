"""The panel of notebook 03, without a browser: many archives, one answer, reports on disk, and a no that is heard."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import ipywidgets as ipw
import pytest

from layerkit.diagnosis import read_held
from layerkit.errors import Cancelled, IntegrityError, LayerkitError, NotFound, SourceError, UsageError
from layerkit.export import export_image
from layerkit.report import FORMATS
from layerkit.samples import data_dir
from layerkit.store import Store
from layerkit.widgets import Verifier, verifier
from tests.widgets.test_archive_picker import uploaded
from tests.widgets.test_investigator import visible, walk

DATA = data_dir()
SHOP = f"oci:{DATA / 'shop-oci'}"
SOUND, TRIMMED, WRONG = DATA / "sound-docker.tar", DATA / "trimmed-25-of-36.tar", DATA / "wrong-bytes.tar"


@pytest.fixture
def delta(tmp_path: Path) -> tuple[Path, Path]:
    """A delta and the base that it needs."""
    store = Store(tmp_path / "store")
    base = export_image(f"{SHOP}:1.0", tmp_path / "base.tar", store=store).paths[0]
    return export_image(f"{SHOP}:1.1", tmp_path / "delta.tar", to=base, store=store).paths[0], base


def test_the_samples_are_sound() -> None:
    panel = Verifier()
    assert panel._repr_html_().startswith("<p>Nothing was verified yet")
    panel.button.click()
    reports = panel.wait(60)
    assert reports is not None
    assert len(reports) == 4
    assert panel.ok
    panel.demand()
    assert "4 targets: 4 sound." in panel.result.value
    assert visible(panel._found)
    assert not visible(panel.progress)


def test_verdicts_of_many_at_a_glance() -> None:
    panel = Verifier([SOUND, WRONG, "/no/such.tar"], loaders=["docker-classic@20.10", "podman"])
    frame = panel.verdicts
    assert list(frame.columns[:3]) == ["subject", "outcome", "docker-classic@20.10"]
    assert frame["outcome"].tolist() == ["sound", "broken", "failed"]
    assert frame["docker-classic@20.10"].tolist() == ["loads", "refuses", "unknown"]
    html = panel._repr_html_()
    assert html.count('aria-label="loads"') == 2
    assert 'aria-label="could not be looked at"' in html
    assert panel.reports.frame["errors"].tolist() == [0, 1, 0]


def test_only_deep_sees_wrong_bytes() -> None:
    assert not Verifier(WRONG).ok
    assert Verifier(WRONG, deep=False).ok


def test_a_delta_is_fine_where_its_base_is_held(delta: tuple[Path, Path], tmp_path: Path) -> None:
    archive, base = delta
    alone = Verifier(archive)
    with pytest.raises(IntegrityError, match="the lowest 10 are left out"):
        alone.demand()
    assert Verifier(archive, held=base).ok
    inventory = read_held(base)
    assert Verifier(archive, held=inventory).ok
    (tmp_path / "site.json").write_text(inventory.to_json())
    assert Verifier(archive, held=tmp_path / "site.json").ok
    with pytest.raises(NotFound):
        Verifier(archive, held="/no/such.json").run()


@pytest.mark.parametrize(
    ("archives", "loaders", "error", "message"),
    [
        ([SOUND, TRIMMED], [], IntegrityError, r"trimmed-25-of-36\.tar: manifest\.json lists 25 of the 36 layers"),
        ([TRIMMED, WRONG], [], IntegrityError, r"\(1 of 2 that are not fit\): manifest\.json lists 25"),
        ([SOUND, "/no/such.tar"], [], SourceError, r"/no/such\.tar: /no/such\.tar does not exist"),
        ([DATA / "sound-oci.tar"], ["docker-classic@20.10"], IntegrityError, r"docker-classic@20\.10 does not load it"),
    ],
)
def test_demand_says_no_in_one_sentence(
    archives: list[Path], loaders: list[str], error: type[LayerkitError], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        Verifier(archives, loaders=loaders).demand()
    assert "\n" not in str(caught.value)


def test_reports_in_every_format(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        shutil.copy(TRIMMED, tmp_path / folder / "x.tar")
    written = Verifier([tmp_path / "a", tmp_path / "b"]).write(tmp_path / "out" / "reports")
    names = sorted(path.name for path in (tmp_path / "out" / "reports").iterdir())
    assert names == sorted(path.name for path in written)
    assert set(names) == {
        *(f"report.{suffix}" for suffix in ("txt", "json", "html", "md", "xml", "sarif")),
        "x.tar.report.html",
        "x.tar-2.report.html",
    }
    assert len(names) == len(FORMATS) + 2
    assert len(json.loads((tmp_path / "out" / "reports" / "report.json").read_text())) == 2
    alone = Verifier(TRIMMED).write(tmp_path / "alone")
    assert len(alone) == len(FORMATS)
    (tmp_path / "file").touch()
    with pytest.raises(SourceError, match="cannot be written"):
        Verifier(SOUND).write(tmp_path / "file")


def test_write_from_the_panel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    panel = Verifier(TRIMMED)
    panel.run()
    panel.keep.click()
    assert (tmp_path / "reports" / "report.html").is_file()
    assert "Written to" in panel.kept.value
    panel.folder.value = "reports/report.html"
    panel.keep.click()
    assert "cannot be written" in panel.kept.value


def test_archives_are_added_from_the_picker() -> None:
    panel = Verifier(SOUND)
    panel.add.click()
    assert "No archive is chosen." in panel.picker.note.value
    panel.picker.path.value = str(WRONG)
    panel.add.click()
    panel.add.click()
    panel.picker.upload.value = uploaded("../<i>mine</i>.tar", TRIMMED.read_bytes())
    panel.add.click()
    assert panel.archives.value.splitlines()[:2] == [str(SOUND), str(WRONG)]
    reports = panel.run()
    assert [item.subject for item in reports] == [str(SOUND), str(WRONG), "../<i>mine</i>.tar"]
    assert "<i>mine" not in panel.result.value


def test_errors_are_told_and_raised_and_it_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = Verifier(SOUND)
    panel.archives.value = " \n"
    with pytest.raises(UsageError):
        panel.run()
    assert "No archive is named." in panel.problem.value
    assert 'role="alert"' in panel._repr_html_()
    panel.archives.value = "/no/such/*.tar"
    panel.button.click()
    assert panel.wait(30) is None
    assert "no file matches /no/such/*.tar." in panel.problem.value
    panel.archives.value = str(SOUND)
    monkeypatch.setattr(panel.progress, "start", panel.progress.cancel)
    with pytest.raises(Cancelled):
        panel.run()
    assert "Stopped. Press Verify to start again." in panel.problem.value
    monkeypatch.undo()
    assert panel.ok
    assert panel.problem.value == ""
    assert not panel.button.disabled


def test_a_fault_of_ours_is_a_sentence_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("<i>division</i>")

    monkeypatch.setattr(verifier, "diagnose_all", broken)
    panel = Verifier(SOUND)
    panel.button.click()
    panel.wait(30)
    assert "ZeroDivisionError: &lt;i&gt;division" in panel.problem.value


def test_the_static_twin() -> None:
    panel = Verifier(TRIMMED)
    panel.run()
    bundle = panel._repr_mimebundle_()
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"]
    assert bundle["text/html"] == panel.reports._repr_html_()
    assert repr(panel) == f"Verifier(['{TRIMMED}'])"


def test_every_control_has_a_label_and_no_view_needs_the_network() -> None:
    panel = Verifier([SOUND, TRIMMED])
    panel.run()
    controls = [w for w in walk(panel) if isinstance(w, ipw.ValueWidget | ipw.Button)]
    controls = [w for w in controls if not isinstance(w, ipw.HTML | ipw.FloatProgress)]
    assert len(controls) > 15
    assert [w for w in controls if not w.description] == []
    for widget in walk(panel):
        if isinstance(widget, ipw.HTML):
            for word in ("http://", "https://", "<script", "@import", "url("):
                assert word not in widget.value
