"""Which pull belongs to which model of a program, and how its end becomes a verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from ..errors import UsageError
from ..frames import Frames
from ..inventory import Inventory
from ..verdict import Verdict
from . import containerd, containerd_pull, copy_pull, docker_pull, podman, skopeo
from .model import Loader, Outcome, Refusal, Target, judge
from .pulling import Pull

REMARK = "judged as a pull from the registry"
_COPIES = {f"{r.program}@{r.version}": r for r in (*podman.RELEASES, *skopeo.RELEASES)}

Attempt = Callable[[Pull], bool]
"""The checks of a program, raising Refusal; whether the image is usable afterwards."""


def pull(loader: Loader, frames: Frames) -> Verdict | None:
    """What a program will do with an image of a registry; None for one that no pull is known of.

    Raises UsageError for any other source.
    """
    if frames.source.format != "registry":
        raise UsageError(f"{frames.source.uri} is not in a registry")
    attempt = _attempt(loader)
    if attempt is None:
        return None
    prefix = "ctr: " if loader.name == "containerd" else ""

    def run(target: Target) -> Outcome:
        try:
            return Outcome(0, "", attempt(Pull(frames, target)))
        except Refusal as refusal:
            return Outcome(refusal.exit_code, prefix + refusal.message, usable=False)

    # What the machine holds is not fetched, but a pull checks what is fetched, so that only the platform matters.
    machine = Inventory(platform=frames.held.platform if frames.held else "")
    verdict = judge(loader.name, loader.version, machine, run)
    return replace(verdict, assumes="; ".join(filter(None, (REMARK, verdict.assumes))))


def _attempt(loader: Loader) -> Attempt | None:
    if (dialect := containerd.DIALECTS.get(loader.full_name)) is not None:
        return partial(containerd_pull.attempt, dialect=dialect)
    if (release := _COPIES.get(loader.full_name)) is not None:
        return partial(copy_pull.attempt, release=release)
    if loader.name == "docker-classic":
        major, _, minor = loader.version.partition(".")
        return partial(docker_pull.attempt, release=(int(major), int(minor)), undoes=loader.layers)
    return copy_pull.crane if loader.name == "crane" else None
