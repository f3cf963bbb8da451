"""The JSON contract: these keys, in this order, of these types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from layerkit.finding import Outcome
from layerkit.frames import Frames
from layerkit.report import Failure, Report, Reports
from layerkit.report.contract import plain
from layerkit.verdict import Verdict
from tests.images import Spec, docker_archive, layer

from .build import MEMBERS, frames_of, needed, report_of, sound_of

REPORT = ["schema", "subject", "format", "outcome", "findings", "causes", "loaders", "images"]
LOADER = ["loader", "version", "loads", "silent", "exit_code", "message", "needs"]
IMAGE = ["reference", "platform", "config_digest", "outcome", "counts", "findings", "causes", "not_checked", "repairs"]
COUNTS = ["manifest_layers", "diff_ids", "history", "history_nonempty", "members_present"]
FINDING = ["code", "severity", "message", "positions", "evidence", "fix"]
CAUSE = ["id", "confidence", "message", "evidence"]
REPAIR = ["id", "safe", "needs", "command"]


def check_finding(finding: dict[str, Any]) -> None:
    assert list(finding)[: len(FINDING)] == FINDING
    assert finding["severity"] in ("error", "warning", "info")
    assert all(isinstance(position, int) for position in finding["positions"])
    assert isinstance(finding["evidence"], dict)


def check(doc: dict[str, Any]) -> None:
    assert list(doc)[: len(REPORT)] == REPORT
    assert doc["schema"] == "layerkit.report/1"
    assert doc["outcome"] in ("sound", "broken", "incomplete")
    for finding in doc["findings"]:
        check_finding(finding)
    for loader in doc["loaders"]:
        assert list(loader)[: len(LOADER)] == LOADER
        assert loader["loads"] in (True, False, "if-held")
        assert isinstance(loader["silent"], bool)
        assert isinstance(loader["exit_code"], int)
        assert isinstance(loader["needs"], list)
    for image in doc["images"]:
        assert list(image)[: len(IMAGE)] == IMAGE
        assert list(image["counts"]) == COUNTS
        for finding in image["findings"]:
            check_finding(finding)
        for cause in [*doc["causes"], *image["causes"]]:
            assert list(cause)[: len(CAUSE)] == CAUSE
            assert cause["confidence"] in ("certain", "likely", "possible")
        for skipped in image["not_checked"]:
            assert list(skipped) == ["code", "because"]
        for repair in image["repairs"]:
            assert list(repair) == REPAIR


def test_contract(report: Report) -> None:
    doc = json.loads(report.render("json"))
    check(doc)
    assert doc["format"] == "docker-archive"
    [image] = doc["images"]
    assert image["counts"] == {
        "manifest_layers": 25,
        "diff_ids": 36,
        "history": 36,
        "history_nonempty": 36,
        "members_present": 25,
    }
    assert image["findings"][0]["positions"] == list(range(11))
    assert image["not_checked"][0] == {"code": "LK201", "because": "LK101 did not pass"}
    assert image["repairs"][0]["id"] == "relist"
    assert doc["headline"].startswith("manifest.json lists 25 of the 36")


def test_file_findings_and_needs(frames: Frames) -> None:
    twice = Outcome(MEMBERS, (MEMBERS.finding("It occurs twice."),))
    asks = Verdict("podman", "5.8", "if-held", 0, needs=needed(2))
    doc = json.loads(report_of(frames, outcomes=(twice,), verdicts=(asks,)).render("json"))
    check(doc)
    assert doc["findings"][0]["code"] == "LK302"
    assert doc["loaders"][0]["needs"][1] == {
        "position": 1,
        "diff_id": f"sha256:{1:064x}",
        "identity": "chain_id",
        "value": "x",
    }


def test_no_tag_and_no_repair(tmp_path: Path) -> None:
    doc = json.loads(sound_of(frames_of(docker_archive(Spec((layer("n", 0),), tags=None)), tmp_path)).render("json"))
    check(doc)
    assert doc["images"][0]["reference"] is None
    assert doc["images"][0]["repairs"] == []


def test_several_are_an_array_in_order(report: Report) -> None:
    failed = Failure("gone.tar", "gone.tar does not exist", "check the path")
    docs = json.loads(Reports((failed, report)).render("json"))
    assert list(docs[0])[:3] == ["schema", "subject", "error"]
    assert docs[0]["error"] == "gone.tar does not exist"
    check(docs[1])
    assert isinstance(json.loads(Reports((report,)).render("json")), dict)
    assert isinstance(json.loads(Reports((failed,)).render("json")), dict)


def test_output_is_ascii(frames: Frames) -> None:
    text = report_of(frames, subject="a\u202eb\x1b[31m\ud800\x9b").render("json")
    assert text.isascii()
    assert "\x1b" not in text
    assert json.loads(text)["subject"] == "a\u202eb\x1b[31m\ud800\x9b"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({1: {"b", "a"}}, {"1": ["a", "b"]}),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (Path("a/b"), "a/b"),
        ((1, None, True), [1, None, True]),
    ],
)
def test_evidence_is_plain_data(value: object, expected: object) -> None:
    assert plain(value) == expected


def test_evidence_is_bounded() -> None:
    assert len(plain("x" * 10_000_000)) == 10_000
    deep: object = "end"
    for _ in range(10_000):
        deep = [deep]
    assert len(json.dumps(plain(deep))) < 20_000
