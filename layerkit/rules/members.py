"""LK302, LK303, LK305: the tar, whole, each name once and each a plain one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ..errors import LayerkitError
from ..finding import Finding, Rule, Severity
from ..frames import Frames
from ..image import Blob
from ..sources import Archive, Member
from ..sources.backing import WELL_KNOWN, SeekableTar
from ..sources.members import clean
from ..text import printable
from .halves import is_cut
from .wording import EVIDENCE, REPAIR, count, listing, quote

_COMPARED = 4 << 20
"""Bytes of one duplicate that are compared with the other at most."""
_BUDGET = 64 << 20


def needed_names(frames: Frames) -> frozenset[str]:
    """Cleaned names of the members that some image is read from."""
    archive = frames.archive
    if archive is None:
        return frozenset()
    names = set(WELL_KNOWN)
    blobs: dict[str, Blob] = {}
    for alignment in frames.alignments:
        for manifest in alignment.image.manifests:
            blobs.update((blob.name, blob) for blob in manifest.layers)
            if manifest.config is not None:
                blobs[manifest.config.name] = manifest.config
        if alignment.image.entry.oci is not None:
            blobs[alignment.image.entry.oci.name] = alignment.image.entry.oci
    for blob in blobs.values():
        way = archive.find(blob)
        names.update(clean(member.name) for member in way.links)
        names.add(clean(way.member.name if way.member is not None else blob.name))
    return frozenset(names)


def _repeated(frames: Frames) -> Iterator[Finding]:
    """The tar holds two members of one name, as `tar -A` and `tar -r` leave them.

    Docker and containerd take the last of them, podman, skopeo and crane the first, so where the two differ the same
    file gives different images. Two archives cannot be joined by concatenation: save all images with one command.
    """
    archive = frames.archive
    repeated = archive.members.repeated if archive is not None else {}
    if archive is None or not repeated:
        return
    needed = needed_names(frames)
    compare = _comparer(archive, frames.deep)
    groups: dict[tuple[Severity, str], list[str]] = {}
    for name, members in repeated.items():
        if name in needed:
            same = compare(name, members)
            key: tuple[Severity, str] = (
                ("info", "with the same bytes")
                if same
                else ("error", "with different bytes")
                if same is False
                else ("warning", "and may differ")
            )
        else:
            key = ("info", "and no image needs it")
        groups.setdefault(key, []).append(name)
    for (severity, how), names in sorted(groups.items(), key=lambda item: item[0][0] != "error"):
        yield _repetition(archive, severity, how, names)


def _repetition(archive: Archive, severity: Severity, how: str, names: list[str]) -> Finding:
    documents = [name for name in names if name in WELL_KNOWN]
    names = documents + [name for name in names if name not in WELL_KNOWN]
    if len(names) == 1:
        times = len(archive.members.repeated[names[0]])
        what = f"{quote(names[0])} is in the tar {'twice' if times == 2 else f'{times} times'} {how}"
    else:
        what = (
            f"{count(len(names), 'name')} are in the tar more than once {how}: {listing([quote(n, 60) for n in names])}"
        )
        what = what.replace("no image needs it", "no image needs them")
    if severity != "info":
        what += "; Docker and containerd take the last, podman, skopeo and crane the first"
    return LK302.finding(
        f"{what}.",
        evidence={"names": names[:EVIDENCE], "repeated": len(names), "same": how == "with the same bytes"},
        fix=f"Save all images in one go, `docker save -o FIXED.tar IMAGE...`, or run {REPAIR}.",
        severity=severity,
    )


def _comparer(archive: Archive, deep: bool) -> Callable[[str, Sequence[Member]], bool | None]:
    """Tell whether members of one name have the same bytes, None where that would cost a long look."""
    seekable = isinstance(archive.backing, SeekableTar)
    left = _BUDGET

    def same(name: str, members: Sequence[Member]) -> bool | None:
        nonlocal left
        first = members[0]
        if len({(m.kind, m.size, m.target) for m in members}) > 1:
            return False
        if first.kind != "file":
            return True
        if deep and not seekable:
            return len({archive.backing.measure(m).digest for m in members}) == 1
        left -= first.size * len(members)
        if first.size > _COMPARED or left < 0 or not (seekable or name in WELL_KNOWN):
            return None
        try:
            return len({_bytes(archive, m) for m in members}) == 1
        except (LayerkitError, OSError):
            return None

    return same


def _bytes(archive: Archive, member: Member) -> bytes:
    parts = []
    with archive.backing.open(member) as stream:
        left = _COMPARED
        while left > 0 and (data := stream.read(left)):
            parts.append(data)
            left -= len(data)
    return b"".join(parts)


def _whole(frames: Frames) -> Iterator[Finding]:
    """The archive ends early or is damaged: a copy was cut short, a disk was full, or bytes were changed on the way.

    Everything after that place is lost, in `docker save` archives often manifest.json, which comes last. Copy the file
    again and compare its checksum with the original's.
    """
    archive = frames.archive
    if archive is None:
        return
    backing, members = archive.backing, archive.members.all
    copy = "Copy the file again and compare checksums (`sha256sum FILE`), or export the image again."
    if not members and (backing.first or not backing.outer):
        return  # no tar at all: that is LK304's to tell
    if backing.end == "cut":
        last = members[-1] if members else None
        if is_cut(last):
            assert last is not None
            missing = last.size - last.stored
            message = (
                f"The archive ends inside {quote(last.name)}: {count(missing, 'byte')} of its {last.size} are missing, "
                "and all that came after it."
            )
            evidence = {"member": last.name, "expected": last.size, "got": last.stored, "missing": missing}
        else:
            why = printable(backing.fault, 160) or "the last header is not whole"
            message = f"The archive ends early after {count(len(members), 'member')}: {why}."
            evidence = {"members": len(members)}
        yield LK303.finding(message, evidence=evidence, fix=copy)
    elif backing.end == "damaged":
        yield LK303.finding(
            f"The archive is damaged after {count(len(members), 'member')}: {printable(backing.fault, 200)}.",
            evidence={"members": len(members)},
            fix=copy,
        )
    elif backing.end == "clean" and _something_missing(frames, archive):
        yield LK303.finding(
            f"The archive ends after {count(len(members), 'member')} without the two zero blocks that close a tar, and "
            "not all that it should hold is there: a copy was probably cut short.",
            evidence={"members": len(members)},
            fix=copy,
            severity="warning",
        )


def _something_missing(frames: Frames, archive: Archive) -> bool:
    if not frames.alignments:
        return archive.likeness is None or archive.likeness.id in ("headless", "tar")
    return any(a.positions("absent") or a.config.fault_kind == "absent" for a in frames.alignments)


def _paths(frames: Frames) -> Iterator[Finding]:
    """Member names or the paths in manifest.json are not plain relative paths.

    containerd looks up paths letter by letter and finds neither `./x` nor `/x`; podman, skopeo and crane do not find
    members that begin with `/`; Docker 28 and later refuse a member `../x`. A `./` before member names alone, as
    `tar -c .` writes it, harms nothing. layerkit itself never follows such a path out of the archive.
    """
    archive = frames.archive
    if archive is None or (archive.likeness is not None and archive.likeness.id not in ("nested", "headless")):
        return
    needed = needed_names(frames)
    absolute: list[str] = []
    upward: list[str] = []
    dotted: list[str] = []
    for member in archive.members.all:
        if ".." in member.name.split("/"):
            upward.append(member.name)
        elif member.kind == "dir":
            continue
        elif member.name.startswith("/"):
            absolute.append(member.name)
        elif member.name != clean(member.name):
            dotted.append(member.name)
    fix = f"Run {REPAIR}, which writes plain names, or pack it anew with `tar -C FOLDER -cf FIXED.tar ...`."
    if absolute:
        fatal = any(clean(name) in needed for name in absolute)
        yield LK305.finding(
            f"{_are(absolute, 'member')} named with a leading /: only Docker's classic store finds "
            f"{'it' if len(absolute) == 1 else 'them'}.",
            evidence={"members": len(absolute), "examples": absolute[:8]},
            fix=fix,
            severity="error" if fatal else "warning",
        )
    if upward:
        yield LK305.finding(
            f"{_are(upward, 'member')} named with `..`: Docker 28 and later refuse the archive.",
            evidence={"members": len(upward), "examples": upward[:8]},
            fix=fix,
        )
    if dotted:
        yield LK305.finding(
            f"{_are(dotted, 'member')} named with a `./` or a doubled `/`, which runtimes clean away.",
            evidence={"members": len(dotted), "examples": dotted[:8]},
            fix="Nothing to do.",
            severity="info",
        )
    listed = [name for item in archive.items for name in (item.config, *item.layers) if name]
    outside = [name for name in listed if ".." in name.split("/")]
    odd = [name for name in listed if name != clean(name) and ".." not in name.split("/")]
    for names, who in ((outside, "Docker refuses to follow"), (odd, "containerd does not find")):
        if names:
            shown = listing([quote(name, 60) for name in dict.fromkeys(names)], 3)
            yield LK305.finding(
                f"manifest.json names {count(len(names), 'path')} that {who}: {shown}.",
                evidence={"paths": len(names), "examples": names[:8]},
                fix=fix,
            )


def _are(names: list[str], noun: str) -> str:
    shown = f"{count(len(names), noun)} ({quote(names[0], 60)}{' ...' if len(names) > 1 else ''})"
    return f"{shown} {'is' if len(names) == 1 else 'are'}"


LK302 = Rule("LK302", "every member name occurs once", _repeated, "file", requires=frozenset({"LK304"}))
LK303 = Rule("LK303", "the archive is whole", _whole, "file")
LK305 = Rule("LK305", "member names are plain relative paths", _paths, "file")
