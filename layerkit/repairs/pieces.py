"""Layers as pieces: what each is, and where its bytes are, be that a member, a store or a registry."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from ..compression import Compression, detect
from ..digest import CHUNK, Digest, Measurement, measure
from ..image import Blob, Source
from ..sources import Archive, Member
from ..store import Store

Tick = Callable[[int], None] | None


class Origin(Protocol):
    """Somewhere the bytes of one layer are."""

    @property
    def where(self) -> str: ...
    @property
    def local(self) -> bool:
        """Whether the bytes are on this machine."""

    def open(self) -> AbstractContextManager[BinaryIO]: ...
    def span(self) -> tuple[Path, int, int] | None: ...
    def measure(self, tick: Tick = None) -> Measurement: ...


@dataclass(frozen=True)
class InMember:
    """One member of an archive; of several with one name each is an origin of its own."""

    archive: Archive
    member: Member

    @property
    def where(self) -> str:
        return self.archive.uri

    @property
    def local(self) -> bool:
        return self.span() is not None or bool(self.archive.backing.outer)

    def open(self) -> AbstractContextManager[BinaryIO]:
        return self.archive.backing.open(self.member)

    def span(self) -> tuple[Path, int, int] | None:
        return self.archive.backing.span(self.member)

    def head(self) -> bytes:
        return self.archive.backing.head(self.member)

    def measure(self, tick: Tick = None) -> Measurement:
        return self.archive.backing.measure(self.member, tick)


@dataclass(frozen=True)
class InSource:
    """A blob of any other source: a registry's."""

    source: Source
    blob: Blob

    @property
    def where(self) -> str:
        return self.source.uri

    @property
    def local(self) -> bool:
        return self.source.format != "registry"

    def open(self) -> AbstractContextManager[BinaryIO]:
        return self.source.open(self.blob)

    def span(self) -> tuple[Path, int, int] | None:
        return None

    def measure(self, tick: Tick = None) -> Measurement:
        return self.source.measure(self.blob, tick)

    def chunks(self, offset: int) -> Generator[bytes]:
        """The bytes from `offset` on; a registry is asked for just these."""
        direct = getattr(self.source, "chunks", None)
        if direct is not None:
            yield from direct(self.blob, offset)
        else:
            yield from from_offset(self.open(), offset)


@dataclass(frozen=True)
class InStore:
    """A blob that is kept on this machine, verified when it came."""

    store: Store
    digest: str

    @property
    def where(self) -> str:
        return "the store"

    @property
    def local(self) -> bool:
        return True

    def open(self) -> AbstractContextManager[BinaryIO]:
        return self.store.open(self.digest)

    def span(self) -> tuple[Path, int, int] | None:
        path = self.store.path(self.digest)
        return path, 0, path.stat().st_size

    def measure(self, tick: Tick = None) -> Measurement:
        with self.open() as stream:
            return self.store.facts(self.digest) or measure(stream, tick)


@dataclass(frozen=True)
class Piece:
    """One layer of the image to be. `size` and `digest` are those of the stored bytes; without `origin` it is left out.

    `read` tells whether the bytes were measured; otherwise they are taken for what their name says, or, from a
    registry, measured when they come. `repack` is how they are packed instead.
    """

    diff_id: str
    digest: Digest
    size: int
    compression: Compression
    media_type: str = ""
    origin: Origin | None = None
    read: bool = False
    repack: Compression | None = None

    @property
    def where(self) -> str:
        return self.origin.where if self.origin is not None else ""


def measured_piece(origin: Origin, measured: Measurement, media_type: str = "") -> Piece:
    assert measured.diff_id is not None
    return Piece(measured.diff_id, measured.digest, measured.size, measured.compression, media_type, origin, True)


def packing_of(origin: InMember) -> Compression:
    return detect(origin.head())


def from_offset(opened: AbstractContextManager[BinaryIO], offset: int) -> Generator[bytes]:
    with opened as stream:
        left = offset
        while left and (data := stream.read(min(left, CHUNK))):
            left -= len(data)
        while data := stream.read(CHUNK):
            yield data
