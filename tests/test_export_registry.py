"""Exports from registries: real ones, and one that misbehaves as it is told."""

from __future__ import annotations

import base64
import gzip
import json
import multiprocessing
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from layerkit.diagnosis import diagnose
from layerkit.errors import IntegrityError, LayerkitError
from layerkit.export import export_image, plan_export
from layerkit.store import Store

from .faulty_registry import (
    Drop,
    Fault,
    FaultyRegistry,
    Flip,
    NoRange,
    Redirect,
    Slow,
    Status,
    Truncate,
    WrongLength,
    run_faulty_registry,
)
from .images import layer, sha256
from .services import Registry, Skopeo, run_registry

DATA = Path(__file__).parents[1] / "data"


def add(registry: FaultyRegistry, tag: str, layers: list[bytes], diff_ids: list[str] | None = None) -> list[str]:
    """An image of gzip layers; their digests."""
    packed = [gzip.compress(data, mtime=0) for data in layers]
    true = [sha256(data) for data in layers]
    registry.add_image("shop/app", tag, packed, diff_ids=diff_ids or true, suffix="+gzip")
    return [sha256(data) for data in packed]


def layers_of(salt: str, count: int, size: int = 60_000) -> list[bytes]:
    """Layers that do not compress away."""
    noise = random.Random(salt)
    return [layer(salt, number) + noise.randbytes(size // 512 * 512) for number in range(count)]


LAYERS = layers_of("registry", 6)


@pytest.fixture
def faulty() -> Iterator[FaultyRegistry]:
    with run_faulty_registry() as registry:
        yield registry


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_a_cold_export_fetches_each_blob_once_and_a_warm_one_none(
    faulty: FaultyRegistry, store: Store, tmp_path: Path
) -> None:
    digests = add(faulty, "1", LAYERS)
    done = export_image(f"docker://{faulty.address}/shop/app:1", tmp_path / "a.tar", store=store)
    assert done.report.outcome == "sound"
    assert diagnose(tmp_path / "a.tar", deep=True).outcome == "sound"
    assert [len(faulty.asked(digest)) for digest in digests] == [1] * 6
    again = export_image(f"docker://{faulty.address}/shop/app:1", tmp_path / "b.tar", store=store)
    assert {step.action for step in again.plan.steps} == {"reuse"}
    assert again.plan.fetch_bytes == 0
    assert [len(faulty.asked(digest)) for digest in digests] == [1] * 6
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()


def test_the_next_version_costs_its_new_layers_only(faulty: FaultyRegistry, store: Store, tmp_path: Path) -> None:
    add(faulty, "1", LAYERS)
    export_image(f"docker://{faulty.address}/shop/app:1", tmp_path / "a.tar", store=Store(tmp_path / "other"))
    digests = add(faulty, "2", [*LAYERS, *layers_of("new", 2)])
    faulty.requests.clear()
    done = export_image(f"docker://{faulty.address}/shop/app:2", tmp_path / "b.tar", store=store, to=tmp_path / "a.tar")
    assert [digest for digest in digests if faulty.asked(digest)] == digests[-2:]
    assert sum(faulty.sent(digest) for digest in digests) == done.plan.fetch_bytes == done.plan.travel_bytes


HEALED: dict[str, Fault] = {
    "a dropped connection": Drop(after=7000),
    "a reset connection": Drop(after=7000, reset=True),
    "too many requests": Status(429, headers={"Retry-After": "0"}),
    "an internal error": Status(500),
    "a bad gateway": Status(502),
    "a slow answer": Slow(0.02),
}


@pytest.mark.parametrize("fault", HEALED)
def test_a_passing_fault_is_outlived(fault: str, faulty: FaultyRegistry, store: Store, tmp_path: Path) -> None:
    digests = add(faulty, "1", LAYERS)
    for digest in digests[:2]:
        faulty.fail(digest, HEALED[fault], times=1)
    export_image(f"docker://{faulty.address}/shop/app:1", tmp_path / "a.tar", store=store)
    assert diagnose(tmp_path / "a.tar", deep=True).outcome == "sound"


def test_a_server_that_ignores_ranges_is_outlived(faulty: FaultyRegistry, store: Store, tmp_path: Path) -> None:
    digests = add(faulty, "1", LAYERS)
    faulty.fail(digests[0], Drop(after=7000), times=1)
    faulty.fail(digests[0], NoRange())
    export_image(f"docker://{faulty.address}/shop/app:1", tmp_path / "a.tar", store=store)
    assert diagnose(tmp_path / "a.tar", deep=True).outcome == "sound"


LASTING: dict[str, Fault] = {
    "a flipped bit": Flip(at=900),
    "a short blob": Truncate(to=900),
    "a wrong length": WrongLength(by=-20),
    "a refusal": Status(403, '{"errors": [{"code": "DENIED", "message": "no"}]}'),
    "an absent blob": Status(404),
}


@pytest.mark.parametrize("fault", LASTING)
def test_a_lasting_fault_leaves_no_archive_and_no_wrong_blob(
    fault: str, faulty: FaultyRegistry, store: Store, tmp_path: Path
) -> None:
    digests = add(faulty, "1", LAYERS)
    faulty.fail(digests[3], LASTING[fault])
    with pytest.raises(LayerkitError):
        export_image(f"docker://{faulty.address}/shop/app:1", tmp_path / "a.tar", store=store)
    assert not store.has(digests[3])
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == []
    assert store.verify()[1] == []
    faulty.heal()
    export_image(f"docker://{faulty.address}/shop/app:1", tmp_path / "a.tar", store=store)
    assert diagnose(tmp_path / "a.tar", deep=True).outcome == "sound"


def test_a_config_that_lies_about_a_layer_is_found_while_it_comes(
    faulty: FaultyRegistry, store: Store, tmp_path: Path
) -> None:
    add(faulty, "1", LAYERS, ["sha256:" + "ab" * 32] * len(LAYERS))
    with pytest.raises(IntegrityError, match="its config promises sha256:abab"):
        export_image(f"docker://{faulty.address}/shop/app:1", tmp_path / "a.tar", store=store)
    assert not (tmp_path / "a.tar").exists()


def test_a_redirect_elsewhere_is_followed(faulty: FaultyRegistry, store: Store, tmp_path: Path) -> None:
    with run_faulty_registry("localhost") as other:
        for registry in (faulty, other):
            digests = add(registry, "1", LAYERS)
        faulty.fail(digests[0], Redirect(other.url))
        export_image(f"docker://{faulty.address}/shop/app:1", tmp_path / "a.tar", store=store)
        assert len(other.asked(digests[0])) == 1
        assert not any("authorization" in request.headers for request in other.requests)


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_two_hundred_kills_leave_nothing_wrong_and_fetch_nothing_twice(faulty: FaultyRegistry, tmp_path: Path) -> None:
    """kill -9 at random moments: what is whole is never asked for again, what came in part is gone on with."""
    forked = multiprocessing.get_context("forkserver")
    forked.set_forkserver_preload(["layerkit.export", "layerkit.sources.registry"])
    dice, target, folder = random.Random(20), tmp_path / "a.tar", tmp_path / "store"
    kills = finished = 0
    digests: list[str] = []
    while kills < 200:
        if not digests:
            digests = add(faulty, str(finished), layers_of(f"kill {finished}", 5, size=160_000))
            for digest in digests:
                faulty.fail(digest, Slow(0.004))
            faulty.requests.clear()
        uri = f"docker://{faulty.address}/shop/app:{finished}"
        process = forked.Process(target=export_image, args=(uri, target), kwargs={"store": Store(folder)})
        process.start()
        process.join(dice.uniform(0.02, 0.25))
        if process.exitcode is None:
            process.kill()
            kills += 1
        process.join()
        whole = {digest for digest in digests if (folder / "blobs" / "sha256" / digest[7:]).exists()}
        before = {digest: len(faulty.asked(digest)) for digest in whole}
        assert target.exists() or process.exitcode != 0
        if process.exitcode == 0:
            assert diagnose(target, deep=True).outcome == "sound"
            assert len(whole) == len(digests)
            for digest in digests:
                starts = [int(r.headers.get("range", "bytes=0-")[6:].rstrip("-")) for r in faulty.asked(digest)]
                assert starts == sorted(starts), "what had come was asked for again"
            target.unlink()
            finished += 1
            digests = []
        elif whole:
            export_image(uri, target, store=Store(folder)) if dice.random() < 0.02 else None
            assert {d: len(faulty.asked(d)) for d in whole} == before, "a whole blob was fetched again"
    assert Store(folder).verify()[1] == []
    assert finished > 0


@pytest.fixture(scope="module", params=["plain", "tls", "htpasswd"])
def real(
    request: pytest.FixtureRequest, skopeo: Skopeo, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Registry, dict[str, Any]]]:
    """A real registry with the sample image in it, and how to get in."""
    kind = request.param
    users = {"me": "open sesame"} if kind == "htpasswd" else None
    with run_registry(tls=kind == "tls", users=users) as registry:
        options = ["--dest-tls-verify=false"]
        if users:
            options.append("--dest-creds=me:open sesame")
        for tag in ("1.0", "1.1"):
            source = f"oci:{DATA / 'shop-oci'}:{tag}"
            skopeo.copy(source, f"docker://{registry.address}/shop/app:{tag}", *options).expect()
        access: dict[str, Any] = {}
        if registry.ca is not None:
            access["ca"] = str(registry.ca)
        if users:
            auth = base64.b64encode(b"me:open sesame").decode()
            path = tmp_path_factory.mktemp("auth") / "auth.json"
            path.write_text(json.dumps({"auths": {registry.address: {"auth": auth}}}))
            access["authfile"] = str(path)
        yield registry, access


@pytest.mark.services
def test_a_real_registry(real: tuple[Registry, dict[str, Any]], store: Store, tmp_path: Path) -> None:
    registry, access = real
    image = f"docker://{registry.address}/shop/app"
    full = export_image(f"{image}:1.0", tmp_path / "base.tar", store=store, **access)
    assert full.report.outcome == "sound"
    plan = plan_export(f"{image}:1.1", store=store, to=tmp_path / "base.tar", **access)
    done = export_image(plan, tmp_path / "delta.tar", store=store)
    assert (len(done.plan.skipped), len(done.plan.carried)) == (10, 2)
    assert diagnose(tmp_path / "delta.tar", deep=True, held=tmp_path / "base.tar").outcome == "sound"
