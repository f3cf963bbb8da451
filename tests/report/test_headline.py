"""The first sentence: counts that never change sides, gaps named by where they lie, the worst thing first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from layerkit.finding import Cause, Finding, Outcome
from layerkit.frames import Frames, read_frames
from layerkit.inventory import Inventory
from layerkit.report import Headline, ImageReport, Report
from layerkit.report.headline import headline
from tests.images import EMPTY_LAYER, Spec, Tar, docker_archive, hybrid, layer, steps
from tests.images.build import Stored

from .build import ABSENT, ARCHIVE, BYTES, COUNTS, MEMBERS, frames_of, report_of, sound_of, trimmed

LAYERS = tuple(layer("headline", number, 300) for number in range(6))
Drop = Callable[[int], bool]


def spec(**knobs: object) -> Spec:
    return Spec(LAYERS, **{"names": "colon", "tags": ("shop/app:1",), **knobs})  # type: ignore[arg-type]


def listing(*positions: int, **knobs: object) -> Tar:
    """manifest.json lists only these positions, and only their bytes are stored."""
    whole = spec(**knobs)
    stored: dict[int | str, Stored] = {position: None for position in range(6) if position not in positions}
    entry = {"Layers": [whole.layer_names[position] for position in positions]}
    return docker_archive(replace(whole, stored=stored, entry=entry))


def plain(frames: Frames, *findings: Finding) -> Headline:
    """The headline of the image alone, with these findings and no cause."""
    outcomes = (Outcome(COUNTS, findings),)
    images = tuple(ImageReport(a, outcomes) for a in frames.alignments)
    return headline(report_of(frames, images=images, outcomes=()))


def test_direction_of_the_counts(report: Report) -> None:
    head = headline(report)
    assert head.sentence == (
        "manifest.json lists 25 of the 36 layers that the config promises. "
        "The lowest 11 are neither listed nor in the file."
    )
    assert head.detail.startswith("An incremental exporter")
    assert head.advice.startswith("Export the image again with every layer listed")


def test_more_listed_than_promised(tmp_path: Path) -> None:
    whole = spec()
    tar = docker_archive(replace(whole, diff_ids=whole.true_diff_ids[:4]))
    sentence = plain(frames_of(tar, tmp_path, deep=True)).sentence
    assert sentence == (
        "manifest.json lists 6 layers, but the config promises only 4. "
        "The 2 at positions 4 and 5 are no promised layers."
    )


@pytest.mark.parametrize(
    ("positions", "who"),
    [
        ((0, 1, 2, 3), "The topmost 2 are"),
        ((0, 1, 2, 3, 4), "The topmost is"),
        ((1, 2, 3, 4, 5), "The lowest is"),
        ((0, 1, 3, 4, 5), "Layer 2 is"),
        ((0, 2, 5), "The 3 at positions 1, 3 and 4 are"),
        ((0, 5), "The 4 at positions 1 to 4 are"),
    ],
)
def test_which_layers_are_gone(tmp_path: Path, positions: tuple[int, ...], who: str) -> None:
    sentence = plain(frames_of(listing(*positions), tmp_path)).sentence
    first = f"manifest.json lists {len(positions)} of the 6 layers that the config promises."
    assert sentence == f"{first} {who} neither listed nor in the file."


def test_nothing_listed(tmp_path: Path) -> None:
    sentence = plain(frames_of(listing(), tmp_path)).sentence
    assert sentence == (
        "manifest.json lists none of the 6 layers that the config promises. "
        "All of them are neither listed nor in the file."
    )


def test_names_that_tell_nothing_are_not_guessed_at(tmp_path: Path) -> None:
    names = tuple(f"layer-{number}.tar" for number in range(6))
    fewer = listing(2, 3, 4, 5, names=names)
    first = "manifest.json lists 4 of the 6 layers that the config promises."
    assert plain(frames_of(fewer, tmp_path)).sentence == (
        f"{first} Which 2 are missing cannot be told from the names; --deep reads the layers and tells."
    )
    assert plain(frames_of(fewer, tmp_path, deep=True)).sentence == (
        f"{first} The lowest 2 are neither listed nor in the file."
    )
    whole = spec(names=names)
    more = docker_archive(replace(whole, diff_ids=whole.true_diff_ids[1:]))
    assert plain(frames_of(more, tmp_path)).sentence == (
        "manifest.json lists 6 layers, but the config promises only 5. "
        "Which 1 is too many cannot be told from the names; --deep reads the layers and tells."
    )


def test_stored_and_not_listed(tmp_path: Path) -> None:
    whole = spec()
    tar = docker_archive(replace(whole, entry={"Layers": list(whole.layer_names[2:])}))
    assert plain(frames_of(tar, tmp_path)).sentence.endswith("The lowest 2 are in the file, but not listed.")


def test_a_repeated_layer_listed_once(tmp_path: Path) -> None:
    layers = (*LAYERS, LAYERS[1])
    whole = Spec(layers, names="colon")
    tar = docker_archive(replace(whole, entry={"Layers": list(whole.layer_names[:6])}))
    assert plain(frames_of(tar, tmp_path)).sentence.endswith(
        "Layer 6 is the same as layer 1, and was not listed again."
    )


def test_listed_by_the_oci_half_only(tmp_path: Path) -> None:
    whole = Spec(LAYERS, names="blobs")
    short = Spec(LAYERS[2:], names="blobs", config_bytes=whole.config_json)
    sentence = plain(frames_of(hybrid(whole, classic=(short,)), tmp_path)).sentence
    assert sentence.endswith("The lowest 2 are in the file, listed by the OCI manifest alone.")


def test_absent_files(tmp_path: Path) -> None:
    frames = frames_of(docker_archive(spec(stored={0: None, 1: None})), tmp_path)
    broken = ABSENT.finding("2 are absent", positions=(0, 1))
    assert plain(frames, broken).sentence == (
        "All 6 layers are listed and promised, but the lowest 2 are not in the file."
    )
    thin = ABSENT.finding("2 are absent", positions=(0, 1), evidence={"omittable": True})
    assert plain(frames, thin).sentence == (
        "All 6 layers are listed and promised, but the lowest 2 are left out. "
        "It loads only where the target holds them already."
    )


def test_held_by_the_target(tmp_path: Path) -> None:
    path = tmp_path / "thin.tar"
    path.write_bytes(bytes(docker_archive(spec(stored={0: None, 1: None}))))
    whole = frames_of(docker_archive(spec()), tmp_path)
    frames = read_frames(path, held=Inventory.of_images("site", whole.alignments[0].image))
    assert headline(sound_of(frames)).sentence == "Of 6 layers, 2 are left out, and the target holds them."


def test_wrong_bytes(tmp_path: Path) -> None:
    frames = frames_of(docker_archive(spec(stored={3: layer("other", 9, 300)})), tmp_path, deep=True)
    assert plain(frames).sentence == "Layer 3 does not contain what the config promises."


def test_wrong_order(tmp_path: Path) -> None:
    whole = spec(names="numbered")
    names = list(whole.layer_names)
    names[1], names[2] = names[2], names[1]
    frames = frames_of(docker_archive(replace(whole, entry={"Layers": names})), tmp_path, deep=True)
    assert plain(frames).sentence == "All 6 layers are there, but those at positions 1 and 2 are in the wrong order."


def test_unreadable_layer(tmp_path: Path) -> None:
    cut = docker_archive(spec(compression="gzip", stored={2: lambda data: data[:-30]}))
    sentence = plain(frames_of(cut, tmp_path, deep=True)).sentence
    assert sentence.startswith("Layer 2 cannot be read to the end")


def test_history_longer_than_the_layers(tmp_path: Path) -> None:
    config = {"history": steps(*(f"step {number}" for number in range(8)))}
    sentence = plain(frames_of(docker_archive(spec(config=config)), tmp_path)).sentence
    assert sentence == "The history tells of 8 layers, but the config promises only 6."


def test_config_absent_and_broken(tmp_path: Path) -> None:
    absent = plain(frames_of(docker_archive(spec(stored={"config": None})), tmp_path))
    assert absent.sentence == "The config, which says what the image is made of, is not in the file."
    garbage = plain(frames_of(docker_archive(spec(stored={"config": b"not json"})), tmp_path))
    assert garbage.sentence.startswith("The config, which says what the image is made of, cannot be used: ")


def test_sound(tmp_path: Path) -> None:
    shallow = headline(sound_of(frames_of(docker_archive(spec()), tmp_path)))
    assert shallow.sentence == "All 6 layers are listed, promised and there."
    assert shallow.detail == "Their contents were not read; --deep checks them."
    deep = headline(sound_of(frames_of(docker_archive(spec()), tmp_path, deep=True)))
    assert deep == Headline("All 6 layers are listed, promised and there, byte for byte what was promised.")
    one = headline(sound_of(frames_of(docker_archive(Spec((EMPTY_LAYER,))), tmp_path)))
    assert one.sentence == "The one layer is listed, promised and there."
    none = headline(sound_of(frames_of(docker_archive(Spec(())), tmp_path)))
    assert none == Headline("The image has no layers, and nothing else is claimed of it.")


def test_a_mismatch_is_told_even_where_its_rule_was_left_out(tmp_path: Path) -> None:
    frames = frames_of(trimmed(), tmp_path)
    assert headline(sound_of(frames)).sentence.startswith("manifest.json lists 25 of the 36")


def test_other_errors_are_told_in_the_words_of_the_rule(tmp_path: Path) -> None:
    frames = frames_of(docker_archive(spec()), tmp_path)
    assert plain(frames, BYTES.finding("the platform is unknown", fix="Set it.")) == Headline(
        "the platform is unknown", advice="Set it."
    )


def test_the_file_comes_before_its_images(frames: Frames) -> None:
    broken = Outcome(ARCHIVE, (ARCHIVE.finding("This is a web page.", fix="Download it again."),))
    why = Cause("html-page", "likely", "A proxy answered instead of the server.")
    head = headline(report_of(frames, outcomes=(Outcome(MEMBERS), broken), causes=(why,)))
    assert head == Headline(
        "This is a web page.", "Probably: A proxy answered instead of the server.", "Download it again."
    )


def test_warnings_of_the_file_are_told_of_a_sound_one(tmp_path: Path) -> None:
    note = Outcome(MEMBERS, (MEMBERS.finding("Two names are equal.", severity="warning"),))
    head = headline(sound_of(frames_of(docker_archive(spec()), tmp_path), outcomes=(note,)))
    assert head.sentence.startswith("All 6 layers")
    assert head.detail.startswith("Two names are equal.")


def test_several_images_the_worst_first(tmp_path: Path) -> None:
    tar = docker_archive(spec(tags=("a:1",)), spec(tags=("b:1",), stored={}), spec(tags=("c:1",)))
    frames = frames_of(tar, tmp_path)
    assert headline(sound_of(frames)).sentence == "All 3 images are sound."
    good, bad, _ = frames.alignments
    images = (
        ImageReport(good),
        ImageReport(bad, (Outcome(COUNTS, (COUNTS.finding("It is wrong."),)),)),
        ImageReport(good),
    )
    head = headline(report_of(frames, images=images, outcomes=()))
    assert head.sentence == "b:1: It is wrong."
    assert head.detail == "The 2 other images are sound."
