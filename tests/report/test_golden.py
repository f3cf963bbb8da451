"""Every format of one report, character for character."""

from __future__ import annotations

import pytest

from layerkit.report import FORMATS, Report

from .build import GOLDEN, GOLDEN_NAMES, rendered


def test_every_format_has_a_golden_file() -> None:
    assert list(GOLDEN_NAMES) == list(FORMATS)


@pytest.mark.parametrize("format", GOLDEN_NAMES)
def test_format_is_unchanged(report: Report, format: str) -> None:
    expected = (GOLDEN / GOLDEN_NAMES[format]).read_text(encoding="utf-8")
    assert rendered(report, format) == expected, "meant? python -m tests.report.build, and look at the difference"
