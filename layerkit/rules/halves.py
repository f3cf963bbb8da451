"""Both halves of an image: the layers that each of its manifests lists, and the bytes that they lead to.

An alignment joins one manifest with the config, the one that names the source's format. Where an archive holds two
manifests for one image, different runtimes read different ones, so what a rule says has to hold for both.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from ..alignment import Alignment
from ..digest import Measurement
from ..errors import LayerkitError
from ..image import Blob, Config, Manifest, read_config
from ..sources import Archive, Found, Member


@dataclass(frozen=True, slots=True)
class Listed:
    """One entry of one manifest whose bytes are there. `index` counts in its manifest, `position` in the alignment."""

    manifest: Manifest
    index: int
    position: int | None
    blob: Blob
    key: str
    stored: int | None
    measured: Measurement | None

    @property
    def positions(self) -> tuple[int, ...]:
        return () if self.position is None else (self.position,)


def second(image: Alignment) -> Manifest | None:
    """The OCI manifest of an image that `manifest.json` lists too."""
    return image.oci if image.manifest.view == "docker" else None


def title(manifest: Manifest) -> str:
    """What a manifest is called in a sentence."""
    return "manifest.json" if manifest.view == "docker" else "the OCI manifest"


def index_title(image: Alignment) -> str:
    """What names the manifest, in a sentence."""
    return "index.json" if isinstance(image.image.source, Archive) else "the registry"


def listed_layers(image: Alignment) -> Iterator[Listed]:
    """Every layer that a manifest lists and whose bytes are there, the first half's before the second's."""
    source = image.image.source
    rows = [row for row in image.layers if row.listed and row.present and row.blob is not None]
    measured: dict[str, Measurement | None] = {}
    positions: dict[str, int] = {}
    for row in rows:
        assert row.blob is not None
        assert row.manifest_index is not None
        key = source.key(row.blob)
        measured[key] = row.measured
        positions.setdefault(key, row.position)
        yield Listed(image.manifest, row.manifest_index, row.position, row.blob, key, row.stored_size, row.measured)
    other = second(image)
    for index, blob in enumerate(other.layers if other else ()):
        assert other is not None
        if not source.has(blob):
            continue
        key = source.key(blob)
        if key not in measured:
            measured[key] = _measure(image, blob)
        position = positions.get(key)
        yield Listed(other, index, position, blob, key, source.stored_size(blob), measured[key])


def _measure(image: Alignment, blob: Blob) -> Measurement | None:
    """Bytes that only the second half leads to: rare, hence read only when a deep check comes across them."""
    if not image.deep:
        return None
    try:
        return image.image.source.measure(blob)
    except (LayerkitError, OSError):
        return None


def distinct(layers: Iterator[Listed]) -> Iterator[Listed]:
    """Each stored stretch of bytes once."""
    seen = set()
    for layer in layers:
        if layer.key not in seen:
            seen.add(layer.key)
            yield layer


def configs(image: Alignment) -> Iterator[tuple[Manifest, Config]]:
    """The config of each half; of two that are the same bytes the first only."""
    yield image.manifest, image.config
    other = second(image)
    if other is None or other.config is None:
        return
    source, own = image.image.source, image.manifest.config
    if own is None or source.key(own) != source.key(other.config):
        yield other, config_of(image, other)


def config_of(image: Alignment, manifest: Manifest) -> Config:
    """The config that a manifest names."""
    source, own = image.image.source, image.manifest.config
    if manifest.config is not None and own is not None and source.key(own) == source.key(manifest.config):
        return image.config
    try:
        return read_config(source, manifest.config)
    except (LayerkitError, OSError) as error:
        return Config(fault=str(error), fault_kind="absent")


def found(image: Alignment, blob: Blob) -> Found | None:
    """Where a name leads among the members of an archive; None for a source that has none."""
    source = image.image.source
    return source.find(blob) if isinstance(source, Archive) else None


def is_cut(member: Member | None) -> bool:
    """Whether the archive ends inside this member."""
    return member is not None and member.stored < member.size


def member_of(image: Alignment, blob: Blob) -> Member | None:
    """The member that holds a blob's bytes; None for a source that has no members."""
    way = found(image, blob)
    return way.member if way is not None else None


def base(path: str) -> str:
    return posixpath.basename(path)
