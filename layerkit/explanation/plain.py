"""An explanation for a terminal or a pipe, 80 columns, and as JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..report import Report
from ..text import printable
from .comparison import Here, names_of
from .reading import Field, Reading, gist, outline

if TYPE_CHECKING:
    from . import Explanation

WIDTH = 80
MOST = 8
"""Sentences of one text that are shown; the JSON has them all."""
NEXT = "What to check next"
FOLLOWS = "What follows this text in the log."
UNKNOWN = "No sentence that layerkit knows is in this text."


def to_text(told: Explanation) -> str:
    """The explanation as plain text, at most 80 columns, but for commands, which stay whole."""
    return "\n".join(line.rstrip() for line in _lines(told)) + "\n"


def subject_of(told: Explanation) -> str:
    return told.report.subject if told.report else ""


def pairs(told: Explanation, most: int = MOST) -> list[tuple[Reading, Here | None]]:
    """Each sentence and what the archive adds to it."""
    here = told.here or (None,) * len(told.readings)
    return list(zip(told.readings, here, strict=True))[:most]


def subject_for(told: Explanation, here: Here | None) -> str:
    """What commands are about: the archive, unless the text is about another one."""
    return subject_of(told) if here is not None and here.agrees is not False else ""


def possible_causes(reading: Reading, here: Here | None) -> tuple[tuple[str, str], ...]:
    """Causes to think of: none where the archive itself has shown which one it is."""
    return () if here is not None and here.causes and here.agrees else reading.causes


def commands_for_unknown(told: Explanation) -> tuple[str, ...]:
    """What to run where nothing was recognised."""
    return () if told.report else ("layerkit diagnose ARCHIVE",)


def about(report: Report) -> str:
    """The archive's own state in one line."""
    return f"{report.outcome}: {printable(report.headline.sentence, 600)}"


def _lines(told: Explanation) -> Iterator[str]:
    if not told.found:
        yield from _unknown(told)
    for number, (reading, here) in enumerate(pairs(told)):
        if number:
            yield from ("", "─" * WIDTH)
        yield from _reading(reading, here, told)
    if len(told.readings) > MOST:
        yield from ("", f"{len(told.readings) - MOST:,} more sentences are in the text; --format json has them all.")


def _unknown(told: Explanation) -> Iterator[str]:
    yield UNKNOWN
    if told.nearest is not None:
        yield from _title("The nearest one")
        yield from _fill(outline(told.nearest))
        yield from _fill(f"{told.nearest.said_by[0]}: {gist(told.nearest)}", "    ")
    if told.report is not None:
        yield from _title(f"The archive ({printable(subject_of(told), 60)})")
        yield from _fill(about(told.report))
    if commands := commands_for_unknown(told):
        yield from _title(NEXT)
        yield from _commands(commands)


def _reading(reading: Reading, here: Here | None, told: Explanation) -> Iterator[str]:
    for words, means in reading.around:
        yield from _fill(f"{words}:", "", "    ")
        yield from _fill(means, "    ")
    yield from _fill(reading.text, "", "    ")
    yield ""
    yield from _fill("; ".join(reading.said_by), "Said by  ", " " * 9)
    for field in reading.fields:
        yield from _field(field, max(map(len, reading.match.sentence.names)))
    yield ""
    yield from _fill(reading.means, "")
    for note in reading.match.notes:
        yield from _fill(printable(note), "")
    if here is not None and told.report is not None:
        yield from _here(here, told.report)
    if possible := possible_causes(reading, here):
        yield from _title("Possible causes, the likeliest first")
    for number, (cause, words) in enumerate(possible, 1):
        yield from _fill(f"{cause}: {words}", f"  {number}. ", " " * 5)
    yield from _title(NEXT)
    yield from _fill(reading.next or FOLLOWS)
    yield from _commands(reading.commands(subject_for(told, here)))


def _field(field: Field, room: int) -> Iterator[str]:
    head = f"  {field.name:<{room}}  {field.shown}"
    if len(head) + 3 + len(field.meaning) <= WIDTH:
        yield f"{head}   {field.meaning}"
        return
    yield from _fill(field.meaning, f"  {field.name:<{room}}  ", " " * (room + 4))
    yield from _fill(field.shown, "    ")


def _here(here: Here, report: Report) -> Iterator[str]:
    yield from _title(f"In {printable(report.subject, 70)}")
    yield from _fill(here.message)
    if here.agrees is False:
        yield from _fill(f"It is {about(report)}")
    for fact in here.facts:
        yield from _fill(fact, "  - ", "    ")
    for cause in here.causes:
        yield from _fill(f"{cause.id} ({cause.confidence}): {printable(cause.message, 900)}", "  ", "    ")
        for fact in cause.evidence:
            yield from _fill(printable(fact, 400), "    - ", "      ")
        if cause.fix:
            yield from _fill(printable(cause.fix, 600), "    fix: ", "      ")
    if here.loaders:
        yield from _fill(f"Printed for it by: {'; '.join(names_of(here.loaders))}.")


def _commands(commands: tuple[str, ...]) -> Iterator[str]:
    yield from (f"    {command}" for command in commands)


def _title(text: str) -> Iterator[str]:
    yield from ("", text)


def _fill(text: str, first: str = "  ", other: str | None = None) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=first if other is None else other, break_on_hyphens=False
    )


def to_json(told: Explanation) -> str:
    """The explanation as JSON, `schema` layerkit.explanation/1."""
    near = told.nearest
    value = {
        "schema": "layerkit.explanation/1",
        "found": told.found,
        "sentences": [
            _sentence(reading, here, subject_for(told, here)) for reading, here in pairs(told, len(told.readings))
        ],
        "nearest": near and {"id": near.id, "text": near.text, "said_by": list(near.said_by), "means": gist(near)},
        "archive": told.report
        and {
            "subject": subject_of(told),
            "outcome": told.report.outcome,
            "headline": told.report.headline.sentence,
            "deep": told.report.deep,
        },
    }
    # ASCII: whatever steers a terminal stays spelled out.
    return json.dumps(value, indent=2, ensure_ascii=True) + "\n"


def _sentence(reading: Reading, here: Here | None, subject: str) -> dict[str, Any]:
    match = reading.match
    return {
        "id": reading.id,
        "kind": match.sentence.kind,
        "line": match.line,
        "text": match.text,
        "said_by": list(reading.said_by),
        "program": match.program,
        "fields": [{"name": f.name, "value": f.value, "meaning": f.meaning} for f in reading.fields],
        "means": match.means,
        "notes": list(match.notes),
        "around": [{"id": w.sentence.id, "text": w.text, "means": w.means} for w in match.wrappers],
        "causes": [{"id": cause, "words": words} for cause, words in reading.causes],
        "codes": list(match.sentence.codes),
        "next": reading.next,
        "commands": list(reading.commands(subject)),
        "here": here
        and {
            "agrees": here.agrees,
            "message": here.message,
            "facts": list(here.facts),
            "causes": [
                {
                    "id": c.id,
                    "confidence": c.confidence,
                    "message": c.message,
                    "evidence": list(c.evidence),
                    "fix": c.fix,
                }
                for c in here.causes
            ],
            "loaders": [verdict.name for verdict in here.loaders],
        },
    }
