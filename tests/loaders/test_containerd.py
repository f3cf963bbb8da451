"""containerd and Docker's store of that name: thin archives, platforms, names."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerkit.frames import read_frames
from layerkit.inventory import Inventory
from layerkit.loaders import find
from layerkit.loaders.descriptors import Platform, is_layer, undoes
from tests.images import Spec, hybrid, oci_layout, stack

from .thin import Thin, family_reader

DOCKER = ("docker-containerd@26.1", "docker-containerd@28.5", "docker-containerd@29.7")
CTR = ("containerd@1.6", "containerd@2.4", "containerd@2.4-local")


@pytest.fixture
def thin(tmp_path: Path) -> Thin:
    return family_reader(tmp_path)


@pytest.mark.parametrize("name", DOCKER + CTR)
def test_a_docker_archive_is_never_taken_in_part(name: str, thin: Thin) -> None:
    for case in ("thin_da_1_child", "thin_da_2_same_nolayers", "thin_da_6_empty_paths"):
        for base in ("", "thin_da_0_base"):
            verdict = find(name).check(thin(case, base))
            assert (verdict.loads, verdict.exit_code, verdict.needs) == (False, 1, ())
            assert "failed to resolve layers: layer " in verdict.message


@pytest.mark.parametrize("name", DOCKER + CTR)
def test_placeholders_serve_where_the_chain_is_known(name: str, thin: Thin) -> None:
    assert find(name).check(thin("thin_da_7_placeholders", "thin_da_0_base")).loads is True
    assert find(name).check(thin("thin_da_7_placeholders")).loads is False


@pytest.mark.parametrize("name", DOCKER + CTR)
@pytest.mark.parametrize("family", ["oci", "hy"])
def test_blobs_of_a_layout_may_be_held(name: str, family: str, thin: Thin) -> None:
    base = f"thin_{family}_0_base"
    soft = name in DOCKER[1:]
    for case in (f"thin_{family}_1_child", f"thin_{family}_2_same_nolayers"):
        alone = find(name).check(thin(case))
        assert (alone.loads, alone.exit_code, alone.silent) == ("if-held", 0 if soft else 1, soft)
        assert [need.position for need in alone.needs] == [0, 1, 2]
        assert find(name).check(thin(case, base)).loads is True
    elsewhere = find(name).check(thin(f"thin_{family}_3_otherchain", base))
    assert elsewhere.loads is True, "the blob itself is in the content store"
    assert find(name).check(thin(f"thin_{family}_4_hole", base)).loads is False


@pytest.mark.parametrize("name", DOCKER + CTR)
def test_the_snapshot_counts_however_its_layer_came(name: str, thin: Thin) -> None:
    for case in ("thin_mix_1_child_oci_gz", "thin_mix_2_child_oci_plain"):
        assert find(name).check(thin(case, "thin_mix_0_base_da")).loads is True


def test_success_and_failure_read_alike_since_27_2(thin: Thin) -> None:
    old, new = (find(name).check(thin("hy_layer_missing")) for name in DOCKER[:2])
    assert old.exit_code == 1
    assert old.message.startswith("failed to unpack loaded image: failed to extract layer sha256:")
    assert (new.exit_code, new.silent) == (0, True)
    assert new.message.startswith("Loaded image: defect.test/hy-layer-missing:t\nError unpacking image ")


@pytest.mark.parametrize("name", DOCKER)
def test_a_name_that_is_only_a_tag_is_lost(name: str, thin: Thin) -> None:
    verdict = find(name).check(thin("oci_ref_only"))
    assert (verdict.exit_code, verdict.loads, verdict.silent) == (0, False, True)
    assert verdict.message == "Loaded image: justatag:latest"


@pytest.mark.parametrize("case", ["oci_config_missing", "oci_manifest_corrupt", "oci_config_notjson"])
def test_what_only_the_daemon_logs_is_silent(case: str, thin: Thin) -> None:
    for name in DOCKER:
        verdict = find(name).check(thin(case))
        assert (verdict.exit_code, verdict.silent) == (0, True)
        assert "Error" not in verdict.message
    for name in CTR:
        assert find(name).check(thin(case)).exit_code == 1


def test_transfer_takes_an_image_without_layers(thin: Thin) -> None:
    for case in ("da_layers_null", "oci_zero_layers_nonzero_diffids"):
        verdict = find("containerd@2.4").check(thin(case))
        assert (verdict.exit_code, verdict.loads, verdict.silent) == (0, False, True)


def test_an_image_without_a_name(tmp_path: Path) -> None:
    path = tmp_path / "nameless.tar"
    path.write_bytes(bytes(hybrid(Spec(tags=(), layers=stack("nameless", range(2))))))
    frames = read_frames(path, deep=True)
    docker = find("docker-containerd").check(frames)
    assert docker.loads is True
    assert docker.message.startswith("Loaded image ID: sha256:")
    ctr = find("containerd@1.6").check(frames)
    assert (ctr.exit_code, ctr.silent, ctr.message) == (0, True, "")


def test_the_platform_of_the_machine_is_the_inventorys(tmp_path: Path) -> None:
    path = tmp_path / "arm.tar"
    spec = Spec(tags=("a.test/x:t",), layers=stack("arm", range(2)), config={"architecture": "arm64"})
    path.write_bytes(bytes(oci_layout(spec)))
    frames = read_frames(path, deep=True, held=Inventory("site", platform="linux/arm64/v8"))
    assert all(find(name).check(frames).loads is True for name in DOCKER + CTR)


def test_platforms_are_normalised() -> None:
    assert Platform.of("", "x86_64") == Platform.parse("linux/amd64")
    assert Platform.of("Linux", "aarch64", "v8") == Platform("linux", "arm64")
    assert Platform.of("linux", "") != Platform.parse("linux/amd64")
    assert Platform.of("linux", "arm", "v6") != Platform.of("linux", "arm", "v7")


@pytest.mark.parametrize(
    ("media_type", "stored", "undone"),
    [
        ("application/vnd.oci.image.layer.v1.tar", "gzip", ""),
        ("application/vnd.oci.image.layer.v1.tar+gzip", "zstd", "zstd"),
        ("application/vnd.oci.image.layer.v1.tar+gzip", "", ""),
        ("application/vnd.docker.image.rootfs.diff.tar", "gzip", "gzip"),
        ("application/vnd.docker.image.rootfs.diff.tar", "xz", ""),
        ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "gzip", "gzip"),
        ("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", "gzip", "gzip"),
        ("application/x-unknown-layer", "gzip", None),
    ],
)
def test_who_decides_about_compression(media_type: str, stored: str, undone: str | None) -> None:
    assert undoes(media_type, stored) == undone  # type: ignore[arg-type]


def test_layer_types() -> None:
    assert is_layer("application/vnd.oci.image.layer.v1.tar+zstd")
    assert is_layer("application/vnd.docker.image.rootfs.diff.tar.gzip")
    assert not is_layer("application/vnd.in-toto+json")
