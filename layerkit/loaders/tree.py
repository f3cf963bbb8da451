"""The files of an archive as Docker unpacks them into an empty directory that it is confined to."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

from ..sources import Member

_HOPS = 255
BASE = "tmp/import"
"""Where the directory lies below the root of the daemon; its own name is a temporary one."""


def clean(name: str) -> str:
    """A name as Go's path.Clean makes it: absolute stays absolute, `..` at its beginning stays."""
    cleaned = posixpath.normpath(name)
    return cleaned[1:] if cleaned.startswith("//") else cleaned


class OutOfScope(Exception):
    """A path that leads out of the tree; `path` is where to, from the root of the daemon."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class TooManyLinks(Exception):
    """Links that lead in a circle."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a path leads, links resolved: a file, a directory, nothing, or a name below a file (which is an error)."""

    path: str
    file: Member | None = None
    directory: bool = False
    below_file: bool = False


Directory = dict[str, "Member | Directory"]


class Tree:
    """The last member of a name wins, `..` and absolute names stay inside, links are real links.

    After moby `pkg/archive`, `Unpack` and `createTarFile`, called in a chroot. `broken_link` names a hard link and its
    target where that was not there; it ends the unpacking.
    """

    def __init__(self, members: tuple[Member, ...]) -> None:
        self._root: Directory = {}
        self._found: dict[str, Place] = {}
        self._plain: dict[str, Member] | None = {}
        """Files by path, as long as nothing but files and their folders is here: most trees are that plain."""
        self._last: tuple[str, Directory] | None = None
        self.broken_link: tuple[str, str] | None = None
        for member in members:
            if not self._unpack(member):
                break

    def _unpack(self, member: Member) -> bool:
        steps = [s for s in posixpath.normpath("/" + member.name).split("/") if s]
        if not steps:
            return True
        try:
            parent = self._folder(steps[:-1])
            if parent is None:
                return True
            leaf = steps[-1]
            there = parent.get(leaf)
            if member.kind == "dir":
                plain = there is None or isinstance(there, dict)
                if not isinstance(there, dict):
                    parent[leaf] = {}
            elif member.kind == "hardlink":
                linked = self._walk(member.target)[1]
                if linked is None or isinstance(linked, dict):
                    self.broken_link = (posixpath.normpath("/" + member.target), "/" + "/".join(steps))
                    return False
                parent[leaf] = linked
                plain = False
            else:
                parent[leaf] = member
                plain = member.kind == "file" and not isinstance(there, dict)
                if self._plain is not None:
                    self._plain["/".join(steps)] = member
            if not plain:
                self._plain = self._last = None
        except TooManyLinks:
            return True
        return True

    def _folder(self, steps: list[str]) -> Directory | None:
        """`_make`, remembered from one member to the next in the same folder."""
        name = "/".join(steps)
        if self._last is not None and self._last[0] == name:
            return self._last[1]
        made = self._make(steps)
        if made is not None and self._plain is not None:
            self._last = name, made
        return made

    def _make(self, steps: list[str]) -> Directory | None:
        """The directory of these steps, made where it is missing; None where a file is in the way."""
        path, node, below = self._walk("/".join(steps))
        if isinstance(node, dict):
            return node
        if node is not None or below:
            return None
        here = self._root
        for step in path:
            below_here = here.setdefault(step, {})
            if not isinstance(below_here, dict):
                return None
            here = below_here
        return here

    @property
    def directories(self) -> list[str]:
        """The directories at the top, sorted as ReadDir does."""
        return sorted(name for name, node in self._root.items() if isinstance(node, dict))

    def find(self, path: str) -> Place:
        """Follow `path` inside the tree, the last link too (moby/sys/symlink, `FollowSymlinkInScope`).

        Raises OutOfScope for a path that climbs out by itself, TooManyLinks for a circle of links.
        """
        if (place := self._found.get(path)) is None:
            if self._plain is not None and (member := self._plain.get(path)) is not None:
                place = self._found[path] = Place(path, member)
                return place
            place = self._found[path] = self._find(path)
        return place

    def _find(self, path: str) -> Place:
        joined = posixpath.normpath(f"{BASE}/{path}")
        if joined != BASE and not joined.startswith(BASE + "/"):
            raise OutOfScope(joined)
        steps, node, below = self._walk(joined.removeprefix(BASE))
        if isinstance(node, dict):
            return Place("/".join(steps), directory=True)
        return Place("/".join(steps), node, below_file=below)

    def _walk(self, path: str) -> tuple[list[str], Member | Directory | None, bool]:
        """The steps of `path` without links, what is there, and whether a file is in the way."""
        stack: list[Member | Directory | None] = [self._root]
        done: list[str] = []
        ahead = path.split("/")[::-1]
        hops, below = 0, False
        while ahead:
            step = ahead.pop()
            if step in ("", "."):
                continue
            if step == "..":
                if done:
                    done.pop()
                    stack.pop()
                continue
            here = stack[-1]
            node = here.get(step) if isinstance(here, dict) else None
            if isinstance(node, dict) or node is None or node.kind != "symlink":
                below = below or (here is not None and not isinstance(here, dict))
                done.append(step)
                stack.append(node)
                continue
            hops += 1
            if hops > _HOPS:
                raise TooManyLinks(path)
            if node.target.startswith("/"):
                done, stack = [], [self._root]
            ahead.extend(node.target.split("/")[::-1])
        return done, stack[-1], below
