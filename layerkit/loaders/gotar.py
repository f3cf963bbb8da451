"""What Go says while it unpacks a layer: its tar reader, its decompressors, and the programs Docker starts instead."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO, Literal, cast

from ..compression import Compression, inflate
from ..digest import CHUNK
from ..errors import FormatError
from ..messages import golang
from ..sources.tar import BLOCK, Reader

Fault = Literal["", "cut", "header", "stream-cut", "stream-damaged"]
"""cut: the tar ends inside a member · header: no tar header where one is due · stream-...: the compressed stream."""

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
        for piece in inflate(iter([head]), compression):
            data += piece
            if len(data) >= BLOCK:
                break
    except FormatError:
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
            return f"exit status 1: {words.format()}"
        if fault == "stream-damaged":
            return golang.GZIP_CHECKSUM.format()
    if fault == "stream-damaged" and compression == "zstd":
        return golang.ZSTD_MAGIC.format()
    return golang.UNEXPECTED_EOF.format()
