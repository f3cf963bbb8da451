"""Where images come from: one table names the transports, as skopeo names them."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from ..compression import detect
from ..errors import AccessDenied, NotFound, SourceError, UsageError
from ..image import Entry, Image, Source
from .archive import Archive, Item, Offer
from .backing import Backing, Folder, Resumed, SeekableTar, StreamedTar, Tick
from .members import Found, Members
from .recognition import Likeness
from .tar import Member

__all__ = [
    "SCHEMES",
    "Archive",
    "Found",
    "Item",
    "Likeness",
    "Member",
    "Members",
    "Offer",
    "open_image",
    "open_source",
]


@dataclass(frozen=True)
class Opening:
    """How a source is to be opened. `deep` measures what passes by in a stream that cannot be read twice."""

    deep: bool = False
    tick: Tick = None


def _open_path(location: str, opening: Opening, views: frozenset[str], prefix: str = "") -> Archive:
    path = Path(location)
    try:
        info = path.stat()
        if stat.S_ISDIR(info.st_mode):
            return Archive(f"oci:{path}", Folder(path), views)
        file = path.open("rb")
    except FileNotFoundError:
        raise NotFound(
            f"{path} does not exist", hint="check the path, or name a transport: docker://..."
        ) from None
    except PermissionError:
        raise AccessDenied(f"{path} may not be read", hint="check its permissions") from None
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} cannot be opened: {error}") from error
    with file:
        return Archive(f"{prefix}{path}", _backing(file, opening, path), views)


def _backing(file: BinaryIO, opening: Opening, path: Path | None) -> Backing:
    try:
        seekable = path is not None and stat.S_ISREG(os.fstat(file.fileno()).st_mode)
        head = file.read(6)
        outer = detect(head)
        if seekable and not outer:
            return SeekableTar(file, os.fstat(file.fileno()).st_size)
        stream = cast("BinaryIO", Resumed(head, file))

        @contextmanager
        def reopen() -> Iterator[BinaryIO]:
            with cast("Path", path).open("rb") as again:
                yield again

        return StreamedTar(
            stream, outer, deep=opening.deep, reopen=reopen if seekable else None, tick=opening.tick
        )
    except OSError as error:
        raise SourceError(f"{path or 'standard input'} cannot be read: {error.strerror or error}") from error


def _open_stdin(opening: Opening) -> Archive:
    return Archive("-", _backing(sys.stdin.buffer, opening, None))


_DOCKER, _OCI = frozenset({"docker"}), frozenset({"oci"})

SCHEMES: Mapping[str, Callable[[str, Opening], Source]] = {
    "docker-archive": lambda location, opening: _open_path(location, opening, _DOCKER, "docker-archive:"),
    "oci-archive": lambda location, opening: _open_path(location, opening, _OCI, "oci-archive:"),
    "oci": lambda location, opening: _open_path(location, opening, _OCI),
}


def open_source(uri: str | Path, *, deep: bool = False, tick: Tick = None) -> Source:
    """Open whatever `uri` names: a transport and its location, a path, or `-` for standard input.

    Parameters
    ----------
    uri
        `docker-archive:FILE`, `oci-archive:FILE`, `oci:DIR`, or a bare path whose format is told from its content.
        What follows a second colon, the image's name, is left to `open_image`.
    deep
        Measure every layer while a stream that cannot seek passes by.
    tick
        Called with the number of bytes read from such a stream.

    Raises SourceError where the bytes cannot be reached. What they are is never an error here.
    """
    return _open(str(uri), Opening(deep, tick))[0]


def open_image(uri: str | Path, *, platform: str = "") -> Image:
    """Open the one image that `uri` names.

    Parameters
    ----------
    uri
        As for `open_source`, with an image's name or `@POSITION` after a colon where the source has several:
        `docker-archive:two.tar:shop/app:1.1`.
    platform
        `os/architecture[/variant]`, where the source offers several.

    Raises NotFound where it names none or several.
    """
    source, wanted = _open(str(uri), Opening())
    offered = source.entries()
    found = [
        entry
        for position, entry in enumerate(offered)
        if (not wanted or wanted in entry.tags or wanted == f"@{position}")
        and (not platform or entry.platform in ("", platform))
    ]
    if len(found) != 1:
        names = ", ".join(describe(entry, position) for position, entry in enumerate(offered[:8]))
        raise NotFound(
            f"{uri} names {len(found)} images, expected one", hint=f"on offer: {names or 'nothing'}"
        )
    return Image(source, found[0])


def describe(entry: Entry, position: int) -> str:
    """An entry in a few words: its first tag or its position, and its platform."""
    return " ".join(p for p in (entry.tags[0] if entry.tags else f"@{position}", entry.platform) if p)


def _open(uri: str, opening: Opening) -> tuple[Source, str]:
    if uri == "-":
        return _open_stdin(opening), ""
    scheme, colon, rest = uri.partition(":")
    if colon and scheme in SCHEMES and not os.path.lexists(uri):
        location, reference = _split(rest)
        if not location:
            raise UsageError(f"{uri} names no file", hint=f"write {scheme}:FILE")
        return SCHEMES[scheme](location, opening), reference
    return _open_path(uri, opening, _DOCKER | _OCI), ""


def _split(rest: str) -> tuple[str, str]:
    """Part `FILE[:REF]`: at the first colon, as skopeo does, unless a file of the longer name is there."""
    if os.path.lexists(rest):
        return rest, ""
    location, _, reference = rest.partition(":")
    return location, reference
