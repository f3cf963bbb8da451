"""Read, diagnose, repair and incrementally export container images."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .comparison import compare
    from .diagnosis import diagnose
    from .errors import LayerkitError
    from .explanation import explain
    from .frames import read_frames
    from .repairs import repair
    from .report import Report
    from .sources import open_image

__all__ = ["LayerkitError", "Report", "compare", "diagnose", "explain", "open_image", "read_frames", "repair"]

__version__ = "0.1.0"

_HOMES = {
    "LayerkitError": "errors",
    "Report": "report",
    "compare": "comparison",
    "diagnose": "diagnosis",
    "explain": "explanation",
    "open_image": "sources",
    "read_frames": "frames",
    "repair": "repairs",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: `import layerkit` costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
