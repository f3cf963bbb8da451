"""Who loads what: archives down, runtimes across, one sign in each cell."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING

from ..text import flatten
from . import words
from .several import Failure, Reports
from .web import rules, style_sheet

if TYPE_CHECKING:
    import pandas as pd

    from ..verdict import Verdict

SIGNS: Mapping[str, tuple[str, str, str]] = {
    "loads": ("✓", "lk-good", "loads"),
    "if-held": ("~", "lk-warn", "loads where the target holds the rest"),
    "refuses": ("✗", "lk-bad", "refuses"),
    "silent": ("!", "lk-bad-trap", "reports success, and the image is not usable"),
    "unknown": ("?", "lk-plain", "could not be looked at"),
}
"""Answer: its sign, its tone, what it means."""

_ROWS = 200


def answer(verdict: Verdict) -> str:
    """One of SIGNS."""
    if verdict.silent:
        return "silent"
    return "if-held" if verdict.loads == "if-held" else "loads" if verdict.loads else "refuses"


def verdict_frame(reports: Reports) -> pd.DataFrame:
    """One row per archive: `subject`, `outcome`, then a column `NAME@VERSION` per runtime with its answer."""
    import pandas as pd

    names = _names(reports)
    rows = []
    for report in reports:
        if isinstance(report, Failure):
            rows.append([report.subject, "failed", *("unknown" for _ in names)])
        else:
            own = {v.name: answer(v) for v in report.verdicts}
            rows.append([report.subject, report.outcome, *(own.get(name, "unknown") for name in names)])
    return pd.DataFrame(rows, columns=["subject", "outcome", *names])


def verdicts_html(reports: Reports) -> str:
    """The table for a notebook, with the meaning of its signs."""
    return f"<style>{sheet()}</style>{content(reports)}"


def content(reports: Reports) -> str:
    """The same without its style sheet, for a page that has it."""
    names = _names(reports)
    split = [name.partition("@") for name in names]
    programs = "".join(
        f'<th colspan="{len(list(run))}" scope="colgroup">{_text(words.PROGRAMS.get(program, program))}</th>'
        for program, run in groupby(program for program, _, _ in split)
    )
    versions = "".join(f'<th scope="col">{_text(version)}</th>' for _, _, version in split)
    frame = verdict_frame(reports)
    folder = _shared([str(subject) for subject in frame["subject"]])
    rows = "".join(_row(list(map(str, row)), folder) for row in frame.head(_ROWS).itertuples(index=False, name=None))
    if len(frame) > _ROWS:
        rows += f'<tr><td colspan="{len(names) + 2}">and {len(frame) - _ROWS:,} more archives</td></tr>'
    used = {str(cell) for name in names for cell in frame[name]}
    legend = "".join(
        f'<span><i class="{tone}">{sign}</i>{meaning}</span>'
        for key, (sign, tone, meaning) in SIGNS.items()
        if key in used
    )
    head = (
        f'<tr><th scope="col" rowspan="2">archive</th><th scope="col" rowspan="2">outcome</th>{programs}</tr>'
        f"<tr>{versions}</tr>"
    )
    return (
        f'<div class="layerkit lk-before"><div class="lk-main lk-matrix"><h1>{_text(reports.headline)}</h1>'
        f'<div class="lk-scroll"><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>'
        f'<div class="lk-signs">{legend}</div></div></div>'
    )


@cache
def sheet() -> str:
    return style_sheet() + rules("verdicts.css")


def _names(reports: Reports) -> list[str]:
    """The runtimes that were judged, programs together, in the order of the first report."""
    found = dict.fromkeys(v.name for report in reports if not isinstance(report, Failure) for v in report.verdicts)
    programs = list(dict.fromkeys(name.partition("@")[0] for name in found))
    return sorted(found, key=lambda name: programs.index(name.partition("@")[0]))


def _shared(subjects: list[str]) -> int:
    """How many characters of folders all subjects begin with: they tell nothing apart."""
    if len(subjects) < 2:
        return 0
    first, last = min(subjects), max(subjects)
    same = next((at for at, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), len(first))
    folder = first.rfind("/", 0, same)
    return folder + 1 if folder > 0 else 0


def _row(cells: list[str], folder: int) -> str:
    subject, outcome, *answers = cells
    sign, tone = {"sound": ("✓", "lk-good"), "incomplete": ("~", "lk-warn")}.get(outcome, ("✗", "lk-bad"))
    pill = f'<span class="lk-pill {tone}" title="{_text(outcome)}">{sign} <span>{_text(outcome)}</span></span>'
    marks = "".join(_mark(SIGNS[key]) for key in answers)
    name, own = flatten(subject, 400), flatten(subject[folder:], 400)
    short = f"…{own[-39:]}" if len(own) > 40 else own
    return f'<tr><th scope="row"><code title="{escape(name)}">{escape(short)}</code></th><td>{pill}</td>{marks}</tr>'


def _mark(sign: tuple[str, str, str]) -> str:
    shown, tone, meaning = sign
    return f'<td class="lk-sign"><i class="{tone}" role="img" aria-label="{meaning}" title="{meaning}">{shown}</i></td>'


def _text(foreign: str) -> str:
    return escape(flatten(foreign, 100))
