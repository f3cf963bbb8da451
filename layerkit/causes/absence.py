"""Layers that were left out: on purpose, by an old list, or because the target holds them in another form."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice

from ..alignment import Alignment, Layer
from ..finding import Cause, Confidence
from .counts import deduplicated
from .scene import Scene, at, brief, counted, identities, layers, leads_out, listed, lister, opening, shown, written

_LITE = re.compile(r"sha256:[0-9a-f]{64}\.tar")
_SQUASH = ("squash", "merge sha256:")  # moby daemon/create.go `SquashImage`: "merge sha256:... to sha256:..."


def incremental_filter(image: Alignment, scene: Scene) -> Cause | None:
    """An exporter sent only what it took the target to lack."""
    lacking = _lacking(image)
    if not lacking or scene.cut or not image.config.diff_ids or image.manifest.fault:
        return None
    absent = [row for row in lacking if row.state == "absent"]
    gone = [row for row in lacking if not row.listed]
    if not absent and (deduplicated(image) or _unnamed(image, scene)):
        return None
    if any(_explained(row, scene) for row in absent) or _foreign_bytes(image):
        return None
    promised = len(image.config.diff_ids)
    if len(absent) == promised and image.config.digest in scene.complete:
        return None
    told = not gone or all(row.matched_by != "position" for row in image.layers if row.listed)
    prefix = [row.config_index for row in lacking] == list(range(len(lacking)))
    lite = any(_LITE.fullmatch(blob.name) for blob in image.manifest.layers)
    which = f"the lowest {layers(len(lacking))} ({at(lacking)})"
    if not told:
        which = f"{layers(len(lacking))}, most likely the lowest,"
    elif not prefix:
        which = f"{layers(len(lacking))} ({at(lacking)})"
    if gone:
        message = (
            f"An exporter that sends only what the target lacks left out {which} and shortened the list as well: "
            f"{lister(image)} has {len(image.manifest.layers)}, the config {promised}. Docker compares the two "
            "numbers before it looks for anything it already has, so it refuses on every host."
        )
        fix = (
            f"List all {promised} layers in {lister(image)} again, in the order of the config. Their files "
            "may stay out only where the target holds this very chain; otherwise add them or export in full."
        )
    else:
        message = (
            f"All {promised} layers are listed, but {which} {_are(lacking)} not stored: an exporter left out "
            "what it took the target to hold already."
        )
        fix = "Load it where the left-out layers are held below the same chain, or add their files."
    if told and not prefix:
        fix += " Docker can only do without a run of layers at the bottom, and this is none."
    lone = _only_top(image)
    confidence: Confidence = "possible"
    if told and prefix and not lone and len(lacking) < promised:
        confidence = "certain" if lite else "likely"
    elif lite:
        confidence = "likely"
    evidence = [*counted(image), _rows("not stored", lacking)]
    if told and prefix and len(lacking) < promised:
        evidence.append(f"the upper {layers(promised - len(lacking))} of {promised} are there without a gap")
    evidence += written(scene)
    return Cause("incremental-filter", confidence, message, tuple(evidence), fix)


def last_layer_only(image: Alignment, scene: Scene) -> Cause | None:
    """A tool kept the top layer and nothing below it."""
    if scene.cut or not _only_top(image) or any(_explained(row, scene) for row in _lacking(image)):
        return None
    if _foreign_bytes(image) or deduplicated(image) or _unnamed(image, scene):
        return None
    lacking = _lacking(image)
    below = layers(len(lacking))
    return Cause(
        "last-layer-only",
        "likely",
        f"Only the topmost of {len(image.config.diff_ids)} layers is in the file; the {below} of its base "
        f"({at(lacking)}) {_are(lacking)} not. A tool that keeps the "
        "last layer only wrote it.",
        (*counted(image), _rows("not stored", lacking), *written(scene)),
        "Load the base image on the target first (Docker's classic store then takes this file if all layers "
        "are listed), or save the image in full.",
    )


def empty_layer_path(image: Alignment, scene: Scene) -> Cause | None:
    """A client writes "" for a layer that the target holds."""
    empty = [row for row in image.layers if row.listed and row.path == ""]
    if not empty:
        return None
    return Cause(
        "empty-layer-path",
        "certain",
        f"{layers(len(empty))} ({at(empty)}) "
        f'{"has" if len(empty) == 1 else "have"} the path "" in {lister(image)}: a client left out what it '
        "took the target "
        "to hold, in a form that only Docker's classic store takes, and only if it does hold it.",
        (_rows("path is empty", empty),),
        "Write the layers' real paths and add their files, or export in full.",
    )


def manifest_trimmed(image: Alignment, scene: Scene) -> Cause | None:
    """The list was shortened, the files are still there."""
    gaps = [row for row in image.layers if row.state in ("gone", "unlisted")]
    if not gaps or scene.cut or deduplicated(image) or _foreign_bytes(image):
        return None
    unlisted = [row for row in gaps if row.state == "unlisted"]
    guessed = not unlisted
    if guessed and not _unnamed(image, scene):
        return None
    if not guessed and len(unlisted) < len(gaps):
        return None
    evidence = [*counted(image)]
    if guessed:
        names = ", ".join(shown(blob.name) for blob in scene.strays[:3])
        evidence.append(f"{len(scene.strays)} files look like layers and are listed nowhere: {names}")
    else:
        evidence.append(_rows("stored under their own digest, and not listed", unlisted))
    return Cause(
        "manifest-trimmed",
        "possible" if guessed else "certain",
        f"{opening(image)} lists {layers(len(image.manifest.layers))}, the config promises "
        f"{len(image.config.diff_ids)}; the {len(gaps)} that {_are(gaps)} not listed "
        f"{'seem to be' if guessed else _are(gaps)} in the file all the same. The list was shortened without "
        "need, or written before the layers were.",
        tuple(evidence),
        f"List the layers in {lister(image)} again, in the order of the config; no bytes are missing.",
    )


def stale_after_squash(image: Alignment, scene: Scene) -> Cause | None:
    """The layers were merged, the manifest (and perhaps the config) still name the old ones."""
    if scene.cut or image.manifest.fault or image.config.fault:
        return None
    rows = [row for row in image.layers if row.listed and not row.present and row.path and row.state != "held"]
    if not rows or len(rows) == len(listed(image)) or _only_top(image):
        return None
    indexes = [row.manifest_index for row in rows]
    strays = scene.strays
    bottom = indexes == list(range(len(indexes)))
    squashed = any(
        mark in (entry.comment[:80] + entry.created_by[:80]).lower()
        for entry in islice(reversed(image.config.history), 4)
        for mark in _SQUASH
    )
    if not squashed and not strays:
        return None
    evidence = [*counted(image), _rows("listed and not stored", rows)]
    if strays:
        evidence.append(f"stored and listed nowhere: {', '.join(shown(blob.name) for blob in strays[:3])}")
    if squashed:
        evidence.append("the history tells of a squash")
    return Cause(
        "stale-after-squash",
        "likely" if squashed or not bottom else "possible",
        f"{opening(image)} still lists {layers(len(rows))} ("
        f"{at(rows)}) that {_are(rows)} not in the file"
        + (f", while {layers(len(strays))} that nothing lists {_are(strays)} in it" if strays else "")
        + ": layers were squashed or replaced and the list was not written anew.",
        tuple(evidence),
        "Squash again with a tool that rewrites manifest.json and the config, or export the unsquashed image.",
    )


def wrong_base(image: Alignment, scene: Scene) -> Cause | None:
    """The target holds the left-out layers, but in another chain."""
    held = image.held
    if held is None:
        return None
    lacking = [row for row in image.layers if row.state in ("absent", "gone") and row.diff_id is not None]
    known = [row for row in lacking if row.diff_id in held.diff_ids and row.chain_id not in held.chain_ids]
    if not known:
        return None
    return Cause(
        "wrong-base",
        "certain" if len(known) == len(lacking) else "likely",
        f"The target holds {layers(len(known))} that this file leaves out ("
        f"{at(known)}), but on top of other layers: same diff IDs, other chain. The "
        "delta was made by looking at diff IDs or image names alone, and Docker and containerd find a layer "
        "by its chain.",
        (
            (f"{len(known)} of {len(lacking)} left-out diff IDs are on the target, none under the chain ID needed"),
            f"needed at position {known[0].position}: chain {brief(known[0].chain_id)}",
        ),
        "Make the delta anew against what this target holds, or send these layers along.",
    )


def incomplete_content(image: Alignment, scene: Scene) -> Cause | None:
    """containerd will run the image on snapshots it has, and never have the blobs that its manifest names."""
    held = image.held
    if held is None or not held.blobs or "containerd" not in (held.runtime, held.store):
        return None
    rows = [row for row in image.layers if row.state == "held" and row.blob and row.blob.digest]
    lost = [row for row in rows if row.blob and row.blob.digest not in held.blobs]
    if not lost:
        return None
    return Cause(
        "incomplete-content",
        "likely",
        f"The target has the files of {layers(len(lost))} ({at(lost)}), "
        "but not the blobs that this manifest names: its base came in with other compressed digests. The "
        "image will run there and can be neither saved nor pushed.",
        (f"first such blob: {brief(lost[0].blob.digest if lost[0].blob else None)}",),
        "Send these layers along, or make the delta from the registry's own compressed blobs.",
    )


def _lacking(image: Alignment) -> list[Layer]:
    """What was left out; a layer that is stored for another position only was left out of this one."""
    listed = frozenset(image.manifest.layers)
    return [
        row
        for row in image.layers
        if row.state in ("absent", "gone") or (row.state == "unlisted" and row.blob in listed)
    ]


def _explained(row: Layer, scene: Scene) -> bool:
    """Whether the path itself is why nothing was found: empty, leading out, or a link to nowhere."""
    archive = scene.frames.archive
    if row.blob is None or not row.listed:
        return False
    if row.blob.name == "" or leads_out(row.blob.name):
        return True
    return archive is not None and bool(archive.find(row.blob).links)


def _unnamed(image: Alignment, scene: Scene) -> bool:
    """Whether as many layer-like files lie about unlisted as the list is short of."""
    gone = sum(row.state == "gone" for row in image.layers)
    return 0 < gone <= len(scene.strays)


def _only_top(image: Alignment) -> bool:
    promised = len(image.config.diff_ids)
    there = [row for row in image.layers if row.listed and row.present]
    if promised < 2 or len(there) != 1 or len(_lacking(image)) != promised - 1:
        return False
    row = there[0]
    return row.config_index == promised - 1 or (row.matched_by == "position" and row.config_index == 0)


def _foreign_bytes(image: Alignment) -> bool:
    """Whether the bytes were read and not one layer is of this config."""
    if not image.deep:
        return False
    found = [identity for identity in identities(image) if identity]
    return bool(found) and not frozenset(found) & frozenset(image.config.diff_ids)


def _rows(what: str, rows: Sequence[Layer]) -> str:
    shorts = ", ".join(f"{row.position} {brief(row.diff_id or row.path)}" for row in rows[:3])
    return f"{what}: {shorts}{', ...' if len(rows) > 3 else ''}"


def _are(things: Sequence[object]) -> str:
    return "is" if len(things) == 1 else "are"
