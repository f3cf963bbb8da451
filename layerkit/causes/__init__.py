"""Which mechanism made this mismatch, with the evidence.

A cause is a pure function over one image's `Alignment` and the `Scene` around it, or over the `Scene` alone
where it concerns the whole file. It gives a `Cause` where what is seen fits its mechanism, else None. It is
`certain` only where nothing else would look like this. Sound archives have no cause.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..alignment import Alignment
from ..finding import Cause
from ..frames import Frames
from .absence import (
    empty_layer_path,
    incomplete_content,
    incremental_filter,
    last_layer_only,
    manifest_trimmed,
    stale_after_squash,
    wrong_base,
)
from .container import (
    concatenated_archives,
    corrupt_file,
    rootfs_export,
    truncated_copy,
    unsafe_names,
    utf16_redirect,
)
from .content import (
    compressed_digests,
    corrupt_copy,
    cut_layer,
    empty_file,
    layer_replaced,
    layers_reordered,
    other_compression,
)
from .counts import (
    dedup_diff_ids,
    history_as_layers,
    history_unmarked,
    layers_without_history,
    schema1_counts,
    schema1_empty_layers,
)
from .mixture import build_cache, faulty_oci_half, mixed_images
from .scene import Scene
from .store import missing_platform, store_without_content
from .writer import name_writer

__all__ = ["FILE_CAUSES", "IMAGE_CAUSES", "Scene", "find_causes", "name_writer"]

FILE_CAUSES: tuple[Callable[[Scene], Cause | None], ...] = (
    utf16_redirect,
    rootfs_export,
    truncated_copy,
    corrupt_file,
    concatenated_archives,
    missing_platform,
    unsafe_names,
)
IMAGE_CAUSES: tuple[Callable[[Alignment, Scene], Cause | None], ...] = (
    build_cache,
    store_without_content,
    wrong_base,
    empty_layer_path,
    dedup_diff_ids,
    schema1_empty_layers,
    schema1_counts,
    compressed_digests,
    layers_reordered,
    mixed_images,
    faulty_oci_half,
    manifest_trimmed,
    last_layer_only,
    stale_after_squash,
    incremental_filter,
    history_as_layers,
    cut_layer,
    empty_file,
    layer_replaced,
    corrupt_copy,
    history_unmarked,
    layers_without_history,
    incomplete_content,
    other_compression,
)
"""Within one confidence the earlier comes first: the more telling before the more general."""

_RANK = {"certain": 0, "likely": 1, "possible": 2}
_MOST = 4


def find_causes(frames: Frames) -> tuple[tuple[Cause, ...], tuple[tuple[Cause, ...], ...]]:
    """Causes of the file as a whole, and of each image in turn; of each at most four, the likeliest first."""
    scene = Scene(frames)
    whole = _chosen(cause(scene) for cause in FILE_CAUSES)
    images = tuple(_chosen(cause(image, scene) for cause in IMAGE_CAUSES) for image in frames.alignments)
    return whole, images


def _chosen(found: Iterable[Cause | None]) -> tuple[Cause, ...]:
    causes = [cause for cause in found if cause is not None]
    return tuple(sorted(causes, key=lambda cause: _RANK[cause.confidence])[:_MOST])
