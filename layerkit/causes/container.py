"""The file as a whole: cut, converted, glued together, or of another kind."""

from __future__ import annotations

from ..document import LIMIT, Document
from ..errors import LayerkitError
from ..finding import Cause
from ..sources import Archive
from ..sources.claims import parse_items
from ..sources.members import clean
from .scene import Scene, layers, leads_out, shown


def truncated_copy(scene: Scene) -> Cause | None:
    """The copy or download broke off."""
    archive = scene.frames.archive
    if archive is None:
        return None
    backing, likeness = archive.backing, archive.likeness
    fix = "Copy or download it again, and compare size and sha256 on both sides."
    if likeness is not None and likeness.id in ("empty", "zeros"):
        words = "has no bytes" if likeness.id == "empty" else "begins with zero bytes only"
        return Cause(
            "truncated-copy",
            "likely",
            f"The file {words}: the copy made the file and never filled it.",
            (f"size: {backing.length} bytes",) if backing.length is not None else (),
            fix,
        )
    members = archive.members.all
    if not members and not backing.outer:
        return None
    if backing.end == "cut" and "damaged" not in backing.fault:
        evidence = [shown(backing.fault)] if backing.fault else []
        message = "The archive ends before its end: a copy or download broke off."
        if members and members[-1].kind == "file" and members[-1].stored < members[-1].size:
            last = members[-1]
            message = (
                f"The archive breaks off inside {shown(last.name)}, which has {last.stored} of {last.size} "
                f"bytes: at least {last.size - last.stored} bytes are missing, and whatever came after. A "
                "copy or download broke off."
            )
            if backing.length is not None:
                evidence.append(f"the file has {backing.length} bytes and needs {last.offset + last.size} at the least")
        sure = scene.gaps or not members
        return Cause("truncated-copy", "certain" if sure else "likely", message, (*evidence, *_left_out(scene)), fix)
    if not scene.cut or backing.end == "damaged":
        return None
    tail = scene.tail
    if tail is not None:
        return Cause(
            "truncated-copy",
            "likely",
            f"The last {tail.size} bytes of the file are zeros, from byte {tail.start} on: it got its full "
            "size first and the copy broke off before it was filled.",
            (
                f"{tail.size} of {backing.length} bytes are zero behind {shown(members[-1].name)}",
                *_left_out(scene),
            ),
            fix,
        )
    return Cause(
        "truncated-copy",
        "likely",
        f"The archive stops right after {shown(members[-1].name)} without an end marker, and members that "
        "should follow are missing: a copy broke off between two of them.",
        (f"{len(members)} members, no end marker", *_left_out(scene)),
        fix,
    )


def _left_out(scene: Scene) -> tuple[str, ...]:
    """How much the manifests that are there say is missing."""
    absent = {
        row.path: (row.blob.size if row.blob else None)
        for image in scene.frames.alignments
        for row in image.layers
        if row.state == "absent"
    }
    if not absent:
        return ()
    known = sum(size for size in absent.values() if size)
    size = f", {known} bytes in all" if known else ""
    return (f"{layers(len(absent))} named by the manifests are not there{size}",)


def corrupt_file(scene: Scene) -> Cause | None:
    """Bytes changed where the archive's own structure is."""
    archive = scene.frames.archive
    if archive is None or not archive.members.all:
        return None
    backing = archive.backing
    if not (backing.end == "damaged" or (backing.end == "cut" and "damaged" in backing.fault)):
        return None
    count = len(archive.members.all)
    return Cause(
        "corrupt-copy",
        "likely",
        f"The archive is good for {count} {'member' if count == 1 else 'members'} and then makes no sense: "
        "bytes were changed by a bad disk, or by a transfer in text mode.",
        (shown(backing.fault),),
        "Copy it again in binary mode, and compare size and sha256 on both sides.",
    )


def concatenated_archives(scene: Scene) -> Cause | None:
    """Two archives were put into one file."""
    archive = scene.frames.archive
    if archive is None:
        return None
    tail = scene.tail
    if tail is not None and tail.kind == "tar":
        return Cause(
            "concatenated-archives",
            "certain",
            f"A second tar begins at byte {tail.start}, behind the end marker of the first; every runtime "
            "stops at that marker and never sees it. Two archives were glued together with `cat`.",
            (f"{tail.size} bytes follow the end marker",),
            "Load the archives one after another, or merge them with a tool that writes one manifest.json.",
        )
    repeated = archive.members.repeated
    name = next((n for n in ("manifest.json", "index.json") if n in repeated), "")
    if name:
        copies = repeated[name]
        return Cause(
            "concatenated-archives",
            "certain",
            f"{name} is in the file {len(copies)} times: a delta was appended to its base, or two archives "
            "were merged. Docker and containerd obey the last one, podman, skopeo and crane the first, so "
            "they load different images.",
            tuple(_describe(archive, number, len(copies)) for number in (0, len(copies) - 1))
            if name == "manifest.json"
            else (f"{len(copies)} members are called {name}",),
            f"Write the archive anew with one {name}.",
        )
    twice = [n for n, group in repeated.items() if len({m.size for m in group}) > 1 or n.endswith((".tar", ".tar.gz"))]
    if not twice:
        return None
    return Cause(
        "concatenated-archives",
        "possible",
        f"{len(twice)} {'member is' if len(twice) == 1 else 'members are'} in the file more than once, as "
        "when a tar is appended to (`tar -r`) or two are merged. Docker and containerd take the last, "
        "podman, skopeo and crane the first.",
        (f"first of them: {shown(twice[0])}",),
        "Write the archive anew with each member once.",
    )


def _describe(archive: Archive, number: int, total: int) -> str:
    member = archive.members.repeated["manifest.json"][number]
    which = f"manifest.json {number + 1} of {total}"
    if member.kind != "file" or member.size > LIMIT:
        return which
    try:
        with archive.backing.open(member) as stream:
            items, fault = parse_items(Document.parse(stream.read(member.stored)))
    except LayerkitError:
        return which
    if fault:
        return f"{which}: {shown(fault)}"
    tags = [tag for item in items for tag in item.tags]
    return f"{which}: {layers(sum(len(i.layers) for i in items))}, {shown(tags[0]) if tags else 'no tag'}"


def utf16_redirect(scene: Scene) -> Cause | None:
    """A shell wrote the tar as text."""
    return _likeness(
        scene,
        "utf16",
        "utf16-redirect",
        "A shell rewrote the tar as UTF-16 text while redirecting it: Windows PowerShell's `>` does so, and "
        "the bytes are lost.",
        "Export again with `docker save -o FILE IMAGE`; this file cannot be repaired.",
    )


def rootfs_export(scene: Scene) -> Cause | None:
    """The files of a container were exported, no image."""
    return _likeness(
        scene,
        "rootfs",
        "rootfs-export",
        "This is the file system of a container as `docker export` writes it: one tree of files, no layers, "
        "config or manifest.",
        "Save the image with `docker save`, or take this file in with `docker import` (history and settings are lost).",
    )


def _likeness(scene: Scene, kind: str, cause: str, message: str, fix: str) -> Cause | None:
    archive = scene.frames.archive
    if archive is None or archive.likeness is None or archive.likeness.id != kind:
        return None
    if kind == "utf16":
        seen = f"the file begins with the bytes {archive.backing.first[:4].hex(' ')}"
    else:
        tops = sorted({clean(m.name).split("/", 1)[0] for m in archive.members.all})
        seen = f"top level: {', '.join(shown(name) for name in tops[:8])}"
    return Cause(cause, "certain", message, (seen,), fix)


def unsafe_names(scene: Scene) -> Cause | None:
    """Member names lead out of the archive."""
    archive = scene.frames.archive
    if archive is None:
        return None
    names = [m.name for m in archive.members.all if leads_out(m.name)]
    names += [path for item in archive.items for path in (*item.layers, item.config) if leads_out(path)]
    if not names:
        return None
    absolute = all(name.startswith("/") for name in names)
    return Cause(
        "unsafe-names",
        "likely",
        f"{len(names)} {'name is' if len(names) == 1 else 'names are'} absolute or lead upwards (`..`), and "
        "most runtimes refuse or do not find those: "
        + ("it was packed again with `tar -P`." if absolute else "it was packed again from outside its folder."),
        (f"first of them: {shown(names[0])}",),
        "Pack it again from inside its folder: `tar -C FOLDER -cf FILE manifest.json ...`.",
    )
