"""OUT.load.sh: what goes with a delta on a stick, so that whoever loads it there sees whether it arrived.

What may stand in the way of each runtime, and which of them say "loaded" of an image that is not, is told in
`decision` and `loaders`; the script asks only for what `docker` and `podman` answer alike.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from .archive import ImageFile, manifest_of
from .digest import sha256
from .plan import Plan
from .store import write_whole
from .text import printable

_TEMPLATE = Path(__file__).with_suffix(".sh")
_MARK = b"#!/bin/sh\n# layerkit arrival 1\n"


def script_path(output: Path) -> Path:
    return output.with_name(f"{output.name}.load.sh")


def write_script(plan: Plan, files: Sequence[ImageFile], output: Path, size: int, *, split: bool) -> Path | None:
    """Write the script beside a delta. Beside a full archive there is none: an old one of ours is taken away."""
    path = script_path(output)
    if not plan.is_delta:
        with suppress(OSError):
            if path.read_bytes().startswith(_MARK):
                path.unlink()
        return None
    write_whole(path, render(plan, files, output.name, size, split=split).encode("utf-8", "surrogateescape"))
    path.chmod(0o755)
    return path


def render(plan: Plan, files: Sequence[ImageFile], name: str, size: int, *, split: bool = False) -> str:
    """The script for an archive of `size` bytes, all its parts together. Nothing foreign in it is ever run."""
    parts = {
        "@FILE@": shlex.quote(name),
        "@SIZE@": str(size),
        "@SPLIT@": "yes" if split else "no",
        "@IMAGES@": "\n".join(line for at, file in enumerate(files) for line in _lines(plan, at, file)),
    }
    script = _TEMPLATE.read_text(encoding="utf-8")
    head, _, tail = script.partition("say() {")  # all places to fill in are above; what is filled in is not looked at
    pieces: list[str] = []
    for mark, value in parts.items():
        before, _, head = head.partition(mark)
        pieces += [before, value]
    return "".join([*pieces, head, "say() {", tail])


def _lines(plan: Plan, at: int, file: ImageFile) -> Iterator[str]:
    """A line for each name of an image; one without names is found by its ID."""
    left_out = {step.digest for step in plan.skipped}
    steps = plan.steps_of(at)
    bottom = next((n for n, step in enumerate(steps) if step.digest not in left_out), len(steps))
    base = " ".join(step.diff_id for step in steps[:bottom])
    others = " ".join(step.diff_id for step in steps[bottom:] if step.digest in left_out)
    whole = " ".join(step.diff_id for step in steps)
    config = sha256(file.config)
    for reference in file.references or ("",):
        shown = printable(reference, 200) or config
        words = (reference, shown, config, sha256(manifest_of(file)), base, others, whole)
        yield '    "$1" ' + " ".join(map(shlex.quote, words))
