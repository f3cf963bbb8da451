"""What has to travel: a pure comparison of images with what their targets hold.

What may be left out follows what the runtimes do with a layer they know. Docker's classic store and containerd look up
the chain ID before they open a layer (moby image/tarexport/load.go, `loadLayer`; containerd rootfs/apply.go,
`ApplyLayerWithOpts`), so a bottom run of the chain may be absent. podman reuses a layer at any position by its blob
digest or diff ID (containers/image storage/storage_dest.go, `TryReusingBlob`). For a target of unknown make only what
all of them accept is left out: a bottom run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from .alignment import Alignment, Layer
from .compression import Compression
from .digest import Digest
from .errors import FormatError
from .inventory import Inventory
from .plan import Action, Form, Packing, Plan, Step

Missing = Callable[[str, int], int]
"""How many bytes of a blob (digest, size) are not on this machine yet."""


def decide(
    alignments: Sequence[Alignment],
    targets: Sequence[Inventory] = (),
    *,
    missing: Missing = lambda digest, size: size,
    references: Sequence[tuple[str, ...]] | None = None,
    form: Form = "universal",
    packing: Packing | Literal["auto"] = "auto",
) -> Plan:
    """Decide for every layer whether it is left out, is here already, or has to be fetched.

    Parameters
    ----------
    alignments
        One for each image; those of file sources must have been read deep, so that every digest is known.
    targets
        Who the archive is for. A layer is left out only where all of them can do without it.
    missing
        What the store lacks of a blob, in bytes.
    packing
        How layers are stored; `auto` keeps the source's bytes unless a target needs them plain.

    Raises FormatError for an image whose own claims disagree: nothing is exported from it.
    """
    rows = [tuple(_sound(alignment)) for alignment in alignments]
    free = [_free(layers, targets) for layers in rows]
    chosen, why = _packing(packing, form, targets, any(free))
    if chosen not in ("keep", "plain"):
        free = [_chain_only(layers, targets) for layers in rows]
    if form == "oci" and len(alignments) > 1 and any(target.runtime in ("", "podman") for target in targets):
        free = [{} for _ in rows]
        why = "podman reads several images only from manifest.json, so nothing is left out of an OCI archive"
    steps: list[Step] = []
    carried = {
        layer.digest for layers, skip in zip(rows, free, strict=True) for layer in layers if layer.at not in skip
    }
    for image, (layers, skip) in enumerate(zip(rows, free, strict=True)):
        local = alignments[image].image.source.format != "registry"
        source = alignments[image].image.source.uri
        steps.extend(
            _step(image, layer, skip.get(layer.at), layer.digest in carried, source if local else "", missing)
            for layer in layers
        )
    names = tuple(references) if references is not None else tuple(a.image.entry.tags for a in alignments)
    return Plan(tuple(a.image for a in alignments), names, tuple(targets), form, chosen, tuple(steps), why)


@dataclass(frozen=True, slots=True)
class _Layer:
    at: int
    name: str
    digest: Digest
    diff_id: str
    chain_id: str
    compression: Compression
    media_type: str
    size: int


def _sound(alignment: Alignment) -> Iterator[_Layer]:
    """The layers of an image whose claims agree. Raises FormatError where they do not."""
    image, counts = alignment.image, alignment.counts
    name = image.reference or image.source.uri
    for manifest in image.manifests:
        if manifest.fault:
            raise FormatError(f"{name}: the manifest {manifest.name}: {manifest.fault}", hint=_HINT)
    if alignment.config.fault or not alignment.config.has_rootfs:
        fault = alignment.config.fault or "the config has no rootfs"
        raise FormatError(f"{name}: {fault}; nothing is exported from it", hint=_HINT)
    if counts["manifest_layers"] != counts["diff_ids"]:
        raise FormatError(
            f"{name}: the manifest lists {counts['manifest_layers']} layers, the config promises "
            f"{counts['diff_ids']} diff IDs; nothing is exported from it",
            hint=_HINT,
        )
    for row in alignment.layers:
        if row.state == "history":
            raise FormatError(f"{name}: the history tells of more layers than there are diff IDs", hint=_HINT)
        yield _known(name, row)


_HINT = "`layerkit diagnose` tells what is wrong, `layerkit repair` may mend it"


def _known(name: str, row: Layer) -> _Layer:
    blob, measured = row.blob, row.measured
    if row.state in ("wrong", "damaged"):
        what = measured.fault if measured and measured.fault else "its bytes are not what the config promises"
        raise FormatError(f"{name}: layer {row.position}: {what}", hint=_HINT)
    if not row.present or blob is None or row.diff_id is None:
        raise FormatError(f"{name}: layer {row.position} is not there", hint=_HINT)
    digest = measured.digest if measured else blob.digest
    size = measured.size if measured else blob.size if blob.size is not None else row.stored_size
    if digest is None or size is None:
        raise FormatError(f"{name}: the digest of layer {row.position} is not known; it has to be read first")
    compression = measured.compression if measured else compression_of(blob.media_type)
    chain = str(row.chain_id)
    return _Layer(row.position, blob.name, digest, row.diff_id, chain, compression, blob.media_type, size)


def compression_of(media_type: str) -> Compression:
    """The compression that a layer's media type claims (OCI image-spec, layer.md; Docker schema 2)."""
    if media_type.endswith(("+gzip", ".gzip")):
        return "gzip"
    return "zstd" if media_type.endswith("+zstd") else ""


Free = Mapping[int, str]
"""Positions that a target can do without, and why."""


def _free(layers: Sequence[_Layer], targets: Sequence[Inventory]) -> Free:
    """What all targets can do without."""
    if not targets:
        return {}
    each = [_free_on(layers, target) for target in targets]
    return {at: each[0][at] for at in each[0] if all(at in free for free in each)}


def _chain_only(layers: Sequence[_Layer], targets: Sequence[Inventory]) -> Free:
    each = [dict(_chain_run(layers, target)) for target in targets]
    return {at: each[0][at] for at in (each[0] if each else ()) if all(at in free for free in each)}


def _free_on(layers: Sequence[_Layer], target: Inventory) -> Free:
    if target.runtime != "podman":
        free = dict(_chain_run(layers, target))
        if target.runtime == "containerd" or target.store == "containerd":
            held = {layer.at: f"{_at(target)} stores this blob" for layer in layers if layer.digest in target.blobs}
            free = {**held, **free}
        return free
    return {
        layer.at: f"podman{_on(target)} has this layer"
        for layer in layers
        if layer.diff_id in target.diff_ids or layer.digest in target.blobs
    }


def _chain_run(layers: Sequence[_Layer], target: Inventory) -> Iterator[tuple[int, str]]:
    """The bottom run of the chain that the target holds."""
    for layer in layers:
        if layer.chain_id not in target.chain_ids:
            return
        yield layer.at, f"{_at(target)} has the chain up to here"


def _at(target: Inventory) -> str:
    return target.host or target.runtime or "the target"


def _on(target: Inventory) -> str:
    return f" on {target.host}" if target.host else ""


def _packing(
    packing: Packing | Literal["auto"], form: Form, targets: Sequence[Inventory], delta: bool
) -> tuple[Packing, str]:
    if packing != "auto":
        return packing, "that was asked for"
    if form == "oci" and delta and any(target.runtime in ("", "podman") for target in targets):
        return "plain", "podman knows a layer left out of an OCI archive only by the digest of its plain bytes"
    return "keep", "runtimes know a layer by its chain ID or diff ID, however it is packed"


def _step(image: int, layer: _Layer, free: str | None, shared: bool, local: str, missing: Missing) -> Step:
    action: Action
    left = 0
    if free is not None and not shared:
        action, reason = "skip", free
    elif local:
        action, reason = "reuse", f"read from {local}"
    else:
        left = missing(layer.digest, layer.size)
        action = "fetch" if left else "reuse"
        reason = "not on this machine" if left == layer.size else "partly here, resumed" if left else "in the store"
    return Step(
        image,
        layer.at,
        layer.name,
        layer.digest,
        layer.diff_id,
        layer.chain_id,
        layer.compression,
        layer.media_type,
        layer.size,
        action,
        reason,
        left,
    )
