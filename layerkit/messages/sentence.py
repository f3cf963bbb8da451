"""One sentence of a runtime: a template that `Sentence.format` prints and `Sentence.match` reads back.

A template is literal text with named fields, ``{name}`` or ``{name:kind}``; literal braces are doubled. The kinds:

====  ============================================  =====================================
kind  stands for                                    printed as
====  ============================================  =====================================
(no)  anything up to the literal that follows       as it is
d     a count or an index                           digits
r     a count that Go printed with ``%q``           a quoted rune, ``'\\x11'`` is 17
h     a digest, whole or cut short with dots        as it is
q     a string that Go printed with ``%q``          between double quotes, escaped
s     one path segment or word, no slash or blank   as it is
w     a word, no blank                              as it is
====  ============================================  =====================================

A field and the literal after it are one atomic group and every field is bounded, so a failed attempt costs at most
the length of the template's fields: no input can make a match slow.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from layerkit.messages.goquote import quote, quote_rune, unquote, unquote_rune

Kind = Literal[
    "count",
    "history",
    "content",
    "missing",
    "format",
    "compression",
    "platform",
    "tag",
    "limit",
    "space",
    "network",
    "access",
    "wrapper",
    "success",
]
Value = str | int

RUNE = r"""'?\\{1,2}(?:x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|[0-7]{3}|[abfnrtv\\'"])'?|'[^'\\\n]'"""
PATTERNS = {
    "": r".{1,400}",
    "d": r"\d{1,19}",
    "r": RUNE,
    "h": r"(?:sha\d{3}:)?[0-9a-f]{2,128}(?:(?:\.{2,3}|…)[0-9a-f]{0,128})?",
    "q": r'"(?:[^"\\\n]|\\.){0,400}"',
    "s": r"[^/\s]{1,200}",
    "w": r"[^\s\"]{1,400}",
}
LAST_WORD = r"[^\s\"]{0,399}[^\s\".,;]"
LAZY = ("", "s", "w")

GLOSSARY = {
    "archive": "the archive as it was named on the command line",
    "arch": "the architecture that was asked for",
    "computed": "the digest of the bytes that were really read",
    "descriptor": "the digest by which the manifest names the blob",
    "destination": "the place the layer was unpacked to",
    "diff_id": "the diff ID (digest of the uncompressed layer) that the config promises",
    "digest": "the digest of the blob that is meant",
    "directory": "the directory that was looked into",
    "expected": "the digest that was promised",
    "got": "the digest of the bytes that were really read",
    "have": "the number of bytes that were really there",
    "image": "the name of the image",
    "layer": "the position of the layer, counted from 0 at the bottom",
    "link": "the symbolic link",
    "media_type": "the media type the manifest gives for the blob",
    "member": "the file inside the archive",
    "name": "the name of the image",
    "os": "the operating system of the image",
    "path": "the path that was looked for",
    "platform": "the platform that was asked for",
    "reason": "what the runtime adds, in its own words",
    "reference": "the image reference",
    "root": "the data directory of the daemon",
    "snapshotter": "the storage driver of containerd",
    "target": "where the link points to",
    "temp": "the temporary number of this load; it says nothing",
    "want": "the number of bytes that were promised",
}


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a runtime, see the module's docstring for the template language of `text`.

    Attributes
    ----------
    id : unique, ``module.kebab-case``
    text : the template
    said_by : programs and versions that print it, most likely first
    means : one plain sentence, may use the fields of `text`
    kind : what the sentence is about; ``wrapper`` is text in front of another sentence
    fields : field name to its meaning, for names that need more than `GLOSSARY` has
    codes : rules that look at this, most likely first
    causes : cause ids, most likely first (for counts: when the manifest lists fewer)
    causes_more : cause ids when the manifest lists more layers than the config
    next : what to check next
    whole : the sentence says too little to be recognised anywhere but at the end of a line
    """

    id: str
    text: str
    said_by: tuple[str, ...]
    means: str
    kind: Kind
    fields: Mapping[str, str] = field(default_factory=dict, hash=False)
    codes: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    causes_more: tuple[str, ...] = ()
    next: str = ""
    whole: bool = False

    def format(self, **values: object) -> str:
        """Return the sentence as the runtime prints it; every field must be given, and nothing else."""
        names = {name for _, name, _ in split_template(self.text) if name}
        if names != values.keys():
            raise TypeError(f"{self.id} takes {sorted(names)}, got {sorted(values)}")
        return "".join(
            literal + (render(values[name], kind) if name else "") for literal, name, kind in split_template(self.text)
        )

    def match(self, line: str, start: int = 0) -> re.Match[str] | None:
        """Return the match of this sentence at exactly `start` of one line of text, or None."""
        return compile_template(self.text, self.whole).match(line, start)

    def read(self, found: re.Match[str]) -> dict[str, Value]:
        """Return the values of the fields; counts as int, Go-quoted strings without their quotes."""
        kinds = {name: kind for _, name, kind in split_template(self.text) if name}
        return {name: parse_value(text, kinds[name]) for name, text in found.groupdict().items()}

    def describe(self, name: str) -> str:
        """Return what the field `name` stands for."""
        return self.fields.get(name) or GLOSSARY[name]

    @property
    def names(self) -> tuple[str, ...]:
        """The fields, in the order of the text."""
        return tuple(dict.fromkeys(name for _, name, _ in split_template(self.text) if name))

    @property
    def literals(self) -> tuple[str, ...]:
        """The fixed parts of the text, in lower case."""
        return tuple(literal.lower() for literal, _, _ in split_template(self.text) if literal)

    @property
    def anchor(self) -> str:
        """What every match begins with, in lower case: the first fixed part, or a quote."""
        return split_template(self.text)[0][0].lower() or '"'

    @property
    def weight(self) -> int:
        """The number of fixed characters: of two sentences that match, the heavier one says more."""
        return sum(map(len, self.literals))


@lru_cache(maxsize=1024)
def split_template(text: str) -> tuple[tuple[str, str, str], ...]:
    """Split a template into (literal, field name or "", field kind)."""
    return tuple((literal, name or "", kind or "") for literal, name, kind, _ in string.Formatter().parse(text))


@lru_cache(maxsize=1024)
def compile_template(text: str, whole: bool) -> re.Pattern[str]:
    """Compile a template; see the module's docstring for why every group is atomic."""
    parts = split_template(text)
    first, last = parts[0][0], parts[-1]
    pattern = r"(?:(?<![^\s:\"])|(?<=\) ))" if whole else r"(?<!\w)" if first[:1].isalnum() else ""
    pattern += re.escape(first)
    seen: set[str] = set()
    for index, (_, name, kind) in enumerate(parts):
        following = re.escape(parts[index + 1][0]) if index + 1 < len(parts) else ""
        if not name:
            continue
        if name in seen:
            pattern += f"(?P={name}){following}"
        elif kind in LAZY and following:
            pattern += f"(?>(?P<{name}>{PATTERNS[kind]}?){following})"
        else:
            ending = LAST_WORD if kind == "w" else PATTERNS[kind]
            pattern += f"(?>(?P<{name}>{ending})){following}"
        seen.add(name)
    if whole:
        pattern += r"(?=[\s\".]*$)"
    elif not last[1] and last[0][-1:].isalnum():
        pattern += r"(?!\w)"
    return re.compile(pattern, re.IGNORECASE)


def render(value: object, kind: str) -> str:
    """Print one field as Go does."""
    if kind in ("d", "r"):
        if not isinstance(value, int):
            raise TypeError(f"a count must be an int, got {value!r}")
        return quote_rune(value) if kind == "r" else str(value)
    return quote(str(value)) if kind == "q" else str(value)


def parse_value(text: str, kind: str) -> Value:
    """Read one field back."""
    if kind == "d":
        return int(text)
    if kind == "r":
        return unquote_rune(text)
    return unquote(text) if kind == "q" else text.strip()
