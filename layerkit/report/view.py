"""A report boiled down to what every renderer shows, in order: the renderers only lay it out."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from ..finding import Cause, Finding, Outcome
from ..image import Image
from ..text import printable
from ..verdict import Verdict
from . import words
from .headline import Headline, headline, headline_of, ranked
from .picture import Picture, draw, elsewhere, repeats
from .table import Row, make_row

if TYPE_CHECKING:
    from . import ImageReport, Remedy, Report

MESSAGE = 1000
"""Characters of one message; longer ones are an image's doing."""
MOST = 8
"""Pieces of advice of one kind."""
PARTS = 50
"""Findings, causes and the like of one kind that are shown; the JSON report has them all."""


@dataclass(frozen=True)
class Advice:
    """Something to do: a sentence, and the command that does it where there is one."""

    text: str
    command: str = ""
    note: str = ""


@dataclass(frozen=True)
class Line:
    """One row of the verdict table: equal verdicts of several versions of a program are one row."""

    program: str
    versions: str
    kind: str
    verdict: str
    message: str
    note: str


@dataclass(frozen=True)
class ImageView:
    name: str
    platform: str
    digest: str
    outcome: str
    headline: Headline
    picture: Picture | None
    rows: tuple[Row, ...]
    stored: str
    findings: tuple[Finding, ...]
    causes: tuple[Cause, ...]


@dataclass(frozen=True)
class View:
    subject: str
    format: str
    outcome: str
    headline: Headline
    images: tuple[ImageView, ...]
    lines: tuple[Line, ...]
    assumed: tuple[str, ...]
    advice: tuple[Advice, ...]
    findings: tuple[Finding, ...]
    causes: tuple[Cause, ...]
    passed: int
    unchecked: tuple[tuple[str, str], ...]
    command: str
    made: str
    deep: bool

    @property
    def verdict_title(self) -> str:
        kinds = {line.kind for line in self.lines}
        if kinds & {"refuses", "silent"}:
            return "Who will refuse it, in their own words"
        return "Who will load it, and on what condition" if "if-held" in kinds else "Who will load it"

    @property
    def about(self) -> str:
        """Image, platform and format in one line."""
        if len(self.images) == 1:
            parts = [self.images[0].name, self.images[0].platform, self.format]
        else:
            parts = [words.count(len(self.images), "image"), self.format]
        return " · ".join(part for part in parts if part)

    @property
    def method(self) -> str:
        return "every layer was read" if self.deep else "from headers and JSON alone"


def view(report: Report) -> View:
    """Reduce a report to what is shown of it, the worst image first."""
    own = tuple(f for outcome in report.outcomes for f in outcome.findings)
    command = f"layerkit diagnose {'--deep ' if report.deep else ''}{shlex.quote(report.subject)}"
    advice = tuple(_advice(report))
    head = _clean(headline(report))
    told = frozenset(piece.text for piece in advice)
    return View(
        subject=printable(report.subject),
        format=words.FORMAT_WORDS.get(report.format, report.format),
        outcome=report.outcome,
        headline=head,
        images=tuple(_image(image, told, head) for image in ranked(report)),
        lines=tuple(_lines(report.verdicts, words.file_name(report.subject))),
        assumed=tuple(dict.fromkeys(printable(v.assumes) for v in report.verdicts if v.assumes)),
        advice=advice,
        findings=tuple(_findings(own, told)),
        causes=tuple(_causes(report.causes, head)),
        passed=sum(outcome.passed is True for outcome in report.all_outcomes),
        unchecked=tuple(_unchecked(report.all_outcomes)),
        command=printable(command),
        made=printable(report.made),
        deep=report.deep,
    )


def _image(image: ImageReport, told: frozenset[str], above: Headline) -> ImageView:
    alignment = image.alignment
    key = alignment.image.source.key
    sizes = {key(x.blob): x.stored_size for x in alignment.layers if x.blob and x.stored_size is not None}
    total = sum(size for size in sizes.values() if size is not None)
    head = _clean(headline_of(image))
    again = repeats(alignment)
    words_of = {position: f"not listed, as {original:,}" for position, original in again.items()}
    words_of |= dict.fromkeys(elsewhere(alignment), "listed by OCI only")
    present = sum(layer.present for layer in alignment.layers)
    return ImageView(
        name=printable(image.name),
        platform=printable(platform(alignment.image)),
        digest=alignment.config.digest if alignment.config.raw else "",
        outcome=image.outcome,
        headline=head,
        picture=draw(alignment, alignment.image.source.format),
        rows=tuple(make_row(layer, alignment.deep, words_of.get(layer.position)) for layer in alignment.layers),
        stored=f"{present:,} of {len(alignment.layers):,} stored{f', {words.size(total)}' if total else ''}",
        findings=tuple(_findings(image.findings, told)),
        causes=tuple(_causes(image.causes, above, head)),
    )


def platform(image: Image) -> str:
    return image.config.platform or image.entry.platform


def _lines(verdicts: Sequence[Verdict], file: str) -> Iterator[Line]:
    def same(v: Verdict) -> tuple[object, ...]:
        return v.loader, v.loads, v.silent, v.exit_code, v.message, v.needs

    for _, run in groupby(verdicts, same):
        group = list(run)
        first = group[0]
        kind = "silent" if first.silent else {True: "loads", False: "refuses"}.get(first.loads, "if-held")  # type: ignore[arg-type]
        notes = [f"exit {first.exit_code}" + (", image unusable" if first.silent else "")]
        if first.needs:
            notes.append(f"must hold {_needs(first)}")
        yield Line(
            words.PROGRAMS.get(first.loader, printable(first.loader)),
            ", ".join(dict.fromkeys(printable(v.version) for v in group)),
            kind,
            words.verdict(first),
            "\n".join(printable(words.said(line, file), MESSAGE) for line in first.message.strip().splitlines()[:20]),
            "; ".join(notes),
        )


def _needs(verdict: Verdict) -> str:
    positions = [need.position for need in verdict.needs]
    what = "position" if len(positions) == 1 else "positions"
    by = {
        "chain_id": "as the bottom of an image it has",
        "diff_id": "by their diff IDs",
        "digest": "by these very blob digests",
    }
    return f"{what} {words.spell(positions)} {by[verdict.needs[0].identity]}"


def _advice(report: Report) -> Iterator[Advice]:
    """What may be done, the most promising first, each thing once; without a cause, what the findings say."""
    head = headline(report)
    causes = [*report.causes, *(c for image in report.images for c in image.causes)]
    fixes = [head.advice, *(c.fix for c in causes if c.confidence != "possible")]
    if not any(fixes):
        fixes = [f.fix for f in report.findings if f.severity != "info"]
    texts = list(dict.fromkeys(fix for fix in fixes if fix))
    yield from (Advice(printable(text, MESSAGE)) for text in texts[:1])
    remedies = {r.command or r.id: r for image in report.images for r in image.repairs}
    yield from (_remedy(remedy) for remedy in list(remedies.values())[:MOST])
    yield from (Advice(printable(text, MESSAGE)) for text in texts[1:MOST])


def _remedy(remedy: Remedy) -> Advice:
    note = "the image ID stays the same" if remedy.safe else "the image ID changes"
    needs = f"needs {', '.join(printable(n) for n in remedy.needs)}; " if remedy.needs else ""
    return Advice(printable(remedy.title or remedy.id), printable(remedy.command, MESSAGE), needs + note)


def _unchecked(outcomes: Iterable[Outcome]) -> Iterator[tuple[str, str]]:
    """Codes that were not checked, by reason: ("LK202, LK203", "layer contents were not read")."""
    reasons: dict[str, dict[str, None]] = {}
    for outcome in outcomes:
        if outcome.skipped_because:
            reasons.setdefault(outcome.skipped_because, {})[outcome.rule.code] = None
    for reason, codes in reasons.items():
        yield ", ".join(codes), printable(reason)


def _clean(head: Headline) -> Headline:
    return Headline(*(printable(text, MESSAGE) for text in (head.sentence, head.detail, head.advice)))


def _findings(findings: Sequence[Finding], told: frozenset[str]) -> Iterator[Finding]:
    """Findings, safe to look at; a fix only where the advice does not say the same."""
    for finding in findings[:PARTS]:
        message, fix = printable(finding.message, MESSAGE), printable(finding.fix, MESSAGE)
        yield replace(finding, message=message, fix="" if fix in told else fix)
    if len(findings) > PARTS:
        more = words.count(len(findings) - PARTS, "more finding")
        yield Finding("", "info", f"{more}, not listed here; the JSON report has them all.")


def _causes(causes: Sequence[Cause], *above: Headline) -> Iterator[Cause]:
    """Causes, safe to look at. One that a headline tells has no message left, only its evidence."""
    for cause in causes[:PARTS]:
        message = printable(cause.message, MESSAGE)
        evidence = tuple(printable(fact, MESSAGE) for fact in cause.evidence[:20])
        if any(message in head.detail for head in above):
            message = ""
        if message or evidence:
            yield Cause(cause.id, cause.confidence, message, evidence, printable(cause.fix, MESSAGE))
