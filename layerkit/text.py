"""Text from outside, made harmless to look at: nothing in it moves a cursor, turns a line around or never ends."""

from __future__ import annotations

import unicodedata

LIMIT = 400
"""Characters of one foreign text that a person is shown."""

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def printable(text: str, limit: int = LIMIT) -> str:
    """`text` with every control, format, bidirectional and unpaired character spelled out, cut after `limit`.

    Only what is shown is looked at: ten megabytes cost no more than `limit` characters.

    >>> printable("a\\x1b[31mb\\u202etxt.exe")
    'a\\\\x1b[31mb\\\\u202etxt.exe'
    >>> printable("abcdef", limit=4)
    'abc…'
    """
    cut = len(text) > limit
    shown = text[: limit - 1] if cut else text
    if not shown.isprintable():
        shown = "".join(map(_spell, shown))
        cut, shown = cut or len(shown) > limit, shown[: limit - 1] if len(shown) > limit else shown
    return f"{shown}…" if cut else shown


def flatten(text: str, limit: int = LIMIT) -> str:
    """`printable`, with line breaks and runs of blanks folded into one blank: a command on one line."""
    cut = len(text) > limit * 2
    folded = " ".join(text[: limit * 2].split())
    return printable(folded + " …" if cut and len(folded) <= limit else folded, limit)


def size_text(count: int | float) -> str:
    """A number of bytes for people, in powers of 1000 as downloads are counted: 41 MB, 2.1 GB."""
    units = iter(("B", "kB", "MB", "GB"))
    for unit in units:
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 10 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def _spell(character: str) -> str:
    if unicodedata.category(character) not in _HIDDEN:
        return character
    return character.encode("unicode_escape").decode("ascii")
