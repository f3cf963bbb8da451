"""How registries and hosts may be reached: the keywords of everything that opens an image."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict, cast

RuntimeName = Literal["auto", "docker", "podman", "containerd"]


class Reaching(TypedDict, total=False):
    """How a host may be reached: what `hosts.connect` takes besides its name."""

    runtime: RuntimeName
    namespace: str
    socket: str
    snapshotter: str
    sudo: bool
    accept: str | Collection[str]
    ask: Callable[[Any], str | None]
    config: Path | None


class Registries(TypedDict, total=False):
    """How a registry may be reached; all may be left out.

    `insecure` allows unknown certificates and plain HTTP, `ca` is a PEM file or folder, `authfile` the only file to
    take credentials from. `mirrors` are tried in their order before the registry itself: `HOST[/PREFIX]` stands in for
    docker.io, as in dockerd's `registry-mirrors`, and `REGISTRY=HOST[/PREFIX]` for another registry.
    """

    insecure: bool
    ca: str
    authfile: str
    mirrors: Sequence[str]


class Access(Registries, total=False):
    """The same, and how hosts are reached: every one that is named, as a source or as a target."""

    reaching: Reaching


def registries(access: Access) -> Registries:
    """What of it a registry is to know."""
    found = access.copy()
    found.pop("reaching", None)
    return cast("Registries", found)
