"""The models agree with real programs about every archive of data/, thin families, and random archives.

The archives are drawn at random from a seed. The usual one is fixed, so that a red run is the fault of a change and not
of the dice; LAYERKIT_LIVE_SEED=random draws others, and a failure names the seed that brings the same ones again.
LAYERKIT_LIVE_COUNT changes how many.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.images import CASES

from .generated import generate, generate_thin
from .live import Comparison, packed
from .runtimes import RUNTIMES, run_runtime

DATA = Path(__file__).parents[2] / "data"
SEED = os.environ.get("LAYERKIT_LIVE_SEED") or "layerkit"
if SEED == "random":
    SEED = secrets.token_hex(4)
COUNT = int(os.environ.get("LAYERKIT_LIVE_COUNT") or 24)
Tell = Callable[[str], None]
FAMILIES = ("da", "oci", "hy", "mix")


@pytest.fixture(scope="module", params=RUNTIMES)
def comparison(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Comparison]:
    with run_runtime(request.param) as runtime:
        yield Comparison(runtime, tmp_path_factory.mktemp("live"))


def settle(comparison: Comparison, what: str, tell: Tell) -> None:
    """Tell the agreement, and fail with every disagreement."""
    tell(f"{comparison} ({what})")
    differing, comparison.differing, comparison.agreed = comparison.differing, [], 0
    assert not differing, "\n".join([f"LAYERKIT_LIVE_SEED={SEED}", *differing])


@pytest.mark.services
@pytest.mark.slow
def test_archives_of_the_data_folder(comparison: Comparison, tell: Tell) -> None:
    archives = {path.name: path.read_bytes() for path in sorted(DATA.glob("*.tar"))}
    archives["shop-oci"] = packed(DATA / "shop-oci", comparison.folder / "layout.tar")
    # They share layers, and Docker 26 keeps those of a container that was exported: whoever should fail goes first.
    for name in sorted(archives, key=lambda name: comparison.predict(archives[name]).loads is True):
        comparison.runtime.clear()
        comparison.load(name, archives[name])
    settle(comparison, "data/", tell)


@pytest.mark.services
@pytest.mark.slow
def test_thin_families(comparison: Comparison, tell: Tell) -> None:
    for family in FAMILIES:
        names = sorted(name for name in CASES if name.startswith(f"thin_{family}_"))
        comparison.load_family((name, CASES[name](name)) for name in names)
    for thin in generate_thin(SEED, max(2, COUNT // 6)):
        comparison.load_family(iter([(f"base of {thin.name}", thin.base), (thin.name, thin.data)]))
    settle(comparison, f"thin, seed {SEED}", tell)


@pytest.mark.services
@pytest.mark.slow
def test_random_archives(comparison: Comparison, tell: Tell) -> None:
    for archive in generate(SEED, COUNT):
        comparison.load(archive.name, archive.data)
    settle(comparison, f"random, seed {SEED}", tell)
