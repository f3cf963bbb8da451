"""LK201, LK204, LK206, LK210, LK211: blobs left out, resized, renamed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from layerkit.digest import chain_ids
from layerkit.inventory import Inventory
from tests.images import ABSENT, Spec, docker_archive, hybrid, oci_layout, pack, sha256, stack

from .conftest import Look

LAYERS = stack("blobs", range(5))
SPEC = Spec(LAYERS)
PACKED = replace(SPEC, compression="gzip")
BOTTOM: Mapping[int | str, None] = {0: None, 1: None}


@pytest.mark.parametrize("write", [docker_archive, oci_layout, hybrid])
@pytest.mark.parametrize(
    ("absent", "omittable"), [((0, 1), True), ((0,), True), ((2,), False), ((0, 2), False), ((4,), False)]
)
def test_lk201_tells_whether_a_target_may_hold_what_is_absent(
    write: object, absent: tuple[int, ...], omittable: bool, look: Look
) -> None:
    [finding] = look(write(replace(SPEC, stored=dict.fromkeys(absent))), "LK201")  # type: ignore[operator]
    assert finding.severity == "error"
    assert finding.positions == absent
    assert finding.evidence["omittable"] is omittable
    assert finding.evidence["absent"] == len(absent)


def test_lk201_names_the_layer_and_counts(look: Look) -> None:
    [finding] = look(docker_archive(replace(SPEC, names=tuple(f"{n}.tar" for n in "abcde"), stored={2: None})), "LK201")
    assert finding.message == '1 of the 5 layers that manifest.json lists is not there (position 2): "c.tar".'
    [finding] = look(oci_layout(replace(PACKED, stored={2: None, 3: None})), "LK201")
    assert finding.message == "2 of the 5 layers that the OCI manifest lists are not there (positions 2 and 3)."


def test_lk201_wants_real_diff_ids_below(look: Look) -> None:
    banana = ("banana", *SPEC.true_diff_ids[1:])
    [finding] = look(docker_archive(replace(SPEC, diff_ids=banana, stored=BOTTOM)), "LK201")
    assert finding.evidence["omittable"] is False


def test_lk201_says_nothing_of_layers_that_the_target_holds(look: Look) -> None:
    held = Inventory("edge", runtime="docker", chain_ids=frozenset(list(chain_ids(SPEC.true_diff_ids))[:2]))
    assert look(docker_archive(replace(SPEC, stored=BOTTOM)), "LK201", held=held) == []
    [finding] = look(docker_archive(replace(SPEC, stored={**BOTTOM, 2: None})), "LK201", held=held)
    assert finding.positions == (2,)
    assert finding.evidence["omittable"] is True, "held and absent together are a prefix"


def test_lk201_looks_at_the_second_half_too(look: Look) -> None:
    plain_half = replace(SPEC, config_bytes=PACKED.config_json)
    tar = hybrid(replace(PACKED, stored={0: None}), classic=(plain_half,))
    [finding] = look(tar, "LK201")
    assert "the OCI manifest lists" in finding.message
    assert finding.positions == (0,)
    assert finding.evidence["omittable"] is True
    held = Inventory("edge", runtime="docker", chain_ids=frozenset(chain_ids(SPEC.true_diff_ids)))
    assert look(tar, "LK201", held=held) == []


def test_lk201_knows_no_prefix_where_the_config_is_gone(look: Look) -> None:
    [finding] = look(docker_archive(replace(SPEC, stored={"config": None, 0: None})), "LK201")
    assert finding.evidence["omittable"] is False


def test_lk204_cannot_tell_a_cut_layer_from_a_wrong_number_until_it_reads(look: Look) -> None:
    def grow(layers: list[dict[str, int]]) -> list[dict[str, int]]:
        return [{**layers[0], "size": layers[0]["size"] + 9}, *layers[1:]]

    tar = oci_layout(replace(PACKED, manifest={"layers": grow}))
    [shallow], [deep] = look(tar, "LK204"), look(tar, "LK204", deep=True)
    assert (shallow.severity, deep.severity) == ("error", "warning")
    assert deep.message.endswith("; its bytes are the right ones.")
    [layer] = shallow.evidence["layers"]
    assert layer["expected"] == layer["got"] + 9
    [cut] = look(oci_layout(replace(PACKED, stored={0: lambda b: b[:-9]})), "LK204", deep=True)
    assert cut.severity == "error"


def test_lk204_puts_many_layers_into_one_finding(look: Look) -> None:
    tar = oci_layout(replace(PACKED, manifest={"layers": lambda ls: [{**d, "size": 5} for d in ls]}))
    [finding] = look(tar, "LK204")
    assert finding.positions == (0, 1, 2, 3, 4)
    assert finding.message.endswith("says 5, and 4 other layers likewise.")


def test_lk204_compares_config_and_manifest_sizes(look: Look) -> None:
    tar = oci_layout(replace(PACKED, manifest={"config": lambda c: {**c, "size": c["size"] + 1}}))
    assert [f.severity for f in look(tar, "LK204")] == ["error"]
    tar = oci_layout(replace(PACKED, descriptor={"size": 7}))
    [finding] = look(tar, "LK204")
    assert finding.severity == "warning"
    assert "its descriptor in index.json says 7" in finding.message


def test_lk204_is_silent_on_right_absent_and_ungiven_sizes(look: Look) -> None:
    assert look(oci_layout(PACKED), "LK204") == []
    assert look(oci_layout(replace(PACKED, stored={1: None})), "LK204") == []
    assert look(oci_layout(replace(PACKED, descriptor={"size": ABSENT})), "LK204") == []


def test_lk206_is_a_warning_in_manifest_json_and_an_error_in_oci(look: Look) -> None:
    [finding] = look(docker_archive(replace(SPEC, config_name="0" * 64 + ".json")), "LK206")
    assert finding.severity == "warning"
    assert finding.message == (
        f"The config that manifest.json names sha256:{'0' * 12} hashes to {sha256(SPEC.config_json)[:19]}."
    )
    altered: Mapping[int | str, Callable[[bytes], bytes]] = {"config": lambda b: b.replace(b"amd64", b"arm64")}
    for tar in (oci_layout(replace(PACKED, stored=altered)), hybrid(replace(PACKED, stored=altered))):
        [finding] = look(tar, "LK206")
        assert finding.severity == "error"
        assert finding.evidence["expected"] == sha256(PACKED.config_json)


def test_lk206_takes_a_name_that_is_no_digest_as_it_is(look: Look) -> None:
    assert look(docker_archive(replace(SPEC, config_name="config.json")), "LK206") == []
    assert look(docker_archive(SPEC), "LK206") == []
    assert look(docker_archive(replace(SPEC, stored={"config": None})), "LK206") == []


def test_lk210_tells_absent_from_unreadable(look: Look) -> None:
    [absent] = look(oci_layout(replace(PACKED, stored={"config": None})), "LK210")
    assert absent.message.endswith("that the OCI manifest names is not there.")
    [text] = look(docker_archive(replace(SPEC, config_bytes=b"no \x1b[31m json")), "LK210")
    assert "cannot be read: not JSON" in text.message
    [shape] = look(docker_archive(replace(SPEC, config_bytes=b"[1]")), "LK210")
    assert "not an object" in shape.message
    [none] = look(docker_archive(replace(SPEC, entry={"Config": ABSENT})), "LK210")
    assert none.message == "No config is named for this image in manifest.json."


def test_lk210_is_silent_on_a_config_that_can_be_read(look: Look) -> None:
    for tar in (docker_archive(SPEC), oci_layout(PACKED), hybrid(PACKED)):
        assert look(tar, "LK210") == []


def test_lk210_looks_at_the_config_of_the_second_half(look: Look) -> None:
    tar = hybrid(replace(PACKED, stored={"config": None}), classic=(replace(SPEC, config={"author": "else"}),))
    [finding] = look(tar, "LK210")
    assert finding.message == (
        f"The config {sha256(PACKED.config_json)[:19]} that the OCI manifest names is not there."
    )


def test_lk211_tells_absent_altered_and_unreadable(look: Look, tmp_path: Path) -> None:
    [absent] = look(oci_layout(replace(PACKED, stored={"manifest": None})), "LK211")
    assert absent.message == f"The manifest {sha256(PACKED.manifest_json)[:19]} that index.json names is not there."
    [altered] = look(oci_layout(replace(PACKED, stored={"manifest": lambda b: b + b" "})), "LK211")
    assert "hashes to" in altered.message
    [text] = look(oci_layout(replace(PACKED, manifest_bytes=b"no json")), "LK211")
    assert "cannot be read: not JSON" in text.message


def test_lk211_is_silent_where_the_manifest_is_there(look: Look) -> None:
    for tar in (docker_archive(SPEC), oci_layout(PACKED), oci_layout(PACKED, nested=True), hybrid(PACKED)):
        assert look(tar, "LK211") == []


def test_a_layer_of_the_wrong_length_is_not_called_absent(look: Look) -> None:
    tar = oci_layout(replace(PACKED, stored={1: pack(LAYERS[2], "gzip") + b"x"}))
    assert look(tar, "LK201") == []
