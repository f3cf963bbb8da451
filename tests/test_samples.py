"""The samples are what data/README.md says, in a checkout and in an installed wheel."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerkit import samples
from layerkit.errors import NotFound

CHECKOUT = Path(__file__).parents[1]


def test_every_sample_is_there_and_described() -> None:
    found = samples.samples()
    assert found[0].name == "trimmed-25-of-36.tar"
    assert all(s.path.exists() and len(s.description) > 10 and "`" not in s.description for s in found)
    assert {s.name for s in found} == {
        p.name for p in (CHECKOUT / "data").iterdir() if p.suffix == ".tar" or (p / "oci-layout").exists()
    }


def test_a_checkout_uses_its_own_folders() -> None:
    assert samples.data_dir() == CHECKOUT / "data"
    assert samples.notebooks_dir() == CHECKOUT / "notebooks"


def test_a_wheel_uses_what_it_brought(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site-packages" / "layerkit"
    monkeypatch.setattr(samples, "_PACKAGE", package)
    (tmp_path / "site-packages" / "data").mkdir(parents=True)  # of some other package
    with pytest.raises(NotFound, match="data folder is not part of this installation"):
        samples.data_dir()
    (package / "_data").mkdir(parents=True)
    (package / "_data" / "make.py").touch()
    assert samples.data_dir() == package / "_data"
