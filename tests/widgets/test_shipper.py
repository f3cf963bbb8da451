"""The panel that ships, against a real sshd and a real Docker: keys and passwords, what is held, plan, ship, proof."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from layerkit.errors import Cancelled, UsageError
from layerkit.samples import data_dir
from layerkit.sources.access import Reaching
from layerkit.widgets import GuidedExport, Shipper
from layerkit.widgets.questions import Questions
from tests.hosts.conftest import docker20_machine
from tests.hosts.machines import PASSWORD, Machine, run_guest_machine, write_config
from tests.images import Spec, docker_archive, stack
from tests.services import Docker, Sshd, need
from tests.widgets.test_guided_export import until
from tests.widgets.test_investigator import visible, walk

__all__ = ["docker20_machine"]

SHOP = f"oci:{data_dir() / 'shop-oci'}"
NEW = "registry.example/shop/app:1.1"

services = pytest.mark.services


@pytest.fixture(scope="module")
def guest_docker(docker20_daemon: Docker) -> Iterator[Sshd]:
    need("sudo")
    with run_guest_machine(docker20_daemon) as sshd:
        yield sshd


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "home" / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(Questions, "grace", 0.0)
    monkeypatch.setenv("LAYERKIT_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("LAYERKIT_LOG", str(tmp_path / "shipments"))
    return tmp_path / "home"


def known(home: Path, machine: Machine, alias: str = "box") -> None:
    write_config(home / ".ssh" / "config", machine.sshd, alias)


def state(panel: Shipper) -> str:
    return repr([widget.get_state() for widget in walk(panel)]) + repr(panel) + panel._repr_html_()


@services
def test_from_an_unknown_host_to_the_proof(guest_docker: Sshd, docker20: Docker, home: Path, tmp_path: Path) -> None:
    write_config(home / ".ssh" / "config", guest_docker, UserKnownHostsFile=tmp_path / "known", IdentityFile="none")
    panel = Shipper(f"{SHOP}:1.1", "ssh://box", reaching=Reaching(runtime="docker"))
    panel.form.sudo.value = True
    questions = panel.questions
    panel.connect_button.click()
    until(lambda: visible(questions))
    assert panel.connect_button.disabled
    assert "is not known" in questions.prompt.value
    assert guest_docker.known_hosts.read_text().split()[1] in questions.prompt.value
    questions.yes.click()
    for kind, given in (("guest", "wrong"), ("guest", PASSWORD), ("sudo", PASSWORD)):
        until(lambda: visible(questions))
        assert kind in questions.prompt.value
        assert ("Not accepted" in questions.prompt.value) is (kind == "guest" and given == PASSWORD)
        questions.secret.value = given
        questions.yes.click()
    panel.wait(30)
    (stop,) = panel.stops
    assert stop.problem == ""
    assert "docker 20.10" in panel.held.value
    assert visible(panel._connected)
    assert not visible(panel._decided)
    panel.plan_button.click()
    panel.wait(30)
    assert "36 kB" in panel.planned.value
    assert panel.steps.current == 2
    panel.ship_button.click()
    panel.wait(60)
    assert panel.problem.value == ""
    assert panel.shipment is not None
    assert panel.shipment.ok
    assert "arrived" in panel.progress.table.value
    assert "1 of 1 host holds it" in panel.proof.value
    assert panel.steps.current == 4
    assert NEW in docker20.images()
    assert PASSWORD not in state(panel)
    panel.close()
    assert panel.stops == ()


@services
def test_one_that_is_not_there_stops_no_other(docker20_machine: Machine, home: Path, tmp_path: Path) -> None:
    docker20_machine.service.clear()
    known(home, docker20_machine)
    nobody = tmp_path / "none"
    write_config(home / ".ssh" / "config", docker20_machine.sshd, "away", Port=1, UserKnownHostsFile=nobody)
    panel = Shipper(f"{SHOP}:1.1", ["ssh://away", "ssh://box"], reaching=Reaching(runtime="docker"))
    away, box = panel.connect()
    assert away.host is None
    assert "cannot be reached" in away.problem
    assert box.inventory is not None
    assert away.problem in panel._repr_html_()
    fleet = panel.plan()
    assert fleet.names == ("box",)
    assert [(one.host, one.verdict) for one in panel.ship().deliveries] == [("away", "failed"), ("box", "arrived")]
    assert panel._repr_html_().count("1 of 2 hosts holds it") == 1
    panel.close()


@services
def test_what_is_shown_is_what_is_shipped(docker20: Docker) -> None:
    """A way that does not lead there is told in the plan; what is asked for anew is planned anew."""
    panel = Shipper(f"{SHOP}:1.0", f"unix://{docker20.socket}", via="sftp")
    panel.plan()
    assert "so there is no sftp" in panel.planned.value
    assert "so there is no sftp" in panel._repr_html_()
    panel.form.via.value = "stream"
    assert panel.ship().ok
    assert "so there is no sftp" not in panel.planned.value
    (before,) = panel.connect()
    panel.form.images.value = f"{SHOP}:1.1"
    assert panel.ship().ok
    assert "2 travel, 10 stay behind" in panel.planned.value
    assert NEW in docker20.images()
    panel.form.runtime.value = "docker"
    panel.plan()
    assert panel.stops[0].host is not before.host, "asked anew, where it is to be reached in another way"
    panel.close()


@services
def test_an_image_that_is_there_is_left_there(docker20_machine: Machine, home: Path, tmp_path: Path) -> None:
    known(home, docker20_machine)
    docker20_machine.service.clear()
    base = docker_archive(Spec(stack("there", range(3)), tags=("layerkit.test/there:1",))).write(tmp_path / "base.tar")
    docker20_machine.service.load(base).expect()
    panel = Shipper(str(base), "ssh://box", reaching=Reaching(runtime="docker"))
    assert panel.plan().plans[0].is_delta
    assert [one.verdict for one in panel.ship().deliveries] == ["there already"]
    panel.close()


@services
def test_cancel(docker20_machine: Machine, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker20_machine.service.clear()
    known(home, docker20_machine)
    panel = Shipper(f"{SHOP}:1.1", "ssh://box", reaching=Reaching(runtime="docker"))
    panel.connect()
    monkeypatch.setattr(panel.progress, "begin", lambda *_: panel.progress.cancel())
    with pytest.raises(Cancelled):
        panel.ship()
    assert "press Ship to start again" in panel.problem.value
    assert "stopped" in panel.progress.table.value
    assert NEW not in docker20_machine.service.images()
    panel.close()


@services
def test_a_connection_that_broke_is_made_anew(docker20_machine: Machine, home: Path) -> None:
    docker20_machine.service.clear()
    known(home, docker20_machine)
    panel = Shipper(f"{SHOP}:1.1", "ssh://box", reaching=Reaching(runtime="docker"))
    (before,) = panel.connect()
    panel.plan()
    assert before.host is not None
    before.host.close()
    assert panel.ship().ok
    assert panel.stops[0].host is not before.host
    panel.close()


def test_nothing_is_asked_of_nobody() -> None:
    panel = Shipper()
    assert "press Connect" in panel._repr_html_()
    assert [visible(box) for box in (panel._connected, panel._decided, panel._proved)] == [False] * 3
    with pytest.raises(UsageError, match="No host is named"):
        panel.connect()
    assert "No host is named" in panel.problem.value
    panel.form.images.value = ""
    panel.form.hosts.value = "unix:///nowhere.sock"
    with pytest.raises(UsageError, match="No host could be reached"):
        panel.ship()
    assert "nowhere.sock" in panel.held.value


@services
def test_the_target_of_an_export_is_asked_in_the_panel(docker20_machine: Machine, home: Path, tmp_path: Path) -> None:
    write_config(home / ".ssh" / "config", docker20_machine.sshd, UserKnownHostsFile=tmp_path / "known")
    panel = GuidedExport(f"{SHOP}:1.1", to="ssh://box")
    questions = panel.form.target.questions
    for refuse in (True, False):
        panel.plan_button.click()
        until(lambda: visible(questions))
        (questions.no if refuse else questions.yes).click()
        panel.wait(30)
        assert ("is not known" in panel.problem.value) is refuse
    assert "docker 20.10" in panel.form.target.note.value
