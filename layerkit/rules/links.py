"""LK307, LK309, LK311: where the paths of an archive lead."""

from __future__ import annotations

from collections.abc import Iterator

from ..alignment import Alignment
from ..finding import Finding, Rule, Severity
from ..frames import Frames
from ..sources import Member
from ..sources.members import clean
from .halves import found
from .members import needed_names
from .wording import EVIDENCE, REFILL, REPAIR, again, count, quote, spans


def _links(frames: Frames) -> Iterator[Finding]:
    """A link in the archive leads to nothing, in a circle or out of the archive.

    containerd refuses a whole docker-archive for one such symbolic link, whether a layer needs it or not; the other
    runtimes refuse where the link stands for a layer. No link is ever followed out of the archive. Export the image
    again.
    """
    archive = frames.archive
    if archive is None:
        return
    needed = needed_names(frames)
    words = {"dangling": "to nothing", "loop": "in a circle", "outside": "out of the archive"}
    groups: dict[tuple[Severity, str], list[Member]] = {}
    for member in archive.members.cleaned.values():
        if member.kind not in ("symlink", "hardlink"):
            continue
        trouble = archive.members.find(member.name).trouble
        if trouble in words:
            fatal = clean(member.name) in needed or (member.kind == "symlink" and archive.format == "docker-archive")
            groups.setdefault(("error" if fatal else "info", trouble), []).append(member)
    for (severity, way), members in groups.items():
        one = len(members) == 1
        first = f"{quote(members[0].name)} to {quote(members[0].target)}"
        yield LK307.finding(
            f"{f'The link {first}' if one else f'{len(members)} links, the first {first},'} "
            f"{'leads' if one else 'lead'} {words[way]}.",
            evidence={
                "trouble": way,
                "links": [{"name": m.name, "target": m.target} for m in members[:EVIDENCE]],
            },
            fix=f"Run {REFILL} with a source that has what is behind the link, or export the image again: {again()}.",
            severity=severity,
        )


def _empty_paths(image: Alignment) -> Iterator[Finding]:
    """manifest.json lists a layer whose path is empty.

    Some exporters write this for layers that the target is thought to hold. Docker's classic store accepts it if it
    does hold them; containerd, podman, skopeo and crane refuse the archive in any case. Put the layers back.
    """
    positions = [row.position for row in image.layers if row.listed and row.blob is not None and not row.blob.name]
    if positions:
        one = len(positions) == 1
        yield LK309.finding(
            f"manifest.json gives an empty path for {count(len(positions), 'layer')} ({spans(positions)}); only "
            f"Docker's classic store can load that, where it holds {'it' if one else 'them'} already.",
            positions=positions,
            evidence={"empty_paths": len(positions)},
            fix=f"Run {REFILL} with a source that has the layers, or export the image again: {again(image)}.",
        )


def _only_linked(image: Alignment) -> Iterator[Finding]:
    """A layer of manifest.json can be reached through a link only.

    podman and skopeo take the size of a symbolic link for the layer's and stop; containerd does not see hard links at
    all. A second entry for a diff ID that links to the first, as older `docker save` wrote it, is fine. Store the layer
    under the name that is listed.
    """
    if image.manifest.view != "docker":
        return
    seen: set[str] = set()
    symbolic: list[int] = []
    hard: list[int] = []
    source = image.image.source
    for row in image.layers:
        if not row.listed or not row.present or row.blob is None:
            continue
        way = found(image, row.blob)
        identity = row.diff_id or source.key(row.blob)
        if way is not None and any(link.kind == "hardlink" for link in way.links):
            hard.append(row.position)
        elif way is not None and way.links and identity not in seen:
            symbolic.append(row.position)
        seen.add(identity)
    for positions, kind, who in (
        (symbolic, "symbolic", "podman and skopeo do not follow it to its size"),
        (hard, "hard", "containerd does not see hard links"),
    ):
        if positions:
            yield LK311.finding(
                f"{count(len(positions), 'layer')} ({spans(positions)}) can be reached through a {kind} link only: "
                f"{who}.",
                positions=positions,
                evidence={"kind": kind, "paths": [image.layers[p].path for p in positions[:EVIDENCE]]},
                fix=f"Run {REPAIR}, which stores the layer itself.",
            )


_ARCHIVE = frozenset({"LK304"})

LK307 = Rule("LK307", "links stay inside and lead somewhere", _links, "file", requires=_ARCHIVE)
LK309 = Rule("LK309", "every layer has a path", _empty_paths, severity="warning", requires=_ARCHIVE)
LK311 = Rule("LK311", "layers are files, not only links", _only_linked, requires=_ARCHIVE)
