"""The JSON of OCI layouts as containers/image reads it: descriptors, indexes, manifests, configs.

Sources (containers/image): manifest/oci.go, oci_index.go (`ChooseInstance`), docker_schema2.go, common.go
(`validateUnambiguousManifestFormat`), manifest.go (`GuessMIMEType`), internal/image/manifest.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ..messages import containers_image as say
from ..messages import copies
from ..messages.goquote import quote
from .docker_archive import DIGESTS, created_fault
from .gojson import FLAG, NUMBER, TEXT, Shape, decode, list_of, map_of, pick, struct
from .model import Refusal

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
_SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+prettyjws"
_DOCKER_LAYER = "application/vnd.docker.image.rootfs."
_FULL_NAME, _REF_NAME = "io.containerd.image.name", "org.opencontainers.image.ref.name"
LISTS = (OCI_INDEX, DOCKER_LIST)

_DIGEST = Shape("string", "digest.Digest")
_DESCRIPTOR = struct(
    "v1.Descriptor",
    mediaType=TEXT,
    digest=_DIGEST,
    size=NUMBER,
    urls=list_of(TEXT),
    annotations=map_of(TEXT),
    platform=struct("v1.Platform", architecture=TEXT, os=TEXT, variant=TEXT),
)
_INDEX = struct("v1.Index", schemaVersion=Shape("number", "int"), mediaType=TEXT, manifests=list_of(_DESCRIPTOR))
_META = struct(
    "",
    schemaVersion=Shape("number", "int"),
    mediaType=TEXT,
    config=struct("", mediaType=TEXT),
    manifests=list_of(_DESCRIPTOR),
)


def _manifest(go: str, descriptor: Shape) -> Shape:
    number = Shape("number", "int")
    layers = list_of(descriptor)
    return struct(go, schemaVersion=number, mediaType=TEXT, config=descriptor, layers=layers, annotations=map_of(TEXT))


_MANIFEST = _manifest("manifest.OCI1", _DESCRIPTOR)
_SCHEMA2 = _manifest(
    "manifest.Schema2",
    struct("manifest.Schema2Descriptor", mediaType=TEXT, size=NUMBER, digest=_DIGEST, urls=list_of(TEXT)),
)
_CONFIG = struct(
    "v1.Image",
    architecture=TEXT,
    os=TEXT,
    rootfs=struct("v1.RootFS", type=TEXT, diff_ids=DIGESTS),
    history=list_of(struct("v1.History", created_by=TEXT, comment=TEXT, author=TEXT, empty_layer=FLAG)),
    config=struct(
        "v1.ImageConfig",
        User=TEXT,
        WorkingDir=TEXT,
        StopSignal=TEXT,
        Env=list_of(TEXT),
        Cmd=list_of(TEXT),
        Entrypoint=list_of(TEXT),
        Labels=map_of(TEXT),
    ),
)


@dataclass(frozen=True, slots=True)
class Descriptor:
    digest: str = ""
    size: int = 0
    media_type: str = ""
    urls: tuple[str, ...] = ()
    name: str = ""
    platform: tuple[str, str, str] | None = None

    @property
    def image(self) -> bool:
        return self.media_type in (OCI_MANIFEST, DOCKER)

    @classmethod
    def of(cls, value: Any) -> Descriptor:
        platform = pick(value, "platform")
        notes = pick(value, "annotations") or {}
        return cls(
            pick(value, "digest") or "",
            pick(value, "size") or 0,
            pick(value, "mediaType") or "",
            tuple(url or "" for url in pick(value, "urls") or ()),
            # libimage/pull.go, `nameFromAnnotations`
            str(notes.get(_FULL_NAME) or notes.get(_REF_NAME) or ""),
            None
            if platform is None
            else tuple(str(pick(platform, key) or "") for key in ("os", "architecture", "variant")),  # type: ignore[arg-type]
        )


@dataclass(frozen=True, slots=True)
class Manifest:
    config: Descriptor
    layers: tuple[Descriptor, ...] = ()


@lru_cache(maxsize=8)
def parse(raw: bytes, media_type: str) -> Manifest:
    """internal/image/manifest.go, `manifestInstanceFromBlob`. Raises Refusal."""
    value, fault = decode(raw, _SCHEMA2 if media_type == DOCKER else _MANIFEST)
    if fault:
        raise Refusal(fault)
    # Whatever is not known is taken for schema 1 (manifest.go, `NormalizedMIMEType`).
    first = media_type not in (OCI_MANIFEST, DOCKER)
    version = pick(value, "schemaVersion") or 0
    if first and version != 1:
        raise Refusal(copies.SCHEMA_VERSION.format(version=version))
    wrong = ("config", "layers", "manifests") if first else ("fsLayers", "history", "manifests")
    if unexpected := [name for name in wrong if pick(value, name) is not None]:
        names = ", ".join(map(quote, unexpected))
        supposed = _SCHEMA1 if first else OCI_INDEX if media_type == OCI_MANIFEST else DOCKER
        raise Refusal(copies.AMBIGUOUS.format(names=f"{{{names}}}", media_type=supposed))
    if first:
        sums = [str(pick(layer, "blobSum") or "") for layer in pick(value, "fsLayers") or ()]
        return Manifest(Descriptor(), tuple(map(Descriptor, reversed(sums))))
    layers = tuple(Descriptor.of(layer) for layer in pick(value, "layers") or ())
    if media_type == DOCKER:
        for kind in (pick(value, "mediaType") or "", *(layer.media_type for layer in layers)):
            if kind != DOCKER and kind != DOCKER_CONFIG and not kind.startswith(_DOCKER_LAYER):
                raise Refusal(copies.V2S2_TYPE.format(media_type=kind))
    return Manifest(Descriptor.of(pick(value, "config")), layers)


def parse_loosely(raw: bytes) -> Manifest:
    """A manifest as it says it is, its kind unchecked. Raises Refusal where it is none."""
    value, fault = decode(raw, _MANIFEST, stream=True)
    if fault:
        raise Refusal(fault)
    return Manifest(Descriptor.of(pick(value, "config")), tuple(map(Descriptor.of, pick(value, "layers") or ())))


def parse_list(raw: bytes, *, stream: bool = False) -> list[Descriptor]:
    value, fault = decode(raw, _INDEX, stream=stream)
    if fault:
        raise Refusal(fault)
    return [Descriptor.of(child) for child in pick(value, "manifests") or ()]


def choose(children: Sequence[Descriptor], media_type: str, platform: str, *, quotes: bool) -> Descriptor:
    """manifest/oci_index.go, `ChooseInstance`: the first of the platform, else (OCI) the first without one."""
    system, _, rest = platform.partition("/")
    architecture, _, variant = rest.partition("/")
    wanted = (system, architecture, variant)
    for child in children:
        if child.platform == wanted:
            return child
    if media_type == OCI_INDEX:
        for child in children:
            if child.platform is None:
                return child
        words = say.NO_PLATFORM if quotes else say.NO_PLATFORM_OLD
    else:
        words = copies.NO_PLATFORM if quotes else copies.NO_PLATFORM_OLD
    raise Refusal(words.format(arch=architecture, variant=variant, os=system))


def guess(raw: bytes) -> str:
    """manifest/manifest.go, `GuessMIMEType`."""
    value, fault = decode(raw, _META)
    if fault or not isinstance(value, dict):
        return ""
    kind = pick(value, "mediaType") or ""
    if kind in (DOCKER, DOCKER_LIST, OCI_MANIFEST, OCI_INDEX):
        return str(kind)
    if pick(value, "schemaVersion") != 2:
        return ""
    config = str(pick(pick(value, "config"), "mediaType") or "")
    if config == OCI_CONFIG:
        return OCI_MANIFEST
    if config == DOCKER_CONFIG:
        return DOCKER
    if pick(value, "manifests"):
        return config or OCI_INDEX
    return OCI_MANIFEST


@lru_cache(maxsize=8)
def read_config(raw: bytes, *, quotes: bool = False) -> tuple[tuple[str, ...], str]:
    """The diff IDs of a config, and what Go says where it is none; `quotes` as for `time_fault`."""
    value, fault = decode(raw, _CONFIG)
    fault = fault or created_fault(value, quotes=quotes)
    rootfs = pick(value, "rootfs")
    return tuple(diff_id or "" for diff_id in pick(rootfs, "diff_ids") or ()) if not fault else (), fault
