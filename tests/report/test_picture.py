"""The lanes: what each claim says of each position, and that a smaller picture hides no gap."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from layerkit.frames import Frames
from layerkit.report.picture import Picture, draw
from layerkit.report.plain import Plain
from tests.images import Spec, docker_archive, hybrid, layer, steps

from .build import frames_of, trimmed

LAYERS = tuple(layer("picture", number, 300) for number in range(6))


def lanes(frames: Frames) -> dict[str, str]:
    return {lane.name: lane.cells for lane in picture(frames).lanes}


def picture(frames: Frames) -> Picture:
    drawn = draw(frames.alignments[0], frames.source.format)
    assert drawn is not None
    return drawn


def test_a_trimmed_prefix_is_a_gap_at_the_bottom(frames: Frames) -> None:
    drawn = picture(frames)
    assert lanes(frames) == {
        "config": "#" * 36,
        "manifest": "." * 11 + "#" * 25,
        "history": "#" * 36,
        "bytes": "." * 11 + "#" * 25,
    }
    assert [(lane.count, lane.agrees) for lane in drawn.lanes] == [
        ("36", True),
        ("25", False),
        ("36", True),
        ("25", False),
    ]
    assert drawn.lanes[1].describe(1) == "manifest: 25, missing at 0 to 10"
    assert drawn.legend == (("#", "there"), (".", "missing"))


def test_every_other_state(tmp_path: Path) -> None:
    whole = Spec(LAYERS, names="colon", stored={1: None, 3: layer("other", 0, 300)})
    config = {"history": steps(*(f"step {number}" for number in range(7)))}
    frames = frames_of(docker_archive(replace(whole, config=config)), tmp_path, deep=True)
    assert lanes(frames) == {
        "config": "###### ",
        "manifest": "###### ",
        "history": "######+",
        "bytes": "#.#!## ",
    }
    surplus = docker_archive(replace(whole, stored={}, diff_ids=whole.true_diff_ids[:4]))
    drawn = lanes(frames_of(surplus, tmp_path, deep=True))
    assert drawn["config"] == "####  "
    assert drawn["manifest"] == drawn["bytes"] == "####++"
    silent = docker_archive(replace(whole, stored={}, config={"history": []}))
    assert lanes(frames_of(silent, tmp_path))["history"] == " " * 6
    short = docker_archive(replace(whole, stored={}, config={"history": steps("one", "two")}))
    assert lanes(frames_of(short, tmp_path))["history"] == "##...."


@pytest.mark.parametrize("kept", [range(2, 6), range(4), (0, 1, 4, 5)])
def test_oci_manifest_that_disagrees_is_a_fifth_lane(tmp_path: Path, kept: range) -> None:
    whole = Spec(LAYERS, names="blobs")
    assert "oci" not in lanes(frames_of(hybrid(whole), tmp_path))
    short = Spec(tuple(LAYERS[i] for i in kept), names="blobs", config_bytes=whole.config_json)
    fewer_docker = lanes(frames_of(hybrid(whole, classic=(short,)), tmp_path))
    assert fewer_docker["oci"] == "######"
    assert fewer_docker["manifest"] == "".join("#" if i in kept else "." for i in range(6))
    fewer_oci = lanes(frames_of(hybrid(short, classic=(whole,)), tmp_path))
    assert fewer_oci["oci"] == "".join("#" if i in kept else "." for i in range(6))


def test_a_smaller_picture_shows_the_worst(tmp_path: Path) -> None:
    frames = frames_of(trimmed(total=127, missing=1), tmp_path)
    small = picture(frames).fit(60)
    assert small.step == 3
    assert small.columns == 43
    assert {lane.name: lane.cells[:2] for lane in small.lanes}["manifest"] == ".#"
    assert list(small.ticks(10)) == [(0, 0), (10, 30), (20, 60), (30, 90), (40, 120)]
    assert small.note.startswith("Each mark stands for 3 positions")
    assert "about 0 to 2" in small.lanes[1].describe(small.step)


@pytest.mark.parametrize("width", [40, 80, 100])
def test_lines_keep_to_the_width(tmp_path: Path, width: int) -> None:
    drawn = picture(frames_of(trimmed(total=127), tmp_path))
    assert max(map(len, Plain(width).draw(drawn))) <= width


def test_no_layers_no_picture(tmp_path: Path) -> None:
    [alignment] = frames_of(docker_archive(Spec(())), tmp_path).alignments
    assert draw(alignment, "docker-archive") is None
