"""The transports `oci:` and `oci-archive:` of containers/image: index.json, one manifest, its config and blobs.

Sources: oci/archive/oci_transport.go (`createUntarTempDir`), oci/layout/oci_transport.go (`getManifestDescriptor`)
and oci_src.go (`GetManifest`, `GetBlob`), internal/image/oci.go (`ConfigBlob`). The file oci-layout is never read.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..digest import sha256
from ..messages import containers_image as say
from ..messages import copies, docker, golang
from ..sources import Member
from ..verdict import Need
from .copying import Layer, Release, Stream
from .model import Refusal
from .naming import digest_fault
from .oci_documents import Descriptor, Manifest, guess, parse_list
from .scanning import clean
from .streams import as_asked, damage
from .tree import OutOfScope, TooManyLinks
from .view import View


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
            raise Refusal(say.UNTARRING.format(path=self.root) + fault)

    def _unpacked(self) -> str:
        backing = self.view.archive.backing
        for member in self.view.members:
            if member.kind != "dir" and _climbs(member.name):
                return copies.OUTSIDE.format(member=member.name, directory=self.root)
            if member.kind == "symlink" and _climbs(f"{posixpath.dirname(member.name)}/{member.target}"):
                link = posixpath.join(self.root, clean(member.name))
                return docker.INVALID_LINK.format(link=link, target=member.target)
            if member.kind == "hardlink" and _climbs(member.target):
                outside = posixpath.normpath(posixpath.join(self.root, member.target))
                return copies.HARD_LINK_OUTSIDE.format(link=outside, target=member.target)
        if self.view.tree.broken_link is not None:
            return "no such file or directory"
        if backing.end == "cut":
            return golang.UNEXPECTED_EOF.format()
        return golang.INVALID_TAR_HEADER.format() if backing.end == "damaged" else ""

    def only(self) -> Descriptor:
        """The one manifest of index.json. Raises Refusal."""
        found = parse_list(self.view.read(self._file("index.json")), stream=True)
        if len(found) != 1:
            raise Refusal(say.MORE_THAN_ONE.format())
        return found[0]

    def _file(self, path: str) -> Member:
        try:
            member = self.view.tree.find(path).file
        except OutOfScope:
            member = None
        except TooManyLinks:
            raise Refusal(golang.TOO_MANY_LEVELS.format(path=f"{self.root}/{path}")) from None
        if member is None or member.kind != "file":
            raise Refusal(golang.NO_SUCH_FILE.format(path=f"{self.root}/{path}"))
        return member

    def blob(self, digest: str) -> Member:
        if fault := digest_fault(digest):
            raise Refusal(copies.DIGEST_REFERENCE.format(digest=digest) + fault)
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
        measured = self.view.measured(member)
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
