"""The models agree with what sixteen real programs did with each archive of `tests.images.CASES`.

tests/data/observations.json holds what they printed and returned. Thin families are not in it, because what a program
does with them depends on what it holds; they are in test_docker, test_containerd and test_podman.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from layerkit.frames import Frames, read_frames
from layerkit.loaders import LOADERS, find
from layerkit.verdict import Verdict
from tests.images import CASES

PROGRAMS = {
    "d20": "docker-classic@20.10",
    "d26g": "docker-classic@26.1",
    "d28g": "docker-classic@28.5",
    "d29g": "docker-classic@29.7",
    "d26c": "docker-containerd@26.1",
    "d28c": "docker-containerd@28.5",
    "d29c": "docker-containerd@29.7",
    "ctr16": "containerd@1.6",
    "ctr2": "containerd@2.4",
    "ctr2l": "containerd@2.4-local",
    "pod4": "podman@4.3",
    "pod54": "podman@5.4",
    "pod58": "podman@5.8",
    "sk19": "skopeo@1.9",
    "sknew": "skopeo@1.22",
    "crane": "crane@0.21",
}
SEEN: Mapping[str, Mapping[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data/observations.json").read_text(encoding="utf-8")
)["cases"]

EXCEPTIONS: Mapping[tuple[str, str], str] = {}
"""Texts that are known to differ, by program and case, each with its reason."""

LEAST = 0.97
"""Share of texts that agree."""

KNOWN = {loader.full_name for loader in LOADERS}
COLUMNS = [column for column, name in PROGRAMS.items() if name in KNOWN]


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Frames]:
    folder = tmp_path_factory.mktemp("archives")
    read = {}
    for name in SEEN:
        path = folder / f"{name}.tar"
        path.write_bytes(CASES[name](name))
        read[name] = read_frames(path, deep=True)
    return read


def seen(column: str) -> Mapping[str, Mapping[str, Any]]:
    """What a program did, by case; where it was asked twice, by transport, the answer for docker-archive."""
    rows = {case: row[column] for case, row in SEEN.items() if column in row}
    return {case: row if "exit" in row else row["docker-archive"] for case, row in rows.items()}


def said(row: Mapping[str, Any]) -> str:
    text = str(row.get("stderr") or row.get("stdout") or "")
    return normalise(text)


def predicted(verdict: Verdict, row: Mapping[str, Any]) -> str:
    """The part of a message that observations keep: errors, and what went before them only on stdout."""
    text = normalise(verdict.message)
    if row["exit"]:
        return re.sub(r"^(?:Loaded image[^⏎]*⏎ )+", "", text)
    return text if said(row) or "Error" in text else ""


def normalise(text: str) -> str:
    text = re.sub(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])", "H", text)
    text = re.sub(r"containerd-mount(?:N+|\d+)|(?<=/oci)(?:N+|\d+)", lambda m: re.sub(r"N+|\d+", "N", m[0]), text)
    text = re.sub(r'(?<=Patch ")http://[^"]+|(?<=PUT )http://\S+(?=: )', "<REGISTRY>", text)
    text = re.sub(r"^(panic: [^⏎]*) ⏎.*", r"\1", text.replace("\n", " ⏎ "))  # without its goroutines
    return text.strip()


def test_every_program_has_a_model_and_every_case_an_archive() -> None:
    assert SEEN.keys() <= CASES.keys()
    assert {column for row in SEEN.values() for column in row} == PROGRAMS.keys()
    assert len(SEEN) == 94


@pytest.mark.parametrize("column", COLUMNS)
def test_exit_codes(column: str, frames: Mapping[str, Frames], tell: Callable[[str], None]) -> None:
    loader = find(PROGRAMS[column])
    differing = {
        case: (row["exit"], code)
        for case, row in seen(column).items()
        if (code := loader.check(frames[case]).exit_code) != row["exit"]
    }
    rows = seen(column)
    tell(f"{loader.full_name}: {len(rows) - len(differing)} of {len(rows)} exit codes as observed")
    assert differing == {}


@pytest.mark.parametrize("column", COLUMNS)
def test_texts(column: str, frames: Mapping[str, Frames], tell: Callable[[str], None]) -> None:
    loader = find(PROGRAMS[column])
    rows = seen(column)
    differing = {
        case: (said(row), text)
        for case, row in rows.items()
        if (text := predicted(loader.check(frames[case]), row)) != said(row)
    }
    share = 1 - len(differing) / len(rows)
    tell(f"{loader.full_name}: {len(rows) - len(differing)} of {len(rows)} texts as observed ({share:.1%})")
    unexpected = {case: pair for case, pair in differing.items() if (column, case) not in EXCEPTIONS}
    assert unexpected == {}
    assert share >= LEAST


@pytest.mark.parametrize("column", ["d28c", "d29c"])
def test_an_image_that_cannot_be_created_does_not_load(column: str, frames: Mapping[str, Frames]) -> None:
    """`docker create` was tried after each load: it fails where the model says that the image is not usable."""
    loader = find(PROGRAMS[column])
    unlike = {"da_manifest_emptylist", "oci_ref_only"}  # nothing to create, or not under that name
    for case, row in seen(column).items():
        verdict = loader.check(frames[case])
        if case not in unlike:
            assert (verdict.loads is True) == (row["exit"] == 0 and "create" not in row), case
        assert verdict.silent == (verdict.exit_code == 0 and verdict.loads is not True), case


def test_no_exception_is_stale() -> None:
    assert all(case in SEEN and column in PROGRAMS and reason for (column, case), reason in EXCEPTIONS.items())
