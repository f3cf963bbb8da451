"""Where images come from: one table names the transports, as skopeo names them."""

from __future__ import annotations

import importlib
import os
import re
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Unpack, cast

from ..compression import detect
from ..errors import AccessDenied, NotFound, SourceError, UsageError
from ..image import Entry, Image, Source
from . import platforms
from .access import Access, registries
from .archive import Archive, Offer
from .backing import Backing, Folder, Resumed, SeekableTar, StreamedTar, Tick
from .claims import BASE_ANNOTATION, OMITTED, Item
from .members import Found, Members
from .recognition import Likeness
from .tar import Member

__all__ = [
    "BASE_ANNOTATION",
    "OMITTED",
    "SCHEMES",
    "Archive",
    "Found",
    "Item",
    "Likeness",
    "Member",
    "Members",
    "Offer",
    "choose",
    "open_image",
    "open_source",
    "open_stream",
]


@dataclass(frozen=True)
class Opening:
    """How a source is to be opened. `deep` measures what passes by in a stream that cannot be read twice.

    `platform` says what to take from a registry's index, `access` how to get to registries and hosts.
    """

    deep: bool = False
    tick: Tick = None
    platform: str = ""
    access: Access = field(default_factory=Access)


def _open_path(location: str, opening: Opening, views: frozenset[str], prefix: str = "") -> Archive:
    path = Path(location)
    try:
        info = path.stat()
        if stat.S_ISDIR(info.st_mode):
            return Archive(f"oci:{path}", Folder(path), views)
        file = path.open("rb")
    except FileNotFoundError:
        raise NotFound(f"{path} does not exist", hint="check the path, or name a transport: docker://...") from None
    except PermissionError:
        raise AccessDenied(f"{path} may not be read", hint="check its permissions") from None
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} cannot be opened: {getattr(error, 'strerror', '') or error}") from error
    with file:
        return Archive(f"{prefix}{path}", _backing(file, opening, path), views)


def _backing(file: BinaryIO, opening: Opening, path: Path | None) -> Backing:
    try:
        seekable = path is not None and stat.S_ISREG(os.fstat(file.fileno()).st_mode)
        head = file.read(6)
        outer = detect(head)
        if seekable and not outer:
            return SeekableTar(file, os.fstat(file.fileno()).st_size, path)
        stream = cast("BinaryIO", Resumed(head, file))

        @contextmanager
        def reopen() -> Iterator[BinaryIO]:
            with cast("Path", path).open("rb") as again:
                yield again

        return StreamedTar(stream, outer, deep=opening.deep, reopen=reopen if seekable else None, tick=opening.tick)
    except OSError as error:
        raise SourceError(f"{path or 'standard input'} cannot be read: {error.strerror or error}") from error


def _open_stdin(opening: Opening) -> Archive:
    if sys.stdin is None:
        raise SourceError("standard input is closed")
    return Archive("-", _backing(sys.stdin.buffer, opening, None))


def _open_registry(location: str, opening: Opening, aside: str = "") -> Source:
    from .registry import open_repository  # requests takes a while to import, and archives need none of it

    if not location.startswith("//"):
        raise UsageError(f"docker:{location} is no image", hint="write docker://REGISTRY/REPOSITORY[:TAG|@DIGEST]")
    return open_repository(location[2:], opening.platform, aside, **registries(opening.access))


def _open_elsewhere(home: str) -> Callable[[str, Opening], Source]:
    """Opened by `MODULE:FUNCTION` of this package, imported when the transport is first used.

    For sources that are made of what stands after this module: hosts, which need inventories and sources themselves.
    """
    module, _, name = home.partition(":")

    def open_there(location: str, opening: Opening) -> Source:
        there = importlib.import_module(f"..{module}", __package__)
        return cast("Source", getattr(there, name)(location, opening))

    return open_there


_DOCKER, _OCI = frozenset({"docker"}), frozenset({"oci"})

SCHEMES: Mapping[str, Callable[[str, Opening], Source]] = {
    "docker-archive": lambda location, opening: _open_path(location, opening, _DOCKER, "docker-archive:"),
    "oci-archive": lambda location, opening: _open_path(location, opening, _OCI, "oci-archive:"),
    "oci": lambda location, opening: _open_path(location, opening, _OCI),
    "docker": _open_registry,
    "docker-daemon": _open_elsewhere("hosts.opening:open_daemon"),
    "ssh": _open_elsewhere("hosts.opening:open_remote"),
}
_FILES = frozenset({"docker-archive", "oci-archive", "oci"})
"""Transports whose location may end in `:REF`, the one image that is meant."""
_BARE = _FILES | {"docker-daemon"}
"""Transports whose location does not begin with `//`."""

_PATH = re.compile(
    r"[/.~]|[A-Za-z][A-Za-z0-9+.-]*://|.*\\|.*\.(?:tar(?:\.[a-z0-9]+)?|t[gx]z|tzst|tbz2|zip|json|html?|gz|zst|xz|bz2|img)$",
    re.DOTALL,
)
"""What is never taken for an image's name, though it may read as one: a typing error should not go to a registry."""


def open_source(
    uri: str | Path, *, deep: bool = False, tick: Tick = None, platform: str = "", **access: Unpack[Access]
) -> Source:
    """Open whatever `uri` names: a transport and its location, a path, an image's name, or `-` for standard input.

    Parameters
    ----------
    uri
        `docker-archive:FILE`, `oci-archive:FILE`, `oci:DIR`, `docker://REGISTRY/REPOSITORY[:TAG|@DIGEST]`,
        `docker-daemon:IMAGE`, `ssh://[USER@]HOST[:PORT]/IMAGE` or `/PATH` of an archive there, or a bare path whose
        format is told from its content. Where no such path is, `redis:7` is docker.io/library/redis:7.
        What follows a second colon, the image's name, is left to `open_image`.
    deep
        Measure every layer while a stream that cannot seek passes by.
    tick
        Called with the number of bytes read from such a stream.
    platform
        What a registry's index is to give: `os/architecture[/variant]`, or "all"; "" is linux on this machine's
        architecture, or all where it has none such.
    access
        `insecure`, `ca`, `authfile`, `mirrors`, `reaching`: see `layerkit.sources.access.Access`.

    Raises SourceError where the bytes cannot be reached. What they are is never an error here. A registry is asked
    when its entries are.
    """
    return _open(str(uri), Opening(deep, tick, platform, access))[0]


def open_stream(stream: BinaryIO, name: str, *, deep: bool = False) -> Source:
    """A source over a stream that somebody else opened and will close: a pipe, say."""
    return Archive(name, _backing(stream, Opening(deep), None))


def choose(
    uri: str | Path, *, platform: str = "", deep: bool = False, tick: Tick = None, **access: Unpack[Access]
) -> tuple[Source, tuple[Entry, ...]]:
    """Open `uri` and pick the images it names: all of the source's, or those called by the name after the location.

    A name is a tag as the source has it, its part after the last slash or colon, or `@POSITION`.
    Raises NotFound where a name or platform is given and nothing answers to it.
    """
    source, wanted = _open(str(uri), Opening(deep, tick, platform, access))
    offered = source.entries()
    found = tuple(
        entry
        for position, entry in enumerate(offered)
        if _answers(entry, position, wanted)
        and (platform in ("", "all") or not entry.platform or platforms.serves(entry.platform, platform))
    )
    if (wanted or platform) and not found:
        names = ", ".join(describe(entry, position) for position, entry in enumerate(offered[:8]))
        raise NotFound(
            f"{source.uri} has no image {' '.join(p for p in (wanted, platform) if p)}",
            hint=f"on offer: {names or 'nothing'}",
        )
    return source, found


def open_image(uri: str | Path, *, platform: str = "", **access: Unpack[Access]) -> Image:
    """Open the one image that `uri` names.

    Parameters
    ----------
    uri
        As for `open_source`, with an image's name or `@POSITION` after a colon where the source has several:
        `docker-archive:two.tar:shop/app:1.1`.
    platform
        `os/architecture[/variant]`, where the source offers several.
    access
        As for `open_source`.

    Raises NotFound where it names none or several.

    Examples
    --------
    >>> image = open_image("oci:data/shop-oci:1.1")
    >>> len(image.manifest.layers), len(image.config.diff_ids)
    (12, 12)
    """
    source, found = choose(uri, platform=platform, **access)
    if len(found) != 1:
        names = ", ".join(describe(entry, position) for position, entry in enumerate(found[:8]))
        raise NotFound(f"{uri} names {len(found)} images, expected one", hint=f"on offer: {names or 'nothing'}")
    return Image(source, found[0])


def _answers(entry: Entry, position: int, wanted: str) -> bool:
    return (
        not wanted
        or wanted == f"@{position}"
        or any(tag == wanted or tag.endswith((f":{wanted}", f"/{wanted}")) for tag in entry.tags)
    )


def describe(entry: Entry, position: int) -> str:
    """An entry in a few words: its first tag or its position, and its platform."""
    return " ".join(p for p in (entry.tags[0] if entry.tags else f"@{position}", entry.platform) if p)


def _open(uri: str, opening: Opening) -> tuple[Source, str]:
    if uri == "-":
        return _open_stdin(opening), ""
    scheme, colon, rest = uri.partition(":")
    if colon and scheme in SCHEMES and (scheme in _BARE or rest.startswith("//")) and not os.path.lexists(uri):
        location, reference = _split(rest) if scheme in _FILES else (rest, "")
        if not location:
            what = "file" if scheme in _FILES else "image"
            raise UsageError(f"{uri} names no {what}", hint=f"write {scheme}:{what.upper()}")
        return SCHEMES[scheme](location, opening), reference
    if not os.path.lexists(uri) and not _PATH.match(uri):
        try:
            return _open_registry(f"//{uri}", opening, f"no file is named {uri} either"), ""
        except UsageError:
            pass  # neither a path nor a name; the path's error says it best
    return _open_path(uri, opening, _DOCKER | _OCI), ""


def _split(rest: str) -> tuple[str, str]:
    """Part `FILE[:REF]`: at the first colon, as skopeo does, unless a file of the longer name is there."""
    if os.path.lexists(rest):
        return rest, ""
    location, _, reference = rest.partition(":")
    return location, reference
