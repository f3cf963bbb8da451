"""crane: what it counts, what it follows, and what it pushes without looking."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from layerkit.frames import Frames, read_frames
from layerkit.loaders import find
from layerkit.verdict import Verdict
from tests.images import CASES, Tar, docker_archive, layer, pack

from .odd import docker, linked, oci, spec

Push = Callable[[Tar | bytes], Verdict]
RUNNABLE = "; the config may not describe a runnable image"


@pytest.fixture
def push(tmp_path: Path) -> Push:
    def check(data: Tar | bytes) -> Verdict:
        path = tmp_path / "image.tar"
        path.write_bytes(bytes(data))
        frames: Frames = read_frames(path, deep=True)
        return find("crane").check(frames)

    return check


def test_counts_depend_on_the_compression_of_the_first_layer(push: Push) -> None:
    """pkg/v1/tarball: plain layers are taken as the config promises them, compressed ones as manifest.json lists."""
    ids = spec().true_diff_ids
    fewer = {"entry": {"Layers": lambda names: names[:2]}}
    plain = push(docker(**fewer))
    message = "Error: config has 3 rootfs.diff_id(s) but tarball manifest only references 2 layer(s)"
    assert (plain.exit_code, plain.message) == (1, message + RUNNABLE)
    compressed = push(docker(compression="gzip", **fewer))
    assert (compressed.exit_code, compressed.loads, compressed.silent) == (0, False, True)
    surplus = push(docker(compression="gzip", diff_ids=ids[:2]))
    message = "Error: tarball manifest references 3 layer(s) but config has 2 rootfs.diff_ids"
    assert surplus.message == f"{message}{RUNNABLE} (for example, a buildkit cacheconfig)"
    assert push(docker(diff_ids=ids[:2])).loads is True, "the surplus is dropped"


def test_only_the_first_layer_is_looked_at(push: Push) -> None:
    late = push(docker(stored={2: None}))
    assert late.message == f"Error: file {spec().layer_names[2]} not found in tar"
    early = push(docker(stored={0: None}))
    assert early.message == f"Error: loading ARCHIVE as tarball: file {spec().layer_names[0]} not found in tar"


def test_links_are_looked_for_beside_the_link(push: Push) -> None:
    assert push(linked("../store/x.tar")).loads is True
    assert push(linked("../store/y.tar").symlink("store/y.tar", "x.tar")).loads is True
    folder = spec().layer_names[1].rpartition("/")[0]
    hard = push(linked("store/x.tar", hard=True))
    assert hard.message == f"Error: file {folder}/store/x.tar not found in tar"
    circle = push(linked("layer.tar"))
    assert circle.message == f"Error: link cycle detected for {spec().layer_names[1]}"


def test_wrong_contents_are_pushed_without_a_word(push: Push) -> None:
    verdict = push(docker(stored={1: layer("other", 1)}))
    assert (verdict.exit_code, verdict.silent, verdict.loads) == (0, True, False)


@pytest.mark.parametrize(
    ("diff_id", "text"),
    [
        ("banana", 'cannot parse hash: "banana"'),
        ("sha512:" + "a" * 128, 'unsupported hash: "sha512"'),
        ("sha256:ab", "wrong number of hex digits for sha256: ab"),
        ("sha256:" + "Z" * 64, "found non-hex character in hash: Z"),
    ],
)
def test_diff_ids_are_parsed(diff_id: str, text: str, push: Push) -> None:
    assert push(docker(diff_ids=(diff_id, *spec().true_diff_ids[1:]))).message == f"Error: {text}"


def test_a_tar_must_be_plain_and_hold_one_image(push: Push) -> None:
    outer = push(pack(bytes(docker()), "gzip"))
    assert outer.message == "Error: loading ARCHIVE as tarball: archive/tar: invalid tar header"
    assert push(docker_archive(spec(), spec(tags=("b.test/x:t",)))).message.endswith("to be used with tarball.Image")
    assert push(docker().replace("manifest.json", b"null")).message.endswith("no valid manifest.json in tarball")
    assert push(b"").message.endswith("file manifest.json not found in tar")


def test_a_layout_is_pushed_whole(push: Push) -> None:
    assert push(oci()).loads is True
    assert push(oci(stored={1: None})).message == "Error: lstat ARCHIVE: no such file or directory"
    altered = push(oci(stored={"config": lambda data: data + b" "}))
    assert "MANIFEST_BLOB_UNKNOWN" in altered.message
    assert push(oci(diff_ids=spec().true_diff_ids[::-1])).silent
    assert push(CASES["oci_attestation_missing_blob"]("a")).exit_code == 1
    two = push(oci().edit("index.json", lambda index: {**index, "manifests": index["manifests"] * 2}))
    assert two.message == "Error: layout contains 2 entries, consider --index"
