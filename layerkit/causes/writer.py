"""Which tool is likely to have written a tar, told by how it names things."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..document import field_of
from ..frames import Frames
from ..sources import Archive

_HEX = "[0-9a-f]{64}"
_LITE = re.compile(rf"sha256:{_HEX}\.tar")
_FOLDER = re.compile(rf"{_HEX}/layer\.tar")
_PLAIN = re.compile(rf"{_HEX}\.tar")
_GZIP = re.compile(rf"{_HEX}\.tar\.gz")
_CONFIG = re.compile(rf"{_HEX}\.json")


def name_writer(frames: Frames) -> str:
    """The tool in a few words, "" where the names fit several or none.

    The habits: moby image/tarexport/save.go (`<hex>/layer.tar` with VERSION and json until 24; blobs/ with
    `LayerSources` since 25), containers/image docker/internal/tarfile/writer.go (`<hex>.tar`, links in legacy
    folders), go-containerregistry pkg/v1/tarball/write.go (config `sha256:<hex>`, `<hex>.tar.gz`), jib
    (`config.json`), containerd images/archive/exporter.go (blobs/ and manifest.json without `LayerSources`).
    """
    archive = frames.archive
    if archive is None:
        return ""
    docker, oci = bool(archive.items), bool(archive.offers)
    names = archive.members.cleaned.keys()
    if oci and docker:
        if _has_layer_sources(archive):
            return "Docker 25 or later"
        return "containerd, BuildKit or Docker's containerd store"
    if oci:
        return "an OCI tool such as BuildKit, skopeo, podman, buildah or crane"
    if not docker:
        return "Docker before 1.10" if archive.v1_layers and "repositories" in names else ""
    paths = [path for item in archive.items for path in item.layers]
    configs = [item.config for item in archive.items]
    if _all(_LITE, paths):
        return "lite-image-export"
    if _all(_GZIP, paths):
        if all(config == "config.json" for config in configs):
            return "jib"
        if all(config.startswith("sha256:") for config in configs):
            return "crane, kaniko or another tool built on go-containerregistry"
    if _all(_PLAIN, paths) and _all(_CONFIG, configs):
        return "skopeo, podman or buildah"
    if _all(_FOLDER, paths) and _all(_CONFIG, configs):
        legacy = any(name.endswith("/VERSION") for name in names)
        return "Docker before 25" if legacy else "nix dockerTools, or a repacked `docker save`"
    return ""


def _all(pattern: re.Pattern[str], texts: Iterable[str]) -> bool:
    some = False
    for text in texts:
        if text:
            if not pattern.fullmatch(text.removeprefix("./")):
                return False
            some = True
    return some


def _has_layer_sources(archive: Archive) -> bool:
    value = archive.documents["manifest.json"].value
    return isinstance(value, list) and any(
        isinstance(item, dict) and isinstance(field_of(item, "LayerSources"), dict) for item in value
    )
