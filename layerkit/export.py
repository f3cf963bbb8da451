"""Carry a plan out: fetch, write beside the target, diagnose from the outside, rename."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from .alignment import Alignment
from .archive import ImageFile, LayerFile, Part, Span, compose, length, read_span, write_file
from .compression import deflate, inflate
from .diagnosis import diagnose, read_held
from .digest import CHUNK, Digest, Measurement
from .errors import FormatError, IntegrityError, SourceError, UsageError
from .frames import read_frames
from .image import Blob, Image, Source
from .inventory import Inventory
from .output import Outer, write_outer, write_pipe, write_split
from .plan import Form, Packing, Plan, Step, decide
from .progress import SILENT, Progress
from .report import Report
from .sources import Archive, choose
from .store import Store, free_bytes

LOG = logging.getLogger("layerkit.export")

_WORKERS = 6
"""Layers fetched at once: enough to hide the waits of a registry, too few to be throttled by one."""


def plan_export(
    images: str | Image | Sequence[str | Image],
    *,
    to: Inventory | str | Path | Sequence[Inventory | str | Path] = (),
    store: Store | None = None,
    platform: str = "",
    form: Form = "universal",
    layers: Packing | Literal["auto"] = "auto",
    progress: Progress = SILENT,
) -> Plan:
    """Decide what an export has to carry, without doing it.

    Parameters
    ----------
    images
        One or many, named as on the command line, or opened already. A source named alone stands for all its images.
    to
        What the targets hold: inventories, paths to them, or archives that they have loaded. Nothing: a full archive.
    store
        Where blobs are kept between exports.
    platform
        `os/architecture[/variant]`, where a source offers several.

    Returns
    -------
    Plan
        Its `frame` has a row per layer, its `sentence` says what travels.

    Raises
    ------
    SourceError
        A source could not be reached.
    FormatError
        An image's own claims disagree: nothing is exported from it.

    Examples
    --------
    >>> plan = plan_export("oci:data/shop-oci:1.1", to="data/sound-docker.tar")
    >>> plan.is_delta
    False
    """
    wanted = [images] if isinstance(images, str | Image) else list(images)
    if not wanted:
        raise UsageError("no image is named")
    store = store or Store()
    alignments: list[Alignment] = []
    for name in wanted:
        for image in [name] if isinstance(name, Image) else _images(name, platform):
            # File sources are read in full here: what is planned is then known to be right, digests and all.
            local = image.source.format != "registry"
            alignments.extend(read_frames(image, deep=local, progress=progress).alignments)
    return decide(alignments, tuple(_targets(to)), missing=store.missing, form=form, packing=layers)


def _images(name: str, platform: str) -> list[Image]:
    source, entries = choose(name, platform=platform)
    return [Image(source, entry) for entry in entries]


def _targets(to: Inventory | str | Path | Sequence[Inventory | str | Path]) -> Iterator[Inventory]:
    for target in [to] if isinstance(to, Inventory | str | Path) else to:
        yield target if isinstance(target, Inventory) else read_held(target)


@dataclass(frozen=True)
class Exported:
    """What an export wrote, and the diagnosis of it. `paths` are several where the archive was split."""

    plan: Plan
    report: Report
    paths: tuple[Path, ...]
    size: int


def export_image(
    what: Plan | str | Image | Sequence[str | Image],
    output: str | Path,
    *,
    to: Inventory | str | Path | Sequence[Inventory | str | Path] = (),
    store: Store | None = None,
    platform: str = "",
    form: Form = "universal",
    layers: Packing | Literal["auto"] = "auto",
    outer: Outer = "",
    split: int = 0,
    progress: Progress = SILENT,
) -> Exported:
    """Write images to one archive that loads, carrying only what the targets lack.

    Parameters
    ----------
    what
        A plan, which is carried out exactly, or the images to plan for; then `to`, `platform`, `form` and `layers` are
        those of `plan_export`.
    output
        The archive, or `-` for standard output. It appears under this name only when it is complete and was diagnosed.
    outer
        Compress the whole file: `gzip` or `zstd`.
    split
        Bytes of each part, where one file is too large for the stick: OUT.000, OUT.001 ..., and OUT.sha256.

    Returns
    -------
    Exported
        Its `report` is the diagnosis of what was written.

    Raises
    ------
    IntegrityError
        Bytes were not the promised ones, or the written archive was not sound; nothing has the final name then.
    """
    store = store or Store()
    if isinstance(what, Plan):
        plan = what
    else:
        plan = plan_export(what, to=to, store=store, platform=platform, form=form, layers=layers, progress=progress)
    files = fetch(plan, store, progress)
    parts = compose(files, plan.form)
    if str(output) == "-":
        report = write_pipe(parts, progress)
        _check(plan, report)
        return Exported(plan, report, (), length(parts))
    return _write(plan, parts, Path(output), outer, split, progress)


def _write(plan: Plan, parts: Sequence[Part], output: Path, outer: Outer, split: int, progress: Progress) -> Exported:
    total = length(parts)
    try:
        folder = output.resolve().parent
        if free_bytes(folder) < total and not outer:
            raise SourceError(
                f"{folder} has {free_bytes(folder)} bytes free, the archive needs {total}",
                hint="choose another folder, or --split onto several sticks",
            )
        handle, name = tempfile.mkstemp(dir=folder, prefix=f".{output.name}.", suffix=".part")
        os.close(handle)
    except OSError as error:
        raise SourceError(f"{output} cannot be written: {error.strerror}", hint="check the folder") from error
    part = Path(name)
    progress.begin("write", total, f"writing {output.name}")
    try:
        if outer:
            write_outer(parts, part, outer, lambda count: progress.advance("write", count))
        else:
            write_file(parts, part, lambda count: progress.advance("write", count))
        report = diagnose(part)
        _check(plan, report)
        size = part.stat().st_size
        os.chmod(part, 0o666 & ~_umask())
        if split:
            paths = write_split(part, output, split)
        else:
            os.replace(part, output)
            paths = (output,)
    except OSError as error:
        raise SourceError(f"{output} cannot be written: {error.strerror or error}") from error
    finally:
        progress.end("write", "")
        with suppress(FileNotFoundError):
            part.unlink()
    return Exported(plan, replace(report, subject=str(output)), paths, size)


def _check(plan: Plan, report: Report) -> None:
    """What was written must be sound, or lack what was left out on purpose and nothing else."""
    absent = {row.diff_id for image in report.images for row in image.alignment.layers if row.state == "absent"}
    meant = {step.diff_id for step in plan.skipped}
    wanted = "incomplete" if plan.is_delta else "sound"
    if report.outcome != wanted or absent != meant:
        first = next((f.message for f in report.findings if f.severity == "error"), "no layer is absent")
        raise IntegrityError(
            f"the written archive is {report.outcome}, expected {wanted}: {first}",
            hint="this is a fault of layerkit or of the disk; the archive was not kept",
        )


def fetch(plan: Plan, store: Store, progress: Progress = SILENT) -> tuple[ImageFile, ...]:
    """Have every carried layer on this machine, verified, and tell where. What has come is kept if this is stopped."""
    for step in plan.steps:
        LOG.info("%s layer %d %s: %s, %s", plan.names[step.image], step.position, step.digest, step.action, step.reason)
    progress.begin("fetch", plan.fetch_bytes, "fetching layers")
    pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="fetch")
    try:
        order = sorted(plan.carried, key=lambda step: -step.size)
        files = dict(pool.map(lambda step: (step.digest, _layer(plan, step, store, progress)), order))
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


def _layer(plan: Plan, step: Step, store: Store, progress: Progress) -> LayerFile:
    source = plan.images[step.image].source
    blob = next(b for b in plan.images[step.image].manifest.layers if b.name == step.name)
    span, measured = _bytes(step, source, blob, store, progress)
    if measured is not None and measured.diff_id != step.diff_id:
        raise IntegrityError(
            f"layer {step.position} of {plan.names[step.image]} is {measured.diff_id or measured.fault}, "
            f"its config promises {step.diff_id}",
            hint="the image is broken at its source: `layerkit diagnose --deep` tells more",
        )
    wanted = {"keep": step.compression, "plain": "", "gzip": "gzip", "zstd": "zstd"}[plan.packing]
    if wanted == step.compression:
        return LayerFile(step.digest, step.diff_id, step.chain_id, step.compression, step.size, span)
    packed = store.packed(step.diff_id, wanted or "plain")
    if packed is None:
        raw = inflate(read_span(span), step.compression)
        packed = store.add(deflate(raw, wanted))
        store.note_packed(step.diff_id, wanted or "plain", packed.digest)
    if packed.diff_id != step.diff_id:
        raise IntegrityError(f"layer {step.position} changed while it was recompressed")
    content = Span(store.path(packed.digest), 0, packed.size)
    return LayerFile(packed.digest, step.diff_id, step.chain_id, packed.compression, packed.size, content)


def _bytes(step: Step, source: Source, blob: Blob, store: Store, progress: Progress) -> tuple[Span, Measurement | None]:
    """Where a layer's bytes are on this machine, fetched if need be; measured unless the plan has done that."""
    if isinstance(source, Archive) and (span := source.span(blob)) is not None:
        return Span(*span), None
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


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
