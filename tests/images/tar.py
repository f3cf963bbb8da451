"""An explicit tar: a list of members in the order they are written, legal or not.

`tarfile` makes the headers, so that GNU and PAX long names come out as real tools write them; what
`tarfile` would refuse to write (a negative size, a false checksum, a size nobody has bytes for) is
patched into the finished header block.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

MTIME = 1577934245
Form = Literal[0, 1, 2]  # tarfile's USTAR_FORMAT, GNU_FORMAT, PAX_FORMAT
BLOCK, RECORD = 512, 10240
# Where the fields of a ustar header lie (POSIX.1-1988 ustar interchange format).
FIELDS = {"name": (0, 100), "mode": (100, 8), "size": (124, 12), "chksum": (148, 8), "type": (156, 1),
          "linkname": (157, 100), "magic": (257, 8)}  # fmt: skip


def encode(value: object) -> bytes:
    """JSON as image tools write it: no spaces, keys in the order given."""
    return json.dumps(value, separators=(",", ":")).encode()


def base256(number: int) -> bytes:
    """A 12-byte size field in GNU's binary form, the only one that can be negative."""
    return (b"\xff" if number < 0 else b"\x80") + (number % 256**11).to_bytes(11, "big")


def patched(header: bytes, fields: Mapping[str, bytes]) -> bytes:
    """The last 512-byte block of `header` with raw `fields`, the checksum made good unless it is given."""
    block = bytearray(header[-BLOCK:])
    for name, value in fields.items():
        start, width = FIELDS[name]
        block[start : start + width] = value.ljust(width, b"\0")
    if "chksum" not in fields:
        block[148:156] = b" " * 8
        block[148:156] = b"%06o\0 " % sum(block)
    return header[:-BLOCK] + bytes(block)


@dataclass(frozen=True, slots=True)
class Member:
    """One tar member; `fields` are raw header bytes and `pax` extended records that may lie."""

    name: str
    data: bytes = b""
    type: bytes = tarfile.REGTYPE
    target: str = ""
    fields: Mapping[str, bytes] = field(default_factory=dict)
    pax: Mapping[str, str] = field(default_factory=dict)

    def blocks(self, form: Form) -> bytes:
        info = tarfile.TarInfo(self.name)
        info.size, info.mtime, info.type, info.linkname = len(self.data), MTIME, self.type, self.target
        info.mode = 0o755 if self.type == tarfile.DIRTYPE else 0o644
        info.pax_headers = dict(self.pax)
        header = info.tobuf(form, "utf-8", "surrogateescape")
        if self.fields:
            header = patched(header, self.fields)
        return header + self.data + bytes(-len(self.data) % BLOCK)


@dataclass(frozen=True)
class Tar:
    """Members in order. Every method gives a new Tar; `bytes(tar)` is the file."""

    members: tuple[Member, ...] = ()
    form: Form = tarfile.PAX_FORMAT

    def __bytes__(self) -> bytes:
        body = b"".join(member.blocks(self.form) for member in self.members) + bytes(2 * BLOCK)
        return body + bytes(-len(body) % RECORD)

    def __iter__(self) -> Iterator[Member]:
        return iter(self.members)

    def __getitem__(self, name: str) -> bytes:
        """The bytes of the last member called `name`."""
        return next(member.data for member in reversed(self.members) if member.name == name)

    @property
    def names(self) -> list[str]:
        return [member.name for member in self.members]

    def add(self, *members: Member, at: int | None = None) -> Tar:
        where = len(self.members) if at is None else at
        return replace(self, members=(*self.members[:where], *members, *self.members[where:]))

    def file(self, name: str, data: bytes, at: int | None = None) -> Tar:
        return self.add(Member(name, data), at=at)

    def folder(self, name: str) -> Tar:
        return self.add(Member(name, type=tarfile.DIRTYPE))

    def symlink(self, name: str, target: str) -> Tar:
        return self.add(Member(name, type=tarfile.SYMTYPE, target=target))

    def hardlink(self, name: str, target: str) -> Tar:
        return self.add(Member(name, type=tarfile.LNKTYPE, target=target))

    def drop(self, *names: str) -> Tar:
        return replace(self, members=tuple(m for m in self.members if m.name not in names))

    def replace(self, name: str, data: bytes) -> Tar:
        return self.map(lambda m: replace(m, data=data) if m.name == name else m)

    def edit(self, name: str, change: Callable[[Any], object]) -> Tar:
        """Change the JSON document `name`; `change` takes it parsed and returns what to write."""
        return self.replace(name, encode(change(json.loads(self[name]))))

    def rename(self, change: Callable[[str], str]) -> Tar:
        return self.map(lambda m: replace(m, name=change(m.name)))

    def map(self, change: Callable[[Member], Member]) -> Tar:
        return replace(self, members=tuple(change(member) for member in self.members))

    def write(self, path: Path) -> Path:
        path.write_bytes(bytes(self))
        return path

    def unpack(self, folder: Path) -> Path:
        """The regular files as a folder (an OCI layout, say); the names are the test's own."""
        for member in self.members:
            if member.type == tarfile.REGTYPE:
                (folder / member.name).parent.mkdir(parents=True, exist_ok=True)
                (folder / member.name).write_bytes(member.data)
        return folder
