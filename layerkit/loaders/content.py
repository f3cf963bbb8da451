"""What containerd makes of an archive: `ImportIndex`, descriptors, and the walk over them.

containerd `core/images/archive/importer.go` (1.x: `images/archive`), `core/images/image.go` (`Children`, `Platforms`),
`core/images/handlers.go` (`FilterPlatforms`, `WalkNotEmpty`). Every member is filed under the digest that its bytes
have, so that a damaged blob looks exactly as a missing one.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..image import Config
from ..messages import containerd, golang
from ..sources import Member
from . import gojson
from .descriptors import (
    DOCKER_CONFIG,
    DOCKER_LAYER,
    DOCKER_MANIFEST,
    IMAGE,
    INDEX,
    INDEXES,
    LAYOUT,
    MANIFEST,
    MANIFEST_ITEMS,
    MANIFESTS,
    OLD_IMAGE,
    UNKNOWN_DIGEST,
    Descriptor,
    Manifest,
    NotFound,
    Platform,
)
from .docker import parse_name
from .model import Refusal
from .naming import digest_fault
from .tree import clean
from .view import View


@dataclass
class Content:
    """The content store after an import, and what the importer returns."""

    view: View
    newer: bool
    """containerd 1.7 and later: built with a newer Go, a newer image-spec and newer rules for names."""
    cut: Callable[[str, Member], Refusal]
    """The error for a member whose bytes end early."""
    _visited: dict[str, tuple[Descriptor, ...]] = field(default_factory=dict)

    @property
    def shape(self) -> gojson.Shape:
        """The type that a config is decoded into."""
        return IMAGE if self.newer else OLD_IMAGE

    def import_index(self) -> tuple[Descriptor, ...]:
        """`ImportIndex` and `decodeIndex`: the descriptors at the top. Raises Refusal."""
        view = self.view
        items: Any = None
        version = ""
        links: dict[str, str] = {}
        for member in view.members:
            if member.kind == "symlink":
                links[member.name] = clean(posixpath.join(posixpath.dirname(member.name), "./" + member.target))
            if member.kind != "file":
                continue
            name = clean(member.name)
            short = member.stored < member.size
            if name == "oci-layout":
                document, error = self._untar(member, LAYOUT, short)
                if error:
                    raise Refusal(containerd.UNTAR_LAYOUT.format(member=member.name) + error)
                version = gojson.pick(document, "imageLayoutVersion") or version
            elif name == "manifest.json":
                items, error = self._untar(member, MANIFEST_ITEMS, short)
                if error:
                    raise Refusal(containerd.UNTAR_MANIFEST.format(member=member.name) + error)
            elif short:
                raise self.cut(member.name, member)
        if view.spoiled and view.outer == "gzip":
            raise Refusal(golang.INVALID_TAR_HEADER.format())
        if view.end == "damaged":
            raise Refusal((golang.INVALID_TAR_HEADER if view.archive.backing.first else golang.UNEXPECTED_EOF).format())
        if view.end == "cut":
            raise Refusal(golang.UNEXPECTED_EOF.format())
        if version:
            return self._layout(version)
        if items is None:
            raise Refusal(containerd.UNRECOGNIZED.format())
        blobs = {n: m for n, m in view.files.items() if n not in ("manifest.json", "oci-layout")}
        for name, target in links.items():
            if target not in blobs:
                raise Refusal(containerd.DANGLING_LINK.format(link=name, target=target))
            blobs[name] = blobs[target]
        return tuple(descriptor for item in items for descriptor in self._docker(item or {}, blobs))

    def _untar(self, member: Member, shape: gojson.Shape, short: bool) -> tuple[Any, str]:
        """`onUntarJSON`: the tar reader's own error comes through where the member is cut."""
        value, error = self.view.decode(member, shape, stream=True)
        if short and error in (golang.EOF.format(), golang.UNEXPECTED_EOF.format()):
            return value, golang.UNEXPECTED_EOF.format()
        return value, error

    def _layout(self, version: str) -> tuple[Descriptor, ...]:
        if version != "1.0.0":
            raise Refusal(containerd.OCI_VERSION.format(version=version))
        member = self.view.files.get("index.json")
        if member is None:
            raise Refusal(containerd.NO_INDEX.format(version=version))
        document, error = self.view.decode(member, INDEX)
        if error:
            raise Refusal(error)
        return tuple(Descriptor.parse(doc) for doc in gojson.pick(document, "manifests") or ())

    def _docker(self, item: Any, blobs: Mapping[str, Member]) -> Iterator[Descriptor]:
        """One item of manifest.json: a manifest is made for it, every name looked up letter by letter."""
        view = self.view
        config_name = gojson.pick(item, "Config") or ""
        config = blobs.get(config_name)
        if config is None:
            raise Refusal(containerd.CONFIG_ABSENT.format(member=config_name))
        layers = []
        for path in gojson.pick(item, "Layers") or ():
            member = blobs.get(path or "")
            if member is None:
                absent = containerd.LAYER_ABSENT.format(member=path or "")
                raise Refusal(containerd.RESOLVE_LAYERS.format() + absent)
            stored = view.compression(member)
            media_type = DOCKER_LAYER + (".gzip" if stored in ("gzip", "zstd") else "")
            measured = view.measured(member)
            layers.append(Descriptor(media_type, measured.digest if measured else UNKNOWN_DIGEST, member=member))
        digest = f"sha256:{hashlib.sha256(view.read(config)).hexdigest()}"
        manifest = Manifest(Descriptor(DOCKER_CONFIG, digest, member=config), tuple(layers))
        document, error = view.decode(config, self.shape)
        if error:
            raise Refusal(containerd.RESOLVE_PLATFORM.format() + error)
        keys = ("os", "architecture", "variant") if self.newer else ("os", "architecture")
        platform = Platform.of(*(gojson.pick(document, k) or "" for k in keys))
        made = self._digest(manifest)
        for tag in gojson.pick(item, "RepoTags") or (None,):
            names = {} if tag is None else {"io.containerd.image.name": self._normalize(tag)}
            yield Descriptor(DOCKER_MANIFEST, made, platform, names, manifest=manifest)

    def _digest(self, manifest: Manifest) -> str:
        """The digest of the manifest that is written, where all bytes are known (`writeManifest`)."""
        if any(layer.digest == UNKNOWN_DIGEST for layer in manifest.layers):
            return UNKNOWN_DIGEST

        def document(d: Descriptor) -> dict[str, Any]:
            return {"mediaType": d.media_type, "digest": d.digest, "size": d.member.size if d.member else 0}

        doc = {
            "schemaVersion": 2,
            "mediaType": DOCKER_MANIFEST,
            "config": document(manifest.config),
            "layers": [document(layer) for layer in manifest.layers],
        }
        return f"sha256:{hashlib.sha256(json.dumps(doc, separators=(',', ':')).encode()).hexdigest()}"

    def _normalize(self, tag: str) -> str:
        """reference.go, `normalizeReference`: a tag beside a digest goes, a missing one is latest."""
        try:
            name = parse_name(tag, newer=self.newer)
        except Refusal as refusal:
            raise Refusal(containerd.NORMALIZE_REF.format(reference=tag) + refusal.message) from None
        if name.digest:
            return f"{name.repository}@{name.digest}"
        return f"{name.repository}:{name.tag or 'latest'}"

    def find(self, descriptor: Descriptor) -> Member | None:
        """The bytes behind a descriptor, if the archive has brought them."""
        return descriptor.member or self.view.content(descriptor.digest)

    def open(self, descriptor: Descriptor) -> Member:
        """`content.ReadBlob`. Raises NotFound."""
        member = self.find(descriptor)
        if member is None and digest_fault(descriptor.digest) and descriptor.digest != UNKNOWN_DIGEST:
            raise Refusal(containerd.DIGEST_VALIDATION.format(digest=descriptor.digest))
        if member is None:
            raise NotFound(descriptor.digest)
        return member

    def manifest(self, descriptor: Descriptor) -> Manifest:
        """The manifest behind a descriptor. Raises NotFound, Refusal where it is none."""
        if descriptor.manifest is not None:
            return descriptor.manifest
        document = self._document(descriptor, MANIFEST)
        parsed: dict[int, Manifest] = vars(self.view).setdefault("_manifests", {})
        where = self.open(descriptor).offset
        if (found := parsed.get(where)) is None:
            layers = gojson.pick(document, "layers") or ()
            config = Descriptor.parse(gojson.pick(document, "config"))
            found = parsed[where] = Manifest(config, tuple(Descriptor.parse(layer) for layer in layers))
        return found

    def _document(self, descriptor: Descriptor, shape: gojson.Shape) -> Any:
        """Decoded, after `validateMediaType`."""
        document, error = self.view.decode(self.open(descriptor), shape)
        if not error and gojson.pick(document, "fsLayers"):
            error = containerd.SCHEMA_1.format()
        said = gojson.pick(document, "mediaType")
        if not error and shape is MANIFEST and (gojson.pick(document, "manifests") is not None or said in INDEXES):
            error = containerd.MANIFEST_IS_INDEX.format(media_type=descriptor.media_type)
        if not error and shape is INDEX:
            parts = gojson.pick(document, "config"), gojson.pick(document, "layers")
            if parts != (None, None) or said in MANIFESTS:
                error = containerd.INDEX_IS_MANIFEST.format(media_type=descriptor.media_type)
        if error:
            raise Refusal(error)
        return document

    def children(self, descriptor: Descriptor) -> tuple[Descriptor, ...]:
        """`images.Children`. Raises NotFound, Refusal."""
        if descriptor.media_type in MANIFESTS:
            manifest = self.manifest(descriptor)
            return (manifest.config, *manifest.layers)
        if descriptor.media_type in INDEXES:
            if (found := self._visited.get(descriptor.digest)) is None:
                document = self._document(descriptor, INDEX)
                found = tuple(Descriptor.parse(doc) for doc in gojson.pick(document, "manifests") or ())
                self._visited[descriptor.digest] = found
            return found
        return ()

    def walk(
        self, top: tuple[Descriptor, ...], keep: Callable[[Descriptor], bool], *, skip_missing: bool
    ) -> list[Descriptor]:
        """`WalkNotEmpty` over filtered children: the manifests and indexes that were visited, each once."""
        kept = tuple(filter(keep, top))
        if not kept:
            raise Refusal(containerd.FILTERED_OUT.format())
        visited: list[Descriptor] = []
        seen: set[str] = set()
        ahead = list(kept[::-1])
        while ahead:
            descriptor = ahead.pop()
            if descriptor.digest in seen and descriptor.digest != UNKNOWN_DIGEST:
                continue
            seen.add(descriptor.digest)
            try:
                below = self.children(descriptor)
            except NotFound:
                if skip_missing:
                    continue
                raise
            visited.append(descriptor)
            ahead.extend(d for d in reversed(below) if d.media_type in INDEXES | MANIFESTS and keep(d))
        return visited

    def config(self, descriptor: Descriptor) -> tuple[Config, str]:
        """The config behind a descriptor, and what `json.Unmarshal` says of it. Raises NotFound."""
        member = self.open(descriptor)
        _, error = self.view.decode(member, self.shape)
        return self.view.config(member), error
