"""What Go says while it unpacks a layer: its tar reader, its decompressors, and the programs Docker starts instead."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Literal, cast

from ..compression import Compression, inflate
from ..digest import CHUNK
from ..errors import FormatError
from ..messages import golang
from ..sources.tar import BLOCK, Reader

Fault = Literal["", "cut", "header", "stream-cut", "stream-damaged"]
"""cut: the tar ends inside a member · header: no tar header where one is due · stream-...: the compressed stream."""

_ZEROS = bytes(BLOCK)
LIMIT = 256 << 20
"""Bytes of a suspect layer that are unpacked to see where its tar breaks; past it the rest is taken as whole."""


_ENDS: dict[str, Fault] = {"cut": "cut", "damaged": "header"}


class _Pieces(io.RawIOBase):
    """Chunks as a file, ended after `LIMIT` bytes."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest, self.seen = pieces, b"", 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not self._rest and self.seen < LIMIT:
            self._rest = next(self._pieces, b"")
            self.seen += len(self._rest)
        data, self._rest = self._rest[:size], self._rest[size:]
        return data


def is_plainly_whole(data: bytes) -> bool:
    """Whether an unpacked layer has nothing but usual headers from its first byte to its end marker.

    Most layers do, and this is quicker than a walk; False only means that a walk must tell.
    """
    at = 0
    while at + BLOCK <= len(data):
        header = data[at : at + BLOCK]
        if header == _ZEROS:
            return data[at : at + 2 * BLOCK] == 2 * _ZEROS
        said, size = header[148:156].strip(b" \0"), header[124:136].strip(b" \0")
        if header[156:157] not in b"05" or not (said.isdigit() and size.isdigit()):
            return False
        try:
            if int(said, 8) != sum(header[:148]) + 256 + sum(header[156:]):
                return False
            at += BLOCK + -(-int(size, 8) // BLOCK) * BLOCK
        except ValueError:
            return False
    return False


def unpack(stream: BinaryIO, compression: Compression) -> Fault:
    """Walk the headers of one layer as archive/tar does (`Reader.Next`) and tell what stops it."""
    pieces = _Pieces(inflate(iter(lambda: stream.read(CHUNK), b""), compression))
    reader = Reader(cast("BinaryIO", pieces), None)
    try:
        for _ in reader:
            pass
    except FormatError as error:
        return "stream-cut" if "ends early" in str(error) else "stream-damaged"
    if pieces.seen >= LIMIT and reader.end in ("cut", "clean"):
        return ""
    return _ENDS.get(reader.end, "")


def first_header(head: bytes, compression: Compression) -> Fault:
    """What the first block tells, where no more is worth reading."""
    data = b""
    try:
        if compression == "gzip":  # what most layers are, without the machinery for the rest
            data = zlib.decompressobj(31).decompress(head, BLOCK)
        for piece in inflate(iter([head]), compression) if compression != "gzip" else ():
            data += piece
            if len(data) >= BLOCK:
                break
    except (FormatError, zlib.error):
        pass  # the head is cut on purpose
    return _first_block(data) if len(data) >= BLOCK else ""


def _first_block(data: bytes) -> Fault:
    reader = Reader(io.BytesIO(data[:BLOCK]), None)
    return "" if any(True for _ in reader) or reader.end != "damaged" else "header"


def say(fault: Fault, compression: Compression, *, pigz: bool) -> str:
    """The words for a fault. `pigz`: the machine has unpigz, which moby and containerd prefer to Go's own gzip."""
    if fault == "header":
        return golang.INVALID_TAR_HEADER.format()
    if fault in ("stream-cut", "stream-damaged") and compression == "gzip":
        if pigz:
            words = golang.UNPIGZ_CUT if fault == "stream-cut" else golang.UNPIGZ_CORRUPT
            return golang.EXIT_STATUS.format(status=1) + words.format()
        if fault == "stream-damaged":
            return golang.GZIP_CHECKSUM.format()
    if fault == "stream-damaged" and compression == "zstd":
        return golang.ZSTD_MAGIC.format()
    return golang.UNEXPECTED_EOF.format()
