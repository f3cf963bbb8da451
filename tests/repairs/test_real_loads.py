"""The table of tests/repairs/cases.py once more: whatever a repair makes of it loads, and has the files it had."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from layerkit.reference import Reference
from layerkit.repairs import repair
from layerkit.store import Store
from tests.images import Spec, hybrid, sha256
from tests.services import Ctr, Docker, Podman
from tests.test_export_loads import Runtime, files
from tests.test_real_cases import layer

from .cases import EXPECTED, Refusal, write, write_whole
from .originals import merge_files, read_contents

pytestmark = [pytest.mark.services, pytest.mark.slow]

MENDABLE = [
    *((name, "alone") for name, case in EXPECTED.items() if not isinstance(case.alone, Refusal)),
    *((name, "whole") for name, case in EXPECTED.items() if case.whole is not None),
    *((name, "delta") for name, case in EXPECTED.items() if case.delta),
    *((name, "unsafe") for name, case in EXPECTED.items() if case.unsafe),
]


@dataclass(frozen=True)
class Mended:
    """A repaired archive, the archive that it is to be like, the files of each image, and the base of a delta."""

    path: Path
    original: Path
    files: dict[str, dict[str, str]]
    base: tuple[bytes, ...] = ()


Mend = Callable[[str, str], Mended]


@pytest.fixture(scope="module")
def mend(tmp_path_factory: pytest.TempPathFactory) -> Mend:
    """Repairs once, for all runtimes."""
    return cache(lambda name, way: _mend(name, way, tmp_path_factory.mktemp("mended")))


def _mend(name: str, way: str, folder: Path) -> Mended:
    broken, whole, fixed = write(name, folder), write_whole(name, folder), folder / "fixed.tar"
    options: dict[str, Any] = {"as_delta": way == "delta", "allow_unsafe": way == "unsafe"}
    if way == "whole":
        options["sources"] = [whole]
    done = repair(broken, fixed, store=Store(folder / "store"), **options)
    contents = read_contents(whole or broken)
    found: dict[str, dict[str, str]] = {}
    base: tuple[bytes, ...] = ()
    for image in done.plan.images:
        # An image ID promises the layers. Only where it may change do those of the broken one have to be the same.
        promised = json.loads(contents[str(image.before if way == "unsafe" else image.config.digest)])
        diff_ids = promised["rootfs"]["diff_ids"]
        found |= dict.fromkeys(image.overlay.tags, merge_files(contents, diff_ids, folder))
        if way == "delta":
            base = tuple(contents[diff_id] for diff_id in diff_ids if diff_id not in read_contents(broken))
    assert found
    assert all(found.values())
    return Mended(fixed, whole or broken, found, base)


def write_base(layers: tuple[bytes, ...], folder: Path) -> Path:
    """The base as a registry would have given it, its layers packed: runtimes have to know them by their content."""
    return hybrid(Spec(layers, tags=("registry.example/shop/base:1",), compression="gzip")).write(folder / "base.tar")


def proves(runtime: Runtime, wanted: dict[str, dict[str, str]], folder: Path) -> None:
    for tag, expected in wanted.items():
        # ctr takes full names only; podman calls what has no domain `localhost/`.
        reference = str(Reference.parse(tag)) if isinstance(runtime, Ctr) else tag
        runtime.create_and_export(reference, folder / "files.tar").expect()
        assert files(folder / "files.tar") == expected


@pytest.fixture(scope="module")
def proven() -> set[str]:
    """What has been loaded already: other damage to the same image is repaired to the very same bytes."""
    return set()


@pytest.mark.parametrize(("name", "way"), MENDABLE)
def test_what_is_repaired_loads(
    name: str, way: str, mend: Mend, runtime: Runtime, proven: set[str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    mended = mend(name, way)
    parts = (request.node.callspec.params["runtime"], sha256(mended.path.read_bytes()), mended.base, mended.files)
    if (same := repr(parts)) in proven:
        return
    if way == "delta":
        runtime.load(write_base(mended.base, tmp_path)).expect()
    runtime.load(mended.path).expect()
    proves(runtime, mended.files, tmp_path)
    proven.add(same)


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("F03 redis 8.0.3, sound", "alone"),
        ("F18 a repeated layer as symlink, sound", "alone"),
        ("F20 two images share layers, sound", "alone"),
        ("F21 layer 5 of 6", "whole"),
        ("trimmed-25-of-36.tar", "whole"),
    ],
)
def test_a_runtime_sees_the_same_files_in_the_original(
    name: str, way: str, mend: Mend, docker20: Docker, tmp_path: Path
) -> None:
    mended = mend(name, way)
    docker20.load(mended.original).expect()
    proves(docker20, mended.files, tmp_path)


def test_a_delta_on_a_base_with_one_more_layer_below(mend: Mend, runtime: Runtime, tmp_path: Path) -> None:
    """F27 as it was met: the target has all that was left out, but above a layer that the image does not have."""
    mended = mend("F27 the base, one layer higher", "delta")
    runtime.load(write_base((layer("below", 0), *mended.base), tmp_path)).expect()
    loaded = runtime.load(mended.path)
    if isinstance(runtime, Podman):  # it finds layers by their content, wherever they lie
        loaded.expect()
        proves(runtime, mended.files, tmp_path)
    else:
        assert not loaded.ok
