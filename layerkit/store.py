"""Blobs on disk by digest, shared by every export: temp, verify, rename.

    blobs/sha256/HEX      whole and verified; nothing else ever has such a name
    facts/sha256/HEX      what was measured, and the inode's stamp at that moment; its own mtime is the last use
    partial/sha256/HEX    what has arrived so far of a blob, resumed by a later run
    packed/sha256/HEX.C   the digest of the layer with that diff ID, recompressed here with C
    locks/HEX             held while a blob arrives, so that two processes fetch it once

A blob whose stamp (size, inode, mtime, ctime) is no longer the recorded one is hashed again before it is served:
the time of change cannot be set back, so an edited or rotten file is noticed.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, cast

from .compression import Compression
from .digest import CHUNK, Digest, Measurement, is_digest, measure
from .errors import IntegrityError, NotFound, SourceError, UsageError

OpenAt = Callable[[int], Iterable[bytes]]
"""Gives a blob's bytes from an offset on: what a source is to the store."""

Tick = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Held:
    """One blob of the store: its bytes on disk, what they are, and when they were last used (seconds since 1970)."""

    digest: Digest
    size: int
    diff_id: str | None
    diff_size: int
    compression: Compression
    used: float


class Store:
    """A content-addressed folder. Several processes and threads may use it at once."""

    def __init__(self, root: str | Path | None = None) -> None:
        """`root` defaults to the platform's cache folder for layerkit, or `LAYERKIT_STORE`."""
        if root is None:
            root = os.environ.get("LAYERKIT_STORE") or _default_root()
        self.root = Path(root)
        try:
            for name in ("blobs", "facts", "partial", "packed"):
                (self.root / name / "sha256").mkdir(parents=True, exist_ok=True)
            (self.root / "locks").mkdir(exist_ok=True)
        except OSError as error:
            raise SourceError(
                f"the store {self.root} cannot be made: {error.strerror}", hint="name another with --store"
            ) from error

    def __repr__(self) -> str:
        return f"Store({str(self.root)!r})"

    def path(self, digest: str) -> Path:
        """Where a blob is, if it is here."""
        return self._place("blobs", digest)

    def has(self, digest: str) -> bool:
        """Whether the blob is here, whole and right."""
        return self.facts(digest) is not None

    def facts(self, digest: str) -> Measurement | None:
        """What the blob was measured as; None where it is not here. One that no longer hashes is put out."""
        path = self.path(digest)
        try:
            stamp = _stamp(path)
        except FileNotFoundError:
            return None
        with suppress(OSError, ValueError, KeyError, TypeError):
            doc = json.loads(self._place("facts", digest).read_bytes())
            if doc["stamp"] == stamp:
                return Measurement(**{key: doc[key] for key in Measurement.__slots__})
        with path.open("rb", buffering=0) as file:
            measured = measure(cast("BinaryIO", file))
        if measured.digest != digest:
            self.remove(digest)
            return None
        self._note(measured)
        return measured

    def open(self, digest: str) -> BinaryIO:
        """The blob's bytes. Raises NotFound where it is not here."""
        if not self.has(digest):
            raise NotFound(f"{digest} is not in the store {self.root}")
        with suppress(OSError):
            os.utime(self._place("facts", digest))
        return self.path(digest).open("rb")

    def missing(self, digest: str, size: int) -> int:
        """How many bytes of a blob still have to come."""
        if self.has(digest):
            return 0
        try:
            return max(0, size - self._place("partial", digest).stat().st_size)
        except FileNotFoundError:
            return size

    def put(self, data: bytes, digest: str) -> Measurement:
        """Keep a small blob that is in memory already, such as a config."""
        return self.fetch(digest, lambda offset: [data[offset:]], size=len(data))

    def fetch(self, digest: str, open_at: OpenAt, *, size: int | None = None, tick: Tick | None = None) -> Measurement:
        """Have the blob here, fetching what is missing of it; hashed and inflated in the pass that stores it.

        Parameters
        ----------
        open_at
            Called with the number of bytes that an earlier run left; gives the rest.
        size
            What the descriptor promises, in bytes; more is not read.
        tick
            Called with the number of bytes of each chunk that came from the source.

        Raises IntegrityError where the bytes are not the promised ones: they are dropped, and nothing is served.
        A source that fails leaves what has come, for the next run.
        """
        with self._locked(digest):
            known = self.facts(digest)
            if known is not None:
                return known
            part = self._place("partial", digest)
            resumed = part.exists() and part.stat().st_size > 0
            try:
                return self._arrive(digest, part, open_at, size, tick)
            except IntegrityError:
                part.unlink(missing_ok=True)
                if not resumed:
                    raise
            # The remains of an earlier run may be what was wrong; once more, from the start.
            try:
                return self._arrive(digest, part, open_at, size, tick)
            except IntegrityError:
                part.unlink(missing_ok=True)
                raise

    def add(self, chunks: Iterable[bytes]) -> Measurement:
        """Keep bytes whose digest is not known before, as a recompression gives them."""
        fd, name = tempfile.mkstemp(dir=self.root / "partial")
        try:
            with os.fdopen(fd, "w+b") as file:

                def passing() -> Iterator[bytes]:
                    for chunk in chunks:
                        file.write(chunk)
                        yield chunk

                measured = measure(cast("BinaryIO", _Joined(passing())))
                file.flush()
                os.fsync(file.fileno())
            with self._locked(measured.digest):
                if not self.has(measured.digest):
                    os.replace(name, self.path(measured.digest))
                    self._note(measured)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(name)
        return measured

    def packed(self, diff_id: str, compression: str) -> Measurement | None:
        """A layer that was recompressed here before, if it still is here."""
        try:
            digest = self._place("packed", diff_id).with_suffix(f".{compression}").read_text("ascii")
            return self.facts(digest)
        except (OSError, ValueError, UsageError):
            return None

    def note_packed(self, diff_id: str, compression: str, digest: str) -> None:
        write_whole(self._place("packed", diff_id).with_suffix(f".{compression}"), digest.encode())

    def _arrive(self, digest: str, part: Path, open_at: OpenAt, size: int | None, tick: Tick | None) -> Measurement:
        # Unbuffered: whatever came before a kill -9 is in the file, and the next run need not ask for it again.
        with part.open("a+b", buffering=0) as file:
            have = file.seek(0, os.SEEK_END)
            if size is not None and have > size:
                file.truncate(0)
                have = 0
            file.seek(0)

            def chunks() -> Iterator[bytes]:
                left = have
                while left and (data := file.read(min(CHUNK, left))):
                    left -= len(data)
                    yield data
                if have == size:
                    return
                total = have
                for data in open_at(have):
                    total += len(data)
                    if size is not None and total > size:
                        raise IntegrityError(f"{digest} is longer than the {size} bytes its descriptor promises")
                    file.write(data)
                    if tick is not None:
                        tick(len(data))
                    yield data

            measured = measure(cast("BinaryIO", _Joined(chunks())))
            if measured.digest != digest:
                raise IntegrityError(
                    f"the bytes that came for {digest} hash to {measured.digest} ({measured.size} bytes, "
                    f"expected {size if size is not None else 'any number'})",
                    hint="a proxy or a bad disk may have changed them; try again, or another mirror",
                )
            os.fsync(file.fileno())
        path = self.path(digest)
        part.replace(path)  # should a power failure undo this, the next run finds the partial blob, whole
        self._note(measured)
        return measured

    def _note(self, measured: Measurement) -> None:
        path = self._place("facts", measured.digest)
        doc = {**asdict(measured), "stamp": _stamp(self.path(measured.digest))}
        write_whole(path, json.dumps(doc).encode(), lasting=False)  # if lost, the blob is hashed once more

    def contents(self) -> list[Held]:
        """Every blob here, the longest unused first."""
        found = []
        for path in (self.root / "blobs" / "sha256").iterdir():
            digest = f"sha256:{path.name}"
            if is_digest(digest) and (m := self.facts(digest)) is not None:
                used = self._place("facts", digest).stat().st_mtime
                found.append(Held(m.digest, m.size, m.diff_id, m.diff_size, m.compression, used))
        return sorted(found, key=lambda held: (held.used, held.digest))

    def verify(self) -> tuple[int, list[str]]:
        """Hash every blob again. Returns how many are right, and those that were not and are gone now."""
        bad, good = [], 0
        for path in sorted((self.root / "blobs" / "sha256").iterdir()):
            digest = f"sha256:{path.name}"
            self._place("facts", digest).unlink(missing_ok=True)
            if self.facts(digest) is None:
                bad.append(digest)
            else:
                good += 1
        return good, bad

    def prune(self, *, unused_days: float | None = None, keep_bytes: int | None = None) -> list[Held]:
        """Remove blobs unused for so many days, then the longest unused until no more than `keep_bytes` are left.

        Partial blobs go by the same age. What another process is fetching stays. Returns what was removed.
        """
        now, gone = time.time(), []
        blobs = self.contents()
        total = sum(held.size for held in blobs)
        for held in blobs:
            old = unused_days is not None and now - held.used > unused_days * 86400
            if old or (keep_bytes is not None and total > keep_bytes):
                self.remove(held.digest)
                total -= held.size
                gone.append(held)
        for path in (self.root / "partial" / "sha256").iterdir():
            old = unused_days is not None and now - path.stat().st_mtime > unused_days * 86400
            if old or keep_bytes == 0:
                with suppress(BlockingIOError), self._locked(f"sha256:{path.name}", wait=False):
                    path.unlink(missing_ok=True)
        return gone

    def remove(self, digest: str) -> None:
        """Put a blob out."""
        for kind in ("blobs", "facts"):
            self._place(kind, digest).unlink(missing_ok=True)

    def _place(self, kind: str, digest: str) -> Path:
        algorithm, _, text = digest.partition(":")
        if algorithm != "sha256" or not is_digest(digest):
            raise UsageError(f"{digest!r} is not a sha256 digest: the store keeps no other")
        return self.root / kind / algorithm / text

    @contextmanager
    def _locked(self, digest: str, *, wait: bool = True) -> Iterator[None]:
        path = self.root / "locks" / digest.partition(":")[2]
        fd = _lock(path, wait)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
            os.close(fd)


def _lock(path: Path, wait: bool) -> int:
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            if os.fstat(fd).st_ino == path.stat().st_ino:
                return fd
        except FileNotFoundError:
            pass  # somebody removed the file we waited on: what we hold locks nothing any more
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


class _Joined(io.RawIOBase):
    """Chunks as they come, as a file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return next((chunk for chunk in self._chunks if chunk), b"")


def write_whole(path: Path, data: bytes, *, lasting: bool = True) -> None:
    """Write a file that is there in full or not at all; after a power failure too, where it is to be `lasting`."""
    fd, name = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            if lasting:
                file.flush()
                os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(name)
        raise


def free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def _stamp(path: Path) -> list[int]:
    info = path.stat()
    return [info.st_size, info.st_ino, info.st_mtime_ns, info.st_ctime_ns]


def _default_root() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("layerkit") / "store"
