"""How findings put things: quoted names, short digests, plurals, positions as spans."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ..alignment import Alignment
from ..errors import UsageError
from ..reference import Reference
from ..text import printable

_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")
_SPANS = 6
EVIDENCE = 256
"""Items of a list that are put in evidence at most; the number of all of them is there beside it."""

REPAIR = "`layerkit repair BROKEN -o FIXED.tar`"
REFILL = "`layerkit repair BROKEN -o FIXED.tar --from SOURCE`"


def quote(text: str, limit: int = 100) -> str:
    """Foreign text in quotation marks, made safe for a terminal and bounded."""
    return f'"{printable(text, limit)}"'


def short(digest: str | None) -> str:
    """A digest with twelve hex characters; what is none is quoted."""
    if digest is None:
        return "nothing"
    return digest[:19] if _SHA256.fullmatch(digest) else quote(digest)


def named(name: str) -> str:
    """A name in a source: a digest shortened, anything else quoted."""
    return name[:19] if _SHA256.fullmatch(name) else quote(name)


def count(number: int, noun: str) -> str:
    """A number and its noun: `1 layer`, `2 entries`."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun[:-1]}ies" if noun.endswith("ry") else f"{number} {noun}s"


def spans(positions: Iterable[int]) -> str:
    """Positions as runs: `position 3`, `positions 0 to 10`, `positions 1, 4 to 6 and 9`."""
    runs: list[list[int]] = []
    for position in sorted(set(positions)):
        if runs and runs[-1][1] == position - 1:
            runs[-1][1] = position
        else:
            runs.append([position, position])
    words = [str(a) if a == b else f"{a} to {b}" if b > a + 1 else f"{a} and {b}" for a, b in runs]
    if len(runs) > 1:  # `4 and 5` inside a list would read wrong
        words = [str(a) if a == b else f"{a} to {b}" for a, b in runs]
    if len(words) > _SPANS:
        left = sum(b - a + 1 for a, b in runs[_SPANS:])
        return f"positions {', '.join(words[:_SPANS])} and {left} more"
    one = len(runs) == 1 and runs[0][0] == runs[0][1]
    return f"position{'' if one else 's'} {listing(words)}"


def listing(words: Sequence[str], limit: int = _SPANS) -> str:
    """Words as a list in a sentence: `a, b and c`; past `limit` the rest is a number."""
    if len(words) > limit:
        return f"{', '.join(words[:limit])} and {len(words) - limit} more"
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def again(image: Alignment | None = None) -> str:
    """The command that exports an image anew; its name stands there only where a shell can take it as it is."""
    name, docker = "IMAGE", image is None or image.manifest.view == "docker"
    # A bare tag, which skopeo writes into an OCI archive, is no name to fetch an image by.
    if image is not None and (docker or "/" in image.image.reference):
        try:
            name = Reference.parse(image.image.reference).familiar
        except UsageError:
            name = "IMAGE"
    if docker:
        return f"`docker save -o FIXED.tar {name}`"
    return f"`skopeo copy docker://{name} oci-archive:FIXED.tar:{name}`"
