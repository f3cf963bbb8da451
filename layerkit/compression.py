"""Compressed streams, told by their first bytes and inflated in bounded pieces."""

from __future__ import annotations

import bz2
import lzma
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Literal, Protocol, cast

from .errors import FormatError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["Compression", "deflate", "detect", "inflate", "zstd"]

Compression = Literal["", "gzip", "zstd", "bzip2", "xz"]

_PIECE = 1 << 18
_RATIO, _GRACE = 1000, 4 << 30
"""A stream that has grown past `_GRACE` bytes and more than `_RATIO`-fold is a bomb, not a layer."""

_MAGIC: tuple[tuple[bytes, Compression], ...] = (
    (b"\x1f\x8b\x08", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
)


def detect(head: bytes) -> Compression:
    """Tell the compression from the first bytes, as containerd and moby do (`compression.Detect`)."""
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if head[1:4] == b"\x2a\x4d\x18" and 0x50 <= head[0] <= 0x5F:  # zstd skippable frame, as zstd:chunked writes
        return "zstd"
    return ""


def inflate(chunks: Iterable[bytes], compression: Compression) -> Iterator[bytes]:
    """Yield the decompressed bytes of `chunks`, at most a quarter of a MiB at a time.

    Concatenated gzip members, zstd frames, bzip2 and xz streams are read as one, as Go and GNU tools do.
    Raises FormatError where the stream is cut short, damaged or a bomb.
    """
    if compression == "":
        yield from chunks
        return
    seen = out = 0

    def counted() -> Iterator[bytes]:
        nonlocal seen
        for chunk in chunks:
            seen += len(chunk)
            yield chunk

    for piece in _members(counted(), _ENGINES[compression], compression):
        out += len(piece)
        if out > _GRACE and out > _RATIO * seen:
            raise FormatError(f"{compression} stream grows over {_RATIO}-fold past {_GRACE >> 30} GiB; not read on")
        yield piece


def deflate(chunks: Iterable[bytes], compression: str) -> Iterator[bytes]:
    """Compress with `gzip` or `zstd`, or pass through; the same bytes every time, no name and no time in the header."""
    if compression == "":
        yield from chunks
        return
    packer = _packer(compression)
    for chunk in chunks:
        if piece := packer.compress(chunk):
            yield piece
    yield packer.flush()


class _Packer(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


def _packer(compression: str) -> _Packer:
    if compression == "zstd":
        return zstd.ZstdCompressor(options={zstd.CompressionParameter.checksum_flag: 1})
    from isal import isal_zlib

    packer: _Packer = isal_zlib.compressobj(2, wbits=31)
    return packer


class _Engine(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /, max_length: int = ...) -> bytes: ...


def _gzip() -> _Engine:
    from isal import igzip_lib

    engine: _Engine = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    return engine


def _zstd() -> _Engine:
    # 128 MiB is the window of `zstd --long`; a frame that asks for more is refused, not obeyed.
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: 27})


_ENGINES: dict[str, Callable[[], _Engine]] = {
    "gzip": _gzip,
    "zstd": _zstd,
    "bzip2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(memlimit=1 << 27),
}


def _members(chunks: Iterator[bytes], start: Callable[[], _Engine], name: str) -> Iterator[bytes]:
    engine, data = start(), b""
    while True:
        if engine.eof:
            data = engine.unused_data
            # Padding and garbage may follow a whole member; gzip(1) ignores them and so do the runtimes.
            while len(data) < 6 or not data.strip(b"\0"):
                more = next(chunks, b"")
                if not more:
                    break
                data = data.lstrip(b"\0") + more
            data = data.lstrip(b"\0")
            if detect(data) != name:
                return
            engine = start()
        elif engine.needs_input and not data:
            data = next(chunks, b"")
            if not data:
                raise FormatError(f"{name} stream ends early: unexpected EOF")
        try:
            piece = engine.decompress(data, max_length=_PIECE)
        except (OSError, EOFError, ValueError, lzma.LZMAError, zstd.ZstdError, _igzip_error()) as error:
            raise FormatError(f"{name} stream is damaged: {error}") from error
        data = b""
        if piece:
            yield piece


def _igzip_error() -> type[Exception]:
    from isal import igzip_lib

    return cast("type[Exception]", igzip_lib.IsalError)
