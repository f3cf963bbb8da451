"""Whatever becomes of an archive on its way: a report or a LayerkitError, and nothing else ever."""

from __future__ import annotations

import gzip
import io
import itertools
import re
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from layerkit.diagnosis import diagnose
from layerkit.errors import LayerkitError
from layerkit.report import Report
from layerkit.sources import open_stream
from tests.images import CASES, DEFECTS

BLOCK = 512
NAMES = sorted([*CASES, *DEFECTS])


@cache
def archive(name: str) -> bytes:
    return CASES[name](name) if name in CASES else DEFECTS[name]()


def flip(data: bytes, at: int, value: int) -> bytes:
    at %= max(1, len(data))
    return data[:at] + bytes([value]) + data[at + 1 :]


def cut(data: bytes, at: int, _: int) -> bytes:
    return data[: at % (len(data) + 1)]


def behead(data: bytes, at: int, _: int) -> bytes:
    return data[at % (len(data) + 1) :]


def lose(data: bytes, at: int, length: int) -> bytes:
    at %= len(data) + 1
    return data[:at] + data[at + length * 64 :]


def repeat(data: bytes, at: int, count: int) -> bytes:
    """A block, or several, once more."""
    at = at % (len(data) + 1) // BLOCK * BLOCK
    return data[:at] + data[at : at + BLOCK * (1 + count % 8)] + data[at:]


def blank(data: bytes, at: int, count: int) -> bytes:
    at = at % (len(data) + 1) // BLOCK * BLOCK
    hole = min(BLOCK * (1 + count % 4), len(data) - at)
    return data[:at] + bytes(hole) + data[at + hole :]


def digit(data: bytes, at: int, value: int) -> bytes:
    """Another digit in place of one: sizes, counts, digests and checksums are made of them."""
    places = [i for i in range(len(data)) if data[i : i + 1] in b"0123456789abcdef"][:50_000]
    return flip(data, places[at % len(places)], b"0123456789abcdef"[value % 16]) if places else data


def token(data: bytes, at: int, value: int) -> bytes:
    """A piece of JSON that says something else."""
    swaps = ["[{", "{[", '" ', ":,", ", ", ("null", "true"), ("sha256", "sha999"), ("Layers", "layers"),
             ("layers", "Layers"), (".tar", "/../"), ("diff_ids", "diff_idz")]  # fmt: skip
    old, new = (text.encode() for text in swaps[value % len(swaps)])
    places = [found.start() for found in itertools.islice(re.finditer(re.escape(old), data), 500)]
    if not places:
        return data
    place = places[at % len(places)]
    return data[:place] + new + data[place + len(old) :]


MUTATIONS = (flip, cut, behead, lose, repeat, blank, digit, token)
STEPS = st.lists(st.tuples(st.sampled_from(MUTATIONS), st.integers(0, 1 << 20), st.integers(0, 255)), max_size=5)
ANY = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], derandomize=True
)


def mutated(name: str, steps: list[tuple[object, int, int]], other: str = "") -> bytes:
    data = archive(name)
    if other:
        spliced = archive(other)
        at = len(data) // 2 // BLOCK * BLOCK
        data = data[:at] + spliced[len(spliced) // 3 // BLOCK * BLOCK :]
    for change, at, value in steps:
        if callable(change):
            data = change(data, at, value)
    return data


def look(target: object, deep: bool) -> None:
    """A report that can be shown, or an error that says something."""
    try:
        report = diagnose(target, deep=deep)  # type: ignore[arg-type]
    except LayerkitError:
        return
    assert isinstance(report, Report)
    assert report.outcome in ("sound", "incomplete", "broken")
    for format in ("text", "json"):
        assert report.render(format)


@pytest.mark.slow
@given(name=st.sampled_from(NAMES), steps=STEPS, deep=st.booleans())
@settings(ANY, max_examples=200)
def test_a_mutated_archive_on_disk(tmp_path: Path, name: str, steps: list[tuple[object, int, int]], deep: bool) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(mutated(name, steps))
    look(path, deep)


@given(name=st.sampled_from(NAMES), steps=STEPS, deep=st.booleans())
@settings(ANY, max_examples=100)
def test_a_mutated_archive_through_a_pipe(name: str, steps: list[tuple[object, int, int]], deep: bool) -> None:
    look(open_stream(io.BytesIO(mutated(name, steps)), "stdin", deep=deep), deep)


@given(name=st.sampled_from(NAMES), other=st.sampled_from(NAMES), steps=STEPS)
@settings(ANY, max_examples=100)
def test_two_archives_spliced(tmp_path: Path, name: str, other: str, steps: list[tuple[object, int, int]]) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(mutated(name, steps, other))
    look(path, True)


@given(name=st.sampled_from(NAMES), steps=STEPS, deep=st.booleans())
@settings(ANY, max_examples=60)
def test_a_mutated_gzip_around_it(tmp_path: Path, name: str, steps: list[tuple[object, int, int]], deep: bool) -> None:
    path = tmp_path / "x.tar.gz"
    data = gzip.compress(archive(name), 1, mtime=0)
    for change, at, value in steps:
        if callable(change):
            data = change(data, at, value)
    path.write_bytes(data)
    look(path, deep)


@given(
    data=st.binary(max_size=3000),
    outer=st.sampled_from([b"", b"\x1f\x8b\x08", b"BZh9", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0"]),
)
@settings(ANY, max_examples=60)
def test_any_bytes(tmp_path: Path, data: bytes, outer: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(outer + data)
    look(path, True)
