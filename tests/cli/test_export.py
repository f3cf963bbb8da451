"""`layerkit plan`, `layerkit export` and `layerkit store`: what they print, write and return."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from layerkit.cli import main
from layerkit.diagnosis import diagnose
from layerkit.samples import data_dir
from layerkit.store import Store

SHOP = f"oci:{data_dir() / 'shop-oci'}"


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAYERKIT_STORE", str(tmp_path / "store"))
    return tmp_path / "store"


def call(capsys: pytest.CaptureFixture[str], *argv: object) -> tuple[int, str, str]:
    code = main([str(word) for word in argv])
    return code, *capsys.readouterr()


def test_plan(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(capsys, "plan", f"{SHOP}:1.1")
    assert (code, err) == (0, "")
    assert "travel" in out
    assert json.loads(call(capsys, "plan", f"{SHOP}:1.1", "-f", "json")[1])


def test_export_and_delta(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    base, delta = tmp_path / "base.tar", tmp_path / "delta.tar"
    code, out, _ = call(capsys, "export", f"{SHOP}:1.0", "-o", base)
    assert (code, "diagnosed sound" in out) == (0, True)
    assert diagnose(base, deep=True).outcome == "sound"
    code, out, _ = call(capsys, "export", f"{SHOP}:1.1", "--to", base, "-o", delta)
    assert code == 0
    assert "Left out 10 layers" in out
    assert delta.stat().st_size < base.stat().st_size
    assert diagnose(delta).outcome == "incomplete"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("plan", "/no/such.tar"), "/no/such.tar does not exist"),
        (("plan", SHOP, "-f", "yaml"), "unknown format 'yaml'"),
        (("export", "/no/such.tar", "-o", "x.tar"), "/no/such.tar does not exist"),
        (("export", SHOP, "-o", "-", "--split", "4GB"), "a pipe takes neither"),
        (("export", SHOP, "-o", "x.tar", "--split", "many"), "'many' is no size"),
        (("store", "prune", "--keep", "-1"), "is no size"),
    ],
)
def test_what_cannot_be_done(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    argv: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = call(capsys, *argv)
    assert (code, out) == (2, "")
    assert message in err
    assert not (tmp_path / "x.tar").exists()


def test_store(capsys: pytest.CaptureFixture[str], tmp_path: Path, store: Path) -> None:
    call(capsys, "export", f"{SHOP}:1.1", "--layers", "plain", "-o", tmp_path / "x.tar")
    blobs = json.loads(call(capsys, "store", "list", "-f", "json")[1])
    code, out, _ = call(capsys, "store", "verify")
    assert (code, out) == (0, f"{len(blobs)} blobs are right, 0 were not\n")
    if blobs:
        victim = Store(store).path(blobs[0]["digest"])
        victim.chmod(0o644)
        victim.write_bytes(b"something else")
        code, out, _ = call(capsys, "store", "verify")
        assert code == 1
        assert f"removed {blobs[0]['digest']}" in out
    call(capsys, "store", "prune", "--keep", "0")
    assert json.loads(call(capsys, "store", "list", "-f", "json")[1]) == []
