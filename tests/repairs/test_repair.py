"""What a repair does besides the table: names, picks, packings, configs, what it reads and what it refuses."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from layerkit import diagnose, open_image
from layerkit.digest import sha256
from layerkit.errors import FormatError, IntegrityError, NotFound, UsageError
from layerkit.image import Image
from layerkit.progress import Silent
from layerkit.repairs import Repaired, repair
from layerkit.sources import choose
from layerkit.store import Store
from tests.images import ABSENT, EMPTY_LAYER, Member, Spec, Tar, docker_archive, hybrid, layer, oci_layout, stack

DATA = Path(__file__).parents[2] / "data"
NAME = "registry.example/shop/app:1.0"


@pytest.fixture
def mend(tmp_path: Path, store: Store) -> Any:
    def call(tar: Tar | bytes, **options: Any) -> Repaired:
        broken = tmp_path / "broken.tar"
        broken.write_bytes(bytes(tar))
        return repair(broken, tmp_path / "fixed.tar", store=store, **options)

    return call


@pytest.fixture
def fixed(tmp_path: Path) -> Path:
    return tmp_path / "fixed.tar"


def names(path: Path) -> list[tuple[str, ...]]:
    return [entry.tags for entry in choose(path)[1]]


def ids(done: Repaired) -> set[str]:
    return {change.id for change in done.plan.changes}


def clean(path: Path) -> bool:
    report = diagnose(path, deep=True)
    return report.outcome == "sound" and not [f for f in report.findings if f.severity != "info"]


class Reading(Silent):
    """Counts the bytes of layers that are read to measure them."""

    def __init__(self) -> None:
        self.read = 0

    def advance(self, task: str, count: int) -> None:
        self.read += count if task == "measure" else 0


ONE = Spec(stack("one", range(4)))


def test_layers_with_telling_names_are_not_read(mend: Any, fixed: Path) -> None:
    tar = docker_archive(Spec(ONE.layers, names="colon", entry={"Layers": lambda names: names[1:]}))
    reading = Reading()
    done = mend(tar, progress=reading)
    assert (ids(done), reading.read, done.plan.unread) == ({"list-layers", "rebuild-oci"}, 0, 4)
    assert clean(fixed)
    assert mend(tar, deep=True, progress=reading).plan.unread == 0
    assert reading.read == 2 * sum(map(len, ONE.layers)), "once before, once to diagnose what was written"


def test_a_diff_id_as_name_tells_nothing_of_packed_bytes(mend: Any, fixed: Path) -> None:
    """The name is that of the content, and no digest of what is stored under it."""
    spec = Spec(ONE.layers, names="blobs", compression="gzip", entry={"Layers": lambda names: names[1:]})
    assert mend(docker_archive(spec)).plan.unread == 0
    assert clean(fixed)


def test_deep_notices_a_name_that_lies(mend: Any, fixed: Path) -> None:
    tar = docker_archive(
        Spec(ONE.layers, names="colon", entry={"Layers": lambda names: names[1:]}, stored={2: layer("other", 1)})
    )
    with pytest.raises(IntegrityError, match="position 2 sha256"):
        mend(tar, deep=True)
    assert not fixed.exists()


def test_what_no_rule_objects_to_is_read(mend: Any) -> None:
    with pytest.raises(IntegrityError, match="position 2 sha256"):
        mend(docker_archive(Spec(ONE.layers, names="colon", stored={2: layer("other", 1)})))


def test_layers_are_found_by_content_under_any_name(mend: Any, fixed: Path) -> None:
    wrong = [f"{at}.tar" for at in (3, 1, 0, 2)]
    tar = docker_archive(Spec(ONE.layers, names=("0.tar", "1.tar", "2.tar", "3.tar"), entry={"Layers": wrong[:3]}))
    assert ids(mend(tar)) == {"list-layers", "order-layers", "rebuild-oci"}
    assert clean(fixed)


@pytest.mark.parametrize("document", [b"", b"null", b"[]", b"{broken", b'[{"Config": 3}]', None])
def test_manifest_json_is_rebuilt_from_config_and_layers(document: bytes | None, mend: Any, fixed: Path) -> None:
    whole = docker_archive(ONE)
    tar = whole.drop("manifest.json") if document is None else whole.replace("manifest.json", document)
    done = mend(tar, tags={"": NAME})
    assert "rebuild-list" in ids(done)
    assert names(fixed) == [(NAME,)]
    assert open_image(fixed).config.raw == ONE.config_json
    assert clean(fixed)


def test_a_name_is_taken_from_a_source_that_has_the_image(mend: Any, fixed: Path, tmp_path: Path) -> None:
    source = docker_archive(ONE).write(tmp_path / "source.tar")
    mend(docker_archive(ONE).drop("manifest.json"), sources=[source])
    assert names(fixed) == [(NAME,)]


@pytest.mark.parametrize("how", ["xz", "bzip2", "zstd"])
def test_packings_that_not_every_runtime_reads(how: str, mend: Any, fixed: Path) -> None:
    done = mend(docker_archive(Spec(ONE.layers, compression=("plain", how, "gzip", how))))
    assert [c.after for c in done.plan.changes if c.id == "repack-layers"] == ["packed with gzip"]
    assert [row.compression for row in diagnose(fixed).images[0].alignment.layers] == ["", "gzip", "gzip", "gzip"]
    assert clean(fixed)


def test_a_packing_that_the_wanted_runtime_reads_stays(mend: Any, fixed: Path) -> None:
    done = mend(docker_archive(Spec(ONE.layers, compression="zstd")), loaders=["docker-classic@29.7"])
    assert "repack-layers" not in ids(done)
    assert done.plan.copy_bytes == sum(map(len, Spec(ONE.layers, compression="zstd").blobs))


def test_a_wanted_runtime_that_refuses_keeps_the_name_from_appearing(mend: Any, fixed: Path) -> None:
    with pytest.raises(IntegrityError, match=r"docker-classic@20\.10 refuses the written archive"):
        mend(docker_archive(ONE), form="oci", loaders=["docker-classic@20.10"])
    assert not fixed.exists()
    assert not list(fixed.parent.glob(".fixed*"))


def test_tags_are_renamed_and_made_good(mend: Any, fixed: Path) -> None:
    mend(docker_archive(Spec(ONE.layers, tags=("Shop/App:1", "shop/app"))), tags={"Shop/App:1": "new.example/app:2"})
    assert names(fixed) == [("new.example/app:2", "shop/app:latest")]


def test_images_are_picked(mend: Any, fixed: Path) -> None:
    two = docker_archive(ONE, Spec(stack("two", range(2)), tags=("registry.example/shop/web:2", "web:old")))
    done = mend(two, images=["web:2"])
    assert (names(fixed), ids(done)) == ([("registry.example/shop/web:2",)], {"pick-images", "rebuild-oci"})
    assert not any(member.after and ONE.true_diff_ids[0][7:] in member.after for member in done.plan.members)
    with pytest.raises(NotFound, match="no image is called nothing"):
        mend(two, images=["nothing"])


def test_only_the_picked_image_has_to_be_whole(mend: Any, fixed: Path) -> None:
    two = docker_archive(ONE, Spec(stack("two", range(2)), tags=("web:2",), stored={1: None}))
    with pytest.raises(IntegrityError, match="web:2: 1 of 2 layers is nowhere"):
        mend(two)
    mend(two, images=["app:1.0"])
    assert clean(fixed)


def test_names_one_folder_down(mend: Any, fixed: Path) -> None:
    done = mend(docker_archive(ONE).rename(lambda name: f"export/{name}"))
    assert "normalise-names" in ids(done)
    assert clean(fixed)


@pytest.mark.parametrize("prefix", ["/", "./"])
def test_absolute_and_dotted_names(prefix: str, mend: Any, fixed: Path) -> None:
    mend(docker_archive(ONE).rename(lambda name: prefix + name))
    assert clean(fixed)


def test_a_member_twice_with_other_bytes(mend: Any, fixed: Path) -> None:
    """The right bytes are in the first occurrence, the last one is another layer."""
    tar = docker_archive(ONE)
    done = mend(tar.file(tar.names[1], layer("other", 7)))
    assert "drop-duplicates" in ids(done)
    assert clean(fixed)


def test_diff_ids_of_packed_bytes_are_computed(mend: Any, fixed: Path) -> None:
    packed = Spec(ONE.layers, compression="gzip")
    tar = docker_archive(Spec(ONE.layers, compression="gzip", diff_ids=tuple(map(sha256, packed.blobs))))
    with pytest.raises(UsageError, match="write the diff IDs that the layers really have"):
        mend(tar)
    done = mend(tar, allow_unsafe=True)
    assert open_image(fixed).config.diff_ids == ONE.true_diff_ids
    assert clean(fixed)
    assert done.plan.images[0].before != done.plan.images[0].config.digest


@pytest.mark.parametrize(
    ("claims", "id", "options"),
    [
        ({"rootfs": ABSENT}, "complete-config", {}),
        ({"os": ABSENT, "architecture": ABSENT}, "complete-config", {"platform": "linux/arm64/v8"}),
        ({"rootfs": lambda rootfs: {**rootfs, "type": "tree"}}, "complete-config", {}),
    ],
)
def test_what_a_config_lacks_is_written_when_allowed(
    claims: dict[str, Any], id: str, options: dict[str, Any], mend: Any, fixed: Path
) -> None:
    history = {"history": ABSENT} if "rootfs" in claims else {}
    done = mend(docker_archive(Spec(ONE.layers, config={**claims, **history})), allow_unsafe=True, **options)
    assert id in ids(done)
    assert clean(fixed)
    config = open_image(fixed).config
    assert config.platform == options.get("platform", "linux/amd64")
    assert json.loads(config.raw)["config"] == {"Cmd": ["/f1.txt"]}


def test_a_platform_is_not_guessed(mend: Any) -> None:
    with pytest.raises(FormatError, match="names no platform") as refused:
        mend(docker_archive(Spec(ONE.layers, config={"os": ABSENT})), allow_unsafe=True)
    assert "--platform" in refused.value.hint


def test_two_halves_that_are_two_images(mend: Any, tmp_path: Path, fixed: Path, store: Store) -> None:
    other = Spec(stack("other", range(2)))
    with pytest.raises(FormatError, match="two different images") as refused:
        mend(hybrid(ONE, classic=(other,)))
    assert "docker-archive:FILE" in refused.value.hint
    repair(f"docker-archive:{tmp_path / 'broken.tar'}", fixed, store=store)
    assert open_image(fixed).config.diff_ids == other.true_diff_ids


def test_the_half_that_is_whole_is_followed(mend: Any, fixed: Path) -> None:
    other = Spec(stack("other", range(2)), stored={0: None})
    done = mend(hybrid(ONE, classic=(other,)))
    assert "choose-half" in ids(done)
    assert open_image(fixed).config.raw == ONE.config_json


def test_the_right_config_is_found_among_the_sources(mend: Any, fixed: Path, tmp_path: Path) -> None:
    source = docker_archive(ONE, Spec(stack("other", range(4)))).write(tmp_path / "source.tar")
    other = Spec(stack("unknown", range(4))).config_json
    done = mend(docker_archive(Spec(ONE.layers, config_bytes=other)), sources=[source])
    assert "find-config" in ids(done)
    assert open_image(fixed).config.raw == ONE.config_json
    assert clean(fixed)


def test_a_changed_config_is_taken_from_where_its_digest_is(mend: Any, fixed: Path, tmp_path: Path) -> None:
    changed = oci_layout(Spec(ONE.layers, stored={"config": lambda raw: raw.replace(b"amd64", b"arm64")}))
    done = mend(changed)
    assert "name-config" in ids(done)
    assert open_image(fixed).config.architecture == "arm64"
    source = docker_archive(ONE).write(tmp_path / "source.tar")
    assert "find-config" in ids(mend(changed, sources=[source]))
    assert open_image(fixed).config.raw == ONE.config_json


@pytest.mark.parametrize("cut", [lambda blob: blob[:-20], lambda blob: blob[:30] + bytes(20) + blob[50:]])
def test_a_damaged_layer_is_replaced(cut: Any, mend: Any, fixed: Path, tmp_path: Path) -> None:
    tar = docker_archive(Spec(ONE.layers, compression="gzip", stored={1: cut}))
    with pytest.raises(IntegrityError, match=r"position 1 sha256:\w+: its file is damaged"):
        mend(tar)
    source = oci_layout(ONE).unpack(tmp_path / "layout")
    done = mend(tar, sources=[f"oci:{source}"])
    assert ids(done) == {"replace-layers", "rebuild-oci"}
    assert [p.where for p in done.plan.pieces].count(f"oci:{source}") == 1
    assert clean(fixed)


def test_a_source_that_is_wrong_itself_is_no_help(mend: Any, tmp_path: Path) -> None:
    source = docker_archive(Spec(ONE.layers, names="colon", stored={1: layer("other", 1)})).write(tmp_path / "s.tar")
    with pytest.raises(IntegrityError, match=r"Looked in .*broken.tar, the store .*, .*s.tar"):
        mend(docker_archive(Spec(ONE.layers, stored={1: None})), sources=[source])


def test_a_layer_comes_from_the_store(mend: Any, fixed: Path, store: Store) -> None:
    blob = gzip.compress(ONE.layers[0], mtime=0)
    store.put(blob, sha256(blob))
    done = mend(docker_archive(Spec(ONE.layers, stored={0: None})))
    assert done.plan.pieces[0].where == "the store"
    assert clean(fixed)


def test_base_and_delta_become_one(mend: Any, fixed: Path, tmp_path: Path) -> None:
    base = docker_archive(Spec(ONE.layers[:3], names="colon")).write(tmp_path / "base.tar")
    delta = docker_archive(Spec(ONE.layers, names="colon", stored={0: None, 1: None, 2: None}))
    done = mend(delta, sources=[base])
    assert ids(done) == {"fill-layers", "rebuild-oci"}
    assert open_image(fixed).config.raw == ONE.config_json
    assert clean(fixed)


def test_each_of_two_manifests_has_the_files_before_it(mend: Any, fixed: Path) -> None:
    """Both archives call their config and layers alike."""
    names = tuple(f"{n}/layer.tar" for n in range(3))
    old, new = (
        docker_archive(Spec(stack(salt, range(3)), names=names, config_name="config.json", tags=(f"demo:{salt}",)))
        for salt in ("old", "new")
    )
    done = mend(old.add(*new))
    assert "merge-manifests" in ids(done)
    source, entries = choose(fixed)
    found = {entry.tags[0]: Image(source, entry).config.diff_ids for entry in entries}
    assert found == {f"demo:{salt}": Spec(stack(salt, range(3))).true_diff_ids for salt in ("old", "new")}
    assert clean(fixed)


def test_a_name_in_two_manifests_is_the_last_ones(mend: Any, fixed: Path) -> None:
    old, new = (docker_archive(Spec(stack(salt, range(3)))) for salt in ("old", "new"))
    mend(old.add(*new))
    assert open_image(fixed).config.diff_ids == Spec(stack("new", range(3))).true_diff_ids


def test_a_layer_that_is_promised_twice(mend: Any, fixed: Path) -> None:
    layers = (ONE.layers[0], EMPTY_LAYER, ONE.layers[1], EMPTY_LAYER)
    tar = docker_archive(Spec(layers, entry={"Layers": lambda names: names[:3]}, stored={3: None}))
    assert ids(mend(tar)) == {"list-layers", "rebuild-oci"}
    assert clean(fixed)


def test_media_types_that_say_otherwise_make_a_new_manifest(mend: Any, fixed: Path) -> None:
    kind = "application/vnd.oci.image.layer.v1.tar"
    assert "rebuild-oci" in ids(mend(oci_layout(Spec(ONE.layers, compression="gzip", media_types=kind))))
    assert clean(fixed)


def test_a_compressed_archive(mend: Any, fixed: Path) -> None:
    tar = gzip.compress(bytes(docker_archive(Spec(ONE.layers, entry={"Layers": lambda names: names[1:]}))))
    mend(tar)
    assert clean(fixed)


def test_a_dry_run_writes_nothing_and_the_repair_does_what_it_says(mend: Any, fixed: Path, store: Store) -> None:
    tar = docker_archive(Spec(ONE.layers, entry={"Layers": lambda names: names[::-1]}))
    plan = mend(tar, dry_run=True).plan
    assert not fixed.exists()
    assert not store.contents()
    done = repair(plan, fixed)
    archive = choose(fixed)[0]
    assert [m.after for m in plan.members if m.after] == [m.name for m in archive.members.all]  # type: ignore[attr-defined]
    assert done.plan is plan
    text, data = plan.to_text(), plan.to_dict()
    assert "list the layers in the order of the config" in text
    assert data["images"][0]["image_id"] == data["images"][0]["image_id_before"] == sha256(ONE.config_json)
    assert "<table>" in plan._repr_html_()
    assert list(plan.frame["id"]) == [change.id for change in plan.changes]
    assert [m.before for m in plan.members if m.after is None] == []


def test_the_broken_file_is_never_the_output(mend: Any, tmp_path: Path, store: Store) -> None:
    mend(docker_archive(ONE))
    before = (tmp_path / "broken.tar").read_bytes()
    with pytest.raises(UsageError, match="is the broken file itself"):
        repair(tmp_path / "broken.tar", tmp_path / "broken.tar", store=store)
    assert (tmp_path / "broken.tar").read_bytes() == before


def test_the_same_input_gives_the_same_bytes(mend: Any, fixed: Path) -> None:
    tar = docker_archive(Spec(ONE.layers, entry={"Layers": lambda names: names[1:]}))
    digests = set()
    for _ in range(2):
        mend(tar)
        digests.add(sha256(fixed.read_bytes()))
    assert len(digests) == 1


@pytest.mark.parametrize(
    "tar",
    [
        Tar().file(
            "manifest.json", b'[{"Config":"../../etc/passwd","Layers":["../x","/etc/hosts",""],"RepoTags":["a:b"]}]'
        ),
        Tar().symlink("manifest.json", "/etc/passwd"),
        Tar().file("manifest.json", b"[" * 100_000),
        Tar(),
        Tar((Member("c.json", b'{"rootfs":{"diff_ids":["sha256:x","' + b"9" * 70 + b'"]}}'),)),
    ],
)
def test_hostile_files_end_in_an_error(tar: Tar, mend: Any, fixed: Path) -> None:
    with pytest.raises((FormatError, IntegrityError)):
        mend(tar, allow_unsafe=True)
    assert not fixed.exists()


def test_reports_name_the_repairs() -> None:
    report = diagnose(DATA / "trimmed-25-of-36.tar")
    found = {remedy.id: remedy for remedy in report.images[0].repairs}
    assert list(found) == ["fill-layers", "leave-out"]
    assert found["fill-layers"].command.endswith("-o FIXED.tar --from SOURCE")
    assert found["leave-out"].command.endswith("--as-delta")
    assert json.loads(report.render("json"))["images"][0]["repairs"][0]["safe"] is True
    assert not any(image.repairs for image in diagnose(DATA / "sound-docker.tar").images)
    assert [r.id for r in diagnose(DATA / "history-too-long.tar").images[0].repairs] == ["mark-history"]


def test_an_opened_source_is_repaired(fixed: Path, store: Store, tmp_path: Path) -> None:
    path = docker_archive(Spec(ONE.layers, entry={"Layers": lambda names: names[1:]})).write(tmp_path / "b.tar")
    source, entries = choose(path)
    repair(source, fixed, store=store)
    assert Image(source, entries[0]).config.raw == open_image(fixed).config.raw
