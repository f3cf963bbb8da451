"""The transport `docker-archive:` of containers/image: manifest.json, one config, and the layers it promises.

Sources: docker/internal/tarfile/reader.go (`newReader`, `openTarComponent`, `readTarComponent`) and src.go
(`ensureCachedDataIsPresentPrivate`, `prepareLayerData`, `GetBlob`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ..digest import EMPTY
from ..messages import containers_image as say
from ..messages import copies, golang
from ..messages.goquote import quote
from ..sources import Member
from ..verdict import Need
from .copying import Layer, Release, Stream
from .gojson import FLAG, TEXT, Shape, decode, list_of, map_of, pick, struct
from .gotime import time_fault
from .model import Refusal
from .scanning import Scan, clean, join
from .streams import CUT, as_asked, damage, headless, twice_compressed

_ITEMS = list_of(struct("tarfile.ManifestItem", Config=TEXT, RepoTags=list_of(TEXT), Layers=list_of(TEXT)))
DIGESTS = list_of(Shape("string", "digest.Digest"))
_CONFIG = struct(
    "manifest.Schema2Image",
    architecture=TEXT,
    os=TEXT,
    variant=TEXT,
    rootfs=struct("manifest.Schema2RootFS", type=TEXT, diff_ids=DIGESTS),
    history=list_of(struct("manifest.Schema2History", created_by=TEXT, comment=TEXT, author=TEXT, empty_layer=FLAG)),
    config=struct(
        "manifest.Schema2Config",
        User=TEXT,
        Image=TEXT,
        WorkingDir=TEXT,
        StopSignal=TEXT,
        Env=list_of(TEXT),
        Cmd=list_of(TEXT),
        Entrypoint=list_of(TEXT),
        Shell=list_of(TEXT),
        Labels=map_of(TEXT),
    ),
)
_PGZIP_BLOCK = 1 << 20


def created_fault(value: Any, *, quotes: bool) -> str:
    """The first time in a config that is none, in the order of the text."""
    for key, inner in value.items() if isinstance(value, dict) else ():
        if key.lower() == "created" and (fault := time_fault(inner, quotes=quotes)):
            return fault
        if key.lower() == "history":
            for entry in inner if isinstance(inner, list) else ():
                if fault := time_fault(pick(entry, "created"), quotes=quotes):
                    return fault
    return ""


@dataclass(frozen=True, slots=True)
class Item:
    config: str
    tags: tuple[str, ...]
    layers: tuple[str, ...]


@lru_cache(maxsize=8)
def _read_items(raw: bytes) -> tuple[tuple[Item, ...], str]:
    value, fault = decode(raw, _ITEMS)
    items = (
        Item(
            pick(item, "Config") or "",
            tuple(tag or "" for tag in pick(item, "RepoTags") or ()),
            tuple(path or "" for path in pick(item, "Layers") or ()),
        )
        for item in (value if not fault else None) or ()
    )
    return tuple(items), fault


@lru_cache(maxsize=8)
def _promise(raw: bytes, *, quotes: bool) -> tuple[tuple[str, ...] | None, str]:
    """The diff IDs of a config, None without a rootfs, and what Go says where it is none."""
    value, fault = decode(raw, _CONFIG)
    fault = fault or created_fault(value, quotes=quotes)
    rootfs = pick(value, "rootfs") if not fault else None
    return None if rootfs is None else tuple(diff_id or "" for diff_id in pick(rootfs, "diff_ids") or ()), fault


@dataclass(frozen=True)
class Image:
    """One item whose config and layers fit together: every diff ID with the path it is read from and its size."""

    config: bytes = field(repr=False)
    diff_ids: tuple[str, ...] = ()
    paths: Mapping[str, tuple[str, int | None]] = field(default_factory=dict)


@dataclass(frozen=True)
class DockerArchive:
    scan: Scan
    release: Release

    def items(self) -> tuple[Item, ...]:
        """manifest.json, which must be one JSON value. Raises Refusal."""
        self._inflate()
        items, fault = _read_items(self._component("manifest.json"))
        if fault:
            raise Refusal(say.DECODING_MANIFEST.format(member="manifest.json") + fault)
        return items

    def _inflate(self) -> None:
        """reader.go, `NewReaderFromStream`: a compressed archive is copied to a file first."""
        view = self.scan.view
        if not view.outer:
            return
        if "stream" in (fault := view.archive.backing.fault):
            cut = golang.UNEXPECTED_EOF if "ends early" in fault else golang.GZIP_CHECKSUM
            raise Refusal(copies.TEMPORARY_COPY.format(path="/var/tmp/docker-tarNNN") + cut.format())
        if view.outer == "gzip" and self.release.slips:
            end = max((m.offset + m.size for m in view.members), default=0)
            lost = golang.UNEXPECTED_EOF if end < _PGZIP_BLOCK else golang.INVALID_TAR_HEADER
            raise Refusal(self._loading("manifest.json") + lost.format())

    def _loading(self, member: str) -> str:
        return (say.LOADING_COMPONENT if self.release.quotes else say.LOADING_COMPONENT_OLD).format(member=member)

    def _component(self, name: str) -> bytes:
        try:
            member = self._open(name)
        except Refusal as gone:
            raise Refusal(self._loading(name) + gone.message) from None
        return self.scan.read(member)

    def _open(self, name: str) -> Member:
        """reader.go, `openTarComponent`: one symbolic link is followed, a hard link is an empty file."""
        member = self.scan.find(name)
        if member is not None and member.kind == "symlink":
            member = self.scan.find(join(clean(name).rpartition("/")[0], member.target))
        if member is None:
            raise Refusal(say.FILE_ABSENT.format())
        if member.kind not in ("file", "hardlink"):
            raise Refusal(copies.NOT_REGULAR.format(member=member.name))
        return member

    def image(self, item: Item) -> Image:
        """src.go, `ensureCachedDataIsPresentPrivate`. Raises Refusal."""
        raw = self._component(item.config)
        quotes = self.release.quotes
        diff_ids, fault = _promise(raw, quotes=not quotes)
        if fault:
            decoding = say.DECODING_CONFIG if quotes else say.DECODING_CONFIG_OLD
            raise Refusal(decoding.format(member=item.config) + fault)
        if diff_ids is None:
            raise Refusal((say.NO_ROOTFS if quotes else say.NO_ROOTFS_OLD).format(member=item.config))
        if len(item.layers) != len(diff_ids):
            raise Refusal(say.LAYER_COUNT.format(manifest=len(item.layers), diff_ids=len(diff_ids)))
        sources: dict[str, str] = {}
        for diff_id, path in zip(diff_ids, map(clean, item.layers), strict=True):
            if diff_id in sources:
                continue
            if path in sources.values():
                raise Refusal((say.TWO_DIFF_IDS if quotes else say.TWO_DIFF_IDS_OLD).format(member=path))
            sources[diff_id] = path
        sizes = dict(self._sizes(frozenset(sources.values())))
        if self.scan.broken:
            raise Refusal(self.scan.broken)
        if len(sizes) < len(sources):
            raise Refusal(say.LAYERS_MISSING.format())
        return Image(raw, diff_ids, {diff_id: (path, sizes[path]) for diff_id, path in sources.items()})

    def _sizes(self, paths: frozenset[str]) -> Iterator[tuple[str, int | None]]:
        """The sizes as one pass over the tar finds them: of a compressed layer by undoing it, of a link none."""
        view = self.scan.view
        for path, member in self.scan.first.items():
            if path not in paths:
                continue
            if member.kind != "file" or not view.compression(member):
                yield path, member.size if member.kind == "file" else 0
                continue
            if headless(view, member):
                named = quote(path) if self.release.quotes else path
                raise Refusal(copies.SIZE_UNKNOWN.format(member=named) + CUT)
            if fault := damage(view, member):
                finding = say.FINDING_SIZE if self.release.quotes else say.FINDING_SIZE_OLD
                raise Refusal(finding.format(member=path) + fault)
            measured = view.measured(member)
            yield path, measured.diff_size if measured else None

    def layers(self, image: Image, positions: Sequence[int]) -> list[Layer]:
        """What is copied: one blob per diff ID, named by it; `positions` are the rows that needs are told by."""
        found = []
        for index, diff_id in enumerate(image.diff_ids):
            path, size = image.paths[diff_id]
            need = Need(positions[index] if index < len(positions) else index, diff_id, "diff_id", diff_id)
            absent = size == 0 and diff_id != EMPTY
            found.append(Layer(diff_id, need, absent, lambda p=path, s=size, d=diff_id: self._stream(p, s, d)))  # type: ignore[misc]
        return found

    def _stream(self, path: str, promised: int | None, diff_id: str) -> Stream:
        """src.go, `GetBlob`: the layer as it comes out of decompression."""
        member = self._open(path)
        view = self.scan.view
        measured = view.measured(member)
        plain = measured.diff_id if measured else None
        size = measured.diff_size if measured else None
        fault = "" if twice_compressed(view, member) else view.fault(member, view.compression(member), diff_id)
        return Stream(
            as_asked(view, member, diff_id, plain, inflated=True),
            plain,
            plain,
            size,
            promised,
            eager=view.compression(member) not in ("gzip", "bzip2"),
            side_by_side=True,
            damage=damage(view, member),
            fault=fault,
        )
