"""Notebook 01 as a person meets it: JupyterLab in Chromium, and no network. One page; each test chooses its archive."""

from __future__ import annotations

import json
import re
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from layerkit.samples import data_dir, samples
from tests.browser.jupyterlab import Lab

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def page(open_notebook: Callable[[str, int], Page]) -> Page:
    """Notebook 01, all of its cells run."""
    return open_notebook("01-investigate.ipynb", 1800)


@pytest.fixture
def panel(page: Page) -> Locator:
    return page.locator(".lkp-panel:not(.lkp-explainer)")


def press(panel: Locator, name: str) -> None:
    panel.get_by_role("button", name=name, exact=True).click()


def test_paste_press_explained(page: Page) -> None:
    explainer = page.locator(".lkp-explainer")
    explainer.scroll_into_view_if_needed()
    explainer.get_by_label("Error").fill("ctr: number of layers and diffIDs don't match: 14 != 17")
    explainer.get_by_label("Archive").fill("")
    explainer.get_by_role("button", name="Explain", exact=True).click()
    expect(explainer.locator(".lkp-explained")).to_contain_text("14")
    expect(explainer.locator(".lkp-explained")).to_contain_text("3 diff IDs have no layer")


def test_pick_press_read(panel: Locator, lab: Lab, tmp_path: Path) -> None:
    shutil.copy(data_dir() / "trimmed-25-of-36.tar", lab.folder / "broken.tar")
    box = panel.get_by_label("Archive")
    box.fill("bro")
    expect(panel.locator("datalist option[value='broken.tar']")).to_be_attached()
    box.fill("broken.tar")
    press(panel, "Diagnose")
    expect(panel.get_by_role("heading", level=1)).to_contain_text("lists 25 of the 36 layers")
    expect(panel.locator(".lk-lane").first).to_be_visible()
    # The report's own table of layers gives way to the panel's.
    expect(panel.locator(".lk-layers").first).to_be_hidden()
    shot = tmp_path / "investigator.png"
    panel.screenshot(path=shot)
    assert shot.read_bytes().startswith(b"\x89PNG")
    assert shot.stat().st_size > 20_000


def test_search_filter_sort_unfold_keep(panel: Locator, lab: Lab) -> None:
    shutil.copy(data_dir() / "trimmed-25-of-36.tar", lab.folder / "keep.tar")
    panel.get_by_label("Archive").fill("keep.tar")
    press(panel, "Diagnose")
    rows = panel.locator(".lkp-row")
    expect(rows).to_have_count(36)
    panel.get_by_label("State").select_option("not listed, not stored (11)")
    expect(rows).to_have_count(11)
    press(panel, "# ↑")
    expect(rows.first).to_contain_text("RUN /bin/sh -c update-ca-certificates")
    panel.get_by_label("Search").fill("useradd")
    expect(rows).to_have_count(1)
    rows.locator("summary").press("Enter")
    expect(rows.get_by_text(re.compile("^sha256:[0-9a-f]{64}$"))).to_have_count(2)
    press(panel, "Write report")
    with panel.page.expect_download() as download:
        panel.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "keep.tar.report.html"
    written = (lab.folder / "keep.tar.report.html").read_text(encoding="utf-8")
    assert "lists 25 of the 36 layers" in written
    assert Path(download.value.path()).read_text(encoding="utf-8") == written


def test_an_error_is_one_sentence_and_the_panel_goes_on(panel: Locator) -> None:
    panel.get_by_label("Archive").fill("/no/such/archive.tar")
    press(panel, "Diagnose")
    expect(panel.get_by_role("alert")).to_contain_text("/no/such/archive.tar does not exist.")
    sound = next(s for s in samples() if s.name == "sound-docker.tar")
    panel.get_by_label("Sample").select_option(f"{sound.name} · {sound.description}")
    expect(panel.get_by_label("Archive")).to_have_value(str(sound.path))
    press(panel, "Diagnose")
    expect(panel.get_by_role("heading", level=1)).to_contain_text("All 6 layers are listed")
    expect(panel.get_by_role("alert")).to_have_count(0)
    expect(panel.page.get_by_text("Traceback")).to_have_count(0)


def test_upload_and_read_every_byte(panel: Locator, tmp_path: Path) -> None:
    odd = shutil.copy(data_dir() / "wrong-bytes.tar", tmp_path / "<b>odd<b> name.tar")
    with panel.page.expect_file_chooser() as chooser:
        panel.get_by_role("button", name="Upload").click()
    chooser.value.set_files(odd)
    expect(panel.locator(".lkp-note")).to_contain_text("<b>odd<b> name.tar, ")
    panel.get_by_label("Read every byte").check()
    press(panel, "Diagnose")
    expect(panel.get_by_role("heading", level=1)).to_contain_text("Layer 3 does not contain what the config promises")
    expect(panel.locator(".lk-top")).to_contain_text("<b>odd<b> name.tar")
    panel.get_by_label("Read every byte").uncheck()


def test_cancel(panel: Locator, lab: Lab) -> None:
    write_sparse(lab.folder / "large.tar", 64 << 30)
    panel.get_by_label("Archive").fill("large.tar")
    panel.get_by_label("Read every byte").check()
    press(panel, "Diagnose")
    expect(panel.get_by_text("of 68.7 GB")).to_be_visible()
    expect(panel.get_by_role("button", name="Diagnose", exact=True)).to_be_disabled()
    press(panel, "Cancel")
    expect(panel.get_by_role("status")).to_have_text("Stopped. Press Diagnose to start again.")
    panel.get_by_label("Read every byte").uncheck()
    press(panel, "Diagnose")
    expect(panel.get_by_role("heading", level=1)).to_contain_text("The one layer is listed, promised and there")


def test_nothing_came_from_elsewhere(panel: Locator, lab: Lab, requests: list[str]) -> None:
    assert len(requests) > 10
    own = (f"http://127.0.0.1:{lab.port}/", "data:", "blob:")
    assert [url for url in requests if not url.startswith(own)] == []


def write_sparse(path: Path, size: int) -> None:
    """A docker-archive whose one layer has `size` zero bytes, of which the disk holds none."""
    digest = "sha256:" + "0" * 64
    config = json.dumps({"rootfs": {"type": "layers", "diff_ids": [digest]}, "os": "linux", "architecture": "amd64"})
    manifest = json.dumps(
        [{"Config": "config.json", "RepoTags": ["registry.example/large:1"], "Layers": ["layer.tar"]}]
    )
    with path.open("wb") as file:
        for name, text in (("manifest.json", manifest), ("config.json", config)):
            data = text.encode()
            file.write(header(name, len(data)) + data + bytes(-len(data) % 512))
        file.write(header("layer.tar", size))
        file.truncate(file.tell() + size + 1024)


def header(name: str, size: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.size = size
    return member.tobuf(tarfile.GNU_FORMAT)
