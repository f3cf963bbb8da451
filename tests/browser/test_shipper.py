"""Notebook 02 ships to a host nobody has vouched for yet: JupyterLab in Chromium, a real sshd, a real Docker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.jupyterlab import Lab
from tests.hosts.machines import PASSWORD, run_guest_machine, write_config
from tests.services import Docker, Sshd, need
from tests.widgets.test_guided_export import until

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.services, pytest.mark.timeout(180)]

NOTEBOOK = "02-guided-export.ipynb"


@pytest.fixture(scope="module")
def box(docker20_daemon: Docker) -> Iterator[Sshd]:
    need("sudo")
    docker20_daemon.clear()
    with run_guest_machine(docker20_daemon) as sshd:
        yield sshd


@pytest.fixture(scope="module")
def page(open_notebook: Callable[[str, int], Page], lab: Lab, box: Sshd) -> Page:
    """Notebook 02, all of its cells run, in a home that knows how to get to the host and does not know its key."""
    (lab.home / ".ssh").mkdir()
    own = lab.home / ".ssh" / "known_hosts"
    write_config(lab.home / ".ssh" / "config", box, UserKnownHostsFile=own, IdentityFile="none")
    return open_notebook(NOTEBOOK, 2400)


@pytest.fixture
def panel(page: Page) -> Locator:
    return page.locator(".lkp-panel").nth(1)


def press(panel: Locator, name: str) -> None:
    panel.get_by_role("button", name=name, exact=True).click()


def known(lab: Lab) -> str:
    path = lab.home / ".ssh" / "known_hosts"
    return path.read_text() if path.exists() else ""


def test_a_key_that_is_refused(panel: Locator, lab: Lab, box: Sshd) -> None:
    panel.get_by_label("Hosts", exact=True).fill("ssh://box")
    panel.get_by_label("with sudo").check()
    press(panel, "Connect")
    dialog = panel.get_by_role("alertdialog")
    expect(dialog).to_contain_text("The key of box is not known.")
    expect(dialog).to_contain_text(f"[127.0.0.1]:{box.port}")
    expect(dialog).to_contain_text("SHA256:")
    expect(panel.get_by_role("button", name="Refuse")).to_be_focused()
    expect(panel.get_by_role("button", name="Connect")).to_be_disabled()
    panel.page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(panel.get_by_role("row").filter(has_text="box")).to_contain_text("is not known")
    assert known(lab) == ""


def test_from_the_form_to_the_proof(panel: Locator, lab: Lab, box: Sshd, docker20_daemon: Docker) -> None:
    panel.get_by_label("Hosts", exact=True).fill("ssh://box\nunix:///nowhere/docker.sock")
    press(panel, "Connect")
    dialog = panel.get_by_role("alertdialog")
    expect(dialog).to_contain_text("SHA256:")
    panel.page.wait_for_timeout(600)  # to read it
    press(panel, "Trust this key")
    field = panel.locator("input[type=password]:visible")
    expect(dialog).to_contain_text("Password for guest@127.0.0.1")
    field.fill("wrong")
    panel.get_by_text("asking 2 hosts").click()
    expect(field).to_have_value("")  # whoever leaves the field leaves nothing in it
    expect(field).to_have_attribute("placeholder", "typed; press Answer")
    press(panel, "Answer")
    expect(dialog).to_contain_text("Not accepted, try again.")
    expect(field).to_have_value("")
    field.fill(PASSWORD)
    field.press("Enter")
    expect(dialog).to_contain_text("sudo")
    expect(field).to_be_focused()
    panel.page.keyboard.type(PASSWORD)
    panel.page.keyboard.press("Enter")
    expect(panel.get_by_role("row").filter(has_text="box")).to_contain_text("docker 20.10")
    expect(panel.get_by_role("row").filter(has_text="nowhere")).to_contain_text("✗")
    assert box.known_hosts.read_text().split()[2] in known(lab)
    press(panel, "Plan")
    expect(panel.get_by_text("36 kB").first).to_be_visible()
    press(panel, "Ship")
    expect(panel.locator(".lkp-delivery").filter(has_text="box")).to_contain_text("✓ arrived")
    expect(panel.get_by_role("progressbar", name="box")).to_have_attribute("aria-valuenow", "100")
    expect(panel.get_by_text("1 of 2 hosts holds it")).to_be_visible()
    expect(panel.locator(".lkp-past")).to_have_count(4)
    assert "registry.example/shop/app:1.1" in docker20_daemon.images()


def test_nothing_is_kept_of_a_password(panel: Locator, lab: Lab, tmp_path: Path) -> None:
    """Neither in the page nor in the file, saved with the state of all widgets."""
    page = panel.page
    page.get_by_role("menuitem", name="Settings", exact=True).click()
    page.get_by_role("menuitem", name="Save Widget State Automatically").click()
    page.locator(".jp-Notebook .jp-InputArea").first.click()
    page.keyboard.press("Control+s")
    saved = lab.folder / NOTEBOOK
    until(lambda: "application/vnd.jupyter.widget-state+json" in saved.read_text(encoding="utf-8"))
    written = saved.read_text(encoding="utf-8")
    assert "1 of 2 hosts holds it" in written
    fields = page.locator("input, textarea").evaluate_all("all => all.map(one => one.value)")
    for place in (written, page.content(), repr(fields), (lab.home / "lab.log").read_text(encoding="utf-8")):
        assert "$staple" in PASSWORD
        assert "$staple" not in place
    shot = tmp_path / "shipper.png"
    panel.screenshot(path=shot)
    assert shot.stat().st_size > 20_000
    expect(page.get_by_text("Traceback")).to_have_count(0)
