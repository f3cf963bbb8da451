"""The table of verdicts: every answer has a sign and a word, names are told apart, foreign text is harmless."""

from __future__ import annotations

from dataclasses import replace

import pytest

from layerkit.diagnosis import diagnose
from layerkit.report import Failure, Report, Reports
from layerkit.report.verdict_table import SIGNS, answer, verdict_frame, verdicts_html
from layerkit.samples import data_dir

DATA = data_dir()


@pytest.fixture(scope="module")
def reports() -> Reports:
    names = ("sound-oci.tar", "full-list-files-absent.tar", "trimmed-25-of-36.tar")
    looked: list[Report | Failure] = [diagnose(DATA / name) for name in names]
    return Reports((*looked, Failure(str(DATA / "gone.tar"), "it does not exist")))


def test_a_row_for_each_archive_and_a_column_for_each_runtime(reports: Reports) -> None:
    frame = verdict_frame(reports)
    first = reports[0]
    assert isinstance(first, Report)
    assert sorted(frame.columns[2:]) == sorted(v.name for v in first.verdicts)
    assert frame["outcome"].tolist() == ["sound", "incomplete", "broken", "failed"]
    assert frame["docker-classic@20.10"].tolist() == ["refuses", "if-held", "refuses", "unknown"]
    for verdict in first.verdicts:
        assert frame[verdict.name][0] == answer(verdict)


def test_silence_is_the_dangerous_answer(reports: Reports) -> None:
    first = reports[0]
    assert isinstance(first, Report)
    verdict = replace(first.verdicts[0], loads="if-held", silent=True)
    assert answer(verdict) == "silent"


def test_every_cell_has_a_word_and_the_legend_what_occurs(reports: Reports) -> None:
    html = verdicts_html(reports)
    frame = verdict_frame(reports)
    for key, (_, _, meaning) in SIGNS.items():
        count = int((frame.iloc[:, 2:] == key).to_numpy().sum())
        assert html.count(f'aria-label="{meaning}"') == count
        assert (f"</i>{meaning}</span>" in html) is (count > 0)
    assert ">trimmed-25-of-36.tar</code>" in html
    assert f'title="{DATA}/trimmed-25-of-36.tar"' in html


def test_nothing_foreign_acts_and_rows_are_bounded() -> None:
    evil = Failure("x" * 100 + "<script>\u202e", "no")
    html = verdicts_html(Reports((evil,) * 300))
    assert "<script" not in html
    assert "\u202e" not in html
    assert html.count('scope="row"') == 200
    assert "and 100 more archives" in html
