from __future__ import annotations

import gzip
import hashlib
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from layerkit.compression import zstd
from layerkit.diagnosis import diagnose
from layerkit.errors import Cancelled, FormatError, IntegrityError, SourceError, UsageError
from layerkit.export import export_image, plan_export
from layerkit.progress import Silent
from layerkit.sources import BASE_ANNOTATION
from layerkit.store import Store

from .images import DEFECTS, Spec, docker_archive, layer, oci_layout, stack

DATA = Path(__file__).parents[1] / "data"
SHOP = f"oci:{DATA / 'shop-oci'}"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {m.name: (tar.extractfile(m) or open("/dev/null", "rb")).read() for m in tar}


def left(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if p.is_file())


def test_the_same_input_gives_the_same_bytes(store: Store, tmp_path: Path) -> None:
    digests = set()
    for name in ("a", "b"):
        export_image(SHOP, tmp_path / name, store=store if name == "a" else Store(tmp_path / "other"))
        digests.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert len(digests) == 1


def test_the_universal_form_keeps_the_sources_own_bytes(store: Store, tmp_path: Path) -> None:
    export_image(f"{SHOP}:1.1", tmp_path / "out.tar", store=store)
    found = members(tmp_path / "out.tar")
    assert list(found) == sorted(found)
    assert {"index.json", "manifest.json", "oci-layout"} < set(found)
    for name, data in found.items():
        if name.startswith("blobs/"):
            assert name == f"blobs/sha256/{hashlib.sha256(data).hexdigest()}"
            assert (DATA / "shop-oci" / name).read_bytes() == data
    with tarfile.open(tmp_path / "out.tar") as tar:
        assert {(m.mtime, m.uid, m.gid, m.uname) for m in tar} == {(0, 0, 0, "")}


def test_a_delta_states_its_base(store: Store, tmp_path: Path) -> None:
    export_image(f"{SHOP}:1.0", tmp_path / "base.tar", store=store)
    done = export_image(f"{SHOP}:1.1", tmp_path / "delta.tar", store=store, to=tmp_path / "base.tar")
    found = members(tmp_path / "delta.tar")
    base = json.loads(json.loads(found["index.json"])["annotations"][BASE_ANNOTATION])
    assert [entry["diff_id"] for entry in base] == [step.diff_id for step in done.plan.skipped]
    assert len(base) == 10
    layers = json.loads(found["manifest.json"])[0]["Layers"]
    assert len(layers) == len(set(layers)) == 12
    assert all(found[name] == b"" for name in layers[:10])
    assert diagnose(tmp_path / "delta.tar", held=tmp_path / "base.tar").outcome == "sound"
    assert diagnose(tmp_path / "delta.tar").outcome == "incomplete"


@pytest.mark.parametrize(("form", "absent"), [("docker", {"index.json", "oci-layout"}), ("oci", {"manifest.json"})])
def test_half_forms_leave_the_other_half_out(form: Any, absent: set[str], store: Store, tmp_path: Path) -> None:
    done = export_image(f"{SHOP}:1.1", tmp_path / "out.tar", store=store, form=form)
    assert not absent & set(members(tmp_path / "out.tar"))
    assert done.report.outcome == "sound"


@pytest.mark.parametrize("layers", ["plain", "gzip", "zstd"])
def test_layers_are_packed_as_asked_and_remembered(layers: Any, store: Store, tmp_path: Path) -> None:
    for _ in range(2):
        export_image(f"{SHOP}:1.1", tmp_path / "out.tar", store=store, layers=layers)
    report = diagnose(tmp_path / "out.tar", deep=True)
    assert report.outcome == "sound"
    packed = {row.compression for row in report.images[0].alignment.layers}
    assert packed == {"" if layers == "plain" else layers}
    assert len(store.contents()) == (0 if layers == "gzip" else 12)


@pytest.mark.parametrize("outer", ["gzip", "zstd"])
def test_the_whole_archive_can_be_packed(outer: Any, store: Store, tmp_path: Path) -> None:
    export_image(f"{SHOP}:1.1", tmp_path / "plain.tar", store=store)
    export_image(f"{SHOP}:1.1", tmp_path / "packed", store=store, outer=outer)
    unpack = gzip.decompress if outer == "gzip" else zstd.decompress
    assert unpack((tmp_path / "packed").read_bytes()) == (tmp_path / "plain.tar").read_bytes()


def test_parts_put_together_are_the_archive(store: Store, tmp_path: Path) -> None:
    big = Spec(tuple(layer("big", i, size=700_000) for i in range(4)))
    source = docker_archive(big).write(tmp_path / "big.tar")
    export_image(str(source), tmp_path / "whole.tar", store=store)
    done = export_image(str(source), tmp_path / "out.tar", store=store, split=1 << 20)
    assert [p.name for p in done.paths] == ["out.tar.000", "out.tar.001", "out.tar.002"]
    assert b"".join(p.read_bytes() for p in done.paths) == (tmp_path / "whole.tar").read_bytes()
    for line in (tmp_path / "out.tar.sha256").read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == digest
    with pytest.raises(UsageError, match="too small"):
        export_image(str(source), tmp_path / "tiny.tar", store=store, split=10)
    assert not [name for name in left(tmp_path) if "tiny" in name or name.startswith(".")]


def test_many_images_share_their_layers(store: Store, tmp_path: Path) -> None:
    done = export_image([f"{SHOP}:1.0", f"{SHOP}:1.1"], tmp_path / "both.tar", store=store)
    assert len(done.plan.carried) == 14
    assert [image.outcome for image in done.report.images] == ["sound", "sound"]
    assert done.plan.names == ("registry.example/shop/app:1.0", "registry.example/shop/app:1.1")


@pytest.mark.parametrize("defect", ["LK101 fewer", "LK202", "LK201 oci", "LK210 absent"])
def test_a_broken_source_leaves_no_archive(defect: str, store: Store, tmp_path: Path) -> None:
    (tmp_path / "bad.tar").write_bytes(DEFECTS[defect]())
    with pytest.raises(FormatError):
        export_image(str(tmp_path / "bad.tar"), tmp_path / "out.tar", store=store)
    assert left(tmp_path) == ["bad.tar"]


def test_an_archive_that_is_not_right_gets_no_name(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out.tar").write_text("the older one")
    plan = plan_export(f"{SHOP}:1.1", store=store)

    monkeypatch.setattr("layerkit.archive.Writing.put", lambda self, name: None)
    with pytest.raises(IntegrityError, match="written archive is broken, expected sound"):
        export_image(plan, tmp_path / "out.tar", store=store)
    assert left(tmp_path) == ["out.tar"]
    assert (tmp_path / "out.tar").read_text() == "the older one"


def test_cancelling_leaves_nothing_half_done(store: Store, tmp_path: Path) -> None:
    class Impatient(Silent):
        def advance(self, task: str, count: int) -> None:
            if task == "write":
                raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        export_image(f"{SHOP}:1.1", tmp_path / "out.tar", store=store, progress=Impatient())
    assert left(tmp_path) == []


def test_a_folder_that_is_not_there(store: Store, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be written"):
        export_image(f"{SHOP}:1.1", tmp_path / "no" / "out.tar", store=store)


def test_a_compressed_source_passes_through_the_store(store: Store, tmp_path: Path) -> None:
    data = bytes(oci_layout(Spec(stack("packed", range(3)), compression="gzip")))
    (tmp_path / "in.tar.gz").write_bytes(gzip.compress(data))
    assert export_image(str(tmp_path / "in.tar.gz"), tmp_path / "out.tar", store=store).report.outcome == "sound"
    assert len(store.contents()) == 3


def test_a_plan_is_carried_out_exactly(store: Store, tmp_path: Path) -> None:
    plan = plan_export(f"{SHOP}:1.1", store=store, to=DATA / "sound-docker.tar")
    done = export_image(plan, tmp_path / "out.tar", store=store)
    assert done.plan is plan
    carried = {f"blobs/{step.digest.replace(':', '/')}" for step in plan.carried}
    assert carried <= set(members(tmp_path / "out.tar"))


@pytest.mark.parametrize("name", ["base.tar", "./sub/../base.tar", "link.tar"])
def test_what_is_read_is_not_written_over(
    name: str, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    base = export_image(f"{SHOP}:1.0", "base.tar", store=store).paths[0]
    (tmp_path / "link.tar").symlink_to("base.tar")
    before = base.read_bytes()
    for image, to in ((f"{SHOP}:1.1", "base.tar"), ("docker-archive:base.tar", ()), ("base.tar", ())):
        with pytest.raises(UsageError, match="is what this export reads from"):
            export_image(image, name, to=to, store=store)
    assert base.read_bytes() == before
    assert left(tmp_path) == ["base.tar", "link.tar"]
