"""LK201, LK204, LK206, LK210, LK211: every blob that a manifest names must be there, and be of the size it says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..alignment import Alignment
from ..digest import chain_ids, is_digest, sha256
from ..finding import Finding, Rule
from ..image import Blob, Manifest
from ..text import printable
from .halves import (
    Listed,
    base,
    config_of,
    configs,
    distinct,
    index_title,
    is_cut,
    listed_layers,
    member_of,
    second,
    title,
)
from .wording import EVIDENCE, REFILL, REPAIR, again, count, named, short, spans

_HEX_NAME = re.compile(r"(?:sha256:)?([0-9a-f]{64})(?:\.json)?")


def _layers_present(image: Alignment) -> Iterator[Finding]:
    """A layer is listed and its bytes are not there.

    Where everything absent is the bottom of the image, a target that holds that very chain of layers can still load
    it: Docker's classic store from manifest.json, containerd and podman from an OCI archive. Anywhere else the load
    fails. Say what the target holds with `--held`, or put the layers back with `layerkit repair`.
    """
    rows = [row for row in image.layers if row.listed and not row.present]
    absent = [row for row in rows if row.state != "held"]
    reported = {row.blob.digest for row in rows if row.blob and row.blob.digest}
    if absent:
        yield _absence(
            image,
            image.manifest,
            [row.position for row in absent],
            [row.blob for row in absent if row.blob is not None],
            [row.config_index for row in rows],
        )
    other = second(image)
    if other is None:
        return
    lacking = [index for index, blob in enumerate(other.layers) if not image.image.source.has(blob)]
    missing = [i for i in _unheld(image, other, lacking) if other.layers[i].digest not in reported]
    if missing:
        paired = len(other.layers) == len(config_of(image, other).diff_ids)
        indices: list[int | None] = [index if paired else None for index in lacking]
        yield _absence(image, other, missing, [other.layers[i] for i in missing], indices)


def _unheld(image: Alignment, manifest: Manifest, indices: Sequence[int]) -> list[int]:
    if image.held is None:
        return list(indices)
    diff_ids = config_of(image, manifest).diff_ids
    chains = list(chain_ids(diff_ids))
    known = len(diff_ids) == len(manifest.layers)
    return [
        i
        for i in indices
        if not image.held.holds(diff_ids[i] if known else None, chains[i] if known else None, manifest.layers[i].digest)
    ]


def _absence(
    image: Alignment,
    manifest: Manifest,
    positions: Sequence[int],
    blobs: Sequence[Blob],
    indices: Sequence[int | None],
) -> Finding:
    omittable = _omittable(indices, config_of(image, manifest).diff_ids)
    number, total = len(positions), len(manifest.layers)
    what = f"{number} of the {count(total, 'layer')} that {title(manifest)} lists"
    name = f": {named(blobs[0].name)}" if len(blobs) == 1 and blobs[0].name else ""
    message = f"{what} {'is' if number == 1 else 'are'} not there ({spans(positions)}){name}."
    fix = f"Run {REFILL} with a source that has them, or export the whole image: {again(image)}."
    if omittable:
        lowest = "lowest layer is" if len(indices) == 1 else f"lowest {len(indices)} layers are"
        fix = f"Load it only where the {lowest} held already, or run {REFILL}."
    return LK201.finding(
        message,
        positions=positions,
        evidence={
            "omittable": omittable,
            "absent": number,
            "listed": total,
            "manifest": manifest.name,
            "names": [blob.name for blob in blobs[:EVIDENCE]],
        },
        fix=fix,
    )


def _omittable(indices: Sequence[int | None], diff_ids: Sequence[str]) -> bool:
    """Whether what is absent, held or not, is a bottom prefix of the chain.

    Docker's classic store looks up the chain ID before it opens the file (image/tarexport/load.go), containerd before
    it reads the blob (rootfs/apply.go): chain IDs nest, so only a prefix can be known.
    """
    lacking = {index for index in indices if index is not None}
    if len(lacking) != len(indices) or lacking != set(range(len(lacking))):
        return False
    return all(d.startswith("sha256:") and is_digest(d) for d in diff_ids[: len(lacking)])


def _sizes(image: Alignment) -> Iterator[Finding]:
    """A descriptor gives another size than the bytes have.

    podman and skopeo refuse a config of the wrong size, registries and crane a layer; a layer that is shorter than its
    descriptor is usually one that was cut. A deep check tells whether the number or the bytes are wrong. Export the
    image again.
    """
    source = image.image.source
    wrong: dict[bool, list[Listed]] = {}
    for layer in distinct(one for one in listed_layers(image) if one.blob.size is not None):
        if layer.stored and layer.blob.size != layer.stored and not is_cut(member_of(image, layer.blob)):
            measured = layer.measured
            good = measured is not None and measured.digest == layer.blob.digest
            wrong.setdefault(good, []).append(layer)
    for good, layers in wrong.items():
        first, others = layers[0], len(layers) - 1
        doubt = "" if not image.deep else f"; its bytes are {'the right' if good else 'not the right'} ones"
        more = f", and {count(others, 'other layer')} likewise" if others else ""
        yield LK204.finding(
            f"Layer {short(first.blob.digest)} has {count(first.stored or 0, 'byte')}, "
            f"its descriptor in {title(first.manifest)} says {first.blob.size}{doubt}{more}.",
            positions=[position for layer in layers for position in layer.positions],
            evidence={
                "layers": [
                    {"digest": layer.blob.digest, "expected": layer.blob.size, "got": layer.stored}
                    for layer in layers[:EVIDENCE]
                ]
            },
            fix=f"Export the image again: {again(image)}.",
            severity="warning" if good else "error",
        )
    for manifest in image.image.manifests:
        if (config := manifest.config) is not None and config.size is not None:
            stored = source.stored_size(config)
            if stored is not None and stored != config.size:
                yield LK204.finding(
                    f"The config {short(config.digest)} has {count(stored, 'byte')}, "
                    f"its descriptor in {title(manifest)} says {config.size}.",
                    evidence={"digest": config.digest, "expected": config.size, "got": stored},
                    fix=f"Export the image again: {again(image)}.",
                )
    entry, oci = image.image.entry.oci, image.oci
    if entry is None or oci is None or entry.size is None or oci.fault_kind not in ("", "shape"):
        return
    if len(oci.raw) != entry.size:
        yield LK204.finding(
            f"The manifest {short(entry.digest)} has {count(len(oci.raw), 'byte')}, "
            f"its descriptor in {index_title(image)} says {entry.size}.",
            evidence={"digest": entry.digest, "expected": entry.size, "got": len(oci.raw)},
            fix=f"Run {REPAIR}, or export the image again: {again(image)}.",
            severity="warning",
        )


def _config_name(image: Alignment) -> Iterator[Finding]:
    """The config's bytes do not hash to the digest by which it is named.

    In an OCI image this is fatal: the config was changed or damaged, and podman, containerd and registries refuse or
    do not find it. In manifest.json the file name is only a name that no runtime checks, but the image will have
    another ID than its name says. Export the image again.
    """
    told = set()
    for manifest in reversed(image.image.manifests):
        blob, config = manifest.config, config_of(image, manifest)
        if blob is None or not config.raw or config.digest in told:
            continue
        docker = manifest.view == "docker"
        match = _HEX_NAME.fullmatch(base(blob.name)) if docker else None
        named = f"sha256:{match[1]}" if match else None if docker else blob.digest
        if named is None or not named.startswith("sha256:") or named == config.digest:
            continue
        told.add(config.digest)
        yield LK206.finding(
            f"The config that {title(manifest)} names {short(named)} hashes to {short(config.digest)}.",
            evidence={"expected": named, "got": config.digest, "name": blob.name},
            fix=f"Run {REPAIR} to name it by what it is, or export the image again: {again(image)}.",
            severity="warning" if docker else "error",
        )


def _config_readable(image: Alignment) -> Iterator[Finding]:
    """The config that the manifest names is absent or cannot be read.

    The config holds the diff IDs, the platform and the command: without it no runtime can use the image, though
    Docker's containerd store may say "Loaded image" all the same. Export the image again.
    """
    for manifest, config in configs(image):
        blob = manifest.config
        if not config.fault or (manifest is not image.manifest and manifest.fault_kind not in ("", "altered")):
            continue
        if blob is None:
            message = f"No config is named for this image in {title(manifest)}."
        elif config.fault_kind == "absent":
            message = f"The config {named(blob.name)} that {title(manifest)} names is not there."
        else:
            why = printable(config.fault, 200)
            message = f"The config {named(blob.name)} that {title(manifest)} names cannot be read: {why}."
        yield LK210.finding(
            message,
            evidence={
                "name": blob.name if blob else None,
                "fault": config.fault_kind,
                "bytes": len(config.raw),
            },
            fix=f"Export the image again: {again(image)}.",
        )


def _manifest_there(image: Alignment) -> Iterator[Finding]:
    """The manifest that index.json names is absent, altered or no image manifest.

    containerd keeps blobs by what they hash to, so a changed manifest is an absent one. Docker's containerd store says
    nothing then and exits 0, yet there is no image; ctr, podman and skopeo stop. Export the image again.
    """
    for manifest in image.image.manifests:
        if not manifest.fault or manifest.view == "docker":
            continue
        name = short(manifest.name)
        if manifest.fault_kind == "absent":
            message = f"The manifest {name} that {index_title(image)} names is not there."
        elif manifest.fault_kind == "altered":
            message = f"The manifest that {index_title(image)} names {name} hashes to {short(sha256(manifest.raw))}."
        else:
            message = f"The manifest {name} cannot be read: {printable(manifest.fault, 200)}."
        yield LK211.finding(
            message,
            evidence={"digest": manifest.name, "fault": manifest.fault_kind, "bytes": len(manifest.raw)},
            fix=f"Export the image again: {again(image)}.",
        )


_CONFIG, _MANIFEST = frozenset({"LK210"}), frozenset({"LK211"})

LK201 = Rule("LK201", "every listed layer is there", _layers_present, requires=_MANIFEST)
LK204 = Rule("LK204", "sizes are as the descriptors say", _sizes, requires=_MANIFEST)
LK206 = Rule("LK206", "the config is the one that is named", _config_name, requires=_CONFIG)
LK210 = Rule("LK210", "the config is there and can be read", _config_readable, requires=_MANIFEST)
LK211 = Rule("LK211", "the manifest is there and can be read", _manifest_there, requires=frozenset({"LK304"}))
