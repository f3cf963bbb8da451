"""podman and skopeo: thin archives, odd archives, versions; live against the podman of this machine."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from layerkit.frames import Frames, read_frames
from layerkit.inventory import Inventory
from layerkit.loaders import find
from layerkit.loaders.gotime import time_fault
from layerkit.loaders.naming import InvalidName, digest_fault, normalize_local, parse_normalized
from tests.images import CASES, Spec, Tar, docker_archive, hybrid, layer, oci_layout, pack, stack
from tests.services.tools import Podman

from .odd import ODD, TAG, docker, oci, spec
from .thin import Thin, family_reader

VERSIONS = ("podman@4.3", "podman@5.4", "podman@5.8")
Read = Callable[..., Frames]


@pytest.fixture
def thin(tmp_path: Path) -> Thin:
    return family_reader(tmp_path)


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def reader(data: Tar | bytes, *, deep: bool = True, held: Inventory | None = None, prefix: str = "") -> Frames:
        path = tmp_path / f"image-{len(list(tmp_path.iterdir()))}.tar"
        path.write_bytes(bytes(data))
        return read_frames(f"{prefix}{path}", deep=deep, held=held)

    return reader


def normal(text: str) -> str:
    text = re.sub(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])", "H", text)
    text = re.sub(r"sha512:[0-9a-f]{64,128}", "sha512:H", text)
    text = re.sub(r"(\d\d)-[0-9a-f]{12}/", r"\1-NAME/", text)
    # Side by side layers take numbers as they come.
    return re.sub(r"(storage)(?:NNN|\d+)/\d+", r"\1NNN/N", re.sub(r"/oci(?:N|\d+)", "/ociN", text))


@pytest.mark.parametrize("name", ODD)
def test_odd_archives(name: str, read: Read) -> None:
    data, text = ODD[name]
    verdict = find("podman@4.3").check(read(data()))
    assert (normal(verdict.message), verdict.exit_code) == (text, 125 if text else 0)


@pytest.mark.services
def test_odd_archives_with_the_real_podman(podman: Podman, tmp_path: Path) -> None:
    if not podman.version.startswith("4.3"):
        pytest.skip(f"podman {podman.version} is here, the texts are those of 4.3")
    differing = {}
    for name, (data, text) in ODD.items():
        path = tmp_path / "odd.tar"
        path.write_bytes(bytes(data()))
        outcome = podman.run("load", "-i", path)
        transport = text.partition(":")[0]
        printed = outcome.stderr.replace(str(path), "ARCHIVE").replace(str(podman.root), "/var/tmp").splitlines()
        said = [normal(line[3:]) for line in printed if line.startswith(f" * {transport}: ")] if text else [""]
        if said != [text] or bool(text) != bool(outcome.exit):
            differing[name] = (text, said, outcome.exit)
        podman.run("rmi", "-af")
    assert differing == {}


@pytest.mark.parametrize("name", VERSIONS)
@pytest.mark.parametrize(("family", "identity"), [("hy", "diff_id"), ("oci", "digest")])
def test_layers_are_reused_at_any_position(name: str, family: str, identity: str, thin: Thin) -> None:
    """Unlike Docker, podman takes a layer that it knows on another parent too."""
    loader, base = find(name), f"thin_{family}_0_base"
    for case, positions in (("1_child", [0, 1, 2]), ("2_same_nolayers", [0, 1, 2]), ("3_otherchain", [1])):
        alone = loader.check(thin(f"thin_{family}_{case}"))
        assert (alone.loads, alone.exit_code, alone.silent) == ("if-held", 125, False)
        assert [need.position for need in alone.needs] == positions
        assert {need.identity for need in alone.needs} == {identity}
        held = loader.check(thin(f"thin_{family}_{case}", base))
        assert (held.loads, held.exit_code, held.needs, held.message) == (True, 0, (), "")
    hole = loader.check(thin(f"thin_{family}_4_hole", base))
    assert (hole.loads, hole.exit_code, hole.needs) == (False, 125, ())


@pytest.mark.parametrize("name", VERSIONS)
def test_a_member_of_a_docker_archive_may_be_empty_but_not_absent(name: str, thin: Thin) -> None:
    loader, base = find(name), "thin_da_0_base"
    assert loader.check(thin("thin_da_1_child", base)).message.endswith(
        "Some layer tarfiles are missing in the tarball"
    )
    assert loader.check(thin("thin_da_6_empty_paths", base)).loads is False
    placeholders = loader.check(thin("thin_da_7_placeholders"))
    assert (placeholders.loads, [need.identity for need in placeholders.needs]) == ("if-held", ["diff_id"] * 3)
    assert loader.check(thin("thin_da_7_placeholders", base)).loads is True
    assert loader.check(thin("thin_da_5_present_but_wrong", base)).loads is True, "what is known is never read"


def test_a_gzip_blob_is_not_known_by_its_diff_id(thin: Thin) -> None:
    base = "thin_mix_0_base_da"
    assert find("podman").check(thin("thin_mix_1_child_oci_gz", base)).loads is False
    assert find("podman").check(thin("thin_mix_2_child_oci_plain", base)).loads is True


def test_what_another_runtime_holds_is_not_in_the_storage(thin: Thin, read: Read) -> None:
    base = thin("thin_hy_0_base").alignments[0].config.diff_ids
    for runtime, loads in (("docker", False), ("podman", True)):
        held = Inventory(runtime=runtime, diff_ids=frozenset(base))
        frames = read(CASES["thin_hy_1_child"]("x"), held=held)
        assert find("podman").check(frames).loads is loads


def test_the_platform_of_the_machine_chooses(read: Read) -> None:
    arm = {"platform": {"os": "linux", "architecture": "arm64"}}
    tar = oci(nested=True, descriptor=arm)
    assert find("podman").check(read(tar)).loads is False
    assert find("podman").check(read(tar, held=Inventory(platform="linux/arm64"))).loads is True


@pytest.mark.parametrize("name", [*VERSIONS, "skopeo@1.9", "skopeo@1.22"])
def test_top_layers_that_are_not_listed_are_lacking_without_a_word(name: str, read: Read) -> None:
    for count in (2, 0):
        fewer = read(oci(manifest={"layers": lambda layers, count=count: layers[:count]}), prefix="oci-archive:")
        verdict = find(name).check(fewer)
        assert (verdict.exit_code, verdict.loads, verdict.silent, verdict.message) == (0, False, True, "")


@pytest.mark.parametrize("name", VERSIONS)
def test_an_archive_of_no_image_is_loaded_without_a_word(name: str, thin: Thin) -> None:
    verdict = find(name).check(thin("da_manifest_emptylist"))
    assert (verdict.exit_code, verdict.loads, verdict.silent) == (0, False, True)


def test_diff_ids_are_compared_since_5_4(read: Read) -> None:
    surplus = read(oci(diff_ids=spec().true_diff_ids[:2]))
    swapped = read(oci(diff_ids=spec().true_diff_ids[::-1]))
    assert find("podman@4.3").check(surplus).loads is find("podman@4.3").check(swapped).loads is True
    fewer = "oci-archive: writing blob: image config has only 2 DiffID values, but a layer with index 2 exists"
    assert find("podman@5.4").check(surplus).message == fewer
    wrapped = "unable to perform copy: unable to copy from source oci-archive:ARCHIVE:: writing blob: layer 0 "
    assert find("podman@5.8").check(swapped).message.startswith(f"oci-archive: {wrapped}")
    for name in ("skopeo@1.9", "skopeo@1.22"):
        assert find(name).check(swapped).silent


def test_quotes_came_with_the_new_library(read: Read) -> None:
    frames = read(docker(stored={"config": None}))
    old, new = (normal(find(f"skopeo@{version}").check(frames).message) for version in ("1.9", "1.22"))
    assert old.endswith('loading tar component H.json: file does not exist"')
    assert new.endswith('loading tar component \\"H.json\\": file does not exist"')


def test_skopeo_takes_one_image_and_the_transport_it_is_told(read: Read) -> None:
    two = docker_archive(spec(), Spec(tags=("odd.test/two:t",), layers=stack("two")))
    verdict = find("skopeo").check(read(two))
    assert "Unexpected tar manifest.json: expected 1 item, got 2" in verdict.message
    half = hybrid(spec(entry={"Layers": lambda names: names[:1]}))
    assert find("skopeo").check(read(half)).exit_code == 1
    assert find("skopeo").check(read(half, prefix="oci-archive:")).loads is True


def test_skopeo_1_9_crashes_on_a_name_that_is_no_digest(read: Read) -> None:
    """All layers are tried: the crash at the last one hides the fault of the first."""
    frames = read(docker(diff_ids=(*spec().true_diff_ids[:2], "banana"), stored={0: layer("x", 0)}))
    crash = find("skopeo@1.9").check(frames)
    assert (crash.exit_code, crash.message) == (2, "panic: no ':' separator in digest \"banana\"")
    assert "Digest did not match" in find("skopeo@1.22").check(frames).message


def test_what_was_not_read_is_trusted_and_said_so(read: Read) -> None:
    wrong = docker(stored={1: layer("x", 1)})
    shallow = find("podman").check(read(wrong, deep=False))
    assert (shallow.loads, shallow.exit_code) == (True, 0)
    assert "--deep" in shallow.assumes
    assert find("podman").check(read(wrong)).assumes == ""
    empty = find("podman").check(read(docker(stored={1: b""}), deep=False))
    assert empty.loads == "if-held", "an empty file needs no reading"


def test_a_second_image_with_the_tag_of_the_first_is_the_first(read: Read) -> None:
    bad = Spec(tags=(TAG,), layers=stack("bad"), entry={"Layers": lambda names: names[:1]})
    assert find("podman").check(read(docker_archive(spec(), bad))).loads is True
    assert find("podman").check(read(docker_archive(bad, spec()))).loads is False


def test_debian_undoes_no_outer_gzip_around_a_docker_archive(read: Read) -> None:
    gzip = read(pack(bytes(docker()), "gzip"))
    assert find("podman@4.3").check(gzip).exit_code == 125
    assert find("podman@5.4").check(gzip).loads is True
    assert find("podman@4.3").check(read(pack(bytes(docker()), "zstd"))).loads is True
    assert find("podman@4.3").check(read(pack(bytes(oci()), "gzip"))).loads is True


def test_a_folder_is_an_oci_directory(tmp_path: Path) -> None:
    tar = oci_layout(spec(stored={1: None}))
    for member in tar.members:
        path = tmp_path / "layout" / member.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(member.data)
    verdict = find("podman@4.3").check(read_frames(tmp_path / "layout", deep=True))
    assert verdict.message.startswith("oci: reading blob sha256:")
    assert " open ARCHIVE/blobs/sha256/" in verdict.message
    assert verdict.loads == "if-held"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("foo:t", "docker.io/library/foo:t"),
        ("a/b:c", "docker.io/a/b:c"),
        ("localhost:5000/x:1", "localhost:5000/x:1"),
        ("index.docker.io/x:1", "docker.io/library/x:1"),
    ],
)
def test_names(text: str, name: str) -> None:
    assert str(parse_normalized(text)) == name
    assert str(normalize_local("foo:t")) == "localhost/foo:t"


@pytest.mark.parametrize("text", ["", "a b", "UPPER", "-x:t", "x/-y:t", "x:" + "t" * 129, "a" * 5000, "a" * 64])
def test_names_that_are_none(text: str) -> None:
    with pytest.raises(InvalidName):
        parse_normalized(text)


def test_digests_that_are_none() -> None:
    assert digest_fault("sha256:" + "a" * 64) == digest_fault("sha512:" + "0" * 128) == ""
    assert digest_fault("banana") == digest_fault("sha256:" + "A" * 64) == "invalid checksum digest format"
    assert digest_fault("sha256:ab") == "invalid checksum digest length"
    assert digest_fault("md5:" + "a" * 32) == "unsupported digest algorithm"


def test_times() -> None:
    for good in (None, "2020-01-02T03:04:05Z", "2020-01-30T03:04:05.123456789+02:00"):
        assert time_fault(good, quotes=True) == time_fault(good, quotes=False) == ""
    assert time_fault(5, quotes=False) == "Time.UnmarshalJSON: input is not a JSON string"
    assert time_fault("2020-13-01T00:00:00Z", quotes=True).endswith(": month out of range")
    assert 'cannot parse "5" as "\\""' in time_fault(5, quotes=True)
