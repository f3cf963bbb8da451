"""An overlay: one image as it is to be, over sources that stay as they are."""

from __future__ import annotations

import io
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from ..digest import Measurement, measure, sha256
from ..errors import NotFound
from ..image import Blob, Entry, Image, Manifest
from .pieces import InSource, Origin, Piece, from_offset


@dataclass(frozen=True)
class Overlay:
    """A source of one image: a config, and its layers in the config's order, each from where it was found.

    `manifest` are the bytes of an OCI manifest that says exactly this already, and is kept then.
    """

    uri: str
    tags: tuple[str, ...]
    config: bytes = field(repr=False)
    pieces: tuple[Piece, ...] = field(repr=False)
    manifest: Manifest | None = field(default=None, repr=False)

    format = "overlay"

    @property
    def image(self) -> Image:
        return Image(self, self.entries()[0])

    def entries(self) -> Sequence[Entry]:
        return (Entry(self.tags),)

    def manifests(self, entry: Entry) -> tuple[Manifest, ...]:
        digest = sha256(self.config)
        config = Blob(digest, digest, len(self.config))
        layers = tuple(Blob(p.digest, p.digest, p.size, p.media_type) for p in self.pieces)
        own = self.manifest
        if own is None:
            return (Manifest("docker", "the repaired manifest", config, layers),)
        return (Manifest("oci", own.name, config, layers, own.raw, own.media_type),)

    @cached_property
    def _origins(self) -> dict[str, Origin]:
        return {p.digest: p.origin for p in self.pieces if p.origin is not None}

    def _origin(self, blob: Blob) -> Origin:
        if blob.name not in self._origins:
            raise NotFound(f"{blob.name} is left out of {self.uri}")
        return self._origins[blob.name]

    def has(self, blob: Blob) -> bool:
        return blob.name in self._origins or blob.name == sha256(self.config)

    def open(self, blob: Blob) -> AbstractContextManager[BinaryIO]:
        if blob.name == sha256(self.config):
            return nullcontext(io.BytesIO(self.config))
        return self._origin(blob).open()

    def chunks(self, blob: Blob, offset: int = 0) -> Generator[bytes]:
        origin = self._origin(blob)
        yield from origin.chunks(offset) if isinstance(origin, InSource) else from_offset(origin.open(), offset)

    def span(self, blob: Blob) -> tuple[Path, int, int] | None:
        """File, offset and size of the bytes where they are on this machine as they are."""
        return self._origin(blob).span()

    def others(self, listed: frozenset[str]) -> Sequence[Blob]:
        return ()

    def key(self, blob: Blob) -> str:
        return blob.name

    def stored_size(self, blob: Blob) -> int | None:
        return next((p.size for p in self.pieces if p.digest == blob.name and p.origin is not None), None)

    def head(self, blob: Blob) -> bytes:
        if not self._origin(blob).local:
            return b""
        with self.open(blob) as stream:
            return stream.read(512)

    def measure(self, blob: Blob, tick: Callable[[int], None] | None = None) -> Measurement:
        if blob.name == sha256(self.config):
            return measure(io.BytesIO(self.config), tick)
        return self._origin(blob).measure(tick)
