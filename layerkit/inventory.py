"""What a machine already holds: the layers a delta may leave out there. Plain JSON, so that a stick can carry it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

from .digest import chain_ids
from .document import Document, field_of, strings_of, text_of
from .errors import FormatError, NotFound
from .image import Image

SCHEMA = "layerkit.inventory/1"


@dataclass(frozen=True)
class Inventory:
    """Images and layers of one host.

    `chain_ids` are those of every prefix of every image, `diff_ids` of every layer, `blobs` the digests of compressed
    or plain blobs whose bytes are really there. `images` maps a reference to its image ID; `incomplete` are the
    references of which blobs are missing, where the host can tell. `notes` say what could not be looked at.
    """

    host: str = ""
    runtime: str = ""
    version: str = ""
    store: str = ""
    platform: str = ""
    chain_ids: frozenset[str] = field(default=frozenset(), repr=False)
    diff_ids: frozenset[str] = field(default=frozenset(), repr=False)
    blobs: frozenset[str] = field(default=frozenset(), repr=False)
    images: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    free_bytes: int | None = None
    incomplete: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def of_images(cls, host: str, *images: Image) -> Inventory:
        """What a host holds after it has loaded these images in full."""
        chains: set[str] = set()
        diffs: set[str] = set()
        blobs: set[str] = set()
        names: dict[str, str] = {}
        for image in images:
            chains.update(chain_ids(image.config.diff_ids))
            diffs.update(image.config.diff_ids)
            blobs.update(b.digest for b in image.manifest.layers if b.digest and image.source.has(b))
            names.update(dict.fromkeys(image.entry.tags, image.config.digest))
        return cls(host, chain_ids=frozenset(chains), diff_ids=frozenset(diffs), blobs=frozenset(blobs), images=names)

    def to_json(self) -> str:
        doc: dict[str, Any] = {"schema": SCHEMA}
        for key, value in asdict(self).items():
            doc[key] = sorted(value) if isinstance(value, frozenset) else value
        return json.dumps(doc, indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, raw: bytes, name: str = "inventory") -> Inventory:
        """Read an inventory back. Raises FormatError where it is none."""
        document = Document.parse(raw, limit=256 << 20)
        doc = document.value
        if document.fault or not isinstance(doc, dict) or doc.get("schema") != SCHEMA:
            raise FormatError(
                f"{name} is no inventory: expected a JSON object with schema {SCHEMA}",
                hint="`layerkit inventory HOST -o site.json` writes one",
            )

        def digests(key: str) -> frozenset[str]:
            return frozenset(strings_of(field_of(doc, key)) or ())

        images = doc.get("images")
        free = doc.get("free_bytes")
        return cls(
            host=text_of(doc, "host"),
            runtime=text_of(doc, "runtime"),
            version=text_of(doc, "version"),
            store=text_of(doc, "store"),
            platform=text_of(doc, "platform"),
            chain_ids=digests("chain_ids"),
            diff_ids=digests("diff_ids"),
            blobs=digests("blobs"),
            images=cast("dict[str, str]", images) if isinstance(images, dict) else {},
            free_bytes=free if isinstance(free, int) else None,
            incomplete=strings_of(field_of(doc, "incomplete")) or (),
            notes=strings_of(field_of(doc, "notes")) or (),
        )

    @classmethod
    def read(cls, path: str | Path) -> Inventory:
        try:
            return cls.from_json(Path(path).read_bytes(), str(path))
        except FileNotFoundError:
            raise NotFound(f"{path} does not exist") from None
        except OSError as error:
            raise NotFound(f"{path} cannot be read: {error.strerror}") from error

    def holds(self, diff_id: str | None, chain_id: str | None, digest: str | None) -> bool:
        """Whether this host needs no bytes for such a layer.

        podman reuses a layer by diff ID or blob digest at any position (containers/image, `TryReusingBlob`); Docker
        and containerd look up the chain ID, containerd the blob digest besides (rootfs/apply.go, `ApplyLayerWithOpts`).
        """
        if chain_id is not None and chain_id in self.chain_ids:
            return True
        if self.runtime == "podman":
            return diff_id in self.diff_ids or digest in self.blobs
        if self.runtime == "containerd" or self.store == "containerd":
            return digest in self.blobs
        return False
