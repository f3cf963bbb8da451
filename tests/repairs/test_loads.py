"""What was repaired is loaded by real runtimes, and a container sees the files of the image as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from layerkit import open_image
from layerkit.digest import chain_ids
from layerkit.errors import IntegrityError
from layerkit.repairs import repair
from layerkit.store import Store
from tests.images import EMPTY_LAYER, Spec, Tar, docker_archive, hybrid, layer, oci_layout, stack
from tests.services import Registry, Skopeo, run_registry
from tests.test_export_loads import RUNTIMES, Runtime, files

pytestmark = [pytest.mark.services, pytest.mark.slow]

NAME = "registry.example/shop/mended:1"


def tree(salt: str, count: int = 5) -> tuple[bytes, ...]:
    """Layers of which the upper ones write over files of the lower ones: the order tells in the files."""
    return tuple(layer(f"{salt} {n}", n % 3, 900) for n in range(count))


@dataclass(frozen=True)
class Try:
    """A broken archive of the image with these layers; `help` builds a source."""

    layers: tuple[bytes, ...]
    broken: Callable[[Spec], Tar]
    help: Callable[[Spec], Tar] | None = None
    in_place: bool = False
    unsafe: bool = False


def knob(**knobs: Any) -> Callable[[Spec], Tar]:
    return lambda spec: docker_archive(Spec(spec.layers, tags=spec.tags, **knobs))


def _long(spec: Spec) -> Tar:
    steps = [{"created_by": f"RUN {n}"} for n in range(len(spec.layers))] + [{"created_by": "CMD x"}]
    return docker_archive(Spec(spec.layers, tags=spec.tags, config={"history": steps}))


TRIES = {
    "surplus": Try(
        tree("surplus"),
        lambda spec: docker_archive(
            Spec((EMPTY_LAYER, *spec.layers), tags=spec.tags, diff_ids=spec.true_diff_ids, names="v1")
        ),
    ),
    "unlisted": Try(tree("unlisted"), knob(entry={"Layers": lambda names: names[2:]}, names="colon")),
    "order": Try(tree("order"), knob(entry={"Layers": lambda names: names[::-1]})),
    "in place": Try(tree("place"), knob(entry={"Layers": lambda names: names[::-1]}), in_place=True),
    "no manifest": Try(tree("none"), lambda spec: docker_archive(spec).drop("manifest.json")),
    "oci half": Try(tree("half"), lambda spec: hybrid(Spec(spec.layers, tags=spec.tags, manifest={"layers": []}))),
    "oci only": Try(tree("only"), lambda spec: oci_layout(Spec(spec.layers, tags=spec.tags, compression="gzip"))),
    "zstd and xz": Try(tree("packed"), knob(compression=("zstd", "xz", "plain", "bzip2", "gzip"))),
    "history": Try(tree("history"), _long, unsafe=True),
    "missing": Try(
        tree("missing"),
        knob(stored={0: None, 1: None}, entry={"Layers": lambda names: names[2:]}),
        lambda spec: oci_layout(Spec(spec.layers, tags=spec.tags, compression="gzip")),
    ),
    "wrong bytes": Try(tree("wrong"), knob(stored={3: lambda data: data.replace(b"wrong", b"wrOng")}), docker_archive),
}


@pytest.fixture(params=RUNTIMES)
def runtime(request: pytest.FixtureRequest) -> Runtime:
    found: Runtime = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def seen(runtime: Runtime, name: str, tmp_path: Path) -> dict[str, str]:
    runtime.create_and_export(name, tmp_path / "files.tar").expect()
    return files(tmp_path / "files.tar")


@pytest.mark.parametrize("name", TRIES)
def test_a_repaired_archive_loads(name: str, runtime: Runtime, tmp_path: Path, store: Store) -> None:
    one = TRIES[name]
    whole = Spec(one.layers, tags=(NAME,))
    broken, fixed = one.broken(whole).write(tmp_path / "broken.tar"), tmp_path / "fixed.tar"
    # The broken one first and the original last: a store that keeps layers would take them for what it reads.
    if name not in ("oci only", "zstd and xz", "oci half", "history"):
        assert not runtime.load(broken).ok or not runtime.create_and_export(NAME, tmp_path / "files.tar").ok
        runtime.clear()
    sources = [one.help(whole).write(tmp_path / "help.tar")] if one.help else []
    tags = {"": NAME} if name == "no manifest" else {}
    if one.in_place:
        fixed = broken
        repair(broken, in_place=True, store=store)
    else:
        repair(broken, fixed, sources=sources, tags=tags, allow_unsafe=one.unsafe, store=store)
    assert (open_image(fixed).config.raw == whole.config_json) is not one.unsafe
    runtime.load(fixed).expect()
    found = seen(runtime, NAME, tmp_path)
    runtime.clear()
    runtime.load(docker_archive(whole).write(tmp_path / "original.tar")).expect()
    assert found == seen(runtime, NAME, tmp_path)
    assert len(found) == 3


def test_a_delta_made_of_a_trimmed_export_loads_on_its_base(runtime: Runtime, tmp_path: Path, store: Store) -> None:
    whole = Spec(tree("delta"), tags=(NAME,))
    trimmed = knob(stored={0: None, 1: None, 2: None}, entry={"Layers": lambda names: names[3:]}, names="colon")(whole)
    repair(trimmed.write(tmp_path / "broken.tar"), tmp_path / "fixed.tar", as_delta=True, store=store)
    base = docker_archive(Spec(whole.layers[:3], tags=("registry.example/shop/base:1",)))
    runtime.load(base.write(tmp_path / "base.tar")).expect()
    runtime.load(tmp_path / "fixed.tar").expect()
    found = seen(runtime, NAME, tmp_path)
    runtime.clear()
    runtime.load(docker_archive(whole).write(tmp_path / "original.tar")).expect()
    assert found == seen(runtime, NAME, tmp_path)


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
