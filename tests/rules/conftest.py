"""Look at bytes with one rule alone, whatever became of the rules that it requires."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from layerkit.finding import Finding, Rule
from layerkit.frames import Frames, read_frames
from layerkit.inventory import Inventory
from layerkit.rules import RULES
from tests.images import Tar

Look = Callable[..., list[Finding]]
BY_CODE = {rule.code: rule for rule in RULES}


def check(rule: Rule, frames: Frames) -> list[Finding]:
    subjects = [frames] if rule.scope == "file" else frames.alignments
    return [finding for subject in subjects for finding in rule.check(subject)]


@pytest.fixture
def look(tmp_path: Path) -> Look:
    def findings(
        what: Tar | bytes | Path, code: str, *, deep: bool = False, held: Inventory | None = None, prefix: str = ""
    ) -> list[Finding]:
        if isinstance(what, Path):
            path = what
        else:
            path = tmp_path / "image.tar"
            path.write_bytes(bytes(what))
        return check(BY_CODE[code], read_frames(f"{prefix}{path}", deep=deep, held=held))

    return findings
