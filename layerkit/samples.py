"""The sample archives and the notebooks, wherever they are: in a checkout beside the package, in a wheel inside it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from .errors import NotFound

_PACKAGE = Path(__file__).parent
_ROW = re.compile(r"\| `(?P<name>[\w.-]+)` \| (?P<description>[^|]+) \|")


@dataclass(frozen=True, slots=True)
class Sample:
    """One small archive and what is the matter with it, in plain words."""

    name: str
    path: Path
    description: str


def samples() -> tuple[Sample, ...]:
    """The archives of the table in data/README.md, in its order; the first is the main example.

    Examples
    --------
    >>> samples()[0].name
    'trimmed-25-of-36.tar'
    """
    folder = data_dir()
    table = (folder / "README.md").read_text(encoding="utf-8")
    return tuple(
        Sample(row["name"], folder / row["name"], row["description"].replace("`", "").strip())
        for row in _ROW.finditer(table)
    )


def data_dir() -> Path:
    """The folder of the sample archives. Raises NotFound where it was not installed."""
    return _folder("_data", "data", "make.py")


def notebooks_dir() -> Path:
    """The folder of the notebooks. Raises NotFound where it was not installed."""
    return _folder("_notebooks", "notebooks", "01-investigate.ipynb")


def _folder(installed: str, checkout: str, witness: str) -> Path:
    """A folder counts only with a file of ours in it: site-packages may hold a `data` of somebody else."""
    candidates = (_PACKAGE / installed, _PACKAGE.parent / checkout)
    for folder in candidates:
        if (folder / witness).is_file():
            return folder
    raise NotFound(
        f"the {checkout} folder is not part of this installation",
        hint="pip install layerkit from its wheel, or work in a checkout",
    )
