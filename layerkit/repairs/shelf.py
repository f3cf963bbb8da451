"""The layers that an archive really holds, found by what they are; names count only where they carry a digest.

A member is taken at its word where that needs no reading: a plain tar whose name is one of the wanted diff IDs, or a
blob that an OCI manifest pairs with one. Everything else is measured, once, and only when it is needed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

from ..compression import detect
from ..digest import Digest, Measurement, sha256
from ..document import LIMIT
from ..errors import SourceError
from ..image import Blob, Config, Manifest
from ..progress import Progress
from ..sources import Archive, Member
from .pieces import InMember, Piece, measured_piece

_HEX = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_WORKERS = min(8, os.cpu_count() or 1)
_ROOM = 32 << 20
"""Bytes of configs that are kept at most."""


class Shelf:
    """Layers and configs of one archive, every occurrence of a name for itself."""

    def __init__(self, archive: Archive, wanted: frozenset[str], progress: Progress, *, deep: bool) -> None:
        self.archive, self._wanted, self._progress, self._deep = archive, wanted, progress, deep
        self._known: dict[int, Measurement] = {}
        self._paired: dict[int, str] = {}
        self._index: dict[str, list[Piece]] = {}

    @cached_property
    def members(self) -> dict[int, InMember]:
        """What may be a layer and is there in full, by offset."""
        files = [m for m in self.archive.members.all if m.kind == "file" and 0 < m.stored == m.size]
        found = {m.offset: InMember(self.archive, m) for m in files if not m.name.endswith(".json")}
        return {at: one for at, one in found.items() if one.head().lstrip()[:1] not in (b"{", b"[")}

    @cached_property
    def configs(self) -> tuple[tuple[Config, Member], ...]:
        """Every JSON file of the archive that reads as an image config."""
        found: list[tuple[Config, Member]] = []
        room = _ROOM
        for member in self.archive.members.all:
            if member.kind == "file" and 0 < member.stored == member.size <= min(LIMIT, room):
                config = self._config(member)
                room -= member.size if config is not None else 0
                if config is not None and config.has_rootfs and config.diff_ids:
                    found.append((config, member))
        return tuple({config.digest: (config, member) for config, member in found}.values())

    def _config(self, member: Member) -> Config | None:
        if self.archive.backing.head(member).lstrip()[:1] != b"{":
            return None
        try:
            with self.archive.backing.open(member) as stream:
                config = Config.parse(stream.read(LIMIT + 1))
        except SourceError:
            return None
        return None if config.fault else config

    def pair(self, manifest: Manifest, config: Config) -> None:
        """Believe an OCI manifest which layer is which, as long as nothing contradicts it."""
        if self._deep or manifest.view != "oci" or manifest.fault or len(manifest.layers) != len(config.diff_ids):
            return
        for blob, diff_id in zip(manifest.layers, config.diff_ids, strict=True):
            member = self.archive.find(blob).member
            if member is not None and blob.size in (None, member.stored) and member.offset in self.members:
                plain = detect(self.archive.backing.head(member)) == ""
                if not plain or blob.digest == diff_id:
                    self._paired[member.offset] = diff_id

    def identity(self, blob: Blob, *, read: bool = False) -> str | None:
        """The diff ID of a listed layer; None where it is absent, damaged or was not read."""
        member = self.archive.find(blob).member
        if member is None or member.offset not in self.members:
            return None
        if read and self._claim(member.offset) is None:
            self._measure([member.offset])
        measured = self._known.get(member.offset)
        return measured.diff_id if measured is not None else self._claim(member.offset)

    def origin(self, blob: Blob) -> InMember | None:
        """Where a listed layer is."""
        member = self.archive.find(blob).member
        return None if member is None else self.members.get(member.offset)

    def measured(self, blob: Blob) -> Measurement | None:
        """What a listed layer was measured as."""
        member = self.archive.find(blob).member
        if member is None or member.offset not in self.members:
            return None
        self._measure([member.offset])
        return self._known.get(member.offset)

    def piece(self, blob: Blob) -> Piece | None:
        """A listed layer as a piece, measured; None where it is absent or damaged."""
        measured, member = self.measured(blob), self.archive.find(blob).member
        if measured is None or member is None or measured.diff_id is None:
            return None
        return measured_piece(self.members[member.offset], measured, blob.media_type)

    def _claim(self, at: int) -> str | None:
        """The diff ID that a member has at its word."""
        return self._paired.get(at) or self._named.get(at)

    @cached_property
    def _named(self) -> dict[int, str]:
        """Members that a name says to be a wanted layer, and that are plain, so that the name is their digest too."""
        if self._deep:
            return {}
        found = {}
        for at, one in self.members.items():
            for text in _HEX.findall(one.member.name):
                if f"sha256:{text}" in self._wanted and detect(one.head()) == "":
                    found[at] = f"sha256:{text}"
        return found

    def find(self, diff_id: str) -> list[Piece]:
        """Every piece that is this layer, the surest first; reads what is not known yet if it has to."""
        if not self._deep:
            said = [at for claims in (self._paired, self._named) for at, one in claims.items() if one == diff_id]
            trusted = [self._trusted(at, diff_id) for at in dict.fromkeys(said)]
            if found := [piece for piece in trusted if piece is not None]:
                return found[::-1]
        self._measure(at for at in self.members if self._claim(at) is None)
        return self._index.get(diff_id, [])

    def _trusted(self, at: int, diff_id: str) -> Piece | None:
        origin = self.members[at]
        compression = detect(origin.head())
        digest = diff_id if compression == "" else _digest(origin.member.name)
        if not digest:
            return None
        return Piece(diff_id, Digest(digest), origin.member.size, compression, "", origin)

    def known(self) -> list[str]:
        """The diff IDs of every layer here, all of it read."""
        self._measure(self.members)
        return [m.diff_id for m in self._known.values() if m.diff_id is not None]

    def _measure(self, offsets: Iterable[int]) -> None:
        """Measure side by side, the largest first so that no thread is left with it at the end."""
        origins = sorted((self.members[at] for at in offsets if at not in self._known), key=lambda o: -o.member.size)
        if not origins:
            return
        self._progress.begin("measure", sum(o.member.size for o in origins), "reading layers")

        def one(origin: InMember) -> tuple[int, Measurement]:
            return origin.member.offset, origin.measure(lambda count: self._progress.advance("measure", count))

        pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="measure")
        try:
            for at, measured in pool.map(one, origins):
                self._known[at] = measured
                if measured.diff_id is not None:
                    self._index.setdefault(measured.diff_id, []).insert(0, measured_piece(self.members[at], measured))
        finally:
            pool.shutdown(cancel_futures=True)
            self._progress.end("measure", "")

    def json(self, digest: str) -> bytes | None:
        """The bytes of the config with this digest, under whatever name."""
        return next((config.raw for config, _ in self.configs if sha256(config.raw) == digest), None)

    def damaged(self) -> Iterator[Member]:
        """Files that are cut short."""
        return (m for m in self.archive.members.all if m.kind == "file" and m.stored < m.size)


def _digest(name: str) -> str:
    """The digest under which a blob of an OCI layout is stored."""
    algorithm, _, rest = name.removeprefix("./").removeprefix("blobs/").partition("/")
    return f"{algorithm}:{rest}" if algorithm == "sha256" and _HEX.fullmatch(rest) else ""
