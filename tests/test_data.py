"""data/README.md says what `diagnose` finds in every archive of data/, shallow and deep."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerkit.diagnosis import diagnose
from layerkit.samples import data_dir

DATA = data_dir()


def rows() -> dict[str, list[str]]:
    """File -> the other cells of its row."""
    lines = (DATA / "README.md").read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]
    return {name.strip("`"): rest for name, *rest in cells}


ROWS = rows()


def found(path: Path, *, deep: bool) -> str:
    report = diagnose(path, deep=deep)
    return ", ".join(f.code for f in report.findings) or "none"


@pytest.mark.parametrize("name", ROWS)
def test_the_findings_are_those_of_the_table(name: str) -> None:
    _, shallow, deep, *_ = ROWS[name]
    assert found(DATA / name, deep=False) == shallow
    assert found(DATA / name, deep=True) == deep


@pytest.mark.parametrize("name", ROWS)
def test_the_sound_ones_are_called_sound(name: str) -> None:
    description = ROWS[name][0]
    sound = diagnose(DATA / name, deep=True).outcome == "sound"
    assert sound or not description.startswith("Sound")


@pytest.mark.parametrize("name", ROWS)
def test_docker_20_says_what_the_table_says(name: str) -> None:
    """The last column was printed by the real Docker 20.10; the model has to say the same words."""
    said = ROWS[name][3] if len(ROWS[name]) > 3 else ""
    if not said.startswith("invalid") and "layers" not in said:
        pytest.skip("the table does not quote a sentence about the layers")
    (verdict,) = diagnose(DATA / name, deep=True, loaders=["docker-classic@20.10"]).verdicts
    fixed = said.partition('"H"')[0].partition(":")[0]
    assert verdict.message.startswith(fixed)
    assert verdict.loads is False


def test_every_archive_has_its_row() -> None:
    assert set(ROWS) == {path.name for path in DATA.glob("*.tar")} | {"shop-oci"}
