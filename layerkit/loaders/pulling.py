"""What a pull of an image in a registry would do: the checks of the same programs on this other way.

One `Pull` is one image as it was read: the manifest's layers in their order, each with what is known of its bytes.
A pull verifies every blob by its digest, so that what can be wrong besides is that something is gone, cut or altered,
or that the manifest and the config disagree.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from ..alignment import Alignment, Layer
from ..digest import Measurement, chain_ids, sha256
from ..frames import Frames
from ..image import Blob, Config, Manifest
from ..messages import golang
from .descriptors import Platform
from .model import Target


@dataclass(frozen=True)
class Pull:
    """One image of a registry on one machine. `has` and `measured` tell of blobs as far as they were read."""

    frames: Frames = field(repr=False)
    target: Target = field(repr=False)

    @property
    def name(self) -> str:
        """The reference as a program is given it."""
        return self.frames.source.uri.removeprefix("docker://")

    @cached_property
    def alignment(self) -> Alignment | None:
        """The image for this machine; None where an index offers only others."""
        found = self.frames.alignments
        if len(found) == 1:
            return found[0]
        host = Platform.parse(self.target.platform)
        return next((a for a in found if Platform.parse(a.image.entry.platform) == host), None)

    @property
    def manifest(self) -> Manifest:
        assert self.alignment is not None
        return self.alignment.manifest

    @property
    def config(self) -> Config:
        assert self.alignment is not None
        return self.alignment.config

    @property
    def described(self) -> Blob:
        """The descriptor of the config."""
        return self.manifest.config or Blob("")

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """What the manifest lists, in its order."""
        assert self.alignment is not None
        listed = [layer for layer in self.alignment.layers if layer.manifest_index is not None]
        return tuple(sorted(listed, key=lambda layer: layer.manifest_index or 0))

    @cached_property
    def altered(self) -> bool:
        """Whether the config's bytes are not those that its descriptor names."""
        return bool(self.config.raw) and sha256(self.config.raw) != self.described.digest

    def measured(self, layer: Layer) -> Measurement | None:
        """The measurement of a layer; None, and taken on trust, where it was not read."""
        if layer.measured is None:
            self.target.trusted = True
        return layer.measured

    def compression(self, layer: Layer) -> str:
        """How a layer is packed: by its bytes, else by its media type."""
        if layer.measured is not None:
            return layer.measured.compression
        kind = layer.blob.media_type if layer.blob else ""
        return next((name for name in ("gzip", "zstd") if kind.endswith(name)), "")

    def not_a_tar(self, layer: Layer) -> str:
        """What a tar reader says of a layer that is compressed and was not decompressed."""
        size = layer.measured.size if layer.measured else layer.stored_size or 0
        return (golang.UNEXPECTED_EOF if size < 512 else golang.INVALID_TAR_HEADER).format()

    @cached_property
    def whole(self) -> bool:
        """Whether manifest, config and contents agree as far as they are known."""
        diff_ids = self.config.diff_ids
        if self.config.fault or len(self.layers) != len(diff_ids):
            return False
        pairs = zip(self.layers, diff_ids, strict=True)
        return all((m := self.measured(layer)) is None or m.diff_id == diff_id for layer, diff_id in pairs)

    @cached_property
    def chains(self) -> tuple[str, ...]:
        return tuple(chain_ids(self.config.diff_ids))
