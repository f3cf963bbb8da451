"""What the images were before they broke: their layers and files, read with nothing of what is tested here."""

from __future__ import annotations

import gzip
import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from layerkit.compression import zstd
from tests.images import sha256
from tests.test_export_loads import files


def read_contents(path: Path) -> dict[str, bytes]:
    """Every file of an archive or a layout, by the digest of what it holds unpacked."""
    return {sha256(data): data for data in map(_unpacked, _files(path))}


def _files(path: Path) -> Iterator[bytes]:
    if path.is_dir():
        yield from (file.read_bytes() for file in path.rglob("*") if file.is_file())
        return
    with tarfile.open(path) as tar:
        yield from (opened.read() for member in tar if member.isreg() and (opened := tar.extractfile(member)))


def _unpacked(data: bytes) -> bytes:
    if data.startswith(b"\x1f\x8b"):
        return gzip.decompress(data)
    return zstd.decompress(data) if data.startswith(b"\x28\xb5\x2f\xfd") else data


def merge_files(contents: Mapping[str, bytes], diff_ids: Sequence[str], folder: Path) -> dict[str, str]:
    """What a container sees of these layers, each over those below it. None of them takes a file away."""
    found: dict[str, str] = {}
    for diff_id in diff_ids:
        path = folder / "layer.tar"
        path.write_bytes(contents[diff_id])
        # A link has no mode of its own, whatever its layer says.
        found |= {name: re.sub(r"^(b'2') \d+ ", r"\1 777 ", seen) for name, seen in files(path).items()}
    assert not any(".wh." in name for name in found)
    return found
