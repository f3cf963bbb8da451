"""The thin families of `tests.images.CASES`, and what a machine holds that has loaded the base of one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from layerkit.frames import Frames, read_frames
from layerkit.inventory import Inventory
from tests.images import CASES

Thin = Callable[..., Frames]


def family_reader(folder: Path) -> Thin:
    """A function that reads a case, with the base of the given case held or nothing known."""

    def read(case: str, base: str = "", *, deep: bool = True) -> Frames:
        held = None
        if base:
            images = (alignment.image for alignment in read(base).alignments)
            held = Inventory.of_images("site", *images)
        path = folder / f"{case}.tar"
        path.write_bytes(CASES[case](case))
        return read_frames(path, deep=deep, held=held)

    return read
