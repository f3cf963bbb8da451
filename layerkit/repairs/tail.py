"""Repair in place: only what stands behind the last layer of a tar is written anew.

Nothing is appended that a reader which takes the first of two equal names would miss: the old documents are cut off.
What is cut off is kept beside the file until the result was diagnosed, so that a run that was killed is undone by the
next one: `.NAME.undo` holds one line of JSON and the old end of the file.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..archive import END, Part, compose, encode, header
from ..diagnosis import diagnose
from ..digest import sha256
from ..errors import FormatError, IntegrityError, SourceError
from ..report import Report
from ..sources import Archive, Member
from ..sources.backing import WELL_KNOWN
from ..sources.members import clean
from ..store import write_whole
from .pieces import InMember, Piece
from .plan import RepairPlan, image_file

_LIMIT = 64 << 20
"""Bytes of a tail; with more behind its last layer a file is better written anew."""
_HINT = "write to another file with -o"


@dataclass(frozen=True)
class Tail:
    """The new end of a file: from byte `at` on `parts` and the end marker. `kept` members stay as they are."""

    path: Path
    at: int
    kept: int
    parts: tuple[Part, ...] = field(repr=False)

    @property
    def both(self) -> bool:
        """Whether it has an OCI half besides manifest.json."""
        return any(part.name == "index.json" for part in self.parts)

    @property
    def data(self) -> bytes:
        pieces = []
        for part in self.parts:
            assert isinstance(part.content, bytes)
            pieces += [header(part), part.content, bytes(-part.size % 512)]
        return b"".join(pieces) + END

    def to_text(self) -> str:
        names = ", ".join(part.name for part in self.parts)
        return f"In place: {self.kept} members stay, from byte {self.at} on the file is written anew: {names}."


def plan_tail(plan: RepairPlan) -> Tail:
    """What an in-place repair would write. Raises FormatError where the plan needs more than a new end."""
    base = plan.base
    path = getattr(base.backing, "path", None) if base is not None else None
    if base is None or path is None:
        raise FormatError(f"{plan.subject} is no plain tar file, so it cannot be repaired in place", hint=_HINT)
    members = [_member(base, piece) for image in plan.images for piece in image.overlay.pieces]
    last = max(members, key=lambda member: member.offset, default=None)
    at = 0 if last is None else last.offset + last.size + -last.size % 512
    before = [m for m in base.members.all if m.at < at and m.kind != "dir"]
    names = [clean(m.name) for m in before]
    if blocking := [name for name in names if name in WELL_KNOWN]:
        raise FormatError(
            f"{blocking[0]} stands before a layer in {path}: readers that take the first one would not see a new one",
            hint=_HINT,
        )
    times = Counter(names)
    for member in members:
        if times[clean(member.name)] > 1 or member.name.startswith("/") or ".." in member.name.split("/"):
            raise FormatError(f"the layer {member.name} is not found by its name alone in {path}", hint=_HINT)
    if base.backing.length is not None and base.backing.length - at > _LIMIT:
        raise FormatError(f"{base.backing.length - at} bytes stand behind the last layer of {path}", hint=_HINT)
    there = dict(zip(names, before, strict=True))
    return Tail(path, at, len(before), tuple(_parts(plan, members, there, base)))


def _member(base: Archive, piece: Piece) -> Member:
    origin = piece.origin
    if not isinstance(origin, InMember) or origin.where != base.uri or piece.repack is not None:
        raise FormatError(
            "only manifests are written in place, and this repair has to bring, leave out or pack layers", hint=_HINT
        )
    return origin.member


def _parts(plan: RepairPlan, members: Sequence[Member], there: dict[str, Member], base: Archive) -> list[Part]:
    """The documents: both halves where the layers are stored as an OCI layout has them, else manifest.json alone."""
    form = plan.form
    stored = all(
        clean(member.name) == f"blobs/{piece.digest.replace(':', '/', 1)}"
        for member, piece in zip(members, (p for i in plan.images for p in i.overlay.pieces), strict=True)
    )
    if form == "oci" and not stored:
        raise FormatError("the layers are not stored as an OCI layout has them", hint=_HINT)
    if not stored:
        form = "docker"
    composed = compose([image_file(image.overlay) for image in plan.images], form)
    parts = [part for part in composed if isinstance(part.content, bytes)]
    names = iter(clean(member.name) for member in members)
    items = [
        {
            "Config": f"blobs/{image.config.digest.replace(':', '/', 1)}",
            "RepoTags": list(image.overlay.tags) or None,
            "Layers": [next(names) for _ in image.overlay.pieces],
        }
        for image in plan.images
    ]
    parts = [Part(p.name, encode(items)) if p.name == "manifest.json" else p for p in parts]
    kept = []
    for part in parts:
        assert isinstance(part.content, bytes)
        if part.name not in there:
            kept.append(part)
        elif _read(base, there[part.name]) != part.content:
            raise FormatError(f"{part.name} is in the file with other bytes", hint=_HINT)
    return kept


def _read(base: Archive, member: Member) -> bytes:
    with base.backing.open(member) as stream:
        return stream.read(_LIMIT)


def rewrite(tail: Tail, loaders: Sequence[str] = (), *, deep: bool = False) -> Report:
    """Write the new end and diagnose the file; where that is not sound, the old end is put back."""
    data = tail.data
    try:
        with tail.path.open("r+b", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(tail.at)
            old = file.read(size - tail.at)
            note = {"at": tail.at, "size": size, "sha256": sha256(old)}
            write_whole(_journal(tail.path), json.dumps(note).encode() + b"\n" + old)
            _put(file.fileno(), data, tail.at)
        report = diagnose(tail.path, deep=deep, loaders=loaders)
        refused = [v for v in report.verdicts if v.loads is False] if loaders else []
        if report.outcome != "sound" or refused:
            undo(tail.path)
            errors = (f.message for f in report.findings if f.severity == "error")
            said = refused[0].message if refused else next(errors, report.outcome)
            raise IntegrityError(f"the repaired file is not good, so the old end was put back: {said}", hint=_HINT)
        _journal(tail.path).unlink()
    except OSError as error:
        raise SourceError(f"{tail.path} cannot be written: {error.strerror or error}") from error
    return report


def undo(path: Path) -> bool:
    """Put the old end back that a killed run left beside the file; tells whether there was one."""
    journal = _journal(path)
    try:
        first, _, old = journal.read_bytes().partition(b"\n")
    except FileNotFoundError:
        return False
    note = json.loads(first)
    if sha256(old) != note["sha256"] or note["at"] + len(old) != note["size"]:
        raise IntegrityError(f"{journal} is not what a repair of {path} wrote", hint="look at both before removing it")
    with path.open("r+b", buffering=0) as file:
        _put(file.fileno(), old, note["at"])
    journal.unlink()
    return True


def _put(fd: int, data: bytes, at: int) -> None:
    """Write the end of a file and have it on the disk before anything else happens."""
    view, place = memoryview(data), at
    while view:
        done = os.pwrite(fd, view, place)
        view, place = view[done:], place + done
    os.ftruncate(fd, at + len(data))
    os.fsync(fd)


def _journal(path: Path) -> Path:
    return path.with_name(f".{path.name}.undo")
