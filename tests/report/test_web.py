"""The HTML page: well formed, self-contained, small, legible in light and dark, and no trouble to a notebook."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from layerkit.finding import Outcome
from layerkit.frames import Frames, read_frames
from layerkit.report import ImageReport, Report
from layerkit.report.palette import DARK, LIGHT, SHAPES, TEXT_ON
from tests.images import Spec, docker_archive, layer, steps

from .build import COUNTS, frames_of, report_of, sound_of

VOID = {"meta", "br", "link", "img", "hr", "input"}
OPTIONAL = {"td", "tr", "th"}


class Elements(HTMLParser):
    """Collects elements, and complains of end tags that close nothing or the wrong thing."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.faults: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if len(dict(attrs)) != len(attrs):
            self.faults.append(f"an attribute twice in {tag}")
        if tag not in VOID:
            if tag in OPTIONAL:
                while self.open and self.open[-1] in OPTIONAL and not (tag != "tr" and self.open[-1] == "tr"):
                    self.open.pop()
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open[-1] in OPTIONAL and self.open[-1] != tag:
            self.open.pop()
        if not self.open or self.open[-1] != tag:
            self.faults.append(f"</{tag}> closes {self.open[-1:]}")
        else:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text.append(data)


def parse(page: str) -> Elements:
    parser = Elements()
    parser.feed(page)
    parser.close()
    assert parser.faults == []
    assert parser.open == []
    return parser


def elements(page: str) -> list[tuple[str, dict[str, str | None]]]:
    return parse(page).found


def crowd(folder: Path, images: int, layers: int) -> Frames:
    """Many large images in one file, with the commands that take most room when escaped."""
    packed = tuple(layer("crowd", number, 40) for number in range(layers))
    history = steps(*(f"RUN step {number} " + '"' * 300 for number in range(layers)))
    specs = [
        Spec(packed, tags=(f"shop/app:{image}",), config={"history": history, "image": image}, names="colon")
        for image in range(images)
    ]
    return frames_of(docker_archive(*specs), folder)


@pytest.mark.parametrize(("images", "layers"), [(10, 127), (20, 127), (1, 2000)])
def test_page_stays_under_a_megabyte(tmp_path: Path, images: int, layers: int) -> None:
    frames = crowd(tmp_path, images, layers)
    wrong = (Outcome(COUNTS, (COUNTS.finding("It is wrong."),)),)
    report = sound_of(frames, images=tuple(ImageReport(a, wrong) for a in frames.alignments))
    page = report.render("html")
    assert len(page.encode()) < 1_000_000
    assert "to keep this page small" in page
    parse(report._repr_html_())


def test_too_many_findings_are_counted(frames: Frames) -> None:
    many = (Outcome(COUNTS, tuple(COUNTS.finding(f"number {n}") for n in range(100))),)
    report = report_of(frames, images=tuple(ImageReport(a, many) for a in frames.alignments))
    for format in ("html", "text", "md"):
        assert "50 more findings, not listed here" in " ".join(report.render(format).split())


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, "contrast ratio"."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_contrast(palette: dict[str, str]) -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    low = {
        (text, ground): round(contrast(palette[text], palette[ground]), 2)
        for text, ground in (*TEXT_ON, ("bg", "bad"))
        if contrast(palette[text], palette[ground]) < 4.5
    }
    assert low == {}
    assert {s: contrast(palette[s], palette["card"]) for s in SHAPES if contrast(palette[s], palette["card"]) < 3} == {}


def test_palettes_name_the_same_colours(report: Report) -> None:
    assert LIGHT.keys() == DARK.keys()
    used = set(re.findall(r"var\(--lk-([a-z]+)\)", report.render("html")))
    assert used == LIGHT.keys()


def test_style_of_the_embedded_report_stays_inside(report: Report) -> None:
    embedded = report._repr_html_()
    [style] = re.findall(r"<style>(.*?)</style>", embedded, flags=re.DOTALL)
    inner = re.sub(r"@(media|container)[^{]*\{", "", style)
    for rule in re.findall(r"([^{}]+)\{[^{}]*\}", inner):
        for selector in rule.split(","):
            assert ".layerkit.layerkit.layerkit" in selector, selector
    assert 'body[data-jp-theme-light="false"]' in style
    tags = {tag for tag, _ in elements(embedded)}
    assert not tags & {"html", "body", "head", "main", "title"}
    assert not [attributes for _, attributes in elements(embedded) if "id" in attributes]


def test_same_content_on_the_page_and_in_a_notebook(report: Report) -> None:
    page, embedded = parse(report.render("html")).text, parse(report._repr_html_()).text
    assert " ".join("".join(embedded).split()) in " ".join("".join(page).split())


def test_report_of_no_image(tmp_path: Path) -> None:
    path = tmp_path / "page.tar"
    path.write_bytes(b"<html>not an archive</html>")
    page = report_of(read_frames(path), images=(), verdicts=()).render("html")
    assert "There is no image in it." in page
    assert "lk-lanes" not in page.partition("</style>")[2]


def test_made_is_shown_only_where_given(frames: Frames, report: Report) -> None:
    assert "2026" not in report.render("html")
    assert "2026-11-24 12:00 UTC" in report_of(frames, made="2026-11-24 12:00 UTC").render("html")
