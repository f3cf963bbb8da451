"""The report goes beside the archive, or into a link where it may not."""

from __future__ import annotations

import base64
import json
import re
import shutil
from pathlib import Path

import pytest

from layerkit import diagnose
from layerkit.report import FORMATS, Report
from layerkit.samples import data_dir
from layerkit.widgets.report_export import ReportExport


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return Path(shutil.copy(data_dir() / "trimmed-25-of-36.tar", tmp_path / "a <b>.tar"))


@pytest.fixture
def report(archive: Path) -> Report:
    return diagnose(archive)


def test_every_format_has_a_name_of_its_own(archive: Path, report: Report) -> None:
    export = ReportExport()
    export.show(report, archive)
    written = {}
    for kind in FORMATS:
        export.format.value = kind
        written[kind] = export.write()
    assert written["html"] == archive.with_name("a <b>.tar.report.html")
    assert len(set(written.values())) == len(FORMATS)
    json.loads(archive.with_name("a <b>.tar.report.json").read_text(encoding="utf-8"))


def test_the_path_is_shown_and_the_link_holds_the_same(archive: Path, report: Report) -> None:
    export = ReportExport()
    export.show(report, archive)
    export.format.value = "json"
    export.button.click()
    assert "a &lt;b&gt;.tar.report.json" in export.outcome.value
    link = re.search(r'href="data:application/json;charset=utf-8;base64,([^"]+)"', export.outcome.value)
    assert link
    assert base64.b64decode(link[1]).decode() == archive.with_name("a <b>.tar.report.json").read_text(encoding="utf-8")


def test_a_folder_that_does_not_take_it_leaves_the_link(report: Report) -> None:
    export = ReportExport()
    export.show(report, Path("/proc/x.tar"))
    assert export.write() is None
    assert "/proc/x.tar.report.html cannot be written" in export.outcome.value
    assert "Traceback" not in export.outcome.value
    assert '<a download="x.tar.report.html"' in export.outcome.value


def test_before_a_diagnosis_there_is_nothing_to_write() -> None:
    export = ReportExport()
    assert export.write() is None
    assert export.outcome.value == ""
