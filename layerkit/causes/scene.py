"""Facts that several causes ask for, each found once and only when it is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ..alignment import Alignment, Layer
from ..compression import detect
from ..digest import sha256
from ..document import LIMIT
from ..errors import LayerkitError
from ..frames import Frames
from ..image import Blob, Config
from ..sources import Member
from ..sources.backing import WELL_KNOWN
from ..sources.members import clean
from ..text import printable
from .writer import name_writer

EMPTY_TAR = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
"""1024 zero bytes: what moby calls the empty layer (layer/empty.go, `DigestSHA256EmptyTar`)."""
EMPTY_GZIP = "sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4"
"""The same, gzipped to 32 bytes: schema 1's throwaway layer (distribution, schema1/config_builder.go)."""

_HEX = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_BLOCK, _RECORD = 512, 10240
_SPARE_CONFIGS, _SPARE_BYTES = 64, 16 << 20
_TAIL_READ, _TAIL_LIMIT = 1 << 20, 64 << 20


@dataclass(frozen=True, slots=True)
class Tail:
    """What stands behind a tar's end marker: from byte `start`, `size` bytes, `kind` being what they are."""

    start: int
    size: int
    kind: str


@dataclass(frozen=True)
class Scene:
    """One file with everything in it, as a cause looks at it."""

    frames: Frames = field(repr=False)

    @cached_property
    def writer(self) -> str:
        return name_writer(self.frames)

    @cached_property
    def cut(self) -> bool:
        """Whether the file ends before its writer was done: whatever is absent needs no other reason."""
        archive = self.frames.archive
        if archive is None:
            return False
        if archive.backing.end in ("cut", "damaged"):
            return True
        zeros = self.tail is not None and self.tail.kind == "zeros"
        if not (zeros or archive.backing.end == "clean") or not self.gaps or not archive.members.all:
            return False
        # Writers put these last: where one of them stands at the end, the end is there.
        return clean(archive.members.all[-1].name) not in WELL_KNOWN

    @cached_property
    def gaps(self) -> bool:
        """Whether something is named that is not there, or nothing is named at all."""
        archive = self.frames.archive
        if archive is not None and archive.format in ("unknown", "legacy"):
            return True
        return any(
            a.config.fault_kind == "absent" or any(row.state in ("absent", "gone") for row in a.layers)
            for a in self.frames.alignments
        )

    @cached_property
    def tail(self) -> Tail | None:
        """Bytes behind the end marker, beyond the padding that tar writers leave."""
        archive = self.frames.archive
        if archive is None or archive.backing.end != "marker" or archive.backing.length is None:
            return None
        if not archive.members.all:
            return None
        last = archive.members.all[-1]
        start = last.offset + last.size + -last.size % _BLOCK
        size = archive.backing.length - start
        if size <= 2 * _RECORD:
            return None
        at = start
        while at < min(start + size, start + _TAIL_LIMIT):
            data = self._bytes(at, min(_TAIL_READ, start + size - at))
            if not data:
                return None
            rest = data.lstrip(b"\0")
            if rest:
                at += len(data) - len(rest)
                at -= at % _BLOCK
                head = self._bytes(at, _BLOCK)
                kind = "tar" if head[257:262] == b"ustar" else "other"
                return Tail(at, start + size - at, kind)
            at += len(data)
        return Tail(start, size, "zeros")

    def _bytes(self, offset: int, size: int) -> bytes:
        archive = self.frames.archive
        if archive is None:
            return b""
        try:
            with archive.backing.open(Member("", "file", size, offset, offset, size)) as stream:
                return stream.read(size)
        except (LayerkitError, OSError):
            return b""

    @cached_property
    def owners(self) -> Mapping[str, tuple[Alignment, ...]]:
        """For each diff ID at most two images of the file whose config promises it."""
        found: dict[str, tuple[Alignment, ...]] = {}
        for alignment in self.frames.alignments:
            for diff_id in set(alignment.config.diff_ids):
                if len(found.get(diff_id, ())) < 2:
                    found[diff_id] = (*found.get(diff_id, ()), alignment)
        return found

    @cached_property
    def complete(self) -> Mapping[str, Alignment]:
        """Images of which every listed layer is here, the first of each config digest."""
        found: dict[str, Alignment] = {}
        for image in self.frames.alignments:
            if image.config.raw and image.layers and all(row.present for row in image.layers if row.listed):
                found.setdefault(image.config.digest, image)
        return found

    @cached_property
    def names(self) -> Mapping[int, str]:
        """What to call each image, by the `id` of its alignment: its tag, else its config's digest."""
        images = self.frames.alignments
        return {id(a): printable(a.image.reference, 80) or brief(a.config.digest) for a in images}

    @cached_property
    def strays(self) -> tuple[Blob, ...]:
        """Files that look like layers and that no manifest names."""
        source = self.frames.source
        listed = {
            source.key(blob)
            for alignment in self.frames.alignments
            for manifest in alignment.image.manifests
            for blob in manifest.layers
        }
        found = source.others(frozenset(listed))
        return tuple(blob for blob in found if source.stored_size(blob) and _layer_like(blob.name, source.head(blob)))

    @cached_property
    def spare_configs(self) -> Mapping[str, Config]:
        """Image configs in the file that no manifest names, by member name."""
        archive = self.frames.archive
        if archive is None:
            return {}
        used = {a.config.digest for a in self.frames.alignments}
        found: dict[str, Config] = {}
        room = _SPARE_BYTES
        for name, member in archive.members.cleaned.items():
            if member.kind != "file" or not 0 < member.size <= min(LIMIT, room):
                continue
            if not (name.endswith(".json") or _HEX.search(name)) or archive.backing.head(member)[:1] != b"{":
                continue
            try:
                with archive.backing.open(member) as stream:
                    raw = stream.read(member.stored)
            except (LayerkitError, OSError):
                continue
            room -= len(raw)
            if sha256(raw) not in used and (config := Config.parse(raw)).diff_ids:
                found[name] = config
                if len(found) == _SPARE_CONFIGS:
                    break
        return found


def _layer_like(name: str, head: bytes) -> bool:
    suffixed = name.endswith((".tar", ".tar.gz", ".tgz", ".tar.zst"))
    return suffixed or name.startswith("blobs/") or head[257:262] == b"ustar" or bool(detect(head))


def identities(alignment: Alignment) -> tuple[str, ...]:
    """The diff ID of each listed layer, in manifest order: as measured, else as named, "" if neither."""
    wanted = frozenset(alignment.config.diff_ids)
    return tuple(_identity(row, wanted) for row in listed(alignment))


def _identity(row: Layer, wanted: frozenset[str]) -> str:
    if row.measured is not None and row.measured.diff_id is not None:
        return str(row.measured.diff_id)
    return next((digest for digest in carried(row) if digest in wanted), "")


def carried(row: Layer) -> tuple[str, ...]:
    """Digests that a listed layer's descriptor or path carries."""
    if row.blob is None:
        return ()
    own = (str(row.blob.digest),) if row.blob.digest else ()
    return own + tuple(f"sha256:{text}" for text in _HEX.findall(row.blob.name))


def listed(alignment: Alignment) -> list[Layer]:
    """The rows that the manifest lists, in its order."""
    rows = [row for row in alignment.layers if row.manifest_index is not None]
    return sorted(rows, key=lambda row: row.manifest_index or 0)


def lister(alignment: Alignment) -> str:
    """What the layer list is called: the half of the archive that is read."""
    return "manifest.json" if alignment.manifest.view == "docker" else "the manifest"


def opening(alignment: Alignment) -> str:
    """The same at the head of a sentence."""
    name = lister(alignment)
    return name[0].upper() + name[1:] if name.startswith("the") else name


def counted(alignment: Alignment) -> tuple[str, ...]:
    """The two counts as evidence, the way Docker prints them."""
    manifest, config = len(alignment.manifest.layers), len(alignment.config.diff_ids)
    if manifest == config:
        return (f"{lister(alignment)} lists {layers(manifest)}, the config promises as many",)
    said = f"{lister(alignment)} lists {layers(manifest)}, rootfs.diff_ids of the config has {config}"
    if alignment.manifest.view == "docker":
        said += f"; Docker prints this as `expected {manifest}, got {config}`"
    return (said,)


def written(scene: Scene) -> tuple[str, ...]:
    """Who wrote the archive, as evidence, where its names tell."""
    return (f"members are named as {scene.writer} names them",) if scene.writer else ()


def layers(count: int) -> str:
    return f"{count} layer" if count == 1 else f"{count} layers"


def ranges(positions: Iterable[int]) -> str:
    """`0–10, 14`: positions for people, at most a dozen runs of them."""
    runs: list[list[int]] = []
    for position in sorted(set(positions)):
        if runs and position == runs[-1][1] + 1:
            runs[-1][1] = position
        else:
            runs.append([position, position])
    texts = [str(a) if a == b else f"{a}–{b}" for a, b in runs[:12]]
    return ", ".join(texts) + (", ..." if len(runs) > 12 else "")


def shown(name: str) -> str:
    """A name from an archive, made printable and short."""
    return printable(name, 80)


def at(rows: Iterable[Layer]) -> str:
    """`position 3` or `positions 0–10`."""
    positions = [row.position for row in rows]
    return f"position{'' if len(positions) == 1 else 's'} {ranges(positions)}"


def brief(digest: str | None) -> str:
    """A digest short enough for a sentence."""
    algorithm, colon, rest = (digest or "").partition(":")
    return printable(f"{algorithm}:{rest[:12]}" if colon else algorithm[:12], 24)


def leads_out(name: str) -> bool:
    """Whether a path is absolute or climbs."""
    return name.startswith("/") or (".." in name and ".." in name.split("/"))
