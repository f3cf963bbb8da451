"""The project's own files agree: two lists of packages, a lock for everybody, the promised top level."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())

# conda-forge calls some packages otherwise than PyPI.
CONDA_NAMES = {"isal": "python-isal"}

TOP_LEVEL = [
    *(".ci/run", "Makefile", "pyproject.toml", "uv.lock", "environment.yml"),
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE"),
    *("data/README.md", "data/make.py", "notebooks/01-investigate.ipynb"),
    *("benchmarks", "layerkit/py.typed", "tests"),
]


def split_requirement(text: str) -> tuple[str, str]:
    match = re.fullmatch(r"([A-Za-z0-9._-]+)([^;]*?)(?:;.*)?", text)
    assert match, text
    return match[1], match[2]


def test_environment_names_the_packages_of_pyproject() -> None:
    project = PYPROJECT["project"]
    wanted = dict(
        map(split_requirement, [*project["dependencies"], *project["optional-dependencies"]["lab"]]),
        python=project["requires-python"],
    )
    wanted = {CONDA_NAMES.get(name, name): version for name, version in wanted.items()}
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    found = dict(split_requirement(item) for item in listed if isinstance(item, str) and item != "pip")
    assert found == wanted


@pytest.mark.parametrize("path", TOP_LEVEL)
def test_top_level(path: str) -> None:
    assert (ROOT / path).exists()


def test_lock_is_for_everybody() -> None:
    """Only the public index is in it: no mirror, no local wheel, no folder of somebody's machine."""
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    sources = {source for package in lock["package"] for source in package["source"].items()}
    assert sources == {("registry", "https://pypi.org/simple"), ("editable", ".")}
    urls = re.findall(r'url = "([^"]+)"', (ROOT / "uv.lock").read_text())
    assert urls
    assert all(url.startswith("https://files.pythonhosted.org/") for url in urls)


def test_lock_holds_every_dependency() -> None:
    locked = {package["name"] for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]}
    groups = [item for group in PYPROJECT["dependency-groups"].values() for item in group if isinstance(item, str)]
    extras = [item for extra in PYPROJECT["project"]["optional-dependencies"].values() for item in extra]
    items = [*PYPROJECT["project"]["dependencies"], *extras, *groups]
    named = {split_requirement(item)[0].replace(".", "-") for item in items}
    assert named <= locked


def test_no_module_has_a_name_that_says_nothing() -> None:
    vague = {"utils", "helpers", "common", "core", "manager"}
    assert not [path for path in (ROOT / "layerkit").rglob("*") if path.stem in vague]


@pytest.mark.parametrize("target", ["demo", "test", "lint", "bench", "lab", "data"])
def test_make_knows_the_target(target: str) -> None:
    made = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
