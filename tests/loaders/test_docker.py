"""Docker's classic store: thin archives, links, and what no observation shows."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import SupportsBytes

import pytest

from layerkit.errors import UsageError
from layerkit.frames import Frames, read_frames
from layerkit.loaders import DEFAULT, LOADERS, find, predict
from layerkit.loaders.tree import OutOfScope, Tree
from layerkit.sources import open_source
from layerkit.sources.archive import Archive
from tests.images import CASES, Spec, docker_archive, layer, stack

from .thin import Thin, family_reader

VERSIONS = ("20.10", "26.1", "28.5", "29.7")
CLASSIC = tuple(f"docker-classic@{version}" for version in VERSIONS)


@pytest.fixture
def thin(tmp_path: Path) -> Thin:
    return family_reader(tmp_path)


Reader = Callable[[SupportsBytes | bytes], Frames]


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    def reader(data: SupportsBytes | bytes) -> Frames:
        path = tmp_path / "image.tar"
        path.write_bytes(bytes(data))
        return read_frames(path, deep=True)

    return reader


@pytest.mark.parametrize("name", CLASSIC)
@pytest.mark.parametrize("family", ["da", "hy"])
def test_a_bottom_prefix_of_a_known_chain_may_be_absent(name: str, family: str, thin: Thin) -> None:
    base = f"thin_{family}_0_base"
    loader = find(name)
    for case in (f"thin_{family}_1_child", f"thin_{family}_2_same_nolayers"):
        alone = loader.check(thin(case))
        assert (alone.loads, alone.exit_code, alone.silent) == ("if-held", 1, False)
        assert alone.message.startswith("open <ROOT>/tmp/docker-import-NNN/")
        assert [need.position for need in alone.needs] == [0, 1, 2]
        assert {need.identity for need in alone.needs} == {"chain_id"}
        held = loader.check(thin(case, base))
        assert (held.loads, held.exit_code, held.needs) == (True, 0, ())


@pytest.mark.parametrize("name", CLASSIC)
@pytest.mark.parametrize("family", ["da", "hy"])
def test_another_chain_and_a_hole_fail(name: str, family: str, thin: Thin) -> None:
    for case in (f"thin_{family}_3_otherchain", f"thin_{family}_4_hole"):
        verdict = find(name).check(thin(case, f"thin_{family}_0_base"))
        assert (verdict.loads, verdict.exit_code) == (False, 1)
        assert verdict.message.endswith(": no such file or directory")


@pytest.mark.parametrize("name", CLASSIC)
@pytest.mark.parametrize("case", ["thin_da_5_present_but_wrong", "thin_da_6_empty_paths", "thin_da_7_placeholders"])
def test_what_is_known_by_its_chain_is_not_read(name: str, case: str, thin: Thin) -> None:
    assert find(name).check(thin(case, "thin_da_0_base")).loads is True
    assert find(name).check(thin(case)).loads is not True


def test_an_empty_path_is_the_directory_itself(thin: Thin) -> None:
    verdict = find("docker-classic").check(thin("thin_da_6_empty_paths"))
    assert (verdict.loads, verdict.message) == ("if-held", "read <ROOT>/tmp/docker-import-NNN: is a directory")


def test_shallow_frames_trust_the_content_and_say_so(thin: Thin) -> None:
    shallow = find("docker-classic").check(thin("da_layer_wrong_bytes", deep=False))
    assert shallow.loads is True
    assert "--deep" in shallow.assumes
    deep = find("docker-classic").check(thin("da_layer_wrong_bytes"))
    assert (deep.loads, deep.assumes) == (False, "")


def test_a_count_mismatch_is_no_matter_of_holding(thin: Thin) -> None:
    verdict = find("docker-classic").check(thin("da_count_manifest_fewer"))
    assert (verdict.loads, verdict.needs) == (False, ())
    assert verdict.message == "invalid manifest, layers length mismatch: expected 3, got 4"


def test_the_126th_layer_is_one_too_many(read: Reader) -> None:
    for count, loads in ((125, True), (126, False)):
        frames = read(docker_archive(Spec(tags=("a.test/x:t",), layers=stack("deep", range(count)))))
        verdict = find("docker-classic").check(frames)
        assert verdict.loads is loads
        assert loads or verdict.message == "max depth exceeded"


def test_the_daemon_of_20_10_crashes_on_another_unix(read: Reader) -> None:
    data = docker_archive(Spec(tags=("a.test/x:t",), layers=stack("bsd", range(2)), config={"os": "freebsd"}))
    frames = read(data)
    assert find("docker-classic@20.10").check(frames).message.endswith('/images/load?quiet=1": EOF')
    assert find("docker-classic@26.1").check(frames).message == "cannot load freebsd image on linux"


def test_zstd_came_with_23(read: Reader) -> None:
    frames = read(docker_archive(Spec(tags=("a.test/x:t",), layers=stack("zstd", range(2)), compression="zstd")))
    old, new = (find(f"docker-classic@{v}").check(frames) for v in ("20.10", "26.1"))
    assert (old.loads, old.message) == (False, "ApplyLayer exit status 1 stdout:  stderr: unexpected EOF")
    assert new.loads is True


def test_legacy_archives_end_with_28(thin: Thin) -> None:
    messages = {name: find(name).check(thin("v1_parent_missing")).message for name in CLASSIC}
    assert messages["docker-classic@29.7"] == "invalid archive: does not contain a manifest.json"
    assert messages["docker-classic@28.5"].endswith("/json: no such file or directory")


def test_what_was_loaded_before_a_failure_is_printed(thin: Thin) -> None:
    lines = find("docker-classic").check(thin("da_two_images_second_bad")).message.split("\n")
    assert lines[0] == "Loaded image: defect.test/da-two-images-second-bad1:t"
    assert lines[1].startswith("invalid manifest")


def test_an_archive_that_offers_nothing_is_silent(thin: Thin) -> None:
    verdict = find("docker-classic").check(thin("da_manifest_emptylist"))
    assert (verdict.loads, verdict.silent, verdict.exit_code, verdict.message) == (False, True, 0, "")


def _tree(tmp_path: Path, *members: tuple[str, bytes, str]) -> Tree:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, kind, content in members:
            info = tarfile.TarInfo(name)
            info.type = kind
            if kind == tarfile.REGTYPE:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content.encode()))
            else:
                info.linkname = content
                tar.addfile(info)
    path = tmp_path / "tree.tar"
    path.write_bytes(buffer.getvalue())
    source = open_source(path)
    assert isinstance(source, Archive)
    return Tree(source.members.all)


FILE, LINK, HARD, FOLDER = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE


def test_a_tree_keeps_its_links_inside(tmp_path: Path) -> None:
    tree = _tree(
        tmp_path,
        ("a/x", FILE, "1"),
        ("way", LINK, "/../../a"),
        ("way/y", FILE, "22"),
        ("../up", FILE, "333"),
        ("loop", LINK, "loop"),
    )
    assert tree.find("way/x").path == "a/x"
    assert tree.find("a/y").file is not None, "a member below a link lands where the link leads"
    assert tree.find("up").file is not None, "the unpacking is confined"
    with pytest.raises(OutOfScope) as caught:
        tree.find("../../else/x")
    assert caught.value.path == "else/x"
    assert tree.find("a/x/z").below_file
    assert tree.directories == ["a"]


def test_the_last_member_of_a_name_wins(tmp_path: Path) -> None:
    tree = _tree(tmp_path, ("a", FILE, "1"), ("a", FILE, "22"), ("b/c", FILE, "1"), ("b", FILE, "333"))
    first, second = tree.find("a").file, tree.find("b").file
    assert first is not None
    assert second is not None
    assert (first.size, second.size) == (2, 3)
    assert tree.find("b/c").file is None


def test_a_hard_link_to_nothing_ends_the_unpacking(tmp_path: Path) -> None:
    tree = _tree(tmp_path, ("a", HARD, "gone"), ("b", FILE, "1"))
    assert tree.broken_link == ("/gone", "/a")
    assert tree.find("b").file is None


def test_names_of_loaders() -> None:
    assert find("docker-classic").version == "29.7"
    assert find("containerd").version == "2.4"
    assert {find(name).full_name for name in DEFAULT} == set(DEFAULT)
    assert len({loader.full_name for loader in LOADERS}) == len(LOADERS)
    with pytest.raises(UsageError, match="docker-classic"):
        find("rkt")


def test_predict_gives_one_row_for_each_name(thin: Thin) -> None:
    rows = list(predict(thin("da_good"), ("docker-classic", "containerd@1.6")))
    assert [row.name for row in rows] == ["docker-classic@29.7", "containerd@1.6"]


def test_the_whole_table_is_quick(tmp_path: Path, read: Reader) -> None:
    """20 ms of processor time for what a report shows, after the diagnosis of 36 layers (best of three)."""
    data = docker_archive(Spec(tags=("a.test/x:t",), layers=tuple(layer("quick", i, 20_000) for i in range(36))))
    best = 1.0
    for _ in range(3):
        frames = read(data)
        start = time.process_time()
        verdicts = list(predict(frames, DEFAULT))
        best = min(best, time.process_time() - start)
        assert all(verdict.loads is True for verdict in verdicts)
    assert best < 0.02


@pytest.mark.parametrize(
    ("runtime", "store", "classic", "store_of_containerd", "ctr"),
    [
        ("", "", True, True, True),
        ("docker", "overlay2", True, False, False),
        ("docker", "containerd", False, True, False),
        ("containerd", "", False, False, True),
        ("podman", "", False, False, False),
    ],
)
def test_what_another_runtime_holds_counts_for_nothing(
    runtime: str, store: str, classic: bool, store_of_containerd: bool, ctr: bool, thin: Thin, tmp_path: Path
) -> None:
    frames = thin("thin_hy_1_child", "thin_hy_0_base")
    assert frames.held is not None
    held = replace(frames.held, runtime=runtime, store=store)
    frames = read_frames(tmp_path / "thin_hy_1_child.tar", deep=True, held=held)
    loads = [find(name).check(frames).loads for name in ("docker-classic", "docker-containerd", "containerd")]
    assert loads == [classic, store_of_containerd, ctr]


def test_a_folder_is_judged_as_its_tar(tmp_path: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(CASES["oci_good"]("oci_good"))) as tar:
        tar.extractall(tmp_path / "layout", filter="data")
    frames = read_frames(tmp_path / "layout", deep=True)
    [row] = predict(frames, ["docker-containerd"])
    assert (row.loads, row.assumes) == (True, "the folder is packed as a tar first")


@pytest.mark.parametrize("cut", [100, 5_000, 25_000])
def test_a_cut_archive_is_an_unexpected_end(cut: int, read: Reader) -> None:
    frames = read(CASES["da_good"]("cut")[:cut])
    old, new = (find(name).check(frames) for name in ("docker-classic@20.10", "docker-classic@26.1"))
    assert old.message == "Error processing tar file(exit status 1): unexpected EOF"
    assert new.message == "unexpected EOF"
    assert (old.loads, new.loads, old.exit_code) == (False, False, 1)


OLD, NEW, STORE, CTR = "docker-classic@20.10", "docker-classic@26.1", "docker-containerd@26.1", "containerd@1.6"
FIELD = "json: cannot unmarshal {} into Go struct field {} of type {}"


@pytest.mark.parametrize(
    ("claims", "name", "message"),
    [
        ({"created": 5}, NEW, "Time.UnmarshalJSON: input is not a JSON string"),
        ({"created": 5}, OLD, 'parsing time "5" as "\\"2006-01-02T15:04:05Z07:00\\"": cannot parse "5" as "\\""'),
        ({"os": 5}, NEW, FIELD.format("number", "Image.V1Image.os", "string")),
        ({"os": 5}, OLD, FIELD.format("number", "Image.os", "string")),
        ({"os": "*"}, OLD, '"*": wildcards not yet supported: invalid argument'),
        ({"config": {"Cmd": 5}}, NEW, FIELD.format("number", "Config.V1Image.config.Cmd", "string")),
        ({"config": {"Cmd": "x"}}, NEW, "Loaded image: a.test/x:t"),
        ({"history": [1]}, NEW, FIELD.format("number", "Image.history", "v1.History")),
        ({"history": [1]}, OLD, FIELD.format("number", "Image.history", "image.History")),
        ({"rootfs": []}, OLD, FIELD.format("array", "Image.rootfs", "image.RootFS")),
        (
            {"os": 5},
            STORE,
            "unable to resolve platform: " + FIELD.format("number", "Image.Platform.os", "string"),
        ),
        (
            {"config": {"Cmd": "x"}},
            CTR,
            "ctr: unable to resolve platform: " + FIELD.format("string", "ImageConfig.config.Cmd", "[]string"),
        ),
        ({"variant": "v2"}, CTR, ""),
    ],
)
def test_configs_of_another_shape(claims: dict[str, object], name: str, message: str, read: Reader) -> None:
    """As Docker 20.10, 26.1 and ctr 1.6 answered."""
    data = docker_archive(Spec(tags=("a.test/x:t",), layers=stack("shape", range(2)), config=claims))
    assert find(name).check(read(data)).message == message


@pytest.mark.parametrize(
    ("tag", "name", "message"),
    [
        ("LOCAL/x:t", NEW, "Loaded image: LOCAL/x:t"),
        ("LOCAL/x:t", OLD, "invalid reference format: repository name must be lowercase"),
        ("Ubuntu", NEW, "invalid reference format: repository name (library/Ubuntu) must be lowercase"),
        ("ubuntu", NEW, 'invalid tag "ubuntu"'),
        ("docker.io/ubuntu:t", NEW, "Loaded image: ubuntu:t"),
        ("a b", OLD, "invalid reference format"),
        ("ubuntu", STORE, "Loaded image: ubuntu:latest"),
        ("-a:t", STORE, 'normalize image ref "-a:t": invalid reference format'),
    ],
)
def test_names(tag: str, name: str, message: str, read: Reader) -> None:
    data = docker_archive(Spec(tags=(tag,), layers=stack("names", range(1))))
    assert find(name).check(read(data)).message == message
