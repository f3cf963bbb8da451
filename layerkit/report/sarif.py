"""A report as SARIF 2.1.0 (OASIS), for code scanning views. One run holds all targets."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..finding import Finding, Outcome, Rule
from .contract import bound, plain, verdict_document
from .several import Failure, Reports

if TYPE_CHECKING:
    from . import Report

_LEVELS = {"error": "error", "warning": "warning", "info": "note"}
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def to_sarif(report: Report) -> str:
    return _render([report])


def several_to_sarif(reports: Reports) -> str:
    return _render(list(reports))


def _render(reports: Iterable[Report | Failure]) -> str:
    from .. import __version__

    rules: dict[str, int] = {}
    described: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    artifacts: list[dict[str, Any]] = []
    loaders: list[dict[str, Any]] = []
    looked = True
    for report in reports:
        artifacts.append({"location": {"uri": uri(report.subject)}})
        if isinstance(report, Failure):
            looked = False
            notes.append(_note(report.subject, report.error, "error"))
            continue
        loaders += [{"subject": uri(report.subject), **verdict_document(verdict)} for verdict in report.verdicts]
        for image, outcome in _outcomes(report):
            if outcome.rule.code not in rules:
                rules[outcome.rule.code] = len(rules)
                described.append(_rule(outcome.rule))
            results += [_result(report.subject, image, finding, rules) for finding in outcome.findings]
            if outcome.skipped_because:
                text = f"{outcome.rule.code} was not checked, because {outcome.skipped_because}"
                note = _note(report.subject, text, "note")
                notes.append({**note, "associatedRule": {"id": outcome.rule.code}})
    driver = {"name": "layerkit", "semanticVersion": __version__, "rules": described}
    invocation: dict[str, Any] = {"executionSuccessful": looked}
    if notes:
        invocation["toolExecutionNotifications"] = notes
    run = {
        "tool": {"driver": driver},
        "invocations": [invocation],
        "artifacts": artifacts,
        "columnKind": "unicodeCodePoints",
        "results": results,
        "properties": {"loaders": loaders},
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _outcomes(report: Report) -> Iterator[tuple[str, Outcome]]:
    yield from (("", outcome) for outcome in report.outcomes)
    yield from ((image.name, outcome) for image in report.images for outcome in image.outcomes)


def _rule(rule: Rule) -> dict[str, Any]:
    words = "".join(word[:1].upper() + word[1:] for word in rule.title.split() if word.isalnum())
    why = " ".join(rule.why.split()) or rule.title
    return {
        "id": rule.code,
        "name": words or rule.code,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": why},
        "help": {"text": rule.why or rule.title, "markdown": rule.why or rule.title},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }


def _result(subject: str, image: str, finding: Finding, rules: dict[str, int]) -> dict[str, Any]:
    location = _location(subject)
    if image:
        location["logicalLocations"] = [{"fullyQualifiedName": bound(image), "kind": "module"}]
    same = json.dumps([finding.code, image, finding.positions, plain(finding.evidence)], sort_keys=True)
    properties: dict[str, Any] = {"positions": list(finding.positions), "evidence": plain(finding.evidence)}
    if finding.fix:
        properties["fix"] = bound(finding.fix)
    message = bound(f"{finding.message} {finding.fix}".strip())
    return {
        "ruleId": finding.code,
        "ruleIndex": rules[finding.code],
        "level": _LEVELS[finding.severity],
        "message": {"text": message},
        "locations": [location],
        "partialFingerprints": {"layerkit/v1": hashlib.sha256(same.encode()).hexdigest()},
        "properties": properties,
    }


def _note(subject: str, text: str, level: str) -> dict[str, Any]:
    return {"level": level, "message": {"text": bound(text)}, "locations": [_location(subject)]}


def _location(subject: str) -> dict[str, Any]:
    return {"physicalLocation": {"artifactLocation": {"uri": uri(subject)}}}


def uri(subject: str) -> str:
    """A subject as a valid URI reference (RFC 3986): a path is quoted, a transport stays in front of it."""
    if subject == "-":
        return "stdin"
    text = bound(subject).encode("utf-8", "backslashreplace").decode()
    path = PurePath(text)
    if path.is_absolute():
        return "file://" + quote(text)
    quoted = quote(text, safe="/:@+,=~")
    # A colon in the first segment would read as a scheme: only ours may stand there.
    first = quoted.partition("/")[0]
    return quoted if ":" not in first or first.partition(":")[0].replace("-", "").isalpha() else f"./{quoted}"
