"""The table of tests/repairs/cases.py, line by line: repaired, or refused with the reason a person would give."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerkit import diagnose, open_image
from layerkit.errors import LayerkitError
from layerkit.image import Image
from layerkit.repairs import Repaired, repair
from layerkit.sources import choose, open_source
from layerkit.store import Store
from tests.test_real_cases import CASES

from .cases import DATA, EXPECTED, Refusal, write, write_whole


def sound(done: Repaired, path: Path, leaves: frozenset[str] = frozenset()) -> None:
    """Read in full from outside: nothing is wrong with it but what `leaves` says, and it is what was planned."""
    report = diagnose(path, deep=True)
    assert report.outcome == "sound"
    assert {(f.code, f.severity) for f in report.findings} == {(code, "warning") for code in leaves}
    if not any(change.id == "repack-layers" for change in done.plan.changes):
        source = open_source(path)
        planned = [m.after for m in done.plan.members if m.after is not None]
        assert [member.name for member in source.members.all] == planned  # type: ignore[attr-defined]


def ids(path: Path) -> list[tuple[str, tuple[str, ...]]]:
    source, entries = choose(path)
    return sorted((Image(source, e).config.digest, Image(source, e).config.diff_ids) for e in entries)


def test_every_case_and_every_sample_is_in_the_table() -> None:
    samples = {p.name for p in DATA.iterdir() if p.suffix == ".tar" or (p / "oci-layout").exists()}
    assert set(EXPECTED) == set(CASES) | samples


@pytest.mark.parametrize("name", EXPECTED)
def test_alone(name: str, tmp_path: Path) -> None:
    expected = EXPECTED[name].alone
    broken, fixed, store = write(name, tmp_path), tmp_path / "fixed.tar", Store(tmp_path / "store")
    if isinstance(expected, Refusal):
        with pytest.raises(expected.error) as refused:
            repair(broken, fixed, store=store)
        for text in expected.says:
            assert text in f"{refused.value} {refused.value.hint}"
        assert refused.value.hint
        assert not fixed.exists()
        return
    done = repair(broken, fixed, store=store)
    assert {change.id for change in done.plan.changes} == expected
    assert done.plan.safe
    assert not done.plan.fetch_bytes
    sound(done, fixed, EXPECTED[name].leaves)
    before = {image.before for image in done.plan.images}
    assert {digest for digest, _ in ids(fixed)} <= before


@pytest.mark.parametrize("name", [name for name, case in EXPECTED.items() if case.whole is not None])
def test_with_the_whole_image_at_hand(name: str, tmp_path: Path) -> None:
    whole = write_whole(name, tmp_path)
    assert whole is not None
    fixed = tmp_path / "fixed.tar"
    done = repair(write(name, tmp_path), fixed, sources=[whole], store=Store(tmp_path / "store"))
    assert {change.id for change in done.plan.changes} == EXPECTED[name].with_help
    assert done.plan.safe
    sound(done, fixed)
    assert ids(fixed) == ids(whole)


@pytest.mark.parametrize("name", [name for name, case in EXPECTED.items() if case.delta])
def test_as_a_delta(name: str, tmp_path: Path) -> None:
    fixed = tmp_path / "fixed.tar"
    done = repair(write(name, tmp_path), fixed, as_delta=True, store=Store(tmp_path / "store"))
    assert done.report is not None
    assert done.report.outcome == "incomplete"
    assert "leave-out" in {change.id for change in done.plan.changes}
    whole = write_whole(name, tmp_path)
    assert whole is not None
    assert diagnose(fixed, held=whole, deep=True).outcome == "sound"
    assert open_image(fixed).config.digest == open_image(whole).config.digest


@pytest.mark.parametrize("name", [name for name, case in EXPECTED.items() if case.unsafe])
def test_with_a_new_image_id(name: str, tmp_path: Path) -> None:
    broken, fixed = write(name, tmp_path), tmp_path / "fixed.tar"
    done = repair(broken, fixed, allow_unsafe=True, store=Store(tmp_path / "store"))
    assert {change.id for change in done.plan.changes} == EXPECTED[name].unsafe
    assert not done.plan.safe
    sound(done, fixed)
    before, after = open_image(broken).config, open_image(fixed).config
    assert after.digest == done.plan.images[0].config.digest != before.digest
    assert after.diff_ids == before.diff_ids


@pytest.mark.parametrize(("name", "entry"), [("F14 history too long", 12), ("history-too-long.tar", 3)])
def test_unsafe_ones_tell_the_new_image_id(name: str, entry: int, tmp_path: Path) -> None:
    broken, fixed, store = write(name, tmp_path), tmp_path / "fixed.tar", Store(tmp_path / "store")
    plan = repair(broken, dry_run=True, store=store).plan
    assert not plan.safe
    with pytest.raises(LayerkitError, match=plan.images[0].config.digest):
        repair(plan, fixed)
    repair(plan, fixed, allow_unsafe=True)
    before, after = open_image(broken).config, open_image(fixed).config
    assert [a != b for a, b in zip(before.history, after.history, strict=True)].count(True) == 1
    assert (before.history[entry].empty_layer, after.history[entry].empty_layer) == (False, True)
