"""The same calls with a face, for notebooks. Nothing here decides anything: `layerkit` does, without widgets too."""

from __future__ import annotations

from .explainer import Explainer
from .guided_export import GuidedExport
from .investigator import Investigator
from .shipper import Shipper
from .verifier import Verifier

__all__ = ["Explainer", "GuidedExport", "Investigator", "Shipper", "Verifier"]
