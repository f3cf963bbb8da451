"""Text of an image never becomes markup, never steers a terminal and never fills a disk, in any format."""

from __future__ import annotations

import json
import re
import time
import unicodedata
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from layerkit.report import FORMATS, Failure, ImageReport, Report, Reports
from layerkit.text import flatten, printable
from tests.images import Spec, docker_archive, layer, steps

from .build import COUNTS, MEMBERS, cause, frames_of, report_of, verdicts

HOSTILE = (
    "<script>alert(1)</script>",
    "]]><injected/>",
    "\x1b[2J\x1b]0;owned\x07",
    "\u202egpj.exe\u2066\u200b",
    "\x00\x08\x7f\x9b31m\ufffe",
    "| a | b |\n# heading\n```\nfence",
    "`code` ``` @someone https://evil.example www.evil.example #12 [x](javascript:alert(1))",
    "'\" onmouseover=alert(1) x='",
    "{{ 7 * 7 }}{% raw %}",
    "<!-- --> <img src=x onerror=alert(1)> &amp; $x$ ~~y~~",
    "\ud800 lone surrogate",
    "<h1>" * 3,
)
EVERYTHING = " ".join(HOSTILE)


def hostile_report(folder: Path, text: str) -> Report:
    """A report in which every text that an image, a path or a runtime could bring is `text`."""
    from layerkit.finding import Outcome

    layers = tuple(layer("hostile", number, 300) for number in range(3))
    # What JSON cannot hold as UTF-8 can still stand in a config as an escape.
    config = {"history": steps(text, text, text), "os": text, "architecture": text}
    names = tuple(f"{number}-{text}"[:90].encode("ascii", "replace").decode().replace("\0", "?") for number in range(3))
    spec = Spec(layers, tags=(text,), names=names, config=config, stored={1: None}, config_name="config.json")
    frames = frames_of(docker_archive(spec), folder)
    finding = replace(COUNTS.finding(text, positions=(1,), evidence={text: [text]}, fix=text), severity="warning")
    why = replace(cause(text), evidence=(text, text), fix=text)
    outcomes = (
        Outcome(COUNTS, (finding, replace(finding, severity="error"))),
        Outcome(replace(COUNTS, code="LK999", title=text), skipped_because=text),
    )
    said = tuple(replace(verdict, message=text, assumes=text, version=text) for verdict in verdicts())
    return report_of(
        frames,
        subject=text,
        outcomes=(Outcome(MEMBERS, (MEMBERS.finding(text, fix=text),)),),
        images=tuple(ImageReport(a, outcomes, (why,)) for a in frames.alignments),
        causes=(why,),
        verdicts=said,
        made=text,
    )


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return hostile_report(tmp_path_factory.mktemp("hostile"), EVERYTHING)


def invisible(text: str) -> set[str]:
    """Characters that steer or hide, except line breaks."""
    return {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn") and c != "\n"}


@pytest.mark.parametrize("format", FORMATS)
def test_nothing_invisible_comes_out(hostile: Report, format: str) -> None:
    assert invisible(hostile.render(format)) == set()
    several = Reports((hostile, Failure(EVERYTHING, EVERYTHING, EVERYTHING)))
    assert invisible(several.render(format)) == set()


@pytest.mark.parametrize("format", FORMATS)
def test_each_alone(tmp_path: Path, format: str) -> None:
    for text in HOSTILE:
        hostile_report(tmp_path, text).render(format)


@pytest.mark.parametrize("rendering", ["html", "embedded", "several"])
def test_html_has_no_element_of_theirs(hostile: Report, rendering: str) -> None:
    from .test_web import elements

    page = {
        "html": hostile.render("html"),
        "embedded": hostile._repr_html_(),
        "several": Reports((hostile, Failure(EVERYTHING, EVERYTHING))).render("html"),
    }[rendering]
    tags = {tag for tag, _ in elements(page)}
    assert not tags & {"script", "img", "injected", "iframe", "a", "object", "link"}
    attributes = {name for _, attrs in elements(page) for name in attrs}
    assert not {name for name in attributes if name.startswith("on")}
    assert "49" not in re.findall(r"\{\{ 7 \* 7 \}\}|\b49\b", page)


def test_markdown_holds_no_markup_of_theirs(hostile: Report) -> None:
    text = hostile.render("md")
    outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
    tags = set(re.findall(r"<\s*/?\s*([a-z][a-z0-9]*)", outside, flags=re.IGNORECASE))
    assert tags <= {"details", "summary", "br", "sub", "code"}
    assert "://" not in outside
    assert not re.search(r"@\w", outside)
    assert not re.search(r"(?<!\\)\[x\]", outside)
    for line in text.splitlines():
        if line.startswith("| ") and "---" not in line:
            assert len(re.findall(r"(?<!\\)\|", line)) in (4, 6), line
    assert not re.search(r"^# heading", text, flags=re.MULTILINE)


def test_xml_is_well_formed(hostile: Report) -> None:
    root = ElementTree.fromstring(hostile.render("junit"))
    assert {element.tag for element in root.iter()} == {
        "testsuites",
        "testsuite",
        "testcase",
        "failure",
        "skipped",
        "system-out",
    }


@pytest.mark.parametrize("format", ["json", "sarif"])
def test_json_is_json(hostile: Report, format: str) -> None:
    json.loads(hostile.render(format))


def test_text_keeps_to_its_lines(hostile: Report) -> None:
    text = hostile.render("text")
    assert "\\x1b[2J" in text
    assert "\\u202e" in text
    assert not re.search(r"^# heading", text, flags=re.MULTILINE)


@pytest.mark.parametrize("format", FORMATS)
def test_ten_megabytes_of_text(tmp_path: Path, format: str) -> None:
    layers = (layer("long", 0, 300),)
    history = steps("x" * 10_000_000)
    frames = frames_of(docker_archive(Spec(layers, config={"history": history})), tmp_path)
    report = report_of(frames, subject="y" * 1_000_000)
    start = time.perf_counter()
    assert len(report.render(format)) < 200_000
    assert time.perf_counter() - start < 2


def test_printable() -> None:
    assert printable("plain é 漢字 🎉") == "plain é 漢字 🎉"
    assert printable("a\tb\n") == "a\\tb\\n"
    assert printable("\u2028\u2029\ufeff\u00ad") == "\\u2028\\u2029\\ufeff\\xad"
    assert printable("x" * 500) == "x" * 399 + "…"
    assert len(printable("\u202e" * 10_000, 100)) == 100
    assert flatten("RUN  a \\\n\t&& b") == "RUN a \\ && b"
    assert len(flatten(" x" * 10_000_000, 50)) == 50
