"""A report for a terminal or a pipe: 80 columns, readable without colour."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from ..text import printable
from . import words
from .picture import EXTRA, HELD, MISSING, SILENT, THERE, WRONG, Picture
from .several import Failure, Reports, summarise
from .table import Row, fold
from .view import MESSAGE, ImageView, View, view

if TYPE_CHECKING:
    from . import Report

MARKS = {THERE: "█", MISSING: "·", WRONG: "!", EXTRA: "+", HELD: "~", SILENT: " "}
_STYLES = {"bad": "31", "warn": "33", "good": "32", "strong": "1", "dim": "2", "": ""}
_TONE = {
    "broken": "bad",
    "failed": "bad",
    "refuses": "bad",
    "silent": "bad",
    "error": "bad",
    "incomplete": "warn",
    "warning": "warn",
    "if-held": "warn",
    "sound": "good",
    "loads": "good",
    "info": "",
}


def to_text(report: Report) -> str:
    """The report as plain text, at most 80 columns."""
    return Plain().render(view(report))


def several_to_text(reports: Reports) -> str:
    """A line for each target, then each report that has something to say."""
    return Plain().render_several(reports)


class Plain:
    """Lays a view out in lines; `colour` adds ANSI colours, which never say anything that the words do not."""

    def __init__(self, width: int = 80, *, colour: bool = False) -> None:
        self.width = max(40, width)
        self.colour = colour

    def render(self, shown: View) -> str:
        lines = list(self._lines(shown))
        return "\n".join(line.rstrip() for line in lines) + "\n"

    def render_several(self, reports: Reports) -> str:
        lines: list[str] = []
        rows = summarise(reports)
        for row in rows:
            lines += self._fill(row.headline, f"{row.outcome.upper():<10} ", " " * 11, _TONE[row.outcome])
            if row.headline != row.subject:
                lines += self._fill(row.subject, " " * 11, " " * 11)
        for report in reports:
            if isinstance(report, Failure):
                if report.hint:
                    lines += ["", *self._fill(printable(report.hint, MESSAGE), "try: ", "     ")]
            elif report.outcome != "sound" or report.exit_code:
                lines += ["", "─" * self.width, *self._lines(view(report))]
        if len(rows) > 1:
            lines += ["", *self._fill(reports.headline)]
        return "\n".join(line.rstrip() for line in lines) + "\n"

    def _lines(self, shown: View) -> Iterator[str]:
        yield from self._fill(shown.about, f"{shown.outcome.upper():<10} ", " " * 11, _TONE[shown.outcome])
        yield from self._fill(shown.subject, " " * 11, " " * 11)
        yield ""
        for sentence in words.sentences(shown.headline.sentence):
            yield from (self._tone(line, "strong") for line in self._fill(sentence))
        if shown.headline.detail:
            yield ""
            yield from self._fill(shown.headline.detail)
        first, *rest = shown.images or (None,)
        if first is not None and first.picture is not None:
            yield from self._title("Claims about the same layers")
            yield from self.draw(first.picture)
        if shown.lines:
            yield from self._title(shown.verdict_title)
            yield from self._verdicts(shown)
        if shown.advice:
            yield from self._title("What to do")
            for advice in shown.advice:
                yield from self._fill(advice.text, "  - ", "    ")
                if advice.command:
                    yield from self._command(advice.command)
                if advice.note:
                    yield from self._fill(advice.note, "    ", "    ")
        if first is not None and first.rows:
            yield from self._title(f"Layers ({first.stored})")
            yield from self._layers(first)
        yield from self._title("Findings")
        yield from self._findings(shown, first, named=bool(rest))
        for image in rest:
            if image is not None:
                yield from self._image(image)
        yield ""
        yield from self._fill(self._foot(shown))

    def _foot(self, shown: View) -> str:
        from .. import __version__

        made = f" · {shown.made}" if shown.made else ""
        return f"layerkit {__version__} · {shown.method}{made} · {shown.command}"

    def draw(self, picture: Picture) -> Iterator[str]:
        """The lanes, an axis and the legend."""
        longest = max(len(lane.count) for lane in picture.lanes)
        room = self.width - 16 - longest
        notes = picture.columns + 1 + max(len(lane.note) for lane in picture.lanes) <= room
        picture = picture.fit(max(10, room))
        for lane in picture.lanes:
            cells = "".join(MARKS[cell] for cell in lane.cells)
            number = self._tone(f"{lane.count:>{longest}}", "" if lane.agrees else "bad")
            flag = " " if lane.agrees else "!"
            yield f"  {lane.label:<9} {cells}  {number} {flag} {lane.note if notes else ''}"
        axis = [" "] * (picture.columns + 8)
        for column, position in picture.ticks(5 if picture.step == 1 else 10):
            axis[column : column + len(str(position))] = str(position)
        yield " " * 12 + "".join(axis)
        legend = "   ".join(f"{MARKS[cell]} {word}" for cell, word in picture.legend)
        yield from self._fill(legend, "  ", "  ")
        yield from self._fill(picture.note, "  ", "  ")

    def _verdicts(self, shown: View) -> Iterator[str]:
        from rich.cells import cell_len, set_cell_size

        names = [f"{line.program} {line.versions}" for line in shown.lines]
        room = min(max(map(cell_len, names)), self.width - 30)
        for line, name in zip(shown.lines, names, strict=True):
            head = f"  {set_cell_size(name, room)}  {self._tone(line.verdict.upper(), _TONE[line.kind])}"
            fits = 6 + room + len(line.verdict) + len(line.note) <= self.width
            yield f"{head}  {line.note}" if fits else head
            if not fits:
                yield from self._fill(line.note, "      ", "      ")
            for said in line.message.splitlines():
                yield from self._fill(said, "      ", "        ")
        for assumed in shown.assumed:
            yield from self._fill(f"Assumed: {assumed}.", "  ", "    ")

    def _command(self, command: str) -> Iterator[str]:
        """A command to copy: broken where a shell lets it be broken, whole where quotes forbid it."""
        if set(command) & set("'\"\\"):
            yield f"      {command}"
            return
        lines = textwrap.wrap(command, self.width - 10, break_long_words=False, break_on_hyphens=False)
        for number, line in enumerate(lines):
            more = " \\" if number + 1 < len(lines) else ""
            yield f"{' ' * (6 if number == 0 else 8)}{line}{more}"

    def _layers(self, image: ImageView) -> Iterator[str]:
        digits = max(2, len(str(len(image.rows))))
        yield self._tone(self._columns("#".rjust(digits), "diff ID", "state", "size", "created by"), "dim")
        for stretch in fold(image.rows):
            if stretch.hidden:
                yield f"  {'⋮':>{digits}}  {stretch.summary}"
            else:
                yield from (self._row(row, digits) for row in stretch.rows)

    def _row(self, row: Row, digits: int) -> str:
        short = row.diff_id.removeprefix("sha256:")[:12]
        line = self._columns(f"{row.position:>{digits}}", short, row.state, row.size, row.created_by)
        return line if row.agrees else self._tone(line, "bad")

    def _columns(self, position: str, diff_id: str, state: str, size: str, created_by: str) -> str:
        from rich.cells import cell_len, set_cell_size

        left = f"  {position}  {set_cell_size(diff_id, 12)}  {state:<22}  {size:>8}  "
        room = self.width - len(left)
        if cell_len(created_by) > room:
            created_by = set_cell_size(created_by, room - 1).rstrip() + "…"
        return left + created_by

    def _findings(self, shown: View, first: ImageView | None, *, named: bool) -> Iterator[str]:
        yield from self._list("", shown)
        if first is not None:
            yield from self._list(f"{first.name}: " if named else "", first)
        yield f"  {shown.passed:,} checks passed."
        for codes, reason in shown.unchecked:
            yield from self._fill(f"Not checked: {codes}, because {reason}.", "  ", "    ")

    def _list(self, prefix: str, part: View | ImageView) -> Iterator[str]:
        for finding in part.findings:
            head = f"  {finding.code:<5} {finding.severity:<8}"
            yield from self._fill(prefix + finding.message, f"{head} ", " " * 17, _TONE[finding.severity])
            if finding.fix:
                yield from self._fill(finding.fix, " " * 17 + "fix: ", " " * 19)
        for cause in part.causes:
            yield from self._fill(
                prefix + (cause.message or "the explanation above rests on this:"),
                f"  cause {cause.confidence:<8} ",
                " " * 17,
            )
            for fact in cause.evidence:
                yield from self._fill(fact, " " * 17 + "- ", " " * 19)

    def _image(self, image: ImageView) -> Iterator[str]:
        """An image that is not the worst: its headline, its picture, and what was found of it."""
        yield from self._title(f"{image.name} {image.platform} · {image.outcome}")
        yield from self._fill(image.headline.sentence, "  ", "  ")
        if image.outcome != "sound" and image.picture is not None:
            yield ""
            yield from self.draw(image.picture)
            yield ""
        yield from self._list("", image)

    def _title(self, text: str) -> Iterator[str]:
        yield ""
        yield from (self._tone(line, "strong") for line in self._fill(text))

    def _fill(self, text: str, first: str = "", other: str = "", tone: str = "") -> Iterator[str]:
        """Wrap `text`; `first` stands before its first line and may be coloured, `other` before the rest."""
        blank = " " * len(first)
        wrapped = textwrap.wrap(text, self.width, initial_indent=blank, subsequent_indent=other, break_on_hyphens=False)
        yield self._tone(first, tone) + (wrapped[0][len(first) :] if wrapped else "")
        yield from wrapped[1:]

    def _tone(self, text: str, tone: str) -> str:
        if not self.colour or not tone or not text.strip():
            return text
        return f"\x1b[{_STYLES[tone]}m{text}\x1b[0m"


def show(report: Report, file: TextIO | None = None) -> None:
    """Print a report; a terminal gets its own width up to 100 columns, and colours unless NO_COLOR or TERM forbid."""
    stream = sys.stdout if file is None else file
    if not stream.isatty():
        stream.write(to_text(report))
        return
    colour = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    width = min(100, shutil.get_terminal_size().columns)
    stream.write(Plain(width, colour=colour).render(view(report)))
