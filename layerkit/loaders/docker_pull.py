"""`docker pull` into the classic store: manifest, config, layers, and only then whether they fit together.

moby `distribution/pull_v2.go`: `pullSchema2Layers`, `pullSchema2Config`, `receiveConfig`; `distribution/xfer`.
"""

from __future__ import annotations

from ..messages import docker, golang, registry
from . import gojson
from .docker import MAX_DEPTH, Release
from .docker_documents import IMAGE, OLD_IMAGE
from .model import Refusal
from .pulling import Pull

_SUPPORTED = ("application/vnd.oci.image.", "application/vnd.docker.")
"""Beginnings of media types that are taken (distribution/pull_v2.go, `checkSupportedMediaType`)."""


def attempt(pull: Pull, release: Release, undoes: tuple[str, ...]) -> bool:
    if pull.alignment is None:
        raise Refusal(registry.NO_MATCHING_MANIFEST.format(platform=pull.target.platform))
    for layer in pull.layers:
        media_type = layer.blob.media_type if layer.blob else ""
        if media_type and not media_type.startswith(_SUPPORTED):
            raise Refusal(registry.UNSUPPORTED_MEDIA_TYPE.format(media_type=media_type))
    _config(pull, release)
    found = [_layer(pull, index, release, undoes) for index in range(len(pull.layers))]
    diff_ids = pull.config.diff_ids
    if len(found) != len(diff_ids) or any(a not in ("", b) for a, b in zip(found, diff_ids, strict=True)):
        raise Refusal(docker.ROOTFS_MISMATCH.format())
    if sum(not entry.empty_layer for entry in pull.config.history) > len(diff_ids):
        raise Refusal(docker.TOO_MANY_HISTORY.format())
    return True


def _config(pull: Pull, release: Release) -> None:
    """The config is waited for first, and whatever is wrong with it told before any layer's fault."""
    raw = pull.config.raw
    failing = registry.PULLING_CONFIG.format()
    if not raw:
        raise Refusal(failing + registry.DOWNLOAD_ATTEMPTS.format(attempts=1) + registry.UNKNOWN_BLOB.format())
    if pull.altered:
        raise Refusal(failing + registry.CONFIG_VERIFICATION.format(expected=pull.described.digest))
    document, error = gojson.decode(raw, IMAGE if release >= (23, 0) else OLD_IMAGE)
    if error:
        raise Refusal(error)
    if pull.config.os.lower() not in ("", "linux"):
        more = ": operating system is not supported" if release >= (23, 0) else ""
        raise Refusal(registry.UNUSABLE_OS.format(os=pull.config.os) + more)
    if gojson.pick(document, "rootfs") is None:
        raise Refusal(docker.ROOTFS_INVALID.format())


def _layer(pull: Pull, index: int, release: Release, undoes: tuple[str, ...]) -> str:
    """Fetch, verify and register one layer; its diff ID, "" where its bytes were not read."""
    layer = pull.layers[index]
    digest = layer.blob.digest if layer.blob else None
    if not layer.present:
        raise Refusal(registry.UNKNOWN_BLOB.format())
    measured = pull.measured(layer)
    if measured is not None and measured.digest != digest:
        raise Refusal(registry.LAYER_VERIFICATION.format(expected=digest))
    failing = docker.REGISTER_LAYER.format()
    if index >= MAX_DEPTH:
        raise Refusal(failing + docker.MAX_DEPTH.format())
    applying = failing + (docker.APPLY_LAYER.format(status=1) if release < (24, 0) else "")
    if pull.compression(layer) not in undoes:
        raise Refusal(applying + pull.not_a_tar(layer))
    if measured is not None and measured.fault:
        raise Refusal(applying + golang.UNEXPECTED_EOF.format())
    return str(measured.diff_id) if measured is not None else ""
