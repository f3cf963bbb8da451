"""Pulls by containers/image (`podman pull`, `skopeo copy docker://... dir:`) and by `crane pull`.

containers/image copy/single.go and docker/docker_image_src.go (`GetBlob`, `fetchManifest`); go-containerregistry
pkg/v1/remote.
"""

from __future__ import annotations

from ..alignment import Layer as Row
from ..digest import sha256
from ..image import Blob
from ..messages import containers_image as say
from ..messages import ggcr, registry
from ..messages.goquote import quote
from ..verdict import Need
from .copying import Copy, Layer, Panic, Release, Stream
from .ggcr import REGISTRY
from .model import Refusal
from .oci_documents import read_config
from .pulling import Pull

_PODMAN = 125


def attempt(pull: Pull, release: Release) -> bool:
    """`podman pull` or `skopeo copy`. Raises Refusal with everything that is printed."""
    try:
        return _copy(pull, release)
    except Refusal as refusal:
        text = refusal.message
    except Panic as panic:
        raise Refusal(str(panic), 2) from None
    if release.program == "skopeo":
        raise Refusal(f"level=fatal msg={quote(text)}")
    wrapped = say.COPY_SOURCE.format(reference=f"docker://{pull.name}") if release.wraps else ""
    raise Refusal(f"Error: {wrapped}{text}", _PODMAN)


def _copy(pull: Pull, release: Release) -> bool:
    if pull.alignment is None:
        system, _, architecture = pull.target.platform.partition("/")
        words = say.NO_PLATFORM if release.quotes else say.NO_PLATFORM_OLD
        choosing = say.CHOOSING.format(reference=f"docker://{pull.name}")
        raise Refusal(choosing + words.format(arch=architecture, variant="", os=system))
    podman = release.program == "podman"
    config = _config(pull, release, say.PARSING_CONFIG.format()) if podman else b""
    diff_ids, fault = read_config(pull.config.raw, quotes=not release.quotes) if podman else ((), "")
    if fault:
        raise Refusal(say.PARSING_CONFIG.format() + fault)
    copy = Copy(release, pull.target, diff_ids)
    layers = [_layer(index, row, pull, release) for index, row in enumerate(pull.layers)]
    checked = layers[: len(diff_ids)] if podman and release.checks_diff_ids and diff_ids else layers
    copy.layers(checked)
    if len(checked) < len(layers):
        few = say.TOO_FEW_DIFF_IDS.format(diff_ids=len(diff_ids), layer=len(checked))
        raise Refusal(say.PARTIAL_PULL.format(digest=layers[len(checked)].digest) + few)
    named = str(pull.described.digest)
    if not podman:
        config = _config(pull, release, say.READING_CONFIG.format(digest=named))
    copy.blob(named, Stream(sha256(config), sha256(config), None, len(config), pull.described.size))
    if not podman:
        return pull.whole
    return len(layers) >= len(diff_ids)


def _config(pull: Pull, release: Release, prefix: str) -> bytes:
    if not pull.config.raw:
        raise Refusal(prefix + _gone(release))
    if pull.altered:
        words = say.CONFIG_DIGEST_NEW if release.quotes else say.CONFIG_DIGEST
        raise Refusal(prefix + words.format(got=sha256(pull.config.raw), expected=pull.described.digest))
    return pull.config.raw


def _layer(index: int, row: Row, pull: Pull, release: Release) -> Layer:
    digest = str((row.blob or Blob("")).digest)

    def stream() -> Stream:
        if not row.present:
            raise Refusal(_gone(release))
        measured = pull.measured(row)
        if measured is None:
            return Stream()
        return Stream(str(measured.digest), str(measured.digest), measured.diff_id and str(measured.diff_id))

    return Layer(digest, Need(row.position, row.diff_id or "", "digest", digest), False, stream)


def _gone(release: Release) -> str:
    """A blob that the registry does not have."""
    if release.quotes:
        return registry.FETCHING_BLOB.format() + registry.BLOB_UNKNOWN.format()
    return registry.FETCH_STATUS.format(status=404, reason="Not Found")


def crane(pull: Pull) -> bool:
    """`crane pull NAME FILE`: sizes and digests of what comes, and nothing else."""
    getting = f"Error: saving tarball ARCHIVE: {ggcr.GETTING.format(url=REGISTRY)}"
    if pull.alignment is None:
        raise Refusal(f"Error: {ggcr.NO_CHILD.format(platform=pull.target.platform, reference=pull.name)}")
    rows = [(row.blob or Blob(""), row.stored_size if row.present else None, row.measured) for row in pull.layers]
    config = pull.described, len(pull.config.raw) or None, None
    for blob, size, measured in (config, *rows):
        if size is None:
            raise Refusal(getting + registry.BLOB_UNKNOWN_CODE.format(digest=blob.digest))
        if blob.size is not None and size != blob.size:
            raise Refusal(getting + ggcr.CONTENT_LENGTH.format(have=size, want=blob.size))
        got = sha256(pull.config.raw) if blob is pull.described else measured.digest if measured else blob.digest
        if got != blob.digest:
            words = ggcr.CHECKSUM.format(have=size, got=str(got)[7:], expected=str(blob.digest)[7:])
            raise Refusal(f"Error: saving tarball ARCHIVE: {words}")
    return pull.whole
