"""A source as pandas frames: the place where the claims meet, side by side.

`images` has one row per image: reference, platform, config_digest, manifest_layers, diff_ids, history,
history_nonempty, members_present. `layers` has one row per image and position: image, position, path, digest,
media_type, size, stored_size, present, compression, diff_id, chain_id, measured_digest, measured_diff_id,
measured_size, history_index, created_by, matched_by, state. `history` has one row per entry: image, index, created,
created_by, comment, empty_layer, position. `members` has one row per tar member: name, kind, size, stored, offset,
target. Sizes are bytes; NA stands where a claim is silent.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from .alignment import Alignment, align
from .digest import Measurement
from .errors import FormatError
from .image import Blob, Config, Image, Source
from .inventory import Inventory
from .progress import SILENT, Progress
from .sources import Archive, choose
from .sources.access import Access

if TYPE_CHECKING:
    import pandas as pd

_WORKERS = min(8, os.cpu_count() or 1)
_CLAIMS = 200_000
"""Layers and history entries of all images together that are laid side by side; a file of 4 MiB can claim millions."""


@dataclass(frozen=True)
class Frames:
    """Everything that was read from one source. Rules look at `source` and `alignments`, people at the frames."""

    source: Source
    alignments: tuple[Alignment, ...] = field(repr=False)
    deep: bool
    held: Inventory | None = None

    @property
    def archive(self) -> Archive | None:
        """The source where it is made of files: its members and documents are facts of their own."""
        return self.source if isinstance(self.source, Archive) else None

    @cached_property
    def images(self) -> pd.DataFrame:
        import pandas as pd

        rows = [
            {
                "reference": a.image.reference,
                "platform": a.config.platform or a.image.entry.platform,
                "config_digest": a.config.digest if a.config.raw else None,
                **a.counts,
            }
            for a in self.alignments
        ]
        columns = ["reference", "platform", "config_digest", "manifest_layers", "diff_ids", "history"]
        columns += ["history_nonempty", "members_present"]
        return pd.DataFrame(rows, columns=columns).rename_axis("image")

    @cached_property
    def layers(self) -> pd.DataFrame:
        import pandas as pd

        rows = [
            (
                image,
                row.position,
                row.path if row.listed else None,
                row.blob.digest if row.blob else None,
                row.blob.media_type if row.blob else None,
                row.blob.size if row.blob else None,
                row.stored_size,
                row.present if row.listed or row.present else False,
                row.compression,
                row.diff_id,
                row.chain_id,
                row.measured.digest if row.measured else None,
                row.measured.diff_id if row.measured else None,
                row.measured.diff_size if row.measured else None,
                row.history_index,
                row.created_by,
                row.matched_by,
                row.state,
            )
            for image, alignment in enumerate(self.alignments)
            for row in alignment.layers
        ]
        frame = pd.DataFrame(rows, columns=_LAYER_COLUMNS)
        whole = dict.fromkeys(("size", "stored_size", "measured_size", "history_index"), "Int64")
        return frame.astype(whole)

    @cached_property
    def history(self) -> pd.DataFrame:
        import pandas as pd

        rows = []
        for image, alignment in enumerate(self.alignments):
            positions = {row.history_index: row.position for row in alignment.layers}
            for i, h in enumerate(alignment.config.history):
                rows.append((image, i, h.created, h.created_by, h.comment, h.empty_layer, positions.get(i)))
        columns = ["image", "index", "created", "created_by", "comment", "empty_layer", "position"]
        return pd.DataFrame(rows, columns=columns).astype({"position": "Int64"})

    @cached_property
    def members(self) -> pd.DataFrame:
        import pandas as pd

        columns = ["name", "kind", "size", "stored", "offset", "target"]
        members = self.archive.members.all if self.archive else ()
        return pd.DataFrame([tuple(getattr(m, c) for c in columns) for m in members], columns=columns)


_LAYER_COLUMNS = [
    "image",
    "position",
    "path",
    "digest",
    "media_type",
    "size",
    "stored_size",
    "present",
    "compression",
    "diff_id",
    "chain_id",
    "measured_digest",
    "measured_diff_id",
    "measured_size",
    "history_index",
    "created_by",
    "matched_by",
    "state",
]


def read_frames(
    target: str | Path | Source | Image,
    *,
    deep: bool = False,
    held: Inventory | None = None,
    progress: Progress = SILENT,
    platform: str = "",
    **access: Unpack[Access],
) -> Frames:
    """Read every claim that `target` makes about its images.

    Parameters
    ----------
    target
        A path, a transport and its location, `-`, or something opened already.
    deep
        Read every layer once, in parallel threads, and measure digests, diff IDs and sizes.
    held
        What the target of a delta holds: layers absent here and held there are no gap.
    progress
        Told of the bytes as they are read; its `advance` may raise `Cancelled`.
    platform, access
        As for `layerkit.sources.open_source`, where `target` is a name.

    Raises SourceError where the bytes cannot be reached, and FormatError where they claim more than can be laid side by
    side in a minute; what is wrong with them is in the frames.
    """
    if isinstance(target, str | Path):
        progress.begin("read", None, str(target))
        tick = partial(progress.advance, "read")
        source, entries = choose(target, deep=deep, tick=tick, platform=platform, **access)
        progress.end("read", "")
        images = [Image(source, entry) for entry in entries]
    elif isinstance(target, Image):
        source, images = target.source, [target]
    else:
        source, images = target, [Image(target, entry) for entry in target.entries()]
    _share_configs(images)
    _check_size(source, images)
    listed = {source.key(b): b for image in images for m in image.manifests for b in m.layers if source.has(b)}
    others = source.others(frozenset(listed)) if images else ()
    measured: Mapping[str, Measurement] | None = None
    if deep:
        unlisted = {source.key(b): b for b in others} if _unlisted_matter(images) else {}
        measured = _measure(source, [*listed.values(), *unlisted.values()], progress)
    alignments = tuple(align(image, measured, others=others, held=held) for image in images)
    return Frames(source, alignments, deep, held)


def _share_configs(images: Sequence[Image]) -> None:
    """Let images that name the same config hold it once: a hostile manifest.json can name one a thousand times."""
    configs: dict[str, Config] = {}
    for image in images:
        if (blob := image.manifest.config) is not None:
            key = image.source.key(blob)
            configs[key] = vars(image)["config"] = configs.get(key) or image.config


def _check_size(source: Source, images: Sequence[Image]) -> None:
    claims = sum(
        max(len(image.manifest.layers), len(image.config.diff_ids)) + len(image.config.history) for image in images
    )
    if claims > _CLAIMS:
        raise FormatError(
            f"{source.uri} tells of {claims:,} layers and steps in {len(images):,} images; "
            f"more than {_CLAIMS:,} are not looked at"
        )


def _unlisted_matter(images: Sequence[Image]) -> bool:
    return any(len(image.manifest.layers) < len(image.config.diff_ids) for image in images)


def _measure(source: Source, blobs: Sequence[Blob], progress: Progress) -> dict[str, Measurement]:
    """Measure blobs side by side, the largest first so that no thread is left with it at the end."""
    sizes = {source.key(b): source.stored_size(b) or b.size or 0 for b in blobs}
    order = sorted(blobs, key=lambda b: -sizes[source.key(b)])
    progress.begin("measure", sum(sizes.values()), "reading layers")

    def one(blob: Blob) -> tuple[str, Measurement]:
        return source.key(blob), source.measure(blob, lambda count: progress.advance("measure", count))

    pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="measure")
    try:
        return dict(pool.map(one, order))
    finally:
        pool.shutdown(cancel_futures=True)
        progress.end("measure", "")
