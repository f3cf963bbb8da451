"""Every archive that an export makes is loaded by real runtimes, and the files of the image are those of the source."""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path
from typing import Protocol

import pytest

from layerkit.digest import chain_ids
from layerkit.export import export_image
from layerkit.inventory import Inventory
from layerkit.plan import Form, Packing
from layerkit.sources import open_image
from layerkit.store import Store

from .images import Spec, docker_archive, stack
from .services import Outcome, Skopeo

pytestmark = [pytest.mark.services, pytest.mark.slow]

DATA = Path(__file__).parents[1] / "data"
SHOP = f"oci:{DATA / 'shop-oci'}"
OLD, NEW = "registry.example/shop/app:1.0", "registry.example/shop/app:1.1"


class Runtime(Protocol):
    def load(self, archive: Path, /) -> Outcome: ...
    def create_and_export(self, reference: str, archive: Path, /) -> Outcome: ...
    def clear(self) -> None: ...


RUNTIMES = ["docker20", "docker26", "docker26c", "podman", "ctr"]


@pytest.fixture(params=RUNTIMES)
def runtime(request: pytest.FixtureRequest) -> Runtime:
    found: Runtime = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


def files(archive: Path) -> dict[str, str]:
    """What a container sees: every file and link with its mode and content.

    Folders that no layer names, and what a runtime puts in by itself, differ from runtime to runtime.
    """
    found = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            name = member.name.strip("/").removeprefix("./")
            if member.isdir() or name.split("/")[0] in ("dev", "proc", "sys", ".dockerenv", "run") or name in _MOUNTED:
                continue
            opened = tar.extractfile(member) if member.isreg() else None
            body = hashlib.sha256(opened.read() if opened else b"").hexdigest()[:12]
            found[name] = f"{member.type!r} {member.mode & 0o7777:o} {member.linkname} {body}"
    return found


_MOUNTED = frozenset({"etc/hosts", "etc/hostname", "etc/resolv.conf", "etc/mtab"})


@pytest.fixture(scope="module")
def expected(
    tmp_path_factory: pytest.TempPathFactory, docker20_daemon: object, skopeo: Skopeo
) -> dict[str, dict[str, str]]:
    """The files of both versions as skopeo and Docker see them, with nothing of ours in between."""
    folder = tmp_path_factory.mktemp("expected")
    found = {}
    for name in (OLD, NEW):
        tag = name.rpartition(":")[2]
        skopeo.copy(f"oci:{DATA / 'shop-oci'}:{tag}", f"docker-archive:{folder / tag}.tar:{name}").expect()
        docker20_daemon.load(folder / f"{tag}.tar").expect()  # type: ignore[attr-defined]
        docker20_daemon.create_and_export(name, folder / f"{tag}.files").expect()  # type: ignore[attr-defined]
        found[name] = files(folder / f"{tag}.files")
    docker20_daemon.clear()  # type: ignore[attr-defined]
    assert found[OLD] != found[NEW]
    return found


def proves(runtime: Runtime, reference: str, wanted: dict[str, str], tmp_path: Path) -> None:
    target = tmp_path / "files.tar"
    runtime.create_and_export(reference, target).expect()
    assert files(target) == wanted


@pytest.mark.parametrize("packing", ["keep", "plain", "gzip", "zstd"])
def test_a_full_archive_loads(
    runtime: Runtime,
    packing: Packing,
    store: Store,
    expected: dict[str, dict[str, str]],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    if packing == "zstd" and request.node.callspec.params["runtime"] == "docker20":
        pytest.skip("Docker 20.10 knows no zstd layers (since 23.0)")
    export_image(f"{SHOP}:1.1", tmp_path / "full.tar", store=store, layers=packing)
    runtime.load(tmp_path / "full.tar").expect()
    proves(runtime, NEW, expected[NEW], tmp_path)


def test_many_images_load_from_one_archive(
    runtime: Runtime, store: Store, expected: dict[str, dict[str, str]], tmp_path: Path
) -> None:
    done = export_image(SHOP, tmp_path / "both.tar", store=store)
    assert len(done.plan.carried) == 14  # 12 + 2, the shared ones once
    runtime.load(tmp_path / "both.tar").expect()
    proves(runtime, OLD, expected[OLD], tmp_path)
    proves(runtime, NEW, expected[NEW], tmp_path)


BASES: dict[str, tuple[Form, Packing]] = {
    "universal": ("universal", "keep"),
    "docker-archive, plain": ("docker", "plain"),
}


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("packing", ["auto", "keep", "plain"])
def test_a_delta_loads_on_its_base(
    runtime: Runtime, base: str, packing: Packing, store: Store, expected: dict[str, dict[str, str]], tmp_path: Path
) -> None:
    form, layers = BASES[base]
    export_image(f"{SHOP}:1.0", tmp_path / "base.tar", store=store, form=form, layers=layers)
    done = export_image(f"{SHOP}:1.1", tmp_path / "delta.tar", store=store, to=tmp_path / "base.tar", layers=packing)
    assert (len(done.plan.skipped), len(done.plan.carried)) == (10, 2)
    assert done.report.outcome == "incomplete"
    runtime.load(tmp_path / "base.tar").expect()
    runtime.load(tmp_path / "delta.tar").expect()
    proves(runtime, NEW, expected[NEW], tmp_path)


def test_a_delta_of_many_images_loads_on_its_base(
    runtime: Runtime, store: Store, expected: dict[str, dict[str, str]], tmp_path: Path
) -> None:
    export_image(f"{SHOP}:1.0", tmp_path / "base.tar", store=store)
    done = export_image(SHOP, tmp_path / "delta.tar", store=store, to=tmp_path / "base.tar")
    assert (len(done.plan.skipped), len(done.plan.carried)) == (12, 2)
    runtime.load(tmp_path / "base.tar").expect()
    runtime.load(tmp_path / "delta.tar").expect()
    proves(runtime, OLD, expected[OLD], tmp_path)
    proves(runtime, NEW, expected[NEW], tmp_path)


def test_a_delta_without_its_base_is_refused_or_not_usable(runtime: Runtime, store: Store, tmp_path: Path) -> None:
    # Layers of its own: what another test has loaded must not stand in for the base.
    name = "registry.example/shop/lonely:1"
    lonely = Spec(stack("lonely", range(4)), tags=(name,))
    source = open_image(docker_archive(lonely).write(tmp_path / "lonely.tar"))
    base = Inventory("base", chain_ids=frozenset(list(chain_ids(source.config.diff_ids))[:3]))
    done = export_image(source, tmp_path / "delta.tar", store=store, to=base)
    assert len(done.plan.skipped) == 3
    loaded = runtime.load(tmp_path / "delta.tar")
    assert not loaded.ok or not runtime.create_and_export(name, tmp_path / "files.tar").ok
