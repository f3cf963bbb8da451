"""Where the members of a file source keep their bytes: a tar that can seek, a tar that streams by, or a folder."""

from __future__ import annotations

import io
import os
import stat
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from ..compression import Compression, inflate
from ..digest import CHUNK, Measurement, measure
from ..document import LIMIT
from ..errors import AccessDenied, FormatError, NotFound, PassedBy, SourceError
from .members import Members
from .tar import End, Kind, Member, Reader

WELL_KNOWN = ("manifest.json", "index.json", "oci-layout", "repositories")
_KEEP = 32 << 20
"""Bytes of JSON that a pass over a stream keeps in all."""
_SMALL = 16 << 10
"""Bytes of a file that is kept whatever is in it: a config may turn out to be no JSON."""

_HEAD = 512

Tick = Callable[[int], None] | None


class Backing(Protocol):
    """Members and their bytes.

    `end` and `fault` tell how the archive ended, `outer` how it was compressed, `first` are its first bytes (inflated).
    """

    members: Members
    end: End
    fault: str
    outer: Compression
    length: int | None
    first: bytes

    def open(self, member: Member) -> AbstractContextManager[BinaryIO]: ...
    def head(self, member: Member) -> bytes: ...
    def span(self, member: Member) -> tuple[Path, int, int] | None: ...
    def measure(self, member: Member, tick: Tick = None) -> Measurement: ...


class Window(io.RawIOBase):
    """A stretch of a file descriptor as a file of its own; many may read side by side."""

    def __init__(self, fd: int, offset: int, size: int) -> None:
        self._fd, self._offset, self._left = fd, offset, size

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        data = os.pread(self._fd, wanted, self._offset) if wanted else b""
        self._offset += len(data)
        self._left -= len(data)
        return data


class SeekableTar:
    """An uncompressed tar on disk: indexed by its headers alone, read where needed."""

    outer: Compression = ""

    def __init__(self, file: BinaryIO, length: int, path: Path | None = None) -> None:
        self.path = path
        self._fd = os.dup(file.fileno())
        weakref.finalize(self, os.close, self._fd)
        self.length: int | None = length
        self.first = os.pread(self._fd, _HEAD, 0)
        file.seek(0)
        reader = Reader(file, length)
        self.members = Members(tuple(reader))
        self.end, self.fault = reader.end, reader.fault

    def open(self, member: Member) -> AbstractContextManager[BinaryIO]:
        return nullcontext(cast("BinaryIO", Window(self._fd, member.offset, member.stored)))

    def span(self, member: Member) -> tuple[Path, int, int] | None:
        return (self.path, member.offset, member.stored) if self.path else None

    def head(self, member: Member) -> bytes:
        return os.pread(self._fd, min(_HEAD, member.stored), member.offset)

    def measure(self, member: Member, tick: Tick = None) -> Measurement:
        with self.open(member) as stream:
            return measure(stream, tick)


class StreamedTar:
    """A tar seen once, as it passed: compressed, or from a pipe. JSON was kept; the rest was measured if `deep`.

    `reopen` gives the stream from its start again where that is possible, for the rare second look at a layer.
    """

    def __init__(
        self,
        stream: BinaryIO,
        outer: Compression,
        *,
        deep: bool,
        reopen: Callable[[], AbstractContextManager[BinaryIO]] | None = None,
        tick: Tick = None,
    ) -> None:
        self.outer, self._reopen = outer, reopen
        self.length: int | None = None
        self.end: End = ""
        self.fault = ""
        self.members = Members(())
        self._kept: dict[int, bytes] = {}
        self._heads: dict[int, bytes] = {}
        self._measured: dict[int, Measurement] = {}
        plain = cast("BinaryIO", _Inflated(_chunks(stream, tick), outer))
        try:
            self.first = _filled(plain, _HEAD)
        except FormatError as error:
            self.first, self.end, self.fault = b"", "damaged", str(error)
            return
        reader = Reader(cast("BinaryIO", Resumed(self.first, plain)), None)
        members: list[Member] = []
        room = _KEEP
        try:
            for member in reader:
                members.append(member)
                if member.kind == "file":
                    room -= self._take(reader, member, room, deep=deep)
        except FormatError as error:
            reader.end, reader.fault = "cut", str(error)
        if reader.end == "cut" and members:
            last = members[-1]
            got = max(0, min(last.size, reader.position - last.offset))
            members[-1] = Member(last.name, last.kind, last.size, last.at, last.offset, got, last.target)
        self.members = Members(tuple(members))
        self.end, self.fault = reader.end, reader.fault

    def _take(self, reader: Reader, member: Member, room: int, *, deep: bool) -> int:
        head = reader.read(min(_HEAD, member.size))
        known = member.name.endswith(".json") or member.name.rsplit("/", 1)[-1] in WELL_KNOWN
        text = known or member.size <= _SMALL or head.lstrip()[:1] in (b"{", b"[")
        if member.size <= LIMIT and member.size <= room and text:
            self._kept[member.offset] = data = head + reader.read(member.size - len(head))
            if deep:
                self._measured[member.offset] = measure(io.BytesIO(data))
            return len(data)
        self._heads[member.offset] = head[:16]
        if deep:
            rest = cast("BinaryIO", _Rest(reader, head, member.size - len(head)))
            self._measured[member.offset] = measure(rest)
        return 0

    @contextmanager
    def open(self, member: Member) -> Iterator[BinaryIO]:
        if (kept := self._kept.get(member.offset)) is not None:
            yield io.BytesIO(kept)
            return
        if self._reopen is None:
            raise PassedBy(
                f"{member.name} has passed by: a stream can be read only once",
                hint="save the stream to a file first",
            )
        with self._reopen() as raw, closing(_Inflated(_chunks(raw, None), self.outer)) as plain:
            left = member.offset
            while left and (data := plain.read(min(left, CHUNK))):
                left -= len(data)
            yield cast("BinaryIO", _Rest(Reader(cast("BinaryIO", plain), None), b"", member.stored))

    def span(self, member: Member) -> tuple[Path, int, int] | None:
        return None

    def head(self, member: Member) -> bytes:
        kept = self._kept.get(member.offset)
        return kept[:_HEAD] if kept is not None else self._heads.get(member.offset, b"")

    def measure(self, member: Member, tick: Tick = None) -> Measurement:
        if (known := self._measured.get(member.offset)) is not None:
            return known
        with self.open(member) as stream:
            return measure(stream, tick)


class Folder:
    """An OCI layout folder. Links inside it are not followed: a file is a regular file or it is not there."""

    outer: Compression = ""
    length: int | None = None
    end: End = "marker"
    fault = ""
    first = b""

    def __init__(self, path: Path) -> None:
        self._path = path
        members: list[Member] = []
        for name in self._names():
            try:
                info = (path / name).lstat()
            except OSError:
                continue
            kind: Kind = "file" if stat.S_ISREG(info.st_mode) else "other"
            members.append(Member(name, kind, info.st_size, 0, len(members), info.st_size))
        self.members = Members(tuple(members))

    def _names(self) -> Iterator[str]:
        try:
            for name in WELL_KNOWN:
                if (self._path / name).is_file():
                    yield name
            blobs = self._path / "blobs"
            for algorithm in sorted(p for p in blobs.iterdir() if p.is_dir()) if blobs.is_dir() else ():
                for blob in sorted(p.name for p in algorithm.iterdir()):
                    yield f"blobs/{algorithm.name}/{blob}"
        except PermissionError as error:
            raise AccessDenied(f"{self._path} may not be listed", hint="check the folder's permissions") from error

    @contextmanager
    def open(self, member: Member) -> Iterator[BinaryIO]:
        path = self._path / member.name
        try:
            fd = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        except FileNotFoundError:
            raise NotFound(f"{path} has gone") from None
        except PermissionError:
            raise AccessDenied(f"{path} may not be read", hint="check the file's permissions") from None
        except OSError as error:
            raise SourceError(f"{path} cannot be read: {error.strerror}") from error
        with os.fdopen(fd, "rb", buffering=0) as file:
            yield cast("BinaryIO", file)

    def span(self, member: Member) -> tuple[Path, int, int] | None:
        return self._path / member.name, 0, member.stored

    def head(self, member: Member) -> bytes:
        with self.open(member) as stream:
            return stream.read(_HEAD)

    def measure(self, member: Member, tick: Tick = None) -> Measurement:
        with self.open(member) as stream:
            return measure(stream, tick)


class _Inflated(io.RawIOBase):
    def __init__(self, chunks: Iterator[bytes], compression: Compression) -> None:
        self._pieces, self._rest = inflate(chunks, compression), memoryview(b"")

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not self._rest:
            self._rest = memoryview(next(iter(self._pieces), b""))
        data, self._rest = self._rest[:size], self._rest[size:]
        return bytes(data)


class Resumed(io.RawIOBase):
    """A stream with its first bytes, already read, put back."""

    def __init__(self, first: bytes, stream: BinaryIO) -> None:
        self._first, self._stream = first, stream

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if self._first:
            data, self._first = self._first[:size], self._first[size:]
            return data
        return self._stream.read(size)


class _Rest(io.RawIOBase):
    """The rest of a member that a reader stands in."""

    def __init__(self, reader: Reader, head: bytes, left: int) -> None:
        self._reader, self._head, self._left = reader, head, left

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if self._head:
            head, self._head = self._head, b""
            return head
        data = self._reader.read(min(size, self._left) if size >= 0 else self._left)
        self._left -= len(data)
        return data


def _filled(stream: BinaryIO, size: int) -> bytes:
    """The first bytes of a stream that may give them in small pieces."""
    data = b""
    while len(data) < size and (more := stream.read(size - len(data))):
        data += more
    return data


def _chunks(stream: BinaryIO, tick: Tick) -> Iterator[bytes]:
    while data := stream.read(CHUNK):
        if tick is not None:
            tick(len(data))
        yield data
