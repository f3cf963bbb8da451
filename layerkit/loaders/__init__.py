"""Models of the programs that take an image in: what each checks, in its order, and what it prints.

A model is the program's own sequence of checks over what was read (`view`), not a list of cases. To add one: a module
with its checks and a tuple `LOADERS`, and a line here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..errors import UsageError
from ..frames import Frames
from ..verdict import Verdict
from . import containerd, docker, ggcr, podman, skopeo
from .model import Loader
from .pulls import pull

__all__ = ["DEFAULT", "LOADERS", "Loader", "find", "predict"]

LOADERS: tuple[Loader, ...] = (
    *docker.LOADERS,
    *containerd.LOADERS,
    *podman.LOADERS,
    *skopeo.LOADERS,
    *ggcr.LOADERS,
)
"""Every model, the newest version of each program first."""

DEFAULT: tuple[str, ...] = (
    "docker-classic@29.7",
    "docker-classic@20.10",
    "docker-containerd@29.7",
    "docker-containerd@26.1",
    "containerd@2.4",
    "containerd@1.6",
    "podman@5.8",
    "podman@4.3",
    "skopeo@1.22",
    "skopeo@1.9",
    "crane@0.21",
)
"""What a report shows unasked: each program, the newest and the oldest version still in use."""

PACKED = "the folder is packed as a tar first"


def predict(frames: Frames, names: Sequence[str]) -> Iterator[Verdict]:
    """What each of the named loaders will do with what was read: load a file or folder, or pull from a registry.

    Nothing for any other source: what a daemon has is loaded.

    Raises UsageError for a name that no loader has.
    """
    wanted = [find(name) for name in names]
    if frames.archive is None:
        if frames.source.format == "registry":
            yield from filter(None, (pull(loader, frames) for loader in wanted))
        return
    folder = frames.archive.format == "oci-layout"
    for loader in wanted:
        verdict = loader.check(frames)
        if folder and "oci-layout" not in loader.formats:
            verdict = replace(verdict, assumes="; ".join(filter(None, (PACKED, verdict.assumes))))
        yield verdict


def find(name: str) -> Loader:
    """The loader `NAME` (its newest version) or `NAME@VERSION`."""
    for loader in LOADERS:
        if name in (loader.name, loader.full_name):
            return loader
    known = ", ".join(dict.fromkeys(loader.name for loader in LOADERS))
    raise UsageError(f"unknown loader {name!r}, expected one of {known}", hint="`layerkit loaders` lists the versions")
