"""How registries may be reached: the keywords of everything that opens one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict


class Access(TypedDict, total=False):
    """Options for registries; all may be left out.

    `insecure` allows unknown certificates and plain HTTP, `ca` is a PEM file or folder, `authfile` the only file to
    take credentials from. `mirrors` are tried in their order before the registry itself: `HOST[/PREFIX]` stands in for
    docker.io, as in dockerd's `registry-mirrors`, and `REGISTRY=HOST[/PREFIX]` for another registry.
    """

    insecure: bool
    ca: str
    authfile: str
    mirrors: Sequence[str]
