"""How the library containers/image copies one image: what it reads, in its order, and what it says where it stops.

Sources (containers/image): copy/copy.go and single.go (`copyOneImage`, `copyLayers`), copy/blob.go
(`copyBlobFromStream`), copy/digesting_reader.go, storage/storage_dest.go (podman's storage) and
directory/directory_dest.go (skopeo's `dir:`). All layers are tried; the first fault in their order is told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ..messages import containers_image as say
from ..messages import copies, golang
from ..verdict import Need
from .gotar import Fault
from .model import Refusal, Target
from .naming import digest_fault
from .streams import CUT

_PROBE = 8
"""Bytes that pkg/compression `DetectCompressionFormat` reads ahead; a shorter stream has then told its digest."""
_PEEK, _BUFFER = 10, 32 << 10
"""What c/storage's archive.DecompressStream peeks at, and the size of its buffer."""


@dataclass(frozen=True, slots=True)
class Release:
    """One program built on the library, and where its version behaves in its own way.

    `quotes`: names are printed with %q since 5.30. `checks_diff_ids`: storage_dest.go compares layers with the config
    since 5.34 (commit 2e79eabb, podman 5.4). `wraps`: containers/common since 0.65 (podman 5.7) puts the source in
    front. `slips`: pgzip before 1.2.6, which Debian builds 4.3.1 and 1.9.3 with, loses the rest of its first block in
    `WriteTo`, so that an archive that is itself gzip arrives broken. `checks_paths`: directory_dest.go looks at digests
    before it makes file names of them.
    """

    program: Literal["podman", "skopeo"]
    version: str
    versions: str
    quotes: bool = True
    checks_diff_ids: bool = True
    wraps: bool = False
    slips: bool = False
    checks_paths: bool = True
    temporary: str = "/var/tmp/container_images_storageNNN"


@dataclass(frozen=True, slots=True)
class Stream:
    """What a source hands out for a blob: its bytes as they arrive.

    `digest` is theirs by the algorithm that was asked for, `canonical` by SHA-256; both, `diff_id` and `size` are None
    where they were not read and are taken for right. `promised` is the size that the source announces. `eager`: the
    end comes with the last bytes (archive/tar) and not after them (a file). `side_by_side`: several are read at once.
    `damage` is why they do not decompress, `fault` why what comes out is no tar.
    """

    digest: str | None = None
    canonical: str | None = None
    diff_id: str | None = None
    size: int | None = None
    promised: int | None = None
    eager: bool = False
    side_by_side: bool = False
    damage: str = ""
    fault: Fault = ""


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of the manifest that is copied. `open` raises Refusal where the source has no bytes for it.

    `absent`: nothing is stored for it, or an empty file; left out on purpose, for a target that has it.
    """

    digest: str
    need: Need
    absent: bool
    open: Callable[[], Stream] = field(repr=False)


@dataclass
class Copy:
    """One copy in progress: what has arrived already is not read again."""

    release: Release
    target: Target
    diff_ids: Sequence[str] = ()
    _arrived: set[str] = field(default_factory=set)
    _files: int = 0
    _count: int = 0

    def layers(self, layers: Sequence[Layer]) -> None:
        """Copy all, then raise Refusal for the first, in their order, that went wrong."""
        self._count = len(layers)
        faults = [fault for index, layer in enumerate(layers) if (fault := self._try(index, layer))]
        if faults:
            raise faults[0]

    def _try(self, index: int, layer: Layer) -> Refusal | None:
        try:
            self._layer(index, layer)
        except Refusal as fault:
            return fault
        return None

    def _layer(self, index: int, layer: Layer) -> None:
        """copy/single.go, `copyLayer`."""
        if fault := digest_fault(layer.digest):
            self._misnamed(layer.digest, fault)
        if layer.digest in self._arrived or (self.release.program == "podman" and self._held(layer)):
            return
        try:
            stream = layer.open()
        except Refusal as gone:
            raise Refusal(say.READING_BLOB.format(digest=layer.digest) + gone.message) from None
        self.blob(layer.digest, stream, index)
        if self.release.program == "podman":
            self._commit(index, layer.digest, stream)
        self._arrived.add(layer.digest)

    def _misnamed(self, digest: str, fault: str) -> None:
        """What `TryReusingBlob` of either destination does with a name that is no digest."""
        reusing = say.REUSING_BLOB.format(digest=digest)
        if not digest:
            raise Refusal(reusing + copies.UNKNOWN_DIGEST.format())
        if self.release.program == "podman":
            raise Refusal(reusing + say.INVALID_DIGEST_CHECK.format() + fault)
        if self.release.checks_paths:
            raise Refusal(reusing + fault)
        if ":" not in digest:
            raise Panic(say.DIGEST_PANIC.format(digest=digest))

    def _held(self, layer: Layer) -> bool:
        """storage_dest.go, `TryReusingBlob`: by diff ID or by the digest it was pulled under, at any position."""
        if self.target.has("diff_id", layer.digest) or self.target.has("digest", layer.digest):
            return True
        return layer.absent and self.target.supposes(layer.need)

    def blob(self, digest: str, stream: Stream, index: int = -1) -> None:
        """copy/blob.go, `copyBlobFromStream`: check while reading, then check the size."""
        if digest_fault(digest):
            raise Refusal(copies.DIGEST_SPECIFICATION.format(digest=digest))
        self._files += 1
        writing = say.WRITING_BLOB.format()
        if stream.digest is None:
            self.target.trusted = True
        elif stream.digest != digest and (self.release.program == "skopeo" or stream.damage in ("", CUT)):
            raise Refusal(self._mismatch(digest, str(stream.digest), stream, index))
        if self.release.program == "podman" and stream.damage:
            raise Refusal(writing + self._storing(stream, index) + stream.damage)
        if None not in (stream.size, stream.promised) and stream.size != stream.promised:
            raise Refusal(writing + self._size(digest, stream))
        if self.release.program == "skopeo" and not self.release.checks_paths and not digest.startswith("sha256:"):
            raise Refusal(copies.BLOB_RENAMED.format(digest=digest, got=stream.canonical or "sha256:..."))

    def _mismatch(self, expected: str, got: str, stream: Stream, index: int) -> str:
        text = say.DIGEST_MISMATCH.format(expected=expected, got=got)
        size = stream.size or 0
        if size < _PROBE:
            return say.READING_BLOB.format(digest=expected) + text
        text = say.DURING_READ.format() + text
        if self.release.program == "podman":
            early = size <= _BUFFER if stream.eager else size < _PEEK
            text = (say.DECOMPRESSING.format() if early else self._storing(stream, index)) + text
        return say.WRITING_BLOB.format() + text

    def _storing(self, stream: Stream, index: int) -> str:
        """The file is numbered as layers begin: in order, or, side by side, the last one first as Go schedules it."""
        number = self._files
        if stream.side_by_side:
            number = 1 if index == self._count - 1 else index + 2
        return say.STORING_BLOB.format(path=f"{self.release.temporary}/{number}")

    def _size(self, digest: str, stream: Stream) -> str:
        if self.release.program == "podman":
            return say.BLOB_SIZE.format()
        return say.COPY_SIZE.format(digest=stream.canonical or digest, want=stream.promised, have=stream.size)

    def _commit(self, index: int, digest: str, stream: Stream) -> None:
        """storage_dest.go, `commitLayer`: the diff ID, then the files."""
        writing = say.WRITING_BLOB.format()
        if self.release.checks_diff_ids and self.diff_ids:
            if index >= len(self.diff_ids):
                raise Refusal(writing + say.TOO_FEW_DIFF_IDS.format(diff_ids=len(self.diff_ids), layer=index))
            if stream.diff_id is not None and stream.diff_id != self.diff_ids[index]:
                expected = self.diff_ids[index]
                raise Refusal(
                    writing
                    + say.DIFF_ID_MISMATCH.format(
                        layer=index, descriptor=digest, toc="", computed=stream.diff_id, expected=expected
                    )
                )
        if stream.fault:
            words = (golang.INVALID_TAR_HEADER if stream.fault == "header" else golang.UNEXPECTED_EOF).format()
            raise Refusal(writing + self._unapplied(digest, stream, words))

    def _unapplied(self, digest: str, stream: Stream, words: str) -> str:
        """c/storage drivers' `ApplyLayer` in a chroot; the later words are pkg/chrootarchive's."""
        if self.release.checks_diff_ids:
            return copies.ADDING_LAYER.format(digest=digest, computed=stream.diff_id or digest) + f"{words})"
        return copies.ADDING_LAYER_OLD.format(digest=digest) + f"{words} exit status 1"


class Panic(Exception):
    """The program crashes; its first line."""
