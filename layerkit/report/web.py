"""A report as HTML: one file that needs nothing else, or a piece of a notebook that disturbs nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from . import words
from .palette import DARK, LIGHT, properties
from .picture import EXTRA, HELD, MISSING, SILENT, THERE, WRONG
from .several import Failure, Reports, summarise
from .table import Row, Stretch, fold
from .view import View, view

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

    from . import Report

COLUMNS = 130
"""Marks in a lane; an image of more layers shows several positions in one."""
BUDGET = 800
"""Rows of all layer tables together: what is over it is counted and not listed. It keeps a page under 1 MB."""

_ROOT = ".layerkit.layerkit.layerkit"
_TONES = {
    "broken": "lk-bad",
    "error": "lk-bad",
    "refuses": "lk-bad",
    "silent": "lk-bad-trap",
    "failed": "lk-bad",
    "incomplete": "lk-warn",
    "warning": "lk-warn",
    "if-held": "lk-warn",
    "sound": "lk-good",
    "loads": "lk-good",
    "info": "lk-plain",
}
_CELLS = {THERE: "", MISSING: "m", WRONG: "w", EXTRA: "x", HELD: "h", SILENT: "s"}
_NUMBERS = {3: "Three", 4: "Four", 5: "Five"}


def to_html(report: Report) -> str:
    """The report as one self-contained page."""
    return _page(report.subject, _content([report]))


def to_embedded(report: Report) -> str:
    """The same content for a notebook, its style confined to it."""
    return f"<style>{style_sheet()}</style>{_content([report])}"


def several_to_html(reports: Reports) -> str:
    return _page(reports.headline, _content(reports))


def several_to_embedded(reports: Reports) -> str:
    return f"<style>{style_sheet()}</style>{_content(reports)}"


class Budget:
    """How many rows a page may still show."""

    def __init__(self, rows: int = BUDGET) -> None:
        self.left = rows

    def take(self, rows: int) -> int:
        """How many of `rows` are granted."""
        granted = min(rows, self.left)
        self.left -= granted
        return granted


class Table:
    """The layers of one image in stretches, of which some are folded away, and how many are not listed at all."""

    def __init__(self, rows: Sequence[Row], budget: Budget) -> None:
        self.parts: list[Stretch] = []
        for stretch in fold(rows):
            granted = budget.take(len(stretch.rows))
            if granted:
                self.parts.append(Stretch(stretch.rows[:granted], stretch.hidden))
        self.omitted = len(rows) - sum(len(part.rows) for part in self.parts)


def _content(reports: Sequence[Report | Failure]) -> str:
    """The one place where a template is filled in; everything in it is escaped unless made by this module."""
    budget = Budget()
    shown: list[tuple[View | None, list[Table]]] = []
    for report in reports:
        seen = None if isinstance(report, Failure) else view(report)
        shown.append((seen, [Table(image.rows, budget) for image in seen.images] if seen else []))
    if isinstance(reports, Reports):
        rows = [(row, *pair) for row, pair in zip(summarise(reports), shown, strict=True)]
        return _environment().get_template("many.html").render(reports=rows, sentence=reports.headline)
    [(seen, tables)] = shown
    return _environment().get_template("one.html").render(shown=seen, tables=tables)


def _page(title: str, content: str) -> str:
    from markupsafe import Markup

    from ..text import printable

    return (
        _environment()
        .get_template("page.html")
        .render(title=printable(title, 120), style=Markup(style_sheet()), content=Markup(content), ground=DARK["bg"])
        + "\n"
    )


@cache
def style_sheet() -> str:
    """The style sheet with its palettes: the system's choice, then what a notebook says it is."""
    light, dark = properties(LIGHT), properties(DARK)
    return (
        f"{_ROOT}{{{light}}}@media screen and (prefers-color-scheme:dark){{{_ROOT}{{{dark}}}}}"
        f'body[data-jp-theme-light="true"] {_ROOT},body.vscode-light {_ROOT}{{color-scheme:light;{light}}}'
        f'body[data-jp-theme-light="false"] {_ROOT},body.vscode-dark {_ROOT}{{color-scheme:dark;{dark}}}'
        f"{rules('report.css')}"
    )


def rules(name: str) -> str:
    """A style sheet of templates/, confined to reports."""
    sheet = (Path(__file__).parent / "templates" / name).read_text(encoding="utf-8")
    sheet = re.sub(r"/\*.*?\*/", "", sheet, flags=re.DOTALL)
    return re.sub(r"(?<![\w&])&(?![\w&])", _ROOT, re.sub(r"\s+", " ", sheet)).strip()


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from .. import __version__

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        ticks=_ticks,
        sentences=_sentences,
        middle=_middle,
        short=lambda digest: f"{digest[:19]}…" if len(digest) > 20 else digest,
        count=words.count,
        number=lambda number: _NUMBERS.get(number, str(number)),
    )
    environment.globals.update(tones=_TONES, cells=_CELLS, columns=COLUMNS, version=__version__)
    return environment


def _ticks(text: str) -> Markup:
    """Escaped text in which `so marked` words are code."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _sentences(text: str) -> Markup:
    """Escaped text with each of its sentences on a line of its own, where there are two short ones."""
    from markupsafe import Markup, escape

    return Markup("<br>").join(escape(sentence) for sentence in words.sentences(text))


def _middle(text: str, most: int = 25) -> str:
    """Text cut in its middle: both ends of a path or a digest tell something."""
    return text if len(text) <= most else f"{text[: most - 9]}…{text[-8:]}"
