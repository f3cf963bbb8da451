"""Many targets at once, in their order; what one argument stands for."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from layerkit.errors import Cancelled, NotFound, UsageError
from layerkit.export import export_image
from layerkit.progress import Silent
from layerkit.report import Failure, Report
from layerkit.samples import data_dir
from layerkit.store import Store
from layerkit.survey import diagnose_all, expand

DATA = data_dir()


def test_in_their_order_and_a_failure_in_its_place() -> None:
    reports = diagnose_all([DATA / "wrong-bytes.tar", "/no/such.tar", DATA / "sound-oci.tar"], deep=True)
    first, second, third = reports
    assert isinstance(first, Report)
    assert isinstance(second, Failure)
    assert isinstance(third, Report)
    assert [first.outcome, third.outcome] == ["broken", "sound"]
    assert "does not exist" in second.error
    assert reports.exit_code == 2


def test_what_an_argument_stands_for(tmp_path: Path) -> None:
    shutil.copy(DATA / "sound-docker.tar", tmp_path / "b.tar")
    shutil.copy(DATA / "sound-docker.tar", tmp_path / "a.tar")
    shutil.copytree(DATA / "shop-oci", tmp_path / "layout")
    (tmp_path / "notes.txt").touch()
    names = [str(tmp_path / name) for name in ("a.tar", "b.tar", "layout")]
    assert expand(str(tmp_path)) == names
    assert expand(str(tmp_path / "?.tar")) == names[:2]
    assert expand(str(tmp_path / "layout")) == names[2:]
    assert expand("-") == ["-"]
    assert expand("docker://registry.example/app:1") == ["docker://registry.example/app:1"]
    odd = tmp_path / "a[1].tar"
    odd.touch()
    assert expand(str(odd)) == [str(odd)]
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="holds no image archive"):
        expand(str(tmp_path / "empty"))
    with pytest.raises(UsageError, match="no file matches"):
        expand(str(tmp_path / "*.zip"))
    with pytest.raises(UsageError, match="no archive is named"):
        diagnose_all([])


def test_held_is_read_once_for_all(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    base = export_image(f"oci:{DATA / 'shop-oci'}:1.0", tmp_path / "base.tar", store=store).paths[0]
    delta = export_image(f"oci:{DATA / 'shop-oci'}:1.1", tmp_path / "delta.tar", to=base, store=store).paths[0]
    assert diagnose_all([base, delta]).exit_code == 1
    assert diagnose_all([base, delta], held=base).exit_code == 0
    with pytest.raises(NotFound):
        diagnose_all([base], held="/no/such/inventory.json")


def test_progress_of_many_is_told_apart_and_stops_all() -> None:
    class Watch(Silent):
        def __init__(self) -> None:
            self.begun: dict[str, str] = {}

        def begin(self, task: str, total: int | None, label: str) -> None:
            self.begun[task] = label

    watch = Watch()
    diagnose_all([DATA / "sound-docker.tar", DATA / "sound-oci.tar"], deep=True, progress=watch)
    assert {"sound-docker.tar: reading layers", "sound-oci.tar: reading layers"} < set(watch.begun.values())

    class Stop(Silent):
        def advance(self, task: str, count: int) -> None:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        diagnose_all(str(DATA / "sound-*.tar"), deep=True, progress=Stop())
