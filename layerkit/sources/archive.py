"""Image archives and layouts: docker-archive, oci-archive, OCI layout folders, and archives that are both.

`manifest.json` is moby's (image/tarexport/save.go, `manifestItem`); `oci-layout`, `index.json` and `blobs/` are
those of the OCI image-spec, image-layout.md. Both halves are read where both are there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from ..digest import Measurement, is_digest, sha256
from ..document import LIMIT, Document, field_of
from ..errors import NotFound, PassedBy
from ..image import Blob, Entry, Manifest
from .backing import WELL_KNOWN, Backing
from .claims import (
    INDEX_TYPES,
    OFFERS,
    OMITTED,
    Item,
    descriptor_of,
    digest_in,
    parse_items,
    parse_manifest,
    platform_of,
    tags_of,
)
from .members import Found, Members
from .recognition import Likeness, recognise_bytes, recognise_members
from .tar import Member

_NESTING = 4


@dataclass(frozen=True, slots=True)
class Offer:
    """One image manifest that `index.json` leads to; `path` are the indexes on the way."""

    blob: Blob
    tags: tuple[str, ...]
    platform: str
    attestation: bool
    present: bool
    nested: bool


@dataclass(frozen=True)
class Archive:
    """A source made of files. Its public attributes are the facts that file-level rules look at."""

    uri: str
    backing: Backing = field(repr=False)
    views: frozenset[str] = frozenset({"docker", "oci"})
    """Which halves the caller wants read."""

    @property
    def members(self) -> Members:
        return self.backing.members

    @cached_property
    def documents(self) -> Mapping[str, Document]:
        """The well-known JSON files that are there, by name; of several with one name the last."""
        return {name: self._document(name) for name in WELL_KNOWN if self.members.find(name).member is not None}

    def _document(self, name: str) -> Document:
        member = self.members.find(name).member
        if member is None:
            return Document(fault="absent")
        if member.size > LIMIT:
            return Document(fault=f"larger than {LIMIT >> 20} MiB; not parsed")
        with self.backing.open(member) as stream:
            return Document.parse(stream.read(LIMIT + 1))

    @cached_property
    def format(self) -> str:
        docker = "docker" in self.views and "manifest.json" in self.documents
        oci = "oci" in self.views and "index.json" in self.documents
        folder = self.uri.startswith("oci:")
        if docker and oci:
            return "oci-layout" if folder else "universal"
        if docker:
            return "docker-archive"
        if oci or ("oci-layout" in self.documents and "oci" in self.views):
            return "oci-layout" if folder else "oci-archive"
        if "repositories" in self.documents or self.v1_layers:
            return "legacy"
        return "unknown"

    @cached_property
    def likeness(self) -> Likeness | None:
        """What this is, where it is no image archive."""
        if self.format != "unknown":
            return None
        return recognise_members(self.members) if self.members.all else recognise_bytes(self.backing.first)

    @cached_property
    def v1_layers(self) -> tuple[str, ...]:
        """Folders that hold a legacy v1 layer: `<id>/json` beside `<id>/layer.tar`."""
        names = self.members.cleaned
        return tuple(n[:-5] for n in names if n.endswith("/json") and f"{n[:-5]}/layer.tar" in names)

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """The images of `manifest.json`; empty where `items_fault` says why."""
        return self._items[0]

    @cached_property
    def items_fault(self) -> str:
        return self._items[1]

    @cached_property
    def _items(self) -> tuple[tuple[Item, ...], str]:
        if "docker" not in self.views or "manifest.json" not in self.documents:
            return (), ""
        return parse_items(self.documents["manifest.json"])

    @cached_property
    def offers(self) -> tuple[Offer, ...]:
        """Every manifest that `index.json` names, nested indexes followed, attestations included."""
        return self._offers[0]

    @cached_property
    def offers_fault(self) -> str:
        return self._offers[1]

    @cached_property
    def _offers(self) -> tuple[tuple[Offer, ...], str]:
        document = self.documents.get("index.json")
        if "oci" not in self.views or document is None:
            return (), ""
        if document.fault:
            return (), document.fault
        manifests = field_of(document.value, "manifests") if isinstance(document.value, dict) else None
        if not isinstance(manifests, list):
            return (), "not an index: it has no list of manifests"
        fault = ""
        if any(descriptor_of(descriptor) is None for descriptor in manifests[: OFFERS + 1]):
            fault = "it names a manifest without a digest"
        found = list(islice(self._follow(manifests, (), 0), OFFERS + 1))
        if len(manifests) > OFFERS or len(found) > OFFERS:
            return (), f"it names more than {OFFERS:,} manifests; not read"
        return tuple(offer for offer in found if offer is not None), fault

    def _follow(self, descriptors: Sequence[Any], tags: tuple[str, ...], depth: int) -> Iterator[Offer | None]:
        """Offers in their order, and None for every index on the way, so that whoever reads can stop."""
        for descriptor in descriptors:
            if (blob := descriptor_of(descriptor)) is None:
                continue
            present, inner = self.has(blob), self._inner(blob)
            own = tags_of(blob) or tags
            if (blob.media_type in INDEX_TYPES or inner is not None) and depth < _NESTING:
                yield None
                yield from self._follow(inner or (), own, depth + 1)
                if present:
                    continue
            attestation = blob.annotations.get("vnd.docker.reference.type") == "attestation-manifest"
            yield Offer(blob, own, platform_of(descriptor), attestation, present, depth > 0)

    def _inner(self, blob: Blob) -> Sequence[Any] | None:
        """The descriptors of an index, as many as are followed; None where the blob is no index."""
        known: dict[str, Sequence[Any] | None] = vars(self).setdefault("_indexes", {})
        if blob.name not in known:
            document = Document.parse(self._text(blob)[0])
            found = field_of(document.value, "manifests") if isinstance(document.value, dict) else None
            known[blob.name] = found[: OFFERS + 1] if isinstance(found, list) else None
        return known[blob.name]

    def _text(self, blob: Blob) -> tuple[bytes, str]:
        """A JSON blob as stored, cut where it is too long to be parsed, and why it cannot be had."""
        try:
            with self.open(blob) as stream:
                return stream.read(LIMIT + 1), ""
        except (NotFound, PassedBy) as error:
            return b"", str(error)

    @cached_property
    def images(self) -> tuple[Entry, ...]:
        """What can be looked at: the items of `manifest.json`, paired with the OCI manifests of the same config."""
        offers = [o for o in self.offers if not o.attestation]
        wanted = [o for o in offers if o.present] or offers
        by_config: dict[str, Offer] = {}
        for offer in wanted:
            manifest = self._oci(offer.blob)
            if manifest.config is not None and manifest.config.digest:
                by_config.setdefault(manifest.config.digest, offer)
        entries, used = [], set()
        for position, item in enumerate(self.items):
            digest = self._config_digest(item)
            partner = by_config.get(digest)
            if partner is None:
                partner = next((o for o in wanted if o.tags and set(o.tags) & set(item.tags)), None)
            if partner is None and len(wanted) == len(self.items) == 1:
                partner = wanted[0]
            if partner is not None:
                used.add(partner.blob.name)
            entries.append(
                Entry(
                    item.tags,
                    partner.platform if partner else "",
                    position,
                    partner.blob if partner else None,
                )
            )
        entries += [Entry(o.tags, o.platform, None, o.blob) for o in wanted if o.blob.name not in used]
        return tuple(entries)

    def _config_digest(self, item: Item) -> str:
        found = self.members.find(item.config).member
        if found is None or found.size > LIMIT:
            return ""
        try:
            with self.backing.open(found) as stream:
                return sha256(stream.read(LIMIT))
        except PassedBy:
            return ""

    def entries(self) -> Sequence[Entry]:
        return self.images

    def manifests(self, entry: Entry) -> tuple[Manifest, ...]:
        views = []
        if entry.docker is not None:
            item = self.items[entry.docker]
            views.append(
                Manifest(
                    "docker",
                    "manifest.json",
                    Blob(item.config, digest_in(item.config)) if item.config else None,
                    tuple(Blob(path, digest_in(path)) for path in item.layers),
                    self.documents["manifest.json"].raw,
                )
            )
        if entry.oci is not None:
            views.append(self._oci(entry.oci))
        return tuple(views)

    def _oci(self, blob: Blob) -> Manifest:
        """The manifest behind a descriptor, read once: a hostile index can name one a thousand times."""
        known: dict[Blob, Manifest] = vars(self).setdefault("_manifests", {})
        if blob not in known:
            known[blob] = self._manifest(blob)
        return known[blob]

    def _manifest(self, blob: Blob) -> Manifest:
        if not self.has(blob):
            return Manifest("oci", blob.name, fault=f"{blob.name} is not there", fault_kind="absent")
        raw, fault = self._text(blob)
        if fault:
            return Manifest("oci", blob.name, fault=fault, fault_kind="json")
        return parse_manifest(blob, raw)

    def find(self, blob: Blob) -> Found:
        """Where a blob's name leads: a member path, or a digest under `blobs/`."""
        if is_digest(blob.name):
            return self.members.find(f"blobs/{blob.name.replace(':', '/', 1)}")
        if blob.name.startswith(OMITTED):
            return Found(None, trouble="absent")
        return self.members.find(blob.name)

    def has(self, blob: Blob) -> bool:
        return self.find(blob).member is not None

    def open(self, blob: Blob) -> AbstractContextManager[BinaryIO]:
        member = self.find(blob).member
        if member is None:
            raise NotFound(f"{blob.name} is not in {self.uri}")
        return self.backing.open(member)

    def others(self, listed: frozenset[str]) -> Sequence[Blob]:
        members = self.members.cleaned.items()
        return [
            Blob(name, digest_in(name))
            for name, member in members
            if member.kind == "file" and f"@{member.offset}" not in listed and not _is_json(name, member, self.backing)
        ]

    def span(self, blob: Blob) -> tuple[Path, int, int] | None:
        """File, offset and size of a blob's bytes on this machine; None where they pass through a decompressor."""
        member = self.find(blob).member
        return None if member is None else self.backing.span(member)

    def key(self, blob: Blob) -> str:
        member = self.find(blob).member
        return blob.name if member is None else f"@{member.offset}"

    def stored_size(self, blob: Blob) -> int | None:
        member = self.find(blob).member
        return None if member is None else member.stored

    def head(self, blob: Blob) -> bytes:
        member = self.find(blob).member
        return b"" if member is None else self.backing.head(member)

    def measure(self, blob: Blob, tick: Callable[[int], None] | None = None) -> Measurement:
        member = self.find(blob).member
        if member is None:
            raise NotFound(f"{blob.name} is not in {self.uri}")
        return self.backing.measure(member, tick)


def _is_json(name: str, member: Member, backing: Backing) -> bool:
    if name.endswith((".json", "/json", "/VERSION")) or name in WELL_KNOWN or member.size == 0:
        return True
    return member.size <= LIMIT and backing.head(member).lstrip()[:1] in (b"{", b"[")
