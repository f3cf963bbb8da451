"""`podman load`: the file as an OCI directory, an OCI archive, a Docker archive and a directory, whichever goes first.

Sources (containers/common): libimage/load.go (`Load`, `loadMultiImageDockerArchive`), libimage/pull.go
(`copyFromDefault`, `copyFromDockerArchiveReaderReference`). Of the four faults that podman lists when nothing fits,
the message is the line of the format that the file has.
"""

from __future__ import annotations

from functools import partial

from ..frames import Frames
from ..inventory import Inventory
from ..messages import containers_image as say
from ..verdict import Verdict
from .copying import Copy, Release
from .docker_archive import DockerArchive, Item
from .model import Loader, Outcome, Refusal, Target, judge
from .naming import InvalidName, Name, normalize_local, parse_normalized
from .oci_copy import LayoutCopy
from .oci_layout import Layout
from .scanning import scan_of
from .view import View, archive_view

ARCHIVE = "ARCHIVE"
"""How messages name the file."""
_REFUSED = 125


def load(release: Release, frames: Frames) -> Verdict:
    """What `podman load -i` will do with what was read."""
    view = archive_view(frames)
    held = frames.held
    if held is not None and held.runtime not in ("", "podman"):
        held = Inventory()  # what another runtime holds is not in podman's storage
    return judge("podman", release.version, held, lambda target: _Load(release, view, frames, target).run())


class _Load:
    """One try of one release on one machine."""

    def __init__(self, release: Release, view: View, frames: Frames, target: Target) -> None:
        self.release, self.view, self.frames, self.target = release, view, frames, target

    def run(self) -> Outcome:
        try:
            return Outcome(0, "", self._oci())
        except Refusal as refusal:
            oci = refusal
        try:
            return Outcome(0, "", self._docker())
        except Refusal as refusal:
            docker = refusal
        kind = self.view.archive.format
        if kind == "oci-layout":
            return Outcome(_REFUSED, f"oci: {oci.message}", False)
        if kind == "oci-archive" or (kind == "unknown" and "index.json" in self.view.archive.documents):
            return Outcome(_REFUSED, f"oci-archive: {oci.message}", False)
        return Outcome(_REFUSED, f"docker-archive: {docker.message}", False)

    def _oci(self) -> bool:
        folder = self.view.archive.uri.startswith("oci:")
        layout = Layout(self.view, self.release, ARCHIVE if folder else "/var/tmp/ociN")
        reference = f"{'oci' if folder else 'oci-archive'}:{ARCHIVE}:"
        copy = LayoutCopy(layout, reference, self.target, self.frames)
        if not folder:
            layout.unpack()
            try:
                name = layout.only().name
            except Refusal as refusal:
                raise Refusal(say.LOADING_INDEX.format() + refusal.message) from None
            if name:
                self._check(name)
            else:
                copy.identify()
        try:
            return copy.run()
        except Refusal as refusal:
            raise Refusal(self._wrapped(reference, refusal.message, oci=True)) from None

    def _check(self, name: str) -> None:
        try:
            normalize_local(name)
        except InvalidName as error:
            raise Refusal(str(error)) from None

    def _wrapped(self, reference: str, text: str, *, oci: bool) -> str:
        if not self.release.wraps:
            return text
        return (say.PERFORM_COPY.format() if oci else "") + say.COPY_SOURCE.format(reference=reference) + text

    def _docker(self) -> bool:
        if self.view.archive.uri.startswith("oci:"):
            raise Refusal("")
        archive = DockerArchive(scan_of(self.view), self.release)
        items = archive.items()
        names = [self._names(position, item) for position, item in enumerate(items)]
        for position, tags in enumerate(names):
            if not tags:
                archive.image(items[position])  # its ID is wanted before anything is copied
                self._copy(archive, items[position], position, f"@{position}")
            for tag in tags:
                chosen = next(p for p, named in enumerate(names) if tag in named)
                self._copy(archive, items[chosen], chosen, str(tag))
        return bool(items)

    def _names(self, position: int, item: Item) -> list[Name]:
        """docker/archive/reader.go, `List`."""
        names = []
        for tag in item.tags:
            try:
                name = parse_normalized(tag)
            except InvalidName as error:
                raise Refusal(say.INVALID_TAG.format(reference=tag, item=position) + str(error)) from None
            if not name.tag:
                words = say.NO_TAG if self.release.quotes else say.NO_TAG_OLD
                raise Refusal(words.format(reference=tag, parsed=str(name)))
            names.append(name)
        return names

    def _copy(self, archive: DockerArchive, item: Item, position: int, name: str) -> None:
        reference = f"docker-archive:{ARCHIVE}:{name}"
        try:
            copy_item(archive, item, position, reference, self.target, self.frames)
        except Refusal as refusal:
            raise Refusal(self._wrapped(reference, refusal.message, oci=False)) from None


def copy_item(
    archive: DockerArchive, item: Item, position: int, reference: str, target: Target, frames: Frames
) -> None:
    """Copy one image of a Docker archive (copy/copy.go, `Image`). Raises Refusal."""
    try:
        image = archive.image(item)
    except Refusal as refusal:
        raise Refusal(say.MIME_TYPE.format(reference=reference) + refusal.message) from None
    rows: dict[int, int] = {}
    for alignment in frames.alignments:
        if alignment.image.entry.docker == position:
            rows = {r.config_index: r.position for r in alignment.layers if r.config_index is not None}
    Copy(archive.release, target, image.diff_ids).layers(archive.layers(image, [rows[i] for i in sorted(rows)]))


OLD_TEMPORARY = "/var/tmp/storageNNN"
RELEASES = (
    Release("podman", "5.8", "5.7 to 5.8 (containers/image 5.38 to 5.39)", wraps=True),
    Release("podman", "5.4", "5.4 to 5.6 (containers/image 5.34 to 5.36)"),
    Release(
        "podman",
        "4.3",
        "4.3 to 4.9 (containers/image 5.23 to 5.29)",
        quotes=False,
        checks_diff_ids=False,
        slips=True,
        temporary=OLD_TEMPORARY,
    ),
)
LOADERS = tuple(
    Loader(
        name="podman",
        version=release.version,
        versions=release.versions,
        command="podman load -i ARCHIVE",
        identity="digest",
        formats=("docker-archive", "oci-archive", "universal", "oci-layout"),
        layers=("", "gzip", "zstd", "bzip2", "xz"),
        outer=("", "zstd", "bzip2", "xz") if release.slips else ("", "gzip", "zstd", "bzip2", "xz"),
        check=partial(load, release),
        partial=("oci-archive", "universal", "oci-layout"),
        notes="a layer is taken from the storage by its diff ID or the digest it was pulled under, at any position",
    )
    for release in RELEASES
)
