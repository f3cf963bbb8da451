"""How Go decompresses a layer, stricter than the readers here: its words for damage, and for what follows the end."""

from __future__ import annotations

import bz2
import hashlib
import sys
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from ..compression import Compression, detect, inflate
from ..digest import CHUNK, Measurement
from ..errors import FormatError, SourceError
from ..messages import golang
from ..sources import Member
from .view import View

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CUT = golang.UNEXPECTED_EOF.format()
_HEADER = 10
_SMALL = 64 << 10
"""Larger layers are not decompressed a second time."""
_DAMAGE: dict[Compression, str] = {
    "": "",
    "gzip": golang.GZIP_CHECKSUM.format(),
    "zstd": golang.ZSTD_CHECKSUM.format(),
    "bzip2": golang.BZIP2_CHECKSUM.format(),
    "xz": golang.XZ_CHECKSUM.format(),
}
_TAIL: dict[Compression, str] = {
    "": "",
    "gzip": golang.INVALID_GZIP_HEADER.format(),
    "zstd": golang.ZSTD_MAGIC.format(),
    "bzip2": golang.BZIP2_TAIL.format(),
    "xz": "",
}


def damage(view: View, member: Member) -> str:
    """What Go says where a layer cannot be decompressed to its end; at which offset it does not tell here."""
    measured = view.measured(member)
    if member.stored < member.size and view.compression(member):
        return CUT
    if measured is None:
        return ""
    if measured.fault:
        return CUT if "ends early" in measured.fault else _DAMAGE[measured.compression]
    return _TAIL[measured.compression] if _has_tail(view, member, measured) else ""


def headless(view: View, member: Member) -> bool:
    """Whether a gzip layer is too short for even its header."""
    return view.compression(member) == "gzip" and member.size < _HEADER


def twice_compressed(view: View, member: Member) -> bool:
    """Whether what comes out of decompression is compressed again, which c/storage undoes as well."""
    if view.compression(member) != "gzip":
        return False
    known: dict[int, bool] = vars(view).setdefault("_twice", {})
    if member.offset not in known:
        try:
            inner = zlib.decompressobj(31).decompress(view.archive.backing.head(member), 64)
        except zlib.error:
            inner = b""
        known[member.offset] = detect(inner) != ""
    return known[member.offset]


def as_asked(view: View, member: Member, wanted: str, canonical: str | None, *, inflated: bool) -> str | None:
    """The digest of a layer by the algorithm of `wanted`; `canonical` is the one by SHA-256, None where unread."""
    algorithm = wanted.partition(":")[0]
    if canonical is None or algorithm not in ("sha384", "sha512"):
        return canonical
    hasher = hashlib.new(algorithm)
    try:
        with view.archive.backing.open(member) as stream:
            pieces = iter(lambda: stream.read(CHUNK), b"")
            for piece in inflate(pieces, view.compression(member)) if inflated else pieces:
                hasher.update(piece)
    except (FormatError, SourceError):
        return None
    return f"{algorithm}:{hasher.hexdigest()}"


def _has_tail(view: View, member: Member, measured: Measurement) -> bool:
    """Whether something else follows the end of the stream: command line tools ignore it, Go's readers do not.

    The size in the last four bytes of a gzip stream tells most layers from those that have to be looked at again.
    """
    known: dict[int, bool] = vars(view).setdefault("_tails", {})
    if member.offset not in known:
        suspect = _TAIL[measured.compression] != "" and member.stored <= _SMALL
        if suspect and measured.compression == "gzip":
            size = measured.diff_size & 0xFFFFFFFF
            suspect = _last_four(view, member) not in (None, size) or size == 0
        try:
            known[member.offset] = suspect and _walk(view, member, measured.compression)
        except (SourceError, ValueError, OSError, EOFError, zlib.error, zstd.ZstdError):
            known[member.offset] = False
    return known[member.offset]


def _last_four(view: View, member: Member) -> int | None:
    if view.archive.backing.length is None or member.stored < 4:
        return None
    last = replace(member, offset=member.offset + member.stored - 4, size=4, stored=4)
    with view.archive.backing.open(last) as stream:
        return int.from_bytes(stream.read(4), "little")


def _walk(view: View, member: Member, compression: Compression) -> bool:
    with view.archive.backing.open(member) as stream:
        data = b""
        while piece := stream.read(CHUNK):
            data += piece
    while data:
        engine = _ENGINES[compression]()
        if detect(data) != compression:
            return True
        engine.decompress(data)
        data = engine.unused_data
    return False


class _Engine(Protocol):
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


_ENGINES: dict[Compression, Callable[[], _Engine]] = {
    "gzip": lambda: zlib.decompressobj(31),
    "zstd": zstd.ZstdDecompressor,
    "bzip2": bz2.BZ2Decompressor,
}
