"""Every runtime, its base loaded in every way, reached in every way: what arrives are the files of the source."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerkit.export import export_image
from layerkit.shipping import Shipment, Via, read_log, ship
from layerkit.store import Store
from tests.hosts.machines import Machine
from tests.services import Ctr, Podman, Registry, Skopeo
from tests.ship.conftest import reach
from tests.test_export_loads import NEW, SHOP, files

pytestmark = [pytest.mark.services, pytest.mark.slow]

WAYS: tuple[Via, ...] = ("stream", "pull", "sftp")


def bring_base(how: str, machine: Machine, registry: Registry, skopeo: Skopeo, store: Store, folder: Path) -> None:
    """Have the older version on the machine, without anything that is tested here."""
    service, archive = machine.service, folder / "base.tar"
    if how == "pulled":
        there = f"{registry.address}/ship/shop:1.0"
        skopeo.copy(f"{SHOP}:1.0", f"docker://{there}", "--dest-tls-verify=false").expect()
        if isinstance(service, Ctr):
            service.run("images", "pull", "--plain-http", "--snapshotter", "native", there).expect()
        else:
            service.run("pull", *(["--tls-verify=false"] if isinstance(service, Podman) else []), there).expect()
        return
    if how == "docker-archive":
        skopeo.copy(f"{SHOP}:1.0", f"docker-archive:{archive}:registry.example/shop/app:1.0").expect()
    else:
        export_image(f"{SHOP}:1.0", archive, store=store)
    service.load(archive).expect()


@pytest.mark.parametrize("base", ["docker-archive", "gzip", "pulled"])
def test_a_release_arrives(
    machine: Machine,
    base: str,
    registry: Registry,
    skopeo: Skopeo,
    store: Store,
    expected: dict[str, dict[str, str]],
    tmp_path: Path,
    log: Path,
) -> None:
    service = machine.service
    bring_base(base, machine, registry, skopeo, store, tmp_path)
    before = service.images()
    for via in WAYS:
        done = ship(f"{SHOP}:1.1", "box", via=via, store=store, reaching=reach(machine))
        (delivery,) = done.deliveries
        assert done.ok, done.to_text()
        assert (delivery.verdict, delivery.via) == ("arrived", via)
        assert all(check.ok for check in delivery.checks)
        # Nothing is left of the tunnel's name, nor of anything else.
        assert [name for name in service.images() if name not in before] == [NEW], service.images()
        service.create_and_export(NEW, tmp_path / f"{via}.files").expect()
        assert files(tmp_path / f"{via}.files") == expected[NEW]
        if (base, via) == ("gzip", "stream"):
            assert_only_the_two(done)
        with machine.connect() as host:
            host.remove(NEW)
    assert service.images() == before
    assert list(read_log(folder=log).frame["verdict"]) == ["arrived"] * 3


def assert_only_the_two(done: Shipment) -> None:
    """Two layers of twelve, with their headers and documents: no blob but these."""
    (delivery,) = done.deliveries
    assert delivery.bytes < 30_000 < delivery.whole


def test_what_is_there_is_not_sent_again(machine: Machine, store: Store) -> None:
    for verdict in ("arrived", "there already"):
        done = ship(f"{SHOP}:1.1", "box", store=store, reaching=reach(machine))
        assert [one.verdict for one in done.deliveries] == [verdict], done.to_text()
    assert done.deliveries[0].bytes == 0


def test_a_pull_fetches_only_what_the_host_lacks(docker26c_machine: Machine, store: Store) -> None:
    docker26c_machine.service.clear()
    sizes = []
    for tag in ("1.0", "1.1"):
        done = ship(f"{SHOP}:{tag}", "box", via="pull", store=store, reaching=reach(docker26c_machine))
        assert done.ok, done.to_text()
        sizes.append(done.deliveries[0].bytes)
    assert sizes[1] < sizes[0] / 2


def test_a_containerd_store_gets_blobs_that_are_unpacked_only(
    docker26c_machine: Machine, skopeo: Skopeo, store: Store, tmp_path: Path
) -> None:
    """Its base came plain: by default the image is stored whole, thin it can be run only."""
    docker26c_machine.service.clear()
    skopeo.copy(f"{SHOP}:1.0", f"docker-archive:{tmp_path}/base.tar:registry.example/shop/app:1.0").expect()
    docker26c_machine.service.load(tmp_path / "base.tar").expect()
    thin = ship(f"{SHOP}:1.1", "box", thin=True, store=store, reaching=reach(docker26c_machine))
    assert thin.ok, thin.to_text()
    assert "neither saved nor pushed" in thin.to_text()
    with docker26c_machine.connect() as host:
        assert host.inventory().incomplete == (NEW,)
    # It is there, and yet not whole: sent again, it is.
    whole = ship(f"{SHOP}:1.1", "box", store=store, reaching=reach(docker26c_machine))
    assert whole.ok, whole.to_text()
    assert "unpacked there, from other blobs" in whole.deliveries[0].note
    assert whole.deliveries[0].bytes > thin.deliveries[0].bytes
    with docker26c_machine.connect() as host:
        assert host.inventory().incomplete == ()
