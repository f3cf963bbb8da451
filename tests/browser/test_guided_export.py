"""Notebook 02 as a person meets it: JupyterLab in Chromium, a registry on the loopback that can be slow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from layerkit import diagnose
from layerkit.samples import data_dir
from tests.browser.jupyterlab import Lab
from tests.faulty_registry import FaultyRegistry, Slow, run_faulty_registry
from tests.images import layer

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def page(open_notebook: Callable[[str, int], Page]) -> Page:
    """Notebook 02, all of its cells run."""
    return open_notebook("02-guided-export.ipynb", 2400)


@pytest.fixture
def panel(page: Page) -> Locator:
    return page.locator(".lkp-panel").first


@pytest.fixture(scope="module")
def registry() -> Iterator[FaultyRegistry]:
    with run_faulty_registry() as running:
        yield running


def press(panel: Locator, name: str) -> None:
    panel.get_by_role("button", name=name, exact=True).click()


def test_the_sample_is_planned_and_exported(panel: Locator, lab: Lab, tmp_path: Path) -> None:
    expect(panel.get_by_text("36 kB of 36 kB travel")).to_be_visible()
    expect(panel.locator("[aria-current=step]")).to_have_text("Export")
    expect(panel.locator(".lk-strip i")).to_have_count(12)
    press(panel, "Export")
    expect(panel.locator(".lk-proof")).to_contain_text("diagnosed sound from the outside")
    expect(panel.get_by_text("✓ written and verified")).to_be_visible()
    assert diagnose(lab.folder / "app-1.1.tar", deep=True).outcome == "sound"
    shot = tmp_path / "guided-export.png"
    panel.screenshot(path=shot)
    assert shot.stat().st_size > 20_000


def test_a_delta_for_a_target(panel: Locator, lab: Lab) -> None:
    panel.get_by_label("Target has").select_option("what an earlier archive brought")
    panel.get_by_label("Target file").fill("app-1")
    expect(panel.locator("datalist option[value='app-1.1.tar']")).to_be_attached()
    panel.get_by_label("Target file").fill("app-1.1.tar")
    panel.get_by_label("Images").fill(f"oci:{data_dir() / 'shop-oci'}:1.0")
    press(panel, "Plan")
    expect(panel.get_by_text("10 layers of 29 kB stay behind.")).to_be_visible()
    panel.get_by_label("Speed").fill("0.001")
    panel.get_by_label("Speed").press("Enter")
    expect(panel.get_by_text("about 7 s at 0.001 MB/s")).to_be_visible()
    panel.get_by_label("Save as").fill("app-1.1.tar")
    press(panel, "Export")
    expect(panel.get_by_role("alert")).to_contain_text("app-1.1.tar is what this export reads from.")
    panel.get_by_label("Save as").fill("delta.tar")
    press(panel, "Export")
    expect(panel.locator(".lk-proof")).to_contain_text("sound with what the target holds")
    assert diagnose(lab.folder / "delta.tar", held=lab.folder / "app-1.1.tar").outcome == "sound"
    panel.get_by_label("Target has").select_option("nothing: a full archive")


def test_pause_cancel_resume(panel: Locator, lab: Lab, registry: FaultyRegistry) -> None:
    blobs = [layer("shop", at, size) for at, size in enumerate((700_000, 20_000, 2_500_000))]
    registry.add_image("shop/app", "2.4", blobs)
    for blob in blobs:
        registry.fail(registry.add_blob(blob), Slow(0.1))
    panel.get_by_label("Images").fill(f"docker://{registry.address}/shop/app:2.4")
    panel.get_by_label("Save as").fill("app.tar")
    press(panel, "Plan")
    expect(panel.get_by_text("3.2 MB of them to be fetched")).to_be_visible()
    press(panel, "Export")
    bars = panel.get_by_role("progressbar", name="layer 2")
    expect(bars).to_be_visible()
    expect(panel.get_by_text("✓ verified").first).to_be_visible()
    press(panel, "Pause")
    expect(panel.get_by_text("paused", exact=True)).to_be_visible()
    press(panel, "Go on")
    press(panel, "Cancel")
    expect(panel.get_by_role("status")).to_contain_text("have come and are kept; press Resume to go on from there.")
    assert not (lab.folder / "app.tar").exists()
    registry.heal()
    press(panel, "Resume")
    expect(panel.locator(".lk-proof")).to_contain_text("carries 3 layers")
    expect(panel.get_by_text("partly here, resumed").first).to_be_visible()
    assert diagnose(lab.folder / "app.tar", deep=True).outcome == "sound"


def test_everything_is_reached_by_the_keyboard(panel: Locator) -> None:
    panel.get_by_label("Images").focus()
    reached = []
    for _ in range(12):
        panel.page.keyboard.press("Tab")
        reached.append(panel.page.evaluate("document.activeElement.innerText || document.activeElement.tagName"))
    assert "▸ Advanced" in reached
    assert "Plan" in reached
    advanced = panel.get_by_role("button", name="Advanced")
    advanced.focus()
    advanced.press("Enter")
    expect(panel.get_by_label("Whole file")).to_be_visible()
    advanced.press("Enter")
    expect(panel.get_by_label("Whole file")).to_be_hidden()


def test_nothing_came_from_elsewhere_and_nothing_is_a_password(panel: Locator, lab: Lab, requests: list[str]) -> None:
    assert len(requests) > 10
    own = (f"http://127.0.0.1:{lab.port}/", "data:", "blob:")
    assert [url for url in requests if not url.startswith(own)] == []
    expect(panel.locator("input[type=password]:visible")).to_have_count(0)
    expect(panel.page.get_by_text("Traceback")).to_have_count(0)
