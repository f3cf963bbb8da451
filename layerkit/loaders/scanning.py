"""A tar as programs see it that scan it for one name at a time: the first member of a cleaned name wins.

That is how containers/image (docker/internal/tarfile/reader.go, `findTarComponent`) and go-containerregistry
(pkg/v1/tarball/image.go, `followLinks`) read an archive; whoever unpacks it first, as moby does, sees the last one.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from functools import cached_property

from ..document import LIMIT
from ..messages import golang
from ..sources import Member
from .model import Refusal
from .view import View


@dataclass(frozen=True)
class Scan:
    """One archive, looked up by the first member of a name. Raises Refusal where the tar is broken before it."""

    view: View = field(repr=False)

    @cached_property
    def first(self) -> dict[str, Member]:
        found: dict[str, Member] = {}
        for member in self.view.members:
            found.setdefault(clean(member.name), member)
        return found

    @property
    def broken(self) -> str:
        """What a scan fails with at the end of the tar; empty where it ends as it should."""
        end = self.view.end
        if end == "cut":
            return golang.UNEXPECTED_EOF.format()
        return golang.INVALID_TAR_HEADER.format() if end == "damaged" else ""

    def find(self, name: str) -> Member | None:
        """The member at which a scan for `name` stops."""
        member = self.first.get(clean(name))
        if member is None and self.broken:
            raise Refusal(self.broken)
        return member

    def read(self, member: Member) -> bytes:
        """The bytes of a small member, which must be there whole. A hard link brings none of its own."""
        if member.kind != "file":
            return b""
        if member.stored < member.size and member.size <= LIMIT:
            raise Refusal(golang.UNEXPECTED_EOF.format())
        return self.view.read(member)


def scan_of(view: View) -> Scan:
    """The scan of an archive, made once for all models."""
    scan: Scan = vars(view).setdefault("_scan", Scan(view))
    return scan


def clean(name: str) -> str:
    """A name as Go's path.Clean makes it."""
    cleaned = posixpath.normpath(name)
    return cleaned[1:] if cleaned.startswith("//") else cleaned


def join(*parts: str) -> str:
    """Parts as Go's path.Join puts them together: an absolute part does not start anew."""
    return clean("/".join(part for part in parts if part))
