"""Content addresses: what they are, how they are computed, how they chain."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, NewType

from .compression import Compression, detect, inflate
from .errors import FormatError

Digest = NewType("Digest", str)

CHUNK = 1 << 18
"""Bytes per read: large enough for the GIL to be released, small enough to stay in the L2 cache."""

EMPTY = Digest("sha256:" + hashlib.sha256().hexdigest())
"""Digest of no bytes at all: where it turns up, a layer file was empty."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")


def is_digest(text: str) -> bool:
    """Whether `text` is a digest as OCI image-spec, descriptor.md, "Digests" registers them."""
    return _DIGEST.fullmatch(text) is not None


def sha256(data: bytes) -> Digest:
    return Digest("sha256:" + hashlib.sha256(data).hexdigest())


def chain_ids(diff_ids: Iterable[str]) -> Iterator[Digest]:
    """Yield the chain ID of each prefix, oldest layer first (OCI image-spec, config.md, "Layer ChainID")."""
    chain: str | None = None
    for diff_id in diff_ids:
        chain = diff_id if chain is None else sha256(f"{chain} {diff_id}".encode())
        yield Digest(chain)


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a blob's bytes really are.

    `digest` and `size` are of the bytes as stored, `diff_id` and `diff_size` of the bytes after
    decompression. `fault` says why decompression stopped early; the diff ID is then None.
    """

    digest: Digest
    size: int
    diff_id: Digest | None
    diff_size: int
    compression: Compression
    fault: str = ""


def measure(stream: BinaryIO, tick: Callable[[int], None] | None = None) -> Measurement:
    """Read `stream` to its end once and tell both digests and both sizes.

    Parameters
    ----------
    stream
        The blob as stored: plain, gzip, zstd, bzip2 or xz, told by its first bytes.
    tick
        Called with the number of stored bytes of each chunk read.

    Memory is constant: the stored bytes are hashed on their way into the decompressor.
    """
    stored = hashlib.sha256()
    size = 0

    def chunks() -> Iterator[bytes]:
        nonlocal size
        data = head
        while data:
            stored.update(data)
            size += len(data)
            if tick is not None:
                tick(len(data))
            yield data
            data = stream.read(CHUNK)

    head = stream.read(CHUNK)
    while 0 < len(head) < 16 and (more := stream.read(CHUNK)):  # a slow stream may give a byte at a time
        head += more
    compression = detect(head)
    if compression == "":
        for _ in chunks():
            pass
        digest = Digest("sha256:" + stored.hexdigest())
        return Measurement(digest, size, digest, size, compression)
    plain = hashlib.sha256()
    diff_size, fault, source = 0, "", chunks()
    try:
        for data in inflate(source, compression):
            plain.update(data)
            diff_size += len(data)
    except FormatError as error:
        fault = str(error)
    for _ in source:  # what follows the end or the fault still belongs to the stored digest
        pass
    digest = Digest("sha256:" + stored.hexdigest())
    diff_id = None if fault else Digest("sha256:" + plain.hexdigest())
    return Measurement(digest, size, diff_id, diff_size, compression, fault)
