"""Repair a broken export: an overlay over it, written by the same exporter, diagnosed before it gets its name.

A kind of repair is a line in `layerkit.remedies.REPAIRS`; what it does is decided in `solving` and `configs`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Literal, Unpack

from ..compression import deflate, inflate
from ..digest import CHUNK
from ..errors import FormatError, IntegrityError, UsageError
from ..export import export_image
from ..image import Source
from ..output import Outer
from ..plan import Form, Packing
from ..progress import SILENT, Progress
from ..remedies import REPAIRS
from ..report import Report
from ..sources.access import Access
from ..store import Store
from .change import Change, MemberChange
from .overlay import Overlay
from .pieces import InStore, Piece
from .plan import RepairPlan
from .planning import plan_repair
from .tail import plan_tail, rewrite, undo

__all__ = ["REPAIRS", "Change", "MemberChange", "Overlay", "RepairPlan", "Repaired", "plan_repair", "repair"]


@dataclass(frozen=True)
class Repaired:
    """What a repair did, or with `dry_run` would do: then there is no `report` and nothing was written."""

    plan: RepairPlan
    report: Report | None = None
    path: Path | None = None
    size: int = 0

    def _repr_html_(self) -> str:
        return self.plan._repr_html_() + (self.report._repr_html_() if self.report is not None else "")


def repair(
    broken: str | Path | Source | RepairPlan,
    output: str | Path = "",
    *,
    sources: Sequence[str | Path | Source] = (),
    as_delta: bool = False,
    dry_run: bool = False,
    in_place: bool = False,
    allow_unsafe: bool = False,
    images: Sequence[str] = (),
    tags: Mapping[str, str] | None = None,
    form: Form = "universal",
    layers: Packing | Literal["auto"] = "auto",
    loaders: Sequence[str] = (),
    deep: bool = False,
    outer: Outer = "",
    split: int = 0,
    platform: str = "",
    store: Store | None = None,
    progress: Progress = SILENT,
    **access: Unpack[Access],
) -> Repaired:
    """Write a broken archive anew as one that loads; the broken file stays as it is.

    Layers are found by their content, and from `sources` only what is missing is fetched. Where names or digests tell
    every layer and a structural rule says what is wrong, no layer is read: the plan's `unread` counts those that are
    taken at their word.

    Parameters
    ----------
    broken
        An archive or layout, named as on the command line, or a plan, which is carried out exactly.
    output
        The archive to write. It appears under this name only when it is complete, sound and accepted by `loaders`.
    sources
        Where missing layers and configs may come from: registries, archives, OCI layouts. The store is asked before.
    as_delta
        Leave the lowest layers out that the file lacks, for a target that holds them.
    dry_run
        Only make the plan.
    in_place
        Write only the manifests anew, behind the last layer of the file itself; nothing else may have to change. What
        a run that was killed left half done is undone first.
    allow_unsafe
        Change a config where that is the only cure; the image gets a new ID.
    images, tags
        Take only these images, by name, by the end of one, or as `@POSITION`; and give them other names, old to new.
    form, layers, outer, split
        As for `export_image`. With `auto` only layers that a wanted runtime cannot read are packed anew.
    loaders
        Runtimes, `NAME` or `NAME@VERSION`, that have to accept the result.
    deep
        Read every layer before and after.

    Raises
    ------
    IntegrityError
        Something is nowhere to be found; it says what, with digests and sizes, and where it was looked for.
    FormatError
        The file holds nothing of an image, or two that contradict each other.
    UsageError
        The image ID would change and `allow_unsafe` is not given.

    Examples
    --------
    >>> plan = repair("data/surplus-layers.tar", dry_run=True).plan
    >>> [change.id for change in plan.changes], plan.safe
    (['drop-surplus', 'rebuild-oci'], True)
    """
    if in_place and isinstance(broken, str | Path):
        undo(Path(broken))
    if isinstance(broken, RepairPlan):
        plan = broken
    else:
        plan = plan_repair(
            broken,
            sources=sources,
            as_delta=as_delta,
            allow_unsafe=allow_unsafe,
            images=images,
            tags=tags,
            form=form,
            layers=layers,
            loaders=loaders,
            deep=deep,
            platform=platform,
            store=store,
            progress=progress,
            **access,
        )
    if dry_run:
        return Repaired(plan)
    if not plan.safe and not allow_unsafe:
        raise UsageError(_unsafe(plan), hint="look at the plan with --dry-run; --unsafe carries it out")
    if in_place:
        return _in_place(plan)
    target = Path(output)
    _not_itself(plan, target)
    store = store or plan.store or Store()
    settled = tuple(_settle(image.overlay, store, progress) for image in plan.images)
    done = export_image(
        plan.export_plan(settled, store),
        target,
        store=store,
        outer=outer,
        split=split,
        loaders=plan.wanted,
        deep=plan.deep,
        progress=progress,
    )
    return Repaired(plan, done.report, done.paths[0] if done.paths else None, done.size)


def _in_place(plan: RepairPlan) -> Repaired:
    made = plan_tail(plan)
    report = rewrite(made, plan.wanted, deep=plan.deep)
    told = tuple(change for change in plan.changes if made.both or change.id != "rebuild-oci")
    return Repaired(replace(plan, changes=told), report, made.path, made.path.stat().st_size)


def _unsafe(plan: RepairPlan) -> str:
    changed = [image for image in plan.images if image.before != image.config.digest]
    said = "; ".join(f"{i.claim.title}: {i.before or 'none'} becomes {i.config.digest}" for i in changed)
    why = ", ".join(dict.fromkeys(change.title for change in plan.changes if not change.safe))
    return f"this repair has to {why}, so the image ID changes ({said})"


def _not_itself(plan: RepairPlan, target: Path) -> None:
    if not target.name or target == Path("-"):
        raise UsageError("no file is named to write the repaired archive to", hint="-o FIXED.tar")
    path = getattr(plan.base.backing, "path", None) if plan.base is not None else None
    if path is not None and target.exists() and os.path.samefile(path, target):
        raise UsageError(f"{target} is the broken file itself", hint="write to another name, or use --in-place")


def _settle(overlay: Overlay, store: Store, progress: Progress) -> Overlay:
    """The overlay with every layer packed as it is to be; what is packed anew is kept in the store."""
    return replace(overlay, pieces=tuple(_packed(piece, store, progress) for piece in overlay.pieces))


def _packed(piece: Piece, store: Store, progress: Progress) -> Piece:
    if piece.repack is None or piece.origin is None:
        return piece
    wanted = piece.repack or "plain"
    packed = store.packed(piece.diff_id, wanted)
    if packed is None:
        progress.begin(f"pack {piece.digest}", piece.size, f"packing {piece.digest[7:19]}")
        try:
            with piece.origin.open() as stream:
                chunks = _told(stream, lambda count: progress.advance(f"pack {piece.digest}", count))
                packed = store.add(deflate(inflate(chunks, piece.compression), piece.repack))
        except FormatError as error:
            raise IntegrityError(f"layer {piece.digest} cannot be unpacked: {error}") from error
        finally:
            progress.end(f"pack {piece.digest}", "")
        if packed.diff_id == piece.diff_id:
            store.note_packed(piece.diff_id, wanted, packed.digest)
    if packed.diff_id != piece.diff_id:
        raise IntegrityError(
            f"layer {piece.digest} holds {packed.diff_id}, expected {piece.diff_id}", hint="try again with --deep"
        )
    origin = InStore(store, packed.digest)
    return Piece(piece.diff_id, packed.digest, packed.size, packed.compression, "", origin, True)


def _told(stream: BinaryIO, tick: Callable[[int], None]) -> Iterator[bytes]:
    while data := stream.read(CHUNK):
        tick(len(data))
        yield data
