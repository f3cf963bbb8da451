"""Pulls by containerd: `ctr images pull`, and `docker pull` into the containerd store.

containerd `core/remotes` (`fetch`), `core/content` (`Copy`), then as for an import: `core/unpack/unpacker.go` while
layers still come, or `client/image.go` when all are there (ctr 1.x and `--local`).
"""

from __future__ import annotations

from ..alignment import Layer
from ..digest import sha256
from ..image import Blob
from ..messages import containerd, golang, registry
from . import gojson
from .descriptors import IMAGE, OLD_IMAGE, is_layer, undoes
from .model import TEMP, Refusal
from .pulling import Pull
from .unpacking import Dialect

_DAEMON = "Error response from daemon: "
"""What the client of Docker puts in front of an answer that is no stream."""


def attempt(pull: Pull, dialect: Dialect) -> bool:
    if pull.alignment is None:
        return _elsewhere(pull, dialect)
    one_by_one = dialect.docker or dialect.transfer
    if not one_by_one:
        for layer in pull.layers:
            _fetch_layer(layer, pull, dialect)
    _fetch(pull.described, len(pull.config.raw), pull.altered, "config", pull, dialect)
    _, error = gojson.decode(pull.config.raw, IMAGE if dialect.library >= (1, 7) else OLD_IMAGE)
    if error:
        raise Refusal((containerd.UNMARSHAL_CONFIG if one_by_one else containerd.RESOLVE_ROOTFS).format() + error)
    layers = pull.layers
    if dialect.library >= (1, 7):
        layers = tuple(layer for layer in layers if layer.blob and is_layer(layer.blob.media_type))
    if dialect.transfer and not layers:
        return not pull.config.diff_ids
    _count(len(layers), pull, dialect)
    for index, layer in enumerate(layers):
        if one_by_one:
            _fetch_layer(layer, pull, dialect)
        _extract(index, layer, pull, dialect)
    return True


def _elsewhere(pull: Pull, dialect: Dialect) -> bool:
    """An index without an image for this machine. The transfer service takes it and unpacks nothing."""
    if dialect.transfer:
        return False
    if not dialect.docker:
        source = pull.frames.source
        root = getattr(source, "root", None)
        raise Refusal(containerd.NO_MATCH.format(digest=root[0].digest if root else sha256(b"")))
    words = containerd.NO_MATCH_BARE.format()
    if dialect.library >= (2, 0):
        words = f"{registry.NO_MATCHING_MANIFEST.format(platform=pull.target.platform)}: {words}"
    raise Refusal(_DAEMON + words)


def _fetch_layer(layer: Layer, pull: Pull, dialect: Dialect) -> None:
    measured = pull.measured(layer)
    blob = layer.blob or Blob("")
    size = layer.stored_size if layer.stored_size is not None else blob.size or 0
    altered = measured is not None and measured.digest != blob.digest
    _fetch(blob, size if layer.present else 0, altered, "layer", pull, dialect)


def _fetch(blob: Blob, size: int, altered: bool, kind: str, pull: Pull, dialect: Dialect) -> None:
    """core/remotes/handlers.go, `fetch`: open, copy, compare the size, then the digest."""
    if size == 0 and blob.size != 0:
        gone = registry.FETCH_DESCRIPTOR.format(digest=blob.digest or blob.name, media_type=blob.media_type)
        raise Refusal(containerd.FAILED_COPY.format() + registry.SEEKER.format() + gone)
    if blob.size is not None and size < blob.size:
        newer = dialect.library >= (2, 1)
        short = containerd.SHORT_READ.format(want=blob.size, have=size) if newer else containerd.SHORT_READ_OLD.format()
        raise Refusal(short)
    if altered:
        got = sha256(pull.config.raw) if kind == "config" else _measured_digest(blob, pull)
        committing = registry.FAILED_COMMIT.format(blob=f"{kind}-{blob.digest}")
        committing += "" if dialect.transfer else registry.COMMIT_FAILED.format()
        differs = registry.COMMIT_DIGEST.format(got=got, expected=blob.digest)
        raise Refusal(f"{committing}{differs}: failed precondition")


def _measured_digest(blob: Blob, pull: Pull) -> str:
    return next(str(x.measured.digest) for x in pull.layers if x.blob == blob and x.measured is not None)


def _count(found: int, pull: Pull, dialect: Dialect) -> None:
    promised = len(pull.config.diff_ids)
    if found == promised:
        return
    if not (dialect.docker or dialect.transfer):
        raise Refusal(containerd.MISMATCHED_ROOTFS.format())
    if not found:  # docker unpacks what was not unpacked while it came
        unpacking = registry.UNPACK_SNAPSHOTTER.format(snapshotter="overlayfs")
        raise Refusal(unpacking + containerd.MISMATCHED_ROOTFS.format())
    raise Refusal(containerd.LAYERS_DIFFIDS.format(manifest=found, diff_ids=promised))


def _extract(index: int, layer: Layer, pull: Pull, dialect: Dialect) -> None:
    blob, diff_id = layer.blob or Blob(""), pull.config.diff_ids[index]
    newer = (dialect.docker and dialect.library >= (2, 0)) or dialect.transfer
    client = not (dialect.docker or dialect.transfer)
    tail = ": unknown" if dialect.library < (2, 0) else ""
    prefix = containerd.APPLY_LAYER.format(name=pull.name) if client and dialect.library >= (2, 0) else ""
    stored = pull.compression(layer)
    undone = undoes(blob.media_type, stored)  # type: ignore[arg-type]
    failed = prefix + containerd.EXTRACT_LAYER.format(diff_id=diff_id)
    if newer:
        snapshot = f"extract-{TEMP} {pull.chains[index]}"
        failed = containerd.EXTRACT_LAYER_TRANSFER.format(
            media_type=blob.media_type, descriptor=blob.digest, snapshotter="overlayfs", snapshot=snapshot
        )
    if undone is None:
        words = containerd.NO_PROCESSOR.format(media_type=blob.media_type)
        raise Refusal(failed + words + ("unknown" if tail else "not implemented"))
    mounting = containerd.MOUNT_CALLBACK.format(path=dialect.mounts) if dialect.docker or index == 0 else ""
    if undone != stored:
        raise Refusal(failed + mounting + pull.not_a_tar(layer) + tail)
    measured = layer.measured
    if measured is None:
        return
    if measured.fault:
        raise Refusal(failed + mounting + golang.UNEXPECTED_EOF.format() + tail)
    if measured.diff_id != diff_id:
        if not client and dialect.library >= (2, 2):
            words = containerd.WRONG_DIFF_ID_BOTH.format(
                computed=measured.diff_id, expected=diff_id, descriptor=blob.digest
            )
        else:  # the unpacker up to 2.1 names the promised one
            words = containerd.WRONG_DIFF_ID.format(computed=measured.diff_id if client else diff_id)
        raise Refusal(prefix + words)
