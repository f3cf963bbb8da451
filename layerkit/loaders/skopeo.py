"""`skopeo copy` to a directory, from `docker-archive:` or `oci-archive:`, whichever the file is.

An archive that is both is taken as a Docker archive, unless it was opened as `oci-archive:`.
"""

from __future__ import annotations

from functools import partial

from ..frames import Frames
from ..messages import containers_image as say
from ..messages.goquote import quote
from ..verdict import Verdict
from .copying import Panic, Release
from .docker_archive import DockerArchive
from .model import Loader, Outcome, Refusal, Target, judge
from .oci_copy import LayoutCopy
from .oci_layout import Layout
from .podman import ARCHIVE, copy_item
from .scanning import scan_of
from .view import View, archive_view


def copy(release: Release, frames: Frames) -> Verdict:
    """What `skopeo copy TRANSPORT:ARCHIVE dir:DIRECTORY` will do with what was read."""
    view = archive_view(frames)
    return judge("skopeo", release.version, frames.held, lambda target: _attempt(release, view, frames, target))


def _attempt(release: Release, view: View, frames: Frames, target: Target) -> Outcome:
    kind = view.archive.format
    try:
        if kind == "oci-layout":
            whole = LayoutCopy(Layout(view, release, ARCHIVE), f"oci:{ARCHIVE}:", target, frames).run()
        elif kind == "oci-archive" or view.archive.uri.startswith("oci-archive:"):
            whole = _oci(release, view, frames, target)
        else:
            _docker(release, view, frames, target)
            whole = True
    except Refusal as refusal:
        return Outcome(1, f"level=fatal msg={quote(refusal.message)}", False)
    except Panic as panic:
        return Outcome(2, str(panic), False)
    return Outcome(0, "", whole)


def _oci(release: Release, view: View, frames: Frames, target: Target) -> bool:
    layout = Layout(view, release)
    reference = f"oci-archive:{ARCHIVE}:"
    try:
        layout.unpack()
        layout.only()
    except Refusal as refusal:
        raise Refusal(say.INITIALIZING.format(reference=reference) + refusal.message) from None
    return LayoutCopy(layout, reference, target, frames).run()


def _docker(release: Release, view: View, frames: Frames, target: Target) -> None:
    archive = DockerArchive(scan_of(view), release)
    reference = f"docker-archive:{ARCHIVE}"
    try:
        items = archive.items()
    except Refusal as refusal:
        raise Refusal(say.INITIALIZING.format(reference=reference) + refusal.message) from None
    if len(items) != 1:
        text = say.ITEM_COUNT.format(images=len(items))
        raise Refusal(say.MIME_TYPE.format(reference=reference) + text)
    copy_item(archive, items[0], 0, reference, target, frames)


RELEASES = (
    Release("skopeo", "1.22", "1.18 and later (containers/image 5.34 and later)"),
    Release(
        "skopeo",
        "1.9",
        "1.9 to 1.14 (containers/image 5.22 to 5.29)",
        quotes=False,
        checks_diff_ids=False,
        slips=True,
        checks_paths=False,
    ),
)
LOADERS = tuple(
    Loader(
        name="skopeo",
        version=release.version,
        versions=release.versions,
        command="skopeo copy docker-archive:ARCHIVE dir:DIRECTORY",
        identity="digest",
        formats=("docker-archive", "oci-archive", "universal", "oci-layout"),
        layers=("", "gzip", "zstd", "bzip2", "xz"),
        outer=("", "zstd", "bzip2", "xz") if release.slips else ("", "gzip", "zstd", "bzip2", "xz"),
        check=partial(copy, release),
        notes="copies what is there; counts and diff IDs are checked for docker-archive: only",
    )
    for release in RELEASES
)
