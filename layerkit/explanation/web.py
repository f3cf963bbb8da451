"""An explanation in a notebook, in the report's style, and as Markdown for an issue or a chat."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from ..report import markdown
from ..report.web import style_sheet
from ..text import printable
from .comparison import Here, names_of
from .plain import FOLLOWS, MOST, UNKNOWN, about, commands_for_unknown, pairs, possible_causes, subject_for, subject_of
from .reading import Reading, gist, outline

if TYPE_CHECKING:
    from . import Explanation

_TONES = {True: "lk-good", False: "lk-warn", None: "lk-plain"}
_DIGEST = re.compile(r"(?<=sha256:[0-9a-f]{12})[0-9a-f]{52}")
"""What of a digest is left out of a heading; the table has all of it."""
_VERDICTS = {True: "this archive", False: "another archive", None: "cannot be told"}


def to_embedded(told: Explanation) -> str:
    """The explanation as a piece of a notebook; everything from outside is escaped."""
    return (
        f'<style>{style_sheet()}</style><div class="layerkit"><div class="lk-main">{"".join(_pieces(told))}</div></div>'
    )


def _pieces(told: Explanation) -> Iterator[str]:
    if not told.found:
        yield f"<h1>{escape(UNKNOWN)}</h1>"
        if told.nearest is not None:
            yield f"<h2>The nearest one</h2><p><code>{escape(outline(told.nearest))}</code></p>"
            yield f"<p>{escape(told.nearest.said_by[0])}: {escape(gist(told.nearest))}</p>"
        if told.report is not None:
            yield f"<h2>The archive</h2><p>{escape(about(told.report))}</p>"
        yield _commands(commands_for_unknown(told))
    for reading, here in pairs(told):
        yield from _reading(reading, here, told)
    if len(told.readings) > MOST:
        yield f'<p class="lk-note">{len(told.readings) - MOST:,} more sentences are in the text.</p>'


def _reading(reading: Reading, here: Here | None, told: Explanation) -> Iterator[str]:
    yield f'<div class="lk-top">{escape("; ".join(reading.said_by))}</div>'
    sentence, _, rest = reading.means.partition(". ")
    yield f"<h1>{escape(_DIGEST.sub('…', sentence if not rest else f'{sentence}.'))}</h1>"
    if rest:
        yield f'<p class="lk-why">{escape(rest)}</p>'
    yield f"<p><code>{escape(reading.text)}</code></p>"
    yield from (f"<p><code>{escape(text)}:</code> {escape(means)}</p>" for text, means in reading.around)
    yield from (f"<p>{escape(printable(note))}</p>" for note in reading.match.notes)
    if reading.fields:
        rows = "".join(
            f"<tr><td>{escape(f.name)}</td><td><code>{escape(f.shown)}</code></td><td>{escape(f.meaning)}</td></tr>"
            for f in reading.fields
        )
        yield f"<h2>Which is which</h2><table><tbody>{rows}</tbody></table>"
    if here is not None:
        yield f"<h2>In <span>{escape(printable(subject_of(told), 160))}</span></h2>"
        yield from _here(here, told)
    if possible := possible_causes(reading, here):
        causes = "".join(f"<li><b>{escape(cause)}</b>: {escape(words)}</li>" for cause, words in possible)
        yield f"<h2>Possible causes, the likeliest first</h2><ol>{causes}</ol>"
    yield f"<h2>What to check next</h2><p>{escape(reading.next or FOLLOWS)}</p>"
    yield _commands(reading.commands(subject_for(told, here)))


def _here(here: Here, told: Explanation) -> Iterator[str]:
    tone = _TONES[here.agrees]
    yield f'<p><span class="lk-pill {tone}">{_VERDICTS[here.agrees]}</span> {escape(here.message)}</p>'
    if here.agrees is False and told.report is not None:
        yield f"<p>It is {escape(about(told.report))}</p>"
    yield _list(here.facts)
    for cause in here.causes:
        yield f"<p><b>{escape(cause.id)}</b> ({cause.confidence}): {escape(printable(cause.message, 900))}</p>"
        yield _list(tuple(printable(fact, 400) for fact in cause.evidence))
        if cause.fix:
            yield f'<div class="lk-fix">{escape(printable(cause.fix, 600))}</div>'
    if here.loaders:
        yield f'<p class="lk-note">Printed for it by: {escape("; ".join(names_of(here.loaders)))}.</p>'


def _list(facts: tuple[str, ...]) -> str:
    return f'<ul class="lk-facts">{"".join(f"<li>{escape(fact)}</li>" for fact in facts)}</ul>' if facts else ""


def _commands(commands: tuple[str, ...]) -> str:
    return "".join(f"<p><code>{escape(command)}</code></p>" for command in commands)


def to_markdown(told: Explanation) -> str:
    """The explanation as GitHub-flavoured Markdown."""
    return "\n".join(_markdown(told)) + "\n"


def _markdown(told: Explanation) -> Iterator[str]:
    mark, code = markdown.escape, markdown.code
    if not told.found:
        yield f"**{UNKNOWN}**"
        if told.nearest is not None:
            near = told.nearest
            yield f"\nThe nearest one is {code(outline(near))} ({mark(near.said_by[0])}): {mark(gist(near))}"
        if told.report is not None:
            yield f"\nThe archive is {mark(about(told.report))}"
        yield from (f"\n- {code(command)}" for command in commands_for_unknown(told))
    for reading, here in pairs(told):
        yield f"**{mark(reading.means)}**\n\n{code(reading.text)}  \nsaid by {mark('; '.join(reading.said_by))}\n"
        yield from (f"{code(text + ':')} {mark(means)}\n" for text, means in reading.around)
        yield from (f"{mark(printable(note))}\n" for note in reading.match.notes)
        if reading.fields:
            yield "| which | value | stands for |\n| --- | --- | --- |"
            yield from (f"| {mark(f.name)} | {code(f.shown)} | {mark(f.meaning)} |" for f in reading.fields)
        if here is not None:
            yield from _here_markdown(here, told)
        if possible := possible_causes(reading, here):
            yield "\nPossible causes, the likeliest first:\n"
            yield from (f"1. **{mark(cause)}**: {mark(words)}" for cause, words in possible)
        yield f"\nWhat to check next: {mark(reading.next or FOLLOWS)}\n"
        yield from (f"- {code(command)}" for command in reading.commands(subject_for(told, here)))
        yield ""
    if len(told.readings) > MOST:
        yield f"{len(told.readings) - MOST:,} more sentences are in the text."


def _here_markdown(here: Here, told: Explanation) -> Iterator[str]:
    mark, code = markdown.escape, markdown.code
    yield f"\nIn {code(printable(subject_of(told), 160))}: {mark(here.message)}"
    if here.agrees is False and told.report is not None:
        yield f"It is {mark(about(told.report))}"
    yield ""
    yield from (f"- {mark(fact)}" for fact in here.facts)
    for cause in here.causes:
        yield f"- **{mark(cause.id)}** ({cause.confidence}): {mark(printable(cause.message, 900))}"
        yield from (f"  - {mark(printable(fact, 400))}" for fact in cause.evidence)
        if cause.fix:
            yield f"  - fix: {mark(printable(cause.fix, 600))}"
    if here.loaders:
        yield f"- printed for it by: {mark('; '.join(names_of(here.loaders)))}"
