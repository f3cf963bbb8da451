"""Models of the programs that take an image in: what each checks, in its order, and what it prints."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ..errors import UsageError
from ..frames import Frames
from ..verdict import Verdict


@dataclass(frozen=True)
class Loader:
    """One program in one version. `versions` says for which releases the model holds.

    `identity` is the column by which it decides that it already has a layer; `partial` whether it may load an archive
    that leaves such layers out.
    """

    name: str
    version: str
    versions: str
    identity: Literal["chain_id", "diff_id", "digest"]
    partial: bool
    check: Callable[[Frames], Verdict]


LOADERS: tuple[Loader, ...] = ()
"""Every model, the newest version of each program first."""

DEFAULT: tuple[str, ...] = ()
"""What a report shows unasked: each program, the newest and the oldest version still in use."""


def predict(frames: Frames, names: Sequence[str]) -> Iterator[Verdict]:
    """What each of the named loaders will do with what was read."""
    for name in names:
        yield find(name).check(frames)


def find(name: str) -> Loader:
    """The loader `NAME` (its newest version) or `NAME@VERSION`."""
    for loader in LOADERS:
        if name in (loader.name, f"{loader.name}@{loader.version}"):
            return loader
    known = ", ".join(dict.fromkeys(loader.name for loader in LOADERS))
    raise UsageError(
        f"unknown loader {name!r}, expected one of {known}", hint="`layerkit loaders` lists the versions"
    )
