"""Where the parts of an image may come from: the broken file itself, the store, and the sources that were named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from ..alignment import align
from ..compression import Compression
from ..decision import compression_of
from ..digest import Digest, is_digest
from ..errors import NotFound, SourceError
from ..image import Blob, Config, Image, Source, read_config
from ..progress import Progress
from ..sources import Archive
from ..store import Store
from .pieces import InSource, InStore, Piece, packing_of
from .shelf import Shelf


class Elsewhere:
    """One source that was named to take things from."""

    def __init__(self, source: Source, images: Sequence[Image], progress: Progress) -> None:
        self.source, self.images, self._progress = source, images, progress

    @property
    def where(self) -> str:
        return self.source.uri

    @cached_property
    def _shelf(self) -> Shelf | None:
        if not isinstance(self.source, Archive):
            return None
        return Shelf(self.source, frozenset(), self._progress, deep=True)

    @cached_property
    def _listed(self) -> dict[str, list[Blob]]:
        """What the images' manifests list for each diff ID of their configs."""
        found: dict[str, list[Blob]] = {}
        for row in (row for image in self.images for row in align(image).layers):
            if row.diff_id is not None and row.listed and row.present and row.blob is not None:
                found.setdefault(row.diff_id, []).append(row.blob)
        return found

    def find(self, diff_id: str) -> list[Piece]:
        """This layer, measured where its bytes are on this machine, else to be verified when they come."""
        for blob in self._listed.get(diff_id, ()):
            if piece := self._piece(blob, diff_id):
                return [piece]
        # Its own manifest may be wrong, or an image cut short: then only the bytes tell.
        return self._shelf.find(diff_id) if self._shelf is not None else []

    def digest(self, blob: Blob, diff_id: str) -> list[Piece]:
        """A blob by its digest, for a source whose images do not list it."""
        try:
            piece = self._piece(blob, diff_id) if blob.digest and self.source.has(blob) else None
        except SourceError:
            return []
        return [piece] if piece else []

    def _piece(self, blob: Blob, diff_id: str) -> Piece | None:
        if self._shelf is not None:
            origin = self._shelf.origin(blob)
            if origin is not None and not origin.local and blob.digest is not None:
                # On another machine: what a digest names is measured when it comes, and not read twice.
                packing = packing_of(origin)
                return Piece(diff_id, blob.digest, origin.member.size, packing, blob.media_type, origin)
            piece = self._shelf.piece(blob)
            return piece if piece is not None and piece.diff_id == diff_id else None
        size = blob.size if blob.size is not None else self.source.stored_size(blob)
        if blob.digest is None or size is None:
            return None
        kind = blob.media_type
        return Piece(diff_id, blob.digest, size, compression_of(kind), kind, InSource(self.source, blob))

    def configs(self) -> Iterator[tuple[Config, Image]]:
        for image in self.images:
            if not image.config.fault and image.config.has_rootfs:
                yield image.config, image

    def config(self, digest: str) -> Config | None:
        for config, _ in self.configs():
            if config.digest == digest:
                return config
        if not is_digest(digest):
            return None
        try:
            found = read_config(self.source, Blob(digest, Digest(digest)))
        except NotFound:
            return None
        return None if found.fault or found.digest != digest else found


class Supply:
    """Everything that may be used, asked in this order: the file, the store, the sources as they were named."""

    def __init__(self, own: Shelf | Elsewhere, sources: Sequence[Elsewhere], store: Store) -> None:
        self.own, self.sources, self._store = own, tuple(sources), store
        self._found: dict[str, list[Piece]] = {}

    @property
    def looked_in(self) -> tuple[str, ...]:
        own = self.own.archive.uri if isinstance(self.own, Shelf) else self.own.where
        return own, f"the store {self._store.root}", *(source.where for source in self.sources)

    @cached_property
    def _stored(self) -> dict[str, list[Piece]]:
        found: dict[str, list[Piece]] = {}
        for held in self._store.contents():
            if held.diff_id is not None:
                origin = InStore(self._store, held.digest)
                piece = Piece(held.diff_id, held.digest, held.size, held.compression, "", origin, True)
                found.setdefault(held.diff_id, []).append(piece)
        return found

    def here(self, diff_id: str) -> list[Piece]:
        """The layer as the file itself has it."""
        return self.own.find(diff_id)

    def find(
        self, diff_id: str, listed: Blob | None = None, accepted: frozenset[Compression] = frozenset()
    ) -> Piece | None:
        """The layer from the first place that has it.

        Of several in one place the very blob that is `listed` is taken, else one that is packed in an `accepted` way.
        """
        if diff_id not in self._found:
            self._found[diff_id] = self._search(diff_id, listed)
        pieces = self._found[diff_id]

        def worth(piece: Piece) -> tuple[bool, bool]:
            return listed is None or piece.digest != listed.digest, piece.compression not in accepted

        return min(pieces, key=worth) if pieces else None

    def _search(self, diff_id: str, listed: Blob | None) -> list[Piece]:
        if pieces := self.here(diff_id):
            return pieces
        if not is_digest(diff_id):
            return []
        if pieces := self._stored.get(diff_id, []):
            return pieces
        for source in self.sources:
            if pieces := source.find(diff_id) or (source.digest(listed, diff_id) if listed is not None else []):
                return pieces
        return []

    def config(self, digest: str) -> tuple[Config, str] | None:
        """The config with this digest, and where it is."""
        if isinstance(self.own, Shelf) and (raw := self.own.json(digest)) is not None:
            return Config.parse(raw), self.own.archive.uri
        for source in self.sources:
            if (found := source.config(digest)) is not None:
                return found, source.where
        return None

    def configs(self) -> Iterator[tuple[Config, str, tuple[str, ...]]]:
        """Every config anywhere, where it is, and the names of its image."""
        if isinstance(self.own, Shelf):
            for config, _ in self.own.configs:
                yield config, self.own.archive.uri, ()
        for source in self.sources:
            for config, image in source.configs():
                yield config, source.where, image.entry.tags
