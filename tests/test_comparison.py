"""Two images side by side: layers, configs, histories, and what a host with the one needs for the other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from layerkit import compare
from layerkit.comparison import Comparison
from layerkit.errors import NotFound, UsageError
from tests.images import Spec, docker_archive, hybrid, layer, oci_layout, stack

DATA = Path(__file__).parents[1] / "data"
SHOP = f"oci:{DATA / 'shop-oci'}"


@pytest.fixture
def pair(tmp_path: Path) -> Any:
    def call(a: Spec, b: Spec) -> Comparison:
        one, two = docker_archive(a).write(tmp_path / "a.tar"), hybrid(b).write(tmp_path / "b.tar")
        return compare(one, two)

    return call


LAYERS = stack("one", range(4))


def likenesses(compared: Comparison) -> list[tuple[int | None, int | None, str]]:
    return [(p.a, p.b, p.likeness) for p in compared.layers]


def test_two_versions() -> None:
    compared = compare(f"{SHOP}:1.0", f"{SHOP}:1.1")
    assert (compared.shared_prefix, compared.identical) == (10, False)
    assert likenesses(compared)[9:] == [
        (9, 9, "same"),
        *((at, None, "removed") for at in (10, 11)),
        *((None, at, "added") for at in (10, 11)),
    ]
    assert compared.need is not None
    assert compared.need.travel_bytes == sum(p.size or 0 for p in compared.layers[-2:])
    assert compared.sentence.startswith(
        "10 layers in common at the bottom, 2 of B's 12 are not A's; a host with A needs"
    )


def test_the_same_image_packed_otherwise(pair: Any) -> None:
    compared = pair(Spec(LAYERS), Spec(LAYERS, compression="gzip"))
    assert compared.identical
    assert compared.shared_prefix == 4
    assert (compared.fields, compared.history) == ((), ())
    assert compared.need is not None
    assert compared.need.travel_bytes == 0


def test_the_same_layers_on_another_base_are_no_common_layers(pair: Any) -> None:
    compared = pair(Spec(LAYERS), Spec((layer("below", 0), *LAYERS)))
    assert likenesses(compared) == [(None, 0, "added"), *((i, i + 1, "rebased") for i in range(4))]
    assert compared.need is not None
    assert len(compared.need.carried) == 5


def test_a_layer_in_the_middle_is_gone(pair: Any) -> None:
    compared = pair(Spec(LAYERS), Spec((LAYERS[0], *LAYERS[2:])))
    assert likenesses(compared) == [(0, 0, "same"), (1, None, "removed"), (2, 1, "rebased"), (3, 2, "rebased")]


def test_config_fields_and_history(pair: Any) -> None:
    one = {"config": {"Env": ["A=1", "B=2"], "Cmd": ["/x"], "Labels": {"v": "1"}}}
    two = {"config": {"Env": ["B=3", "A=1", "C=4"], "Cmd": ["/x"]}, "os": "windows", "extra": None}
    history = {"history": [{"created_by": f"layer {n}"} for n in (0, 1, 7, 3)]}
    compared = pair(Spec(LAYERS, config=one), Spec(LAYERS, config={**two, **history}))
    assert [(d.path, d.a, d.b) for d in compared.fields] == [
        ("config.Env.B", "2", "3"),
        ("config.Env.C", None, "4"),
        ("config.Labels.v", "1", None),
        ("extra", None, "null"),
        ("os", "linux", "windows"),
    ]
    assert [(d.path, d.a, d.b) for d in compared.history] == [("2 / 2", "layer 2", "layer 7")]
    assert list(compared.differences["what"]) == ["config"] * 5 + ["history"]


def test_a_broken_image_is_compared_and_nothing_is_planned_for_it(tmp_path: Path) -> None:
    broken = docker_archive(Spec(LAYERS, names="colon", stored={3: b"x"}, entry={"Layers": lambda n: n[1:]}))
    sound = oci_layout(Spec(LAYERS)).write(tmp_path / "b.tar")
    compared = compare(sound, broken.write(tmp_path / "a.tar"))
    assert compared.shared_prefix == 4
    assert compared.need is None
    assert json.loads(compared.render("json"))["need"] is None


@pytest.mark.parametrize("format", ["text", "json", "html", "md"])
def test_every_format_is_harmless(format: str, pair: Any) -> None:
    evil = "\x1b[31m<script>alert(1)</script>|`x`\u202e"
    compared = pair(Spec(LAYERS), Spec(LAYERS[:2], config={"config": {"Cmd": [evil], evil: evil}, "author": evil}))
    text = compared.render(format)
    assert "\x1b" not in text
    assert "\u202e" not in text
    if format in ("html", "md"):
        assert "<script" not in compared._repr_html_()


def test_frames_and_json_agree() -> None:
    compared = compare(f"{SHOP}:1.0", f"{SHOP}:1.1")
    data = json.loads(compared.render("json"))
    assert data["schema"] == "layerkit.comparison/1"
    assert [row["diff_id"] for row in data["layers"]] == list(compared.frame["diff_id"])
    assert compared.frame["b"].isna().sum() == 2
    assert data["need"]["bytes"] == sum(row["size"] for row in data["layers"] if row["a"] is None)


def test_a_name_for_several_images_is_no_name() -> None:
    with pytest.raises(NotFound, match="names 2 images"):
        compare(DATA / "two-images.tar", SHOP)
    with pytest.raises(UsageError, match="unknown format"):
        compare(f"{SHOP}:1.0", f"{SHOP}:1.1").render("sarif")
