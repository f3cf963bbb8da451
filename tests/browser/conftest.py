"""A JupyterLab and a Chromium for each module of browser tests, and how a notebook is opened in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.jupyterlab import Lab, run_lab
from tests.services import ARGUMENTS

expect.set_options(timeout=30_000)


@pytest.fixture(scope="module")
def lab(chromium: str) -> Iterator[Lab]:
    with run_lab() as running:
        yield running


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def requests() -> list[str]:
    """Every address that the page asked for."""
    return []


@pytest.fixture(scope="module")
def open_notebook(browser: Browser, lab: Lab, requests: list[str]) -> Callable[[str, int], Page]:
    """Open a notebook in a page of 1400 pixels by so many, and run all of its cells."""

    def opened(name: str, height: int) -> Page:
        page = browser.new_page(viewport={"width": 1400, "height": height})
        page.on("request", lambda request: requests.append(request.url))
        page.goto(lab.url(name))
        # Before the kernel is there, running asks which one to use.
        page.locator("#jp-main-statusbar").get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=90_000)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        errors = page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.stderr']")
        dialog = page.locator(".jp-Dialog")
        page.locator(".lkp-panel").or_(errors).or_(dialog).first.wait_for(timeout=90_000)
        assert page.locator(".lkp-panel").first.is_visible(), [*errors.all_inner_texts(), *dialog.all_inner_texts()]
        return page

    return opened
