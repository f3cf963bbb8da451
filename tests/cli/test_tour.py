"""`layerkit demo` and `layerkit lab`."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from layerkit.cli import main
from layerkit.samples import data_dir


def test_demo_is_the_main_job(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(data_dir() / "trimmed-25-of-36.tar", tmp_path)
    shutil.copytree(data_dir() / "shop-oci", tmp_path / "shop-oci")
    monkeypatch.setattr("layerkit.samples.data_dir", lambda: tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main(["demo"]) == 0
    out = capsys.readouterr().out
    assert "manifest.json lists 25 of the 36 layers" in " ".join(out.split())
    assert "01-investigate.ipynb" in out
    assert max(map(len, out.splitlines())) <= 100
    assert "2 layers are in it, 10 are left out" in out
    assert "where base.tar is loaded the file is sound" in " ".join(out.split())
    (page,) = tmp_path.glob("*.html")
    assert page.read_text(encoding="utf-8").lower().startswith("<!doctype html")


def test_lab_without_jupyter_is_a_sentence(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    monkeypatch.setattr(os, "execv", lambda *_: pytest.fail("it started something"))
    assert main(["lab"]) == 2
    err = capsys.readouterr().err
    assert "JupyterLab is not installed here" in err
    assert "layerkit[lab]" in err


def test_lab_starts_on_the_notebooks(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(shutil, "which", lambda *_, **__: "/usr/bin/jupyter-lab")
    monkeypatch.setattr(os, "execv", lambda path, argv: started.append(argv))
    assert main(["lab", "--port", "9999"]) == 0
    (argv,) = started
    assert "--ServerApp.port=9999" in argv
    assert "--ServerApp.ip=127.0.0.1" in argv
