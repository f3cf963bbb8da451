"""How runtimes look at an archive: each keeps the members under other names, and so sees other files.

One `View` is shared by all models of one archive. It answers by member, never by the image that the other half of
the archive describes: `files` as containerd keys its members, `tree` as Docker unpacks them, `Members.first` (of
`layerkit.sources`) as containers/image and crane scan for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ..compression import Compression, detect, inflate
from ..digest import EMPTY, Digest, Measurement, chain_ids, sha256
from ..document import LIMIT
from ..errors import FormatError, SourceError, UsageError
from ..frames import Frames
from ..image import Config
from ..inventory import Inventory
from ..sources import Archive, Member
from .gojson import Shape, decode
from .gotar import Fault, first_header, is_plainly_whole, unpack
from .tree import Tree, clean

_THOROUGH = 64 << 10
"""Layers up to this many stored bytes are walked header by header, whatever their diff ID says."""


@dataclass
class View:
    """One archive. Everything is looked up once and kept; nothing larger than a JSON document is read unless `deep`."""

    archive: Archive
    deep: bool
    held: Inventory | None
    known: dict[int, Measurement] = field(repr=False)
    """Measurements by the offset of the member."""
    parsed: dict[bytes, Config] = field(default_factory=dict, repr=False)
    """Configs by their bytes, those that the frames have parsed already and others."""
    _raw: dict[int, bytes] = field(default_factory=dict, repr=False)
    _decoded: dict[tuple[int, int, bool], tuple[Any, str, Shape]] = field(default_factory=dict, repr=False)
    """Values by member and shape; the shape is kept, so that its id stays its own."""
    _faults: dict[tuple[int, Compression], Fault] = field(default_factory=dict, repr=False)
    _compressions: dict[int, Compression] = field(default_factory=dict, repr=False)
    _chains: dict[tuple[str, ...], tuple[Digest, ...]] = field(default_factory=dict, repr=False)

    @property
    def members(self) -> tuple[Member, ...]:
        return self.archive.members.all

    @property
    def outer(self) -> Compression:
        return self.archive.backing.outer

    @property
    def end(self) -> str:
        """How the tar ends: `sources.tar.End`."""
        return self.archive.backing.end

    @property
    def spoiled(self) -> bool:
        """Whether the compression around the archive is damaged, and not just cut."""
        return self.end in ("cut", "damaged") and "stream is damaged" in self.archive.backing.fault

    @cached_property
    def files(self) -> Mapping[str, Member]:
        """The last regular file of every name, cleaned as Go's path.Clean does: absolute stays absolute."""
        return {clean(m.name): m for m in self.members if m.kind == "file"}

    @cached_property
    def tree(self) -> Tree:
        return Tree(self.members)

    def read(self, member: Member) -> bytes:
        """The bytes of a small file, as far as they are stored; one that is too large for JSON is cut."""
        if (raw := self._raw.get(member.offset)) is None:
            try:
                with self.archive.backing.open(member) as stream:
                    raw = b""
                    while len(raw) <= LIMIT and (data := stream.read(LIMIT + 1 - len(raw))):
                        raw += data
            except SourceError:  # a stream that has passed by
                raw = b""
            self._raw[member.offset] = raw
        return raw

    def decode(self, member: Member, shape: Shape, *, stream: bool = False) -> tuple[Any, str]:
        """`gojson.decode` of a member's bytes, once for all who want this shape; the value is not to be changed."""
        key = (member.offset, id(shape), stream)
        if (found := self._decoded.get(key)) is None:
            found = self._decoded[key] = (*decode(self.read(member), shape, stream=stream), shape)
        return found[0], found[1]

    def config(self, member: Member) -> Config:
        raw = self.read(member)
        if (config := self.parsed.get(raw)) is None:
            config = self.parsed[raw] = Config.parse(raw)
        return config

    def chains(self, diff_ids: tuple[str, ...]) -> tuple[Digest, ...]:
        if (chains := self._chains.get(diff_ids)) is None:
            chains = self._chains[diff_ids] = tuple(chain_ids(diff_ids))
        return chains

    def measured(self, member: Member) -> Measurement | None:
        """What the bytes of a layer are; None where they were not read."""
        found = self.known.get(member.offset)
        if found is None and member.stored == 0:
            found = Measurement(EMPTY, 0, EMPTY, 0, "")
        elif found is None and self.deep:
            try:
                found = self.archive.backing.measure(member)
            except SourceError:
                return None
        if found is not None:
            self.known[member.offset] = found
        return found

    def compression(self, member: Member) -> Compression:
        if (name := self._compressions.get(member.offset)) is None:
            name = self._compressions[member.offset] = detect(self.archive.backing.head(member))
        return name

    def fault(self, member: Member, compression: Compression, promised: str | None) -> Fault:
        """What stops Go from unpacking a layer, decompressed as `compression`.

        A layer that is what `promised` says, or was not read, is taken as whole after its first header; others are
        walked to their end.
        """
        key = (member.offset, compression)
        if (fault := self._faults.get(key)) is None:
            fault = self._faults[key] = self._fault(member, compression, promised)
        return fault

    def _fault(self, member: Member, compression: Compression, promised: str | None) -> Fault:
        if member.stored == 0:
            return ""
        measured = self.measured(member)
        trusted = measured is None or (measured.diff_id == promised and member.stored > _THOROUGH)
        if trusted and compression == self.compression(member):
            return first_header(self.archive.backing.head(member), compression)
        try:
            if member.stored <= _THOROUGH:
                with self.archive.backing.open(member) as stream:
                    if is_plainly_whole(b"".join(inflate(iter([stream.read(_THOROUGH)]), compression))):
                        return ""
        except (SourceError, FormatError):
            pass  # a walk tells why
        try:
            with self.archive.backing.open(member) as stream:
                return unpack(stream, compression)
        except SourceError:  # a stream that has passed by
            return ""

    @cached_property
    def _by_digest(self) -> dict[str, Member]:
        """Regular files by what they are, whatever their names say: where layers were read, all others are too."""
        files = [m for m in self.members if m.kind == "file" and m.stored == m.size]
        found = ((self.measured(m) if self.deep else self.known.get(m.offset), m) for m in files)
        return {measured.digest: m for measured, m in found if measured is not None}

    def content(self, digest: str) -> Member | None:
        """The file a content-addressed store has under a digest, after it has hashed every member itself."""
        algorithm, _, text = digest.partition(":")
        if algorithm != "sha256":
            return None
        member = self.files.get(f"blobs/sha256/{text}")
        if member is not None and self._is(member, digest):
            return member
        return self._by_digest.get(digest)

    def _is(self, member: Member, digest: str) -> bool:
        """Whether a member that is named after a digest has it; what was not read is believed."""
        if member.stored < member.size:
            return False
        if (measured := self.known.get(member.offset)) is not None:
            return measured.digest == digest
        if member.size > LIMIT or self.archive.backing.head(member).lstrip()[:1] not in (b"{", b"["):
            if not self.deep:
                return True
            found = self.measured(member)
            return found is None or found.digest == digest
        return sha256(self.read(member)) == digest


def view_of(frames: Frames) -> View | None:
    """The view of these frames, made once; None where the source is neither a file nor a folder."""
    kept = frames.__dict__  # as functools.cached_property does; frames are frozen and not hashed
    if (view := kept.get("_loader_view")) is None:
        archive = frames.archive
        if archive is None:
            return None
        known = {}
        for layer in (layer for alignment in frames.alignments for layer in alignment.layers):
            if layer.measured is not None and layer.blob is not None:
                member = archive.find(layer.blob).member
                if member is not None:
                    known[member.offset] = layer.measured
        view = kept["_loader_view"] = View(archive, frames.deep, frames.held, known)
        for config in (alignment.config for alignment in frames.alignments):
            view.parsed[config.raw] = config
    found: View = view
    return found


def archive_view(frames: Frames) -> View:
    """`view_of` where there must be one. Raises UsageError."""
    view = view_of(frames)
    if view is None:
        raise UsageError(f"{frames.source.uri} is no archive that a runtime could load", hint="export it first")
    return view
