"""Tar headers, read one by one from a file that can seek or a stream that cannot.

The standard library's `tarfile` is the tool for well-formed archives; this reader exists because the archives here are
broken or hostile: it tells where the data of every occurrence of a name begin and how many of its bytes are really
there, reads no header larger than Go does, and never trusts a size. Formats: POSIX pax and ustar, GNU, v7, as
Go's archive/tar reads them (`reader.go`, `readHeader`), since that is what every runtime uses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal

BLOCK = 512
_SPECIAL_LIMIT = 1 << 20
"""Bytes of a pax or GNU long-name record (Go: `maxSpecialFileSize`)."""
_MEMBER_LIMIT = 1_000_000
_NAMES_LIMIT = 64 << 20
"""Characters of all names of one archive together: contents are read by and by, names are kept."""

Kind = Literal["file", "dir", "symlink", "hardlink", "other"]
End = Literal["", "marker", "clean", "cut", "damaged"]
"""How an archive ends: with its marker, cleanly without one, inside a member, or at a header that is none."""

_KINDS: dict[bytes, Kind] = {
    b"0": "file",
    b"\0": "file",
    b"7": "file",
    b"1": "hardlink",
    b"2": "symlink",
    b"5": "dir",
}


@dataclass(frozen=True, slots=True)
class Member:
    """One tar entry: `size` is what its header promises, `stored` what is really there, in bytes.

    `offset` is where its data begin, `at` where its (first) header begins.
    """

    name: str
    kind: Kind
    size: int
    at: int
    offset: int
    stored: int
    target: str = ""


class Reader:
    """Iterate over the members of a tar. After the iteration `end`, `fault` and `length` tell how it ended."""

    def __init__(self, stream: BinaryIO, length: int | None) -> None:
        """`length` is the stream's in bytes where it can seek, None where it can only be read on."""
        self._stream, self._length = stream, length
        self._at = 0
        self.end: End = ""
        self.fault = ""
        self.count = 0

    @property
    def position(self) -> int:
        return self._at

    def read(self, size: int) -> bytes:
        """Read exactly `size` bytes, fewer only where the stream ends."""
        parts = []
        while size > 0 and (data := self._stream.read(min(size, 1 << 20))):
            parts.append(data)
            size -= len(data)
            self._at += len(data)
        return b"".join(parts)

    def _skip_to(self, target: int) -> None:
        if self._length is not None:
            self._at = min(target, self._length)
            self._stream.seek(self._at)
            return
        while self._at < target and (data := self._stream.read(min(target - self._at, 1 << 18))):
            self._at += len(data)

    def __iter__(self) -> Iterator[Member]:
        """Yield members in order; the consumer may `read` a member's data before it asks for the next."""
        path = link = ""
        size_override: int | None = None
        start: int | None = None
        sparse = False
        defaults: dict[str, str] = {}
        named = 0
        while True:
            at = self._at
            block = self.read(BLOCK)
            if not block:
                return self._finish("clean" if start is None else "cut", "")
            if len(block) < BLOCK:
                return self._finish("cut", f"the archive ends inside a header at byte {at}")
            if not block.strip(b"\0"):
                second = self.read(BLOCK)
                if 0 < len(second) < BLOCK:
                    return self._finish("cut", f"the archive ends inside its end marker at byte {at + BLOCK}")
                if second and second.strip(b"\0"):
                    return self._finish("damaged", f"a lone zero block at byte {at}: archive/tar: invalid tar header")
                return self._finish("marker", "")
            if not _checksum_ok(block):
                return self._finish("damaged", f"no tar header at byte {at}: archive/tar: invalid tar header")
            flag = block[156:157]
            size = _number(block[124:136])
            if size is None or size < 0:
                return self._finish("damaged", f"the size in the header at byte {at} is not a number of bytes")
            if start is None:
                start = at
            if flag in b"xgLK":
                if size > _SPECIAL_LIMIT:
                    return self._finish("damaged", f"an extended header of {size} bytes at byte {at}")
                data = self.read(size)
                self.read(-size % BLOCK)
                if len(data) < size:
                    return self._finish("cut", f"the archive ends inside a header at byte {at}")
                if flag in b"LK":
                    name = data.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")
                    path, link = (name, link) if flag == b"L" else (path, name)
                    continue
                records = _pax(data)
                if records is None:
                    return self._finish("damaged", f"a pax header that cannot be read at byte {at}")
                if flag == b"g":
                    defaults.update({key: records[key] for key in ("path", "linkpath") if key in records})
                    start = None
                    continue
                path, link = records.get("path", path), records.get("linkpath", link)
                sparse = any(key.startswith("GNU.sparse.") for key in records)
                if "size" in records:
                    if not records["size"].isdecimal() or len(records["size"]) > 19:
                        return self._finish("damaged", f"a pax size that is no number of bytes at byte {at}")
                    size_override = int(records["size"])
                continue
            kind: Kind = "other" if sparse else _KINDS.get(flag, "other")
            name = path or defaults.get("path", "") or _name(block)
            if flag == b"\0" and name.endswith("/"):
                kind = "dir"
            if size_override is not None:
                size = size_override
            if flag in (b"1", b"2", b"3", b"4", b"5", b"6"):
                size = 0
            stored = size if self._length is None else max(0, min(size, self._length - self._at))
            target = (link or defaults.get("linkpath", "") or _text(block[157:257])) if flag in b"12" else ""
            self.count += 1
            if self.count > _MEMBER_LIMIT:
                return self._finish("damaged", f"more than {_MEMBER_LIMIT} members; not read on")
            named += len(name) + len(target)
            if named > _NAMES_LIMIT:
                return self._finish("damaged", f"names of more than {_NAMES_LIMIT >> 20} MiB; not read on")
            data_at = self._at
            yield Member(name, kind, size, start, data_at, stored, target)
            self._skip_to(data_at + size)
            if self._at < data_at + size:
                missing = data_at + size - self._at
                return self._finish("cut", f"{name} is cut short: {size - missing} of {size} bytes")
            self._skip_to(data_at + size + -size % BLOCK)
            path = link = ""
            size_override = start = None
            sparse = False

    def _finish(self, end: End, fault: str) -> None:
        self.end, self.fault = end, fault


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")


def _name(block: bytes) -> str:
    name = _text(block[:100])
    if block[257:263] == b"ustar\0" and (prefix := _text(block[345:500])):
        return f"{prefix}/{name}"
    return name


def _number(raw: bytes) -> int | None:
    """An octal or base-256 number (GNU), None where it is neither."""
    if raw[0] & 0x80:
        value = int.from_bytes(raw, "big", signed=False) & ((1 << (8 * len(raw) - 1)) - 1)
        if raw[0] & 0x40:
            value -= 1 << (8 * len(raw) - 1)
        return value
    text = raw.strip(b" \0").split(b"\0", 1)[0]
    if not text:
        return 0
    try:
        return int(text, 8) if text.isdigit() else None
    except ValueError:
        return None


def _checksum_ok(block: bytes) -> bool:
    said = _number(block[148:156])
    unsigned = sum(block) - sum(block[148:156]) + 8 * 32
    if said == unsigned:
        return True
    signed = unsigned - 256 * sum(byte > 127 for byte in block[:148] + block[156:])
    return said == signed  # Go accepts the sum of signed bytes that some old tars wrote


def _pax(data: bytes) -> dict[str, str] | None:
    records = {}
    at = 0
    while at < len(data):
        blank = data.find(b" ", at, at + 8)
        digits = data[at:blank]
        if blank < 0 or not digits.isdigit():
            return None
        end = at + int(digits)
        key, equals, value = data[blank + 1 : end].partition(b"=")
        if end > len(data) or end <= blank + 2 or not equals or not value.endswith(b"\n"):
            return None
        records[key.decode("utf-8", "surrogateescape")] = value[:-1].decode("utf-8", "surrogateescape")
        at = end
    return records
