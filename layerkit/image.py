"""One image, as one source claims it to be.

The manifest, the config's diff IDs, the config's history and the bytes are four separate statements
about the same layers. Nothing here reconciles them: that is what `layerkit.alignment` is for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, BinaryIO, Literal, Protocol

from .digest import Digest, Measurement, sha256
from .document import LIMIT, MOST, Document, field_of, strings_of, text_of
from .errors import PassedBy

View = Literal["docker", "oci", "schema1"]
"""Which half of a source a manifest comes from: `manifest.json`, an OCI or Docker schema 2 manifest, or schema 1."""


@dataclass(frozen=True, slots=True)
class Blob:
    """A reference to bytes in a source, with whatever the source claims about them.

    `name` is its key inside the source (a member path, a digest); `size` is the descriptor's, in bytes.
    """

    name: str
    digest: Digest | None = None
    size: int | None = None
    media_type: str = ""
    urls: tuple[str, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False, compare=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """One image that a source offers: enough to choose it by, not yet its contents.

    `docker` is its position in `manifest.json`, `oci` the descriptor of its OCI manifest; a hybrid archive has both.
    """

    tags: tuple[str, ...]
    platform: str = ""
    docker: int | None = None
    oci: Blob | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one manifest says. `fault` tells why it says nothing: absent, altered, not JSON, not a manifest."""

    view: View
    name: str
    config: Blob | None = None
    layers: tuple[Blob, ...] = ()
    raw: bytes = field(default=b"", repr=False)
    media_type: str = ""
    fault: str = ""
    fault_kind: Literal["", "absent", "altered", "json", "shape"] = ""
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False, compare=False)


@dataclass(frozen=True, slots=True)
class History:
    created_by: str = ""
    empty_layer: bool = False
    comment: str = ""
    created: str = ""


@dataclass(frozen=True)
class Config:
    """An image config (OCI image-spec, config.md). The raw bytes are the truth: the image ID is their digest.

    `fault` tells why nothing could be parsed; `diff_ids` are kept as written, digests or not.
    """

    raw: bytes = field(default=b"", repr=False)
    diff_ids: tuple[str, ...] = ()
    history: tuple[History, ...] = ()
    os: str = ""
    architecture: str = ""
    variant: str = ""
    rootfs_type: str | None = None
    has_rootfs: bool = False
    has_history: bool = False
    fault: str = ""
    fault_kind: Literal["", "absent", "json", "shape"] = ""

    @cached_property
    def digest(self) -> Digest:
        return sha256(self.raw)

    @property
    def platform(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)

    @cached_property
    def document(self) -> Mapping[str, Any]:
        value = Document.parse(self.raw).value
        return value if isinstance(value, dict) else {}

    @classmethod
    def parse(cls, raw: bytes) -> Config:
        """Read what the config claims; never raises: a fault is data to be reported."""
        document = Document.parse(raw)
        if document.fault:
            return cls(raw, fault=document.fault, fault_kind="json")
        if not isinstance(document.value, dict):
            return cls(raw, fault="the config is JSON but not an object", fault_kind="shape")
        doc = document.value
        rootfs = field_of(doc, "rootfs")
        has_rootfs = isinstance(rootfs, dict)
        diff_ids = field_of(rootfs, "diff_ids") if isinstance(rootfs, dict) else None
        kind = field_of(rootfs, "type") if isinstance(rootfs, dict) else None
        history = field_of(doc, "history")
        fault = ""
        if rootfs is not None and not has_rootfs:
            fault = "rootfs is not an object"
        elif diff_ids is not None and strings_of(diff_ids) is None:
            fault = "rootfs.diff_ids is not a list of strings"
        elif history is not None and not (isinstance(history, list) and all(isinstance(h, dict) for h in history)):
            fault = "history is not a list of objects"
        for name, entries in (("rootfs.diff_ids", diff_ids), ("history", history)):
            if isinstance(entries, list) and len(entries) > MOST:
                fault = f"{name} has {len(entries):,} entries; more than {MOST:,} are not read"
                del entries[:]
        return cls(
            raw=raw,
            diff_ids=strings_of(diff_ids) or (),
            history=tuple(
                History(
                    text_of(h, "created_by"),
                    field_of(h, "empty_layer") is True,
                    text_of(h, "comment"),
                    text_of(h, "created"),
                )
                for h in (history if isinstance(history, list) else ())
                if isinstance(h, dict)
            ),
            os=text_of(doc, "os"),
            architecture=text_of(doc, "architecture"),
            variant=text_of(doc, "variant"),
            rootfs_type=kind if isinstance(kind, str) else None,
            has_rootfs=has_rootfs,
            has_history=isinstance(history, list) and bool(history),
            fault=fault,
            fault_kind="shape" if fault else "",
        )


class Source(Protocol):
    """Somewhere images are kept. Everything else is derived from these."""

    @property
    def uri(self) -> str: ...
    @property
    def format(self) -> str: ...
    def entries(self) -> Sequence[Entry]:
        """The images on offer, in the source's order."""

    def manifests(self, entry: Entry) -> tuple[Manifest, ...]:
        """Every manifest of that image, the one that names the source's format first; never empty."""

    def has(self, blob: Blob) -> bool:
        """Whether the bytes are there, without reading them."""

    def open(self, blob: Blob) -> AbstractContextManager[BinaryIO]:
        """The bytes as stored. Raises NotFound where `has` is false."""

    def others(self, listed: frozenset[str]) -> Sequence[Blob]:
        """Blobs that may be layers and whose key is not in `listed`: stored, and named by no manifest."""

    def key(self, blob: Blob) -> str:
        """What the bytes are kept under: equal for two names of the same stored bytes."""

    def stored_size(self, blob: Blob) -> int | None:
        """How many bytes are really stored; None where that needs reading."""

    def head(self, blob: Blob) -> bytes:
        """The first bytes, enough to tell a compression; empty where that would need the network."""

    def measure(self, blob: Blob, tick: Callable[[int], None] | None = None) -> Measurement:
        """Read the blob once and measure it, or tell what an earlier pass measured."""


@dataclass(frozen=True)
class Image:
    source: Source
    entry: Entry

    @cached_property
    def manifests(self) -> tuple[Manifest, ...]:
        return self.source.manifests(self.entry)

    @property
    def manifest(self) -> Manifest:
        return self.manifests[0]

    @cached_property
    def config(self) -> Config:
        return read_config(self.source, self.manifest.config)

    @property
    def reference(self) -> str:
        return self.entry.tags[0] if self.entry.tags else ""


def read_config(source: Source, blob: Blob | None) -> Config:
    """The config behind `blob`, its absence or damage as a fault."""
    if blob is None:
        return Config(fault="no config is named", fault_kind="absent")
    if not source.has(blob):
        return Config(fault=f"{blob.name} is not there", fault_kind="absent")
    try:
        with source.open(blob) as stream:
            raw = stream.read(LIMIT + 1)
    except PassedBy as error:
        return Config(fault=str(error), fault_kind="json")
    if len(raw) > LIMIT:
        return Config(fault=f"{blob.name} is larger than {LIMIT >> 20} MiB; not read", fault_kind="json")
    return Config.parse(raw)
