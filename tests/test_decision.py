from __future__ import annotations

import io
from collections.abc import Sequence

import pytest

from layerkit.alignment import Alignment
from layerkit.decision import decide
from layerkit.digest import chain_ids
from layerkit.errors import FormatError
from layerkit.frames import read_frames
from layerkit.inventory import Inventory
from layerkit.plan import Action, size_text
from layerkit.sources import open_stream

from .images import DEFECTS, Spec, docker_archive, oci_layout, pack, sha256, stack

LAYERS = stack("plan", range(5))
IMAGE = Spec(LAYERS, compression="gzip")
OTHER = Spec((*stack("other", range(1)), *LAYERS[1:]), tags=("registry.example/shop/other:1",), compression="gzip")
CHAIN = list(chain_ids(IMAGE.true_diff_ids))
DIFFS = IMAGE.true_diff_ids
BLOBS = [sha256(pack(layer, "gzip")) for layer in LAYERS]


def aligned(data: bytes) -> Alignment:
    (alignment,) = read_frames(open_stream(io.BytesIO(data), "test", deep=True), deep=True).alignments
    return alignment


def of(spec: Spec) -> Alignment:
    return aligned(bytes(oci_layout(spec)))


def actions(alignments: Sequence[Alignment], *targets: Inventory) -> list[Action]:
    return [step.action for step in decide(alignments, targets).steps]


S: Action = "skip"
R: Action = "reuse"


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (Inventory("a", "docker", store="classic", chain_ids=frozenset(CHAIN[:3])), [S, S, S, R, R]),
        (Inventory("a", "docker", store="classic", diff_ids=frozenset(DIFFS), blobs=frozenset(BLOBS)), [R] * 5),
        (Inventory("a", "docker", store="classic", chain_ids=frozenset(CHAIN[1:3])), [R] * 5),
        (Inventory("a", "docker", store="containerd", chain_ids=frozenset(CHAIN[:1])), [S, R, R, R, R]),
        (Inventory("a", "docker", store="containerd", blobs=frozenset([BLOBS[3]])), [R, R, R, S, R]),
        (Inventory("a", "containerd", chain_ids=frozenset(CHAIN[:2]), blobs=frozenset([BLOBS[4]])), [S, S, R, R, S]),
        (Inventory("a", "podman", diff_ids=frozenset([DIFFS[1], DIFFS[3]])), [R, S, R, S, R]),
        (Inventory("a", "podman", blobs=frozenset([BLOBS[2]])), [R, R, S, R, R]),
        (Inventory("old.tar", chain_ids=frozenset(CHAIN), diff_ids=frozenset(DIFFS)), [S] * 5),
        (Inventory("old.tar", diff_ids=frozenset(DIFFS)), [R] * 5),
    ],
    ids=[
        "docker, a bottom run",
        "docker knows no layer outside its chain",
        "docker, a hole at the bottom",
        "containerd store, a bottom run",
        "containerd store, a blob anywhere",
        "containerd, both",
        "podman, diff IDs anywhere",
        "podman, a blob anywhere",
        "of unknown make, a whole chain",
        "of unknown make, no chain",
    ],
)
def test_what_a_target_can_do_without(target: Inventory, expected: list[Action]) -> None:
    assert actions([of(IMAGE)], target) == expected


def test_several_targets_leave_out_what_all_hold() -> None:
    near = Inventory("near", "docker", store="classic", chain_ids=frozenset(CHAIN[:4]))
    far = Inventory("far", "docker", store="classic", chain_ids=frozenset(CHAIN[:2]))
    pod = Inventory("pod", "podman", diff_ids=frozenset(DIFFS[:1]))
    assert actions([of(IMAGE)], near, far) == [S, S, R, R, R]
    assert actions([of(IMAGE)], near, far, pod) == [S, R, R, R, R]


def test_a_layer_that_another_image_carries_is_not_left_out() -> None:
    target = Inventory("a", "docker", store="classic", chain_ids=frozenset(CHAIN[:3]))
    plan = decide([of(IMAGE), of(OTHER)], [target])
    assert [s.action for s in plan.steps_of(0)] == [S, R, R, R, R]
    assert len(plan.carried) == len({step.digest for step in plan.carried}) == 5
    assert [step.position for step in plan.skipped] == [0]
    assert plan.travel_bytes == sum(step.size for step in plan.carried)


def test_without_a_target_everything_is_carried() -> None:
    plan = decide([of(IMAGE)])
    assert {s.action for s in plan.steps} == {R}
    assert not plan.is_delta
    assert "travel" in plan.sentence


def test_an_oci_archive_names_plain_digests_for_podman() -> None:
    pod = Inventory("pod", "podman", diff_ids=frozenset(DIFFS[:2]))
    assert decide([of(IMAGE)], [pod], form="oci").packing == "plain"
    assert decide([of(IMAGE)], [pod]).packing == "keep"
    assert actions([of(IMAGE), of(OTHER)], pod).count(S) > 0
    assert not decide([of(IMAGE), of(OTHER)], [pod], form="oci").is_delta


@pytest.mark.parametrize(
    "defect",
    [
        "LK101 fewer",
        "LK101 more",
        "LK102",
        "LK104",
        "LK201 docker",
        "LK202",
        "LK205",
        "LK207",
        "LK210 text",
        "LK406 absent",
    ],
)
def test_an_image_whose_claims_disagree_is_refused(defect: str) -> None:
    with pytest.raises(FormatError) as caught:
        decide([aligned(DEFECTS[defect]())])
    assert caught.value.hint


def test_frame_and_json_say_the_same() -> None:
    target = Inventory("site", "docker", store="classic", chain_ids=frozenset(CHAIN[:3]))
    plan = decide([aligned(bytes(docker_archive(IMAGE)))], [target])
    doc = plan.to_dict()
    assert list(plan.frame["action"]) == [step["action"] for step in doc["steps"]] == [S, S, S, R, R]
    assert doc["bytes"]["skip"] + doc["bytes"]["travel"] == plan.frame["size"].sum()
    assert all("site" in reason for reason in plan.frame["reason"][:3])


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (41_300_000, "41 MB"), (2.1e9, "2.1 GB"), (5e13, "50.0 TB")],
)
def test_sizes_for_people(count: int, text: str) -> None:
    assert size_text(count) == text
