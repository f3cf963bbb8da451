"""LK1xx against archives whose counts are off by known numbers."""

from __future__ import annotations

from dataclasses import replace

from tests.images import EMPTY_LAYER, Spec, docker_archive, hybrid, oci_layout, stack, steps

from .conftest import Look

LAYERS = stack("counts", range(6))
SPEC = Spec(LAYERS)
PACKED = replace(SPEC, compression="gzip")


def test_lk101_tells_both_numbers_and_the_gap_at_the_bottom(look: Look) -> None:
    trimmed = replace(SPEC, names="colon", entry={"Layers": lambda names: names[2:]}, stored={0: None, 1: None})
    [finding] = look(docker_archive(trimmed), "LK101")
    assert finding.message == (
        "manifest.json lists 4 layers, the config promises 6: "
        "2 layers of the config are not listed (positions 0 and 1)."
    )
    assert finding.positions == (0, 1)
    assert finding.evidence["manifest_layers"] == 4
    assert finding.evidence["diff_ids"] == 6
    assert finding.severity == "error"
    assert "--from SOURCE" in finding.fix


def test_lk101_says_when_the_unlisted_layers_are_stored_all_the_same(look: Look) -> None:
    [finding] = look(docker_archive(replace(SPEC, names="colon", entry={"Layers": lambda n: n[1:]})), "LK101")
    assert finding.message.endswith("1 layer of the config is not listed (position 0), but stored.")
    assert finding.evidence["stored_unlisted"] == 1
    assert "--from" not in finding.fix


def test_lk101_tells_of_surplus_layers(look: Look) -> None:
    surplus = Spec((*LAYERS, EMPTY_LAYER), names="colon", diff_ids=SPEC.true_diff_ids)
    [finding] = look(docker_archive(surplus), "LK101")
    assert finding.message == (
        "manifest.json lists 7 layers, the config promises 6: 1 layer has no diff ID (position 6)."
    )
    assert finding.positions == (6,)


def test_lk101_is_silent_on_an_oci_archive(look: Look) -> None:
    assert look(oci_layout(replace(PACKED, manifest={"layers": lambda ls: ls[1:]})), "LK101") == []


def test_lk102_names_the_surplus_steps(look: Look) -> None:
    history = steps(*(f"step {n}" for n in range(9)), empty=[3])
    [finding] = look(docker_archive(replace(SPEC, config={"history": history})), "LK102")
    assert finding.message == ("The history has 8 entries that claim a layer, the config has 6 diff IDs: 2 too many.")
    assert finding.evidence["surplus_entries"] == [7, 8]
    assert finding.severity == "error"


def test_lk102_is_only_a_warning_where_docker_needs_a_registry_to_see_it(look: Look) -> None:
    history = steps(*(f"step {n}" for n in range(7)))
    [finding] = look(oci_layout(replace(PACKED, config={"history": history})), "LK102")
    assert finding.severity == "warning"


def test_lk102_does_not_count_empty_steps(look: Look) -> None:
    history = steps(*(f"step {n}" for n in range(9)), empty=[0, 3, 8])
    assert look(docker_archive(replace(SPEC, config={"history": history})), "LK102") == []


def test_lk103_names_the_positions_without_a_step(look: Look) -> None:
    [finding] = look(docker_archive(replace(SPEC, config={"history": steps("a", "b", "c")})), "LK103")
    assert finding.severity == "warning"
    assert finding.positions == (3, 4, 5)
    assert "nothing tells of positions 3 to 5" in finding.message


def test_lk103_takes_no_history_for_no_claim(look: Look) -> None:
    assert look(docker_archive(replace(SPEC, config={"history": []})), "LK103") == []
    assert look(docker_archive(replace(SPEC, config={"history": None})), "LK103") == []


def test_lk104_counts_the_oci_manifest_against_its_config(look: Look) -> None:
    [finding] = look(oci_layout(replace(PACKED, manifest={"layers": lambda ls: ls[:-1]})), "LK104", deep=True)
    assert "lists 5 layers, its config promises 6: 1 layer of the config is not listed (position 5)" in finding.message
    assert finding.positions == (5,)


def test_lk104_looks_at_the_second_half_of_a_hybrid(look: Look) -> None:
    tar = hybrid(replace(PACKED, manifest={"layers": lambda ls: ls[:-1]}))
    assert [f.severity for f in look(tar, "LK104")] == ["error"]
    assert look(tar, "LK101") == []
    assert look(hybrid(PACKED), "LK104") == []


def test_lk104_leaves_a_missing_rootfs_to_its_own_rule(look: Look) -> None:
    assert look(oci_layout(replace(PACKED, config={"rootfs": None})), "LK104") == []


def test_lk105_compares_the_configs_of_both_halves(look: Look) -> None:
    other = Spec(stack("else", range(6)), tags=("registry.example/shop/else:1",))
    [finding] = look(hybrid(PACKED, classic=(other,)), "LK105")
    assert "two different images" in finding.message
    assert finding.evidence["docker_config"] != finding.evidence["oci_config"]


def test_lk105_compares_the_layers_by_the_bytes_they_lead_to(look: Look) -> None:
    def swap(layers: list[object]) -> list[object]:
        return [layers[1], layers[0], *layers[2:]]

    [finding] = look(hybrid(replace(SPEC, manifest={"layers": swap})), "LK105")
    assert finding.message == (
        "manifest.json and the OCI manifest lead to different bytes for 2 layers (positions 0 and 1 of their lists)."
    )
    assert finding.positions == (0, 1)


def test_lk105_is_silent_where_the_halves_agree_or_there_is_one(look: Look) -> None:
    assert look(hybrid(PACKED), "LK105") == []
    assert look(hybrid(replace(SPEC, stored={0: None})), "LK105") == []
    assert look(docker_archive(SPEC), "LK105") == []


def test_lk105_takes_two_compressions_of_one_layer_for_the_same(look: Look) -> None:
    plain_half = hybrid(PACKED, classic=(replace(SPEC, config_bytes=PACKED.config_json),))
    assert look(plain_half, "LK105") == []
