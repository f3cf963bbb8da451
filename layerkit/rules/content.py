"""LK202, LK203, LK205, LK207 to LK209: the bytes must be the ones that were promised."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..alignment import Alignment, Layer
from ..digest import EMPTY, is_digest
from ..finding import Finding, Rule
from ..text import printable
from .halves import Listed, distinct, is_cut, listed_layers, member_of, title
from .wording import EVIDENCE, REFILL, REPAIR, again, count, named, short, spans

_HEX = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


def _diff_ids(image: Alignment) -> Iterator[Finding]:
    """The bytes of a layer, decompressed, hash to another diff ID than the config promises.

    Docker says "invalid diffID for layer", containerd "wrong diff id calculated on extraction", podman "Digest did not
    match". The layer belongs to another image or was changed. Take it from a source that has the right one, or export
    the image again.
    """
    explained = {
        *out_of_order(image),
        *(position for group in shared(image) for position in group),
        *(position for layer in _misnamed(image) for position in layer.positions),
    }
    rows = [
        row
        for row in image.layers
        if row.state == "wrong" and row.position not in explained and row.stored_size and is_digest(row.diff_id or "")
    ]  # fmt: skip
    if not rows:
        return
    first = rows[0]
    assert first.measured is not None
    packed = [row for row in rows if row.measured is not None and row.measured.digest == row.diff_id]
    if len(packed) == len(rows):
        message = (
            f"The config promises the digests of {count(len(rows), 'layer')} as compressed, not the diff IDs of the "
            f"content ({spans(r.position for r in rows)})."
        )
        fix = f"Run {REPAIR}, which gives the image a new ID, and tell the maker of the exporter."
    elif len(rows) == 1:
        message = (
            f"Layer {named(first.path or '')} (position {first.position}) hashes to {short(first.measured.diff_id)}, "
            f"the config promises {short(first.diff_id)}."
        )
        fix = f"Run {REFILL} with a source that has the right layer, or export the image again: {again(image)}."
    else:
        message = (
            f"The bytes of {count(len(rows), 'layer')} hash to other diff IDs than the config promises "
            f"({spans(r.position for r in rows)}); the first to {short(first.measured.diff_id)} "
            f"instead of {short(first.diff_id)}."
        )
        fix = f"Run {REFILL} with a source that has the right layers, or export the image again: {again(image)}."
    yield LK202.finding(
        message,
        positions=[row.position for row in rows],
        evidence={
            "layers": [
                {"position": r.position, "path": r.path, "expected": r.diff_id, "got": r.measured.diff_id}
                for r in rows[:EVIDENCE]
                if r.measured is not None
            ],
            "compressed_digests": len(packed),
        },
        fix=fix,
    )


def _misnamed(image: Alignment) -> list[Listed]:
    """Layers whose stored bytes are not those of their blob digest; cut and empty ones have rules of their own.

    Where an OCI manifest is there its digests count; the path of a manifest.json entry promises nothing to a runtime.
    """
    decisive = image.oci.view if image.oci is not None else image.manifest.view
    return [
        layer
        for layer in distinct(one for one in listed_layers(image) if one.manifest.view == decisive)
        if layer.measured is not None
        and not layer.measured.fault
        and layer.measured.size
        and (layer.blob.digest or "").startswith("sha256:")
        and layer.measured.digest != layer.blob.digest
    ]


def _blob_digests(image: Alignment) -> Iterator[Finding]:
    """The stored bytes of a layer do not hash to the digest under which they are kept.

    containerd keeps blobs by what they really hash to and reports such a layer as "not found"; podman and registries
    say "Digest did not match". Take the layer from a source that has it, or export the image again.
    """
    layers = _misnamed(image)
    if not layers:
        return
    first, others = layers[0], len(layers) - 1
    assert first.measured is not None
    more = f", and {count(others, 'other layer')} likewise" if others else ""
    yield LK203.finding(
        f"The layer that {title(first.manifest)} names {short(first.blob.digest)} hashes to "
        f"{short(first.measured.digest)}{_at(first)}{more}.",
        positions=[position for layer in layers for position in layer.positions],
        evidence={
            "layers": [
                {"name": layer.blob.name, "expected": layer.blob.digest, "got": layer.measured.digest}
                for layer in layers[:EVIDENCE]
                if layer.measured is not None
            ]
        },
        fix=f"Run {REFILL} with a source that has the right bytes, or export the image again: {again(image)}.",
        severity="warning" if first.manifest.view == "docker" else "error",
    )


def _at(layer: Listed) -> str:
    return "" if layer.position is None else f" (position {layer.position})"


def _decompression(image: Alignment) -> Iterator[Finding]:
    """A layer is cut short or cannot be decompressed.

    Every runtime stops in the middle of it, mostly with "unexpected EOF". Copy the file again and compare checksums;
    if the original is damaged too, take the layer from another source. Without a deep check only layers that the
    archive itself cuts off are seen.
    """
    damaged = [(layer, said) for layer in distinct(listed_layers(image)) if (said := _damage(image, layer))]
    if not damaged:
        return
    (first, said), others = damaged[0], len(damaged) - 1
    more = f", and {count(others, 'other layer')} likewise" if others else ""
    yield LK205.finding(
        f"Layer {named(first.blob.name)}{_at(first)} {said}{more}.",
        positions=[position for layer, _ in damaged for position in layer.positions],
        evidence={
            "layers": [
                {"name": layer.blob.name, "stored": layer.stored, "fault": said} for layer, said in damaged[:EVIDENCE]
            ]
        },
        fix=f"Copy the file again, or run {REFILL} with a source that has the layer.",
    )


def _damage(image: Alignment, layer: Listed) -> str:
    member = member_of(image, layer.blob)
    if member is not None and is_cut(member):
        return f"is cut short: {member.stored} of {count(member.size, 'byte')} are there"
    if layer.measured is not None and layer.measured.fault:
        return f"cannot be decompressed: {printable(layer.measured.fault, 160)}"
    return ""


def out_of_order(image: Alignment) -> tuple[int, ...]:
    """Positions whose layer belongs elsewhere in the same image; empty where anything else is wrong with them.

    A layer is known by its measured diff ID, else by a diff ID of this image in its digest or name.
    """
    diff_ids = image.config.diff_ids
    rows = [row for row in image.layers if row.listed]
    if len(rows) != len(diff_ids):
        return ()
    wanted = frozenset(diff_ids)
    identities = [_identity(row, wanted) for row in rows]
    if sorted(identities) != sorted(diff_ids):
        return ()
    return tuple(row.position for row, identity in zip(rows, identities, strict=True) if identity != row.diff_id)


def _identity(row: Layer, wanted: frozenset[str]) -> str:
    if row.measured is not None:
        return row.measured.diff_id or ""
    if row.blob is None:
        return ""
    if row.blob.digest in wanted:
        return str(row.blob.digest)
    names = (f"sha256:{text}" for text in _HEX.findall(row.blob.name))
    return next((name for name in names if name in wanted), "")


def _order(image: Alignment) -> Iterator[Finding]:
    """All layers are the right ones, but they are listed in another order than the config's diff IDs.

    Layers overwrite each other from the bottom up, so runtimes refuse a wrong order as a wrong diff ID; old podman and
    skopeo do not look, and the files come out wrong. Listing them in the config's order repairs it.
    """
    positions = out_of_order(image)
    if positions:
        rows = [image.layers[position] for position in positions[:EVIDENCE]]
        yield LK207.finding(
            f"The {count(len(image.config.diff_ids), 'layer')} are the right ones in the wrong order: "
            f"{len(positions)} are out of place ({spans(positions)}).",
            positions=positions,
            evidence={"out_of_place": len(positions), "paths": [row.path for row in rows]},
            fix=f"Run {REPAIR}: it lists them in the order of the config.",
        )


def shared(image: Alignment) -> list[Sequence[int]]:
    """Groups of positions that lead to the same bytes and yet have different diff IDs."""
    source = image.image.source
    groups: dict[str, list[Layer]] = {}
    for row in image.layers:
        if row.listed and row.config_index is not None and row.blob is not None and row.blob.name:
            groups.setdefault(source.key(row.blob), []).append(row)
    return [
        [row.position for row in rows]
        for rows in groups.values()
        if len({row.diff_id for row in rows}) > 1 and rows[0].stored_size != 0
    ]


def _shared_paths(image: Alignment) -> Iterator[Finding]:
    """One stored layer is listed for several different diff IDs, of which it can be only one.

    podman says "Layer tarfile used for two different DiffID values", Docker and containerd find a wrong diff ID. A
    layer that occurs twice with the same diff ID is fine. The other layers were lost by the exporter: take them from a
    source that has them.
    """
    if out_of_order(image):
        return
    for group in shared(image):
        rows = [image.layers[position] for position in group]
        diff_ids = list(dict.fromkeys(row.diff_id for row in rows))
        name = rows[0].path or ""
        yield LK208.finding(
            f"{named(name)} is listed for {len(diff_ids)} different diff IDs ({spans(group)}).",
            positions=group,
            evidence={"path": name, "diff_ids": diff_ids[:EVIDENCE]},
            fix=f"Run {REFILL} with a source that has the layers, or export the image again: {again(image)}.",
        )


def _empty_files(image: Alignment) -> Iterator[Finding]:
    """A layer file has no bytes at all, though the config promises content.

    It is a placeholder or the trace of a failed copy. Docker and podman accept it only where they hold the layer
    already, and what Docker's containerd store then keeps cannot be saved or pushed again. Put the layer back, or
    leave the file out altogether.
    """
    rows = [
        row
        for row in image.layers
        if row.listed
        and row.present
        and row.stored_size == 0
        and row.diff_id != EMPTY
        and not (row.blob is not None and is_cut(member_of(image, row.blob)))
    ]
    if rows:
        name = f" {named(rows[0].path or '')}" if len(rows) == 1 else ""
        what = f"The layer file{name} has" if len(rows) == 1 else f"{count(len(rows), 'layer file')} have"
        yield LK209.finding(
            f"{what} no bytes ({spans(row.position for row in rows)}).",
            positions=[row.position for row in rows],
            evidence={"paths": [row.path for row in rows[:EVIDENCE]], "empty": len(rows)},
            fix=f"Run {REFILL} with a source that has the layers, or export the image again: {again(image)}.",
        )


_CONFIG = frozenset({"LK210", "LK406"})

LK202 = Rule("LK202", "layers hash to the promised diff IDs", _diff_ids, requires=_CONFIG, deep=True)
LK203 = Rule("LK203", "blobs hash to their digests", _blob_digests, requires=frozenset({"LK211"}), deep=True)
LK205 = Rule("LK205", "layers are whole", _decompression, requires=frozenset({"LK211"}))
LK207 = Rule("LK207", "layers are in the order of the config", _order, requires=_CONFIG | {"LK101", "LK104"})
LK208 = Rule("LK208", "one stored layer serves one diff ID", _shared_paths, requires=_CONFIG)
LK209 = Rule("LK209", "no layer file is empty", _empty_files, requires=frozenset({"LK210"}))
