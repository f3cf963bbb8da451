"""What a broken file says about its images, every way of reading it: all its manifests, or configs alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from ..digest import Measurement
from ..errors import FormatError
from ..image import Blob, Config, Entry, Image, Manifest, Source, read_config
from ..report import Report
from ..sources import Archive, Member, Members
from ..sources.backing import Backing
from .change import Change


@dataclass(frozen=True)
class Claim:
    """One image as the file tells of it. `configs` are what its manifests name, the classic half first.

    `nested` images are named by an inner index, as platforms are: one without any content may be left away.
    """

    names: tuple[str, ...]
    configs: tuple[Config, ...] = ()
    manifests: tuple[Manifest, ...] = ()
    source: Source | None = field(default=None, repr=False)
    entry: Entry | None = None
    nested: bool = False

    @property
    def listing(self) -> tuple[Blob, ...]:
        """The layers listed, by the manifest that names the format."""
        return self.manifests[0].layers if self.manifests else ()

    @property
    def title(self) -> str:
        return self.names[0] if self.names else (self.entry.platform if self.entry else "") or "the image"

    @property
    def before(self) -> Config | None:
        return self.configs[0] if self.configs else None


@dataclass(frozen=True)
class Subject:
    """A file to be repaired: what can be read in it, and what was done to read it."""

    source: Source
    claims: tuple[Claim, ...]
    changes: tuple[Change, ...] = ()


class Retold:
    """The members of an archive under other names or in another order; the bytes are where they were."""

    def __init__(self, backing: Backing, members: Sequence[Member]) -> None:
        self._backing = backing
        self.members = Members(tuple(members))
        self.end, self.fault, self.outer = backing.end, backing.fault, backing.outer
        self.length, self.first = backing.length, backing.first

    def open(self, member: Member) -> AbstractContextManager[BinaryIO]:
        return self._backing.open(member)

    def head(self, member: Member) -> bytes:
        return self._backing.head(member)

    def span(self, member: Member) -> tuple[Path, int, int] | None:
        return self._backing.span(member)

    def measure(self, member: Member, tick: Callable[[int], None] | None = None) -> Measurement:
        return self._backing.measure(member, tick)


_HELPED = frozenset({"nested", "headless"})
"""What is no image archive as it stands, and holds all of one."""


_REPEATS = 64


def read_subject(report: Report, entries: Sequence[Entry]) -> Subject:
    """Every image that can be made out in what was diagnosed. Raises FormatError where there is none to be had."""
    source = report.frames.source
    changes: list[Change] = []
    if isinstance(source, Archive):
        source = _unfold(source, changes)
        _refuse(source, report)
        if len(repeats := source.members.repeated.get("manifest.json", ())) > 1 and "docker" in source.views:
            return _merged(source, repeats, changes)
        if source.uri != report.frames.source.uri or not entries:
            entries = source.entries()
    claims = [_claim(source, entry) for entry in entries]
    if isinstance(source, Archive):
        nested = {o.blob.name for o in source.offers if o.nested}
        claims = [replace(c, nested=bool(c.entry and c.entry.oci and c.entry.oci.name in nested)) for c in claims]
    return Subject(source, tuple(claims), tuple(changes))


def _claim(source: Source, entry: Entry) -> Claim:
    image = Image(source, entry)
    configs = [image.config]
    configs += [read_config(source, m.config) for m in image.manifests[1:] if m.config is not None]
    distinct = {config.digest if config.raw else config.fault: config for config in configs}
    return Claim(entry.tags, tuple(distinct.values()), image.manifests, source, entry)


def _unfold(source: Archive, changes: list[Change]) -> Archive:
    """An export that was packed with its folder around it, read from inside that folder."""
    if source.likeness is None or source.likeness.id != "nested":
        return source
    names = [n for n in source.members.cleaned if n.endswith(("/manifest.json", "/index.json")) and n.count("/") == 1]
    prefix = sorted(names)[0].rpartition("/")[0] + "/"
    inside = [
        replace(m, name=m.name.removeprefix("./").removeprefix(prefix))
        for m in source.members.all
        if m.name.removeprefix("./").startswith(prefix)
    ]
    changes.append(Change("normalise-names", f"every name begins with {prefix}", "names stand at the top"))
    return Archive(source.uri, Retold(source.backing, inside), source.views)


def _refuse(source: Archive, report: Report) -> None:
    """Stop where there is nothing of an image in the file, in the words of the diagnosis."""
    if source.likeness is not None and source.likeness.id not in _HELPED and source.backing.end != "cut":
        finding = next((f for f in report.findings if f.code == "LK304"), None)
        words = finding.message if finding else f"This is {source.likeness.words}."
        lost = " What the shell changed cannot be told from what was there." if source.likeness.id == "utf16" else ""
        raise FormatError(f"{words}{lost}", hint=finding.fix if finding else source.likeness.fix)
    for finding in report.findings:
        if finding.code == "LK306":
            raise FormatError(finding.message, hint=finding.fix)
        foreign = finding.code == "LK304" and finding.severity == "error"
        if foreign and finding.evidence.get("likeness") not in _HELPED:
            raise FormatError(finding.message, hint=finding.fix)


def _merged(source: Archive, repeats: Sequence[Member], changes: list[Change]) -> Subject:
    """The images of every manifest.json; a name belongs to the last that uses it, as after loading one by one."""
    if len(repeats) > _REPEATS:
        raise FormatError(f"manifest.json is in {source.uri} {len(repeats)} times; nobody makes that by merging")
    claims: list[Claim] = []
    others = [m for m in source.members.all if m not in repeats]
    for number, member in enumerate(repeats):
        # What stands before a manifest.json is its own, what follows serves only where nothing else does.
        order = [m for m in others if m.at > member.at] + [m for m in others if m.at < member.at] + [member]
        part = Archive(source.uri, Retold(source.backing, order), frozenset({"docker"}))
        if number == len(repeats) - 1:
            part = Archive(source.uri, Retold(source.backing, [*others, member]), source.views)
        found = [_claim(part, entry) for entry in part.entries()]
        later = {name for claim in found for name in claim.names}
        claims = [replace(c, names=tuple(n for n in c.names if n not in later)) for c in claims]
        claims = [*(c for c in claims if c.names), *found]
    count = len(repeats)
    after = f"one manifest.json with {len(claims)} images" if len(claims) > 1 else "one manifest.json"
    changes.append(Change("merge-manifests", f"manifest.json {count} times; runtimes read different ones", after))
    return Subject(source, tuple(claims), tuple(changes))


def legacy_names(source: Archive) -> Iterator[str]:
    """The names in a `repositories` file."""
    document = source.documents.get("repositories")
    value = document.value if document is not None and not document.fault else None
    for name, tags in value.items() if isinstance(value, dict) else ():
        for tag in tags if isinstance(tags, dict) else ():
            yield f"{name}:{tag}"
