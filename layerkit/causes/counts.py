"""The manifest, the config and the history do not count the same layers."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..alignment import Alignment, Layer
from ..document import Document, field_of
from ..finding import Cause, Confidence
from .scene import (
    EMPTY_GZIP,
    EMPTY_TAR,
    Scene,
    at,
    brief,
    carried,
    counted,
    identities,
    layers,
    listed,
    lister,
    opening,
    shown,
    written,
)

_METADATA = re.compile(
    r"(?:/bin/sh -c #\(nop\)\s+)?(?:CMD|ENTRYPOINT|ENV|EXPOSE|HEALTHCHECK|LABEL|MAINTAINER|ONBUILD|SHELL"
    r"|STOPSIGNAL|USER|VOLUME|ARG)\b"
)


def deduplicated(image: Alignment) -> bool:
    """Whether the manifest lists each different diff ID of the config once, as far as anything is known."""
    diff_ids = image.config.diff_ids
    different = len(set(diff_ids))
    if not different == len(image.manifest.layers) < len(diff_ids):
        return False
    found = identities(image)
    known = [identity for identity in found if identity]
    if len(set(known)) != len(known) or not set(known) <= set(diff_ids):
        return False
    # The top of the stack may by chance hold each of them once: a base left out looks like that.
    return found != diff_ids[-different:] or found == tuple(dict.fromkeys(diff_ids))


def dedup_diff_ids(image: Alignment, scene: Scene) -> Cause | None:
    """A tool kept the layers in a set."""
    if not deduplicated(image):
        return None
    diff_ids = image.config.diff_ids
    found = identities(image)
    known = {identity for identity in found if identity}
    counts: dict[str, int] = {}
    for diff_id in diff_ids:
        counts[diff_id] = counts.get(diff_id, 0) + 1
    repeated = [(diff_id, count) for diff_id, count in counts.items() if count > 1]
    surplus = len(diff_ids) - len(counts)
    return Cause(
        "dedup-diff-ids",
        "certain" if len(known) == len(counts) and found != diff_ids[-len(counts) :] else "likely",
        f"{opening(image)} lists {layers(len(counts))}, the config promises {len(diff_ids)}, of "
        f"which {len(counts)} are different: the writer left out {surplus} that repeat another one. A layer "
        "that occurs twice has to be listed twice; the file it names may be the same.",
        (
            *counted(image),
            f"the config holds {len(counts)} different diff IDs, as many as are listed",
            *(f"{brief(diff_id)} occurs {count} times" for diff_id, count in repeated[:3]),
            *written(scene),
        ),
        f"List all {len(diff_ids)} layers, the repeated ones by the same path each time.",
    )


def schema1_empty_layers(image: Alignment, scene: Scene) -> Cause | None:
    """Throwaway layers of a schema 1 image stayed on the list."""
    surplus = len(image.manifest.layers) - len(image.config.diff_ids)
    if surplus <= 0 or not image.config.diff_ids:
        return None
    rows = listed(image)
    empty = [row for row in rows if _is_empty(row)]
    promised = image.config.diff_ids.count(EMPTY_TAR)
    if len(empty) - promised < surplus:
        return None
    others = [row for row in rows if not _is_empty(row)]
    sure = all(row.matched_by not in ("", "position") for row in others) and len(empty) - promised == surplus
    return Cause(
        "schema1-empty-layers",
        "certain" if sure else "likely",
        f"{opening(image)} lists {layers(len(rows))}, the config promises "
        f"{len(image.config.diff_ids)}; {len(empty)} of those listed ("
        f"{at(empty)}) are the well-known empty layer. The base comes from the "
        f"schema 1 format, which has one for every step without files, and {surplus} of them should have "
        "been dropped.",
        (
            *counted(image),
            (
                f"{len(empty)} listed layers are empty ({brief(EMPTY_TAR)} or, gzipped, "
                f"{brief(EMPTY_GZIP)}), {promised} such diff IDs are promised"
            ),
        ),
        f"Take {surplus} empty {'layer' if surplus == 1 else 'layers'} off the list, or pull the base anew "
        "in schema 2.",
    )


def _is_empty(row: Layer) -> bool:
    if row.measured is not None:
        return row.measured.diff_id == EMPTY_TAR
    known = {EMPTY_TAR, EMPTY_GZIP}
    if known & set(carried(row)):
        return True
    return (row.stored_size, row.compression) in ((1024, ""), (32, "gzip"))


def history_as_layers(image: Alignment, scene: Scene) -> Cause | None:
    """History entries were counted as if each had made a layer."""
    counts = image.counts
    manifest, config = counts["manifest_layers"], counts["diff_ids"]
    history, told = counts["history"], counts["history_nonempty"]
    if manifest == config or not manifest or not config or scene.cut or deduplicated(image):
        return None
    if schema1_empty_layers(image, scene) is not None:
        return None
    more = "manifest" if manifest > config else "config"
    most, fewest = max(manifest, config), min(manifest, config)
    confidence: Confidence
    if history > told and most == history and fewest == told:
        confidence, how = (
            "likely",
            f"all {history} history entries, the {history - told} without a layer included",
        )
    elif history > told and most == history:
        confidence, how = (
            "possible",
            f"all {history} history entries, the {history - told} without a layer included",
        )
    elif most == told and image.manifest.view == "docker" and manifest == most:
        confidence, how = "possible", f"the {told} history entries that are not marked as empty"
    else:
        return None
    side = lister(image) if more == "manifest" else "rootfs.diff_ids"
    return Cause(
        "history-as-layers",
        confidence,
        f"{opening(image)} lists {layers(manifest)}, the config promises {config}. "
        f"{side[0].upper()}{side[1:]} has one for each of {how}: its writer took history entries for layers.",
        (*counted(image), f"history: {history} entries, {told} of them not marked empty_layer"),
        f"Write {side} with {layers(fewest)}: only bytes are layers.",
    )


def history_unmarked(image: Alignment, scene: Scene) -> Cause | None:
    """History entries that made no layer are not marked so."""
    config, told = image.config, image.told
    surplus = len(told) - len(config.diff_ids)
    if surplus <= 0 or len(image.manifest.layers) > len(config.diff_ids) or not config.has_rootfs:
        return None
    suspects = [(i, entry) for i, entry in told if _METADATA.match(entry.created_by)]
    entries = "entry claims" if surplus == 1 else "entries claim"
    return Cause(
        "history-unmarked",
        "likely" if len(suspects) >= surplus else "possible",
        f"The history tells of {layers(len(told))} in {len(config.history)} entries, the config promises "
        f"{len(config.diff_ids)}: {surplus} {entries} a layer and made none. An old builder left out "
        "`empty_layer`.",
        (
            (
                f"history: {len(config.history)} entries, {len(config.history) - len(told)} marked "
                f"empty_layer, {len(config.diff_ids)} diff IDs"
            ),
            *(f"entry {i} sets metadata only: {shown(entry.created_by)}" for i, entry in suspects[:3]),
        ),
        "Mark these entries as empty_layer (the image ID changes), or build anew on a current base.",
    )


def layers_without_history(image: Alignment, scene: Scene) -> Cause | None:
    """Layers were appended and no history with them."""
    config, told = image.config, len(image.told)
    lacking = len(config.diff_ids) - told
    if lacking <= 0 or not config.has_history or len(image.manifest.layers) != len(config.diff_ids):
        return None
    return Cause(
        "layers-without-history",
        "likely",
        f"The image has {layers(len(config.diff_ids))}, its history tells of {told}: a tool appended "
        f"{layers(lacking)} without a history entry each. Runtimes load this; buildah refuses to build on "
        "it.",
        ((f"history: {len(config.history)} entries, {told} not marked empty_layer, {len(config.diff_ids)} diff IDs"),),
        f"Add {lacking} history {'entry' if lacking == 1 else 'entries'} (the image ID changes), or update that tool.",
    )


def schema1_counts(image: Alignment, scene: Scene) -> Cause | None:
    """A schema 1 manifest whose two lists differ in length."""
    if image.manifest.view != "schema1":
        return None
    value = Document.parse(image.manifest.raw).value
    doc: Mapping[str, object] = value if isinstance(value, dict) else {}
    blobs, history = field_of(doc, "fsLayers"), field_of(doc, "history")
    if not isinstance(blobs, list) or not isinstance(history, list) or len(blobs) == len(history):
        return None
    return Cause(
        "schema1-counts",
        "certain",
        f"The schema 1 manifest has {len(blobs)} fsLayers and {len(history)} history entries. The format "
        "keeps each layer's JSON in the history entry of the same place, so both have to be equally long: it "
        "was edited by hand or cut.",
        (f"fsLayers {len(blobs)}, history {len(history)}, newest first",),
        "Pull the image again as schema 2; schema 1 is no longer taken by current runtimes.",
    )
