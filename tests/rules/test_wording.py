"""How findings put things."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerkit.frames import read_frames
from layerkit.rules.wording import again, count, listing, named, quote, short, spans
from tests.images import Spec, docker_archive, oci_layout, stack


@pytest.mark.parametrize(
    ("positions", "said"),
    [
        ([3], "position 3"),
        (range(11), "positions 0 to 10"),
        ([4, 5], "positions 4 and 5"),
        ([9, 1, 4, 5, 6], "positions 1, 4 to 6 and 9"),
        ([1, 4, 5], "positions 1 and 4 to 5"),
        (range(0, 20, 2), "positions 0, 2, 4, 6, 8, 10 and 4 more"),
        ([], "positions "),
    ],
)
def test_positions_are_put_as_runs(positions: list[int], said: str) -> None:
    assert spans(positions) == said


def test_numbers_agree_with_their_nouns() -> None:
    assert [count(n, "entry") for n in (0, 1, 2)] == ["0 entries", "1 entry", "2 entries"]
    assert [count(n, "layer") for n in (0, 1, 2)] == ["0 layers", "1 layer", "2 layers"]
    assert listing(["a"]) == "a"
    assert listing(["a", "b", "c"]) == "a, b and c"
    assert listing(["a", "b", "c"], 2) == "a, b and 1 more"


def test_digests_are_shortened_and_nothing_else_is_taken_for_one() -> None:
    digest = "sha256:" + "0123456789abcdef" * 4
    assert short(digest) == named(digest) == "sha256:0123456789ab"
    assert short("sha256:\x1b[2J") == '"sha256:\\x1b[2J"'
    assert short(None) == "nothing"
    assert named("a/layer.tar") == '"a/layer.tar"'


def test_foreign_text_is_escaped_and_bounded() -> None:
    assert quote("\x1b[31m\u202e\ud800") == '"\\x1b[31m\\u202e\\ud800"'
    assert len(quote("x" * 10_000_000)) <= 102


@pytest.mark.parametrize(
    ("tag", "command"),
    [
        ("redis:7", "`docker save -o FIXED.tar redis:7`"),
        ("docker.io/library/redis:7", "`docker save -o FIXED.tar redis:7`"),
        ("x; rm -rf ~", "`docker save -o FIXED.tar IMAGE`"),
        ("$(id):1", "`docker save -o FIXED.tar IMAGE`"),
    ],
)
def test_a_command_holds_only_names_that_a_shell_takes_as_they_are(tag: str, command: str, tmp_path: Path) -> None:
    tar = docker_archive(Spec(stack("w", range(1)), tags=(tag,)))
    frames = read_frames(tar.write(tmp_path / "image.tar"))
    assert again(frames.alignments[0]) == command


def test_an_oci_image_is_copied_under_its_name_but_not_under_a_bare_tag(tmp_path: Path) -> None:
    for tags, command in (
        (("a.example/b:1",), "`skopeo copy docker://a.example/b:1 oci-archive:FIXED.tar:a.example/b:1`"),
        (None, "`skopeo copy docker://IMAGE oci-archive:FIXED.tar:IMAGE`"),
    ):
        tar = oci_layout(Spec(stack("w", range(1)), tags=tags, ref="1.0"))
        frames = read_frames(tar.write(tmp_path / "image.tar"))
        assert again(frames.alignments[0]) == command
