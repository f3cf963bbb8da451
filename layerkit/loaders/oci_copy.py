"""Copying the one image of an OCI layout with containers/image (copy/copy.go, `Image` and `copyOneImage`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ..digest import sha256
from ..frames import Frames
from ..messages import containers_image as say
from ..messages import copies
from .copying import Copy, Panic, Stream
from .model import Refusal, Target
from .naming import digest_fault
from .oci_documents import (
    DOCKER,
    LISTS,
    OCI_CONFIG,
    OCI_MANIFEST,
    Descriptor,
    Manifest,
    choose,
    parse,
    parse_list,
    read_config,
)
from .oci_layout import Layout
from .streams import as_asked


@dataclass(frozen=True)
class LayoutCopy:
    """One copy of the image in `layout`, which is named `reference` in messages."""

    layout: Layout
    reference: str
    target: Target
    frames: Frames = field(repr=False)

    def identify(self) -> None:
        """common/libimage/image.go, `getImageID`: an image without a name is named after its config."""
        top = self.layout.only()
        raw, kind = self.layout.text(top)
        if kind in LISTS:
            with _within(copies.PARSING_INDEX.format()):
                children = parse_list(raw)
            with _within(copies.CHOOSING_INSTANCE.format()):
                child = self._choose(children, kind)
            with _within(copies.FETCHING_TARGET.format()):
                raw, kind = self.layout.text(child)
            if sha256(raw) != child.digest:
                raise Refusal(copies.SELECTED_DIGEST.format(digest=child.digest))
        if fault := digest_fault(parse(raw, kind).config.digest):
            raise Refusal(copies.CONFIG_INFO.format() + fault)

    def run(self) -> bool:
        """Copy; tell whether every layer that the config promises is in place then. Raises Refusal."""
        top = self.layout.only()
        with _within(say.MIME_TYPE.format(reference=self.reference)):
            raw, kind = self.layout.text(top)
        if kind not in LISTS:
            return self._one(raw, kind, top.digest)
        with _within(copies.PARSING_LIST.format(reference=self.reference)):
            children = parse_list(raw)
        with _within(say.CHOOSING.format(reference=self.reference)):
            child = self._choose(children, kind)
        with _within(say.SYSTEM_IMAGE.format()):
            with _within(say.MIME_TYPE.format(reference=self.reference)):
                raw, kind = self.layout.text(Descriptor(child.digest))
                if sha256(raw) != child.digest:
                    raise Refusal(say.MANIFEST_DIGEST.format(digest=child.digest))
            if kind in LISTS:
                raise Refusal(copies.LIST_RECEIVED.format())
            return self._one(raw, kind, child.digest)

    def _choose(self, children: list[Descriptor], kind: str) -> Descriptor:
        return choose(children, kind, self.target.platform, quotes=self.layout.release.quotes)

    def _one(self, raw: bytes, kind: str, digest: str) -> bool:
        with _within(say.INITIALIZING_IMAGE.format(reference=self.reference)):
            manifest = parse(raw, kind)
        podman = self.layout.release.program == "podman"
        config, diff_ids = b"", tuple[str, ...]()
        if podman and kind in (OCI_MANIFEST, DOCKER):
            with _within(say.PARSING_CONFIG.format()):
                config, diff_ids = self._config(manifest, kind)
        else:
            diff_ids = self._expected(manifest)
        copy = Copy(self.layout.release, self.target, diff_ids)
        copy.layers(self.layout.layers(manifest, self._positions(digest), diff_ids))
        if not manifest.config.digest:
            return len(manifest.layers) > 0
        if not podman:
            if ":" not in manifest.config.digest and not self.layout.release.checks_paths:
                raise Panic(say.DIGEST_PANIC.format(digest=manifest.config.digest))
            with _within(say.READING_CONFIG.format(digest=manifest.config.digest)):
                config = self.layout.config(manifest.config)
            diff_ids = read_config(config)[0]
        size = len(config)
        copy.blob(manifest.config.digest, Stream(sha256(config), sha256(config), None, size, manifest.config.size))
        return not read_config(config)[1] and self._whole(manifest, diff_ids, podman=podman)

    def _whole(self, manifest: Manifest, diff_ids: tuple[str, ...], *, podman: bool) -> bool:
        """podman runs what the manifest lists; a copy in a directory must also be what its config promises."""
        if podman:
            return len(manifest.layers) >= len(diff_ids)
        if len(manifest.layers) != len(diff_ids):
            return False
        view = self.layout.view
        for layer, diff_id in zip(manifest.layers, diff_ids, strict=True):
            member = None if layer.urls else self.layout.blob(layer.digest)
            measured = view.measured(member) if member else None
            if member and measured and as_asked(view, member, diff_id, measured.diff_id, inflated=True) != diff_id:
                return False
        return True

    def _config(self, manifest: Manifest, kind: str) -> tuple[bytes, tuple[str, ...]]:
        """internal/image/oci.go, `OCIConfig`: podman wants the platform before it copies anything."""
        media_type = manifest.config.media_type
        if kind == OCI_MANIFEST and media_type != OCI_CONFIG:
            raise Refusal(copies.ARTIFACT.format(media_type=media_type))
        config = self.layout.config(manifest.config)
        diff_ids, fault = read_config(config, quotes=not self.layout.release.quotes)
        if fault:
            raise Refusal(fault)
        return config, diff_ids

    def _expected(self, manifest: Manifest) -> tuple[str, ...]:
        try:
            return read_config(self.layout.config(manifest.config))[0]
        except Refusal:
            return ()

    def _positions(self, digest: str) -> list[int]:
        """The row of every layer of this manifest in its alignment."""
        for alignment in self.frames.alignments:
            entry = alignment.image.entry
            if entry.oci is not None and entry.oci.digest == digest:
                rows = {r.manifest_index: r.position for r in alignment.layers if r.manifest_index is not None}
                return [rows[index] for index in sorted(rows)]
        return []


@contextmanager
def _within(words: str) -> Iterator[None]:
    """Put `words` in front of what stops the program inside."""
    try:
        yield
    except Refusal as refusal:
        raise Refusal(words + refusal.message, refusal.exit_code) from None
