"""Many targets: one row each, failures kept, one answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerkit.errors import UsageError
from layerkit.frames import Frames
from layerkit.report import FORMATS, Failure, Report, Reports, format_for
from layerkit.verdict import Verdict
from tests.images import Spec, docker_archive, layer

from .build import frames_of, report_of, sound_of
from .test_web import parse

FAILED = Failure("gone.tar", "gone.tar does not exist", "check the path")


@pytest.fixture
def sound(tmp_path: Path) -> Report:
    return sound_of(frames_of(docker_archive(Spec((layer("several", 0),), tags=("shop/app:1",))), tmp_path))


def test_frame(report: Report, sound: Report) -> None:
    frame = Reports((report, FAILED, sound)).frame
    assert list(frame.columns) == ["subject", "format", "outcome", "images", "errors", "warnings", "headline"]
    assert list(frame["outcome"]) == ["broken", "failed", "sound"]
    assert list(frame["errors"]) == [1, 0, 0]
    assert frame["headline"][1] == "gone.tar does not exist"


def test_it_is_a_sequence(report: Report, sound: Report) -> None:
    reports = Reports((report, FAILED, sound))
    assert len(reports) == 3
    assert reports[1] is FAILED
    assert isinstance(reports[1:], Reports)
    assert list(reports[1:]) == [FAILED, sound]


def test_exit_code_is_the_worst(report: Report, sound: Report) -> None:
    assert Reports((sound,)).exit_code == 0
    assert Reports((sound, report)).exit_code == 1
    assert Reports((sound, report, FAILED)).exit_code == 2
    assert Reports().exit_code == 0


def test_headline(report: Report, sound: Report) -> None:
    assert Reports((sound,)).headline == "The one layer is listed, promised and there."
    assert Reports((report, sound, FAILED)).headline == "3 targets: 1 broken, 1 sound, 1 could not be looked at."


@pytest.mark.parametrize("format", FORMATS)
def test_one_alone_is_itself(report: Report, format: str) -> None:
    assert Reports((report,)).render(format) == report.render(format)


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_names_all(report: Report, sound: Report, format: str) -> None:
    text = Reports((report, FAILED, sound)).render(format)
    for subject in ("export/app.tar", "gone.tar", "sound.tar"):
        assert subject in text


def test_html_and_notebook(report: Report, sound: Report) -> None:
    reports = Reports((report, FAILED, sound))
    parse(reports.render("html"))
    parse(reports._repr_html_())
    assert reports._repr_markdown_() == reports.render("md")


def test_text_shows_what_has_something_to_say(frames: Frames, sound: Report) -> None:
    refusing = Report(
        "refused.tar",
        sound.frames,
        images=sound.images,
        wanted=("podman",),
        verdicts=(Verdict("podman", "5.8", False, 125, "no"),),
    )
    text = Reports((report_of(frames), sound, refusing)).render("text")
    assert text.count("Claims about the same layers") == 2
    assert max(map(len, text.splitlines())) <= 80


def test_write_picks_the_format_by_the_suffix(report: Report, tmp_path: Path) -> None:
    for suffix, format in ((".html", "html"), (".JSON", "json"), (".xml", "junit"), (".md", "md"), (".log", "text")):
        assert report.write(tmp_path / f"a{suffix}").read_text(encoding="utf-8") == report.render(format)
        assert Reports((report, FAILED)).write(tmp_path / f"b{suffix}").read_text(encoding="utf-8") == Reports(
            (report, FAILED)
        ).render(format)
    assert format_for("x.html", "md") == "md"
    assert format_for() == "text"


def test_unknown_format(report: Report) -> None:
    with pytest.raises(UsageError, match="text, json, html, md, junit, sarif"):
        report.render("pdf")
    with pytest.raises(UsageError, match="unknown format 'pdf'"):
        Reports((report,)).render("pdf")
    with pytest.raises(UsageError, match="unknown format 'pdf'"):
        format_for("", "pdf")
