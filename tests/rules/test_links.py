"""LK307, LK309, LK311: links and empty paths."""

from __future__ import annotations

from dataclasses import replace

from tests.images import Spec, docker_archive, oci_layout, stack

from .conftest import Look

LAYERS = stack("members", range(3))
SPEC = Spec(LAYERS, names=("a/layer.tar", "b/layer.tar", "c/layer.tar"))
PACKED = replace(SPEC, compression="gzip")
GOOD = docker_archive(SPEC)


def test_lk307_tells_where_a_link_leads(look: Look) -> None:
    for target, words in (
        ("../nowhere\x1b[2J/x.tar", "leads to nothing"),
        ("../../../etc/passwd", "leads out of the archive"),
        ("layer.tar", "leads in a circle"),
    ):
        tar = docker_archive(replace(SPEC, stored={1: None})).symlink("b/layer.tar", target)
        [finding] = look(tar, "LK307")
        assert words in finding.message
        assert finding.severity == "error"
        assert finding.message.isprintable()


def test_lk307_minds_stray_links_only_where_containerd_does(look: Look) -> None:
    assert [f.severity for f in look(GOOD.symlink("stray", "nowhere"), "LK307")] == ["error"]
    assert [f.severity for f in look(oci_layout(PACKED).symlink("stray", "nowhere"), "LK307")] == ["info"]


def test_lk307_is_silent_on_links_that_lead_somewhere(look: Look) -> None:
    assert look(GOOD.symlink("d/layer.tar", "../a/layer.tar").hardlink("e", "b/layer.tar"), "LK307") == []


def test_lk309_counts_empty_paths(look: Look) -> None:
    [finding] = look(docker_archive(replace(SPEC, entry={"Layers": lambda ns: ["", "", ns[2]]})), "LK309")
    assert finding.severity == "warning"
    assert finding.positions == (0, 1)
    assert "for 2 layers (positions 0 and 1)" in finding.message
    assert look(GOOD, "LK309") == []


def test_lk311_knows_which_links_are_followed(look: Look) -> None:
    alone = docker_archive(replace(SPEC, stored={1: None})).file("x.tar", LAYERS[1])
    [symbolic] = look(alone.symlink("b/layer.tar", "../x.tar"), "LK311")
    assert symbolic.evidence["kind"] == "symbolic"
    assert symbolic.positions == (1,)
    [hard] = look(alone.hardlink("b/layer.tar", "x.tar"), "LK311")
    assert "containerd does not see hard links" in hard.message


def test_lk311_lets_the_second_of_two_equal_layers_be_a_link(look: Look) -> None:
    twice = Spec((LAYERS[0], LAYERS[1], LAYERS[0]), names=SPEC.names, stored={2: None})
    assert look(docker_archive(twice).symlink("c/layer.tar", "../a/layer.tar"), "LK311") == []
    first = replace(twice, stored={0: None})
    [finding] = look(docker_archive(first).symlink("a/layer.tar", "../c/layer.tar"), "LK311")
    assert finding.positions == (0,), "podman reads the first occurrence"
    assert look(GOOD, "LK311") == []


def test_lk311_leaves_links_to_nothing_to_lk307(look: Look) -> None:
    tar = docker_archive(replace(SPEC, stored={1: None})).symlink("b/layer.tar", "../nowhere/x.tar")
    assert look(tar, "LK311") == []
    assert len(look(tar, "LK307")) == 1
