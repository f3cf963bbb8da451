"""Options that several commands share, spelled once."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..errors import UsageError

if TYPE_CHECKING:
    from ..store import Store

Platform = Annotated[
    str,
    typer.Option("--platform", metavar="OS/ARCH", help="Which one, where several are offered: linux/arm64, or all."),
]
StoreDir = Annotated[
    Path | None, typer.Option("--store", metavar="DIR", help="Where blobs are kept between exports (LAYERKIT_STORE).")
]
ProgressMode = Annotated[
    Literal["auto", "none", "json"], typer.Option("--progress", help="On stderr: a bar, nothing, or JSON lines.")
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say on stderr what is done with every layer, and why.")]


def store(folder: Path | None) -> Store:
    from ..store import Store as Folder

    return Folder(folder)


def log(verbose: bool) -> None:
    """Show the log of what is done on stderr."""
    if verbose:
        logging.basicConfig(stream=sys.stderr, format="%(message)s")
        logging.getLogger("layerkit").setLevel(logging.INFO)


_UNITS = {
    "": 1,
    "k": 10**3,
    "m": 10**6,
    "g": 10**9,
    "t": 10**12,
    "ki": 1 << 10,
    "mi": 1 << 20,
    "gi": 1 << 30,
    "ti": 1 << 40,
}


def size(text: str) -> int:
    """A number of bytes as people write it: 4G, 650MB, 4GiB."""
    number = text.strip().lower().removesuffix("b")
    digits = number.rstrip("kmgti")
    unit = number[len(digits) :]
    if unit not in _UNITS or not digits.replace(".", "", 1).isdigit():
        raise UsageError(f"{text!r} is no size, expected a number of bytes such as 650MB, 4G or 4GiB")
    return int(float(digits) * _UNITS[unit])
