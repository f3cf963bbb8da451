"""JUnit and SARIF: what a build server reads."""

from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from layerkit.finding import Outcome
from layerkit.frames import Frames
from layerkit.report import Failure, ImageReport, Report, Reports
from layerkit.report.sarif import uri

from .build import COUNTS, TAGS, report_of


def test_junit_has_a_case_per_rule_and_image(report: Report) -> None:
    root = ElementTree.fromstring(report.render("junit"))
    assert [(s.get("name"), s.get("tests")) for s in root] == [
        ("export/app.tar", "2"),
        ("export/app.tar shop/app:1", "5"),
        ("export/app.tar loaders", "7"),
    ]
    assert (root.get("tests"), root.get("failures"), root.get("skipped"), root.get("errors")) == ("14", "1", "3", "0")
    failed = root.findall(".//failure")
    assert [f.get("type") for f in failed] == ["LK101"]
    skipped = [(c.get("name", "")[:5], s.get("message")) for c in root.iter("testcase") for s in c.findall("skipped")]
    assert skipped[0] == ("LK201", "LK101 did not pass")
    assert [code for code, _ in skipped] == ["LK201", "LK202", "LK203"]


def test_junit_warnings_do_not_fail(frames: Frames) -> None:
    outcomes = (Outcome(TAGS, (TAGS.finding("It has no tag."),)),)
    images = tuple(ImageReport(a, outcomes) for a in frames.alignments)
    root = ElementTree.fromstring(report_of(frames, images=images).render("junit"))
    assert root.get("failures") == "0"
    assert [e.text for e in root[1].iter("system-out")] == ["warning: It has no tag."]


def test_a_refusal_fails_where_it_was_asked_for(report: Report) -> None:
    """Silence counts as a refusal; a runtime that nobody asked for is only told about."""
    asked = replace(report, wanted=("docker-containerd@29.7", "podman", "crane@0.21"))
    root = ElementTree.fromstring(asked.render("junit"))
    failed = [case.get("name") for case in root[2] if case.find("failure") is not None]
    assert failed == ["docker-containerd@29.7", "podman@5.8"]
    assert [verdict.name for verdict in asked.refusals] == failed
    assert replace(report, wanted=("crane", "crane@0.21")).refusals == () == report.refusals


def test_sarif_has_the_verdicts_too(report: Report) -> None:
    [run] = json.loads(report.render("sarif"))["runs"]
    told = run["properties"]["loaders"]
    assert [(loader["subject"], loader["loader"], loader["loads"]) for loader in told[:1]] == [
        ("export/app.tar", "docker-classic", False)
    ]
    assert len(told) == len(report.verdicts)


def test_sarif_structure(report: Report) -> None:
    doc = json.loads(report.render("sarif"))
    assert (doc["version"], doc["$schema"]) == ("2.1.0", "https://json.schemastore.org/sarif-2.1.0.json")
    [run] = doc["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["LK302", "LK304", "LK101", "LK201", "LK202", "LK203", "LK403"]
    for rule in rules:
        assert rule["help"]["text"]
        assert rule["shortDescription"]["text"]
        assert rule["defaultConfiguration"]["level"] in ("error", "warning", "note")
    [result] = run["results"]
    assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == "LK101"
    assert result["level"] == "error"
    [location] = result["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "export/app.tar"
    assert location["logicalLocations"] == [{"fullyQualifiedName": "shop/app:1", "kind": "module"}]
    notes = run["invocations"][0]["toolExecutionNotifications"]
    assert {note["associatedRule"]["id"] for note in notes} == {"LK201", "LK202", "LK203"}
    assert run["invocations"][0]["executionSuccessful"] is True


def test_merged(report: Report, frames: Frames) -> None:
    other = report_of(frames, subject="other.tar")
    failed = Failure("gone.tar", "gone.tar does not exist", "check the path")
    reports = Reports((report, failed, other))
    [run] = json.loads(reports.render("sarif"))["runs"]
    assert [r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in run["results"]] == [
        "export/app.tar",
        "other.tar",
    ]
    assert run["invocations"][0]["executionSuccessful"] is False
    assert len(run["tool"]["driver"]["rules"]) == 7
    root = ElementTree.fromstring(reports.render("junit"))
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("29", "2", "1")


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("a b/ä.tar", "a%20b/%C3%A4.tar"),
        ("/srv/a b.tar", "file:///srv/a%20b.tar"),
        ("docker-archive:a.tar:x:1", "docker-archive:a.tar:x:1"),
        ("docker://r.example/x:1", "docker://r.example/x:1"),
        ("12:30.tar", "./12:30.tar"),
        ("-", "stdin"),
        ("a\nb\ud800", "a%0Ab%5Cud800"),
    ],
)
def test_uri(subject: str, expected: str) -> None:
    assert uri(subject) == expected


def test_rules_are_explained_once(report: Report) -> None:
    [run] = json.loads(report.render("sarif"))["runs"]
    why = next(rule for rule in run["tool"]["driver"]["rules"] if rule["id"] == COUNTS.code)
    assert why["fullDescription"]["text"].startswith("The manifest and the config must name the same number")
    assert why["name"] == "ManifestLayersAndDiffIDsAgreeInNumber"
