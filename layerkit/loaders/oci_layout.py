"""The transports `oci:` and `oci-archive:` of containers/image: index.json, one manifest, its config and blobs.

Sources: oci/archive/oci_transport.go (`createUntarTempDir`), oci/layout/oci_transport.go (`getManifestDescriptor`)
and oci_src.go (`GetManifest`, `GetBlob`), manifest/oci_index.go (`ChooseInstance`), manifest/manifest.go
(`GuessMIMEType`), internal/image/oci.go (`ConfigBlob`). The file oci-layout is never read.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ..digest import Measurement, sha256
from ..messages import containers_image as say
from ..messages import golang
from ..messages.goquote import quote
from ..sources import Member
from ..verdict import Need
from .copying import Layer, Release, Stream
from .docker_archive import DIGESTS, created_fault
from .gojson import FLAG, NUMBER, TEXT, Shape, decode, list_of, map_of, pick, struct
from .model import Refusal
from .naming import digest_fault
from .scanning import clean
from .streams import as_asked, damage
from .tree import OutOfScope, TooManyLinks
from .view import View

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


@dataclass(frozen=True)
class Layout:
    """A layout that was unpacked to `root`, or that lies there."""

    view: View = field(repr=False)
    release: Release
    root: str = "/var/tmp/ociN"

    def unpack(self) -> None:
        """c/storage pkg/archive, `Unpack`: the whole tar must come out, and nothing may lead out of the directory."""
        kept = vars(self.view)
        if (fault := kept.get("_unpacked")) is None:
            fault = kept["_unpacked"] = self._unpacked()
        if fault:
            raise Refusal(f"creating temp directory: untarring file {quote(self.root)}: {fault}")

    def _unpacked(self) -> str:
        backing = self.view.archive.backing
        for member in self.view.members:
            if member.kind != "dir" and _climbs(member.name):
                return f"{quote(member.name)} is outside of {quote(self.root)}"
            if member.kind == "symlink" and _climbs(f"{posixpath.dirname(member.name)}/{member.target}"):
                return (
                    f"invalid symlink {quote(posixpath.join(self.root, clean(member.name)))} -> {quote(member.target)}"
                )
            if member.kind == "hardlink" and _climbs(member.target):
                outside = posixpath.normpath(posixpath.join(self.root, member.target))
                return f"invalid hardlink {quote(outside)} -> {quote(member.target)}"
        if self.view.tree.broken_link is not None:
            return "no such file or directory"
        if backing.end == "cut":
            return golang.UNEXPECTED_EOF.format()
        return golang.INVALID_TAR_HEADER.format() if backing.end == "damaged" else ""

    def only(self) -> Descriptor:
        """The one manifest of index.json. Raises Refusal."""
        raw = self.view.read(self._file("index.json"))
        value, fault = decode(raw, _INDEX, stream=True)
        if fault:
            raise Refusal(fault)
        found = pick(value, "manifests") or []
        if len(found) != 1:
            raise Refusal(say.MORE_THAN_ONE.format())
        return Descriptor.of(found[0])

    def _file(self, path: str) -> Member:
        try:
            member = self.view.tree.find(path).file
        except (OutOfScope, TooManyLinks):
            member = None
        if member is None or member.kind != "file":
            raise Refusal(golang.NO_SUCH_FILE.format(path=f"{self.root}/{path}"))
        return member

    def blob(self, digest: str) -> Member:
        if fault := digest_fault(digest):
            raise Refusal(f"unexpected digest reference {digest}: {fault}")
        return self._file(f"blobs/{digest.replace(':', '/', 1)}")

    def text(self, descriptor: Descriptor) -> tuple[bytes, str]:
        """A manifest's bytes, which are not verified here, and its media type, guessed where none is told."""
        raw = self.view.read(self.blob(descriptor.digest))
        return raw, descriptor.media_type or guess(raw)

    def config(self, descriptor: Descriptor) -> bytes:
        """internal/image/oci.go, `ConfigBlob`."""
        raw = self.view.read(self.blob(descriptor.digest))
        if (got := sha256(raw)) != descriptor.digest:
            words = say.CONFIG_DIGEST_NEW if self.release.quotes else say.CONFIG_DIGEST
            raise Refusal(words.format(got=got, expected=descriptor.digest))
        return raw

    def layers(self, manifest: Manifest, positions: Sequence[int], diff_ids: Sequence[str]) -> list[Layer]:
        found = []
        for index, layer in enumerate(manifest.layers):
            diff_id = diff_ids[index] if index < len(diff_ids) else ""
            need = Need(
                positions[index] if index < len(positions) else index,
                diff_id,
                "diff_id" if layer.digest == diff_id else "digest",
                layer.digest,
            )
            found.append(Layer(layer.digest, need, self._absent(layer), lambda d=layer: self._stream(d)))  # type: ignore[misc]
        return found

    def _absent(self, layer: Descriptor) -> bool:
        try:
            return self.blob(layer.digest).size == 0 < layer.size
        except Refusal:
            return not digest_fault(layer.digest)

    def _stream(self, layer: Descriptor) -> Stream:
        """oci_src.go, `GetBlob`: a foreign layer is fetched from its URLs first, which is not foreseen here."""
        if any(url.startswith(("http://", "https://")) for url in layer.urls):
            return Stream()
        member = self.blob(layer.digest)
        measured: Measurement | None = self.view.measured(member)
        fault = self.view.fault(member, self.view.compression(member), measured.diff_id if measured else None)
        if measured is None:
            return Stream(fault=fault)
        return Stream(
            as_asked(self.view, member, layer.digest, measured.digest, inflated=False),
            measured.digest,
            measured.diff_id,
            measured.size,
            member.size,
            damage=damage(self.view, member),
            fault=fault,
        )


def _climbs(path: str) -> bool:
    """Whether a path, put behind a directory, leads out of it."""
    return posixpath.normpath(path.lstrip("/") or ".").split("/", 1)[0] == ".."


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
        raise Refusal(f"unsupported schema version {version}")
    wrong = ("config", "layers", "manifests") if first else ("fsLayers", "history", "manifests")
    if unexpected := [name for name in wrong if pick(value, name) is not None]:
        names = ", ".join(map(quote, unexpected))
        supposed = _SCHEMA1 if first else OCI_INDEX if media_type == OCI_MANIFEST else DOCKER
        raise Refusal(f"rejecting ambiguous manifest, unexpected fields []string{{{names}}} in supposedly {supposed}")
    if first:
        sums = [str(pick(layer, "blobSum") or "") for layer in pick(value, "fsLayers") or ()]
        return Manifest(Descriptor(), tuple(map(Descriptor, reversed(sums))))
    layers = tuple(Descriptor.of(layer) for layer in pick(value, "layers") or ())
    if media_type == DOCKER:
        for kind in (pick(value, "mediaType") or "", *(layer.media_type for layer in layers)):
            if kind != DOCKER and kind != DOCKER_CONFIG and not kind.startswith(_DOCKER_LAYER):
                raise Refusal(f"unsupported docker v2s2 media type: {quote(kind)}")
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
        raise Refusal(words.format(arch=architecture, variant=variant, os=system))
    shown = (quote(architecture), quote(system)) if quotes else (architecture, system)
    raise Refusal(
        f"no image found in manifest list for architecture {shown[0]}, variant {quote(variant)}, OS {shown[1]}"
    )


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
