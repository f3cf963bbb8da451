"""What goes wrong on the way: a clear sentence, and the host as it was before."""

from __future__ import annotations

import os
import random
import signal
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest

from layerkit.errors import Cancelled, FormatError, UsageError
from layerkit.export import export_image, plan_export
from layerkit.hosts import Host, Reaching, Result, connect
from layerkit.progress import Silent
from layerkit.shipping import Via, ship
from layerkit.store import Store
from tests.hosts.machines import Cable, Machine, nobody, wrap, write_config
from tests.images import Member, Spec, Tar, docker_archive, layer, stack
from tests.services import Registry, Skopeo
from tests.ship.conftest import reach
from tests.ship.own_docker import run_own_docker
from tests.test_export_loads import NEW, OLD, SHOP

pytestmark = [pytest.mark.services, pytest.mark.slow]


def big(number: int, size: int = 1 << 20) -> bytes:
    """A layer that does not compress."""
    return bytes(Tar((Member(f"b{number}", random.Random(number).randbytes(size)),), tarfile.USTAR_FORMAT))


BIG = Spec(tuple(big(number) for number in range(4)), tags=("layerkit.test/big:1",))


@pytest.fixture
def big_archive(tmp_path: Path) -> str:
    return str(docker_archive(BIG).write(tmp_path / "big.tar"))


def state(machine: Machine) -> tuple[object, ...]:
    """What a host holds, as far as it can be seen from outside."""
    with machine.connect() as host:
        held = host.inventory()
    return held.chain_ids, dict(held.images), held.incomplete


@pytest.mark.parametrize("name", ["docker20", "podman", "ctr"])
def test_a_base_that_is_removed_between_plan_and_ship(name: str, request: pytest.FixtureRequest, store: Store) -> None:
    machine: Machine = request.getfixturevalue(f"{name}_machine")
    machine.service.clear()
    assert ship(f"{SHOP}:1.0", "box", store=store, reaching=reach(machine)).ok
    with machine.connect() as host:
        plan = plan_export(f"{SHOP}:1.1", to=host.inventory(), store=store)
    assert plan.is_delta
    machine.service.clear()
    before = state(machine)
    done = ship(plan, "box", store=store, reaching=reach(machine))
    (delivery,) = done.deliveries
    assert (delivery.verdict, delivery.bytes, done.exit_code) == ("refused", 0, 1)
    assert f"box does not hold {len(plan.skipped)} layers that are not carried: sha256:" in delivery.message
    assert "nothing was sent" in delivery.message
    assert state(machine) == before


class Removing(Silent):
    """Somebody removes the base while layers are fetched."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def begin(self, task: str, total: int | None, label: str) -> None:
        if task == "box fetch":
            self._machine.service.clear()


def test_a_base_that_is_removed_while_layers_are_fetched(
    docker20_machine: Machine, registry: Registry, skopeo: Skopeo, store: Store
) -> None:
    there = f"docker://{registry.address}/ship/vanishing:1.1"
    skopeo.copy(f"{SHOP}:1.1", there, "--dest-tls-verify=false").expect()
    docker20_machine.service.clear()
    assert ship(f"{SHOP}:1.0", "box", store=store, reaching=reach(docker20_machine)).ok
    watch = Removing(docker20_machine)
    done = ship(there, "box", store=store, reaching=reach(docker20_machine), progress=watch, insecure=True)
    assert [one.verdict for one in done.deliveries] == ["refused"], done.to_text()
    assert "does not hold 10 layers" in done.deliveries[0].message
    assert docker20_machine.service.images() == []


def test_the_same_layers_on_another_base(machine: Machine, tmp_path: Path, store: Store) -> None:
    """podman knows a layer wherever it lies, the others only its chain: all of them get what they need."""
    layers = stack("moved", range(4))
    other = Spec((layer("elsewhere", 9), *layers), tags=("layerkit.test/other:1",))
    wanted = Spec(layers, tags=("layerkit.test/moved:1",))
    assert ship(str(docker_archive(other).write(tmp_path / "other.tar")), "box", reaching=reach(machine)).ok
    done = ship(str(docker_archive(wanted).write(tmp_path / "w.tar")), "box", store=store, reaching=reach(machine))
    assert done.ok, done.to_text()
    machine.service.create_and_export(wanted.tags[0] if wanted.tags else "", tmp_path / "files").expect()
    with tarfile.open(tmp_path / "files") as tar:
        names = {name.removeprefix("./") for name in tar.getnames()}
    assert {f"f{n}.txt" for n in range(4)} <= names
    assert "f9.txt" not in names


@pytest.mark.parametrize("via", ["stream", "sftp"])
def test_a_delta_archive_needs_its_base(via: Via, docker26_machine: Machine, store: Store, tmp_path: Path) -> None:
    docker26_machine.service.clear()
    export_image(f"{SHOP}:1.0", tmp_path / "base.tar", store=store)
    export_image(f"{SHOP}:1.1", tmp_path / "delta.tar", to=tmp_path / "base.tar", store=store)
    delta = str(tmp_path / "delta.tar")
    done = ship(delta, "box", via=via, store=store, reaching=reach(docker26_machine))
    assert [one.verdict for one in done.deliveries] == ["refused"]
    assert "does not hold 10 layers" in done.deliveries[0].message
    assert docker26_machine.service.images() == []
    docker26_machine.service.load(tmp_path / "base.tar").expect()
    done = ship(delta, "box", via=via, store=store, reaching=reach(docker26_machine))
    assert done.ok, done.to_text()
    assert docker26_machine.service.images() == [OLD, NEW]


def test_what_cannot_be_sent_at_all(docker26_machine: Machine, store: Store, tmp_path: Path) -> None:
    options: dict[str, Any] = {"store": store, "reaching": reach(docker26_machine)}
    with pytest.raises(FormatError, match="lists 25 layers, the config promises 36"):
        ship(str(Path(SHOP.removeprefix("oci:")).with_name("trimmed-25-of-36.tar")), "box", **options)
    export_image(f"{SHOP}:1.0", tmp_path / "base.tar", store=store)
    export_image(f"{SHOP}:1.1", tmp_path / "delta.tar", to=tmp_path / "base.tar", store=store)
    with pytest.raises(UsageError, match="cannot be pulled"):
        ship(str(tmp_path / "delta.tar"), "box", via="pull", **options)
    with pytest.raises(UsageError, match="sent by itself"):
        ship([str(tmp_path / "delta.tar"), f"{SHOP}:1.0"], "box", **options)


class Once(Cable):
    """Cut at byte N, and whole when it is dialled again."""

    def _cut(self, *ends: Any) -> None:
        super()._cut(*ends)
        self._left = None


def cabled(machine: Machine, folder: Path, cable: Cable) -> Path:
    known_as = machine.sshd.known_hosts.read_text().split()[0]
    return write_config(folder / "cabled", machine.sshd, Port=cable.port, HostKeyAlias=known_as)


@pytest.mark.parametrize("via", ["stream", "pull"])
def test_a_link_that_breaks(via: Via, machine: Machine, big_archive: str, store: Store, tmp_path: Path) -> None:
    before = state(machine)
    with Once(machine.sshd.port, cut_after=2_500_000) as cable:
        config = cabled(machine, tmp_path, cable)
        done = ship(big_archive, "box", via=via, store=store, reaching=reach(machine, config))
    (delivery,) = done.deliveries
    assert not delivery.ok
    assert "the connection to" in delivery.message
    assert "was lost" in delivery.message
    assert delivery.bytes < 4_000_000 or via == "pull"  # there, what the tunnel has taken counts
    _settles(machine, before)


def _settles(machine: Machine, before: tuple[object, ...]) -> None:
    """A program whose input has ended takes a moment to see it."""
    end = time.monotonic() + 20
    while (now := state(machine)) != before and time.monotonic() < end:
        time.sleep(0.2)
    # Layers that no image names may stay with podman; names do not.
    assert now[1:] == before[1:]


@pytest.mark.parametrize("name", ["docker20", "podman"])
def test_an_upload_goes_on_where_the_link_broke(
    name: str, request: pytest.FixtureRequest, big_archive: str, store: Store, tmp_path: Path
) -> None:
    machine: Machine = request.getfixturevalue(f"{name}_machine")
    machine.service.clear()
    with Once(machine.sshd.port, cut_after=2_500_000) as cable:
        config = cabled(machine, tmp_path, cable)
        done = ship(big_archive, "box", via="sftp", store=store, reaching=reach(machine, config))
    assert done.ok, done.to_text()
    size = (tmp_path / "big.tar").stat().st_size
    assert size - 1_200_000 < done.deliveries[0].bytes < size + 2_000_000
    leftovers = Path("~/.cache/layerkit").expanduser()
    assert not list(leftovers.glob("*.arriving"))


def test_an_upload_goes_on_in_a_later_run(
    docker20_machine: Machine, big_archive: str, store: Store, tmp_path: Path
) -> None:
    """A host that was connected by the caller is not dialled again; what has arrived is kept for the next time."""
    docker20_machine.service.clear()
    with Once(docker20_machine.sshd.port, cut_after=4_000_000) as cable:
        config = cabled(docker20_machine, tmp_path, cable)
        with connect("box", **reach(docker20_machine, config)) as host:
            done = ship(big_archive, host, via="sftp", store=store)
    assert [one.verdict for one in done.deliveries] == ["failed"]
    assert done.deliveries[0].hint == "ship again: what has arrived is not sent again"
    again = ship(big_archive, "box", via="sftp", store=store, reaching=reach(docker20_machine))
    assert again.ok, again.to_text()
    assert 0 < again.deliveries[0].bytes < (tmp_path / "big.tar").stat().st_size - 100_000


def test_a_start_that_was_changed_is_not_believed(
    docker20_machine: Machine, big_archive: str, store: Store, tmp_path: Path
) -> None:
    docker20_machine.service.clear()
    with Once(docker20_machine.sshd.port, cut_after=2_500_000) as cable:
        config = cabled(docker20_machine, tmp_path, cable)
        with connect("box", **reach(docker20_machine, config)) as host:
            assert not ship(big_archive, host, via="sftp", store=store).ok
    (part,) = Path("~/.cache/layerkit").expanduser().glob("*.arriving")
    with part.open("r+b") as file:
        file.seek(1000)
        file.write(b"other")
    done = ship(big_archive, "box", via="sftp", store=store, reaching=reach(docker20_machine))
    assert not done.ok
    assert "was not the start of this" in done.deliveries[0].message
    assert not part.exists()
    assert docker20_machine.service.images() == []


@pytest.mark.parametrize("via", ["stream", "pull"])
def test_a_host_without_room(
    via: Via, docker20_machine: Machine, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker20_machine.service.clear()
    monkeypatch.setattr(Host, "measure_free", lambda self: 50_000)
    done = ship(f"{SHOP}:1.1", "box", via=via, store=store, reaching=reach(docker20_machine))
    assert [one.verdict for one in done.deliveries] == ["refused"]
    assert "has 50 kB free in" in done.deliveries[0].message
    assert "nothing was sent" in done.deliveries[0].message


def test_a_disk_that_is_full(big_archive: str, store: Store) -> None:
    """The data root is a tmpfs. The `df` of an SSH session does not see it; then one does."""
    with run_own_docker(disk="12m") as machine:
        before = state(machine)
        done = ship(big_archive, "box", store=store, reaching=reach(machine))
        assert [one.verdict for one in done.deliveries] == ["refused"], done.to_text()
        assert "the disk of box was full before the load was done" in done.deliveries[0].message
        assert state(machine) == before
        enter = ["nsenter", f"--target={machine.service.pid}", "--mount", "--pid", "/bin/df"]
        wrap(machine.config.parent, "df", enter)
        done = ship(big_archive, "box", store=store, reaching=reach(machine))
        assert "free in" in done.deliveries[0].message, done.to_text()
        assert "loading needs about" in done.deliveries[0].message
        assert (done.deliveries[0].verdict, done.deliveries[0].bytes) == ("refused", 0)


class Restarting(Silent):
    """The daemon is restarted once so many bytes have gone to it."""

    def __init__(self, machine: Machine, after: int) -> None:
        self._machine, self._left = machine, after

    def advance(self, task: str, count: int) -> None:
        if task == "box send" and self._left > 0:
            self._left -= count
            if self._left <= 0:
                pid = self._machine.service.pid
                daemon = int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
                os.kill(daemon, signal.SIGTERM)
                end = time.monotonic() + 20
                while Path(f"/proc/{daemon}").exists() and time.monotonic() < end:
                    time.sleep(0.02)  # no byte more until it is gone


def test_a_daemon_that_is_restarted(big_archive: str, store: Store) -> None:
    with run_own_docker(again=True) as machine:
        before = state(machine)
        watch = Restarting(machine, 1_500_000)
        done = ship(big_archive, "box", store=store, reaching=reach(machine), progress=watch)
        (delivery,) = done.deliveries
        assert not delivery.ok
        assert delivery.message.startswith("docker on ")
        end = time.monotonic() + 30
        while not machine.service.run("version").ok and time.monotonic() < end:
            time.sleep(0.2)
        assert state(machine) == before
        assert ship(big_archive, "box", store=store, reaching=reach(machine)).ok


def test_what_a_failed_load_has_named_is_taken_away(
    docker26c_machine: Machine, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Docker's containerd store names an image before it is unpacked, and leaves the name where that fails."""
    docker26c_machine.service.clear()
    assert ship(f"{SHOP}:1.0", "box", store=store, reaching=reach(docker26c_machine)).ok
    with docker26c_machine.connect() as host:
        plan = plan_export(f"{SHOP}:1.1", to=host.inventory(), store=store)
    docker26c_machine.service.clear()
    monkeypatch.setattr("layerkit.shipping.trip.check_base", lambda needs, inventory: None)
    before = state(docker26c_machine)
    done = ship(plan, "box", store=store, reaching=reach(docker26c_machine))
    assert not done.ok
    assert "not found" in done.deliveries[0].message
    assert state(docker26c_machine)[1:] == before[1:] == ({}, ())


def test_a_load_is_not_believed(docker26_machine: Machine, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    docker26_machine.service.clear()
    load = Host.load

    def lies(self: Host, archive: Any) -> Result:
        result = load(self, archive)
        assert b"Loaded image" in result.stdout
        self.remove(NEW)
        return result

    monkeypatch.setattr(Host, "load", lies)
    done = ship(f"{SHOP}:1.1", "box", store=store, reaching=reach(docker26_machine))
    assert [one.verdict for one in done.deliveries] == ["refused"]
    assert "it did not arrive, whatever was said of loading it" in done.deliveries[0].message
    assert [check.ok for check in done.deliveries[0].checks] == [False]


def test_a_tag_that_meant_another_image_means_it_again(
    machine: Machine, store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine.service.clear()
    older = Spec(stack("older", range(2)), tags=(NEW,))
    machine.service.load(docker_archive(older).write(tmp_path / "older.tar")).expect()
    before = state(machine)
    with monkeypatch.context() as broken:
        broken.setattr(Host, "create_and_remove", lambda self, name: Result(1, b"", "no container today"))
        done = ship(f"{SHOP}:1.1", "box", store=store, reaching=reach(machine))
    assert "no container can be created: no container today" in done.deliveries[0].message
    assert state(machine)[1] == before[1]
    with machine.connect() as host:
        assert host.create_and_remove(NEW).ok
    assert ship(f"{SHOP}:1.1", "box", store=store, reaching=reach(machine)).ok
    assert not [name for name in state(machine)[1] if "kept" in name]  # type: ignore[attr-defined]


def test_one_host_stops_no_other(docker20_machine: Machine, podman_machine: Machine, tmp_path: Path) -> None:
    """Two that take it, one that is not there, one that cannot be asked: four deliveries, in the order of the hosts."""
    for machine in (docker20_machine, podman_machine):
        machine.service.clear()
    config = write_config(tmp_path / "many", docker20_machine.sshd, "first")
    write_config(config, podman_machine.sshd, "last")
    write_config(config, docker20_machine.sshd, "gone", Port=9)
    write_config(config, docker20_machine.sshd, "shut", IdentityFile=tmp_path / "none")
    options: Reaching = {"config": config, "ask": nobody}
    done = ship(f"{SHOP}:1.1", ["first", "gone", "ssh://shut", "last"], store=Store(tmp_path / "s"), reaching=options)
    assert list(done.frame["verdict"]) == ["arrived", "failed", "failed", "arrived"], done.to_text()
    assert list(done.frame["host"]) == ["first", "gone", "shut", "last"]
    assert done.exit_code == 1
    assert done.sentence.startswith("2 of 4 hosts hold it; ")
    assert "gone" in done.to_html()


class Stopping(Silent):
    def advance(self, task: str, count: int) -> None:
        if task.endswith(" send"):
            raise Cancelled("enough")


def test_stopping_stops_all(docker20_machine: Machine, big_archive: str, store: Store) -> None:
    docker20_machine.service.clear()
    with pytest.raises(Cancelled):
        ship(big_archive, "box", store=store, reaching=reach(docker20_machine), progress=Stopping())
    assert docker20_machine.service.images() == []
