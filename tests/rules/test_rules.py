"""What holds for every rule: the list of codes, the texts, and that nothing hostile makes one raise."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerkit.diagnosis import diagnose
from layerkit.frames import read_frames
from layerkit.rules import RULES
from tests.images import CASES, DEFECTS, Spec, docker_archive, hybrid, oci_layout, stack, steps

from .conftest import BY_CODE, Look, check

CODES = [
    *(f"LK1{n:02}" for n in range(1, 6)),
    *(f"LK2{n:02}" for n in range(1, 12)),
    *(f"LK3{n:02}" for n in range(1, 12)),
    *(f"LK4{n:02}" for n in range(1, 10)),
]
LAYERS = stack("sound", range(4))
NAME = "registry.example/shop/app:1.0"


def test_every_code_of_the_design_has_its_rule_in_order() -> None:
    assert [rule.code for rule in RULES] == CODES


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_rule_explains_itself(rule: object) -> None:
    why = BY_CODE[rule.code].why  # type: ignore[attr-defined]
    sentences = re.findall(r"[.!?](?:\s|$)", why)
    assert 2 <= len(sentences) <= 5, why
    title = BY_CODE[rule.code].title  # type: ignore[attr-defined]
    assert title
    assert not title.endswith(".")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_rule_requires_what_is_there_and_runs_before_it(rule: object) -> None:
    this = BY_CODE[rule.code]  # type: ignore[attr-defined]
    assert this.requires <= set(CODES) - {this.code}
    if this.scope == "file":
        assert all(BY_CODE[code].scope == "file" for code in this.requires)


@pytest.mark.parametrize("name", DEFECTS)
def test_each_defect_is_found_by_its_rule(name: str, look: Look) -> None:
    findings = look(DEFECTS[name](), name[:5], deep=True)
    assert findings
    for finding in findings:
        assert finding.code == name[:5]
        assert finding.fix.endswith(".")


@pytest.mark.parametrize("name", [*CASES, *DEFECTS])
@pytest.mark.parametrize("deep", [False, True])
def test_no_rule_raises_even_where_its_ground_is_gone(name: str, deep: bool, tmp_path: Path) -> None:
    path = tmp_path / "image.tar"
    path.write_bytes(DEFECTS[name]() if name in DEFECTS else CASES[name](name))
    frames = read_frames(path, deep=deep)
    for rule in RULES:
        for finding in check(rule, frames):
            assert json.dumps(finding.evidence)
            assert finding.message.isprintable()
            assert finding.message.endswith(".")
            assert len(finding.message) < 1000


SEEDS = [
    DEFECTS["LK404 mixed"](),
    bytes(hybrid(Spec(LAYERS[:2]))),
    bytes(oci_layout(Spec(LAYERS[:2], compression="gzip"))),
]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_rule_raises_on_flipped_cut_and_spliced_bytes(data: st.DataObject) -> None:
    raw = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        match data.draw(st.sampled_from(["flip", "cut", "splice"])):
            case "flip":
                raw[at] ^= data.draw(st.integers(1, 255))
            case "cut":
                raw = raw[: at + 1]
            case _:
                raw[at:at] = raw[max(0, at - 700) : at]
    with tempfile.NamedTemporaryFile(suffix=".tar") as file:
        file.write(raw)
        file.flush()
        frames = read_frames(file.name, deep=True)
        for rule in RULES:
            assert all(f.message.isprintable() for f in check(rule, frames))


OLD_SAVE = Spec(
    (LAYERS[0], LAYERS[1], LAYERS[0]), names=("a/layer.tar", "b/layer.tar", "c/layer.tar"), stored={2: None}
)
WORKDIR = Spec((LAYERS[0], LAYERS[1], LAYERS[1], LAYERS[1]), names="colon")
SOUND = {
    "docker save": docker_archive(Spec(LAYERS)),
    "v1 names": docker_archive(Spec(LAYERS, names="v1")),
    "skopeo names": docker_archive(Spec(LAYERS, names="colon")),
    "gzip layers": docker_archive(Spec(LAYERS, compression="gzip")),
    "symlinked duplicate": docker_archive(OLD_SAVE).symlink("c/layer.tar", "../a/layer.tar"),
    "repeated diff ID": docker_archive(WORKDIR),
    "no history": docker_archive(Spec(LAYERS, config={"history": []})),
    "empty steps": docker_archive(Spec(LAYERS, config={"history": steps(*"abcdef", empty=[1, 4])})),
    "no layers": docker_archive(Spec(())),
    "two images": docker_archive(Spec(LAYERS), Spec(LAYERS[:2], tags=("b:2",))),
    "hybrid": hybrid(Spec(LAYERS)),
    "hybrid gzip": hybrid(Spec(LAYERS, compression="gzip")),
    "oci": oci_layout(Spec(LAYERS, compression="gzip")),
    "oci without a name": oci_layout(Spec(LAYERS, compression="gzip", tags=None, ref="")),
    "oci nested": oci_layout(Spec(LAYERS, compression="gzip"), nested=True),
    "oci plain": oci_layout(Spec(LAYERS)),
    "arm64": oci_layout(Spec(LAYERS, config={"architecture": "arm64", "variant": "v8"})),
    "125 layers": docker_archive(Spec(stack("deep", range(125)))),
}


@pytest.mark.parametrize("name", SOUND)
@pytest.mark.parametrize("deep", [False, True])
def test_sound_archives_give_no_finding_at_all(name: str, deep: bool, tmp_path: Path) -> None:
    frames = read_frames(SOUND[name].write(tmp_path / "image.tar"), deep=deep)
    assert frames.alignments
    assert [f for rule in RULES for f in check(rule, frames)] == []


def test_a_sound_layout_folder_gives_no_finding(tmp_path: Path) -> None:
    folder = oci_layout(Spec(LAYERS, compression="gzip")).unpack(tmp_path / "layout")
    frames = read_frames(folder, deep=True)
    assert frames.alignments
    assert [f for rule in RULES for f in check(rule, frames)] == []


def test_a_rule_without_ground_is_not_checked_and_says_why(tmp_path: Path) -> None:
    path = tmp_path / "image.tar"
    path.write_bytes(DEFECTS["LK210 absent"]())
    outcomes = {o.rule.code: o for o in diagnose(path).all_outcomes}
    assert outcomes["LK101"].passed is None
    assert outcomes["LK101"].skipped_because == "LK210 did not pass"
    assert outcomes["LK201"].passed is True


def test_a_warning_takes_no_ground_away(tmp_path: Path) -> None:
    path = tmp_path / "image.tar"
    path.write_bytes(DEFECTS["LK406 type"]())
    outcomes = {o.rule.code: o for o in diagnose(path).all_outcomes}
    assert outcomes["LK406"].passed is False
    assert outcomes["LK101"].passed is True
