"""The page in a real Chromium: nothing is fetched, nothing overflows, folds open by keyboard."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from layerkit.report import Failure, Report, Reports
from tests.browser.conftest import browser

from .build import frames_of, report_of, sound_of, trimmed

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# What JupyterLab says of tables and headings in an output (rendermime, `.jp-RenderedHTMLCommon`).
JUPYTERLAB = """
.jp-RenderedHTMLCommon table { margin-left: auto; margin-right: auto; font-size: 12px; table-layout: fixed; }
.jp-RenderedHTMLCommon td, .jp-RenderedHTMLCommon th, .jp-RenderedHTMLCommon tr { text-align: right; max-width: none; }
.jp-RenderedHTMLCommon tbody tr:nth-child(odd) { background: rgb(255, 0, 0); }
"""


__all__ = ["browser"]


def opened(browser: Browser, page: Path, width: int, scheme: str = "light") -> Page:
    tab = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    tab.goto(page.as_uri())
    return tab


@pytest.mark.parametrize("width", [320, 400, 800, 1600])
@pytest.mark.parametrize("total", [36, 127])
def test_no_overflow_and_no_request(browser: Browser, tmp_path: Path, width: int, total: int) -> None:
    page = report_of(frames_of(trimmed(total=total), tmp_path)).write(tmp_path / "report.html")
    tab = browser.new_page(viewport={"width": width, "height": 800})
    asked: list[str] = []
    complaints: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("console", lambda message: complaints.append(message.text))
    tab.goto(page.as_uri())
    assert asked == [page.as_uri()]
    assert complaints == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    cells = tab.evaluate(
        "[...document.querySelectorAll('.lk-lane .lk-cells i')].map(e => e.getBoundingClientRect().width)"
    )
    assert len(cells) == 4 * total
    assert min(cells) >= 3
    tab.close()


@pytest.mark.parametrize("width", [320, 1100])
def test_several_do_not_overflow(browser: Browser, report: Report, tmp_path: Path, width: int) -> None:
    failed = Failure("a/very/long/path/" * 8 + "gone.tar", "it does not exist " * 20, "check the path")
    page = Reports((report, failed, report)).write(tmp_path / "reports.html")
    tab = opened(browser, page, width)
    for fold in tab.locator("details.lk-image > summary").all():
        fold.click()
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    tab.close()


def test_dark_and_light(browser: Browser, report: Report, tmp_path: Path) -> None:
    page = report.write(tmp_path / "report.html")
    ground = "getComputedStyle(document.querySelector('.layerkit')).backgroundColor"
    for scheme, colour in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(18, 22, 28)")):
        tab = opened(browser, page, 900, scheme)
        assert tab.evaluate(ground) == colour
        tab.emulate_media(media="print")
        assert tab.evaluate(ground) in ("rgba(0, 0, 0, 0)", "rgb(255, 255, 255)")
        tab.close()


def test_folded_layers_open_by_keyboard(browser: Browser, tmp_path: Path) -> None:
    page = sound_of(frames_of(trimmed(total=127, missing=0), tmp_path)).write(tmp_path / "report.html")
    tab = opened(browser, page, 900)
    assert not tab.locator("details table").is_visible()
    tab.locator("summary").focus()
    tab.keyboard.press("Enter")
    assert tab.locator("details table").is_visible()
    tab.close()


def test_in_a_notebook(browser: Browser, report: Report, tmp_path: Path) -> None:
    page = tmp_path / "notebook.html"
    outside = "<table id=t><tbody><tr><td>x</td></tr></tbody></table>"
    for theme, colour in (("false", "rgb(18, 22, 28)"), ("true", "rgb(255, 255, 255)")):
        page.write_text(
            f"<meta charset=utf-8><style>{JUPYTERLAB}</style><body data-jp-theme-light={theme}>"
            f"<div class=jp-RenderedHTMLCommon>{outside}{report._repr_html_()}</div>",
            encoding="utf-8",
        )
        tab = opened(browser, page, 900, "light" if theme == "false" else "dark")
        style = "getComputedStyle(document.querySelector('{}')).{}"
        assert tab.evaluate(style.format(".layerkit", "backgroundColor")) == colour
        assert tab.evaluate(style.format(".layerkit .lk-verdicts tbody tr", "backgroundColor")) == "rgba(0, 0, 0, 0)"
        assert tab.evaluate(style.format(".layerkit .lk-verdicts td", "textAlign")) == "left"
        assert tab.evaluate(style.format("#t tr", "backgroundColor")) == "rgb(255, 0, 0)"
        assert tab.evaluate(style.format("#t td", "textAlign")) == "right"
        tab.close()
