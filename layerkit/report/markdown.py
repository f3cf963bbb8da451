"""A report as GitHub-flavoured Markdown: for issues, pull requests and job summaries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from . import words
from .plain import Plain
from .several import Failure, Reports, summarise
from .table import Row, fold
from .view import ImageView, View, view

if TYPE_CHECKING:
    from . import Report

_MARK = {"broken": "❌", "incomplete": "⚠️", "sound": "✅", "failed": "❓"}
_VERDICT = {"refuses": "❌", "silent": "🛑", "if-held": "⚠️", "loads": "✅"}
_ACTIVE = re.compile(r"[\\`*_\[\]|~$]")


def to_markdown(report: Report) -> str:
    return "\n".join(_report(view(report), "#")) + "\n"


def several_to_markdown(reports: Reports) -> str:
    """An overview table, then each report folded away."""
    lines = [f"# {escape(reports.headline)}", "", "| outcome | target | in one sentence |", "| --- | --- | --- |"]
    lines += [
        f"| {_MARK[row.outcome]} {row.outcome} | {code(row.subject)} | {escape(row.headline)} |"
        for row in summarise(reports)
    ]
    for report in reports:
        if not isinstance(report, Failure):
            shown = view(report)
            lines += ["", f"<details><summary>{shown.outcome}: {tag(shown.subject)}</summary>", ""]
            lines += [*_report(shown, "##"), "", "</details>"]
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    """`text` as prose that says only itself: no markup, no HTML, no link, no mention, no table cell of its own.

    Words `so marked` stay code. An empty comment breaks what GitHub would turn into links and mentions.
    """
    parts = re.split(r"`([^`]+)`", text)
    return "".join(code(part) if odd % 2 else _prose(part) for odd, part in enumerate(parts))


def code(text: str) -> str:
    """`text` as inline code that stays in one table cell, whatever backticks it holds."""
    if not text:
        return ""
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    inner = text.replace("|", "\\|")
    if text.endswith("\\"):
        inner += " "
    return f"{fence} {inner} {fence}" if "`" in text else f"{fence}{inner}{fence}"


def tag(text: str) -> str:
    """`text` inside an HTML element of a Markdown file."""
    return f"<code>{_inert(_entities(text))}</code>"


def _entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _prose(text: str) -> str:
    text = _ACTIVE.sub(lambda found: "\\" + found.group(), text)
    return _inert(_entities(text))


def _inert(text: str) -> str:
    text = re.sub(r"(?<=:)(?=//)|(?<=@)|(?<=#)(?=\d)|(?<=www)(?=\.)", "<!-- -->", text, flags=re.IGNORECASE)
    text = re.sub(r"^(\s*)([-+=#])", r"\1\\\2", text)
    return re.sub(r"^(\s*\d+)([.)])(?=\s)", r"\1\\\2", text)


def _report(shown: View, level: str) -> Iterator[str]:
    from .. import __version__

    first, *rest = shown.images or (None,)
    yield f"{level} {_MARK[shown.outcome]} {escape(shown.headline.sentence)}"
    yield ""
    yield f"**{shown.outcome}** · {_about(shown)} · {code(shown.subject)}"
    if shown.headline.detail:
        yield ""
        yield escape(shown.headline.detail)
    if first is not None and first.picture is not None:
        yield from _heading(level, "Claims about the same layers")
        yield from _picture(first)
    if shown.lines:
        yield from _heading(level, shown.verdict_title)
        yield "| runtime | verdict | what it prints |"
        yield "| --- | --- | --- |"
        for line in shown.lines:
            said = "<br>".join(code(text) for text in line.message.splitlines() if text)
            note = escape(line.note)
            yield (
                f"| {escape(line.program)} {escape(line.versions)} | {_VERDICT[line.kind]} {line.verdict} "
                f"| {f'{said}<br>{note}' if said else note} |"
            )
        for assumed in shown.assumed:
            yield ""
            yield f"Assumed: {escape(assumed)}."
    if shown.advice:
        yield from _heading(level, "What to do")
        for advice in shown.advice:
            note = f" ({escape(advice.note)})" if advice.note else ""
            command = f": {code(advice.command)}" if advice.command else ""
            yield f"- {escape(advice.text)}{command}{note}"
    if first is not None and first.rows:
        yield from _heading(level, f"Layers ({first.stored})")
        yield from _layers(first)
    yield from _heading(level, "Findings")
    yield from _findings(shown)
    if first is not None:
        yield from _findings(first)
    yield f"- **passed** {words.count(shown.passed, 'check')}"
    for codes, reason in shown.unchecked:
        yield f"- **not checked** {codes}, because {escape(reason)}"
    for image in rest:
        if image is not None:
            yield ""
            yield (
                f"<details><summary>{_MARK[image.outcome]} {image.outcome}: {tag(image.name)} "
                f"{tag(image.platform) if image.platform else ''}</summary>"
            )
            yield ""
            yield escape(image.headline.sentence)
            yield from _picture(image)
            yield from _findings(image)
            yield ""
            yield "</details>"
    yield ""
    made = f" · {escape(shown.made)}" if shown.made else ""
    yield f"<sub>layerkit {__version__} · {shown.method}{made}</sub>"


def _about(shown: View) -> str:
    if len(shown.images) != 1:
        return escape(shown.about)
    image = shown.images[0]
    parts = [code(image.name), code(image.platform), escape(shown.format)]
    return " · ".join(part for part in parts if part)


def _heading(level: str, text: str) -> Iterator[str]:
    yield ""
    yield f"{level}# {escape(text)}"
    yield ""


def _picture(image: ImageView) -> Iterator[str]:
    if image.picture is None:
        return
    yield "```text"
    yield from (line.rstrip() for line in Plain(100).draw(image.picture))
    yield "```"


def _layers(image: ImageView) -> Iterator[str]:
    wrong = sum(not row.agrees for row in image.rows)
    what = f"{wrong:,} of {len(image.rows):,} disagree" if wrong else f"all {len(image.rows):,} agree"
    yield f"<details><summary>{what}</summary>"
    yield ""
    yield "| # | diff ID (config) | state | size | created by |"
    yield "| ---: | --- | --- | ---: | --- |"
    for stretch in fold(image.rows):
        if stretch.hidden:
            yield f"| ⋮ | | {stretch.summary} | | |"
        else:
            yield from map(_row, stretch.rows)
    yield ""
    yield "</details>"


def _row(row: Row) -> str:
    state = row.state if row.agrees else f"**{row.state}**"
    diff_id = code(row.diff_id[:19])
    return f"| {row.position} | {diff_id} | {state} | {row.size} | {code(row.created_by)} |"


def _findings(part: View | ImageView) -> Iterator[str]:
    for finding in part.findings:
        yield f"- **{finding.severity}** {finding.code}: {escape(finding.message)}"
        if finding.fix:
            yield f"  - fix: {escape(finding.fix)}"
    for cause in part.causes:
        yield f"- **{cause.confidence} cause**: {escape(cause.message) or 'the explanation above rests on this'}"
        yield from (f"  - {escape(fact)}" for fact in cause.evidence)
