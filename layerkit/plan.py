"""What an export is going to carry, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from .compression import Compression
from .digest import Digest
from .image import Image
from .inventory import Inventory
from .text import size_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Action", "Form", "Packing", "Plan", "Step", "size_text"]

Action = Literal["skip", "reuse", "fetch"]
"""skip: the target holds it · reuse: its bytes are on this machine · fetch: they have to come from the source."""

Form = Literal["universal", "docker", "oci"]
Packing = Literal["keep", "plain", "gzip", "zstd"]


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of one layer. `size` is the blob's as the source has it, `bytes` what must come from there."""

    image: int
    position: int
    name: str
    digest: Digest
    diff_id: str
    chain_id: str
    compression: Compression
    media_type: str
    size: int
    action: Action
    reason: str
    bytes: int = 0


@dataclass(frozen=True)
class Plan:
    """Everything an export will do. It carries out exactly this."""

    images: tuple[Image, ...]
    references: tuple[tuple[str, ...], ...]
    targets: tuple[Inventory, ...]
    form: Form
    packing: Packing
    steps: tuple[Step, ...] = field(repr=False)
    why: str = ""
    """Why the layers are packed as they are."""

    @cached_property
    def carried(self) -> tuple[Step, ...]:
        """Layers that go into the archive, each blob once."""
        unique = {step.digest: step for step in self.steps if step.action != "skip"}
        return tuple(unique.values())

    @cached_property
    def skipped(self) -> tuple[Step, ...]:
        """Layers left out, each blob once."""
        carried = {step.digest for step in self.carried}
        unique = {step.digest: step for step in self.steps if step.action == "skip" and step.digest not in carried}
        return tuple(unique.values())

    @property
    def fetch_bytes(self) -> int:
        return sum(step.bytes for step in self.carried)

    @property
    def travel_bytes(self) -> int:
        return sum(step.size for step in self.carried)

    @property
    def skip_bytes(self) -> int:
        return sum(step.size for step in self.skipped)

    @property
    def is_delta(self) -> bool:
        return bool(self.skipped)

    @property
    def sentence(self) -> str:
        """As "41 MB of 2.1 GB travel, 12 MB of them to be fetched"."""
        whole = self.travel_bytes + self.skip_bytes
        text = f"{size_text(self.travel_bytes)} of {size_text(whole)} travel"
        if self.fetch_bytes:
            text += f", {size_text(self.fetch_bytes)} of them to be fetched"
        return text

    def steps_of(self, image: int) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.image == image)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row per layer: image, position, digest, diff_id, size, action, bytes, reason. Sizes are bytes."""
        import pandas as pd

        columns = ["image", "position", "digest", "diff_id", "chain_id", "size", "action", "bytes", "reason"]
        rows = [[self.names[step.image], *(getattr(step, c) for c in columns[1:])] for step in self.steps]
        return pd.DataFrame(rows, columns=columns)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(refs[0] if refs else f"image {i}" for i, refs in enumerate(self.references))

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain JSON data, schema layerkit.plan/1."""
        return {
            "schema": "layerkit.plan/1",
            "images": list(self.names),
            "targets": [target.host for target in self.targets],
            "form": self.form,
            "layers": self.packing,
            "why": self.why,
            "bytes": {"fetch": self.fetch_bytes, "travel": self.travel_bytes, "skip": self.skip_bytes},
            "steps": [
                {
                    "image": self.names[step.image],
                    "position": step.position,
                    "digest": step.digest,
                    "diff_id": step.diff_id,
                    "size": step.size,
                    "action": step.action,
                    "bytes": step.bytes,
                    "reason": step.reason,
                }
                for step in self.steps
            ],
        }

    def _repr_html_(self) -> str:
        from .report.plan_view import plan_html

        return plan_html(self)
