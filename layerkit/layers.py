"""The layers of a plan as files on this machine: fetched, verified, packed as the plan says."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from .archive import ImageFile, LayerFile, Span, read_span
from .compression import deflate, inflate
from .digest import CHUNK, Digest, Measurement
from .errors import FormatError, IntegrityError
from .image import Blob, Image, Source
from .plan import Plan, Step
from .progress import SILENT, Progress
from .store import Store

LOG = logging.getLogger("layerkit.export")

_WORKERS = 6
"""Layers fetched at once: enough to hide the waits of a registry, too few to be throttled by one."""


def foresee(plan: Plan, store: Store) -> tuple[ImageFile, ...] | None:
    """Where every layer will be once it is here; None where only a recompression will tell its digest."""
    files = {}
    for step in plan.carried:
        if not _as_is(plan, step):
            return None
        image = plan.images[step.image]
        span = _span(image.source, _blob(image, step)) or Span(store.path(step.digest), 0, step.size)
        files[step.digest] = LayerFile(step.digest, step.diff_id, step.chain_id, step.compression, step.size, span)
    return tuple(_image_file(plan, at, files) for at in range(len(plan.images)))


def on_disk(plan: Plan) -> bool:
    """Whether every layer is in a file here already, as it is to be: then there is nothing to wait for."""
    return all(
        _as_is(plan, step) and _span((image := plan.images[step.image]).source, _blob(image, step)) is not None
        for step in plan.carried
    )


def gather(
    plan: Plan, store: Store, progress: Progress = SILENT, arrived: Callable[[LayerFile], None] = lambda file: None
) -> tuple[ImageFile, ...]:
    """Have every carried layer on this machine, verified, and tell where. What has come is kept if this is stopped.

    `arrived` is called with each as soon as it is there, in the thread that got it.
    """
    for step in plan.steps:
        LOG.info("%s layer %d %s: %s, %s", plan.names[step.image], step.position, step.digest, step.action, step.reason)
    progress.begin("fetch", plan.fetch_bytes, "fetching layers")
    pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="fetch")
    try:
        order = sorted(plan.carried, key=lambda step: -step.size)
        files = dict(pool.map(lambda step: _arrive(plan, step, store, progress, arrived), order))
    finally:
        pool.shutdown(cancel_futures=True)
        progress.end("fetch", "")
    return tuple(_image_file(plan, at, files) for at in range(len(plan.images)))


def _image_file(plan: Plan, at: int, files: dict[Digest, LayerFile]) -> ImageFile:
    image, steps = plan.images[at], plan.steps_of(at)
    layers = tuple(files.get(step.digest) or _left_out(plan, step) for step in steps)
    own = next((m for m in image.manifests if m.view == "oci" and not m.fault), None)
    same = own is not None and [b.digest for b in own.layers] == [layer.digest for layer in layers]
    config = image.config
    return ImageFile(
        plan.references[at],
        config.raw,
        layers,
        own.raw if own is not None and same else None,
        own.media_type if own is not None and same and own.media_type else "application/vnd.oci.image.manifest.v1+json",
        (config.os, config.architecture, config.variant),
    )


def _left_out(plan: Plan, step: Step) -> LayerFile:
    """A layer that only gets a descriptor; packed otherwise, its digest must be the one the target can know."""
    if plan.packing == "plain":
        return LayerFile(Digest(step.diff_id), step.diff_id, step.chain_id, "", step.size, None)
    return LayerFile(step.digest, step.diff_id, step.chain_id, step.compression, step.size, None)


def _arrive(
    plan: Plan, step: Step, store: Store, progress: Progress, arrived: Callable[[LayerFile], None]
) -> tuple[Digest, LayerFile]:
    file = bring(plan, step, store, progress)
    arrived(file)
    return step.digest, file


def _as_is(plan: Plan, step: Step) -> bool:
    """Whether a layer goes into the archive as its source packed it."""
    return plan.packing in ("keep", step.compression or "plain")


def _blob(image: Image, step: Step) -> Blob:
    return next(blob for blob in image.manifest.layers if blob.name == step.name)


def _span(source: Source, blob: Blob) -> Span | None:
    """Where a blob lies on this machine already, needing no store: archives and overlays know, a registry does not."""
    found = source.span(blob) if hasattr(source, "span") else None
    return Span(*found) if found else None


def bring(plan: Plan, step: Step, store: Store, progress: Progress) -> LayerFile:
    """Have one layer on this machine, verified, packed as the plan says."""
    image = plan.images[step.image]
    source, blob = image.source, _blob(image, step)
    span, measured = _bytes(step, source, blob, store, progress)
    if measured is not None and measured.diff_id != step.diff_id:
        raise IntegrityError(
            f"layer {step.position} of {plan.names[step.image]} is {measured.diff_id or measured.fault}, "
            f"its config promises {step.diff_id}",
            hint="the image is broken at its source: `layerkit diagnose --deep` tells more",
        )
    if _as_is(plan, step):
        return LayerFile(step.digest, step.diff_id, step.chain_id, step.compression, step.size, span)
    wanted = "" if plan.packing == "plain" else plan.packing
    packed = store.packed(step.diff_id, plan.packing)
    if packed is None:
        raw = inflate(read_span(span), step.compression)
        packed = store.add(deflate(raw, wanted))
        store.note_packed(step.diff_id, plan.packing, packed.digest)
    if packed.diff_id != step.diff_id:
        raise IntegrityError(f"layer {step.position} changed while it was recompressed")
    content = Span(store.path(packed.digest), 0, packed.size)
    return LayerFile(packed.digest, step.diff_id, step.chain_id, packed.compression, packed.size, content)


def _bytes(step: Step, source: Source, blob: Blob, store: Store, progress: Progress) -> tuple[Span, Measurement | None]:
    """Where a layer's bytes are on this machine, fetched if need be; measured unless the plan has done that."""
    if (span := _span(source, blob)) is not None:
        return span, None
    task = f"layer {step.image}.{step.position}"
    progress.begin(task, step.bytes, f"layer {step.position} {step.digest[7:19]}")

    def tick(count: int) -> None:
        progress.advance(task, count)
        progress.advance("fetch", count)

    try:
        measured = store.fetch(step.digest, lambda offset: _from(source, blob, offset), size=step.size, tick=tick)
    except FormatError as error:
        raise IntegrityError(f"layer {step.position}: {error}") from error
    finally:
        progress.end(task, step.action)
    return Span(store.path(step.digest), 0, step.size), measured


def _from(source: Source, blob: Blob, offset: int) -> Iterator[bytes]:
    chunks = getattr(source, "chunks", None)
    if chunks is not None:
        yield from chunks(blob, offset)
        return
    with source.open(blob) as stream:
        left = offset
        while left and (data := stream.read(min(left, CHUNK))):
            left -= len(data)
        while data := stream.read(CHUNK):
            yield data
