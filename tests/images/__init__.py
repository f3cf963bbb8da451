"""Image artefacts from literals: a knob per defect, nothing read from outside, the same bytes every time."""

from .build import (
    ABSENT,
    EMPTY_GZIP,
    EMPTY_LAYER,
    NAMINGS,
    PACKERS,
    Spec,
    blob_name,
    descriptor,
    docker_archive,
    hybrid,
    layer,
    oci_layout,
    pack,
    sha256,
    stack,
    steps,
)
from .cases import CASES
from .defects import DEFECTS
from .lookalikes import HTML_PAGE, attestation, build_cache, ghost, legacy, rootfs_export, utf16_redirect
from .tar import Member, Tar, base256, encode

__all__ = [
    "ABSENT",
    "CASES",
    "DEFECTS",
    "EMPTY_GZIP",
    "EMPTY_LAYER",
    "HTML_PAGE",
    "NAMINGS",
    "PACKERS",
    "Member",
    "Spec",
    "Tar",
    "attestation",
    "base256",
    "blob_name",
    "build_cache",
    "descriptor",
    "docker_archive",
    "encode",
    "ghost",
    "hybrid",
    "layer",
    "legacy",
    "oci_layout",
    "pack",
    "rootfs_export",
    "sha256",
    "stack",
    "steps",
    "utf16_redirect",
]
