"""A report as JUnit XML, one test case per rule and image, and one per runtime, for the test views of CI systems.

The format has no standard of its own; this keeps to what Jenkins, GitLab and GitHub's actions read
(`testsuites/testsuite/testcase/failure|skipped|system-out`). Warnings do not fail a case; they are its output. A
runtime's refusal fails its case where that runtime was asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from ..finding import Outcome
from ..text import printable
from . import words
from .several import Failure, Reports
from .view import MESSAGE

if TYPE_CHECKING:
    from . import Report

_ILLEGAL = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_junit(report: Report) -> str:
    return _render([report])


def several_to_junit(reports: Reports) -> str:
    return _render(reports)


def _render(reports: Iterable[Report | Failure]) -> str:
    root = Element("testsuites", name="layerkit")
    for report in reports:
        subject = _text(report.subject)
        if isinstance(report, Failure):
            suite = SubElement(root, "testsuite", name=subject)
            case = SubElement(suite, "testcase", classname=subject, name="could be looked at")
            SubElement(case, "error", message=_text(report.error)).text = _text(report.hint)
            continue
        _suite(root, subject, report.outcomes)
        for image in report.images:
            _suite(root, f"{subject} {_text(image.name)}", image.outcomes)
        _verdicts(root, subject, report)
    for suite in root:
        _count(suite)
    _count(root)
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _suite(root: Element, name: str, outcomes: Iterable[Outcome]) -> None:
    suite = SubElement(root, "testsuite", name=name)
    for outcome in outcomes:
        label = f"{outcome.rule.code} {outcome.rule.title}"
        case = SubElement(suite, "testcase", classname=name, name=_text(label))
        if outcome.skipped_because:
            SubElement(case, "skipped", message=_text(outcome.skipped_because))
        errors = [f for f in outcome.findings if f.severity == "error"]
        others = [f for f in outcome.findings if f.severity != "error"]
        if errors:
            body = "\n".join(f"{f.message}\n{f.fix}".strip() for f in errors)
            SubElement(case, "failure", type=outcome.rule.code, message=_text(errors[0].message)).text = "\n".join(
                _text(line) for line in body.splitlines()
            )
        if others:
            SubElement(case, "system-out").text = "\n".join(f"{f.severity}: {_text(f.message)}" for f in others)


def _verdicts(root: Element, subject: str, report: Report) -> None:
    """One case per runtime; what it prints is its output, or its failure where its verdict was asked for."""
    suite = SubElement(root, "testsuite", name=f"{subject} loaders")
    for verdict in report.verdicts:
        case = SubElement(suite, "testcase", classname=f"{subject} loaders", name=_text(verdict.name))
        message = words.said(verdict.message, words.file_name(report.subject))
        lines = "\n".join(_text(line) for line in message.splitlines())
        if verdict in report.refusals:
            said = _text(f"{words.verdict(verdict)}: {message}" if message else words.verdict(verdict))
            SubElement(case, "failure", type="verdict", message=said).text = lines
        else:
            SubElement(case, "system-out").text = f"{words.verdict(verdict)}\n{lines}".strip()


def _count(element: Element) -> None:
    cases = list(element.iter("testcase"))
    element.set("tests", str(len(cases)))
    for attribute, child in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        element.set(attribute, str(sum(case.find(child) is not None for case in cases)))


def _text(text: str) -> str:
    """Printable text has no character left that XML 1.0 forbids, but for a few that are no characters at all."""
    return _ILLEGAL.sub("\ufffd", printable(text, MESSAGE))
