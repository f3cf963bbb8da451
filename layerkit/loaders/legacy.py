"""The loader for archives of before Docker 1.10, which Docker 28 and older fall into without a manifest.json.

moby `image/tarexport/load.go`, `legacyLoad` and `legacyLoadImage`: every directory at the top is taken for an image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..messages import docker
from . import gojson
from .model import Refusal

if TYPE_CHECKING:
    from .docker import Load

CRASH = docker.CONNECTION_LOST.format(method="Post", url="http://%2Fvar%2Frun%2Fdocker.sock/v1.41/images/load?quiet=1")
"""What is left to say for the client when the daemon's handler dies."""

IMAGE = gojson.struct("", OS=gojson.TEXT, Parent=gojson.TEXT)
REPOSITORIES = gojson.Shape("object", "map[string]map[string]string")


def run(load: Load) -> bool:
    """Load every directory, then the tags; whether there was an image. Raises Refusal."""
    loaded: dict[str, int] = {}
    for name in load.view.tree.directories:
        _image(load, name, loaded)
    raw = load.open(load.place("repositories"))
    document, error = gojson.decode(raw, REPOSITORIES, stream=True)
    if error:
        raise Refusal(error)
    for name, tags in (document or {}).items():
        for tag, image in (tags if isinstance(tags, dict) else {}).items():
            if image not in loaded:
                raise Refusal(docker.INVALID_TARGET_ID.format(target=image))
            load.tag(f"{name}:{tag}")
    return bool(loaded)


def _image(load: Load, name: str, loaded: dict[str, int]) -> None:
    """Read the descriptions up to the oldest ancestor, then the layers down again; `loaded` counts their layers."""
    waiting: dict[str, None] = {}
    while name and name not in loaded:
        if name in waiting:
            raise Refusal(CRASH)  # its own ancestor: the daemon recurses until its stack is full
        waiting[name] = None
        raw = load.open(load.place(f"{name}/json"))
        document, error = gojson.decode(raw, IMAGE)
        if error:
            raise Refusal(error)
        load.check_os(gojson.pick(document, "OS") or "", will_read=True)
        name = gojson.pick(document, "Parent") or ""
    depth = loaded.get(name, 0)
    for image in reversed(waiting):
        load.register(load.existing(load.place(f"{image}/layer.tar")), "", depth=depth)
        depth += 1
        loaded[image] = depth
