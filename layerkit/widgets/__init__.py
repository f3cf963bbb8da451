"""The same calls with a face, for notebooks. Nothing here decides anything: `layerkit` does, without widgets too."""

from __future__ import annotations

from .explainer import Explainer
from .investigator import Investigator

__all__ = ["Explainer", "Investigator"]
