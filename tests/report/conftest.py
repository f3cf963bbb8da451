"""One real archive, the 25-of-36 case, read once."""

from __future__ import annotations

import pytest

from layerkit.frames import Frames
from layerkit.report import Report

from .build import frames_of, report_of, trimmed


@pytest.fixture(scope="session")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Frames:
    return frames_of(trimmed(), tmp_path_factory.mktemp("trimmed"))


@pytest.fixture(scope="session")
def report(frames: Frames) -> Report:
    return report_of(frames)
