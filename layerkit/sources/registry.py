"""Images in a registry, as a source: manifests by tag or digest, indexes by platform, blobs as streams."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, BinaryIO, Unpack, cast

from ..digest import Digest, Measurement, is_digest, measure, sha256
from ..document import Document, field_of
from ..errors import LayerkitError, NotFound, UsageError
from ..image import Blob, Entry, Manifest
from ..reference import Reference
from . import platforms
from .access import Registries
from .claims import INDEX_TYPES, descriptor_of, parse_manifest, platform_of
from .distribution import Client, Clock, Stored

LOG = logging.getLogger(__name__)

_INDEXES, _OFFERS, _PROBES = 50, 1000, 8


@dataclass(frozen=True, slots=True)
class Offer:
    """One image of an index: its descriptor and the platform it is for, in normal form, "" where that is not said."""

    blob: Blob
    platform: str


@dataclass(frozen=True)
class Repository:
    """One tag or digest of a repository in a registry.

    `platform` chooses from an index: "" the one for linux on this machine's architecture, or all where it has none
    such; "all"; or `os/architecture[/variant]`.
    """

    reference: Reference
    client: Client = field(repr=False)
    platform: str = ""
    aside: str = ""
    """What to add to the hint where the image cannot be had: how the name came to be taken for an image's."""
    _stored: dict[str, Stored | None] = field(default_factory=dict, repr=False)
    _known: dict[str, Blob] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def uri(self) -> str:
        return f"docker://{self.reference.familiar}"

    @property
    def host(self) -> str:
        return self.reference.domain

    @property
    def format(self) -> str:
        return "registry"

    @cached_property
    def root(self) -> tuple[Blob, bytes]:
        """What the reference leads to: a manifest or an index, as a descriptor and its bytes.

        The digest is the one asked for, else the registry's `Docker-Content-Digest`, else that of the bytes.
        """
        wanted = self.reference.digest or self.reference.tag
        try:
            fetched = self.client.manifest(wanted)
        except LayerkitError as error:
            error.hint = "; ".join(filter(None, (error.hint, self.aside)))
            raise
        digest = Digest(self.reference.digest) if self.reference.digest else fetched.digest or sha256(fetched.raw)
        return Blob(digest, digest, len(fetched.raw), fetched.media_type), fetched.raw

    @cached_property
    def offers(self) -> tuple[Offer, ...]:
        """Every image of the index, attestations left out; empty where the reference leads to no sound index."""
        return tuple(_take(self._follow(*self.root, [], ""), _OFFERS))

    def _follow(self, blob: Blob, raw: bytes, path: list[str], platform: str) -> Iterator[Offer]:
        """The images below an index; a nested one that is absent or altered stands for itself, to be reported."""
        value = Document.parse(raw).value
        inner = field_of(value, "manifests") if isinstance(value, dict) else None
        if not isinstance(inner, list) or _altered(raw, blob):
            if path:
                yield Offer(blob, platform)
            return
        path.append(blob.name)
        for described in inner:
            child = descriptor_of(described)
            if child is None or _attests(child, described):
                continue
            own = platforms.normalise(platform_of(described))
            if child.media_type in INDEX_TYPES and len(path) < _INDEXES and child.name not in path:
                yield from self._follow(child, self._manifest(child)[1], path, own)
            else:
                yield Offer(child, own)

    def _manifest(self, blob: Blob) -> tuple[str, bytes]:
        """The media type and bytes of a manifest; both are empty where the registry has no such manifest."""
        root, raw = self.root
        if blob.name == root.name:
            return root.media_type, raw
        try:
            fetched = self.client.manifest(blob.name)
        except NotFound as error:
            LOG.info("%s", error)
            return "", b""
        return fetched.media_type, fetched.raw

    @cached_property
    def _entries(self) -> tuple[Entry, ...]:
        tags = (replace(self.reference, digest="").familiar,) if self.reference.tag else ()
        offers = self._chosen()
        if not offers:
            return (Entry(tags, oci=self.root[0]),)
        return tuple(Entry(tags, offer.platform, oci=offer.blob) for offer in offers)

    def _chosen(self) -> Sequence[Offer]:
        offers = self.offers
        if not offers or self.platform == "all":
            return offers
        best = platforms.choose([offer.platform for offer in offers], self.platform or platforms.here())
        if best is not None:
            return [offers[best]]
        if not self.platform:
            return offers
        offered = ", ".join(sorted({offer.platform or "unknown" for offer in offers})[:20])
        raise NotFound(f"{self.uri} has no image for {self.platform}", hint=f"on offer: {offered}")

    def entries(self) -> Sequence[Entry]:
        return self._entries

    def manifests(self, entry: Entry) -> tuple[Manifest, ...]:
        if entry.oci is None:
            raise UsageError(f"{self.uri} offers no such image")
        blob = entry.oci
        media_type, raw = self._manifest(blob)
        if not raw and blob.name != self.root[0].name:
            return (Manifest("oci", blob.name, fault=f"{blob.name} is not there", fault_kind="absent"),)
        manifest = parse_manifest(replace(blob, media_type=media_type or blob.media_type), raw)
        if manifest.view != "schema1" and (really := _altered(raw, blob)):
            manifest = replace(manifest, fault=f"its bytes hash to {really}", fault_kind="altered")
        with self._lock:
            named = (*manifest.layers, *((manifest.config,) if manifest.config else ()))
            self._known.update({self.key(found): found for found in named})
        return (manifest,)

    def has(self, blob: Blob) -> bool:
        return self._stat(blob) is not None

    def stored_size(self, blob: Blob) -> int | None:
        stored = self._stat(blob)
        return stored.size if stored else None

    def _stat(self, blob: Blob) -> Stored | None:
        """Asked once per blob; the first question asks for all blobs of the manifests read so far, side by side."""
        with self._lock:
            if self.key(blob) not in self._stored:
                wanted = [key for key in {self.key(blob): blob, **self._known} if key not in self._stored]
                with ThreadPoolExecutor(min(_PROBES, len(wanted)), thread_name_prefix="stat") as pool:
                    self._stored.update(zip(wanted, pool.map(self.client.stat, wanted), strict=True))
            return self._stored[self.key(blob)]

    def key(self, blob: Blob) -> str:
        return str(blob.digest or blob.name)

    @contextmanager
    def _opened(self, blob: Blob) -> Iterator[BinaryIO]:
        with closing(self.chunks(blob)) as chunks:
            yield cast("BinaryIO", _Stream(chunks))

    def open(self, blob: Blob) -> AbstractContextManager[BinaryIO]:
        """The bytes as stored, dropped connections resumed; read errors are Unreachable, NotFound, AccessDenied."""
        return self._opened(blob)

    def chunks(self, blob: Blob, offset: int = 0) -> Generator[bytes]:
        """The bytes of a blob from `offset` on, unverified; as `Client.chunks`."""
        key = self.key(blob)
        if not is_digest(key):
            raise NotFound(f"{blob.name} is not in {self.uri}")
        return self.client.chunks(key, blob.size, offset)

    def others(self, listed: frozenset[str]) -> Sequence[Blob]:
        return ()

    def head(self, blob: Blob) -> bytes:
        return b""

    def measure(self, blob: Blob, tick: Callable[[int], None] | None = None) -> Measurement:
        with self._opened(blob) as stream:
            return measure(stream, tick)


def open_repository(
    location: str, platform: str = "", aside: str = "", *, clock: Clock | None = None, **access: Unpack[Registries]
) -> Repository:
    """The source behind `docker://LOCATION`; nothing is asked of the registry yet.

    Raises UsageError where that is no reference.
    """
    first, slash, _ = location.partition("/")
    if slash and "@" in first:
        raise UsageError(
            "a reference holds no user and no password", hint="log in first: docker login HOST, or name an auth file"
        )
    reference = Reference.parse(location).tagged()
    chosen = platform if platform in ("", "all") else platforms.normalise(platform)
    return Repository(reference, Client(reference.domain, reference.path, clock=clock, **access), chosen, aside)


class _Stream:
    """Chunks as a file: `read` gives as many bytes as asked for, fewer only at the end."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        parts: list[bytes] = []
        missing = size if size >= 0 else 1 << 62
        while missing and (data := self._rest or next(self._chunks, b"")):
            self._rest = data[missing:]
            parts.append(data[:missing] if self._rest else data)
            missing -= len(parts[-1])
        return parts[0] if len(parts) == 1 else b"".join(parts)


def _altered(raw: bytes, blob: Blob) -> str:
    """The digest that the bytes have instead of the one they should have; "" where they have it.

    A schema 1 manifest is named by the digest of what its signatures cover and not of its bytes: not judged here.
    """
    algorithm = str(blob.digest).partition(":")[0]
    if blob.digest is None or algorithm not in ("sha256", "sha512"):
        return ""
    really = f"{algorithm}:{hashlib.new(algorithm, raw).hexdigest()}"
    return "" if really == blob.digest else really


def _attests(blob: Blob, descriptor: Mapping[str, Any]) -> bool:
    """BuildKit's attestations: marked by an annotation, and filed under a platform that is none."""
    marked = blob.annotations.get("vnd.docker.reference.type") == "attestation-manifest"
    return marked or platforms.normalise(platform_of(descriptor)) == "unknown/unknown"


def _take(offers: Iterator[Offer], limit: int) -> Iterator[Offer]:
    for count, offer in enumerate(offers):
        if count == limit:
            LOG.warning("the index names more than %d images; not read on", limit)
            return
        yield offer
