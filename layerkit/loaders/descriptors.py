"""What containerd reads of a manifest: descriptors, platforms, media types, and the Go types behind them.

containerd `core/images/mediatypes.go` (`IsLayerType`, `DiffCompression`); containerd/platforms `database.go`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..compression import Compression
from ..messages import containerd
from ..sources import Member
from . import gojson
from .model import Refusal

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
OCI_LAYER = "application/vnd.oci.image.layer."
MANIFESTS = frozenset({DOCKER_MANIFEST, "application/vnd.oci.image.manifest.v1+json"})
INDEXES = frozenset(
    {
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.index.v1+json",
    }
)
CONFIGS = frozenset({DOCKER_CONFIG, "application/vnd.oci.image.config.v1+json"})
_DOCKER_LAYERS = frozenset(
    DOCKER_LAYER.replace("diff", kind) + end for kind in ("diff", "foreign.diff") for end in ("", ".gzip", ".zstd")
)
SNIFFED: tuple[Compression, ...] = ("", "gzip", "zstd")
"""What `DecompressStream` knows (pkg/archive/compression)."""
UNKNOWN_DIGEST = "sha256:…"
"""Stands for the digest of bytes that were not read."""

MANIFEST_ITEM = gojson.struct(
    "struct { Config string; RepoTags []string; Layers []string }",
    Config=gojson.TEXT,
    RepoTags=gojson.list_of(gojson.TEXT),
    Layers=gojson.list_of(gojson.TEXT),
)
MANIFEST_ITEMS = gojson.list_of(MANIFEST_ITEM)
LAYOUT = gojson.struct("v1.ImageLayout", imageLayoutVersion=gojson.TEXT)
PLATFORM = gojson.struct(
    "v1.Platform",
    **{"architecture": gojson.TEXT, "os": gojson.TEXT, "os.version": gojson.TEXT, "variant": gojson.TEXT},
)
DESCRIPTOR = gojson.struct(
    "v1.Descriptor",
    mediaType=gojson.TEXT,
    digest=gojson.Shape("string", "digest.Digest"),
    size=gojson.NUMBER,
    platform=PLATFORM,
)
INDEX = gojson.struct("v1.Index", manifests=gojson.list_of(DESCRIPTOR))
MANIFEST = gojson.struct("v1.Manifest", config=DESCRIPTOR, layers=gojson.list_of(DESCRIPTOR))


def _image(*, newer: bool) -> gojson.Shape:
    """image-spec `v1.Image`, as containerd 1.6 decodes it (Go 1.19, image-spec 1.0) and later ones do."""
    time = gojson.TIME if newer else gojson.TIME_QUOTED
    text, texts = gojson.TEXT, gojson.list_of(gojson.TEXT)
    config = gojson.struct(
        "v1.ImageConfig",
        **dict.fromkeys(("User", "WorkingDir", "StopSignal"), text),
        **dict.fromkeys(("Env", "Entrypoint", "Cmd"), texts),
        Labels=gojson.Shape("object", "map[string]string", text),
    )
    history = gojson.struct(
        "v1.History", created=time, created_by=text, author=text, comment=text, empty_layer=gojson.FLAG
    )
    rootfs = gojson.struct("v1.RootFS", type=text, diff_ids=gojson.list_of(gojson.Shape("string", "digest.Digest")))
    platform = dict.fromkeys(("architecture", "os", "variant", "os.version"), text)
    fields = {**platform, "created": time, "author": text, "config": config, "rootfs": rootfs}
    fields["history"] = gojson.list_of(history)
    return gojson.Shape(
        "object", "v1.Image", fields=fields, embedded=dict.fromkeys(platform, "Platform") if newer else {}
    )


OLD_IMAGE, IMAGE = _image(newer=False), _image(newer=True)
_ARCHITECTURES = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "i386": "386", "armhf": "arm"}


class NotFound(Refusal):
    """A blob that is in no store."""

    def __init__(self, digest: str) -> None:
        super().__init__(containerd.CONTENT_NOT_FOUND.format(digest=digest))


@dataclass(frozen=True, slots=True)
class Platform:
    os: str = ""
    architecture: str = ""
    variant: str = ""

    @classmethod
    def of(cls, os: str, architecture: str, variant: str = "") -> Platform:
        """`platforms.Normalize`: an empty system is the host's, an empty architecture stays empty."""
        arch = architecture.lower()
        arch = _ARCHITECTURES.get(arch, arch)
        plain = {"amd64": "v1", "arm64": "v8"}.get(arch)
        os = {"": "linux", "macos": "darwin"}.get(os.lower(), os.lower())
        return cls(os, arch, "" if variant.lower() in ("", plain, (plain or "")[1:]) else variant.lower())

    @classmethod
    def parse(cls, text: str) -> Platform:
        parts = [*text.split("/"), "", ""]
        return cls.of(parts[0], parts[1], parts[2])


@dataclass(frozen=True)
class Descriptor:
    """What points to content. `member` and `manifest` are there where the importer made the descriptor itself."""

    media_type: str
    digest: str
    platform: Platform | None = None
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)
    member: Member | None = None
    manifest: Manifest | None = None
    size: int = 1

    @property
    def name(self) -> str:
        """client/import.go, `imageName`."""
        return self.annotations.get("io.containerd.image.name", "") or self.annotations.get(
            "org.opencontainers.image.ref.name", ""
        )

    @classmethod
    def parse(cls, doc: Any) -> Descriptor:
        platform = gojson.pick(doc, "platform")
        annotations = gojson.pick(doc, "annotations")
        return cls(
            gojson.pick(doc, "mediaType") or "",
            gojson.pick(doc, "digest") or "",
            None
            if platform is None
            else Platform.of(*(gojson.pick(platform, k) or "" for k in ("os", "architecture", "variant"))),
            {k: v for k, v in annotations.items() if isinstance(v, str)} if isinstance(annotations, dict) else {},
            size=gojson.pick(doc, "size") or 0,
        )


@dataclass(frozen=True)
class Manifest:
    config: Descriptor
    layers: tuple[Descriptor, ...]


def is_layer(media_type: str) -> bool:
    """`IsLayerType`."""
    return media_type.startswith(OCI_LAYER) or media_type.partition("+")[0] in _DOCKER_LAYERS


def undoes(media_type: str, stored: Compression) -> Compression | None:
    """How a layer is decompressed before its tar is read; None where no processor takes the type.

    `DiffCompression`: OCI says whether there is a compression, and plain is believed; Docker's plain type is not. Which
    one it is, is told by the first bytes.
    """
    base, plus, extension = media_type.rpartition("+") if "+" in media_type else (media_type, "", "")
    if base in _DOCKER_LAYERS:
        sniffed = not plus
    elif base.startswith(OCI_LAYER) and base.endswith(".tar"):
        sniffed = extension in ("gzip", "zstd")
    else:
        return None
    return stored if sniffed and stored in SNIFFED else ""
