"""One sentence of a runtime, read: who says it, which number is which, what it means, why, and what next."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from ..messages import Match, Sentence
from ..messages.sentence import Value, split_template
from ..text import flatten, printable
from .mechanisms import MECHANISMS

_TEXT, _VALUE = 600, 160
_DEEP = ("content", "compression")
_THIN = ("incremental-filter", "wrong-base", "last-layer-only")
_ELSEWHERE = ("network", "access", "space")


@dataclass(frozen=True, slots=True)
class Field:
    """One number, digest or name of the text: `value` as it was read, `meaning` what it stands for."""

    name: str
    value: Value
    meaning: str

    @property
    def shown(self) -> str:
        return printable(str(self.value), _VALUE)


@dataclass(frozen=True, slots=True)
class Reading:
    """One sentence that was found, explained; all text is safe to look at."""

    match: Match

    @property
    def id(self) -> str:
        return self.match.sentence.id

    @property
    def text(self) -> str:
        """The words as they were found."""
        return flatten(self.match.text, _TEXT)

    @property
    def said_by(self) -> tuple[str, ...]:
        """Programs and versions; those of the program that the text itself names come first, where it names one."""
        return tuple(sorted(self.match.sentence.said_by, key=lambda who: self.match.program not in who))

    @property
    def means(self) -> str:
        return printable(self.match.means, 2 * _TEXT)

    @property
    def around(self) -> tuple[tuple[str, str], ...]:
        """The sentences in front of it, outermost first: their words and what they mean."""
        return tuple((flatten(w.text.rstrip(": "), _TEXT), printable(w.means, _TEXT)) for w in self.match.wrappers)

    @property
    def fields(self) -> tuple[Field, ...]:
        """In the order of the text."""
        sentence = self.match.sentence
        return tuple(Field(name, self.match.values[name], sentence.describe(name)) for name in sentence.names)

    @property
    def causes(self) -> tuple[tuple[str, str], ...]:
        """Possible causes, the likeliest first: id and words."""
        return tuple((cause, MECHANISMS[cause]) for cause in self.match.causes)

    @property
    def next(self) -> str:
        return self.match.sentence.next

    def commands(self, subject: str = "") -> tuple[str, ...]:
        """What to run next; `subject` is the archive that the text is about, if it is known."""
        return tuple(self._commands(place(subject, self.match.sentence)))

    def _commands(self, target: str) -> Iterator[str]:
        sentence = self.match.sentence
        if sentence.kind in _ELSEWHERE:
            return
        yield f"layerkit diagnose {target}{' --deep' if sentence.kind in _DEEP else ''}"
        if sentence.kind == "missing" and set(_THIN) & set(self.match.causes) and not target.startswith("docker://"):
            yield f"layerkit diagnose {target} --held BASE.tar"
        for code in sentence.codes[:2]:
            yield f"layerkit rules {code}"


def place(subject: str, sentence: Sentence) -> str:
    """How a command names what is to be looked at: itself where it is known, else a word for it in capitals."""
    if subject.isprintable() and 0 < len(subject) <= _TEXT:
        return shlex.quote(subject)
    pulled = sentence.id.startswith("registry.") or "pull" in sentence.said_by[0]
    return "docker://IMAGE" if pulled else "ARCHIVE"


def outline(sentence: Sentence) -> str:
    """A sentence without values, its fields as `<name>`."""
    return "".join(literal + (f"<{name}>" if name else "") for literal, name, _ in split_template(sentence.text))


def gist(sentence: Sentence) -> str:
    """What a sentence means, its fields as `<name>`."""
    return sentence.means.format(**{name: f"<{name}>" for name in sentence.names})
