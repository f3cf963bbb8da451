"""An archive on another machine's disk, looked at in place over SFTP: headers and JSON travel, layers if asked for."""

from __future__ import annotations

import io
import stat as modes
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import paramiko

from ..compression import Compression, detect
from ..digest import CHUNK, Measurement, measure
from ..errors import SourceError
from ..sources.backing import Backing, StreamedTar, Tick
from ..sources.members import Members
from ..sources.tar import End, Member, Reader
from .ssh import Ssh

_BLOCK, _BLOCKS = 32 << 10, 64
"""Bytes a request, as many as one SFTP packet carries; and blocks that are kept while headers are read."""
_AHEAD = 8 << 20
"""Bytes that are asked for at once where a member is read through."""
_HEAD = 512


def open_archive(shell: Ssh, path: str, info: paramiko.SFTPAttributes, *, deep: bool, tick: Tick) -> Backing:
    """The archive at `path`; one that is compressed as a whole is read through once."""
    size = info.st_size or 0
    with _open(shell, path, size) as file:
        outer = detect(file.read(6))
        if not outer:
            return RemoteTar(shell, path, size, file)

    @contextmanager
    def reopen() -> Iterator[BinaryIO]:
        with _open(shell, path, size) as again:
            yield cast("BinaryIO", _Passage(again, path, 0, size))

    with reopen() as stream:
        return StreamedTar(stream, outer, deep=deep, reopen=reopen, tick=tick)


def is_file(info: paramiko.SFTPAttributes) -> bool:
    return info.st_mode is not None and modes.S_ISREG(info.st_mode)


class RemoteTar:
    """An uncompressed tar there: indexed by its headers alone, read where needed."""

    outer: Compression = ""

    def __init__(self, shell: Ssh, path: str, size: int, file: paramiko.SFTPFile) -> None:
        self._shell, self._path, self._size = shell, path, size
        self.length: int | None = size
        blocks = _Blocks(file, size)
        self.first = blocks.read(_HEAD)
        blocks.seek(0)
        reader = Reader(cast("BinaryIO", blocks), size)
        self._heads: dict[int, bytes] = {}
        members = []
        for member in reader:
            members.append(member)
            # Header and first bytes mostly lie in one block: what is taken now costs no journey later.
            self._heads[member.offset] = reader.read(min(16, member.stored))
        self.members = Members(tuple(members))
        self.end: End = reader.end
        self.fault = reader.fault

    @contextmanager
    def open(self, member: Member) -> Iterator[BinaryIO]:
        # A channel for every reader: paramiko's SFTP client takes one request at a time.
        with _open(self._shell, self._path, self._size) as file:
            yield cast("BinaryIO", _Passage(file, self._path, member.offset, member.stored))

    def span(self, member: Member) -> tuple[Path, int, int] | None:
        return None

    def head(self, member: Member) -> bytes:
        return self._heads.get(member.offset, b"")

    def measure(self, member: Member, tick: Tick = None) -> Measurement:
        with self.open(member) as stream:
            return measure(stream, tick)


@contextmanager
def _open(shell: Ssh, path: str, size: int) -> Iterator[paramiko.SFTPFile]:
    with shell.files() as files, files.open(path, "rb") as file:
        if file.stat().st_size != size:
            raise SourceError(f"{path} on {shell.name} has changed while it was read", hint="wait until it is complete")
        yield file


class _Blocks(io.RawIOBase):
    """Random access in whole blocks, of which the last few are kept."""

    def __init__(self, file: paramiko.SFTPFile, size: int) -> None:
        self._file, self._size, self._at = file, size, 0
        self._kept: OrderedDict[int, bytes] = OrderedDict()

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset
        return offset

    def read(self, size: int = -1) -> bytes:
        number, start = divmod(self._at, _BLOCK)
        data = self._block(number)[start : start + size if size >= 0 else None]
        self._at += len(data)
        return data

    def _block(self, number: int) -> bytes:
        if number not in self._kept:
            self._file.seek(number * _BLOCK)
            self._kept[number] = self._file.read(min(_BLOCK, max(0, self._size - number * _BLOCK)))
            if len(self._kept) > _BLOCKS:
                self._kept.popitem(last=False)
        return self._kept[number]


class _Passage(io.RawIOBase):
    """A stretch of a file, read through: many requests on their way at once."""

    def __init__(self, file: paramiko.SFTPFile, path: str, offset: int, size: int) -> None:
        self._file, self._path, self._at, self._end = file, path, offset, offset + size
        self._pieces: Iterator[bytes] = iter(())
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not self._rest:
            self._rest = self._next()
        size = len(self._rest) if size < 0 else size
        data, self._rest = self._rest[:size], self._rest[size:]
        return data

    def _next(self) -> bytes:
        piece = next(self._pieces, b"")
        if not piece and self._at < self._end:
            end = min(self._at + _AHEAD, self._end)
            wanted = [(at, min(CHUNK, end - at)) for at in range(self._at, end, CHUNK)]
            self._pieces = iter(self._file.readv(wanted))
            piece = next(self._pieces, b"")
            if not piece:
                raise SourceError(f"{self._path} has become shorter while it was read")
        self._at += len(piece)
        return piece
