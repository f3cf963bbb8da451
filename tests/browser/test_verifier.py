"""Notebook 03 as a person meets it: JupyterLab in Chromium, and no network."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from layerkit.samples import data_dir
from tests.browser.jupyterlab import Lab

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def page(open_notebook: Callable[[str, int], Page]) -> Page:
    """Notebook 03, all of its cells run."""
    return open_notebook("03-verify-and-report.ipynb", 2400)


def test_the_samples_then_a_broken_one_then_its_reports(page: Page, lab: Lab, tmp_path: Path) -> None:
    panel = page.locator(".lkp-panel")
    expect(panel.get_by_role("heading", name="4 targets: 4 sound.")).to_be_visible()
    shutil.copy(data_dir() / "wrong-bytes.tar", lab.folder / "broken.tar")
    box = panel.get_by_label("Add one")
    box.fill("bro")
    expect(panel.locator("datalist option[value='broken.tar']")).to_be_attached()
    box.fill("broken.tar")
    panel.get_by_role("button", name="Add to the list").click()
    expect(panel.get_by_label("Archives")).to_have_value(f"{data_dir() / 'sound-*.tar'}\nbroken.tar")
    panel.get_by_role("button", name="Verify", exact=True).click()
    expect(panel.get_by_role("heading", name="5 targets: 1 broken, 4 sound.")).to_be_visible()
    row = panel.get_by_role("row").filter(has_text="broken.tar")
    expect(row.get_by_role("img", name="refuses").first).to_be_visible()
    panel.get_by_role("button", name="Write reports").click()
    expect(panel.get_by_text("Written to")).to_be_visible()
    written = (lab.folder / "reports" / "report.html").read_text(encoding="utf-8")
    assert "Layer 3 does not contain what the config promises" in written
    shot = tmp_path / "verifier.png"
    panel.screenshot(path=shot)
    assert shot.stat().st_size > 20_000
    expect(page.get_by_text("Traceback")).to_have_count(0)


def test_an_error_is_one_sentence(page: Page) -> None:
    panel = page.locator(".lkp-panel")
    panel.get_by_label("Archives").fill("/no/such/*.tar")
    panel.get_by_role("button", name="Verify", exact=True).click()
    expect(panel.get_by_role("alert")).to_contain_text("no file matches /no/such/*.tar.")
