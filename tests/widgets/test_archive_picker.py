"""Choosing an archive: completion is bounded and never fails, an upload's name is never a path."""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import Any

import pytest

from layerkit.samples import samples
from layerkit.widgets import archive_picker
from layerkit.widgets.archive_picker import UPLOAD_LIMIT, ArchivePicker, complete


def uploaded(name: str, content: bytes) -> tuple[dict[str, Any], ...]:
    """What the browser sends for one file."""
    modified = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    file = {"name": name, "type": "", "size": len(content), "content": memoryview(content), "last_modified": modified}
    return (file,)


def test_completion_offers_archives_then_folders_then_the_rest(tmp_path: Path) -> None:
    for name in ("app.txt", "app.tar", "app.tar.zst", ".app.tar", "other.tar"):
        (tmp_path / name).touch()
    (tmp_path / "apps").mkdir()
    start = f"{tmp_path}{os.sep}"
    found = [path.removeprefix(start) for path in complete(f"{start}app")]
    assert found == ["app.tar", "app.tar.zst", "apps/", "app.txt"]
    assert list(complete(f"{start}.a")) == [f"{start}.app.tar"]


def test_completion_keeps_what_was_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.tar").touch()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert list(complete("~/x")) == ["~/x.tar"]
    assert list(complete("x")) == ["x.tar"]
    assert list(complete("./x")) == ["./x.tar"]


@pytest.mark.parametrize("typed", ["/no/such/folder/x", "\0", "docker://registry.example/x", "x" * 5000 + "/y"])
def test_completion_of_nonsense_is_empty(typed: str) -> None:
    assert list(complete(typed)) == []


def test_completion_is_bounded_and_leaves_out_what_a_browser_cannot_show(tmp_path: Path) -> None:
    for number in range(100):
        (tmp_path / f"{number}.tar").touch()
    (tmp_path / "0\nname.tar").touch()
    (tmp_path / os.fsdecode(b"0\xff.tar")).touch()
    offered = list(complete(f"{tmp_path}/0"))
    assert offered == [f"{tmp_path}/0.tar"]
    assert len(list(complete(f"{tmp_path}/"))) == 40


def test_a_sample_goes_into_the_box_and_what_is_typed_deselects_it() -> None:
    picker = ArchivePicker()
    wanted = str(samples()[2].path)
    picker.sample.value = wanted
    assert picker.target == wanted
    picker.path.value = "/elsewhere/x.tar"
    assert picker.sample.value == ""
    assert picker.target == "/elsewhere/x.tar"


def test_a_sample_given_as_path_is_selected() -> None:
    assert ArchivePicker(str(samples()[1].path)).sample.value == str(samples()[1].path)


def test_the_home_folder_is_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    assert ArchivePicker(" ~/x.tar ").target == "/home/someone/x.tar"


@pytest.mark.parametrize("name", ["../victim", "HERE/victim", "a\0b", "<script>alert(1)</script>"])
def test_the_name_of_an_upload_is_shown_and_not_used(name: str, tmp_path: Path) -> None:
    # A name that would overwrite something if it were used; something of the test's own, should it ever be.
    name = name.replace("HERE", str(tmp_path))
    (tmp_path / "victim").write_text("untouched")
    picker = ArchivePicker()
    picker.upload.value = uploaded(name, b"content")
    path = Path(picker.target)
    assert path.read_bytes() == b"content"
    assert path.name == "upload"
    assert path.parent.name.startswith("layerkit-")
    assert picker.subject == name
    assert (tmp_path / "victim").read_text() == "untouched"
    assert picker.folder == Path.cwd()
    assert "<script>" not in picker.note.value


def test_one_upload_takes_the_place_of_the_other() -> None:
    picker = ArchivePicker()
    picker.upload.value = uploaded("one.tar", b"1")
    first = picker.target
    picker.upload.value = uploaded("two.tar", b"2")
    assert not Path(first).exists()
    assert Path(picker.target).read_bytes() == b"2"


def test_an_upload_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_picker, "UPLOAD_LIMIT", 4)
    picker = ArchivePicker()
    picker.upload.value = uploaded("big.tar", b"12345")
    assert picker.target == ""
    assert "more than an upload may have" in picker.note.value
    assert UPLOAD_LIMIT < 10 << 20


def test_a_disk_that_is_full_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    picker = ArchivePicker()
    picker.upload.value = uploaded("x.tar", b"1")
    assert picker.target == ""
    assert "No space left on device" in picker.note.value
