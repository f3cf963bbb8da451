"""Repair in place: only the end is written, a killed run is undone, and first-wins readers see the new documents."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from layerkit import diagnose
from layerkit.errors import FormatError, IntegrityError
from layerkit.repairs import plan_repair, repair
from layerkit.repairs import tail as tails
from layerkit.store import Store
from tests.images import Spec, Tar, docker_archive, hybrid, layer, stack

ONE = Spec(stack("one", range(4)))


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    return docker_archive(Spec(ONE.layers, entry={"Layers": lambda names: names[:0:-1]})).write(tmp_path / "big.tar")


def layers_end(path: Path) -> int:
    source = diagnose(path).frames.archive
    assert source is not None
    return max(m.offset + m.size for m in source.members.all if m.name.endswith("layer.tar"))


def test_only_the_end_is_written(broken: Path, store: Store) -> None:
    before, end, node = broken.read_bytes(), layers_end(broken), broken.stat().st_ino
    done = repair(broken, in_place=True, store=store)
    after = broken.read_bytes()
    assert after[:end] == before[:end]
    assert broken.stat().st_ino == node
    assert {change.id for change in done.plan.changes} == {"list-layers", "order-layers"}
    report = diagnose(broken, deep=True)
    assert (report.outcome, report.findings) == ("sound", ())
    assert sorted(p.name for p in broken.parent.iterdir()) == ["big.tar", "store"]


def test_there_is_one_of_every_name(broken: Path, store: Store) -> None:
    repair(broken, in_place=True, store=store)
    source = diagnose(broken).frames.archive
    assert source is not None
    assert not source.members.repeated


def test_a_hybrid_gets_both_halves(tmp_path: Path, store: Store) -> None:
    tar = hybrid(Spec(ONE.layers, manifest={"layers": lambda layers: layers[::-1]}))
    last = ("oci-layout", "index.json", "manifest.json")
    ordered = Tar((*(m for m in tar if m.name not in last), *(m for m in tar if m.name in last)))
    path = ordered.write(tmp_path / "hybrid.tar")
    repair(path, in_place=True, store=store)
    report = diagnose(path, deep=True)
    assert (report.outcome, report.format) == ("sound", "universal")


def _first(tar: Tar) -> Tar:
    return Tar((tar.members[-1], *tar.members[:-1]))


def _twice(tar: Tar) -> Tar:
    return tar.drop(tar.names[0]).file("x", layer("other", 1), at=0).file("x", ONE.layers[0], at=1)


@pytest.mark.parametrize(
    ("tar", "why"),
    [
        (_first(docker_archive(ONE)), "manifest.json stands before a layer"),
        (docker_archive(Spec(ONE.layers, compression="xz")), "only manifests are written in place"),
        (_twice(docker_archive(ONE)), "not found by its name"),
    ],
)
def test_what_needs_more_than_a_new_end_is_refused(tar: Tar, why: str, tmp_path: Path, store: Store) -> None:
    path = tar.write(tmp_path / "other.tar")
    before = path.read_bytes()
    with pytest.raises(FormatError, match=why) as refused:
        repair(path, in_place=True, store=store)
    assert "-o" in refused.value.hint
    assert path.read_bytes() == before


def test_a_result_that_is_refused_is_undone(broken: Path, store: Store) -> None:
    before = broken.read_bytes()
    plan = plan_repair(broken, loaders=["containerd@2.4"], form="docker", store=store)
    made = tails.plan_tail(plan)
    spoilt = tails.Tail(made.path, made.at, made.kept, made.parts[:-1])
    with pytest.raises(IntegrityError, match="the old end was put back"):
        tails.rewrite(spoilt)
    assert broken.read_bytes() == before
    assert not tails.undo(broken)


_KILLED = """
import os, signal, sys
from layerkit.repairs import tail
number = int(sys.argv[2])
calls = 0
def stop(name):
    real = getattr(os, name)
    def call(*arguments):
        global calls
        calls += 1
        if calls == number:
            if name == "pwrite":
                real(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2], arguments[2])
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments)
    setattr(os, name, call)
for name in ("pwrite", "ftruncate", "fsync", "replace", "unlink"):
    stop(name)
from layerkit.repairs import repair
from layerkit.store import Store
repair(sys.argv[1], in_place=True, store=Store(sys.argv[3]))
"""


def test_a_killed_run_is_undone_by_the_next(broken: Path, tmp_path: Path, store: Store) -> None:
    before = broken.read_bytes()
    killed = 0
    for number in range(1, 12):
        broken.write_bytes(before)
        command = [sys.executable, "-c", _KILLED, str(broken), str(number), str(tmp_path / "store")]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr.decode()
        killed += 1
        whole = broken.read_bytes() == before
        assert tails.undo(broken) or whole
        assert broken.read_bytes() == before
        for left in broken.parent.glob(".*"):
            os.unlink(left)
    assert killed >= 4
    assert diagnose(broken, deep=True).outcome == "sound"


def test_a_killed_run_is_taken_up_again(broken: Path, tmp_path: Path, store: Store) -> None:
    before, states = broken.read_bytes(), set()
    for number in range(1, 12):
        command = [sys.executable, "-c", _KILLED, str(broken), str(number), str(tmp_path / "store")]
        if subprocess.run(command, capture_output=True, check=False).returncode == 0:
            break
        states.add(broken.read_bytes() == before)
        repair(broken, in_place=True, store=store)
        assert diagnose(broken, deep=True).outcome == "sound"
        assert not broken.with_name(f".{broken.name}.undo").exists()
        broken.write_bytes(before)
    assert states == {True, False}, "some runs were killed before the file was touched, some after"


def test_a_strange_journal_is_not_believed(broken: Path) -> None:
    journal = broken.with_name(f".{broken.name}.undo")
    journal.write_bytes(b'{"at": 0, "size": 3, "sha256": "sha256:0"}\nabc')
    before = broken.read_bytes()
    with pytest.raises(IntegrityError, match="is not what a repair"):
        tails.undo(broken)
    assert broken.read_bytes() == before
