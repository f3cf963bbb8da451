"""Many sites: what each would get, and what one archive for all of them carries."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerkit.errors import UsageError
from layerkit.inventory import Inventory
from layerkit.samples import data_dir
from layerkit.shipping import compare_sites
from layerkit.store import Store
from tests.test_export_loads import SHOP

SITES = sorted((data_dir() / "sites").glob("*.json"))


def test_what_each_site_would_get(store: Store) -> None:
    fleet = compare_sites(f"{SHOP}:1.1", SITES, store=store)
    costs = fleet.costs.set_index("site")
    assert list(costs["layers"]) == [2, 6, 2, 12, 12]
    sizes = list(costs["bytes"])
    assert sizes[-1] == sizes[3] == max(costs["whole"])
    assert sizes[0] == sizes[2] == min(sizes)
    assert list(costs["via"])[:4] == ["stream"] * 4


def test_layer_by_layer(store: Store) -> None:
    layers = compare_sites(f"{SHOP}:1.1", SITES, store=store).layers
    assert list(layers["position"]) == list(range(12))
    assert (layers["berlin"] == "held").sum() == 10
    assert list(layers["lisbon"][:6]) == ["held"] * 6
    assert set(layers["porto"]) == {"travels"}


def test_what_they_share(store: Store) -> None:
    shared = compare_sites(f"{SHOP}:1.1", SITES, store=store).shared
    assert shared.to_dict("list") == {
        "berlin": [12, 6, 12, 0],
        "lisbon": [6, 6, 6, 0],
        "oslo": [12, 6, 12, 0],
        "porto": [0, 0, 0, 0],
    }


def test_one_archive_for_sites_that_hold_it_all(store: Store) -> None:
    fleet = compare_sites(f"{SHOP}:1.1", SITES[:1] * 2, store=store)
    assert list(fleet.costs["layers"]) == [2, 2, 2]


def test_names_are_only_words(store: Store) -> None:
    fleet = compare_sites(f"{SHOP}:1.1", [Inventory("<script>\x1b"), Inventory()], store=store)
    assert "<script>" not in fleet._repr_html_()
    assert "\x1b" not in fleet._repr_html_()
    assert fleet.names[1] == "site 2"


def test_bad_usage(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no site"):
        compare_sites(f"{SHOP}:1.1", [], store=store)
