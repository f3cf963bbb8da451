"""A report as JSON, schema `layerkit.report/1`: keys are fixed and ordered, further keys may follow them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..finding import Cause, Finding, Outcome
from ..verdict import Verdict
from .headline import headline
from .view import platform

if TYPE_CHECKING:
    from . import ImageReport, Remedy, Report
    from .several import Failure, Reports

SCHEMA = "layerkit.report/1"
TEXT = 10_000
"""Characters of one string; an image may hold longer ones, a report does not."""
_ITEMS = 100_000
_DEPTH = 8


def to_json(report: Report) -> str:
    return _dump(document(report))


def several_to_json(reports: Reports) -> str:
    """An array in the order of the targets; one target alone is an object."""
    documents = [_document_of(item) for item in reports]
    return _dump(documents[0] if len(documents) == 1 else documents)


def _document_of(item: Report | Failure) -> dict[str, Any]:
    from .several import Failure

    return failure(item) if isinstance(item, Failure) else document(item)


def failure(failed: Failure) -> dict[str, Any]:
    doc = {"schema": SCHEMA, "subject": bound(failed.subject), "error": bound(failed.error)}
    return {**doc, "hint": bound(failed.hint)} if failed.hint else doc


def document(report: Report) -> dict[str, Any]:
    """The report as plain data, in the order of the contract."""
    from .. import __version__

    head = headline(report)
    return {
        "schema": SCHEMA,
        "subject": bound(report.subject),
        "format": report.format,
        "outcome": report.outcome,
        "findings": [_finding(f) for outcome in report.outcomes for f in outcome.findings],
        "causes": [_cause(cause) for cause in report.causes],
        "loaders": [verdict_document(verdict) for verdict in report.verdicts],
        "images": [_image(image) for image in report.images],
        "not_checked": _not_checked(report.outcomes),
        "headline": bound(head.sentence),
        "detail": bound(head.detail),
        "deep": report.deep,
        "layerkit": __version__,
    }


def _image(image: ImageReport) -> dict[str, Any]:
    alignment = image.alignment
    counts = alignment.counts
    return {
        "reference": bound(alignment.image.reference) or None,
        "platform": bound(platform(alignment.image)) or None,
        "config_digest": alignment.config.digest if alignment.config.raw else None,
        "outcome": image.outcome,
        "counts": {
            key: counts[key]
            for key in ("manifest_layers", "diff_ids", "history", "history_nonempty", "members_present")
        },
        "findings": [_finding(finding) for finding in image.findings],
        "causes": [_cause(cause) for cause in image.causes],
        "not_checked": _not_checked(image.outcomes),
        "repairs": [_repair(remedy) for remedy in image.repairs],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "severity": finding.severity,
        "message": bound(finding.message),
        "positions": list(finding.positions),
        "evidence": plain(finding.evidence),
        "fix": bound(finding.fix),
    }


def _cause(cause: Cause) -> dict[str, Any]:
    return {
        "id": cause.id,
        "confidence": cause.confidence,
        "message": bound(cause.message),
        "evidence": [bound(fact) for fact in cause.evidence],
        "fix": bound(cause.fix),
    }


def verdict_document(verdict: Verdict) -> dict[str, Any]:
    return {
        "loader": verdict.loader,
        "version": verdict.version,
        "loads": verdict.loads,
        "silent": verdict.silent,
        "exit_code": verdict.exit_code,
        "message": bound(verdict.message),
        "needs": [
            {
                "position": need.position,
                "diff_id": bound(need.diff_id),
                "identity": need.identity,
                "value": bound(need.value),
            }
            for need in verdict.needs
        ],
        "assumes": bound(verdict.assumes),
    }


def _repair(remedy: Remedy) -> dict[str, Any]:
    needs = [bound(need) for need in remedy.needs]
    return {"id": remedy.id, "safe": remedy.safe, "needs": needs, "command": bound(remedy.command)}


def _not_checked(outcomes: tuple[Outcome, ...]) -> list[dict[str, str]]:
    return [
        {"code": outcome.rule.code, "because": bound(outcome.skipped_because)}
        for outcome in outcomes
        if outcome.skipped_because
    ]


def bound(text: str) -> str:
    return text if len(text) <= TEXT else f"{text[: TEXT - 1]}…"


def plain(value: Any, depth: int = _DEPTH) -> Any:
    """`value` as JSON data of bounded size: what a rule gives as evidence may hold anything of the image."""
    if isinstance(value, bool | int) or value is None:
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    if isinstance(value, Mapping | set | frozenset | list | tuple) and depth == 0:
        return "…"
    if isinstance(value, Mapping):
        return {bound(str(key)): plain(item, depth - 1) for key, item in list(value.items())[:_ITEMS]}
    if isinstance(value, set | frozenset):
        return [plain(item, depth - 1) for item in sorted(list(value)[:_ITEMS], key=str)]
    if isinstance(value, list | tuple):
        return [plain(item, depth - 1) for item in value[:_ITEMS]]
    return bound(str(value))


def _dump(value: Any) -> str:
    # ASCII: what steers a terminal or turns a line around stays spelled out, and any pipe can carry it.
    return json.dumps(value, indent=2, ensure_ascii=True, allow_nan=False) + "\n"
