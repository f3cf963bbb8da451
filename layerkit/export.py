"""Carry a plan out: fetch, write beside the target, diagnose from the outside, rename."""

from __future__ import annotations

import importlib
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal, Unpack, cast

from .alignment import Alignment
from .archive import ImageFile, LayerFile, Part, Writing, blob_name, compose, length
from .arrival import write_script
from .decision import decide
from .diagnosis import diagnose, read_held
from .errors import IntegrityError, SourceError, UsageError
from .frames import read_frames
from .image import Image
from .inventory import Inventory
from .layers import foresee, gather, on_disk
from .output import Outer, write_outer, write_pipe, write_split
from .plan import Form, Packing, Plan
from .progress import SILENT, Progress
from .report import Report
from .sources import choose
from .sources.access import Access, Reaching
from .store import Store, free_bytes


def plan_export(
    images: str | Image | Sequence[str | Image],
    *,
    to: Inventory | str | Path | Sequence[Inventory | str | Path] = (),
    store: Store | None = None,
    platform: str = "",
    form: Form = "universal",
    layers: Packing | Literal["auto"] = "auto",
    progress: Progress = SILENT,
    **access: Unpack[Access],
) -> Plan:
    """Decide what an export has to carry, without doing it.

    Parameters
    ----------
    images
        One or many, named as on the command line, or opened already. A source named alone stands for all its images.
    to
        What the targets hold: inventories, paths to them, archives that they have loaded, or `ssh://HOST`, `local` and
        `unix://SOCKET` to be asked now. Nothing: a full archive.
    store
        Where blobs are kept between exports.
    platform
        `os/architecture[/variant]`, where a source offers several.
    access
        `insecure`, `ca`, `authfile`, `mirrors`, `reaching`: how registries and hosts may be reached
        (`layerkit.sources.access.Access`).

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
    >>> len(plan.skipped), len(plan.carried)
    (6, 6)
    """
    store = store or Store()
    alignments = read_wanted(images, platform=platform, progress=progress, **access)
    targets = tuple(read_targets(to, access.get("reaching")))
    return decide(alignments, targets, missing=store.missing, form=form, packing=layers)


def read_wanted(
    images: str | Image | Sequence[str | Image],
    *,
    platform: str = "",
    progress: Progress = SILENT,
    **access: Unpack[Access],
) -> list[Alignment]:
    """Everything known of the images that are to travel, however many targets they go to."""
    wanted = [images] if isinstance(images, str | Image) else list(images)
    if not wanted:
        raise UsageError("no image is named")
    alignments: list[Alignment] = []
    for name in wanted:
        for image in [name] if isinstance(name, Image) else _images(name, platform, access):
            # File sources are read in full here: what is planned is then known to be right, digests and all.
            local = image.source.format != "registry"
            alignments.extend(read_frames(image, deep=local, progress=progress).alignments)
    return alignments


def _images(name: str, platform: str, access: Access) -> list[Image]:
    source, entries = choose(name, platform=platform, **access)
    return [Image(source, entry) for entry in entries]


_HOST = re.compile(r"ssh://[^/]+/?|unix://.+|local")
"""What is no file: a machine, to be asked what it holds."""


def read_targets(
    to: Inventory | str | Path | Sequence[Inventory | str | Path], reaching: Reaching | None = None
) -> Iterator[Inventory]:
    """What each target holds, however it is named."""
    for target in [to] if isinstance(to, Inventory | str | Path) else to:
        if isinstance(target, Inventory):
            yield target
        elif _HOST.fullmatch(str(target)) and not os.path.lexists(target):
            # Hosts are made of what stands after this module, as with sources: imported when one is named.
            hosts = importlib.import_module(".hosts", __package__)
            yield cast("Inventory", hosts.take_inventory(str(target), **(reaching or Reaching())))
        else:
            yield read_held(target)


@dataclass(frozen=True)
class Exported:
    """What an export wrote, and the diagnosis of it. `paths` are several where the archive was split.

    `script` goes with a delta: it checks the base on the target, loads, and looks whether all of it arrived.
    """

    plan: Plan
    report: Report
    paths: tuple[Path, ...]
    size: int
    script: Path | None = None

    def _repr_html_(self) -> str:
        from .report.proof import proof_html

        return proof_html(self)


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
    loaders: Sequence[str] = (),
    deep: bool = False,
    progress: Progress = SILENT,
    **access: Unpack[Access],
) -> Exported:
    """Write images to one archive that loads, carrying only what the targets lack.

    Parameters
    ----------
    what
        A plan, which is carried out exactly, or the images to plan for; then `to`, `platform`, `form` and `layers` are
        those of `plan_export`.
    output
        The archive, or `-` for standard output. It appears under this name only when it is complete and was diagnosed.
        OUTPUT.load.sh is written beside a delta.
    outer
        Compress the whole file: `gzip` or `zstd`.
    split
        Bytes of each part, where one file is too large for the stick: OUT.000, OUT.001 ..., and OUT.sha256.
    loaders, deep
        Runtimes that have to accept what was written, and whether it is read in full to diagnose it; not for a pipe.

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
        plan = plan_export(
            what, to=to, store=store, platform=platform, form=form, layers=layers, progress=progress, **access
        )
    if str(output) == "-":
        parts = compose(gather(plan, store, progress), plan.form)
        report = write_pipe(parts, progress)
        _check(plan, report)
        return Exported(plan, report, (), length(parts))
    # Where every blob's place is known beforehand it is written there as it comes; otherwise once all have come.
    foreseen = None if outer else foresee(plan, store)
    files = foreseen if foreseen is not None else gather(plan, store, progress)
    fill = partial(gather, plan, store, progress) if foreseen is not None and not on_disk(plan) else None
    _not_read_from(plan, files, Path(output))
    how = Looking(tuple(loaders), deep)
    done = _write(plan, compose(files, plan.form), Path(output), store, outer, split, progress, how, fill)
    return replace(done, script=write_script(plan, files, Path(output), done.size, split=bool(split)))


def _not_read_from(plan: Plan, files: Sequence[ImageFile], output: Path) -> None:
    """An archive must not take the place of what it is made from, or of the base that it needs."""
    uris = [image.source.uri for image in plan.images]
    named = [*uris, *(uri.partition(":")[2] for uri in uris), *(target.host for target in plan.targets)]
    read = {Path(name).expanduser().resolve() for name in named if name and "\0" not in name}
    read |= {layer.content.path.resolve() for file in files for layer in file.layers if layer.content is not None}
    if output.resolve() in read:
        raise UsageError(f"{output} is what this export reads from", hint="choose another name to save it as")


Fill = Callable[[Callable[[LayerFile], None]], object]
"""Gets the layers, and tells of each as it comes."""


@dataclass(frozen=True, slots=True)
class Looking:
    """How the written archive is diagnosed before it gets its name."""

    loaders: tuple[str, ...] = ()
    deep: bool = False


def _write(
    plan: Plan,
    parts: Sequence[Part],
    output: Path,
    store: Store,
    outer: Outer,
    split: int,
    progress: Progress,
    how: Looking,
    fill: Fill | None,
) -> Exported:
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
            # Another disk than the store's may be a stick, pulled out as soon as we say that it is written. Beside the
            # store it need not outlast a power failure: all of it can be had again.
            lasting = part.stat().st_dev != store.root.stat().st_dev
            with Writing(parts, part, lambda count: progress.advance("write", count), lasting=lasting) as writing:
                if fill is not None:
                    fill(lambda file: writing.put(blob_name(file.digest)))
                writing.finish()
        report = diagnose(part, deep=how.deep, loaders=how.loaders, progress=progress)
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
    for verdict in report.verdicts if report.wanted else ():
        if verdict.loads is False:
            raise IntegrityError(
                f"{verdict.name} refuses the written archive: {verdict.message or 'it is not usable there'}",
                hint="another --form or --layers may suit it; the archive was not kept",
            )


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
