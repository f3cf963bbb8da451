"""Read, diagnose, repair and incrementally export container images."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .comparison import compare
    from .diagnosis import diagnose
    from .errors import LayerkitError
    from .explanation import explain
    from .export import export_image, plan_export
    from .frames import read_frames
    from .hosts import take_inventory
    from .repairs import repair
    from .report import Report
    from .shipping import ship
    from .sources import open_image
    from .store import Store

__all__ = [
    "LayerkitError",
    "Report",
    "Store",
    "compare",
    "diagnose",
    "explain",
    "export_image",
    "open_image",
    "plan_export",
    "read_frames",
    "repair",
    "ship",
    "take_inventory",
]

__version__ = "0.1.0"

_HOMES = {
    "LayerkitError": "errors",
    "Report": "report",
    "Store": "store",
    "compare": "comparison",
    "diagnose": "diagnosis",
    "explain": "explanation",
    "export_image": "export",
    "open_image": "sources",
    "plan_export": "export",
    "read_frames": "frames",
    "repair": "repairs",
    "ship": "shipping",
    "take_inventory": "hosts",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: `import layerkit` costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
