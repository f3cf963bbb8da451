"""Damage that is not in the table: what was repaired loads, and of a registry only what is missing is fetched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from layerkit import open_image
from layerkit.digest import chain_ids
from layerkit.errors import IntegrityError
from layerkit.repairs import repair
from layerkit.store import Store
from tests.images import Spec, Tar, docker_archive, layer, oci_layout, stack
from tests.services import Registry, Skopeo, run_registry
from tests.test_export_loads import Runtime, files

pytestmark = [pytest.mark.services, pytest.mark.slow]

NAME = "registry.example/shop/mended:1"


def tree(salt: str, count: int = 5) -> tuple[bytes, ...]:
    """Layers of which the upper ones write over files of the lower ones: the order tells in the files."""
    return tuple(layer(f"{salt} {n}", n % 3, 900) for n in range(count))


def knob(**knobs: Any) -> Callable[[Spec], Tar]:
    return lambda spec: docker_archive(Spec(spec.layers, tags=spec.tags, **knobs))


BROKEN: dict[str, Callable[[Spec], Tar]] = {
    "in place": knob(entry={"Layers": lambda names: names[::-1]}),
    "no manifest": lambda spec: docker_archive(spec).drop("manifest.json"),
    "every packing": knob(compression=("zstd", "xz", "plain", "bzip2", "gzip")),
}
"""What the table of tests/repairs/cases.py, which test_real_loads.py loads, does not have."""


def seen(runtime: Runtime, name: str, tmp_path: Path) -> dict[str, str]:
    runtime.create_and_export(name, tmp_path / "files.tar").expect()
    return files(tmp_path / "files.tar")


@pytest.mark.parametrize("name", BROKEN)
def test_a_repaired_archive_loads(name: str, runtime: Runtime, tmp_path: Path, store: Store) -> None:
    whole = Spec(tree(name), tags=(NAME,))
    broken, fixed = BROKEN[name](whole).write(tmp_path / "broken.tar"), tmp_path / "fixed.tar"
    # The broken one first and the original last: a store that keeps layers would take them for what it reads.
    if name != "every packing":
        assert not runtime.load(broken).ok or not runtime.create_and_export(NAME, tmp_path / "files.tar").ok
        runtime.clear()
    if name == "in place":
        fixed = broken
        repair(broken, in_place=True, store=store)
    else:
        repair(broken, fixed, tags={"": NAME} if name == "no manifest" else {}, store=store)
    assert open_image(fixed).config.raw == whole.config_json
    runtime.load(fixed).expect()
    found = seen(runtime, NAME, tmp_path)
    runtime.clear()
    runtime.load(docker_archive(whole).write(tmp_path / "original.tar")).expect()
    assert found == seen(runtime, NAME, tmp_path)
    assert len(found) == 3


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    with run_registry() as running:
        yield running


def sent(registry: Registry, digest: str) -> int:
    """How often a blob was asked for."""
    return sum(f"GET /v2/shop/app/blobs/{digest} " in line for line in registry.requests())


def test_only_the_missing_layers_are_fetched(registry: Registry, skopeo: Skopeo, tmp_path: Path, store: Store) -> None:
    whole = Spec(stack("fetch", range(36)), tags=(NAME,), names="colon", compression="gzip")
    layout = oci_layout(whole).write(tmp_path / "whole.tar")
    target = f"docker://{registry.address}/shop/app:1"
    skopeo.copy(f"oci-archive:{layout}", target, "--dest-tls-verify=false").expect()
    gone: dict[int | str, Any] = dict.fromkeys(range(11))
    broken = docker_archive(Spec(whole.layers, tags=(NAME,), stored=gone, entry={"Layers": lambda n: n[11:]}))
    plan = repair(broken.write(tmp_path / "b.tar"), sources=[target], dry_run=True, store=store, insecure=True).plan
    digests = open_image(layout).manifest.layers
    assert plan.fetch_bytes == sum(blob.size or 0 for blob in digests[:11])
    assert sum(sent(registry, str(blob.digest)) for blob in digests) == 0
    repair(plan, tmp_path / "fixed.tar")
    assert [sent(registry, str(blob.digest)) for blob in digests] == [1] * 11 + [0] * 25
    fixed = open_image(tmp_path / "fixed.tar")
    assert list(chain_ids(fixed.config.diff_ids)) == list(chain_ids(whole.true_diff_ids))
    again = repair(tmp_path / "b.tar", sources=[target], dry_run=True, store=store, insecure=True).plan
    assert again.fetch_bytes == 0
    assert sum(piece.where == "the store" for piece in again.pieces) == 11


def test_a_registry_that_gives_other_bytes_stops_the_repair(
    registry: Registry, skopeo: Skopeo, tmp_path: Path, store: Store
) -> None:
    other = Spec(stack("lying", range(3)), tags=(NAME,), compression="gzip")
    # A config that promises other layers than the manifest beside it lists.
    lying = Spec(stack("truth", range(3)), tags=(NAME,), compression="gzip", diff_ids=other.true_diff_ids)
    layout = oci_layout(lying).write(tmp_path / "lying.tar")
    target = f"docker://{registry.address}/shop/lying:1"
    skopeo.copy(f"oci-archive:{layout}", target, "--dest-tls-verify=false").expect()
    broken = docker_archive(Spec(other.layers, tags=(NAME,), stored={1: None})).write(tmp_path / "broken.tar")
    with pytest.raises(IntegrityError, match="its config promises"):
        repair(broken, tmp_path / "fixed.tar", sources=[target], store=store, insecure=True)
    assert not (tmp_path / "fixed.tar").exists()
