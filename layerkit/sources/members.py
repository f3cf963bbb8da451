"""The members of an archive or folder by name, and where their links lead, never leaving it."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from .tar import Member

_HOPS = 32
Trouble = Literal["", "absent", "dangling", "outside", "loop"]


def clean(name: str) -> str:
    """A member name as a path relative to the archive: `./a//b` is `a/b`; a leading `..` stays, to be seen."""
    return posixpath.normpath(name.lstrip("/") or ".")


@dataclass(frozen=True, slots=True)
class Found:
    """Where a name leads: the member that holds the bytes, the links on the way, or what went wrong."""

    member: Member | None
    links: tuple[Member, ...] = ()
    trouble: Trouble = ""
    exact: bool = True
    """Whether the name itself is a member's, letter by letter."""


@dataclass(frozen=True)
class Members:
    """All entries in their order, duplicates included. Lookups take the last of a name, as an extraction would."""

    all: tuple[Member, ...] = field(repr=False)

    @cached_property
    def last(self) -> dict[str, Member]:
        """The last member of every name as written."""
        return {m.name: m for m in self.all}

    @cached_property
    def first(self) -> dict[str, Member]:
        return {m.name: m for m in reversed(self.all)}

    @cached_property
    def cleaned(self) -> dict[str, Member]:
        """The last member of every cleaned name, directories left out."""
        return {clean(m.name): m for m in self.all if m.kind != "dir"}

    @cached_property
    def repeated(self) -> dict[str, tuple[Member, ...]]:
        """Cleaned names that occur more than once (directories aside), with their members in order."""
        groups: dict[str, list[Member]] = {}
        for member in self.all:
            if member.kind != "dir":
                groups.setdefault(clean(member.name), []).append(member)
        return {name: tuple(group) for name, group in groups.items() if len(group) > 1}

    def find(self, name: str) -> Found:
        """Where `name` leads, links followed inside the archive only."""
        if not name:
            return Found(None, trouble="absent")
        member = self.last.get(name)
        exact = member is not None and member.kind != "dir"
        if not exact:
            member = self.cleaned.get(clean(name))
        links: list[Member] = []
        while member is not None and member.kind in ("symlink", "hardlink"):
            links.append(member)
            if len(links) > _HOPS:
                return Found(None, tuple(links), "loop", exact)
            target = member.target
            if member.kind == "symlink" and not target.startswith("/"):
                target = posixpath.join(posixpath.dirname(clean(member.name)), target)
            target = clean(target)
            if target == ".." or target.startswith("../"):
                return Found(None, tuple(links), "outside", exact)
            member = self.cleaned.get(target)
            if member is None:
                return Found(None, tuple(links), "dangling", exact)
        if member is None or member.kind not in ("file",):
            return Found(None, tuple(links), "absent", exact)
        return Found(member, tuple(links), "", exact)

    def files(self) -> Sequence[Member]:
        return [m for m in self.all if m.kind == "file"]
