"""Imports go one way: a module may import only what stands before it here. The order is the order of reading."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

# fmt: off
ORDER = [
    "errors", "progress", "samples", "text", "compression", "digest", "document", "reference", "image",
    "inventory", "sources", "alignment", "frames", "finding", "verdict", "messages", "rules", "causes",
    "loaders", "report", "remedies", "diagnosis", "survey", "explanation", "store", "plan", "decision",
    "archive", "arrival", "layers", "output", "export", "hosts", "shipping", "repairs", "comparison",
    "widgets", "cli",
]
# fmt: on
ROOT = Path(__file__).parents[1] / "layerkit"
MODULES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def _imported(path: Path) -> set[str]:
    """The top-level parts of layerkit that a module imports, at its head or anywhere else, types aside."""
    package = ["layerkit", *path.relative_to(ROOT).parts[:-1]]
    found = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not node.level or id(node) in typing_only:
            continue
        base = package[: len(package) - node.level + 1]
        parts = [*base, *(node.module or "").split(".")] if node.module else base
        for name in [parts[1]] if len(parts) > 1 else [alias.name for alias in node.names]:
            if name != "__version__":
                found.add(name)
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    here = path.relative_to(ROOT).parts[0].removesuffix(".py")
    if here == "__main__":
        return
    assert here in ORDER, f"{here} has no place in the order"
    for name in _imported(path) - {here}:
        assert name in ORDER[: ORDER.index(here)], f"{here} imports {name}, which stands after it"
