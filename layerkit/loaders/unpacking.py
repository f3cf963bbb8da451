"""How containerd unpacks an image: which manifest, are the counts right, then layer by layer.

containerd `client/image.go` (`Unpack`, `getLayers`), `pkg/rootfs/apply.go` (`ApplyLayerWithOpts`), `plugins/diff`; for
the transfer service `core/unpack/unpacker.go` (`unpack`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ..compression import Compression
from ..image import Config
from ..messages import containerd
from ..sources import Member
from ..verdict import Need
from .content import Content
from .descriptors import INDEXES, MANIFESTS, Descriptor, Manifest, NotFound, Platform, is_layer, undoes
from .gotar import say
from .model import TEMP, Refusal, Target
from .view import View


@dataclass(frozen=True)
class Dialect:
    """What differs between the programs and their versions."""

    name: str
    version: str
    library: tuple[int, int]
    """The containerd release whose client and importer are inside."""
    outer: tuple[Compression, ...]
    mounts: str
    """Where a layer is mounted for unpacking."""
    pigz: bool
    docker: bool = False
    prefix: str = ""
    soft: bool = False
    """A failed unpack is printed and does not fail the load."""
    transfer: bool = False
    classes: bool = False
    """Errors that came over gRPC begin with their class."""


@dataclass
class Unpacker:
    """The content of one import on one machine. Its methods raise Refusal with what is printed."""

    view: View
    dialect: Dialect
    target: Target
    printed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.content = Content(self.view, self.dialect.library >= (1, 7), self._cut)
        self.host = Platform.parse(self.target.platform)

    def _cut(self, name: str, member: Member) -> Refusal:
        """`onUntarBlob`, `content.Copy`."""
        if self.dialect.library >= (2, 2):
            short = containerd.SHORT_READ.format(want=member.size, have=member.stored)
        else:
            short = containerd.SHORT_READ_OLD.format()
        return Refusal(containerd.INGEST.format(member=name) + short)

    def keeps(self, descriptor: Descriptor) -> bool:
        """`FilterPlatforms`: what names no platform passes."""
        return self.dialect.docker or descriptor.platform is None or descriptor.platform == self.host

    def manifests(self, image: Descriptor) -> Iterator[Descriptor]:
        """The manifests that an image leads to, those that are absent left out."""
        ahead, seen = [image], set()
        while ahead:
            descriptor = ahead.pop()
            if descriptor.digest in seen:
                continue
            seen.add(descriptor.digest)
            if descriptor.media_type in MANIFESTS:
                if descriptor.manifest is not None or self.content.find(descriptor) is not None:
                    yield descriptor
            elif descriptor.media_type in INDEXES:
                try:
                    below = self.content.children(descriptor)
                except Refusal:
                    continue
                ahead.extend(reversed([d for d in below if self.keeps(d)]))

    def platform(self, descriptor: Descriptor, manifest: Manifest) -> Platform:
        """The descriptor's platform, else the config's. Raises Refusal."""
        if descriptor.platform is not None:
            return descriptor.platform
        config, error = self.content.config(manifest.config)
        if error:
            raise Refusal(error)
        return Platform.of(config.os, config.architecture, config.variant)

    def unpack(self, manifest: Manifest, name: str) -> None:
        """client/image.go, `Unpack` and `getLayers`; since 1.7.13 only layer types are counted (a9ba33f8f)."""
        try:
            config, error = self.content.config(manifest.config)
        except NotFound as missing:
            raise Refusal(containerd.RESOLVE_ROOTFS.format() + missing.message) from None
        if error:
            raise Refusal(containerd.RESOLVE_ROOTFS.format() + error)
        layers = manifest.layers
        if self.dialect.library >= (1, 7):
            layers = tuple(layer for layer in layers if is_layer(layer.media_type))
        self.count(layers, config)
        self.apply(layers, config, containerd.APPLY_LAYER.format(name=name) if self.dialect.library >= (2, 0) else "")

    def can_unpack(self, manifest: Manifest) -> bool:
        """Whether an image that was taken without a look could be unpacked later."""
        try:
            self.unpack(manifest, "")
        except Refusal:
            return False
        return True

    def count(self, layers: tuple[Descriptor, ...], config: Config) -> None:
        if len(layers) == len(config.diff_ids):
            return
        if self.dialect.transfer:
            raise Refusal(containerd.LAYERS_DIFFIDS.format(manifest=len(layers), diff_ids=len(config.diff_ids)))
        raise Refusal(containerd.MISMATCHED_ROOTFS.format())

    def apply(self, layers: tuple[Descriptor, ...], config: Config, prefix: str = "") -> None:
        """pkg/rootfs/apply.go, `ApplyLayerWithOpts`: a chain ID that has a snapshot is not looked at again."""
        chains = self.view.chains(config.diff_ids)
        for i, (layer, diff_id) in enumerate(zip(layers, config.diff_ids, strict=True)):
            if self.target.has("chain_id", chains[i]):
                continue
            try:
                self.extract(layer, diff_id, chains[i], i)
            except Refusal as refusal:
                raise Refusal(prefix + refusal.message) from None

    def failed(self, layer: Descriptor, diff_id: str, chain: str) -> str:
        """What stands in front of an error of `extract`."""
        if not self.dialect.transfer:
            return containerd.EXTRACT_LAYER.format(diff_id=diff_id)
        return containerd.EXTRACT_LAYER_TRANSFER.format(
            media_type=layer.media_type,
            descriptor=layer.digest,
            snapshotter="overlayfs",
            snapshot=f"extract-{TEMP} {chain}",
        )

    def extract(self, layer: Descriptor, diff_id: str, chain: str, position: int) -> None:
        """Read the blob, decompress, unpack, compare the diff ID (plugins/diff/apply)."""
        dialect = self.dialect
        tail = ": unknown" if dialect.library < (2, 0) else ""
        member = self.content.find(layer)
        if member is None:
            if self.target.has("digest", layer.digest):
                self.target.trusted = True
                return
            if self.target.supposes(Need(position, diff_id, "chain_id", chain)):
                return
            absent = containerd.CONTENT_NOT_FOUND.format(digest=layer.digest)
            kind = "NotFound: " if dialect.classes else ""
            raise Refusal(self.failed(layer, diff_id, chain) + kind + containerd.CONTENT_READER.format() + absent)
        stored = self.view.compression(member)
        undone = undoes(layer.media_type, stored)
        if undone is None:
            words = containerd.NO_PROCESSOR.format(media_type=layer.media_type)
            raise Refusal(self.failed(layer, diff_id, chain) + words + ("unknown" if tail else "not implemented"))
        fault = self.view.fault(member, undone, diff_id)
        if fault:
            words = say(fault, undone, pigz=dialect.pigz)
            if tail and words.startswith("exit status"):
                words += "\n"  # what a program wrote to stderr is passed on as it is
            if dialect.docker or position == 0:
                words = containerd.MOUNT_CALLBACK.format(path=dialect.mounts) + words
            raise Refusal(self.failed(layer, diff_id, chain) + words + tail)
        measured = self.view.measured(member)
        if measured is None:
            self.target.trusted = True
            return
        found = measured.digest if undone != stored else measured.diff_id
        if found == diff_id or found is None:
            return
        if dialect.transfer:
            raise Refusal(
                containerd.WRONG_DIFF_ID_BOTH.format(computed=found, expected=diff_id, descriptor=measured.digest)
            )
        raise Refusal(containerd.WRONG_DIFF_ID.format(computed=found))


def is_pseudo(descriptor: Descriptor, manifest: Manifest) -> bool:
    """daemon/containerd, `IsPseudoImage`: an attestation, or a manifest none of whose layers is one."""
    if descriptor.annotations.get("vnd.docker.reference.type") == "attestation-manifest":
        return True
    return bool(manifest.layers) and not any(is_layer(layer.media_type) for layer in manifest.layers)
