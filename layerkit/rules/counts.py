"""LK1xx: the manifest, the diff IDs and the history must speak of the same number of layers."""

from __future__ import annotations

from collections.abc import Iterator

from ..alignment import Alignment, Layer
from ..compression import detect
from ..finding import Finding, Rule
from ..image import Blob
from .halves import config_of, second
from .wording import EVIDENCE, REFILL, REPAIR, again, count, short, spans


def _manifest_count(image: Alignment) -> Iterator[Finding]:
    """Runtimes pair the layers of manifest.json with the config's diff IDs one by one.

    Where one side has more, Docker stops with "layers length mismatch" (expected is manifest.json's number, got is the
    config's), containerd with "mismatched image rootfs and manifest layers", podman with "Inconsistent layer count".
    Export the image again in full, or let layerkit put back the layers that were left out.
    """
    listed, promised = image.counts["manifest_layers"], image.counts["diff_ids"]
    if image.manifest.view != "docker" or listed == promised:
        return
    fewer = listed < promised
    positions = image.positions("gone", "unlisted") if fewer else image.positions("surplus")
    unlisted = image.positions("unlisted")
    where = f" ({spans(positions)})" if positions else ""
    if fewer:
        said = f"{count(promised - listed, 'layer')} of the config {_is(promised - listed)} not listed{where}"
        if unlisted:
            said += ", but stored" if len(unlisted) == len(positions) else f", {len(unlisted)} of them but stored"
    else:
        said = f"{count(listed - promised, 'layer')} {_has(listed - promised)} no diff ID{where}"
    yield LK101.finding(
        f"manifest.json lists {count(listed, 'layer')}, the config promises {promised}: {said}.",
        positions=positions,
        evidence={
            "manifest_layers": listed,
            "diff_ids": promised,
            "members_present": image.counts["members_present"],
            "stored_unlisted": len(unlisted),
        },
        fix=_count_fix(image, fewer, complete=len(unlisted) == len(positions)),
    )


def _count_fix(image: Alignment, fewer: bool, *, complete: bool) -> str:
    if fewer and not complete:
        return f"Run {REFILL} with a source that has the missing layers, or export the whole image: {again(image)}."
    return f"Run {REPAIR}, or export the image again: {again(image)}."


def _is(number: int) -> str:
    return "is" if number == 1 else "are"


def _has(number: int) -> str:
    return "has" if number == 1 else "have"


def _history_long(image: Alignment) -> Iterator[Finding]:
    """The history says of more steps that they made a layer than there are layers.

    Docker's classic store counts them and refuses the image with "too many non-empty layers in History section", on a
    load and on a pull; other runtimes do not look. Entries that made no layer need `empty_layer: true` in the config.
    """
    told, promised = image.counts["history_nonempty"], image.counts["diff_ids"]
    if told <= promised:
        return
    surplus = [row for row in image.layers if row.state == "history"]
    yield LK102.finding(
        f"The history has {count(told, 'entry')} that claim a layer, the config has {count(promised, 'diff ID')}: "
        f"{told - promised} too many.",
        positions=[row.position for row in surplus],
        evidence={
            "history": image.counts["history"],
            "history_nonempty": told,
            "diff_ids": promised,
            "surplus_entries": [row.history_index for row in surplus[:EVIDENCE]],
        },
        fix=f"Run {REPAIR}; it marks the surplus entries as empty, which gives the image a new ID.",
        # An OCI archive without manifest.json never reaches the classic store except through a registry.
        severity="error" if image.manifest.view == "docker" else "warning",
    )


def _history_short(image: Alignment) -> Iterator[Finding]:
    """The history tells of fewer layers than there are, so the upper layers have no step that explains them.

    Every runtime loads such an image, but `docker history`, dive and scanners attribute files to the wrong step. An
    image with no history at all is fine. Build it again with a tool that writes a history entry per layer.
    """
    told, promised = image.counts["history_nonempty"], image.counts["diff_ids"]
    if not image.config.history or told >= promised:
        return
    positions = [row.position for row in image.layers if row.config_index is not None and row.history_index is None]
    yield LK103.finding(
        f"The history has {count(told, 'entry')} that claim a layer, the config has {count(promised, 'diff ID')}: "
        f"nothing tells of {spans(positions)}.",
        positions=positions,
        evidence={"history": image.counts["history"], "history_nonempty": told, "diff_ids": promised},
        fix=f"It loads as it is; to have the steps told right, build it anew, or save the original: {again(image)}.",
    )


def _oci_count(image: Alignment) -> Iterator[Finding]:
    """The layers of the OCI manifest and the diff IDs of its config are pairs; one side has more.

    containerd and Docker's containerd store refuse with "mismatched image rootfs and manifest layers" (Docker 27.2 and
    later print that and still exit 0). podman accepts a manifest that lists fewer, and the image then silently lacks
    its top layers. Export the image again, or repair it from a source that has the layers.
    """
    manifest = image.oci
    if manifest is None or manifest.fault_kind not in ("", "altered"):
        return
    config = config_of(image, manifest)
    listed, promised = len(manifest.layers), len(config.diff_ids)
    if listed == promised or not config.has_rootfs:
        return
    positions: tuple[int, ...] = ()
    if manifest is image.manifest:
        positions = image.positions("gone", "unlisted", "surplus")
    where = f" ({spans(positions)})" if positions else ""
    fewer = listed < promised
    number = abs(listed - promised)
    said = (
        f"{count(number, 'layer')} of the config {_is(number)} not listed"
        if fewer
        else f"{count(number, 'layer')} {_has(number)} no diff ID"
    )
    yield LK104.finding(
        f"The OCI manifest {short(manifest.name)} lists {count(listed, 'layer')}, its config promises {promised}: "
        f"{said}{where}.",
        positions=positions,
        evidence={"manifest": manifest.name, "manifest_layers": listed, "diff_ids": promised},
        fix=_count_fix(image, fewer, complete=False),
    )


def _halves_agree(image: Alignment) -> Iterator[Finding]:
    """The archive describes this image twice, in manifest.json and in an OCI manifest, and the two do not agree.

    Docker's classic store reads manifest.json only, containerd and Docker's containerd store the OCI half only, and
    podman tries the OCI half first, so the same file gives different images. Export it again with one tool, or repair
    it from the half that is right.
    """
    other = second(image)
    if other is None:
        return
    config = config_of(image, other)
    if config.raw and image.config.raw and config.digest != image.config.digest:
        yield LK105.finding(
            f"manifest.json leads to the config {short(image.config.digest)}, the OCI manifest to "
            f"{short(config.digest)}: two different images.",
            evidence={"docker_config": image.config.digest, "oci_config": config.digest},
            fix=f"Export the image again: {again(image)}.",
        )
        return
    docker, oci = image.manifest.layers, other.layers
    if len(docker) != len(oci):
        yield LK105.finding(
            f"manifest.json lists {count(len(docker), 'layer')}, the OCI manifest {short(other.name)} {len(oci)}.",
            evidence={"docker_layers": len(docker), "oci_layers": len(oci)},
            fix=f"Run {REPAIR}, or export the image again: {again(image)}.",
        )
        return
    rows = {row.manifest_index: row for row in image.layers if row.listed}
    differing = [index for index in range(len(docker)) if _differ(image, rows.get(index), oci[index])]
    if differing:
        first = differing[0]
        yield LK105.finding(
            f"manifest.json and the OCI manifest lead to different bytes for {count(len(differing), 'layer')} "
            f"({spans(differing)} of their lists).",
            positions=[row.position for index in differing if (row := rows.get(index)) is not None],
            evidence={
                "indices": differing[:EVIDENCE],
                "docker_path": docker[first].name,
                "oci_digest": oci[first].digest,
            },
            fix=f"Export the image again: {again(image)}.",
        )


def _differ(image: Alignment, row: Layer | None, two: Blob) -> bool:
    """Whether both halves surely lead to different content; two compressions of one layer are the same content."""
    source = image.image.source
    if row is None or (one := row.blob) is None:
        return False
    if (one.digest is not None and one.digest == two.digest) or source.key(one) == source.key(two):
        return False
    if not row.present or not source.has(two):
        return one.digest is not None and two.digest is not None
    return row.compression == detect(source.head(two))


_CONFIG = frozenset({"LK210", "LK406"})

LK101 = Rule("LK101", "manifest.json lists as many layers as the config promises", _manifest_count, requires=_CONFIG)
LK102 = Rule("LK102", "the history claims no more layers than there are", _history_long, requires=_CONFIG)
LK103 = Rule("LK103", "the history tells of every layer", _history_short, severity="warning", requires=_CONFIG)
LK104 = Rule("LK104", "the OCI manifest lists as many layers as its config promises", _oci_count, requires=_CONFIG)
LK105 = Rule("LK105", "manifest.json and the OCI manifest agree", _halves_agree, requires=frozenset({"LK210", "LK211"}))
