"""The writer: one deterministic tar that every runtime loads.

The universal form is an OCI layout that carries `manifest.json` too: runtimes that know OCI read `index.json`,
Docker's classic store reads `manifest.json`, and both lead to the same blobs. Members are sorted and carry no time and
no owner: same input, same bytes. A delta leaves blobs out; an annotation of `index.json` says what its base must hold,
and `manifest.json` names an empty placeholder for each layer left out, because podman, where it reads several images,
wants every name to be there.
"""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .compression import Compression
from .digest import Digest, sha256
from .errors import UsageError
from .plan import Form
from .reference import Reference
from .sources import BASE_ANNOTATION, OMITTED

_CHUNK = 1 << 20
_OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_OCI_INDEX = "application/vnd.oci.image.index.v1+json"
_OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER_TYPES: dict[Compression, str] = {
    "": "application/vnd.oci.image.layer.v1.tar",
    "gzip": "application/vnd.oci.image.layer.v1.tar+gzip",
    "zstd": "application/vnd.oci.image.layer.v1.tar+zstd",
}

Tick = Callable[[int], None] | None


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a file on this machine."""

    path: Path
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Part:
    """One member of the archive to be."""

    name: str
    content: bytes | Span

    @property
    def size(self) -> int:
        return self.content.size if isinstance(self.content, Span) else len(self.content)


@dataclass(frozen=True, slots=True)
class LayerFile:
    """One layer as the archive has it; `content` is None where it is left out."""

    digest: Digest
    diff_id: str
    chain_id: str
    compression: Compression
    size: int
    content: Span | None


@dataclass(frozen=True, slots=True)
class ImageFile:
    """One image as the archive has it. `manifest` are the source's own bytes where the layers are the source's own."""

    references: tuple[str, ...]
    config: bytes
    layers: tuple[LayerFile, ...]
    manifest: bytes | None = None
    manifest_type: str = _OCI_MANIFEST
    platform: tuple[str, str, str] = ("", "", "")


def compose(images: Sequence[ImageFile], form: Form = "universal") -> tuple[Part, ...]:
    """All members of the archive, in their order."""
    blobs: dict[str, Part] = {}
    descriptors: list[dict[str, Any]] = []
    items: list[dict[str, Any]] = []
    base: dict[str, dict[str, str]] = {}
    placeholders: dict[str, Part] = {}
    for image in images:
        config = sha256(image.config)
        blobs[config] = Part(blob_name(config), image.config)
        manifest = manifest_of(image)
        if form != "docker":
            blobs[sha256(manifest)] = Part(blob_name(sha256(manifest)), manifest)
        paths = []
        for layer in image.layers:
            if layer.content is not None:
                blobs[layer.digest] = Part(blob_name(layer.digest), layer.content)
                paths.append(blob_name(layer.digest))
            else:
                name = f"{OMITTED}{layer.diff_id.removeprefix('sha256:')}"
                placeholders[name] = Part(name, b"")
                paths.append(name)
                base[layer.chain_id] = {
                    "diff_id": layer.diff_id,
                    "chain_id": layer.chain_id,
                    "digest": layer.digest,
                }
        items.append({"Config": blob_name(config), "RepoTags": list(image.references) or None, "Layers": paths})
        descriptors.extend(_descriptors(image, manifest))
    parts = sorted(blobs.values(), key=lambda part: part.name)
    if form != "docker":
        index: dict[str, Any] = {"schemaVersion": 2, "mediaType": _OCI_INDEX, "manifests": descriptors}
        if base:
            index["annotations"] = {BASE_ANNOTATION: encode(list(base.values())).decode()}
        parts.append(Part("index.json", encode(index)))
    if form != "oci":
        parts.extend(sorted(placeholders.values(), key=lambda part: part.name))
        parts.append(Part("manifest.json", encode(items)))
    if form != "docker":
        parts.append(Part("oci-layout", b'{"imageLayoutVersion":"1.0.0"}'))
    return tuple(parts)


def blob_name(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/', 1)}"


def encode(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def manifest_of(image: ImageFile) -> bytes:
    """The manifest's bytes: the source's own, or made here."""
    if image.manifest is not None:
        return image.manifest
    layers = [
        {"mediaType": _LAYER_TYPES.get(layer.compression, _LAYER_TYPES[""]), "digest": layer.digest, "size": layer.size}
        for layer in image.layers
    ]
    config = {"mediaType": _OCI_CONFIG, "digest": sha256(image.config), "size": len(image.config)}
    return encode({"schemaVersion": 2, "mediaType": _OCI_MANIFEST, "config": config, "layers": layers})


def _descriptors(image: ImageFile, manifest: bytes) -> Iterator[dict[str, Any]]:
    """One descriptor for each name: containerd reads the full name, others the tag."""
    os_name, architecture, variant = image.platform
    platform = {"architecture": architecture, "os": os_name, **({"variant": variant} if variant else {})}
    for reference in image.references or ("",):
        descriptor: dict[str, Any] = {
            "mediaType": image.manifest_type,
            "digest": sha256(manifest),
            "size": len(manifest),
        }
        if reference:
            descriptor["annotations"] = {
                "io.containerd.image.name": full_name(reference),
                "org.opencontainers.image.ref.name": reference.rpartition(":")[2],
            }
        if os_name and architecture:
            descriptor["platform"] = platform
        yield descriptor


def full_name(reference: str) -> str:
    """The name under which Docker's containerd store looks an image up; a tag alone stays one."""
    if "/" not in reference and ":" not in reference:
        return reference
    try:
        return str(Reference.parse(reference).tagged())
    except UsageError:
        return reference


def header(part: Part) -> bytes:
    """A member's tar header: no time, no owner, base-256 sizes past 8 GiB, which Go and GNU tar read."""
    info = tarfile.TarInfo(part.name)
    info.size, info.mode, info.mtime = part.size, 0o644, 0
    return info.tobuf(tarfile.GNU_FORMAT)


END = bytes(2 * tarfile.BLOCKSIZE)


def length(parts: Iterable[Part]) -> int:
    """Bytes of the whole archive."""
    return sum(tarfile.BLOCKSIZE + part.size + _padding(part.size) for part in parts) + len(END)


def _padding(size: int) -> int:
    return -size % tarfile.BLOCKSIZE


class Writing:
    """An archive that is being written to a file, its members in any order and from several threads.

    Every place is known before the first byte comes, so a layer is put where it belongs as soon as it is there.
    `lasting` waits until the disk has it.
    """

    def __init__(self, parts: Sequence[Part], path: Path, tick: Tick = None, *, lasting: bool = True) -> None:
        self._places: dict[str, int] = {}
        self._parts = {part.name: part for part in parts}
        self._tick = tick
        self._lasting = self._early = lasting
        at = 0
        for part in parts:
            self._places[part.name] = at
            at += tarfile.BLOCKSIZE + part.size + _padding(part.size)
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        os.ftruncate(self._fd, at + len(END))  # padding and end marker are zeros, and so is what was not written

    def __enter__(self) -> Writing:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)

    def put(self, name: str) -> None:
        """Write one member; blobs go from file to file."""
        part = self._parts.pop(name, None)
        if part is None:
            return
        at = self._places[name]
        os.pwrite(self._fd, header(part), at)
        if isinstance(part.content, Span):
            _copy(part.content, self._fd, at + tarfile.BLOCKSIZE, self._tick)
            if part.size > _CHUNK and self._early:
                os.fdatasync(self._fd)  # now, while other layers still come, not all at the end
        else:
            os.pwrite(self._fd, part.content, at + tarfile.BLOCKSIZE)

    def finish(self) -> None:
        """Write whatever is left, in the order of the file."""
        self._early = False
        for name in list(self._parts):
            self.put(name)
        if self._lasting:
            os.fsync(self._fd)


def read_parts(parts: Iterable[Part], tick: Tick = None) -> Iterator[bytes]:
    """The archive's bytes in order, a MiB at most at a time."""
    for part in parts:
        yield header(part)
        if isinstance(part.content, Span):
            for chunk in read_span(part.content):
                yield chunk
                if tick is not None:
                    tick(len(chunk))
        else:
            yield part.content
        yield bytes(_padding(part.size))
    yield END


def write_stream(parts: Iterable[Part], write: Callable[[bytes], object], tick: Tick = None) -> None:
    """Write the archive to whatever takes bytes in order: a pipe, a compressor, a split file."""
    for chunk in read_parts(parts, tick):
        write(chunk)


def read_span(span: Span) -> Iterator[bytes]:
    left = span.size
    with span.path.open("rb", buffering=0) as file:
        file.seek(span.offset)
        while left and (chunk := file.read(min(_CHUNK, left))):
            left -= len(chunk)
            yield chunk
    if left:
        raise EOFError(f"{span.path} lost {left} bytes while it was read")


def _copy(span: Span, out: int, at: int, tick: Tick) -> None:
    # Not copy_file_range: members of a tar begin at any block of 512 bytes, where it is slower than this by a third.
    left, offset, buffer = span.size, span.offset, memoryview(bytearray(_CHUNK))
    with span.path.open("rb", buffering=0) as file:
        while left:
            got = os.preadv(file.fileno(), [buffer[: min(left, _CHUNK)]], offset)
            if not got:
                raise EOFError(f"{span.path} lost {left} bytes while it was read")
            done = os.pwrite(out, buffer[:got], at)
            at, offset, left = at + done, offset + done, left - done
            if tick is not None:
                tick(done)
