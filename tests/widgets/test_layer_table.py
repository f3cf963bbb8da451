"""The layer table: search, filter, sort, details; and nothing from an image acts in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from layerkit import read_frames
from layerkit.samples import data_dir
from layerkit.widgets import layer_table
from layerkit.widgets.layer_table import LayerTable
from tests.images import Spec, docker_archive, stack, steps


def table_of(path: str | Path, *, deep: bool = False) -> LayerTable:
    table = LayerTable()
    table.show(read_frames(path, deep=deep))
    return table


def shown(table: LayerTable) -> list[int]:
    return [int(n) for n in re.findall(r'class="lkp-at">(\d+)<', table.rows.value)]


@pytest.fixture
def trimmed() -> LayerTable:
    return table_of(data_dir() / "trimmed-25-of-36.tar")


def test_all_layers_first_in_order(trimmed: LayerTable) -> None:
    assert shown(trimmed) == list(range(36))
    assert trimmed.headers["position"].description == "# ↑"
    assert trimmed.image.layout.display == "none"
    assert trimmed.count.value == "36 of 36 layers."


def test_states_are_offered_with_their_numbers_and_filter(trimmed: LayerTable) -> None:
    assert [label for label, _ in trimmed.state.options] == ["all (36)", "there (25)", "not listed, not stored (11)"]
    trimmed.state.value = "gone"
    assert shown(trimmed) == list(range(11))
    assert trimmed.rows.value.count("✗ not listed, not stored") == 11


def test_search_looks_at_digests_paths_and_commands(trimmed: LayerTable) -> None:
    trimmed.search.value = "USERADD"
    assert shown(trimmed) == [8]
    trimmed.search.value = trimmed.selected["chain_id"].iloc[0]
    assert shown(trimmed) == [8]
    trimmed.search.value = "(.*"  # no regular expression
    assert shown(trimmed) == []
    assert "No layer matches." in trimmed.rows.value


def test_headers_sort_and_turn_around(trimmed: LayerTable) -> None:
    trimmed.headers["bytes"].click()
    sizes = trimmed.selected["bytes"].dropna().tolist()
    assert sizes == sorted(sizes)
    assert trimmed.selected["bytes"].isna().tolist()[-11:] == [True] * 11
    trimmed.headers["bytes"].click()
    assert trimmed.selected["bytes"].dropna().tolist() == sorted(sizes, reverse=True)
    assert trimmed.headers["bytes"].description == "Size ↓"
    assert trimmed.headers["position"].description == "#"
    trimmed.headers["position"].click()
    assert shown(trimmed) == list(range(36))


def test_a_row_unfolds_to_whole_digests(trimmed: LayerTable) -> None:
    layer = trimmed.selected.iloc[20]
    for digest in (layer["diff_id"], layer["chain_id"]):
        assert f"<dd><code>{digest}</code></dd>" in trimmed.rows.value


def test_a_deep_reading_says_verified_or_what_is_there_instead() -> None:
    table = table_of(data_dir() / "wrong-bytes.tar", deep=True)
    assert table.rows.value.count("✓ verified") == 5
    table.state.value = "wrong"
    assert shown(table) == [3]
    assert table.selected["measured_diff_id"].iloc[0] in table.rows.value


def test_images_of_one_file_are_chosen_by_name() -> None:
    table = table_of(data_dir() / "two-images.tar")
    assert [label for label, _ in table.image.options] == [
        "1. registry.example/shop/app:1.0",
        "2. registry.example/shop/app:1.1",
    ]
    table.image.value = 1
    assert set(table.selected["image"]) == {1}
    assert table.state.options[0] == (f"all ({len(table.selected)})", "")


def test_another_archive_starts_afresh(trimmed: LayerTable) -> None:
    trimmed.state.value = "gone"
    trimmed.search.value = "apt"
    trimmed.show(read_frames(data_dir() / "sound-docker.tar"))
    assert shown(trimmed) == list(range(6))
    assert trimmed.search.value == trimmed.state.value == ""


def test_no_images_no_rows() -> None:
    table = table_of(data_dir() / "rootfs-export.tar")
    assert shown(table) == []
    assert table.count.value == "0 of 0 layers."


def test_text_of_an_image_is_shown_and_does_nothing(tmp_path: Path) -> None:
    evil = '<img src=x onerror="alert(1)">\x1b[2J\u202e' + "A" * 100_000
    spec = Spec(stack("evil"), tags=('<b onclick="x">:1',), config={"history": steps(evil, "b", "c")})
    path = tmp_path / "evil.tar"
    path.write_bytes(bytes(docker_archive(spec, spec)))
    table = table_of(path)
    assert "<img" not in table.rows.value
    assert "&lt;img" in table.rows.value
    assert "\x1b" not in table.rows.value
    assert "\u202e" not in table.rows.value
    assert len(table.rows.value) < 20_000


def test_rows_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layer_table, "SHOWN", 10)
    table = table_of(data_dir() / "trimmed-25-of-36.tar")
    assert shown(table) == list(range(10))
    assert table.count.value == "36 of 36 layers, the first 10 shown: narrow the search."
