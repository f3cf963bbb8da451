"""The bytes are not those that were promised."""

from __future__ import annotations

from collections import Counter

from ..alignment import Alignment, Layer
from ..digest import EMPTY, is_digest
from ..finding import Cause
from ..sources.members import clean
from .scene import Scene, at, brief, counted, identities, layers, listed, lister, ranges, shown

_BLOCK = 512


def compressed_digests(image: Alignment, scene: Scene) -> Cause | None:
    """The config holds the digests of the compressed files where those of the tars belong."""
    promised = frozenset(image.config.diff_ids)
    measured, claimed = [], []
    for row in listed(image):
        if row.measured is not None:
            if row.measured.digest in promised and row.measured.digest != row.measured.diff_id:
                measured.append(row)
        elif row.blob is not None and row.blob.digest in promised and _packed(row):
            claimed.append(row)
    rows = measured or claimed
    if not rows:
        return None
    first = rows[0]
    evidence = [f"{len(rows)} of {len(promised)} diff IDs are digests of compressed files"]
    if first.measured is not None:
        evidence.append(
            f"position {first.position}: the file hashes to {brief(first.measured.digest)}, which is the "
            f"diff ID, the tar in it to {brief(first.measured.diff_id)}"
        )
    else:
        evidence.append(
            f"position {first.position}: {brief(first.diff_id)} is diff ID and blob digest of a packed layer"
        )
    return Cause(
        "compressed-digests-as-diff-ids",
        "certain" if measured else "likely",
        f"rootfs.diff_ids holds the digests of {len(rows)} compressed files ("
        f"{at(rows)}). A diff ID is the digest of the tar before compression: the "
        "exporter hashed the wrong side.",
        tuple(evidence),
        "Write the config with the digests of the uncompressed tars (the image ID changes), and correct the exporter.",
    )


def _packed(row: Layer) -> bool:
    if row.compression is not None:
        return row.compression != ""
    return bool(row.blob and row.blob.media_type.endswith(("gzip", "zstd")))


def layers_reordered(image: Alignment, scene: Scene) -> Cause | None:
    """The right layers are listed in another order than the config's."""
    found, diff_ids = identities(image), image.config.diff_ids
    if "" in found or found == diff_ids or sorted(found) != sorted(diff_ids):
        return None
    paths = [blob.name for blob in image.manifest.layers]
    moved = [i for i, (a, b) in enumerate(zip(found, diff_ids, strict=True)) if a != b]
    if found == diff_ids[::-1]:
        how = "newest first, as schema 1 lists them"
    elif paths == sorted(paths):
        how = "sorted by name"
    else:
        how = f"{len(moved)} of {len(found)} are in another's place"
    return Cause(
        "layers-reordered",
        "certain" if image.deep else "likely",
        f"All {len(diff_ids)} layers are right, their order in {lister(image)} is not: {how}. "
        "The order of rootfs.diff_ids, oldest first, is the one that counts.",
        (
            f"misplaced: positions {ranges(moved)}",
            (f"position {moved[0]} lists {brief(found[moved[0]])}, the config says {brief(diff_ids[moved[0]])}"),
        ),
        f"List the layers in {lister(image)} in the order of rootfs.diff_ids.",
    )


def cut_layer(image: Alignment, scene: Scene) -> Cause | None:
    """A layer's file is shorter than it was."""
    if scene.cut:
        return None
    rows = [row for row in image.layers if row.listed and _short(row)]
    if not rows:
        return None
    row = rows[0]
    size = row.blob.size if row.blob else None
    stored = row.stored_size or 0
    if size is not None and size > stored:
        amount = f"has {stored} of {size} bytes, {size - stored} are missing"
    elif row.measured is not None and row.measured.fault:
        amount = f"ends after {stored} bytes, inside its {row.compression} stream"
    else:
        amount = f"ends after {stored} bytes, {stored % _BLOCK} bytes into a tar block of {_BLOCK}"
    return Cause(
        "truncated-copy",
        "likely",
        f"{layers(len(rows))} ({at(rows)}) "
        f"{'is' if len(rows) == 1 else 'are'} cut short: {shown(row.path or '')} {amount}. The download or "
        "copy of that layer broke off before it was packed.",
        tuple(f"position {r.position}: {r.stored_size} bytes stored" for r in rows[:3]),
        "Fetch this layer again and put it in place; the others are not affected.",
    )


def _short(row: Layer) -> bool:
    stored = row.stored_size
    if not row.present or not stored:
        return False
    size = row.blob.size if row.blob else None
    if row.measured is not None and row.blob is not None and row.measured.digest == row.blob.digest:
        return False  # the descriptor's size is what lies
    if size is not None:
        return stored < size
    if row.measured is None:
        return False
    if row.measured.fault:
        return "ends early" in row.measured.fault
    return row.state == "wrong" and row.compression == "" and stored % _BLOCK != 0


def empty_file(image: Alignment, scene: Scene) -> Cause | None:
    """A layer's file has no bytes."""
    rows = [
        row
        for row in image.layers
        if row.listed and row.present and row.stored_size == 0 and row.diff_id not in (None, EMPTY) and row.path != ""
    ]
    if not rows or scene.cut:
        return None
    return Cause(
        "empty-file",
        "likely",
        f"{layers(len(rows))} ({at(rows)}) "
        f"{'has a file' if len(rows) == 1 else 'have files'} of 0 bytes: the stream that should have filled "
        "it ended before it began, or a placeholder was written for a layer that the target holds.",
        (f"position {rows[0].position} promises {brief(rows[0].diff_id)}, no bytes hash to {brief(EMPTY)}",),
        "Fetch these layers again.",
    )


def corrupt_copy(image: Alignment, scene: Scene) -> Cause | None:
    """One or a few layers have other bytes, all else being right."""
    if not image.deep or scene.cut:
        return None
    archive = scene.frames.archive
    repeated = archive.members.repeated.keys() if archive is not None else frozenset[str]()
    paths = Counter(blob.name for blob in image.manifest.layers)
    rows = [
        row
        for row in image.layers
        if row.listed and _spoilt(row) and row.path and paths[row.path] == 1 and clean(row.path) not in repeated
    ]
    there = [row for row in image.layers if row.listed and row.present]
    if not rows or len(rows) > max(1, len(there) // 4) or compressed_digests(image, scene):
        return None
    found = identities(image)
    if "" not in found and sorted(found) == sorted(image.config.diff_ids):
        return None
    row = rows[0]
    measured = row.measured
    biggest = max(there, key=lambda r: r.stored_size or 0) is row
    got = measured.fault if measured is not None and measured.fault else brief(measured.diff_id if measured else None)
    same_size = row.blob is not None and row.blob.size == row.stored_size
    known = row.blob is not None and row.blob.digest is not None
    return Cause(
        "corrupt-copy",
        "likely" if known or len(there) > 1 or (measured is not None and measured.fault) else "possible",
        f"{len(rows)} of {layers(len(there))} ({at(rows)}) "
        f"{'has' if len(rows) == 1 else 'have'} other bytes than promised and the rest is right: a copy went "
        "bad on the way "
        "or on the disk" + (", in the biggest layer, as is usual." if biggest and len(there) > 1 else "."),
        (
            f"position {row.position}: expected {brief(row.diff_id)}, got {got}",
            f"its size is {'the promised ' if same_size else ''}{row.stored_size} bytes",
        ),
        "Copy the file again and compare its sha256 on both sides, or fetch this one layer anew.",
    )


def _spoilt(row: Layer) -> bool:
    """Other bytes than were written; a packed layer that unpacks without complaint is another layer."""
    measured = row.measured
    if measured is None or not row.stored_size or _short(row) or not is_digest(row.diff_id or ""):
        return False
    if row.blob is not None and row.blob.digest is not None:
        return measured.digest != row.blob.digest
    if row.state == "damaged":
        return True
    return row.state == "wrong" and row.compression == ""


def layer_replaced(image: Alignment, scene: Scene) -> Cause | None:
    """A layer was exchanged in the manifest, and the config was not told."""
    rows = [
        row
        for row in image.layers
        if row.state == "wrong" and row.measured and row.blob and row.measured.digest == row.blob.digest
    ]
    if not rows or len(rows) * 2 > len(listed(image)) or compressed_digests(image, scene):
        return None
    found = identities(image)
    if "" not in found and sorted(found) == sorted(image.config.diff_ids):
        return None
    row = rows[0]
    return Cause(
        "layer-replaced",
        "likely",
        f"{layers(len(rows))} ({at(rows)}) "
        f"{'is' if len(rows) == 1 else 'are'} intact by the manifest's digest and not what the config "
        "promises: a layer was rebuilt or exchanged and the manifest written anew, without the config.",
        (
            (
                f"position {row.position}: blob digest {brief(row.blob.digest if row.blob else None)} is "
                f"right, diff ID is {brief(row.measured.diff_id if row.measured else None)}, promised "
                f"{brief(row.diff_id)}"
            ),
        ),
        "Write the config with the diff IDs of the layers that are listed (the image ID changes), or build anew.",
    )


def other_compression(image: Alignment, scene: Scene) -> Cause | None:
    """Layers are packed in a way that some runtimes do not read."""
    kinds: dict[str, list[Layer]] = {}
    for row in image.layers:
        if row.listed and row.compression in ("zstd", "xz", "bzip2"):
            kinds.setdefault(str(row.compression), []).append(row)
    if not kinds:
        return None
    rows = [row for group in kinds.values() for row in group]
    hard = kinds.keys() & {"xz", "bzip2"}
    who = "containerd and every Docker on its image store" if hard else "Docker before 23.0 and containerd before 1.5"
    lying = [row for row in rows if row.blob and row.blob.media_type.endswith("gzip")]
    evidence = [f"{kind}: {at(group)}" for kind, group in kinds.items()]
    if lying:
        evidence.append(f"{at(lying)} are declared as gzip")
    return Cause(
        "compression-unsupported",
        "likely" if hard else "possible",
        f"{len(rows)} of {layers(len(image.manifest.layers))} {'is' if len(rows) == 1 else 'are'} packed "
        f"with {' and '.join(sorted(kinds))}, which {who} cannot read: they fail with `unexpected EOF` or "
        "`invalid tar header`.",
        (*evidence, *counted(image)),
        "Write the layers again with gzip or unpacked; the image ID stays the same.",
    )
