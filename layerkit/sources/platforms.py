"""Platforms: how they are written, which one is this machine's, and which of several on offer serves.

Normal forms and the order of variants follow containerd/platforms (database.go, compare.go).
"""

from __future__ import annotations

import platform as _machine
from collections.abc import Sequence

_ARCHITECTURES = {
    "x86_64": "amd64",
    "x86-64": "amd64",
    "aarch64": "arm64",
    "armhf": "arm",
    "armv7l": "arm/v7",
    "armv6l": "arm/v6",
    "i386": "386",
    "i686": "386",
}
_BARE = {*_ARCHITECTURES, "amd64", "arm", "arm64", "386", "ppc64le", "s390x", "riscv64", "mips64le", "loong64"}
_DEFAULT_VARIANTS = {"arm64": "v8", "arm": "v7", "amd64": "v1"}
"""The variant that is meant where none is written."""


def normalise(text: str) -> str:
    """`os/architecture[/variant]` from what a person or an index writes; a bare architecture means linux.

    >>> normalise("aarch64"), normalise("linux/arm64/v8"), normalise("linux/arm/v6")
    ('linux/arm64', 'linux/arm64', 'linux/arm/v6')
    >>> normalise("wasi/wasm"), normalise("arm/v7"), normalise("armv6l")
    ('wasi/wasm', 'linux/arm', 'linux/arm/v6')
    """
    parts = [part for part in text.strip().lower().split("/") if part]
    if parts and parts[0] in _BARE:
        parts.insert(0, "linux")
    if len(parts) > 1:
        known = _ARCHITECTURES.get(parts[1], parts[1]).split("/")
        parts[1:2] = known if len(parts) == 2 else known[:1]
    if len(parts) > 2 and _DEFAULT_VARIANTS.get(parts[1]) == parts[2]:
        del parts[2]
    return "/".join(parts)


def here() -> str:
    """The platform of images for this machine: containers are linux on every host."""
    return normalise(f"linux/{_machine.machine() or 'amd64'}")


def serves(offered: str, wanted: str) -> bool:
    """Whether an image for `offered` runs on `wanted`; the same or an older variant does."""
    return _rank(offered, wanted) is not None


def choose(offered: Sequence[str], wanted: str) -> int | None:
    """The position of the best of `offered` for `wanted`: the nearest variant, of equals the first."""
    ranks = [(rank, i) for i, text in enumerate(offered) if (rank := _rank(text, wanted)) is not None]
    return min(ranks)[1] if ranks else None


def _rank(offered: str, wanted: str) -> int | None:
    have, want = normalise(offered).split("/"), normalise(wanted).split("/")
    if have[:2] != want[:2]:
        return None
    older = _variant(want) - _variant(have)
    return older if older >= 0 else None


def _variant(parts: Sequence[str]) -> int:
    text = parts[2] if len(parts) > 2 else _DEFAULT_VARIANTS.get(parts[1] if len(parts) > 1 else "", "v0")
    return int(text[1:]) if text[:1] == "v" and text[1:].isdigit() and len(text) < 5 else -1
