"""The frames: their columns, types and rows, and NA where a claim is silent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from layerkit.errors import FormatError
from layerkit.frames import Frames, read_frames
from layerkit.samples import data_dir
from layerkit.sources import open_image, open_source
from tests.images import Spec, docker_archive, oci_layout, stack

COLUMNS = {
    "images": "reference platform config_digest manifest_layers diff_ids history history_nonempty members_present",
    "layers": "image position path digest media_type size stored_size present compression diff_id chain_id "
    "measured_digest measured_diff_id measured_size history_index created_by matched_by state",
    "history": "image index created created_by comment empty_layer position",
    "members": "name kind size stored offset target",
}
EVERY = [*sorted(data_dir().glob("*.tar")), data_dir() / "shop-oci"]


@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.name)
def test_columns_are_the_same_for_every_archive(path: Path) -> None:
    frames = read_frames(path)
    for name, columns in COLUMNS.items():
        frame: pd.DataFrame = getattr(frames, name)
        assert list(frame.columns) == columns.split(), name
        assert all(column in (__import__("layerkit.frames").frames.__doc__ or "") for column in columns.split())
    assert {str(frames.layers[column].dtype) for column in ("size", "stored_size", "history_index")} == {"Int64"}
    assert len(frames.images) == len(frames.alignments)


def test_a_trimmed_prefix_is_na(tmp_path: Path) -> None:
    frames = read_frames(data_dir() / "trimmed-25-of-36.tar")
    layers = frames.layers
    assert (len(layers), list(layers["position"])) == (36, list(range(36)))
    below, above = layers[:11], layers[11:]
    assert below["path"].isna().all()
    assert below["stored_size"].isna().all()
    assert not below["present"].any()
    assert set(below["state"]) == {"gone"}
    assert below["diff_id"].notna().all()
    assert above["path"].notna().all()
    assert above["present"].all()
    assert list(frames.images.loc[0, ["manifest_layers", "diff_ids", "members_present"]]) == [25, 36, 25]


def test_history_says_which_layer_it_made() -> None:
    history = read_frames(data_dir() / "sound-workdir.tar").history
    empty = history["empty_layer"].to_numpy()
    made = history[~empty]
    assert made["position"].tolist() == list(range(len(made)))
    assert history[empty]["position"].isna().all()


def test_measured_columns_are_filled_by_a_deep_read_only() -> None:
    shallow, deep = (read_frames(data_dir() / "sound-oci.tar", deep=how).layers for how in (False, True))
    assert shallow[["measured_digest", "measured_diff_id", "measured_size"]].isna().to_numpy().all()
    assert (deep["measured_diff_id"] == deep["diff_id"]).all()
    assert (deep["measured_digest"] == deep["digest"]).all()
    assert (deep["stored_size"] == deep["size"]).all()
    assert set(deep["compression"]) == {"gzip"}


def test_members_are_those_of_the_tar(tmp_path: Path) -> None:
    spec = Spec(stack("frames"))
    path = docker_archive(spec).symlink("link", "manifest.json").write(tmp_path / "x.tar")
    members = read_frames(path).members.set_index("name")
    assert list(members.loc["link", ["kind", "target"]]) == ["symlink", "manifest.json"]
    data = path.read_bytes()
    for name, row in members[members["kind"] == "file"].iterrows():
        assert len(data[row["offset"] : row["offset"] + row["stored"]]) == row["size"], name


def test_several_images_stand_below_each_other() -> None:
    frames = read_frames(data_dir() / "two-images.tar")
    assert frames.layers.groupby("image").size().tolist() == frames.images["manifest_layers"].tolist()


def test_a_source_and_an_image_are_read_as_they_are() -> None:
    path = data_dir() / "two-images.tar"
    assert len(read_frames(open_source(path)).alignments) == 2
    image = open_image(f"docker-archive:{path}:1.1")
    assert [a.image for a in read_frames(image).alignments] == [image]


def test_no_image_leaves_empty_frames(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(b"")
    frames: Frames = read_frames(tmp_path / "x.tar")
    assert [len(getattr(frames, name)) for name in COLUMNS] == [0, 0, 0, 0]


def test_images_of_one_config_share_it(tmp_path: Path) -> None:
    tar = docker_archive(Spec(stack("frames"))).edit("manifest.json", lambda items: items * 3)
    first, *others = read_frames(tar.write(tmp_path / "x.tar")).alignments
    assert all(other.config is first.config for other in others)


def test_claims_beyond_all_bounds_are_refused(tmp_path: Path) -> None:
    diff_ids = [f"sha256:{n:064x}" for n in range(9000)]
    spec = Spec(stack("frames"), config={"rootfs": {"type": "layers", "diff_ids": diff_ids}})
    tar = docker_archive(spec).edit("manifest.json", lambda items: items * 50)
    with pytest.raises(FormatError, match=r"450,150 layers and steps in 50 images|tells of 450,"):
        read_frames(tar.write(tmp_path / "x.tar"))


def test_a_gzip_layout_maps_its_digests_to_diff_ids(tmp_path: Path) -> None:
    spec = Spec(stack("frames", range(5)), compression="gzip")
    cut = replace(spec, manifest={"layers": lambda layers: layers[2:]})
    layers = read_frames(oci_layout(cut).write(tmp_path / "x.tar"), deep=True).layers
    assert layers["state"].tolist() == ["unlisted", "unlisted", "ok", "ok", "ok"]
    assert layers["matched_by"].tolist() == ["", "", "content", "content", "content"]
