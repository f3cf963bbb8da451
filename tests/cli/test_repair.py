"""`layerkit repair`, `convert` and `compare`: output, exit codes, and what is asked for."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Protocol

import pytest

from layerkit import diagnose
from layerkit.cli import main
from layerkit.samples import data_dir
from tests.images import Spec, docker_archive, stack

DATA = data_dir()
SURPLUS = str(DATA / "surplus-layers.tar")


class Run(Protocol):
    def __call__(self, *argv: str) -> tuple[int, str, str]: ...


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.setenv("LAYERKIT_STORE", str(tmp_path / "store"))

    def call(*argv: str) -> tuple[int, str, str]:
        code = main(argv)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_repair(run: Run, tmp_path: Path) -> None:
    fixed = tmp_path / "fixed.tar"
    code, out, err = run("repair", SURPLUS, "-o", str(fixed))
    assert (code, err) == (0, "")
    assert "drop layers that no diff ID claims: 3 that no diff ID claims are dropped" in out
    assert f"Wrote {fixed}: " in out
    assert "diagnosed sound." in out
    assert diagnose(fixed, deep=True).outcome == "sound"


def test_a_dry_run_in_text_and_json(run: Run, tmp_path: Path) -> None:
    code, text, _ = run("repair", SURPLUS, "--dry-run")
    assert code == 0
    assert "17 layers listed -> 3 that no diff ID claims are dropped" in text
    assert "image ID f51152cb2f29, stays" in text
    code, out, _ = run("repair", SURPLUS, "--dry-run", "-f", "json")
    plan = json.loads(out)
    assert (code, plan["schema"], plan["safe"], plan["bytes"]["fetch"]) == (0, "layerkit.repair/1", True, 0)
    assert sum(member["after"] is None for member in plan["members"]) == 3
    assert [p.name for p in tmp_path.iterdir()] == ["store"]


def test_what_cannot_be_repaired(run: Run, tmp_path: Path) -> None:
    code, out, err = run("repair", str(DATA / "trimmed-25-of-36.tar"), "-o", str(tmp_path / "fixed.tar"))
    assert (code, out) == (2, "")
    assert "11 of 36 layers are nowhere to be found: position 0 sha256:5a9868f6" in err
    assert "--from" in err
    assert not (tmp_path / "fixed.tar").exists()


def test_as_delta(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("repair", str(DATA / "trimmed-25-of-36.tar"), "-o", str(tmp_path / "d.tar"), "--as-delta")
    assert code == 0
    assert "Left out 11 layers: it loads only where they are held." in out


def test_from_images_and_tags(run: Run, tmp_path: Path) -> None:
    whole = docker_archive(Spec(stack("cli", range(3)))).write(tmp_path / "whole.tar")
    broken = docker_archive(
        Spec(stack("cli", range(3)), stored={1: None}), Spec(stack("other", range(2)), tags=("b:1",), stored={0: None})
    ).write(tmp_path / "broken.tar")
    fixed = str(tmp_path / "fixed.tar")
    arguments = ["--image", "app:1.0", "--tag", "registry.example/shop/app:1.0=new:2", "--from", str(whole)]
    code, out, _ = run("repair", str(broken), "-o", fixed, *arguments)
    assert code == 0
    assert "taken from" in out
    assert [image.name for image in diagnose(fixed).images] == ["new:2"]


def test_an_unsafe_repair_has_to_be_allowed(run: Run, tmp_path: Path) -> None:
    long, fixed = str(DATA / "history-too-long.tar"), str(tmp_path / "fixed.tar")
    code, _, err = run("repair", long, "-o", fixed)
    assert code == 2
    assert "becomes sha256:" in err
    assert "--unsafe" in err
    assert run("repair", long, "-o", fixed, "--unsafe")[0] == 0


def test_somebody_at_a_terminal_is_asked(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    answers = iter([False, True])

    def confirm(text: str, **_: object) -> bool:
        asked.append(text)
        return next(answers)

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr("typer.confirm", confirm)
    arguments = ["repair", str(DATA / "history-too-long.tar"), "-o", str(tmp_path / "f.tar"), "--progress", "none"]
    code, _, err = run(*arguments)
    assert code == 2
    assert "image ID 94fa90d91a34, was ca7d14ae0769" in err
    assert run(*arguments)[0] == 0
    assert asked == ["The image ID changes. Go on?"] * 2


def test_in_place(run: Run, tmp_path: Path) -> None:
    path = Path(shutil.copy(SURPLUS, tmp_path / "big.tar"))
    assert "from byte" in run("repair", str(path), "--in-place", "--dry-run")[1]
    assert path.read_bytes() == Path(SURPLUS).read_bytes()
    code, out, _ = run("repair", str(path), "--in-place")
    assert code == 0
    assert f"Wrote {path}" in out
    assert diagnose(path, deep=True).outcome == "sound"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["-o", "x.tar", "--in-place"],
        ["-o", "x.tar", "--tag", "a"],
        ["-o", "x.tar", "--for", "nothing"],
        ["-o", "-"],
    ],
)
def test_bad_usage(arguments: list[str], run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run("repair", SURPLUS, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("layerkit: ")


@pytest.mark.parametrize(
    ("form", "format"), [("universal", "universal"), ("docker", "docker-archive"), ("oci", "oci-archive")]
)
def test_convert(form: str, format: str, run: Run, tmp_path: Path) -> None:
    code, out, _ = run("convert", f"oci:{DATA / 'shop-oci'}", str(tmp_path / "out.tar"), "--form", form)
    assert code == 0
    assert f"2 images, {format}" in out
    assert diagnose(tmp_path / "out.tar", deep=True).format == format


def test_convert_refuses_what_is_broken(run: Run, tmp_path: Path) -> None:
    code, _, err = run("convert", SURPLUS, str(tmp_path / "out.tar"))
    assert code == 2
    assert "`layerkit repair` may mend it" in err


def test_compare(run: Run, tmp_path: Path) -> None:
    one, two = f"oci:{DATA / 'shop-oci'}:1.0", f"oci:{DATA / 'shop-oci'}:1.1"
    code, out, _ = run("compare", one, two)
    assert code == 1
    assert "10 layers in common" in out
    assert run("compare", one, one)[0] == 0
    code, out, err = run("compare", one, two, "-o", str(tmp_path / "c.md"))
    assert (code, out) == (1, "")
    assert "written to" in err
    assert (tmp_path / "c.md").read_text().startswith("# 10 layers in common")
    assert json.loads(run("compare", one, two, "-f", "json")[1])["shared_prefix"] == 10
